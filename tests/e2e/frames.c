/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frames: says on a wire what no honest guest would say, and listens to what comes. tests/e2e/packets.py builds it static and puts it into guests; what a
 * frame is, is made up and understood there.
 *
 *   frames INTERFACE LIMIT_MS UNTIL HEX…
 *
 * Listens, sends each HEX, then prints every frame that is not its own as hex, a line each, the first 400 bytes, until one holds the bytes UNTIL ("-": until
 * the limit). Exits 0 if it came, 1 if not, 2 if it could not even try.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define MOST 2048
#define SHOWN 400

static int64_t now_ms(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

/* How many bytes they are. */
static size_t unhex(const char *text, uint8_t out[MOST])
{
    size_t count = 0;
    unsigned byte;

    for (; count < MOST && sscanf(text, "%2x", &byte) == 1; text += 2) {
        out[count++] = (uint8_t)byte;
    }
    return count;
}

static void show(const uint8_t *frame, size_t size)
{
    for (size_t i = 0; i < size && i < SHOWN; i++) {
        printf("%02x", frame[i]);
    }
    printf("\n");
    fflush(stdout);
}

/* Whether what is waited for came. */
static int frames_listen(int fd, int64_t end_ms, const uint8_t *until, size_t until_size)
{
    struct pollfd ready = { .fd = fd, .events = POLLIN };
    uint8_t frame[MOST];

    for (int64_t left; (left = end_ms - now_ms()) > 0 && poll(&ready, 1, (int)left) >= 0;) {
        struct sockaddr_ll from = { .sll_pkttype = PACKET_OUTGOING };
        socklen_t from_size = sizeof(from);
        ssize_t size = recvfrom(fd, frame, sizeof(frame), MSG_DONTWAIT, (struct sockaddr *)&from, &from_size);

        if (size <= 0 || from.sll_pkttype == PACKET_OUTGOING) {
            continue;
        }
        show(frame, (size_t)size);
        if (until_size > 0 && memmem(frame, (size_t)size, until, until_size) != NULL) {
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint8_t until[MOST], frame[MOST];
    const int fd = argc < 4 ? -1 : socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
    struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };

    if (fd < 0 || (at.sll_ifindex = (int)if_nametoindex(argv[1])) == 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
        perror("frames");
        return 2;
    }
    const int64_t end_ms = now_ms() + strtol(argv[2], NULL, 10);
    const size_t until_size = unhex(argv[3], until);

    fprintf(stderr, "listening\n");
    for (int i = 4; i < argc; i++) {
        size_t size = unhex(argv[i], frame);

        if (send(fd, frame, size, 0) < 0) {
            perror("frames");
            return 2;
        }
    }
    return frames_listen(fd, end_ms, until, until_size) ? 0 : until_size > 0;
}
