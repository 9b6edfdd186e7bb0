/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the choice between Host, what a proxy forwards, and our own address. It must never copy a header that could not be a host. */
#include "api/address.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#define HOST_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]"

/* A proxy behind a proxy appends: the first one is the client's. */
static size_t first_len(const char *list)
{
    return strcspn(list, ", ");
}

static bool address_add_host(const char *header, struct kn_strbuf *out)
{
    if (header == NULL) {
        return false;
    }
    size_t len = first_len(header);
    if (len == 0 || len > 255 || strspn(header, HOST_CHARS) < len) {
        return false;
    }
    kn_strbuf_add(out, header, len);
    return true;
}

void kn_api_address_add(const struct kn_api_address *address, struct kn_strbuf *out)
{
    const char *proto = address->proto != NULL ? address->proto : "";
    bool https = first_len(proto) == 5 && strncasecmp(proto, "https", 5) == 0;

    kn_strbuf_addstr(out, https ? "https://" : "http://");
    if (!address_add_host(address->forwarded_host, out) && !address_add_host(address->host, out)) {
        kn_strbuf_addstr(out, address->listen);
    }
}
