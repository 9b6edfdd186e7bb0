/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver: what a hypervisor must be able to do, as one table of functions. The agent (command.c) decides about generations
 * and order; a driver only makes things so.
 *
 * Every function is an ensure: what is so already is success. Functions are called from worker threads, never two at a
 * time for one server; drivers guard what servers share. A host name handed in is always one that inventory named.
 */
#ifndef KN_COMPUTE_AGENT_CORE_DRIVER_H
#define KN_COMPUTE_AGENT_CORE_DRIVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute-agent/core/order.h"
#include "lib/adapter/conf.h"
#include "lib/adapter/work.h"
#include "lib/base/error.h"
#include "lib/base/strbuf.h"
#include "lib/base/uuid.h"
#include "lib/domain/device.h"

/* Which guest a command means. The generation is the command's. */
struct kn_agent_guest_ref {
    const char *host;
    const char *server;
    int64_t generation;
};

/* What a driver knows of a server on a host. */
struct kn_agent_guest {
    int64_t generation; /* the newest it has seen; 0 = it never heard of the server */
    bool exists;        /* false with a generation: a tombstone */
    int power_state;    /* of one that exists (lib/domain/server_state.h) */
};

/* What a driver tells on its own; called from any thread. */
struct kn_agent_driver_events {
    void (*power_changed)(void *ctx, const char *host, const char *server, const struct kn_agent_guest *guest,
                          const char *reason);
    /* The host knows this version of its networks' state, and it has a gap: it must be told everything. */
    void (*networks_missed)(void *ctx, const char *host, int64_t version);
    /* Guests of the host announced addresses of theirs (kn_form_heard), borrowed. */
    void (*announced)(void *ctx, const char *host, json_t *heard);
    /* What opens an encrypted volume of a server (compute-agent/core/keys.h). It waits, so from a thread that may. */
    int (*ask_key)(void *ctx, const char *host, const char *server, const char *volume, char ret[65],
                   struct kn_error *err);
    void *ctx;
};

typedef void kn_agent_guest_visit(void *ctx, const char *server, const struct kn_agent_guest *guest);

/* A volume that a guest has, and the one that shall take its place. */
struct kn_agent_disk_swap {
    const char *volume, *to;
    const json_t *connection; /* of to */
};

/* A file that a volume of a guest is copied to, and nothing else is. */
struct kn_agent_disk_copy {
    const char *volume, *path, *format;
};

struct kn_agent_driver {
    const char *name; /* agent.driver */
    const char *const *
        cannot; /* actions (lib/domain/server_state.h) that its guests do not know: the API refuses them; ended by NULL, NULL: none */

    /* Opens and recovers what an earlier life left. conf and events outlive the state. */
    int (*open)(const struct kn_conf *conf, const char *host, const struct kn_agent_driver_events *events,
                void **ret_state, struct kn_error *err);
    void (*close)(void *state);
    /* How many commands may run side by side; 0 = none is worth a thread, run them where they are read. */
    int (*workers)(const void *state);
    /* The hosts this agent carries: an array (kn_form_host, lib/domain/form.h). New reference. */
    int (*inventory)(void *state, json_t **ret_hosts, struct kn_error *err);
    bool (*carries)(const void *state, const char *host);
    /* Now and then, from the main thread: prune, compact. Never blocks on a hypervisor. */
    void (*tick)(void *state, int64_t now_ms);

    /* Tombstones included; a server never heard of is not an error. */
    int (*look)(void *state, const struct kn_agent_guest_ref *ref, struct kn_agent_guest *ret, struct kn_error *err);
    /* Durably remembers that this command of the server is obeyed now, before it acts; KN_STALE if a newer one was. */
    int (*obey)(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_order *asked,
                struct kn_error *err);
    /* What obey() let act was done, with this answer; NULL from answer(): it was not, or nobody remembers. A new reference. */
    int (*done)(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_order *order, int part,
                const json_t *answer, struct kn_error *err);
    json_t *(*answer)(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_order *order, int part);
    /* work: where it says how far it is and hears that it shall end (KN_CANCELLED); NULL: nobody watches it. */
    int (*ensure_running)(void *state, const struct kn_agent_guest_ref *ref, const json_t *spec, struct kn_work *work,
                          int *ret_power_state, struct kn_error *err);
    /* Leaves a tombstone with the generation, whether or not there was a guest; never lowers one that is there. */
    int (*destroy)(void *state, const struct kn_agent_guest_ref *ref, struct kn_error *err);
    /* action: as in server.power. spec: what to define first if it is not there, may be NULL. */
    int (*power)(void *state, const struct kn_agent_guest_ref *ref, const char *action, const json_t *spec,
                 int *ret_power_state, struct kn_error *err);
    /*
     * From any thread, and optional: a destroy of this generation waits for the server's turn, so nothing older should wait for its
     * guest's will any more (KN_CONFLICT). generation 0: it does not wait any more.
     */
    void (*give_way)(void *state, const char *server, int64_t generation);
    /* Optional: what users wrote on the server, as that task knew it (kn_agent_spec_describe), for the metadata service. */
    int (*describe)(void *state, const struct kn_agent_guest_ref *ref, const json_t *description, int64_t task,
                    struct kn_error *err);
    /* server.snapshot, server.upload, server.drop_snapshot: a file of the root disk (compute-agent/core/snapshot.h), made anew; *ret_made: a new reference. */
    int (*snapshot)(void *state, const struct kn_agent_guest_ref *ref, bool quiesce, struct kn_work *work,
                    json_t **ret_made, struct kn_error *err);
    int (*upload)(void *state, const struct kn_agent_guest_ref *ref, const json_t *body, struct kn_work *work,
                  struct kn_error *err);
    int (*drop_snapshot)(void *state, const struct kn_agent_guest_ref *ref, struct kn_error *err);
    int (*attach_disk)(void *state, const struct kn_agent_guest_ref *ref, const char *volume, const json_t *connection,
                       const char *wish, char ret_device[KN_DEVICE_SIZE], struct kn_error *err);
    int (*detach_disk)(void *state, const struct kn_agent_guest_ref *ref, const char *volume, struct kn_error *err);
    /*
     * Optional. A guest that runs is copied from the one to the other and goes on there; until that is durable it has the first one alone. Called the other way round while a copying is at work (or
     * was cut off) it takes it back. KN_CONFLICT: the guest does not run.
     */
    int (*swap_disk)(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_disk_swap *swap,
                     struct kn_work *work, char ret_device[KN_DEVICE_SIZE], struct kn_error *err);
    /*
     * Optional, both: what a guest that runs has in the volume, in a file of that name and format, and an end of that; *ret_copied false: it is off. Whoever is killed meanwhile begins anew.
     */
    int (*copy_disk)(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_disk_copy *copy,
                     struct kn_work *work, bool *ret_copied, struct kn_error *err);
    int (*drop_copy)(void *state, const struct kn_agent_guest_ref *ref, const struct kn_agent_disk_copy *copy,
                     struct kn_error *err);
    /* Optional: the volume has so many bytes now; a guest that runs and has it sees them. Nothing to do for any other. */
    int (*resize_disk)(void *state, const struct kn_agent_guest_ref *ref, const char *volume, int64_t bytes,
                       struct kn_error *err);
    /* nic: kn_form_plug. Waits for its port, as ensure_running does. */
    int (*attach_nic)(void *state, const struct kn_agent_guest_ref *ref, const json_t *nic, struct kn_error *err);
    /* force: if the guest does not let go of it, KN_TIMEOUT is no answer: the tap is taken away all the same, and the device when the guest is off next. */
    int (*detach_nic)(void *state, const struct kn_agent_guest_ref *ref, const char *port, bool force,
                      struct kn_error *err);
    /* Appends the newest bytes of the console, at most `max`. */
    int (*console_log)(void *state, const struct kn_agent_guest_ref *ref, size_t max, struct kn_strbuf *out,
                       struct kn_error *err);
    /*
     * The guest's side of a console of this type, as a socket; ret_fd NULL: only whether it has one now. KN_CONFLICT: the guest does not run; KN_NOT_IMPLEMENTED: it has none of the
     * type. That a serial line has a single client is seen to by who asks.
     */
    int (*console)(void *state, const struct kn_agent_guest_ref *ref, const char *type, int *ret_fd,
                   struct kn_error *err);
    /* Optional: by the guest's own agent. KN_CONFLICT: the guest does not run; KN_NOT_IMPLEMENTED: it has no agent; KN_TIMEOUT: that one is silent. */
    int (*set_password)(void *state, const struct kn_agent_guest_ref *ref, const char *user, const char *password,
                        struct kn_error *err);
    /* The result of server.diagnose, whatever the guest does; a new reference. */
    int (*diagnose)(void *state, const struct kn_agent_guest_ref *ref, json_t **ret, struct kn_error *err);
    /* Optional, both: what the guest posted as its password, {password?, posted?} (a new reference), and to drop the posting of this name. */
    json_t *(*password)(void *state, const struct kn_agent_guest_ref *ref);
    int (*forget_password)(void *state, const struct kn_agent_guest_ref *ref, const char *posted, struct kn_error *err);
    /* image: kn_form_image. NULL: its hosts have no images. */
    int (*cache_image)(void *state, const json_t *image, struct kn_work *work, struct kn_error *err);
    /* Calls visit for each guest on the host. */
    int (*list)(void *state, const char *host, kn_agent_guest_visit *visit, void *ctx, struct kn_error *err);
    /* {domains, taps, dirs} of host.observe's result. New reference. */
    int (*observe)(void *state, const char *host, json_t **ret_seen, struct kn_error *err);
    /* net.trace: pieces of a packet's way (borrowed), and what is found, its result, a new reference. NULL: its hosts have no packets. */
    int (*trace)(void *state, const json_t *pieces, json_t **ret_found, struct kn_error *err);
    /* The body of net.state, which is the callee's: taken on another thread, in the order in which they come. */
    void (*networks)(void *state, const char *host, json_t *body);
    /* What the hosts know of networks, for the heartbeat: an array (kn_form_known). New reference; NULL: they have none. */
    json_t *(*networks_known)(void *state);
    /* See kn_network_host_hold() (network/host.h). NULL: its hosts have no routers. */
    bool (*hold)(void *state, int64_t reached_ms, bool *ret_holds);
    /* What hello and net.ask carry as their question; from any thread. NULL: it does not mind what answers it. */
    void (*question)(void *state, char out[KN_UUID_SIZE]);
    /* The routers that they hold, as a host says it: {host, routers}, kn_form_standing. New reference; NULL: ask again soon. Optional. */
    json_t *(*standing)(void *state);
};

extern const struct kn_agent_driver kn_agent_driver_sim;
extern const struct kn_agent_driver kn_agent_driver_libvirt;
extern const struct kn_agent_driver kn_agent_driver_lxc;

/* What it cannot, as its hosts say it. New reference. */
json_t *kn_agent_driver_cannot(const struct kn_agent_driver *driver);
/* By agent.driver; NULL for a name that no driver has. */
const struct kn_agent_driver *kn_agent_driver_find(const char *name);

#endif
