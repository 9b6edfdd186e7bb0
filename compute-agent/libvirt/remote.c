/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/remote: volumes of guests that another machine serves: their daemons (compute-agent/core/remote_disk.h) are there before a guest needs them, come back when they end, and end with the volume. What should be there
 * is what the specs say: one that no spec knows is a stray. A guest that stopped because one of its daemons was away is let go on by the watcher (events.c).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/remote_disk.h"
#include "compute-agent/core/spec.h"
#include "compute-agent/libvirt/domain_scan.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/backoff.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define LOOK_MS 30000
#define AGAIN_MIN_MS 200
#define AGAIN_MAX_MS 10000

/* As whom QEMU runs, which the socket belongs to. */
static uid_t remote_user(struct kn_agent_libvirt *lv)
{
    AUTO_CONN virConnectPtr conn = NULL;
    struct kn_error none = { 0 };

    if (kn_agent_libvirt_conn(lv, &conn, &none) < 0) {
        return 0;
    }
    AUTO_FREE char *capabilities = virConnectGetCapabilities(conn);

    return capabilities != NULL ? (uid_t)kn_agent_scan_qemu_user(capabilities) : 0;
}

int kn_agent_libvirt_remote_disk(struct kn_agent_libvirt *lv, const char *server, const char *volume,
                                 const json_t *connection, struct kn_error *err)
{
    if (!kn_agent_remote_disk_is(connection)) {
        return 0;
    }
    if (kn_agent_remote_disk_ensure(server, volume, connection, remote_user(lv), NULL, NULL, err) < 0) {
        return -1;
    }
    kn_agent_libvirt_remote_poke(lv);
    return 0;
}

int kn_agent_libvirt_remote_disks(struct kn_agent_libvirt *lv, const char *server, const json_t *spec,
                                  struct kn_error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach (json_object_get(spec, "volumes"), i, item) {
        if (kn_agent_libvirt_remote_disk(lv, server, kn_json_str(item, "volume"), json_object_get(item, "connection"),
                                         err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_agent_libvirt_remote_gone(struct kn_agent_libvirt *lv, const char *server, const char *volume,
                                 struct kn_error *err)
{
    AUTO_FREE struct kn_agent_remote_disk *disks = NULL;
    size_t count = 0;

    if (kn_agent_remote_disk_list(&disks, &count, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(disks[i].server, server) == 0 && (volume == NULL || strcmp(disks[i].volume, volume) == 0) &&
            kn_agent_remote_disk_end(server, disks[i].volume, NULL, NULL, err) < 0) {
            return -1;
        }
    }
    kn_agent_libvirt_remote_poke(lv);
    return 0;
}

bool kn_agent_libvirt_remote_has(struct kn_agent_libvirt *lv, const char *server)
{
    json_auto_t *spec = NULL;
    const json_t *item;
    size_t i;

    if (kn_agent_guest_load(lv->conf->agent_state_dir, server, NULL, &spec, NULL) < 0) {
        return false;
    }
    json_array_foreach (json_object_get(spec, "volumes"), i, item) {
        if (kn_agent_remote_disk_is(json_object_get(item, "connection"))) {
            return true;
        }
    }
    return false;
}

/* --- the thread that looks after them ------------------------------------------------------------------------------------------------ */

void kn_agent_libvirt_remote_poke(struct kn_agent_libvirt *lv)
{
    if (write(lv->remote_poke, &(uint64_t){ 1 }, sizeof(uint64_t)) < 0) {
        kn_log(KN_WARNING, "cannot poke the thread of remote disks", NULL);
    }
}

/* Of a connection that the server's spec has; NULL: it has none. New reference. */
static json_t *remote_connection(struct kn_agent_libvirt *lv, const char *server, const char *volume)
{
    json_auto_t *spec = NULL;

    if (kn_agent_guest_load(lv->conf->agent_state_dir, server, NULL, &spec, NULL) < 0) {
        return NULL;
    }
    const json_t *connection = kn_agent_spec_connection(spec, volume);

    return kn_agent_remote_disk_is(connection) ? json_incref((json_t *)(uintptr_t)connection) : NULL;
}

static bool remote_is_wanted(void *ctx, const char *server, const char *volume)
{
    json_auto_t *connection = remote_connection(ctx, server, volume);

    return connection != NULL;
}

/* The spec is written before a daemon starts and forgets the volume before it ends: so one that no spec has is nobody's. False: to be tried again. */
static bool remote_mend(struct kn_agent_libvirt *lv, const struct kn_agent_remote_disk *disk, int *ret_process)
{
    json_auto_t *connection = remote_connection(lv, disk->server, disk->volume);
    struct kn_error err = { 0 };
    bool was_gone = false;
    int rc;

    *ret_process = -1;
    rc = connection != NULL ? kn_agent_remote_disk_ensure(disk->server, disk->volume, connection, remote_user(lv),
                                                          ret_process, &was_gone, &err)
                            : kn_agent_remote_disk_end(disk->server, disk->volume, remote_is_wanted, lv, &err);
    if (rc < 0) {
        kn_log(KN_WARNING, "a remote disk is not as it should be", "server", disk->server, "volume", disk->volume,
               "error", err.message, NULL);
    } else if (was_gone) {
        kn_log(KN_WARNING, "a remote disk's daemon was gone and is started again", "server", disk->server, "volume",
               disk->volume, NULL);
        kn_agent_libvirt_look_again(lv, disk->server); /* its guest may have stopped */
    }
    return rc == 0;
}

/* *ret_fds (heap): the poke, and what runs. */
static bool remote_round(struct kn_agent_libvirt *lv, struct pollfd **ret_fds, size_t *ret_count)
{
    AUTO_FREE struct kn_agent_remote_disk *disks = NULL;
    struct kn_error err = { 0 };
    size_t count = 0;
    bool is_good = kn_agent_remote_disk_list(&disks, &count, &err) == 0;

    *ret_fds = kn_alloc((count + 1) * sizeof(**ret_fds));
    (*ret_fds)[0] = (struct pollfd){ .fd = lv->remote_poke, .events = POLLIN };
    *ret_count = 1;
    for (size_t i = 0; i < count; i++) {
        int process = -1;

        is_good &= remote_mend(lv, &disks[i], &process);
        if (process >= 0) {
            (*ret_fds)[(*ret_count)++] = (struct pollfd){ .fd = process, .events = POLLIN };
        }
    }
    return is_good;
}

void *kn_agent_libvirt_remote_loop(void *opaque)
{
    struct kn_agent_libvirt *lv = opaque;
    struct kn_backoff backoff = { .min_ms = AGAIN_MIN_MS, .max_ms = AGAIN_MAX_MS };

    while (!lv->is_stopping) {
        AUTO_FREE struct pollfd *fds = NULL;
        size_t count = 0;
        uint64_t pokes;
        const bool is_good = remote_round(lv, &fds, &count);

        if (is_good) {
            kn_backoff_reset(&backoff);
        }
        const int64_t wait = is_good ? LOOK_MS : kn_backoff_next(&backoff, (uint32_t)kn_mono_us());
        if (poll(fds, count, (int)wait) > 0 && fds[0].revents != 0 &&
            read(lv->remote_poke, &pokes, sizeof(pokes)) < 0) {
            kn_log(KN_WARNING, "cannot hear who pokes the thread of remote disks", NULL);
        }
        for (size_t i = 1; i < count; i++) {
            close(fds[i].fd);
        }
    }
    return NULL;
}
