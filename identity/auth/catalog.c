/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the process's copy of the catalog and its JSON. Rows of the copy are immutable: a refresh puts new ones in their place. It
 * must never make a login wait for the database.
 */
#include "identity/auth/catalog.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

static const struct kn_stmt VERSION = { "catalog_version", "SELECT version FROM catalog_version", 0 };
enum version_column { VERSION_NUMBER };
/* The version first: what changes in between is read again. */
static const struct kn_stmt READ = {
    "catalog_read",
    "SELECT s.id, s.type, s.name, e.id, e.interface, e.region_id, e.url FROM catalog_service s "
    "LEFT JOIN catalog_endpoint e ON e.service_id = s.id AND e.enabled WHERE s.enabled "
    "ORDER BY s.type, s.id, e.region_id, e.interface, e.id",
    0
};

enum read_column {
    SERVICE_ID,
    SERVICE_TYPE,
    SERVICE_NAME,
    ENDPOINT_ID,
    ENDPOINT_INTERFACE,
    ENDPOINT_REGION,
    ENDPOINT_URL
};

struct kn_identity_catalog_copy {
    pthread_rwlock_t lock;
    struct kn_rows *rows; /* guarded by lock; NULL = nothing was read yet */
    int64_t version;      /* guarded by lock */
};

struct kn_identity_catalog_copy *kn_identity_catalog_copy_new(void)
{
    struct kn_identity_catalog_copy *copy = KN_NEW(struct kn_identity_catalog_copy);

    pthread_rwlock_init(&copy->lock, NULL);
    return copy;
}

void kn_identity_catalog_copy_free(struct kn_identity_catalog_copy *copy)
{
    if (copy != NULL) {
        kn_rows_free(copy->rows);
        pthread_rwlock_destroy(&copy->lock);
        free(copy);
    }
}

int kn_identity_catalog_copy_refresh(struct kn_identity_catalog_copy *copy, struct kn_db *db, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *version = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &VERSION, KN_NO_ARGS, &version, err) < 0) {
        return -1;
    }
    pthread_rwlock_rdlock(&copy->lock);
    bool fresh = copy->rows != NULL && copy->version == kn_rows_int(version, 0, VERSION_NUMBER);
    pthread_rwlock_unlock(&copy->lock);
    if (fresh) {
        return 0;
    }
    if (kn_db_run(db, &READ, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        kn_log(KN_WARNING, "the catalog is empty: kilonova bootstrap fills it", NULL);
    }
    pthread_rwlock_wrlock(&copy->lock);
    struct kn_rows *old = copy->rows;
    copy->rows = kn_steal(&rows);
    copy->version = kn_rows_int(version, 0, VERSION_NUMBER);
    pthread_rwlock_unlock(&copy->lock);
    kn_rows_free(old);
    return 0;
}

/* --- URLs --- */

static bool catalog_is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

/* What $(word)s stands for; NULL = nobody knows. */
static const char *meaning(const struct kn_identity_catalog *c, const char *word, size_t len)
{
    if (catalog_is_word(word, len, "project_id") || catalog_is_word(word, len, "tenant_id")) {
        return c->project_id;
    }
    return catalog_is_word(word, len, "user_id")           ? c->user_id
           : catalog_is_word(word, len, "public_endpoint") ? c->url
                                                           : NULL;
}

bool kn_identity_catalog_url_fill(const struct kn_identity_catalog *c, const char *template, struct kn_strbuf *out)
{
    for (const char *at = template; *at != '\0';) {
        if ((*at != '$' && *at != '%') || at[1] != '(') {
            kn_strbuf_addch(out, *at++);
            continue;
        }
        const char *word = at + 2, *close = strchr(word, ')');
        if (close == NULL || close[1] != 's') {
            return false;
        }
        const char *value = meaning(c, word, (size_t)(close - word));
        bool left_out = value != NULL && value[0] == '\0' && close[2] == '\0' && out->len > 0 &&
                        out->buf[out->len - 1] == '/';
        if (left_out) {
            out->buf[--out->len] = '\0';
        } else if (value == NULL || value[0] == '\0') {
            return false;
        } else {
            kn_strbuf_addstr(out, value);
        }
        at = close + 2;
    }
    return true;
}

/* --- JSON --- */

static void write_endpoint(struct kn_strbuf *sb, const struct kn_identity_catalog *c, const struct kn_rows *rows,
                           int row)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;

    if (kn_rows_null(rows, row, ENDPOINT_ID) ||
        !kn_identity_catalog_url_fill(c, kn_rows_text(rows, row, ENDPOINT_URL), &url)) {
        return;
    }
    kn_jsonw_object(sb, NULL);
    kn_jsonw_str(sb, "id", kn_rows_str(rows, row, ENDPOINT_ID));
    kn_jsonw_str(sb, "interface", kn_rows_str(rows, row, ENDPOINT_INTERFACE));
    kn_jsonw_str(sb, "region", kn_rows_str(rows, row, ENDPOINT_REGION));
    kn_jsonw_str(sb, "region_id", kn_rows_str(rows, row, ENDPOINT_REGION));
    kn_jsonw_str(sb, "url", url.buf);
    kn_jsonw_end_object(sb);
}

/* The service of this row with the endpoints of this row and those behind it; the first row of the next service. */
static int write_service(struct kn_strbuf *sb, const struct kn_identity_catalog *c, const struct kn_rows *rows, int row)
{
    const char *id = kn_rows_text(rows, row, SERVICE_ID);

    kn_jsonw_object(sb, NULL);
    kn_jsonw_str(sb, "id", id);
    kn_jsonw_str(sb, "type", kn_rows_str(rows, row, SERVICE_TYPE));
    kn_jsonw_str(sb, "name", kn_rows_str(rows, row, SERVICE_NAME));
    kn_jsonw_array(sb, "endpoints");
    for (; row < kn_rows_count(rows) && strcmp(id, kn_rows_text(rows, row, SERVICE_ID)) == 0; row++) {
        write_endpoint(sb, c, rows, row);
    }
    kn_jsonw_end_array(sb);
    kn_jsonw_end_object(sb);
    return row;
}

void kn_identity_catalog_copy_write(struct kn_identity_catalog_copy *copy, const struct kn_identity_catalog *c,
                                    const char *key, struct kn_strbuf *sb)
{
    kn_jsonw_array(sb, key);
    pthread_rwlock_rdlock(&copy->lock);
    for (int row = 0; copy->rows != NULL && row < kn_rows_count(copy->rows);) {
        row = write_service(sb, c, copy->rows, row);
    }
    pthread_rwlock_unlock(&copy->lock);
    kn_jsonw_end_array(sb);
}
