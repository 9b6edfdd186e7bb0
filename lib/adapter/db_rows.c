/* SPDX-License-Identifier: Apache-2.0 */
/* What a statement answered: text cells, read by row and column. Pure reading; the cells live in libpq's result. */
#include <stdlib.h>

#include "lib/adapter/db_private.h"
#include "lib/base/mem.h"

struct kn_rows {
    PGresult *result;
};

struct kn_rows *kn_rows_new(PGresult *result)
{
    struct kn_rows *rows = KN_NEW(struct kn_rows);

    rows->result = result;
    return rows;
}

void kn_rows_free(struct kn_rows *rows)
{
    if (rows != NULL) {
        PQclear(rows->result);
        free(rows);
    }
}

int kn_rows_count(const struct kn_rows *rows)
{
    return PQntuples(rows->result);
}

bool kn_rows_null(const struct kn_rows *rows, int row, int col)
{
    return PQgetisnull(rows->result, row, col) == 1;
}

const char *kn_rows_str(const struct kn_rows *rows, int row, int col)
{
    return kn_rows_null(rows, row, col) ? NULL : PQgetvalue(rows->result, row, col);
}

const char *kn_rows_text(const struct kn_rows *rows, int row, int col)
{
    return PQgetvalue(rows->result, row, col); /* "" if NULL: libpq's promise */
}

int64_t kn_rows_int(const struct kn_rows *rows, int row, int col)
{
    return strtoll(kn_rows_text(rows, row, col), NULL, 10);
}

bool kn_rows_bool(const struct kn_rows *rows, int row, int col)
{
    return kn_rows_text(rows, row, col)[0] == 't';
}

int kn_rows_col(const struct kn_rows *rows, const char *name)
{
    return PQfnumber(rows->result, name);
}
