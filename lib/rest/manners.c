/* SPDX-License-Identifier: Apache-2.0 */
/* A row a service. What an original answers is written down in the API reference of each (docs.openstack.org/api-ref) and held by tests. */
#include "lib/rest/manners.h"

#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"

#define ON(type) (1u << (type))

static void manners_print_link(struct kn_strbuf *out, const char *rel, const char *href)
{
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "rel", rel);
    kn_jsonw_str(out, "href", href);
    kn_jsonw_end_object(out);
}

/* [self, bookmark], as Nova and Cinder have them. */
static void print_pair(const char *self, const char *bookmark, struct kn_strbuf *out)
{
    kn_jsonw_array(out, "links");
    manners_print_link(out, "self", self);
    manners_print_link(out, "bookmark", bookmark);
    kn_jsonw_end_array(out);
}

static void cinder_links(const struct kn_request *req, const struct kn_rest_noun *noun, const char *id,
                         struct kn_strbuf *out)
{
    AUTO_FREE char *self = kn_asprintf("%s/v3/%s%s/%s", req->base_url, req->caller.project_id, noun->path, id);
    AUTO_FREE char *bookmark = kn_asprintf("%s/%s%s/%s", req->base_url, req->caller.project_id, noun->path, id);

    print_pair(self, bookmark, out);
}

void kn_rest_nova_link(const struct kn_request *req, const char *rel, const char *root, const char *path,
                       const char *id, struct kn_strbuf *out)
{
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "rel", rel);
    kn_strbuf_addstr(out, ",\"href\":\"");
    kn_strbuf_addstr(out, req->base_url);
    kn_strbuf_addstr(out, root);
    kn_strbuf_addstr(out, path);
    kn_strbuf_addch(out, '/');
    kn_strbuf_addurl(out, id);
    kn_strbuf_addstr(out, "\"}");
}

/* Lists have many: no formats, no memory of their own. */
static void nova_links(const struct kn_request *req, const struct kn_rest_noun *noun, const char *id,
                       struct kn_strbuf *out)
{
    kn_jsonw_array(out, "links");
    kn_rest_nova_link(req, "self", KN_REST_NOVA.root, noun->path, id, out);
    kn_rest_nova_link(req, "bookmark", "", noun->path, id, out);
    kn_jsonw_end_array(out);
}

static const struct kn_rest_suffix CINDER_SUFFIXES[] = {
    { "~", ON(KN_REST_TEXT), "position(lower(?) in lower(%C)) > 0" },
    { NULL, 0, NULL },
};

const struct kn_rest_manners KN_REST_CINDER = {
    .limit_default = 1000,
    .limit_max = KN_MAX_PAGE,
    .has_offset = true,
    .has_count_since_45 = true,
    .links_when_asked = true,
    .bad_limit = "Invalid input received: %1 param must be a non-negative integer",
    .sorts_by_list = true,
    .splits_keys = true,
    .bad_key = "Invalid input received: Sort key %2 is invalid.",
    .bad_direction = "Invalid input received: Invalid sort direction: %2",
    .mixed_sorts =
        "Invalid input received: The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the "
        "'sort' parameter.",
    .null_time = "'-infinity'",
    .unknown = KN_REST_REFUSE_UNKNOWN,
    .unknown_since = 31,
    .bad_filter = "Invalid input received: Invalid filters %1 are found in query options.",
    .bad_boolean = "Invalid input received: invalid value for %1: %2",
    .bad_number = "Invalid input received: %1 param must be a non-negative integer",
    .bad_time = "Invalid input received: Invalid filter %1: %2 is no time, or has an operator that is not known",
    .joins_times = true,
    .time_grain = "microseconds",
    .repeats = true,
    .filters = { [KN_REST_TEXT] = kn_rest_equal,
                 [KN_REST_UUID] = kn_rest_equal,
                 [KN_REST_INT] = kn_rest_number,
                 [KN_REST_BOOL] = kn_rest_boolean,
                 [KN_REST_TIME] = kn_rest_time,
                 [KN_REST_JSON] = kn_rest_ignored,
                 [KN_REST_TAGS] = kn_rest_ignored },
    .suffixes = CINDER_SUFFIXES,
    .time = "YYYY-MM-DD\"T\"HH24:MI:SS.US",
    .not_found = "%1 %2 could not be found.",
    .root = "/v3/",
    .project_in_links = true,
    .links = cinder_links,
};

static void keystone_links(const struct kn_request *req, const struct kn_rest_noun *noun, const char *id,
                           struct kn_strbuf *out)
{
    const size_t whose = strcspn(noun->path, "{");
    const bool is_below = noun->path[whose] != '\0'; /* "/users/{}/access_rules" */
    AUTO_FREE char *self = kn_asprintf("%s/v3%.*s%s%s/%s", req->base_url, (int)whose, noun->path,
                                       is_below ? req->params[0] : "",
                                       noun->path + whose + (is_below ? strlen("{}") : 0), id);

    kn_jsonw_object(out, "links");
    kn_jsonw_str(out, "self", self);
    kn_jsonw_end_object(out);
}

/* The list may be anywhere: a user's projects, a group's users. */
static void keystone_page_links(const struct kn_rest_list *l, const char *path, const char *next, struct kn_strbuf *out)
{
    AUTO_FREE char *self = kn_rest_page_next(l, l->req->path, NULL);
    AUTO_FREE char *following = next != NULL ? kn_rest_page_next(l, l->req->path, next) : NULL;

    (void)path;
    kn_jsonw_object(out, "links");
    kn_jsonw_str(out, "next", following);
    kn_jsonw_str(out, "self", self);
    kn_jsonw_null(out, "previous");
    kn_jsonw_end_object(out);
    if (next != NULL) {
        kn_jsonw_bool(out, "truncated", true);
    }
}

/* position() and right() know no patterns, so there is nothing to escape. */
static const struct kn_rest_suffix KEYSTONE_SUFFIXES[] = {
    { "__contains", ON(KN_REST_TEXT), "position(? IN %C) > 0" },
    { "__icontains", ON(KN_REST_TEXT), "position(lower(?) IN lower(%C)) > 0" },
    { "__startswith", ON(KN_REST_TEXT), "starts_with(%C, ?)" },
    { "__istartswith", ON(KN_REST_TEXT), "starts_with(lower(%C), lower(?))" },
    { "__endswith", ON(KN_REST_TEXT), "right(%C, length(?::text)) = ?" },
    { "__iendswith", ON(KN_REST_TEXT), "right(lower(%C), length(?::text)) = lower(?)" },
    { NULL, 0, NULL },
};

/* Words of our own answers. */
static const char *const KEYSTONE_RESERVED[] = {
    "id", "links", "federated", "password_expires_at", "domain_id", "parent_id", "is_domain", "options", NULL,
};

const struct kn_rest_manners KN_REST_KEYSTONE = {
    .limit_max = KN_MAX_PAGE,
    .limit_digits = 9,
    .zero_is_all = true,
    .reads_ahead = true,
    .bad_limit = "Invalid input for field '%1': '%2' is not a number",
    .missing_marker = "Marker %2 could not be found.",
    .marker_code = KN_NOT_FOUND,
    .any_case = true,
    .bad_key = "Invalid input for field '%1': nothing sorts by '%2'",
    .bad_direction = "Invalid input for field '%1': '%2' is neither asc nor desc",
    .null_time = "'infinity'",
    .unknown = KN_REST_IGNORE_UNKNOWN,
    .bad_boolean = "Invalid input for field '%1': '%2' is not a boolean",
    .bad_time =
        "Invalid input for field '%1': '%2' is not lt, lte, gt, gte, eq or neq, a colon and a time like 2026-11-21T10:00:00Z",
    .time_grain = "microseconds",
    .filters_max = 32,
    .repeats = true,
    .filters = { [KN_REST_TEXT] = kn_rest_equal,
                 [KN_REST_BOOL] = kn_rest_flag,
                 [KN_REST_TIME] = kn_rest_compared_time,
                 [KN_REST_TAGS] = kn_rest_tags },
    .suffixes = KEYSTONE_SUFFIXES,
    .time = "YYYY-MM-DD\"T\"HH24:MI:SS.US",
    .words = &KN_SCHEMA_KEYSTONE,
    .empty_change = "Invalid input for field '%1': {} does not have enough properties",
    .reserved = KEYSTONE_RESERVED,
    .not_found = "Could not find %1: %2.",
    .root = "",
    .links = keystone_links,
    .page_links = keystone_page_links,
};

/* "size_min", "size_max" */
static const struct kn_rest_suffix GLANCE_SUFFIXES[] = {
    { "_min", ON(KN_REST_INT), "%C >= ?::bigint" },
    { "_max", ON(KN_REST_INT), "%C <= ?::bigint" },
    { NULL, 0, NULL },
};

static void glance_page(const struct kn_rest_list *l, const char *path, const char *next, struct kn_strbuf *out)
{
    AUTO_FREE char *here = kn_rest_page_first(l, path);
    AUTO_FREE char *behind = next != NULL ? kn_rest_page_next(l, path, next) : NULL;
    AUTO_FREE char *schema = kn_asprintf("/v2/schemas%s", path);

    if (!l->noun->is_unpaged) {
        kn_jsonw_str(out, "first", here);
    }
    if (behind != NULL && !l->noun->is_unpaged) {
        kn_jsonw_str(out, "next", behind);
    }
    kn_jsonw_str(out, "schema", schema);
}

static const struct kn_schema_words GLANCE_WORDS = {
    .refusal = "%1: %3",
    .missing = "'%1' is a required property",
    .unknown = "Additional properties are not allowed ('%1' was unexpected)",
    .shapes = { [KN_IS_STRING] = "is not of type 'string'",
                [KN_IS_INTEGER] = "is not of type 'integer'",
                [KN_IS_NUMBER] = "is not of type 'number'",
                [KN_IS_BOOLEAN] = "is not of type 'boolean'",
                [KN_IS_OBJECT] = "is not of type 'object'",
                [KN_IS_LIST] = "is not of type 'array'",
                [KN_IS_MAP] = "is not of type 'object'",
                [KN_IS_NULL] = "is not of type 'null'",
                [KN_IS_ANY] = "is not of any type" },
    .too_short = "is too short",
    .too_long = "is too long",
    .too_small = "is less than the minimum of %1",
    .too_large = "is greater than the maximum of %1",
    .no_integer = "is not of type 'integer'",
    .no_number = "is not of type 'number'",
    .no_boolean = "is not of type 'boolean'",
    .blames_outer = true,
};

const struct kn_rest_manners KN_REST_GLANCE = {
    .limit_default = 25,
    .limit_max = KN_MAX_PAGE,
    .bad_limit = "limit param must be an integer",
    .negative_limit = "limit param must be positive",
    .missing_marker = "No %1 found with ID %2",
    .marker_code = KN_BAD_REQUEST,
    .sorts_by_list = true,
    .bad_pairs = "Number of sort dirs does not match the number of sort keys",
    .one_for_all = true,
    .bad_key = "Invalid sort key: %2. It must be one of the following: %1.",
    .bad_direction = "Invalid sort direction: %2",
    .mixed_sorts = "Old and new sorting syntax cannot be combined",
    .null_time = "'-infinity'",
    .bad_boolean = "Invalid value '%2' for '%1' filter. Valid values are 'true' or 'false'.",
    .bad_number = "Unable to filter on a range with a non-numeric value.",
    .bad_time = "Bad \"%1\" query filter format. Use ISO 8601 DateTime notation.",
    .time_grain = "second",
    .repeats = true,
    .filters = { [KN_REST_TEXT] = kn_rest_in,
                 [KN_REST_UUID] = kn_rest_in,
                 [KN_REST_INT] = kn_rest_number,
                 [KN_REST_BOOL] = kn_rest_true_false,
                 [KN_REST_TIME] = kn_rest_time },
    .suffixes = GLANCE_SUFFIXES,
    .time = "YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"",
    .words = &GLANCE_WORDS,
    .is_bare = true,
    .refuses_others = true,
    .not_in_post = "Attribute '%1' is read-only.",
    .not_in_put = "Attribute '%1' is read-only.",
    .not_written_code = KN_FORBIDDEN,
    .not_found = "No %1 found with ID %2",
    .root = "/v2",
    .root_is_path = true,
    .page_links = glance_page,
};

const struct kn_rest_manners KN_REST_NOVA = {
    .limit_default = 1000,
    .limit_max = KN_MAX_PAGE,
    .bad_limit = "Invalid input for query parameters %1. Value: %2. '%2' does not match '^[0-9]*$'",
    .missing_marker = "marker [%2] not found",
    .marker_code = KN_BAD_REQUEST,
    .bad_key = "Invalid input for query parameters sort_key. Value: %2. It is not one of the sort keys",
    .bad_direction = "Unknown sort direction, must be one of: asc, desc",
    .null_time = "'-infinity'",
    .unknown = KN_REST_REFUSE_UNKNOWN,
    .unknown_since = 75,
    .bad_filter = "Additional properties are not allowed ('%1' was unexpected)",
    .bad_boolean = "Invalid input for query parameters %1. Value: %2. '%2' is not a boolean",
    .bad_number = "Invalid input for query parameters %1. Value: %2. '%2' is not an integer",
    .bad_time = "Invalid input for query parameters %1. Value: %2. '%2' is not a 'date-time'",
    .time_grain = "second",
    .filters = { [KN_REST_TEXT] = kn_rest_equal,
                 [KN_REST_UUID] = kn_rest_equal,
                 [KN_REST_INT] = kn_rest_number,
                 [KN_REST_BOOL] = kn_rest_boolean_word,
                 [KN_REST_TIME] = kn_rest_time },
    .not_found = "%1 %2 could not be found.",
    .root = "/v2.1",
    .links = nova_links,
};

const struct kn_schema_words KN_SCHEMA_NEUTRON = {
    .refusal = "Invalid input for %1. Reason: %3.",
    .missing = "Failed to parse request. Required attribute '%1' not specified",
    .unknown = "Unrecognized attribute(s) '%1'",
    .shapes = { [KN_IS_STRING] = "is not a valid string",
                [KN_IS_INTEGER] = "is not an integer",
                [KN_IS_NUMBER] = "is not a number",
                [KN_IS_BOOLEAN] = "cannot be converted to boolean",
                [KN_IS_OBJECT] = "is not a dictionary",
                [KN_IS_LIST] = "is not a list",
                [KN_IS_MAP] = "is not a dictionary",
                [KN_IS_NULL] = "is not None",
                [KN_IS_ANY] = "is not a valid value" },
    .too_short = "is too short",
    .too_long = "exceeds its maximum length",
    .too_small = "is too small - must be at least '%1'",
    .too_large = "is too large - must be no larger than '%1'",
    .no_integer = "is not an integer",
    .no_number = "is not a number",
    .no_boolean = "cannot be converted to boolean",
    .is_loose = true,
    .blames_outer = true,
    .quotes_all = true,
};

/* The caller's project, or for whoever reaches others' the one that project_id or tenant_id names. */
static int neutron_owner(const struct kn_request *req, const json_t *object, const char **ret, struct kn_error *err)
{
    const char *project = kn_schema_text(object, "project_id", NULL),
               *tenant = kn_schema_text(object, "tenant_id", NULL);
    const char *wanted = project != NULL ? project : tenant != NULL ? tenant : req->caller.project_id;

    if (project != NULL && tenant != NULL && strcmp(project, tenant) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "'project_id' and 'tenant_id' do not match");
    }
    if (strcmp(wanted, req->caller.project_id) != 0 && !kn_rest_reaches_all(req)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Specifying 'project_id' or 'tenant_id' other than the authenticated project in request "
                       "requires admin privileges");
    }
    if (wanted[0] == '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "project_id must be specified");
    }
    *ret = wanted;
    return 0;
}

static int fail_match(struct kn_error *err, const char *words)
{
    kn_fail(err, KN_BAD_REQUEST, "Bad if-match request: %s.", words);
    return kn_fail_name(err, "BadRequest");
}

/* If-Match: revision_number=7. Other tags than these mean nothing here. */
static int neutron_match(const struct kn_rest_noun *noun, const struct kn_request *req, const struct kn_rows *now,
                         struct kn_error *err)
{
    static const char NAME[] = "revision_number=";
    const char *header = kn_request_header(req, "If-Match"), *at = header != NULL ? strstr(header, NAME) : NULL;

    if (at == NULL || kn_rest_attr(noun, req, "revision_number", strlen("revision_number"), 0) == NULL) {
        return 0;
    }
    at += strlen(NAME);
    const size_t digits = strspn(at, "0123456789");
    const char *current = kn_rest_was(noun, now, "revision_number");

    if (strstr(at, NAME) != NULL) {
        return fail_match(err, "Multiple revision_number etags are not supported.");
    }
    if (digits == 0 || at[digits + strspn(at + digits, "\" ")] != '\0') {
        return fail_match(err, "Revision number etag must be in the format of revision_number=<int>");
    }
    if (strlen(current) == digits && strncmp(current, at, digits) == 0) {
        return 0;
    }
    kn_fail(err, KN_PRECONDITION, "Constrained to %.*s, but current revision is %s", (int)(digits < 20 ? digits : 20),
            at, current);
    return kn_fail_name(err, "RevisionNumberConstraintFailed");
}

const struct kn_rest_manners KN_REST_NEUTRON = {
    .zero_is_all = true,
    .has_reverse = true,
    .has_fields = true,
    .links_when_asked = true,
    .bad_limit = "Limit must be an integer 0 or greater and not '%2'",
    .bad_pairs = "The number of sort_keys and sort_dirs must be same",
    .bad_key = "['%2'] is invalid attribute for sort_keys",
    .bad_direction = "The value of sort_dirs must be \"asc\" or \"desc\", not '%2'",
    .null_time = "'-infinity'",
    .unknown = KN_REST_REFUSE_UNKNOWN,
    .bad_filter = "['%1'] is invalid attribute for filtering",
    .bad_boolean = "Invalid input for %1. Reason: '%2' cannot be converted to boolean.",
    .bad_time =
        "Invalid input for operation: The input %1 must be in the following format: YYYY-MM-DDTHH:MM:SS, not '%2'.",
    .filters = { [KN_REST_TEXT] = kn_rest_any_of,
                 [KN_REST_UUID] = kn_rest_any_of,
                 [KN_REST_INT] = kn_rest_any_of,
                 [KN_REST_BOOL] = kn_rest_boolean_word,
                 [KN_REST_INET] = kn_rest_any_of,
                 [KN_REST_CIDR] = kn_rest_any_of,
                 [KN_REST_MAC] = kn_rest_any_of },
    .time = "YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"",
    .words = &KN_SCHEMA_NEUTRON,
    .no_object = "Unable to find '%1' in request body",
    .no_objects = "Resources required",
    .not_in_post = "Attribute '%1' not allowed in POST",
    .not_in_put = "Cannot update read-only attribute %1",
    .not_written_code = KN_BAD_REQUEST,
    .unbuilt = "Invalid input for %1. Reason: this cloud has none.",
    .owner = neutron_owner,
    .match = neutron_match,
    .refuses_others = true,
    .not_found = "%1 %2 could not be found.",
    .root = "/v2.0",
};
