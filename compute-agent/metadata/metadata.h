/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata: what a guest reads about itself at 169.254.169.254, in OpenStack's and EC2's shape. Pure: a spec and a path in, a
 * response out. Who asks was found out before, from the network and the source address; nothing in the request says it.
 */
#ifndef KN_COMPUTE_AGENT_METADATA_METADATA_H
#define KN_COMPUTE_AGENT_METADATA_METADATA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/strbuf.h"

/* Writes the body and returns the HTTP status; *ret_type is a static text. server: uuid. */
int kn_agent_metadata_answer(const char *server, const json_t *spec, const char *path, struct kn_strbuf *body,
                             const char **ret_type);

#define KN_METADATA_PASSWORD "guest_password" /* of the spec: what the guest posted, put there for this reading alone */

/*
 * A request, as bytes from a guest: read as strictly as everybody's (lib/adapter/http_scan.h). Only a POST has a body, and only its password can be
 * posted; what follows is not read.
 */
enum kn_agent_metadata_parse { KN_METADATA_MORE, KN_METADATA_OK, KN_METADATA_BAD };
struct kn_agent_metadata_request {
    char path[256]; /* decoded of nothing: metadata paths are plain */
    int is_head;
    bool is_post; /* of the password */
    const char *body; /* of a POST: in the bytes that were parsed */
    size_t body_len;
    int status; /* of what is BAD: 400, 404, 405, 411, 414, 431, 505 */
};
/* MORE: the header's end, or a POST's body, has not come yet. BAD: not a GET or HEAD with a path that could exist, and no POST of a password. */
enum kn_agent_metadata_parse kn_agent_metadata_parse(const char *data, size_t len,
                                                     struct kn_agent_metadata_request *ret);

#endif
