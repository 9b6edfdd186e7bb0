/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The SQL and the rules of aggregates' hosts and words. A server's zone is its host's and never changes under it: whoever would move a host with servers
 * into another zone is refused. Who sees aggregates and in which shape is compute/api/aggregates.c's.
 */
#include "compute/rows/aggregate.h"

#include <string.h>

#include "lib/adapter/batch.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/domain/limits.h"
#include "lib/domain/message.h"

/* clang-format off */
static const struct kn_stmt NUMBER = { "aggregate_number", "SELECT nextval(pg_get_serial_sequence('aggregate', 'id'))", 0 };
enum { N_NUMBER };
static const struct kn_stmt COUNT_ON = { "aggregate_count_on", "UPDATE aggregate_change SET version = version + 1", 0 };
/* clang-format on */
static const struct kn_stmt LOOK = {
    "aggregate_look",
    "SELECT a.name, coalesce(a.metadata->>'" KN_AGGREGATE_ZONE "', ''), a.metadata, "
    "ARRAY(SELECT h.host FROM aggregate_host h WHERE h.aggregate_id = a.id)::text FROM aggregate a WHERE a.id = $1",
    1
};
enum { L_NAME, L_ZONE, L_METADATA, L_HOSTS };
/* Of the hosts $1: zones that other aggregates than $2 give them, but for $3, and how many servers hold places there. */
static const struct kn_stmt JUDGE = {
    "aggregate_judge",
    "SELECT (SELECT string_agg(DISTINCT quote_literal(a.metadata->>'" KN_AGGREGATE_ZONE
    "'), ', ') FROM aggregate_host h "
    "JOIN aggregate a ON a.id = h.aggregate_id WHERE h.host = ANY($1::text[]) AND a.id <> $2::int AND a.metadata ? '" KN_AGGREGATE_ZONE
    "' AND a.metadata->>'" KN_AGGREGATE_ZONE "' <> $3), "
    "(SELECT count(DISTINCT server_id) FROM allocation WHERE host = ANY($1::text[]))",
    3
};
enum { J_ELSEWHERE, J_SERVERS };
/* A host: its zone, and the one it has without the aggregate $2. */
static const struct kn_stmt HOST = {
    "aggregate_host_look",
    "SELECT coalesce(h.aggregate_zone, h.zone), coalesce((SELECT min(a.metadata->>'" KN_AGGREGATE_ZONE
    "') FROM aggregate_host o JOIN aggregate a ON a.id = o.aggregate_id WHERE o.host = h.name AND a.id <> $2::int), h.zone), "
    "EXISTS (SELECT FROM aggregate_host o WHERE o.host = h.name AND o.aggregate_id = $2::int) FROM host h WHERE h.name = $1",
    2
};
enum { H_ZONE, H_ZONE_WITHOUT, H_IS_IN };
/* clang-format off */
static const struct kn_stmt ADD = { "aggregate_add", "INSERT INTO aggregate_host (aggregate_id, host) VALUES ($1, $2)", 2 };
static const struct kn_stmt REMOVE = { "aggregate_remove", "DELETE FROM aggregate_host WHERE aggregate_id = $1 AND host = $2", 2 };
/* clang-format on */
static const struct kn_stmt WRITE = {
    "aggregate_write",
    "UPDATE aggregate SET name = coalesce($2, name), metadata = coalesce($3::jsonb, metadata), updated_at = now() WHERE id = $1",
    3
};
static const struct kn_stmt SETTLE = {
    "aggregate_settle",
    "UPDATE host h SET aggregate_zone = z.zone, updated_at = now() FROM (SELECT n.name, (SELECT min(a.metadata->>'" KN_AGGREGATE_ZONE
    "') FROM aggregate_host o JOIN aggregate a ON a.id = o.aggregate_id WHERE o.host = n.name) AS zone FROM unnest($1::text[]) n (name)) z "
    "WHERE h.name = z.name AND h.aggregate_zone IS DISTINCT FROM z.zone",
    1
};

/* One change: the aggregate as it was when nobody else could change any. */
struct aggregate_change {
    struct kn_db *db;
    const char *id;
    struct kn_tx tx;
    struct kn_rows *rows;
};

static void aggregate_change_release(struct aggregate_change *c)
{
    kn_rows_free(c->rows);
    kn_tx_release(&c->tx);
}

int kn_compute_aggregate_number(struct kn_db *db, char ret[24], struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &NUMBER, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    kn_copy(ret, 24, kn_rows_text(rows, 0, N_NUMBER));
    return 0;
}

static int aggregate_begin(struct aggregate_change *c, struct kn_error *err)
{
    if (kn_tx_begin(&c->tx, c->db, err) < 0 || kn_db_run(c->db, &COUNT_ON, KN_NO_ARGS, NULL, err) < 0 ||
        kn_db_run(c->db, &LOOK, KN_ARGS(c->id), &c->rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(c->rows) == 0 ? kn_fail(err, KN_NOT_FOUND, "Aggregate %.20s could not be found.", c->id) : 0;
}

/* Its hosts, or this one beside them, are in the zones that aggregates now say. */
static int aggregate_end(struct aggregate_change *c, const char *hosts, struct kn_error *err)
{
    return kn_db_run(c->db, &SETTLE, KN_ARGS(hosts), NULL, err) < 0 ? -1 : kn_tx_commit(&c->tx, err);
}

static const char *aggregate_was(const struct aggregate_change *c, int column)
{
    return kn_rows_text(c->rows, 0, column);
}

/* --- hosts --- */

static int aggregate_servers(struct aggregate_change *c, const char *hosts, const char *zone, struct kn_rows **ret,
                             struct kn_error *err)
{
    return kn_db_run(c->db, &JUDGE, KN_ARGS(hosts, c->id, zone), ret, err);
}

static int refuse_move(const struct aggregate_change *c, const char *verb, const char *word, const char *from,
                       const char *to, int64_t servers, struct kn_error *err)
{
    return kn_fail(
        err, KN_CONFLICT,
        "Cannot %s aggregate %s. Reason: The host cannot be %s the aggregate as the availability zone of the host would change "
        "from '%s' to '%s' but the host already has %lld instance(s). Changing the AZ of an existing instance is not supported by "
        "this action. Move the instances away from this host then try again. If you need to move the instances between AZs then "
        "you can use shelve_offload and unshelve to achieve this..",
        verb, c->id, word, from, to, (long long)servers);
}

static int may_add(struct aggregate_change *c, const char *host, const char *hosts, struct kn_error *err)
{
    const char *zone = aggregate_was(c, L_ZONE);
    AUTO(kn_rows) struct kn_rows *known = NULL;
    AUTO(kn_rows) struct kn_rows *judged = NULL;

    if (kn_db_run(c->db, &HOST, KN_ARGS(host, c->id), &known, err) < 0 ||
        aggregate_servers(c, hosts, zone, &judged, err) < 0) {
        return -1;
    }
    if (kn_rows_count(known) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Compute host %.255s could not be found.", host);
    }
    if (*zone != '\0' && !kn_rows_null(judged, 0, J_ELSEWHERE)) {
        return kn_fail(
            err, KN_CONFLICT,
            "Cannot add host to aggregate %s. Reason: One or more hosts already in availability zone(s) [%s].", c->id,
            kn_rows_text(judged, 0, J_ELSEWHERE));
    }
    if (*zone != '\0' && strcmp(zone, kn_rows_text(known, 0, H_ZONE)) != 0 && kn_rows_int(judged, 0, J_SERVERS) > 0) {
        return refuse_move(c, "add host to", "added to", kn_rows_text(known, 0, H_ZONE), zone,
                           kn_rows_int(judged, 0, J_SERVERS), err);
    }
    return kn_rows_bool(known, 0, H_IS_IN)
               ? kn_fail(err, KN_CONFLICT, "Aggregate %s already has host %.255s.", c->id, host)
               : 0;
}

static int may_remove(struct aggregate_change *c, const char *host, const char *hosts, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *known = NULL;
    AUTO(kn_rows) struct kn_rows *judged = NULL;

    if (kn_db_run(c->db, &HOST, KN_ARGS(host, c->id), &known, err) < 0 ||
        aggregate_servers(c, hosts, "", &judged, err) < 0) {
        return -1;
    }
    if (kn_rows_count(known) == 0 || !kn_rows_bool(known, 0, H_IS_IN)) {
        return kn_fail(err, KN_NOT_FOUND, "Cannot remove host %.255s in aggregate %s", host, c->id);
    }
    if (strcmp(kn_rows_text(known, 0, H_ZONE), kn_rows_text(known, 0, H_ZONE_WITHOUT)) != 0 &&
        kn_rows_int(judged, 0, J_SERVERS) > 0) {
        return refuse_move(c, "remove host from", "removed from", kn_rows_text(known, 0, H_ZONE),
                           kn_rows_text(known, 0, H_ZONE_WITHOUT), kn_rows_int(judged, 0, J_SERVERS), err);
    }
    return 0;
}

static int change_hosts(struct kn_db *db, const char *id, const char *host, bool adds, struct kn_error *err)
{
    AUTO_RELEASE(aggregate_change) struct aggregate_change c = { .db = db, .id = id };
    AUTO_RELEASE(kn_array) struct kn_array one = KN_ARRAY_INIT;

    kn_array_add(&one, host);
    if (aggregate_begin(&c, err) < 0 || (adds ? may_add : may_remove)(&c, host, kn_array_value(&one), err) < 0 ||
        kn_db_run(db, adds ? &ADD : &REMOVE, KN_ARGS(id, host), NULL, err) < 0 ||
        kn_db_run(db, &WRITE, KN_ARGS(id, NULL, NULL), NULL, err) < 0) {
        return -1;
    }
    return aggregate_end(&c, kn_array_value(&one), err);
}

int kn_compute_aggregate_add_host(struct kn_db *db, const char *id, const char *host, struct kn_error *err)
{
    return change_hosts(db, id, host, true, err);
}

int kn_compute_aggregate_remove_host(struct kn_db *db, const char *id, const char *host, struct kn_error *err)
{
    return change_hosts(db, id, host, false, err);
}

/* --- words --- */

/* verb: "update", "update metadata of". zone NULL: it is said to be none. */
static int may_rezone(struct aggregate_change *c, const char *verb, const char *zone, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *judged = NULL;

    if (zone == NULL || *zone == '\0') {
        return kn_fail(
            err, KN_BAD_REQUEST,
            "Cannot %s aggregate %s. Reason: Aggregate %.255s does not support empty named availability zone.", verb,
            c->id, aggregate_was(c, L_NAME));
    }
    if (aggregate_servers(c, aggregate_was(c, L_HOSTS), zone, &judged, err) < 0) {
        return -1;
    }
    if (!kn_rows_null(judged, 0, J_ELSEWHERE)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Cannot %s aggregate %s. Reason: One or more hosts already in availability zone(s) [%s].", verb,
                       c->id, kn_rows_text(judged, 0, J_ELSEWHERE));
    }
    if (strcmp(zone, aggregate_was(c, L_ZONE)) != 0 && kn_rows_int(judged, 0, J_SERVERS) > 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Cannot %s aggregate %s. Reason: One or more hosts contain instances in this zone.", verb,
                       c->id);
    }
    return 0;
}

/* The words as they will be; heap. KN_BAD_REQUEST: too many. */
static int lay_words(const struct aggregate_change *c, const json_t *words, char **ret, struct kn_error *err)
{
    json_auto_t *whole = json_loads(aggregate_was(c, L_METADATA), 0, NULL);
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)words, key, value) {
        if (json_is_null(value)) {
            json_object_del(whole, key);
        } else {
            json_object_set(whole, key, value);
        }
    }
    if (json_object_size(whole) > KN_MAX_AGGREGATE_METADATA) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Cannot update metadata of aggregate %s. Reason: it would have more than %d keys.", c->id,
                       KN_MAX_AGGREGATE_METADATA);
    }
    *ret = json_dumps(whole, JSON_COMPACT);
    return 0;
}

static int write_words(struct aggregate_change *c, const char *verb, const char *name, const json_t *words,
                       struct kn_error *err)
{
    const json_t *zone = json_object_get(words, KN_AGGREGATE_ZONE);
    AUTO_FREE char *whole = NULL;

    if ((zone != NULL && may_rezone(c, verb, json_string_value(zone), err) < 0) ||
        lay_words(c, words, &whole, err) < 0) {
        return -1;
    }
    if (kn_db_run(c->db, &WRITE, KN_ARGS(c->id, name, whole), NULL, err) < 0) {
        return err->code == KN_CONFLICT ? kn_fail(err, KN_CONFLICT, "Aggregate %.255s already exists.", name) : -1;
    }
    return aggregate_end(c, aggregate_was(c, L_HOSTS), err);
}

int kn_compute_aggregate_set_metadata(struct kn_db *db, const char *id, const json_t *words, struct kn_error *err)
{
    AUTO_RELEASE(aggregate_change) struct aggregate_change c = { .db = db, .id = id };

    return aggregate_begin(&c, err) < 0 ? -1 : write_words(&c, "update metadata of", NULL, words, err);
}

int kn_compute_aggregate_update(struct kn_db *db, const char *id, const struct kn_compute_aggregate_update *update,
                                struct kn_error *err)
{
    AUTO_RELEASE(aggregate_change) struct aggregate_change c = { .db = db, .id = id };
    json_auto_t *words = json_object();

    if (update->has_zone) {
        json_object_set_new(words, KN_AGGREGATE_ZONE, update->zone != NULL ? json_string(update->zone) : json_null());
    }
    return aggregate_begin(&c, err) < 0 ? -1 : write_words(&c, "update", update->name, words, err);
}
