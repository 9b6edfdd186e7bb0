/* SPDX-License-Identifier: Apache-2.0 */
/* What the image room offers the front door: Glance's routes, what compute asks before it accepts a server, and what it shows. */
#ifndef KN_IMAGE_API_H
#define KN_IMAGE_API_H

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/base/uuid.h"
#include "lib/rest/list.h"

extern const struct kn_api kn_image_api;
/* DELETE of an image, the first parameter of the path; compute has a route for it, too. */
kn_handler kn_image_api_delete;

/* What becomes of an image's own properties, for compute's route. */
struct kn_image_properties_wish {
    const json_t *set; /* texts by name; may be NULL */
    const char *drop; /* one that must be there; NULL: none */
    bool whole; /* those that are not set go */
    int64_t most; /* how many it may have then; -1: as many as images have */
};
/*
 * Changes the properties of an image that the caller may change. *ret: all of them now, a new reference. KN_NOT_FOUND, KN_FORBIDDEN, KN_QUOTA; KN_BAD_REQUEST for what is no
 * property but an attribute. req->own is used.
 */
int kn_image_properties_change(struct kn_request *req, const char *id, const struct kn_image_properties_wish *wish,
                               json_t **ret, struct kn_error *err);

struct kn_image_facts {
    char id[KN_UUID_SIZE];
    char status[16]; /* Glance's: "active" is the only one to boot from */
    char disk_format[16]; /* "" while unset */
    int64_t min_disk_gib;
    int64_t min_ram_mib;
    int64_t size; /* bytes; 0 without data */
    int64_t virtual_size;
    bool wants_config_drive; /* img_config_drive: mandatory */
    bool
        is_mapping; /* it has no data, but says which snapshots it is (KN_IMAGE_MAPPING): nothing but a new server is made of it */
};

/*
 * An image that the caller may use: its project's own, public, community, or shared with it and accepted; any for an admin.
 * KN_NOT_FOUND otherwise, as for one that does not exist. The status is for the caller to judge.
 */
int kn_image_usable(struct kn_db *db, const struct kn_caller *caller, const char *id, struct kn_image_facts *ret,
                    struct kn_error *err);
/* The same with its properties, an object of texts: a new reference. */
int kn_image_usable_with(struct kn_db *db, const struct kn_caller *caller, const char *id, struct kn_image_facts *ret,
                         json_t **ret_properties, struct kn_error *err);

/* An image as compute shows it. The pointers live as long as the rows they came from. */
struct kn_image_look {
    const char *id;
    const char *name; /* NULL = none */
    const char *status; /* Glance's */
    const char *properties; /* JSON object */
    const char *size; /* decimal; NULL without data */
    const char *created_at; /* 2026-11-21T10:00:00Z */
    const char *updated_at;
    int64_t min_disk_gib;
    int64_t min_ram_mib;
};
/*
 * The images that the caller may list and wishes for, by Glance's parameters. *ret_rows stays NULL if none can be. KN_BAD_REQUEST for
 * what Glance refuses.
 */
int kn_image_look(struct kn_request *req, const struct kn_rest_wish *wishes, struct kn_rows **ret_rows,
                  struct kn_error *err);
/* One that the caller sees; KN_NOT_FOUND otherwise. */
int kn_image_look_one(struct kn_db *db, const struct kn_caller *caller, const char *id, struct kn_rows **ret_rows,
                      struct kn_error *err);
void kn_image_look_at(const struct kn_rows *rows, int row, struct kn_image_look *ret);

/* An image that is made of a server: its row is there before its data, which a task of the server brings (image/serve/receive.c). */
struct kn_image_snapshot {
    const char *name;
    const char *server;
    const char *project; /* the server's: another one than the caller's sees the image as a member */
    const char *base; /* the image that the server was made from; "": none */
    const char *type; /* snapshot or backup */
    const json_t *properties; /* the client's own; borrowed, may be NULL */
    int64_t root_gib; /* the least that its min_disk is */
    /* Of a server whose root disk is a volume. */
    const json_t *known; /* what that knows of the image in it; borrowed, may be NULL */
    const json_t *mapping; /* what the image is instead of data: entries of block_device_mapping; NULL: it has data */
    const char *root_device; /* with mapping: "/dev/vda" */
};
#define KN_IMAGE_MAPPING "block_device_mapping" /* the property that says so, JSON in a text, as Nova writes it */
/*
 * In the transaction that writes the task, whose wish names the image: what the base has and a child of it may have, too, is inherited. *ret_quiesce: the base
 * says os_require_quiesce. KN_QUOTA, KN_BAD_REQUEST for a property that is none.
 */
int kn_image_snapshot_begin(const struct kn_request *req, const struct kn_image_snapshot *wish,
                            char ret_id[KN_UUID_SIZE], bool *ret_quiesce, struct kn_error *err);

/* An image that is made of a volume, in the same way. */
struct kn_image_of_volume {
    const char *name;
    const char *volume;
    const char *disk_format;
    const char *visibility; /* private, shared, community, public: who may say which is the caller's to judge */
    bool is_protected;
    const json_t *known; /* what the volume knows of the image that it was made from; borrowed, may be NULL */
};
int kn_image_of_volume_begin(const struct kn_request *req, const struct kn_image_of_volume *wish,
                             char ret_id[KN_UUID_SIZE], struct kn_error *err);

#endif
