/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the tables `catalog_region`, `catalog_service`, `catalog_endpoint` and `catalog_version`. It must never change one without the last. */
#include "identity/rows/catalog_noun.h"

#include <string.h>

#include "identity/auth/catalog.h"
#include "identity/auth/identity.h"
#include "identity/rows/nouns.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"

#define TEXT_OF(name, sql, more, ...) \
    KN_SHOWN_TEXT(name, sql, KN_REST_WRITE | (more), .limit = KN_LIMIT_CATALOG_TEXT, __VA_ARGS__)
#define ID(more) \
    KN_REST_ATTR("id", "id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_SORT | KN_REST_PUT | (more), \
                 .limit = KN_LIMIT_CATALOG_TEXT, .fixed = "Cannot change %1 ID")
#define ENABLED KN_ATTR_ENABLED(KN_REST_EXACT)
#define CATALOG(table_, order_) \
    .from = table_, .table = table_, .order = order_, .clashes = CLASHES, .lock = "" /* move() */, KN_NOUN_COMMON

/* A scheme, or where this cloud is. */
static bool is_url(const char *text)
{
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-";
    size_t scheme = strspn(text, LETTERS);

    return (scheme > 0 && text[scheme] == ':' && text[scheme + 1] != '\0') ||
           strncmp(text, "$(public_endpoint)s", strlen("$(public_endpoint)s")) == 0;
}

static const struct kn_text_rule URL = { is_url, "does not match '^[a-zA-Z0-9+.-]+:.+'", false };
static const char *const INTERFACES[] = { "admin", "internal", "public", NULL };

static const struct kn_rest_clash CLASHES[] = {
    { "catalog_region_pkey", KN_CONFLICT, "Conflict occurred attempting to store region - Duplicate ID." },
    { "catalog_region_parent", KN_NOT_FOUND, "Could not find the parent region." },
    { "catalog_endpoint_service", KN_BAD_REQUEST, "The endpoint's service does not exist." },
    { "catalog_endpoint_region", KN_BAD_REQUEST, "The endpoint's region does not exist." },
    { NULL, KN_CONFLICT, NULL },
};

int kn_identity_catalog_moved(struct kn_db *db, struct kn_error *err)
{
    static const struct kn_stmt MOVED = { "catalog_moved", "UPDATE catalog_version SET version = version + 1", 0 };

    return kn_db_run(db, &MOVED, KN_NO_ARGS, NULL, err);
}

/* The version first: two changes at once go one behind the other, so that no two regions can become each other's parent. */
static int catalog_noun_move(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                             struct kn_error *err)
{
    (void)id;
    (void)now;
    (void)object;
    return kn_identity_catalog_moved(req->db, err);
}

/* --- regions --- */

static const struct kn_rest_attr REGION_ATTRS[] = {
    ID(KN_REST_POST),
    KN_ATTR_DESCRIPTION(0),
    TEXT_OF("parent_region_id", "parent_id", KN_REST_FIND | KN_REST_NULL, .column = "parent_id", .form = KN_REF_FORM),
    KN_ATTR_EXTRA,
    KN_ATTR_LINKS,
    KN_REST_ATTRS_END,
};
/* clang-format off */
static const struct kn_stmt REGION_ENSURE = { "catalog_region_ensure",
    "INSERT INTO catalog_region (id) VALUES ($1) ON CONFLICT DO NOTHING", 1 };
/* clang-format on */
/* Whether this region is below itself. */
static const struct kn_stmt REGION_CIRCLE = {
    "catalog_region_circle",
    "WITH RECURSIVE up (id) AS (SELECT parent_id FROM catalog_region WHERE id = $1 UNION SELECT r.parent_id FROM catalog_region r "
    "JOIN up ON up.id = r.id) SELECT FROM up WHERE id = $1",
    1
};

int kn_identity_catalog_region_ensure(struct kn_db *db, const char *id, struct kn_error *err)
{
    return kn_db_run(db, &REGION_ENSURE, KN_ARGS(id), NULL, err);
}

/* A region is called as its maker likes: in the path, in the body, or by chance. */
static int catalog_noun_choose_id(struct kn_request *req, const json_t *object, const char **ret_id,
                                  struct kn_error *err)
{
    const char *said = kn_identity_said(object, "id"), *path = req->params[0];

    if (path != NULL && said != NULL && strcmp(path, said) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Conflicting region IDs specified: \"%.100s\" != \"%.100s\"", path, said);
    }
    said = path != NULL ? path : said;
    if (said != NULL && !kn_limit_fits(KN_LIMIT_CATALOG_TEXT, said)) {
        return kn_fail(err, KN_BAD_REQUEST, "the region's id is longer than %d characters", KN_MAX_CATALOG_TEXT);
    }
    *ret_id = said != NULL && said[0] != '\0' ? said : NULL;
    return 0;
}

static int check_circle(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                        struct kn_error *err)
{
    int64_t found = 0;

    if (now == NULL || object == NULL) {
        return 0;
    }
    if (kn_db_change(req->db, &REGION_CIRCLE, KN_ARGS(id), &found, err) < 0) {
        return -1;
    }
    return found == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "The specified parent region would create a circular region hierarchy.");
}

const struct kn_rest_noun kn_identity_region_noun = {
    .one = "region",
    .many = "regions",
    .label = "region",
    .path = "/regions",
    .attrs = REGION_ATTRS,
    CATALOG("catalog_region", "id"),
    .choose_id = catalog_noun_choose_id,
    .decide = catalog_noun_move,
    .after = check_circle,
    .in_use = "Unable to delete %1 %2 because it or its child regions have associated endpoints.",
};

/* --- services --- */

static const struct kn_rest_attr SERVICE_ATTRS[] = {
    ID(0),
    KN_SHOWN_TEXT("type", "type", KN_REST_FIND | KN_REST_WRITE | KN_REST_REQUIRED, .column = "type",
                  .limit = KN_LIMIT_CATALOG_TYPE),
    TEXT_OF("name", "name", KN_REST_FIND | KN_REST_CLEAR, .column = "name"),
    KN_ATTR_DESCRIPTION(0),
    ENABLED,
    KN_ATTR_EXTRA,
    KN_ATTR_LINKS,
    KN_REST_ATTRS_END,
};
const struct kn_rest_noun kn_identity_service_noun = {
    .one = "service",
    .many = "services",
    .label = "service",
    .path = "/services",
    .attrs = SERVICE_ATTRS,
    CATALOG("catalog_service", "name"),
    .decide = catalog_noun_move,
};

/* --- endpoints --- */

/* The place of this cloud is filled in, projects and users are not: this URL is everybody's. */
static void print_url(const struct kn_request *req, const char *name, const char *template, struct kn_strbuf *out)
{
    static const char HERE[] = "$(public_endpoint)s";
    AUTO_FREE char *here = kn_identity_public_url(req);
    bool inside = strncmp(template, HERE, strlen(HERE)) == 0;
    AUTO_FREE char *url = kn_asprintf("%s%s", inside ? here : "", inside ? template + strlen(HERE) : template);

    kn_jsonw_str(out, name, url);
}

static const struct kn_rest_attr ENDPOINT_ATTRS[] = {
    ID(KN_REST_POST),
    KN_SHOWN_TEXT("interface", "interface", KN_REST_FIND | KN_REST_WRITE | KN_REST_REQUIRED, .column = "interface",
                  .words = INTERFACES),
    KN_SHOWN_TEXT("region", "region_id", KN_REST_FIND | KN_REST_NULL | KN_REST_WRITE, .limit = KN_LIMIT_CATALOG_TEXT),
    TEXT_OF("region_id", "region_id", KN_REST_FIND | KN_REST_NULL, .column = "region_id", .form = KN_REF_FORM),
    KN_SHOWN_TEXT("service_id", "service_id", KN_REST_FIND | KN_REST_WRITE | KN_REST_REQUIRED, .column = "service_id",
                  .limit = KN_LIMIT_IDENTITY_ID),
    KN_SHOWN_TEXT("url", "url", KN_REST_WRITE | KN_REST_REQUIRED, .column = "url", .limit = KN_LIMIT_ENDPOINT_URL,
                  .rule = &URL, .print = print_url),
    ENABLED,
    TEXT_OF("name", "name", KN_REST_IF_SET | KN_REST_CLEAR, .column = "name"),
    KN_ATTR_DESCRIPTION(KN_REST_IF_SET),
    KN_ATTR_EXTRA,
    KN_ATTR_LINKS,
    KN_REST_ATTRS_END,
};

/* What a URL names is known. */
static int check_url(struct kn_request *req, json_t *object, struct kn_error *err)
{
    static const struct kn_identity_catalog ANY = { "http://here", "user", "project" };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;
    const char *template = kn_identity_said(object, "url");

    (void)req;
    return template == NULL || kn_identity_catalog_url_fill(&ANY, template, &url)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "The specified endpoint has invalid URL: %.100s", template);
}

/* "region" is an old word for "region_id"; what it names is made if it is not there. */
static int settle_region(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                         struct kn_error *err)
{
    const char *region = kn_identity_said(object, "region");

    if (catalog_noun_move(req, id, now, object, err) < 0) {
        return -1;
    }
    if (region == NULL || region[0] == '\0' || json_object_get(object, "region_id") != NULL) {
        return 0;
    }
    json_object_set_new(object, "region_id", json_string(region));
    return kn_identity_catalog_region_ensure(req->db, region, err);
}

const struct kn_rest_noun kn_identity_endpoint_noun = {
    .one = "endpoint",
    .many = "endpoints",
    .label = "endpoint",
    .path = "/endpoints",
    .attrs = ENDPOINT_ATTRS,
    CATALOG("catalog_endpoint", "name"),
    .check = check_url,
    .decide = settle_region,
};
