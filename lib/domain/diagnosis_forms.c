/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of what a host tells of a guest that runs (server.diagnose): written by compute-agent/libvirt/diagnose.c and compute-agent/sim/diagnosis.c. */
#include "lib/domain/form.h"

#define COUNT(name, doc) KN_MAY(name, KN_INT, NONE, doc)

const struct kn_form kn_form_diagnosed_cpu = {
    "diagnosed CPU", "a virtual CPU of a guest",
    KN_FIELDS(KN_MUST("id", KN_INT, NONE, "from 0 on"), COUNT("time", "that it ran: nanoseconds")), NULL
};

const struct kn_form kn_form_diagnosed_disk = {
    "diagnosed disk", "a disk of a guest, since it was started",
    KN_FIELDS(KN_MUST("device", KN_STR, DEVICE, "vda"), COUNT("read_requests", "reads"), COUNT("read_bytes", "read"),
              COUNT("write_requests", "writes"), COUNT("write_bytes", "written"),
              COUNT("errors", "-1: nobody counts them")),
    NULL
};

const struct kn_form kn_form_diagnosed_nic = {
    "diagnosed NIC", "a NIC of a guest, as the guest sees it, since it was started",
    KN_FIELDS(KN_MUST("tap", KN_STR, TAP, "its device"), KN_MAY("mac", KN_STR, MAC, "its address"),
              COUNT("rx_octets", "received"), COUNT("rx_packets", "received"), COUNT("rx_errors", "in receiving"),
              COUNT("rx_drop", "received and dropped"), COUNT("tx_octets", "sent"), COUNT("tx_packets", "sent"),
              COUNT("tx_errors", "in sending"), COUNT("tx_drop", "to be sent and dropped")),
    NULL
};

const struct kn_form kn_form_diagnosed_memory = { "diagnosed memory", "what the balloon says of a guest's memory",
                                                  KN_FIELDS(KN_MUST("name", KN_STR, NETWORK_WORD, "libvirt's word"),
                                                            KN_MUST("value", KN_INT, NONE, "KiB, or a number")),
                                                  NULL };
