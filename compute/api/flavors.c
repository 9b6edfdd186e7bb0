/* SPDX-License-Identifier: Apache-2.0 */
/* Flavors as a table with their extra specs, and their routes. Access has a file of its own; what a server is made of reads compute/rows/flavor.c. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "compute/rows/extra_specs.h"
#include "compute/api.h"
#include "lib/base/jsonw.h"
#include "lib/base/uuid.h"
#include "lib/rest/labels.h"
#include "lib/rest/manners.h"

/* Before 2.75 no swap is no number. */
static void print_old_swap(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    (void)req;
    kn_jsonw_raw(out, name, strcmp(value, "0") == 0 ? "\"\"" : value);
}

#define MADE KN_REST_SHOWN | KN_REST_POST
#define MUST MADE | KN_REST_REQUIRED
#define DESCRIPTION KN_REST_ALWAYS | KN_REST_SORT | KN_REST_NULL | KN_REST_WRITE | KN_REST_PUT_REQUIRED

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "f.id", KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_SORT),
    KN_REST_ATTR("id", NULL, KN_REST_TEXT, KN_REST_POST | KN_REST_NULL, .limit = KN_LIMIT_FLAVOR_ID,
                 .rule = &KN_TEXT_FLAVOR_ID),
    KN_REST_ATTR("id", NULL, KN_REST_INT, KN_REST_POST | KN_REST_NULL),
    KN_REST_ATTR("name", "f.name", KN_REST_TEXT, MUST | KN_REST_BRIEF | KN_REST_SORT, .column = "name",
                 .limit = KN_LIMIT_FLAVOR_NAME, .rule = &KN_TEXT_NAME),
    KN_REST_ATTR("links", NULL, KN_REST_LINKS, KN_REST_ALWAYS),
    KN_REST_ATTR("description", "f.description", KN_REST_TEXT, DESCRIPTION, .since = 55, .column = "description",
                 .limit = KN_LIMIT_FLAVOR_DESCRIPTION, .rule = &KN_TEXT_PRINTABLE),
    KN_REST_ATTR("ram", "f.memory_mib", KN_REST_INT, MUST, .column = "memory_mib", .limit = KN_LIMIT_FLAVOR_MEMORY_MIB),
    KN_REST_ATTR("disk", "f.disk_gib", KN_REST_INT, MUST, .column = "disk_gib", .limit = KN_LIMIT_FLAVOR_DISK_GIB),
    KN_REST_ATTR("swap", "f.swap_mib", KN_REST_INT, MADE | KN_REST_SORT, .until = 74, .print = print_old_swap,
                 .column = "swap_mib", .limit = KN_LIMIT_FLAVOR_SWAP_MIB),
    KN_REST_ATTR("swap", "f.swap_mib", KN_REST_INT, MADE | KN_REST_SORT, .since = 75, .column = "swap_mib",
                 .limit = KN_LIMIT_FLAVOR_SWAP_MIB),
    KN_REST_ATTR("OS-FLV-EXT-DATA:ephemeral", "f.ephemeral_gib", KN_REST_INT, MADE, .column = "ephemeral_gib",
                 .limit = KN_LIMIT_FLAVOR_EPHEMERAL_GIB),
    KN_REST_ATTR("OS-FLV-DISABLED:disabled", "f.disabled", KN_REST_BOOL, KN_REST_SHOWN, .until = 101),
    KN_REST_ATTR("vcpus", "f.vcpus", KN_REST_INT, MUST | KN_REST_SORT, .column = "vcpus",
                 .limit = KN_LIMIT_FLAVOR_VCPUS),
    KN_REST_ATTR("os-flavor-access:is_public", "f.is_public", KN_REST_BOOL, MADE, .column = "is_public"),
    KN_REST_ATTR("rxtx_factor", "f.rxtx_factor", KN_REST_REAL, MADE | KN_REST_SORT, .until = 101,
                 .column = "rxtx_factor"),
    KN_REST_ATTR("extra_specs", "f.extra_specs", KN_REST_JSON, KN_REST_SHOWN, .since = 61),
    KN_REST_ATTR("specs", "f.extra_specs", KN_REST_JSON, 0, .column = "extra_specs"), /* one by one */
    /* Nova's names of the columns, to sort by. */
    KN_REST_ATTR("description", "f.description", KN_REST_TEXT, KN_REST_SORT | KN_REST_NULL, .until = 54),
    KN_REST_ATTR("flavorid", "f.id", KN_REST_TEXT, KN_REST_SORT),
    KN_REST_ATTR("memory_mb", "f.memory_mib", KN_REST_INT, KN_REST_SORT),
    KN_REST_ATTR("root_gb", "f.disk_gib", KN_REST_INT, KN_REST_SORT),
    KN_REST_ATTR("ephemeral_gb", "f.ephemeral_gib", KN_REST_INT, KN_REST_SORT),
    KN_REST_ATTR("is_public", "f.is_public", KN_REST_BOOL, KN_REST_SORT),
    KN_REST_ATTR("disabled", "f.disabled", KN_REST_BOOL, KN_REST_SORT),
    KN_REST_ATTR("created_at", "f.created_at", KN_REST_TIME, KN_REST_SORT),
    KN_REST_ATTR("updated_at", "f.created_at", KN_REST_TIME, KN_REST_SORT),
    KN_REST_ATTRS_END,
};

static int add_minimum(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                       struct kn_error *err)
{
    if (value[0] == '\0' || strlen(value) > 9 || value[strspn(value, "0123456789")] != '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid %s filter [%.60s]", key, value);
    }
    kn_rest_where(l, "%C >= ?::bigint", a->sql, value);
    return 0;
}

static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("is_public", NULL),
    KN_REST_PARAM("name", kn_rest_match, .since = 102, .sql = "f.name", .type = KN_REST_TEXT),
    KN_REST_PARAM("minRam", add_minimum, .sql = "f.memory_mib"),
    KN_REST_PARAM("minDisk", add_minimum, .sql = "f.disk_gib"),
    KN_REST_PARAMS_END,
};

/* Only an admin may ask for private flavors, or for all ("None"); everybody else sees the public ones and those of his project. */
static int flavors_narrow(struct kn_rest_list *l, struct kn_error *err)
{
    const char *asked = kn_rest_asked(l, "is_public", 0);
    bool is_public = true;

    if (!kn_policy_allows(KN_NOVA_FLAVORS, &l->req->caller, NULL)) {
        kn_rest_text(&l->query, " AND NOT f.disabled");
        return 0;
    }
    if (asked != NULL && strcasecmp(asked, "none") == 0) {
        return 0;
    }
    if (kn_request_query_bool(l->req, "is_public", true, &is_public, NULL) < 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid is_public filter [%.60s]", asked);
    }
    kn_rest_text(&l->query, is_public ? " AND f.is_public" : " AND NOT f.is_public");
    return 0;
}

/* The id as a client wrote it: text, a number, or null for one of ours. */
static int flavors_choose_id(struct kn_request *req, const json_t *object, const char **ret_id, struct kn_error *err)
{
    const json_t *said = json_object_get(object, "id");
    char id[KN_UUID_SIZE];

    (void)err;
    if (json_is_integer(said)) {
        snprintf(id, sizeof(id), "%lld", (long long)json_integer_value(said));
    } else {
        kn_uuid_make(id);
    }
    *ret_id = kn_request_strdup(req, json_is_string(said) ? json_string_value(said) : id);
    return 0;
}

static const struct kn_rest_clash CLASHES[] = {
    { "flavor_pkey", KN_CONFLICT, "Flavor with ID %2 already exists." },
    { "flavor_name_key", KN_CONFLICT, "Flavor with name %1 already exists." },
    { NULL, KN_OK, NULL },
};

static const struct kn_rest_noun FLAVOR = {
    .one = "flavor",
    .many = "flavors",
    .label = "Flavor",
    .path = "/flavors",
    .from = "flavor f",
    .id = "f.id",
    .id_type = KN_REST_TEXT,
    .visible = "(f.is_public OR EXISTS (SELECT FROM flavor_access a WHERE a.flavor_id = f.id AND a.project_id = ?))",
    .order = "flavorid",
    .ascending = true,
    .ties = "flavorid",
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = flavors_narrow,
    .table = "flavor",
    .is_timeless = true,
    .choose_id = flavors_choose_id,
    .clashes = CLASHES,
    .manners = &KN_REST_NOVA,
};

int kn_compute_flavors_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&FLAVOR, req, KN_REST_BRIEF, NULL, res, err);
}

int kn_compute_flavors_detail(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&FLAVOR, req, KN_REST_LIST, "/flavors/detail", res, err);
}

int kn_compute_flavors_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&FLAVOR, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_compute_flavors_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_create(&FLAVOR, req, res, err);
}

int kn_compute_flavors_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_update(&FLAVOR, req, req->params[0], res, err);
}

int kn_compute_flavors_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_delete(&FLAVOR, req, req->params[0], err);
}

/* --- extra specs --- */

static const struct kn_schema SPEC_VALUES[] = {
    KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_EXTRA_SPEC_VALUE),
    KN_SCHEMA("value", KN_IS_NUMBER),
    KN_SCHEMA_END,
};
static const struct kn_schema SPECS_BODY[] = {
    KN_SCHEMA("extra_specs", KN_IS_MAP, .flags = KN_REQUIRED, .rule = &KN_TEXT_META_KEY, .inner = SPEC_VALUES),
    KN_SCHEMA_END,
};
static const struct kn_schema ONE_SPEC[] = {
    KN_SCHEMA("extra_specs", KN_IS_MAP, .limit = KN_LIMIT_ONE_ITEM, .rule = &KN_TEXT_META_KEY, .inner = SPEC_VALUES),
    KN_SCHEMA_END,
};
static const struct kn_rest_labels SPECS = {
    .noun = &FLAVOR,
    .attr = "specs",
    .key = "extra_specs",
    .body = SPECS_BODY,
    .one = ONE_SPEC,
    .echoes = true,
    .absent = "Flavor %1 has no extra specs with key %2.",
    .mismatch = "Request body and URI mismatch",
};

int kn_compute_flavor_specs_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_list(&SPECS, req, res, err);
}

#define SPECS_CHECKED 86 /* from this microversion on what Nova knows says what it may */

int kn_compute_flavor_specs_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    if (req->microversion >= SPECS_CHECKED && kn_schema_check(SPECS_BODY, req->body, req->microversion, NULL) == 0 &&
        kn_compute_extra_specs_check(json_object_get(req->body, "extra_specs"), err) < 0) {
        return -1; /* a body that is none is told below */
    }
    return kn_rest_labels_merge(&SPECS, req, res, err);
}

int kn_compute_flavor_specs_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_show(&SPECS, req, res, err);
}

int kn_compute_flavor_specs_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    if (req->microversion >= SPECS_CHECKED && json_is_object(req->body) &&
        json_is_string(json_object_get(req->body, req->params[1])) &&
        kn_compute_extra_specs_check(req->body, err) < 0) {
        return -1;
    }
    return kn_rest_labels_put(&SPECS, req, res, err);
}

int kn_compute_flavor_specs_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_labels_drop(&SPECS, req, err);
}
