/* SPDX-License-Identifier: Apache-2.0 */
/*
 * form: the large shapes that travel inside messages and lie in rows, as nested tables: a server's spec, its NICs, a volume's connection, a host. A field
 * of a message, of a wish or of another form names its form (struct kn_field), so whoever checks the outer one checks all of it: nobody sends, writes or
 * obeys what does not fit. docs/messages.md is printed from here; no other text says what a field is.
 *
 * What several rooms write has its one writer here (form_write.c); NICs are written by network/rows/ports/nic.c, specs by conductor/flows/spec.c, steps by conductor/store/story.c alone.
 */
#ifndef KN_DOMAIN_FORM_H
#define KN_DOMAIN_FORM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/strbuf.h"
#include "lib/domain/message.h"

struct kn_form {
    const char *name; /* as docs/messages.md calls it */
    const char *doc;
    const struct kn_field *fields; /* ended by KN_FIELD_END */
    int (*also)(const json_t *object, const char *where,
                struct kn_error *err); /* what its fields say together; NULL: nothing */
};

extern const struct kn_form kn_form_rescue;
extern const struct kn_form kn_form_spec;
extern const struct kn_form kn_form_image;
extern const struct kn_form kn_form_local, kn_form_machine, kn_form_file;
extern const struct kn_form kn_form_disk;
extern const struct kn_form kn_form_connection;
extern const struct kn_form kn_form_disk_limits;
extern const struct kn_form kn_form_nic;
extern const struct kn_form kn_form_address;
extern const struct kn_form kn_form_route;
extern const struct kn_form kn_form_wanted_nic;
extern const struct kn_form kn_form_part;
extern const struct kn_form kn_form_description;
extern const struct kn_form kn_form_plug;
extern const struct kn_form kn_form_host;
extern const struct kn_form kn_form_guest;
extern const struct kn_form kn_form_seen;
extern const struct kn_form kn_form_firewall;
extern const struct kn_form kn_form_step;
extern const struct kn_form kn_form_known, kn_form_told, kn_form_told_kind, kn_form_standing, kn_form_heard;
/* What hosts are told of networks (state_forms.c): one of `kind`, whose form kn_form_state_object's fields do not know; and what is in them. */
extern const struct kn_form kn_form_state_object, kn_form_state_drop;
extern const struct kn_form kn_form_state_network, kn_form_state_port, kn_form_state_peer, kn_form_state_group,
    kn_form_state_member, kn_form_state_addresses, kn_form_state_policy, kn_form_state_router;
extern const struct kn_form kn_form_state_subnet, kn_form_state_ip, kn_form_state_pair, kn_form_state_announced,
    kn_form_state_option, kn_form_state_rule, kn_form_state_limit, kn_form_state_interface, kn_form_state_floating,
    kn_form_state_forward;
/* What hosts are asked of a packet's way (trace_forms.c). */
extern const struct kn_form kn_form_trace_packet, kn_form_trace_piece, kn_form_trace_hop;
/* What a host tells of a guest that runs (diagnosis_forms.c). */
extern const struct kn_form kn_form_diagnosed_cpu, kn_form_diagnosed_disk, kn_form_diagnosed_nic,
    kn_form_diagnosed_memory;
extern const struct kn_form *const kn_forms[]; /* all of them, ended by NULL */

/* KN_BAD_REQUEST says where (a name to begin with: "spec.nics[2]") and what. What no field names is passed over: a newer sender. */
int kn_form_check(const struct kn_form *form, const json_t *object, const char *where, struct kn_error *err);
void kn_form_document(struct kn_strbuf *out);
/* A guest's kind (kn_form_machine). */
#define KN_KIND_MACHINE "machine"
#define KN_KIND_CONTAINER "container"
/* Whether a host of this hypervisor ("QEMU", "LXC"; simulated ones are of every kind) has guests of the kind; "": of any. */
bool kn_kind_is_of(const char *kind, const char *hypervisor_type);
/* "vdc" or "/dev/vdc" -> 2; -1: no name of a disk. */
int kn_device_index(const char *name);
/* What disks of a bus are called: "vd", "sd", "hd"; NULL: there is no such bus. */
const char *kn_disk_bus_prefix(const char *bus);
/* Whether hosts can make that on a disk: ext2, ext3, ext4, vfat, swap. */
bool kn_disk_format_known(const char *format);
/* How the blocks of an image lie in its file, for QEMU: those of an iso as they are. */
const char *kn_disk_image_format(const char *disk_format);
/* The entry of a spec's "disks" that is its root disk; NULL: there is none, it is vda. */
const json_t *kn_spec_root(const json_t *spec);

/* --- writers; each is a new reference -------------------------------------------------------------------------------------- */

/* connection is borrowed. */
json_t *kn_form_write_disk(const char *volume, const char *device, json_t *connection);
json_t *kn_form_write_connection(const char *driver, const char *path, const char *format, const char *serial);
/* Where another machine serves a disk, and to whom. The key is a secret: whoever has it has the disk. */
struct kn_nbd_said {
    const char *address;
    int port;
    const char *export, *identity, *key;
};
json_t *kn_form_write_nbd_connection(const struct kn_nbd_said *said, const char *serial);
json_t *kn_form_write_plug(const json_t *nic); /* of a NIC */
json_t *kn_form_write_guest(const char *server, int64_t generation, int power_state);
/* The same with what else is seen of it; steals both lists. */
json_t *kn_form_write_seen(const char *server, int64_t generation, int power_state, json_t *volumes, json_t *taps);
json_t *kn_form_write_firewall(const char *wanted, const char *kernel);

struct kn_host_said {
    const char *host, *zone;
    const char *underlay; /* "": none */
    int64_t vcpus, memory_mib, reserved_memory_mib, disk_gib;
    const char *hypervisor_type;
    int64_t hypervisor_version;
    const json_t *physical; /* borrowed; NULL: none */
    const json_t *cannot; /* the same */
};
/* Steals cpu_info. NULL: some text is no UTF-8. */
json_t *kn_form_write_host(const struct kn_host_said *said, json_t *cpu_info);

#endif
