/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Network interfaces of a server (os-interface): its ports, as they are. They come and go by tasks; a port is made or given in the wish's own transaction
 * (network/api.h), so it is shown at once, and is ACTIVE when the guest has the device.
 */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/server.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "network/api.h"

#define TRIES 5 /* somebody else took the address or the MAC: another one */

static const struct kn_schema INTERFACE_ADDRESS[] = {
    KN_SCHEMA("ip_address", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_IP),
    KN_SCHEMA_END,
};
static const struct kn_schema INTERFACE_ADDRESSES[] = {
    KN_SCHEMA("fixed_ips", KN_IS_OBJECT, .inner = INTERFACE_ADDRESS),
    KN_SCHEMA_END,
};
static const struct kn_schema INTERFACE[] = {
    KN_SCHEMA("net_id", KN_IS_STRING, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("port_id", KN_IS_STRING, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("fixed_ips", KN_IS_LIST, .limit = KN_LIMIT_ONE_ITEM, .inner = INTERFACE_ADDRESSES),
    KN_SCHEMA("tag", KN_IS_STRING, .limit = KN_LIMIT_SERVER_TAG, .rule = &KN_TEXT_TAG, .since = 49),
    KN_SCHEMA_END,
};
static const struct kn_schema INTERFACE_BODY[] = {
    KN_SCHEMA("interfaceAttachment", KN_IS_OBJECT, .inner = INTERFACE),
    KN_SCHEMA_END,
};

/* On its way in until the task that plugs it is over. */
#define PORT_STATE \
    "CASE WHEN EXISTS (SELECT FROM task t WHERE t.object_id::text = p.device_id AND t.kind = 'server.attach_interface'" \
    " AND " KN_TASK_IS_OPEN("t.state") " AND t.input->>'port' = p.id::text) THEN 'BUILD'" \
                                       " WHEN p.admin_state_up AND b.host IS NOT NULL THEN 'ACTIVE' ELSE 'DOWN' END"
#define FIXED_IPS \
    "(SELECT coalesce(json_agg(json_build_object('subnet_id', a.subnet_id, 'ip_address', host(a.ip)) ORDER BY a.ip), '[]')" \
    " FROM address a WHERE a.port_id = p.id)"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("net_id", "p.network_id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("port_id", "p.id", KN_REST_UUID, KN_REST_SHOWN),
    KN_REST_ATTR("mac_addr", "p.mac", KN_REST_MAC, KN_REST_SHOWN),
    KN_REST_ATTR("port_state", PORT_STATE, KN_REST_TEXT, KN_REST_SHOWN),
    KN_REST_ATTR("fixed_ips", FIXED_IPS, KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("tag", "p.tag", KN_REST_TEXT, KN_REST_SHOWN, .since = 70),
    KN_REST_ATTR("place", "p.nic", KN_REST_INT, 0), /* for us alone, as what no view shows */
    KN_REST_ATTR("id", "p.id", KN_REST_UUID, 0),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_noun PLUGGED = {
    .one = "interfaceAttachment",
    .many = "interfaceAttachments",
    .label = "Port",
    .from = "port p LEFT JOIN port_binding b ON b.port_id = p.id AND b.state = 'active'",
    .id = "p.id",
    .id_type = KN_REST_UUID,
    .order = "place",
    .ascending = true,
    .ties = "id",
    .unsorted = true,
    .pages_since = KN_REST_NEVER,
    .strict_since = 102,
    .attrs = ATTRS,
    .manners = &KN_REST_NOVA,
};
#define OF_SERVER(req) \
    { \
        { "p.device_id = ? AND p.device_id <> '' AND p.nic IS NOT NULL", (req)->params[0] }, \
        { \
            NULL, NULL \
        } \
    }

int kn_compute_server_interfaces_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of_server[] = OF_SERVER(req);
    AUTO(kn_rows) struct kn_rows *server = NULL;

    return kn_compute_server_get(req, req->params[0], &server, err) < 0
               ? -1
               : kn_rest_list_within(&PLUGGED, req, KN_REST_LIST, NULL, of_server, res, err);
}

static int interfaces_answer(struct kn_request *req, const char *port, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of_server[] = OF_SERVER(req);
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_rest_find(&PLUGGED, req, port, KN_REST_SHOW, of_server, &rows, err) < 0) {
        return err->code == KN_NOT_FOUND
                   ? kn_fail(err, KN_NOT_FOUND, "Instance %s does not have a port with id %.80s", req->params[0], port)
                   : -1;
    }
    kn_rest_write_one(&PLUGGED, req, KN_REST_SHOW, rows, res);
    return 0;
}

int kn_compute_server_interfaces_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;

    return kn_compute_server_get(req, req->params[0], &server, err) < 0
               ? -1
               : interfaces_answer(req, req->params[1], res, err);
}

/* --- in --- */

struct interfaces_attach {
    struct kn_request *req;
    const json_t *in;
    char project[KN_SIZE_OF(TENANT)]; /* the server's */
    char port[KN_UUID_SIZE];
    struct kn_quota_claims claims;
};

static int interfaces_begin_attach(const struct kn_request *req, const char *server_id, void *ctx, json_t *input,
                                   struct kn_error *err)
{
    struct interfaces_attach *attach = ctx;
    const json_t *ip = json_array_get(json_object_get(attach->in, "fixed_ips"), 0);
    const struct kn_network_nic_wish wish = {
        .server_id = server_id,
        .project_id = attach->project,
        .network_id = kn_schema_text(attach->in, "net_id", NULL),
        .port_id = kn_schema_text(attach->in, "port_id", NULL),
        .fixed_ip = kn_schema_text(ip, "ip_address", NULL),
        .tag = kn_schema_text(attach->in, "tag", NULL),
    };

    (void)req;
    if (kn_network_nic_give(attach->req, &wish, &attach->claims, attach->port, err) < 0) {
        return -1;
    }
    json_object_set_new(input, "port", json_string(attach->port));
    return 0;
}

static int interfaces_check(const json_t *in, struct kn_error *err)
{
    const bool names_network = kn_schema_text(in, "net_id", NULL) != NULL;

    if (names_network && kn_schema_text(in, "port_id", NULL) != NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Must not input both network_id and port_id");
    }
    return names_network || json_object_get(in, "fixed_ips") == NULL
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Must input network_id when request IP address");
}

/* One transaction. */
static int interfaces_attach_once(struct kn_request *req, struct interfaces_attach *attach, struct kn_error *err)
{
    const struct kn_compute_server_also also = { interfaces_begin_attach, attach, &attach->claims, NULL };
    json_auto_t *input = json_object();
    int rc;

    attach->claims = (struct kn_quota_claims)KN_QUOTA_CLAIMS("network");
    rc = kn_compute_server_act(req, req->params[0], kn_server_action("attach_interface"), input, &also, err);
    kn_quota_claims_release(&attach->claims);
    return rc == 0 || err->code != KN_QUOTA ? rc : kn_fail(err, KN_FORBIDDEN, "Maximum number of ports exceeded");
}

int kn_compute_server_interfaces_attach(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;
    struct interfaces_attach attach = { .req = req };
    int rc = -1;

    if (kn_schema_check(INTERFACE_BODY, req->body, req->microversion, err) < 0 ||
        kn_compute_server_get(req, req->params[0], &server, err) < 0) {
        return -1;
    }
    attach.in = json_object_get(req->body, "interfaceAttachment");
    kn_copy(attach.project, sizeof(attach.project), kn_rows_text(server, 0, KN_SERVER_PROJECT));
    if (interfaces_check(attach.in, err) < 0) {
        return -1;
    }
    for (int try = 0; try < TRIES; try++) {
        rc = interfaces_attach_once(req, &attach, err);
        if (rc == 0 || err->code != KN_CONFLICT || !kn_network_nic_raced(req->db)) {
            break;
        }
    }
    return rc < 0 ? -1 : interfaces_answer(req, attach.port, res, err);
}

/* --- out --- */

static int interfaces_begin_detach(const struct kn_request *req, const char *server_id, void *ctx, json_t *input,
                                   struct kn_error *err)
{
    if (kn_network_nic_check(req->db, server_id, ctx, err) < 0) {
        return -1;
    }
    json_object_set_new(input, "port", json_string(ctx));
    return 0;
}

int kn_compute_server_interfaces_detach(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_FREE char *port = kn_strdup(req->params[1]);
    const struct kn_compute_server_also also = { interfaces_begin_detach, port, NULL, NULL };
    json_auto_t *input = json_object();

    (void)res;
    return kn_compute_server_act(req, req->params[0], kn_server_action("detach_interface"), input, &also, err);
}
