/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing images: new ones, changed ones, data arriving, deletion. Callers have checked who asks (image.c) and what
 * (patch.c, property.c); here each change is one statement.
 */
#include <string.h>

#include "image/rows/image.h"
#include "image/rows/property.h"
#include "lib/base/cleanup.h"
#include "lib/base/uuid.h"

/* A draft as the arguments of INSERT and UPDATE, $2 to $12; $1 is the id. */
struct columns {
    struct kn_arg min_disk, min_ram;
    struct kn_array tags;
    char *properties;
    const char *args[12];
};

static void columns_release(struct columns *c)
{
    kn_array_release(&c->tags);
    free(c->properties);
}

static char *own_properties(const json_t *draft)
{
    json_t *own = json_copy((json_t *)(uintptr_t)draft);
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe(own, next, name, value) {
        if (kn_image_property(name) != NULL) {
            json_object_del(own, name);
        }
    }
    char *text = json_dumps(own, JSON_COMPACT);
    json_decref(own);
    return text;
}

static const char *flag(const json_t *draft, const char *name)
{
    return json_is_true(json_object_get(draft, name)) ? "t" : "f";
}

static void add_tags(struct kn_array *array, const json_t *tags)
{
    size_t i;
    json_t *tag;

    json_array_foreach(tags, i, tag) {
        kn_array_add(array, json_string_value(tag));
    }
}

static const char *text(const json_t *draft, const char *name)
{
    return json_string_value(json_object_get(draft, name));
}

static void columns_init(struct columns *c, const char *id, const json_t *draft)
{
    *c = (struct columns){ .tags = KN_ARRAY_INIT, .properties = own_properties(draft) };
    add_tags(&c->tags, json_object_get(draft, "tags"));
    const char *const args[] = {
        id,
        text(draft, "owner"),
        text(draft, "name"),
        text(draft, "visibility"),
        text(draft, "disk_format"),
        text(draft, "container_format"),
        kn_arg_int(&c->min_disk, json_integer_value(json_object_get(draft, "min_disk"))),
        kn_arg_int(&c->min_ram, json_integer_value(json_object_get(draft, "min_ram"))),
        flag(draft, "protected"),
        flag(draft, "os_hidden"),
        c->properties,
        kn_array_value(&c->tags),
    };
    memcpy(c->args, args, sizeof(args));
}

#define TIME(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
/* The columns of kn_image_at() in the same order. */
#define RETURNING                                                                                                     \
    " RETURNING id, owner, name, status, visibility, disk_format, container_format, min_disk, min_ram, protected, "   \
    "os_hidden, properties, to_json(tags), sha512, (SELECT md5 FROM blob b WHERE b.sha512 = image.sha512), size, "    \
    "virtual_size, " TIME("created_at") ", " TIME("updated_at") ", import"

int kn_image_insert(struct kn_db *db, const json_t *draft, struct kn_rows **ret_rows, struct kn_error *err)
{
    static const struct kn_stmt INSERT = {
        "image_insert",
        "INSERT INTO image (id, owner, name, visibility, disk_format, container_format, min_disk, min_ram, protected, "
        "os_hidden, properties, tags) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
        "ON CONFLICT (id) DO NOTHING" RETURNING, 12
    };
    AUTO_RELEASE(columns) struct columns c;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char made[KN_UUID_SIZE];
    const char *id = text(draft, "id");

    if (id == NULL) {
        kn_uuid_make(made);
        id = made;
    }
    columns_init(&c, id, draft);
    if (kn_db_run(db, &INSERT, c.args, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_CONFLICT, "Image ID %s already exists!", id);
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_image_update(struct kn_db *db, const char *id, const json_t *draft, struct kn_rows **ret_rows,
                    struct kn_error *err)
{
    static const struct kn_stmt UPDATE = {
        "image_update",
        "UPDATE image SET owner = $2, name = $3, visibility = $4, disk_format = $5, container_format = $6, "
        "min_disk = $7, min_ram = $8, protected = $9, os_hidden = $10, properties = $11, tags = $12, "
        "updated_at = now() WHERE id = $1 AND deleted_at IS NULL" RETURNING, 12
    };
    AUTO_RELEASE(columns) struct columns c;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    columns_init(&c, id, draft);
    if (kn_db_run(db, &UPDATE, c.args, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "No image found with ID %s", id);
    }
    *ret_rows = kn_steal(&rows);
    return 0;
}

int kn_image_set_tags(struct kn_db *db, const char *id, const json_t *tags, struct kn_error *err)
{
    static const struct kn_stmt SET_TAGS = {
        "image_set_tags", "UPDATE image SET tags = $2, updated_at = now() WHERE id = $1", 2
    };
    AUTO_RELEASE(kn_array) struct kn_array array = KN_ARRAY_INIT;

    add_tags(&array, tags);
    return kn_db_run(db, &SET_TAGS, KN_ARGS(id, kn_array_value(&array)), NULL, err);
}

int kn_image_activate(struct kn_db *db, const char *id, enum kn_image_event event, const struct kn_image_data *data,
                      struct kn_error *err)
{
    static const struct kn_stmt BLOB = {
        "image_blob", "INSERT INTO blob (sha512, md5, size) VALUES ($1, $2, $3) ON CONFLICT (sha512) DO NOTHING", 3
    };
    static const struct kn_stmt DATA = {
        "image_data",
        "UPDATE image SET sha512 = $2, size = $3, virtual_size = $4, disk_format = coalesce($5, disk_format) WHERE id = $1", 5
    };
    struct kn_arg size, virtual_size;

    kn_arg_int(&size, data->size);
    kn_arg_int(&virtual_size, data->virtual_size);
    if (kn_image_move(db, id, "unknown", event, err) < 0) {
        return err != NULL && err->code != KN_CONFLICT
                   ? -1
                   : kn_fail(err, KN_GONE, "Image %s could not be found after upload. The image may have been deleted "
                                           "during the upload.", id);
    }
    if (kn_db_run(db, &BLOB, KN_ARGS(data->sha512, data->md5, size.text), NULL, err) < 0 ||
        kn_db_run(db, &DATA, KN_ARGS(id, data->sha512, size.text, virtual_size.text, data->disk_format), NULL, err) < 0) {
        return -1;
    }
    return 0;
}

int kn_image_staged(struct kn_db *db, const char *id, int64_t size, struct kn_error *err)
{
    static const struct kn_stmt STAGED = {
        "image_staged",
        "UPDATE image SET size = $2, updated_at = now() WHERE id = $1 AND status = 'uploading' AND deleted_at IS NULL", 2
    };
    struct kn_arg arg;
    int64_t wanted = 0;

    if (kn_db_change(db, &STAGED, KN_ARGS(id, kn_arg_int(&arg, size)), &wanted, err) < 0) {
        return -1;
    }
    return wanted == 1 ? 0 : kn_fail(err, KN_GONE, "Image %s was deleted while its data was staged.", id);
}

int kn_image_delete(struct kn_db *db, const char *id, struct kn_error *err)
{
    static const struct kn_stmt DELETE = {
        "image_delete",
        "WITH gone AS (UPDATE image SET status = 'deleted', sha512 = NULL, deleted_at = now(), updated_at = now() "
        "WHERE id = $1 AND deleted_at IS NULL RETURNING id), "
        "members AS (DELETE FROM image_member m USING gone WHERE m.image_id = gone.id), "
        "tasks AS (UPDATE image_task t SET status = 'failure', message = 'the image was deleted', updated_at = now(), "
        "expires_at = now() + interval '48 hours' FROM gone WHERE t.image_id = gone.id AND t.status IN ('pending', 'processing')) "
        "SELECT id FROM gone", 1
    };
    int64_t deleted = 0;

    if (kn_db_change(db, &DELETE, KN_ARGS(id), &deleted, err) < 0) {
        return -1;
    }
    return deleted == 1 ? 0 : kn_fail(err, KN_NOT_FOUND, "Failed to find image %s to delete", id);
}
