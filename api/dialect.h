/* SPDX-License-Identifier: Apache-2.0 */
/* dialect: an error as each OpenStack service writes it: status, body, content type, headers. Pure. */
#ifndef KN_API_DIALECT_H
#define KN_API_DIALECT_H

#include "lib/adapter/http.h"

struct kn_api_dialect_ask {
    enum kn_dialect dialect;
    const char *accept;        /* the header; NULL = absent */
    const char *request_id;
    const char *identity_url;  /* where a 401 sends the client */
    bool unrouted;             /* no such path: answered by the framework underneath, not by the service */
    bool plain;                /* Glance's data endpoints never answer in JSON */
};

/* Fills status, body and headers. What is not the caller's business (KN_INTERNAL, what is private) is kept from it: the log has it. */
void kn_api_dialect_error(const struct kn_api_dialect_ask *ask, const struct kn_error *err, struct kn_response *res);
/* The status that this error has in this dialect. */
int kn_api_dialect_status(enum kn_dialect dialect, enum kn_code code);
/* Whether a known path with an unknown method is 405 with Allow; else it is 404. */
bool kn_api_dialect_knows_405(enum kn_dialect dialect);

#endif
