/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The action rebuild: the server's root disk is made anew, of another image or of the same, and what is said to the guest with it; addresses, ports and volumes
 * stay. The row says at once what the server shall be, in the transaction of the task; a rebuild that fails leaves it in ERROR, and another one heals that. A root disk that is a volume is
 * overwritten since 2.93; before, such a server is rebuilt with the image that it has, and its volume stays what it is.
 */
#include <string.h>

#include "compute/api.h"
#include "compute/api/server_noun.h"
#include "compute/rows/image_properties.h"
#include "compute/rows/machine.h"
#include "compute/rows/server.h"
#include "compute/rows/server_plan.h"
#include "compute/rows/server_plan_files.h"
#include "compute/rows/view.h"
#include "image/api.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "lib/domain/message.h"
#include "lib/rest/manners.h"
#include "network/api.h"
#include "volume/api.h"

#define OVERWRITES_SINCE 93

static const char *const DISK_CONFIGS[] = { "AUTO", "MANUAL", NULL };
static const struct kn_schema VALUE[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                          KN_SCHEMA_END };
static const struct kn_schema CERTS[] = {
    KN_SCHEMA("trusted_image_certificates", KN_IS_STRING, .limit = KN_LIMIT_TRUSTED_CERTIFICATE), KN_SCHEMA_END
};
const struct kn_schema kn_compute_rebuild_body[] = {
    KN_SCHEMA("imageRef", KN_IS_STRING, .flags = KN_REQUIRED, .rule = &KN_TEXT_UUID),
    KN_SCHEMA("name", KN_IS_STRING, .limit = KN_LIMIT_SERVER_NAME, .rule = &KN_TEXT_NAME),
    KN_SCHEMA("adminPass", KN_IS_STRING, .limit = KN_LIMIT_ADMIN_PASS),
    KN_SCHEMA("metadata", KN_IS_MAP, .rule = &KN_TEXT_META_KEY, .inner = VALUE),
    KN_SCHEMA("preserve_ephemeral", KN_IS_BOOLEAN),
    KN_SCHEMA("OS-DCF:diskConfig", KN_IS_STRING, .words = DISK_CONFIGS),
    KN_SCHEMA("accessIPv4", KN_IS_STRING, .rule = &KN_TEXT_IPV4),
    KN_SCHEMA("accessIPv6", KN_IS_STRING, .rule = &KN_TEXT_IPV6),
    KN_SCHEMA("personality", KN_IS_LIST, .inner = kn_compute_personality_schema, .until = 56),
    KN_SCHEMA("description", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_SERVER_DESCRIPTION,
              .rule = &KN_TEXT_PRINTABLE, .since = 19),
    KN_SCHEMA("key_name", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_KEYPAIR_NAME,
              .rule = &KN_TEXT_PRINTABLE, .since = 54),
    KN_SCHEMA("user_data", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_USER_DATA, .rule = &KN_TEXT_BASE64,
              .since = 57),
    KN_SCHEMA("trusted_image_certificates", KN_IS_LIST, .flags = KN_NULLABLE, .limit = KN_LIMIT_TRUSTED_CERTIFICATES,
              .inner = CERTS, .since = 63),
    KN_SCHEMA("hostname", KN_IS_STRING, .limit = KN_LIMIT_SERVER_LABEL, .rule = &KN_TEXT_HOSTNAME, .since = 90,
              .until = 93),
    KN_SCHEMA("hostname", KN_IS_STRING, .limit = KN_LIMIT_SERVER_HOSTNAME, .rule = &KN_TEXT_FQDN, .since = 94),
    KN_SCHEMA_END,
};

struct rebuilding {
    struct kn_compute_server_rebuild rebuild;
    struct kn_compute_server_update update;
    char *metadata, *key_data, *image_properties, *files;
    struct kn_volume_root root; /* without an id: its root disk is none */
    bool overwrites; /* the volume that it is */
};

static void rebuilding_release(struct rebuilding *r)
{
    free(r->metadata);
    free(r->key_data);
    free(r->image_properties);
    free(r->files);
}

static int rebuild_refuse(const json_t *args, struct kn_error *err)
{
    if (kn_schema_bool(args, "preserve_ephemeral", false)) {
        return kn_fail(err, KN_BAD_REQUEST, "The current driver does not support preserving ephemeral partitions.");
    }
    return json_array_size(json_object_get(args, "trusted_image_certificates")) == 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Image signatures are not verified, so trusted certificates are not supported");
}

/* The kind of guests that it asks for, taken out: that says which hosts may have it, not what it is. */
static char *rebuild_take_kind(json_t *machine)
{
    char *kind = kn_strdup(kn_json_str(machine, "kind"));

    json_object_del(machine, "kind");
    return kind;
}

/* The host that has the server answers for the kind: images said it before servers knew it, and one that says nothing may be followed by one that says it. */
static bool rebuild_is_its_machine(json_t *wants, json_t *has, const char *hypervisor_type)
{
    AUTO_FREE char *kind = rebuild_take_kind(wants);
    AUTO_FREE char *had = rebuild_take_kind(has);
    const size_t parts = json_object_size(wants) + json_object_size(has);

    return (parts == 0 || json_equal(wants, has)) && (strcmp(kind, had) == 0 || kn_kind_is_of(kind, hypervisor_type));
}

/* A machine does not change under its guest: an image that asks for another one than the server has is for a new server. */
static int rebuild_check_machine(const struct kn_request *req, const char *server, const json_t *properties, bool is_cd,
                                 struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_compute_server_machine(req->db, server, &rows, err) < 0) {
        return -1;
    }
    json_auto_t *specs = json_loads(kn_rows_text(rows, 0, KN_SERVER_MACHINE_SPECS), 0, NULL);
    json_auto_t *has = kn_rows_null(rows, 0, KN_SERVER_MACHINE_TEXT)
                           ? NULL
                           : json_loads(kn_rows_text(rows, 0, KN_SERVER_MACHINE_TEXT), 0, NULL);
    const struct kn_compute_machine_asked asked = { properties, specs, kn_rows_int(rows, 0, KN_SERVER_MACHINE_VCPUS),
                                                    is_cd };
    struct kn_compute_machine machine;

    if (kn_compute_machine_plan(&asked, &machine, err) < 0) {
        return -1;
    }
    AUTO_FREE char *text = machine.text;
    json_auto_t *wants = text == NULL ? NULL : json_loads(text, 0, NULL);

    return is_cd == kn_rows_bool(rows, 0, KN_SERVER_MACHINE_IS_CD) &&
                   rebuild_is_its_machine(wants, has, kn_rows_text(rows, 0, KN_SERVER_MACHINE_HYPERVISOR))
               ? 0
               : kn_fail(
                     err, KN_BAD_REQUEST,
                     "The image's properties ask for another machine than the server has, and a rebuild keeps that: "
                     "make a new server of the image.");
}

static int rebuild_refuse_image(const char *image, const char *why, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Image %.64s is unacceptable: %s", image, why);
}

/* What a volume as the root disk allows. */
static int rebuild_check_volume(struct kn_request *req, const struct kn_rows *server, const char *image,
                                struct rebuilding *ret, struct kn_error *err)
{
    if (!kn_compute_server_boots_from_volume(server)) {
        return 0;
    }
    if (kn_volume_root_find(req->db, kn_rows_text(server, 0, KN_SERVER_ID), &ret->root, err) < 0) {
        return -1;
    }
    ret->overwrites = kn_compute_since(req, OVERWRITES_SINCE);
    if (!ret->overwrites && strcasecmp(ret->root.image, image) != 0) {
        return rebuild_refuse_image(image, "Unable to rebuild with a different image for a volume-backed server.", err);
    }
    return ret->overwrites && ret->root.is_shared
               ? rebuild_refuse_image(image, "other servers may have the volume that it would be written to.", err)
               : 0;
}

static int rebuild_check_image(struct kn_request *req, const struct kn_rows *server, const char *image,
                               struct rebuilding *ret, struct kn_error *err)
{
    json_t *properties = NULL;
    struct kn_image_facts facts;

    if (rebuild_check_volume(req, server, image, ret, err) < 0) {
        return -1;
    }
    const int rc = kn_compute_plan_image(req, image, "Cannot find image for rebuild",
                                         kn_rows_int(server, 0, KN_SERVER_MEMORY),
                                         ret->root.id[0] != '\0' ? ret->root.size_gib
                                                                 : kn_rows_int(server, 0, KN_SERVER_DISK),
                                         &facts, &properties, err);
    json_auto_t *owned = properties;

    ret->image_properties = kn_compute_image_properties(owned);
    return rc < 0 ? -1 : rebuild_check_machine(req, req->params[0], owned, strcmp(facts.disk_format, "iso") == 0, err);
}

/* Everything that the body names is there, and fits. */
static int rebuild_read(struct kn_request *req, const struct kn_rows *server, const json_t *args,
                        struct rebuilding *ret, struct kn_error *err)
{
    const char *key = json_string_value(json_object_get(args, "key_name"));
    const json_t *metadata = json_object_get(args, "metadata");

    if (rebuild_refuse(args, err) < 0 ||
        rebuild_check_image(req, server, kn_json_str(args, "imageRef"), ret, err) < 0 ||
        (metadata != NULL && kn_compute_plan_metadata(req, kn_rows_text(server, 0, KN_SERVER_PROJECT), metadata,
                                                      &ret->metadata, err) < 0) ||
        kn_compute_plan_files(req, kn_rows_text(server, 0, KN_SERVER_PROJECT), json_object_get(args, "personality"),
                              &ret->files, err) < 0 ||
        (key != NULL && kn_compute_plan_key(req, key, &ret->key_data, err) < 0)) {
        return -1;
    }
    ret->rebuild = (struct kn_compute_server_rebuild){
        .image_id = ret->root.id[0] != '\0' ? NULL : kn_json_str(args, "imageRef"),
        .image_properties = ret->image_properties,
        .files = ret->files,
        .metadata = ret->metadata,
        .has_key = json_object_get(args, "key_name") != NULL,
        .key_name = key,
        .key_data = ret->key_data,
        .has_user_data = json_object_get(args, "user_data") != NULL,
        .user_data = json_string_value(json_object_get(args, "user_data")),
    };
    ret->update = (struct kn_compute_server_update){
        .name = json_string_value(json_object_get(args, "name")),
        .hostname = json_string_value(json_object_get(args, "hostname")),
        .has_description = json_object_get(args, "description") != NULL,
        .description = json_string_value(json_object_get(args, "description")),
        .access_ipv4 = json_string_value(json_object_get(args, "accessIPv4")),
        .access_ipv6 = json_string_value(json_object_get(args, "accessIPv6")),
        .disk_config = json_string_value(json_object_get(args, "OS-DCF:diskConfig")),
    };
    return 0;
}

static int rebuild_begin_volume(const struct kn_request *req, const struct rebuilding *r, json_t *input,
                                struct kn_error *err)
{
    if (r->root.id[0] == '\0') {
        return 0;
    }
    json_object_set_new(input, "volume", json_string(r->root.id));
    return r->overwrites ? kn_volume_root_overwrite(req, r->root.id, input, err) : 0;
}

/* kn_compute_server_also. Older descriptions have nothing to say any more: the task itself tells all of it. */
static int rebuild_begin(const struct kn_request *req, const char *server, void *ctx, json_t *input,
                         struct kn_error *err)
{
    const struct rebuilding *r = ctx;

    return rebuild_begin_volume(req, r, input, err) < 0 ||
                   kn_compute_server_update(req->db, server, &r->update, err) < 0 ||
                   kn_compute_server_rebuilt(req->db, server, &r->rebuild, err) < 0 ||
                   (r->update.hostname != NULL && kn_network_server_renamed(req->db, server, err) < 0)
               ? -1
               : 0;
}

/* What a show has, or before 2.75 what PUT answers, and what only this answer has. */
static int rebuild_answer(struct kn_request *req, const json_t *args, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_rest_bound ALIVE[] = { { "s.deleted_at IS NULL", NULL }, { NULL, NULL } };
    const unsigned view = kn_compute_since(req, 75) ? KN_REST_SHOW : KN_REST_CHANGED;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *said = NULL;
    AUTO_FREE char *location = kn_asprintf("%s/v2.1/servers/%s", req->base_url, req->params[0]);
    char password[KN_PASSWORD_MADE];

    if (kn_rest_find(&kn_compute_server_noun, req, req->params[0], view, ALIVE, &rows, err) < 0 ||
        kn_compute_server_told(req->db, req->params[0], &said, err) < 0) {
        return -1;
    }
    kn_rest_write_one(&kn_compute_server_noun, req, view, rows, res);
    res->body.len -= strlen("}}"); /* it goes on */
    res->body.buf[res->body.len] = '\0';
    kn_compute_password_make(password);
    kn_jsonw_str(&res->body, "adminPass", kn_schema_text(args, "adminPass", password));
    if (kn_compute_since(req, 54) && !kn_compute_since(req, 75)) {
        kn_jsonw_str(&res->body, "key_name", kn_rows_str(said, 0, KN_SERVER_TOLD_KEY));
    }
    if (kn_compute_since(req, 57)) {
        kn_jsonw_str(&res->body, "user_data", kn_rows_str(said, 0, KN_SERVER_TOLD_USER_DATA));
    }
    if (kn_compute_since(req, 90) && view != KN_REST_SHOW) {
        kn_jsonw_str(&res->body, "OS-EXT-SRV-ATTR:hostname", kn_rows_str(said, 0, KN_SERVER_TOLD_HOSTNAME));
    }
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
    kn_response_header(res, "Location", location);
    return 0;
}

int kn_compute_server_rebuild(struct kn_request *req, const json_t *args, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;
    const struct kn_server_action *action = kn_server_action("rebuild");
    AUTO_RELEASE(rebuilding) struct rebuilding rebuilding = { .metadata = NULL };
    const struct kn_compute_server_also also = { rebuild_begin, &rebuilding, NULL, NULL };
    json_auto_t *input = json_pack("{s:s}", "image", kn_json_str(args, "imageRef"));

    if (kn_compute_server_get(req, req->params[0], &server, err) < 0 ||
        kn_compute_server_may(req, server, action, err) < 0 || rebuild_read(req, server, args, &rebuilding, err) < 0 ||
        kn_compute_server_act(req, req->params[0], action, input, &also, err) < 0) {
        return -1;
    }
    if (rebuilding.update.hostname != NULL) {
        kn_network_server_told(req);
    }
    return rebuild_answer(req, args, res, err);
}
