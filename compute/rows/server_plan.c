/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a POST's body to a plan, step by step; the order of the steps is Nova's, so that of two mistakes the same one is told.
 * It reads and never writes: the rows are server_insert.c's.
 */
#include "compute/rows/server_plan.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "compute/rows/flavor.h"
#include "compute/rows/hypervisor.h"
#include "compute/rows/image_properties.h"
#include "compute/rows/keypair.h"
#include "compute/rows/machine.h"
#include "compute/rows/server.h"
#include "compute/rows/server_plan_disks.h"
#include "compute/rows/server_plan_files.h"
#include "compute/rows/server_plan_hints.h"
#include "compute/rows/server_plan_mapping.h"
#include "compute/rows/server_plan_nics.h"
#include "compute/rows/server_plan_volumes.h"
#include "compute/rows/server_schema.h"
#include "compute/rows/view.h"
#include "image/api.h"
#include "lib/adapter/crypto.h"
#include "lib/adapter/quota.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "network/api.h"

#define GIB (INT64_C(1) << 30)

struct planning {
    struct kn_request *req;
    const json_t *in;             /* body.server */
    struct kn_compute_server_plan *plan;
    struct kn_error *err;         /* never NULL: what is not found here is said in other words */
};

void kn_compute_server_plan_release(struct kn_compute_server_plan *plan)
{
    free(plan->key_data);
    free(plan->flavor);
    free(plan->disks);
    json_decref(plan->volumes);
    free(plan->machine);
    json_decref(plan->properties);
    json_decref(plan->specs);
    free(plan->metadata);
    free(plan->tags);
    free(plan->apart_from);
    free(plan->together_with);
    free(plan->hints);
    free(plan->files);
    free(plan->image_properties);
    json_decref(plan->input);
    *plan = (struct kn_compute_server_plan){ 0 };
}

void kn_compute_hostname_make(const char *name, const char *id, char out[64])
{
    size_t len = 0;

    for (; *name != '\0' && len < 63; name++) {
        unsigned char c = (unsigned char)*name;

        if (isalnum(c) && c < 0x80) {
            out[len++] = (char)tolower(c);
        } else if ((c == ' ' || c == '_' || c == '.' || c == '-') && len > 0 && out[len - 1] != '-') {
            out[len++] = '-';
        }
    }
    while (len > 0 && out[len - 1] == '-') {
        len--;
    }
    out[len] = '\0';
    if (len == 0) {
        snprintf(out, 64, "server-%.36s", id);
    }
}

static const char *text(const struct planning *p, const char *key)
{
    return json_string_value(json_object_get(p->in, key));
}

/* --- what cannot be done yet --- */

static int refuse_unsupported(const struct planning *p)
{
    if (json_array_size(json_object_get(p->in, "trusted_image_certificates")) > 0) {
        return kn_fail(p->err, KN_BAD_REQUEST,
                       "Image signatures are not verified, so trusted certificates are not supported");
    }
    return 0;
}

/* --- simple fields --- */

static int plan_counts(const struct planning *p)
{
    int64_t min = kn_schema_int(p->in, "min_count", 1);
    int64_t max = kn_schema_int(p->in, "max_count", min);

    if (min > max) {
        return kn_fail(p->err, KN_BAD_REQUEST, "min_count must be <= max_count");
    }
    if (max > KN_MAX_SERVERS_AT_ONCE) {
        return kn_fail(p->err, KN_BAD_REQUEST, "max_count must be <= %d", KN_MAX_SERVERS_AT_ONCE);
    }
    if (max > 1 && json_object_get(p->in, "hostname") != NULL) {
        return kn_fail(p->err, KN_BAD_REQUEST, "Unable to allocate a single hostname to multiple instances");
    }
    if (max > 1) {
        char suffix[16];
        size_t room = KN_MAX_SERVER_NAME - (size_t)snprintf(suffix, sizeof(suffix), "-%d", (int)max);

        if (kn_utf8_count(text(p, "name")) > room) {
            return kn_fail(p->err, KN_BAD_REQUEST,
                           "Invalid input for field/attribute name. The names of %d servers end in \"%s\", so that "
                           "it may have %zu characters",
                           (int)max, suffix, room);
        }
    }
    p->plan->min_count = (int)min;
    p->plan->max_count = (int)max;
    return 0;
}

static void make_reservation(char out[KN_RESERVATION_SIZE])
{
    static const char DIGITS[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    unsigned char random[8];

    kn_random(random, sizeof(random));
    out[0] = 'r';
    out[1] = '-';
    for (size_t i = 0; i < sizeof(random); i++) {
        out[2 + i] = DIGITS[random[i] % 36];
    }
    out[KN_RESERVATION_SIZE - 1] = '\0';
}

static void plan_texts(const struct planning *p)
{
    struct kn_compute_server_plan *plan = p->plan;

    plan->project_id = p->req->caller.project_id;
    plan->user_id = p->req->caller.user_id;
    plan->caller = &p->req->caller;
    plan->request_id = p->req->request_id;
    plan->name = text(p, "name");
    plan->hostname = text(p, "hostname");
    plan->description = p->req->microversion >= 19 ? text(p, "description") : plan->name;
    plan->user_data = text(p, "user_data");
    plan->disk_config = text(p, "OS-DCF:diskConfig") != NULL ? text(p, "OS-DCF:diskConfig") : "MANUAL";
    plan->access_ipv4 = text(p, "accessIPv4") != NULL ? text(p, "accessIPv4") : "";
    plan->access_ipv6 = text(p, "accessIPv6") != NULL ? text(p, "accessIPv6") : "";
    make_reservation(plan->reservation_id);
}

static void plan_tags(const struct planning *p)
{
    AUTO_RELEASE(kn_array) struct kn_array tags = KN_ARRAY_INIT;
    const json_t *in = json_object_get(p->in, "tags");

    for (size_t i = 0; i < json_array_size(in); i++) {
        const char *tag = json_string_value(json_array_get(in, i));
        bool seen = false;

        for (size_t j = 0; j < i && !seen; j++) {
            seen = strcmp(json_string_value(json_array_get(in, j)), tag) == 0;
        }
        if (!seen) {
            kn_array_add(&tags, tag);
        }
    }
    p->plan->tags = kn_strdup(kn_array_value(&tags));
}

int kn_compute_plan_metadata(const struct kn_request *req, const char *project, const json_t *metadata, char **ret_text,
                             struct kn_error *err)
{
    const int64_t count = (int64_t)json_object_size(metadata);
    AUTO_FREE char *said = count > 0 ? json_dumps(metadata, 0) : kn_strdup("{}");
    int64_t most = 0;

    if (count > 0) {
        if (kn_quota_limit(req->db, KN_QUOTA_METADATA, project, &most, err) < 0) {
            return -1;
        }
        if (most >= 0 && count > most) {
            return kn_fail(err, KN_QUOTA, "Maximum number of metadata items exceeds %lld", (long long)most);
        }
    }
    if (kn_compute_server_metadata_check(said, err) < 0) {
        return -1;
    }
    *ret_text = kn_steal(&said);
    return 0;
}

static int plan_metadata(const struct planning *p)
{
    return kn_compute_plan_metadata(p->req, p->req->caller.project_id, json_object_get(p->in, "metadata"),
                                    &p->plan->metadata, p->err);
}

/* Guests find their files on a config drive. */
static int plan_files(const struct planning *p)
{
    if (kn_compute_plan_files(p->req, p->req->caller.project_id, json_object_get(p->in, "personality"), &p->plan->files,
                              p->err) < 0) {
        return -1;
    }
    p->plan->config_drive = p->plan->config_drive || p->plan->files != NULL;
    return 0;
}

/* --- where --- */

static int force_host(const struct planning *p, const char *host)
{
    if (kn_policy_check(KN_NOVA_SERVER_FORCED_HOST, &p->req->caller, NULL, p->err) < 0) {
        return -1;
    }
    kn_copy(p->plan->host, sizeof(p->plan->host), host);
    return kn_compute_host_check(p->req->db, host, p->err);
}

/* "zone", or for an admin "zone:host" and "zone:host:node"; a host is its own node. */
static int plan_zone(const struct planning *p)
{
    const char *asked = text(p, "availability_zone");
    const char *colon = asked != NULL ? strchr(asked, ':') : NULL;
    struct kn_compute_server_plan *plan = p->plan;
    char host[KN_SIZE_OF(ZONE)];

    if (asked == NULL) {
        return 0;
    }
    snprintf(plan->zone, sizeof(plan->zone), "%.*s", colon != NULL ? (int)(colon - asked) : (int)strlen(asked), asked);
    if (colon != NULL) {
        kn_copy(host, sizeof(host), colon + 1);
        host[strcspn(host, ":")] = '\0';
        if (strchr(colon + 1, ':') != NULL && strchr(strchr(colon + 1, ':') + 1, ':') != NULL) {
            return kn_fail(p->err, KN_BAD_REQUEST, "Unable to parse availability_zone");
        }
        if (host[0] != '\0' && force_host(p, host) < 0) {
            return -1;
        }
    }
    return plan->zone[0] != '\0' ? kn_compute_zone_check(p->req->db, plan->zone, p->err) : 0;
}

static int plan_requested_host(const struct planning *p)
{
    const char *host = text(p, "host"), *node = text(p, "hypervisor_hostname");

    if (host == NULL && node == NULL) {
        return 0;
    }
    if (p->plan->host[0] != '\0') {
        return kn_fail(p->err, KN_BAD_REQUEST,
                       "One mechanism with host and/or hypervisor_hostname and another mechanism with "
                       "zone:host:node are mutually exclusive.");
    }
    if (host != NULL && node != NULL && strcmp(host, node) != 0) {
        return kn_fail(p->err, KN_BAD_REQUEST, "Compute host %.255s could not be found.", node);
    }
    return force_host(p, host != NULL ? host : node);
}

/* --- what from --- */

static int server_plan_check_size(const struct kn_image_facts *image, int64_t memory_mib, int64_t disk_gib,
                                  struct kn_error *err)
{
    if (memory_mib < image->min_ram_mib) {
        return kn_fail(err, KN_BAD_REQUEST, "Flavor's memory is too small for requested image.");
    }
    if (disk_gib > 0 && disk_gib * GIB < image->virtual_size) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Flavor's disk is too small for requested image. Flavor disk is %lld bytes, image "
                       "is %lld bytes.",
                       (long long)(disk_gib * GIB), (long long)image->virtual_size);
    }
    if (disk_gib > 0 && disk_gib < image->min_disk_gib) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor "
                       "disk is %lld bytes, minimum size is %lld bytes.",
                       (long long)(disk_gib * GIB), (long long)(image->min_disk_gib * GIB));
    }
    return 0;
}

static int plan_judge_image(const struct kn_image_facts *image, int64_t memory_mib, int64_t disk_gib,
                            struct kn_error *err)
{
    return strcmp(image->status, "active") != 0 ? kn_fail(err, KN_BAD_REQUEST, "Image %s is not active.", image->id)
                                                : server_plan_check_size(image, memory_mib, disk_gib, err);
}

int kn_compute_plan_image(const struct kn_request *req, const char *id, const char *missing, int64_t memory_mib,
                          int64_t disk_gib, struct kn_image_facts *ret, json_t **ret_properties, struct kn_error *err)
{
    if (kn_image_usable_with(req->db, &req->caller, id, ret, ret_properties, err) < 0) {
        return err->code == KN_NOT_FOUND ? kn_fail(err, KN_BAD_REQUEST, "%s", missing) : -1;
    }
    if (ret->is_mapping) {
        return kn_fail(err, KN_BAD_REQUEST, "Image %s is unacceptable: it has no data, but is snapshots of volumes.",
                       id);
    }
    return plan_judge_image(ret, memory_mib, disk_gib, err);
}

/* The image that the body names, as it was looked at; properties NULL: it names none, or err says why it cannot be had. */
struct plan_image {
    struct kn_image_facts facts;
    json_t *properties;
    struct kn_error err;
};

static void plan_look(const struct planning *p, struct plan_image *ret)
{
    const char *id = text(p, "imageRef");

    if (id == NULL || id[0] == '\0') {
        kn_fail(&ret->err, KN_BAD_REQUEST, "Missing imageRef attribute");
    } else if (kn_image_usable_with(p->req->db, &p->req->caller, id, &ret->facts, &ret->properties, &ret->err) < 0 &&
               ret->err.code == KN_NOT_FOUND) {
        kn_fail(&ret->err, KN_BAD_REQUEST, "Can not find requested image");
    }
}

/* What the guest is follows from it, whatever its root disk is. */
static void plan_follow_image(const struct planning *p, const struct plan_image *image)
{
    struct kn_compute_server_plan *plan = p->plan;

    json_decref(plan->properties);
    free(plan->image_properties);
    plan->properties = json_incref(image->properties);
    plan->image_properties = kn_compute_image_properties(plan->properties);
    plan->config_drive = kn_schema_bool(p->in, "config_drive", false) || image->facts.wants_config_drive ||
                         p->req->conf->compute_force_config_drive;
}

/* The image's data, or the volume that stands in its place; which may be what the image says. */
static int plan_root_of(const struct planning *p, const struct plan_image *image, const json_t *devices,
                        int64_t disk_gib)
{
    const json_t *root = NULL;

    if (kn_compute_plan_volumes(p->req, devices, p->plan, &root, p->err) < 0) {
        return -1;
    }
    if (root != NULL && !image->facts.is_mapping) {
        return 0;
    }
    if (image->properties == NULL) {
        *p->err = image->err;
        return -1;
    }
    if (plan_judge_image(&image->facts, p->plan->memory_mib, root != NULL ? 0 : disk_gib, p->err) < 0) {
        return -1;
    }
    if (root == NULL && image->facts.is_mapping) {
        return kn_fail(p->err, KN_BAD_REQUEST, "Image %s has no data, and names no root disk.", image->facts.id);
    }
    plan_follow_image(p, image);
    if (root == NULL) {
        p->plan->image_id = text(p, "imageRef");
        p->plan->is_cd = strcmp(image->facts.disk_format, "iso") == 0;
    }
    return 0;
}

/* *devices: what the body says; with what the image says from here on. */
static int plan_root(const struct planning *p, json_t **devices, int64_t disk_gib)
{
    struct plan_image image = { .properties = NULL };
    json_t *all = NULL;

    plan_look(p, &image);
    int rc = kn_compute_mapping_read(image.properties, *devices, &all, p->err);

    if (rc == 0) {
        json_decref(*devices);
        *devices = all;
        rc = plan_root_of(p, &image, *devices, disk_gib);
    }
    json_decref(image.properties);
    return rc;
}

/* The flavor as the row keeps it: the text is written by hand because its columns are JSON values already. */
static char *flavor_text(const struct kn_rows *rows)
{
    struct kn_strbuf sb = KN_STRBUF_INIT;

    kn_jsonw_object(&sb, NULL);
    kn_jsonw_str(&sb, "id", kn_rows_str(rows, 0, KN_FLAVOR_ID));
    kn_jsonw_str(&sb, "name", kn_rows_str(rows, 0, KN_FLAVOR_NAME));
    kn_jsonw_int(&sb, "vcpus", kn_rows_int(rows, 0, KN_FLAVOR_VCPUS));
    kn_jsonw_int(&sb, "memory_mib", kn_rows_int(rows, 0, KN_FLAVOR_MEMORY));
    kn_jsonw_int(&sb, "disk_gib", kn_rows_int(rows, 0, KN_FLAVOR_DISK));
    kn_jsonw_int(&sb, "ephemeral_gib", kn_rows_int(rows, 0, KN_FLAVOR_EPHEMERAL));
    kn_jsonw_int(&sb, "swap_mib", kn_rows_int(rows, 0, KN_FLAVOR_SWAP));
    kn_jsonw_raw(&sb, "extra_specs", kn_rows_text(rows, 0, KN_FLAVOR_SPECS));
    kn_jsonw_end_object(&sb);
    return kn_strbuf_detach(&sb);
}

/* An id, a number, or the last part of a link. */
static void flavor_ref(const struct planning *p, char out[KN_SIZE_OF(FLAVOR_REF)])
{
    const json_t *ref = json_object_get(p->in, "flavorRef");
    const char *link = json_string_value(ref), *slash = link != NULL ? strrchr(link, '/') : NULL;

    if (link == NULL) {
        snprintf(out, KN_SIZE_OF(FLAVOR_REF), "%lld", (long long)json_integer_value(ref));
    } else {
        kn_copy(out, KN_SIZE_OF(FLAVOR_REF), slash != NULL ? slash + 1 : link);
    }
}

static int plan_flavor(const struct planning *p, struct kn_compute_flavor_disks *ret)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_compute_server_plan *plan = p->plan;

    flavor_ref(p, plan->flavor_id);
    if (kn_compute_flavor_get(p->req->db, plan->flavor_id, kn_compute_visible_project(p->req), &rows, p->err) < 0) {
        if (p->err->code == KN_NOT_FOUND) {
            p->err->code = KN_BAD_REQUEST; /* the body is wrong, not the path */
        }
        return -1;
    }
    if (kn_rows_bool(rows, 0, KN_FLAVOR_DISABLED)) {
        return kn_fail(p->err, KN_BAD_REQUEST, "Flavor %s could not be found.", plan->flavor_id);
    }
    plan->vcpus = kn_rows_int(rows, 0, KN_FLAVOR_VCPUS);
    plan->memory_mib = kn_rows_int(rows, 0, KN_FLAVOR_MEMORY);
    plan->flavor = flavor_text(rows);
    plan->specs = json_loads(kn_rows_text(rows, 0, KN_FLAVOR_SPECS), 0, NULL);
    *ret = (struct kn_compute_flavor_disks){ .root_gib = kn_rows_int(rows, 0, KN_FLAVOR_DISK),
                                             .ephemeral_gib = kn_rows_int(rows, 0, KN_FLAVOR_EPHEMERAL),
                                             .swap_mib = kn_rows_int(rows, 0, KN_FLAVOR_SWAP) };
    return 0;
}

/* What the guest is beside vCPUs and memory. */
static int plan_machine(const struct planning *p, const json_t *devices, const struct kn_compute_flavor_disks *sizes)
{
    const struct kn_compute_machine_asked asked = { p->plan->properties, p->plan->specs, p->plan->vcpus,
                                                    p->plan->is_cd };
    struct kn_compute_machine machine;

    if (kn_compute_machine_plan(&asked, &machine, p->err) < 0) {
        return -1;
    }
    p->plan->machine = machine.text;
    const struct kn_compute_disks_wanted wanted = { .devices = devices,
                                                    .sizes = *sizes,
                                                    .bus = machine.disk_bus,
                                                    .cdrom_bus = p->plan->is_cd ? machine.cdrom_bus : NULL,
                                                    .is_pc = machine.is_pc,
                                                    .most = p->req->conf->compute_max_local_block_devices };

    return kn_compute_disks_plan(&wanted, &p->plan->disks, &p->plan->volumes, p->err);
}

int kn_compute_plan_key(const struct kn_request *req, const char *name, char **ret_key, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_compute_keypair_get(req->db, req->caller.user_id, name, &rows, err) < 0) {
        return err->code == KN_NOT_FOUND ? kn_fail(err, KN_BAD_REQUEST, "Invalid key_name provided.") : -1;
    }
    if (strcmp(kn_rows_text(rows, 0, KN_KEYPAIR_TYPE), "ssh") != 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Key pairs of type x509 are not given to servers; those of type ssh are.");
    }
    const char *key = kn_rows_text(rows, 0, KN_KEYPAIR_PUBLIC);
    *ret_key = kn_strndup(key, strcspn(key, "\r\n")); /* a guest gets the line without its end */
    return 0;
}

static int plan_key(const struct planning *p)
{
    p->plan->key_name = text(p, "key_name");
    return p->plan->key_name == NULL ? 0 : kn_compute_plan_key(p->req, p->plan->key_name, &p->plan->key_data, p->err);
}

/* The input of server.create: NICs wanted, zone, forced host. */
static int plan_input(const struct planning *p)
{
    struct kn_compute_server_plan *plan = p->plan;
    json_auto_t *groups = NULL;
    json_t *requests = NULL;

    if (kn_network_groups_named(p->req->db, &p->req->caller, json_object_get(p->in, "security_groups"), &groups,
                                p->err) < 0 ||
        kn_compute_plan_nics(p->req, json_object_get(p->in, "networks"), groups, plan->max_count, &requests, p->err) <
            0) {
        return -1;
    }
    plan->input = json_pack("{s:o}", "requests", requests);
    if (plan->volumes != NULL) {
        json_object_set_new(plan->input, "booted", json_true());
    }
    if (plan->host[0] != '\0') {
        json_object_set_new(plan->input, "host", json_string(plan->host));
    }
    if (plan->zone[0] != '\0') {
        json_object_set_new(plan->input, "zone", json_string(plan->zone));
    }
    return 0;
}

/*
 * What nearly every server asks of the other rooms, asked at once; which answer is looked at first, and so which mistake is told, stays with the order of
 * the steps below.
 */
static void ask_ahead(const struct planning *p, struct kn_db_ahead *ahead)
{
    AUTO(kn_rows) struct kn_rows *none = NULL;
    struct kn_image_facts image;
    const json_t *networks = json_object_get(p->in, "networks"), *nic;
    size_t i;

    kn_db_ahead_note_all(ahead, p->req->db);
    flavor_ref(p, p->plan->flavor_id);
    kn_compute_flavor_get(p->req->db, p->plan->flavor_id, kn_compute_visible_project(p->req), &none, NULL);
    kn_image_usable(p->req->db, &p->req->caller, kn_json_str(p->in, "imageRef"), &image, NULL);
    if (text(p, "key_name") != NULL) {
        kn_compute_keypair_get(p->req->db, p->req->caller.user_id, text(p, "key_name"), &none, NULL);
    }
    json_array_foreach (networks, i, nic) {
        if (*kn_json_str(nic, "uuid") != '\0' && *kn_json_str(nic, "port") == '\0') {
            kn_network_usable(p->req->db, &p->req->caller, kn_json_str(nic, "uuid"),
                              json_string_value(json_object_get(nic, "fixed_ip")), NULL);
        }
    }
    if (json_is_array(networks)) {
        kn_network_ports_fit(p->req->db, p->req->caller.project_id, 1, NULL);
    }
    kn_db_ahead_ask(ahead);
}

static int plan_all(const struct planning *p)
{
    AUTO_RELEASE(kn_db_ahead) struct kn_db_ahead ahead = { NULL };
    struct kn_compute_flavor_disks sizes = { 0 };
    json_auto_t *devices = NULL;

    ask_ahead(p, &ahead);
    plan_texts(p);
    plan_tags(p);
    return plan_counts(p) < 0 || refuse_unsupported(p) < 0 || kn_compute_plan_hints(p->req, p->plan, p->err) < 0 ||
                   plan_zone(p) < 0 || plan_requested_host(p) < 0 ||
                   kn_compute_disks_read(p->in, &devices, p->err) < 0 || plan_flavor(p, &sizes) < 0 ||
                   plan_root(p, &devices, sizes.root_gib) < 0 || plan_machine(p, devices, &sizes) < 0 ||
                   plan_key(p) < 0 || plan_metadata(p) < 0 || plan_files(p) < 0 || plan_input(p) < 0
               ? -1
               : 0;
}

int kn_compute_server_plan_read(struct kn_request *req, struct kn_compute_server_plan *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_compute_server_plan) struct kn_compute_server_plan plan = { 0 };
    struct planning p = { req, NULL, &plan, err };

    if (kn_schema_check(kn_compute_server_create_schema, req->body, req->microversion, err) < 0) {
        return -1;
    }
    p.in = json_object_get(req->body, "server");
    if (plan_all(&p) < 0) {
        return -1;
    }
    *ret = plan;
    plan = (struct kn_compute_server_plan){ 0 };
    return 0;
}
