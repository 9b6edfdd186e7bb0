/* SPDX-License-Identifier: Apache-2.0 */
/* object: one object of a host's state, read out of JSON by tables (object.c) and freed by the same. Pure. */
#ifndef KN_NETWORK_HOST_STATE_OBJECT_H
#define KN_NETWORK_HOST_STATE_OBJECT_H

#include "lib/base/error.h"
#include "network/host/state/state.h"

/* Reads {"kind", "id", …}: the struct of that kind. KN_BAD_REQUEST names the field that is wrong. */
int kn_network_object_read(const json_t *json, enum kn_network_kind *ret_kind, void **ret_object, struct kn_error *err);
void kn_network_object_free(void *object); /* NULL is fine */
const char *kn_network_object_id(const void *object);
enum kn_network_kind kn_network_object_kind(const void *object);
/* KN_NETWORK_KINDS for a word that is none. */
enum kn_network_kind kn_network_kind_of(const char *name);

#endif
