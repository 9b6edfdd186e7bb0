/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firewall.c: ruleset to kernel. Never decides what a rule says (ruleset_compile.c) nor what it allows (allows.c); decides when which text is sent and which
 * connections are asked about (cut.c).
 */
#include "network/host/firewall/firewall.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "network/host/router/fence.h"
#include "network/host/firewall/cut.h"
#include "network/host/firewall/nft.h"
#include "network/host/firewall/ruleset.h"

#define BRIDGED_PACKETS "/proc/sys/net/bridge/bridge-nf-call-"

struct kn_network_firewall {
    struct kn_network_nft *nft;
    struct kn_network_ruleset *ruleset;
    struct kn_network_cuts *cuts;
    uint32_t generation; /* of the tables when they were last known to be right */
    bool is_known;       /* they are what was settled, as of that generation */
    int64_t cut_after_ms; /* until then connections are left alone */
};

/*
 * Loads br_netfilter where it is a module that nobody has loaded. That alone would show the packets of all bridges of the host to its firewall, as they were not before:
 * so the host's word for them is taken back. Ours have their own (link.c).
 */
static void load_module(void)
{
    static const char *const ARGV[] = { "modprobe", "br_netfilter", NULL };
    static const char *const WORDS[] = { BRIDGED_PACKETS "iptables", BRIDGED_PACKETS "ip6tables",
                                         BRIDGED_PACKETS "arptables" };
    pid_t pid;

    if (posix_spawnp(&pid, ARGV[0], NULL, NULL, (char *const *)(uintptr_t)ARGV, environ) != 0 ||
        waitpid(pid, NULL, 0) != pid) {
        return;
    }
    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        AUTO_CLOSE int fd = open(WORDS[i], O_WRONLY | O_CLOEXEC);

        if (fd >= 0 && write(fd, "0\n", 2) != 2) {
            kn_log(KN_WARNING, "bridges of others are shown to the host's firewall now", "setting", WORDS[i], NULL);
        }
    }
}

int kn_network_firewall_new(struct kn_network_firewall **ret_firewall, struct kn_error *err)
{
    struct kn_network_nft *nft;

    if (access(BRIDGED_PACKETS "iptables", F_OK) != 0) {
        load_module();
    }
    if (access(BRIDGED_PACKETS "iptables", F_OK) != 0) {
        return kn_fail(err, KN_INTERNAL,
                       "bridged packets do not pass this kernel's firewall: the module br_netfilter is not loaded");
    }
    if (kn_network_nft_new(&nft, err) < 0) {
        return -1;
    }
    struct kn_network_firewall *firewall = KN_NEW(struct kn_network_firewall);

    firewall->nft = nft;
    firewall->ruleset = kn_network_ruleset_new();
    firewall->cuts = kn_network_cuts_new();
    *ret_firewall = firewall;
    return 0;
}

void kn_network_firewall_free(struct kn_network_firewall *firewall)
{
    if (firewall != NULL) {
        kn_network_cuts_free(firewall->cuts);
        kn_network_ruleset_free(firewall->ruleset);
        kn_network_nft_free(firewall->nft);
        free(firewall);
    }
}

void kn_network_firewall_change(struct kn_network_firewall *firewall, enum kn_network_kind kind, const void *before,
                                const void *after)
{
    kn_network_ruleset_put(firewall->ruleset, kind, after != NULL ? after : before,
                           after); /* each begins with its id */
    kn_network_cuts_change(firewall->cuts, kind, before, after);
}

/* --- sending -------------------------------------------------------------------------------------------------------- */

/* Whoever else sent a transaction may have been at our tables: then it is not what we think that a delta would change. */
static bool stands(struct kn_network_firewall *firewall)
{
    struct kn_error ignored;
    uint32_t generation;

    return firewall->is_known && kn_network_nft_generation(firewall->nft, &generation, &ignored) == 0 &&
           generation == firewall->generation;
}

/* The kernel has what is wanted after one transaction of ours. If others sent some, too, the generation stays behind, and the next check looks. */
static void firewall_settle(struct kn_network_firewall *firewall)
{
    kn_network_ruleset_settled(firewall->ruleset);
    firewall->is_known = true;
    firewall->generation++;
}

static int send_whole(struct kn_network_firewall *firewall, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

    kn_network_ruleset_whole(firewall->ruleset, &text);
    if (kn_network_nft_generation(firewall->nft, &firewall->generation, err) < 0 ||
        kn_network_nft_apply(firewall->nft, text.buf, err) < 0) {
        firewall->is_known = false;
        return -1;
    }
    firewall_settle(firewall);
    return 0;
}

static int send_delta(struct kn_network_firewall *firewall, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error why = { 0 };

    if (!firewall->is_known) {
        return send_whole(firewall, err);
    }
    kn_network_ruleset_delta(firewall->ruleset, &text);
    if (text.len == 0) {
        kn_network_ruleset_settled(firewall->ruleset);
    } else if (kn_network_nft_apply(firewall->nft, text.buf, &why) < 0) {
        kn_log(KN_WARNING, "the guests' firewall was not what it should be, it is written again", "reason", why.message,
               NULL);
        return send_whole(firewall, err);
    } else {
        firewall_settle(firewall);
    }
    return 0;
}

int kn_network_firewall_cut(struct kn_network_firewall *firewall, const struct kn_network_state *state,
                            struct kn_error *err)
{
    const int64_t began_ms = kn_worked_ms();
    bool has_barred = false;

    if (kn_mono_ms() < firewall->cut_after_ms) {
        return 0;
    }
    int rc = kn_network_cuts_make(firewall->cuts, firewall->nft, firewall->ruleset, state, &has_barred, err);
    firewall->generation += has_barred;
    firewall->cut_after_ms = kn_mono_ms() + kn_network_cuts_rest_ms(kn_worked_ms() - began_ms);
    return rc;
}

int kn_network_firewall_apply(struct kn_network_firewall *firewall, const struct kn_network_state *state,
                              struct kn_error *err)
{
    return send_delta(firewall, err) < 0 ? -1 : kn_network_firewall_cut(firewall, state, err);
}

/* --- looking -------------------------------------------------------------------------------------------------------- */

static int list_tables(struct kn_network_firewall *firewall, struct kn_strbuf *out, struct kn_error *err)
{
    return kn_network_nft_list(firewall->nft, "bridge", "kilonova", out, err) < 0
               ? -1
               : kn_network_nft_list(firewall->nft, "inet", "kilonova", out, err);
}

int kn_network_firewall_listed(struct kn_network_firewall *firewall, struct kn_strbuf *out, struct kn_error *err)
{
    static const struct {
        const char *family, *table;
    } TABLES[] = { { "bridge", "kilonova" }, { "inet", "kilonova" }, { "bridge", KN_NETWORK_FENCE_TABLE } };

    for (size_t i = 0; i < KN_COUNT(TABLES); i++) {
        struct kn_error why = { 0 };

        if (kn_network_nft_list(firewall->nft, TABLES[i].family, TABLES[i].table, out, &why) < 0 &&
            why.code != KN_NOT_FOUND) {
            *err = why;
            return -1;
        }
    }
    return 0;
}

const struct kn_network_ruleset *kn_network_firewall_ruleset(const struct kn_network_firewall *firewall)
{
    return firewall->ruleset;
}

int kn_network_firewall_check(struct kn_network_firewall *firewall, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf wanted = KN_STRBUF_INIT, listed = KN_STRBUF_INIT, why = KN_STRBUF_INIT;
    struct kn_error missing = { 0 };
    uint32_t generation;

    if (stands(firewall)) {
        return 0;
    }
    if (kn_network_nft_generation(firewall->nft, &generation, err) < 0) {
        return -1;
    }
    kn_network_ruleset_whole(firewall->ruleset, &wanted);
    bool is_there = list_tables(firewall, &listed, &missing) == 0;

    if (is_there && kn_network_ruleset_same(wanted.buf, listed.buf, &why)) {
        kn_network_ruleset_settled(firewall->ruleset);
        firewall->is_known = true;
        firewall->generation = generation;
        return 0;
    }
    if (firewall->is_known) {
        kn_log(KN_WARNING, "the guests' firewall was changed by others, it is written again", "reason",
               is_there ? why.buf : missing.message, NULL);
    }
    return send_whole(firewall, err);
}

int kn_network_firewall_digests(struct kn_network_firewall *firewall, char ret_wanted[KN_RULESET_DIGEST_SIZE],
                                char ret_kernel[KN_RULESET_DIGEST_SIZE], struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf wanted = KN_STRBUF_INIT, listed = KN_STRBUF_INIT;
    struct kn_error missing = { 0 };

    ret_kernel[0] = '\0';
    kn_network_ruleset_whole(firewall->ruleset, &wanted);
    kn_network_ruleset_digest(wanted.buf, ret_wanted);
    if (list_tables(firewall, &listed, &missing) == 0) {
        kn_network_ruleset_digest(listed.buf, ret_kernel);
    } else if (missing.code != KN_NOT_FOUND) {
        *err = missing;
        return -1;
    }
    return 0;
}
