/* SPDX-License-Identifier: Apache-2.0 */
/*
 * objects: the rows that tasks are about, as the conductor reads and writes them. It alone turns replies into the state of servers,
 * volumes and attachments; the API writes their wishes only. Each object_*.c holds the records of one room (conductor/store/record.h).
 */
#ifndef KN_CONDUCTOR_STORE_OBJECTS_H
#define KN_CONDUCTOR_STORE_OBJECTS_H

#include "conductor/store/change.h"
#include "conductor/store/task.h"
#include "lib/adapter/db.h"

/* Fills task->object of every task in the list; one statement a kind of object. */
int kn_conductor_objects_load(struct kn_db *db, struct kn_conductor_task *const *tasks, int count,
                              struct kn_error *err);
/* Writes what the changes say, one statement a record; call inside the transaction that moves the tasks. */
int kn_conductor_objects_write(struct kn_db *db, const struct kn_conductor_change *const *changes, int count,
                               struct kn_error *err);
/*
 * The servers' end: their attachments go, their volumes follow what attachments are left. What dies with its server and is nobody else's becomes `deleting`,
 * with a task of its own. Inside the transaction that ends the servers.
 */
int kn_conductor_volumes_let_go(struct kn_db *db, const char *server_ids, struct kn_error *err);
/* Part of it: backups of their volumes that wait for copies which nobody makes any more are in error. */
int kn_conductor_backups_let_go(struct kn_db *db, const char *server_ids, struct kn_error *err);

#endif
