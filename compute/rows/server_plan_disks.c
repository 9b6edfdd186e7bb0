/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disks of a new server, in two steps as Nova takes them: what the body's entries say by themselves, and, when flavor and image are known, whether that may be and what it
 * makes. It decides names and buses; whoever makes the disks only obeys.
 */
#include "compute/rows/server_plan_disks.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "lib/domain/schema.h"

#define MIB_OF_GIB 1024
#define VFAT_MOST_GIB 2047
#define DEFAULT_FORMAT "ext4" /* as Nova without default_ephemeral_format */

static int refuse_disk(struct kn_error *err, const char *why)
{
    return kn_fail(err, KN_BAD_REQUEST, "Block Device Mapping is Invalid: %s", why);
}

static int refuse_disk_word(struct kn_error *err, const char *field, const char *word, const char *known)
{
    return kn_fail(err, KN_BAD_REQUEST, "Block Device Mapping is Invalid: %s '%.60s' is not supported: %s", field, word,
                   known);
}

/* --- what entries say ----------------------------------------------------------------------------------------------------- */

static bool disks_has(const json_t *entry, const char *key)
{
    return kn_schema_text(entry, key, "")[0] != '\0';
}

static void disks_take(const json_t *entry, const char *key, json_t *read, const char *as)
{
    if (disks_has(entry, key)) {
        json_object_set(read, as, json_object_get(entry, key));
    }
}

/* What entries of all kinds share. Local disks go with their server whatever delete_on_termination says, as in Nova: it is about volumes. */
static int disks_read_common(const json_t *entry, json_t *read, struct kn_error *err)
{
    const bool is_volume = json_object_get(read, "volume") != NULL;
    const char *type = kn_schema_text(entry, "device_type", "disk"), *bus = kn_schema_text(entry, "disk_bus", "virtio");
    const int64_t boot = kn_schema_int(entry, "boot_index", -1), size = kn_schema_int(entry, "volume_size", 0);

    if (disks_has(entry, "volume_type") && !is_volume) {
        return refuse_disk(err, "Specifying a volume_type with destination_type=local is not supported.");
    }
    if (disks_has(entry, "virtual_name")) {
        return refuse_disk(err, "Some fields are invalid.");
    }
    if (type[0] != '\0' && strcmp(type, "disk") != 0) {
        return refuse_disk_word(err, "device_type", type, "disk");
    }
    if (bus[0] != '\0' && kn_disk_bus_prefix(bus) == NULL) {
        return refuse_disk_word(err, "disk_bus", bus, "virtio, scsi, sata, usb or ide");
    }
    if (is_volume && bus[0] != '\0' && strcmp(bus, "virtio") != 0) {
        return refuse_disk_word(err, "disk_bus", bus, "volumes are virtio");
    }
    disks_take(entry, "disk_bus", read, "bus");
    disks_take(entry, "device_name", read, "name");
    disks_take(entry, "tag", read, "tag");
    if (boot >= 0) {
        json_object_set_new(read, "boot", json_integer(boot));
    }
    if (size > 0 && !is_volume) {
        json_object_set_new(read, "size", json_integer(size));
    }
    return 0;
}

/* source: volume, snapshot, image or blank; id "": of none. */
static int disks_read_volume(const json_t *entry, const char *source, const char *id, json_t *read,
                             struct kn_error *err)
{
    const int64_t size = kn_schema_int(entry, "volume_size", 0);
    json_t *volume = json_pack("{s:s, s:s}", "source", source, "id", id);

    json_object_set_new(read, "volume", volume);
    if (disks_has(entry, "guest_format")) {
        return refuse_disk(err, "guest_format is for blank local disks; a volume is formatted by its guest");
    }
    if (disks_has(entry, "volume_type") && strcmp(source, "volume") == 0) {
        return refuse_disk(err, "Specifying a volume_type with source_type=volume is not supported.");
    }
    disks_take(entry, "volume_type", volume, "type");
    if (size > 0 && strcmp(source, "volume") != 0) {
        json_object_set_new(volume, "size", json_integer(size));
    }
    if (kn_schema_bool(entry, "delete_on_termination", false)) {
        json_object_set_new(volume, "dies", json_true());
    }
    return 0;
}

/* The image itself: what openstackclient sends beside imageRef. */
static int disks_read_image(const json_t *entry, const char *image, struct kn_error *err)
{
    if (image[0] == '\0' || kn_schema_int(entry, "boot_index", -1) != 0 ||
        strcmp(kn_schema_text(entry, "uuid", ""), image) != 0) {
        return refuse_disk(err, "Mapping image to local is not supported.");
    }
    if (kn_schema_int(entry, "volume_size", 0) > 0) {
        return refuse_disk(err, "the flavor says how large the disk of the image is; volume_size is not supported");
    }
    return disks_has(entry, "guest_format")
               ? refuse_disk(err, "guest_format is for blank disks; that of the image has its own")
               : 0;
}

static int disks_read_blank(const json_t *entry, json_t *read, struct kn_error *err)
{
    const char *format = kn_schema_text(entry, "guest_format", DEFAULT_FORMAT);

    format = format[0] != '\0' ? format : DEFAULT_FORMAT;
    if (!kn_disk_format_known(format)) {
        return refuse_disk_word(err, "guest_format", format, "ext2, ext3, ext4, vfat or swap");
    }
    json_object_set_new(read, "format", json_string(format));
    return 0;
}

static int disks_read_entry(const json_t *entry, const char *image, json_t *read, struct kn_error *err)
{
    const char *source = kn_schema_text(entry, "source_type", ""), *to = kn_schema_text(entry, "destination_type", "");
    const bool is_blank = strcmp(source, "blank") == 0;

    if (source[0] == '\0') {
        return refuse_disk(err, "Invalid source_type field.");
    }
    if (is_blank == disks_has(entry, "uuid")) {
        return refuse_disk(err, is_blank ? "Invalid device UUID." : "Missing device UUID.");
    }
    const bool is_image = strcmp(source, "image") == 0;

    if (!is_blank && !is_image && strcmp(to, "local") == 0) {
        return refuse_disk_word(err, "destination_type", to, "a volume or a snapshot is no local disk");
    }
    if (strcmp(to, "volume") == 0 || (!is_blank && !is_image)) {
        return disks_read_volume(entry, source, kn_schema_text(entry, "uuid", ""), read, err) < 0
                   ? -1
                   : disks_read_common(entry, read, err);
    }
    if ((is_blank ? disks_read_blank(entry, read, err) : disks_read_image(entry, image, err)) < 0) {
        return -1;
    }
    return disks_read_common(entry, read, err);
}

/* "ephemeral0", "ephemeral12" */
static bool is_ephemeral(const char *name)
{
    static const char WORD[] = "ephemeral";
    const char *number = name + strlen(WORD);

    return strncmp(name, WORD, strlen(WORD)) == 0 && isdigit((unsigned char)number[0]) &&
           number[strspn(number, "0123456789")] == '\0' && (number[0] != '0' || number[1] == '\0');
}

/* An entry of the older syntax: volumes, and by their names what the flavor has. */
static int disks_read_legacy(const json_t *entry, json_t *read, struct kn_error *err)
{
    const char *volume = kn_schema_text(entry, "volume_id", ""), *snapshot = kn_schema_text(entry, "snapshot_id", "");
    const char *name = kn_schema_text(entry, "virtual_name", "");
    const bool is_swap = strcmp(name, "swap") == 0;

    if (volume[0] != '\0' || snapshot[0] != '\0') {
        return disks_read_volume(entry, volume[0] != '\0' ? "volume" : "snapshot",
                                 volume[0] != '\0' ? volume : snapshot, read, err) < 0
                   ? -1
                   : disks_read_common(entry, read, err);
    }
    if (!is_swap && !is_ephemeral(name)) {
        return refuse_disk(err, "Unrecognized legacy format.");
    }
    json_auto_t *rest = json_copy((json_t *)(uintptr_t)entry);

    json_object_del(rest, "virtual_name");
    json_object_del(rest, "boot_index");
    json_object_set_new(read, "format", json_string(is_swap ? "swap" : DEFAULT_FORMAT));
    return disks_read_common(rest, read, err);
}

static bool is_no_device(const json_t *entry)
{
    const json_t *said = json_object_get(entry, "no_device");

    return said != NULL && !json_is_null(said) && !json_is_false(said) &&
           (!json_is_string(said) || json_string_length(said) > 0);
}

/* The older syntax has no order: without an image the volume that is called as the root disk boots, else the first one. */
static void disks_boot_legacy(const json_t *read)
{
    json_t *one, *root = NULL;
    size_t i;

    json_array_foreach (read, i, one) {
        const char *name = kn_json_str(one, "name");

        if (json_object_get(one, "volume") != NULL &&
            (root == NULL || strcmp(name, "vda") == 0 || strcmp(name, "/dev/vda") == 0)) {
            root = one;
        }
    }
    if (root != NULL) {
        json_object_set_new(root, "boot", json_integer(0));
    }
}

int kn_compute_disks_read(const json_t *server, json_t **ret, struct kn_error *err)
{
    const json_t *older = json_object_get(server, "block_device_mapping"),
                 *newer = json_object_get(server, "block_device_mapping_v2"), *entry;
    const bool is_older = json_array_size(older) > 0;
    json_auto_t *read = json_array();
    size_t i;

    if (is_older && json_array_size(newer) > 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Using different block_device_mapping syntaxes is not allowed in the same request.");
    }
    const char *image = kn_schema_text(server, "imageRef", "");

    if (is_older && image[0] != '\0') { /* which knows nothing of the image's disk */
        json_array_append_new(read, json_pack("{s:i}", "boot", 0));
    }
    json_array_foreach (is_older ? older : newer, i, entry) {
        json_t *one = json_object();

        json_array_append_new(read, one);
        if (is_no_device(entry)) { /* what an image would have, and none here has */
            json_array_remove(read, json_array_size(read) - 1);
        } else if ((is_older ? disks_read_legacy(entry, one, err) : disks_read_entry(entry, image, one, err)) < 0) {
            return -1;
        }
    }
    if (is_older && image[0] == '\0') {
        disks_boot_legacy(read);
    }
    *ret = is_older || json_array_size(newer) > 0 ? json_incref(read) : NULL;
    return 0;
}

/* --- what becomes of them ------------------------------------------------------------------------------------------------- */

static bool disks_is_swap(const json_t *device)
{
    return strcmp(kn_json_str(device, "format"), "swap") == 0;
}

static bool disks_is_volume(const json_t *device)
{
    return json_object_get(device, "volume") != NULL;
}

static bool disks_is_image(const json_t *device)
{
    return json_object_get(device, "format") == NULL && !disks_is_volume(device);
}

json_t *kn_compute_disks_root_volume(const json_t *devices)
{
    const json_t *device;
    size_t i;

    json_array_foreach (devices, i, device) {
        const json_t *boot = json_object_get(device, "boot");

        if (boot != NULL && json_integer_value(boot) == 0 && disks_is_volume(device)) {
            return json_object_get(device, "volume");
        }
    }
    return NULL;
}

/* From 0 on without a gap, the image's disk or a volume first. */
static bool disks_boots_in_order(const json_t *devices)
{
    uint64_t seen = 0;
    const json_t *device;
    size_t i;

    json_array_foreach (devices, i, device) {
        const json_t *boot = json_object_get(device, "boot");
        const json_int_t at = boot != NULL ? json_integer_value(boot) : -1;

        if (at > 62 || (at >= 0 && (seen >> at & 1) != 0) ||
            (at == 0 && !disks_is_image(device) && !disks_is_volume(device))) {
            return false;
        }
        seen |= at >= 0 ? UINT64_C(1) << at : 0;
    }
    return seen != 0 && (seen & (seen + 1)) == 0;
}

/* What the flavor has and no entry speaks of. */
static json_t *disks_with_flavors(const struct kn_compute_disks_wanted *wanted)
{
    json_t *all = wanted->devices != NULL ? json_deep_copy(wanted->devices) : json_pack("[{s:i}]", "boot", 0);
    bool has_swap = false, has_ephemeral = false;
    const json_t *device;
    size_t i;

    json_array_foreach (all, i, device) {
        has_swap |= disks_is_swap(device);
        has_ephemeral |= !disks_is_swap(device) && !disks_is_image(device) && !disks_is_volume(device);
    }
    if (wanted->sizes.ephemeral_gib > 0 && !has_ephemeral) {
        json_array_append_new(all, json_pack("{s:s}", "format", DEFAULT_FORMAT));
    }
    if (wanted->sizes.swap_mib > 0 && !has_swap) {
        json_array_append_new(all, json_pack("{s:s}", "format", "swap"));
    }
    return all;
}

/* Sizes, within what the flavor has; of a disk without one, all of that. Ephemeral disks are measured in GiB, swap in MiB. */
static int disks_measure(const struct kn_compute_disks_wanted *wanted, json_t *all, struct kn_error *err)
{
    int64_t ephemeral_gib = 0;
    int swaps = 0;
    json_t *device;
    size_t i;

    json_array_foreach (all, i, device) {
        const bool is_swap = disks_is_swap(device);
        const int64_t has = is_swap ? wanted->sizes.swap_mib : wanted->sizes.ephemeral_gib,
                      asked = kn_json_int(device, "size"), size = asked > 0 ? asked : has;

        if (disks_is_image(device) || disks_is_volume(device)) {
            continue;
        }
        swaps += is_swap ? 1 : 0;
        ephemeral_gib += is_swap ? 0 : size;
        if (swaps > 1) {
            return refuse_disk(err, "More than one swap drive requested.");
        }
        if (is_swap && (size > has || size == 0)) {
            return refuse_disk(err, "Swap drive requested is larger than instance type allows.");
        }
        if (!is_swap && (ephemeral_gib > has || size == 0)) {
            return refuse_disk(err, "Ephemeral disks requested are larger than the instance type allows. If no size is "
                                    "given in one block device mapping, flavor ephemeral size will be used.");
        }
        if (strcmp(kn_json_str(device, "format"), "vfat") == 0 && size > VFAT_MOST_GIB) {
            return refuse_disk(err, "guest_format 'vfat' holds less than 2048 GiB");
        }
        json_object_set_new(device, "size_mib", json_integer(is_swap ? size : size * MIB_OF_GIB));
    }
    return 0;
}

/* The letters that are taken of each prefix: vd, sd, hd. */
struct disks_letters {
    uint32_t vd, sd, hd;
};

/* As wished, if that is a name of this bus and nobody else's; else the next one, as Nova has it. */
static int disks_name(struct disks_letters *taken, const char *bus, const char *wish, char ret[16],
                      struct kn_error *err)
{
    const char *prefix = kn_disk_bus_prefix(bus);
    uint32_t *letters = prefix[0] == 'v' ? &taken->vd : prefix[0] == 's' ? &taken->sd : &taken->hd;
    const char *plain = strncmp(wish, "/dev/", 5) == 0 ? wish + 5 : wish;
    const int most = strcmp(bus, "ide") == 0 ? 4 : KN_MAX_DISKS;
    int at = strncmp(plain, prefix, 2) == 0 && strlen(plain) == 3 ? plain[2] - 'a' : -1;

    if (at < 0 || at >= most || (*letters >> at & 1) != 0) {
        for (at = 0; at < most && (*letters >> at & 1) != 0; at++) {
        }
    }
    if (at >= most) {
        return refuse_disk(err, "no disk name is left on its bus");
    }
    *letters |= UINT32_C(1) << at;
    snprintf(ret, 16, "/dev/%s%c", prefix, 'a' + at);
    return 0;
}

/* One volume as its attachment will have it. It says when it boots: other disks may stand on buses that firmware tries first. */
static int disks_finish_volume(const json_t *device, struct disks_letters *taken, json_t *volumes, struct kn_error *err)
{
    json_t *volume = json_deep_copy(json_object_get(device, "volume"));
    char name[16];

    json_array_append_new(volumes, volume);
    if (disks_name(taken, "virtio", kn_json_str(device, "name"), name, err) < 0) {
        return -1;
    }
    json_object_set_new(volume, "device", json_string(name));
    disks_take(device, "tag", volume, "tag");
    if (json_object_get(device, "boot") != NULL) {
        json_object_set(volume, "boot", json_object_get(device, "boot"));
    }
    return 0;
}

/* One disk as a spec has it; *number counts ephemeral ones. */
static int disks_finish(const struct kn_compute_disks_wanted *wanted, const json_t *device, bool says_boot,
                        struct disks_letters *taken, int *number, json_t *disks, struct kn_error *err)
{
    const char *bus = json_string_value(json_object_get(device, "bus"));
    const json_t *boot = json_object_get(device, "boot"), *tag = json_object_get(device, "tag");
    char name[16], label[KN_SIZE_OF(LOCAL_LABEL)];

    const bool is_cd = disks_is_image(device) && wanted->cdrom_bus != NULL;

    bus = bus != NULL ? bus : is_cd ? wanted->cdrom_bus : wanted->bus;
    if (strcmp(bus, wanted->is_pc ? "sata" : "ide") == 0 || (is_cd && strcmp(bus, "virtio") == 0)) {
        return refuse_disk_word(err, "disk_bus", bus,
                                is_cd           ? "a CD stands on sata, on the machine pc ide, scsi or usb"
                                : wanted->is_pc ? "the machine pc has virtio, scsi, ide and usb"
                                                : "the machine q35 has virtio, scsi, sata and usb");
    }
    if (disks_name(taken, bus, kn_json_str(device, "name"), name, err) < 0) {
        return -1;
    }
    json_t *disk = json_pack("{s:s, s:s}", "device", name, "bus", bus);

    json_array_append_new(disks, disk);
    if (is_cd) {
        json_object_set_new(disk, "cdrom", json_true());
    }
    if (!disks_is_image(device)) {
        json_object_set(disk, "size_mib", json_object_get(device, "size_mib"));
        json_object_set(disk, "format", json_object_get(device, "format"));
        snprintf(label, sizeof(label), "ephemeral%d", *number % 100);
        json_object_set_new(disk, "name", json_string(disks_is_swap(device) ? "swap" : label));
        if (!disks_is_swap(device)) {
            json_object_set_new(disk, "label", json_string(label));
            ++*number;
        }
    }
    if (says_boot && boot != NULL) {
        json_object_set_new(disk, "boot", json_integer(json_integer_value(boot) + 1));
    }
    if (tag != NULL) {
        json_object_set(disk, "tag", (json_t *)(uintptr_t)tag);
    }
    return 0;
}

static bool disks_is_root(const json_t *device)
{
    return disks_is_image(device) ||
           (disks_is_volume(device) && json_object_get(device, "boot") != NULL && kn_json_int(device, "boot") == 0);
}

/* The root disk stands first, so that its name is; the image's is left out again if it is as every server's. */
static int disks_lay_out(const struct kn_compute_disks_wanted *wanted, const json_t *all, json_t *disks,
                         json_t *volumes, struct kn_error *err)
{
    struct disks_letters taken = { 0 };
    int number = 0, boots = 0;
    const json_t *device;
    size_t i;

    json_array_foreach (all, i, device) {
        boots += json_object_get(device, "boot") != NULL ? 1 : 0;
    }
    for (int root = 1; root >= 0; root--) {
        json_array_foreach (all, i, device) {
            if (disks_is_root(device) != (root == 1)) {
                continue;
            }
            if ((disks_is_volume(device) ? disks_finish_volume(device, &taken, volumes, err)
                                         : disks_finish(wanted, device, boots > 1, &taken, &number, disks, err)) < 0) {
                return -1;
            }
        }
    }
    const json_t *root = json_array_get(disks, 0);

    if (json_object_size(root) == 2 && strcmp(kn_json_str(root, "device"), "/dev/vda") == 0) {
        json_array_remove(disks, 0);
    }
    return 0;
}

static int64_t disks_count_local(const json_t *all)
{
    const json_t *device;
    int64_t count = 0;
    size_t i;

    json_array_foreach (all, i, device) {
        count += disks_is_volume(device) ? 0 : 1;
    }
    return count;
}

int kn_compute_disks_plan(const struct kn_compute_disks_wanted *wanted, char **ret, json_t **ret_volumes,
                          struct kn_error *err)
{
    json_auto_t *all = disks_with_flavors(wanted), *disks = json_array(), *volumes = json_array();

    if (!disks_boots_in_order(all)) {
        return refuse_disk(err,
                           "Boot sequence for the instance and image/block device mapping combination is not valid.");
    }
    if (disks_measure(wanted, all, err) < 0) {
        return -1;
    }
    if (wanted->most >= 0 && disks_count_local(all) > wanted->most) {
        return refuse_disk(err, "You specified more local devices than the limit allows");
    }
    if (json_array_size(all) > KN_MAX_DISKS) {
        return refuse_disk(err, "a server has 26 disks at most");
    }
    if (disks_lay_out(wanted, all, disks, volumes, err) < 0) {
        return -1;
    }
    *ret_volumes = json_array_size(volumes) > 0 ? json_incref(volumes) : NULL;
    *ret = json_array_size(disks) > 0 ? json_dumps(disks, JSON_COMPACT) : NULL;
    return 0;
}
