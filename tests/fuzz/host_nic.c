/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's reading of NICs, state files and lease files. Whatever the bytes are: no line of dnsmasq's files and no command of
 * nftables comes out that the compilers did not begin themselves.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/host/dhcp.h"
#include "network/host/network.h"
#include "network/host/rules.h"

static void must(int good)
{
    if (!good) {
        abort();
    }
}

/* Only characters that addresses, uuids, labels and our own words are made of. */
static void check_text(const struct kn_strbuf *sb)
{
    must(strlen(sb->buf) == sb->len);
    for (size_t i = 0; i < sb->len; i++) {
        must(sb->buf[i] == '\n' || (sb->buf[i] >= ' ' && sb->buf[i] < 127));
    }
}

static void check_lines(const struct kn_strbuf *sb, const char *const *starts)
{
    for (const char *line = sb->buf; *line != '\0'; line += strcspn(line, "\n") + 1) {
        int known = 0;

        for (size_t i = 0; starts[i] != NULL; i++) {
            known |= strncmp(line, starts[i], strlen(starts[i])) == 0;
        }
        must(known);
    }
}

static void compile(const struct kn_network_host_network *network)
{
    static const char *const OPTIONS[] = { "tag:s", NULL };
    static const char *const COMMANDS[] = { "add element bridge kilonova ", NULL };
    const struct kn_network_host_nic *const *nics = (const struct kn_network_host_nic *const *)network->nics;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf hosts = KN_STRBUF_INIT, options = KN_STRBUF_INIT, rules = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf conf = KN_STRBUF_INIT;

    kn_network_host_dhcp_hosts(nics, network->nic_count, &hosts);
    kn_network_host_dhcp_options(nics, network->nic_count, &options);
    kn_network_host_dhcp_conf("/x", nics, network->nic_count, &conf);
    kn_network_host_rules_change(NULL, 0, nics, network->nic_count, &rules);
    check_text(&hosts);
    check_text(&options);
    check_text(&conf);
    check_text(&rules);
    check_lines(&options, OPTIONS);
    check_lines(&rules, COMMANDS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = kn_alloc(size + 1);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf leases = KN_STRBUF_INIT;
    struct kn_network_host_network *network = NULL;
    struct kn_error err;

    memcpy(text, data, size);
    kn_network_host_dhcp_prune(text, NULL, 0, &leases);
    must(leases.len == 0);
    if (kn_network_host_network_parse("/x", text, &network, &err) == 0) {
        compile(network);
        kn_network_host_dhcp_prune(text, (const struct kn_network_host_nic *const *)network->nics, network->nic_count,
                                   &leases);
        kn_network_host_network_free(network);
    }
    return 0;
}
