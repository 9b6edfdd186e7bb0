/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns table console_token. A token is used by deleting its row, so of two who come with the same one a single one gets in, whichever API they ask; it is good for
 * the server on the host where it was, and a server that moved or went has no use for it.
 */
#include "compute/rows/console.h"

#include <string.h>

#include "compute/api.h"
#include "lib/adapter/db.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"

#define TOKEN_BYTES 32

/* The newest of a server stay: whoever asks for ever fills nothing. */
static const struct kn_stmt GRANT = {
    "console_grant",
    "WITH old AS (DELETE FROM console_token WHERE hash IN (SELECT hash FROM console_token WHERE server_id = $2 "
    "ORDER BY created_at DESC OFFSET $5::int)) "
    "INSERT INTO console_token (hash, server_id, host, type, project_id, mark, expires_at) "
    "SELECT $1, s.id, s.host, $3, s.project_id, $4, clock_timestamp() + interval '60 seconds' FROM server s "
    "WHERE s.id = $2 AND s.host IS NOT NULL AND s.deleted_at IS NULL",
    5
};
#define ALIVE \
    "t.hash = $1 AND t.expires_at > clock_timestamp() AND s.id = t.server_id AND s.host = t.host AND s.deleted_at IS NULL"
static const struct kn_stmt LOOK = { "console_look",
                                     "SELECT t.server_id, t.host, t.type FROM console_token t, server s WHERE " ALIVE,
                                     1 };
enum { TAKE_SERVER, TAKE_HOST, TAKE_AGENT, TAKE_PROJECT, TAKE_TYPE, TAKE_GENERATION, TAKE_MARK };
static const struct kn_stmt TAKE = {
    "console_take",
    "DELETE FROM console_token t USING server s, host h WHERE " ALIVE " AND h.name = s.host "
    "RETURNING t.server_id, t.host, h.agent_id, t.project_id, t.type, s.generation, t.mark",
    1
};
static const struct kn_stmt TIDY = { "console_tidy", "DELETE FROM console_token WHERE expires_at < clock_timestamp()",
                                     0 };
/* Of pairs (server, host), those that are so no longer. */
enum { OVER_SERVER, OVER_HOST };
static const struct kn_stmt OVER = {
    "console_over",
    "SELECT o.id, o.host FROM unnest($1::uuid[], $2::text[]) o(id, host) WHERE NOT EXISTS "
    "(SELECT FROM server s WHERE s.id = o.id AND s.host = o.host AND s.deleted_at IS NULL "
    "AND s.task_state IS DISTINCT FROM 'deleting')",
    2
};

int kn_compute_console_grant(struct kn_db *db, const char *server, const char *type, const char *mark,
                             char ret_token[KN_CONSOLE_TOKEN_SIZE], struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf token = KN_STRBUF_INIT;
    uint8_t raw[TOKEN_BYTES];
    char hash[KN_SHA256_HEX];
    struct kn_arg others;
    int64_t made = 0;

    kn_random(raw, sizeof(raw));
    kn_base64url_add(&token, raw, sizeof(raw));
    kn_sha256_hex(token.buf, token.len, hash);
    if (kn_db_change(db, &GRANT, KN_ARGS(hash, server, type, mark, kn_arg_int(&others, KN_MAX_CONSOLE_TOKENS - 1)),
                     &made, err) < 0) {
        return -1;
    }
    kn_copy(ret_token, KN_CONSOLE_TOKEN_SIZE, token.buf);
    return made > 0 ? 0 : kn_fail(err, KN_CONFLICT, "Instance %s is not ready", server);
}

int kn_compute_console_look(struct kn_db *db, const char *token, struct kn_rows **ret, struct kn_error *err)
{
    char hash[KN_SHA256_HEX];

    kn_sha256_hex(token, strlen(token), hash);
    return kn_db_run(db, &LOOK, KN_ARGS(hash), ret, err);
}

int kn_compute_console_take(struct kn_db *db, const char *token, struct kn_compute_console *ret, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char hash[KN_SHA256_HEX];

    kn_sha256_hex(token, strlen(token), hash);
    if (kn_db_run(db, &TAKE, KN_ARGS(hash), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "the token is unknown, was used, or its time is over");
    }
    kn_copy(ret->server, sizeof(ret->server), kn_rows_text(rows, 0, TAKE_SERVER));
    kn_copy(ret->host, sizeof(ret->host), kn_rows_text(rows, 0, TAKE_HOST));
    kn_copy(ret->agent, sizeof(ret->agent), kn_rows_text(rows, 0, TAKE_AGENT));
    kn_copy(ret->project, sizeof(ret->project), kn_rows_text(rows, 0, TAKE_PROJECT));
    kn_copy(ret->type, sizeof(ret->type), kn_rows_text(rows, 0, TAKE_TYPE));
    ret->generation = kn_rows_int(rows, 0, TAKE_GENERATION);
    kn_copy(ret->mark, sizeof(ret->mark), kn_rows_text(rows, 0, TAKE_MARK));
    return 0;
}

int kn_compute_consoles_tidy(struct kn_db *db, struct kn_error *err)
{
    return kn_db_run(db, &TIDY, KN_NO_ARGS, NULL, err);
}

int kn_compute_consoles_over(struct kn_db *db, const char *const *servers, const char *const *hosts, size_t count,
                             void (*over)(void *ctx, const char *server, const char *host), void *ctx,
                             struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT, names = KN_ARRAY_INIT;

    for (size_t i = 0; i < count; i++) {
        kn_array_add(&ids, servers[i]);
        kn_array_add(&names, hosts[i]);
    }
    if (kn_db_run(db, &OVER, KN_ARGS(kn_array_value(&ids), kn_array_value(&names)), &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        over(ctx, kn_rows_text(rows, i, OVER_SERVER), kn_rows_text(rows, i, OVER_HOST));
    }
    return 0;
}
