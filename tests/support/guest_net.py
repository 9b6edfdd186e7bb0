#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a guest says on the wire in tests of the firewall: answers, asks, streams, and what no honest guest would send.

guest_net.py serve READY | tcp ADDRESS PORT | udp ADDRESS PORT | stream ADDRESS PORT FILE | bulk ADDRESS PORT BYTES | tos ADDRESS |
             raw KIND [ARGUMENTS]
"""
import fcntl
import os
import select
import socket
import struct
import sys
import threading
import time


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve(ready):
    """Echoes TCP on 20 to 30 and 80, UDP on 53 and 20, on every address of both families; a TCP client that sends P is pushed to for ever; UDP 54 answers
    with the DSCP that it saw."""
    listeners = []
    for port in list(range(20, 31)) + [80]:
        s = socket.socket(socket.AF_INET6)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(("::", port))
        s.listen(16)
        listeners.append(s)
    datagrams = []
    for port in (20, 53):
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.bind(("::", port))
        datagrams.append(s)
    seers = []
    for kind, level, option in ((socket.AF_INET, socket.IPPROTO_IP, socket.IP_RECVTOS),
                                (socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS)):
        s = socket.socket(kind, socket.SOCK_DGRAM)
        if kind == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.setsockopt(level, option, 1)
        s.bind(("::" if kind == socket.AF_INET6 else "0.0.0.0", 54))
        seers.append(s)
    streams, pushed = [], []
    open(ready, "w").close()
    while True:
        readable, _, _ = select.select(listeners + datagrams + seers + streams, [], [], 0.05 if pushed else None)
        for s in readable:
            if s in listeners:
                streams.append(s.accept()[0])
            elif s in seers:
                _, told, _, who = s.recvmsg(64, 256)
                s.sendto(str(told[0][2][0] >> 2).encode(), who)
            elif s in datagrams:
                data, who = s.recvfrom(2048)
                s.sendto(data, who)
            else:
                try:
                    data = s.recv(2048)
                    if data == b"P":
                        s.setblocking(False)
                        pushed.append(s)
                    elif data:
                        s.sendall(data)
                    else:
                        streams.remove(s)
                except OSError:
                    streams.remove(s)
        for s in list(pushed):
            try:
                s.send(b"x")
            except BlockingIOError:
                pass
            except OSError:
                pushed.remove(s)


def tcp(address, port):
    s = socket.socket(family(address))
    s.settimeout(1)
    s.connect((address, int(port)))
    s.sendall(b"hello")
    assert s.recv(16) == b"hello"


def udp(address, port):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.settimeout(1)
    s.sendto(b"hello", (address, int(port)))
    assert s.recv(16) == b"hello"


def tos(address):
    s = socket.socket(family(address), socket.SOCK_DGRAM)
    s.settimeout(1)
    s.sendto(b"?", (address, 54))
    print(s.recv(16).decode())


def bulk(address, port, size):
    """Sends so many bytes and reads them back; prints how many milliseconds it took."""
    s = socket.socket(family(address))
    s.connect((address, int(port)))
    s.setblocking(False)
    start, left, back = time.monotonic(), int(size), int(size)
    while back > 0:
        readable, writable, _ = select.select([s], [s] if left > 0 else [], [], 30)
        if readable:
            back -= len(s.recv(65536))
        if writable:
            left -= s.send(b"x" * min(left, 2048))
    print(int((time.monotonic() - start) * 1000))


def stream(address, port, path, push=""):
    """Writes how many answers came, for ever. With push: says nothing after the first word, only listens."""
    s = socket.socket(family(address))
    s.connect((address, int(port)))
    s.setblocking(False)
    count, last = 0, 0.0
    if push:
        s.send(b"P")
    while True:
        if not push and time.monotonic() - last > 0.05:
            last = time.monotonic()
            try:
                s.send(b"x")
            except BlockingIOError:
                pass
        if select.select([s], [], [], 0.02)[0]:
            count += len(s.recv(65536))
            with open(path + ".new", "w") as f:
                f.write(str(count))
            os.rename(path + ".new", path)


# --- frames ---------------------------------------------------------------------------------------------------------


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def own_mac():
    """Asked by socket: /sys is another namespace's here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        answer = fcntl.ioctl(s, 0x8927, struct.pack("256s", b"eth0"))  # SIOCGIFHWADDR
    return answer[18:24].hex()


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data + b"\0" * (len(data) % 2)))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def send(frame):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("eth0", 0))
    s.send(frame)


def icmp6(source, target, body, hardware="33:33:00:00:00:01"):
    src, dst = socket.inet_pton(socket.AF_INET6, source), socket.inet_pton(socket.AF_INET6, target)
    pseudo = src + dst + struct.pack("!II", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    head = struct.pack("!IHBB", 6 << 28, len(body), 58, 255) + src + dst
    send(mac(hardware) + mac(own_mac()) + b"\x86\xdd" + head + body)


def raw_ra(source, prefix):
    """A router advertisement of a prefix."""
    option = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0) + socket.inet_pton(socket.AF_INET6, prefix)
    icmp6(source, "ff02::1", struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + option)


def raw_na(source, target, hardware):
    """An unasked neighbour advertisement that takes `target` over; said to one host, as an answer."""
    option = struct.pack("!BB", 2, 1) + mac(own_mac())
    icmp6(source, "ff02::1", struct.pack("!BBHI", 136, 0, 0, 0x20000000) + socket.inet_pton(socket.AF_INET6, target) +
          option, hardware)


def raw_arp(sender_ip, target_ip, hardware):
    """An ARP answer that takes `sender_ip` over."""
    send(mac(hardware) + mac(own_mac()) + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + mac(own_mac()) +
         socket.inet_aton(sender_ip) + mac(hardware) + socket.inet_aton(target_ip))


def end_with(path):
    """What serves or streams ends when the test's directory goes, however the test ended: it has no parent that would take it along."""
    while os.path.isdir(os.path.dirname(path)):
        time.sleep(0.5)
    os._exit(0)


def main():
    word, arguments = sys.argv[1], sys.argv[2:]
    if word in ("serve", "stream"):
        threading.Thread(target=end_with, args=(arguments[0 if word == "serve" else 2],), daemon=True).start()
    if word == "raw":
        word, arguments = "raw_" + arguments[0], arguments[1:]
    try:
        globals()[word](*arguments)
    except (OSError, AssertionError) as e:
        print(type(e).__name__, e)
        sys.exit(1)


main()
