/* SPDX-License-Identifier: Apache-2.0 */
/* microversion: which of a service's microversions a request is for, from its headers. Pure. */
#ifndef KN_API_MICROVERSION_H
#define KN_API_MICROVERSION_H

#include "lib/adapter/http.h"

/*
 * standard: OpenStack-API-Version ("compute 2.96", may list several services); legacy: X-OpenStack-Nova-API-Version ("2.96"), compute's
 * alone. Either may be NULL; the standard one wins. None, or none for this service = the service's minimum.
 * KN_BAD_REQUEST: no version; KN_NOT_ACCEPTABLE: one that the service does not have.
 */
int kn_api_microversion_choose(const struct kn_api *api, const char *standard, const char *legacy, int *ret_minor,
                               struct kn_error *err);
/* The headers that say which one was chosen, and Vary. Nothing for a service without microversions. */
void kn_api_microversion_headers(const struct kn_api *api, int minor, struct kn_response *res);

#endif
