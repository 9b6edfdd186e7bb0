/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata: what a guest reads about itself at 169.254.169.254, in OpenStack's and EC2's shape. Pure: a spec and a path in, a
 * response out. Who asks was found out before, from the network and the source address; nothing in the request says it.
 */
#ifndef KN_COMPUTE_AGENT_METADATA_METADATA_H
#define KN_COMPUTE_AGENT_METADATA_METADATA_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/strbuf.h"

/* Writes the body and returns the HTTP status; *ret_type is a static text. server: uuid. */
int kn_agent_metadata_answer(const char *server, const json_t *spec, const char *path, struct kn_strbuf *body,
                             const char **ret_type);

#define KN_METADATA_PASSWORD "guest_password" /* of the spec: what the guest posted, put there for this reading alone */

#define KN_METADATA_VENDOR "vendor_data" /* likewise: what the operator says to all guests (agent.vendor_data_file) */

/* A file of a config drive; body is borrowed. */
typedef void kn_agent_metadata_file(void *ctx, const char *path, const struct kn_strbuf *body);
/* The same documents as the service's, as the files of a config drive: openstack/<version>/…, ec2/<version>/…. */
void kn_agent_metadata_drive(const char *server, const json_t *spec, kn_agent_metadata_file *file, void *ctx);

/*
 * Whether this can be a request at all, before anybody asks whose: 0, or the status of the refusal. GET and HEAD of a path, POST of a password;
 * length: of the body, -1 if it comes in chunks. What a GET has of a body is not read.
 */
int kn_agent_metadata_refusal(const char *method, const char *path, int64_t length);

#endif
