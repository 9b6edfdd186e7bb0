/* SPDX-License-Identifier: Apache-2.0 */
/* Domains over HTTP. Rows and rules are domain.c's. */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/auth/identity.h"
#include "identity/rows/body.h"
#include "identity/rows/realm.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

static bool is_hex_id(const char *text)
{
    return text[strspn(text, "0123456789abcdef")] == '\0';
}

static const struct kn_text_rule HEX_ID = { is_hex_id, "is not 32 hex digits", false };
static const struct kn_schema CREATE[] = {
    KN_BODY_SHORT_NAME(KN_REQUIRED), KN_BODY_DESCRIPTION, KN_SCHEMA("enabled", KN_IS_BOOLEAN), KN_BODY_IMMUTABLE, KN_BODY_TAGS,
    KN_SCHEMA("explicit_domain_id", KN_IS_STRING, .limit = KN_LIMIT_MADE_ID, .rule = &HEX_ID), KN_SCHEMA_END,
};
static const struct kn_schema UPDATE[] = {
    KN_BODY_SHORT_NAME(0), KN_BODY_DESCRIPTION, KN_SCHEMA("enabled", KN_IS_BOOLEAN), KN_BODY_IMMUTABLE, KN_BODY_TAGS,
    KN_SCHEMA_END,
};

static int show(struct kn_request *req, const char *id, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&kn_domain_noun, req, id, KN_REST_SHOW, res, err);
}

int kn_domains_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_realm_list(&kn_domain_noun, req, NULL, res, err);
}

int kn_domains_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return show(req, req->params[0], res, err);
}

int kn_domains_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array tags = KN_ARRAY_INIT;
    char id[KN_HEX_SIZE];
    const json_t *domain = NULL;
    struct kn_change change = { 0 };

    kn_uuid_make_hex(id);
    if (kn_body_open_object(req, "domain", CREATE, &domain, &change.extra, err) < 0 ||
        kn_body_tags(domain, &tags, &change.tags, err) < 0) {
        return -1;
    }
    kn_body_change(domain, &change);
    if (json_object_get(domain, "explicit_domain_id") != NULL) {
        kn_copy(id, sizeof(id), json_string_value(json_object_get(domain, "explicit_domain_id")));
    }
    return kn_domain_insert(req->db, id, &change, err) < 0 ? -1 : show(req, id, res, err);
}

int kn_domains_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array tags = KN_ARRAY_INIT;
    const json_t *domain = NULL;
    struct kn_change change = { 0 };

    if (kn_body_open_object(req, "domain", UPDATE, &domain, &change.extra, err) < 0 ||
        kn_body_tags(domain, &tags, &change.tags, err) < 0) {
        return -1;
    }
    kn_body_change(domain, &change);
    if (kn_domain_update(req->db, req->params[0], &change, err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return show(req, req->params[0], res, err);
}

int kn_domains_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    if (kn_domain_delete(req->db, req->params[0], err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}
