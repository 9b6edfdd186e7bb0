/* SPDX-License-Identifier: Apache-2.0 */
/* address: under which URL the caller reached us, so that links and version documents lead back the same way. Pure. */
#ifndef KN_API_ADDRESS_H
#define KN_API_ADDRESS_H

#include "lib/base/strbuf.h"

struct kn_api_address {
    const char *proto;          /* X-Forwarded-Proto; NULL = absent */
    const char *forwarded_host; /* X-Forwarded-Host */
    const char *host;           /* Host */
    const char *listen;         /* api.listen: when nobody said anything that could be a host */
};

/* Adds "http://host:port". A header that is no host is ignored: it ends up in links. */
void kn_api_address_add(const struct kn_api_address *address, struct kn_strbuf *out);

#endif
