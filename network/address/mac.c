/* SPDX-License-Identifier: Apache-2.0 */
/* mac: hardware addresses, read and written. Pure; it must never take one that a single device could not have. */
#include "network/address/mac.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const uint8_t KN_DOOR_MAC[6] = { 0x02, 0x00, 0xa9, 0xfe, 0xa9, 0xfe };

bool kn_network_mac_parse(const char *text, uint8_t out[6])
{
    uint8_t mac[6], all = 0;

    if (text == NULL || strlen(text) != KN_MAC_TEXT - 1) {
        return false;
    }
    for (int i = 0; i < 6; i++) {
        const char *pair = text + (ptrdiff_t)i * 3;

        if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]) || (i < 5 && pair[2] != ':')) {
            return false;
        }
        mac[i] = (uint8_t)strtoul((const char[]){ pair[0], pair[1], '\0' }, NULL, 16);
        all |= mac[i];
    }
    if (all == 0 || (mac[0] & 1) != 0) {
        return false;
    }
    memcpy(out, mac, sizeof(mac));
    return true;
}

void kn_network_mac_text(const uint8_t mac[6], char out[KN_MAC_TEXT])
{
    snprintf(out, KN_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}
