/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_state: what a volume host keeps of a disk that it serves, as text: on which port, and who may come. It is read back after a crash, so what does not fit is refused
 * and nothing of it is believed. Pure.
 */
#ifndef KN_VOLUME_SERVE_EXPORT_STATE_H
#define KN_VOLUME_SERVE_EXPORT_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/adapter/storage_daemon.h"
#include "lib/base/error.h"
#include "lib/base/strbuf.h"
#include "lib/base/uuid.h"
#include "lib/domain/limits.h"

#define KN_VOLUME_EXPORT_GRANTS 64 /* of one disk */
#define KN_VOLUME_EXPORT_STATE_MAX 131072 /* bytes */

/* A server on a host that may have the disk; host "": wherever it comes to be. */
struct kn_volume_export_grant {
    char server[KN_UUID_SIZE];
    char host[KN_SIZE_OF(HOST)];
    char identity[KN_UUID_SIZE];
    char key[KN_STORAGE_KEY_SIZE];
};

struct kn_volume_export_state {
    int port;
    char format[8]; /* of the disk: raw or qcow2 */
    bool is_readonly;
    struct kn_volume_export_grant grants[KN_VOLUME_EXPORT_GRANTS];
    size_t count;
};

/* KN_INTERNAL: it is not what kn_volume_export_state_print() wrote. No key stands in the message. */
int kn_volume_export_state_parse(const char *text, size_t len, struct kn_volume_export_state *ret,
                                 struct kn_error *err);
void kn_volume_export_state_print(const struct kn_volume_export_state *state, struct kn_strbuf *out);
/* The lines of keys.psk. */
void kn_volume_export_state_keys(const struct kn_volume_export_state *state, struct kn_strbuf *out);

struct kn_volume_export_grant *kn_volume_export_state_find(struct kn_volume_export_state *state, const char *server,
                                                           const char *host);
/* A new key under a new identity. NULL: there are too many. */
struct kn_volume_export_grant *kn_volume_export_state_add(struct kn_volume_export_state *state, const char *server,
                                                          const char *host);
/* The server's from that host and those for wherever it is; host "": all of the server's. How many went. */
size_t kn_volume_export_state_drop(struct kn_volume_export_state *state, const char *server, const char *host);

#endif
