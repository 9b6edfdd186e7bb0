/* SPDX-License-Identifier: Apache-2.0 */
/* Regions, services and endpoints over HTTP: one set of handlers, the path says which noun. Rows and rules are catalog_noun.c's. */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/auth/catalog.h"
#include "identity/auth/identity.h"
#include "identity/rows/body.h"
#include "identity/rows/catalog_noun.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

static const struct kn_catalog_noun *const NOUNS[] = { &kn_catalog_regions, &kn_catalog_services, &kn_catalog_endpoints };

/* "/v3/<collection>[/{key}]" */
static const struct kn_catalog_noun *noun_of(const struct kn_request *req)
{
    const char *word = req->route->path + strlen("/v3/");
    size_t len = strcspn(word, "/"), i = 0;

    while (strncmp(NOUNS[i]->rest->many, word, len) != 0) {
        i++;
    }
    return NOUNS[i];
}

int kn_catalog_nouns_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(noun_of(req)->rest, req, KN_REST_LIST, NULL, res, err); /* the catalog belongs to no domain */
}

int kn_catalog_nouns_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(noun_of(req)->rest, req, req->params[0], KN_REST_SHOW, res, err);
}

static void take_values(const struct kn_catalog_noun *noun, const json_t *object, const char **values)
{
    for (int i = 0; i < KN_CATALOG_FIELDS && noun->fields[i] != NULL; i++) {
        const json_t *value = json_object_get(object, noun->fields[i]);
        values[i] = json_is_boolean(value) ? (json_is_true(value) ? "true" : "false") : kn_body_text(object, noun->fields[i]);
    }
}

/* "region" of an endpoint is an old word for "region_id". */
static int take_region(struct kn_request *req, const struct kn_catalog_noun *noun, const json_t *object, const char **values,
                       struct kn_error *err)
{
    const char *region = json_string_value(json_object_get(object, "region"));

    if (noun != &kn_catalog_endpoints || region == NULL || region[0] == '\0') {
        return 0;
    }
    for (int i = 0; i < KN_CATALOG_FIELDS && noun->fields[i] != NULL; i++) {
        if (strcmp(noun->fields[i], "region_id") == 0 && values[i] == NULL) {
            values[i] = region;
            return kn_catalog_region_ensure(req->db, region, err);
        }
    }
    return 0;
}

/* What a URL names is known. */
static int check_url(const json_t *object, struct kn_error *err)
{
    static const struct kn_catalog ANY = { "http://here", "user", "project" };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;
    const char *template = json_string_value(json_object_get(object, "url"));

    return template == NULL || kn_catalog_url_fill(&ANY, template, &url)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "The specified endpoint has invalid URL: %.100s", template);
}

static int read_body(struct kn_request *req, const struct kn_catalog_noun *noun, const struct kn_schema *schema, const json_t **ret,
                     const char **values, const char **ret_extra, struct kn_error *err)
{
    if (kn_body_open_object(req, noun->rest->one, schema, ret, ret_extra, err) < 0 || check_url(*ret, err) < 0) {
        return -1;
    }
    take_values(noun, *ret, values);
    return take_region(req, noun, *ret, values, err);
}

/* A region is called as its maker likes: in the path, in the body, or by chance. Everything else by chance. */
static int choose_id(const struct kn_request *req, const struct kn_catalog_noun *noun, const json_t *object, char out[KN_SIZE_OF(CATALOG_TEXT)],
                     struct kn_error *err)
{
    const char *said = noun == &kn_catalog_regions ? json_string_value(json_object_get(object, "id")) : NULL;
    const char *path = req->params[0];

    if (path != NULL && said != NULL && strcmp(path, said) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Conflicting region IDs specified: \"%.100s\" != \"%.100s\"", path, said);
    }
    said = path != NULL ? path : said;
    if (said != NULL && !kn_limit_fits(KN_LIMIT_CATALOG_TEXT, said)) {
        return kn_fail(err, KN_BAD_REQUEST, "the region's id is longer than %d characters", KN_MAX_CATALOG_TEXT);
    }
    if (said != NULL && said[0] != '\0') {
        kn_copy(out, KN_SIZE_OF(CATALOG_TEXT), said);
    } else {
        kn_uuid_make_hex(out);
    }
    return 0;
}

int kn_catalog_nouns_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_catalog_noun *noun = noun_of(req);
    const char *values[KN_CATALOG_FIELDS] = { NULL }, *extra = NULL;
    const json_t *object = NULL;
    char id[KN_SIZE_OF(CATALOG_TEXT)];

    if (read_body(req, noun, noun->create, &object, values, &extra, err) < 0 || choose_id(req, noun, object, id, err) < 0 ||
        kn_catalog_insert(req->db, noun, id, values, extra, err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return kn_rest_show(noun->rest, req, id, KN_REST_SHOW, res, err);
}

int kn_catalog_nouns_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_catalog_noun *noun = noun_of(req);
    const char *values[KN_CATALOG_FIELDS] = { NULL }, *extra = NULL;
    const json_t *object = NULL;

    if (read_body(req, noun, noun->update, &object, values, &extra, err) < 0) {
        return -1;
    }
    const char *id = json_string_value(json_object_get(object, "id"));
    if (id != NULL && strcmp(id, req->params[0]) != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Cannot change %s ID", noun->rest->one);
    }
    if (kn_catalog_change(req->db, noun, req->params[0], values, extra, err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return kn_rest_show(noun->rest, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_catalog_nouns_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    if (kn_catalog_remove(req->db, noun_of(req), req->params[0], err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}
