/* SPDX-License-Identifier: Apache-2.0 */
/* mac: hardware addresses, read and written. Pure; it must never take one that a single device could not have. */
#include "network/address/mac.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

#define HEX "0123456789abcdefABCDEF"

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

/* So many groups of so many digits each, between them a separator ('\0': there is one group). */
static const struct spelling {
    int groups;
    size_t least, most;
    const char *separators;
} SPELLINGS[] = {
    { 6, 1, 2, ":-" },
    { 3, 1, 4, ":-." },
    { 2, 5, 6, ":-" },
    { 1, 11, 12, "" },
};

static bool mac_is_spelled(const struct spelling *how, const char *text, char digits[13])
{
    const size_t most = 12 / (size_t)how->groups;
    const char separator = how->groups > 1 ? text[strspn(text, HEX)] : '\0';

    if (how->groups > 1 && (separator == '\0' || strchr(how->separators, separator) == NULL)) {
        return false;
    }
    for (int i = 0; i < how->groups; i++) {
        const size_t length = strspn(text, HEX);

        if (length < how->least || length > how->most || text[length] != (i + 1 < how->groups ? separator : '\0')) {
            return false;
        }
        memset(digits, '0', most - length);
        memcpy(digits + (most - length), text, length);
        digits += most;
        text += length + 1;
    }
    *digits = '\0';
    return true;
}

bool kn_network_mac_read(const char *text, uint8_t out[6])
{
    char digits[13], plain[KN_MAC_TEXT];

    for (size_t i = 0; text != NULL && i < KN_COUNT(SPELLINGS); i++) {
        if (mac_is_spelled(&SPELLINGS[i], text, digits)) {
            snprintf(plain, sizeof(plain), "%.2s:%.2s:%.2s:%.2s:%.2s:%.2s", digits, digits + 2, digits + 4, digits + 6,
                     digits + 8, digits + 10);
            return kn_network_mac_parse(plain, out);
        }
    }
    return false;
}

void kn_network_mac_text(const uint8_t mac[6], char out[KN_MAC_TEXT])
{
    snprintf(out, KN_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}
