/* SPDX-License-Identifier: Apache-2.0 */
/* nic: what a spec says of a NIC (kn_form_plug, lib/domain/form.h), read as strictly as everything else: the device that stands for a port on this host. Pure. */
#ifndef KN_NETWORK_HOST_NIC_H
#define KN_NETWORK_HOST_NIC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/base/uuid.h"
#include "network/host/state/state.h"

#define KN_HOST_NAME_SIZE 64 /* one DNS label */
#define KN_HOST_IFNAME 16

struct kn_network_plug {
    char server[KN_UUID_SIZE];
    char port[KN_UUID_SIZE];
    char tap[KN_HOST_IFNAME];
    uint8_t mac[6];
    int mtu;
    struct kn_network_state_limit own_to_guest, own_from_guest; /* its flavor's: beside those of its port's policy */
    bool comes_with_guest; /* its tap is made by who starts it */
    /* What the kernel was last told; the indexes are those of the devices then, a device that was made anew has another. 0: nothing yet. */
    unsigned tap_index, bridge_index;
    int built_mtu;
    uint8_t built_mac[6];
    uint64_t built_stations; /* digest of the other MACs behind it; 0: none */
    unsigned shaped_index; /* of the tap when it was limited like this */
    struct kn_network_state_limit to_guest, from_guest;
};

/* Reads one NIC of a spec; KN_BAD_REQUEST says what is wrong with it. */
int kn_network_plug_parse(const char *server, const json_t *json, struct kn_network_plug **ret, struct kn_error *err);
json_t *kn_network_plug_json(const struct kn_network_plug *plug); /* with its server: for the file */

bool kn_network_is_label(const char *text); /* letters, digits, hyphens inside; 1 to 63 */
void kn_network_tap_of(const char *port, char out[KN_HOST_IFNAME]);

#endif
