/* SPDX-License-Identifier: Apache-2.0 */
/* tags.c: what the tags of all nouns have in common. The rows are the nouns', the changes lib/rest/labels.h's. */
#include "network/api/tags.h"

const struct kn_schema kn_network_tags_body[] = {
    KN_SCHEMA("tags", KN_IS_LIST, .flags = KN_REQUIRED | KN_UNIQUE, .inner = kn_network_tag_body,
              .limit = KN_LIMIT_NETWORK_TAGS),
    KN_SCHEMA_END,
};

int kn_network_tags_fit(struct kn_request *req, const struct kn_rows *now, const json_t *whole, struct kn_error *err)
{
    (void)req;
    (void)now;
    if (json_array_size(whole) <= KN_MAX_NETWORK_TAGS) {
        return 0;
    }
    kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: a resource has at most %d tags.", KN_MAX_NETWORK_TAGS);
    return kn_fail_name(err, "InvalidInput");
}
