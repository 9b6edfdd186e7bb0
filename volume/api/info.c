/* SPDX-License-Identifier: Apache-2.0 */
/* What clients ask about the service: zones, extensions, and what it has none of. */
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

/* Lists of what cannot be made here: empty, which is the truth. */
int kn_volume_api_empty(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const char START[] = "/v3/";
    AUTO_FREE char *segment = kn_strdup(req->route->path + sizeof(START) - 1);

    (void)err;
    segment[strcspn(segment, "/")] = '\0';
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, segment);
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
