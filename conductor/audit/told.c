/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hosts say that they were told of networks, held against the rows: the version, and of each kind how many there are and which. kilonova-network tells
 * (network/serve/state.c); nobody reads its tables here but to compare.
 */
#include <string.h>

#include "conductor/audit/told.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define IDS(id) "coalesce(sum(('x' || left(" id "::text, 8))::bit(32)::bigint), 0)"
#define MACS(mac) "coalesce(sum(('x' || right(replace(" mac "::text, ':', ''), 8))::bit(32)::bigint), 0)"

/* Of each host that hears of networks what it must have, and the version that it was told. A host whose changes wait is passed over: it is about to hear. */
/* clang-format off */
static const struct kn_stmt TOLD = { "audit_told",
    "WITH hears AS (SELECT host, version FROM host_network_state WHERE NOT EXISTS (SELECT 1 FROM network_change WHERE aside IS NULL)) "
    "SELECT s.host, '' AS kind, s.version AS count, 0 AS ids, 0 AS macs FROM hears s "
    "UNION ALL SELECT s.host, 'port', count(*), " IDS("p.id") ", " MACS("p.mac") " FROM hears s JOIN port_binding b ON b.host = s.host JOIN port p ON p.id = b.port_id GROUP BY s.host "
    "UNION ALL SELECT s.host, o.kind, count(*), " IDS("o.id") ", 0 FROM hears s JOIN host_network_object o ON o.host = s.host AND o.kind <> 'remote' GROUP BY s.host, o.kind "
    "UNION ALL SELECT s.host, 'peer', count(*), " IDS("p.id") ", " MACS("p.mac") " FROM hears s JOIN host_network_object o ON o.host = s.host AND o.kind = 'network' "
    "JOIN port p ON p.network_id = o.id JOIN port_binding b ON b.port_id = p.id AND b.state = 'active' AND b.host <> s.host JOIN host h ON h.name = b.host AND h.underlay <> '' GROUP BY s.host", 0 };
/* clang-format on */
enum { T_HOST, T_KIND, T_COUNT, T_IDS, T_MACS };

/* A kind that is compared; of others the rows alone do not say who must have them. */
static bool is_compared(const char *kind)
{
    static const char *const KINDS[] = { "network", "port", "peer", "group", "addresses", "policy", "router" };

    for (size_t i = 0; i < KN_COUNT(KINDS); i++) {
        if (strcmp(KINDS[i], kind) == 0) {
            return true;
        }
    }
    return false;
}

static char *told_key(const char *host, const char *kind)
{
    return kn_asprintf("%s/%s", host, kind);
}

static char *told_text(int64_t count, int64_t ids, int64_t macs)
{
    return kn_asprintf("%lld, ids %lld, MACs %lld", (long long)count, (long long)ids, (long long)macs);
}

/* What is compared is taken out of `wanted`: what is left there the host does not have at all. */
static void told_compare_kind(struct kn_hmap *wanted, const char *host, const json_t *has, json_t *findings)
{
    AUTO_FREE char *key = told_key(host, kn_json_str(has, "kind"));
    AUTO_FREE char *text = told_text(kn_json_int(has, "count"), kn_json_int(has, "ids"), kn_json_int(has, "macs"));
    const char *rows = kn_hmap_get(wanted, key);

    if (!is_compared(kn_json_str(has, "kind"))) {
        return;
    }
    if (rows == NULL || strcmp(rows, text) != 0) {
        json_array_append_new(findings, json_sprintf("host %s knows of kind %s: %s; the rows say: %s", host,
                                                     kn_json_str(has, "kind"), text, rows != NULL ? rows : "none"));
    }
    kn_hmap_del(wanted, key);
}

static void told_compare_host(struct kn_hmap *wanted, const char *host, const json_t *networks, json_t *findings)
{
    AUTO_FREE char *prefix = told_key(host, "");
    const char *rows = kn_hmap_get(wanted, prefix);
    AUTO_FREE char *version = told_text(kn_json_int(networks, "version"), 0, 0);
    const json_t *item;
    const char *key;
    void *value;
    size_t i;

    if (networks == NULL || rows == NULL) {
        return; /* it hears nothing of networks, or is about to hear */
    }
    if (strcmp(rows, version) != 0) {
        json_array_append_new(findings,
                              json_sprintf("host %s knows version %lld, and was told %.*s", host,
                                           (long long)kn_json_int(networks, "version"), (int)strcspn(rows, ","), rows));
    }
    kn_hmap_del(wanted, prefix);
    json_array_foreach (json_object_get(networks, "kinds"), i, item) {
        told_compare_kind(wanted, host, item, findings);
    }
    for (size_t at = 0; kn_hmap_next(wanted, &at, &key, &value);) {
        if (strncmp(key, prefix, strlen(prefix)) == 0) {
            json_array_append_new(findings, json_sprintf("host %s knows nothing of kind %s; the rows say: %s", host,
                                                         key + strlen(prefix), (const char *)value));
        }
    }
    json_array_foreach (json_object_get(networks, "broken"), i, item) {
        json_array_append_new(findings, json_sprintf("host %s has network or router %s not as it should be", host,
                                                     json_string_value(item)));
    }
}

json_t *kn_conductor_audit_told(struct kn_db *db, const json_t *answers, struct kn_error *err)
{
    AUTO(kn_hmap) struct kn_hmap *wanted = kn_hmap_new(free);
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    json_t *findings, *answer;
    const char *host;

    if (kn_db_run(db, &TOLD, KN_NO_ARGS, &rows, err) < 0) {
        return NULL;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        AUTO_FREE char *key = told_key(kn_rows_text(rows, row, T_HOST), kn_rows_text(rows, row, T_KIND));

        kn_hmap_put(wanted, key,
                    told_text(kn_rows_int(rows, row, T_COUNT), kn_rows_int(rows, row, T_IDS),
                              kn_rows_int(rows, row, T_MACS)));
    }
    findings = json_array();
    json_object_foreach ((json_t *)(uintptr_t)answers, host, answer) {
        told_compare_host(wanted, host, json_object_get(answer, "networks"), findings);
    }
    return findings;
}
