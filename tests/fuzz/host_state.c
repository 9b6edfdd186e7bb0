/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's reading of what it is told of networks, of specs' NICs and of lease files. Whatever the bytes are: no line of dnsmasq's files comes out that the
 * compiler did not begin itself, and what was read is freed.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/host/dhcp/dhcp.h"
#include "network/host/nic.h"
#include "network/host/state/state.h"

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

static void compile(const struct kn_network_host_network *network, const char *leases)
{
    static const char *const OPTIONS[] = { "tag:s", "tag:p", NULL };
    static const char *const CONF[] = { "# ",          "interface=", "except-",   "bind-",
                                        "dhcp-",       "no-",        "quiet-",    "expand-hosts",
                                        "user=root",   "domain=",    "local=/",   "pid-file=",
                                        "addn-hosts=", "enable-ra",  "ra-param=", "domain-needed",
                                        NULL };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf hosts = KN_STRBUF_INIT, options = KN_STRBUF_INIT, conf = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf names = KN_STRBUF_INIT, kept = KN_STRBUF_INIT;

    kn_network_host_dhcp_hosts(network, &hosts);
    kn_network_host_dhcp_options(network, &options);
    kn_network_host_dhcp_conf(network, &conf);
    kn_network_host_dhcp_names(network, &names);
    kn_network_host_dhcp_prune(leases, network, &kept);
    check_text(&hosts);
    check_text(&options);
    check_text(&conf);
    check_text(&names);
    check_lines(&options, OPTIONS);
    check_lines(&conf, CONF);
}

static void compile_all(const struct kn_network_state *state, const char *leases)
{
    const char *id, *port;
    void *value, *object;

    for (size_t at = 0; kn_hmap_next(state->objects[KN_NETWORK_IS_NETWORK], &at, &id, &value);) {
        struct kn_network_host_network *network = kn_network_host_network_new("/x", id);

        network->wanted = value;
        for (size_t n = 0; kn_hmap_next(state->objects[KN_NETWORK_IS_PORT], &n, &port, &object);) {
            kn_hmap_put(network->ports, port, object);
        }
        for (size_t n = 0; kn_hmap_next(state->objects[KN_NETWORK_IS_PEER], &n, &port, &object);) {
            kn_hmap_put(network->peers, port, object);
        }
        compile(network, leases);
        kn_network_host_network_free(network);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = kn_alloc(size + 1);
    AUTO_FREE struct kn_network_plug *plug = NULL;
    struct kn_network_state_changes changes = { NULL, 0 };
    struct kn_network_state state;
    struct kn_error err;

    memcpy(text, data, size);
    json_auto_t *body = json_loads(text, 0, NULL);

    kn_network_state_init(&state);
    if (body != NULL && kn_network_state_take(&state, body, &changes, &err) == 0) {
        must(state.version >= 0);
        compile_all(&state, text);
    } else {
        must(state.version == -1);
    }
    kn_network_state_changes_release(&changes);
    kn_network_state_release(&state);
    kn_network_plug_parse("0a0a0a0a-1111-4111-8111-111111111111", body, &plug, &err);
    return 0;
}
