/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server: rows of `server` as the API reads and changes them. What comes after a wish (vm_state, host, nics, fault, the end of
 * task_state) is the conductor's to write (conductor/store/object_server.c).
 */
#ifndef KN_COMPUTE_ROWS_SERVER_H
#define KN_COMPUTE_ROWS_SERVER_H

#include <jansson.h>

#include "compute/rows/view.h"
#include "lib/adapter/quota.h"
#include "lib/adapter/task.h"
#include "lib/domain/server_state.h"

/* Columns of kn_compute_server_get(): what wishes are decided on, and what has routes of its own. Views are compute/api/server_noun.c. */
#define KN_SERVER_COLUMNS(X) \
    X(KN_SERVER_PROJECT, "s.project_id") \
    X(KN_SERVER_VM_STATE, "CASE WHEN s.soft_deleted_at IS NULL THEN s.vm_state ELSE 'soft-delete' END") \
    X(KN_SERVER_TASK_STATE, "s.task_state") \
    X(KN_SERVER_HOST, "s.host") \
    X(KN_SERVER_METADATA, "s.metadata") \
    X(KN_SERVER_TAGS, "to_json(s.tags)") \
    X(KN_SERVER_NICS, "s.nics") \
    X(KN_SERVER_IMAGE, "s.image_id") \
    X(KN_SERVER_NAME, "s.name") \
    X(KN_SERVER_PINNED_ZONE, "s.pinned_zone") \
    X(KN_SERVER_ZONE, "s.zone") \
    X(KN_SERVER_SHELVED_IMAGE, "s.shelved_image") \
    X(KN_SERVER_DISK, "s.flavor->>'disk_gib'") \
    X(KN_SERVER_MEMORY, "s.flavor->>'memory_mib'") \
    X(KN_SERVER_VCPUS, "s.flavor->>'vcpus'") \
    X(KN_SERVER_LOCKED, "s.locked") \
    X(KN_SERVER_LOCKED_BY, "s.locked_by") \
    X(KN_SERVER_LAUNCHED, "s.launched_at") \
    X(KN_SERVER_CANNOT, "(SELECT h.cannot FROM host h WHERE h.name = s.host)")

enum kn_compute_server_col {
    KN_SERVER_ID,
#define X(id, sql) id,
    KN_SERVER_COLUMNS(X)
#undef X
};

/*
 * One live server that the caller may see, or KN_NOT_FOUND ("Instance … could not be found."). An id that is no uuid is not
 * found before any SQL.
 */
int kn_compute_server_get(const struct kn_request *req, const char *id, struct kn_rows **ret, struct kn_error *err);

/* Whether its root disk is a volume; rows as kn_compute_server_get gave them. */
bool kn_compute_server_boots_from_volume(const struct kn_rows *rows);

/* What else a wish writes, in its transaction: run may add to the task's input. NULL: nothing. */
struct kn_compute_server_also {
    int (*run)(const struct kn_request *req, const char *server_id, void *ctx, json_t *input, struct kn_error *err);
    void *ctx;
    struct kn_quota_claims *claims; /* what run claimed, taken as the last thing; NULL: nothing counts */
    const char *then; /* the kind of a task without input that stands behind this one; NULL: none */
};
/*
 * The wish to act: checks `action` against the server's states, writes its task_state, what else there is and the task in one
 * transaction, wakes the conductor. KN_CONFLICT in Nova's words when the state forbids it, also when somebody was faster.
 * input is borrowed; NULL = {}, only without `also`.
 */
int kn_compute_server_act(const struct kn_request *req, const char *id, const struct kn_server_action *action,
                          json_t *input, const struct kn_compute_server_also *also, struct kn_error *err);
/* May the action begin? Like above, without doing anything; rows as kn_compute_server_get gave them. */
int kn_compute_server_may(const struct kn_request *req, const struct kn_rows *rows,
                          const struct kn_server_action *action, struct kn_error *err);
/* The wish to delete. A server that is being deleted already is fine. for_good: whatever compute.reclaim_instance_interval says. */
int kn_compute_server_delete(const struct kn_request *req, const char *id, bool for_good, struct kn_error *err);

/* Something was done at once that changes no row: the server's history says so ("server.<action>"). rows: kn_compute_server_get's. */
int kn_compute_server_record(const struct kn_request *req, const struct kn_rows *rows, const char *kind,
                             struct kn_error *err);
/* Lock (reason may be NULL) and unlock; KN_FORBIDDEN for a member who would open an admin's lock. */
int kn_compute_server_lock(const struct kn_request *req, const char *id, const char *reason, struct kn_error *err);
int kn_compute_server_unlock(const struct kn_request *req, const char *id, struct kn_error *err);
/* An admin's word about what a server is: vm_state, no task_state. That it is active its host is asked, and what that one sees holds. */
int kn_compute_server_reset_state(const struct kn_request *req, const char *id, const char *vm_state,
                                  struct kn_error *err);

/* What PUT may change; NULL leaves it as it is. */
struct kn_compute_server_update {
    const char *name;
    const char *hostname;
    bool has_description;
    const char *description; /* NULL with has_description: none */
    const char *access_ipv4;
    const char *access_ipv6;
    const char *disk_config;
};
/* In the transaction of its task: which image a server is kept in while it is shelved; where it may come back, NULL: anywhere. */
int kn_compute_server_shelved(struct kn_db *db, const char *id, const char *image, struct kn_error *err);
int kn_compute_server_pin(struct kn_db *db, const char *id, const char *zone, struct kn_error *err);
/* The same by a client's PUT: only to the zone that it is in, and only one that is not pinned; KN_CONFLICT in Nova's words. */
int kn_compute_server_pin_again(struct kn_db *db, const char *id, const char *zone, struct kn_error *err);
/* And what a rebuild may change besides, in the transaction of its task. */
struct kn_compute_server_rebuild {
    const char *image_id; /* NULL: its root disk is a volume */
    const char *image_properties;
    const char *files; /* NULL: none any more */
    const char *metadata; /* JSON; NULL leaves it as it is */
    bool has_key, has_user_data;
    const char *key_name, *key_data, *user_data; /* NULL with has_…: none */
};
int kn_compute_server_rebuilt(struct kn_db *db, const char *id, const struct kn_compute_server_rebuild *rebuild,
                              struct kn_error *err);
/* What a guest is told, of one row. */
enum kn_compute_server_told_col { KN_SERVER_TOLD_KEY, KN_SERVER_TOLD_USER_DATA, KN_SERVER_TOLD_HOSTNAME };
int kn_compute_server_told(struct kn_db *db, const char *id, struct kn_rows **ret, struct kn_error *err);
/* What its machine was made of and is (NULL: as any other), and whether its root disk is a CD; one row. */
enum kn_compute_server_machine_col {
    KN_SERVER_MACHINE_SPECS,
    KN_SERVER_MACHINE_VCPUS,
    KN_SERVER_MACHINE_TEXT,
    KN_SERVER_MACHINE_IS_CD,
    KN_SERVER_MACHINE_HYPERVISOR
};
int kn_compute_server_machine(struct kn_db *db, const char *id, struct kn_rows **ret, struct kn_error *err);
int kn_compute_server_update(struct kn_db *db, const char *id, const struct kn_compute_server_update *update,
                             struct kn_error *err);
/* Whether all of it (a JSON object's text) is small enough to travel. */
int kn_compute_server_metadata_check(const char *text, struct kn_error *err);

/*
 * What a change of name, hostname or metadata means for a guest: the host is told by a task. Call inside the transaction that changes the row, after it;
 * *ret_task (0: there is no host) is woken after the commit. Older ones that did not reach their host yet are ended by _begin, before it.
 */
int kn_compute_server_describe_begin(struct kn_db *db, const char *id, struct kn_error *err);
int kn_compute_server_describe(const struct kn_request *req, const char *id, const char *project, const char *host,
                               int64_t *ret_task, struct kn_error *err);

#endif
