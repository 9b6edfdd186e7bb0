/* SPDX-License-Identifier: Apache-2.0 */
/*
 * domain_xml: a guest described to libvirt. Pure: a struct in, text out; tests/unit/agent/golden holds what it must say.
 */
#ifndef KN_COMPUTE_AGENT_LIBVIRT_DOMAIN_XML_H
#define KN_COMPUTE_AGENT_LIBVIRT_DOMAIN_XML_H

#include "compute-agent/core/domain.h"
#include "lib/base/strbuf.h"

#define KN_DOMAIN_NAMESPACE "urn:kilonova:server:1" /* of our metadata element */

void kn_agent_domain_xml(const struct kn_agent_domain *domain, struct kn_strbuf *out);
/* A container: its root and first_id, where a machine has disks and firmware. */
void kn_agent_container_xml(const struct kn_agent_domain *domain, struct kn_strbuf *out);
/* One of its NICs; libvirt makes it, and the tap is its outer end. */
void kn_agent_container_nic_xml(const struct kn_agent_domain_nic *nic, struct kn_strbuf *out);
/* One <disk>, as for hot-plug. */
void kn_agent_domain_disk_xml(const struct kn_agent_domain_disk *disk, struct kn_strbuf *out);
/* One <interface>, likewise. */
void kn_agent_domain_nic_xml(const struct kn_agent_domain_nic *nic, struct kn_strbuf *out);

#endif
