/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The action rescue: which image a server is started from, and where that disk stands: in front of the others, or, where the image says so (hw_rescue_device,
 * hw_rescue_bus), behind them, so that no device has another name than before. That alone will do for a server whose root disk is a volume, since 2.87. What becomes of it is a task's
 * (conductor/flows/power.c).
 */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/server.h"
#include "image/api.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define VOLUMES_SINCE 87

const struct kn_schema kn_compute_rescue_body[] = {
    KN_SCHEMA("adminPass", KN_IS_STRING, .limit = KN_LIMIT_ADMIN_PASS),
    KN_SCHEMA("rescue_image_ref", KN_IS_STRING, .rule = &KN_TEXT_UUID),
    KN_SCHEMA_END,
};

static int rescue_cannot(const char *server, const char *why, const char *value, struct kn_error *err)
{
    return kn_fail(err, KN_BAD_REQUEST, "Instance %s cannot be rescued: %s%.80s", server, why, value);
}

/* The bus of a disk that comes behind the others; "" is in front of them. */
static int rescue_bus(const char *server, const char *properties, const char **ret_bus, struct kn_error *err)
{
    static const char *const BUSES[] = { "virtio", "sata", "scsi", "usb" };
    json_auto_t *all = json_loads(properties != NULL ? properties : "{}", 0, NULL);
    const char *device = kn_json_str(all, "hw_rescue_device"), *bus = kn_json_str(all, "hw_rescue_bus");

    *ret_bus = device[0] != '\0' ? BUSES[0] : "";
    if (device[0] != '\0' && strcmp(device, "disk") != 0) {
        return rescue_cannot(server, "hw_rescue_device may be disk here, and is ", device, err);
    }
    for (size_t i = 0; i < KN_COUNT(BUSES) && bus[0] != '\0'; i++) {
        if (strcmp(bus, BUSES[i]) == 0) {
            *ret_bus = BUSES[i];
            return 0;
        }
    }
    return bus[0] == '\0'
               ? 0
               : rescue_cannot(server, "hw_rescue_bus may be virtio, sata, scsi or usb here, and is ", bus, err);
}

static int rescue_refuse_volume(const char *server, struct kn_error *err)
{
    return rescue_cannot(server, "Cannot rescue a volume-backed instance", "", err);
}

/* asked: by the client; else it is the server's own: "", a volume's. */
static int rescue_image(struct kn_request *req, const char *server, const char *image, bool asked, const char **ret_bus,
                        struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_image_facts facts = { .status = "" };
    struct kn_image_look look;

    if (image[0] == '\0') {
        return rescue_refuse_volume(server, err);
    }
    if (kn_image_usable(req->db, &req->caller, image, &facts, err) < 0 && err->code != KN_NOT_FOUND) {
        return -1;
    }
    if (strcmp(facts.status, "active") != 0 || facts.is_mapping) {
        return asked ? kn_fail(err, KN_BAD_REQUEST, "Requested rescue image '%s' is invalid", image)
                     : rescue_cannot(server, "Driver Error: no such image can be used: ", image, err);
    }
    if (kn_image_look_one(req->db, &req->caller, image, &rows, err) < 0) {
        return -1;
    }
    kn_image_look_at(rows, 0, &look);
    return rescue_bus(server, look.properties, ret_bus, err);
}

int kn_compute_server_rescue(struct kn_request *req, const json_t *args, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;
    const struct kn_server_action *action = kn_server_action("rescue");
    const char *asked = kn_schema_text(args, "rescue_image_ref", NULL), *image, *bus = "";
    json_auto_t *input = NULL;
    char password[KN_PASSWORD_MADE];

    if (kn_compute_server_get(req, req->params[0], &server, err) < 0 ||
        kn_compute_server_may(req, server, action, err) < 0) {
        return -1;
    }
    image = asked != NULL ? asked : kn_rows_text(server, 0, KN_SERVER_IMAGE);
    if (rescue_image(req, req->params[0], image, asked != NULL, &bus, err) < 0) {
        return -1;
    }
    if (kn_compute_server_boots_from_volume(server) && (bus[0] == '\0' || !kn_compute_since(req, VOLUMES_SINCE))) {
        return rescue_refuse_volume(req->params[0], err);
    }
    input = json_pack("{s:s}", "image", image);
    if (bus[0] != '\0') {
        json_object_set_new(input, "bus", json_string(bus));
    }
    if (kn_compute_server_act(req, req->params[0], action, input, NULL, err) < 0) {
        return -1;
    }
    kn_compute_password_make(password);
    res->status = 200;
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_str(&res->body, "adminPass", kn_schema_text(args, "adminPass", password));
    kn_jsonw_end_object(&res->body);
    return 0;
}
