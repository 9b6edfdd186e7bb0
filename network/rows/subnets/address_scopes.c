/* SPDX-License-Identifier: Apache-2.0 */
/* address_scopes.c: address scopes as a table. Which pools may be in one is pools.c's. */
#include <string.h>

#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/networks.h"
#include "network/rows/shared.h"
#include "network/rows/subnets/pools.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "sc.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("name", "sc.name", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "name", .limit = KN_LIMIT_NETWORK_NAME, .rule = &KN_NEUTRON_NAME),
    KN_REST_ATTR("tenant_id", "sc.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", "sc.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_NETWORK_SHARED_ATTR("sc", KN_REST_WRITE, .post = KN_NEUTRON_CREATE_ADDRESS_SCOPE_SHARED, .put = KN_NEUTRON_UPDATE_ADDRESS_SCOPE_SHARED),
    KN_REST_ATTR("ip_version", "sc.ip_version", KN_REST_INT, FIND | KN_REST_POST | KN_REST_REQUIRED, .column = "ip_version",
                 .limit = KN_LIMIT_IP_VERSION),
    KN_REST_ATTRS_END,
};
/* clang-format on */

static int scope_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                        struct kn_error *err)
{
    if (object == NULL) {
        return 0;
    }
    if (now == NULL && kn_schema_int(object, "ip_version", 4) == 5) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for ip_version. Reason: 5 is not in [4, 6].");
    }
    if (now != NULL && kn_network_is_shared(req, kn_rest_was(&kn_network_address_scopes, now, "shared")) &&
        !kn_schema_bool(object, "shared", true)) {
        kn_fail(err, KN_BAD_REQUEST, "Unable to update address scope %s : Shared address scope can't be unshared.", id);
        return kn_fail_name(err, "AddressScopeUpdateError");
    }
    return 0;
}

static int scope_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                       struct kn_error *err)
{
    return kn_network_shared_after(&kn_network_address_scopes, req, id, now, object, err);
}

static int scope_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    (void)constraint;
    if (object != NULL) {
        return -1;
    }
    kn_fail(err, KN_CONFLICT,
            "Unable to complete operation on address scope %s. There are one or more subnet pools in use on the "
            "address scope.",
            req->params[0]);
    return kn_fail_name(err, "AddressScopeInUse");
}

static const struct kn_rest_counts COUNTS = { "network",
                                              { "scope_counts", KN_NETWORK_NOTHING KN_NETWORK_COUNTS_POLICIES, 1 },
                                              false };

const struct kn_rest_noun kn_network_address_scopes = {
    .one = "address_scope",
    .many = "address_scopes",
    .label = "Address scope",
    .absent_name = "AddressScopeNotFound",
    .path = "/address-scopes",
    .from = "address_scope sc",
    .id = "sc.id",
    .id_type = KN_REST_UUID,
    .visible = KN_NETWORK_VISIBLE("sc", KN_NETWORK_SHARED),
    .owned = "(sc.project_id = ?)",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .manners = &KN_REST_NEUTRON,
    .table = "address_scope",
    .project_column = "project_id",
    .counts = &COUNTS,
    .decide = scope_decide,
    .after = scope_after,
    .clash = scope_clash,
};
