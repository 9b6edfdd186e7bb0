/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What GET /servers may be asked: its filters as a table, and whose servers a list holds. Up to 2.74 a parameter that nobody knows or that is
 * not for this caller is left out, as Nova does; from 2.75 on an unknown one is refused.
 */
#include <string.h>
#include <strings.h>

#include "compute/api/server_noun.h"
#include "lib/base/mem.h"
#include "lib/domain/server_state.h"
#include "lib/rest/manners.h"

#define RULED(last) .rule = KN_NOVA_SERVERS_FILTERS, .ruled_until = last /* then for everybody */
#define ADMINS RULED(0)

#define NIC_ADDRESSES(version) \
    "(SELECT string_agg(ip->>'address', ' ') FROM json_array_elements(s.nics) nic, json_array_elements(nic->'ips') ip " \
    "WHERE ip->>'version' = '" version "')"

/* " column IN ('a', 'b')": the words are lib/domain's own, never a user's. */
static void server_query_add_words(struct kn_rest_list *l, const char *column, const char *const *words, int count)
{
    kn_rest_text(&l->query, column);
    for (int i = 0; i < count; i++) {
        kn_rest_text(&l->query, i == 0 ? " IN ('" : "', '");
        kn_rest_text(&l->query, words[i]);
    }
    kn_rest_text(&l->query, "')");
}

/* May be repeated, any of them will do; each names vm_states and perhaps task_states. */
static int add_status(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                      struct kn_error *err)
{
    const char *vm[8], *tasks[16];
    bool is_known = false;

    (void)a;
    kn_rest_text(&l->query, " AND (false");
    for (int i = 0; value != NULL; value = kn_rest_asked(l, key, ++i)) {
        const int vm_count = kn_server_states_of(value, vm, KN_COUNT(vm));
        const int task_count = kn_server_tasks_of(value, tasks, KN_COUNT(tasks));

        if (vm_count > 0) {
            is_known = true;
            kn_rest_text(&l->query, " OR (");
            server_query_add_words(l, "s.vm_state", vm, vm_count);
            if (task_count > 0) {
                server_query_add_words(l, " AND s.task_state", tasks, task_count);
            }
            kn_rest_text(&l->query, ")");
        }
    }
    kn_rest_text(&l->query, ")");
    l->is_empty = l->is_empty || !is_known;
    return is_known || !kn_compute_since(l->req, 38) ? 0 : kn_fail(err, KN_BAD_REQUEST, "Invalid status value");
}

#define SQL(expression, is) .sql = expression, .type = is
#define MATCH(name, expression, ...) KN_REST_PARAM(name, kn_rest_match, SQL(expression, KN_REST_TEXT), __VA_ARGS__)
#define IS(name, expression, is, ...) KN_REST_PARAM(name, kn_rest_equal, SQL(expression, is), __VA_ARGS__)
#define YES(name, expression, ...) KN_REST_PARAM(name, kn_rest_boolean_word, SQL(expression, KN_REST_BOOL), __VA_ARGS__)
#define AT(name, expression) KN_REST_PARAM(name, kn_rest_time, SQL(expression, KN_REST_TIME), RULED(82))
#define TAGS(name) KN_REST_PARAM(name, kn_rest_tags, SQL("s.tags", KN_REST_TAGS), .since = 26)
#define ALL .since = 0

const struct kn_rest_param kn_compute_server_params[] = {
    MATCH("name", "s.name", ALL),
    MATCH("display_name", "s.name", ADMINS),
    KN_REST_PARAM("status", add_status),
    IS("flavor", "s.flavor->>'id'", KN_REST_TEXT, ALL),
    IS("image", "s.image_id", KN_REST_UUID, ALL),
    IS("image_ref", "s.image_id", KN_REST_UUID, ADMINS),
    KN_REST_PARAM("ip", kn_rest_match_one, SQL(NIC_ADDRESSES("4"), KN_REST_TEXT)),
    KN_REST_PARAM("ip6", kn_rest_match_one, SQL(NIC_ADDRESSES("6"), KN_REST_TEXT), RULED(4)),
    MATCH("reservation_id", "s.reservation_id", ALL),
    KN_REST_PARAM("changes-since", kn_rest_since, SQL("s.updated_at", KN_REST_TIME)),
    KN_REST_PARAM("changes-before", kn_rest_until, SQL("date_trunc('second', s.updated_at)", KN_REST_TIME),
                  .since = 66), /* as shown */
    KN_REST_PARAM("all_tenants", NULL),
    KN_REST_PARAM("project_id", NULL),
    KN_REST_PARAM("tenant_id", NULL),
    KN_REST_PARAM("deleted", NULL),
    KN_REST_PARAM("soft_deleted", NULL),
    TAGS("tags"),
    TAGS("tags-any"),
    TAGS("not-tags"),
    TAGS("not-tags-any"),
    YES("locked", "s.locked", .since = 73),
    MATCH("availability_zone", "s.zone", RULED(82)),
    YES("config_drive", "s.config_drive", RULED(82)),
    MATCH("key_name", "s.key_name", RULED(82)),
    AT("created_at", "s.created_at"),
    AT("launched_at", "s.launched_at"),
    AT("terminated_at", "s.terminated_at"),
    IS("power_state", "s.power_state", KN_REST_INT, RULED(82)),
    IS("task_state", "s.task_state", KN_REST_TEXT, RULED(82)),
    IS("vm_state", "s.vm_state", KN_REST_TEXT, RULED(82)),
    IS("progress", KN_SERVER_PROGRESS_SQL, KN_REST_INT, RULED(82)),
    IS("user_id", "s.user_id", KN_REST_TEXT, RULED(82)),
    MATCH("hostname", "s.hostname", RULED(89)),
    IS("host", "s.host", KN_REST_TEXT, ADMINS),
    MATCH("node", "s.host", ADMINS),
    IS("uuid", "s.id", KN_REST_UUID, ADMINS),
    MATCH("description", "coalesce(s.description, '')", ADMINS),
    MATCH("display_description", "coalesce(s.description, '')", ADMINS),
    IS("launch_index", "s.launch_index", KN_REST_INT, ADMINS),
    MATCH("access_ip_v4", "s.access_ipv4", ADMINS),
    MATCH("access_ip_v6", "s.access_ipv6", ADMINS),
    IS("kernel_id", "''", KN_REST_TEXT, ADMINS),
    IS("ramdisk_id", "''", KN_REST_TEXT, ADMINS),
    IS("root_device_name", "'/dev/vda'", KN_REST_TEXT, ADMINS),
    YES("auto_disk_config", "s.disk_config = 'AUTO'", ADMINS),
    IS("locked_by", "s.locked_by", KN_REST_TEXT, ADMINS),
    KN_REST_PARAM("block_device_mapping", kn_rest_refused),
    KN_REST_PARAM("services", kn_rest_refused),
    KN_REST_PARAM("metadata", kn_rest_refused),
    KN_REST_PARAM("system_metadata", kn_rest_refused),
    KN_REST_PARAM("info_cache", kn_rest_refused),
    KN_REST_PARAM("security_groups", kn_rest_refused),
    KN_REST_PARAM("pci_devices", kn_rest_refused),
    KN_REST_PARAMS_END,
};

/* Names with a line in front are nobody's at any microversion. */
int kn_compute_server_unknown(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                              struct kn_error *err)
{
    if (key[0] == '_') {
        return kn_rest_refused(l, a, key, value, err);
    }
    return kn_compute_since(l->req, 75) ? kn_rest_fail(err, KN_BAD_REQUEST, l->noun->manners->bad_filter, key, value)
                                        : 0;
}

/* Whose servers: the caller's project's, or everybody's for an admin that says all_tenants. */
static int add_project(struct kn_rest_list *l, struct kn_error *err)
{
    const struct kn_request *req = l->req;
    const char *asked = kn_rest_asked(l, "all_tenants", 0), *project = kn_rest_asked(l, "project_id", 0);
    const enum kn_rule rule = l->view == KN_REST_BRIEF ? KN_NOVA_SERVERS_ALL : KN_NOVA_SERVERS_DETAIL_ALL;
    bool all = asked != NULL && asked[0] == '\0'; /* ?all_tenants alone */

    if (!all && kn_request_query_bool(req, "all_tenants", false, &all, err) < 0) {
        return -1;
    }
    if (all && kn_policy_check(rule, &req->caller, NULL, err) < 0) {
        return -1;
    }
    l->marks_all = kn_policy_allows(rule, &req->caller, NULL);
    l->sees_all = all;
    project = project != NULL ? project : kn_rest_asked(l, "tenant_id", 0);
    if (all && project != NULL) {
        kn_rest_where(l, "s.project_id = ?", NULL, project);
    }
    return 0;
}

/* A boolean for who may see what is deleted; nonsense is no, as to Nova. */
static bool query_deleted(const struct kn_rest_list *l, const char *key, bool dflt)
{
    bool said = dflt;

    return kn_request_query_bool(l->req, key, dflt, &said, NULL) < 0 ? false : said;
}

/*
 * Deleted ones are shown to admins that ask, and to everybody who asks for changes. Those that are deleted and kept (deferred deletion) go with them, unless soft_deleted
 * says the other thing.
 */
static int add_deleted(struct kn_rest_list *l, struct kn_error *err)
{
    const struct kn_request *req = l->req;
    const char *vm[4], *status = kn_rest_asked(l, "status", 0);
    const bool changes = kn_rest_asked(l, "changes-since", 0) != NULL ||
                         (kn_compute_since(req, 66) && kn_rest_asked(l, "changes-before", 0) != NULL);
    const bool may = kn_policy_allows(KN_NOVA_SERVERS_DELETED, &req->caller, NULL);
    bool wanted = may && query_deleted(l, "deleted", false);

    if (status != NULL && kn_server_states_of(status, vm, KN_COUNT(vm)) == 1 && strcmp(vm[0], "deleted") == 0) {
        if (!may) {
            return kn_fail(err, KN_FORBIDDEN, "Only administrators may list deleted instances");
        }
        wanted = true;
    }
    if (wanted) {
        kn_rest_text(&l->query, query_deleted(l, "soft_deleted", true)
                                    ? " AND (s.deleted_at IS NOT NULL OR s.vm_state = 'soft-delete')"
                                    : " AND s.deleted_at IS NOT NULL");
    } else if (!changes || (may && kn_rest_asked(l, "deleted", 0) != NULL)) {
        kn_rest_text(&l->query, " AND s.deleted_at IS NULL");
        kn_rest_text(&l->query,
                     may && query_deleted(l, "soft_deleted", false) ? "" : " AND s.vm_state <> 'soft-delete'");
    }
    return 0;
}

static int check_sort_keys(const struct kn_rest_list *l, struct kn_error *err)
{
    const char *key;

    for (int i = 0; (key = kn_rest_asked(l, "sort_key", i)) != NULL; i++) {
        if (!kn_policy_allows(KN_NOVA_SERVERS_SORT_HOST, &l->req->caller, NULL) &&
            (strcmp(key, "host") == 0 || strcmp(key, "node") == 0)) {
            return kn_fail(err, KN_FORBIDDEN, "Only administrators can sort servers by %s", key);
        }
    }
    return 0;
}

int kn_compute_server_narrow(struct kn_rest_list *l, struct kn_error *err)
{
    return add_project(l, err) < 0 || add_deleted(l, err) < 0 ? -1 : check_sort_keys(l, err);
}
