/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/driver: real guests. This file opens and closes everything the driver stands on, in an order that lets a crash at
 * any point be followed by a plain start: metadata server, networks (they come back from their own files), libvirt, watcher.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>

#include "compute-agent/core/disk.h"
#include "compute-agent/core/file.h"
#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/guest_password.h"
#include "compute-agent/core/rootfs.h"
#include "compute-agent/core/spec.h"
#include "compute-agent/core/tombstone.h"
#include "compute-agent/libvirt/domain_scan.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"

#define WORKERS 8

static void silence(void *ctx, virErrorPtr error)
{
    (void)ctx, (void)error; /* every error is taken where it happens */
}

static int setup_libvirt(struct kn_error *err)
{
    static bool is_done; /* main thread */

    if (is_done) {
        return 0;
    }
    virSetErrorFunc(NULL, silence);
    if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0) {
        return kn_fail(err, KN_INTERNAL, "libvirt cannot be initialised");
    }
    is_done = true;
    return 0;
}

static int enter_netns(const char *path, struct kn_error *err)
{
    if (path[0] == '\0') {
        return 0;
    }
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot enter network namespace \"%s\": %s", path, strerror(errno));
    }
    return 0;
}

static void driver_door_open(void *ctx, const char *network, int fd)
{
    struct kn_agent_libvirt *lv = ctx;

    kn_agent_metadata_server_open(lv->metadata, network, fd);
}

static void door_close(void *ctx, const char *network)
{
    struct kn_agent_libvirt *lv = ctx;

    kn_agent_metadata_server_close(lv->metadata, network);
}

static bool who_asks(void *ctx, const char *network, const char *source_ip, char ret_server[KN_UUID_SIZE],
                     json_t **ret_spec)
{
    struct kn_agent_libvirt *lv = ctx;
    json_auto_t *spec = NULL;

    if (lv->net == NULL || !kn_network_host_lookup(lv->net, network, source_ip, ret_server) ||
        kn_agent_guest_load(lv->conf->agent_state_dir, ret_server, NULL, &spec, NULL) < 0) {
        return false;
    }
    *ret_spec = kn_agent_libvirt_told(lv, spec); /* what is so now, not what was when it was made */
    return true;
}

static void networks_missed(void *ctx, int64_t version)
{
    struct kn_agent_libvirt *lv = ctx;

    lv->events->networks_missed(lv->events->ctx, lv->host, version);
}

static void driver_announced(void *ctx, json_t *heard)
{
    const struct kn_agent_libvirt *lv = ctx;

    lv->events->announced(lv->events->ctx, lv->host, heard);
}

static json_t *password_of(void *ctx, const char *server)
{
    struct kn_agent_libvirt *lv = ctx;

    return kn_agent_guest_password(lv->conf->agent_state_dir, server);
}

static int driver_take_password(void *ctx, const char *server, const char *text, size_t len, struct kn_error *err)
{
    struct kn_agent_libvirt *lv = ctx;

    return kn_agent_guest_password_post(lv->conf->agent_state_dir, server, text, len, err);
}

/* Once: an operator who changes it starts the agent again. */
static int read_vendor_data(struct kn_agent_libvirt *lv, struct kn_error *err)
{
    const char *path = lv->conf->agent_vendor_data_file;
    json_error_t why;

    if (path[0] == '\0') {
        return 0;
    }
    lv->vendor = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    return json_is_object(lv->vendor)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "agent.vendor_data_file: \"%s\" holds no JSON object: %s", path,
                         lv->vendor == NULL ? why.text : "it is something else");
}

static int open_networks(struct kn_agent_libvirt *lv, struct kn_error *err)
{
    struct kn_network_host_options options = {
        .state_dir = lv->conf->agent_state_dir,
        .underlay = lv->conf->agent_underlay_address,
        .physical = lv->conf->agent_physical_networks,
        .metadata_open = driver_door_open,
        .metadata_close = door_close,
        .announced = driver_announced,
        .taps_come_with_guests = lv->is_lxc,
        .ctx = lv,
    };

    const struct kn_agent_metadata_guests guests = { who_asks, password_of, driver_take_password, lv,
                                                     lv->conf->agent_metadata_per_minute };

    return read_vendor_data(lv, err) < 0 || kn_agent_metadata_server_new(&guests, &lv->metadata, err) < 0 ||
                   kn_network_host_open(&options, &lv->net, err) < 0
               ? -1
               : kn_network_feed_new(lv->net, networks_missed, lv, &lv->feed, err);
}

static int driver_start_threads(struct kn_agent_libvirt *lv, struct kn_error *err)
{
    if (pthread_create(&lv->watch_thread, NULL, kn_agent_libvirt_watch_loop, lv) != 0) {
        return kn_fail(err, KN_INTERNAL, "cannot start the watcher thread");
    }
    if (!lv->is_lxc && pthread_create(&lv->remote_thread, NULL, kn_agent_libvirt_remote_loop, lv) != 0) {
        lv->is_stopping = true;
        pthread_join(lv->watch_thread, NULL);
        return kn_fail(err, KN_INTERNAL, "cannot start the thread of remote disks");
    }
    return 0;
}

/* What has been opened, closed again; nothing runs yet or any more but the event loop. */
static void driver_release(struct kn_agent_libvirt *lv)
{
    lv->is_stopping = true;
    kn_agent_vir_conn_auto(&lv->conn);
    pthread_join(lv->event_thread, NULL);
    kn_agent_ttys_free(lv->ttys);
    kn_network_feed_free(lv->feed);
    kn_agent_metadata_server_free(lv->metadata); /* before the networks: its thread asks them */
    json_decref(lv->vendor);
    kn_network_host_free(lv->net);
    kn_hmap_free(lv->guests);
    kn_hmap_free(lv->doomed);
    pthread_cond_destroy(&lv->changed);
    pthread_mutex_destroy(&lv->lock);
    close(lv->remote_poke);
    free(lv);
}

static struct kn_agent_libvirt *driver_create(const struct kn_conf *conf, const char *host,
                                              const struct kn_agent_driver_events *events)
{
    struct kn_agent_libvirt *lv = KN_NEW(struct kn_agent_libvirt);
    pthread_condattr_t attr;

    lv->conf = conf;
    lv->is_lxc = strcmp(conf->agent_driver, kn_agent_driver_lxc.name) == 0;
    lv->uri = conf->agent_libvirt_uri[0] != '\0' ? conf->agent_libvirt_uri
              : lv->is_lxc                       ? "lxc:///system"
                                                 : "qemu:///system";
    lv->events = events;
    kn_copy(lv->host, sizeof(lv->host), host);
    lv->guests = kn_hmap_new(free);
    lv->doomed = kn_hmap_new(free);
    lv->remote_poke = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&lv->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&lv->changed, &attr);
    pthread_condattr_destroy(&attr);
    return lv;
}

static int open_containers(struct kn_agent_libvirt *lv, struct kn_error *err)
{
    return kn_agent_rootfs_prepare(lv->conf->agent_state_dir, err) < 0
               ? -1
               : kn_agent_ttys_new(lv->conf->agent_state_dir, &lv->ttys, err);
}

static int lv_open(const struct kn_conf *conf, const char *host, const struct kn_agent_driver_events *events,
                   void **ret_state, struct kn_error *err)
{
    struct kn_agent_libvirt *lv;

    if (kn_agent_tombstone_prepare(conf->agent_state_dir, err) < 0 || setup_libvirt(err) < 0 ||
        enter_netns(conf->agent_netns, err) < 0) {
        return -1;
    }
    lv = driver_create(conf, host, events);
    if (pthread_create(&lv->event_thread, NULL, kn_agent_libvirt_event_loop, lv) != 0) {
        return kn_fail(err, KN_INTERNAL, "cannot start the event thread");
    }
    if ((lv->is_lxc && open_containers(lv, err) < 0) || kn_agent_libvirt_connect(lv, err) < 0 ||
        open_networks(lv, err) < 0 || driver_start_threads(lv, err) < 0) {
        driver_release(lv);
        return -1;
    }
    if (!lv->is_lxc) {
        kn_agent_libvirt_secrets_forget(lv);
    }
    *ret_state = lv;
    return 0;
}

static void lv_close(void *state)
{
    struct kn_agent_libvirt *lv = state;

    lv->is_stopping = true;
    pthread_mutex_lock(&lv->lock);
    pthread_cond_broadcast(&lv->changed);
    pthread_mutex_unlock(&lv->lock);
    pthread_join(lv->watch_thread, NULL);
    if (!lv->is_lxc) {
        kn_agent_libvirt_remote_poke(lv);
        pthread_join(lv->remote_thread, NULL);
    }
    driver_release(lv);
}

static int lv_workers(const void *state)
{
    (void)state;
    return WORKERS;
}

static bool lv_carries(const void *state, const char *host)
{
    const struct kn_agent_libvirt *lv = state;

    return strcmp(lv->host, host) == 0;
}

/* The processor as Nova's cpu_info has it. */
static json_t *cpu_info(virConnectPtr conn, const virNodeInfo *node)
{
    AUTO_FREE char *capabilities = virConnectGetCapabilities(conn);
    char arch[32] = "x86_64";
    char model[64] = "";
    char vendor[64] = "";

    if (capabilities != NULL) {
        kn_agent_scan_text(capabilities, "cpu", "arch", arch, sizeof(arch));
        kn_agent_scan_text(capabilities, "cpu", "model", model, sizeof(model));
        kn_agent_scan_text(capabilities, "cpu", "vendor", vendor, sizeof(vendor));
    }
    return json_pack("{s:s, s:s, s:s, s:{s:i, s:i, s:i, s:i}, s:[]}", "arch", arch, "model", model, "vendor", vendor,
                     "topology", "cells", (int)node->nodes, "sockets", (int)node->sockets, "cores", (int)node->cores,
                     "threads", (int)node->threads, "features");
}

static int64_t disk_gib(const char *dir)
{
    struct statvfs fs;

    return statvfs(dir, &fs) < 0 ? 0 : (int64_t)((fs.f_blocks * (uint64_t)fs.f_frsize) >> 30);
}

static int lv_inventory(void *state, json_t **ret_hosts, struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;
    AUTO_CONN virConnectPtr conn = NULL;
    virNodeInfo node;
    unsigned long version = 0;
    const char *type;

    if (kn_agent_libvirt_conn(lv, &conn, err) < 0) {
        return -1;
    }
    type = virConnectGetType(conn);
    if (type == NULL || virNodeGetInfo(conn, &node) < 0 || virConnectGetVersion(conn, &version) < 0) {
        return kn_agent_libvirt_fail(err, "taking stock of the host");
    }
    json_auto_t *cannot = kn_agent_driver_cannot(kn_agent_driver_find(lv->conf->agent_driver));
    json_auto_t *physical = kn_network_physical_names(lv->conf->agent_physical_networks);
    const struct kn_host_said said = {
        .host = lv->host,
        .physical = physical,
        .cannot = cannot,
        .zone = lv->conf->agent_zone,
        .underlay = lv->conf->agent_underlay_address,
        .vcpus = node.cpus,
        .memory_mib = (int64_t)(node.memory / 1024),
        .reserved_memory_mib = lv->conf->agent_reserved_memory_mib,
        .disk_gib = disk_gib(lv->conf->agent_state_dir),
        .hypervisor_type = type,
        .hypervisor_version = (int64_t)version,
    };
    *ret_hosts = json_pack("[o]", kn_form_write_host(&said, cpu_info(conn, &node)));
    return 0;
}

static void lv_trim_consoles(const char *state_dir)
{
    json_auto_t *servers = kn_agent_guest_servers(state_dir);
    const json_t *server;
    size_t i;

    json_array_foreach (servers, i, server) {
        kn_agent_guest_trim_console(state_dir, json_string_value(server));
    }
}

static void lv_tick(void *state, int64_t now_ms)
{
    struct kn_agent_libvirt *lv = state;
    struct kn_error err = { 0 };

    kn_agent_tombstone_prune(lv->conf->agent_state_dir, now_ms - KN_TOMBSTONE_LIFE_MS);
    kn_agent_order_prune(lv->conf->agent_state_dir, now_ms - KN_TOMBSTONE_LIFE_MS);
    if (!lv->is_lxc) { /* of containers whoever writes it looks to that */
        lv_trim_consoles(lv->conf->agent_state_dir);
    }
    if (kn_network_host_tick(lv->net, &err) < 0) {
        kn_log_error("looking after the networks", &err);
    }
}

static int lv_console_log(void *state, const struct kn_agent_guest_ref *ref, size_t max, struct kn_strbuf *out,
                          struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;

    (void)err;
    kn_agent_guest_console(lv->conf->agent_state_dir, ref->server, max, out);
    return 0;
}

static json_t *lv_password(void *state, const struct kn_agent_guest_ref *ref)
{
    return kn_agent_guest_password(((struct kn_agent_libvirt *)state)->conf->agent_state_dir, ref->server);
}

static int lv_forget_password(void *state, const struct kn_agent_guest_ref *ref, const char *posted,
                              struct kn_error *err)
{
    return kn_agent_guest_password_forget(((struct kn_agent_libvirt *)state)->conf->agent_state_dir, ref->server,
                                          posted, err);
}

static int lv_describe(void *state, const struct kn_agent_guest_ref *ref, const json_t *description, int64_t task,
                       struct kn_error *err)
{
    const char *dir = ((struct kn_agent_libvirt *)state)->conf->agent_state_dir;
    int64_t generation = 0;
    json_t *spec = NULL;
    json_t *described;
    int done;

    if (kn_agent_guest_load(dir, ref->server, &generation, &spec, err) < 0) {
        return -1;
    }
    described = kn_agent_spec_describe(spec, description, task);
    done = kn_agent_guest_save(dir, ref->server, ref->host, generation, described, err);
    json_decref(described);
    json_decref(spec);
    return done;
}

static int lv_trace(void *state, const json_t *pieces, json_t **ret_found, struct kn_error *err)
{
    return kn_network_host_trace(((struct kn_agent_libvirt *)state)->net, pieces, ret_found, err);
}

static void lv_networks(void *state, const char *host, json_t *body)
{
    (void)host; /* one host an agent */
    kn_network_feed_add(((struct kn_agent_libvirt *)state)->feed, body);
}

static json_t *lv_networks_known(void *state)
{
    const struct kn_agent_libvirt *lv = state;

    return json_pack("[{s:s, s:I}]", "host", lv->host, "version", (json_int_t)kn_network_host_version(lv->net));
}

static bool lv_hold(void *state, int64_t reached_ms, bool *ret_holds)
{
    struct kn_agent_libvirt *lv = state;
    const enum kn_network_hold hold = kn_network_host_hold(lv->net, reached_ms, ret_holds);

    if (hold == KN_HOLD_UNANSWERED) {
        networks_missed(lv, -1); /* whatever it knows does not count */
    }
    return hold == KN_HOLD_REGAINED;
}

static void lv_question(void *state, char out[KN_UUID_SIZE])
{
    kn_network_host_question(((struct kn_agent_libvirt *)state)->net, out);
}

static json_t *lv_standing(void *state)
{
    const struct kn_agent_libvirt *lv = state;
    json_t *routers = kn_network_host_standing(lv->net);

    return routers == NULL ? NULL : json_pack("{s:s, s:o}", "host", lv->host, "routers", routers);
}

static int lv_cache_image(void *state, const json_t *image, struct kn_work *work, struct kn_error *err)
{
    const struct kn_agent_libvirt *lv = state;

    return kn_agent_disk_fetch(lv->conf, image, work, err);
}

/* What both kinds of guests have. */
#define LIBVIRT_GUESTS \
    .open = lv_open, .close = lv_close, .workers = lv_workers, .inventory = lv_inventory, .carries = lv_carries, \
    .tick = lv_tick, .look = kn_agent_libvirt_look, .obey = kn_agent_libvirt_obey, .done = kn_agent_libvirt_done, \
    .answer = kn_agent_libvirt_answer, .ensure_running = kn_agent_libvirt_ensure_running, \
    .destroy = kn_agent_libvirt_destroy, .power = kn_agent_libvirt_power, .describe = lv_describe, \
    .give_way = kn_agent_libvirt_give_way, .detach_disk = kn_agent_libvirt_detach_disk, \
    .resize_disk = kn_agent_libvirt_resize_disk, .copy_disk = kn_agent_libvirt_copy_disk, \
    .drop_copy = kn_agent_libvirt_drop_copy, .attach_nic = kn_agent_libvirt_attach_nic, \
    .detach_nic = kn_agent_libvirt_detach_nic, .console_log = lv_console_log, .console = kn_agent_libvirt_console, \
    .diagnose = kn_agent_libvirt_diagnose, .password = lv_password, .forget_password = lv_forget_password, \
    .cache_image = lv_cache_image, .list = kn_agent_libvirt_list, .observe = kn_agent_libvirt_observe, \
    .trace = lv_trace, .networks = lv_networks, .networks_known = lv_networks_known, .hold = lv_hold, \
    .question = lv_question, .standing = lv_standing

const struct kn_agent_driver kn_agent_driver_libvirt = {
    .name = "libvirt",
    .snapshot = kn_agent_libvirt_snapshot,
    .upload = kn_agent_libvirt_upload,
    .drop_snapshot = kn_agent_libvirt_drop_snapshot,
    .attach_disk = kn_agent_libvirt_attach_disk,
    .swap_disk = kn_agent_libvirt_swap_disk,
    .set_password = kn_agent_libvirt_set_password,
    LIBVIRT_GUESTS,
};

/* Of a container: no memory can be kept in a file, no disk be another's, no snapshot be taken while it runs; and no agent of QEMU's is in it. */
static const char *const CANNOT[] = { "suspend",       "rescue",      "createImage",    "createBackup",       "shelve",
                                      "attach_volume", "swap_volume", "changePassword", "trigger_crash_dump", NULL };

static int lxc_snapshot(void *state, const struct kn_agent_guest_ref *ref, bool quiesce, struct kn_work *work,
                        json_t **ret_made, struct kn_error *err)
{
    (void)state, (void)quiesce, (void)work, (void)ret_made;
    return kn_fail(err, KN_NOT_IMPLEMENTED, "server \"%s\" is a container: it has no snapshots", ref->server);
}

static int lxc_upload(void *state, const struct kn_agent_guest_ref *ref, const json_t *body, struct kn_work *work,
                      struct kn_error *err)
{
    (void)body;
    return lxc_snapshot(state, ref, false, work, NULL, err);
}

static int lxc_drop_snapshot(void *state, const struct kn_agent_guest_ref *ref, struct kn_error *err)
{
    (void)state, (void)ref, (void)err;
    return 0; /* there is none */
}

static int lxc_attach_disk(void *state, const struct kn_agent_guest_ref *ref, const char *volume,
                           const json_t *connection, const char *wish, char ret_device[KN_DEVICE_SIZE],
                           struct kn_error *err)
{
    (void)state, (void)volume, (void)connection, (void)wish;
    ret_device[0] = '\0';
    return kn_fail(err, KN_NOT_IMPLEMENTED, "server \"%s\" is a container: it has no place for volumes", ref->server);
}

static int lxc_set_password(void *state, const struct kn_agent_guest_ref *ref, const char *user, const char *password,
                            struct kn_error *err)
{
    (void)state, (void)user, (void)password;
    return kn_fail(err, KN_NOT_IMPLEMENTED, "server \"%s\" is a container: it has no agent", ref->server);
}

const struct kn_agent_driver kn_agent_driver_lxc = {
    .name = "lxc",
    .cannot = CANNOT,
    .snapshot = lxc_snapshot,
    .upload = lxc_upload,
    .drop_snapshot = lxc_drop_snapshot,
    .attach_disk = lxc_attach_disk,
    .set_password = lxc_set_password,
    LIBVIRT_GUESTS,
};
