/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frozen: a guest's machine does not change under it: the machine type that was the newest at its first boot, its processor (what mode='host-model' of KVM was then, feature by feature), and where each
 * of its devices is on PCI, stay what they were, whatever is plugged in, whichever libvirt or QEMU comes. libvirt's definition is the record; where that is gone, <server's directory>/machine.json, written after
 * each definition, is. A device that comes finds a free place; one that goes leaves the others where they are.
 */
#ifndef KN_COMPUTE_AGENT_LIBVIRT_FROZEN_H
#define KN_COMPUTE_AGENT_LIBVIRT_FROZEN_H

#include "compute-agent/core/spec.h"

/* {machine, addresses, cpu}; before: the definition that there was, NULL if there is none. New reference; NULL: the guest was never defined. */
json_t *kn_agent_frozen_load(const char *state_dir, const char *server, const char *before);
/* What is known of the guest goes into what will be defined, which borrows it. NULL is fine. */
void kn_agent_frozen_apply(const json_t *frozen, struct kn_agent_spec_domain *d);
/* The definition that there is now. */
int kn_agent_frozen_save(const char *state_dir, const char *server, const char *now, struct kn_error *err);

#endif
