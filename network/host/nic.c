/* SPDX-License-Identifier: Apache-2.0 */
/* nic.c: reads the NICs of specs. What is no uuid, address or number in the expected place is refused here; a tap's name follows from its port. */
#include "network/host/nic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "network/address/mac.h"

bool kn_network_is_label(const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);

    if (len == 0 || len >= KN_HOST_NAME_SIZE || text[0] == '-' || text[len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-') {
            return false;
        }
    }
    return true;
}

void kn_network_tap_of(const char *port, char out[KN_HOST_IFNAME])
{
    snprintf(out, KN_HOST_IFNAME, "tap%.11s", port);
}

static int plug_bad(struct kn_error *err, const char *what)
{
    return kn_fail(err, KN_BAD_REQUEST, "nic has no valid \"%s\"", what);
}

/* Absent: none. */
static bool plug_read_limit(const json_t *json, const char *name, struct kn_network_state_limit *ret)
{
    const json_t *limit = json_object_get(json, name);
    const struct {
        const char *name;
        int64_t *at;
    } PARTS[] = { { "max_kbps", &ret->max_kbps }, { "burst_kbit", &ret->burst_kbit } };

    for (size_t i = 0; i < KN_COUNT(PARTS); i++) {
        const json_t *part = json_object_get(limit, PARTS[i].name);
        const int64_t value = json_integer_value(part);

        if ((part != NULL && !json_is_integer(part)) || value < 0 || value > INT32_MAX) {
            return false;
        }
        *PARTS[i].at = value;
    }
    return limit == NULL || json_is_object(limit);
}

static json_t *plug_limit_json(const struct kn_network_state_limit *limit)
{
    return limit->max_kbps == 0 ? NULL
                                : json_pack("{s:I, s:I}", "max_kbps", (json_int_t)limit->max_kbps, "burst_kbit",
                                            (json_int_t)limit->burst_kbit);
}

static int plug_read(const char *server, const json_t *json, struct kn_network_plug *plug, struct kn_error *err)
{
    const char *port = json_string_value(json_object_get(json, "port"));
    const char *tap = json_string_value(json_object_get(json, "tap"));
    const json_t *mtu = json_object_get(json, "mtu");

    if (!kn_uuid_valid(server)) {
        return plug_bad(err, "server");
    }
    if (!kn_uuid_valid(port)) {
        return plug_bad(err, "port");
    }
    kn_network_tap_of(port, plug->tap);
    if (tap == NULL || strcmp(tap, plug->tap) != 0) {
        return plug_bad(err, "tap");
    }
    if (!kn_network_mac_parse(json_string_value(json_object_get(json, "mac")), plug->mac)) {
        return plug_bad(err, "mac");
    }
    if (!json_is_integer(mtu) || json_integer_value(mtu) < 0 || json_integer_value(mtu) > KN_MAX_NIC_MTU) {
        return plug_bad(err, "mtu");
    }
    plug->mtu = (int)json_integer_value(mtu);
    if (!plug_read_limit(json, "to_guest", &plug->own_to_guest) ||
        !plug_read_limit(json, "from_guest", &plug->own_from_guest)) {
        return plug_bad(err, "to_guest, from_guest");
    }
    kn_copy(plug->server, sizeof(plug->server), server);
    kn_copy(plug->port, sizeof(plug->port), port);
    return 0;
}

int kn_network_plug_parse(const char *server, const json_t *json, struct kn_network_plug **ret, struct kn_error *err)
{
    AUTO_FREE struct kn_network_plug *plug = KN_NEW(struct kn_network_plug);

    if (plug_read(server, json, plug, err) < 0) {
        return -1;
    }
    *ret = kn_steal(&plug);
    return 0;
}

json_t *kn_network_plug_json(const struct kn_network_plug *plug)
{
    char mac[KN_MAC_TEXT];

    kn_network_mac_text(plug->mac, mac);
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:o*, s:o*}", "server", plug->server, "port", plug->port, "tap",
                     plug->tap, "mac", mac, "mtu", plug->mtu, "to_guest", plug_limit_json(&plug->own_to_guest),
                     "from_guest", plug_limit_json(&plug->own_from_guest));
}
