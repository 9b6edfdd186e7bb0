/* SPDX-License-Identifier: Apache-2.0 */
/* qos: QoS specs, and the types that name them: a type names one at most. What they mean for a guest's disk is lib/domain/volume_qos.h. */
#ifndef KN_VOLUME_ROWS_QOS_H
#define KN_VOLUME_ROWS_QOS_H

#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_volume_qos_noun;

/* More keys, or other values of them; "consumer" among them is the consumer. KN_BAD_REQUEST: they do not fit together. */
int kn_volume_qos_set(struct kn_db *db, const char *id, const json_t *keys, struct kn_error *err);
/* All of these keys, or KN_NOT_FOUND and none. */
int kn_volume_qos_unset(struct kn_db *db, const char *id, const json_t *keys, struct kn_error *err);
/* by_force: types that name it name none any more; otherwise they keep it (KN_BAD_REQUEST). */
int kn_volume_qos_delete(struct kn_db *db, const char *id, bool by_force, struct kn_error *err);
/* KN_BAD_REQUEST: the type names another, or no back end does what the specs ask of it. */
int kn_volume_qos_associate(struct kn_db *db, const char *id, const char *type, struct kn_error *err);
/* type NULL: all of them. */
int kn_volume_qos_disassociate(struct kn_db *db, const char *id, const char *type, struct kn_error *err);

#endif
