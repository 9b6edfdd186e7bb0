/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of tasks and their inputs: data, and the check. What a task does with its input is the conductor's flows' business. */
#include "lib/domain/wish.h"

#include <string.h>

#include "lib/domain/form.h"

const struct kn_wish_type kn_wish_types[] = {
    { "server.create", "make the server on a host that has room",
      KN_FIELDS(KN_MUST("requests", KN_ARR, NICS, "its NICs, in order", .form = &kn_form_wanted_nic),
                KN_MAY("zone", KN_STR, HOST_ZONE, "only in this zone"),
                KN_MAY("host", KN_STR, HOST, "only on this host"),
                KN_MAY("booted", KN_BOOL, NONE,
                       "server.boot_volume stands before it: where that failed there is nothing to do")) },
    { "server.boot_volume", "make a volume that a new server is wished with, if it is not there, and connect it",
      KN_FIELDS(KN_MUST("volume", KN_UUID, NONE, "which"), KN_MUST("attachment", KN_UUID, NONE, "its row"),
                KN_MAY("size_gib", KN_INT, VOLUME_SIZE_GIB, "it is to be made: its size"),
                KN_MAY("from_snapshot", KN_UUID, NONE, "a copy of this snapshot"),
                KN_MAY("image", KN_UUID, NONE, "what this image holds")) },
    { "server.delete", "end the server and all that is its own", KN_NO_FIELDS },
    { "server.softDelete", "turn the server off: it is deleted, and kept until it is reclaimed", KN_NO_FIELDS },
    { "server.restore", "have a server back that is kept: it starts anew, and one that was shelved is that again",
      KN_NO_FIELDS },
    { "server.fence", "remove what a host has of a server that is not there any more",
      KN_FIELDS(KN_MUST("host", KN_STR, HOST, "on which"), KN_MUST("agent", KN_STR, AGENT, "that carries it"),
                KN_MUST("generation", KN_INT, NONE, "at or below which")) },
    { "server.describe", "tell the host what users wrote on the server", KN_NO_FIELDS },
    { "server.stop", "power", KN_NO_FIELDS },
    { "server.start", "power", KN_NO_FIELDS },
    { "server.pause", "power", KN_NO_FIELDS },
    { "server.unpause", "power", KN_NO_FIELDS },
    { "server.suspend", "power", KN_NO_FIELDS },
    { "server.resume", "power", KN_NO_FIELDS },
    { "server.reboot", "power", KN_FIELDS(KN_MUST("type", KN_STR, NONE, "SOFT or HARD")) },
    { "server.trigger_crash_dump", "have the guest's kernel dump itself", KN_NO_FIELDS },
    { "server.resetState", "ask the host what the server is", KN_NO_FIELDS },
    { "server.rescue", "start the server from another disk, with its own beside it",
      KN_FIELDS(
          KN_MUST("image", KN_UUID, NONE, "what the disk is made from"),
          KN_MAY(
              "bus", KN_STR, NONE,
              "virtio, sata, scsi or usb: it comes behind all that the guest has; absent: it is the first disk, the root disk the second")) },
    { "server.unrescue", "start the server from its own disk again", KN_NO_FIELDS },
    { "server.rebuild",
      "make the server's root disk anew, and all that is said to the guest; its row says already what it shall be",
      KN_FIELDS(KN_MUST("image", KN_UUID, NONE, "what the disk is made from"),
                KN_MAY("volume", KN_UUID, NONE, "the disk is this volume"),
                KN_MAY("size_gib", KN_INT, VOLUME_SIZE_GIB,
                       "which is overwritten: its size; absent: it stays as it is")) },
    { "server.createImage", "bring an image the data of the server's root disk",
      KN_FIELDS(KN_MUST("image", KN_UUID, NONE, "which: its row is there"),
                KN_MAY("quiesce", KN_BOOL, NONE, "the guest's agent must freeze its file systems"),
                KN_MAY("snapshots", KN_INT, DISKS,
                       "its disks are volumes: so many snapshots of them, made before, are all that it is")) },
    { "server.createBackup", "the same, and older backups of this type go",
      KN_FIELDS(KN_MUST("image", KN_UUID, NONE, "which: its row is there"),
                KN_MAY("quiesce", KN_BOOL, NONE, "the guest's agent must freeze its file systems"),
                KN_MUST("backup_type", KN_STR, IMAGE_TEXT, "what the owner calls its kind"),
                KN_MUST("rotation", KN_INT, EXACT, "how many of it stay")) },
    { "server.shelve", "stop the server and bring its image the data of its root disk",
      KN_FIELDS(KN_MAY("image", KN_UUID, NONE, "which: its row is there; absent: the disk is a volume and stays"),
                KN_MAY("offloads", KN_BOOL, NONE, "server.shelveOffload stands behind it")) },
    { "server.shelveOffload", "take the server from its host, if it is shelved; its ports and volumes stay its own",
      KN_NO_FIELDS },
    { "server.unshelve", "bring a shelved server back, and drop the image that it was kept in",
      KN_FIELDS(KN_MAY("image", KN_UUID, NONE, "that it was kept in; absent: in its volumes"),
                KN_MAY("offloaded", KN_BOOL, NONE, "it is on no host: one is chosen, and its disk made of the image"),
                KN_MAY("zone", KN_STR, HOST_ZONE, "only in this zone"),
                KN_MAY("host", KN_STR, HOST, "only on this host")) },
    { "server.attach_volume", "plug a volume in",
      KN_FIELDS(KN_MUST("volume", KN_UUID, NONE, "which"), KN_MUST("attachment", KN_UUID, NONE, "its row"),
                KN_MAY("device", KN_STR, DEVICE_WISH, "wanted name, /dev/vdX"),
                KN_MAY("tag", KN_STR, SERVER_TAG, "the user's")) },
    { "server.detach_volume", "unplug a volume",
      KN_FIELDS(KN_MUST("volume", KN_UUID, NONE, "which"), KN_MUST("attachment", KN_UUID, NONE, "its row")) },
    { "server.swap_volume", "give the guest another volume in the place of one, with all that is in it",
      KN_FIELDS(KN_MUST("volume", KN_UUID, NONE, "which it has"), KN_MUST("attachment", KN_UUID, NONE, "its row"),
                KN_MUST("to", KN_UUID, NONE, "which it shall have"), KN_MUST("to_attachment", KN_UUID, NONE, "its row"),
                KN_MAY("boot", KN_INT, DISKS, "it is the disk that is booted from so late; 0: the root disk")) },
    { "server.snapshot_volume", "keep what a volume that the server has holds now",
      KN_FIELDS(KN_MUST("volume", KN_UUID, NONE, "which"), KN_MUST("snapshot", KN_UUID, NONE, "its row is there")) },
    { "server.backup_volume", "copy what a volume that the server has holds now: a backup is made of the copy",
      KN_FIELDS(KN_MUST("volume", KN_UUID, NONE, "which"), KN_MUST("backup", KN_UUID, NONE, "its row is there")) },
    { "server.extend_volume", "make a volume that the server has larger, and tell its guest",
      KN_FIELDS(KN_MUST("volume", KN_UUID, NONE, "which"),
                KN_MUST("size_gib", KN_INT, VOLUME_SIZE_GIB, "its new size, which its row has already")) },
    { "server.attach_interface", "plug a port in",
      KN_FIELDS(KN_MUST("port", KN_UUID, NONE, "which: it is the server's already")) },
    { "server.detach_interface", "unplug a port", KN_FIELDS(KN_MUST("port", KN_UUID, NONE, "which")) },
    { "server.drop_interface", "unplug what was a port that is gone",
      KN_FIELDS(KN_MUST("port", KN_UUID, NONE, "which it was")) },
    { "volume.create", "make the volume's disk",
      KN_FIELDS(KN_MUST("size_gib", KN_INT, VOLUME_SIZE_GIB, "its size"),
                KN_MAY("from_volume", KN_UUID, NONE, "a copy of this volume"),
                KN_MAY("from_snapshot", KN_UUID, NONE, "a copy of this snapshot"),
                KN_MAY("from_backup", KN_UUID, NONE, "what this backup holds"),
                KN_MAY("image", KN_UUID, NONE, "what this image holds")) },
    { "volume.restore", "make the volume hold what a backup holds",
      KN_FIELDS(KN_MUST("size_gib", KN_INT, VOLUME_SIZE_GIB, "its size"),
                KN_MUST("from_backup", KN_UUID, NONE, "which")) },
    { "volume.revert", "make the volume hold again what a snapshot of it kept",
      KN_FIELDS(KN_MUST("size_gib", KN_INT, VOLUME_SIZE_GIB, "its size"),
                KN_MUST("from_snapshot", KN_UUID, NONE, "which")) },
    { "volume.reimage", "make the volume hold what an image holds",
      KN_FIELDS(KN_MUST("size_gib", KN_INT, VOLUME_SIZE_GIB, "its size"), KN_MUST("image", KN_UUID, NONE, "which")) },
    { "volume.extend", "make the volume's disk larger",
      KN_FIELDS(KN_MUST("size_gib", KN_INT, VOLUME_SIZE_GIB, "its new size, which its row has already")) },
    { "volume.upload", "make an image of the volume",
      KN_FIELDS(KN_MUST("image", KN_UUID, NONE, "its row is there already"),
                KN_MUST("disk_format", KN_STR, DISK_FORMAT, "raw or qcow2")) },
    { "backup.create", "store what a volume, or a snapshot of it, holds",
      KN_FIELDS(KN_MUST("volume", KN_UUID, NONE, "which"),
                KN_MAY("snapshot", KN_UUID, NONE, "what this snapshot of it holds")) },
    { "backup.import", "look whether what a record names is all in the store: its row is there",
      KN_FIELDS(KN_MUST("volume", KN_UUID, NONE, "of which volume it was"),
                KN_MUST("manifest", KN_STR, NONE, "SHA-256 of its manifest"),
                KN_MUST("size_gib", KN_INT, VOLUME_SIZE_GIB, "its size")) },
    { "backup.delete", "remove what was stored",
      KN_FIELDS(KN_MUST("volume", KN_UUID, NONE, "of which volume it was"),
                KN_MAY("copied", KN_BOOL, NONE, "so is the copy that it was made of")) },
    { "snapshot.create", "keep what a volume holds now", KN_FIELDS(KN_MUST("volume", KN_UUID, NONE, "which")) },
    { "snapshot.delete", "remove what was kept",
      KN_FIELDS(KN_MUST("volume", KN_UUID, NONE, "of which volume it was")) },
    { "group_snapshot.create", "keep what the volumes of a group hold now, all or none",
      KN_FIELDS(KN_MUST("snapshots", KN_ARR, VOLUME_GROUP_VOLUMES, "of which volumes: their rows are there",
                        .form = &kn_form_part)) },
    { "group_snapshot.delete", "remove what was kept of a group",
      KN_FIELDS(KN_MUST("snapshots", KN_ARR, VOLUME_GROUP_VOLUMES, "which", .form = &kn_form_part)) },
    { "volume.delete", "remove the volume's disk", KN_NO_FIELDS },
    { "volume.unmanage", "let the volume's disk go as it is", KN_NO_FIELDS },
    { "image.import", "make the image's data its own",
      KN_FIELDS(KN_MUST("import", KN_UUID, NONE, "the row of image_task")) },
    { "image.delete", "drop the image's data",
      KN_FIELDS(KN_MAY("sha512", KN_STR, NONE, "its data; absent: it had none")) },
    { "image.cache", "have a host fetch the image's data ahead of time",
      KN_FIELDS(KN_MUST("host", KN_STR, HOST, "which"), KN_MUST("agent", KN_STR, AGENT, "that carries it"),
                KN_MUST("generation", KN_INT, NONE, "0: of no server")) },
    { NULL, NULL, NULL },
};

const struct kn_wish_type *kn_wish_type(const char *kind)
{
    for (const struct kn_wish_type *t = kn_wish_types; t->kind != NULL; t++) {
        if (strcmp(t->kind, kind) == 0) {
            return t;
        }
    }
    return NULL;
}

int kn_wish_check(const char *kind, const json_t *input, struct kn_error *err)
{
    const struct kn_wish_type *type = kn_wish_type(kind);
    json_t *nothing = json_object();
    struct kn_error why = { 0 };
    int rc;

    if (type == NULL) {
        json_decref(nothing);
        return kn_fail(err, KN_INTERNAL, "wish \"%s\": there is no such kind of task", kind);
    }
    rc = kn_fields_check_closed(type->fields, input == NULL ? nothing : input, "input", &why);
    json_decref(nothing);
    return rc == 0 ? 0 : kn_fail(err, KN_INTERNAL, "wish \"%s\": %s", kind, why.message);
}

void kn_wish_document(struct kn_strbuf *out)
{
    kn_strbuf_addstr(
        out,
        "\n# Wishes\n\nThe input of a task, by its kind (lib/domain/wish.c): checked when it is written; what is not listed is refused.\n");
    for (const struct kn_wish_type *t = kn_wish_types; t->kind != NULL; t++) {
        kn_strbuf_addf(out, "\n## %s\n\n%s.\n", t->kind, t->doc);
        kn_fields_document(out, "input", t->fields);
    }
}
