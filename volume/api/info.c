/* SPDX-License-Identifier: Apache-2.0 */
/* What clients ask about the service: zones, services, extensions, and what it has none of. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "volume/api/private.h"

int kn_volume_api_zones(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)err;
    kn_strbuf_addstr(&res->body, "{\"availabilityZoneInfo\":[{\"zoneName\":\"" KN_VOLUME_ZONE
                                 "\",\"zoneState\":{\"available\":true}}]}");
    return 0;
}

int kn_volume_api_extensions(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)err;
    kn_strbuf_addstr(&res->body,
                     "{\"extensions\":["
                     "{\"name\":\"Quotas\",\"alias\":\"os-quota-sets\",\"description\":\"Quota management support.\","
                     "\"updated\":\"2011-08-08T00:00:00+00:00\",\"links\":[]},"
                     "{\"name\":\"Hosts\",\"alias\":\"os-hosts\",\"description\":\"Admin-only host administration.\","
                     "\"updated\":\"2011-06-29T00:00:00+00:00\",\"links\":[]},"
                     "{\"name\":\"AvailabilityZones\",\"alias\":\"os-availability-zone\",\"description\":"
                     "\"Describe Availability Zones.\",\"updated\":\"2013-06-27T00:00:00+00:00\",\"links\":[]},"
                     "{\"name\":\"VolumeTransfer\",\"alias\":\"os-volume-transfer\",\"description\":"
                     "\"Volume transfer management support.\",\"updated\":\"2013-05-29T00:00:00+00:00\",\"links\":[]},"
                     "{\"name\":\"VolumeTenantAttribute\",\"alias\":\"os-vol-tenant-attr\",\"description\":"
                     "\"Expose the internal project_id as an attribute of a volume.\","
                     "\"updated\":\"2011-11-03T00:00:00+00:00\",\"links\":[]}]}");
    return 0;
}

enum { S_HOST, S_UP, S_SEEN, S_REASON }; /* of SERVICES */

static void print_service(const struct kn_rows *rows, int row, struct kn_strbuf *out)
{
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "binary", "cinder-volume");
    kn_jsonw_str(out, "host", kn_rows_text(rows, row, S_HOST));
    kn_jsonw_str(out, "zone", KN_VOLUME_ZONE);
    kn_jsonw_str(out, "status", "enabled");
    kn_jsonw_str(out, "state", kn_rows_bool(rows, row, S_UP) ? "up" : "down");
    kn_jsonw_str(out, "updated_at", kn_rows_text(rows, row, S_SEEN));
    kn_jsonw_str(out, "disabled_reason", kn_rows_str(rows, row, S_REASON));
    kn_jsonw_end_object(out);
}

int kn_volume_api_services(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_stmt SERVICES = {
        "volume_services",
        "SELECT host, stuck IS NULL AND last_seen > now() - interval '60 seconds', "
        "to_char(last_seen AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US'), 'stuck: ' || stuck "
        "FROM service WHERE binary_name = 'kilonova-volume' ORDER BY host",
        0
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(req->db, &SERVICES, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "services");
    for (int i = 0; i < kn_rows_count(rows); i++) {
        print_service(rows, i, &res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

/* Lists of what cannot be made here: empty, which is the truth. */
int kn_volume_api_empty(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const char START[] = "/v3/";
    static const struct {
        const char *segment, *key;
    } KEYS[] = {
        { "qos-specs", "qos_specs" },
    };
    AUTO_FREE char *segment = kn_strdup(req->route->path + sizeof(START) - 1);

    (void)err;
    segment[strcspn(segment, "/")] = '\0';
    const char *key = segment;
    for (size_t i = 0; i < KN_COUNT(KEYS); i++) {
        key = strcmp(KEYS[i].segment, segment) == 0 ? KEYS[i].key : key;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, key);
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
