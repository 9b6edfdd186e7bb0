/* SPDX-License-Identifier: Apache-2.0 */
/* server_host: questions to the agent of a server's host (lib/adapter/question.h), for all that ask about a server. */
#ifndef KN_COMPUTE_API_SERVER_HOST_H
#define KN_COMPUTE_API_SERVER_HOST_H

#include "lib/adapter/question.h"

/*
 * Whether an agent can tell of the server: it was launched and is on a host. Then it is asked: `more` are further fields of the question's body,
 * stolen (NULL: none), and the caller's handler returns what this returned. *ret_asked = false: there is nobody to ask, and nothing was done.
 */
int kn_compute_server_ask_host(struct kn_request *req, const char *server, const char *type, json_t *more,
                               kn_question_answered *answered, bool *ret_asked, struct kn_error *err);

#endif
