/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/private: what the files of the libvirt driver share. Nobody else includes it: libvirt stays in this cage.
 *
 *   driver.c         the table, open and close, inventory
 *   conn.c    the connection: opened, watched, opened again; libvirt's errors as ours
 *   events.c  libvirt's events to power state reports
 *   guest.c   define, start, destroy
 *   config_drive.c  what a guest is told, on a disk
 *   power.c   the other power actions
 *   plug.c    what disks and NICs share: a domain's two faces, and devices that a guest lets go of
 *   disk.c    volumes in and out
 *   swap.c    one volume in another's place
 *   remote.c  volumes that another machine serves
 *   secret.c  what opens encrypted volumes
 *   nic.c     NICs in and out
 *   snapshot.c  a file of the root disk
 *   list.c    what is there
 *   container.c  what is another thing where guests are containers
 *   container_tty.c  their consoles, which nobody else keeps
 *   console.c  the serial line and the picture of a guest, for who comes from outside
 *   diagnose.c  what a guest uses
 *   guest_agent.c  what the agent inside of it is asked
 */
#ifndef KN_COMPUTE_AGENT_LIBVIRT_PRIVATE_H
#define KN_COMPUTE_AGENT_LIBVIRT_PRIVATE_H

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "compute-agent/core/driver.h"
#include "compute-agent/libvirt/domain_scan.h"
#include "compute-agent/metadata/server.h"
#include "lib/base/cleanup.h"
#include "lib/base/hmap.h"
#include "lib/base/uuid.h"
#include "network/host.h"

struct kn_agent_libvirt {
    const struct kn_conf *conf;             /* immutable after open, as all down to `lock` */
    char host[256];
    const struct kn_agent_driver_events *events;
    char type[8];                           /* kvm or qemu; lxc */
    bool is_lxc;                            /* its guests are containers */
    const char *uri;
    struct kn_agent_ttys *ttys;             /* of containers; NULL otherwise. Has a lock of its own */
    struct kn_network_host *net;                /* has a lock of its own */
    struct kn_network_feed *feed;               /* what net is told */
    struct kn_agent_metadata_server *metadata;
    json_t *vendor;                         /* what all guests are told (agent.vendor_data_file); NULL: nothing */
    pthread_t event_thread, watch_thread, remote_thread;
    int remote_poke;                        /* an eventfd */
    atomic_bool is_stopping;

    pthread_mutex_t lock; /* guards all below; never held while libvirt is called */
    pthread_cond_t changed; /* libvirt told us something, or the connection came back */
    virConnectPtr conn; /* NULL while libvirt is away */
    bool is_lost; /* conn is dead, the watcher replaces it */
    struct kn_hmap *doomed; /* server -> int64_t: the generation of a destroy that waits for its turn */
    struct kn_hmap *guests; /* server -> struct kn_agent_watched, see events.c */
};

/* --- conn.c --- */
static inline void kn_agent_vir_conn_auto(virConnectPtr *conn)
{
    if (*conn != NULL) {
        virConnectClose(*conn);
    }
}
static inline void kn_agent_vir_dom_auto(virDomainPtr *dom)
{
    if (*dom != NULL) {
        virDomainFree(*dom);
    }
}
#define AUTO_CONN __attribute__((cleanup(kn_agent_vir_conn_auto)))
#define AUTO_DOM __attribute__((cleanup(kn_agent_vir_dom_auto)))

/* Opens the connection and its events for the first time. */
int kn_agent_libvirt_connect(struct kn_agent_libvirt *lv, struct kn_error *err);
/* A reference to the connection (AUTO_CONN); waits some seconds for it to come back. KN_UNAVAILABLE. */
int kn_agent_libvirt_conn(struct kn_agent_libvirt *lv, virConnectPtr *ret_conn, struct kn_error *err);
/* The server's domain (AUTO_DOM), NULL in *ret_dom if there is none: that is no error. */
int kn_agent_libvirt_find(struct kn_agent_libvirt *lv, const char *server, virDomainPtr *ret_dom, struct kn_error *err);
/* libvirt's last error of this thread as ours: "what: its words". Returns -1. */
int kn_agent_libvirt_fail(struct kn_error *err, const char *what);
/* Replaces a lost connection if it can; the watcher's. True if there is a new one. */
bool kn_agent_libvirt_reconnect(struct kn_agent_libvirt *lv);
void *kn_agent_libvirt_event_loop(void *lv);

/* --- events.c --- */
/* Registers for the events of a connection. */
int kn_agent_libvirt_events_register(struct kn_agent_libvirt *lv, virConnectPtr conn, struct kn_error *err);
/* Looks at guests that something happened to, and tells those that changed by themselves. */
void *kn_agent_libvirt_watch_loop(void *lv);
/*
 * Between begin and end what happens to the guest is our doing and is not told. power_state: what the answer says it is now,
 * -1 = it says nothing.
 */
void kn_agent_libvirt_begin(struct kn_agent_libvirt *lv, const char *server);
void kn_agent_libvirt_end(struct kn_agent_libvirt *lv, const char *server, int power_state);
/* Whether an error of its disks stopped it; who was paused on request is not. */
bool kn_agent_libvirt_is_stopped(virDomainPtr dom);
/* Such a guest is to stay paused for as long as this run of it lasts, or until it is let go on. Durable. */
int kn_agent_libvirt_hold(struct kn_agent_libvirt *lv, virDomainPtr dom, const char *server, struct kn_error *err);
void kn_agent_libvirt_let_go_on(struct kn_agent_libvirt *lv, const char *server);
/* Something may have happened to its guest. */
void kn_agent_libvirt_look_again(struct kn_agent_libvirt *lv, const char *server);
/* Others are told this state right now (agent.domains): only a change after it is news. */
void kn_agent_libvirt_note(struct kn_agent_libvirt *lv, const char *server, int power_state);
/* Waits until an event comes or the time is over. Check what you wait for before and after. */
void kn_agent_libvirt_wait(struct kn_agent_libvirt *lv, int64_t ms);
/* Driver's give_way, and the question of those who wait for a guest to do something: is there a destroy behind them? */
void kn_agent_libvirt_give_way(void *state, const char *server, int64_t generation);
bool kn_agent_libvirt_is_doomed(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref);
/* Nova's number and libvirt's word for the reason (may be NULL). */
int kn_agent_libvirt_power_state(virDomainPtr dom, const char **ret_reason);
/* The generation that the domain was defined with. */
int64_t kn_agent_libvirt_generation(struct kn_agent_libvirt *lv, virDomainPtr dom, const char *server);

/* --- guest.c --- */
/* Saves the spec, makes disk and taps, defines the domain (again, if `anew`). *ret_dom: AUTO_DOM. */
int kn_agent_libvirt_define(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const json_t *spec,
                            bool anew, struct kn_work *work, virDomainPtr *ret_dom, struct kn_error *err);
/* Starts it if it does not run, with what opens the volumes of its spec, which was saved before. */
int kn_agent_libvirt_start(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, virDomainPtr dom,
                           struct kn_error *err);
/* Pulls the plug; off already is fine. */
int kn_agent_libvirt_kill(virDomainPtr dom, struct kn_error *err);
int kn_agent_libvirt_ensure_running(void *state, const struct kn_agent_guest_ref *ref, const json_t *spec,
                                    struct kn_work *work, int *ret_power_state, struct kn_error *err);
int kn_agent_libvirt_destroy(void *state, const struct kn_agent_guest_ref *ref, struct kn_error *err);

/* --- guest_agent.c: the driver's --- */
int kn_agent_libvirt_set_password(void *state, const struct kn_agent_guest_ref *ref, const char *user,
                                  const char *password, struct kn_error *err);

/* --- diagnose.c: the driver's --- */
int kn_agent_libvirt_diagnose(void *state, const struct kn_agent_guest_ref *ref, json_t **ret, struct kn_error *err);

/* --- plug.c --- */
/* A domain's two faces; live is NULL when it does not run. */
struct kn_agent_faces {
    char *config;
    char *live;
};
void kn_agent_libvirt_faces_release(struct kn_agent_faces *faces);
#define AUTO_FACES __attribute__((cleanup(kn_agent_libvirt_faces_release)))
int kn_agent_libvirt_faces(virDomainPtr dom, struct kn_agent_faces *ret, struct kn_error *err);
/* Like find, but none is KN_NOT_FOUND. */
int kn_agent_libvirt_need(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, virDomainPtr *ret_dom,
                          struct kn_error *err);
/* Saves the spec, which it steals, as that generation's. */
int kn_agent_libvirt_keep_spec(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, int64_t generation,
                               json_t *spec, struct kn_error *err);
/* A device that the guest has to let go of: whether it still holds it, and its XML as libvirt finds it by. */
struct kn_agent_held {
    bool (*holds)(const char *live_xml, const struct kn_agent_held *held, struct kn_strbuf *out);
    const char *id, *what; /* "volume" */
    const json_t *spec; /* that says more of it; NULL: nothing does */
};
/* Asks the guest for the device until it is gone, for a while, and notes so in its spec: KN_TIMEOUT; KN_CONFLICT when a destroy waits. Nothing to do for a guest that is off. */
int kn_agent_libvirt_unplug(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, virDomainPtr dom,
                            const struct kn_agent_held *held, struct kn_error *err);
/* Of a guest that has just started: it has been asked for nothing. */
void kn_agent_libvirt_unasked(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref);
/* Out of the configuration, if it is there. */
int kn_agent_libvirt_unplug_config(virDomainPtr dom, const struct kn_agent_held *held, struct kn_error *err);

/* --- remote.c --- */
/* What the guest needs to reach the volume, or all volumes of its spec, is there; nothing to do for those that lie here. The spec that says so was saved before. */
int kn_agent_libvirt_remote_disk(struct kn_agent_libvirt *lv, const char *server, const char *volume,
                                 const json_t *connection, struct kn_error *err);
int kn_agent_libvirt_remote_disks(struct kn_agent_libvirt *lv, const char *server, const json_t *spec,
                                  struct kn_error *err);
/* The guest has let go of the volume (NULL: of all), and its spec does not know it any more. */
int kn_agent_libvirt_remote_gone(struct kn_agent_libvirt *lv, const char *server, const char *volume,
                                 struct kn_error *err);
/* Whether the server's spec has such volumes. */
bool kn_agent_libvirt_remote_has(struct kn_agent_libvirt *lv, const char *server);
void kn_agent_libvirt_remote_poke(struct kn_agent_libvirt *lv); /* there is something to look at */
void *kn_agent_libvirt_remote_loop(void *lv);

/* --- secret.c --- */
/* libvirt knows what opens the volume if it is encrypted, until it is told to forget it: asked of kilonova-volume, which may take its time. */
int kn_agent_libvirt_secret_put(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const char *volume,
                                const json_t *connection, struct kn_error *err);
void kn_agent_libvirt_secret_drop(struct kn_agent_libvirt *lv, const char *server, const char *volume,
                                  const json_t *connection);
/* The same of all volumes of the spec that is saved; *ret_spec: a new reference, for the dropping. After a failure there is nothing to drop. */
int kn_agent_libvirt_secrets_put(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, json_t **ret_spec,
                                 struct kn_error *err);
void kn_agent_libvirt_secrets_drop(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref,
                                   const json_t *spec);
/* What an agent that was killed has left; at the start, when no guest is about to need one. */
void kn_agent_libvirt_secrets_forget(struct kn_agent_libvirt *lv);

/* --- container.c --- */
/* What a container has no place for, refused. */
int kn_agent_container_check(const json_t *spec, struct kn_error *err);
/* After a start, and whenever it may have started itself again: its NICs in the host's networks, its console in the log. Nothing to do for one that is off. */
int kn_agent_container_tend(struct kn_agent_libvirt *lv, const char *server, struct kn_error *err);
/* Its console, if nobody keeps it yet. */
void kn_agent_container_listen(struct kn_agent_libvirt *lv, virDomainPtr dom, const char *server);
/* Asks its init to go down; there is no button that all have. */
void kn_agent_container_press(virDomainPtr dom, int presses);
/* Whether nothing runs in a container that libvirt calls running. Between two lives of one that reboots it is so for a moment. */
bool kn_agent_container_is_dead(virDomainPtr dom);
/* Whether it is another one than that of this id: it went down and came up again. */
bool kn_agent_container_is_another(struct kn_agent_libvirt *lv, const char *server, unsigned id);

/* --- container_tty.c --- */
struct kn_agent_ttys;
int kn_agent_ttys_new(const char *state_dir, struct kn_agent_ttys **ret, struct kn_error *err);
void kn_agent_ttys_free(struct kn_agent_ttys *ttys); /* NULL is fine */
/* Whatever comes from the terminal is appended to the server's log until its other side is gone, some 64 KiB a second; more waits. Asked for again, it is read once. */
int kn_agent_ttys_keep(struct kn_agent_ttys *ttys, const char *server, const char *tty, struct kn_error *err);

/* --- power.c, disk.c, nic.c, list.c --- */
int kn_agent_libvirt_power(void *state, const struct kn_agent_guest_ref *ref, const char *action, const json_t *spec,
                           int *ret_power_state, struct kn_error *err);
int kn_agent_libvirt_attach_disk(void *state, const struct kn_agent_guest_ref *ref, const char *volume,
                                 const json_t *connection, const char *wish, char ret_device[KN_DEVICE_SIZE],
                                 struct kn_error *err);
/* The disk that a volume is in a domain: where its spec has it, whatever serial a swap has left there; one that the spec does not know has its own. */
bool kn_agent_libvirt_disk_find(const json_t *spec, const char *xml, const char *volume,
                                struct kn_agent_scanned_disk *ret);
int kn_agent_libvirt_detach_disk(void *state, const struct kn_agent_guest_ref *ref, const char *volume,
                                 struct kn_error *err);
int kn_agent_libvirt_resize_disk(void *state, const struct kn_agent_guest_ref *ref, const char *volume, int64_t bytes,
                                 struct kn_error *err);
int kn_agent_libvirt_attach_nic(void *state, const struct kn_agent_guest_ref *ref, const json_t *nic,
                                struct kn_error *err);
int kn_agent_libvirt_detach_nic(void *state, const struct kn_agent_guest_ref *ref, const char *port, bool force,
                                struct kn_error *err);
int kn_agent_libvirt_obey(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_order *asked,
                          struct kn_error *err);
int kn_agent_libvirt_done(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_order *order,
                          int part, const json_t *answer, struct kn_error *err);
json_t *kn_agent_libvirt_answer(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_order *order,
                                int part);
int kn_agent_libvirt_look(void *state, const struct kn_agent_guest_ref *ref, struct kn_agent_guest *ret,
                          struct kn_error *err);
int kn_agent_libvirt_list(void *state, const char *host, kn_agent_guest_visit *visit, void *ctx, struct kn_error *err);
int kn_agent_libvirt_observe(void *state, const char *host, json_t **ret_seen, struct kn_error *err);

/* --- swap.c --- */
int kn_agent_libvirt_swap_disk(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_disk_swap *swap,
                               struct kn_work *work, char ret_device[KN_DEVICE_SIZE], struct kn_error *err);

/* --- snapshot.c --- */
/* What an earlier life, or a command that was cut off, left at work on a disk of a guest, found by its file or target, ends; the disk stays what it was. dom may be NULL. */
int kn_agent_libvirt_end_copy(virDomainPtr dom, const char *disk, struct kn_error *err);
/* Until the copy that was begun is whole. *ret_off: the guest went off meanwhile, and the copying with it. */
int kn_agent_libvirt_await_copy(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, struct kn_work *work,
                                virDomainPtr dom, const char *disk, bool *ret_off, struct kn_error *err);
int kn_agent_libvirt_snapshot(void *state, const struct kn_agent_guest_ref *ref, bool quiesce, struct kn_work *work,
                              json_t **ret_made, struct kn_error *err);
int kn_agent_libvirt_upload(void *state, const struct kn_agent_guest_ref *ref, const json_t *body, struct kn_work *work,
                            struct kn_error *err);
int kn_agent_libvirt_copy_disk(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_disk_copy *copy,
                               struct kn_work *work, bool *ret_copied, struct kn_error *err);
int kn_agent_libvirt_drop_copy(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_disk_copy *copy,
                               struct kn_error *err);
int kn_agent_libvirt_drop_snapshot(void *state, const struct kn_agent_guest_ref *ref, struct kn_error *err);

/* --- console.c --- */
/* Unix socket paths have 107 characters, a state directory may have more: so not there, but next to libvirt's own. */
void kn_agent_libvirt_serial_path(const char *server, char out[PATH_MAX]);
int kn_agent_libvirt_console(void *state, const struct kn_agent_guest_ref *ref, const char *type, int *ret_fd,
                             struct kn_error *err);

/* --- config_drive.c --- */
/* The spec as a guest is told it: with what the state says of its NICs, and the operator's words to all. New reference. */
json_t *kn_agent_libvirt_told(struct kn_agent_libvirt *lv, const json_t *spec);
/* The guest's config drive, if it has one: made if it is not there, or (anew) again. Its networks are known. */
int kn_agent_libvirt_config_drive(struct kn_agent_libvirt *lv, const char *server, const json_t *spec, bool anew,
                                  struct kn_error *err);

#endif
