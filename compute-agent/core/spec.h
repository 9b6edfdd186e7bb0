/* SPDX-License-Identifier: Apache-2.0 */
/* spec: what a guest should be (kn_form_spec, lib/domain/form.h): changed, and turned into a domain. Pure. */
#ifndef KN_COMPUTE_AGENT_CORE_SPEC_H
#define KN_COMPUTE_AGENT_CORE_SPEC_H

#include <jansson.h>
#include <limits.h>
#include <stdint.h>

#include "compute-agent/core/domain.h"
#include "compute-agent/core/remote_disk.h"
#include "compute-agent/core/driver.h"
#include "lib/base/error.h"
#include "lib/domain/limits.h"
#include "lib/domain/message.h"
#include "lib/domain/server_state.h"

#define KN_LOCAL_FILE_SIZE 16 /* "disk.vdb" with room */

/*
 * The newer spec, with the image and the volumes of the older one if it brings none: only server.spawn says what a guest was made from.
 * New reference; older may be NULL.
 */
json_t *kn_agent_spec_merge(const json_t *older, const json_t *newer);

/*
 * The spec with what users wrote on the server (the body of server.describe) as the task knew it. Tasks of a server follow each
 * other by their ids, so an older task's description changes nothing. New reference.
 */
json_t *kn_agent_spec_describe(const json_t *spec, const json_t *description, int64_t task);

/* False: no disk at all, so nothing that could boot. */
bool kn_agent_spec_boots(const json_t *spec);

/* The root disk's size in bytes: what the flavor says, never less than the image has; 0 in the flavor = the image's. */
int64_t kn_agent_spec_root_bytes(const json_t *spec);

/* The entry of a volume ({"volume","device","connection"}), borrowed; NULL if there is none. */
const json_t *kn_agent_spec_volume(const json_t *spec, const char *volume);
/* Copies of the spec with an entry more (replacing one of the same volume), and with one less. */
json_t *kn_agent_spec_with_volume(const json_t *spec, const char *volume, const char *device, const json_t *connection);
json_t *kn_agent_spec_without_volume(const json_t *spec, const char *volume);
/* The volume that has this device (vdb); NULL if none has. */
const char *kn_agent_spec_volume_at(const json_t *spec, const char *device);
/*
 * The note of a volume that is to take another's place, {"volume", "to", "connection" (of to), "pauses"? (its guest was paused for it)}; NULL: there is none. with_swap: a copy of the spec that has
 * this note (stolen; NULL: none any more). swapped: a copy in which the one has the other's place, its device, tag and order of booting; the note stays.
 */
const json_t *kn_agent_spec_swap(const json_t *spec);
json_t *kn_agent_spec_with_swap(const json_t *spec, json_t *note);
json_t *kn_agent_spec_swapped(const json_t *spec, const char *volume, const char *to, const json_t *connection);
/* How a volume that the spec has, or that a note of a swap names, is reached; NULL: neither. */
const json_t *kn_agent_spec_connection(const json_t *spec, const char *volume);
/* The format of an encrypted one; and the id under which the host's hypervisor knows what opens it: always the same for the two. */
#define KN_SPEC_ENCRYPTED "luks"
void kn_agent_spec_secret(const char *server, const char *volume, char ret[KN_UUID_SIZE]);
/* The same of its NICs ("nics", kn_form_plug), by their ports. A NIC more is the last. */
const json_t *kn_agent_spec_nic(const json_t *spec, const char *port);
json_t *kn_agent_spec_with_nic(const json_t *spec, const json_t *nic);
json_t *kn_agent_spec_without_nic(const json_t *spec, const char *port);
/*
 * The note of a volume or NIC that the guest was asked to let go of: until it is out of the spec or comes in anew, a guest that holds it may let it go at any moment. Copies of the
 * spec with the note, and without any: one that has just started was asked for nothing yet.
 */
bool kn_agent_spec_is_leaving(const json_t *spec, const char *id);
json_t *kn_agent_spec_with_leaving(const json_t *spec, const char *id);
json_t *kn_agent_spec_without_leaving(const json_t *spec);
/* Its NICs as network/host.h takes them: each with the limits that the flavor has for NICs. New reference. */
json_t *kn_agent_spec_plugs(const json_t *spec);
/* An entry of "nics" as a device of the spec's guest. */
struct kn_agent_domain_nic kn_agent_spec_device(const json_t *spec, const json_t *nic);
/* A bit for each vdX that the spec uses, beside the root disk's. */
uint32_t kn_agent_spec_devices(const json_t *spec);

/* A domain and what it points to. Borrows the spec's texts. */
struct kn_agent_spec_domain {
    struct kn_agent_domain domain;
    struct kn_agent_domain_disk
        disks[2 * KN_MAX_DISKS + 1]; /* local ones, volumes, and the one that it is rescued from */
    struct kn_agent_domain_nic nics[KN_MAX_NICS];
    char rescue_device[KN_DEVICE_SIZE];
    char dir[PATH_MAX]; /* of the root disk: local ones lie beside it */
    char locals[KN_MAX_DISKS][KN_LOCAL_FILE_SIZE];
    char sockets[KN_MAX_DISKS][KN_REMOTE_SOCKET_SIZE]; /* of volumes that another machine serves */
};

/* The file of a local disk ("disks", kn_form_local) in the guest's directory. */
void kn_agent_spec_local_file(const json_t *disk, char out[KN_LOCAL_FILE_SIZE]);

/*
 * Fills ret from a checked spec. root: path of the root overlay, used when the spec has an image; rescue: of the disk that it is rescued from, used when the
 * spec says so. The caller sets type, serial_socket and console_log.
 */
void kn_agent_spec_domain(const json_t *spec, const char *server, int64_t generation, const char *root,
                          const char *rescue, struct kn_agent_spec_domain *ret);
/* An entry of "volumes" (or attach_volume's connection with a device) as a disk of the server's; socket: for the path of one that another machine serves. */
struct kn_agent_domain_disk kn_agent_spec_disk(const char *server, const char *volume, const char *device,
                                               const json_t *connection, char socket[KN_REMOTE_SOCKET_SIZE]);

#endif
