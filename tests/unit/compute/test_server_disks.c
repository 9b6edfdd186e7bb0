/* SPDX-License-Identifier: Apache-2.0 */
/* From block_device_mapping and a flavor to the disks of a server: what becomes of what, and what is refused in which words. */
#include <string.h>

#include "compute/rows/server_plan_disks.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "tests/support/test.h"

#define IMAGE "33333333-3333-4333-8333-333333333333"
#define ROOT \
    "{\"uuid\": \"" IMAGE \
    "\", \"source_type\": \"image\", \"destination_type\": \"local\", \"boot_index\": 0, \"delete_on_termination\": true}"
#define BLANK(more) "{\"source_type\": \"blank\", \"destination_type\": \"local\"" more "}"
#define V1(entries) "{\"imageRef\": \"" IMAGE "\", \"block_device_mapping\": [" entries "]}"
#define V2(entries) "{\"imageRef\": \"" IMAGE "\", \"block_device_mapping_v2\": [" entries "]}"
#define EPHEMERAL(n, device, bus, gib, format) \
    "{\"device\": \"/dev/" device "\", \"bus\": \"" bus "\", \"size_mib\": " gib ", \"format\": \"" format \
    "\", \"name\": \"ephemeral" n "\", \"label\": \"ephemeral" n "\""
#define VOLUME(source, more) \
    "{\"uuid\": \"" IMAGE "\", \"source_type\": \"" source "\", \"destination_type\": \"volume\"" more "}"
#define SWAP(device, mib) \
    "{\"device\": \"/dev/" device "\", \"bus\": \"virtio\", \"size_mib\": " mib \
    ", \"format\": \"swap\", \"name\": \"swap\"}"

static int plan_with(const char *server, int64_t ephemeral_gib, int64_t swap_mib, char **ret, json_t **ret_volumes,
                     struct kn_error *err)
{
    json_auto_t *body = json_loads(server, 0, NULL), *devices = NULL;
    struct kn_compute_disks_wanted wanted = { .sizes = { 1, ephemeral_gib, swap_mib }, .bus = "virtio", .most = 4 };

    assert_non_null(body);
    *ret = NULL;
    if (kn_compute_disks_read(body, &devices, err) < 0) {
        return -1;
    }
    wanted.devices = devices;
    return kn_compute_disks_plan(&wanted, ret, ret_volumes, err);
}

static int plan(const char *server, int64_t ephemeral_gib, int64_t swap_mib, char **ret, struct kn_error *err)
{
    json_t *volumes = NULL;
    const int rc = plan_with(server, ephemeral_gib, swap_mib, ret, &volumes, err);

    assert_null(volumes);
    return rc;
}

static const struct {
    const char *server;
    int64_t ephemeral_gib, swap_mib;
    const char *disks; /* NULL: none */
} GOOD[] = {
    { "{}", 0, 0, NULL },
    { "{\"block_device_mapping_v2\": []}", 0, 0, NULL },
    { V2(ROOT), 0, 0, NULL },
    { "{}", 3, 7, "[" EPHEMERAL("0", "vdb", "virtio", "3072", "ext4") "}, " SWAP("vdc", "7") "]" },
    { V2(ROOT), 3, 0, "[" EPHEMERAL("0", "vdb", "virtio", "3072", "ext4") "}]" },
    { V2(ROOT ", " BLANK(", \"volume_size\": 1, \"guest_format\": \"ext3\"") ", " BLANK(
          ", \"volume_size\": \"2\", \"disk_bus\": \"scsi\", \"device_name\": \"/dev/sdf\", \"tag\": \"t\", \"boot_index\": null")),
      3, 0,
      "[" EPHEMERAL("0", "vdb", "virtio", "1024", "ext3") "}, " EPHEMERAL("1", "sdf", "scsi", "2048",
                                                                          "ext4") ", \"tag\": \"t\"}]" },
    { V2(BLANK(", \"guest_format\": \"swap\", \"volume_size\": 5, \"boot_index\": -1") ", " ROOT), 0, 7,
      "[" SWAP("vdb", "5") "]" },
    { V2(BLANK(", \"guest_format\": \"vfat\", \"boot_index\": 1, \"device_name\": \"vda\"") ", " ROOT), 3, 0,
      "[{\"device\": \"/dev/vda\", \"bus\": \"virtio\", \"boot\": 1}, " EPHEMERAL("0", "vdb", "virtio", "3072",
                                                                                  "vfat") ", \"boot\": 2}]" },
    { V2("{\"uuid\": \"" IMAGE
         "\", \"source_type\": \"image\", \"boot_index\": 0, \"disk_bus\": \"sata\", \"delete_on_termination\": false}"),
      0, 0, "[{\"device\": \"/dev/sda\", \"bus\": \"sata\"}]" },
    { V2(ROOT ", {\"no_device\": true, \"device_name\": \"vdb\"}"), 0, 0, NULL },
    { V1("{\"virtual_name\": \"swap\", \"device_name\": \"vdd\", \"volume_size\": 3}"), 2, 4,
      "[" SWAP("vdd", "3") ", " EPHEMERAL("0", "vdb", "virtio", "2048", "ext4") "}]" },
    { V1("{\"virtual_name\": \"ephemeral0\", \"device_name\": \"vdb\"}"), 2, 0,
      "[" EPHEMERAL("0", "vdb", "virtio", "2048", "ext4") "}]" },
    { V1("{\"device_name\": \"vdb\", \"no_device\": \"True\"}"), 0, 0, NULL },
};

static void what_becomes_of_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(GOOD); i++) {
        AUTO_FREE char *made = NULL;
        struct kn_error err = { 0 };
        size_t at;
        json_t *disk;

        assert_ok(plan(GOOD[i].server, GOOD[i].ephemeral_gib, GOOD[i].swap_mib, &made, &err), &err);
        json_auto_t *disks = made != NULL ? json_loads(made, 0, NULL) : NULL,
                    *wanted = GOOD[i].disks != NULL ? json_loads(GOOD[i].disks, 0, NULL) : NULL;
        if (wanted == NULL ? made != NULL : !json_equal(disks, wanted)) {
            fail_msg("%s: %s", GOOD[i].server, made != NULL ? made : "nothing");
        }
        json_array_foreach (disks, at, disk) {
            assert_ok(kn_form_check(&kn_form_local, disk, "disk", &err), &err);
        }
    }
}

#define INVALID "Block Device Mapping is Invalid: "

static const struct {
    const char *server, *words;
} BAD[] = {
    { V2(BLANK("")),
      INVALID "Boot sequence for the instance and image/block device mapping combination is not valid." },
    { V2(ROOT ", " BLANK(", \"boot_index\": 2")), INVALID "Boot sequence" },
    { V2(ROOT ", " BLANK(", \"boot_index\": 0")), INVALID "Boot sequence" },
    { V2(ROOT ", " ROOT), INVALID "Boot sequence" },
    { V2("{\"no_device\": true}"), INVALID "Boot sequence" },
    { V2(ROOT ", " BLANK(", \"volume_size\": 4")),
      INVALID "Ephemeral disks requested are larger than the instance type" },
    { V2(ROOT ", " BLANK("") ", " BLANK(", \"volume_size\": 1")), INVALID "Ephemeral disks requested are larger" },
    { V2(ROOT ", " BLANK(", \"guest_format\": \"swap\", \"volume_size\": 8")),
      INVALID "Swap drive requested is larger than instance type allows." },
    { V2(ROOT ", " BLANK(", \"guest_format\": \"swap\"") ", " BLANK(", \"guest_format\": \"swap\"")),
      INVALID "More than one swap drive requested." },
    { V2(ROOT ", " BLANK(", \"volume_size\": 1") ", " BLANK(", \"volume_size\": 1") ", " BLANK(", \"volume_size\": 1")),
      INVALID "You specified more local devices than the limit allows" },
    { V2(ROOT ", " BLANK(", \"guest_format\": \"ntfs\"")), INVALID "guest_format 'ntfs' is not supported" },
    { V2(ROOT ", " BLANK(", \"disk_bus\": \"fdc\"")), INVALID "disk_bus 'fdc' is not supported" },
    { V2(ROOT ", " BLANK(", \"disk_bus\": \"ide\"")), INVALID "disk_bus 'ide' is not supported" },
    { V2(ROOT ", " BLANK(", \"device_type\": \"lun\"")), INVALID "device_type 'lun' is not supported" },
    { V2(ROOT ", " BLANK(", \"uuid\": \"" IMAGE "\"")), INVALID "Invalid device UUID." },
    { V2(ROOT ", " BLANK(", \"volume_type\": \"fast\"")),
      INVALID "Specifying a volume_type with destination_type=local" },
    { V2(ROOT ", " BLANK(", \"virtual_name\": \"swap\"")), INVALID "Some fields are invalid." },
    { V2("{\"boot_index\": 0, \"uuid\": \"" IMAGE "\"}"), INVALID "Invalid source_type field." },
    { V2("{\"source_type\": \"image\", \"boot_index\": 0}"), INVALID "Missing device UUID." },
    { V2(ROOT ", {\"source_type\": \"image\", \"destination_type\": \"local\", \"uuid\": \"" IMAGE "\"}"),
      INVALID "Mapping image to local is not supported." },
    { "{\"block_device_mapping_v2\": [" ROOT "]}", INVALID "Mapping image to local is not supported." },
    { V2(ROOT ", " VOLUME("image", ", \"boot_index\": 0")), INVALID "Boot sequence" },
    { V2(VOLUME("volume", "")), INVALID "Boot sequence" },
    { V2(VOLUME("volume", ", \"boot_index\": 1")), INVALID "Boot sequence" },
    { V2(VOLUME("volume", ", \"boot_index\": 0, \"disk_bus\": \"scsi\"")), INVALID "disk_bus 'scsi' is not supported" },
    { V2(VOLUME("volume", ", \"boot_index\": 0, \"guest_format\": \"ext4\"")), INVALID "guest_format is for blank" },
    { V2(VOLUME("volume", ", \"boot_index\": 0, \"volume_type\": \"fast\"")),
      INVALID "Specifying a volume_type with source_type=volume" },
    { V2("{\"source_type\": \"snapshot\", \"destination_type\": \"local\", \"boot_index\": 0, \"uuid\": \"" IMAGE
         "\"}"),
      INVALID "destination_type 'local' is not supported" },
    { V2("{\"source_type\": \"volume\", \"boot_index\": 0}"), INVALID "Missing device UUID." },
    { V2("{\"source_type\": \"blank\", \"destination_type\": \"volume\", \"uuid\": \"" IMAGE "\"}"),
      INVALID "Invalid device UUID." },
    { V1("{\"virtual_name\": \"ephemeral01\"}"), INVALID "Unrecognized legacy format." },
    { V1("{\"device_name\": \"vdb\"}"), INVALID "Unrecognized legacy format." },
    { "{\"block_device_mapping\": [{\"virtual_name\": \"swap\"}], \"block_device_mapping_v2\": [" ROOT "]}",
      "Using different block_device_mapping syntaxes is not allowed in the same request." },
};

static void what_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        AUTO_FREE char *made = NULL;
        struct kn_error err = { 0 };

        if (plan(BAD[i].server, 3, 7, &made, &err) == 0 || err.code != KN_BAD_REQUEST ||
            strncmp(err.message, BAD[i].words, strlen(BAD[i].words)) != 0) {
            fail_msg("%s: %s", BAD[i].server, made != NULL ? made : err.message);
        }
    }
}

/* Volumes get their names among the other disks', the root disk's first. */
static const struct {
    const char *server, *disks, *volumes;
} VOLUMES[] = {
    { V2(VOLUME("volume", ", \"boot_index\": 0")), NULL,
      "[{\"source\": \"volume\", \"id\": \"" IMAGE "\", \"device\": \"/dev/vda\", \"boot\": 0}]" },
    { V2(ROOT ", " VOLUME("snapshot", ", \"delete_on_termination\": true, \"tag\": \"t\", \"volume_type\": \"x\"")),
      NULL,
      "[{\"source\": \"snapshot\", \"id\": \"" IMAGE
      "\", \"device\": \"/dev/vdb\", \"dies\": true, \"tag\": \"t\", \"type\": \"x\"}]" },
    { V2(BLANK("") ", {\"source_type\": \"blank\", \"destination_type\": \"volume\", \"volume_size\": 7}, " VOLUME(
          "image", ", \"boot_index\": \"0\", \"volume_size\": \"2\", \"device_name\": \"/dev/vdc\"")),
      "[" EPHEMERAL("0", "vda", "virtio", "3072", "ext4") "}]",
      "[{\"source\": \"image\", \"id\": \"" IMAGE "\", \"size\": 2, \"device\": \"/dev/vdc\", \"boot\": 0}, "
      "{\"source\": \"blank\", \"id\": \"\", \"size\": 7, \"device\": \"/dev/vdb\"}]" },
    { V2(VOLUME("volume", ", \"boot_index\": 1") ", " VOLUME("volume",
                                                             ", \"boot_index\": 0, \"disk_bus\": \"virtio\"")),
      NULL,
      "[{\"source\": \"volume\", \"id\": \"" IMAGE "\", \"device\": \"/dev/vda\", \"boot\": 0}, "
      "{\"source\": \"volume\", \"id\": \"" IMAGE "\", \"device\": \"/dev/vdb\", \"boot\": 1}]" },
    { V1("{\"volume_id\": \"" IMAGE "\", \"device_name\": \"vdd\", \"delete_on_termination\": \"true\"}"), NULL,
      "[{\"source\": \"volume\", \"id\": \"" IMAGE "\", \"device\": \"/dev/vdd\", \"dies\": true}]" },
    { "{\"block_device_mapping\": [{\"snapshot_id\": \"" IMAGE "\", \"device_name\": \"vdb\", \"volume_size\": 3}, "
      "{\"volume_id\": \"" IMAGE "\", \"device_name\": \"vda\"}]}",
      NULL,
      "[{\"source\": \"volume\", \"id\": \"" IMAGE "\", \"device\": \"/dev/vda\", \"boot\": 0}, "
      "{\"source\": \"snapshot\", \"id\": \"" IMAGE "\", \"size\": 3, \"device\": \"/dev/vdb\"}]" },
};

static void what_volumes_it_begins_with(void **state)
{
    (void)state;
    for (size_t i = 0; i < KN_COUNT(VOLUMES); i++) {
        AUTO_FREE char *made = NULL;
        json_t *got = NULL;
        struct kn_error err = { 0 };

        assert_ok(plan_with(VOLUMES[i].server, VOLUMES[i].disks != NULL ? 3 : 0, 0, &made, &got, &err), &err);
        json_auto_t *volumes = got, *wanted = json_loads(VOLUMES[i].volumes, 0, NULL);
        json_auto_t *disks = made == NULL ? NULL : json_loads(made, 0, NULL);
        json_auto_t *disks_wanted = VOLUMES[i].disks == NULL ? NULL : json_loads(VOLUMES[i].disks, 0, NULL);

        assert_non_null(wanted);
        if (!json_equal(volumes, wanted) || (disks != disks_wanted && !json_equal(disks, disks_wanted))) {
            AUTO_FREE char *text = json_dumps(volumes, 0);

            fail_msg("%s:\n%s\n%s", VOLUMES[i].server, text, made != NULL ? made : "no disks");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_becomes_of_it), cmocka_unit_test(what_is_refused),
                                        cmocka_unit_test(what_volumes_it_begins_with) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
