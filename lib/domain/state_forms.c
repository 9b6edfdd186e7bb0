/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms of what hosts are told of networks (net.state): one a kind. kilonova-network writes them as SQL (network/serve/source.c), hosts read them
 * (network/host/state/object.c).
 */
#include <string.h>

#include "lib/domain/form.h"

#define WORDS(name, doc) KN_MUST(name, KN_ARR, STATE_ITEMS, doc, .items = KN_STR)
#define IDS_OPT(name, doc) KN_MAY(name, KN_ARR, STATE_ITEMS, doc, .items = KN_UUID)
#define ROUTES(may, limit, doc) may("routes", KN_ARR, limit, doc, .form = &kn_form_route)
#define KIND KN_MUST("kind", KN_STR, NETWORK_WORD, "this one"), KN_MUST("id", KN_UUID, NONE, "which")

const struct kn_form kn_form_known = { "known state", "what a host knows of networks",
                                       KN_FIELDS(KN_MUST("host", KN_STR, HOST, "which"),
                                                 KN_MUST("version", KN_INT, STATE_FROM, "of what it was told last")),
                                       NULL };

const struct kn_form kn_form_told_kind = {
    "told kind", "what a host has of one kind, so that it can be held against the rows without naming each",
    KN_FIELDS(KN_MUST("kind", KN_STR, NETWORK_WORD, "as in thing"), KN_MUST("count", KN_INT, EXACT, "how many"),
              KN_MUST("ids", KN_INT, EXACT, "the sum of the first 32 bits of their ids"),
              KN_MUST("macs", KN_INT, EXACT, "the sum of the last 32 bits of their MACs, of what has one")),
    NULL
};

const struct kn_form kn_form_told = {
    "told", "what a host was told of networks, for the audit",
    KN_FIELDS(KN_MUST("version", KN_INT, STATE_FROM, "of its state"),
              KN_MUST("kinds", KN_ARR, STATE_LIST, "each that there is", .form = &kn_form_told_kind),
              KN_MUST("broken", KN_ARR, NONE, "networks and routers that its kernel does not have as they should be",
                      .items = KN_UUID)),
    NULL
};

const struct kn_form kn_form_standing = {
    "standing router", "a router that a host holds, as it stands there",
    KN_FIELDS(KN_MUST("id", KN_UUID, NONE, "which"), KN_MUST("lease", KN_INT, EXACT, "by which it is held"),
              KN_MAY("why", KN_STR, NETWORK_DESCRIPTION, "it does not stand as it should; absent: it does")),
    NULL
};

const struct kn_form kn_form_heard = {
    "heard address", "an address of allowed_address_pairs that a guest announced to its network",
    KN_FIELDS(KN_MUST("port", KN_UUID, NONE, "whose"), KN_MUST("ip", KN_STR, CIDR, "without prefix"),
              KN_MUST("mac", KN_STR, MAC, "with this one"),
              KN_MUST("after", KN_INT, EXACT,
                      "the number of the announcement of that address which the host knows of; 0 = none"),
              KN_MUST("age_ms", KN_INT, EXACT, "when it was heard: so long ago")),
    NULL
};

/* --- networks and ports --------------------------------------------------------------------------------------------- */

const struct kn_form kn_form_state_subnet = {
    "subnet of a host", "a subnet of a network that a host carries",
    KN_FIELDS(KN_MUST("id", KN_UUID, NONE, "which"), KN_MUST("cidr", KN_STR, CIDR, "its addresses"),
              KN_MAY("gateway", KN_STR, CIDR, "absent = none"),
              KN_MUST("dhcp", KN_BOOL, NONE, "guests may ask for theirs"),
              KN_MAY("ra_mode", KN_STR, NETWORK_WORD, "of IPv6: slaac, dhcpv6-stateless, dhcpv6-stateful, none"),
              KN_MAY("address_mode", KN_STR, NETWORK_WORD, "the same words"),
              KN_MUST("dns", KN_ARR, STATE_LIST, "addresses of servers", .items = KN_STR),
              ROUTES(KN_MUST, STATE_LIST, "beside the gateway")),
    NULL
};

const struct kn_form kn_form_state_network = {
    "network of a host", "a network with a port on the host",
    KN_FIELDS(KIND, KN_MUST("type", KN_STR, NETWORK_WORD, "vxlan, flat or local"),
              KN_MAY("physical", KN_STR, NETWORK_NAME, "of flat: the network that the host has a device for"),
              KN_MAY("vni", KN_INT, VNI, "of vxlan"), KN_MUST("mtu", KN_INT, WIRE_MTU, "of its devices and guests"),
              KN_MAY("domain", KN_STR, DNS_NAME, "of its ports' names; absent: openstacklocal"),
              KN_MAY("dhcp_mac", KN_STR, MAC, "of its DHCP port, the same on every host"),
              KN_MAY("dhcp_ips", KN_ARR, STATE_LIST, "of the same", .items = KN_STR),
              KN_MUST("subnets", KN_ARR, STATE_ITEMS, "its", .form = &kn_form_state_subnet)),
    NULL
};

const struct kn_form kn_form_state_ip = {
    "fixed IP", "an address of a port",
    KN_FIELDS(KN_MUST("subnet", KN_UUID, NONE, "which"), KN_MUST("ip", KN_STR, CIDR, "without prefix")), NULL
};
const struct kn_form kn_form_state_pair = { "address pair", "what else a port may send from",
                                            KN_FIELDS(KN_MUST("ip", KN_STR, CIDR, "with its prefix, or one"),
                                                      KN_MUST("mac", KN_STR, MAC, "with this one")),
                                            NULL };
const struct kn_form kn_form_state_announced = {
    "announced address", "an address of pairs that the port's guest has, because it announced it last",
    KN_FIELDS(KN_MUST("ip", KN_STR, CIDR, "without prefix"), KN_MUST("mac", KN_STR, MAC, "with this one"),
              KN_MUST("number", KN_INT, EXACT, "grows: of two about one address or MAC the larger one counts")),
    NULL
};
const struct kn_form kn_form_state_option = {
    "DHCP option", "an extra option of a port",
    KN_FIELDS(KN_MUST("name", KN_STR, DHCP_OPTION, "dnsmasq's name or a number"),
              KN_MUST("value", KN_STR, DHCP_OPTION_VALUE, "as given; empty: none of it"),
              KN_MUST("version", KN_INT, IP_VERSION, "of IP")),
    NULL
};

const struct kn_form kn_form_state_port = {
    "port of a host", "a port that is bound there",
    KN_FIELDS(KIND, KN_MUST("network", KN_UUID, NONE, "whose"),
              KN_MAY("server", KN_UUID, NONE, "its device; absent: a router's, or nobody's"),
              KN_MAY("hostname", KN_STR, DNS_NAME,
                     "its name: a label, several, or all with a dot at the end; what is none of it is none"),
              KN_MUST("mac", KN_STR, MAC, "its address"),
              KN_MUST("up", KN_BOOL, NONE, "admin_state_up: nothing passes one that is down"),
              KN_MUST("filtered", KN_BOOL, NONE, "port_security_enabled"),
              KN_MAY("is_router", KN_BOOL, NONE, "a router's interface"),
              KN_MUST("ips", KN_ARR, STATE_ITEMS, "its addresses", .form = &kn_form_state_ip),
              KN_MAY("pairs", KN_ARR, STATE_ITEMS, "allowed_address_pairs", .form = &kn_form_state_pair),
              KN_MAY("announced", KN_ARR, STATE_ITEMS, "of those, what its guest announced; absent = nothing",
                     .form = &kn_form_state_announced),
              IDS_OPT("groups", "its security groups; absent: groups are not asked"),
              KN_MAY("options", KN_ARR, STATE_ITEMS, "extra_dhcp_opts", .form = &kn_form_state_option),
              KN_MAY("floating", KN_ARR, STATE_ITEMS, "what stands for its addresses outside, absent = nothing",
                     .form = &kn_form_state_floating),
              KN_MAY("policy", KN_UUID, NONE, "of QoS")),
    NULL
};

const struct kn_form kn_form_state_peer = {
    "peer", "a port that is bound on another host, on a network that this one carries",
    KN_FIELDS(KIND, KN_MUST("network", KN_UUID, NONE, "whose"),
              KN_MAY("hostname", KN_STR, DNS_NAME, "its name, as a port's"), KN_MUST("mac", KN_STR, MAC, "its address"),
              WORDS("ips", "its addresses"),
              KN_MAY("pairs", KN_ARR, STATE_ITEMS, "allowed_address_pairs, absent = none", .form = &kn_form_state_pair),
              KN_MAY("announced", KN_ARR, STATE_ITEMS, "of those, what its guest announced; absent = nothing",
                     .form = &kn_form_state_announced),
              KN_MUST("underlay", KN_STR, UNDERLAY, "its host's VXLAN address")),
    NULL
};

/* --- groups ------------------------------------------------------------------------------------------------------- */

const struct kn_form kn_form_state_rule = {
    "rule of a group", "what it lets through",
    KN_FIELDS(KN_MUST("id", KN_UUID, NONE, "which"), KN_MUST("ingress", KN_BOOL, NONE, "to the guest, or from it"),
              KN_MUST("family", KN_INT, IP_VERSION, "4 or 6"),
              KN_MAY("protocol", KN_INT, STATE_PROTOCOL, "absent = any"),
              KN_MAY("first", KN_INT, STATE_SOCKET, "port, or ICMP's type; absent = any"),
              KN_MAY("last", KN_INT, STATE_SOCKET, "port, or ICMP's code; absent = any"),
              KN_MAY("prefix", KN_STR, CIDR, "with whom: of these, at most one is said"),
              KN_MAY("group", KN_UUID, NONE, "with its members"),
              KN_MAY("addresses", KN_UUID, NONE, "with those of an address group")),
    NULL
};

const struct kn_form kn_form_state_group = {
    "security group", "one that a port of the host has",
    KN_FIELDS(KIND, KN_MUST("stateful", KN_BOOL, NONE, "answers pass by themselves"),
              KN_MUST("rules", KN_ARR, STATE_ITEMS, "its", .form = &kn_form_state_rule)),
    NULL
};

const struct kn_form kn_form_state_member = {
    "member", "a port, wherever it is, of a group that a rule on the host names as its remote",
    KN_FIELDS(KIND, WORDS("ips", "its addresses, and the single ones of its pairs"),
              KN_MAY("prefixes", KN_ARR, STATE_ITEMS, "of its pairs, absent = none", .items = KN_STR),
              KN_MUST("groups", KN_ARR, STATE_ITEMS, "its groups", .items = KN_UUID)),
    NULL
};

const struct kn_form kn_form_state_addresses = { "address group", "one that a rule on the host names",
                                                 KN_FIELDS(KIND, WORDS("prefixes", "what is in it")), NULL };

const struct kn_form kn_form_state_limit = { "bandwidth limit", "of one direction",
                                             KN_FIELDS(KN_MAY("max_kbps", KN_INT, QUOTA, "absent = none"),
                                                       KN_MAY("burst_kbit", KN_INT, QUOTA,
                                                              "absent: the host's choice")),
                                             NULL };

const struct kn_form kn_form_state_policy = {
    "QoS policy", "one that a port of the host has",
    KN_FIELDS(KIND, KN_MAY("to_guest", KN_OBJ, NONE, "ingress", .form = &kn_form_state_limit),
              KN_MAY("from_guest", KN_OBJ, NONE, "egress", .form = &kn_form_state_limit),
              KN_MAY("dscp", KN_INT, STATE_DSCP, "absent = none")),
    NULL
};

/* --- routers ------------------------------------------------------------------------------------------------------ */

const struct kn_form kn_form_state_interface = {
    "router's interface", "a port of a router",
    KN_FIELDS(KN_MUST("port", KN_UUID, NONE, "which"), KN_MUST("network", KN_UUID, NONE, "whose"),
              KN_MUST("mac", KN_STR, MAC, "its address"),
              WORDS("ips", "its addresses, each with the length of its subnet's prefix"),
              KN_MAY("scope4", KN_UUID, NONE, "address scope of its IPv4 addresses; absent = that of all without one"),
              KN_MAY("scope6", KN_UUID, NONE, "and of its IPv6 addresses")),
    NULL
};
const struct kn_form kn_form_state_floating = { "floating IP", "an address outside that stands for one inside",
                                                KN_FIELDS(KN_MUST("id", KN_UUID, NONE, "which"),
                                                          KN_MUST("outside", KN_STR, CIDR, "its"),
                                                          KN_MUST("inside", KN_STR, CIDR, "the port's")),
                                                NULL };
const struct kn_form kn_form_state_forward = {
    "port forwarding", "ports outside that stand for ports inside",
    KN_FIELDS(KN_MUST("id", KN_UUID, NONE, "which"), KN_MUST("outside", KN_STR, CIDR, "the floating address"),
              KN_MUST("inside", KN_STR, CIDR, "the port's"), KN_MUST("protocol", KN_INT, STATE_PROTOCOL, "IP's number"),
              KN_MUST("outside_first", KN_INT, STATE_SOCKET, "from"),
              KN_MUST("outside_last", KN_INT, STATE_SOCKET, "to"),
              KN_MUST("inside_first", KN_INT, STATE_SOCKET, "from"),
              KN_MUST("inside_last", KN_INT, STATE_SOCKET, "to")),
    NULL
};

const struct kn_form kn_form_state_router = {
    "router", "one whose lease the host holds",
    KN_FIELDS(KIND, KN_MUST("lease", KN_INT, EXACT, "grows with each host that gets it"),
              KN_MUST("up", KN_BOOL, NONE, "admin_state_up"),
              KN_MUST("interfaces", KN_ARR, STATE_ITEMS, "its ports", .form = &kn_form_state_interface),
              KN_MAY("gateway", KN_INT, STATE_SOCKET,
                     "which of the interfaces leads outside, from 0 on; absent = none"),
              KN_MAY("snat", KN_BOOL, NONE, "what leaves through the gateway leaves with its address"),
              KN_MAY("snat_ip", KN_STR, CIDR, "this one"), ROUTES(KN_MAY, STATE_ITEMS, "defaults among them"),
              KN_MAY("floating", KN_ARR, STATE_ITEMS, "addresses", .form = &kn_form_state_floating),
              KN_MAY("forwards", KN_ARR, STATE_ITEMS, "of ports", .form = &kn_form_state_forward)),
    NULL
};

/* --- any of them -------------------------------------------------------------------------------------------------- */

static const struct {
    const char *kind;
    const struct kn_form *form;
} STATE_KINDS[] = {
    { "network", &kn_form_state_network }, { "port", &kn_form_state_port },
    { "peer", &kn_form_state_peer },       { "group", &kn_form_state_group },
    { "member", &kn_form_state_member },   { "addresses", &kn_form_state_addresses },
    { "policy", &kn_form_state_policy },   { "router", &kn_form_state_router },
};

static const struct kn_form *form_of(const json_t *object)
{
    const char *kind = kn_json_str(object, "kind");

    for (size_t i = 0; i < sizeof(STATE_KINDS) / sizeof(STATE_KINDS[0]); i++) {
        if (strcmp(STATE_KINDS[i].kind, kind) == 0) {
            return STATE_KINDS[i].form;
        }
    }
    return NULL;
}

static int is_of_its_kind(const json_t *object, const char *where, struct kn_error *err)
{
    const struct kn_form *form = form_of(object);

    return form == NULL
               ? kn_fail(err, KN_BAD_REQUEST, "%s: there is no kind \"%s\"", where, kn_json_str(object, "kind"))
               : kn_form_check(form, object, where, err);
}

static int is_of_a_kind(const json_t *drop, const char *where, struct kn_error *err)
{
    return form_of(drop) != NULL
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "%s: there is no kind \"%s\"", where, kn_json_str(drop, "kind"));
}

const struct kn_form kn_form_state_object = {
    "thing", "something that a host is told of networks; the rest of it is its kind's form",
    KN_FIELDS(KN_MUST("kind", KN_STR, NETWORK_WORD,
                      "network (network of a host), port (port of a host), peer, group (security group), member, "
                      "addresses (address group), policy (QoS policy) or router"),
              KN_MUST("id", KN_UUID, NONE, "which")),
    is_of_its_kind
};

const struct kn_form kn_form_state_drop = {
    "drop", "a thing that is no more, or does not concern the host",
    KN_FIELDS(KN_MUST("kind", KN_STR, NETWORK_WORD, "as in thing"), KN_MUST("id", KN_UUID, NONE, "which")), is_of_a_kind
};
