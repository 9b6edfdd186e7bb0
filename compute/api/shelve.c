/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The actions shelve and unshelve. A shelved server is kept in an image of its own, whose row is written with the task; where compute.shelved_offload_time is 0, the
 * task that takes it from its host stands right behind the one that shelves it; after so many seconds the conductor wishes it (conductor/store/due.c). One whose root disk is a volume is
 * kept in that, and leaves its host at once, as in Nova. shelveOffload is a plain task (actions.c).
 */
#include <stdio.h>
#include <string.h>

#include "compute/api.h"
#include "compute/rows/hypervisor.h"
#include "compute/rows/server.h"
#include "image/api.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/rest/manners.h"

const struct kn_schema kn_compute_unshelve_zone[] = {
    KN_SCHEMA("availability_zone", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_ZONE, .rule = &KN_TEXT_NAME),
    KN_SCHEMA_END,
};
const struct kn_schema kn_compute_unshelve_host[] = {
    KN_SCHEMA("availability_zone", KN_IS_STRING, .flags = KN_NULLABLE), /* one that is there, as the host */
    KN_SCHEMA("host", KN_IS_STRING),
    KN_SCHEMA_END,
};
/* --- shelve ------------------------------------------------------------------------------------------------------------------ */

/* kn_compute_server_also */
static int shelving_begin(const struct kn_request *req, const char *server, void *ctx, json_t *input,
                          struct kn_error *err)
{
    const struct kn_image_snapshot *wish = ctx;
    char id[KN_UUID_SIZE];
    bool quiesce;

    if (wish->base[0] == '\0') {
        return 0; /* it is a volume's data, which stay where they are */
    }
    if (kn_image_snapshot_begin(req, wish, id, &quiesce, err) < 0 ||
        kn_compute_server_shelved(req->db, server, id, err) < 0) {
        return -1;
    }
    json_object_set_new(input, "image", json_string(id)); /* a guest that is off needs nobody to quiesce it */
    return 0;
}

int kn_compute_server_shelve(struct kn_request *req, struct kn_error *err)
{
    const struct kn_server_action *action = kn_server_action("shelve");
    bool offloads = req->conf->compute_shelved_offload_time == 0;
    AUTO(kn_rows) struct kn_rows *server = NULL;
    json_auto_t *input = json_object();
    char name[KN_SIZE_OF(SERVER_NAME) + sizeof("-shelved")];

    if (kn_compute_server_get(req, req->params[0], &server, err) < 0 ||
        kn_compute_server_may(req, server, action, err) < 0) {
        return -1;
    }
    snprintf(name, sizeof(name), "%s-shelved", kn_rows_text(server, 0, KN_SERVER_NAME));
    offloads = offloads || kn_compute_server_boots_from_volume(server);
    struct kn_image_snapshot wish = { .name = name,
                                      .server = kn_rows_text(server, 0, KN_SERVER_ID),
                                      .project = kn_rows_text(server, 0, KN_SERVER_PROJECT),
                                      .base = kn_rows_text(server, 0, KN_SERVER_IMAGE),
                                      .type = "snapshot",
                                      .root_gib = kn_rows_int(server, 0, KN_SERVER_DISK) };
    const struct kn_compute_server_also also = { shelving_begin, &wish, NULL,
                                                 offloads ? "server.shelveOffload" : NULL };

    if (offloads) {
        json_object_set_new(input, "offloads", json_true());
    }
    return kn_compute_server_act(req, req->params[0], action, input, &also, err);
}

/* --- unshelve ---------------------------------------------------------------------------------------------------------------- */

static int unshelving_begin(const struct kn_request *req, const char *server, void *ctx, json_t *input,
                            struct kn_error *err)
{
    const json_t *zone = json_object_get(*(const json_t *const *)ctx, "availability_zone");

    (void)input;
    return zone == NULL ? 0 : kn_compute_server_pin(req->db, server, json_string_value(zone), err);
}

static int unshelve_refuse_where(const char *id, const char *vm_state, const char *what, struct kn_error *err)
{
    return kn_fail(err, KN_CONFLICT,
                   "Specifying %s when unshelving server \"%s\" with status \"%s\" is not supported. The server status "
                   "must be SHELVED_OFFLOADED.",
                   what, id, kn_server_status(vm_state, NULL));
}

/* Where it may come back: what is asked for now, else what it was pinned to. */
static int unshelve_where(const struct kn_request *req, const struct kn_rows *server, const json_t *args, json_t *input,
                          struct kn_error *err)
{
    const json_t *asked = json_object_get(args, "availability_zone");
    const char *host = json_string_value(json_object_get(args, "host"));
    const char *zone = asked != NULL ? json_string_value(asked) : kn_rows_str(server, 0, KN_SERVER_PINNED_ZONE);
    const char *vm_state = kn_rows_text(server, 0, KN_SERVER_VM_STATE);

    if (strcmp(vm_state, "shelved_offloaded") != 0) {
        return asked == NULL && host == NULL
                   ? 0
                   : unshelve_refuse_where(kn_rows_text(server, 0, KN_SERVER_ID), vm_state,
                                           asked != NULL ? "an availability zone" : "a destination host", err);
    }
    json_object_set_new(input, "offloaded", json_true());
    if (host != NULL && (kn_policy_check(KN_NOVA_SERVER_UNSHELVE_HOST, &req->caller, NULL, err) < 0 ||
                         kn_compute_host_check(req->db, host, err) < 0)) {
        return -1;
    }
    if (asked != NULL && zone != NULL && kn_compute_zone_check(req->db, zone, err) < 0) {
        return -1;
    }
    if (host != NULL) {
        json_object_set_new(input, "host", json_string(host));
    }
    if (zone != NULL) {
        json_object_set_new(input, "zone", json_string(zone));
    }
    return 0;
}

int kn_compute_server_unshelve(struct kn_request *req, const json_t *args, struct kn_error *err)
{
    const struct kn_server_action *action = kn_server_action("unshelve");
    AUTO(kn_rows) struct kn_rows *server = NULL;
    const json_t *where = kn_compute_since(req, 77) ? args : NULL;
    const struct kn_compute_server_also also = { unshelving_begin, &where, NULL, NULL };
    json_auto_t *input = json_object();

    if (kn_compute_server_get(req, req->params[0], &server, err) < 0 ||
        kn_compute_server_may(req, server, action, err) < 0) {
        return -1;
    }
    if (!kn_rows_null(server, 0, KN_SERVER_SHELVED_IMAGE)) {
        json_object_set_new(input, "image", json_string(kn_rows_text(server, 0, KN_SERVER_SHELVED_IMAGE)));
    }
    return unshelve_where(req, server, where, input, err) < 0
               ? -1
               : kn_compute_server_act(req, req->params[0], action, input, &also, err);
}
