/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of what a host is asked about a packet's way and what it answers (net.trace): written by network/rows/trace*.c and network/host/trace/trace.c. */
#include "lib/domain/form.h"

const struct kn_form kn_form_trace_packet = {
    "traced packet", "a packet as it is at one place of its way",
    KN_FIELDS(KN_MUST("source", KN_STR, CIDR, "address"), KN_MUST("destination", KN_STR, CIDR, "address"),
              KN_MUST("protocol", KN_INT, STATE_PROTOCOL, "IP's number"),
              KN_MAY("source_port", KN_INT, STATE_SOCKET, "of ICMP: its type"),
              KN_MAY("destination_port", KN_INT, STATE_SOCKET, "of ICMP: its code")),
    NULL
};

const struct kn_form kn_form_trace_piece = {
    "piece of a trace", "what of a packet's way lies on one host: half of a segment, a whole one, or a router",
    KN_FIELDS(KN_MAY("router", KN_UUID, NONE, "it is this router; absent = a segment"),
              KN_MAY("network", KN_UUID, NONE, "of a segment"),
              KN_MAY("leaves", KN_BOOL, NONE, "of a segment: the sender is on this host"),
              KN_MAY("arrives", KN_BOOL, NONE, "of a segment: the receiver is"),
              KN_MAY("door", KN_BOOL, NONE, "the receiver serves the network on each host: DHCP, names, metadata"),
              KN_MAY("from", KN_UUID, NONE, "the sender's port; of a router: the leg that it comes in by"),
              KN_MAY("from_mac", KN_STR, MAC, "of the sender"),
              KN_MAY("to", KN_UUID, NONE,
                     "the receiver's port; absent = outside; of a router: the leg that it leaves by; absent = itself"),
              KN_MAY("to_mac", KN_STR, MAC, "of the receiver"),
              KN_MAY("next", KN_STR, CIDR,
                     "the address that is asked for on the link; of a router: its next hop, absent = on the link"),
              KN_MAY("far", KN_STR, CIDR, "VXLAN address of the other host; absent = there is none"),
              KN_MUST("packet", KN_OBJ, NONE, "as it comes", .form = &kn_form_trace_packet),
              KN_MAY("after", KN_OBJ, NONE, "as a router should send it on", .form = &kn_form_trace_packet)),
    NULL
};

const struct kn_form kn_form_trace_hop = {
    "hop of a trace", "one check of a piece",
    KN_FIELDS(KN_MUST("piece", KN_INT, STATE_LIST, "which, from 0 on"),
              KN_MUST("check", KN_STR, NETWORK_WORD, "what was looked at"),
              KN_MUST("verdict", KN_STR, NETWORK_WORD, "pass, stop, unknown, or note"),
              KN_MUST("says", KN_STR, NONE, "for people"), KN_MAY("rule", KN_UUID, NONE, "the security group rule"),
              KN_MAY("line", KN_STR, NONE, "the line of the kernel's tables that decided")),
    NULL
};
