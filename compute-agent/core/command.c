/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command: what the agent can be told, as a table. Between the bus and the drivers: it picks the lane that keeps a server's
 * commands in order, asks generation.c and order.h whether the command may still act, calls the driver and answers. It must never
 * touch a guest by itself.
 */
#include <inttypes.h>
#include <string.h>

#include "compute-agent/core/agent.h"
#include "compute-agent/core/command.h"
#include "compute-agent/core/console.h"
#include "compute-agent/core/generation.h"
#include "compute-agent/core/keys.h"
#include "compute-agent/core/guest_dir.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/server_state.h"

enum command_scope {
    ABOUT_AGENT,
    ABOUT_HOST,  /* names one that this agent carries */
    ABOUT_GUEST, /* then `intent` is ruled on before `run`, and the command must not be older than the one obeyed last */
    READS_GUEST, /* ruled on as well, but no order is kept: whenever it comes it does no harm, and nothing is remembered of it */
};

struct command_command {
    const char *type;
    const char *lane; /* body field: commands with the same value run in order */
    enum command_scope scope;
    enum kn_agent_intent intent; /* of ABOUT_GUEST and READS_GUEST */
    kn_agent_call_fn *run;
};

static int command_spawn(struct kn_agent_call *c, struct kn_error *err)
{
    const struct kn_agent_driver *driver = c->agent->driver;
    int power_state = 0;

    /* What an older decision left here, a half destroyed guest included, is in the way of the newer one. */
    if (c->known.generation > 0 && c->known.generation < c->ref.generation) {
        struct kn_agent_guest_ref old = { c->ref.host, c->ref.server, c->known.generation };
        if (driver->destroy(c->agent->driver_state, &old, err) < 0) {
            return -1;
        }
    }
    if (driver->ensure_running(c->agent->driver_state, &c->ref, json_object_get(c->body, "spec"), c->work, &power_state,
                               err) < 0) {
        return -1;
    }
    c->result = json_pack("{s:i}", "power_state", power_state);
    return 0;
}

static int command_destroy(struct kn_agent_call *c, struct kn_error *err)
{
    kn_agent_consoles_end(c->agent->consoles, c->ref.server);
    return c->agent->driver->destroy(c->agent->driver_state, &c->ref, err);
}

static int power(struct kn_agent_call *c, struct kn_error *err)
{
    int power_state = 0;

    if (c->agent->driver->power(c->agent->driver_state, &c->ref, kn_json_str(c->body, "action"),
                                json_object_get(c->body, "spec"), &power_state, err) < 0) {
        return -1;
    }
    if (power_state != KN_POWER_RUNNING && power_state != KN_POWER_PAUSED) {
        kn_agent_consoles_end(c->agent->consoles, c->ref.server);
    }
    c->result = json_pack("{s:i}", "power_state", power_state);
    return 0;
}

static int command_snapshot(struct kn_agent_call *c, struct kn_error *err)
{
    return c->agent->driver->snapshot(c->agent->driver_state, &c->ref, kn_json_bool(c->body, "quiesce"), c->work,
                                      &c->result, err);
}

static int command_upload(struct kn_agent_call *c, struct kn_error *err)
{
    return c->agent->driver->upload(c->agent->driver_state, &c->ref, c->body, c->work, err);
}

static int command_drop_snapshot(struct kn_agent_call *c, struct kn_error *err)
{
    return c->agent->driver->drop_snapshot(c->agent->driver_state, &c->ref, err);
}

static int attach_interface(struct kn_agent_call *c, struct kn_error *err)
{
    return c->agent->driver->attach_nic(c->agent->driver_state, &c->ref, json_object_get(c->body, "nic"), err);
}

static int detach_interface(struct kn_agent_call *c, struct kn_error *err)
{
    return c->agent->driver->detach_nic(c->agent->driver_state, &c->ref, kn_json_str(c->body, "port"),
                                        kn_json_bool(c->body, "force"), err);
}

static int console_log(struct kn_agent_call *c, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf raw = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    const json_t *lines = json_object_get(c->body, "lines");

    if (c->agent->driver->console_log(c->agent->driver_state, &c->ref, KN_CONSOLE_MAX, &raw, err) < 0) {
        return -1;
    }
    kn_agent_console_tail(raw.buf, raw.len, lines != NULL ? json_integer_value(lines) : -1, &text);
    c->result = json_pack("{s:o}", "output", json_stringn(text.buf, text.len));
    return 0;
}

/* With an address it is opened: said twice, it is open once. */
static int command_console(struct kn_agent_call *c, struct kn_error *err)
{
    const char *type = kn_json_str(c->body, "type"), *secret = kn_json_str(c->body, "secret");
    const bool opens = json_object_get(c->body, "address") != NULL && secret[0] != '\0';
    bool is_open = false;
    int fd = -1;

    if (!opens) {
        return c->agent->driver->console(c->agent->driver_state, &c->ref, type, NULL, err);
    }
    if (kn_agent_consoles_reserve(c->agent->consoles, c->ref.server, type, secret, &is_open, err) < 0) {
        return -1;
    }
    if (is_open) {
        return 0;
    }
    if (c->agent->driver->console(c->agent->driver_state, &c->ref, type, &fd, err) < 0) {
        kn_agent_consoles_drop(c->agent->consoles, secret);
        return -1;
    }
    return kn_agent_consoles_begin(c->agent->consoles, secret, kn_json_str(c->body, "address"), fd, err);
}

/* The rules looked at it already. */
static int command_look(struct kn_agent_call *c, struct kn_error *err)
{
    (void)err;
    c->result = json_pack("{s:i}", "power_state", c->known.power_state);
    return 0;
}

/* Simulated guests have no users, and any password. */
static int command_set_password(struct kn_agent_call *c, struct kn_error *err)
{
    const struct kn_agent_driver *driver = c->agent->driver;

    if (driver->set_password == NULL) {
        return c->known.power_state == KN_POWER_RUNNING
                   ? 0
                   : kn_fail(err, KN_CONFLICT, "server \"%s\" does not run", c->ref.server);
    }
    return driver->set_password(c->agent->driver_state, &c->ref, kn_json_str(c->body, "user"),
                                kn_json_str(c->body, "password"), err);
}

static int command_diagnose(struct kn_agent_call *c, struct kn_error *err)
{
    return c->agent->driver->diagnose(c->agent->driver_state, &c->ref, &c->result, err);
}

static int password(struct kn_agent_call *c, struct kn_error *err)
{
    const struct kn_agent_driver *driver = c->agent->driver;

    (void)err;
    c->result = driver->password != NULL ? driver->password(c->agent->driver_state, &c->ref) : NULL;
    c->result = c->result != NULL ? c->result : json_object();
    json_object_set_new(c->result, "host", json_string(c->ref.host));
    return 0;
}

static int forget_password(struct kn_agent_call *c, struct kn_error *err)
{
    const struct kn_agent_driver *driver = c->agent->driver;

    return driver->forget_password == NULL
               ? 0
               : driver->forget_password(c->agent->driver_state, &c->ref, kn_json_str(c->body, "posted"), err);
}

static int command_describe(struct kn_agent_call *c, struct kn_error *err)
{
    const struct kn_agent_driver *driver = c->agent->driver;

    return driver->describe == NULL ? 0
                                    : driver->describe(c->agent->driver_state, &c->ref,
                                                       json_object_get(c->body, "description"), c->order.task, err);
}

static int observe(struct kn_agent_call *c, struct kn_error *err)
{
    if (c->agent->driver->observe(c->agent->driver_state, c->ref.host, &c->result, err) < 0) {
        return -1;
    }
    json_object_set_new(c->result, "audit", json_string(kn_json_str(c->body, "audit")));
    json_object_set_new(c->result, "host", json_string(c->ref.host));
    return 0;
}

static int command_trace(struct kn_agent_call *c, struct kn_error *err)
{
    const struct kn_agent_driver *driver = c->agent->driver;

    return driver->trace == NULL
               ? kn_fail(err, KN_CONFLICT, "host \"%s\" is simulated: no packet ever passes it", c->ref.host)
               : driver->trace(c->agent->driver_state, json_object_get(c->body, "pieces"), &c->result, err);
}

/* Whoever has no images has all that he will ever need. */
static int command_cache(struct kn_agent_call *c, struct kn_error *err)
{
    const struct kn_agent_driver *driver = c->agent->driver;

    return driver->cache_image == NULL
               ? 0
               : driver->cache_image(c->agent->driver_state, json_object_get(c->body, "base"), c->work, err);
}

static int introduce(struct kn_agent_call *c, struct kn_error *err)
{
    (void)err;
    kn_agent_count_from(c->agent, kn_json_int(c->body, "after"));
    kn_agent_hello(c->agent);
    return 0;
}

static const struct command_command COMMANDS[] = {
    { "server.spawn", "server", ABOUT_GUEST, KN_INTENT_SPAWN, command_spawn },
    { "server.destroy", "server", ABOUT_GUEST, KN_INTENT_DESTROY, command_destroy },
    { "server.power", "server", ABOUT_GUEST, KN_INTENT_USE, power },
    { "server.snapshot", "server", ABOUT_GUEST, KN_INTENT_USE, command_snapshot },
    { "server.upload", "server", ABOUT_GUEST, KN_INTENT_USE, command_upload },
    { "server.drop_snapshot", "server", ABOUT_GUEST, KN_INTENT_RELEASE, command_drop_snapshot },
    { "server.attach_volume", "server", ABOUT_GUEST, KN_INTENT_USE, kn_agent_command_attach_volume },
    { "server.detach_volume", "server", ABOUT_GUEST, KN_INTENT_RELEASE, kn_agent_command_detach_volume },
    { "server.swap_volume", "server", ABOUT_GUEST, KN_INTENT_USE, kn_agent_command_swap_volume },
    { "server.copy_volume", "server", ABOUT_GUEST, KN_INTENT_USE, kn_agent_command_copy_volume },
    { "server.drop_copy", "server", ABOUT_GUEST, KN_INTENT_RELEASE, kn_agent_command_drop_copy },
    { "server.resize_volume", "server", ABOUT_GUEST, KN_INTENT_USE, kn_agent_command_resize_volume },
    { "server.attach_interface", "server", ABOUT_GUEST, KN_INTENT_USE, attach_interface },
    { "server.detach_interface", "server", ABOUT_GUEST, KN_INTENT_RELEASE, detach_interface },
    { "server.console_log", "server", READS_GUEST, KN_INTENT_USE, console_log },
    { "server.console", "server", READS_GUEST, KN_INTENT_USE, command_console }, /* the secret names it, once */
    { "server.look", "server", READS_GUEST, KN_INTENT_USE, command_look },
    { "server.set_password", "server", READS_GUEST, KN_INTENT_USE, command_set_password }, /* twice is once */
    { "server.diagnose", "server", READS_GUEST, KN_INTENT_USE, command_diagnose },
    { "server.password", "server", READS_GUEST, KN_INTENT_USE, password },
    { "server.forget_password", "server", READS_GUEST, KN_INTENT_USE, forget_password }, /* names what it drops */
    { "server.describe", "server", READS_GUEST, KN_INTENT_USE, command_describe }, /* ordered by what it describes */
    { "image.cache", "image", ABOUT_HOST, KN_INTENT_USE, command_cache },
    { "agent.introduce", "agent", ABOUT_AGENT, KN_INTENT_USE, introduce },
    { "host.observe", "host", ABOUT_HOST, KN_INTENT_USE, observe },
    { "net.trace", "host", ABOUT_HOST, KN_INTENT_USE, command_trace },
};

static const struct command_command *command_find(const char *type)
{
    for (size_t i = 0; i < KN_COUNT(COMMANDS); i++) {
        if (strcmp(COMMANDS[i].type, type) == 0) {
            return &COMMANDS[i];
        }
    }
    return NULL;
}

/* Whether the driver should act at all: 0 with *ret_act, or the refusal. */
static int rule(struct kn_agent_call *call, const struct command_command *command, bool *ret_act, struct kn_error *err)
{
    enum kn_agent_intent intent = command->intent;
    enum kn_agent_ruling ruling;

    *ret_act = true;
    if (command->scope != ABOUT_GUEST && command->scope != READS_GUEST) {
        return 0;
    }
    /* A start that brings its spec may define the guest anew. */
    if (intent == KN_INTENT_USE && json_object_get(call->body, "spec") != NULL) {
        intent = KN_INTENT_SPAWN;
    }
    if (call->agent->driver->look(call->agent->driver_state, &call->ref, &call->known, err) < 0) {
        return -1;
    }
    ruling = kn_agent_generation_rule(&call->known, intent, call->ref.generation);
    *ret_act = ruling == KN_RULING_ACT;
    if (kn_agent_generation_refuse(ruling, &call->known, &call->ref, err) < 0) {
        return -1;
    }
    return command->scope == READS_GUEST
               ? 0
               : call->agent->driver->obey(call->agent->driver_state, &call->ref, &call->order, err);
}

/*
 * The newest command of a server, said again, is answered again and not done again: a second reboot is no ensure, and a guest that went its own way since is
 * left to it. A kill between act and answer lets it act once more.
 */
static int command_run_once(struct kn_agent_call *call, const struct command_command *command, struct kn_error *err)
{
    const struct kn_agent_driver *driver = call->agent->driver;
    struct kn_error why = { 0 };

    if (command->scope != ABOUT_GUEST) {
        return command->run(call, err);
    }
    call->result = driver->answer(call->agent->driver_state, &call->ref, &call->order, call->part);
    if (call->result != NULL) {
        return 0;
    }
    if (command->run(call, err) < 0) {
        return -1;
    }
    call->result = call->result != NULL ? call->result : json_object();
    if (driver->done(call->agent->driver_state, &call->ref, &call->order, call->part, call->result, &why) < 0) {
        kn_log_error("remembering an answer", &why); /* it was done all the same */
    }
    return 0;
}

static int command_run(struct kn_agent_call *call, const struct command_command *command, struct kn_error *err)
{
    bool act = false;

    if (command == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "not a command for an agent");
    }
    if (command->scope != ABOUT_AGENT && !call->agent->driver->carries(call->agent->driver_state, call->ref.host)) {
        return kn_fail(err, KN_NOT_FOUND, "agent \"%s\" does not carry host \"%s\"", call->agent->id, call->ref.host);
    }
    if (rule(call, command, &act, err) < 0) {
        return -1;
    }
    return act ? command_run_once(call, command, err) : 0;
}

/* Another host may do what this one cannot, unless the command itself is wrong, too late or not wanted any more. */
static bool could_elsewhere(const struct kn_message *m, enum kn_code code)
{
    return strcmp(m->type->name, "server.spawn") == 0 && code != KN_STALE && code != KN_BAD_REQUEST &&
           code != KN_CANCELLED;
}

static void free_message(struct kn_message *m)
{
    kn_message_release(m);
    free(m);
}

static bool is_destroy(const struct kn_message *m)
{
    return strcmp(m->type->name, "server.destroy") == 0;
}

static enum kn_work_outcome command_obey(struct kn_agent *agent, const struct kn_message *m, struct kn_work *work,
                                         struct kn_work_answer *ret)
{
    struct kn_agent_call call = { .agent = agent,
                                  .body = m->body,
                                  .work = work,
                                  .ref = { kn_json_str(m->body, "host"), kn_json_str(m->body, "server"),
                                           m->generation },
                                  .order = { m->task, m->attempt },
                                  .part = m->part };
    const int done = kn_work_check(work, &ret->err) < 0 || kn_message_fits(m, &ret->err) < 0
                         ? -1
                         : command_run(&call, command_find(m->type->name), &ret->err);

    if (is_destroy(m) && agent->driver->give_way != NULL) {
        agent->driver->give_way(agent->driver_state, call.ref.server, 0);
    }
    if (done == 0) {
        ret->result = call.result;
        return KN_WORK_DONE;
    }
    json_decref(call.result);
    if (ret->err.code == KN_UNAVAILABLE && atomic_load(&agent->daemon.stopping)) {
        return KN_WORK_LATER; /* it is asked for again at the next hello */
    }
    ret->elsewhere = could_elsewhere(m, ret->err.code);
    return KN_WORK_FAILED;
}

int kn_agent_obey(void *ctx, struct kn_work *work, struct kn_work_answer *ret)
{
    return (int)command_obey(ctx, kn_work_command(work), work, ret);
}

static void command_refuse(struct kn_agent *agent, const struct kn_message *m, const struct kn_error *why)
{
    kn_log_error(m->type->name, why);
    if (m->type->result != NULL) {
        kn_reply_failed(&agent->daemon, m, why, could_elsewhere(m, why->code));
    }
}

/* Without lanes: done and answered where it was read. */
static void obey_here(struct kn_agent *agent, const struct kn_message *m)
{
    struct kn_work_answer answer = { 0 };

    kn_log_request(m->request_id);
    if (command_obey(agent, m, NULL, &answer) != KN_WORK_DONE) {
        command_refuse(agent, m, &answer.err);
    } else if (m->type->result != NULL) {
        kn_reply_done(&agent->daemon, m, answer.result);
    }
    kn_log_request(NULL);
    json_decref(answer.result);
}

/* What a destroy makes needless: older commands that change the same server. */
static bool command_is_doomed(const struct kn_message *m, const void *what)
{
    const struct kn_message *end = what;
    const struct command_command *command = command_find(m->type->name);
    const struct kn_agent_order order = { m->task, m->attempt }, newer = { end->task, end->attempt };

    return command != NULL && command->scope == ABOUT_GUEST && !is_destroy(m) &&
           strcmp(kn_json_str(m->body, "server"), kn_json_str(end->body, "server")) == 0 &&
           (m->generation < end->generation ||
            (m->generation == end->generation && kn_agent_order_is_older(&order, &newer)));
}

/* What stands in front of a destroy need not come to its end, whether or not its own `cancel` was heard: nobody has a use for it any more. */
static void clear_the_way(struct kn_agent *agent, const struct kn_message *end)
{
    kn_works_cancel_where(agent->works, command_is_doomed, end);
    if (agent->driver->give_way != NULL) {
        agent->driver->give_way(agent->driver_state, kn_json_str(end->body, "server"), end->generation);
    }
}

/* Networks' states have an order and a thread of their own: no command waits for them, and they for none. */
static void take_networks(struct kn_agent *agent, struct kn_message *m)
{
    const char *host = kn_json_str(m->body, "host");

    if (agent->driver->carries(agent->driver_state, host)) {
        json_t *body = kn_steal(&m->body);

        agent->driver->networks(agent->driver_state, kn_json_str(body, "host"), body);
    }
}

/* What is no order to a guest or a host: to the agent itself, about work or networks, or astray. */
static bool take_word(struct kn_agent *agent, struct kn_message *m)
{
    const char *type = m->type->name;

    if (m->is_reply) {
        kn_log(KN_WARNING, "a message that is not for an agent", "type", type, NULL);
    } else if (strcmp(type, "agent.refused") == 0) {
        kn_agent_refused(agent, m);
    } else if (strcmp(type, "net.state") == 0) {
        take_networks(agent, m);
    } else if (strcmp(type, "volume.key") == 0) {
        kn_agent_keys_take(agent, m);
    } else if (strcmp(type, "cancel") != 0) {
        return false;
    } else if (agent->works != NULL) {
        kn_works_cancel(agent->works, m);
    }
    return true;
}

void kn_agent_command(struct kn_agent *agent, struct kn_message *m)
{
    const struct command_command *command = command_find(m->type->name);
    struct kn_works *works = m->type->is_question ? agent->readers : agent->works;
    struct kn_error err = { 0 };

    if (take_word(agent, m)) {
        free_message(m);
        return;
    }
    if (command == NULL) {
        kn_log(KN_WARNING, "a message that is not for an agent", "type", m->type->name, NULL);
        free_message(m);
        return;
    }
    kn_copy(m->agent, sizeof(m->agent), agent->id);
    if (works == NULL) {
        obey_here(agent, m);
    } else {
        if (is_destroy(m)) {
            clear_the_way(agent, m);
        }
        if (kn_works_take(works, kn_json_str(m->body, command->lane), NULL, m, &err) < 0) {
            command_refuse(agent, m, &err);
        }
    }
    free_message(m);
}
