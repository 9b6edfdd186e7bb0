/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/driver: hosts and guests that cost nothing, behind the same table as real ones: the load generator's other half and
 * the chaos tests' hypervisor. Guests live in store.c; this file owns the lock around it and the manners of a
 * hypervisor (what is refused in which power state). It must never be kinder than libvirt: a test that passes here has to
 * mean something.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/domain/device.h"
#include "compute-agent/core/driver.h"
#include "compute-agent/sim/console.h"
#include "compute-agent/sim/diagnosis.h"
#include "compute-agent/sim/disks.h"
#include "compute-agent/sim/power.h"
#include "compute-agent/sim/secret.h"
#include "compute-agent/sim/snapshot.h"
#include "compute-agent/sim/store.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "lib/domain/message.h"
#include "lib/domain/server_state.h"
#include "network/host.h"

#define KN_SIM_TAP_SIZE 16 /* as kernels have it */
#define SIM_VCPUS 64
#define SIM_MEMORY_MIB (512 * 1024)
#define SIM_DISK_GIB 4096
#define SLICE_MS 50                    /* of a spawn that takes time: then it looks whether it is wanted */
#define SPAWN_WORKERS 64               /* when a spawn takes time */
#define TOMB_LIFE_MS (24 * 3600 * INT64_C(1000))

struct sim {
    char prefix[256];                  /* immutable after open, as all but the store */
    int hosts;
    int64_t spawn_ms;
    const struct kn_conf *conf;
    const struct kn_agent_driver_events *events;
    pthread_mutex_t lock;
    struct kn_agent_sim_store *store;        /* guarded by lock, as all below */
    int64_t *networks; /* the version of each host's networks; NULL: they hear nothing of them */
};

static void unlock(pthread_mutex_t **lock)
{
    pthread_mutex_unlock(*lock);
}
#define HOLD(sim) \
    __attribute__((cleanup(unlock), unused)) pthread_mutex_t *held = &(sim)->lock; \
    pthread_mutex_lock(held)

/* "<prefix>-00042" -> 41; -1 for a name that is not ours. */
static int host_index(const struct sim *sim, const char *host)
{
    size_t len = strlen(sim->prefix);
    char again[sizeof(sim->prefix) + 16];
    int n = strncmp(host, sim->prefix, len) == 0 && host[len] == '-' ? (int)strtol(host + len + 1, NULL, 10) : 0;

    snprintf(again, sizeof(again), "%s-%05d", sim->prefix, n);
    return n >= 1 && n <= sim->hosts && strcmp(again, host) == 0 ? n - 1 : -1;
}

static int sim_open(const struct kn_conf *conf, const char *host, const struct kn_agent_driver_events *events,
                    void **ret_state, struct kn_error *err)
{
    AUTO_FREE char *path = kn_asprintf("%s/sim.journal", conf->agent_state_dir);
    AUTO_FREE struct sim *sim = KN_NEW(struct sim);
    int broken = 0;

    kn_copy(sim->prefix, sizeof(sim->prefix), host);
    sim->hosts = (int)conf->agent_sim_hosts;
    sim->spawn_ms = conf->agent_sim_spawn_ms;
    sim->conf = conf;
    sim->events = events;
    if (conf->agent_sim_network) {
        sim->networks = kn_alloc((size_t)sim->hosts * sizeof(*sim->networks));
        memset(sim->networks, 0xff, (size_t)sim->hosts * sizeof(*sim->networks)); /* -1: nothing is known */
    }
    if (kn_agent_sim_store_open(path, sim->hosts, &sim->store, &broken, err) < 0) {
        return -1;
    }
    if (broken > 0) {
        kn_log(KN_WARNING, "journal lines were skipped", "path", path, NULL);
    }
    pthread_mutex_init(&sim->lock, NULL);
    *ret_state = kn_steal(&sim);
    return 0;
}

static void sim_close(void *state)
{
    struct sim *sim = state;

    kn_agent_sim_store_free(sim->store);
    free(sim->networks);
    pthread_mutex_destroy(&sim->lock);
    free(sim);
}

static int sim_workers(const void *state)
{
    const struct sim *sim = state;

    return sim->spawn_ms > 0 ? SPAWN_WORKERS : 0;
}

static int sim_inventory(void *state, json_t **ret_hosts, struct kn_error *err)
{
    const struct sim *sim = state;
    json_t *hosts = json_array();
    struct kn_host_said said = { .zone = sim->conf->agent_zone,
                                 .underlay = "",
                                 .vcpus = SIM_VCPUS,
                                 .memory_mib = SIM_MEMORY_MIB,
                                 .reserved_memory_mib = sim->conf->agent_reserved_memory_mib,
                                 .disk_gib = SIM_DISK_GIB,
                                 .hypervisor_type = "sim",
                                 .hypervisor_version = 1000000 };

    (void)err;
    for (int i = 0; i < sim->hosts; i++) {
        AUTO_FREE char *name = kn_asprintf("%s-%05d", sim->prefix, i + 1);

        AUTO_FREE char *underlay = sim->networks == NULL ? NULL : kn_asprintf("198.18.%d.%d", i >> 8 & 255, i & 255);

        said.host = name;
        said.underlay = underlay != NULL ? underlay : "";
        json_array_append_new(hosts, kn_form_write_host(&said, json_pack("{s:s}", "arch", "x86_64")));
    }
    *ret_hosts = hosts;
    return 0;
}

static bool sim_carries(const void *state, const char *host)
{
    return host_index(state, host) >= 0;
}

static void sim_tick(void *state, int64_t now_ms)
{
    struct sim *sim = state;
    struct kn_error err = { 0 };

    HOLD(sim);
    if (kn_agent_sim_store_tidy(sim->store, now_ms - TOMB_LIFE_MS, &err) < 0) {
        kn_log_error("compacting the journal", &err);
    }
}

static int sim_look(void *state, const struct kn_agent_guest_ref *ref, struct kn_agent_guest *ret, struct kn_error *err)
{
    struct sim *sim = state;
    const struct kn_agent_sim_guest *g;

    (void)err;
    HOLD(sim);
    g = kn_agent_sim_store_get(sim->store, host_index(sim, ref->host), ref->server);
    *ret = g == NULL ? (struct kn_agent_guest){ 0 }
                     : (struct kn_agent_guest){ g->generation, g->exists, g->power_state };
    return 0;
}

static int sim_obey(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_order *asked,
                    struct kn_error *err)
{
    struct sim *sim = state;

    HOLD(sim);
    return kn_agent_sim_store_obey(sim->store, host_index(sim, ref->host), ref->server, asked, kn_now_ms(), err);
}

static int sim_done(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_order *order, int part,
                    const json_t *answer, struct kn_error *err)
{
    struct sim *sim = state;

    HOLD(sim);
    return kn_agent_sim_store_done(sim->store, host_index(sim, ref->host), ref->server, order, part, answer, err);
}

static json_t *sim_answer(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_order *order,
                          int part)
{
    struct sim *sim = state;

    HOLD(sim);
    return kn_agent_sim_store_answer(sim->store, host_index(sim, ref->host), ref->server, order, part);
}

/* Under the lock. NULL with an error when there is no guest. */
static const struct kn_agent_sim_guest *driver_existing(struct sim *sim, const struct kn_agent_guest_ref *ref,
                                                        struct kn_error *err)
{
    const struct kn_agent_sim_guest *g = kn_agent_sim_store_get(sim->store, host_index(sim, ref->host), ref->server);

    if (g == NULL || !g->exists) {
        kn_fail(err, KN_NOT_FOUND, "server \"%s\" has no guest on \"%s\"", ref->server, ref->host);
        return NULL;
    }
    return g;
}

static int define(struct sim *sim, const struct kn_agent_guest_ref *ref, const json_t *spec, struct kn_error *err)
{
    AUTO_FREE char *taps = kn_agent_sim_taps_of(spec);
    AUTO_FREE char *volumes = kn_agent_sim_disks_of(spec);
    struct kn_agent_sim_guest g = { .host = host_index(sim, ref->host),
                                    .generation = ref->generation,
                                    .power_state = KN_POWER_RUNNING,
                                    .taps = taps,
                                    .volumes = volumes,
                                    .vcpus = (int)kn_json_int(spec, "vcpus"),
                                    .memory_mib = (int)kn_json_int(spec, "memory_mib") };

    kn_copy(g.server, sizeof(g.server), ref->server);
    return kn_agent_sim_store_put(sim->store, &g, err);
}

static int set_power(struct sim *sim, const struct kn_agent_sim_guest *g, int power_state, struct kn_error *err)
{
    struct kn_agent_sim_guest as = *g;

    as.power_state = (uint8_t)power_state;
    return g->power_state == power_state ? 0 : kn_agent_sim_store_put(sim->store, &as, err);
}

/* As long as a real one would take, and as easily stopped. */
static int driver_take_time(const struct sim *sim, struct kn_work *work, struct kn_error *err)
{
    const int64_t begun_ms = kn_mono_ms();

    for (int64_t past_ms = 0; past_ms < sim->spawn_ms; past_ms = kn_mono_ms() - begun_ms) {
        const int64_t left_ms = sim->spawn_ms - past_ms, ms = left_ms < SLICE_MS ? left_ms : SLICE_MS;

        if (kn_work_progress(work, "pretending to work", past_ms, sim->spawn_ms, err) < 0) {
            return -1;
        }
        nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
    }
    return 0;
}

static int sim_ensure_running(void *state, const struct kn_agent_guest_ref *ref, const json_t *spec,
                              struct kn_work *work, int *ret_power_state, struct kn_error *err)
{
    struct sim *sim = state;
    const struct kn_agent_sim_guest *g;

    if (driver_take_time(sim, work, err) < 0 || kn_agent_sim_secrets(sim->events, ref, spec, err) < 0) {
        return -1;
    }
    HOLD(sim);
    g = kn_agent_sim_store_get(sim->store, host_index(sim, ref->host), ref->server);
    *ret_power_state = KN_POWER_RUNNING;
    return g == NULL || !g->exists ? define(sim, ref, spec, err) : set_power(sim, g, KN_POWER_RUNNING, err);
}

static int sim_destroy(void *state, const struct kn_agent_guest_ref *ref, struct kn_error *err)
{
    struct sim *sim = state;
    const struct kn_agent_sim_guest *g;

    HOLD(sim);
    g = kn_agent_sim_store_get(sim->store, host_index(sim, ref->host), ref->server);
    if (g != NULL && !g->exists && g->generation >= ref->generation) {
        return 0;
    }
    if (kn_agent_sim_snapshot_drop(sim->conf->agent_state_dir, ref->server, err) < 0) {
        return -1;
    }
    return kn_agent_sim_store_bury(sim->store, host_index(sim, ref->host), ref->server, ref->generation, kn_now_ms(),
                                   err);
}

static int sim_power(void *state, const struct kn_agent_guest_ref *ref, const char *action, const json_t *spec,
                     int *ret_power_state, struct kn_error *err)
{
    struct sim *sim = state;
    const struct kn_agent_sim_guest *g;
    int to;

    HOLD(sim);
    g = kn_agent_sim_store_get(sim->store, host_index(sim, ref->host), ref->server);
    if ((g == NULL || !g->exists) && spec != NULL && define(sim, ref, spec, err) < 0) {
        return -1;
    }
    g = driver_existing(sim, ref, err);
    if (g == NULL || kn_agent_sim_power(ref->server, action, g->power_state, &to, err) < 0 ||
        set_power(sim, g, to, err) < 0) {
        return -1;
    }
    if (strncmp(action, "reboot", 6) == 0) {
        kn_agent_sim_store_reboot(sim->store, host_index(sim, ref->host), ref->server);
    }
    *ret_power_state = to;
    return 0;
}

static int sim_must_exist(struct sim *sim, const struct kn_agent_guest_ref *ref, struct kn_error *err)
{
    HOLD(sim);
    return driver_existing(sim, ref, err) != NULL ? 0 : -1;
}

static int sim_snapshot(void *state, const struct kn_agent_guest_ref *ref, bool quiesce, struct kn_work *work,
                        json_t **ret_made, struct kn_error *err)
{
    struct sim *sim = state;

    if (sim_must_exist(sim, ref, err) < 0) {
        return -1;
    }
    return quiesce ? kn_fail(err, KN_CONFLICT, "a simulated guest has no agent that could quiesce it")
                   : kn_agent_sim_snapshot(sim->conf->agent_state_dir, ref->server, work, ret_made, err);
}

static int sim_upload(void *state, const struct kn_agent_guest_ref *ref, const json_t *body, struct kn_work *work,
                      struct kn_error *err)
{
    return kn_agent_sim_snapshot_upload(((struct sim *)state)->conf->agent_state_dir, ref->server, body, work, err);
}

static int sim_drop_snapshot(void *state, const struct kn_agent_guest_ref *ref, struct kn_error *err)
{
    return kn_agent_sim_snapshot_drop(((struct sim *)state)->conf->agent_state_dir, ref->server, err);
}

static int put_disks(struct sim *sim, const struct kn_agent_sim_guest *g, char *volumes, struct kn_error *err)
{
    struct kn_agent_sim_guest as = *g;

    as.volumes = volumes;
    return kn_agent_sim_store_put(sim->store, &as, err);
}

static int sim_attach(void *state, const struct kn_agent_guest_ref *ref, const char *volume, const json_t *connection,
                      const char *wish, char ret_device[KN_DEVICE_SIZE], struct kn_error *err)
{
    struct sim *sim = state;
    const struct kn_agent_sim_guest *g;
    AUTO_FREE char *with = NULL;

    if (kn_agent_sim_secret(sim->events, ref, volume, connection, err) < 0) {
        return -1;
    }
    HOLD(sim);
    g = driver_existing(sim, ref, err);
    if (g == NULL) {
        return -1;
    }
    if (kn_agent_sim_disks_find(g->volumes, volume, ret_device)) {
        return 0;
    }
    if (kn_device_pick(kn_agent_sim_disks_used(g->volumes), wish, ret_device, err) < 0) {
        return -1;
    }
    with = kn_agent_sim_disks_with(g->volumes, volume, ret_device);
    return put_disks(sim, g, with, err);
}

static int sim_detach(void *state, const struct kn_agent_guest_ref *ref, const char *volume, struct kn_error *err)
{
    struct sim *sim = state;
    const struct kn_agent_sim_guest *g;
    char device[KN_DEVICE_SIZE];
    AUTO_FREE char *without = NULL;

    HOLD(sim);
    g = driver_existing(sim, ref, err);
    if (g == NULL) {
        return -1;
    }
    if (!kn_agent_sim_disks_find(g->volumes, volume, device)) {
        return 0;
    }
    without = kn_agent_sim_disks_without(g->volumes, volume);
    return put_disks(sim, g, without, err);
}

/* One line of the journal: before it is there the guest has the one, after it the other. */
static int sim_swap(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_disk_swap *swap,
                    struct kn_work *work, char ret_device[KN_DEVICE_SIZE], struct kn_error *err)
{
    struct sim *sim = state;
    const struct kn_agent_sim_guest *g;

    if (driver_take_time(sim, work, err) < 0) {
        return -1;
    }
    HOLD(sim);
    g = driver_existing(sim, ref, err);
    if (g == NULL || kn_agent_sim_disks_find(g->volumes, swap->to, ret_device)) {
        return g == NULL ? -1 : 0;
    }
    AUTO_FREE char *swapped = kn_agent_sim_disks_swapped(g->volumes, swap->volume, swap->to, ret_device);

    return swapped == NULL ? kn_fail(err, KN_NOT_FOUND, "server \"%s\" has no volume \"%s\"", ref->server, swap->volume)
           : kn_agent_sim_power_is_on(g->power_state)
               ? put_disks(sim, g, swapped, err)
               : kn_fail(err, KN_CONFLICT, "server \"%s\" does not run", ref->server);
}

static int put_taps(struct sim *sim, const struct kn_agent_sim_guest *g, char *taps, struct kn_error *err)
{
    struct kn_agent_sim_guest as = *g;

    as.taps = taps;
    return kn_agent_sim_store_put(sim->store, &as, err);
}

static int sim_attach_nic(void *state, const struct kn_agent_guest_ref *ref, const json_t *nic, struct kn_error *err)
{
    struct sim *sim = state;
    const struct kn_agent_sim_guest *g;
    AUTO_FREE char *with = NULL;

    HOLD(sim);
    g = driver_existing(sim, ref, err);
    if (g == NULL) {
        return -1;
    }
    with = kn_agent_sim_words_with(g->taps, kn_json_str(nic, "tap"));
    return put_taps(sim, g, with, err);
}

/* Guests that are not there let go at once. */
static int sim_detach_nic(void *state, const struct kn_agent_guest_ref *ref, const char *port, bool force,
                          struct kn_error *err)
{
    struct sim *sim = state;
    const struct kn_agent_sim_guest *g;
    char tap[KN_SIM_TAP_SIZE];
    AUTO_FREE char *without = NULL;

    (void)force;
    snprintf(tap, sizeof(tap), "tap%.11s", port);
    HOLD(sim);
    g = driver_existing(sim, ref, err);
    if (g == NULL) {
        return -1;
    }
    without = kn_agent_sim_words_without(g->taps, tap);
    return put_taps(sim, g, without, err);
}

static int sim_console_log(void *state, const struct kn_agent_guest_ref *ref, size_t max, struct kn_strbuf *out,
                           struct kn_error *err)
{
    struct sim *sim = state;
    const struct kn_agent_sim_guest *g;

    HOLD(sim);
    g = driver_existing(sim, ref, err);
    if (g == NULL) {
        return -1;
    }
    if (max > 256) { /* ends as a serial line does that somebody may type at */
        kn_strbuf_addf(out,
                       "simulated guest %s, generation %" PRId64
                       ", rebooted %d\nno kernel\nno userspace\n\nsim login: ",
                       ref->server, g->generation, g->reboots);
    }
    return 0;
}

static int sim_console(void *state, const struct kn_agent_guest_ref *ref, const char *type, int *ret_fd,
                       struct kn_error *err)
{
    HOLD((struct sim *)state);
    const struct kn_agent_sim_guest *g = driver_existing(state, ref, err);

    return g == NULL ? -1 : kn_agent_sim_console_open(g, type, ret_fd, err);
}

static int sim_diagnose(void *state, const struct kn_agent_guest_ref *ref, json_t **ret, struct kn_error *err)
{
    struct sim *sim = state;
    const struct kn_agent_sim_guest *g;

    HOLD(sim);
    g = driver_existing(sim, ref, err);
    *ret = g != NULL ? kn_agent_sim_diagnosis(g) : NULL;
    return g != NULL ? 0 : -1;
}

static int sim_list(void *state, const char *host, kn_agent_guest_visit *visit, void *ctx, struct kn_error *err)
{
    struct sim *sim = state;

    (void)err;
    HOLD(sim);
    for (const struct kn_agent_sim_guest *g = kn_agent_sim_store_first(sim->store, host_index(sim, host)); g != NULL;
         g = g->next) {
        visit(ctx, g->server, &(struct kn_agent_guest){ g->generation, true, g->power_state });
    }
    return 0;
}

static int sim_observe(void *state, const char *host, json_t **ret_seen, struct kn_error *err)
{
    struct sim *sim = state;
    json_t *domains = json_array();
    json_t *taps = json_array();
    json_t *dirs = json_array();

    (void)err;
    HOLD(sim);
    for (const struct kn_agent_sim_guest *g = kn_agent_sim_store_first(sim->store, host_index(sim, host)); g != NULL;
         g = g->next) {
        json_t *own = kn_agent_sim_words(g->taps);
        json_array_extend(taps, own);
        json_array_append_new(dirs, json_string(g->server));
        json_array_append_new(domains, kn_form_write_seen(g->server, g->generation, g->power_state,
                                                          kn_agent_sim_disks_volumes(g->volumes), own));
    }
    *ret_seen = json_pack("{s:o, s:o, s:o}", "domains", domains, "taps", taps, "dirs", dirs);
    return 0;
}

/* No packets, no kernel: what is told is read, and its version remembered. */
static void sim_networks(void *state, const char *host, json_t *body)
{
    struct sim *sim = state;
    const int index = host_index(sim, host);
    int64_t version = -1;
    struct kn_error err = { .code = KN_OK };
    bool missed = false;

    {
        HOLD(sim);
        if (sim->networks != NULL && index >= 0) {
            missed = kn_network_host_pretend(body, &sim->networks[index], &err) < 0;
            version = sim->networks[index];
        }
    }
    if (missed) {
        sim->events->networks_missed(sim->events->ctx, host, version);
    }
    json_decref(body);
}

static json_t *sim_networks_known(void *state)
{
    struct sim *sim = state;
    json_t *known = NULL;
    char host[sizeof(sim->prefix) + 16];

    HOLD(sim);
    if (sim->networks != NULL) {
        known = json_array();
        for (int i = 0; i < sim->hosts; i++) {
            snprintf(host, sizeof(host), "%s-%05d", sim->prefix, i + 1);
            json_array_append_new(known,
                                  json_pack("{s:s, s:I}", "host", host, "version", (json_int_t)sim->networks[i]));
        }
    }
    return known;
}

const struct kn_agent_driver kn_agent_driver_sim = {
    .name = "sim",
    .open = sim_open,
    .close = sim_close,
    .workers = sim_workers,
    .inventory = sim_inventory,
    .carries = sim_carries,
    .tick = sim_tick,
    .look = sim_look,
    .obey = sim_obey,
    .done = sim_done,
    .answer = sim_answer,
    .ensure_running = sim_ensure_running,
    .destroy = sim_destroy,
    .power = sim_power,
    .snapshot = sim_snapshot,
    .upload = sim_upload,
    .drop_snapshot = sim_drop_snapshot,
    .attach_disk = sim_attach,
    .detach_disk = sim_detach,
    .swap_disk = sim_swap,
    .attach_nic = sim_attach_nic,
    .detach_nic = sim_detach_nic,
    .console_log = sim_console_log,
    .console = sim_console,
    .diagnose = sim_diagnose,
    .list = sim_list,
    .observe = sim_observe,
    .networks = sim_networks,
    .networks_known = sim_networks_known,
};
