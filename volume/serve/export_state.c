/* SPDX-License-Identifier: Apache-2.0 */
/* export_state: JSON in and out, and small changes of a list. */
#include "volume/serve/export_state.h"

#include <string.h>

#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

static bool export_state_read_grant(const json_t *item, struct kn_volume_export_grant *ret)
{
    const char *host = kn_json_str(item, "host");

    kn_copy(ret->server, sizeof(ret->server), kn_json_str(item, "server"));
    kn_copy(ret->host, sizeof(ret->host), host);
    kn_copy(ret->identity, sizeof(ret->identity), kn_json_str(item, "identity"));
    kn_copy(ret->key, sizeof(ret->key), kn_json_str(item, "key"));
    return kn_uuid_valid(ret->server) && kn_uuid_valid(ret->identity) && strcmp(ret->host, host) == 0 &&
           strlen(kn_json_str(item, "server")) == KN_UUID_SIZE - 1 &&
           strlen(kn_json_str(item, "identity")) == KN_UUID_SIZE - 1 && kn_storage_key_valid(kn_json_str(item, "key"));
}

static bool export_state_read(const json_t *object, struct kn_volume_export_state *ret)
{
    const json_t *grants = json_object_get(object, "grants");
    const int64_t port = kn_json_int(object, "port");
    const char *format = kn_json_str(object, "format");
    json_t *item;
    size_t i;

    *ret = (struct kn_volume_export_state){ .is_readonly = kn_json_bool(object, "readonly") };
    if (port < 1 || port > UINT16_MAX || (strcmp(format, "raw") != 0 && strcmp(format, "qcow2") != 0) ||
        !json_is_array(grants) || json_array_size(grants) > KN_VOLUME_EXPORT_GRANTS) {
        return false;
    }
    ret->port = (int)port;
    kn_copy(ret->format, sizeof(ret->format), format);
    json_array_foreach (grants, i, item) {
        if (!export_state_read_grant(item, &ret->grants[ret->count])) {
            return false;
        }
        ret->count++;
    }
    return true;
}

int kn_volume_export_state_parse(const char *text, size_t len, struct kn_volume_export_state *ret, struct kn_error *err)
{
    json_auto_t *object = json_loadb(text, len, 0, NULL);
    struct kn_volume_export_state *read = KN_NEW(struct kn_volume_export_state);
    const bool is_good = object != NULL && export_state_read(object, read);

    if (is_good) {
        *ret = *read;
    }
    kn_wipe(read, sizeof(*read));
    free(read);
    return is_good ? 0 : kn_fail(err, KN_INTERNAL, "the state of an export cannot be read");
}

void kn_volume_export_state_print(const struct kn_volume_export_state *state, struct kn_strbuf *out)
{
    json_t *grants = json_array();
    json_auto_t *object = json_pack("{s:i, s:s, s:b, s:o}", "port", state->port, "format", state->format, "readonly",
                                    state->is_readonly ? 1 : 0, "grants", grants);

    for (size_t i = 0; i < state->count; i++) {
        const struct kn_volume_export_grant *g = &state->grants[i];

        json_array_append_new(grants, json_pack("{s:s, s:s, s:s, s:s}", "server", g->server, "host", g->host,
                                                "identity", g->identity, "key", g->key));
    }
    AUTO_FREE char *text = json_dumps(object, JSON_COMPACT);
    kn_strbuf_addf(out, "%s\n", text);
}

void kn_volume_export_state_keys(const struct kn_volume_export_state *state, struct kn_strbuf *out)
{
    for (size_t i = 0; i < state->count; i++) {
        kn_strbuf_addf(out, "%s:%s\n", state->grants[i].identity, state->grants[i].key);
    }
}

struct kn_volume_export_grant *kn_volume_export_state_find(struct kn_volume_export_state *state, const char *server,
                                                           const char *host)
{
    for (size_t i = 0; i < state->count; i++) {
        if (strcmp(state->grants[i].server, server) == 0 && strcmp(state->grants[i].host, host) == 0) {
            return &state->grants[i];
        }
    }
    return NULL;
}

struct kn_volume_export_grant *kn_volume_export_state_add(struct kn_volume_export_state *state, const char *server,
                                                          const char *host)
{
    unsigned char key[(KN_STORAGE_KEY_SIZE - 1) / 2];

    if (state->count == KN_VOLUME_EXPORT_GRANTS) {
        return NULL;
    }
    struct kn_volume_export_grant *grant = &state->grants[state->count++];
    *grant = (struct kn_volume_export_grant){ 0 };
    kn_copy(grant->server, sizeof(grant->server), server);
    kn_copy(grant->host, sizeof(grant->host), host);
    kn_uuid_make(grant->identity);
    kn_random(key, sizeof(key));
    kn_hex(key, sizeof(key), grant->key);
    kn_wipe(key, sizeof(key));
    return grant;
}

size_t kn_volume_export_state_drop(struct kn_volume_export_state *state, const char *server, const char *host)
{
    size_t kept = 0;

    for (size_t i = 0; i < state->count; i++) {
        const struct kn_volume_export_grant *g = &state->grants[i];
        const bool goes = strcmp(g->server, server) == 0 &&
                          (host[0] == '\0' || g->host[0] == '\0' || strcmp(g->host, host) == 0);

        if (!goes) {
            state->grants[kept++] = *g;
        }
    }
    const size_t gone = state->count - kept;
    state->count = kept;
    return gone;
}
