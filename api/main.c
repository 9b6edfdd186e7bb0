/* SPDX-License-Identifier: Apache-2.0 */
/* kilonova-api: mounts the route tables of all rooms behind one door, and listens until it is told to stop. */
#include <malloc.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/consoles.h"
#include "api/door.h"
#include "api/mounts.h"
#include "identity/api.h"
#include "lib/adapter/crypto.h"
#include "lib/adapter/daemon.h"
#include "lib/adapter/question.h"
#include "lib/base/log.h"

#define HEARTBEAT_TICKS 50 /* of 100 ms */
#define TOPIC_WAIT_MS 500
#define LOGINS_WAITING 128 /* 2 to 3 s of hashing */
#define SILENT_S 15        /* for a first request to be said */

static struct kn_db *thread_db(void *ctx)
{
    const struct kn_api_door *door = ctx;
    struct kn_db *db = kn_daemon_db(door->conf, "api");

    kn_db_by_key(db);
    kn_db_share(db);
    return db;
}

static const struct kn_http_ops OPS = {
    .open = kn_api_door_open,
    .dispatch = kn_api_door_dispatch,
    .refuse = kn_api_door_refuse,
    .finish = kn_api_door_finish,
    .thread_db = thread_db,
    .is_slow = kn_api_door_is_slow,
    .is_list = kn_api_door_is_list,
    .names = kn_api_door_names,
    .join = kn_api_door_join,
};

/* A list costs a processor here or in the database: as many as there are, and always half of the workers for what is short. */
static int lists(const struct kn_conf *conf)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN), half = (conf->api_threads + 1) / 2;
    const long wanted = conf->api_list_threads > 0 ? conf->api_list_threads : processors > 1 ? processors : 1;

    return (int)(wanted < half ? wanted : half);
}

/* What a list of a thousand needs stays: as pages that come and go they were a tenth of what it cost. Daemons without lists keep less (lib/adapter/daemon.c). */
static void main_keep_memory(void)
{
    mallopt(M_TRIM_THRESHOLD, 4 << 20);
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
}

static int main_open_door(struct kn_daemon *d, struct kn_api_door *door, struct kn_http_server **ret_server,
                          struct kn_error *err)
{
    const struct kn_http_limits limits = {
        .threads = (int)d->conf.api_threads,
        .lists = lists(&d->conf),
        .slow_threads = (int)d->conf.api_login_threads,
        .slow_waiting = LOGINS_WAITING,
        .max_body = (size_t)d->conf.api_max_body_kib << 10,
        .bodies = (size_t)d->conf.api_bodies_mib << 20,
        .per_address = (int)d->conf.api_connections_per_address,
        .silent_s = SILENT_S,
    };

    if (kn_crypto_init(err) < 0 || kn_identity_start(&d->conf, err) < 0 ||
        kn_questions_new(d->bus, d->conf.api_host_wait_ms, &door->questions, err) < 0 ||
        kn_api_door_init(door, kn_api_mounts, &d->conf, d->bus, err) < 0) {
        return -1;
    }
    return kn_http_serve(d->conf.api_listen, &limits, &OPS, door, ret_server, err);
}

/* Nobody waits for the bus: a wish is a row, and the conductor's sweep finds those that were not announced. */
static bool main_make_topic(struct kn_daemon *d)
{
    struct kn_error err = { 0 };

    if (kn_bus_ensure_topic(d->bus, KN_TOPIC_TASK, KN_SHARDS, TOPIC_WAIT_MS, &err) < 0) {
        kn_log_error("bus", &err);
        return false;
    }
    return true;
}

/* Until SIGTERM: the row in `service`, and the delivery reports of the bus. */
static void keep_house(struct kn_daemon *d)
{
    const struct timespec tick = { .tv_nsec = 100000000 };
    bool has_topic = false;

    for (int n = 0; !atomic_load(&d->stopping); n++) {
        struct kn_error err = { 0 };

        kn_daemon_progress(d); /* requests come when they come: none is no sign */
        if (n % HEARTBEAT_TICKS == 0 && kn_daemon_heartbeat(d, &err) < 0) {
            kn_log_error("heartbeat", &err);
        }
        if (!has_topic && n % HEARTBEAT_TICKS == 0) {
            has_topic = main_make_topic(d);
        }
        kn_bus_tick(d->bus);
        nanosleep(&tick, NULL);
    }
}

int main(int argc, char **argv)
{
    struct kn_daemon d = { 0 };
    struct kn_api_door door = { .authenticate = kn_identity_check, .allows = kn_identity_allows };
    struct kn_http_server *server = NULL;
    struct kn_api_consoles *consoles = NULL;
    struct kn_error err = { 0 };
    int result = kn_daemon_init(&d, "api", argc, argv, NULL, true, &err);

    if (result == 0) {
        main_keep_memory();
        result = main_open_door(&d, &door, &server, &err);
    }
    if (result == 0) {
        result = kn_api_consoles_start(&d.conf, door.questions, &consoles, &err);
    }
    if (result == 0) {
        atomic_store(&d.ready, true);
        keep_house(&d);
    } else {
        kn_log_error("start", &err);
    }
    kn_questions_stop(door.questions); /* first: those who wait for a host would keep the listener waiting */
    kn_api_consoles_stop(consoles);
    kn_http_stop(server);
    kn_questions_free(door.questions);
    kn_identity_stop();
    kn_api_door_release(&door);
    kn_daemon_release(&d);
    return result == 0 && !atomic_load(&d.ousted) ? EXIT_SUCCESS : EXIT_FAILURE;
}
