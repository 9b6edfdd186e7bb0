/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/conn: the one connection to libvirt. When it breaks (libvirtd restarts), the watcher opens another and
 * registers for events again; guests run on meanwhile, commands wait a little and then say KN_UNAVAILABLE.
 */
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compute-agent/libvirt/domain_scan.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define KEEPALIVE_S 5
#define KEEPALIVE_COUNT 3
#define PATIENCE_MS 10000 /* how long a command waits for the connection to come back */
#define LOOP_TICK_MS 500
#define CPUINFO_HEAD 16384 /* the first processor and more */

static enum kn_code conn_code_of(const virError *e)
{
    switch ((int)e->code) {
    case VIR_ERR_NO_DOMAIN:
        return KN_NOT_FOUND;
    case VIR_ERR_OPERATION_INVALID:
        return KN_CONFLICT;
    case VIR_ERR_OPERATION_TIMEOUT:
        return KN_TIMEOUT;
    case VIR_ERR_RPC:
    case VIR_ERR_NO_CONNECT:
    case VIR_ERR_INVALID_CONN:
        return KN_UNAVAILABLE;
    default: /* libvirt has a hundred codes; these are the ones that mean something to us */
        return e->domain == VIR_FROM_RPC ? KN_UNAVAILABLE : KN_INTERNAL;
    }
}

int kn_agent_libvirt_fail(struct kn_error *err, const char *what)
{
    const virError *e = virGetLastError();

    return e == NULL ? kn_fail(err, KN_INTERNAL, "%s: libvirt does not say why", what)
                     : kn_fail(err, conn_code_of(e), "%s: %s", what, e->message);
}

static void closed(virConnectPtr conn, int reason, void *opaque)
{
    struct kn_agent_libvirt *lv = opaque;

    (void)reason;
    pthread_mutex_lock(&lv->lock);
    lv->is_lost = lv->is_lost || lv->conn == conn;
    pthread_cond_broadcast(&lv->changed);
    pthread_mutex_unlock(&lv->lock);
}

static int open_conn(struct kn_agent_libvirt *lv, virConnectPtr *ret_conn, struct kn_error *err)
{
    AUTO_CONN virConnectPtr conn = virConnectOpen(lv->uri);

    if (conn == NULL) {
        kn_agent_libvirt_fail(err, lv->uri);
        err->code = KN_UNAVAILABLE; /* whatever it is, it is worth trying again */
        return -1;
    }
    virConnectSetKeepAlive(conn, KEEPALIVE_S, KEEPALIVE_COUNT);
    if (virConnectRegisterCloseCallback(conn, closed, lv, NULL) < 0) {
        return kn_agent_libvirt_fail(err, "watching the connection");
    }
    if (kn_agent_libvirt_events_register(lv, conn, err) < 0) {
        return -1;
    }
    *ret_conn = kn_steal(&conn);
    return 0;
}

/*
 * Two witnesses: libvirt lists kvm when /dev/kvm opens, and that can be so in a guest whose processor offers no
 * virtualization at all: then QEMU dies, or crawls.
 */
static bool conn_can_kvm(const char *capabilities)
{
    AUTO_FREE char *cpuinfo = kn_alloc(CPUINFO_HEAD + 1);
    AUTO_CLOSE int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n;

    while (fd >= 0 && len < CPUINFO_HEAD && (n = read(fd, cpuinfo + len, CPUINFO_HEAD - len)) > 0) {
        len += (size_t)n;
    }
    return kn_agent_scan_has_kvm(capabilities) && kn_agent_scan_has_virtualization(cpuinfo);
}

static int choose_type(struct kn_agent_libvirt *lv, virConnectPtr conn, struct kn_error *err)
{
    if (lv->is_lxc) {
        kn_copy(lv->type, sizeof(lv->type), "lxc");
        return 0;
    }
    AUTO_FREE char *capabilities = virConnectGetCapabilities(conn);

    if (capabilities == NULL) {
        return kn_agent_libvirt_fail(err, "reading libvirt's capabilities");
    }
    kn_copy(lv->type, sizeof(lv->type), conn_can_kvm(capabilities) ? "kvm" : "qemu");
    kn_log(KN_INFO, "guests will run by", "type", lv->type, NULL);
    return 0;
}

int kn_agent_libvirt_connect(struct kn_agent_libvirt *lv, struct kn_error *err)
{
    AUTO_CONN virConnectPtr conn = NULL;

    if (open_conn(lv, &conn, err) < 0 || choose_type(lv, conn, err) < 0) {
        return -1;
    }
    pthread_mutex_lock(&lv->lock);
    lv->conn = kn_steal(&conn);
    pthread_mutex_unlock(&lv->lock);
    return 0;
}

bool kn_agent_libvirt_reconnect(struct kn_agent_libvirt *lv)
{
    AUTO_CONN virConnectPtr old = NULL;
    AUTO_CONN virConnectPtr conn = NULL;
    struct kn_error err = { 0 };

    pthread_mutex_lock(&lv->lock);
    if (lv->is_lost) {
        old = kn_steal(&lv->conn);
        lv->is_lost = false;
        kn_log(KN_WARNING, "the connection to libvirt is lost", "uri", lv->uri, NULL);
    }
    pthread_mutex_unlock(&lv->lock);
    if (open_conn(lv, &conn, &err) < 0) {
        return false;
    }
    pthread_mutex_lock(&lv->lock);
    lv->conn = kn_steal(&conn);
    pthread_cond_broadcast(&lv->changed);
    pthread_mutex_unlock(&lv->lock);
    kn_log(KN_INFO, "connected to libvirt", "uri", lv->uri, NULL);
    return true;
}

int kn_agent_libvirt_conn(struct kn_agent_libvirt *lv, virConnectPtr *ret_conn, struct kn_error *err)
{
    int64_t until = kn_mono_ms() + PATIENCE_MS;
    bool is_there;

    for (;;) {
        pthread_mutex_lock(&lv->lock);
        is_there = lv->conn != NULL && !lv->is_lost;
        if (is_there) {
            virConnectRef(lv->conn);
            *ret_conn = lv->conn;
        }
        pthread_mutex_unlock(&lv->lock);
        if (is_there) {
            return 0;
        }
        if (kn_mono_ms() >= until || lv->is_stopping) {
            return kn_fail(err, KN_UNAVAILABLE, "libvirt at \"%s\" is away", lv->uri);
        }
        kn_agent_libvirt_wait(lv, until - kn_mono_ms());
    }
}

/* 0 with *ret_dom, NULL if there is none. */
static int conn_look_up(virConnectPtr conn, const char *server, virDomainPtr *ret_dom, struct kn_error *err)
{
    virDomainPtr dom = virDomainLookupByUUIDString(conn, server);
    const virError *e = dom == NULL ? virGetLastError() : NULL;

    if (e != NULL && e->code != VIR_ERR_NO_DOMAIN) {
        return kn_agent_libvirt_fail(err, "looking for the domain");
    }
    *ret_dom = dom;
    return 0;
}

/* The first thing that every command does: so here a connection that just broke is waited for, not reported. */
int kn_agent_libvirt_find(struct kn_agent_libvirt *lv, const char *server, virDomainPtr *ret_dom, struct kn_error *err)
{
    const int64_t until = kn_mono_ms() + PATIENCE_MS;

    for (;;) {
        AUTO_CONN virConnectPtr conn = NULL;
        struct kn_error why = { 0 };
        if (kn_agent_libvirt_conn(lv, &conn, err) < 0) {
            return -1;
        }
        if (conn_look_up(conn, server, ret_dom, &why) == 0) {
            return 0;
        }
        if (why.code != KN_UNAVAILABLE || kn_mono_ms() >= until || lv->is_stopping) {
            return kn_fail(err, why.code, "%s", why.message);
        }
        closed(conn, 0, lv);
    }
}

/* Wakes the loop up now and then, so that it sees is_stopping. */
static void conn_tick(int timer, void *opaque)
{
    (void)timer, (void)opaque;
}

void *kn_agent_libvirt_event_loop(void *opaque)
{
    struct kn_agent_libvirt *lv = opaque;
    int timer = virEventAddTimeout(LOOP_TICK_MS, conn_tick, NULL, NULL);

    while (!lv->is_stopping) {
        if (virEventRunDefaultImpl() < 0) {
            nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
        }
    }
    virEventRemoveTimeout(timer);
    return NULL;
}
