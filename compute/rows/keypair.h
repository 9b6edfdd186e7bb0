/* SPDX-License-Identifier: Apache-2.0 */
/* keypair: public ssh keys and certificates of users. Private halves are never stored. */
#ifndef KN_COMPUTE_ROWS_KEYPAIR_H
#define KN_COMPUTE_ROWS_KEYPAIR_H

#include "lib/adapter/db.h"

#define KN_FINGERPRINT_SIZE 48 /* aa:bb:… of an MD5 */

/*
 * Reads an OpenSSH public key: one line "type base64 comment", the blob naming the same type. KN_BAD_REQUEST otherwise. Pure:
 * nothing that passes here can smuggle a second line into a guest's authorized_keys.
 */
int kn_compute_ssh_public_check(const char *line, char ret_fingerprint[KN_FINGERPRINT_SIZE], struct kn_error *err);

/* One row, or KN_NOT_FOUND. */
enum { KN_KEYPAIR_PUBLIC, KN_KEYPAIR_TYPE };
int kn_compute_keypair_get(struct kn_db *db, const char *user, const char *name, struct kn_rows **ret,
                           struct kn_error *err);
/* KN_NOT_FOUND in Nova's words. Returns -1. */
int kn_compute_keypair_absent(const char *user, const char *name, struct kn_error *err);
/* KN_CONFLICT if the name is taken, KN_QUOTA if the user has `limit` (-1: any number) already. */
struct kn_compute_keypair {
    const char *name, *type, *public_key, *fingerprint;
};
int kn_compute_keypair_insert(struct kn_db *db, const char *user, const struct kn_compute_keypair *pair, int64_t limit,
                              struct kn_error *err);
int kn_compute_keypair_delete(struct kn_db *db, const char *user, const char *name, struct kn_error *err);

#endif
