/* SPDX-License-Identifier: Apache-2.0 */
/* network_kind.c: overlays and physical networks, external ones and others. What hosts make of it is network/host/link/external.c's. */
#include "network/rows/network_kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/limits.h"
#include "lib/domain/schema.h"
#include "lib/rest/write.h"
#include "network/rows/l3/routers.h"
#include "network/rows/networks.h"

#define OVERLAY 50 /* what VXLAN adds: Ethernet, IPv4, UDP and its own header */
#define OVERLAY_V6 70 /* the same over IPv6 */

static int kind_bad(struct kn_error *err, const char *format, const char *a, const char *b)
{
    char words[200];

    snprintf(words, sizeof(words), "Invalid input for operation: %s.", format);
    kn_rest_fail(err, KN_BAD_REQUEST, words, a, b);
    return kn_fail_name(err, "InvalidInput");
}

static const struct kn_stmt KNOWN = { "kind_physical", "SELECT 1 FROM network_host WHERE $1 = ANY(physical) LIMIT 1",
                                      1 };

static int kind_check_flat(struct kn_request *req, json_t *object, const char *physical, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (physical == NULL) {
        return kind_bad(err, "physical_network required for flat provider network", "", "");
    }
    if (json_object_get(object, "provider:segmentation_id") != NULL) {
        return kind_bad(err, "provider:segmentation_id specified for flat network", "", "");
    }
    if (kn_db_run(req->db, &KNOWN, KN_ARGS(physical), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kind_bad(err, "physical_network '%1' unknown for flat provider network", physical, "");
    }
    return 0;
}

static const struct kn_stmt OVER_V6 = { "kind_over_v6", "SELECT 1 FROM host WHERE underlay LIKE '%:%' LIMIT 1", 0 };

static int kind_largest(struct kn_request *req, bool is_flat, int *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (!is_flat && kn_db_run(req->db, &OVER_V6, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    const int largest = (int)req->conf->network_physical_mtu - (is_flat                   ? 0
                                                                : kn_rows_count(rows) > 0 ? OVERLAY_V6
                                                                                          : OVERLAY);

    *ret = largest < KN_MAX_MTU ? largest : KN_MAX_MTU;
    return 0;
}

int kn_network_kind_mtu(struct kn_request *req, const struct kn_rows *now, json_t *object, struct kn_error *err)
{
    const struct kn_rest_noun *noun = &kn_network_networks;
    const char *type = now != NULL ? kn_rest_was(noun, now, "provider:network_type")
                                   : kn_schema_text(object, "provider:network_type", "vxlan");
    const int64_t had = now != NULL ? strtoll(kn_rest_was(noun, now, "mtu"), NULL, 10) : 0;
    const int64_t mtu = kn_schema_int(object, "mtu", had);
    char largest_text[24];
    int largest = 0;

    if (now != NULL && mtu <= had && mtu > 0) {
        return 0;
    }
    if (kind_largest(req, strcmp(type, "flat") == 0, &largest, err) < 0) {
        return -1;
    }
    if (mtu == 0) {
        json_object_set_new(object, "mtu", json_integer(largest));
    }
    snprintf(largest_text, sizeof(largest_text), "%d", largest);
    return mtu <= largest ? 0 : kind_bad(err, "Requested MTU is too big, maximum is %1", largest_text, "");
}

int kn_network_kind_new(struct kn_request *req, json_t *object, struct kn_error *err)
{
    const char *physical = kn_schema_text(object, "provider:physical_network", NULL);
    const char *type = kn_schema_text(object, "provider:network_type", NULL);

    if (type == NULL && physical != NULL) {
        return kind_bad(err, "network_type required", "", "");
    }
    if (type != NULL && strcmp(type, "flat") == 0) {
        return kind_check_flat(req, object, physical, err);
    }
    if (type != NULL && strcmp(type, "vxlan") != 0) {
        return kind_bad(err, "network_type %1 is not supported, this cloud has vxlan and flat", type, "");
    }
    return physical == NULL ? 0 : kind_bad(err, "provider:physical_network specified for vxlan network", "", "");
}

int kn_network_kind_taken(const json_t *object, struct kn_error *err)
{
    kn_fail(err, KN_CONFLICT, "Unable to create the flat network. Physical network %s is in use.",
            kn_schema_text(object, "provider:physical_network", ""));
    return kn_fail_name(err, "FlatNetworkInUse");
}

static const struct kn_stmt LEADS = {
    "kind_leads",
    "SELECT 1 FROM port WHERE network_id = $1::uuid AND device_owner IN ('" KN_ROUTER_GATEWAY "', '" KN_FLOATING_PORT
    "') LIMIT 1",
    1
};

int kn_network_kind_inside(struct kn_request *req, const char *id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &LEADS, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        kn_fail(err, KN_CONFLICT,
                "External network %s cannot be updated to be made non-external, since it has existing gateway ports.",
                id);
        return kn_fail_name(err, "ExternalNetworkInUse");
    }
    return 0;
}

static const struct kn_stmt END = {
    "kind_end",
    "WITH gone AS (DELETE FROM floating_ip f WHERE f.network_id = $1::uuid AND f.port_id IS NULL AND NOT EXISTS"
    " (SELECT 1 FROM port_forwarding w WHERE w.floating_ip_id = f.id) RETURNING f.own_port_id)"
    " DELETE FROM port p USING gone WHERE p.id = gone.own_port_id",
    1
};

int kn_network_kind_end(struct kn_request *req, const char *id, struct kn_error *err)
{
    return kn_db_run(req->db, &END, KN_ARGS(id), NULL, err);
}
