/* SPDX-License-Identifier: Apache-2.0 */
/* Volume types over HTTP: what lib/rest does for them. Extra specs and access have files of their own. */
#include <string.h>

#include "lib/rest/list.h"
#include "lib/rest/write.h"
#include "volume/api/private.h"
#include "volume/rows/type.h"

int kn_volume_api_types(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&kn_volume_type_noun, req, KN_REST_LIST, NULL, res, err);
}

/* "default" is a name of one, too. */
int kn_volume_api_type(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    char id[KN_UUID_SIZE];

    if (strcmp(req->params[0], "default") != 0) {
        return kn_rest_show(&kn_volume_type_noun, req, req->params[0], KN_REST_SHOW, res, err);
    }
    return kn_volume_type_default(req, id, err) < 0
               ? -1
               : kn_rest_show(&kn_volume_type_noun, req, id, KN_REST_SHOW, res, err);
}

int kn_volume_api_type_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_create(&kn_volume_type_noun, req, res, err);
}

int kn_volume_api_type_update(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_update(&kn_volume_type_noun, req, req->params[0], res, err);
}

int kn_volume_api_type_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_delete(&kn_volume_type_noun, req, req->params[0], err);
}
