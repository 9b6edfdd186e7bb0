# SPDX-License-Identifier: Apache-2.0
"""Frames as bytes: those that an honest guest sends, those that none should, and what answers say. Pure; frames.c sends and hears them."""
import ipaddress
import struct

BROADCAST = "ff:ff:ff:ff:ff:ff"
ALL_NODES, ALL_ROUTERS, ALL_DHCP = "ff02::1", "ff02::2", "ff02::1:2"
ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86dd
ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT = 133, 134, 135, 136


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def ip_bytes(ip):
    return ipaddress.ip_address(ip).packed


def local_of(mac):
    """The link-local address that belongs to a MAC."""
    m = mac_bytes(mac)
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + bytes([m[0] ^ 2]) + m[1:3] + b"\xff\xfe" + m[3:]))


def slaac(prefix, mac):
    """What SLAAC makes of a prefix and a MAC."""
    return str(ipaddress.IPv6Address(ipaddress.ip_network(prefix).network_address.packed[:8] + ip_bytes(local_of(mac))[8:]))


def multicast_mac(ip):
    return "33:33:" + ip_bytes(ip)[12:].hex(":")


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ether(destination, source, kind, payload):
    return mac_bytes(destination) + mac_bytes(source) + struct.pack("!H", kind) + payload


def arp(source_mac, sender_mac, sender_ip, target_ip, operation=1, destination=BROADCAST):
    body = struct.pack("!HHBBH", 1, IPV4, 6, 4, operation) + mac_bytes(sender_mac) + ip_bytes(sender_ip) + bytes(6) + ip_bytes(target_ip)
    return ether(destination, source_mac, ARP, body)


def ipv4(destination_mac, source_mac, source, destination, protocol, payload):
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0) + ip_bytes(source) + ip_bytes(destination)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ether(destination_mac, source_mac, IPV4, head + payload)


def ipv6(destination_mac, source_mac, source, destination, protocol, payload, at=None):
    """`at`: where in the payload the checksum belongs."""
    if at is not None:
        pseudo = ip_bytes(source) + ip_bytes(destination) + struct.pack("!II", len(payload), protocol)
        payload = payload[:at] + struct.pack("!H", checksum(pseudo + payload) or 0xffff) + payload[at + 2:]
    head = struct.pack("!IHBB", 6 << 28, len(payload), protocol, 255)
    return ether(destination_mac, source_mac, IPV6, head + ip_bytes(source) + ip_bytes(destination) + payload)


def udp4(destination_mac, source_mac, source, destination, source_port, port, data):
    return ipv4(destination_mac, source_mac, source, destination, 17, struct.pack("!HHHH", source_port, port, 8 + len(data), 0) + data)


def udp6(destination_mac, source_mac, source, destination, source_port, port, data):
    return ipv6(destination_mac, source_mac, source, destination, 17, struct.pack("!HHHH", source_port, port, 8 + len(data), 0) + data, 6)


def icmp6(destination_mac, source_mac, source, destination, kind, rest):
    return ipv6(destination_mac, source_mac, source, destination, 58, bytes([kind, 0, 0, 0]) + rest, 2)


def router_solicitation(mac):
    return icmp6(multicast_mac(ALL_ROUTERS), mac, local_of(mac), ALL_ROUTERS, ROUTER_SOLICITATION, bytes(4) + b"\1\1" + mac_bytes(mac))


def router_advertisement(mac, mark):
    """A rogue's: a default route, and a prefix that says who it is."""
    rest = struct.pack("!BBHII", 64, 0, 1800, 0, 0) + struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 3600, 3600, 0) + mark.ljust(16, b"\0")[:16]
    return icmp6(multicast_mac(ALL_NODES), mac, local_of(mac), ALL_NODES, ROUTER_ADVERTISEMENT, rest)


def neighbour_advertisement(source_mac, source, target, said_mac, destination_mac, destination):
    rest = struct.pack("!I", 0x60000000) + ip_bytes(target) + b"\2\1" + mac_bytes(said_mac)
    return icmp6(destination_mac, source_mac, source, destination, NEIGHBOUR_ADVERTISEMENT, rest)


def dhcp_offer(source_mac, source, destination_mac, mark):
    """Enough of a rogue server's offer to be known again."""
    body = struct.pack("!BBBBIHH", 2, 1, 6, 0, 0x6b6e6b6e, 0, 0) + bytes(16) + mac_bytes(destination_mac) + bytes(202) + bytes.fromhex("63825363350102")
    return udp4(destination_mac, source_mac, source, "255.255.255.255", 67, 68, body + b"\x0c" + bytes([len(mark)]) + mark + b"\xff")


# --- what comes -------------------------------------------------------------------------------------------------------

def parse_ipv6(frame):
    """(source, destination, protocol, payload), or None."""
    if frame[12:14] != b"\x86\xdd" or len(frame) < 54:
        return None
    return str(ipaddress.IPv6Address(frame[22:38])), str(ipaddress.IPv6Address(frame[38:54])), frame[20], frame[54:]


def tlvs(data):
    """Options of a neighbour discovery message: {kind: [bodies]}."""
    found = {}
    while len(data) >= 2 and data[1]:
        found.setdefault(data[0], []).append(data[2:data[1] * 8])
        data = data[data[1] * 8:]
    return found


def parse_advertisement(frame):
    """What a router advertisement says, or None if the frame is none."""
    found = parse_ipv6(frame)
    if found is None or found[2] != 58 or found[3][0] != ROUTER_ADVERTISEMENT:
        return None
    flags, lifetime = found[3][5], struct.unpack("!H", found[3][6:8])[0]
    options = tlvs(found[3][16:])
    return {"source": found[0], "managed": bool(flags & 0x80), "other": bool(flags & 0x40), "preference": flags >> 3 & 3, "lifetime": lifetime,
            "mtu": struct.unpack("!I", options[5][0][2:6])[0] if 5 in options else None,
            "prefixes": {f"{ipaddress.IPv6Address(o[14:30])}/{o[0]}": bool(o[1] & 0x40) for o in options.get(3, ())},
            "dns": [str(ipaddress.IPv6Address(o[6 + n:22 + n])) for o in options.get(25, ()) for n in range(0, len(o) - 6, 16)]}


# --- DHCPv6 -----------------------------------------------------------------------------------------------------------

SOLICIT, ADVERTISE, REQUEST, REPLY, INFORMATION_REQUEST = 1, 2, 3, 7, 11
CLIENT_ID, SERVER_ID, IA_NA, IA_ADDR, ORO, ELAPSED, STATUS, DNS, SEARCH = 1, 2, 3, 5, 6, 8, 13, 23, 24


def dhcp6(mac, kind, transaction, options):
    def put(code, body):
        return struct.pack("!HH", code, len(body)) + body
    body = bytes([kind]) + transaction.to_bytes(3, "big") + put(CLIENT_ID, b"\0\3\0\1" + mac_bytes(mac))
    body += put(ELAPSED, b"\0\0") + put(ORO, struct.pack("!HH", DNS, SEARCH)) + b"".join(put(code, data) for code, data in options)
    return udp6(multicast_mac(ALL_DHCP), mac, local_of(mac), ALL_DHCP, 546, 547, body)


def parse_options6(data):
    found = {}
    while len(data) >= 4:
        code, size = struct.unpack("!HH", data[:4])
        found[code] = data[4:4 + size]
        data = data[4 + size:]
    return found


def parse_dhcp6(frame):
    """(kind, transaction, options), or None."""
    found = parse_ipv6(frame)
    if found is None or found[2] != 17 or found[3][:4] != struct.pack("!HH", 547, 546):
        return None
    body = found[3][8:]
    return body[0], int.from_bytes(body[1:4], "big"), parse_options6(body[4:])


def addresses6(options):
    """What is given in an answer's IA_NA."""
    inner = parse_options6(options.get(IA_NA, b"")[12:])
    return [str(ipaddress.IPv6Address(body[:16])) for code, body in inner.items() if code == IA_ADDR]


def servers6(options):
    data = options.get(DNS, b"")
    return [str(ipaddress.IPv6Address(data[n:n + 16])) for n in range(0, len(data), 16)]
