/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters of queries where none is known: from 2.102 on a GET of Nova's refuses them, as lists do since 2.75. Routes whose handlers read parameters refuse the others
 * themselves; here is all the rest.
 */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/view.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

#define V "/v2.1"

/* Those that ask for themselves, and the last three, where Nova forgot to refuse anything. */
static const char *const ASKED_THERE[] = {
    V "/flavors",
    V "/flavors/detail",
    V "/limits",
    V "/os-hypervisors",
    V "/os-hypervisors/detail",
    V "/os-hypervisors/{id}",
    V "/os-keypairs",
    V "/os-keypairs/{name}",
    V "/os-migrations",
    V "/os-quota-sets/{project}",
    V "/os-quota-sets/{project}/detail",
    V "/os-server-groups",
    V "/os-services",
    V "/os-simple-tenant-usage",
    V "/os-simple-tenant-usage/{project}",
    V "/servers",
    V "/servers/detail",
    V "/servers/{id}/os-instance-actions",
    V "/servers/{id}/os-volume_attachments",
    V "/os-quota-sets/{project}/defaults",
    V "/servers/{id}/os-volume_attachments/{volume}",
    V "/servers/{id}/tags",
    V "/servers/{id}/tags/{tag}",
};

int kn_compute_vet_query(const struct kn_request *req, struct kn_error *err)
{
    static const struct kn_rest_noun NOUN = { .one = "query", .manners = &KN_REST_NOVA };
    static const char *const NONE[] = { NULL };

    if (!kn_compute_since(req, 102) || strcmp(req->method, "GET") != 0) {
        return 0;
    }
    for (size_t i = 0; i < KN_COUNT(ASKED_THERE); i++) {
        if (strcmp(req->route->path, ASKED_THERE[i]) == 0) {
            return 0;
        }
    }
    return kn_rest_only(&NOUN, req, NONE, err);
}
