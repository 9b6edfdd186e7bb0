/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of tasks and their inputs: data, and the check. What a task does with its input is the conductor's flows' business. */
#include "lib/domain/wish.h"

#include <string.h>

#define FIELD(name, kind, required, limit, doc) { name, kind, required, KN_LIMIT_##limit, doc }
#define END { NULL, KN_FIELD_END, false, KN_LIMIT_NONE, NULL }
#define FIELDS(...) (const struct kn_field[]){ __VA_ARGS__, END }
#define NOTHING (const struct kn_field[]){ END }

const struct kn_wish_type kn_wish_types[] = {
    { "server.create", "make the server on a host that has room",
      FIELDS(FIELD("requests", KN_ARR, true, NICS, "its NICs, as port.allocate takes them"), FIELD("zone", KN_STR, false, HOST_ZONE, "only in this zone"),
             FIELD("host", KN_STR, false, HOST, "only on this host")) },
    { "server.delete", "end the server and all that is its own", NOTHING },
    { "server.fence", "remove what a host has of a server that is not there any more",
      FIELDS(FIELD("host", KN_STR, true, HOST, "on which"), FIELD("agent", KN_STR, true, AGENT, "that carries it"),
             FIELD("generation", KN_INT, true, NONE, "at or below which")) },
    { "server.describe", "tell the host what users wrote on the server", NOTHING },
    { "server.stop", "power", NOTHING },
    { "server.start", "power", NOTHING },
    { "server.pause", "power", NOTHING },
    { "server.unpause", "power", NOTHING },
    { "server.suspend", "power", NOTHING },
    { "server.resume", "power", NOTHING },
    { "server.reboot", "power", FIELDS(FIELD("type", KN_STR, true, NONE, "SOFT or HARD")) },
    { "server.attach_volume", "plug a volume in",
      FIELDS(FIELD("volume", KN_UUID, true, NONE, "which"), FIELD("attachment", KN_UUID, true, NONE, "its row"),
             FIELD("device", KN_STR, false, DEVICE_WISH, "wanted name, /dev/vdX")) },
    { "server.detach_volume", "unplug a volume",
      FIELDS(FIELD("volume", KN_UUID, true, NONE, "which"), FIELD("attachment", KN_UUID, true, NONE, "its row")) },
    { "volume.create", "make the volume's disk", FIELDS(FIELD("size_gib", KN_INT, true, VOLUME_SIZE_GIB, "its size")) },
    { "volume.delete", "remove the volume's disk", NOTHING },
    { "image.import", "make the image's data its own", FIELDS(FIELD("import", KN_UUID, true, NONE, "the row of image_task")) },
    { "image.delete", "drop the image's data", FIELDS(FIELD("sha512", KN_STR, false, NONE, "its data; absent: it had none")) },
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
    kn_strbuf_addstr(out, "\n# Wishes\n\nThe input of a task, by its kind (lib/domain/wish.c): checked when it is written; what is not listed is refused.\n");
    for (const struct kn_wish_type *t = kn_wish_types; t->kind != NULL; t++) {
        kn_strbuf_addf(out, "\n## %s\n\n%s.\n", t->kind, t->doc);
        kn_fields_document(out, "input", t->fields);
    }
}
