/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the rule for what is immutable. The column of that name belongs to each noun. */
#include "identity/rows/immutable.h"

#include "lib/base/cleanup.h"
#include "lib/domain/schema.h"

/* Where something stands may be repeated with every change (struct kn_rest_attr's fixed). */
static bool takes_back_alone(const json_t *object)
{
    static const char *const PLACE[] = { "options", "domain_id", "parent_id", "is_domain" };
    const json_t *options = json_object_get(object, "options");
    size_t said = 0;

    for (size_t i = 0; i < sizeof(PLACE) / sizeof(PLACE[0]); i++) {
        said += json_object_get(object, PLACE[i]) != NULL;
    }
    return json_object_get(options, "immutable") != NULL && !kn_schema_bool(options, "immutable", false) &&
           json_object_size(object) == said;
}

int kn_identity_immutable_check(bool is, const char *type, const char *id, const json_t *object, struct kn_error *err)
{
    return !is || (object != NULL && takes_back_alone(object))
               ? 0
               : kn_fail(err, KN_FORBIDDEN,
                         "Unable to %s immutable %s resource: `%s. Set resource option \"immutable\" to false first.",
                         object != NULL ? "update" : "delete", type, id);
}
