/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flows of volumes and images: remove a disk, plug it into a server and out again, drop an image's data. What fills disks is disk.c's. Attaching and
 * detaching are tasks of the server, so that they queue with everything else that happens to it.
 */
#include <string.h>

#include "conductor/flows/bodies.h"
#include "conductor/flows/context.h"
#include "conductor/flows/flow.h"
#include "conductor/store/task.h"

/* --- volume.delete; making one is disk.c's ------------------------------------------------------------------------------ */

static const struct kn_conductor_flow_row DELETE_ROWS[] = {
    { { { .message = "volume.delete", .build = kn_conductor_body_volume } }, NULL },
};

static const struct kn_conductor_flow_row UNMANAGE_ROWS[] = {
    { { { .message = "volume.unmanage", .build = kn_conductor_body_volume } }, NULL },
};

static const struct kn_conductor_becomes DELETE_DONE[] = { KN_GOES(kn_conductor_record_volume), KN_BECOMES_END };
static const struct kn_conductor_becomes DELETE_FAILED[] = {
    KN_SET(kn_conductor_record_volume, "status", "error_deleting"), KN_BECOMES_END
};

/* --- server.attach_volume: [connect] -> [plug]; server.detach_volume: [unplug] -> [disconnect] --------------------------------- */

/* A server that was shelved may be on no host: it finds the volume when it comes back. */
static json_t *build_connect(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:O, s:s, s:s*}", "volume", kn_conductor_wished(task, "volume"), "server", task->object_id,
                     "host", task->home.host[0] != '\0' ? task->home.host : NULL);
}

static json_t *build_let_go(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return kn_conductor_body_volume_let_go(task, kn_conductor_wished(task, "volume"));
}

static json_t *build_plug(const struct kn_conductor_task *task, int item)
{
    json_t *body = build_connect(task, item);

    json_object_set(body, "connection", kn_conductor_found(task, "connection"));
    if (*kn_conductor_wished_str(task, "device") != '\0') {
        json_object_set(body, "device", kn_conductor_wished(task, "device"));
    }
    if (*kn_conductor_wished_str(task, "tag") != '\0') {
        json_object_set(body, "tag", kn_conductor_wished(task, "tag"));
    }
    return body;
}

static const struct kn_conductor_finding ATTACH_FINDS[] = {
    { .name = "connection", .kind = KN_OBJ, .from = "volume.connect", .read_by = "server.attach_volume done" },
    { .name = "device",
      .kind = KN_STR,
      .from = "server.attach_volume",
      .read_by = "done",
      .may_lack = true }, /* then it is what the wish wrote */
    { .name = NULL },
};

static const struct kn_conductor_flow_row ATTACH_ROWS[] = {
    { { { .message = "volume.connect",
          .build = build_connect,
          .undo = "volume.disconnect",
          .undo_build = build_let_go } },
      NULL },
    { { { .message = "server.attach_volume",
          .to = KN_TO_HOME,
          .build = build_plug,
          .count = kn_conductor_count_if_on_host,
          .undo = "server.detach_volume",
          .undo_build = build_connect,
          .undo_waits_for_host = true } },
      NULL },
};

static const struct kn_conductor_flow_row DETACH_ROWS[] = {
    { { { .message = "server.detach_volume",
          .to = KN_TO_HOME,
          .build = build_connect,
          .count = kn_conductor_count_if_on_host } },
      NULL },
    { { { .message = "volume.disconnect", .build = build_let_go } }, NULL },
};

/* --- server.swap_volume: [connect the new one] -> [the guest goes over to it] -> [disconnect the old one] --------------------------------
 *
 * Which one the guest has is known when its host says so: then the rows say it, in one move. Before it all is taken back, by the same command the other way round; behind it nothing is.
 * Where the host does not take it back nobody knows which one the guest has: both stay connected and as they are, nobody else's, until somebody has asked (docs/operations.md). */

static int count_until_swapped(const struct kn_conductor_task *task)
{
    return kn_conductor_found(task, "device") == NULL ? 1 : 0;
}

/* What the guest may have stays connected. */
static int count_unless_in_doubt(const struct kn_conductor_task *task)
{
    return kn_conductor_found(task, "not_undone") == NULL ? count_until_swapped(task) : 0;
}

static json_t *build_swap_connect(const struct kn_conductor_task *task, int item)
{
    json_t *body = build_connect(task, item);

    json_object_set(body, "volume", kn_conductor_wished(task, "to"));
    return body;
}

static json_t *build_swap_let_go(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return kn_conductor_body_volume_let_go(task, kn_conductor_wished(task, "to"));
}

static json_t *build_swap(const struct kn_conductor_task *task, int item)
{
    json_t *body = build_connect(task, item);

    json_object_set(body, "to", kn_conductor_wished(task, "to"));
    json_object_set(body, "connection", kn_conductor_found(task, "connection"));
    return body;
}

static json_t *build_swap_back(const struct kn_conductor_task *task, int item)
{
    json_t *body = build_swap_connect(task, item);
    json_t *attachment;
    size_t i;

    json_object_set(body, "to", kn_conductor_wished(task, "volume"));
    json_array_foreach (kn_conductor_known(task, "volumes"), i, attachment) {
        if (strcmp(kn_json_str(attachment, "volume"), kn_conductor_wished_str(task, "volume")) == 0) {
            json_object_set(body, "connection", json_object_get(attachment, "connection"));
        }
    }
    return body;
}

static const struct kn_conductor_finding SWAP_FINDS[] = {
    { .name = "connection", .kind = KN_OBJ, .from = "volume.connect", .read_by = "server.swap_volume row" },
    { .name = "device", .kind = KN_STR, .from = "server.swap_volume", .read_by = "row failed", .may_lack = true },
    { .name = NULL },
};

#define SWAP_OLD(column, text) KN_SET_OF(kn_conductor_record_attachment, "attachment", column, text)
#define SWAP_NEW(column, text) KN_SET_OF(kn_conductor_record_attachment, "to_attachment", column, text)
#define SWAP_FOLLOWS \
    KN_SET_OF(kn_conductor_record_volume, "volume", "status", NULL), \
        KN_SET_OF(kn_conductor_record_volume, "to", "status", NULL)

static const struct kn_conductor_becomes SWAPPED[] = {
    SWAP_FOLLOWS,
    KN_GOES_OF(kn_conductor_record_attachment_unused, "attachment"),
    SWAP_NEW("status", "attached"),
    SWAP_NEW("attached_at", "now"),
    KN_SET_FOUND_OF(kn_conductor_record_attachment, "to_attachment", "device", "device"),
    KN_SET_FOUND_OF(kn_conductor_record_attachment, "to_attachment", "connection", "connection"),
    KN_SET_WISHED_OF(kn_conductor_record_attachment, "to_attachment", "boot_index", "boot"),
    KN_BECOMES_END,
};

/* If it was swapped all the same (the old one could not be disconnected) there is nothing of this left to do. */
static const struct kn_conductor_becomes SWAPPED_NOT[] = {
    SWAP_FOLLOWS,
    SWAP_OLD("status", "attached"),
    KN_GOES_OF(kn_conductor_record_attachment_unused, "to_attachment"),
    KN_BECOMES_END,
};

static const struct kn_conductor_becomes SWAPPED_PERHAPS[] = { SWAP_FOLLOWS, KN_BECOMES_END };

static const struct kn_conductor_flow_row SWAP_ROWS[] = {
    { { { .message = "volume.connect",
          .build = build_swap_connect,
          .count = count_unless_in_doubt,
          .undo = "volume.disconnect",
          .undo_build = build_swap_let_go } },
      NULL },
    { { { .message = "server.swap_volume",
          .to = KN_TO_HOME,
          .build = build_swap,
          .count = count_until_swapped,
          .undo = "server.swap_volume",
          .undo_build = build_swap_back,
          .waits_for_host = true,
          .undo_waits_for_host = true } },
      SWAPPED },
    { { { .message = "volume.disconnect", .build = build_let_go } }, NULL },
};

#define VOLUME_OF_WISH_FOLLOWS KN_SET_OF(kn_conductor_record_volume, "volume", "status", NULL) /* its attachments */
#define ATTACHMENT_OF_WISH(column, text) KN_SET_OF(kn_conductor_record_attachment, "attachment", column, text)

static const struct kn_conductor_becomes ATTACH_DONE[] = {
    VOLUME_OF_WISH_FOLLOWS,
    ATTACHMENT_OF_WISH("status", "attached"),
    ATTACHMENT_OF_WISH("attached_at", "now"),
    KN_SET_FOUND_OF(kn_conductor_record_attachment, "attachment", "device", "device"),
    KN_SET_FOUND_OF(kn_conductor_record_attachment, "attachment", "connection", "connection"),
    KN_BECOMES_END,
};

static const struct kn_conductor_becomes ATTACHMENT_GONE[] = {
    VOLUME_OF_WISH_FOLLOWS,
    KN_GOES_OF(kn_conductor_record_attachment, "attachment"),
    KN_BECOMES_END,
};

static const struct kn_conductor_becomes DETACH_FAILED[] = {
    VOLUME_OF_WISH_FOLLOWS,
    ATTACHMENT_OF_WISH("status", "attached"),
    ATTACHMENT_OF_WISH("attached_at", "now"),
    KN_BECOMES_END,
};

/* --- server.extend_volume: [its disk] -> [the guest hears of it]; from then on it has its new size, whatever the guest does -------------- */

static json_t *build_growth(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:O, s:O}", "volume", kn_conductor_wished(task, "volume"), "size_gib",
                     kn_conductor_wished(task, "size_gib"));
}

static json_t *build_growth_told(const struct kn_conductor_task *task, int item)
{
    json_t *body = kn_conductor_body_server_on_host(task, item);

    json_object_set(body, "volume", kn_conductor_wished(task, "volume"));
    json_object_set(body, "size_gib", kn_conductor_wished(task, "size_gib"));
    return body;
}

static const struct kn_conductor_becomes GREW[] = {
    VOLUME_OF_WISH_FOLLOWS,
    KN_SET_OF(kn_conductor_record_volume, "volume", "extends_from", NULL),
    KN_BECOMES_END,
};

static const struct kn_conductor_becomes GREW_NOT[] = { KN_GOES_OF(kn_conductor_record_growth, "volume"),
                                                        KN_BECOMES_END };

static const struct kn_conductor_flow_row GROW_ROWS[] = {
    { { { .message = "volume.extend", .build = build_growth } }, GREW },
    { { { .message = "server.resize_volume",
          .to = KN_TO_HOME,
          .build = build_growth_told,
          .count = kn_conductor_count_if_on_host,
          .skip_if_down = true } },
      NULL },
};

/* --- image.import, image.delete ------------------------------------------------------------------------------------------------------ */

static json_t *build_image(const struct kn_conductor_task *task, int item)
{
    json_t *body = json_pack("{s:s}", "image", task->object_id);

    (void)item;
    if (*kn_conductor_wished_str(task, "sha512") != '\0') {
        json_object_set(body, "sha512", kn_conductor_wished(task, "sha512"));
    }
    return body;
}

/* kilonova-image writes what becomes of the image itself: it alone knows when the data is whole. */
static json_t *build_import(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:s, s:O}", "image", task->object_id, "import", kn_conductor_wished(task, "import"));
}

static const struct kn_conductor_flow_row IMAGE_IMPORT_ROWS[] = {
    { { { .message = "image.import", .build = build_import } }, NULL },
};

static const struct kn_conductor_flow_row IMAGE_DELETE_ROWS[] = {
    { { { .message = "image.delete", .build = build_image } }, NULL },
};

/* --- image.cache: [locate] -> [the host's cache] ------------------------------------------------------------------------------ */

static const struct kn_conductor_finding CACHE_FINDS[] = {
    { .name = "image", .kind = KN_OBJ, .from = "image.locate", .whole = true, .read_by = "image.cache" },
    { .name = NULL },
};

static json_t *build_cache_locate(const struct kn_conductor_task *task, int item)
{
    (void)item;
    return json_pack("{s:s}", "image", task->object_id);
}

static json_t *build_cache(const struct kn_conductor_task *task, int item)
{
    json_t *base = json_copy(kn_conductor_found(task, "image"));

    (void)item;
    json_object_set_new(base, "id", json_string(task->object_id));
    return json_pack("{s:s, s:s, s:o}", "host", task->home.host, "image", task->object_id, "base", base);
}

static const struct kn_conductor_flow_row IMAGE_CACHE_ROWS[] = {
    { { { .message = "image.locate", .build = build_cache_locate } }, NULL },
    { { { .message = "image.cache", .to = KN_TO_HOME, .build = build_cache, .skip_if_down = true } }, NULL },
};

const struct kn_conductor_flow kn_conductor_flows_volume[] = {
    { .kind = "volume.delete",
      .object = &kn_conductor_record_volume,
      .rows = DELETE_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .supersedes = true,
      .insists = true,
      .done = DELETE_DONE,
      .failed = DELETE_FAILED },
    { .kind = "volume.unmanage",
      .object = &kn_conductor_record_volume,
      .rows = UNMANAGE_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .supersedes = true,
      .insists = true,
      .done = DELETE_DONE,
      .failed = DELETE_FAILED },
    { .kind = "server.attach_volume",
      .object = &kn_conductor_record_server,
      .rows = ATTACH_ROWS,
      .row_count = 2,
      .finds = ATTACH_FINDS,
      .retry_row = -1,
      .done = ATTACH_DONE,
      .failed = ATTACHMENT_GONE },
    { .kind = "server.detach_volume",
      .object = &kn_conductor_record_server,
      .rows = DETACH_ROWS,
      .row_count = 2,
      .retry_row = -1,
      .done = ATTACHMENT_GONE,
      .failed = DETACH_FAILED },
    { .kind = "server.swap_volume",
      .object = &kn_conductor_record_server,
      .rows = SWAP_ROWS,
      .row_count = 3,
      .finds = SWAP_FINDS,
      .retry_row = -1,
      .failed = SWAPPED_NOT,
      .left = SWAPPED_PERHAPS },
    { .kind = "server.extend_volume",
      .object = &kn_conductor_record_server,
      .rows = GROW_ROWS,
      .row_count = 2,
      .retry_row = -1,
      .failed = GREW_NOT },
    { .kind = "image.import",
      .object = &kn_conductor_record_image,
      .rows = IMAGE_IMPORT_ROWS,
      .row_count = 1,
      .retry_row = -1 },
    { .kind = "image.delete",
      .object = &kn_conductor_record_image,
      .rows = IMAGE_DELETE_ROWS,
      .row_count = 1,
      .retry_row = -1,
      .supersedes = true,
      .insists = true },
    { .kind = "image.cache",
      .object = &kn_conductor_record_image,
      .rows = IMAGE_CACHE_ROWS,
      .row_count = 2,
      .finds = CACHE_FINDS,
      .retry_row = -1,
      .told_home = true,
      .beside = true },
    { .kind = NULL },
};
