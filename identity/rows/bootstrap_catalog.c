/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the first rows of the catalog: the services that this program answers for. The forms of the URLs are what gophercloud,
 * keystoneauth and Tempest agree on: compute and volume with their version, image and network without, since some clients append it
 * blindly. What is there stays as it is.
 */
#include <string.h>

#include "identity/rows/catalog_noun.h"
#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

static const struct {
    const char *type;
    const char *name;
    const char *path;
} SERVICES[] = {
    { "identity", "keystone", "/identity" },
    { "compute", "nova", "/compute/v2.1" },
    { "image", "glance", "/image" },
    { "network", "neutron", "/network" },
    { "block-storage", "cinder", "/volume/v3/$(project_id)s" },
    { "volumev3", "cinderv3", "/volume/v3/$(project_id)s" }, /* what Tempest 33 and old SDKs look for */
};
static const char *const INTERFACES[] = { "public", "internal", "admin" };

static const struct kn_stmt SERVICE = {
    "bootstrap_service",
    "INSERT INTO catalog_service (id, type, name) SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT FROM catalog_service WHERE type = $2) "
    "ON CONFLICT DO NOTHING",
    3
};
/* Only for a service that was made here and has none of this interface. */
static const struct kn_stmt ENDPOINT = {
    "bootstrap_endpoint",
    "INSERT INTO catalog_endpoint (id, service_id, interface, region_id, url) SELECT $1, id, $3, $4, '$(public_endpoint)s' || $5 "
    "FROM catalog_service s WHERE id = $2 AND NOT EXISTS (SELECT FROM catalog_endpoint WHERE service_id = s.id AND interface = $3) "
    "ON CONFLICT DO NOTHING",
    5
};

/* Ids that are the same in every installation: a catalog that was lost comes back as it was. */
static void make_id(const char *type, const char *interface, char out[KN_MD5_HEX])
{
    AUTO_FREE char *seed = kn_asprintf("kilonova %s %s", type, interface);
    kn_md5_hex(seed, strlen(seed), out);
}

static int make_service(struct kn_db *db, size_t i, const char *region, struct kn_error *err)
{
    char service[KN_MD5_HEX], endpoint[KN_MD5_HEX];

    make_id(SERVICES[i].type, "", service);
    if (kn_db_run(db, &SERVICE, KN_ARGS(service, SERVICES[i].type, SERVICES[i].name), NULL, err) < 0) {
        return -1;
    }
    for (size_t k = 0; k < KN_COUNT(INTERFACES); k++) {
        make_id(SERVICES[i].type, INTERFACES[k], endpoint);
        if (kn_db_run(db, &ENDPOINT, KN_ARGS(endpoint, service, INTERFACES[k], region, SERVICES[i].path), NULL, err) <
            0) {
            return -1;
        }
    }
    return 0;
}

int kn_identity_bootstrap_catalog(struct kn_db *db, const char *region, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { 0 };

    if (kn_tx_begin(&tx, db, err) < 0 || kn_identity_catalog_region_ensure(db, region, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < KN_COUNT(SERVICES); i++) {
        if (make_service(db, i, region, err) < 0) {
            return -1;
        }
    }
    return kn_identity_catalog_moved(db, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}
