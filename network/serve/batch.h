/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: what the bus handlers share: a command with its outcome, decided inside the batch's transaction, answered after the commit.
 */
#ifndef KN_NETWORK_SERVE_BATCH_H
#define KN_NETWORK_SERVE_BATCH_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/adapter/db.h"
#include "lib/domain/message.h"

struct kn_outcome {
    const struct kn_message *command;
    bool failed;
    struct kn_error error; /* of a failed one */
    json_t *result;        /* owned; NULL = {} */
};

/* What the agents must be told once the batch is committed: ids of networks whose forwarding tables changed. */
struct kn_touched {
    struct kn_array networks;
};

/*
 * Each takes outcomes of one type, fills them, and fails as a whole only when the database does. Inside a transaction.
 */
int kn_ports_allocate(struct kn_db *db, struct kn_outcome **outcomes, int count, struct kn_error *err);
int kn_ports_bind(struct kn_db *db, struct kn_outcome **outcomes, int count, struct kn_touched *touched,
                  struct kn_error *err);
int kn_ports_release(struct kn_db *db, struct kn_outcome **outcomes, int count, struct kn_touched *touched,
                     struct kn_error *err);

#endif
