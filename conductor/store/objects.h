/* SPDX-License-Identifier: Apache-2.0 */
/*
 * objects: the rows that tasks are about, as the conductor reads and writes them. It alone turns replies into the state of servers,
 * volumes and attachments; the API writes their wishes only. Each object_*.c holds the SQL of one noun.
 */
#ifndef KN_CONDUCTOR_STORE_OBJECTS_H
#define KN_CONDUCTOR_STORE_OBJECTS_H

#include "conductor/store/change.h"
#include "conductor/store/task.h"
#include "lib/adapter/db.h"

/* A change and the object that it is for. */
struct kn_object_change {
    const char *object_id;
    const struct kn_change *change;
};

/* Fills task->object of every task in the list whose flow is about this kind of object; one statement. */
int kn_objects_load(struct kn_db *db, struct kn_task *const *tasks, int count, struct kn_error *err);
/* The generation of these servers goes up by one: what was decided before is void. */
int kn_server_bump(struct kn_db *db, const char *server_ids, struct kn_error *err);
/* Writes what is set in each change; call inside the transaction that moves the tasks. */
int kn_server_write(struct kn_db *db, const struct kn_object_change *changes, int count, struct kn_error *err);
int kn_volume_write(struct kn_db *db, const struct kn_object_change *changes, int count, struct kn_error *err);

#endif
