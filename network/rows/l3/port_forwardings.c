/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port_forwardings.c: ports of a floating address, or ranges of them, that lead to ports of different guests. An address either is one port's or forwards;
 * what is forwarded is one router's.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/l3/routers.h"

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
    KN_REST_ATTR("external_port", "(CASE WHEN w.external_last = w.external_port THEN w.external_port END)", KN_REST_INT,
                 MADE | KN_REST_FIND | KN_REST_NULL_IS_NOTHING, .limit = KN_LIMIT_PORT_NUMBER),
    KN_REST_ATTR("external_port_range", "(w.external_port || ':' || w.external_last)", KN_REST_TEXT, MADE | KN_REST_FIND | KN_REST_NULL_IS_NOTHING,
                 .inner_shape = KN_IS_ANY),
    KN_REST_ATTR("internal_port", "(CASE WHEN w.internal_last = w.internal_port THEN w.internal_port END)", KN_REST_INT, MADE | KN_REST_NULL_IS_NOTHING,
                 .limit = KN_LIMIT_PORT_NUMBER),
    KN_REST_ATTR("internal_port_range", "(w.internal_port || ':' || w.internal_last)", KN_REST_TEXT, MADE | KN_REST_NULL_IS_NOTHING,
                 .inner_shape = KN_IS_ANY),
    KN_REST_ATTR("internal_ip_address", "w.fixed_ip", KN_REST_INET, MADE, .column = "fixed_ip", .rule = &ADDRESS),
    KN_REST_ATTR("protocol", "w.protocol", KN_REST_TEXT, MADE | KN_REST_FIND | KN_REST_REQUIRED, .column = "protocol", .words = PROTOCOLS),
    KN_REST_ATTR("internal_port_id", "w.port_id", KN_REST_UUID, MADE | KN_REST_FIND | KN_REST_REQUIRED, .column = "port_id", .rule = &KN_NEUTRON_UUID),
    KN_REST_ATTR("description", "w.description", KN_REST_TEXT, MADE | KN_REST_FIND, .column = "description", .limit = KN_LIMIT_LONG_DESCRIPTION),
    KN_REST_ATTR("project_id", NULL, KN_REST_TEXT, KN_REST_POST, .limit = KN_LIMIT_TENANT), /* it is the floating address's */
    KN_REST_ATTR("tenant_id", NULL, KN_REST_TEXT, KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("created_at", "w.created_at", KN_REST_TIME, 0),
    KN_REST_ATTR("external first", "w.external_port", KN_REST_INT, 0, .column = "external_port"), /* for us alone, as all that follows */
    KN_REST_ATTR("external last", "w.external_last", KN_REST_INT, 0, .column = "external_last"),
    KN_REST_ATTR("internal first", "w.internal_port", KN_REST_INT, 0, .column = "internal_port"),
    KN_REST_ATTR("internal last", "w.internal_last", KN_REST_INT, 0, .column = "internal_last"),
    KN_REST_ATTR("of", "w.floating_ip_id", KN_REST_UUID, 0, .column = "floating_ip_id"),
    KN_REST_ATTRS_END,
};
/* clang-format on */

/* --- ranges of ports ------------------------------------------------------------------------------------------------ */

enum side { INSIDE, OUTSIDE };
static const struct {
    const char *port, *range, *first, *last;
} SIDES[] = {
    { "internal_port", "internal_port_range", "internal first", "internal last" },
    { "external_port", "external_port_range", "external first", "external last" },
};

struct ports {
    long long first, last;
};

static int ports_fail(const char *name, const char *why, const char *word, struct kn_error *err)
{
    kn_fail(err, KN_BAD_REQUEST, "Invalid input for %s. Reason: %s%.64s.", name, why, word);
    return kn_fail_name(err, "HTTPBadRequest");
}

/* "80", or 80. */
static bool ports_read_one(const char *text, size_t len, long long *ret)
{
    long long number = 0;

    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || len > 5) {
            return false;
        }
        number = number * 10 + (text[i] - '0');
    }
    *ret = number;
    return number >= KN_MIN_PORT_NUMBER && number <= KN_MAX_PORT_NUMBER;
}

/* "80:90" */
static int ports_read_range(const char *name, const char *text, struct ports *ret, struct kn_error *err)
{
    const char *colon = strchr(text, ':');
    const char *end = colon != NULL ? colon + 1 : text;
    const size_t first = colon != NULL ? (size_t)(colon - text) : strlen(text);

    if (first == 0 || end[0] == '\0' || strchr(end, ':') != (colon == NULL ? colon : NULL)) {
        return ports_fail(name, "Port range must be two integers separated by a colon", "", err);
    }
    if (!ports_read_one(text, first, &ret->first) || !ports_read_one(end, strlen(end), &ret->last)) {
        return ports_fail(name, "Invalid port: ", text, err);
    }
    return ret->first <= ret->last
               ? 0
               : ports_fail(name, "First port in a port range must be lower than the second port", "", err);
}

/* What a body says of one side, as numbers in it; what it says nothing of stays. */
static int ports_read(enum side side, const struct kn_rows *now, json_t *object, struct ports *ret,
                      struct kn_error *err)
{
    const struct kn_rest_noun *noun = &kn_network_port_forwardings;
    const json_t *range = json_object_get(object, SIDES[side].range), *port = json_object_get(object, SIDES[side].port);

    if (range != NULL && port != NULL) {
        return ports_fail(SIDES[side].range, "it cannot be said together with ", SIDES[side].port, err);
    }
    if (range == NULL && port == NULL && now == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Failed to parse request. Required attribute '%s' not specified",
                       SIDES[side].port);
    }
    if (range != NULL) {
        AUTO_FREE char *number = json_is_integer(range) ? json_dumps(range, JSON_ENCODE_ANY) : NULL;
        const char *text = number != NULL ? number : json_is_string(range) ? json_string_value(range) : "";

        if (ports_read_range(SIDES[side].range, text, ret, err) < 0) {
            return -1;
        }
    } else if (port != NULL) {
        ret->first = ret->last = (long long)kn_schema_int(object, SIDES[side].port, 0);
    } else {
        ret->first = strtoll(kn_rest_was(noun, now, SIDES[side].first), NULL, 10);
        ret->last = strtoll(kn_rest_was(noun, now, SIDES[side].last), NULL, 10);
    }
    json_object_set_new(object, SIDES[side].first, json_integer(ret->first));
    json_object_set_new(object, SIDES[side].last, json_integer(ret->last));
    return 0;
}

static int ports_read_both(const struct kn_rows *now, json_t *object, struct ports ret[2], struct kn_error *err)
{
    if (ports_read(OUTSIDE, now, object, &ret[OUTSIDE], err) < 0 ||
        ports_read(INSIDE, now, object, &ret[INSIDE], err) < 0) {
        return -1;
    }
    const long long inside = ret[INSIDE].last - ret[INSIDE].first;

    return inside == 0 || inside == ret[OUTSIDE].last - ret[OUTSIDE].first
               ? 0
               : kn_network_bad(err, WHAT,
                                "Invalid ranges of internal and/or external ports. The relation between internal and "
                                "external ports must be N-N or 1-N");
}

/* Others that have one of these ports: of the same address of the guest, or of the same floating one. The router is held, and the floating address. */
static const struct kn_stmt COLLIDES = {
    "forwarding_collides",
    "SELECT false, internal_port, internal_last FROM port_forwarding WHERE port_id = $2::uuid AND fixed_ip = $3::inet AND protocol = $4"
    " AND id <> $1::uuid AND internal_port <= $6::int AND internal_last >= $5::int"
    " UNION ALL SELECT true, external_port, external_last FROM port_forwarding WHERE floating_ip_id = $9::uuid AND protocol = $4"
    " AND id <> $1::uuid AND external_port <= $8::int AND external_last >= $7::int ORDER BY 1, 2 LIMIT 1",
    9
};

static int ports_check_free(struct kn_request *req, const char *id, const char *port, const char *ip,
                            const char *protocol, const struct ports ports[2], struct kn_error *err)
{
    enum { IS_OUTSIDE, FIRST_PORT, LAST_PORT };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg in[2], out[2];

    if (kn_db_run(req->db, &COLLIDES,
                  KN_ARGS(id, port, ip, protocol, kn_arg_int(&in[0], ports[INSIDE].first),
                          kn_arg_int(&in[1], ports[INSIDE].last), kn_arg_int(&out[0], ports[OUTSIDE].first),
                          kn_arg_int(&out[1], ports[OUTSIDE].last), req->params[0]),
                  &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return 0;
    }
    const enum side side = kn_rows_bool(rows, 0, IS_OUTSIDE) ? OUTSIDE : INSIDE;

    return kn_network_bad(
        err, WHAT, "There is a port collision with the %s. The following ranges collide: %lld:%lld and %lld:%lld",
        SIDES[side].range, (long long)kn_rows_int(rows, 0, FIRST_PORT), (long long)kn_rows_int(rows, 0, LAST_PORT),
        ports[side].first, ports[side].last);
}

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
static const struct kn_stmt FORWARDS = { "forwarding_revised",
                                         "UPDATE floating_ip SET updated_at = now() WHERE id = $1::uuid", 1 };

/* As in Neutron the inside port is revised, too. Whoever holds it revises it himself, and nobody waits for him in a circle. */
static const struct kn_stmt REVISE = {
    "forwarding_revises",
    "UPDATE port SET updated_at = now() WHERE id IN (SELECT id FROM port WHERE id = $1::uuid FOR NO KEY UPDATE SKIP LOCKED)",
    1
};

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
        return kn_rest_not_found(&kn_network_floatingips, req->params[0], err);
    }
    /* What it forwards is a part of the address: whoever changes that changes the address. */
    if ((now != NULL && kn_network_router_changed(req->db, kn_rows_text(floating, 0, F_ANY_ROUTER), err) < 0) ||
        kn_db_run(req->db, &FORWARDS, KN_ARGS(req->params[0]), NULL, err) < 0) {
        return -1;
    }
    struct ports ports[2];

    if (object == NULL) {
        return kn_db_run(req->db, &REVISE, KN_ARGS(kn_rest_was(noun, now, "internal_port_id")), NULL, err);
    }
    if (ports_read_both(now, object, ports, err) < 0) {
        return -1;
    }
    if (now == NULL) {
        json_object_set_new(object, "of", json_string(req->params[0]));
    }
    const char *port = kn_schema_text(object, "internal_port_id",
                                      now != NULL ? kn_rest_was(noun, now, "internal_port_id") : "");

    if (now == NULL || json_object_get(object, "internal_port_id") != NULL) {
        bool is_owned = false;

        /* nothing is told of a port that the caller does not see, not even what speaks against it */
        if (kn_rest_see(&kn_network_ports, req, port, &is_owned, err) < 0 ||
            forwarding_choose(req, port, object, err) < 0) {
            return -1;
        }
    }
    const char *ip = kn_schema_text(object, "internal_ip_address",
                                    now != NULL ? kn_rest_was(noun, now, "internal_ip_address") : NULL);

    if (ip == NULL) {
        return kn_network_bad(err, WHAT, "Requested internal port %s must allocate an IPv4 address at least.", port);
    }
    const char *protocol = kn_schema_text(object, "protocol", now != NULL ? kn_rest_was(noun, now, "protocol") : "");

    return forwarding_check_alone(req, floating, port, ip, err) < 0 ||
                   forwarding_reach(req, floating, port, ip, err) < 0 ||
                   ports_check_free(req, id, port, ip, protocol, ports, err) < 0
               ? -1
               : kn_db_run(req->db, &REVISE, KN_ARGS(port), NULL, err);
}

/* What stands in the way, by its side. */
static int forwarding_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    const bool inside = strcmp(constraint, "port_forwarding_inside") == 0;
    const long long number = (long long)kn_schema_int(object, SIDES[inside ? INSIDE : OUTSIDE].first, 0);

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
    .absent_name = "PortForwardingNotFound",
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
