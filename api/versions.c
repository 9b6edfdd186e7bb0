/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the version documents. Their shapes differ by service and clients parse each one exactly as it is, slashes and statuses
 * included; `updated` is the date of the API's definition, not of ours. It must never ask for a token: discovery is sent without.
 */
#include "api/versions.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/base/mem.h"

struct page {
    const struct kn_api *api;
    const char *base;
    const char *rest;
    struct kn_response *res;
    struct kn_strbuf *sb;
};

static void open_link(struct kn_strbuf *sb, const char *rel)
{
    kn_jsonw_object(sb, NULL);
    kn_jsonw_str(sb, "rel", rel);
}

static void add_self(struct kn_strbuf *sb, const char *base, const char *path)
{
    AUTO_FREE char *href = kn_asprintf("%s%s", base, path);
    open_link(sb, "self");
    kn_jsonw_str(sb, "href", href);
    kn_jsonw_end_object(sb);
}

static void add_docs(struct kn_strbuf *sb)
{
    open_link(sb, "describedby");
    kn_jsonw_str(sb, "type", "text/html");
    kn_jsonw_str(sb, "href", "https://docs.openstack.org/");
    kn_jsonw_end_object(sb);
}

static void add_media(struct kn_strbuf *sb, const char *type)
{
    kn_jsonw_array(sb, "media-types");
    kn_jsonw_object(sb, NULL);
    kn_jsonw_str(sb, "base", "application/json");
    kn_jsonw_str(sb, "type", type);
    kn_jsonw_end_object(sb);
    kn_jsonw_end_array(sb);
}

static void add_range(const struct page *p)
{
    char version[24];

    snprintf(version, sizeof(version), "%d.%d", p->api->major, p->api->max_minor);
    kn_jsonw_str(p->sb, "version", version);
    snprintf(version, sizeof(version), "%d.%d", p->api->major, p->api->min_minor);
    kn_jsonw_str(p->sb, "min_version", version);
}

static void keystone_values(const struct page *p, const char *key)
{
    kn_jsonw_object(p->sb, key);
    kn_jsonw_str(p->sb, "id", "v3.14");
    kn_jsonw_str(p->sb, "status", "stable");
    kn_jsonw_str(p->sb, "updated", "2020-04-07T00:00:00Z");
    kn_jsonw_array(p->sb, "links");
    add_self(p->sb, p->base, "/v3/");
    kn_jsonw_end_array(p->sb);
    add_media(p->sb, "application/vnd.openstack.identity-v3+json");
    kn_jsonw_end_object(p->sb);
}

static void keystone_root(const struct page *p)
{
    AUTO_FREE char *v3 = kn_asprintf("%s/v3/", p->base);

    kn_response_header(p->res, "Location", v3);
    kn_jsonw_object(p->sb, "versions");
    kn_jsonw_array(p->sb, "values");
    keystone_values(p, NULL);
    kn_jsonw_end_array(p->sb);
    kn_jsonw_end_object(p->sb);
}

static void keystone_v3(const struct page *p)
{
    keystone_values(p, "version");
}

static void nova_v21(const struct page *p, const char *key, bool whole)
{
    kn_jsonw_object(p->sb, key);
    kn_jsonw_str(p->sb, "id", "v2.1");
    kn_jsonw_str(p->sb, "status", "CURRENT");
    add_range(p);
    kn_jsonw_str(p->sb, "updated", "2013-07-23T11:33:21Z");
    kn_jsonw_array(p->sb, "links");
    add_self(p->sb, p->base, "/v2.1/");
    if (whole) {
        add_docs(p->sb);
    }
    kn_jsonw_end_array(p->sb);
    if (whole) {
        add_media(p->sb, "application/vnd.openstack.compute+json;version=2.1");
    }
    kn_jsonw_end_object(p->sb);
}

static void nova_v20(const struct page *p, const char *key, bool whole)
{
    kn_jsonw_object(p->sb, key);
    kn_jsonw_str(p->sb, "id", "v2.0");
    kn_jsonw_str(p->sb, "status", "DEPRECATED");
    kn_jsonw_str(p->sb, "version", "");
    kn_jsonw_str(p->sb, "min_version", "");
    kn_jsonw_str(p->sb, "updated", "2011-01-21T11:33:21Z");
    kn_jsonw_array(p->sb, "links");
    add_self(p->sb, p->base, "/v2/");
    if (whole) {
        add_docs(p->sb);
    }
    kn_jsonw_end_array(p->sb);
    if (whole) {
        add_media(p->sb, "application/vnd.openstack.compute+json;version=2");
    }
    kn_jsonw_end_object(p->sb);
}

static void nova_root(const struct page *p)
{
    kn_jsonw_array(p->sb, "versions");
    nova_v20(p, NULL, false);
    nova_v21(p, NULL, false);
    kn_jsonw_end_array(p->sb);
}

static void nova_version(const struct page *p)
{
    nova_v21(p, "version", true);
}

static void nova_old_version(const struct page *p)
{
    nova_v20(p, "version", true);
}

/* A path without a version: what the client may have meant. */
static void nova_choices(const struct page *p)
{
    AUTO_FREE char *path = kn_asprintf("/v2.1%s", p->rest);

    kn_jsonw_array(p->sb, "choices");
    kn_jsonw_object(p->sb, NULL);
    kn_jsonw_str(p->sb, "id", "v2.1");
    kn_jsonw_str(p->sb, "status", "CURRENT");
    kn_jsonw_array(p->sb, "links");
    add_self(p->sb, p->base, path);
    kn_jsonw_end_array(p->sb);
    add_media(p->sb, "application/vnd.openstack.compute+json;version=2.1");
    kn_jsonw_end_object(p->sb);
    kn_jsonw_end_array(p->sb);
}

static void glance_versions(const struct page *p)
{
    /* 14, 16 and 18 are the calls about an API's own cache, which only a Glance that keeps one speaks */
    static const int MINORS[] = { 17, 15, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 };

    kn_jsonw_array(p->sb, "versions");
    for (size_t i = 0; i < KN_COUNT(MINORS); i++) {
        AUTO_FREE char *id = kn_asprintf("v2.%d", MINORS[i]);
        kn_jsonw_object(p->sb, NULL);
        kn_jsonw_str(p->sb, "id", id);
        kn_jsonw_str(p->sb, "status", i == 0 ? "CURRENT" : "SUPPORTED");
        kn_jsonw_array(p->sb, "links");
        add_self(p->sb, p->base, "/v2/");
        kn_jsonw_end_array(p->sb);
        kn_jsonw_end_object(p->sb);
    }
    kn_jsonw_end_array(p->sb);
}

static void neutron_root(const struct page *p)
{
    kn_jsonw_array(p->sb, "versions");
    kn_jsonw_object(p->sb, NULL);
    kn_jsonw_str(p->sb, "id", "v2.0");
    kn_jsonw_str(p->sb, "status", "CURRENT");
    kn_jsonw_array(p->sb, "links");
    add_self(p->sb, p->base, "/v2.0/");
    kn_jsonw_end_array(p->sb);
    kn_jsonw_end_object(p->sb);
    kn_jsonw_end_array(p->sb);
}

static void neutron_resources(const struct page *p)
{
    static const char *const RESOURCES[][2] = { { "network", "networks" },
                                                { "subnet", "subnets" },
                                                { "port", "ports" } };

    kn_jsonw_array(p->sb, "resources");
    for (size_t i = 0; i < KN_COUNT(RESOURCES); i++) {
        AUTO_FREE char *path = kn_asprintf("/v2.0/%s", RESOURCES[i][1]);
        kn_jsonw_object(p->sb, NULL);
        kn_jsonw_str(p->sb, "name", RESOURCES[i][0]);
        kn_jsonw_str(p->sb, "collection", RESOURCES[i][1]);
        kn_jsonw_array(p->sb, "links");
        add_self(p->sb, p->base, path);
        kn_jsonw_end_array(p->sb);
        kn_jsonw_end_object(p->sb);
    }
    kn_jsonw_end_array(p->sb);
}

static void cinder_versions(const struct page *p)
{
    kn_jsonw_array(p->sb, "versions");
    kn_jsonw_object(p->sb, NULL);
    kn_jsonw_str(p->sb, "id", "v3.0");
    kn_jsonw_str(p->sb, "status", "CURRENT");
    add_range(p);
    kn_jsonw_str(p->sb, "updated", "2023-08-31T00:00:00Z");
    kn_jsonw_array(p->sb, "links");
    add_docs(p->sb);
    add_self(p->sb, p->base, "/v3/");
    kn_jsonw_end_array(p->sb);
    add_media(p->sb, "application/vnd.openstack.volume+json;version=3");
    kn_jsonw_end_object(p->sb);
    kn_jsonw_end_array(p->sb);
}

static const struct {
    enum kn_dialect dialect;
    const char *rest; /* the first that fits wins; "*" = any path without "/v2.1" at its front */
    int status;
    void (*write)(const struct page *);
} PAGES[] = {
    { KN_DIALECT_KEYSTONE, "", 300, keystone_root },
    { KN_DIALECT_KEYSTONE, "/", 300, keystone_root },
    { KN_DIALECT_KEYSTONE, "/v3", 200, keystone_v3 },
    { KN_DIALECT_KEYSTONE, "/v3/", 200, keystone_v3 },
    { KN_DIALECT_NOVA, "", 200, nova_root },
    { KN_DIALECT_NOVA, "/", 200, nova_root },
    { KN_DIALECT_NOVA, "/v2.1", 200, nova_version },
    { KN_DIALECT_NOVA, "/v2.1/", 200, nova_version },
    { KN_DIALECT_NOVA, "/v2", 200, nova_old_version },
    { KN_DIALECT_NOVA, "/v2/", 200, nova_old_version },
    { KN_DIALECT_NOVA, "*", 300, nova_choices },
    { KN_DIALECT_GLANCE, "", 300, glance_versions },
    { KN_DIALECT_GLANCE, "/", 300, glance_versions },
    { KN_DIALECT_GLANCE, "/versions", 200, glance_versions },
    { KN_DIALECT_NEUTRON, "", 200, neutron_root },
    { KN_DIALECT_NEUTRON, "/", 200, neutron_root },
    { KN_DIALECT_NEUTRON, "/v2.0/", 200, neutron_resources },
    { KN_DIALECT_CINDER, "", 300, cinder_versions },
    { KN_DIALECT_CINDER, "/", 300, cinder_versions },
    { KN_DIALECT_CINDER, "/v3", 200, cinder_versions },
    { KN_DIALECT_CINDER, "/v3/", 200, cinder_versions },
};

static bool fits(const char *pattern, const char *rest)
{
    return pattern[0] == '*' ? strncmp(rest, "/v2.1/", 6) != 0 : strcmp(pattern, rest) == 0;
}

bool kn_api_versions_answer(const struct kn_api *api, const char *rest, const char *base, struct kn_response *res)
{
    struct page page = { api, base, rest, res, &res->body };

    for (size_t i = 0; i < KN_COUNT(PAGES); i++) {
        if (PAGES[i].dialect == api->dialect && fits(PAGES[i].rest, rest)) {
            res->status = PAGES[i].status;
            kn_jsonw_object(&res->body, NULL);
            PAGES[i].write(&page);
            kn_jsonw_end_object(&res->body);
            return true;
        }
    }
    return false;
}

void kn_api_versions_index(const struct kn_api *const *apis, const char *base, struct kn_response *res)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "services");
    for (; *apis != NULL; apis++) {
        AUTO_FREE char *href = kn_asprintf("%s%s", base, (*apis)->prefix);
        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_str(&res->body, "name", (*apis)->name);
        kn_jsonw_str(&res->body, "href", href);
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
}
