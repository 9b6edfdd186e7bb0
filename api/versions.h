/* SPDX-License-Identifier: Apache-2.0 */
/* versions: the documents by which clients find out what a service speaks, in each service's own shape. Public, no token. */
#ifndef KN_API_VERSIONS_H
#define KN_API_VERSIONS_H

#include <stdbool.h>

#include "lib/adapter/http.h"

/*
 * rest: the path behind the service's prefix. base: the service's URL. Fills res and says true if there is a document at this
 * place. Only for GET and HEAD.
 */
bool kn_api_versions_answer(const struct kn_api *api, const char *rest, const char *base, struct kn_response *res);
/* What stands at "/": the mounted services. apis ends with NULL; base has no trailing slash. */
void kn_api_versions_index(const struct kn_api *const *apis, const char *base, struct kn_response *res);

#endif
