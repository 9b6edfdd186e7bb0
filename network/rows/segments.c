/* SPDX-License-Identifier: Apache-2.0 */
/* segments.c: the one segment of each network, a report over networks.c's rows; and the one provider of routers that there is. */
#include "network/rows/segments.h"

#include <string.h>

#include "lib/domain/message.h"
#include "lib/rest/manners.h"
#include "network/rows/standard.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "n.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("network_id", "n.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("physical_network", "n.physical", KN_REST_TEXT, FIND | KN_REST_NULL),
    KN_REST_ATTR("network_type", "n.type", KN_REST_TEXT, FIND),
    KN_REST_ATTR("segmentation_id", "(CASE WHEN n.type = 'vxlan' THEN n.vni END)", KN_REST_INT, FIND | KN_REST_NULL),
    KN_REST_ATTR("name", "NULL::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER | KN_REST_NULL),
    KN_REST_ATTR("description", "NULL::text", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FILTER | KN_REST_NULL),
    KN_NETWORK_TIMES("n"),
    KN_REST_ATTRS_END,
};

const struct kn_rest_noun kn_network_segments = {
    .one = "segment",
    .many = "segments",
    .label = "Segment",
    .absent = "Segment %2 could not be found.",
    .absent_name = "SegmentNotFound",
    .path = "/segments",
    .from = "network n",
    .id = "n.id",
    .id_type = KN_REST_UUID,
    .visible = KN_NETWORK_NOBODYS,
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .manners = &KN_REST_NEUTRON,
};

int kn_network_segments_refuse(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)res;
    return kn_fail(
        err, KN_NOT_IMPLEMENTED,
        "Networks of several segments are not built in Kilonova: each has one, which comes and goes with it.");
}

int kn_network_segments_read(json_t *object, struct kn_error *err)
{
    static const char *const NAMES[] = { "provider:network_type", "provider:physical_network",
                                         "provider:segmentation_id" };
    const json_t *segments = json_object_get(object, "segments"), *one = json_array_get(segments, 0);

    if (json_array_size(segments) == 0) {
        return 0;
    }
    if (json_array_size(segments) > 1) {
        kn_fail(err, KN_BAD_REQUEST,
                "Invalid input for operation: networks of several segments are not supported, this cloud's have one.");
        return kn_fail_name(err, "InvalidInput");
    }
    if (kn_json_str(one, NAMES[0])[0] == '\0') {
        kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: network_type required.");
        return kn_fail_name(err, "InvalidInput");
    }
    for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (json_object_get(object, NAMES[i]) != NULL) {
            kn_fail(err, KN_BAD_REQUEST,
                    "Invalid input for operation: Segments and provider values cannot both be set.");
            return kn_fail_name(err, "SegmentsSetInConjunctionWithProviders");
        }
        if (json_object_get(one, NAMES[i]) != NULL && !json_is_null(json_object_get(one, NAMES[i]))) {
            json_object_set(object, NAMES[i], json_object_get(one, NAMES[i]));
        }
    }
    return 0;
}

/* --- who provides ------------------------------------------------------------------------------------------------- */

static const struct kn_rest_attr PROVIDER_ATTRS[] = {
    KN_REST_ATTR("service_type", "v.service_type", KN_REST_TEXT, FIND),
    KN_REST_ATTR("name", "v.name", KN_REST_TEXT, FIND),
    KN_REST_ATTR("default", "v.is_default", KN_REST_BOOL, FIND),
    KN_REST_ATTRS_END,
};

/* Neutron's name for a router that is on one host. */
const struct kn_rest_noun kn_network_service_providers = {
    .one = "service_provider",
    .many = "service_providers",
    .label = "Service provider",
    .path = "/service-providers",
    .from = "(VALUES ('L3_ROUTER_NAT', 'single_node', true)) v(service_type, name, is_default)",
    .id = "v.name",
    .id_type = KN_REST_TEXT,
    .order = "name",
    .ascending = true,
    .ties = "name",
    .attrs = PROVIDER_ATTRS,
    .manners = &KN_REST_NEUTRON,
};
