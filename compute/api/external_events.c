/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os-server-external-events: what other services tell Nova of ports and volumes. Here they are one cloud, and who changes a port or grows a volume has the server's host told in
 * the same transaction: such an event says what is done already, and is completed. Those of what no server here has (accelerators, images that Cinder writes anew, machines whose
 * power others switch) nobody waits for: they are answered in Nova's form as undelivered.
 */
#include <string.h>
#include <strings.h>

#include "compute/api.h"
#include "lib/adapter/batch.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

static const struct kn_stmt KNOWN = {
    "external_events_known",
    "SELECT id, host IS NOT NULL FROM server WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL", 1
};
enum { K_ID, K_HAS_HOST };

#define BASE "network-changed", "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted"
static const char *const NAMES[] = { BASE, NULL };
static const char *const NAMES_51[] = { BASE, "volume-extended", NULL };
static const char *const NAMES_76[] = { BASE, "volume-extended", "power-update", NULL };
static const char *const NAMES_82[] = { BASE, "volume-extended", "power-update", "accelerator-request-bound", NULL };
static const char *const NAMES_93[] = {
    BASE, "volume-extended", "power-update", "accelerator-request-bound", "volume-reimaged", NULL
};
static const char *const STATUSES[] = { "failed", "completed", "in-progress", NULL };
#define NAME(its_words, from, to) \
    KN_SCHEMA("name", KN_IS_STRING, .flags = KN_REQUIRED, .words = its_words, .since = from, .until = to)

static const struct kn_schema EVENT[] = {
    NAME(NAMES, 0, 50),
    NAME(NAMES_51, 51, 75),
    NAME(NAMES_76, 76, 81),
    NAME(NAMES_82, 82, 92),
    NAME(NAMES_93, 93, 0),
    KN_SCHEMA("server_uuid", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("status", KN_IS_STRING, .words = STATUSES),
    KN_SCHEMA("tag", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
    KN_SCHEMA_END,
};
static const struct kn_schema EVENT_ITEM[] = { KN_SCHEMA("event", KN_IS_OBJECT, .inner = EVENT), KN_SCHEMA_END };
static const struct kn_schema BODY[] = {
    KN_SCHEMA("events", KN_IS_LIST, .flags = KN_REQUIRED, .limit = KN_LIMIT_EXTERNAL_EVENTS, .inner = EVENT_ITEM),
    KN_SCHEMA_END,
};

/* Its row; -1: there is none. */
static int external_events_server(const struct kn_rows *rows, const char *id)
{
    for (int i = 0; i < kn_rows_count(rows); i++) {
        if (strcasecmp(kn_rows_text(rows, i, K_ID), id) == 0) {
            return i;
        }
    }
    return -1;
}

/* Whether whoever made it happen has told the server's host. */
static bool external_events_is_done(const char *name)
{
    return strncmp(name, "network-", 8) == 0 || strcmp(name, "volume-extended") == 0;
}

static bool external_events_wants_tag(const char *name)
{
    static const char *const THOSE[] = { "volume-extended", "power-update", "accelerator-request-bound" };

    for (size_t i = 0; i < KN_COUNT(THOSE); i++) {
        if (strcmp(THOSE[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* In Nova's order: no such server, no tag where one belongs, no host that could be told. */
static int external_events_code(const struct kn_rows *rows, const json_t *event)
{
    const char *name = kn_json_str(event, "name");
    const int server = external_events_server(rows, kn_json_str(event, "server_uuid"));

    if (server < 0) {
        return 404;
    }
    if (external_events_wants_tag(name) && json_object_get(event, "tag") == NULL) {
        return 400;
    }
    return kn_rows_bool(rows, server, K_HAS_HOST) && external_events_is_done(name) ? 200 : 422;
}

/* As it was said, and what became of it. */
static int external_events_write(const struct kn_rows *rows, const json_t *event, struct kn_strbuf *sb)
{
    const int code = external_events_code(rows, event);

    kn_jsonw_object(sb, NULL);
    kn_jsonw_str(sb, "name", kn_json_str(event, "name"));
    kn_jsonw_str(sb, "server_uuid", kn_json_str(event, "server_uuid"));
    if (json_object_get(event, "tag") != NULL) {
        kn_jsonw_str(sb, "tag", kn_json_str(event, "tag"));
    }
    kn_jsonw_str(sb, "status", code == 200 ? "completed" : "failed");
    kn_jsonw_int(sb, "code", code);
    kn_jsonw_end_object(sb);
    return code;
}

int kn_compute_external_events_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const json_t *events, *event;
    size_t i;

    if (kn_schema_check(BODY, req->body, req->microversion, err) < 0) {
        return -1;
    }
    events = json_object_get(req->body, "events");
    json_array_foreach (events, i, event) {
        kn_array_add(&ids, kn_json_str(event, "server_uuid"));
    }
    if (kn_db_run(req->db, &KNOWN, KN_ARGS(kn_array_value(&ids)), &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "events");
    json_array_foreach (events, i, event) {
        res->status = external_events_write(rows, event, &res->body) == 200 ? res->status : 207;
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
