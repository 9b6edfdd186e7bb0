/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What PostgreSQL says, in our words: a table from SQLSTATE to code. The server's own one-line message stays; the name of a
 * violated constraint is kept for kn_db_constraint().
 */
#include <ctype.h>
#include <string.h>

#include "lib/adapter/db_private.h"
#include "lib/base/mem.h"

/* The longest prefix that fits decides; what no row names is KN_INTERNAL: our own mistake. */
static const struct {
    const char *state;
    enum kn_code code;
} CODES[] = {
    { "08", KN_UNAVAILABLE },    /* connection exceptions */
    { "23503", KN_CONFLICT },    /* foreign key */
    { "23505", KN_CONFLICT },    /* unique */
    { "23514", KN_CONFLICT },    /* check */
    { "23P01", KN_CONFLICT },    /* exclusion */
    { "25006", KN_UNAVAILABLE }, /* read-only: a standby, after a failover */
    { "40", KN_UNAVAILABLE },    /* deadlock, serialization: the same again may work */
    { "53", KN_UNAVAILABLE },    /* too many connections, disk full, out of memory */
    { "55P03", KN_UNAVAILABLE }, /* lock not available */
    { "57", KN_UNAVAILABLE },    /* shutdown, crash, starting up, cancelled */
};

static enum kn_code db_error_code_of(const char *state)
{
    for (size_t i = 0; i < KN_COUNT(CODES); i++) {
        if (strncmp(state, CODES[i].state, strlen(CODES[i].state)) == 0) {
            return CODES[i].code;
        }
    }
    return KN_INTERNAL;
}

/* libpq's messages end in newlines and may have several lines: the first says it. */
static void first_line(char *out, size_t size, const char *text)
{
    kn_copy(out, size, text);
    out[strcspn(out, "\r\n")] = '\0';
}

/* Data exceptions, integrity constraints, program limits. */
static bool is_of_values(const char *state)
{
    return state != NULL &&
           (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0 || strncmp(state, "54", 2) == 0);
}

int kn_db_fail(struct kn_db *db, const PGresult *result, const char *what, struct kn_error *err)
{
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *constraint = result != NULL ? PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME) : NULL;
    char message[512];

    kn_copy(db->constraint, sizeof(db->constraint), constraint != NULL ? constraint : "");
    db->values_at_fault = is_of_values(state) && !kn_db_lost(db);
    if (primary == NULL) {
        primary = db->conn != NULL ? PQerrorMessage(db->conn) : "out of memory";
    }
    first_line(message, sizeof(message), primary);
    if (kn_db_lost(db)) {
        kn_fail(err, KN_UNAVAILABLE, "%s: the database went away: %s", what, message);
    } else {
        kn_fail(err, state != NULL ? db_error_code_of(state) : KN_INTERNAL, "%s: %s", what, message);
    }
    return kn_fail_private(err); /* names the server, statements, constraints */
}

bool kn_db_values_at_fault(const struct kn_db *db)
{
    return db->values_at_fault;
}

const char *kn_db_constraint(const struct kn_db *db)
{
    return db->constraint;
}
