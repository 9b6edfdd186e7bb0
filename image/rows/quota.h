/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota: what an image counts as, before and after it is changed. lib/rest sees to what it writes itself; whoever else changes an image's status, size or
 * data, or deletes it, stands between begin and end: the difference is taken or given back in the same transaction. One is opened if there is none.
 *
 *   AUTO_RELEASE(kn_image_tally) struct kn_image_tally tally = KN_IMAGE_TALLY_INIT;
 *   if (kn_image_tally_begin(&tally, db, id, err) < 0 || change(…) < 0) return -1;
 *   return kn_image_tally_end(&tally, db, id, err);
 */
#ifndef KN_IMAGE_ROWS_QUOTA_H
#define KN_IMAGE_ROWS_QUOTA_H

#include "lib/adapter/quota.h"
#include "lib/rest/noun.h"

extern const struct kn_rest_counts kn_image_counts;

struct kn_image_tally {
    struct kn_tx tx; /* open when it was opened here; then leaving the scope without an end undoes everything */
    struct kn_quota_claims claims;
};
#define KN_IMAGE_TALLY_INIT \
    { \
        .tx = { NULL }, .claims = KN_QUOTA_CLAIMS("image") \
    }

/* Locks the image. Of one that is not there nothing is counted. */
int kn_image_tally_begin(struct kn_image_tally *tally, struct kn_db *db, const char *id, struct kn_error *err);
/* KN_QUOTA, in Glance's words: the change is too much. */
int kn_image_tally_end(struct kn_image_tally *tally, struct kn_db *db, const char *id, struct kn_error *err);
/* Whether so many bytes more may come (length below 1: any), asked before they do; the tally decides. KN_QUOTA. */
int kn_image_fits(struct kn_db *db, const char *owner, enum kn_quota quota, int64_t length, struct kn_error *err);
void kn_image_tally_release(struct kn_image_tally *tally);

#endif
