/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: what the bus handlers share: a command with its outcome, decided inside the batch's transaction, answered after the commit.
 */
#ifndef KN_NETWORK_SERVE_BATCH_H
#define KN_NETWORK_SERVE_BATCH_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/adapter/quota.h"
#include "lib/domain/message.h"

struct kn_network_outcome {
    const struct kn_message *command;
    bool failed;
    struct kn_error error; /* of a failed one */
    json_t *result;        /* owned; NULL = {} */
};

/* What a batch leaves to be done: by its end, and by who comes after its commit. */
struct kn_network_touched {
    const char *silent;            /* hosts of this hypervisor hear nothing of networks; "": all do */
    bool changes;                  /* the outbox holds what hosts must hear */
    struct kn_quota_claims claims; /* ports made and gone */
};

/*
 * Each takes outcomes of one type, fills them, and fails as a whole only when the database does. Inside a transaction.
 */
int kn_network_ports_allocate(struct kn_db *db, struct kn_network_outcome **outcomes, int count,
                              struct kn_network_touched *touched, struct kn_error *err);
int kn_network_ports_bind(struct kn_db *db, struct kn_network_outcome **outcomes, int count,
                          struct kn_network_touched *touched, struct kn_error *err);
int kn_network_ports_release(struct kn_db *db, struct kn_network_outcome **outcomes, int count,
                             struct kn_network_touched *touched, struct kn_error *err);
/* Of one port of the server; what it shows (server.nics) is written with it. */
int kn_network_ports_attach(struct kn_db *db, struct kn_network_outcome **outcomes, int count,
                            struct kn_network_touched *touched, struct kn_error *err);
int kn_network_ports_detach(struct kn_db *db, struct kn_network_outcome **outcomes, int count,
                            struct kn_network_touched *touched, struct kn_error *err);

#endif
