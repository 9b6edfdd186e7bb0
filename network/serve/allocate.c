/* SPDX-License-Identifier: Apache-2.0 */
/*
 * allocate.c: port.allocate. Gives the servers of a batch their NICs: takes the ports that they name, makes the others. A server that
 * has ports already gets the same answer again, so that a repeated command changes nothing.
 *
 * One batch is a dozen statements, whatever its size: the servers' ports (and the named ones, and what groups they have), the room in quotas, the subnets' locks, the topology,
 * who may still use what others shared, the free MACs, a few for the addresses of each subnet, the write.
 * Decides per command what is wrong with it (outcome.error) and never fails the batch for that.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "network/rows/ports/nic.h"
#include "network/rows/ports/plan.h"
#include "network/rows/ports/topology.h"
#include "network/serve/answer.h"
#include "network/serve/batch.h"
#include "network/serve/guards.h"
#include "network/serve/rights.h"
#include "network/serve/rooms.h"

#define SERVERS "compute:" /* the owner that a server's port has until it is bound */

enum { P_ID, P_NETWORK, P_MAC, P_TAG, P_DEVICE, P_IS_NIC, P_SUBNET, P_IP, P_FLOATING };

/* What the servers have, a row an address, in NIC order. A port whose device_id somebody wrote by hand is none: it has no place among them. */
static const struct kn_stmt LOAD_SERVERS = {
    "allocate_servers",
    "SELECT p.id, p.network_id, p.mac, p.tag, p.device_id, true, a.subnet_id, a.ip, " KN_NIC_FLOATING
    " FROM unnest($1::text[]) AS w(device)"
    " JOIN port p ON p.device_id = w.device AND p.device_id <> '' AND p.nic IS NOT NULL"
    " LEFT JOIN address a ON a.port_id = p.id ORDER BY p.device_id, p.nic, p.id, a.ip",
    1
};

/* What the requests name. Locked: nobody else may take or change it now. */
static const struct kn_stmt LOAD_NAMED = {
    "allocate_named",
    "SELECT p.id, p.network_id, p.mac, p.tag, p.device_id, false, a.subnet_id, a.ip, " KN_NIC_FLOATING " FROM port p"
    " LEFT JOIN address a ON a.port_id = p.id WHERE p.id = ANY($1::uuid[]) ORDER BY p.id, a.ip FOR UPDATE OF p",
    1
};

static const struct kn_stmt TAKE = {
    "allocate_take",
    "UPDATE port p SET device_id = t.device, device_owner = 'compute:', nic = t.nic, tag = t.tag, updated_at = now()"
    " FROM unnest($1::uuid[], $2::text[], $3::smallint[], $4::text[]) AS t(id, device, nic, tag) WHERE p.id = t.id",
    4
};

/* A port that was there before the batch. */
struct known_port {
    struct kn_network_nic nic;
    char network_id[KN_UUID_SIZE];
    char device[KN_UUID_SIZE]; /* "" when free; changes when the batch takes it */
    struct known_port *next; /* of the same server, in NIC order */
    struct known_address {
        char subnet[KN_UUID_SIZE];
        struct kn_ip ip;
        char *floating; /* NULL: none */
    } *addresses;
    int address_count;
};

struct allocation {
    struct kn_db *db;
    struct kn_hmap *by_id; /* known ports; owns them */
    struct kn_hmap *by_server; /* first known port of each server; borrowed */
    struct kn_hmap *groups; /* by port: the array in its server's answer; borrowed */
    struct kn_network_topology topology;
    struct kn_network_plan plan;
    struct kn_network_guards guards;
    struct kn_network_rights rights;
    struct kn_array taken[4]; /* the columns of TAKE */
    struct kn_hmap *rooms; /* by project; owns them */
    struct kn_quota_claims *claims; /* the batch's */
};

static void known_port_free(void *p)
{
    struct known_port *port = p;

    kn_network_nic_release(&port->nic);
    for (int i = 0; i < port->address_count; i++) {
        free(port->addresses[i].floating);
    }
    free(port->addresses);
    free(port);
}

static void allocation_init(struct allocation *all, struct kn_db *db)
{
    *all = (struct allocation){ .db = db,
                                .by_id = kn_hmap_new(known_port_free),
                                .by_server = kn_hmap_new(NULL),
                                .groups = kn_hmap_new(NULL),
                                .rooms = kn_hmap_new(free) };
    kn_network_plan_init(&all->plan);
    for (size_t i = 0; i < KN_COUNT(all->taken); i++) {
        all->taken[i] = (struct kn_array)KN_ARRAY_INIT;
    }
}

static void allocation_release(struct allocation *all)
{
    kn_hmap_free(all->rooms);
    kn_hmap_free(all->by_server);
    kn_hmap_free(all->groups);
    kn_hmap_free(all->by_id);
    kn_network_topology_release(&all->topology);
    kn_network_plan_release(&all->plan);
    kn_network_guards_release(&all->guards);
    kn_network_rights_release(&all->rights);
    for (size_t i = 0; i < KN_COUNT(all->taken); i++) {
        kn_array_release(&all->taken[i]);
    }
}

/* --- what is there ------------------------------------------------------------------------------------------------ */

static void allocate_add_address(struct known_port *port, const struct kn_rows *rows, int row)
{
    const size_t n = (size_t)port->address_count++;

    port->addresses = kn_realloc_array(port->addresses, n + 1, sizeof(*port->addresses));
    kn_copy(port->addresses[n].subnet, KN_UUID_SIZE, kn_rows_text(rows, row, P_SUBNET));
    kn_ip_parse(kn_rows_str(rows, row, P_IP), &port->addresses[n].ip);
    port->addresses[n].floating = kn_strdup(kn_rows_str(rows, row, P_FLOATING));
}

static struct known_port *allocate_add_port(struct allocation *all, const struct kn_rows *rows, int row)
{
    struct known_port *port = KN_NEW(struct known_port);
    kn_copy(port->nic.port, sizeof(port->nic.port), kn_rows_text(rows, row, P_ID));
    kn_copy(port->nic.mac, sizeof(port->nic.mac), kn_rows_text(rows, row, P_MAC));
    port->nic.tag = kn_strdup(kn_rows_str(rows, row, P_TAG));
    kn_copy(port->network_id, sizeof(port->network_id), kn_rows_text(rows, row, P_NETWORK));
    kn_copy(port->device, sizeof(port->device), kn_rows_text(rows, row, P_DEVICE));
    kn_hmap_put(all->by_id, port->nic.port, port);
    return port;
}

/* Rows come in NIC order. */
static void add_to_server(struct allocation *all, struct known_port *port)
{
    struct known_port *last = kn_hmap_get(all->by_server, port->device);

    if (last == NULL) {
        kn_hmap_put(all->by_server, port->device, port);
        return;
    }
    while (last->next != NULL) {
        last = last->next;
    }
    last->next = port;
}

static void note_ports(struct allocation *all, const struct kn_rows *rows)
{
    struct known_port *last = NULL;

    for (int row = 0; row < kn_rows_count(rows); row++) {
        if (last == NULL || strcmp(last->nic.port, kn_rows_text(rows, row, P_ID)) != 0) {
            struct known_port *port = allocate_add_port(all, rows, row);

            if (kn_rows_bool(rows, row, P_IS_NIC)) {
                add_to_server(all, port);
            }
            last = port;
        }
        if (!kn_rows_null(rows, row, P_IP)) {
            allocate_add_address(last, rows, row);
        }
    }
}

/* Those that are not loaded yet: a server that is asked about again has them already. */
static int load_named(struct allocation *all, struct kn_network_outcome **outcomes, int count, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    for (int i = 0; i < count; i++) {
        const json_t *request;
        size_t n;

        json_array_foreach (json_object_get(outcomes[i]->command->body, "requests"), n, request) {
            const char *id = kn_json_str(request, "port");

            if (kn_uuid_valid(id) && kn_hmap_get(all->by_id, id) == NULL) {
                kn_array_add(&ids, id);
            }
        }
    }
    if (ids.count > 0 && kn_db_run(all->db, &LOAD_NAMED, KN_ARGS(kn_array_value(&ids)), &rows, err) < 0) {
        return -1;
    }
    if (rows != NULL) {
        note_ports(all, rows);
    }
    return 0;
}

static int load_ports(struct allocation *all, struct kn_network_outcome **outcomes, int count, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array servers = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    for (int i = 0; i < count; i++) {
        kn_array_add(&servers, kn_json_str(outcomes[i]->command->body, "server"));
    }
    if (kn_db_run(all->db, &LOAD_SERVERS, KN_ARGS(kn_array_value(&servers)), &rows, err) < 0) {
        return -1;
    }
    note_ports(all, rows);
    return load_named(all, outcomes, count, err);
}

/* --- quotas --- */

/* Of the projects whose servers get new ports. Nobody is held for it: the batch's end takes them, and is refused if it was foreseen wrongly. */
static int load_rooms(struct allocation *all, const struct kn_network_touched *touched,
                      struct kn_network_outcome **outcomes, int count, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array projects = KN_ARRAY_INIT;

    for (int i = 0; i < count; i++) {
        const json_t *body = outcomes[i]->command->body;

        if (kn_network_rooms_needed(body) > 0 && kn_hmap_get(all->by_server, kn_json_str(body, "server")) == NULL) {
            kn_array_add(&projects, kn_json_str(body, "project"));
        }
    }
    return kn_network_rooms_load(all->db, &touched->claims, &projects, all->rooms, err);
}

/* Adds an id once. */
static void allocate_add_once(struct kn_hmap *seen, struct kn_array *ids, const char *id)
{
    if (kn_uuid_valid(id) && kn_hmap_get(seen, id) == NULL) {
        kn_hmap_put(seen, id, ids);
        kn_array_add(ids, id);
    }
}

static int load_topology(struct allocation *all, struct kn_network_outcome **outcomes, int count, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    struct kn_hmap *seen = kn_hmap_new(NULL);
    bool draws = false;
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(all->by_id, &at, &key, &value);) {
        allocate_add_once(seen, &ids, ((struct known_port *)value)->network_id);
    }
    for (int i = 0; i < count; i++) {
        const json_t *body = outcomes[i]->command->body, *request;
        bool done = kn_hmap_get(all->by_server, kn_json_str(body, "server")) != NULL;
        size_t n;

        json_array_foreach (json_object_get(body, "requests"), n, request) {
            allocate_add_once(seen, &ids, kn_json_str(request, "network"));
            draws = draws || !done;
        }
    }
    kn_hmap_free(seen);
    return kn_network_topology_load(all->db, &ids, draws, &all->topology, err);
}

/* The MACs of the batch are looked up together. */
static void want_macs(struct allocation *all, struct kn_network_outcome **outcomes, int count)
{
    for (int i = 0; i < count; i++) {
        const json_t *body = outcomes[i]->command->body, *request;
        size_t n;

        if (kn_hmap_get(all->by_server, kn_json_str(body, "server")) != NULL) {
            continue;
        }
        json_array_foreach (json_object_get(body, "requests"), n, request) {
            struct kn_network_view *network = kn_network_topology_network(&all->topology,
                                                                          kn_json_str(request, "network"));

            if (network != NULL) {
                kn_network_macs_want(network->macs, network->id);
            }
        }
    }
}

/* --- one server --------------------------------------------------------------------------------------------------- */

/* The port's addresses as views of the topology; once per port. */
static struct kn_network_nic *nic_of(const struct allocation *all, struct known_port *port)
{
    struct kn_network_nic *nic = &port->nic;

    if (nic->network == NULL) {
        nic->network = kn_network_topology_network(&all->topology, port->network_id);
        for (int i = 0; i < port->address_count; i++) {
            const struct known_address *at = &port->addresses[i];

            kn_network_nic_add(nic, kn_network_view_subnet(nic->network, at->subnet), &at->ip, at->floating);
        }
    }
    return nic;
}

static json_t *answer_again(const struct allocation *all, struct known_port *port)
{
    json_t *nics = json_array();

    for (; port != NULL; port = port->next) {
        json_array_append_new(nics, kn_network_nic_json(nic_of(all, port)));
    }
    return nics;
}

/* One NIC of a server that is being decided: a port taken or one to be made. */
struct draft {
    struct known_port *taken; /* NULL: made */
    struct kn_network_nic made;
    const json_t *request;
    const char *tag; /* the request's; NULL = none */
};

struct drafts {
    struct draft *items;
    size_t count;
};

static void drafts_release(struct drafts *drafts)
{
    for (size_t i = 0; i < drafts->count; i++) {
        kn_network_nic_release(&drafts->items[i].made);
    }
    free(drafts->items);
}

/* {port}: takes a port that is there. */
static int take_port(struct allocation *all, const struct drafts *before, const char *id, struct draft *draft,
                     struct kn_error *err)
{
    draft->taken = kn_hmap_get(all->by_id, id);
    if (draft->taken == NULL) {
        return kn_fail(err, KN_NOT_FOUND, "Port id %s could not be found.", id);
    }
    bool in_use = draft->taken->device[0] != '\0';
    for (size_t i = 0; i < before->count; i++) {
        in_use = in_use || before->items[i].taken == draft->taken;
    }
    if (in_use) {
        return kn_fail(err, KN_CONFLICT, "Port %s is still in use.", id);
    }
    return kn_network_plan_dhcp(all->db, &all->plan,
                                kn_network_topology_network(&all->topology, draft->taken->network_id), err);
}

/* The one that was wished for, and what the network gives by itself beside it; or all of that. */
static int choose_address(const struct allocation *all, struct kn_network_view *network, const char *fixed_ip,
                          const char *mac, struct kn_network_draw *draw, struct kn_error *err)
{
    struct kn_network_subnet_view *subnet;
    struct kn_ip ip;

    if (fixed_ip[0] == '\0') {
        return kn_network_view_draw(all->db, network, SERVERS, mac, draw, err);
    }
    if (kn_network_view_check_serves(network, SERVERS, err) < 0) {
        return -1;
    }
    if (!kn_ip_parse(fixed_ip, &ip) || (subnet = kn_network_view_subnet_of(network, &ip)) == NULL ||
        !kn_network_subnet_view_serves(subnet, SERVERS)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "IP address %s is not a valid IP for any of the subnets on the specified network.", fixed_ip);
    }
    if (kn_network_subnet_view_take_for(all->db, subnet, &ip, SERVERS, mac, err) < 0) {
        return -1;
    }
    kn_network_draw_add(draw, subnet, &ip);
    kn_network_view_draw_auto(network, SERVERS, mac, draw);
    return 0;
}

/* {network}: a new port with its addresses. */
static int make_port(struct allocation *all, const char *project, const json_t *request, struct draft *draft,
                     struct kn_error *err)
{
    AUTO_RELEASE(kn_network_draw) struct kn_network_draw draw = KN_NETWORK_DRAW_INIT;
    const char *id = kn_json_str(request, "network");
    struct kn_network_view *network = kn_network_topology_network(&all->topology, id);

    if (network == NULL) {
        return kn_fail(err, KN_NOT_FOUND, "Network %s could not be found.", id);
    }
    if (network->subnet_count == 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Network %s requires a subnet in order to boot instances on.", id);
    }
    if (kn_network_guards_check(&all->guards, request, err) < 0 ||
        kn_network_rights_check(&all->rights, &all->guards, network, project, request, err) < 0 ||
        kn_network_plan_dhcp(all->db, &all->plan, network, err) < 0 ||
        kn_network_view_mac(all->db, network, draft->made.mac, err) < 0 ||
        choose_address(all, network, kn_json_str(request, "fixed_ip"), draft->made.mac, &draw, err) < 0) {
        return -1;
    }
    draft->made.network = network;
    kn_uuid_make(draft->made.port);
    for (size_t i = 0; i < draw.count; i++) {
        kn_network_nic_add(&draft->made, draw.items[i].subnet, &draw.items[i].ip, NULL);
    }
    return 0;
}

static int allocate_decide(struct allocation *all, const json_t *body, struct drafts *drafts, struct kn_error *err)
{
    const json_t *requests = json_object_get(body, "requests"), *request;
    const char *project = kn_json_str(body, "project");
    size_t n;

    drafts->items = kn_realloc_array(NULL, json_array_size(requests) + 1, sizeof(*drafts->items));
    json_array_foreach (requests, n, request) {
        const char *port = kn_json_str(request, "port");
        struct draft *draft = &drafts->items[n];

        *draft = (struct draft){ .request = request, .tag = json_string_value(json_object_get(request, "tag")) };
        if (port[0] != '\0' ? take_port(all, drafts, port, draft, err) < 0
                            : make_port(all, project, request, draft, err) < 0) {
            return -1;
        }
        drafts->count = n + 1;
    }
    return 0;
}

static void note_taken(struct allocation *all, const char *server, int number, struct draft *draft)
{
    struct known_port *port = draft->taken;
    struct kn_arg nic;

    kn_copy(port->device, sizeof(port->device), server);
    free(port->nic.tag);
    port->nic.tag = kn_strdup(draft->tag);
    kn_array_add(&all->taken[0], port->nic.port);
    kn_array_add(&all->taken[1], server);
    kn_array_add(&all->taken[2], kn_arg_int(&nic, number));
    kn_array_add(&all->taken[3], port->nic.tag);
}

static void note_made(struct allocation *all, const json_t *body, int number, struct draft *draft)
{
    struct kn_network_nic *nic = &draft->made;

    nic->tag = kn_strdup(draft->tag);
    kn_network_plan_port(&all->plan, &(struct kn_network_plan_port){ .id = nic->port,
                                                                     .network_id = nic->network->id,
                                                                     .project_id = kn_json_str(body, "project"),
                                                                     .mac = nic->mac,
                                                                     .device_id = kn_json_str(body, "server"),
                                                                     .device_owner = SERVERS,
                                                                     .tag = nic->tag,
                                                                     .nic = number,
                                                                     .admin_state_up = true,
                                                                     .made_for_server = true });
    for (int i = 0; i < nic->address_count; i++) {
        kn_network_plan_address(&all->plan, nic->port, nic->addresses[i].subnet->id, &nic->addresses[i].ip);
    }
    kn_network_guards_give(&all->guards, draft->request, kn_json_str(body, "project"), nic->port, &all->plan);
}

/* All NICs of the server are decided: puts them into the plan and answers. */
static json_t *allocate_settle(struct allocation *all, const json_t *body, struct drafts *drafts)
{
    json_t *nics = json_array();

    kn_network_rooms_take(all->rooms, body, all->claims);
    for (size_t i = 0; i < drafts->count; i++) {
        struct draft *draft = &drafts->items[i];

        if (draft->taken != NULL) {
            note_taken(all, kn_json_str(body, "server"), (int)i, draft);
        } else {
            note_made(all, body, (int)i, draft);
        }
        json_array_append_new(nics,
                              kn_network_nic_json(draft->taken != NULL ? nic_of(all, draft->taken) : &draft->made));
    }
    return nics;
}

/* Is it the command that is wrong, or the database? */
static bool is_verdict(const struct kn_error *err)
{
    return err->code == KN_BAD_REQUEST || err->code == KN_NOT_FOUND || err->code == KN_CONFLICT ||
           err->code == KN_QUOTA;
}

static int allocate_one(struct allocation *all, struct kn_network_outcome *outcome, struct kn_error *err)
{
    const json_t *body = outcome->command->body;
    struct known_port *port = kn_hmap_get(all->by_server, kn_json_str(body, "server"));
    AUTO_RELEASE(drafts) struct drafts drafts = { NULL, 0 };
    json_t *nics;

    if (port != NULL) {
        nics = answer_again(all, port);
    } else if (kn_network_rooms_check(all->rooms, body, &outcome->error) == 0 &&
               allocate_decide(all, body, &drafts, &outcome->error) == 0) {
        nics = allocate_settle(all, body, &drafts);
    } else if (is_verdict(&outcome->error)) {
        outcome->failed = true;
        return 0;
    } else {
        *err = outcome->error;
        return -1;
    }
    outcome->result = kn_network_answer_make(all->groups, nics);
    return 0;
}

/* A command that the batch holds twice is decided once. */
static const struct kn_network_outcome *first_of(struct kn_hmap *servers, struct kn_network_outcome *outcome)
{
    const char *server = kn_json_str(outcome->command->body, "server");
    struct kn_network_outcome *first = kn_hmap_get(servers, server);

    if (first == NULL) {
        kn_hmap_put(servers, server, outcome);
    }
    return first;
}

static int allocate_all(struct allocation *all, struct kn_network_outcome **outcomes, int count, struct kn_error *err)
{
    struct kn_hmap *servers = kn_hmap_new(NULL);
    int rc = 0;

    for (int i = 0; i < count && rc == 0; i++) {
        const struct kn_network_outcome *first = first_of(servers, outcomes[i]);
        if (first == NULL) {
            rc = allocate_one(all, outcomes[i], err);
        } else {
            outcomes[i]->failed = first->failed;
            outcomes[i]->error = first->error;
            outcomes[i]->result = json_incref(first->result);
        }
    }
    kn_hmap_free(servers);
    return rc;
}

static int write_taken(struct allocation *all, struct kn_error *err)
{
    if (all->taken[0].count == 0) {
        return 0;
    }
    return kn_db_run(all->db, &TAKE,
                     KN_ARGS(kn_array_value(&all->taken[0]), kn_array_value(&all->taken[1]),
                             kn_array_value(&all->taken[2]), kn_array_value(&all->taken[3])),
                     NULL, err);
}

static int ask_groups(struct allocation *all, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(all->by_id, &at, &key, &value);) {
        kn_array_add(&ids, key);
    }
    return kn_network_answers_ask(all->groups, all->db, &ids, err);
}

int kn_network_ports_allocate(struct kn_db *db, struct kn_network_outcome **outcomes, int count,
                              struct kn_network_touched *touched, struct kn_error *err)
{
    AUTO_RELEASE(allocation) struct allocation all;
    AUTO(kn_rows) struct kn_rows *groups = NULL;

    allocation_init(&all, db);
    all.claims = &touched->claims;
    if (load_ports(&all, outcomes, count, err) < 0 || load_rooms(&all, touched, outcomes, count, err) < 0 ||
        load_topology(&all, outcomes, count, err) < 0 ||
        kn_network_guards_load(db, outcomes, count, &all.guards, err) < 0 ||
        kn_network_rights_load(db, outcomes, count, &all.topology, &all.guards, &all.rights, err) < 0) {
        return -1;
    }
    want_macs(&all, outcomes, count);
    if (allocate_all(&all, outcomes, count, err) < 0 || write_taken(&all, err) < 0 || ask_groups(&all, err) < 0 ||
        kn_network_plan_write_groups(db, &all.plan, &groups, err) < 0) {
        return -1;
    }
    kn_network_answers_note(all.groups, groups);
    return 0;
}
