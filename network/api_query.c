/* SPDX-License-Identifier: Apache-2.0 */
/* api_query.c: collects parameters; what a client wrote never becomes part of the SQL text. */
#include "network/api_query.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "network/host_nic.h"
#include "network/ipam.h"

void kn_query_release(struct kn_query *query)
{
    kn_strbuf_release(&query->sql);
    for (int i = 0; i < query->count && i < KN_QUERY_ARGS; i++) {
        free(query->args[i]);
    }
    query->count = 0;
}

int kn_query_value(struct kn_query *query, const char *value)
{
    if (query->count < KN_QUERY_ARGS) {
        query->args[query->count] = kn_strdup(value);
    }
    return ++query->count;
}

static bool is_cidr(const char *text)
{
    char ip[KN_IPV4_SIZE];
    const char *slash = strchr(text, '/');
    uint32_t number;

    if (slash == NULL || (size_t)(slash - text) >= sizeof(ip) || strlen(slash + 1) > 2 || slash[1] == '\0' ||
        strspn(slash + 1, "0123456789") != strlen(slash + 1) || strtol(slash + 1, NULL, 10) > 32) {
        return false;
    }
    kn_copy(ip, (size_t)(slash - text) + 1, text);
    return kn_ipv4_parse(ip, &number);
}

static bool is_small_integer(const char *text)
{
    return text[0] != '\0' && strlen(text) <= 9 && strspn(text, "0123456789") == strlen(text);
}

/* Would PostgreSQL take the value as one of the type? Otherwise it equals nothing. */
static bool fits(const char *type, const char *value)
{
    uint8_t mac[6];
    uint32_t ip;

    if (strcmp(type, "uuid") == 0) {
        return kn_uuid_valid(value);
    }
    if (strcmp(type, "inet") == 0) {
        return kn_ipv4_parse(value, &ip);
    }
    if (strcmp(type, "cidr") == 0) {
        return is_cidr(value);
    }
    if (strcmp(type, "macaddr") == 0) {
        return kn_mac_parse(value, mac);
    }
    return strcmp(type, "integer") != 0 || is_small_integer(value);
}

static int boolean_filter(struct kn_query *query, const struct kn_request *req, const struct kn_column *column,
                          struct kn_error *err)
{
    bool value = false;

    if (kn_request_query_bool(req, column->name, false, &value, err) < 0) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for %s. Reason: '%.64s' cannot be converted to boolean.",
                       column->name, kn_request_query(req, column->name));
    }
    kn_strbuf_addf(&query->sql, " AND (%s) = $%d::boolean", column->sql, kn_query_value(query, value ? "t" : "f"));
    return 0;
}

int kn_query_filter(struct kn_query *query, const struct kn_request *req, const struct kn_column *column,
                    struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array values = KN_ARRAY_INIT;
    const char *value;

    if (strcmp(column->type, "boolean") == 0) {
        return boolean_filter(query, req, column, err);
    }
    for (int i = 0; (value = kn_request_query_at(req, column->name, i)) != NULL; i++) {
        if (fits(column->type, value)) {
            kn_array_add(&values, value);
        }
    }
    kn_strbuf_addf(&query->sql, " AND (%s) = ANY($%d::%s[])", column->sql, kn_query_value(query, kn_array_value(&values)),
                   column->type);
    return 0;
}

int kn_query_run(struct kn_query *query, struct kn_db *db, struct kn_rows **ret_rows, struct kn_error *err)
{
    const char *args[KN_QUERY_ARGS];

    if (query->count > KN_QUERY_ARGS) {
        return kn_fail(err, KN_BAD_REQUEST, "too many filters");
    }
    for (int i = 0; i < query->count; i++) {
        args[i] = query->args[i];
    }
    return kn_db_query(db, query->sql.buf, query->count, args, ret_rows, err);
}
