/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usable.c: what compute asks before it accepts a server, answered in Nova's words. Only reads: what was usable now may be gone, or shared no more, when
 * port.allocate comes, which asks again and decides for good (network/serve/rights.h).
 */
#include "network/api.h"

#include "lib/adapter/quota.h"
#include "lib/base/ip.h"
#include "lib/base/mem.h"
#include "network/rows/shared.h"
#include "network/rows/usable.h"

#define OPEN "n.project_id = $2 OR $3::boolean"
enum { N_SUBNETS, N_OPEN, N_HOLDS, N_USER };

static const struct kn_stmt NETWORK = { "usable_network",
                                        "SELECT count(s.id), " OPEN ", coalesce(bool_or(s.cidr >> $4::inet), false),"
                                        " (SELECT p.device_id FROM address a JOIN port p ON p.id = a.port_id"
                                        "  WHERE a.subnet_id = ANY(array_agg(s.id)) AND a.ip = $4::inet LIMIT 1)"
                                        " FROM network n LEFT JOIN subnet s ON s.network_id = n.id"
                                        " WHERE n.id = $1::uuid AND (" OPEN
                                        " OR " KN_NETWORK_LET("n.id", KN_NETWORK_SHARED, "$2") ") GROUP BY n.id",
                                        4 };

/* Without a fixed IP, which is how nearly every server comes: a tenth of the work. */
static const struct kn_stmt NETWORK_ALONE = {
    "usable_network_alone",
    "SELECT EXISTS (SELECT FROM subnet s WHERE s.network_id = n.id)::int, " OPEN " FROM network n"
    " WHERE n.id = $1::uuid AND (" OPEN " OR " KN_NETWORK_LET("n.id", KN_NETWORK_SHARED, "$2") ")",
    3
};

static int fail_no_subnet(const char *network_id, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Network %s requires a subnet in order to boot instances on.", network_id);
}

int kn_network_judge(const char *network_id, const char *fixed_ip, const struct kn_network_found *found,
                     struct kn_error *err)
{
    if (!found->exists) {
        return kn_fail(err, KN_BAD_REQUEST, "Network %s could not be found.", network_id);
    }
    if (!found->has_subnet) {
        return fail_no_subnet(network_id, err);
    }
    if (fixed_ip != NULL && !found->holds) {
        return kn_fail(err, KN_BAD_REQUEST, "Fixed IP %s is not a valid ip address for network %s.", fixed_ip,
                       network_id);
    }
    return found->user == NULL ? 0
                               : kn_fail(err, KN_BAD_REQUEST, "Fixed IP address %s is already in use on instance %s.",
                                         fixed_ip, found->user);
}

int kn_network_find_usable(struct kn_db *db, const struct kn_caller *caller, const char *network_id,
                           const char *fixed_ip, struct kn_rows **ret_rows, struct kn_network_found *ret,
                           struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, fixed_ip == NULL ? &NETWORK_ALONE : &NETWORK,
                  KN_ARGS(network_id, caller->project_id, kn_network_uses_all(caller) ? "t" : "f", fixed_ip), &rows,
                  err) < 0) {
        return -1;
    }
    *ret = (struct kn_network_found){ .exists = kn_rows_count(rows) > 0 };
    if (ret->exists) {
        ret->is_open = kn_rows_bool(rows, 0, N_OPEN);
        ret->has_subnet = kn_rows_int(rows, 0, N_SUBNETS) > 0;
        ret->holds = fixed_ip != NULL && kn_rows_bool(rows, 0, N_HOLDS);
        ret->user = fixed_ip != NULL ? kn_rows_str(rows, 0, N_USER) : NULL;
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_network_usable(struct kn_db *db, const struct kn_caller *caller, const char *network_id, const char *fixed_ip,
                      struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_network_found found;
    struct kn_ip ip;

    if (!kn_uuid_valid(network_id)) {
        return kn_fail(err, KN_BAD_REQUEST, "Bad networks format: network uuid is not in proper format (%s)",
                       network_id);
    }
    if (fixed_ip != NULL && !kn_ip_parse(fixed_ip, &ip)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid fixed IP address (%s)", fixed_ip);
    }
    return kn_network_find_usable(db, caller, network_id, fixed_ip, &rows, &found, err) < 0
               ? -1
               : kn_network_judge(network_id, fixed_ip, &found, err);
}

bool kn_network_uses_all(const struct kn_caller *caller)
{
    return kn_policy_allows(KN_NEUTRON_GET_NETWORK, caller, NULL);
}

static const struct kn_stmt AUTO_NETWORK = {
    "usable_auto",
    "SELECT n.id, EXISTS (SELECT 1 FROM subnet s WHERE s.network_id = n.id) FROM network n"
    " WHERE (n.project_id = $1 OR " KN_NETWORK_LET("n.id", KN_NETWORK_SHARED, "$1") ") AND n.admin_state_up LIMIT 2",
    1
};

int kn_network_auto(struct kn_db *db, const char *project_id, char ret_id[KN_UUID_SIZE], struct kn_error *err)
{
    enum { ID, HAS_SUBNET };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &AUTO_NETWORK, KN_ARGS(project_id), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 1) {
        return kn_fail(err, KN_CONFLICT, "Multiple possible networks found, use a Network ID to be more specific.");
    }
    if (kn_rows_count(rows) == 1 && !kn_rows_bool(rows, 0, HAS_SUBNET)) {
        return fail_no_subnet(kn_rows_text(rows, 0, ID), err);
    }
    kn_copy(ret_id, KN_UUID_SIZE, kn_rows_count(rows) == 1 ? kn_rows_text(rows, 0, ID) : "");
    return 0;
}

static const struct kn_stmt PORT = {
    "usable_port",
    "SELECT p.device_id, EXISTS (SELECT 1 FROM address a WHERE a.port_id = p.id), " KN_NETWORK_PORT_OUTSIDE(
        "$3") " FROM port p"
              " WHERE p.id = $1::uuid AND (p.project_id = $2 OR $3::boolean)",
    3
};

int kn_network_port_judge(const char *port_id, const struct kn_network_port_found *found, struct kn_error *err)
{
    if (!found->exists) {
        return kn_fail(err, KN_BAD_REQUEST, "Port id %s could not be found.", port_id);
    }
    if (found->is_used) {
        return kn_fail(err, KN_CONFLICT, "Port %s is still in use.", port_id);
    }
    if (found->outside != NULL && found->outside[0] != '\0') {
        return kn_fail(err, KN_FORBIDDEN, "It is not allowed to create an interface on external network %s",
                       found->outside);
    }
    return found->has_address
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Port %s requires a FixedIP in order to be used.", port_id);
}

int kn_network_port_usable(struct kn_db *db, const struct kn_caller *caller, const char *port_id, struct kn_error *err)
{
    enum { DEVICE, HAS_ADDRESS, OUTSIDE };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (!kn_uuid_valid(port_id)) {
        return kn_fail(err, KN_BAD_REQUEST, "Bad port format: port uuid is not in proper format (%s)", port_id);
    }
    if (kn_db_run(db, &PORT,
                  KN_ARGS(port_id, caller->project_id, kn_policy_allows(KN_NEUTRON_GET_PORT, caller, NULL) ? "t" : "f"),
                  &rows, err) < 0) {
        return -1;
    }
    struct kn_network_port_found found = { .exists = kn_rows_count(rows) > 0 };

    if (found.exists) {
        found.is_used = kn_rows_text(rows, 0, DEVICE)[0] != '\0';
        found.has_address = kn_rows_bool(rows, 0, HAS_ADDRESS);
        found.outside = kn_rows_text(rows, 0, OUTSIDE);
    }
    return kn_network_port_judge(port_id, &found, err);
}

int kn_network_ports_fit(struct kn_db *db, const char *project_id, int64_t more, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (more == 0) {
        return 0;
    }
    if (kn_quota_room_of_one(db, KN_QUOTA_PORT, project_id, &rows, err) < 0) {
        return -1;
    }
    return kn_rows_null(rows, 0, KN_ROOM_LEFT) || kn_rows_int(rows, 0, KN_ROOM_LEFT) >= more
               ? 0
               : kn_fail(err, KN_QUOTA, "Quota exceeded for resources: ['port']. Maximum number of ports exceeded");
}
