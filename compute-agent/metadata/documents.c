/* SPDX-License-Identifier: Apache-2.0 */
/* metadata/documents: a spec, read out in the words that cloud-init and its kin expect. */
#include "compute-agent/metadata/documents.h"

#include <stdio.h>
#include <string.h>

#include "compute-agent/metadata/metadata.h"
#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "lib/domain/message.h"

#define SEED_BYTES 512 /* as many as Nova gives */

/* Dumps and consumes. */
static bool write_json(json_t *json, struct kn_strbuf *body)
{
    AUTO_FREE char *text = json_dumps(json, 0);

    json_decref(json);
    kn_strbuf_addstr(body, text != NULL ? text : "{}");
    return true;
}

static bool write_text(const char *text, struct kn_strbuf *body)
{
    kn_strbuf_addstr(body, text);
    return text[0] != '\0';
}

static bool has_key(const json_t *spec)
{
    return kn_json_str(spec, "public_key")[0] != '\0';
}

static void add_keys(const json_t *spec, json_t *doc)
{
    const char *name = kn_json_str(spec, "key_name");
    const char *key = kn_json_str(spec, "public_key");

    json_object_set_new(doc, "public_keys", json_pack("{s:s}", name, key));
    json_object_set_new(doc, "keys", json_pack("[{s:s, s:s, s:s}]", "name", name, "type", "ssh", "data", key));
}

/* Entropy for a guest that has none yet; another each time it is asked for. */
static void add_seed(json_t *doc)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    uint8_t seed[SEED_BYTES];

    kn_random(seed, sizeof(seed));
    kn_base64_add(&text, seed, sizeof(seed));
    json_object_set_new(doc, "random_seed", json_string(text.buf));
}

/* As Nova has it, only what users gave a tag. */
static json_t *documents_devices(const json_t *spec)
{
    json_t *devices = json_array();
    const json_t *nic, *disk;
    size_t i;

    json_array_foreach (json_object_get(spec, "disks"), i, disk) {
        json_t *tag = json_object_get(disk, "tag");
        const char *bus = kn_json_str(disk, "bus");

        if (json_is_string(tag)) {
            json_array_append_new(devices, json_pack("{s:s, s:s, s:s, s:[O]}", "type", "disk", "bus",
                                                     strcmp(bus, "virtio") == 0 ? "pci" : bus, "path",
                                                     kn_json_str(disk, "device"), "tags", tag));
        }
    }
    json_array_foreach (json_object_get(spec, "volumes"), i, disk) {
        json_t *tag = json_object_get(disk, "tag");

        if (json_is_string(tag)) {
            json_array_append_new(devices, json_pack("{s:s, s:s, s:s, s:s, s:[O]}", "type", "disk", "bus", "pci",
                                                     "serial", kn_json_str(disk, "volume"), "path",
                                                     kn_json_str(disk, "device"), "tags", tag));
        }
    }
    json_array_foreach (json_object_get(spec, "nics"), i, nic) {
        json_t *tag = json_object_get(nic, "tag");

        if (json_is_string(tag)) {
            json_array_append_new(devices, json_pack("{s:s, s:s, s:s, s:[O]}", "type", "nic", "bus", "pci", "mac",
                                                     kn_json_str(nic, "mac"), "tags", tag));
        }
    }
    return devices;
}

/* Whether the version that is read is that one or newer; "latest" is. */
static bool knows(const struct kn_agent_metadata_guest *guest, const char *since)
{
    return strcmp(guest->version, since) >= 0;
}

/* The name below content/ of a file, by its place in the spec. */
static void content_name(size_t index, char out[24])
{
    snprintf(out, 24, "%04zu", index);
}

/* Where each file goes, and where its contents are. */
static json_t *documents_files(const json_t *spec)
{
    json_t *files = json_array();
    const json_t *file;
    size_t i;

    json_array_foreach (json_object_get(spec, "files"), i, file) {
        char name[24];

        content_name(i, name);
        json_array_append_new(files, json_pack("{s:s, s:s+}", "path", kn_json_str(file, "path"), "content_path",
                                               "/" KN_METADATA_CONTENT "/", name));
    }
    return files;
}

/* What each version brought, as Nova has it. */
bool kn_agent_metadata_meta_data(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    json_t *meta = json_object_get(guest->spec, "metadata");
    json_t *doc = json_pack("{s:s, s:s, s:s, s:i, s:s}", "uuid", guest->server, "name",
                            kn_json_str(guest->spec, "name"), "hostname", kn_json_str(guest->spec, "hostname"),
                            "launch_index", 0, "availability_zone", kn_json_str(guest->spec, "zone"));

    if (json_is_object(meta)) {
        json_object_set(doc, "meta", meta);
    }
    if (has_key(guest->spec)) {
        add_keys(guest->spec, doc);
    }
    if (json_array_size(json_object_get(guest->spec, "files")) > 0) {
        json_object_set_new(doc, "files", documents_files(guest->spec));
    }
    if (knows(guest, KN_METADATA_HAVANA)) {
        add_seed(doc);
    }
    if (knows(guest, KN_METADATA_LIBERTY)) {
        json_object_set_new(doc, "project_id", json_string(kn_json_str(guest->spec, "project")));
    }
    if (knows(guest, KN_METADATA_NEWTON)) {
        json_object_set_new(doc, "devices", documents_devices(guest->spec));
    }
    if (knows(guest, KN_METADATA_VICTORIA)) {
        json_object_set_new(doc, "dedicated_cpus", json_array());
    }
    return write_json(doc, body);
}

static bool write_decoded(const char *text, struct kn_strbuf *body)
{
    const size_t size = strlen(text);
    size_t len = 0;
    AUTO_FREE uint8_t *data = kn_alloc(size + 1);

    if (kn_base64_decode(text, size, data, size + 1, &len) < 0) {
        return false;
    }
    kn_strbuf_add(body, data, len);
    return true;
}

bool kn_agent_metadata_user_data(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    const char *text = kn_json_str(guest->spec, "user_data");

    return text[0] != '\0' && write_decoded(text, body);
}

bool kn_agent_metadata_content(const struct kn_agent_metadata_guest *guest, const char *name, struct kn_strbuf *body)
{
    const json_t *file;
    size_t i;

    json_array_foreach (json_object_get(guest->spec, "files"), i, file) {
        char its[24];

        content_name(i, its);
        if (strcmp(its, name) == 0) {
            return write_decoded(kn_json_str(file, "contents"), body);
        }
    }
    return false;
}

bool kn_agent_metadata_vendor(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    json_t *said = json_object_get(guest->spec, KN_METADATA_VENDOR);

    return said == NULL ? write_text("{}", body) : write_json(json_incref(said), body);
}

bool kn_agent_metadata_vendor2(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    json_t *said = json_object_get(guest->spec, KN_METADATA_VENDOR);

    return said == NULL ? write_text("{}", body) : write_json(json_pack("{s:O}", "static", said), body);
}

bool kn_agent_metadata_password(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    kn_strbuf_addstr(body, kn_json_str(guest->spec, KN_METADATA_PASSWORD));
    return true;
}

bool kn_agent_metadata_blank(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    (void)guest, (void)body;
    return true;
}

bool kn_agent_metadata_none(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    (void)guest;
    return write_text("none", body);
}

bool kn_agent_metadata_zero(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    (void)guest;
    return write_text("0", body);
}

bool kn_agent_metadata_hostname(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    return write_text(kn_json_str(guest->spec, "hostname"), body);
}

bool kn_agent_metadata_zone(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    return write_text(kn_json_str(guest->spec, "zone"), body);
}

bool kn_agent_metadata_local_ipv4(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    size_t n, i;
    json_t *nic;
    json_t *ip;

    json_array_foreach (json_object_get(guest->spec, "nics"), n, nic) {
        json_array_foreach (json_object_get(nic, "ips"), i, ip) {
            if (kn_json_int(ip, "version") == 4) {
                return write_text(kn_json_str(ip, "address"), body);
            }
        }
    }
    return false;
}

bool kn_agent_metadata_public_ipv4(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    size_t n, i;
    json_t *nic;
    json_t *ip;

    json_array_foreach (json_object_get(guest->spec, "nics"), n, nic) {
        json_array_foreach (json_object_get(nic, "ips"), i, ip) {
            const char *outside = json_string_value(json_array_get(json_object_get(ip, "floating"), 0));

            if (outside != NULL && kn_json_int(ip, "version") == 4) {
                return write_text(outside, body);
            }
        }
    }
    return true;
}

/* EC2's short names: a letter and the first eight digits of the uuid. */
static bool write_short(const char *prefix, const char *uuid, struct kn_strbuf *body)
{
    if (strlen(uuid) < 8) {
        return false;
    }
    kn_strbuf_addstr(body, prefix);
    kn_strbuf_add(body, uuid, 8);
    return true;
}

bool kn_agent_metadata_ami_id(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    return write_short("ami-", kn_json_str(json_object_get(guest->spec, "image"), "id"), body);
}

bool kn_agent_metadata_instance_id(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    return write_short("i-", guest->server, body);
}

bool kn_agent_metadata_reservation_id(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    return write_short("r-", guest->server, body);
}

bool kn_agent_metadata_flavor(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    return write_text(kn_json_str(guest->spec, "flavor"), body);
}

static const char *root_device(const json_t *spec)
{
    const json_t *root = kn_spec_root(spec);

    return root != NULL ? kn_json_str(root, "device") : "/dev/vda";
}

bool kn_agent_metadata_root_name(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    return write_text(root_device(guest->spec) + strlen("/dev/"), body);
}

bool kn_agent_metadata_root_path(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    return write_text(root_device(guest->spec), body);
}

/* cloud-init mounts what it finds by these names. */
static bool write_local(const struct kn_agent_metadata_guest *guest, const char *name, struct kn_strbuf *body)
{
    const json_t *disk;
    size_t i;

    json_array_foreach (json_object_get(guest->spec, "disks"), i, disk) {
        if (strcmp(kn_json_str(disk, "name"), name) == 0) {
            return write_text(kn_json_str(disk, "device") + strlen("/dev/"), body);
        }
    }
    return false;
}

bool kn_agent_metadata_ephemeral0(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    return write_local(guest, "ephemeral0", body);
}

bool kn_agent_metadata_ephemeral1(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    return write_local(guest, "ephemeral1", body);
}

bool kn_agent_metadata_ephemeral2(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    return write_local(guest, "ephemeral2", body);
}

bool kn_agent_metadata_swap(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    return write_local(guest, "swap", body);
}

bool kn_agent_metadata_key_list(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    if (!has_key(guest->spec)) {
        return false;
    }
    kn_strbuf_addf(body, "0=%s", kn_json_str(guest->spec, "key_name"));
    return true;
}

bool kn_agent_metadata_key_formats(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    return has_key(guest->spec) && write_text("openssh-key", body);
}

bool kn_agent_metadata_key(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    return write_text(kn_json_str(guest->spec, "public_key"), body);
}
