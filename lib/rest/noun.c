/* SPDX-License-Identifier: Apache-2.0 */
/* What can be asked of a noun's tables. */
#include "lib/rest/noun.h"

#include <string.h>

#include "lib/rest/manners.h"

const struct kn_rest_attr *kn_rest_attr(const struct kn_rest_noun *noun, const struct kn_request *req, const char *name,
                                        size_t len, unsigned may)
{
    for (const struct kn_rest_attr *a = noun->attrs; a->name != NULL; a++) {
        if (strlen(a->name) == len && strncmp(a->name, name, len) == 0 && ((unsigned)a->may & may) == may &&
            kn_rest_readable(a, req)) {
            return a;
        }
    }
    return NULL;
}

bool kn_rest_readable(const struct kn_rest_attr *a, const struct kn_request *req)
{
    return kn_policy_allows(a->read, &req->caller, NULL) && req->microversion >= a->since &&
           (a->until == 0 || req->microversion <= a->until);
}

bool kn_rest_reaches_all(const struct kn_request *req)
{
    return kn_policy_allows(req->route->rule, &req->caller, NULL);
}

int kn_rest_fail(struct kn_error *err, enum kn_code code, const char *words, const char *name, const char *value)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

    for (const char *at = words; *at != '\0'; at++) {
        if (at[0] == '%' && (at[1] == '1' || at[1] == '2')) {
            kn_strbuf_addf(&text, "%.100s", at[1] == '1' ? name : value);
            at++;
        } else {
            kn_strbuf_addch(&text, *at);
        }
    }
    return kn_fail(err, code, "%s", text.buf);
}

int kn_rest_not_found(const struct kn_rest_noun *noun, const char *id, struct kn_error *err)
{
    kn_rest_fail(err, KN_NOT_FOUND, noun->absent != NULL ? noun->absent : noun->manners->not_found, noun->label, id);
    return noun->absent_name != NULL ? kn_fail_name(err, noun->absent_name) : -1;
}
