/* SPDX-License-Identifier: Apache-2.0 */
/* Writes servers. Which member appears from which microversion on stands next to the member; nothing is looked up here. */
#include "compute/api/server_view.h"

#include <stdio.h>
#include <string.h>

#include "compute/rows/view.h"
#include "lib/adapter/crypto.h"
#include "lib/domain/message.h"

#define STR(col) kn_rows_str(rows, row, col)
#define TEXT(col) kn_rows_text(rows, row, col)

void kn_server_view_init(struct kn_server_view *view, const struct kn_request *req, enum kn_server_detail detail)
{
    *view = (struct kn_server_view){ req, detail, KN_STRBUF_INIT, KN_STRBUF_INIT };
}

void kn_server_view_release(struct kn_server_view *view)
{
    kn_strbuf_release(&view->flavor);
    kn_strbuf_release(&view->flavor_of);
}

void kn_server_host_id(const char *project, const char *host, char out[57])
{
    char both[512], hex[KN_SHA256_HEX];

    out[0] = '\0';
    if (host != NULL) {
        snprintf(both, sizeof(both), "%s%s", project, host);
        kn_sha256_hex(both, strlen(both), hex);
        snprintf(out, 57, "%.56s", hex);
    }
}

/* --- addresses --- */

static void add_address(struct kn_strbuf *sb, const json_t *nic, const json_t *ip, bool typed)
{
    kn_jsonw_object(sb, NULL);
    kn_jsonw_int(sb, "version", kn_json_int(ip, "version"));
    kn_jsonw_str(sb, "addr", kn_json_str(ip, "address"));
    if (typed) {
        kn_jsonw_str(sb, "OS-EXT-IPS:type", "fixed");
        kn_jsonw_str(sb, "OS-EXT-IPS-MAC:mac_addr", kn_json_str(nic, "mac"));
    }
    kn_jsonw_end_object(sb);
}

static bool named_before(const json_t *nics, size_t at, const char *name)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(kn_json_str(json_array_get(nics, i), "network_name"), name) == 0) {
            return true;
        }
    }
    return false;
}

/* All addresses on the network of this name, of whichever NIC. */
static void add_network(struct kn_strbuf *sb, const json_t *nics, const char *name, bool typed)
{
    kn_strbuf_addstr(sb, sb->buf[sb->len - 1] == '{' ? "" : ",");
    kn_strbuf_addjson(sb, name);
    kn_strbuf_addstr(sb, ":[");
    for (size_t i = 0; i < json_array_size(nics); i++) {
        const json_t *nic = json_array_get(nics, i);
        const json_t *ips = json_object_get(nic, "ips");

        for (size_t j = 0; strcmp(kn_json_str(nic, "network_name"), name) == 0 && j < json_array_size(ips); j++) {
            add_address(sb, nic, json_array_get(ips, j), typed);
        }
    }
    kn_jsonw_end_array(sb);
}

int kn_server_addresses(struct kn_strbuf *sb, const char *key, const char *nics, const char *label, bool typed)
{
    json_t *list = strcmp(nics, "[]") == 0 ? NULL : json_loads(nics, 0, NULL);
    int count = 0;

    kn_jsonw_object(sb, key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = kn_json_str(json_array_get(list, i), "network_name");

        if ((label[0] == '\0' || strcmp(label, name) == 0) && !named_before(list, i, name)) {
            add_network(sb, list, name, typed);
            count++;
        }
    }
    kn_jsonw_end_object(sb);
    json_decref(list);
    return count;
}

/* --- flavor, image, fault, volumes --- */

static void render_flavor(struct kn_server_view *view, const char *text)
{
    json_t *flavor = json_loads(text, 0, NULL);
    struct kn_strbuf *sb = &view->flavor;
    AUTO_FREE char *specs = json_dumps(json_object_get(flavor, "extra_specs"), JSON_COMPACT);

    kn_strbuf_clear(sb);
    kn_jsonw_object(sb, NULL);
    if (!kn_since(view->req, 47)) {
        kn_jsonw_str(sb, "id", kn_json_str(flavor, "id"));
        kn_view_bookmark(sb, view->req, "flavors", kn_json_str(flavor, "id"));
    } else {
        kn_jsonw_int(sb, "vcpus", kn_json_int(flavor, "vcpus"));
        kn_jsonw_int(sb, "ram", kn_json_int(flavor, "memory_mib"));
        kn_jsonw_int(sb, "disk", kn_json_int(flavor, "disk_gib"));
        kn_jsonw_int(sb, "ephemeral", kn_json_int(flavor, "ephemeral_gib"));
        kn_jsonw_int(sb, "swap", kn_json_int(flavor, "swap_mib"));
        kn_jsonw_str(sb, "original_name", kn_json_str(flavor, "name"));
        kn_jsonw_raw(sb, "extra_specs", specs != NULL ? specs : "{}");
    }
    kn_jsonw_end_object(sb);
    json_decref(flavor);
}

static void add_flavor(struct kn_server_view *view, struct kn_strbuf *sb, const char *text)
{
    if (strcmp(view->flavor_of.buf, text) != 0) {
        kn_strbuf_clear(&view->flavor_of);
        kn_strbuf_addstr(&view->flavor_of, text);
        render_flavor(view, text);
    }
    kn_jsonw_raw(sb, "flavor", view->flavor.buf);
}

static void add_image(struct kn_strbuf *sb, const struct kn_request *req, const char *id)
{
    if (id == NULL) {
        kn_jsonw_str(sb, "image", ""); /* booted from a volume */
        return;
    }
    kn_jsonw_object(sb, "image");
    kn_jsonw_str(sb, "id", id);
    kn_view_bookmark(sb, req, "images", id);
    kn_jsonw_end_object(sb);
}

/* The row's {code, message, public, created, details}: members read the public reason, operators the message and the details. */
static void add_fault(struct kn_strbuf *sb, const struct kn_request *req, const char *text)
{
    json_t *fault = json_loads(text, 0, NULL);
    const char *reason = kn_json_str(fault, "public");
    int64_t code = kn_json_int(fault, "code");

    kn_jsonw_object(sb, "fault");
    kn_jsonw_int(sb, "code", code != 0 ? code : 500);
    kn_jsonw_str(sb, "created", kn_json_str(fault, "created"));
    if (req->caller.is_admin) {
        kn_jsonw_str(sb, "message", kn_json_str(fault, "message"));
    } else {
        kn_jsonw_str(sb, "message", reason[0] != '\0' ? reason : "The cloud failed to carry this out.");
    }
    if (req->caller.is_admin && kn_json_str(fault, "details")[0] != '\0') {
        kn_jsonw_str(sb, "details", kn_json_str(fault, "details"));
    }
    kn_jsonw_end_object(sb);
    json_decref(fault);
}

static void add_volumes(struct kn_strbuf *sb, const struct kn_request *req, const char *text)
{
    json_t *volumes = text != NULL ? json_loads(text, 0, NULL) : NULL;

    kn_jsonw_array(sb, "os-extended-volumes:volumes_attached");
    for (size_t i = 0; i < json_array_size(volumes); i++) {
        const json_t *volume = json_array_get(volumes, i);

        kn_jsonw_object(sb, NULL);
        kn_jsonw_str(sb, "id", kn_json_str(volume, "id"));
        if (kn_since(req, 3)) {
            kn_jsonw_bool(sb, "delete_on_termination", kn_json_bool(volume, "delete_on_termination"));
        }
        kn_jsonw_end_object(sb);
    }
    kn_jsonw_end_array(sb);
    json_decref(volumes);
}

/* --- the whole --- */

static bool has_progress(const char *status)
{
    static const char *const STATUSES[] = { "ACTIVE", "BUILD", "REBUILD", "RESIZE", "VERIFY_RESIZE", "MIGRATING" };

    for (size_t i = 0; i < sizeof(STATUSES) / sizeof(STATUSES[0]); i++) {
        if (strcmp(STATUSES[i], status) == 0) {
            return true;
        }
    }
    return false;
}

/* What every view but the brief one has. */
static void add_core(struct kn_server_view *view, struct kn_strbuf *sb, const struct kn_rows *rows, int row)
{
    const struct kn_request *req = view->req;
    const char *status = !kn_rows_null(rows, row, KN_SERVER_DELETED)
                             ? "DELETED"
                             : kn_server_status(TEXT(KN_SERVER_VM_STATE), STR(KN_SERVER_TASK_STATE));
    bool typed = view->detail != KN_SERVER_UPDATED_VIEW;
    char host_id[57];

    kn_server_host_id(TEXT(KN_SERVER_PROJECT), STR(KN_SERVER_HOST), host_id);
    kn_jsonw_str(sb, "status", status);
    kn_jsonw_str(sb, "tenant_id", STR(KN_SERVER_PROJECT));
    kn_jsonw_str(sb, "user_id", STR(KN_SERVER_USER));
    kn_jsonw_raw(sb, "metadata", STR(KN_SERVER_METADATA));
    kn_jsonw_str(sb, "hostId", host_id);
    add_image(sb, req, STR(KN_SERVER_IMAGE));
    add_flavor(view, sb, TEXT(KN_SERVER_FLAVOR));
    kn_view_time(sb, "created", STR(KN_SERVER_CREATED));
    kn_view_time(sb, "updated", STR(KN_SERVER_UPDATED));
    kn_server_addresses(sb, "addresses", TEXT(KN_SERVER_NICS), "", typed);
    kn_jsonw_str(sb, "accessIPv4", STR(KN_SERVER_ACCESS4));
    kn_jsonw_str(sb, "accessIPv6", STR(KN_SERVER_ACCESS6));
    kn_jsonw_str(sb, "OS-DCF:diskConfig", STR(KN_SERVER_DISK_CONFIG));
    if (has_progress(status)) {
        kn_jsonw_int(sb, "progress", 0);
    }
    if (!kn_rows_null(rows, row, KN_SERVER_FAULT) && (strcmp(status, "ERROR") == 0 || strcmp(status, "DELETED") == 0)) {
        add_fault(sb, req, TEXT(KN_SERVER_FAULT));
    }
    if (kn_since(req, 9)) {
        kn_jsonw_bool(sb, "locked", kn_rows_bool(rows, row, KN_SERVER_LOCKED));
    }
    if (kn_since(req, 19)) {
        kn_jsonw_str(sb, "description", STR(KN_SERVER_DESCRIPTION));
    }
    if (kn_since(req, 26)) {
        kn_jsonw_raw(sb, "tags", STR(KN_SERVER_TAGS));
    }
    if (kn_since(req, 63)) {
        kn_jsonw_null(sb, "trusted_image_certificates");
    }
    if (kn_since(req, 73)) {
        kn_jsonw_str(sb, "locked_reason", STR(KN_SERVER_LOCKED_REASON));
    }
}

/* The attributes that extensions once added, for everybody. */
static void add_extended(struct kn_server_view *view, struct kn_strbuf *sb, const struct kn_rows *rows, int row)
{
    const struct kn_request *req = view->req;

    kn_jsonw_str(sb, "OS-EXT-AZ:availability_zone", TEXT(KN_SERVER_ZONE));
    kn_jsonw_str(sb, "config_drive", kn_rows_bool(rows, row, KN_SERVER_CONFIG_DRIVE) ? "True" : "");
    kn_jsonw_str(sb, "key_name", STR(KN_SERVER_KEY_NAME));
    kn_view_time_us(sb, "OS-SRV-USG:launched_at", STR(KN_SERVER_LAUNCHED));
    kn_view_time_us(sb, "OS-SRV-USG:terminated_at", STR(KN_SERVER_TERMINATED));
    if (strcmp(TEXT(KN_SERVER_NICS), "[]") != 0) {
        kn_jsonw_raw(sb, "security_groups", "[{\"name\":\"default\"}]");
    }
    kn_jsonw_str(sb, "OS-EXT-STS:task_state", STR(KN_SERVER_TASK_STATE));
    kn_jsonw_str(sb, "OS-EXT-STS:vm_state", STR(KN_SERVER_VM_STATE));
    kn_jsonw_int(sb, "OS-EXT-STS:power_state", kn_rows_int(rows, row, KN_SERVER_POWER));
    add_volumes(sb, req, STR(KN_SERVER_VOLUMES));
    if (kn_since(req, 90) || (req->caller.is_admin && kn_since(req, 3))) {
        kn_jsonw_str(sb, "OS-EXT-SRV-ATTR:hostname", STR(KN_SERVER_HOSTNAME));
    }
    if (kn_since(req, 96)) {
        kn_jsonw_str(sb, "pinned_availability_zone", STR(KN_SERVER_PINNED_ZONE));
    }
}

static void add_admin(const struct kn_request *req, struct kn_strbuf *sb, const struct kn_rows *rows, int row)
{
    kn_jsonw_str(sb, "OS-EXT-SRV-ATTR:host", STR(KN_SERVER_HOST));
    kn_jsonw_str(sb, "OS-EXT-SRV-ATTR:hypervisor_hostname", STR(KN_SERVER_HOST));
    kn_jsonw_str(sb, "OS-EXT-SRV-ATTR:instance_name", STR(KN_SERVER_ID)); /* the domain is named by its server */
    if (kn_since(req, 3)) {
        kn_jsonw_str(sb, "OS-EXT-SRV-ATTR:kernel_id", "");
        kn_jsonw_str(sb, "OS-EXT-SRV-ATTR:ramdisk_id", "");
        kn_jsonw_int(sb, "OS-EXT-SRV-ATTR:launch_index", kn_rows_int(rows, row, KN_SERVER_LAUNCH_INDEX));
        kn_jsonw_str(sb, "OS-EXT-SRV-ATTR:reservation_id", STR(KN_SERVER_RESERVATION));
        kn_jsonw_str(sb, "OS-EXT-SRV-ATTR:root_device_name", "/dev/vda");
        kn_jsonw_str(sb, "OS-EXT-SRV-ATTR:user_data", STR(KN_SERVER_USER_DATA));
    }
    if (kn_since(req, 16)) {
        kn_jsonw_str(sb, "host_status", TEXT(KN_SERVER_HOST_STATUS));
    }
}

void kn_server_view_add(struct kn_server_view *view, struct kn_strbuf *sb, const struct kn_rows *rows, int row)
{
    const struct kn_request *req = view->req;

    kn_jsonw_object(sb, NULL);
    kn_jsonw_str(sb, "id", STR(KN_SERVER_ID));
    kn_jsonw_str(sb, "name", STR(KN_SERVER_NAME));
    kn_view_links(sb, req, "servers", TEXT(KN_SERVER_ID));
    if (view->detail != KN_SERVER_BRIEF) {
        add_core(view, sb, rows, row);
    }
    if (view->detail == KN_SERVER_LISTED || view->detail == KN_SERVER_FULL) {
        add_extended(view, sb, rows, row);
        if (req->caller.is_admin) {
            add_admin(req, sb, rows, row);
        }
    }
    if ((view->detail == KN_SERVER_FULL || view->detail == KN_SERVER_UPDATED_VIEW) && kn_since(req, 71)) {
        kn_jsonw_raw(sb, "server_groups", "[]");
    }
    kn_jsonw_end_object(sb);
}
