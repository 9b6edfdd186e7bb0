/* SPDX-License-Identifier: Apache-2.0 */
/* machine_xml: the part of a domain's description (domain_xml.h) that no device is: memory, processors, firmware, clock. Pure. */
#ifndef KN_COMPUTE_AGENT_LIBVIRT_MACHINE_XML_H
#define KN_COMPUTE_AGENT_LIBVIRT_MACHINE_XML_H

#include "compute-agent/core/domain.h"
#include "lib/base/strbuf.h"

void kn_agent_machine_xml(const struct kn_agent_domain *d, struct kn_strbuf *out);
/* What it is, or is asked to be: "q35", "pc", or a version of them. */
const char *kn_agent_machine_type(const struct kn_agent_domain *d);
/* The older machine, without PCI Express. */
bool kn_agent_machine_is_pc(const struct kn_agent_domain *d);

#endif
