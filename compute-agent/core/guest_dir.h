/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_dir: what the host keeps of a server: <state dir>/servers/<uuid>/ with
 *   spec.json     {"server","host","generation","spec"}: written before anything else is made, the truth about what should be
 *   disk.qcow2    the root disk: an overlay on a cached, read-only base
 *   disk.vdb, …   its local disks (kn_form_local), each by its device
 *   rescue.qcow2  the disk that the guest is rescued from, while it is
 *   snapshot.qcow2  a file of the root disk on its way to an image, while a task makes one (snapshot.h)
 *   machine.json  what the guest's machine was at its first boot (compute-agent/libvirt/frozen.h)
 *   disk.config   the config drive, of a server that has one
 *   nvram.fd      the variables of its UEFI, of a guest that has one
 *   password.json what the guest posted as its password (guest_password.h)
 *   held          the run of the guest (libvirt's id of it) that was paused while an error of its disk had stopped it: it is not let go on
 *   console.log   what the guest wrote on its serial line; console.log.0 what it wrote before that
 * A directory without a domain is a spawn that did not get far, or a destroy that did not end: the command comes again and
 * finishes it. Used by the worker that holds the server, and read by the metadata service.
 */
#ifndef KN_COMPUTE_AGENT_CORE_GUEST_DIR_H
#define KN_COMPUTE_AGENT_CORE_GUEST_DIR_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/strbuf.h"

#define KN_GUEST_CONSOLE "console.log"
#define KN_GUEST_DISK "disk.qcow2"
#define KN_GUEST_RESCUE "rescue.qcow2"
#define KN_GUEST_SNAPSHOT "snapshot.qcow2"
#define KN_GUEST_CONFIG_DRIVE "disk.config"
#define KN_GUEST_NVRAM "nvram.fd"
#define KN_GUEST_HELD "held"

/* The path of a file of a server ("" = of its directory). */
void kn_agent_guest_path(const char *state_dir, const char *server, const char *file, char out[PATH_MAX]);

int kn_agent_guest_save(const char *state_dir, const char *server, const char *host, int64_t generation,
                        const json_t *spec, struct kn_error *err);
/* KN_NOT_FOUND when there is none, or none that can be read. *ret_spec: new reference. Outputs may be NULL. */
int kn_agent_guest_load(const char *state_dir, const char *server, int64_t *ret_generation, json_t **ret_spec,
                        struct kn_error *err);
int kn_agent_guest_remove(const char *state_dir, const char *server, struct kn_error *err);

/* The uuids of all servers that have a directory: a new JSON array. */
json_t *kn_agent_guest_servers(const char *state_dir);

/* The end of the console, at most max bytes. Nothing written yet is fine. */
void kn_agent_guest_console(const char *state_dir, const char *server, size_t max, struct kn_strbuf *out);
/* A guest that fills its log must not fill the host: beyond 4 MiB all but the newest MiB is dropped. One thread at a time. */
void kn_agent_guest_trim_console(const char *state_dir, const char *server);
/* At its end, where no hypervisor writes the log itself; trimmed, too. What the disk does not take is lost. */
void kn_agent_guest_add_console(const char *state_dir, const char *server, const char *bytes, size_t len);

#endif
