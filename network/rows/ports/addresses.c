/* SPDX-License-Identifier: Apache-2.0 */
/*
 * addresses.c: from fixed_ips to addresses. Draws (network/rows/ports/draw.h) and deletes; what is new is inserted by network/rows/ports/plan.h. Who may say
 * what is ports.c's.
 */
#include "network/rows/ports/addresses.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/schema.h"

#define FIXED_IPS_MAX 5

/* clang-format off */
static const struct kn_stmt HAS = { "port_addresses", "SELECT subnet_id, ip FROM address WHERE port_id = $1::uuid ORDER BY ip", 1 };
/* clang-format on */
enum { A_SUBNET, A_IP };
static const struct kn_stmt FORGET = { "port_forget",
                                       "DELETE FROM address WHERE port_id = $1::uuid AND ip <> ALL($2::inet[])", 2 };

int kn_network_port_has(struct kn_db *db, const char *port_id, struct kn_rows **ret_rows, struct kn_error *err)
{
    return kn_db_run(db, &HAS, KN_ARGS(port_id), ret_rows, err);
}

/* Has the draw this very address already? */
static bool has_drawn(const struct kn_network_draw *draw, const struct kn_ip *ip)
{
    for (size_t i = 0; i < draw->count; i++) {
        if (kn_ip_equal(&draw->items[i].ip, ip)) {
            return true;
        }
    }
    return false;
}

/*
 * Keeps the port's address on that subnet, the named one or (ip NULL) any that is not drawn yet. false: it has none. Where
 * guests make their own, what is kept is what its MAC still makes: kn_network_subnet_view_admits() is asked first.
 */
static bool draw_keep(const struct kn_network_port_wish *wish, struct kn_network_subnet_view *subnet,
                      const struct kn_ip *ip, struct kn_network_draw *draw)
{
    for (int row = 0; wish->kept != NULL && row < kn_rows_count(wish->kept); row++) {
        struct kn_ip has;

        if (strcmp(kn_rows_text(wish->kept, row, A_SUBNET), subnet->id) == 0 &&
            kn_ip_parse(kn_rows_str(wish->kept, row, A_IP), &has) && (ip == NULL || kn_ip_equal(ip, &has)) &&
            !has_drawn(draw, &has)) {
            kn_network_draw_add(draw, subnet, &has);
            draw->items[draw->count - 1].is_kept = true;
            return true;
        }
    }
    return false;
}

static bool draw_has(const struct kn_network_port_wish *wish, int row, const struct kn_network_subnet_view *subnet,
                     const char *ip)
{
    struct kn_ip named, has;

    return strcmp(kn_rows_text(wish->kept, row, A_SUBNET), subnet->id) == 0 &&
           (ip == NULL || (kn_ip_parse(ip, &named) && kn_ip_parse(kn_rows_str(wish->kept, row, A_IP), &has) &&
                           kn_ip_equal(&named, &has)));
}

/* Is the subnet for such ports, or has the port that address (ip NULL: any) there from before it was for others? */
static bool draw_may(const struct kn_network_port_wish *wish, const struct kn_network_subnet_view *subnet,
                     const char *ip)
{
    bool may = kn_network_subnet_view_serves(subnet, wish->device_owner);

    for (int row = 0; wish->kept != NULL && row < kn_rows_count(wish->kept) && !may; row++) {
        may = draw_has(wish, row, subnet, ip);
    }
    return may;
}

static int draw_named(struct kn_db *db, const struct kn_network_port_wish *wish, struct kn_network_subnet_view *subnet,
                      const char *text, struct kn_network_draw *draw, struct kn_error *err)
{
    struct kn_ip ip;

    if (!kn_ip_parse(text, &ip)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for fixed_ips. Reason: '%.64s' is not a valid IP address.",
                       text);
    }
    if (subnet == NULL) {
        subnet = kn_network_view_subnet_of(wish->network, &ip);
    }
    if (subnet == NULL || !draw_may(wish, subnet, text)) {
        kn_fail(err, KN_BAD_REQUEST, "IP address %s is not a valid IP for any of the subnets on the specified network.",
                text);
        return kn_fail_name(err, "InvalidIpForNetwork");
    }
    if (kn_network_subnet_view_admits(subnet, &ip, wish->device_owner, wish->mac, err) < 0) {
        return -1;
    }
    if (draw_keep(wish, subnet, &ip, draw) || (subnet->is_auto && has_drawn(draw, &ip))) {
        return 0;
    }
    if (kn_network_subnet_view_take(db, subnet, &ip, err) < 0) {
        return err->code == KN_CONFLICT      ? kn_fail_name(err, "IpAddressAlreadyAllocated")
               : err->code == KN_BAD_REQUEST ? kn_fail_name(err, "InvalidIpForSubnet")
                                             : -1;
    }
    kn_network_draw_add(draw, subnet, &ip);
    return 0;
}

static int draw_from(struct kn_db *db, const struct kn_network_port_wish *wish, struct kn_network_subnet_view *subnet,
                     struct kn_network_draw *draw, struct kn_error *err)
{
    const bool is_router = strncmp(wish->device_owner, "network:router_interface",
                                   strlen("network:router_interface")) == 0;
    struct kn_ip ip = KN_IP_NONE;
    bool found = true;

    if ((subnet->is_auto && !is_router) || draw_keep(wish, subnet, NULL, draw)) {
        return 0; /* what its MAC makes comes at the end */
    }
    if (kn_network_subnet_view_draw(db, subnet, &found, &ip, err) < 0) {
        return -1;
    }
    if (!found) {
        kn_fail(err, KN_CONFLICT, "No more IP addresses available for subnet %s.", subnet->id);
        return kn_fail_name(err, "IpAddressGenerationFailureForSubnet");
    }
    kn_network_draw_add(draw, subnet, &ip);
    return 0;
}

static int draw_item(struct kn_db *db, const struct kn_network_port_wish *wish, const json_t *item,
                     struct kn_network_draw *draw, struct kn_error *err)
{
    const char *subnet_id = kn_schema_text(item, "subnet_id", NULL), *ip = kn_schema_text(item, "ip_address", NULL);
    struct kn_network_subnet_view *subnet = subnet_id != NULL ? kn_network_view_subnet(wish->network, subnet_id) : NULL;

    if (subnet_id == NULL && ip == NULL) {
        kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: IP allocation requires subnet_id or ip_address.");
        return kn_fail_name(err, "InvalidInput");
    }
    if (wish->network->subnet_count == 0) {
        kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: IP allocation requires subnets for network.");
        return kn_fail_name(err, "InvalidInput");
    }
    if (subnet_id != NULL && (subnet == NULL || !draw_may(wish, subnet, ip))) {
        kn_fail(err, KN_BAD_REQUEST,
                "Invalid input for operation: Failed to create port on network %s, because fixed_ips included "
                "invalid subnet %.64s.",
                wish->network->id, subnet_id);
        return kn_fail_name(err, "InvalidInput");
    }
    return ip != NULL ? draw_named(db, wish, subnet, ip, draw, err) : draw_from(db, wish, subnet, draw, err);
}

/* On a subnet twice is two addresses; an address twice is a mistake. */
static int draw_check_twice(const json_t *list, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item) {
        const char *said = kn_schema_text(item, "ip_address", NULL);

        for (size_t before = 0; said != NULL && before < i; before++) {
            if (strcmp(kn_schema_text(json_array_get(list, before), "ip_address", ""), said) == 0) {
                return kn_fail(err, KN_BAD_REQUEST, "Invalid input for fixed_ips. Reason: Duplicate IP address '%s'.",
                               said);
            }
        }
    }
    return 0;
}

/* Those that name an address choose first: it might be the next one otherwise. */
static int draw_list(struct kn_db *db, const struct kn_network_port_wish *wish, struct kn_network_draw *draw,
                     struct kn_error *err)
{
    const json_t *item;
    size_t i;

    if (json_array_size(wish->list) > FIXED_IPS_MAX) {
        kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: Exceeded maximum amount of fixed ips per port.");
        return kn_fail_name(err, "InvalidInput");
    }
    if (draw_check_twice(wish->list, err) < 0 ||
        kn_network_view_check_serves(wish->network, wish->device_owner, err) < 0) {
        return -1;
    }
    for (int pass = 0; pass < 2; pass++) {
        json_array_foreach (wish->list, i, item) {
            const bool names = kn_schema_text(item, "ip_address", NULL) != NULL;

            if (names == (pass == 0) && draw_item(db, wish, item, draw, err) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int draw_default(struct kn_db *db, const struct kn_network_port_wish *wish, struct kn_network_draw *draw,
                        struct kn_error *err)
{
    if (kn_network_view_draw(db, wish->network, wish->device_owner, wish->mac, draw, err) < 0) {
        return err->code == KN_CONFLICT && err->name[0] == '\0' ? kn_fail_name(err, "IpAddressGenerationFailure") : -1;
    }
    return 0;
}

static void keep_all(const struct kn_network_port_wish *wish, struct kn_network_draw *draw)
{
    for (int row = 0; row < kn_rows_count(wish->kept); row++) {
        struct kn_network_subnet_view *subnet = kn_network_view_subnet(wish->network,
                                                                       kn_rows_text(wish->kept, row, A_SUBNET));

        if (subnet != NULL && !subnet->is_auto) {
            draw_keep(wish, subnet, NULL, draw);
        }
    }
}

/* What the port has already of what was made of its MAC. */
static void note_kept(const struct kn_network_port_wish *wish, struct kn_network_draw *draw)
{
    for (size_t i = 0; i < draw->count; i++) {
        for (int row = 0; wish->kept != NULL && row < kn_rows_count(wish->kept); row++) {
            struct kn_ip has;

            draw->items[i].is_kept |= kn_ip_parse(kn_rows_str(wish->kept, row, A_IP), &has) &&
                                      kn_ip_equal(&has, &draw->items[i].ip);
        }
    }
}

int kn_network_port_draw(struct kn_db *db, const struct kn_network_port_wish *wish, struct kn_network_draw *draw,
                         struct kn_error *err)
{
    if (!json_is_array(wish->list) && wish->kept == NULL) {
        return draw_default(db, wish, draw, err);
    }
    if (!json_is_array(wish->list)) {
        keep_all(wish, draw);
    } else if (draw_list(db, wish, draw, err) < 0) {
        return -1;
    }
    kn_network_view_draw_auto(wish->network, wish->device_owner, wish->mac, draw);
    note_kept(wish, draw);
    return 0;
}

bool kn_network_port_differs(const struct kn_network_port_wish *wish, const struct kn_network_draw *draw)
{
    size_t kept = 0;

    for (size_t i = 0; i < draw->count; i++) {
        kept += draw->items[i].is_kept;
    }
    return kept != draw->count || kept != (size_t)kn_rows_count(wish->kept);
}

int kn_network_port_forget(struct kn_db *db, const char *port_id, const struct kn_network_draw *draw,
                           struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array stay = KN_ARRAY_INIT;
    char text[KN_IP_SIZE];

    for (size_t i = 0; i < draw->count; i++) {
        if (draw->items[i].is_kept) {
            kn_array_add(&stay, kn_ip_text(&draw->items[i].ip, text));
        }
    }
    return kn_db_run(db, &FORGET, KN_ARGS(port_id, kn_array_value(&stay)), NULL, err);
}
