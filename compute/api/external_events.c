/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os-server-external-events: what other services tell Nova of ports and volumes. Here they are one cloud, and who changes a port or a volume tells the server's host itself, so
 * nobody waits for these: each is answered in Nova's form as one that could not be delivered.
 */
#include <string.h>

#include "compute/api.h"
#include "lib/adapter/batch.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

static const struct kn_stmt KNOWN = { "external_events_known",
                                      "SELECT id FROM server WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL", 1 };
enum { K_ID };

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

static bool external_events_knows(const struct kn_rows *rows, const char *id)
{
    for (int i = 0; i < kn_rows_count(rows); i++) {
        if (strcmp(kn_rows_text(rows, i, K_ID), id) == 0) {
            return true;
        }
    }
    return false;
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
    res->status = 207;
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "events");
    json_array_foreach (events, i, event) {
        const char *id = kn_json_str(event, "server_uuid"), *tag = kn_json_str(event, "tag");

        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_str(&res->body, "name", kn_json_str(event, "name"));
        kn_jsonw_str(&res->body, "server_uuid", id);
        if (json_object_get(event, "tag") != NULL) {
            kn_jsonw_str(&res->body, "tag", tag);
        }
        kn_jsonw_str(&res->body, "status", "failed");
        kn_jsonw_int(&res->body, "code", external_events_knows(rows, id) ? 422 : 404);
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
