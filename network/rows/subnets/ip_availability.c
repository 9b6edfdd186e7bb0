/* SPDX-License-Identifier: Apache-2.0 */
/* ip_availability.c: how many addresses networks have, of both families or one, and how many of them are in use: a report over the rows of others. */
#include <string.h>

#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "network/rows/networks.h"
#include "network/rows/standard.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)
#define TOTAL "pools_size(s.pools)"
#define USED "(SELECT count(*) FROM address a WHERE a.subnet_id = s.id)"
#define OF_NETWORK "FROM subnet s WHERE s.network_id = n.id AND s.ip_version = ANY(v.families)"

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("network_id", "n.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("network_name", "n.name", KN_REST_TEXT, FIND),
    KN_REST_ATTR("tenant_id", "n.project_id", KN_REST_TEXT, FIND),
    KN_REST_ATTR("project_id", "n.project_id", KN_REST_TEXT, FIND),
    KN_REST_ATTR("total_ips", "(SELECT coalesce(sum(" TOTAL "), 0) " OF_NETWORK ")", KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("used_ips", "(SELECT coalesce(sum(" USED "), 0) " OF_NETWORK ")", KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTR("subnet_ip_availability", "(SELECT coalesce(json_agg(json_build_object('subnet_id', s.id, 'subnet_name', s.name, 'cidr', s.cidr,"
        " 'ip_version', s.ip_version, 'total_ips', " TOTAL ", 'used_ips', " USED ") ORDER BY s.created_at, s.id), '[]') " OF_NETWORK ")",
        KN_REST_JSON, KN_REST_SHOWN),
    KN_REST_ATTRS_END,
};
/* clang-format on */

/* Of the families that were asked for alone, and of networks alone that have some. */
static int report_narrow(struct kn_rest_list *l, struct kn_error *err)
{
    bool asks = false, four = false, six = false;
    const char *text;

    (void)err;
    for (int i = 0; (text = kn_request_query_at(l->req, "ip_version", i)) != NULL; i++) {
        asks |= text[0] != '\0';
        four |= strcmp(text, "4") == 0;
        six |= strcmp(text, "6") == 0;
    }
    kn_rest_where(l, "%C = ?::int[]", "v.families",
                  !asks || (four && six) ? "{4,6}"
                  : four                 ? "{4}"
                  : six                  ? "{6}"
                                         : "{}");
    if (asks) {
        kn_rest_text(&l->query, " AND EXISTS (SELECT " OF_NETWORK ")");
    }
    return 0;
}

static const struct kn_rest_param PARAMS[] = { KN_REST_PARAM("ip_version", NULL), KN_REST_PARAMS_END };

const struct kn_rest_noun kn_network_ip_availabilities = {
    .one = "network_ip_availability",
    .many = "network_ip_availabilities",
    .label = "Network",
    .absent_name = "NetworkNotFound",
    .path = "/network-ip-availabilities",
    .from = "network n CROSS JOIN (VALUES ('{4,6}'::int[])) v (families)",
    .lists_from = "network n CROSS JOIN (VALUES ('{4}'::int[]), ('{6}'), ('{4,6}')) v (families)",
    .id = "n.id",
    .id_type = KN_REST_UUID,
    .visible = KN_NETWORK_NOBODYS,
    .order = "network_id",
    .ascending = true,
    .ties = "network_id",
    .attrs = ATTRS,
    .params = PARAMS,
    .narrow = report_narrow,
    .manners = &KN_REST_NEUTRON,
};
