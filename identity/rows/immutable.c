/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the rule for what is immutable. The column of that name belongs to each noun. */
#include "identity/rows/immutable.h"

#include <string.h>

int kn_immutable_update(bool is, const char *type, const char *id, const struct kn_change *c, struct kn_error *err)
{
    bool takes_back = c->immutable != NULL && strcmp(c->immutable, "false") == 0;
    bool nothing_else = c->name == NULL && c->description == NULL && c->enabled == NULL && c->tags == NULL &&
                        (c->extra == NULL || strcmp(c->extra, "{}") == 0);

    if (!is || (takes_back && nothing_else)) {
        return 0;
    }
    return kn_fail(err, KN_FORBIDDEN, "Unable to update immutable %s resource: `%s. Set resource option \"immutable\" to false "
                   "first.", type, id);
}

int kn_immutable_delete(bool is, const char *type, const char *id, struct kn_error *err)
{
    return is ? kn_fail(err, KN_FORBIDDEN, "Unable to delete immutable %s resource: `%s. Set resource option \"immutable\" to "
                        "false first.", type, id)
              : 0;
}
