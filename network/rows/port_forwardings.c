/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port_forwardings.c: single ports of a floating address that lead to ports of different guests. An address either is one port's or forwards; what is
 * forwarded is one router's.
 */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/routers.h"

#define WHAT "port_forwarding"
#define MADE (KN_REST_SHOWN | KN_REST_WRITE)

static bool forwarding_is_ip(const char *text)
{
    struct kn_ip ip;

    return kn_ip_parse(text, &ip);
}

static const struct kn_text_rule ADDRESS = { forwarding_is_ip, "is not a valid IP address", false };
static const char *const PROTOCOLS[] = { "tcp", "udp", NULL };

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "w.id", KN_REST_UUID, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("external_port", "w.external_port", KN_REST_INT, MADE | KN_REST_FIND | KN_REST_REQUIRED, .column = "external_port", .limit = KN_LIMIT_PORT_NUMBER),
    KN_REST_ATTR("internal_port", "w.internal_port", KN_REST_INT, MADE | KN_REST_REQUIRED, .column = "internal_port", .limit = KN_LIMIT_PORT_NUMBER),
    KN_REST_ATTR("internal_ip_address", "w.fixed_ip", KN_REST_INET, MADE, .column = "fixed_ip", .rule = &ADDRESS),
    KN_REST_ATTR("protocol", "w.protocol", KN_REST_TEXT, MADE | KN_REST_FIND | KN_REST_REQUIRED, .column = "protocol", .words = PROTOCOLS),
    KN_REST_ATTR("internal_port_id", "w.port_id", KN_REST_UUID, MADE | KN_REST_FIND | KN_REST_REQUIRED, .column = "port_id", .rule = &KN_NEUTRON_UUID),
    KN_REST_ATTR("description", "w.description", KN_REST_TEXT, MADE | KN_REST_FIND, .column = "description", .limit = KN_LIMIT_NETWORK_DESCRIPTION),
    KN_REST_ATTR("project_id", NULL, KN_REST_TEXT, KN_REST_POST, .limit = KN_LIMIT_TENANT), /* it is the floating address's */
    KN_REST_ATTR("tenant_id", NULL, KN_REST_TEXT, KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("created_at", "w.created_at", KN_REST_TIME, 0),
    KN_REST_ATTR("of", "w.floating_ip_id", KN_REST_UUID, 0, .column = "floating_ip_id"), /* for us alone */
    KN_REST_ATTRS_END,
};
/* clang-format on */

static const struct kn_stmt FLOATING = {
    "forwarding_floating",
    "SELECT f.project_id, f.network_id, host(f.ip), f.port_id, CASE WHEN EXISTS (SELECT 1 FROM port_forwarding w WHERE w.floating_ip_id = f.id AND"
    " w.id IS DISTINCT FROM $2::uuid) THEN f.router_id END, f.router_id FROM floating_ip f WHERE f.id = $1::uuid FOR UPDATE OF f",
    2
};
enum { F_PROJECT, F_NETWORK, F_IP, F_PORT, F_ROUTER, F_ANY_ROUTER };

static const struct kn_stmt BOUND = {
    "forwarding_bound", "SELECT id, host(ip), host(fixed_ip) FROM floating_ip WHERE port_id = $1::uuid LIMIT 1", 1
};

/* A port that has an address of its own needs none forwarded; an address that is a port's forwards nothing. */
static int forwarding_check_alone(struct kn_request *req, const struct kn_rows *floating, const char *port,
                                  const char *fixed_ip, struct kn_error *err)
{
    enum { ID, IP, FIXED };
    AUTO(kn_rows) struct kn_rows *bound = NULL;

    if (kn_db_run(req->db, &BOUND, KN_ARGS(port), &bound, err) < 0) {
        return -1;
    }
    if (kn_rows_count(bound) > 0) {
        kn_fail(err, KN_CONFLICT,
                "Cannot create port forwarding to floating IP %s (%s) with port %s using fixed IP %s, as that port "
                "already has a binding floating IP.",
                kn_rows_text(bound, 0, IP), kn_rows_text(bound, 0, ID), port, kn_rows_text(bound, 0, FIXED));
        return kn_fail_name(err, "PortHasBindingFloatingIP");
    }
    if (!kn_rows_null(floating, 0, F_PORT)) {
        kn_fail(err, KN_CONFLICT,
                "Cannot associate floating IP %s (%s) with port %s using fixed IP %s, as that fixed IP already has a "
                "floating IP on external network %s.",
                kn_rows_text(floating, 0, F_IP), req->params[0], port, fixed_ip, kn_rows_text(floating, 0, F_NETWORK));
        return kn_fail_name(err, "FloatingIPPortAlreadyAssociated");
    }
    return 0;
}

static const struct kn_stmt FIRST = {
    "forwarding_first", "SELECT host(ip) FROM address WHERE port_id = $1::uuid AND family(ip) = 4 ORDER BY ip LIMIT 1",
    1
};

/* The address that is meant: the first where none is said. */
static int forwarding_choose(struct kn_request *req, const char *port, json_t *object, struct kn_error *err)
{
    enum { IP };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (json_object_get(object, "internal_ip_address") != NULL) {
        return 0;
    }
    if (kn_db_run(req->db, &FIRST, KN_ARGS(port), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0) {
        json_object_set_new(object, "internal_ip_address", json_string(kn_rows_text(rows, 0, IP)));
    }
    return 0;
}

static const struct kn_stmt LEAD = { "forwarding_lead",
                                     "UPDATE floating_ip SET router_id = $2::uuid WHERE id = $1::uuid", 2 };

static int forwarding_reach(struct kn_request *req, const struct kn_rows *floating, const char *port,
                            const char *fixed_ip, struct kn_error *err)
{
    struct kn_network_reach reach;
    const char *network = kn_rows_text(floating, 0, F_NETWORK);
    int rc = kn_network_reach(req, port, fixed_ip, kn_rows_text(floating, 0, F_PROJECT), network, &reach, err);

    if (rc == 0) {
        rc = kn_network_router_hold(req->db, reach.router, err) < 0
                 ? -1
                 : kn_network_reach(req, port, fixed_ip, kn_rows_text(floating, 0, F_PROJECT), network, &reach, err);
    }
    if (rc < 0 && err->code == KN_NOT_FOUND && strncmp(err->message, "External", 8) == 0) {
        return kn_network_bad(
            err, WHAT,
            "External network %s is not reachable from the subnet of %s. Cannot set Port forwarding for "
            "port %s with Floating IP %s",
            network, fixed_ip, port, req->params[0]);
    }
    if (rc < 0) {
        return -1;
    }
    if (!kn_rows_null(floating, 0, F_ROUTER) && strcmp(kn_rows_text(floating, 0, F_ROUTER), reach.router) != 0) {
        return kn_network_bad(
            err, WHAT, "The Floating IP %s had been set on router %s, the internal Neutron port %s can not reach it",
            req->params[0], kn_rows_text(floating, 0, F_ROUTER), port);
    }
    return kn_network_router_changed(req->db, reach.router, err) < 0
               ? -1
               : kn_db_run(req->db, &LEAD, KN_ARGS(req->params[0], reach.router), NULL, err);
}

static int forwarding_decide(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                             struct kn_error *err)
{
    const struct kn_rest_noun *noun = &kn_network_port_forwardings;
    AUTO(kn_rows) struct kn_rows *floating = NULL;

    if (kn_db_run(req->db, &FLOATING, KN_ARGS(req->params[0], id), &floating, err) < 0) {
        return -1;
    }
    if (kn_rows_count(floating) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Floating IP %s could not be found", req->params[0]);
    }
    if (now != NULL && kn_network_router_changed(req->db, kn_rows_text(floating, 0, F_ANY_ROUTER), err) < 0) {
        return -1;
    }
    if (object == NULL) {
        return 0;
    }
    if (now == NULL) {
        json_object_set_new(object, "of", json_string(req->params[0]));
    }
    const char *port = kn_schema_text(object, "internal_port_id",
                                      now != NULL ? kn_rest_was(noun, now, "internal_port_id") : "");

    if (now == NULL || json_object_get(object, "internal_port_id") != NULL) {
        if (forwarding_choose(req, port, object, err) < 0) {
            return -1;
        }
    }
    const char *ip = kn_schema_text(object, "internal_ip_address",
                                    now != NULL ? kn_rest_was(noun, now, "internal_ip_address") : NULL);

    if (ip == NULL) {
        return kn_network_bad(err, WHAT, "Requested internal port %s must allocate an IPv4 address at least.", port);
    }
    return forwarding_check_alone(req, floating, port, ip, err) < 0 ? -1
                                                                    : forwarding_reach(req, floating, port, ip, err);
}

/* What stands in the way, by its side. */
static int forwarding_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    const bool inside = strcmp(constraint, "port_forwarding_inside") == 0;
    const long long number = (long long)kn_schema_int(object, inside ? "internal_port" : "external_port", 0);

    (void)req;
    if (object == NULL || (!inside && strcmp(constraint, "port_forwarding_outside") != 0)) {
        return -1;
    }
    return kn_network_bad(
        err, WHAT,
        "There is a port collision with the %s_port_range. The following ranges collide: %lld:%lld and "
        "%lld:%lld",
        inside ? "internal" : "external", number, number, number, number);
}

const struct kn_rest_noun kn_network_port_forwardings = {
    .one = "port_forwarding",
    .many = "port_forwardings",
    .label = "Port Forwarding",
    .path = "/floatingips/{}/port_forwardings",
    .from = "port_forwarding w",
    .id = "w.id",
    .id_type = KN_REST_UUID,
    .visible = "EXISTS (SELECT 1 FROM floating_ip f WHERE f.id = w.floating_ip_id AND f.project_id = ?)",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .manners = &KN_REST_NEUTRON,
    .table = "port_forwarding",
    .lock = " FOR UPDATE OF w",
    .decide = forwarding_decide,
    .clash = forwarding_clash,
    .tell = kn_network_change_tell,
};

/* --- below an address --------------------------------------------------------------------------------------------- */

#define BOUNDS \
    { \
        { "w.floating_ip_id = ?::uuid", req->params[0] }, \
        { \
            NULL, NULL \
        } \
    }

/* The address is the caller's. */
static int forwarding_enter(struct kn_request *req, struct kn_error *err)
{
    return kn_rest_own(&kn_network_floatingips, req, req->params[0], err);
}

/* And the forwarding is the address's. */
static int forwarding_find(struct kn_request *req, struct kn_error *err)
{
    const struct kn_rest_bound bounds[] = BOUNDS;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    return forwarding_enter(req, err) < 0
               ? -1
               : kn_rest_find(&kn_network_port_forwardings, req, req->params[1], KN_REST_SHOW, bounds, &rows, err);
}

int kn_network_forwardings_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    if (forwarding_enter(req, err) < 0) {
        return -1;
    }
    const struct kn_rest_bound bounds[] = BOUNDS;

    return kn_rest_list_within(&kn_network_port_forwardings, req, KN_REST_LIST, NULL, bounds, res, err);
}

int kn_network_forwardings_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return forwarding_find(req, err) < 0
               ? -1
               : kn_rest_show(&kn_network_port_forwardings, req, req->params[1], KN_REST_SHOW, res, err);
}

int kn_network_forwardings_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return forwarding_enter(req, err) < 0 ? -1 : kn_rest_create(&kn_network_port_forwardings, req, res, err);
}

int kn_network_forwardings_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return forwarding_find(req, err) < 0 ? -1
                                         : kn_rest_update(&kn_network_port_forwardings, req, req->params[1], res, err);
}

int kn_network_forwardings_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound bounds[] = BOUNDS;

    (void)res;
    return forwarding_enter(req, err) < 0
               ? -1
               : kn_rest_delete_within(&kn_network_port_forwardings, req, req->params[1], bounds, err);
}
