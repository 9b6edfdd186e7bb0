/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the open consoles of this API. One begins as a WebSocket with a token; a worker with a database connection of its own uses the token up and asks the host; the
 * host dials in and names the secret; then a wire carries it. Whatever happens to it, it ends by console_ended(), once: there its place is given back. Every two
 * seconds all are held against what they rest on: the server on that host, and what the one who asked for it was.
 */
#include "api/consoles.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "compute/api.h"
#include "identity/api.h"
#include "lib/adapter/crypto.h"
#include "lib/adapter/daemon.h"
#include "lib/adapter/http_upgrade.h"
#include "lib/adapter/metrics.h"
#include "lib/adapter/wire.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"

#define CONNECTIONS (6 * KN_MAX_CONSOLES) /* both ends of each, who fetches files, and strangers */
#define SILENT_S 15
/* Connections: a host dials as many as it may have open, and a few strangers do not fill the door. Behind a proxy there is no such bound. */
#define OF_AN_ADDRESS (KN_MAX_CONSOLES + KN_MAX_CONSOLES / 8)
#define LOOK_MS 2000
#define TIDY_MS 60000
#define DIAL_MS 5000 /* for a host that said that it would dial */
#define PROTOCOL "kilonova-console"
#define SECRET_SIZE (KN_MAX_CONSOLE_SECRET + 1)

static struct kn_metric CARRIED = KN_GAUGE("kilonova_consoles_open", "consoles that this API carries", "type", NULL);

enum console_state {
    CONSOLE_CAME, /* a WebSocket with a token; the worker's to look at */
    CONSOLE_ASKED, /* its host was asked, and has until_ms to dial in */
    CONSOLE_CARRIED, /* by a wire */
    CONSOLE_LEAVES, /* refused; a wire says farewell */
};

struct console {
    struct kn_api_consoles *door;
    uint64_t id; /* immutable, as the two below */
    char token[KN_UPGRADE_WORD];
    char remote[64];
    enum console_state state; /* guarded by the door's lock, as all below */
    struct kn_upgraded *client, *host; /* host: NULL before it dialled */
    struct kn_compute_console what;
    char secret[SECRET_SIZE];
    char request_id[KN_REQUEST_ID_SIZE];
    uint64_t wire;
    int64_t until_ms, since_ms;
    struct console *next;
};

struct kn_api_consoles {
    const struct kn_conf *conf; /* immutable after start, as all down to lock */
    struct kn_questions *questions;
    struct kn_wires *wires;
    struct kn_upgrades *upgrades;
    pthread_t worker;
    struct kn_db *db; /* the worker's */
    int64_t looked_ms, tidied_ms; /* the worker's */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct console *consoles; /* guarded by lock, as the two below */
    uint64_t last_id;
    bool stopping;
};

/* --- lock held --------------------------------------------------------------------------------------------------------- */

static struct console *console_find(const struct kn_api_consoles *door, uint64_t id)
{
    struct console *c = door->consoles;

    while (c != NULL && c->id != id) {
        c = c->next;
    }
    return c;
}

static bool console_is_open(const struct console *c)
{
    return c->state == CONSOLE_ASKED || c->state == CONSOLE_CARRIED;
}

static int count_open(const struct kn_api_consoles *door, const char *project)
{
    int count = 0;

    for (const struct console *c = door->consoles; c != NULL; c = c->next) {
        count += console_is_open(c) && (project == NULL || strcmp(c->what.project, project) == 0);
    }
    return count;
}

/* --- the end ----------------------------------------------------------------------------------------------------------- */

static void console_unlink(struct kn_api_consoles *door, struct console *gone)
{
    struct console **at = &door->consoles;

    pthread_mutex_lock(&door->lock);
    while (*at != gone) {
        at = &(*at)->next;
    }
    *at = gone->next;
    pthread_mutex_unlock(&door->lock);
}

static void console_ended(void *ctx, const char *why)
{
    struct console *c = ctx;
    AUTO_FREE char *lasted = kn_asprintf("%.1f s", (double)(kn_mono_ms() - c->since_ms) / 1000);

    console_unlink(c->door, c);
    kn_log(KN_INFO, "a console ended", "server", c->what.server, "type", c->what.type, "client", c->remote, "after",
           lasted, "why", why, NULL);
    kn_upgraded_close(c->client);
    if (c->host != NULL) {
        kn_metric_add(&CARRIED, -1, c->what.type, NULL);
        kn_upgraded_close(c->host);
    }
    free(c);
}

/* Lock held: from here on it is the wires'. */
static void console_refuse(struct console *c, enum kn_websocket_code code, const char *why)
{
    const struct kn_wire_plan plan = { .ends = { { kn_upgraded_fd(c->client), KN_WIRE_WEBSOCKET, NULL } },
                                       .ended = console_ended,
                                       .ctx = c };

    c->state = CONSOLE_LEAVES;
    kn_wires_refuse(c->door->wires, &plan, code, why);
}

/* --- coming in --------------------------------------------------------------------------------------------------------- */

static bool door_may(void *ctx, const struct kn_upgrade_request *request)
{
    const struct kn_api_consoles *door = ctx;
    AUTO_FREE char *reached = kn_asprintf("http://%s", request->host);
    const char *ours = door->conf->console_public_url[0] != '\0' ? door->conf->console_public_url : reached;

    return !request->is_websocket ||
           kn_websocket_origin_fits(request->origin, ours, door->conf->console_allowed_origins);
}

static void client_comes(struct kn_api_consoles *door, const struct kn_upgrade_request *request,
                         struct kn_upgraded *connection)
{
    struct console *c = KN_NEW(struct console);

    c->door = door;
    c->client = connection;
    kn_copy(c->token, sizeof(c->token), request->token);
    kn_copy(c->remote, sizeof(c->remote), request->remote);
    c->since_ms = kn_mono_ms();
    kn_wire_keep_alive(kn_upgraded_fd(connection));
    pthread_mutex_lock(&door->lock);
    c->id = ++door->last_id;
    c->next = door->consoles;
    door->consoles = c;
    pthread_cond_signal(&door->wake);
    pthread_mutex_unlock(&door->lock);
}

/* Lock held. */
static struct console *asked_with(const struct kn_api_consoles *door, const char *secret)
{
    for (struct console *c = door->consoles; c != NULL; c = c->next) {
        if (c->state == CONSOLE_ASKED && strlen(secret) == KN_MAX_CONSOLE_SECRET &&
            kn_equal(c->secret, secret, KN_MAX_CONSOLE_SECRET)) {
            return c;
        }
    }
    return NULL;
}

/* Lock held. A host that dials a second time finds no console that waits. */
static void host_comes(struct kn_api_consoles *door, struct console *c, struct kn_upgraded *connection)
{
    const struct kn_wire_plan plan = { .ends = { { kn_upgraded_fd(c->client), KN_WIRE_WEBSOCKET, NULL },
                                                 { kn_upgraded_fd(connection), KN_WIRE_RAW, NULL } },
                                       .ended = console_ended,
                                       .ctx = c };
    struct kn_error err = { 0 };

    kn_wire_keep_alive(kn_upgraded_fd(connection));
    kn_metric_add(&CARRIED, 1, c->what.type, NULL);
    c->host = connection;
    c->state = CONSOLE_CARRIED;
    if (kn_wires_join(door->wires, &plan, &c->wire, &err) < 0) {
        console_refuse(c, KN_WEBSOCKET_LATER, err.message);
        return;
    }
    kn_log(KN_INFO, "a console is open", "server", c->what.server, "type", c->what.type, "client", c->remote, "host",
           c->what.host, NULL);
}

static void door_upgraded(void *ctx, const struct kn_upgrade_request *request, struct kn_upgraded *connection)
{
    struct kn_api_consoles *door = ctx;

    pthread_mutex_lock(&door->lock);
    const bool stops = door->stopping;
    struct console *waits = stops || request->is_websocket ? NULL : asked_with(door, request->token);

    if (waits != NULL) {
        host_comes(door, waits, connection);
    }
    pthread_mutex_unlock(&door->lock);
    if (waits != NULL) {
        return;
    }
    if (stops || !request->is_websocket) {
        kn_upgraded_close(connection);
    } else {
        client_comes(door, request, connection);
    }
}

static const struct kn_upgrade_ops OPS = { PROTOCOL, door_may, door_upgraded };

/* --- the worker: what a token opens ------------------------------------------------------------------------------------ */

struct asked_console { /* what the question's answer is about */
    struct kn_api_consoles *door;
    uint64_t id;
};

static const char *words_for(enum kn_code code)
{
    switch ((int)code) {
    case KN_TOO_MANY:
        return "the console has all the clients that it may have";
    case KN_CONFLICT:
    case KN_NOT_FOUND:
    case KN_STALE:
        return "the server does not run";
    case KN_NOT_IMPLEMENTED:
        return "the server has no such console";
    default:
        return "the host does not answer";
    }
}

static void host_told(void *ctx, const struct kn_message *answer, const struct kn_error *why)
{
    struct asked_console *asked = ctx;
    const enum kn_code code = answer == NULL ? why->code : answer->error.code;

    pthread_mutex_lock(&asked->door->lock);
    struct console *c = console_find(asked->door, asked->id);

    if (c != NULL && c->state == CONSOLE_ASKED) {
        if (answer == NULL || !answer->ok) {
            console_refuse(c, code == KN_TOO_MANY ? KN_WEBSOCKET_LATER : KN_WEBSOCKET_FAILED, words_for(code));
        } else {
            c->until_ms = kn_mono_ms() + DIAL_MS;
        }
    }
    pthread_mutex_unlock(&asked->door->lock);
    free(asked);
}

static const char *console_dial_address(const struct kn_conf *conf)
{
    return conf->console_host_address[0] != '\0' ? conf->console_host_address : conf->console_listen;
}

/* The state is ASKED already: a host may be quicker than the answer to the question. */
static int ask_host(struct kn_api_consoles *door, const struct console *c, struct kn_error *err)
{
    struct asked_console *asked = KN_NEW(struct asked_console);
    const struct kn_question_party party = { c->what.project, c->request_id, host_told, asked };
    json_auto_t *body = json_pack("{s:s, s:s, s:s, s:s, s:s}", "host", c->what.host, "server", c->what.server, "type",
                                  c->what.type, "address", console_dial_address(door->conf), "secret", c->secret);
    const struct kn_question question = { .type = "server.console",
                                          .agent = c->what.agent,
                                          .host = c->what.host,
                                          .generation = c->what.generation,
                                          .body = body };

    asked->door = door;
    asked->id = c->id;
    if (kn_question_put(door->questions, &party, &question, err) < 0) {
        free(asked);
        return -1;
    }
    return 0;
}

/* Its place among the open ones; false: it was refused. */
static bool take_place(struct kn_api_consoles *door, struct console *c, const struct kn_compute_console *what)
{
    uint8_t raw[KN_MAX_CONSOLE_SECRET / 2];
    bool has_place;

    kn_random(raw, sizeof(raw));
    pthread_mutex_lock(&door->lock);
    c->what = *what;
    kn_hex(raw, sizeof(raw), c->secret);
    kn_request_id_make(c->request_id);
    has_place = count_open(door, NULL) < KN_MAX_CONSOLES &&
                count_open(door, what->project) < KN_MAX_CONSOLES_OF_PROJECT;
    if (has_place) {
        c->state = CONSOLE_ASKED;
        c->until_ms = kn_mono_ms() + door->conf->api_host_wait_ms + DIAL_MS;
    } else {
        console_refuse(c, KN_WEBSOCKET_LATER, "too many consoles are open");
    }
    pthread_mutex_unlock(&door->lock);
    return has_place;
}

/* c is CAME, and so nobody else's. Why it is refused; NULL: it is not, or that was said. */
static const char *console_open(struct kn_api_consoles *door, struct console *c, enum kn_websocket_code *ret_code)
{
    struct kn_compute_console what = { .type = "" };
    struct kn_error err = { 0 };

    *ret_code = KN_WEBSOCKET_MUTE; /* as Nova's proxy: whoever has no token is told nothing; the log says why */
    if (c->token[0] == '\0') {
        return "no token";
    }
    if (kn_compute_console_take(door->db, c->token, &what, &err) < 0) {
        if (err.code == KN_NOT_FOUND) {
            return "the token is unknown, was used, or its time is over";
        }
        kn_log_error("opening a console", &err);
        *ret_code = KN_WEBSOCKET_LATER;
        return "it cannot be opened now";
    }
    if (!kn_identity_stands(what.mark)) {
        return "what it rests on was revoked";
    }
    if (!take_place(door, c, &what)) {
        return NULL;
    }
    const uint64_t id = c->id;

    if (ask_host(door, c, &err) == 0) {
        return NULL; /* c may be gone by now */
    }
    kn_log_error("opening a console", &err);
    pthread_mutex_lock(&door->lock);
    c = console_find(door, id);
    if (c != NULL && c->state == CONSOLE_ASKED) {
        console_refuse(c, KN_WEBSOCKET_LATER, "hosts cannot be asked now");
    }
    pthread_mutex_unlock(&door->lock);
    return NULL;
}

/* --- the worker: what open ones rest on -------------------------------------------------------------------------------- */

static void cut_where(struct kn_api_consoles *door, const char *server, const char *host, const char *why)
{
    for (struct console *c = door->consoles; c != NULL; c = c->next) {
        if (c->state == CONSOLE_CARRIED && strcmp(c->what.server, server) == 0 && strcmp(c->what.host, host) == 0) {
            kn_wires_cut(door->wires, c->wire, KN_WEBSOCKET_AWAY, why);
        }
    }
}

static void server_over(void *ctx, const char *server, const char *host)
{
    struct kn_api_consoles *door = ctx;

    pthread_mutex_lock(&door->lock);
    cut_where(door, server, host, "the server is gone from its host");
    pthread_mutex_unlock(&door->lock);
}

static void free_words(char **words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(words[i]);
    }
    free(words);
}

/* Where carried ones are; and those whose right was revoked are cut. */
static size_t look_at_all(struct kn_api_consoles *door, char **servers, char **hosts, size_t room, int64_t now)
{
    size_t count = 0;

    pthread_mutex_lock(&door->lock);
    for (struct console *c = door->consoles; c != NULL; c = c->next) {
        if (c->state == CONSOLE_ASKED && now >= c->until_ms) {
            console_refuse(c, KN_WEBSOCKET_FAILED, "the host did not come");
        } else if (console_is_open(c) && !kn_identity_stands(c->what.mark)) {
            kn_wires_cut(door->wires, c->wire, KN_WEBSOCKET_REFUSED, "what it rests on was revoked");
        } else if (c->state == CONSOLE_CARRIED && count < room) {
            servers[count] = kn_strdup(c->what.server);
            hosts[count++] = kn_strdup(c->what.host);
        }
    }
    pthread_mutex_unlock(&door->lock);
    return count;
}

static void worker_look(struct kn_api_consoles *door, int64_t now)
{
    char **servers = kn_alloc(KN_MAX_CONSOLES * sizeof(*servers));
    char **hosts = kn_alloc(KN_MAX_CONSOLES * sizeof(*hosts));
    const size_t count = look_at_all(door, servers, hosts, KN_MAX_CONSOLES, now);
    struct kn_error err = { 0 };

    if (count > 0 && kn_compute_consoles_over(door->db, (const char *const *)servers, (const char *const *)hosts, count,
                                              server_over, door, &err) < 0) {
        kn_log_error("looking after consoles", &err); /* they go on with what was known */
    }
    free_words(servers, count);
    free_words(hosts, count);
    door->looked_ms = now;
}

static void worker_tidy(struct kn_api_consoles *door, int64_t now)
{
    struct kn_error err = { 0 };

    if (kn_compute_consoles_tidy(door->db, &err) < 0) {
        kn_log_error("dropping old tokens", &err);
    }
    door->tidied_ms = now;
}

/* The next that came; waits for one, but not longer than there is something else to do. Lock held. */
static struct console *next_that_came(struct kn_api_consoles *door)
{
    struct console *oldest = NULL;

    for (struct console *c = door->consoles; c != NULL; c = c->next) {
        oldest = c->state == CONSOLE_CAME ? c : oldest;
    }
    if (oldest == NULL && !door->stopping) {
        const int64_t ms = door->consoles != NULL ? LOOK_MS : TIDY_MS;
        struct timespec until;

        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += ms / 1000;
        pthread_cond_timedwait(&door->wake, &door->lock, &until);
    }
    return oldest;
}

static void *work(void *arg)
{
    struct kn_api_consoles *door = arg;

    for (;;) {
        enum kn_websocket_code code;

        pthread_mutex_lock(&door->lock);
        struct console *came = next_that_came(door);
        const bool stops = door->stopping;
        pthread_mutex_unlock(&door->lock);
        if (stops) {
            return NULL;
        }
        const char *why = came != NULL ? console_open(door, came, &code) : NULL;

        if (why != NULL) {
            pthread_mutex_lock(&door->lock);
            console_refuse(came, code, why);
            pthread_mutex_unlock(&door->lock);
        }
        const int64_t now = kn_mono_ms();

        if (now - door->looked_ms >= LOOK_MS) {
            worker_look(door, now);
        }
        if (now - door->tidied_ms >= TIDY_MS) {
            worker_tidy(door, now);
        }
    }
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

/* Hosts must be told an address that is one. */
static int check_address(const struct kn_conf *conf, struct kn_error *err)
{
    const char *address = console_dial_address(conf);

    if (address[0] != ':' && strncmp(address, "0.0.0.0:", 8) != 0 && strncmp(address, "[::]:", 5) != 0) {
        return 0;
    }
    kn_fail(err, KN_BAD_REQUEST, "console.host_address is not set, and \"%s\" is no address that hosts could dial",
            address);
    return kn_fail_hint(err, "set it to the address and port at which hosts reach the consoles of this very API");
}

static int door_open(struct kn_api_consoles *door, struct kn_error *err)
{
    const struct kn_wires_limits carries = { .most = CONNECTIONS };
    const int64_t of_one = door->conf->api_connections_per_address;
    const struct kn_upgrade_limits takes = { .connections = CONNECTIONS,
                                             .per_address = (int)(of_one < OF_AN_ADDRESS ? of_one : OF_AN_ADDRESS),
                                             .silent_s = SILENT_S };

    if (check_address(door->conf, err) < 0 || kn_wires_new(&carries, &door->wires, err) < 0) {
        return -1;
    }
    if (pthread_create(&door->worker, NULL, work, door) != 0) {
        return kn_fail(err, KN_INTERNAL, "cannot start the thread that opens consoles");
    }
    return kn_upgrades_serve(door->conf->console_listen, door->conf->console_files_dir, &takes, &OPS, door,
                             &door->upgrades, err);
}

int kn_api_consoles_start(const struct kn_conf *conf, struct kn_questions *questions, struct kn_api_consoles **ret,
                          struct kn_error *err)
{
    struct kn_api_consoles *door;
    pthread_condattr_t by_monotonic;

    *ret = NULL;
    if (conf->console_listen[0] == '\0') {
        return 0;
    }
    door = KN_NEW(struct kn_api_consoles);
    door->conf = conf;
    door->questions = questions;
    door->db = kn_daemon_db(conf, "consoles");
    pthread_mutex_init(&door->lock, NULL);
    pthread_condattr_init(&by_monotonic);
    pthread_condattr_setclock(&by_monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&door->wake, &by_monotonic);
    pthread_condattr_destroy(&by_monotonic);
    if (door_open(door, err) < 0) {
        kn_api_consoles_stop(door);
        return -1;
    }
    *ret = door;
    return 0;
}

/* The worker has gone: what came and was not looked at. */
static void turn_away(struct kn_api_consoles *door)
{
    pthread_mutex_lock(&door->lock);
    for (struct console *c = door->consoles; c != NULL; c = c->next) {
        if (c->state == CONSOLE_CAME || c->state == CONSOLE_ASKED) {
            console_refuse(c, KN_WEBSOCKET_AWAY, "this API stops");
        }
    }
    pthread_mutex_unlock(&door->lock);
}

void kn_api_consoles_stop(struct kn_api_consoles *door)
{
    if (door == NULL) {
        return;
    }
    if (door->upgrades != NULL) {
        kn_upgrades_quiesce(door->upgrades);
    }
    pthread_mutex_lock(&door->lock);
    door->stopping = true;
    pthread_cond_signal(&door->wake);
    pthread_mutex_unlock(&door->lock);
    if (door->worker != 0) {
        pthread_join(door->worker, NULL);
    }
    turn_away(door);
    kn_wires_free(door->wires);
    kn_upgrades_stop(door->upgrades);
    kn_db_free(door->db);
    pthread_cond_destroy(&door->wake);
    pthread_mutex_destroy(&door->lock);
    free(door);
}

int kn_api_consoles_port(const struct kn_api_consoles *door)
{
    return kn_upgrades_port(door->upgrades);
}

int kn_api_consoles_count(struct kn_api_consoles *door)
{
    pthread_mutex_lock(&door->lock);
    const int count = count_open(door, NULL);
    pthread_mutex_unlock(&door->lock);
    return count;
}
