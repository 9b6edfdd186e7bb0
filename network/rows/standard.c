/* SPDX-License-Identifier: Apache-2.0 */
/* standard.c: what a tag is. */
#include "network/rows/standard.h"

const struct kn_schema kn_network_tag_body[] = {
    KN_SCHEMA("tags", KN_IS_STRING, .limit = KN_LIMIT_NETWORK_TAG),
    KN_SCHEMA_END,
};
