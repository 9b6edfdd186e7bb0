/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draw.c: hands addresses out. Reads and fills address_ready and moves the subnets' cursors; the addresses themselves, and that they are not ready any
 * more, are written by network/rows/ports/plan.c. Which ones are free behind a cursor is network/address/ipam.c's.
 *
 * Who fills address_ready holds the subnet's row until its transaction ends; everybody else draws without any lock but that of the address's own row.
 */
#include "network/rows/ports/draw.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "network/address/mac.h"

#define READ_MOST 64   /* addresses that one statement reads for a batch; single ports read one */
#define FIRST_FILL 8   /* a new subnet's: most have few ports */
#define FILL 128
#define TAKEN_MOST 1024 /* addresses in use that one look goes over */

#define ROUTER "network:router_interface" /* so begin the owners of routers' ports inside */
#define SERVERS "compute:"               /* a server's, before it is known where it lives */

enum draw_phase { FRESH, FREED, HELD, FULL };

/*
 * What is held by others is passed over. That it is in nobody's hands is asked as well: a row may be left over from a race. Asked for each alone: no
 * planner shall read all addresses for it.
 */
#define READY_OF \
    " FROM address_ready r WHERE r.subnet_id = $1::uuid" \
    " AND (SELECT a.port_id FROM address a WHERE a.subnet_id = r.subnet_id AND a.ip = r.ip) IS NULL"
/* clang-format off */
static const struct kn_stmt READ_FRESH = {
    "draw_fresh",
    "SELECT r.ip, r.ip" READY_OF " AND r.freed = 0 AND r.ip > coalesce(nullif($2, ''), '0.0.0.0')::inet ORDER BY r.ip LIMIT $3::int"
    " FOR UPDATE OF r SKIP LOCKED", 3
};
static const struct kn_stmt READ_FREED = {
    "draw_freed",
    "SELECT r.ip, r.freed" READY_OF " AND r.freed > coalesce(nullif($2, ''), '0')::bigint ORDER BY r.freed LIMIT $3::int"
    " FOR UPDATE OF r SKIP LOCKED", 3
};
/* The last ones may be held by somebody who does not take them after all. */
static const struct kn_stmt READ_HELD = {
    "draw_held", "SELECT r.ip" READY_OF " AND r.ip <> ALL($2::inet[]) ORDER BY r.freed, r.ip LIMIT 1 FOR UPDATE OF r", 2
};
/* clang-format on */

enum { R_IP, R_ORDER }; /* of the first two; the last has one */

static const struct kn_stmt HOLD_SUBNET = {
    "draw_hold_subnet",
    "SELECT cursor_ip, (SELECT count(*) FROM (SELECT FROM address_ready WHERE subnet_id = $1::uuid AND freed > 0 LIMIT $2::int + 1) f)"
    " FROM subnet WHERE id = $1::uuid FOR NO KEY UPDATE",
    2
};
enum { H_CURSOR, H_FREED };

static const struct kn_stmt TAKEN_FROM = {
    "draw_taken_from", "SELECT ip FROM address WHERE subnet_id = $1::uuid AND ip >= $2::inet ORDER BY ip LIMIT $3::int",
    3
};

enum { T_IP };

static const struct kn_stmt PUT_FRESH = {
    "draw_put_fresh",
    "WITH put AS (INSERT INTO address_ready (subnet_id, ip) SELECT $1::uuid, ip FROM unnest($2::inet[]) AS ip ON CONFLICT DO NOTHING)"
    " UPDATE subnet SET cursor_ip = $3::inet WHERE id = $1::uuid",
    3
};

/* First the ready row, so that whoever holds it is waited for; then whether it is in use, in a statement that sees what he did. */
static const struct kn_stmt HOLD_NAMED = {
    "draw_hold_named", "SELECT FROM address_ready WHERE subnet_id = $1::uuid AND ip = $2::inet FOR UPDATE", 2
};
static const struct kn_stmt TAKEN = { "draw_taken", "SELECT FROM address WHERE subnet_id = $1::uuid AND ip = $2::inet",
                                      2 };

/* --- a port's ------------------------------------------------------------------------------------------------------------- */

void kn_network_draw_release(struct kn_network_draw *draw)
{
    free(draw->items);
    *draw = (struct kn_network_draw)KN_NETWORK_DRAW_INIT;
}

void kn_network_draw_add(struct kn_network_draw *draw, struct kn_network_subnet_view *subnet, const struct kn_ip *ip)
{
    draw->items = kn_realloc_array(draw->items, draw->count + 1, sizeof(*draw->items));
    draw->items[draw->count++] = (struct kn_network_draw_item){ .subnet = subnet, .ip = *ip };
}

bool kn_network_draw_has(const struct kn_network_draw *draw, const struct kn_network_subnet_view *subnet)
{
    for (size_t i = 0; i < draw->count; i++) {
        if (draw->items[i].subnet == subnet) {
            return true;
        }
    }
    return false;
}

/* --- ready ones ----------------------------------------------------------------------------------------------------------- */

/* Twice as many as the last time: a batch of hundreds asks a few times only. */
static int read_most(const struct kn_network_subnet_view *subnet)
{
    const size_t next = subnet->ready_count * 2;

    return next == 0 ? 1 : next > READ_MOST ? READ_MOST : (int)next;
}

static void note_ready(struct kn_network_subnet_view *subnet, const struct kn_rows *rows)
{
    const int count = kn_rows_count(rows);

    subnet->ready = kn_realloc_array(subnet->ready, (size_t)count + 1, sizeof(*subnet->ready));
    subnet->ready_count = (size_t)count;
    subnet->ready_at = 0;
    for (int row = 0; row < count; row++) {
        kn_ip_parse(kn_rows_str(rows, row, R_IP), &subnet->ready[row]);
    }
}

/* The next ones of the phase; none are none. */
static int draw_read(struct kn_db *db, struct kn_network_subnet_view *subnet, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array given = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg most;
    char text[KN_IP_SIZE];
    int rc;

    if (subnet->ready_phase == HELD) {
        for (size_t i = 0; i < subnet->ipam.given_count; i++) {
            kn_array_add(&given, kn_ip_text(&subnet->ipam.given[i], text));
        }
        rc = kn_db_run(db, &READ_HELD, KN_ARGS(subnet->id, kn_array_value(&given)), &rows, err);
    } else {
        rc = kn_db_run(db, subnet->ready_phase == FRESH ? &READ_FRESH : &READ_FREED,
                       KN_ARGS(subnet->id, subnet->ready_last, kn_arg_int(&most, read_most(subnet))), &rows, err);
    }
    if (rc < 0) {
        return -1;
    }
    note_ready(subnet, rows);
    if (subnet->ready_phase != HELD && subnet->ready_count > 0) {
        kn_copy(subnet->ready_last, sizeof(subnet->ready_last),
                kn_rows_text(rows, (int)subnet->ready_count - 1, R_ORDER));
    }
    return 0;
}

/* Takes the first of those that were read that this transaction has not given away by name. */
static bool draw_pop(struct kn_network_subnet_view *subnet, struct kn_ip *ret_ip)
{
    while (subnet->ready_at < subnet->ready_count) {
        const struct kn_ip ip = subnet->ready[subnet->ready_at++];

        if (kn_network_ipam_give(&subnet->ipam, &ip)) {
            *ret_ip = ip;
            return true;
        }
    }
    return false;
}

/* --- fresh ones ----------------------------------------------------------------------------------------------------------- */

static int put_fresh(struct kn_db *db, struct kn_network_subnet_view *subnet, const struct kn_ip *fresh, size_t count,
                     struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ips = KN_ARRAY_INIT;
    char text[KN_IP_SIZE];

    for (size_t i = 0; i < count; i++) {
        kn_array_add(&ips, kn_ip_text(&fresh[i], text));
    }
    return kn_db_run(db, &PUT_FRESH, KN_ARGS(subnet->id, kn_array_value(&ips), kn_ip_text(&subnet->cursor, text)), NULL,
                     err);
}

/* Goes on from the cursor until some are free there. *ret_more: there are. */
static int draw_fill(struct kn_db *db, struct kn_network_subnet_view *subnet, bool *ret_more, struct kn_error *err)
{
    const size_t most = subnet->cursor.family == 0 ? FIRST_FILL : FILL;
    struct kn_ip fresh[FILL], from;
    size_t count = 0;

    while (count == 0 && kn_network_ipam_next(&subnet->ipam, &subnet->cursor, &from)) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;
        AUTO_FREE struct kn_ip *taken = NULL;
        struct kn_arg limit;
        char text[KN_IP_SIZE];

        if (kn_db_run(db, &TAKEN_FROM, KN_ARGS(subnet->id, kn_ip_text(&from, text), kn_arg_int(&limit, TAKEN_MOST)),
                      &rows, err) < 0) {
            return -1;
        }
        taken = kn_realloc_array(NULL, (size_t)kn_rows_count(rows) + 1, sizeof(*taken));
        for (int row = 0; row < kn_rows_count(rows); row++) {
            kn_ip_parse(kn_rows_str(rows, row, T_IP), &taken[row]);
        }
        count = kn_network_ipam_fresh(&subnet->ipam,
                                      &(struct kn_network_ipam_taken){ taken, (size_t)kn_rows_count(rows),
                                                                       kn_rows_count(rows) < TAKEN_MOST },
                                      most, &subnet->cursor, fresh);
    }
    *ret_more = count > 0;
    return put_fresh(db, subnet, fresh, count, err);
}

/* The same under the subnet's lock. Whoever had it before may have done the work. */
static int draw_fill_held(struct kn_db *db, struct kn_network_subnet_view *subnet, bool *ret_more, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_ip cursor = KN_IP_NONE;
    struct kn_arg freed;

    if (kn_db_run(db, &HOLD_SUBNET, KN_ARGS(subnet->id, kn_arg_int(&freed, KN_READY_FREED)), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0 && kn_ip_parse(kn_rows_str(rows, 0, H_CURSOR), &cursor) &&
        !kn_ip_equal(&cursor, &subnet->cursor)) {
        subnet->cursor = cursor;
        *ret_more = true;
        return 0;
    }
    return kn_rows_int(rows, 0, H_FREED) > KN_READY_FREED ? 0 : draw_fill(db, subnet, ret_more, err);
}

/* Nothing fresh is left that nobody holds: there may be some behind the cursor. Otherwise the next phase begins. */
static int draw_more_fresh(struct kn_db *db, struct kn_network_subnet_view *subnet, struct kn_error *err)
{
    struct kn_ip next;
    bool more = false;

    if (kn_network_ipam_next(&subnet->ipam, &subnet->cursor, &next) && draw_fill_held(db, subnet, &more, err) < 0) {
        return -1;
    }
    if (!more) {
        subnet->ready_phase = FREED;
        subnet->ready_last[0] = '\0';
    }
    subnet->ready_count = more ? subnet->ready_count : 0;
    return 0;
}

int kn_network_subnet_view_draw(struct kn_db *db, struct kn_network_subnet_view *subnet, bool *ret_found,
                                struct kn_ip *ret_ip, struct kn_error *err)
{
    while (subnet->ready_phase != FULL) {
        if (draw_pop(subnet, ret_ip)) {
            *ret_found = true;
            return 0;
        }
        if (draw_read(db, subnet, err) < 0) {
            return -1;
        }
        if (subnet->ready_count > 0) {
            continue;
        }
        if (subnet->ready_phase == FRESH) {
            if (draw_more_fresh(db, subnet, err) < 0) {
                return -1;
            }
        } else {
            subnet->ready_phase++;
        }
    }
    *ret_found = false;
    return 0;
}

int kn_network_subnet_view_take(struct kn_db *db, struct kn_network_subnet_view *subnet, const struct kn_ip *ip,
                                struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char text[KN_IP_SIZE];

    kn_ip_text(ip, text);
    if (!kn_network_subnet_view_holds(subnet, ip)) {
        return kn_fail(err, KN_BAD_REQUEST, "IP address %s is not a valid IP for the specified subnet.", text);
    }
    if (kn_db_run(db, &HOLD_NAMED, KN_ARGS(subnet->id, text), NULL, err) < 0 ||
        kn_db_run(db, &TAKEN, KN_ARGS(subnet->id, text), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) > 0 || !kn_network_ipam_give(&subnet->ipam, ip)) {
        return kn_fail(err, KN_CONFLICT, "IP address %s already allocated in subnet %s", text, subnet->id);
    }
    return 0;
}

static bool is_router_port(const char *device_owner)
{
    return strncmp(device_owner, ROUTER, strlen(ROUTER)) == 0;
}

int kn_network_subnet_view_admits(const struct kn_network_subnet_view *subnet, const struct kn_ip *ip,
                                  const char *device_owner, const char *mac, struct kn_error *err)
{
    struct kn_ip own = KN_IP_NONE;
    uint8_t bytes[6];
    char text[KN_IP_SIZE];

    if (subnet->is_auto && kn_network_mac_parse(mac, bytes)) {
        own = kn_ip_eui64(&subnet->cidr, bytes);
    }
    if (!subnet->is_auto || is_router_port(device_owner) || kn_ip_equal(&own, ip)) {
        return 0;
    }
    kn_fail(err, KN_BAD_REQUEST,
            "IPv6 address %s cannot be directly assigned to a port on subnet %s as the subnet is configured for "
            "automatic addresses",
            kn_ip_text(ip, text), subnet->id);
    return kn_fail_name(err, "AllocationOnAutoAddressSubnet");
}

int kn_network_subnet_view_take_for(struct kn_db *db, struct kn_network_subnet_view *subnet, const struct kn_ip *ip,
                                    const char *device_owner, const char *mac, struct kn_error *err)
{
    return kn_network_subnet_view_admits(subnet, ip, device_owner, mac, err) < 0
               ? -1
               : kn_network_subnet_view_take(db, subnet, ip, err);
}

/* --- networks ------------------------------------------------------------------------------------------------------------- */

bool kn_network_subnet_view_serves(const struct kn_network_subnet_view *subnet, const char *device_owner)
{
    const json_t *type;
    size_t i;

    json_array_foreach (subnet->service_types, i, type) {
        if (strcmp(json_string_value(type), device_owner) == 0 ||
            (strcmp(device_owner, SERVERS) == 0 && strncmp(json_string_value(type), SERVERS, strlen(SERVERS)) == 0)) {
            return true;
        }
    }
    return json_array_size(subnet->service_types) == 0;
}

int kn_network_view_check_serves(const struct kn_network_view *network, const char *device_owner, struct kn_error *err)
{
    bool serves = network->subnet_count == 0;

    for (int i = 0; i < network->subnet_count && !serves; i++) {
        serves = kn_network_subnet_view_serves(&network->subnets[i], device_owner);
    }
    if (serves) {
        return 0;
    }
    kn_fail(err, KN_CONFLICT, "No valid service subnet for the given device owner, network %s, service type %.64s.",
            network->id, device_owner);
    return kn_fail_name(err, "IpAddressGenerationFailureNoMatchingSubnet");
}

/* Those that are for this owner alone come first. */
static bool draw_is_turn(const struct kn_network_subnet_view *subnet, const char *device_owner, int family,
                         bool special)
{
    return subnet->cidr.ip.family == family && !subnet->is_auto &&
           kn_network_subnet_view_serves(subnet, device_owner) &&
           (json_array_size(subnet->service_types) > 0) == special;
}

/* *ret_any: the network has subnets of that family for this owner. */
static int draw_family(struct kn_db *db, struct kn_network_view *network, const char *device_owner, int family,
                       struct kn_network_draw *draw, struct kn_error *err)
{
    bool any = false;

    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < network->subnet_count; i++) {
            struct kn_network_subnet_view *subnet = &network->subnets[i];
            bool found = false;
            struct kn_ip ip = KN_IP_NONE;

            if (!draw_is_turn(subnet, device_owner, family, pass == 0)) {
                continue;
            }
            any = true;
            if (kn_network_subnet_view_draw(db, subnet, &found, &ip, err) < 0) {
                return -1;
            }
            if (found) {
                kn_network_draw_add(draw, subnet, &ip);
                return 0;
            }
        }
    }
    return any ? kn_fail(err, KN_CONFLICT, "No more IP addresses available on network %s.", network->id) : 0;
}

void kn_network_view_draw_auto(struct kn_network_view *network, const char *device_owner, const char *mac,
                               struct kn_network_draw *draw)
{
    uint8_t bytes[6];

    if (is_router_port(device_owner) || !kn_network_mac_parse(mac, bytes)) {
        return;
    }
    for (int i = 0; i < network->subnet_count; i++) {
        struct kn_network_subnet_view *subnet = &network->subnets[i];

        if (subnet->is_auto && kn_network_subnet_view_serves(subnet, device_owner) &&
            !kn_network_draw_has(draw, subnet)) {
            const struct kn_ip ip = kn_ip_eui64(&subnet->cidr, bytes);

            kn_network_draw_add(draw, subnet, &ip);
        }
    }
}

int kn_network_view_draw(struct kn_db *db, struct kn_network_view *network, const char *device_owner, const char *mac,
                         struct kn_network_draw *draw, struct kn_error *err)
{
    if (kn_network_view_check_serves(network, device_owner, err) < 0 ||
        draw_family(db, network, device_owner, 4, draw, err) < 0 ||
        draw_family(db, network, device_owner, 6, draw, err) < 0) {
        return -1;
    }
    kn_network_view_draw_auto(network, device_owner, mac, draw);
    return 0;
}
