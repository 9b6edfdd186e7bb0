/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/events: guests that change by themselves. An event only says "look at this one"; the watcher thread then
 * asks libvirt for the state as it is now and tells it if it differs from what was told last. So late, doubled and missed
 * events cannot lie, and what a command did is never reported as the guest's own doing.
 */
#include <string.h>
#include <time.h>

#include "compute-agent/core/guest_dir.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/backoff.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/server_state.h"

#define WATCH_TICK_MS 1000
#define RESUME_MIN_MS 500
#define RESUME_MAX_MS 10000
#define RESUME_CALM_MS 30000 /* without an error: the next one is another story */
#define HELD_MAX 32
#define PULSE_MS 2000 /* from one look at whether containers live to the next */
#define DEAD_MS 6000  /* a container that reboots has no first process for less */
#define UNKNOWN (-1)

/* What the watcher knows of a guest. Guarded by lv->lock. */
struct kn_agent_watched {
    int told;         /* the power state that others know, UNKNOWN at first */
    int busy;         /* commands at work on it */
    bool is_due;      /* something happened: look */
    bool is_stopped;  /* by an I/O error of a volume that comes back: it is let go on again and again */
    int64_t resume_at_ms; /* not before */
    int64_t dead_since_ms; /* a container whose first process is none; 0: it lives */
    bool is_mended;        /* by the watcher: commands wait for it */
    struct kn_backoff resume;
};

static struct kn_agent_watched *watched(struct kn_agent_libvirt *lv, const char *server)
{
    struct kn_agent_watched *w = kn_hmap_get(lv->guests, server);

    if (w == NULL) {
        w = KN_NEW(struct kn_agent_watched);
        w->told = UNKNOWN;
        w->resume = (struct kn_backoff){ .min_ms = RESUME_MIN_MS, .max_ms = RESUME_MAX_MS };
        kn_hmap_put(lv->guests, server, w);
    }
    return w;
}

void kn_agent_libvirt_look_again(struct kn_agent_libvirt *lv, const char *server)
{
    pthread_mutex_lock(&lv->lock);
    watched(lv, server)->is_due = true;
    pthread_cond_broadcast(&lv->changed);
    pthread_mutex_unlock(&lv->lock);
}

static void happened(struct kn_agent_libvirt *lv, virDomainPtr dom)
{
    char server[VIR_UUID_STRING_BUFLEN];

    if (virDomainGetUUIDString(dom, server) < 0 || strncmp(virDomainGetName(dom), "kn-", 3) != 0) {
        return;
    }
    kn_agent_libvirt_look_again(lv, server);
}

static int on_lifecycle(virConnectPtr conn, virDomainPtr dom, int event, int detail, void *opaque)
{
    (void)conn, (void)event, (void)detail;
    happened(opaque, dom);
    return 0;
}

/* A container that rebooted is another one, with new NICs; its lifecycle says nothing of it. */
static void on_reboot(virConnectPtr conn, virDomainPtr dom, void *opaque)
{
    (void)conn;
    happened(opaque, dom);
}

static void on_device_removed(virConnectPtr conn, virDomainPtr dom, const char *alias, void *opaque)
{
    (void)conn, (void)alias;
    happened(opaque, dom);
}

static void on_io_error(virConnectPtr conn, virDomainPtr dom, const char *path, const char *alias, int action,
                        const char *reason, void *opaque)
{
    (void)conn, (void)alias, (void)action;
    kn_log(KN_WARNING, "guest has an I/O error", "domain", virDomainGetName(dom), "path", path, "reason", reason, NULL);
    happened(opaque, dom);
}

int kn_agent_libvirt_events_register(struct kn_agent_libvirt *lv, virConnectPtr conn, struct kn_error *err)
{
    static const struct {
        int id;
        virConnectDomainEventGenericCallback call;
    } EVENTS[] = {
        { VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle) },
        { VIR_DOMAIN_EVENT_ID_REBOOT, VIR_DOMAIN_EVENT_CALLBACK(on_reboot) },
        { VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_device_removed) },
        { VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED, VIR_DOMAIN_EVENT_CALLBACK(on_device_removed) },
        { VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, VIR_DOMAIN_EVENT_CALLBACK(on_io_error) },
    };

    for (size_t i = 0; i < KN_COUNT(EVENTS); i++) {
        if (virConnectDomainEventRegisterAny(conn, NULL, EVENTS[i].id, EVENTS[i].call, lv, NULL) < 0) {
            return kn_agent_libvirt_fail(err, "registering for events");
        }
    }
    return 0;
}

static int power_of_off(virDomainPtr dom, int reason, const char **ret_reason)
{
    static const char *const REASONS[] = {
        [VIR_DOMAIN_SHUTOFF_UNKNOWN] = "unknown",     [VIR_DOMAIN_SHUTOFF_SHUTDOWN] = "shutdown",
        [VIR_DOMAIN_SHUTOFF_DESTROYED] = "destroyed", [VIR_DOMAIN_SHUTOFF_CRASHED] = "crashed",
        [VIR_DOMAIN_SHUTOFF_MIGRATED] = "migrated",   [VIR_DOMAIN_SHUTOFF_SAVED] = "saved",
        [VIR_DOMAIN_SHUTOFF_FAILED] = "failed",       [VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT] = "from snapshot",
        [VIR_DOMAIN_SHUTOFF_DAEMON] = "daemon",
    };

    *ret_reason = reason >= 0 && reason < (int)KN_COUNT(REASONS) ? REASONS[reason] : "unknown";
    if (reason == VIR_DOMAIN_SHUTOFF_CRASHED) {
        return KN_POWER_CRASHED;
    }
    return virDomainHasManagedSaveImage(dom, 0) == 1 ? KN_POWER_SUSPENDED : KN_POWER_SHUTDOWN;
}

int kn_agent_libvirt_power_state(virDomainPtr dom, const char **ret_reason)
{
    const char *none = NULL;
    const char **why = ret_reason != NULL ? ret_reason : &none;
    int state = VIR_DOMAIN_NOSTATE;
    int reason = 0;

    *why = "";
    if (virDomainGetState(dom, &state, &reason, 0) < 0) {
        return KN_POWER_NONE;
    }
    switch ((virDomainState)state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
    case VIR_DOMAIN_SHUTDOWN: /* on its way; it still runs */
        *why = "running";
        return KN_POWER_RUNNING;
    case VIR_DOMAIN_PAUSED:
        *why = reason == VIR_DOMAIN_PAUSED_IOERROR ? "I/O error" : "paused";
        return KN_POWER_PAUSED;
    case VIR_DOMAIN_SHUTOFF:
        return power_of_off(dom, reason, why);
    case VIR_DOMAIN_CRASHED:
        *why = "crashed";
        return KN_POWER_CRASHED;
    case VIR_DOMAIN_PMSUSPENDED:
        *why = "guest suspended itself";
        return KN_POWER_SUSPENDED;
    case VIR_DOMAIN_NOSTATE:
        break;
    }
    return KN_POWER_NONE;
}

void kn_agent_libvirt_begin(struct kn_agent_libvirt *lv, const char *server)
{
    pthread_mutex_lock(&lv->lock);
    while (watched(lv, server)->is_mended) {
        pthread_cond_wait(&lv->changed, &lv->lock);
    }
    watched(lv, server)->busy++;
    pthread_mutex_unlock(&lv->lock);
}

void kn_agent_libvirt_end(struct kn_agent_libvirt *lv, const char *server, int power_state)
{
    struct kn_agent_watched *w;

    pthread_mutex_lock(&lv->lock);
    w = watched(lv, server);
    w->busy--;
    w->is_due = true; /* what happened meanwhile was not looked at */
    if (power_state != UNKNOWN) {
        w->told = power_state;
    }
    pthread_cond_broadcast(&lv->changed);
    pthread_mutex_unlock(&lv->lock);
}

void kn_agent_libvirt_note(struct kn_agent_libvirt *lv, const char *server, int power_state)
{
    struct kn_agent_watched *w;

    pthread_mutex_lock(&lv->lock);
    w = watched(lv, server);
    if (w->busy == 0) {
        w->told = power_state;
    }
    w->is_due |= power_state == KN_POWER_PAUSED; /* an agent that begins does not know why */
    pthread_mutex_unlock(&lv->lock);
}

void kn_agent_libvirt_wait(struct kn_agent_libvirt *lv, int64_t ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&lv->lock);
    pthread_cond_timedwait(&lv->changed, &lv->lock, &until);
    pthread_mutex_unlock(&lv->lock);
}

void kn_agent_libvirt_give_way(void *state, const char *server, int64_t generation)
{
    struct kn_agent_libvirt *lv = state;

    pthread_mutex_lock(&lv->lock);
    if (generation > 0) {
        int64_t *doom = KN_NEW(int64_t);
        *doom = generation;
        kn_hmap_put(lv->doomed, server, doom);
    } else {
        kn_hmap_del(lv->doomed, server);
    }
    pthread_cond_broadcast(&lv->changed);
    pthread_mutex_unlock(&lv->lock);
}

bool kn_agent_libvirt_is_doomed(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref)
{
    const int64_t *doom;
    bool is_doomed;

    pthread_mutex_lock(&lv->lock);
    doom = kn_hmap_get(lv->doomed, ref->server);
    is_doomed = doom != NULL && *doom >= ref->generation; /* a late destroy of an older decision dooms nobody */
    pthread_mutex_unlock(&lv->lock);
    return is_doomed;
}

/* A server without a domain, unless a command is making it one. */
static void events_forget(struct kn_agent_libvirt *lv, const char *server)
{
    pthread_mutex_lock(&lv->lock);
    if (watched(lv, server)->busy == 0) {
        kn_hmap_del(lv->guests, server);
    }
    pthread_mutex_unlock(&lv->lock);
}

/* One guest that is due and not busy; false when there is none. */
static bool take_due(struct kn_agent_libvirt *lv, char server[KN_UUID_SIZE])
{
    const char *key;
    void *value;
    bool found = false;

    pthread_mutex_lock(&lv->lock);
    for (size_t at = 0; !found && kn_hmap_next(lv->guests, &at, &key, &value);) {
        struct kn_agent_watched *w = value;
        if ((w->is_due || (w->is_stopped && kn_mono_ms() >= w->resume_at_ms)) && w->busy == 0) {
            w->is_due = false;
            kn_copy(server, KN_UUID_SIZE, key);
            found = true;
        }
    }
    pthread_mutex_unlock(&lv->lock);
    return found;
}

/* The state goes out unless others know it, or a command has begun meanwhile (its answer says it). */
static bool should_tell(struct kn_agent_libvirt *lv, const char *server, int power_state)
{
    struct kn_agent_watched *w;
    bool tell;

    pthread_mutex_lock(&lv->lock);
    w = watched(lv, server);
    tell = w->busy == 0 && w->told != UNKNOWN && w->told != power_state;
    if (w->busy == 0) {
        w->told = power_state;
    }
    pthread_mutex_unlock(&lv->lock);
    return tell;
}

bool kn_agent_libvirt_is_stopped(virDomainPtr dom)
{
    int state = VIR_DOMAIN_NOSTATE;
    int reason = 0;

    return virDomainGetState(dom, &state, &reason, 0) == 0 && state == VIR_DOMAIN_PAUSED &&
           reason == VIR_DOMAIN_PAUSED_IOERROR;
}

static char *events_held(virDomainPtr dom)
{
    return kn_asprintf("%u\n", virDomainGetID(dom));
}

static bool events_is_held(struct kn_agent_libvirt *lv, virDomainPtr dom, const char *server)
{
    char path[PATH_MAX];
    AUTO_FREE char *wanted = events_held(dom), *text = NULL;
    struct kn_error none = { 0 };
    size_t len = 0;

    kn_agent_guest_path(lv->conf->agent_state_dir, server, KN_GUEST_HELD, path);
    return kn_file_read(path, HELD_MAX, &text, &len, &none) == 0 && strcmp(text, wanted) == 0;
}

int kn_agent_libvirt_hold(struct kn_agent_libvirt *lv, virDomainPtr dom, const char *server, struct kn_error *err)
{
    char dir[PATH_MAX];
    AUTO_FREE char *text = events_held(dom);

    kn_agent_guest_path(lv->conf->agent_state_dir, server, "", dir);
    return kn_file_replace(dir, KN_GUEST_HELD, text, strlen(text), err);
}

void kn_agent_libvirt_let_go_on(struct kn_agent_libvirt *lv, const char *server)
{
    char path[PATH_MAX];

    kn_agent_guest_path(lv->conf->agent_state_dir, server, KN_GUEST_HELD, path);
    unlink(path);
}

/* QEMU finds its way back to a socket by itself, but not at once: so a guest that stops again is let go on again, later each time. */
static void events_resume(struct kn_agent_libvirt *lv, virDomainPtr dom, const char *server)
{
    const bool is_stopped = kn_agent_libvirt_is_stopped(dom) && kn_agent_libvirt_remote_has(lv, server) &&
                            !events_is_held(lv, dom, server);
    bool resumes = false;

    pthread_mutex_lock(&lv->lock);
    struct kn_agent_watched *w = watched(lv, server);
    const int64_t now = kn_mono_ms();
    if (is_stopped && !w->is_stopped && now - w->resume_at_ms > RESUME_CALM_MS) {
        kn_backoff_reset(&w->resume);
    }
    w->is_stopped = is_stopped;
    if (is_stopped && now >= w->resume_at_ms && w->busy == 0) {
        w->resume_at_ms = now + kn_backoff_next(&w->resume, (uint32_t)kn_mono_us());
        resumes = true;
    }
    pthread_mutex_unlock(&lv->lock);
    if (resumes) {
        kn_log(KN_INFO, "a guest that stopped for its disk is let go on", "server", server, NULL);
        virDomainResume(dom); /* fails, or stops again: then it is tried again */
    }
}

static void look_at(struct kn_agent_libvirt *lv, const char *server)
{
    AUTO_DOM virDomainPtr dom = NULL;
    const char *reason;
    struct kn_agent_guest guest;

    if (kn_agent_libvirt_find(lv, server, &dom, NULL) < 0) {
        return; /* libvirt went away: everything is looked at again when it is back */
    }
    if (dom == NULL) {
        events_forget(lv, server);
        return;
    }
    events_resume(lv, dom, server);
    guest = (struct kn_agent_guest){ kn_agent_libvirt_generation(lv, dom, server), true,
                                     kn_agent_libvirt_power_state(dom, &reason) };
    if (lv->is_lxc && guest.power_state == KN_POWER_RUNNING) { /* it may have rebooted: then its NICs are new */
        struct kn_error err = { 0 };

        if (kn_agent_container_tend(lv, server, &err) < 0) {
            kn_log_error("looking after a container", &err);
        }
    }
    if (should_tell(lv, server, guest.power_state)) {
        kn_log(KN_INFO, "guest changed by itself", "server", server, "reason", reason, NULL);
        lv->events->power_changed(lv->events->ctx, lv->host, server, &guest, reason);
    }
}

/* --- containers that are dead and called running ---------------------------------------------------------------------------- */

/* True: for so long, and nobody is at work on it; then commands wait until mended. */
static bool dead_is_mine(struct kn_agent_libvirt *lv, const char *server, bool is_dead)
{
    const int64_t now = kn_mono_ms();

    pthread_mutex_lock(&lv->lock);
    struct kn_agent_watched *w = watched(lv, server);
    if (!is_dead || w->busy > 0) {
        w->dead_since_ms = 0;
    } else if (w->dead_since_ms == 0) {
        w->dead_since_ms = now;
    }
    w->is_mended = w->dead_since_ms != 0 && now - w->dead_since_ms >= DEAD_MS;
    const bool is_mine = w->is_mended;
    pthread_mutex_unlock(&lv->lock);
    return is_mine;
}

/* libvirt has not seen it end: it is ended, and since libvirt starts one that reboots, and calls one that went down off, started again. */
static void dead_is_mended(struct kn_agent_libvirt *lv, virDomainPtr dom, const char *server)
{
    struct kn_error err = { 0 };

    kn_log(KN_WARNING, "a container whose first process is dead is started anew", "server", server, NULL);
    if (kn_agent_libvirt_kill(dom, &err) < 0) {
        kn_log_error("ending a dead container", &err);
    } else if (virDomainCreate(dom) < 0) {
        kn_agent_libvirt_fail(&err, "starting a container anew");
        kn_log_error("it stays off", &err);
    }
    pthread_mutex_lock(&lv->lock);
    struct kn_agent_watched *w = watched(lv, server);
    w->is_mended = false;
    w->dead_since_ms = 0;
    w->is_due = true;
    pthread_cond_broadcast(&lv->changed);
    pthread_mutex_unlock(&lv->lock);
}

static void look_for_dead(struct kn_agent_libvirt *lv)
{
    json_auto_t *servers = kn_agent_guest_servers(lv->conf->agent_state_dir);
    const json_t *server;
    size_t i;

    json_array_foreach (servers, i, server) {
        AUTO_DOM virDomainPtr dom = NULL;
        const char *id = json_string_value(server);

        if (kn_agent_libvirt_find(lv, id, &dom, NULL) < 0) {
            return;
        }
        if (dom != NULL && dead_is_mine(lv, id, virDomainIsActive(dom) == 1 && kn_agent_container_is_dead(dom))) {
            dead_is_mended(lv, dom, id);
        }
    }
}

static void all_are_due(struct kn_agent_libvirt *lv)
{
    const char *key;
    void *value;

    pthread_mutex_lock(&lv->lock);
    for (size_t at = 0; kn_hmap_next(lv->guests, &at, &key, &value);) {
        ((struct kn_agent_watched *)value)->is_due = true;
    }
    pthread_mutex_unlock(&lv->lock);
}

static bool is_connected(struct kn_agent_libvirt *lv)
{
    bool is;

    pthread_mutex_lock(&lv->lock);
    is = lv->conn != NULL && !lv->is_lost;
    pthread_mutex_unlock(&lv->lock);
    return is;
}

void *kn_agent_libvirt_watch_loop(void *opaque)
{
    struct kn_agent_libvirt *lv = opaque;
    struct kn_backoff backoff = { .min_ms = 100, .max_ms = 5000 };
    char server[KN_UUID_SIZE];
    int64_t pulse_at_ms = 0;

    while (!lv->is_stopping) {
        if (!is_connected(lv)) {
            if (!kn_agent_libvirt_reconnect(lv)) {
                kn_agent_libvirt_wait(lv, kn_backoff_next(&backoff, (uint32_t)kn_mono_us()));
                continue;
            }
            kn_backoff_reset(&backoff);
            all_are_due(lv);
        }
        while (!lv->is_stopping && is_connected(lv) && take_due(lv, server)) {
            look_at(lv, server);
        }
        if (lv->is_lxc && is_connected(lv) && kn_mono_ms() >= pulse_at_ms) {
            look_for_dead(lv);
            pulse_at_ms = kn_mono_ms() + PULSE_MS;
        }
        kn_agent_libvirt_wait(lv, WATCH_TICK_MS);
    }
    return NULL;
}
