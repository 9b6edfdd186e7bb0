/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standard: what every noun of Neutron has: times, a revision number (which If-Match may ask for) and tags. One mechanism for all of the room:
 *
 *   migration:  SELECT network_standard('router');            (its columns, its trigger; the table has created_at and updated_at)
 *   attributes: KN_NETWORK_STANDARD("r"),                     (beside the noun's own)
 *   parameters: KN_NETWORK_STANDARD_PARAMS("r"),              (tags, tags-any, not-tags, not-tags-any, changed_since)
 *   routes:     TAGS(routers) and TAG_ROUTES(routers, "routers", ROUTER)  (network/api/tags.h)
 */
#ifndef KN_NETWORK_ROWS_STANDARD_H
#define KN_NETWORK_ROWS_STANDARD_H

#include "lib/rest/list.h"
#include "lib/rest/noun.h"

#define KN_NETWORK_TAGS(t, ...) \
    KN_REST_ATTR("tags", t ".tags", KN_REST_TAGS, KN_REST_SHOWN | KN_REST_UNIQUE __VA_ARGS__, .column = "tags", \
                 .limit = KN_LIMIT_NETWORK_TAGS, .inner = kn_network_tag_body)
#define KN_NETWORK_TIMES(t) \
    KN_REST_ATTR("created_at", t ".created_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT), \
        KN_REST_ATTR("updated_at", t ".updated_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT), \
        KN_REST_ATTR("revision_number", t ".revision", KN_REST_INT, KN_REST_SHOWN | KN_REST_FIND)
#define KN_NETWORK_STANDARD(t) KN_NETWORK_TIMES(t), KN_NETWORK_TAGS(t, )

#define KN_NETWORK_TAG_PARAM(name, t) KN_REST_PARAM(name, kn_rest_tags, .sql = t ".tags", .type = KN_REST_TAGS)
#define KN_NETWORK_STANDARD_PARAMS(t) \
    KN_NETWORK_TAG_PARAM("tags", t), KN_NETWORK_TAG_PARAM("tags-any", t), KN_NETWORK_TAG_PARAM("not-tags", t), \
        KN_NETWORK_TAG_PARAM("not-tags-any", t), \
        KN_REST_PARAM("changed_since", kn_rest_since, .sql = t ".updated_at", .type = KN_REST_TIME)

/* `visible` of what only administrators see: to others lists are empty, as Neutron's are. */
#define KN_NETWORK_NOBODYS "(?::text IS NULL)"

extern const struct kn_schema kn_network_tag_body[];

#endif
