/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is small: the list of extensions, the collections that are empty because nothing can be put into them yet, and the honest
 * answer for what Nova has and this cloud does not.
 */
#include <string.h>

#include "compute/api.h"
#include "compute/rows/server.h"
#include "compute/rows/view.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

struct rest_extension {
    const char *alias;
    const char *name;
};

/* Long since part of Nova; clients look some of them up by alias. Only what is served is listed. */
static const struct rest_extension EXTENSIONS[] = {
    { "NMN", "Multinic" },
    { "OS-DCF", "DiskConfig" },
    { "OS-EXT-AZ", "ExtendedAvailabilityZone" },
    { "OS-EXT-IPS", "ExtendedIps" },
    { "OS-EXT-IPS-MAC", "ExtendedIpsMac" },
    { "OS-EXT-SRV-ATTR", "ExtendedServerAttributes" },
    { "OS-EXT-STS", "ExtendedStatus" },
    { "OS-FLV-DISABLED", "FlavorDisabled" },
    { "OS-FLV-EXT-DATA", "FlavorExtraData" },
    { "OS-SCH-HNT", "SchedulerHints" },
    { "OS-SRV-USG", "ServerUsage" },
    { "flavors", "Flavors" },
    { "ips", "Ips" },
    { "limits", "Limits" },
    { "os-admin-actions", "AdminActions" },
    { "os-admin-password", "AdminPassword" },
    { "os-aggregates", "Aggregates" },
    { "os-attach-interfaces", "AttachInterfaces" },
    { "os-availability-zone", "AvailabilityZone" },
    { "os-block-device-mapping", "BlockDeviceMapping" },
    { "os-config-drive", "ConfigDrive" },
    { "os-console-auth-tokens", "ConsoleAuthTokens" },
    { "os-console-output", "ConsoleOutput" },
    { "os-consoles", "Consoles" },
    { "os-create-backup", "CreateBackup" },
    { "os-extended-volumes", "ExtendedVolumes" },
    { "os-flavor-access", "FlavorAccess" },
    { "os-flavor-extra-specs", "FlavorExtraSpecs" },
    { "os-flavor-manage", "FlavorManage" },
    { "os-floating-ip-pools", "FloatingIpPools" },
    { "os-floating-ips", "FloatingIps" },
    { "os-hosts", "Hosts" },
    { "os-hypervisors", "Hypervisors" },
    { "os-instance-actions", "InstanceActions" },
    { "os-instance-usage-audit-log", "InstanceUsageAuditLog" },
    { "os-keypairs", "Keypairs" },
    { "os-lock-server", "LockServer" },
    { "os-multiple-create", "MultipleCreate" },
    { "os-networks", "Networks" },
    { "os-pause-server", "PauseServer" },
    { "os-quota-class-sets", "QuotaClassSets" },
    { "os-quota-sets", "QuotaSets" },
    { "os-remote-consoles", "Consoles" },
    { "os-rescue", "Rescue" },
    { "os-security-groups", "SecurityGroups" },
    { "os-server-diagnostics", "ServerDiagnostics" },
    { "os-server-external-events", "ServerExternalEvents" },
    { "os-server-groups", "ServerGroups" },
    { "os-server-password", "ServerPassword" },
    { "os-server-tags", "ServerTags" },
    { "os-services", "Services" },
    { "os-shelve", "Shelve" },
    { "os-simple-tenant-usage", "SimpleTenantUsage" },
    { "os-suspend-server", "SuspendServer" },
    { "os-tenant-networks", "OSTenantNetworks" },
    { "os-user-data", "UserData" },
    { "os-volumes", "Volumes" },
    { "server-metadata", "ServerMetadata" },
    { "servers", "Servers" },
};

static void rest_write_extension(struct kn_strbuf *sb, const char *key, const struct rest_extension *e)
{
    kn_jsonw_object(sb, key);
    kn_jsonw_str(sb, "alias", e->alias);
    kn_jsonw_str(sb, "name", e->name);
    kn_jsonw_str(sb, "description", e->name);
    kn_jsonw_str(sb, "namespace", "http://docs.openstack.org/compute/ext/fake_xml");
    kn_jsonw_str(sb, "updated", "2014-12-03T00:00:00Z");
    kn_jsonw_raw(sb, "links", "[]");
    kn_jsonw_end_object(sb);
}

int kn_compute_extensions_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)err;
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "extensions");
    for (size_t i = 0; i < KN_COUNT(EXTENSIONS); i++) {
        rest_write_extension(&res->body, NULL, &EXTENSIONS[i]);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_compute_extensions_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(EXTENSIONS); i++) {
        if (strcmp(EXTENSIONS[i].alias, req->params[0]) == 0) {
            kn_jsonw_object(&res->body, NULL);
            rest_write_extension(&res->body, "extension", &EXTENSIONS[i]);
            kn_jsonw_end_object(&res->body);
            return 0;
        }
    }
    return kn_fail(err, KN_NOT_FOUND, "The extension %.80s could not be found", req->params[0]);
}

/* --- what no server has yet: there is none, and that is the answer --- */

static int answer_of_server(struct kn_request *req, struct kn_response *res, const char *answer, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;

    if (kn_compute_server_get(req, req->params[0], &server, err) < 0) {
        return -1;
    }
    kn_strbuf_addstr(&res->body, answer);
    return 0;
}

int kn_compute_server_migrations_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return answer_of_server(req, res, "{\"migrations\":[]}", err);
}

/* A time of the query; absent: *ret_us stays. */
static int migrations_time(struct kn_request *req, const char *key, int64_t *ret_us, struct kn_error *err)
{
    const char *said = kn_request_query(req, key);

    return said == NULL || kn_time_parse(said, ret_us) == 0
               ? 0
               : kn_rest_fail(err, KN_BAD_REQUEST, KN_REST_NOVA.bad_time, key, said);
}

/* What is said of pages and times, since 2.59: no marker is of any that there is. */
static int migrations_check(struct kn_request *req, struct kn_error *err)
{
    const char *limit = kn_request_query(req, "limit"), *marker = kn_request_query(req, "marker");
    int64_t since_us = INT64_MIN, before_us = INT64_MAX;

    if (limit != NULL && (limit[0] == '\0' || limit[strspn(limit, "0123456789")] != '\0')) {
        return kn_rest_fail(err, KN_BAD_REQUEST, KN_REST_NOVA.bad_limit, "limit", limit);
    }
    if (migrations_time(req, "changes-since", &since_us, err) < 0 ||
        (kn_compute_since(req, 66) && migrations_time(req, "changes-before", &before_us, err) < 0)) {
        return -1;
    }
    if (before_us < since_us) {
        return kn_fail(err, KN_BAD_REQUEST, "The value of changes-since must be less than or equal to changes-before.");
    }
    return marker == NULL ? 0 : kn_fail(err, KN_BAD_REQUEST, "Marker %.80s could not be found.", marker);
}

/* From 2.59 on what it does not know is refused. */
int kn_compute_migrations_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_rest_noun MIGRATION = { .one = "migration", .strict_since = 59, .manners = &KN_REST_NOVA };
    static const char *const KNOWN[] = { "hidden",         "host",  "instance_uuid", "source_compute", "status",
                                         "migration_type", "limit", "marker",        "changes-since",  NULL };
    static const char *const KNOWN_66[] = { "hidden",         "host",   "instance_uuid",
                                            "source_compute", "status", "migration_type",
                                            "limit",          "marker", "changes-since",
                                            "changes-before", NULL };
    static const char *const KNOWN_80[] = {
        "hidden", "host",   "instance_uuid", "source_compute", "status",  "migration_type",
        "limit",  "marker", "changes-since", "changes-before", "user_id", "project_id",
        NULL
    };

    if (kn_rest_only(&MIGRATION, req,
                     kn_compute_since(req, 80)   ? KNOWN_80
                     : kn_compute_since(req, 66) ? KNOWN_66
                                                 : KNOWN,
                     err) < 0 ||
        (kn_compute_since(req, 59) && migrations_check(req, err) < 0)) {
        return -1;
    }
    kn_strbuf_addstr(&res->body, "{\"migrations\":[]}");
    return 0;
}

int kn_compute_unsupported(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const bool reads = strcmp(req->method, "GET") == 0;

    (void)res;
    return kn_fail(err, reads ? KN_NOT_FOUND : KN_BAD_REQUEST, "%s %.200s is not built here", req->method, req->path);
}
