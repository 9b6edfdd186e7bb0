/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_hear.c: addresses of pairs that go from guest to guest (VRRP): what is heard at a tap (network/host/link/ears.h) is held against what the state says of that port,
 * and said to kilonova-network where it would lead there and does not; and where the state leads such an address to another host, guests here are told so, because
 * announcements are not sent on between hosts. Decides nothing: who has what is network/host/link/behind.h's, by what kilonova-network counted.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"
#include "lib/domain/message.h"
#include "network/address/mac.h"
#include "network/host/host_private.h"
#include "network/host/link/behind.h"
#include "network/host/link/inside.h"

#define SAY_AGAIN_MS 1000
#define SAY_UNTIL_MS 5000 /* then it is forgotten: who has the address announces it again */
#define SAY_EVERY_MS 250 /* however much is heard */
#define WAITING_MAX 256
#define WAITING_OF_ONE 32 /* of a port: what a change of master may say in one breath */
#define SAID_OF_ONE 8 /* of a port, in one message */

/* --- what is heard -------------------------------------------------------------------------------------------------- */

/* An address that a guest announced, until it leads there. */
struct host_word {
    char port[KN_UUID_SIZE], network[KN_UUID_SIZE];
    uint8_t mac[6];
    struct kn_ip ip;
    int64_t heard_ms, said_ms; /* said_ms 0: not yet */
};

/* Is it the port's to say, by what its host was told? Then the network. */
static const struct kn_network_host_network *host_word_network(struct kn_network_host *host, const char *id,
                                                               const uint8_t mac[6], const struct kn_ip *ip)
{
    const struct kn_network_state_port *port = kn_network_state_get(&host->state, KN_NETWORK_IS_PORT, id);
    const struct kn_network_host_network *network = port == NULL ? NULL : kn_hmap_get(host->networks, port->network);

    return network != NULL && network->wanted != NULL && port->up && port->filtered &&
                   kn_network_behind_may(port->pairs, port->pair_count, mac, ip)
               ? network
               : NULL;
}

static bool host_word_leads(const struct kn_network_host_network *network, const struct host_word *word)
{
    size_t count;
    AUTO_FREE struct kn_network_behind *list = kn_network_behind_of(network, &count);

    for (size_t i = 0; i < count; i++) {
        if (kn_ip_equal(&list[i].ip, &word->ip)) {
            return strcmp(list[i].port, word->port) == 0 && memcmp(list[i].mac, word->mac, 6) == 0;
        }
    }
    return false;
}

/* Of the announcement of that address which the state knows of. */
static int64_t host_word_after(const struct kn_network_host_network *network, const struct kn_ip *ip)
{
    size_t count;
    AUTO_FREE struct kn_network_resident *residents = kn_network_host_network_residents(network, true, &count);
    int64_t number = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t n = 0; n < residents[i].announced_count; n++) {
            const struct kn_network_state_announced *said = &residents[i].announced[n];

            number = kn_ip_equal(&said->ip, ip) && said->number > number ? said->number : number;
        }
    }
    return number;
}

static size_t host_words_of(const struct kn_network_host *host, const char *port, const char **ret_key)
{
    const char *key;
    size_t count = 0;
    void *value;

    for (size_t at = 0; kn_hmap_next(host->words, &at, &key, &value);) {
        if (strcmp(((const struct host_word *)value)->port, port) == 0) {
            *ret_key = key;
            count++;
        }
    }
    return count;
}

/* Of many who say much, whoever has most that waits gives way to who has less: nobody's announcement is lost for another's noise. */
static bool hear_has_room(struct kn_network_host *host, const char *port)
{
    const char *key, *most_key = NULL, *some;
    size_t most = 0;
    void *value;
    const size_t own = host_words_of(host, port, &some);

    if (own >= WAITING_OF_ONE || kn_hmap_count(host->words) < WAITING_MAX) {
        return own < WAITING_OF_ONE;
    }
    for (size_t at = 0; kn_hmap_next(host->words, &at, &key, &value);) {
        const size_t count = host_words_of(host, ((const struct host_word *)value)->port, &some);

        if (count > most) {
            most = count;
            most_key = some;
        }
    }
    if (most <= own + 1) {
        return false;
    }
    AUTO_FREE char *goes = kn_strdup(most_key);

    return kn_hmap_del(host->words, goes);
}

static void hear_one(struct kn_network_host *host, const struct kn_network_heard *heard, int64_t now_ms)
{
    const struct kn_network_host_network *network = host_word_network(host, heard->port, heard->mac, &heard->ip);
    char text[KN_IP_SIZE];

    if (network == NULL || kn_network_behind_is_own(network, heard->mac, heard->port, &heard->ip)) {
        return;
    }
    AUTO_FREE char *key = kn_asprintf("%s %s", network->id, kn_ip_text(&heard->ip, text));
    struct host_word *word = kn_hmap_get(host->words, key);

    if ((word == NULL || strcmp(word->port, heard->port) != 0) && !hear_has_room(host, heard->port)) {
        return;
    }
    word = kn_hmap_get(host->words, key); /* room may have been made by it */
    if (word == NULL) {
        word = KN_NEW(struct host_word);
        kn_copy(word->network, sizeof(word->network), network->id);
        word->ip = heard->ip;
        kn_hmap_put(host->words, key, word);
    }
    if (strcmp(word->port, heard->port) != 0 || memcmp(word->mac, heard->mac, 6) != 0) {
        kn_copy(word->port, sizeof(word->port), heard->port);
        memcpy(word->mac, heard->mac, 6);
        word->said_ms = 0;
    }
    word->heard_ms = now_ms;
}

static json_t *host_word_json(const struct host_word *word, int64_t after, int64_t now_ms)
{
    char mac[KN_MAC_TEXT], ip[KN_IP_SIZE];

    kn_network_mac_text(word->mac, mac);
    return json_pack("{s:s, s:s, s:s, s:I, s:I}", "port", word->port, "ip", kn_ip_text(&word->ip, ip), "mac", mac,
                     "after", (json_int_t)after, "age_ms", (json_int_t)(now_ms - word->heard_ms));
}

/* One more of that port fits into the message, beside what others have to say. */
static bool word_fits(const json_t *list, const char *port)
{
    const json_t *item;
    size_t i, of_port = 0;

    json_array_foreach (list, i, item) {
        of_port += strcmp(kn_json_str(item, "port"), port) == 0;
    }
    return json_array_size(list) < KN_MAX_ANNOUNCED && of_port < SAID_OF_ONE;
}

/* What is to be said now; what was heeded, or is of nobody any more, is forgotten. */
static json_t *due(struct kn_network_host *host, int64_t now_ms)
{
    const bool is_time = host->announced_ms == 0 || now_ms - host->announced_ms >= SAY_EVERY_MS;
    json_t *list = json_array();
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(host->words, &at, &key, &value);) {
        struct host_word *word = value;
        const struct kn_network_host_network *network = host_word_network(host, word->port, word->mac, &word->ip);

        if (network == NULL || now_ms - word->heard_ms > SAY_UNTIL_MS || host_word_leads(network, word)) {
            kn_hmap_del(host->words, key);
        } else if (is_time && (word->said_ms == 0 || now_ms - word->said_ms >= SAY_AGAIN_MS) &&
                   word_fits(list, word->port)) {
            word->said_ms = now_ms;
            json_array_append_new(list, host_word_json(word, host_word_after(network, &word->ip), now_ms));
        }
    }
    return list;
}

static bool host_hear(void *ctx, const struct kn_network_heard *words, size_t count)
{
    struct kn_network_host *host = ctx;
    const int64_t now_ms = kn_mono_ms();

    pthread_mutex_lock(&host->lock);
    for (size_t i = 0; i < count; i++) {
        hear_one(host, &words[i], now_ms);
    }
    json_auto_t *list = due(host, now_ms);
    const bool waits = kn_hmap_count(host->words) > 0;

    host->announced_ms = json_array_size(list) > 0 ? now_ms : host->announced_ms;

    pthread_mutex_unlock(&host->lock);
    if (json_array_size(list) > 0) {
        host->options.announced(host->options.ctx, list);
    }
    return waits;
}

int kn_network_host_ears_open(struct kn_network_host *host, struct kn_error *err)
{
    host->words = kn_hmap_new(free);
    return host->options.announced == NULL ? 0 : kn_network_ears_new(host_hear, host, &host->ears, err);
}

/* --- what a network has --------------------------------------------------------------------------------------------- */

static void hear_taps(struct kn_network_host *host, const struct kn_network_host_network *network)
{
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(network->plugs, &at, &id, &value);) {
        const struct kn_network_plug *plug = value;
        const struct kn_network_state_port *port = kn_hmap_get(network->ports, id);

        kn_network_ears_tap(host->ears, id,
                            port != NULL && port->up && port->filtered && port->pair_count > 0
                                ? kn_network_link_index(plug->tap)
                                : 0);
    }
}

/* Whose address leads elsewhere now is said to the guests here. A physical network carries what its guests say by itself, and only from where they are. */
static void lead(struct kn_network_host_network *network)
{
    const bool says = network->wanted->type != KN_NETWORK_FLAT;
    size_t count;
    AUTO_FREE struct kn_network_behind *list = kn_network_behind_of(network, &count);
    struct kn_hmap *led = kn_hmap_new(free);

    for (size_t i = 0; i < count; i++) {
        char ip[KN_IP_SIZE], mac[KN_MAC_TEXT];

        if (list[i].ip.family == 0) {
            continue;
        }
        kn_ip_text(&list[i].ip, ip);
        kn_network_mac_text(list[i].mac, mac);
        AUTO_FREE char *to = kn_asprintf("%s %s", mac, list[i].port);
        const char *was = kn_hmap_get(network->led, ip);

        if (says && list[i].underlay != NULL && (was == NULL || strcmp(was, to) != 0)) {
            kn_network_inside_announce(kn_network_link_index(network->bridge), list[i].mac, &list[i].ip, false);
        }
        kn_hmap_put(led, ip, kn_steal(&to));
    }
    kn_hmap_free(network->led);
    network->led = led;
}

void kn_network_host_heed(struct kn_network_host *host, struct kn_network_host_network *network)
{
    if (host->ears != NULL) {
        hear_taps(host, network);
    }
    lead(network);
}

void kn_network_host_unheed(struct kn_network_host *host, const char *port)
{
    if (host->ears != NULL) {
        kn_network_ears_tap(host->ears, port, 0);
    }
}
