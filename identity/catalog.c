/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the catalog: a table of services. The forms of the URLs are what gophercloud, keystoneauth and Tempest agree on: compute
 * and volume with their version, image and network without, since some clients append it blindly.
 */
#include "identity/catalog.h"

#include <string.h>

#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"

static const struct {
    const char *type;
    const char *name;
    const char *path;
    bool project; /* the path ends with the project's id */
} SERVICES[] = {
    { "identity", "keystone", "/identity", false },
    { "compute", "nova", "/compute/v2.1", false },
    { "image", "glance", "/image", false },
    { "network", "neutron", "/network", false },
    { "block-storage", "cinder", "/volume/v3", true },
    { "volumev3", "cinderv3", "/volume/v3", true }, /* what Tempest 33 and old SDKs look for */
};
static const char *const INTERFACES[] = { "public", "internal", "admin" };

/* Ids that stay the same over restarts and in every copy of the API. */
static void add_id(struct kn_strbuf *sb, const char *type, const char *interface)
{
    AUTO_FREE char *seed = kn_asprintf("kilonova %s %s", type, interface);
    char id[KN_MD5_HEX];

    kn_md5_hex(seed, strlen(seed), id);
    kn_jsonw_str(sb, "id", id);
}

static void add_endpoint(struct kn_strbuf *sb, size_t service, const char *interface, const struct kn_catalog *c)
{
    bool project = SERVICES[service].project && c->project_id[0] != '\0';
    AUTO_FREE char *url =
        kn_asprintf("%s%s%s%s", c->url, SERVICES[service].path, project ? "/" : "", project ? c->project_id : "");

    kn_jsonw_object(sb, NULL);
    add_id(sb, SERVICES[service].type, interface);
    kn_jsonw_str(sb, "interface", interface);
    kn_jsonw_str(sb, "region", c->region);
    kn_jsonw_str(sb, "region_id", c->region);
    kn_jsonw_str(sb, "url", url);
    kn_jsonw_end_object(sb);
}

void kn_catalog_write(struct kn_strbuf *sb, const char *key, const struct kn_catalog *c)
{
    kn_jsonw_array(sb, key);
    for (size_t i = 0; i < KN_COUNT(SERVICES); i++) {
        kn_jsonw_object(sb, NULL);
        add_id(sb, SERVICES[i].type, "");
        kn_jsonw_str(sb, "type", SERVICES[i].type);
        kn_jsonw_str(sb, "name", SERVICES[i].name);
        kn_jsonw_array(sb, "endpoints");
        for (size_t k = 0; k < KN_COUNT(INTERFACES); k++) {
            add_endpoint(sb, i, INTERFACES[k], c);
        }
        kn_jsonw_end_array(sb);
        kn_jsonw_end_object(sb);
    }
    kn_jsonw_end_array(sb);
}
