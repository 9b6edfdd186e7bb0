/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Servers as Nova shows them: which member is there from which microversion on, and for whom, stands in its row. What is asked of lists of
 * them is server_query.c's.
 */
#include "compute/api/server_noun.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/crypto.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/domain/server_state.h"
#include "lib/rest/manners.h"
#include "volume/api.h"

/* Opaque, the same for servers of one project on one host; nothing without a host. value: the project and the host in one. */
void kn_compute_server_print_host_id(const struct kn_request *req, const char *name, const char *value,
                                     struct kn_strbuf *out)
{
    char hex[KN_SHA256_HEX] = "";

    (void)req;
    if (value[0] != '\0') {
        kn_sha256_hex(value, strlen(value), hex);
        hex[56] = '\0';
    }
    kn_jsonw_str(out, name, hex);
}

/* --- addresses --- */

/* A NIC as the row has it, its values as they are written there. */
struct server_nic {
    struct kn_jsonr network_name, mac, ips;
};

static size_t read_nics(const char *text, struct server_nic nics[KN_MAX_NICS])
{
    static const char *const KEYS[] = { "network_name", "mac", "ips" };
    struct kn_jsonr rest = kn_jsonr_inside(kn_jsonr_of(text)), nic, values[KN_COUNT(KEYS)];
    size_t count = 0;

    while (count < KN_MAX_NICS && kn_jsonr_next(&rest, &nic)) {
        kn_jsonr_members(nic, KEYS, KN_COUNT(KEYS), values);
        nics[count++] = (struct server_nic){ values[0], values[1], values[2] };
    }
    return count;
}

static void server_noun_add_address(struct kn_strbuf *sb, const struct server_nic *nic, struct kn_jsonr version,
                                    struct kn_jsonr address, const char *type)
{
    kn_jsonw_object(sb, NULL);
    kn_jsonw_value(sb, "version", version);
    kn_jsonw_value(sb, "addr", address);
    if (type != NULL) {
        kn_jsonw_str(sb, "OS-EXT-IPS:type", type);
        kn_jsonw_value(sb, "OS-EXT-IPS-MAC:mac_addr", nic->mac);
    }
    kn_jsonw_end_object(sb);
}

/* The NIC's own, or what stands for them outside. */
static void server_noun_add_addresses(struct kn_strbuf *sb, const struct server_nic *nic, bool floating, bool typed)
{
    static const char *const KEYS[] = { "version", "address", "floating" };
    struct kn_jsonr ips = kn_jsonr_inside(nic->ips), ip, values[KN_COUNT(KEYS)], outside;

    while (kn_jsonr_next(&ips, &ip)) {
        kn_jsonr_members(ip, KEYS, KN_COUNT(KEYS) - !floating, values); /* the rest is not even looked at */
        if (!floating) {
            server_noun_add_address(sb, nic, values[0], values[1], typed ? "fixed" : NULL);
            continue;
        }
        struct kn_jsonr rest = kn_jsonr_inside(values[2]);

        while (kn_jsonr_next(&rest, &outside)) {
            server_noun_add_address(sb, nic, values[0], outside, typed ? "floating" : NULL);
        }
    }
}

static bool named_before(const struct server_nic *nics, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (kn_jsonr_equal(nics[i].network_name, nics[at].network_name)) {
            return true;
        }
    }
    return false;
}

/* All addresses on the network of this name, of whichever NIC; what stands for them outside comes behind them. */
static void server_noun_add_network(struct kn_strbuf *sb, const struct server_nic *nics, size_t count,
                                    struct kn_jsonr name, bool has_floating, bool typed)
{
    kn_jsonw_value(sb, NULL, name);
    kn_strbuf_addstr(sb, ":[");
    for (int floating = 0; floating <= (has_floating ? 1 : 0); floating++) {
        for (size_t i = 0; i < count; i++) {
            if (kn_jsonr_equal(nics[i].network_name, name)) {
                server_noun_add_addresses(sb, &nics[i], floating == 1, typed);
            }
        }
    }
    kn_jsonw_end_array(sb);
}

int kn_compute_server_addresses(struct kn_strbuf *sb, const char *key, const char *text, const char *label, bool typed)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf asked = KN_STRBUF_INIT; /* as the row has it */
    struct server_nic nics[KN_MAX_NICS];
    const size_t count = read_nics(text, nics);
    const bool has_floating = strstr(text, "\"floating\"") != NULL; /* most have none, and are read once */
    int written = 0;

    if (label[0] != '\0') {
        kn_strbuf_addjson(&asked, label);
    }
    kn_jsonw_object(sb, key);
    for (size_t i = 0; i < count; i++) {
        const bool is_asked = label[0] == '\0' || kn_jsonr_equal(kn_jsonr_of(asked.buf), nics[i].network_name);

        if (is_asked && !named_before(nics, i)) {
            server_noun_add_network(sb, nics, count, nics[i].network_name, has_floating, typed);
            written++;
        }
    }
    kn_jsonw_end_object(sb);
    return written;
}

/* In the answer to PUT of old they come without their types. */
static void print_bare_addresses(const struct kn_request *req, const char *name, const char *value,
                                 struct kn_strbuf *out)
{
    (void)req;
    kn_compute_server_addresses(out, name, value, "", false);
}

static void print_addresses(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    (void)req;
    kn_compute_server_addresses(out, name, value, "", true);
}

/* --- what is one text in the database and several members to clients, or another shape --- */

static bool has_progress(const char *status)
{
    static const char *const STATUSES[] = { "ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING" };

    for (size_t i = 0; i < KN_COUNT(STATUSES); i++) {
        if (strcmp(STATUSES[i], status) == 0) {
            return true;
        }
    }
    return false;
}

/* value: vm_state, and if there is more to say: a space, task_state, a space, progress; a server that is gone is of no other state. */
static void print_status(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    const size_t len = strcspn(value, " ");
    const char *rest = value[len] == ' ' ? value + len + 1 : value + len;
    const size_t task_len = strcspn(rest, " ");
    char vm_state[32], task_state[64];

    (void)req;
    snprintf(vm_state, sizeof(vm_state), "%.*s", (int)len, value);
    snprintf(task_state, sizeof(task_state), "%.*s", (int)task_len, rest);
    const char *status = kn_server_status(vm_state, task_state[0] != '\0' ? task_state : NULL);

    kn_jsonw_str(out, name, status);
    if (has_progress(status)) {
        kn_jsonw_int(out, "progress", strtol(rest + task_len, NULL, 10));
    }
}

/* The first in order behind `last`, if there is one. */
static bool next_name(struct kn_jsonr names, struct kn_jsonr last, struct kn_jsonr *ret_name)
{
    struct kn_jsonr name;
    bool found = false;

    while (kn_jsonr_next(&names, &name)) {
        if ((last.len == 0 || kn_jsonr_compare(name, last) > 0) && (!found || kn_jsonr_compare(name, *ret_name) < 0)) {
            *ret_name = name;
            found = true;
        }
    }
    return found;
}

/* value: the names of its ports' groups, one for each port that has it, as they come; each is shown once, in order. */
static void print_groups(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    const struct kn_jsonr names = kn_jsonr_inside(kn_jsonr_of(value));
    struct kn_jsonr group, last = { "", 0 };

    (void)req;
    if (value[0] == '\0') {
        return;
    }
    kn_jsonw_array(out, name);
    while (next_name(names, last, &group)) {
        kn_jsonw_object(out, NULL);
        kn_jsonw_value(out, "name", group);
        kn_jsonw_end_object(out);
        last = group;
    }
    kn_jsonw_end_array(out);
}

static void add_bookmark(const struct kn_request *req, const char *path, const char *id, struct kn_strbuf *out)
{
    kn_jsonw_str(out, "id", id);
    kn_jsonw_array(out, "links");
    kn_rest_nova_link(req, "bookmark", "", path, id, out);
    kn_jsonw_end_array(out);
}

static void print_image(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    if (value[0] == '\0') {
        kn_jsonw_str(out, name, ""); /* booted from a volume */
        return;
    }
    kn_jsonw_object(out, name);
    add_bookmark(req, "/images", value, out);
    kn_jsonw_end_object(out);
}

/* value: the image's id and its properties behind it. */
static void print_image_and_properties(const struct kn_request *req, const char *name, const char *value,
                                       struct kn_strbuf *out)
{
    char id[KN_UUID_SIZE];

    if (value[0] == '\0') {
        kn_jsonw_str(out, name, "");
        return;
    }
    kn_copy(id, sizeof(id), value);
    kn_jsonw_object(out, name);
    add_bookmark(req, "/images", id, out);
    kn_jsonw_raw(out, "properties", value + KN_UUID_SIZE - 1);
    kn_jsonw_end_object(out);
}

static void print_flavor_link(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    kn_jsonw_object(out, name);
    add_bookmark(req, "/flavors", value, out);
    kn_jsonw_end_object(out);
}

static void print_flavor(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    json_auto_t *flavor = json_loads(value, 0, NULL);
    AUTO_FREE char *specs = json_dumps(json_object_get(flavor, "extra_specs"), JSON_COMPACT);

    (void)req;
    kn_jsonw_object(out, name);
    kn_jsonw_int(out, "vcpus", kn_json_int(flavor, "vcpus"));
    kn_jsonw_int(out, "ram", kn_json_int(flavor, "memory_mib"));
    kn_jsonw_int(out, "disk", kn_json_int(flavor, "disk_gib"));
    kn_jsonw_int(out, "ephemeral", kn_json_int(flavor, "ephemeral_gib"));
    kn_jsonw_int(out, "swap", kn_json_int(flavor, "swap_mib"));
    kn_jsonw_str(out, "original_name", kn_json_str(flavor, "name"));
    kn_jsonw_raw(out, "extra_specs", specs != NULL ? specs : "{}");
    kn_jsonw_end_object(out);
}

/* The row's {code, message, public, created, details}: members read the public reason, operators the message and the details. */
static void print_fault(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    json_auto_t *fault = json_loads(value, 0, NULL);
    const char *reason = kn_json_str(fault, "public");
    const int64_t code = kn_json_int(fault, "code");
    const bool is_told_all = kn_policy_allows(KN_NOVA_SERVER_FAULT, &req->caller, NULL);

    if (fault == NULL) {
        return;
    }
    kn_jsonw_object(out, name);
    kn_jsonw_int(out, "code", code != 0 ? code : 500);
    kn_jsonw_str(out, "created", kn_json_str(fault, "created"));
    if (is_told_all) {
        kn_jsonw_str(out, "message", kn_json_str(fault, "message"));
    } else {
        kn_jsonw_str(out, "message", reason[0] != '\0' ? reason : "The cloud failed to carry this out.");
    }
    if (is_told_all && kn_json_str(fault, "details")[0] != '\0') {
        kn_jsonw_str(out, "details", kn_json_str(fault, "details"));
    }
    kn_jsonw_end_object(out);
}

static void print_null(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    (void)req;
    (void)value;
    kn_jsonw_null(out, name);
}

static void print_empty(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    (void)req;
    (void)value;
    kn_jsonw_str(out, name, "");
}

static void print_root_device(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    (void)req;
    (void)value;
    kn_jsonw_str(out, name, "/dev/vda");
}

/* The answer to a rebuild has it under another name. */
static void print_user_data(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    if (json_object_get(req->body, "rebuild") == NULL) {
        kn_jsonw_str(out, name, value[0] != '\0' ? value : NULL);
    }
}

/* value: seconds since the host was heard, a space, and what it is while it is heard. */
static void print_host_status(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out)
{
    char *status;
    const double silence = strtod(value, &status);
    const bool is_unknown = silence > (double)req->conf->scheduler_agent_timeout_s && strcmp(status, " DOWN") != 0;

    kn_jsonw_str(out, name, value[0] == '\0' ? "" : is_unknown ? "UNKNOWN" : status + 1);
}

/* --- the table --- */

#define CORE KN_REST_LIST | KN_REST_SHOW | KN_REST_CHANGED /* CHANGED: what PUT answers before 2.75 */
#define MORE KN_REST_LIST | KN_REST_SHOW
#define HIDDEN MORE, .read = KN_NOVA_SERVER_ATTRIBUTES
#define SORTED KN_REST_SORT
#define TEXT(name, sql, ...) KN_REST_ATTR(name, sql, KN_REST_TEXT, __VA_ARGS__)

/* Nearly all servers are at rest: their word is put together from nothing. */
#define STATUS \
    "CASE WHEN s.deleted_at IS NOT NULL THEN 'deleted' WHEN s.task_state IS NULL AND s.vm_state <> 'building' THEN s.vm_state ELSE s.vm_state || ' ' || coalesce(s.task_state, '') || ' ' || " KN_SERVER_PROGRESS_SQL \
    " END"
/* Most have none, which an index says without a row to begin with. */
#define VOLUMES(members) \
    "CASE WHEN EXISTS (SELECT FROM attachment a WHERE a.server_id = s.id) THEN (SELECT json_agg(json_build_object('id', a.volume_id" members \
    ")) FROM attachment a WHERE a.server_id = s.id AND " KN_VOLUME_IS_SEEN("a") ") ELSE '[]' END"
#define NAME_OF_GROUP "coalesce(nullif(g.name, ''), g.id::text)"
/* Of the ids that the server says. */
#define GROUPS_SAID \
    "(SELECT json_agg((SELECT " NAME_OF_GROUP " FROM security_group g WHERE g.id = i)) FROM unnest(s.group_ids) i)"
/*
 * Of all its NICs, by name if it has one; print_groups() does the rest. As the server says them (network/rows/groups/shown.h), or its ports. OFFSET 0: a port's own are
 * found by its key, and in its order. Joined, a planner that has no statistics yet reads the table whole, for each server of a list.
 */
#define GROUPS_ASKED \
    "(SELECT json_agg((SELECT " NAME_OF_GROUP " FROM security_group g WHERE g.id = b.group_id)) FROM port p" \
    " CROSS JOIN LATERAL (SELECT group_id FROM port_security_group WHERE port_id = p.id ORDER BY group_id OFFSET 0) b" \
    " WHERE p.device_id = s.id::text AND p.device_id <> '' AND p.nic IS NOT NULL)"
#define GROUPS_OF_ONE "CASE WHEN s.group_ids IS NULL THEN " GROUPS_ASKED " ELSE " GROUPS_SAID " END"
/* Nearly all have one, which a list joins (lists_from): many of its servers have the same. */
#define GROUPS \
    "CASE WHEN s.group_ids IS NULL THEN " GROUPS_ASKED \
    " WHEN cardinality(s.group_ids) = 1 THEN json_build_array(coalesce(nullif(o.name, ''), o.id::text))" \
    " ELSE " GROUPS_SAID " END"
/* One server looks for its host; a list joins them (lists_from). */
#define HOST_STATUS \
    "extract(epoch FROM now() - g.last_seen) || CASE WHEN h.forced_down THEN ' DOWN' WHEN h.disabled THEN ' MAINTENANCE' ELSE ' UP' END"
#define HOST_STATUS_OF_ONE \
    "(SELECT " HOST_STATUS " FROM host h JOIN agent g ON g.id = h.agent_id WHERE h.name = s.host)"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "s.id", KN_REST_UUID, KN_REST_ALWAYS),
    TEXT("name", "s.name", KN_REST_ALWAYS),
    KN_REST_ATTR("links", NULL, KN_REST_LINKS, KN_REST_ALWAYS),
    TEXT("status", STATUS, CORE, .print = print_status),
    TEXT("tenant_id", "s.project_id", CORE),
    TEXT("user_id", "s.user_id", CORE | SORTED),
    KN_REST_ATTR("metadata", "s.metadata", KN_REST_JSON, CORE),
    TEXT("hostId", "s.project_id || s.host", CORE | KN_REST_SHARED, .print = kn_compute_server_print_host_id),
    TEXT("image", "s.image_id", CORE | KN_REST_SHARED, .until = 97, .print = print_image),
    TEXT("image", "s.image_id || coalesce(s.image_properties::text, '{}')", MORE | KN_REST_SHARED, .since = 98,
         .print = print_image_and_properties),
    TEXT("flavor", "s.flavor->>'id'", CORE | KN_REST_SHARED, .until = 46, .print = print_flavor_link),
    TEXT("flavor", "s.flavor", CORE | KN_REST_SHARED, .since = 47, .print = print_flavor),
    KN_REST_ATTR("created", "s.created_at", KN_REST_TIME, CORE),
    KN_REST_ATTR("updated", "s.updated_at", KN_REST_TIME, CORE),
    TEXT("addresses", "s.nics", KN_REST_CHANGED, .print = print_bare_addresses),
    TEXT("addresses", "s.nics", MORE, .print = print_addresses),
    TEXT("security_groups", GROUPS, KN_REST_LIST | KN_REST_IF_SET, .print = print_groups),
    TEXT("security_groups", GROUPS_OF_ONE, KN_REST_SHOW | KN_REST_IF_SET, .print = print_groups),
    TEXT("accessIPv4", "s.access_ipv4", CORE),
    TEXT("accessIPv6", "s.access_ipv6", CORE),
    TEXT("OS-DCF:diskConfig", "s.disk_config", CORE),
    TEXT("fault", "CASE WHEN s.vm_state = 'error' OR s.deleted_at IS NOT NULL THEN s.fault END", CORE,
         .print = print_fault),
    KN_REST_ATTR("locked", "s.locked", KN_REST_BOOL, CORE | SORTED, .since = 9),
    TEXT("description", "s.description", CORE, .since = 19),
    KN_REST_ATTR("tags", "s.tags", KN_REST_TAGS, CORE, .since = 26),
    TEXT("trusted_image_certificates", NULL, CORE, .since = 63, .print = print_null),
    KN_REST_ATTR("server_groups", "CASE WHEN s.group_id IS NULL THEN '[]' ELSE json_build_array(s.group_id) END",
                 KN_REST_JSON, KN_REST_SHOW | KN_REST_CHANGED, .since = 71),
    TEXT("locked_reason", "s.locked_reason", CORE, .since = 73),
    TEXT("OS-EXT-AZ:availability_zone", "coalesce(s.zone, '')", MORE),
    TEXT("config_drive", "CASE WHEN s.config_drive THEN 'True' ELSE '' END", MORE),
    TEXT("key_name", "s.key_name", MORE | SORTED | KN_REST_NULL),
    KN_REST_ATTR("OS-SRV-USG:launched_at", "s.launched_at", KN_REST_TIME, MORE | KN_REST_FINE),
    KN_REST_ATTR("OS-SRV-USG:terminated_at", "s.terminated_at", KN_REST_TIME, MORE | KN_REST_FINE),
    TEXT("OS-EXT-STS:task_state", "s.task_state", MORE),
    TEXT("OS-EXT-STS:vm_state", "s.vm_state", MORE),
    KN_REST_ATTR("OS-EXT-STS:power_state", "s.power_state", KN_REST_INT, MORE),
    KN_REST_ATTR("os-extended-volumes:volumes_attached", VOLUMES(""), KN_REST_JSON, MORE, .until = 2),
    KN_REST_ATTR("os-extended-volumes:volumes_attached", VOLUMES(", 'delete_on_termination', a.delete_on_termination"),
                 KN_REST_JSON, MORE, .since = 3),
    TEXT("OS-EXT-SRV-ATTR:hostname", "s.hostname", HIDDEN, .since = 3, .until = 89),
    TEXT("OS-EXT-SRV-ATTR:hostname", "s.hostname", MORE, .since = 90),
    TEXT("pinned_availability_zone", "s.pinned_zone", MORE, .since = 96),
    KN_REST_ATTR("scheduler_hints", "coalesce(s.scheduler_hints, '{}')", KN_REST_JSON, MORE, .since = 100),
    TEXT("OS-EXT-SRV-ATTR:host", "s.host", HIDDEN),
    TEXT("OS-EXT-SRV-ATTR:hypervisor_hostname", "s.host", KN_REST_AGAIN | HIDDEN),
    KN_REST_ATTR("OS-EXT-SRV-ATTR:instance_name", "s.id", KN_REST_UUID, HIDDEN), /* the domain is named by its server */
    TEXT("OS-EXT-SRV-ATTR:kernel_id", NULL, HIDDEN, .since = 3, .print = print_empty),
    TEXT("OS-EXT-SRV-ATTR:ramdisk_id", NULL, HIDDEN, .since = 3, .print = print_empty),
    KN_REST_ATTR("OS-EXT-SRV-ATTR:launch_index", "s.launch_index", KN_REST_INT, HIDDEN, .since = 3),
    TEXT("OS-EXT-SRV-ATTR:reservation_id", "s.reservation_id", HIDDEN, .since = 3),
    TEXT("OS-EXT-SRV-ATTR:root_device_name", NULL, HIDDEN, .since = 3, .print = print_root_device),
    TEXT("OS-EXT-SRV-ATTR:user_data", "s.user_data", HIDDEN, .since = 3, .print = print_user_data),
    TEXT("host_status", HOST_STATUS, KN_REST_LIST, .read = KN_NOVA_SERVER_HOST_STATUS, .since = 16,
         .print = print_host_status),
    TEXT("host_status", HOST_STATUS_OF_ONE, KN_REST_SHOW, .read = KN_NOVA_SERVER_HOST_STATUS, .since = 16,
         .print = print_host_status),
    /* Nova's names of the columns, to sort by. */
    KN_REST_ATTR("created_at", "s.created_at", KN_REST_TIME, SORTED),
    KN_REST_ATTR("uuid", "s.id", KN_REST_UUID, SORTED),
    TEXT("display_name", "s.name", SORTED),
    KN_REST_ATTR("updated_at", "s.updated_at", KN_REST_TIME, SORTED),
    KN_REST_ATTR("launched_at", "s.launched_at", KN_REST_TIME, SORTED | KN_REST_NULL),
    KN_REST_ATTR("terminated_at", "s.terminated_at", KN_REST_TIME, SORTED | KN_REST_NULL),
    TEXT("vm_state", "s.vm_state", SORTED),
    TEXT("task_state", "s.task_state", SORTED | KN_REST_NULL),
    KN_REST_ATTR("power_state", "s.power_state", KN_REST_INT, SORTED),
    TEXT("host", "s.host", SORTED | KN_REST_NULL),
    TEXT("node", "s.host", SORTED | KN_REST_NULL),
    TEXT("hostname", "s.hostname", SORTED),
    TEXT("image_ref", "s.image_id::text", SORTED | KN_REST_NULL),
    TEXT("instance_type_id", "s.flavor->>'id'", SORTED),
    KN_REST_ATTR("launch_index", "s.launch_index", KN_REST_INT, SORTED),
    TEXT("availability_zone", "s.zone", SORTED | KN_REST_NULL),
    TEXT("display_description", "s.description", SORTED | KN_REST_NULL),
    TEXT("project_id", "s.project_id", SORTED),
    KN_REST_ATTR("config_drive", "s.config_drive", KN_REST_BOOL, SORTED),
    TEXT("auto_disk_config", "s.disk_config", SORTED),
    KN_REST_ATTR("vcpus", "(s.flavor->>'vcpus')::bigint", KN_REST_INT, SORTED),
    KN_REST_ATTR("memory_mb", "(s.flavor->>'memory_mib')::bigint", KN_REST_INT, SORTED),
    KN_REST_ATTR("root_gb", "(s.flavor->>'disk_gib')::bigint", KN_REST_INT, SORTED),
    KN_REST_ATTR("ephemeral_gb", "(s.flavor->>'ephemeral_gib')::bigint", KN_REST_INT, SORTED | KN_REST_NULL),
    TEXT("reservation_id", "s.reservation_id", SORTED),
    KN_REST_ATTR("deleted_at", "s.deleted_at", KN_REST_TIME, SORTED | KN_REST_NULL),
    TEXT("access_ip_v4", "s.access_ipv4", SORTED),
    TEXT("access_ip_v6", "s.access_ipv6", SORTED),
    KN_REST_ATTR("locked", "s.locked", KN_REST_BOOL, SORTED, .until = 8),
    KN_REST_ATTRS_END,
};

const struct kn_rest_noun kn_compute_server_noun = {
    .one = "server",
    .many = "servers",
    .label = "Instance",
    .path = "/servers",
    .absent = "Instance %2 could not be found.",
    .from = "server s",
    .lists_from = "server s LEFT JOIN host h ON h.name = s.host LEFT JOIN agent g ON g.id = h.agent_id"
                  " LEFT JOIN security_group o ON o.id = s.group_ids[1]",
    .id = "s.id",
    .id_type = KN_REST_UUID,
    .visible = "s.project_id = ?",
    .order = "created_at",
    .ties = "uuid",
    .attrs = ATTRS,
    .params = kn_compute_server_params,
    .narrow = kn_compute_server_narrow,
    .other = kn_compute_server_unknown,
    .manners = &KN_REST_NOVA,
};
