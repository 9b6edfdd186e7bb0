/* SPDX-License-Identifier: Apache-2.0 */
/* ears.c: packet sockets, their filter and the thread that reads them. Believes nothing of a frame but what kn_network_ears_read() checked, and keeps nothing of it. */
#include "network/host/link/ears.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"

#define HEARD_A_SECOND 8
#define HEARD_AT_ONCE 32 /* what a change of master may say in one breath */
#define BEAT_MS 250
#define WORDS 64 /* in one turn; what is left waits in the sockets */
#define FRAME 128 /* longer ones are cut: what is asked for stands in front */
#define ROOM_BYTES (32 << 10)

/* --- frames --------------------------------------------------------------------------------------------------------- */

#define ETHER 14

static bool ears_read_arp(const uint8_t *frame, size_t size, uint8_t ret_mac[6], struct kn_ip *ret_ip)
{
    static const uint8_t KIND[] = { 0, 1, 8, 0, 6, 4, 0 }; /* Ethernet, IPv4, their sizes, and half of the operation */
    const uint8_t *arp = frame + ETHER;

    /* of itself: who it says it is, is whom it speaks of */
    if (size < ETHER + 28 || memcmp(arp, KIND, sizeof(KIND)) != 0 || (arp[7] != 1 && arp[7] != 2) ||
        memcmp(arp + 14, arp + 24, 4) != 0 || memcmp(arp + 8, frame + 6, 6) != 0) {
        return false;
    }
    *ret_ip = (struct kn_ip){ .family = 4 };
    memcpy(ret_ip->bytes, arp + 14, 4);
    memcpy(ret_mac, arp + 8, 6);
    return true;
}

#define SOLICITED 0x40

static bool ears_read_advertisement(const uint8_t *frame, size_t size, uint8_t ret_mac[6], struct kn_ip *ret_ip)
{
    const uint8_t *ip = frame + ETHER, *said = ip + 40;

    /* to everybody, from the link itself; with the link-layer address as its first and only option */
    if (size < ETHER + 40 + 32 || ip[6] != IPPROTO_ICMPV6 || ip[7] != 255 || ip[24] != 0xff || said[0] != 136 ||
        said[1] != 0 || (said[4] & SOLICITED) != 0 || said[24] != 2 || said[25] != 1 ||
        memcmp(said + 26, frame + 6, 6) != 0) {
        return false;
    }
    *ret_ip = (struct kn_ip){ .family = 6 };
    memcpy(ret_ip->bytes, said + 8, 16);
    memcpy(ret_mac, said + 26, 6);
    return true;
}

bool kn_network_ears_read(const uint8_t *frame, size_t size, uint8_t ret_mac[6], struct kn_ip *ret_ip)
{
    const int type = size < ETHER ? 0 : frame[12] << 8 | frame[13];

    return type == ETHERTYPE_ARP    ? ears_read_arp(frame, size, ret_mac, ret_ip)
           : type == ETHERTYPE_IPV6 ? ears_read_advertisement(frame, size, ret_mac, ret_ip)
                                    : false;
}

/* --- one tap -------------------------------------------------------------------------------------------------------- */

struct ear {
    char port[KN_UUID_SIZE];
    unsigned device;
    int fd;
    int64_t words; /* that it may still say, in thousandths */
    int64_t counted_ms;
    bool is_tired; /* it said all of them */
};

struct kn_network_ears {
    kn_network_ears_hear *hear; /* immutable, as all down to the lock */
    void *ctx;
    int epoll, wake;
    pthread_t thread;
    bool runs;

    pthread_mutex_t lock;
    struct kn_hmap *taps; /* port -> struct ear, owned; guarded by the lock, as the rest */
    bool is_stopping;
};

static void ear_free(void *p)
{
    struct ear *ear = p;

    if (ear->fd >= 0) {
        close(ear->fd);
    }
    free(ear);
}

/*
 * What the guest itself sends (not what it gets): ARP of the sender's own address, and neighbour advertisements to everybody that answer nobody, right behind
 * IPv6's header. A guest that asks for its neighbours all day says nothing by that, and uses up none of its words.
 */
static int ear_filter(int fd)
{
    struct sock_filter program[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 16, 0),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IPV6, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 0, 13),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ETHER + 14),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ETHER + 24),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 8, 9),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETHER + 6),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 7),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETHER + 24),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xff, 0, 5),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETHER + 40),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 136, 0, 3),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETHER + 44),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SOLICITED, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, FRAME),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog filter = { KN_COUNT(program), program };

    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter));
}

/* -1 where that is not possible: then nothing is heard there, and it is tried again with the next change. */
static int ear_open(unsigned device)
{
    /* Of all kinds: others are asked only after the bridge has taken the frame. */
    const struct sockaddr_ll at = { .sll_family = AF_PACKET,
                                    .sll_protocol = htons(ETH_P_ALL),
                                    .sll_ifindex = (int)device };
    const int room = ROOM_BYTES;
    AUTO_CLOSE int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || ear_filter(fd) < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)) < 0 ||
        bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
        return -1;
    }
    const int opened = fd;

    fd = -1;
    return opened;
}

static void ear_watch(struct kn_network_ears *ears, const struct ear *ear, int how)
{
    struct epoll_event event = { .events = ear->is_tired ? 0 : EPOLLIN, .data.fd = ear->fd };

    (void)epoll_ctl(ears->epoll, how, ear->fd, &event);
}

void kn_network_ears_tap(struct kn_network_ears *ears, const char *port, unsigned device)
{
    pthread_mutex_lock(&ears->lock);
    struct ear *ear = kn_hmap_get(ears->taps, port);

    if (ear != NULL && ear->device != device) {
        kn_hmap_del(ears->taps, port);
        ear = NULL;
    }
    if (ear == NULL && device != 0) {
        const int fd = ear_open(device);

        if (fd >= 0) {
            ear = KN_NEW(struct ear);
            kn_copy(ear->port, sizeof(ear->port), port);
            ear->device = device;
            ear->fd = fd;
            ear->words = HEARD_AT_ONCE * 1000;
            ear->counted_ms = kn_mono_ms();
            kn_hmap_put(ears->taps, ear->port, ear);
            ear_watch(ears, ear, EPOLL_CTL_ADD);
        }
    }
    pthread_mutex_unlock(&ears->lock);
}

/* May it say one more? */
static bool ear_has_words(struct ear *ear, int64_t now_ms)
{
    ear->words += (now_ms - ear->counted_ms) * HEARD_A_SECOND;
    ear->words = ear->words > HEARD_AT_ONCE * 1000 ? HEARD_AT_ONCE * 1000 : ear->words;
    ear->counted_ms = now_ms;
    return ear->words >= 1000;
}

/* Each frame costs a word, also one that says nothing. */
static size_t ear_listen(struct kn_network_ears *ears, struct ear *ear, int64_t now_ms, struct kn_network_heard *words,
                         size_t count)
{
    uint8_t frame[FRAME];

    while (count < WORDS && ear_has_words(ear, now_ms)) {
        const ssize_t size = recv(ear->fd, frame, sizeof(frame), 0);

        if (size < 0) {
            return count;
        }
        ear->words -= 1000;
        if (kn_network_ears_read(frame, (size_t)size, words[count].mac, &words[count].ip)) {
            kn_copy(words[count].port, sizeof(words[count].port), ear->port);
            count++;
        }
    }
    if (!ear_has_words(ear, now_ms)) {
        ear->is_tired = true;
        ear_watch(ears, ear, EPOLL_CTL_MOD);
    }
    return count;
}

/* --- all of them ---------------------------------------------------------------------------------------------------- */

/* Those that have something to say, and those that may speak again. *ret_tired: some have to be looked at though they are not heard. */
static size_t ears_listen(struct kn_network_ears *ears, const struct epoll_event *events, int ready,
                          struct kn_network_heard *words, bool *ret_tired)
{
    const int64_t now_ms = kn_mono_ms();
    const char *port;
    size_t count = 0;
    void *value;

    *ret_tired = false;
    for (size_t at = 0; kn_hmap_next(ears->taps, &at, &port, &value);) {
        struct ear *ear = value;

        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == ear->fd) {
                count = ear_listen(ears, ear, now_ms, words, count);
            }
        }
        if (ear->is_tired && ear_has_words(ear, now_ms)) {
            ear->is_tired = false;
            ear_watch(ears, ear, EPOLL_CTL_MOD);
        }
        *ret_tired = *ret_tired || ear->is_tired;
    }
    return count;
}

static void *ears_run(void *arg)
{
    struct kn_network_ears *ears = arg;
    struct kn_network_heard words[WORDS];
    struct epoll_event events[16];
    bool again = false, tired = false;

    for (;;) {
        const int ready = epoll_wait(ears->epoll, events, KN_COUNT(events), again || tired ? BEAT_MS : -1);

        pthread_mutex_lock(&ears->lock);
        const bool stop = ears->is_stopping;
        const size_t count = ears_listen(ears, events, ready, words, &tired);

        pthread_mutex_unlock(&ears->lock);
        if (stop) {
            return NULL;
        }
        if (count > 0 || again) {
            again = ears->hear(ears->ctx, words, count);
        }
    }
}

int kn_network_ears_new(kn_network_ears_hear *hear, void *ctx, struct kn_network_ears **ret_ears, struct kn_error *err)
{
    AUTO(kn_network_ears) struct kn_network_ears *ears = KN_NEW(struct kn_network_ears);
    struct epoll_event woken = { .events = EPOLLIN };

    ears->hear = hear;
    ears->ctx = ctx;
    ears->taps = kn_hmap_new(ear_free);
    pthread_mutex_init(&ears->lock, NULL);
    ears->epoll = epoll_create1(EPOLL_CLOEXEC);
    ears->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    woken.data.fd = ears->wake;
    ears->runs = ears->epoll >= 0 && ears->wake >= 0 &&
                 epoll_ctl(ears->epoll, EPOLL_CTL_ADD, ears->wake, &woken) == 0 &&
                 pthread_create(&ears->thread, NULL, ears_run, ears) == 0;
    if (!ears->runs) {
        return kn_fail(err, KN_INTERNAL, "cannot start listening to guests' announcements");
    }
    *ret_ears = kn_steal(&ears);
    return 0;
}

void kn_network_ears_free(struct kn_network_ears *ears)
{
    const uint64_t one = 1;

    if (ears == NULL) {
        return;
    }
    pthread_mutex_lock(&ears->lock);
    ears->is_stopping = true;
    pthread_mutex_unlock(&ears->lock);
    if (ears->runs) {
        (void)!write(ears->wake, &one, sizeof(one));
        pthread_join(ears->thread, NULL);
    }
    kn_hmap_free(ears->taps);
    if (ears->wake >= 0) {
        close(ears->wake);
    }
    if (ears->epoll >= 0) {
        close(ears->epoll);
    }
    pthread_mutex_destroy(&ears->lock);
    free(ears);
}
