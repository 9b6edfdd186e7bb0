/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota: what projects may have (`quota_limit`) and what they have (`quota_usage`), for every service.
 *
 * Usage changes in the transaction of the rows that it counts, by one statement, in one order of locks, and LAST: whoever takes or gives back holds
 * everything else that he will ever lock. So two transactions never wait for each other in a circle, and the row that a whole project shares is held for
 * the length of a commit. A rollback gives back; nothing else needs to be undone.
 *
 *   AUTO_RELEASE(kn_quota_claims) struct kn_quota_claims claims = KN_QUOTA_CLAIMS("network");
 *   kn_quota_claim(&claims, project, KN_QUOTA_PORT, 1);
 *   if (kn_quota_take(db, &claims, err) < 0) return -1;
 *
 * The view `quota_fact` (migrations) says what usage must be; the audit holds one against the other.
 *
 * A limit of the project "" is the default of all; without one, lib/domain/quota.h's holds. The rows are Keystone's registered limits and limits as
 * well (identity/): what is set in one place is seen in the other.
 */
#ifndef KN_ADAPTER_QUOTA_H
#define KN_ADAPTER_QUOTA_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/adapter/db.h"
#include "lib/domain/quota.h"

/* --- taking and giving back --- */

struct kn_quota_claim {
    char *project;
    char *resource;                     /* as it is kept */
    int64_t amount;                     /* below 0: given back, which nothing refuses */
    int64_t limit;                      /* when `is_limited`: instead of the project's own */
    bool is_limited;
};

struct kn_quota_claims {
    const char *service;
    struct kn_quota_claim *list;
    int count;
};
#define KN_QUOTA_CLAIMS(of) \
    { \
        .service = (of), .list = NULL, .count = 0 \
    }
void kn_quota_claims_release(struct kn_quota_claims *claims);

/* Amounts of one project and resource add up; 0 in the end changes nothing. */
void kn_quota_claim(struct kn_quota_claims *claims, const char *project, enum kn_quota quota, int64_t amount);
/* Of a resource as it is kept. */
void kn_quota_claim_named(struct kn_quota_claims *claims, const char *project, const char *resource, int64_t amount);
/* `count` volumes or snapshots (KN_QUOTA_VOLUMES, _SNAPSHOTS) of a volume type, of so many GiB in all: all that counts them. */
void kn_quota_claim_disks(struct kn_quota_claims *claims, const char *project, enum kn_quota what, const char *type_id,
                          int64_t count, int64_t gib);
/* What a user has, against a limit that the caller knows (key pairs). */
void kn_quota_claim_within(struct kn_quota_claims *claims, const char *user, enum kn_quota quota, int64_t amount,
                           int64_t limit);
/* amount for each row: column `project` names the project. */
void kn_quota_claim_rows(struct kn_quota_claims *claims, const struct kn_rows *rows, int project, enum kn_quota quota,
                         int64_t amount);
/* What was claimed so far. */
int64_t kn_quota_claimed(const struct kn_quota_claims *claims, const char *project, enum kn_quota quota);
/*
 * Inside the caller's transaction, as its last statement. KN_QUOTA (volume: KN_TOO_LARGE), in the service's words and with the names of all that is too
 * much: roll back.
 */
int kn_quota_take(struct kn_db *db, const struct kn_quota_claims *claims, struct kn_error *err);
/* The same for one. */
int kn_quota_take_one(struct kn_db *db, const char *project, enum kn_quota quota, int64_t amount, struct kn_error *err);
/* How much more each of these projects may have now: rows of project and number, NULL = as much as it likes. Holds nobody. */
enum { KN_ROOM_PROJECT, KN_ROOM_LEFT };
int kn_quota_room(struct kn_db *db, enum kn_quota quota, struct kn_array *projects, struct kn_rows **ret_rows,
                  struct kn_error *err);
/* The same, one row. */
int kn_quota_room_of_one(struct kn_db *db, enum kn_quota quota, const char *project, struct kn_rows **ret_rows,
                         struct kn_error *err);

/* --- limits --- */

struct kn_quota_line {
    char *name; /* as it is shown: "volumes_ssd" */
    char *resource; /* as it is kept */
    int until; /* last minor microversion that shows it, 0 = all */
    int64_t limit; /* -1: none */
    int64_t used; /* in the limit's units; 0 for what nobody counts, and for what users have */
};

/* The table's rows of the service in their order, then the volume types' by name. */
struct kn_quota_set {
    struct kn_quota_line *lines;
    int count;
};
void kn_quota_set_release(struct kn_quota_set *set);
#define KN_QUOTA_SET_INIT \
    { \
        NULL, 0 \
    }

/* project "": the defaults. *ret is released first. */
int kn_quota_read(struct kn_db *db, const char *service, const char *project, struct kn_quota_set *ret,
                  struct kn_error *err);
/* Of one resource of the set. */
const struct kn_quota_line *kn_quota_of(const struct kn_quota_set *set, enum kn_quota quota);
/* One of them. */
int kn_quota_limit(struct kn_db *db, enum kn_quota quota, const char *project, int64_t *ret, struct kn_error *err);
/* Sets what the object names of the set's lines (null: nothing); project "": the defaults. All in one statement. */
int kn_quota_put(struct kn_db *db, const char *service, const char *project, const struct kn_quota_set *set,
                 const json_t *object, struct kn_error *err);
/* The project has the defaults again. */
int kn_quota_reset(struct kn_db *db, const char *service, const char *project, struct kn_error *err);
/* A volume type is gone, and with it what is kept of it. In the transaction that deletes it. */
int kn_quota_forget_type(struct kn_db *db, const char *type_id, struct kn_error *err);

/* --- for statements of others --- */

/* A list of everything that is counted: service, resource, name, seen (among unified limits; NULL: not there), dflt, unit. */
#define KN_QUOTA_VALUE(id, service, name, seen, dflt, unit, until) \
    ", ('" service "', '" name "', '" seen "', " #dflt ", " #unit ")"
#define KN_QUOTA_KNOWN \
    "(SELECT service, resource, resource AS name, nullif(seen, '') AS seen, dflt, unit FROM " \
    "(VALUES (NULL::text, NULL::text, NULL::text, NULL::integer, NULL::integer)" KN_QUOTAS( \
        KN_QUOTA_VALUE) ") v(service, resource, seen, dflt, unit) WHERE service IS NOT NULL UNION ALL " \
                        "SELECT 'volume', w || '_' || t.id, w || '_' || t.name, w || '_' || t.name, -1, 1 FROM volume_type t, " \
                        "unnest('{volumes,gigabytes,snapshots}'::text[]) w)"
/* A row of quota_limit of a service of this program; the others are kept for services elsewhere. As the index quota_limit_ours says it. */
#define KN_QUOTA_SERVICES "('compute', 'image', 'network', 'volume')"
#define KN_QUOTA_OURS "service IN " KN_QUOTA_SERVICES
/*
 * A statement that changes limits of the project `who` begins with this (and goes on with ", x AS (…)", or is the statement itself), so that the
 * audit does not take for a breach what was there before.
 */
#define KN_QUOTA_CHANGES(who) \
    "WITH said AS (INSERT INTO quota_change (project_id) SELECT " who \
    " ON CONFLICT (project_id) DO UPDATE SET at = now()) "

#endif
