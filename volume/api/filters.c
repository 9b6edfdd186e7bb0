/* SPDX-License-Identifier: Apache-2.0 */
/* resource_filters: by what lists are filtered here, as the tables of their nouns say it. */
#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "volume/api/private.h"
#include "volume/rows/backup.h"
#include "volume/rows/group.h"
#include "volume/rows/group_snapshot.h"
#include "volume/rows/noun.h"
#include "volume/rows/snapshot.h"
#include "volume/rows/transfer.h"
#include "volume/rows/type.h"

static bool filters_has(const struct kn_request *req, const struct kn_rest_attr *a)
{
    return (a->may & KN_REST_FILTER) != 0 && kn_rest_readable(a, req);
}

static void filters_print(const struct kn_rest_noun *noun, const struct kn_request *req, struct kn_strbuf *out)
{
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "resource", noun->one);
    kn_jsonw_array(out, "filters");
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if (filters_has(req, a)) {
            kn_jsonw_str(out, NULL, a->name);
        }
    }
    for (const struct kn_rest_param *p = noun->params; p != NULL && p->name != NULL; p++) {
        if (p->add != NULL && p->add != kn_rest_ignored && req->microversion >= p->since) {
            kn_jsonw_str(out, NULL, p->name);
        }
    }
    kn_jsonw_end_array(out);
    kn_jsonw_end_object(out);
}

int kn_volume_api_filters(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_rest_noun *const NOUNS[] = {
        &kn_volume_noun,      &kn_volume_snapshot_noun, &kn_volume_backup_noun,        &kn_volume_transfer_noun,
        &kn_volume_type_noun, &kn_volume_group_noun,    &kn_volume_group_snapshot_noun
    };
    const char *resource = kn_request_query(req, "resource");

    (void)err;
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "resource_filters");
    for (size_t i = 0; i < KN_COUNT(NOUNS); i++) {
        if (resource == NULL || strcmp(resource, NOUNS[i]->one) == 0) {
            filters_print(NOUNS[i], req, &res->body);
        }
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
