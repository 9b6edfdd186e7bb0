/* SPDX-License-Identifier: Apache-2.0 */
/* trace_piece.c: what a host is asked of a packet's way, read: the bus brought it, so nothing of it is believed. */
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "network/host/trace/trace.h"

static bool trace_mac(const json_t *json, const char *key, uint8_t mac[6])
{
    const char *text = kn_json_str(json, key);

    return text[0] == '\0' || kn_network_mac_parse(text, mac);
}

static bool trace_ip(const json_t *json, const char *key, struct kn_ip *ret)
{
    const char *text = kn_json_str(json, key);

    *ret = KN_IP_NONE;
    return text[0] == '\0' || kn_ip_parse(text, ret);
}

static bool trace_packet(const json_t *json, struct kn_network_packet *packet)
{
    packet->protocol = (int)kn_json_int(json, "protocol");
    packet->source_port = (int)kn_json_int(json, "source_port");
    packet->destination_port = (int)kn_json_int(json, "destination_port");
    return trace_ip(json, "source", &packet->source) && trace_ip(json, "destination", &packet->destination) &&
           packet->source.family != 0 && packet->source.family == packet->destination.family;
}

int kn_network_trace_piece_read(const json_t *json, struct kn_network_trace_piece *ret, struct kn_error *err)
{
    struct kn_network_trace_piece piece = { .is_router = kn_json_str(json, "router")[0] != '\0',
                                            .leaves = kn_json_bool(json, "leaves"),
                                            .arrives = kn_json_bool(json, "arrives"),
                                            .is_door = kn_json_bool(json, "door") };
    const json_t *after = json_object_get(json, "after");

    if (kn_form_check(&kn_form_trace_piece, json, "piece", err) < 0) {
        return -1;
    }
    kn_copy(piece.router, sizeof(piece.router), kn_json_str(json, "router"));
    kn_copy(piece.network, sizeof(piece.network), kn_json_str(json, "network"));
    kn_copy(piece.from, sizeof(piece.from), kn_json_str(json, "from"));
    kn_copy(piece.to, sizeof(piece.to), kn_json_str(json, "to"));
    if (!trace_mac(json, "from_mac", piece.from_mac) || !trace_mac(json, "to_mac", piece.to_mac) ||
        !trace_ip(json, "next", &piece.next) || !trace_ip(json, "far", &piece.far) ||
        !trace_packet(json_object_get(json, "packet"), &piece.packet) ||
        (after != NULL && !trace_packet(after, &piece.after))) {
        return kn_fail(err, KN_BAD_REQUEST, "a piece of a trace names what is no address");
    }
    *ret = piece;
    return 0;
}
