/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domain: a guest as a machine: what a driver builds from a spec (spec.h). ("Domain" is libvirt's word for a guest; nowhere else in
 * this room does it mean one.)
 */
#ifndef KN_COMPUTE_AGENT_CORE_DOMAIN_H
#define KN_COMPUTE_AGENT_CORE_DOMAIN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/uuid.h"

struct kn_agent_domain_disk {
    const char *dir;  /* where path is; NULL: it is whole */
    const char *path;
    const char *export; /* what a daemon serves by NBD on the socket that path is; NULL: path is a file */
    const char *format; /* raw or qcow2 */
    const char *device; /* vda */
    const char *serial; /* the volume's uuid; NULL: the server's own root disk */
    const char *bus;    /* NULL: virtio */
    int boot; /* which of those that the firmware tries it is, from 1 on; 0: none of them; all 0: the first one */
    const char *address; /* as in kn_agent_domain's addresses; NULL: whichever is free */
    bool is_cdrom;
    bool is_readonly; /* the guest may only read it */
    bool is_shared; /* other guests have it as well */
    const json_t *limits; /* how fast it may be (kn_form_machine); NULL: none */
    char secret[KN_UUID_SIZE]; /* names what opens it, if it is encrypted (LUKS); "": it is not */
};

struct kn_agent_domain_nic {
    const char *mac;
    const char *tap;    /* made before the guest starts, by network/host.h */
    int mtu;            /* 0 = the default */
    const char *model;  /* "": virtio */
    const char *address; /* as a disk's */
    int inside; /* of a container: which ethN it is there */
};

struct kn_agent_domain {
    const char *server; /* uuid, of the domain as well */
    const char *name;   /* the server's, for people; the domain is called kn-<uuid> */
    const char *project;
    int64_t generation;
    const char *type;   /* kvm or qemu; lxc */
    int vcpus;
    int64_t memory_mib;
    const struct kn_agent_domain_disk *disks;
    size_t disk_count;
    const struct kn_agent_domain_nic *nics;
    size_t nic_count;
    /* What it was at its first boot and stays: NULL where there was none yet (compute-agent/libvirt/frozen.h). */
    const char *machine;     /* pc-q35-7.2 */
    const json_t
        *addresses; /* "kind/name" -> "0000:02:00.0", with a "+" behind it if other functions of the slot are in use */
    const json_t *cpu; /* its processor, {model, vendor, features: {name: policy}}; NULL: as the host likes */
    const json_t *profile; /* what was asked of the machine (kn_form_machine); NULL: nothing */
    const char *loader, *variables,
        *nvram; /* of UEFI: the firmware, its variables as they begin, and the guest's own */
    const char *serial_socket;
    const char *console_log;
    const char *root; /* of a container: its files, and what its root user is on the host */
    int64_t first_id;
    const char *config_drive; /* path of its image; NULL: none */
};

#endif
