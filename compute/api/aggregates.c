/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os-aggregates as a table: hosts with words about them. One that names an availability zone makes its hosts' zone, the scheduler holds flavors and
 * projects against the others (scheduler/aggregates.c). What a change means for hosts is compute/rows/aggregate.c's. Numbers are ids here, as in Nova.
 */
#include <stdlib.h>
#include <string.h>

#include "compute/api.h"
#include "compute/rows/aggregate.h"
#include "image/api.h"
#include "lib/adapter/task.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/domain/message.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"

#define HOSTS \
    "(SELECT coalesce(json_agg(h.host ORDER BY h.created_at, h.host), '[]') FROM aggregate_host h WHERE h.aggregate_id = a.id)"
#define ZONE KN_REST_SHOWN | KN_REST_WRITE | KN_REST_NULL

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "a.id", KN_REST_INT, KN_REST_SHOWN),
    KN_REST_ATTR("uuid", "a.uuid", KN_REST_UUID, KN_REST_SHOWN, .since = 41),
    KN_REST_ATTR("name", "a.name", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_POST | KN_REST_REQUIRED, .column = "name", .limit = KN_LIMIT_AGGREGATE_NAME, .rule = &KN_TEXT_NAME),
    KN_REST_ATTR("name", NULL, KN_REST_TEXT, KN_REST_PUT, .limit = KN_LIMIT_AGGREGATE_NAME, .rule = &KN_TEXT_PRINTABLE), /* spaces around it are cut off */
    KN_REST_ATTR("availability_zone", "a.metadata->>'" KN_AGGREGATE_ZONE "'", KN_REST_TEXT, ZONE, .limit = KN_LIMIT_AGGREGATE_ZONE, .rule = &KN_TEXT_ZONE),
    KN_REST_ATTR("hosts", HOSTS, KN_REST_JSON, KN_REST_LIST | KN_REST_SHOW),
    KN_REST_ATTR("metadata", "a.metadata", KN_REST_JSON, KN_REST_LIST | KN_REST_SHOW),
    KN_REST_ATTR("created_at", "a.created_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_FINE),
    KN_REST_ATTR("updated_at", "a.updated_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_FINE),
    KN_REST_ATTR("deleted", "false", KN_REST_BOOL, KN_REST_SHOWN),
    KN_REST_ATTR("deleted_at", "NULL::timestamptz", KN_REST_TIME, KN_REST_SHOWN | KN_REST_FINE),
    KN_REST_ATTR("words", NULL, KN_REST_JSON, 0, .column = "metadata"), /* of a new one: check() makes them out of the zone */
    KN_REST_ATTRS_END,
};
/* clang-format on */

static const struct kn_schema HOST[] = {
    KN_SCHEMA("host", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_HOST, .rule = &KN_TEXT_FQDN), KN_SCHEMA_END
};
static const struct kn_schema WORD[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                         KN_SCHEMA("value", KN_IS_NULL), KN_SCHEMA_END };
static const struct kn_schema METADATA[] = {
    KN_SCHEMA("metadata", KN_IS_MAP, .flags = KN_REQUIRED, .limit = KN_LIMIT_AGGREGATE_METADATA,
              .rule = &KN_TEXT_META_KEY, .inner = WORD),
    KN_SCHEMA_END,
};
static const struct kn_schema ACTIONS[] = {
    KN_SCHEMA("add_host", KN_IS_OBJECT, .inner = HOST),
    KN_SCHEMA("remove_host", KN_IS_OBJECT, .inner = HOST),
    KN_SCHEMA("set_metadata", KN_IS_OBJECT, .inner = METADATA),
    KN_SCHEMA_END,
};
/* Of a map that is otherwise free. */
static const struct kn_schema ZONE_WORD[] = {
    KN_SCHEMA(KN_AGGREGATE_ZONE, KN_IS_STRING, .limit = KN_LIMIT_AGGREGATE_ZONE, .rule = &KN_TEXT_ZONE), KN_SCHEMA_END
};
static const struct kn_schema IMAGE[] = { KN_SCHEMA("id", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_UUID),
                                          KN_SCHEMA_END };
static const struct kn_schema IMAGE_ITEM[] = { KN_SCHEMA("image", KN_IS_OBJECT, .inner = IMAGE), KN_SCHEMA_END };
static const struct kn_schema IMAGES[] = {
    KN_SCHEMA("cache", KN_IS_LIST, .flags = KN_REQUIRED, .limit = KN_LIMIT_CACHED_IMAGES, .inner = IMAGE_ITEM),
    KN_SCHEMA_END,
};

static int aggregates_choose_id(struct kn_request *req, const json_t *object, const char **ret_id, struct kn_error *err)
{
    char number[24];

    (void)object;
    if (kn_compute_aggregate_number(req->db, number, err) < 0) {
        return -1;
    }
    *ret_id = kn_request_strdup(req, number);
    return 0;
}

static int aggregates_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    const char *zone = json_string_value(json_object_get(object, KN_AGGREGATE_ZONE));

    (void)req;
    (void)err;
    if (zone != NULL) {
        json_object_set_new(object, "words", json_pack("{s:s}", KN_AGGREGATE_ZONE, zone));
    }
    return 0;
}

static const struct kn_rest_clash CLASHES[] = {
    { "aggregate_name", KN_CONFLICT, "Aggregate %1 already exists." },
    { "aggregate_host_aggregate", KN_BAD_REQUEST,
      "Cannot remove host from aggregate %2. Reason: Host aggregate is not empty." },
    { NULL, KN_OK, NULL },
};

static const struct kn_rest_noun AGGREGATE = {
    .one = "aggregate",
    .many = "aggregates",
    .label = "Aggregate",
    .path = "/os-aggregates",
    .absent = "Aggregate %2 could not be found.",
    .from = "aggregate a",
    .id = "a.id",
    .id_type = KN_REST_INT,
    .order = "id",
    .ascending = true,
    .ties = "",
    .unsorted = true,
    .pages_since = KN_REST_NEVER,
    .strict_since = 102,
    .attrs = ATTRS,
    .table = "aggregate",
    .is_timeless = true,
    .choose_id = aggregates_choose_id,
    .check = aggregates_check,
    .clashes = CLASHES,
    .manners = &KN_REST_NOVA,
};

/* The number of the path, without signs and zeros in front; what is none is no id in Nova's words. */
static int aggregates_number(const struct kn_request *req, const char **ret, struct kn_error *err)
{
    const char *id = req->params[0];
    const bool is_negative = id[0] == '-' && id[1] != '\0';
    const size_t digits = strspn(id + (is_negative ? 1 : 0), "0123456789");

    if (is_negative && id[digits + 1] == '\0') {
        return kn_rest_not_found(&AGGREGATE, id, err);
    }
    if (*id == '\0' || id[digits] != '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "id must be an integer");
    }
    while (id[0] == '0' && id[1] != '\0') {
        id++;
    }
    if (strtoll(id, NULL, 10) > KN_MAX_AGGREGATE_ID) {
        return kn_rest_not_found(&AGGREGATE, id, err); /* no column holds it */
    }
    *ret = id;
    return 0;
}

static int aggregates_find(struct kn_request *req, const char **ret_id, struct kn_rows **ret, struct kn_error *err)
{
    return aggregates_number(req, ret_id, err) < 0
               ? -1
               : kn_rest_find(&AGGREGATE, req, *ret_id, KN_REST_SHOW, NULL, ret, err);
}

int kn_compute_aggregates_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&AGGREGATE, req, KN_REST_LIST, NULL, res, err);
}

int kn_compute_aggregates_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const char *const NOTHING[] = { NULL };
    const char *id;

    return kn_rest_only(&AGGREGATE, req, NOTHING, err) < 0 || aggregates_number(req, &id, err) < 0
               ? -1
               : kn_rest_show(&AGGREGATE, req, id, KN_REST_SHOW, res, err);
}

int kn_compute_aggregates_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_create(&AGGREGATE, req, res, err);
}

int kn_compute_aggregates_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *id;

    (void)res;
    return aggregates_number(req, &id, err) < 0 ? -1 : kn_rest_delete(&AGGREGATE, req, id, err);
}

/* A name without the spaces around it; KN_BAD_REQUEST if nothing is left. */
static int aggregates_trim(struct kn_request *req, const char *name, const char **ret, struct kn_error *err)
{
    char *trimmed = kn_request_strdup(req, name + strspn(name, " "));
    size_t len = strlen(trimmed);

    while (len > 0 && trimmed[len - 1] == ' ') {
        trimmed[--len] = '\0';
    }
    *ret = trimmed;
    return len > 0 ? 0
                   : kn_fail(err, KN_BAD_REQUEST, "Invalid input for field/attribute name. Value: %.255s. It is blank.",
                             name);
}

int kn_compute_aggregates_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_compute_aggregate_update update = { 0 };
    json_t *object = NULL;
    const char *id;

    if (kn_rest_body(&AGGREGATE, req, KN_REST_PUT, &object, err) < 0) {
        return -1;
    }
    if (json_object_size(object) == 0) {
        return kn_fail(
            err, KN_BAD_REQUEST,
            "Invalid input for field/attribute aggregate. Value: {}. {} is not valid under any of the given schemas");
    }
    update.has_zone = json_object_get(object, KN_AGGREGATE_ZONE) != NULL;
    update.zone = json_string_value(json_object_get(object, KN_AGGREGATE_ZONE));
    update.name = json_string_value(json_object_get(object, "name"));
    if ((update.name != NULL && aggregates_trim(req, update.name, &update.name, err) < 0) ||
        aggregates_number(req, &id, err) < 0 || kn_compute_aggregate_update(req->db, id, &update, err) < 0) {
        return -1;
    }
    return kn_rest_show(&AGGREGATE, req, id, KN_REST_SHOW, res, err);
}

static int aggregates_set_metadata(struct kn_request *req, const char *id, const json_t *words, struct kn_error *err)
{
    const json_t *zone = json_object_get(words, KN_AGGREGATE_ZONE);

    if (json_is_string(zone) && json_string_length(zone) > 0) {
        json_auto_t *alone = json_object();

        json_object_set(alone, KN_AGGREGATE_ZONE, (json_t *)(uintptr_t)zone);
        if (kn_schema_check(ZONE_WORD, alone, req->microversion, err) < 0) {
            return -1;
        }
    }
    return kn_compute_aggregate_set_metadata(req->db, id, words, err);
}

int kn_compute_aggregates_action(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *name = json_object_iter_key(json_object_iter(req->body)), *id;
    const json_t *args;
    bool adds, removes;
    int rc;

    if (json_object_size(req->body) != 1) {
        return kn_fail(err, KN_BAD_REQUEST, "Malformed request body: it must name exactly one action");
    }
    adds = strcmp(name, "add_host") == 0;
    removes = strcmp(name, "remove_host") == 0;
    if (!adds && !removes && strcmp(name, "set_metadata") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "There is no such action: %.60s", name);
    }
    if (kn_policy_check(adds      ? KN_NOVA_AGGREGATE_ADD_HOST
                        : removes ? KN_NOVA_AGGREGATE_REMOVE_HOST
                                  : KN_NOVA_AGGREGATE_SET_METADATA,
                        &req->caller, NULL, err) < 0 ||
        kn_schema_check(ACTIONS, req->body, req->microversion, err) < 0 || aggregates_number(req, &id, err) < 0) {
        return -1;
    }
    args = json_object_get(req->body, name);
    rc = adds      ? kn_compute_aggregate_add_host(req->db, id, kn_json_str(args, "host"), err)
         : removes ? kn_compute_aggregate_remove_host(req->db, id, kn_json_str(args, "host"), err)
                   : aggregates_set_metadata(req, id, json_object_get(args, "metadata"), err);
    return rc < 0 ? -1 : kn_rest_show(&AGGREGATE, req, id, KN_REST_SHOW, res, err);
}

/* --- images ahead of time: a task for each image and each host that is up, as in Nova, which leaves the others out, too --- */

static const struct kn_stmt CACHERS = {
    "aggregate_cachers",
    "SELECT h.name, h.agent_id FROM aggregate_host m JOIN host h ON h.name = m.host JOIN agent g ON g.id = h.agent_id "
    "WHERE m.aggregate_id = $1 AND NOT h.forced_down AND g.last_seen > now() - $2::bigint * interval '1 s' ORDER BY h.name",
    2
};
enum { C_HOST, C_AGENT };

static int aggregates_look_at_images(struct kn_request *req, const json_t *images, struct kn_error *err)
{
    json_auto_t *seen = json_object();
    const json_t *image;
    size_t i;

    json_array_foreach (images, i, image) {
        const char *id = kn_json_str(image, "id");
        struct kn_image_facts facts;

        if (json_object_get(seen, id) != NULL) {
            return kn_fail(err, KN_BAD_REQUEST, "Duplicate images in request");
        }
        json_object_set_new(seen, id, json_true());
        if (kn_image_usable(req->db, &req->caller, id, &facts, err) < 0) {
            return err->code == KN_NOT_FOUND ? kn_fail(err, KN_BAD_REQUEST, "Image %s could not be found.", id) : -1;
        }
        if (strcmp(facts.status, "active") != 0) {
            return kn_fail(err, KN_BAD_REQUEST, "Image %s is not active.", id);
        }
        if (facts.is_mapping) {
            return kn_fail(err, KN_BAD_REQUEST, "Image %s has no data, but is snapshots of volumes.", id);
        }
    }
    return 0;
}

static int aggregates_wish_images(struct kn_request *req, const json_t *images, const struct kn_rows *hosts,
                                  int64_t *tasks, struct kn_error *err)
{
    const int per_image = kn_rows_count(hosts), count = per_image * (int)json_array_size(images);
    AUTO_FREE struct kn_task_wish *wishes = kn_realloc_array(NULL, (size_t)count + 1, sizeof(*wishes));
    json_auto_t *inputs = json_array();
    AUTO_TX struct kn_tx tx = { NULL };

    for (int i = 0; i < count; i++) {
        const int host = i % per_image;

        if (i < per_image) {
            json_array_append_new(inputs, json_pack("{s:i, s:s, s:s}", "generation", 0, "host",
                                                    kn_rows_text(hosts, host, C_HOST), "agent",
                                                    kn_rows_text(hosts, host, C_AGENT)));
        }
        wishes[i] = (struct kn_task_wish){
            "image.cache",          kn_json_str(json_array_get(images, (size_t)(i / per_image)), "id"),
            req->caller.project_id, req->caller.user_id,
            req->request_id,        json_array_get(inputs, (size_t)host)
        };
    }
    return count == 0 || (kn_tx_begin(&tx, req->db, err) == 0 &&
                          kn_task_insert_many(req->db, wishes, count, tasks, err) == 0 && kn_tx_commit(&tx, err) == 0)
               ? 0
               : -1;
}

int kn_compute_aggregates_images(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *aggregate = NULL;
    AUTO(kn_rows) struct kn_rows *hosts = NULL;
    AUTO_FREE int64_t *tasks = NULL;
    const json_t *images;
    struct kn_arg patience;
    const char *id;
    int count;

    (void)res;
    if (kn_schema_check(IMAGES, req->body, req->microversion, err) < 0) {
        return -1;
    }
    images = json_object_get(req->body, "cache");
    if (aggregates_find(req, &id, &aggregate, err) < 0 || aggregates_look_at_images(req, images, err) < 0 ||
        kn_db_run(req->db, &CACHERS, KN_ARGS(id, kn_arg_int(&patience, req->conf->scheduler_agent_timeout_s)), &hosts,
                  err) < 0) {
        return -1;
    }
    count = kn_rows_count(hosts) * (int)json_array_size(images);
    tasks = kn_realloc_array(NULL, (size_t)count + 1, sizeof(*tasks));
    if (aggregates_wish_images(req, images, hosts, tasks, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        kn_task_wake(req->bus, kn_json_str(json_array_get(images, (size_t)(i / kn_rows_count(hosts))), "id"), tasks[i]);
    }
    return 0;
}
