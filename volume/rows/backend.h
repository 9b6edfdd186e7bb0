/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backend: the back ends that new volumes may get, as volume.driver names them, what an operator said of each, and whether anybody serves them. Clients know one as Cinder's
 * host "kilonova@<name>", its only pool as "kilonova@<name>#<name>". A name that the settings do not have is none, whatever was said of it.
 */
#ifndef KN_VOLUME_ROWS_BACKEND_H
#define KN_VOLUME_ROWS_BACKEND_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/adapter/conf.h"
#include "lib/adapter/db.h"

#define KN_VOLUME_HOST "kilonova"

/* Columns of kn_volume_backends(), a row a back end, in the settings' order. */
enum {
    KN_BACKEND_NAME,
    KN_BACKEND_UP, /* a kilonova-volume lives and gets on; all of them serve all back ends */
    KN_BACKEND_SEEN, /* when one was heard of last, as Cinder writes times; NULL: never */
    KN_BACKEND_DISABLED,
    KN_BACKEND_REASON, /* NULL: none was given */
    KN_BACKEND_FROZEN,
};
int kn_volume_backends(struct kn_db *db, const struct kn_conf *conf, struct kn_rows **ret, struct kn_error *err);
/* The row whose host or pool this is; -1: none is. */
int kn_volume_backend_row(const struct kn_rows *rows, const char *host);
/* Has the back end what a type's extra specs ask for? *ret_key: the first that it does not meet; untouched if it meets all. */
bool kn_volume_backend_fits(const struct kn_conf *conf, const char *name, const json_t *specs, const char **ret_key);
/* KN_BAD_REQUEST, in Cinder's words: the back end that has the volume is frozen, so nothing is made or removed there. A volume without a disk is on none. */
int kn_volume_backend_refuse_frozen(struct kn_db *db, const struct kn_conf *conf, const char *volume,
                                    struct kn_error *err);

/* What an operator says. */
struct kn_volume_backend_word {
    const char *disabled; /* "t", "f" */
    const char *reason; /* NULL: none */
    const char *frozen; /* "t", "f"; NULL: as it is */
};
int kn_volume_backend_decide(struct kn_db *db, const char *name, const struct kn_volume_backend_word *word,
                             struct kn_error *err);

#endif
