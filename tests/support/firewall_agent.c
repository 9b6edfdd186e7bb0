/* SPDX-License-Identifier: Apache-2.0 */
/* firewall_agent.c: the firewall in a process of its own, which is where its namespace is. */
#include "tests/support/firewall_agent.h"

#include "tests/support/test.h"

#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/host/firewall/allows.h"
#include "network/host/firewall/firewall.h"
#include "network/host/firewall/nft.h"
#include "network/host/firewall/ruleset.h"
#include "network/host/trace/tables.h"
#include "network/host/link/shape.h"
#include "tests/support/state_world.h"

static struct kn_network_state *world;
static struct kn_network_firewall *firewall;
static struct kn_network_nft *nft; /* the test's own eye */

static void agent_change(const char *line)
{
    struct kn_network_state *before = kn_world_new();
    const char *id;
    const void *old, *new;
    char kind_word[16], id_word[16];
    bool is_drop = strncmp(line, "drop ", 5) == 0;

    sscanf(line + (is_drop ? 5 : 0), "%15s %15s", kind_word, id_word);
    for (int kind = 0; kind < KN_NETWORK_KINDS; kind++) { /* what goes lives on until it was told */
        void *there = kn_hmap_take(world->objects[kind], kn_world_id(id_word));

        if (there != NULL) {
            kn_hmap_put(before->objects[kind], kn_world_id(id_word), there);
        }
    }
    enum kn_network_kind kind = kn_world_put(world, line, &id, &new);

    for (int other = 0; other < KN_NETWORK_KINDS; other++) { /* ids of other kinds are others */
        void *there = other == (int)kind ? NULL : kn_hmap_take(before->objects[other], id);

        if (there != NULL) {
            kn_hmap_put(world->objects[other], id, there);
        }
    }
    old = kn_hmap_get(before->objects[kind], id);
    if (old != NULL || new != NULL) {
        kn_network_firewall_change(firewall, kind, old, new);
    }
    kn_world_free(before);
}

/* "allows <port> in|out <source> <destination> <protocol> <port>" */
static bool ask_allows(const char *line)
{
    char port[16], direction[8], source[64], destination[64];
    struct kn_network_packet packet = { .source_port = 40000 };

    sscanf(line, "allows %15s %7s %63s %63s %d %d", port, direction, source, destination, &packet.protocol,
           &packet.destination_port);
    kn_ip_parse(source, &packet.source);
    kn_ip_parse(destination, &packet.destination);
    if (packet.protocol == 1 || packet.protocol == 58) {
        packet.source_port = packet.destination_port;
        packet.destination_port = 0;
    }
    struct kn_network_ruleset *ruleset = kn_network_ruleset_new();
    const char *id;
    void *value;

    for (size_t at = 0; kn_hmap_next(world->objects[KN_NETWORK_IS_MEMBER], &at, &id, &value);) {
        kn_network_ruleset_put(ruleset, KN_NETWORK_IS_MEMBER, id, value);
    }
    bool is_allowed = kn_network_allows(world, ruleset,
                                        kn_hmap_get(world->objects[KN_NETWORK_IS_PORT], kn_world_id(port)),
                                        strcmp(direction, "in") == 0, &packet, NULL);

    kn_network_ruleset_free(ruleset);
    return is_allowed;
}

/* "walks <port from> <port to> <source> <destination> <protocol> <port>": whether the kernel's tables, as they are listed, let it through. */
static bool ask_walks(const char *line)
{
    static const char *const HOOKS[] = { "prerouting", "forward" };
    char from[16], to[16], source[64], destination[64], in[16], out[16];
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_network_tables_packet packet = {
        .in = in, .out = "", .state = KN_CT_NEW, .ip = { .source_port = 40000 }
    };
    struct kn_network_tables_ruling ruling = { .verdict = KN_TABLES_PASS };
    struct kn_error err;

    sscanf(line, "walks %15s %15s %63s %63s %d %d", from, to, source, destination, &packet.ip.protocol,
           &packet.ip.destination_port);
    kn_ip_parse(source, &packet.ip.source);
    kn_ip_parse(destination, &packet.ip.destination);
    if (packet.ip.protocol == 1 || packet.ip.protocol == 58) {
        packet.ip.source_port = packet.ip.destination_port;
        packet.ip.destination_port = 0;
    }
    const struct kn_network_state_port *sender = kn_hmap_get(world->objects[KN_NETWORK_IS_PORT], kn_world_id(from));

    snprintf(in, sizeof(in), "tap%.11s", kn_world_id(from));
    snprintf(out, sizeof(out), "tap%.11s", kn_world_id(to));
    AUTO_FREE char *bridge = kn_asprintf("kb%.8s", sender->network);

    kn_network_mac_text(sender->mac, packet.source_mac);
    kn_network_nft_list(nft, "bridge", "kilonova", &text, &err);
    kn_network_nft_list(nft, "inet", "kilonova", &text, &err);
    AUTO(kn_network_tables) struct kn_network_tables *tables = kn_network_tables_read(text.buf);

    for (size_t i = 0; i < 2 * KN_COUNT(HOOKS) && ruling.verdict == KN_TABLES_PASS; i++) {
        packet.out = i < 2 ? "" : i % 2 == 0 ? out : bridge;
        packet.in = i % 2 == 0 ? in : bridge;
        kn_network_tables_walk(tables, i % 2 == 0 ? "bridge" : "inet", HOOKS[i / 2], &packet, &ruling);
    }
    return ruling.verdict == KN_TABLES_PASS;
}

/* --- random states -------------------------------------------------------------------------------------------------- */

static unsigned die(unsigned *seed, unsigned sides)
{
    return (unsigned)rand_r(seed) % sides;
}

static void random_rules(unsigned *seed, struct kn_strbuf *out)
{
    static const char *const MATCH[] = { "4:6:22:22",    "4:6:20:30",  "6:6:22:22",  "4:17:53:53", "4:1:8:-1",
                                         "6:58:128:0",   "4:-1:-1:-1", "6:-1:-1:-1", "4:47:-1:-1", "4:1:-1:-1",
                                         "6:58:-1:-1",   "4:132:1:9",  "6:136:5:5",  "4:33:7:7",   "4:6:1:65535",
                                         "6:17:0:65535", "4:1:3:1",    "4:-1:5:5" };
    static const char *const REMOTE[] = { "any",      "any",          "group:91",    "group:92",
                                          "group:93", "addresses:81", "addresses:82" };
    const char *separator = " rules=";

    for (unsigned i = die(seed, 6); i > 0; i--) {
        const char *match = MATCH[die(seed, KN_COUNT(MATCH))];

        kn_strbuf_addf(out, "%s%s:%s:", separator, die(seed, 2) == 0 ? "in" : "out", match);
        if (die(seed, 3) == 0) {
            kn_strbuf_addstr(out, match[0] == '4' ? "prefix:10.1.2.3/" : "prefix:fd00::5/");
            kn_strbuf_addint(out, die(seed, match[0] == '4' ? 33 : 129));
        } else {
            kn_strbuf_addstr(out, REMOTE[die(seed, KN_COUNT(REMOTE))]);
        }
        separator = ",";
    }
}

static void random_port(unsigned *seed, unsigned n, struct kn_strbuf *out)
{
    static const char *const FLAGS[] = { "", "", "", " down", " open", " router" };
    static const char *const GROUPS[] = { "",          " groups=", " groups=91", " groups=92,91", " groups=91,92,93",
                                          " groups=94" };
    static const char *const PAIRS[] = {
        "",
        "",
        " pair=10.0.0.0/8/fa:16:3e:00:00:77",
        " pair=10.1.0.0/16/fa:16:3e:00:00:77,10.1.2.0/24/fa:16:3e:00:00:77",
        " pair=fd00::/8/fa:16:3e:00:00:01,fd00:1::/32/fa:16:3e:00:00:77,0.0.0.0/0/fa:16:3e:00:00:01",
        " pair=10.9.9.9/00:00:5e:00:01:01,::/0/00:00:5e:00:01:01"
    };

    kn_strbuf_addf(out, " net=a%u mac=fa:16:3e:00:00:0%u ip=10.0.0.%u%s", 1 + die(seed, 2), n, die(seed, 9),
                   die(seed, 2) == 0 ? "" : ",fd00::1:2");
    kn_strbuf_addf(out, "%s%s%s%s", GROUPS[die(seed, KN_COUNT(GROUPS))], PAIRS[die(seed, KN_COUNT(PAIRS))],
                   die(seed, 4) == 0 ? " policy=51" : "", FLAGS[die(seed, KN_COUNT(FLAGS))]);
}

/* A change of one of a few objects, so that most change often and refer to each other. */
static void random_line(unsigned *seed, struct kn_strbuf *out)
{
    static const char *const PREFIXES[] = { "", "10.0.0.0/8", "10.0.0.0/25,10.0.0.128/25,10.0.0.0/26", "::/0,0.0.0.0/0",
                                            "fd00::/8,192.0.2.1,fd00::1,10.1.1.1/9" };
    unsigned n = 1 + die(seed, 4);

    if (die(seed, 4) == 0) {
        static const struct {
            const char *kind;
            int base;
        } DROP[] = { { "port", 0 }, { "group", 90 }, { "member", 0 }, { "addresses", 80 }, { "policy", 50 } };
        unsigned which = die(seed, KN_COUNT(DROP));

        kn_strbuf_addf(out, "drop %s %u", DROP[which].kind, (unsigned)DROP[which].base + n);
        return;
    }
    switch (die(seed, 6)) {
    case 0:
        kn_strbuf_addf(out, "port %u", n);
        random_port(seed, n, out);
        break;
    case 1:
        kn_strbuf_addf(out, "group %u%s", 90 + n, die(seed, 4) == 0 ? " stateless" : "");
        random_rules(seed, out);
        break;
    case 2:
        kn_strbuf_addf(out, "member %u groups=%s ip=10.0.0.%u%s", n, die(seed, 2) == 0 ? "91" : "92,93", die(seed, 3),
                       die(seed, 2) == 0 ? "" : ",fd00::7");
        break;
    case 3:
        kn_strbuf_addf(out, "addresses 8%u prefixes=%s", n, PREFIXES[die(seed, KN_COUNT(PREFIXES))]);
        break;
    case 4:
        kn_strbuf_addf(out, "policy 51 dscp=%u", die(seed, 64));
        break;
    default:
        kn_strbuf_addf(out, "network a%u zone=%u", n, n);
    }
}

static bool same_as_whole(struct kn_strbuf *why)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf listed = KN_STRBUF_INIT, wanted = KN_STRBUF_INIT;
    AUTO(kn_network_ruleset) struct kn_network_ruleset *fresh = kn_network_ruleset_new();
    struct kn_error err;

    for (enum kn_network_kind kind = 0; kind < KN_NETWORK_KINDS; kind++) {
        const char *id;
        void *value;

        for (size_t at = 0; kn_hmap_next(world->objects[kind], &at, &id, &value);) {
            kn_network_ruleset_put(fresh, kind, id, value);
        }
    }
    kn_network_ruleset_whole(fresh, &wanted);
    if (kn_network_nft_list(nft, "bridge", "kilonova", &listed, &err) < 0 ||
        kn_network_nft_list(nft, "inet", "kilonova", &listed, &err) < 0) {
        kn_strbuf_addstr(why, err.message);
        return false;
    }
    return kn_network_ruleset_same(wanted.buf, listed.buf, why);
}

/* "random <seed> <steps>": every step is one delta that the kernel takes. */
static void random_deltas(const char *line, char *answer, size_t size)
{
    AUTO(kn_network_ruleset) struct kn_network_ruleset *ruleset = kn_network_ruleset_new();
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT, why = KN_STRBUF_INIT;
    struct kn_error err;
    unsigned seed, steps;

    sscanf(line, "random %u %u", &seed, &steps);
    kn_world_free(world);
    world = kn_world_new();
    kn_network_ruleset_whole(ruleset, &text);
    assert_ok(kn_network_nft_apply(nft, text.buf, &err), &err);
    kn_network_ruleset_settled(ruleset);
    snprintf(answer, size, "same");
    for (unsigned step = 0; step < steps; step++) {
        kn_strbuf_clear(&text);
        for (unsigned i = 1 + die(&seed, 4); i > 0; i--) {
            AUTO_RELEASE(kn_strbuf) struct kn_strbuf change_line = KN_STRBUF_INIT;
            const char *id;
            const void *object;

            random_line(&seed, &change_line);
            enum kn_network_kind kind = kn_world_put(world, change_line.buf, &id, &object);

            kn_network_ruleset_put(ruleset, kind, id, object);
        }
        kn_network_ruleset_delta(ruleset, &text);
        if (text.len > 0 && kn_network_nft_apply(nft, text.buf, &err) < 0) {
            snprintf(answer, size, "step %u: %s: %.4000s", step, err.message, text.buf);
            break;
        }
        kn_network_ruleset_settled(ruleset);
        if (!same_as_whole(&why)) {
            snprintf(answer, size, "step %u: %.1000s: %.4000s", step, why.buf, text.buf);
            break;
        }
    }
}

static int shape_tap(const char *line, struct kn_error *err)
{
    AUTO(kn_network_links) struct kn_network_links *links = NULL;
    struct kn_network_state_limit to_guest = { .burst_kbit = 1 },
                                  from_guest = { .burst_kbit = 1 }; /* as little as it can be */
    char tap[16];

    sscanf(line, "shape %15s %ld %ld", tap, &to_guest.max_kbps, &from_guest.max_kbps);
    return kn_network_links_open(&links, err) < 0 ? -1 : kn_network_link_shape(links, tap, &to_guest, &from_guest, err);
}

void kn_firewall_agent(const char *line, char *answer, size_t size)
{
    struct kn_error err = { .code = KN_OK };
    int rc = 0;

    if (firewall == NULL) {
        world = kn_world_new();
        rc = kn_network_nft_new(&nft, &err) < 0 ? -1 : kn_network_firewall_new(&firewall, &err);
    }
    if (rc == 0 && strncmp(line, "put ", 4) == 0) {
        agent_change(line + 4);
    } else if (rc == 0 && strcmp(line, "apply") == 0) {
        rc = kn_network_firewall_apply(firewall, world, &err);
    } else if (rc == 0 && strcmp(line, "check") == 0) {
        rc = kn_network_firewall_check(firewall, &err);
    } else if (rc == 0 && strcmp(line, "digests") == 0) {
        char ours[KN_RULESET_DIGEST_SIZE], theirs[KN_RULESET_DIGEST_SIZE];

        rc = kn_network_firewall_digests(firewall, ours, theirs, &err);
        if (rc == 0) {
            snprintf(answer, size, "%s", strcmp(ours, theirs) == 0 ? "same" : theirs[0] == '\0' ? "none" : "others");
            if (answer[0] == 'o' && nft != NULL) {
                AUTO_RELEASE(kn_strbuf) struct kn_strbuf why = KN_STRBUF_INIT;

                same_as_whole(&why);
                snprintf(answer, size, "others: %.1000s", why.buf);
            }
            return;
        }
    } else if (rc == 0 && strncmp(line, "shape ", 6) == 0) {
        rc = shape_tap(line, &err);
    } else if (rc == 0 && strncmp(line, "allows ", 7) == 0) {
        snprintf(answer, size, "%s", ask_allows(line) ? "yes" : "no");
        return;
    } else if (rc == 0 && strncmp(line, "walks ", 6) == 0) {
        snprintf(answer, size, "%s", ask_walks(line) ? "yes" : "no");
        return;
    } else if (rc == 0) {
        random_deltas(line, answer, size);
        return;
    }
    snprintf(answer, size, "%s", rc == 0 ? "ok" : err.message);
}
