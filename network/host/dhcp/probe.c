/* SPDX-License-Identifier: Apache-2.0 */
/* probe.c: one datagram there, one back: the question for its version, which dnsmasq answers by itself. */
#include "network/host/dhcp/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "network/host/link/netns.h"

#define QUESTIONS 3 /* in a row without an answer */
#define PATIENCE_MS 10000 /* and for that long */
#define PAUSE_MS 60000

struct probe_socket {
    const struct kn_ip *ip;
    int fd;
};

/* Inside the namespace. */
static int probe_open(void *ctx, struct kn_error *err)
{
    struct probe_socket *to = ctx;
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(53) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(53) };
    const bool is_v4 = to->ip->family == 4;
    AUTO_CLOSE int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    memcpy(&in.sin_addr, to->ip->bytes, sizeof(in.sin_addr));
    memcpy(&in6.sin6_addr, to->ip->bytes, sizeof(in6.sin6_addr));
    if (fd < 0 || (is_v4 ? connect(fd, (const struct sockaddr *)&in, sizeof(in))
                         : connect(fd, (const struct sockaddr *)&in6, sizeof(in6))) < 0) {
        return kn_fail(err, KN_INTERNAL, "asking dnsmasq: %s", strerror(errno));
    }
    to->fd = fd;
    fd = -1;
    return 0;
}

/* The address that its namespace has, of the first subnet that is served. */
static bool probe_address(const struct kn_network_host_network *network, struct kn_ip *ret)
{
    for (size_t i = 0; i < network->wanted->subnet_count; i++) {
        if (kn_network_state_dhcp_ip(network->wanted, &network->wanted->subnets[i], ret) &&
            kn_network_host_network_speaks(network, ret->family)) {
            return true;
        }
    }
    return false;
}

static bool probe_has_answer(struct kn_network_probe *probe)
{
    uint8_t answer[512];
    bool found = false;

    for (ssize_t size; (size = recv(probe->fd, answer, sizeof(answer), 0)) > 0;) {
        found = found || (size >= 12 && (answer[0] << 8 | answer[1]) == probe->id && (answer[2] & 0x80) != 0);
    }
    return found;
}

static void probe_ask(struct kn_network_probe *probe, const struct kn_network_host_network *network)
{
    static const uint8_t QUESTION[] = { 0,   0,   1,   0,   0,   1, 0,   0,   0,   0,   0, 0, 7,  'v', 'e',
                                        'r', 's', 'i', 'o', 'n', 4, 'b', 'i', 'n', 'd', 0, 0, 16, 0,   3 };
    uint8_t question[sizeof(QUESTION)];
    struct kn_ip ip;
    struct probe_socket to = { &ip, -1 };
    struct kn_error why;

    if (probe->fd < 0 && probe_address(network, &ip) &&
        kn_network_netns_run(network->netns, probe_open, &to, &why) == 0) {
        probe->fd = to.fd;
    }
    probe->id++;
    memcpy(question, QUESTION, sizeof(question));
    question[0] = (uint8_t)(probe->id >> 8);
    question[1] = (uint8_t)probe->id;
    probe->is_asked = probe->fd >= 0 && send(probe->fd, question, sizeof(question), 0) == sizeof(question);
}

bool kn_network_probe_answers(struct kn_network_host_network *network, int64_t now_ms)
{
    struct kn_network_probe *probe = &network->probe;

    if (probe->is_asked && probe_has_answer(probe)) {
        probe->has_answered = true;
        probe->missed = 0;
        probe->heard_ms = now_ms;
    } else if (probe->is_asked) {
        probe->missed++;
        kn_network_probe_end(probe); /* the namespace may be another one by now */
    }
    probe_ask(probe, network);
    if (!probe->has_answered || probe->missed < QUESTIONS || now_ms - probe->heard_ms < PATIENCE_MS ||
        (probe->told_ms != 0 && now_ms - probe->told_ms < PAUSE_MS)) {
        return true;
    }
    probe->told_ms = now_ms;
    probe->has_answered = false; /* of the next one it is not known yet */
    probe->missed = 0;
    return false;
}

void kn_network_probe_end(struct kn_network_probe *probe)
{
    if (probe->fd >= 0) {
        close(probe->fd);
    }
    probe->fd = -1;
    probe->is_asked = false;
}
