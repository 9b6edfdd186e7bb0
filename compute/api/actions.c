/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POST /servers/{id}/action: one table of every action that Nova knows. What a row names is done; what it only names is refused
 * honestly (400: some clients take a 501 for success); what no row names does not exist (400).
 */
#include <string.h>
#include <strings.h>

#include "compute/api.h"
#include "compute/api/server_host.h"
#include "compute/rows/server.h"
#include "compute/rows/server_deferred.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"

struct action {
    const char *name;         /* the body's one key */
    enum kn_rule rule;        /* beside the route's */
    int (*run)(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
               struct kn_error *err); /* NULL: not supported */
    const char *state_action; /* lib/domain/server_state.h's name, for those that a task carries out */
    int since, until;
};

static const char *const REBOOT_TYPES[] = { "HARD", "Hard", "hard", "SOFT", "Soft", "soft", NULL };
static const char *const RESET_STATES[] = { "active", "error", NULL };
static const struct kn_schema REBOOT[] = {
    KN_SCHEMA("type", KN_IS_STRING, .flags = KN_REQUIRED, .words = REBOOT_TYPES),
    KN_SCHEMA_END,
};
static const struct kn_schema LOCK[] = { KN_SCHEMA("locked_reason", KN_IS_STRING, .limit = KN_LIMIT_LOCK_REASON),
                                         KN_SCHEMA_END };
static const struct kn_schema CONSOLE[] = {
    KN_SCHEMA("length", KN_IS_INTEGER, .flags = KN_NULLABLE, .limit = KN_LIMIT_CONSOLE_LINES),
    KN_SCHEMA_END,
};
static const struct kn_schema RESET[] = {
    KN_SCHEMA("state", KN_IS_STRING, .flags = KN_REQUIRED, .words = RESET_STATES),
    KN_SCHEMA_END,
};
static const struct kn_schema GROUP_NAME[] = { KN_SCHEMA("name", KN_IS_STRING, .limit = KN_LIMIT_SECURITY_GROUP),
                                               KN_SCHEMA_END };
static const struct kn_schema BODIES[] = {
    KN_SCHEMA("os-stop", KN_IS_ANY),
    KN_SCHEMA("os-start", KN_IS_ANY),
    KN_SCHEMA("reboot", KN_IS_OBJECT, .inner = REBOOT),
    KN_SCHEMA("pause", KN_IS_ANY),
    KN_SCHEMA("unpause", KN_IS_ANY),
    KN_SCHEMA("suspend", KN_IS_ANY),
    KN_SCHEMA("resume", KN_IS_ANY),
    KN_SCHEMA("lock", KN_IS_ANY, .until = 72),
    KN_SCHEMA("lock", KN_IS_OBJECT, .flags = KN_NULLABLE, .inner = LOCK, .since = 73),
    KN_SCHEMA("unlock", KN_IS_ANY),
    KN_SCHEMA("rescue", KN_IS_OBJECT, .flags = KN_NULLABLE, .inner = kn_compute_rescue_body),
    KN_SCHEMA("unrescue", KN_IS_ANY),
    KN_SCHEMA("rebuild", KN_IS_OBJECT, .inner = kn_compute_rebuild_body),
    KN_SCHEMA("shelve", KN_IS_ANY),
    KN_SCHEMA("shelveOffload", KN_IS_ANY),
    KN_SCHEMA("unshelve", KN_IS_ANY, .until = 76),
    KN_SCHEMA("unshelve", KN_IS_OBJECT, .flags = KN_NULLABLE, .inner = kn_compute_unshelve_zone, .since = 77,
              .until = 90),
    KN_SCHEMA("unshelve", KN_IS_OBJECT, .flags = KN_NULLABLE, .inner = kn_compute_unshelve_host, .since = 91),
    KN_SCHEMA("createImage", KN_IS_OBJECT, .inner = kn_compute_create_image_body),
    KN_SCHEMA("createBackup", KN_IS_OBJECT, .inner = kn_compute_create_backup_body),
    KN_SCHEMA("os-getConsoleOutput", KN_IS_OBJECT, .inner = CONSOLE),
    KN_SCHEMA("os-getVNCConsole", KN_IS_OBJECT, .inner = kn_compute_vnc_body),
    KN_SCHEMA("os-getSPICEConsole", KN_IS_OBJECT, .inner = kn_compute_spice_body),
    KN_SCHEMA("os-getSerialConsole", KN_IS_OBJECT, .inner = kn_compute_serial_body),
    KN_SCHEMA("os-resetState", KN_IS_OBJECT, .inner = RESET),
    KN_SCHEMA("forceDelete", KN_IS_ANY),
    KN_SCHEMA("trigger_crash_dump", KN_IS_NULL, .since = 17),
    KN_SCHEMA("changePassword", KN_IS_OBJECT, .inner = kn_compute_password_body),
    KN_SCHEMA("injectNetworkInfo", KN_IS_ANY),
    KN_SCHEMA("resetNetwork", KN_IS_ANY),
    KN_SCHEMA("restore", KN_IS_ANY),
    KN_SCHEMA("addFixedIp", KN_IS_OBJECT, .inner = kn_compute_fixed_body),
    KN_SCHEMA("removeFixedIp", KN_IS_OBJECT, .inner = kn_compute_address_body),
    KN_SCHEMA("addFloatingIp", KN_IS_OBJECT, .inner = kn_compute_floating_body),
    KN_SCHEMA("removeFloatingIp", KN_IS_OBJECT, .inner = kn_compute_address_body),
    KN_SCHEMA("addSecurityGroup", KN_IS_OBJECT, .flags = KN_OPEN, .inner = GROUP_NAME),
    KN_SCHEMA("removeSecurityGroup", KN_IS_OBJECT, .flags = KN_OPEN, .inner = GROUP_NAME),
    KN_SCHEMA_END,
};

static int run_task(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                    struct kn_error *err)
{
    (void)args;
    (void)res;
    return kn_compute_server_act(req, req->params[0], kn_server_action(action->state_action), NULL, NULL, err);
}

static int run_reboot(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                      struct kn_error *err)
{
    bool hard = strcasecmp(kn_json_str(args, "type"), "HARD") == 0;
    json_t *input = json_pack("{s:s}", "type", hard ? "HARD" : "SOFT");
    int result = kn_compute_server_act(req, req->params[0],
                                       kn_server_action(hard ? "reboot_hard" : action->state_action), input, NULL, err);

    (void)res;
    json_decref(input);
    return result;
}

static int run_lock(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                    struct kn_error *err)
{
    (void)action;
    (void)res;
    return kn_compute_server_lock(req, req->params[0], json_string_value(json_object_get(args, "locked_reason")), err);
}

static int run_delete(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                      struct kn_error *err)
{
    (void)action;
    (void)args;
    (void)res;
    return kn_compute_server_delete(req, req->params[0], true, err);
}

static int run_unlock(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                      struct kn_error *err)
{
    (void)action;
    (void)args;
    (void)res;
    return kn_compute_server_unlock(req, req->params[0], err);
}

static int run_reset(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                     struct kn_error *err)
{
    (void)action;
    (void)res;
    return kn_compute_server_reset_state(req, req->params[0], kn_json_str(args, "state"), err);
}

static int run_rescue(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                      struct kn_error *err)
{
    (void)action;
    return kn_compute_server_rescue(req, args, res, err);
}

static int run_create_image(struct kn_request *req, const struct action *action, const json_t *args,
                            struct kn_response *res, struct kn_error *err)
{
    (void)action;
    return kn_compute_server_create_image(req, args, res, err);
}

static int run_create_backup(struct kn_request *req, const struct action *action, const json_t *args,
                             struct kn_response *res, struct kn_error *err)
{
    (void)action;
    return kn_compute_server_create_backup(req, args, res, err);
}

static int run_shelve(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                      struct kn_error *err)
{
    (void)res;
    return strcmp(action->name, "shelve") == 0 ? kn_compute_server_shelve(req, err)
                                               : kn_compute_server_unshelve(req, args, err);
}

static int run_rebuild(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                       struct kn_error *err)
{
    (void)action;
    return kn_compute_server_rebuild(req, args, res, err);
}

static int run_address(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                       struct kn_error *err)
{
    const enum kn_compute_address_action what = action->rule == KN_NOVA_SERVER_FLOATING_ADD      ? KN_FLOATING_GIVEN
                                                : action->rule == KN_NOVA_SERVER_FLOATING_REMOVE ? KN_FLOATING_TAKEN
                                                : action->rule == KN_NOVA_SERVER_FIXED_ADD       ? KN_FIXED_ADDED
                                                                                                 : KN_FIXED_DROPPED;

    (void)res;
    return kn_compute_server_address(req, what, args, err);
}

static int run_group(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                     struct kn_error *err)
{
    (void)res;
    return kn_compute_server_security_group(req, args, action->rule == KN_NOVA_SERVER_GROUP_ADD, err);
}

static int not_ready(const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_CONFLICT, "Instance %s is not ready", id);
}

/* What the agent says of a refusal is in its log, under this request's id. */
static int show_console(struct kn_request *req, const struct kn_message *answer, struct kn_response *res,
                        struct kn_error *err)
{
    const enum kn_code code = answer->error.code;

    if (!answer->ok) {
        return code == KN_NOT_FOUND || code == KN_STALE
                   ? not_ready(req->params[0], err) /* it is not there yet, or not there any more */
                   : kn_fail(err, KN_UNAVAILABLE, "The console log of instance %s cannot be read now", req->params[0]);
    }
    res->status = 200;
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_str(&res->body, "output", kn_json_str(answer->result, "output"));
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* It changes nothing and is no task: the host is asked, and the answer comes without this thread. */
static int run_console(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                       struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const int64_t lines = kn_schema_int(args, "length", -1);
    json_t *more = NULL;
    bool asked = false;

    (void)action;
    (void)res;
    if (kn_compute_server_get(req, req->params[0], &rows, err) < 0) {
        return -1;
    }
    more = lines >= 0 ? json_pack("{s:I}", "lines", (json_int_t)lines) : NULL;
    if (kn_compute_server_ask_host(req, req->params[0], "server.console_log", more, show_console, &asked, err) < 0) {
        return -1;
    }
    return asked ? 0 : not_ready(kn_rows_text(rows, 0, KN_SERVER_ID), err);
}

static int run_remote_console(struct kn_request *req, const struct action *action, const json_t *args,
                              struct kn_response *res, struct kn_error *err)
{
    res->status = 200;
    return kn_compute_server_console(req, action->name, args, err);
}

static int run_password(struct kn_request *req, const struct action *action, const json_t *args,
                        struct kn_response *res, struct kn_error *err)
{
    (void)action;
    (void)res;
    return kn_compute_server_set_password(req, args, err);
}

/* Guests ask for what they are to know of their networks, and are told what is so: nothing is put into them, as by Nova's libvirt driver. */
static int run_inject(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                      struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    (void)args;
    (void)res;
    return kn_compute_server_get(req, req->params[0], &rows, err) < 0 ||
                   kn_compute_server_may(req, rows, kn_server_action(action->state_action), err) < 0
               ? -1
               : kn_compute_server_record(req, rows, "server.injectNetworkInfo", err);
}

static int run_gone(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                    struct kn_error *err)
{
    (void)action;
    (void)args;
    return kn_compute_gone(req, res, err);
}

static int run_restore(struct kn_request *req, const struct action *action, const json_t *args, struct kn_response *res,
                       struct kn_error *err)
{
    (void)action;
    (void)args;
    (void)res;
    return kn_compute_server_restore(req, req->params[0], err);
}

static const struct action ACTIONS[] = {
    { "os-stop", KN_NOVA_SERVER_STOP, run_task, "stop", 0, 0 },
    { "os-start", KN_NOVA_SERVER_START, run_task, "start", 0, 0 },
    { "reboot", KN_NOVA_SERVER_REBOOT, run_reboot, "reboot", 0, 0 },
    { "pause", KN_NOVA_SERVER_PAUSE, run_task, "pause", 0, 0 },
    { "unpause", KN_NOVA_SERVER_UNPAUSE, run_task, "unpause", 0, 0 },
    { "suspend", KN_NOVA_SERVER_SUSPEND, run_task, "suspend", 0, 0 },
    { "resume", KN_NOVA_SERVER_RESUME, run_task, "resume", 0, 0 },
    { "rescue", KN_NOVA_SERVER_RESCUE, run_rescue, "rescue", 0, 0 },
    { "unrescue", KN_NOVA_SERVER_UNRESCUE, run_task, "unrescue", 0, 0 },
    { "shelve", KN_NOVA_SERVER_SHELVE, run_shelve, "shelve", 0, 0 },
    { "shelveOffload", KN_NOVA_SERVER_SHELVE_OFFLOAD, run_task, "shelveOffload", 0, 0 },
    { "unshelve", KN_NOVA_SERVER_UNSHELVE, run_shelve, "unshelve", 0, 0 },
    { "createBackup", KN_NOVA_SERVER_CREATE_BACKUP, run_create_backup, "createBackup", 0, 0 },
    { "rebuild", KN_NOVA_SERVER_REBUILD, run_rebuild, "rebuild", 0, 0 },
    { "createImage", KN_NOVA_SERVER_CREATE_IMAGE, run_create_image, "createImage", 0, 0 },
    { "lock", KN_NOVA_SERVER_LOCK, run_lock, NULL, 0, 0 },
    { "unlock", KN_NOVA_SERVER_UNLOCK, run_unlock, NULL, 0, 0 },
    { "os-getConsoleOutput", KN_NOVA_SERVER_CONSOLE, run_console, NULL, 0, 0 },
    { "os-getVNCConsole", KN_NOVA_SERVER_REMOTE_CONSOLES, run_remote_console, NULL, 0, 5 },
    { "os-getSPICEConsole", KN_NOVA_SERVER_REMOTE_CONSOLES, run_remote_console, NULL, 0, 5 },
    { "os-getSerialConsole", KN_NOVA_SERVER_REMOTE_CONSOLES, run_remote_console, NULL, 0, 5 },
    { "os-resetState", KN_NOVA_SERVER_RESET, run_reset, NULL, 0, 0 },
    { "forceDelete", KN_NOVA_SERVER_FORCE_DELETE, run_delete, NULL, 0, 0 },
    { "addSecurityGroup", KN_NOVA_SERVER_GROUP_ADD, run_group, NULL, 0, 0 },
    { "removeSecurityGroup", KN_NOVA_SERVER_GROUP_REMOVE, run_group, NULL, 0, 0 },
    { "addFixedIp", KN_NOVA_SERVER_FIXED_ADD, run_address, NULL, 0, 43 },
    { "removeFixedIp", KN_NOVA_SERVER_FIXED_REMOVE, run_address, NULL, 0, 43 },
    { "addFloatingIp", KN_NOVA_SERVER_FLOATING_ADD, run_address, NULL, 0, 43 },
    { "removeFloatingIp", KN_NOVA_SERVER_FLOATING_REMOVE, run_address, NULL, 0, 43 },
    { "trigger_crash_dump", KN_NOVA_SERVER_CRASH_DUMP, run_task, "trigger_crash_dump", 17, 0 },
    { "changePassword", KN_NOVA_SERVER_CHANGE_PASSWORD, run_password, NULL, 0, 0 },
    { "injectNetworkInfo", KN_NOVA_SERVER_INJECT_NETWORK, run_inject, "injectNetworkInfo", 0, 0 },
    { "resetNetwork", KN_NOVA_SERVER_ACTION, run_gone, NULL, 0, 0 },
    { "restore", KN_NOVA_SERVER_RESTORE, run_restore, NULL, 0, 0 },
    /* known, not done */
    { "resize", KN_NOVA_SERVER_ACTION, NULL, NULL, 0, 0 },
    { "confirmResize", KN_NOVA_SERVER_ACTION, NULL, NULL, 0, 0 },
    { "revertResize", KN_NOVA_SERVER_ACTION, NULL, NULL, 0, 0 },
    { "evacuate", KN_NOVA_SERVER_ACTION, NULL, NULL, 0, 0 },
    { "migrate", KN_NOVA_SERVER_ACTION, NULL, NULL, 0, 0 },
    { "os-migrateLive", KN_NOVA_SERVER_ACTION, NULL, NULL, 0, 0 },
};

static const struct action *find_action(const struct kn_request *req, const char *name)
{
    for (size_t i = 0; i < KN_COUNT(ACTIONS); i++) {
        const struct action *a = &ACTIONS[i];

        if (strcmp(a->name, name) == 0 && (a->since == 0 || req->microversion >= a->since) &&
            (a->until == 0 || req->microversion <= a->until)) {
            return a;
        }
    }
    return NULL;
}

int kn_compute_servers_action(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *name = json_object_iter_key(json_object_iter(req->body));
    const struct action *action = NULL;

    if (json_object_size(req->body) != 1) {
        return kn_fail(err, KN_BAD_REQUEST, "Malformed request body: it must name exactly one action");
    }
    action = find_action(req, name);
    if (action == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "There is no such action: %.60s", name);
    }
    if (action->run == NULL) {
        AUTO(kn_rows) struct kn_rows *rows = NULL;

        return kn_compute_server_get(req, req->params[0], &rows, err) < 0
                   ? -1
                   : kn_fail(err, KN_BAD_REQUEST, "The action %s is not supported", name);
    }
    if (kn_schema_check(BODIES, req->body, req->microversion, err) < 0) {
        return -1;
    }
    /* Whose server it is, sees whoever finds it. */
    if (kn_policy_admit(action->rule, &req->caller, NULL) != KN_ALLOW) {
        return kn_policy_refuse(action->rule, err);
    }
    return action->run(req, action, json_object_get(req->body, name), res, err);
}
