/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group: volumes that are treated as one. A group is its row and the volumes that name it, no more: no back end knows of it. Whoever makes a volume a member, or ends being one, holds the
 * volume's row first and then the group's; so whoever holds the group's row sees all of its members.
 */
#ifndef KN_VOLUME_ROWS_GROUP_H
#define KN_VOLUME_ROWS_GROUP_H

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_volume_group_noun;

/* One row. The pointers live as long as the rows they came from. */
struct kn_volume_group {
    const char *id;
    const char *project_id;
    const char *type_id;
    const char *status; /* as its volumes say */
    int64_t members; /* how many volumes */
};

/* A group of the caller's project, any for whoever may see all; KN_NOT_FOUND otherwise. update: locked until the transaction ends. */
int kn_volume_group_get(struct kn_db *db, const struct kn_caller *caller, const char *id, bool update,
                        struct kn_rows **ret_rows, struct kn_volume_group *ret, struct kn_error *err);
/*
 * In the transaction that writes a new volume of the caller's project: holds the group that it shall be in. KN_NOT_FOUND: no such group of that project; KN_BAD_REQUEST: it takes no volume now,
 * none of that type, or is full.
 */
int kn_volume_group_join(struct kn_request *req, const char *id, const char *type_id, struct kn_error *err);
/* Its volumes, ids and statuses in order, and then it, all locked. KN_NOT_FOUND as above; KN_CONFLICT: who is a member has changed again and again meanwhile. */
int kn_volume_group_hold(struct kn_db *db, const struct kn_caller *caller, const char *id, struct kn_rows **ret_members,
                         struct kn_rows **ret_rows, struct kn_volume_group *ret, struct kn_error *err);
/* What a new group that is made of this one's volumes has of it: its type and the types of its volumes; and that it is being made. */
int kn_volume_group_like(struct kn_db *db, const char *id, json_t *ret_object, struct kn_error *err);
int kn_volume_group_set_status(struct kn_db *db, const char *id, const char *status, struct kn_error *err);
/* Its end, with what it counts as; it has no volumes. The transaction's last statement. */
int kn_volume_group_end(struct kn_db *db, const struct kn_volume_group *g, struct kn_error *err);

#endif
