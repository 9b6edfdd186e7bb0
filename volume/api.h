/* SPDX-License-Identifier: Apache-2.0 */
/* What the volume room offers the front door: Cinder's routes, and the rows that compute's attachments touch. */
#ifndef KN_VOLUME_API_H
#define KN_VOLUME_API_H

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/base/uuid.h"

extern const struct kn_api kn_volume_api;

/* What Cinder's POST makes of {"size", "display_name"?, …}, req->body's "volume", and what its DELETE does to the volume of the path. */
int kn_volume_make(struct kn_request *req, char ret_id[KN_UUID_SIZE], struct kn_error *err);
int kn_volume_end(struct kn_request *req, struct kn_error *err);

#define KN_VOLUME_SHARED_SINCE 60 /* Nova's microversion whose clients know of shared volumes */
/* KN_BAD_REQUEST, in Nova's words. */
int kn_volume_refuse_shared(struct kn_error *err);

struct kn_volume_attach {
    const char *volume_id;
    const char *server_id;
    const char *device; /* "/dev/vdb", nobody else's at this server; NULL: its host finds one */
    const char *tag; /* NULL = none */
    bool delete_on_termination; /* the volume dies with the server */
    bool boots;
    int64_t boot_index; /* where boots is true: when it is tried; 0 is the root disk */
    bool may_not_share; /* the client knows of no volumes that several servers have */
    bool is_new; /* its row was written in this transaction: it is still to be made, and stays `creating` */
};

/*
 * The wish to attach, inside the caller's transaction: the volume goes from available to attaching, the attachment's row
 * is written. A shared volume may be others' already, and then stays in use. KN_NOT_FOUND: no such volume for this caller; KN_BAD_REQUEST: it is not available.
 */
int kn_volume_attach_begin(struct kn_db *db, const struct kn_caller *caller, const struct kn_volume_attach *wish,
                           char ret_attachment_id[KN_UUID_SIZE], struct kn_error *err);
/*
 * A disk of a new server that is a volume, in two steps. Look: what the entry {"source": volume, snapshot, image or blank, "id", "size", "type"} names is there and may be used so; the entry learns what
 * begin needs, and "image", what is known of the image in it (texts), "is_bootable". KN_BAD_REQUEST in Nova's words.
 */
int kn_volume_boot_look(struct kn_request *req, json_t *entry, struct kn_error *err);

struct kn_volume_boot {
    const json_t *entry; /* as it was looked at, with "device" and, where they are said, "tag", "boot", "dies" */
    const struct kn_caller *caller;
    const char *request_id;
    const char *server_id;
};
struct kn_quota_claims;
/*
 * Begin, inside the transaction that writes the server's row, behind it: the volume's row, if it is a new one, its attachment, and the server's task that makes and connects it
 * (server.boot_volume), for *ret_task. claims: of the volume service; what the volume takes is added.
 */
int kn_volume_boot_begin(struct kn_db *db, const struct kn_volume_boot *boot, struct kn_quota_claims *claims,
                         int64_t *ret_task, struct kn_error *err);

/* The volume that is a server's root disk. */
struct kn_volume_root {
    char id[KN_UUID_SIZE];
    char image[KN_UUID_SIZE]; /* that it was made of; "": none */
    int64_t size_gib;
    bool is_shared;
};
/* KN_CONFLICT: the server has none. */
int kn_volume_root_find(struct kn_db *db, const char *server_id, struct kn_volume_root *ret, struct kn_error *err);
/*
 * The wish to put the image that the task's input names in the place of what the volume holds, inside the transaction that writes the server's task: in-use to downloading, and its row knows
 * the image from now on. The input learns the size. KN_BAD_REQUEST: it is busy, or too small for the image.
 */
int kn_volume_root_overwrite(const struct kn_request *req, const char *volume_id, json_t *input, struct kn_error *err);

/*
 * Snapshots of all volumes that a server has, for an image of it, inside the transaction that writes the server's task and holds its row, in two steps. Take: the volumes are held. *ret: a new array
 * of {"volume", "snapshot" (its id to be), "size", "type", "dies"} and, where there is such a thing, "device", "boot", "tag", "image" (what is known of it). KN_BAD_REQUEST, KN_NOT_FOUND: one of them
 * cannot be copied now.
 */
int kn_volume_server_snapshots_take(const struct kn_request *req, const char *server_id, json_t **ret,
                                    struct kn_error *err);

struct kn_quota_claims;
struct kn_volume_server_snapshots {
    const char *server_id;
    const char *project_id; /* the server's */
    const char *image_id; /* that they are for: they go if it comes to nothing */
    const char *name; /* the image's */
    const json_t *list; /* as they were taken */
    struct kn_quota_claims *claims; /* of the volume service; what they take is added */
};
/* Begin: their rows, and the server's task that makes each. */
int kn_volume_server_snapshots_begin(const struct kn_request *req, const struct kn_volume_server_snapshots *wish,
                                     struct kn_error *err);

/*
 * The wish to give the server another volume in the place of one that it has: in-use to detaching, available to attaching, an attachment for the new one; the input learns both attachments and what
 * the one's says of its order of booting. KN_BAD_REQUEST: they cannot be swapped, or the one is not attached to the server (now), in Nova's words where it has any; KN_CONFLICT: several servers may have one of them.
 */
int kn_volume_swap_begin(struct kn_db *db, const struct kn_caller *caller, const char *volume_id, const char *to_id,
                         const char *server_id, json_t *input, struct kn_error *err);
/* Of attachment a: the guest has it, or will have it beside what else it has; false while it is on its way into the place of another, which alone is seen until then. */
#define KN_VOLUME_IS_SEEN(a) \
    "NOT (" a ".status = 'attaching' AND EXISTS (SELECT FROM attachment swapped WHERE swapped.server_id = " a \
    ".server_id AND swapped.device = " a ".device AND swapped.status = 'detaching'))"
/* From now on the attached volume dies with the server, or not, and so does what is just taking its place. KN_NOT_FOUND: it is not attached (any more). */
int kn_volume_attach_keep(struct kn_db *db, const char *volume_id, const char *server_id, bool delete_on_termination,
                          struct kn_error *err);
/*
 * The wish to detach: in-use to detaching, unless others have it, the attachment likewise. KN_NOT_FOUND: the volume is not attached to the server;
 * KN_BAD_REQUEST: it is on its way in or out already; KN_FORBIDDEN: it is the server's root disk.
 */
int kn_volume_detach_begin(struct kn_db *db, const struct kn_caller *caller, const char *volume_id,
                           const char *server_id, char ret_attachment_id[KN_UUID_SIZE], struct kn_error *err);

#endif
