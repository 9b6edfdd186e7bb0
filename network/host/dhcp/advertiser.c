/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advertiser.c: the thread that says what advert.c wrote: when a guest asks, when something changes, and once a minute. A channel a network: one socket
 * that hears solicitations and one that sends frames, both made inside the network's namespace.
 */
#include "network/host/dhcp/advertiser.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "network/host/dhcp/dhcp.h"
#include "network/host/link/netns.h"

#define EVERY_MS 60000
#define SOON_MS 1000     /* between the first few */
#define AT_MOST_MS 200   /* however often it is asked */
#define FIRST_TIMES 3
#define READ_AT_ONCE 64

struct advert_router {
    struct kn_network_advert advert;
    int lifetime_s; /* 0: it is taken back, FIRST_TIMES times */
};

struct advert_channel {
    int hears, says;     /* -1: not open */
    unsigned device;     /* in there */
    ino_t namespace;     /* that they are of: one that was made anew is another */
    struct advert_router *routers;
    size_t count;
    int hurried;         /* so many more soon */
    bool is_asked;       /* since it said something: more questions change nothing, and are not listened to */
    int64_t due_ms, said_ms;
};

struct kn_network_advertiser {
    pthread_mutex_t lock; /* all below */
    pthread_t thread;
    int wake;             /* eventfd */
    bool runs, is_stopping;
    struct kn_hmap *channels; /* network's id -> struct advert_channel, owned */
};

static void channel_shut(struct advert_channel *channel)
{
    if (channel->hears >= 0) {
        close(channel->hears);
    }
    if (channel->says >= 0) {
        close(channel->says);
    }
    channel->hears = channel->says = -1;
}

static void channel_free(void *value)
{
    struct advert_channel *channel = value;

    channel_shut(channel);
    free(channel->routers);
    free(channel);
}

struct kn_network_advertiser *kn_network_advertiser_new(void)
{
    struct kn_network_advertiser *advertiser = KN_NEW(struct kn_network_advertiser);

    pthread_mutex_init(&advertiser->lock, NULL);
    advertiser->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    advertiser->channels = kn_hmap_new(channel_free);
    return advertiser;
}

static void advertiser_wake(struct kn_network_advertiser *advertiser)
{
    (void)!eventfd_write(advertiser->wake, 1);
}

/* --- saying ----------------------------------------------------------------------------------------------------------- */

static void channel_say(struct advert_channel *channel, int64_t now_ms)
{
    struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)channel->device };
    size_t kept = 0;

    for (size_t i = 0; i < channel->count; i++) {
        struct advert_router *router = &channel->routers[i];
        uint8_t frame[KN_ADVERT_SIZE];

        kn_network_advert_frame(&router->advert, router->lifetime_s, frame);
        (void)!sendto(channel->says, frame, sizeof(frame), 0, (const struct sockaddr *)&to, sizeof(to));
        if (router->lifetime_s > 0 || channel->hurried > 0) {
            channel->routers[kept++] = *router;
        }
    }
    channel->count = kept;
    channel->is_asked = false;
    channel->said_ms = now_ms;
    channel->due_ms = now_ms + (channel->hurried > 0 ? SOON_MS : EVERY_MS);
    channel->hurried -= channel->hurried > 0;
}

/* The socket lets nothing through but solicitations. However many a guest sends, some are read, and then none until they are answered. */
static void channel_hear(struct advert_channel *channel, int64_t now_ms)
{
    uint8_t said[256];

    for (int i = 0; i < READ_AT_ONCE && recv(channel->hears, said, sizeof(said), MSG_DONTWAIT) >= 0; i++) {
        channel->is_asked = true;
    }
    if (channel->is_asked && channel->due_ms > now_ms) {
        channel->due_ms = channel->said_ms + AT_MOST_MS > now_ms ? channel->said_ms + AT_MOST_MS : now_ms;
    }
}

/* Hears, says what is due, and returns how long nothing will be. */
static int advertiser_round(struct kn_network_advertiser *advertiser)
{
    const int64_t now_ms = kn_mono_ms();
    int64_t next_ms = now_ms + EVERY_MS;
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(advertiser->channels, &at, &id, &value);) {
        struct advert_channel *channel = value;

        if (channel->hears < 0 || channel->count == 0) {
            continue;
        }
        if (!channel->is_asked) {
            channel_hear(channel, now_ms);
        }
        if (channel->due_ms <= now_ms) {
            channel_say(channel, now_ms);
        }
        next_ms = channel->due_ms < next_ms ? channel->due_ms : next_ms;
    }
    return (int)(next_ms - now_ms);
}

/* What is to be listened to; the list is the caller's. */
static struct pollfd *advertiser_ears(const struct kn_network_advertiser *advertiser, nfds_t *ret_count)
{
    struct pollfd *ears = kn_alloc((kn_hmap_count(advertiser->channels) + 1) * sizeof(*ears));
    const char *id;
    void *value;

    ears[0] = (struct pollfd){ .fd = advertiser->wake, .events = POLLIN };
    *ret_count = 1;
    for (size_t at = 0; kn_hmap_next(advertiser->channels, &at, &id, &value);) {
        const struct advert_channel *channel = value;

        if (channel->hears >= 0 && channel->count > 0 && !channel->is_asked) {
            ears[(*ret_count)++] = (struct pollfd){ .fd = channel->hears, .events = POLLIN };
        }
    }
    return ears;
}

/* A socket may be shut by others while it is listened to here: they wake this thread, and nothing is read by number. */
static void *advertiser_run(void *arg)
{
    struct kn_network_advertiser *advertiser = arg;

    for (;;) {
        eventfd_t woken;
        nfds_t count;

        pthread_mutex_lock(&advertiser->lock);
        const bool stop = advertiser->is_stopping;
        const int wait_ms = stop ? 0 : advertiser_round(advertiser);
        AUTO_FREE struct pollfd *ears = advertiser_ears(advertiser, &count);

        pthread_mutex_unlock(&advertiser->lock);
        if (stop) {
            return NULL;
        }
        poll(ears, count, wait_ms > 0 ? wait_ms : 0);
        (void)!eventfd_read(advertiser->wake, &woken);
    }
}

void kn_network_advertiser_free(struct kn_network_advertiser *advertiser)
{
    if (advertiser == NULL) {
        return;
    }
    pthread_mutex_lock(&advertiser->lock);
    advertiser->is_stopping = true;
    pthread_mutex_unlock(&advertiser->lock);
    advertiser_wake(advertiser);
    if (advertiser->runs) {
        pthread_join(advertiser->thread, NULL);
    }
    kn_hmap_free(advertiser->channels);
    pthread_mutex_destroy(&advertiser->lock);
    close(advertiser->wake);
    free(advertiser);
}

/* --- being told ------------------------------------------------------------------------------------------------------- */

/* Inside the namespace. */
static int channel_open(void *ctx, struct kn_error *err)
{
    struct advert_channel *channel = ctx;
    struct icmp6_filter filter;
    struct ipv6_mreq routers = { .ipv6mr_multiaddr = { { { 0xff, 0x02, [15] = 2 } } } };

    channel->device = if_nametoindex(KN_HOST_DHCP_IFACE);
    routers.ipv6mr_interface = channel->device;
    channel->hears = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ICMPV6);
    channel->says = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ND_ROUTER_SOLICIT, &filter);
    if (channel->hears < 0 || channel->says < 0 || channel->device == 0 ||
        setsockopt(channel->hears, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) < 0 ||
        setsockopt(channel->hears, IPPROTO_IPV6, IPV6_JOIN_GROUP, &routers, sizeof(routers)) < 0) {
        channel_shut(channel);
        return kn_fail(err, KN_INTERNAL, "hearing router solicitations: %s", strerror(errno));
    }
    return 0;
}

static int channel_ensure(struct advert_channel *channel, const char *netns, struct kn_error *err)
{
    AUTO_CLOSE int fd = kn_network_netns_open(netns);
    struct stat is = { 0 };

    if (fd < 0 || fstat(fd, &is) < 0) {
        return kn_fail(err, KN_NOT_FOUND, "network namespace \"%s\" is not there", netns);
    }
    if (channel->hears >= 0 && channel->namespace == is.st_ino) {
        return 0;
    }
    channel_shut(channel);
    channel->namespace = is.st_ino;
    channel->due_ms = 0;
    return kn_network_netns_run(netns, channel_open, channel, err);
}

static bool advert_equal(const struct kn_network_advert *a, const struct kn_network_advert *b)
{
    return memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 && a->mtu == b->mtu && a->is_managed == b->is_managed &&
           a->has_other == b->has_other;
}

static bool channel_has(const struct advert_channel *channel, const struct kn_network_advert *advert)
{
    for (size_t i = 0; i < channel->count; i++) {
        if (channel->routers[i].lifetime_s > 0 && advert_equal(&channel->routers[i].advert, advert)) {
            return true;
        }
    }
    return false;
}

static bool advert_stays(const struct advert_router *router, const struct kn_network_advert *adverts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(adverts[i].mac, router->advert.mac, sizeof(adverts[i].mac)) == 0) {
            return true;
        }
    }
    return false;
}

static bool channel_is(const struct advert_channel *channel, const struct kn_network_advert *adverts, size_t count)
{
    size_t living = 0;

    for (size_t i = 0; i < channel->count; i++) {
        living += channel->routers[i].lifetime_s > 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!channel_has(channel, &adverts[i])) {
            return false;
        }
    }
    return living == count;
}

/* Those that went are said a few times more, without a lifetime. */
static void channel_change(struct advert_channel *channel, const struct kn_network_advert *adverts, size_t count)
{
    struct advert_router *routers = kn_alloc((channel->count + count + 1) * sizeof(*routers));
    size_t found = 0;

    for (size_t i = 0; i < count; i++) {
        routers[found++] = (struct advert_router){ adverts[i], KN_ADVERT_LIFETIME_S };
    }
    for (size_t i = 0; i < channel->count; i++) {
        if (!advert_stays(&channel->routers[i], adverts, count)) {
            routers[found++] = (struct advert_router){ channel->routers[i].advert, 0 };
        }
    }
    free(channel->routers);
    channel->routers = routers;
    channel->count = found;
    channel->hurried = FIRST_TIMES;
    channel->due_ms = 0;
}

static int advertiser_start(struct kn_network_advertiser *advertiser, struct kn_error *err)
{
    if (!advertiser->runs && pthread_create(&advertiser->thread, NULL, advertiser_run, advertiser) != 0) {
        return kn_fail(err, KN_INTERNAL, "cannot start the thread of router advertisements");
    }
    advertiser->runs = true;
    return 0;
}

int kn_network_advertiser_set(struct kn_network_advertiser *advertiser, const struct kn_network_host_network *network,
                              const struct kn_network_advert *adverts, size_t count, struct kn_error *err)
{
    struct advert_channel *channel;
    int rc = 0;

    pthread_mutex_lock(&advertiser->lock);
    channel = kn_hmap_get(advertiser->channels, network->id);
    if (channel == NULL && count > 0) {
        channel = KN_NEW(struct advert_channel);
        channel->hears = channel->says = -1;
        kn_hmap_put(advertiser->channels, network->id, channel);
    }
    if (channel != NULL) {
        rc = channel_ensure(channel, network->netns, err) < 0 || advertiser_start(advertiser, err) < 0 ? -1 : 0;
        if (rc == 0 && !channel_is(channel, adverts, count)) {
            channel_change(channel, adverts, count);
        }
    }
    pthread_mutex_unlock(&advertiser->lock);
    if (channel != NULL) {
        advertiser_wake(advertiser);
    }
    return rc;
}

void kn_network_advertiser_drop(struct kn_network_advertiser *advertiser, const char *network)
{
    pthread_mutex_lock(&advertiser->lock);
    const bool was = kn_hmap_del(advertiser->channels, network);

    pthread_mutex_unlock(&advertiser->lock);
    if (was) {
        advertiser_wake(advertiser);
    }
}
