/* SPDX-License-Identifier: Apache-2.0 */
/* consoles: the places, under one lock, and the dialling; bytes go by the wires' thread. A place is given back when its wire ends, whoever ended it. */
#include "compute-agent/core/consoles.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/adapter/wire.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/limits.h"

struct place {
    struct kn_agent_consoles *consoles;
    char server[KN_UUID_SIZE];
    char type[KN_SIZE_OF(CONSOLE_TYPE)];
    char secret[KN_MAX_CONSOLE_SECRET + 1];
    int guest, api; /* -1: not yet */
    uint64_t wire; /* 0: not yet */
    struct place *next;
};

struct kn_agent_consoles {
    struct kn_wires *wires; /* immutable */
    pthread_mutex_t lock;
    struct place *places; /* guarded by lock */
};

int kn_agent_consoles_new(struct kn_agent_consoles **ret, struct kn_error *err)
{
    const struct kn_wires_limits limits = { .most = KN_MAX_CONSOLES };
    struct kn_agent_consoles *consoles = KN_NEW(struct kn_agent_consoles);

    if (kn_wires_new(&limits, &consoles->wires, err) < 0) {
        free(consoles);
        return -1;
    }
    pthread_mutex_init(&consoles->lock, NULL);
    *ret = consoles;
    return 0;
}

/* --- places ------------------------------------------------------------------------------------------------------------ */

/* Out of the list; NULL: it is not there. */
static struct place *place_take(struct kn_agent_consoles *consoles, const char *secret)
{
    struct place **at = &consoles->places;

    pthread_mutex_lock(&consoles->lock);
    while (*at != NULL && strcmp((*at)->secret, secret) != 0) {
        at = &(*at)->next;
    }
    struct place *found = *at;

    if (found != NULL) {
        *at = found->next;
    }
    pthread_mutex_unlock(&consoles->lock);
    return found;
}

static void place_free(struct place *p)
{
    if (p == NULL) {
        return;
    }
    if (p->guest >= 0) {
        close(p->guest);
    }
    if (p->api >= 0) {
        close(p->api);
    }
    free(p);
}

void kn_agent_consoles_drop(struct kn_agent_consoles *consoles, const char *secret)
{
    place_free(place_take(consoles, secret));
}

/* Lock held. */
static int places_check(const struct kn_agent_consoles *consoles, const char *server, const char *type,
                        const char *secret, bool *ret_open, struct kn_error *err)
{
    const int most = strcmp(type, KN_CONSOLE_SERIAL) == 0 ? 1 : KN_MAX_CONSOLES_OF_SERVER;
    int all = 0, alike = 0;

    for (const struct place *p = consoles->places; p != NULL; p = p->next) {
        if (strcmp(p->secret, secret) == 0) {
            *ret_open = true;
            return 0;
        }
        all++;
        alike += strcmp(p->server, server) == 0 && strcmp(p->type, type) == 0;
    }
    if (alike >= most) {
        return kn_fail(err, KN_TOO_MANY, "%d clients have the %s console of server \"%s\"", alike, type, server);
    }
    return all >= KN_MAX_CONSOLES ? kn_fail(err, KN_TOO_MANY, "%d consoles are open on this host", all) : 0;
}

int kn_agent_consoles_reserve(struct kn_agent_consoles *consoles, const char *server, const char *type,
                              const char *secret, bool *ret_open, struct kn_error *err)
{
    bool is_open = false;

    pthread_mutex_lock(&consoles->lock);
    const int fits = places_check(consoles, server, type, secret, &is_open, err);

    if (fits == 0 && !is_open) {
        struct place *p = KN_NEW(struct place);

        p->consoles = consoles;
        kn_copy(p->server, sizeof(p->server), server);
        kn_copy(p->type, sizeof(p->type), type);
        kn_copy(p->secret, sizeof(p->secret), secret);
        p->guest = p->api = -1;
        p->next = consoles->places;
        consoles->places = p;
    }
    pthread_mutex_unlock(&consoles->lock);
    *ret_open = is_open;
    return fits;
}

/* --- dialling ---------------------------------------------------------------------------------------------------------- */

/* A socket that connects, or does already; -1. */
static int dial_one(const struct addrinfo *to)
{
    int fd = socket(to->ai_family, to->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, to->ai_protocol);

    if (fd < 0) {
        return -1;
    }
    kn_wire_keep_alive(fd);
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0 || errno == EINPROGRESS) {
        return fd;
    }
    close(fd);
    return -1;
}

static int dial(const char *address, struct kn_error *err)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    const char *colon = strrchr(address, ':');
    struct addrinfo *found = NULL;
    int fd = -1;

    if (colon == NULL || colon == address) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" is no address:port to dial", address);
    }
    const bool is_v6 = address[0] == '[' && colon[-1] == ']';
    AUTO_FREE char *host = kn_strndup(address + (is_v6 ? 1 : 0), (size_t)(colon - address) - (is_v6 ? 2 : 0));
    const int failed = getaddrinfo(host, colon + 1, &hints, &found);

    if (failed != 0) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot dial \"%s\": %s", address, gai_strerror(failed));
    }
    fd = dial_one(found);
    if (fd < 0) {
        kn_fail(err, KN_UNAVAILABLE, "cannot dial \"%s\": %s", address, strerror(errno));
    }
    freeaddrinfo(found);
    return fd;
}

static void place_ended(void *ctx, const char *why)
{
    const struct place *p = ctx;

    kn_log(KN_INFO, "a console ended", "server", p->server, "type", p->type, "why", why, NULL);
    place_free(place_take(p->consoles, p->secret));
}

/* Its sockets are there. Lock held: nobody ends what is not joined yet. */
static int place_join(struct place *p, const char *address, struct kn_error *err)
{
    AUTO_FREE char *hello = kn_asprintf("GET /?token=%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"
                                        "Upgrade: kilonova-console\r\n\r\n",
                                        p->secret, address);
    const struct kn_wire_plan plan = { .ends = { { p->api, KN_WIRE_DIALLED, hello }, { p->guest, KN_WIRE_RAW, NULL } },
                                       .ended = place_ended,
                                       .ctx = p };
    return kn_wires_join(p->consoles->wires, &plan, &p->wire, err);
}

int kn_agent_consoles_begin(struct kn_agent_consoles *consoles, const char *secret, const char *address, int fd,
                            struct kn_error *err)
{
    struct place *p;
    int joined = -1;
    const int api = dial(address, err);

    pthread_mutex_lock(&consoles->lock);
    for (p = consoles->places; p != NULL && strcmp(p->secret, secret) != 0; p = p->next) {
    }
    if (p != NULL) {
        p->guest = fd;
        p->api = api;
        joined = api < 0 ? -1 : place_join(p, address, err);
    }
    pthread_mutex_unlock(&consoles->lock);
    if (joined < 0) {
        kn_agent_consoles_drop(consoles, secret);
    }
    return joined;
}

void kn_agent_consoles_end(struct kn_agent_consoles *consoles, const char *server)
{
    pthread_mutex_lock(&consoles->lock);
    for (const struct place *p = consoles->places; p != NULL; p = p->next) {
        if (p->wire != 0 && strcmp(p->server, server) == 0) {
            kn_wires_cut(consoles->wires, p->wire, KN_WEBSOCKET_NORMAL, "the guest went off");
        }
    }
    pthread_mutex_unlock(&consoles->lock);
}

void kn_agent_consoles_free(struct kn_agent_consoles *consoles)
{
    if (consoles == NULL) {
        return;
    }
    kn_wires_free(consoles->wires);
    while (consoles->places != NULL) {
        kn_agent_consoles_drop(consoles, consoles->places->secret);
    }
    pthread_mutex_destroy(&consoles->lock);
    free(consoles);
}
