/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the shelves: a shelf is all that is being read just now by statements of one text and of the same values but for the id, so what one of them may see all of
 * them may. As many threads as there is use for run statements of a shelf at once; one more waits to be the next, the heir, and whoever else comes leaves his
 * request with them and goes. Nothing lies on a shelf that nobody will take: while there are requests on it, a thread runs or the heir waits.
 */
#include "lib/rest/together.h"

#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/log_gather.h"
#include "lib/base/mem.h"
#include "lib/rest/manners.h"
#include "lib/rest/type.h"

/* A request that waits; of its own memory. */
struct together_asker {
    struct kn_request *req;
    const char *id;
    struct kn_response *res;      /* NULL: deferred */
    struct together_asker *next;
};

/* Guarded by the lock, but for what is said otherwise. */
struct together_shelf {
    struct together_shelf *next;
    char *key; /* immutable, as the three behind it; what a client sent is in none of its texts, only in its values */
    size_t key_len;
    const struct kn_rest_noun *noun;
    const struct kn_rest_bound *bounds;
    unsigned view;
    struct together_asker *first, **end;
    int most; /* statements at once; immutable */
    int running; /* statements, and one that was left to the heir */
    bool has_heir, inherits; /* a thread waits for the end of one; it came */
    int threads; /* that hold it */
    pthread_cond_t turn; /* the heir's */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long processors; /* 0: not known yet */
static struct together_shelf *shelves; /* few: those that are asked for at this moment */

/*
 * Statements of one shelf at once: half the processors read while the other half takes requests and writes answers, and the fewer there are the more each takes
 * along. With the heir they leave most workers to others.
 */
static int together_most(const struct kn_conf *conf)
{
    const int64_t share = conf->api_threads / 8;

    if (processors == 0) {
        processors = sysconf(_SC_NPROCESSORS_ONLN); /* which reads a file */
    }
    const int64_t half = processors / 2 < share ? processors / 2 : share;

    return half < 1 ? 1 : (int)half;
}

/* --- shelves, under the lock --------------------------------------------------------------------------------------------- */

static void together_key_value(struct kn_strbuf *key, const char *value)
{
    kn_strbuf_addch(key, ' ');
    kn_strbuf_addint(key, (int64_t)strlen(value)); /* so that no two are one text */
    kn_strbuf_addch(key, ' ');
    kn_strbuf_addstr(key, value);
}

/* What makes the statement's text out of the noun and the view, and its values but for the id. The text itself would be two thousand bytes, for every request. */
static void together_key(const struct kn_rest_noun *noun, const struct kn_request *req, unsigned view,
                         const struct kn_rest_bound *bounds, struct kn_strbuf *ret)
{
    kn_rest_shown_key(noun, req, view, ret);
    if (noun->visible != NULL && !kn_rest_reaches_all(req)) {
        together_key_value(ret, req->caller.project_id);
    }
    for (; bounds != NULL && bounds->form != NULL; bounds++) {
        together_key_value(ret, bounds->value != NULL ? bounds->value : "");
    }
}

/* NULL: there is none. */
static struct together_shelf *shelf_at(const struct kn_strbuf *key, const struct kn_rest_noun *noun, unsigned view,
                                       const struct kn_rest_bound *bounds)
{
    struct together_shelf *s = shelves;

    while (s != NULL && (s->noun != noun || s->view != view || s->bounds != bounds || s->key_len != key->len ||
                         memcmp(s->key, key->buf, key->len) != 0)) {
        s = s->next;
    }
    return s;
}

static struct together_shelf *shelf_enter(const struct kn_strbuf *key, const struct kn_rest_noun *noun, unsigned view,
                                          const struct kn_rest_bound *bounds, const struct kn_conf *conf)
{
    struct together_shelf *s = shelf_at(key, noun, view, bounds);

    if (s == NULL) {
        s = KN_NEW(struct together_shelf);
        s->key = kn_strndup(key->buf, key->len);
        s->key_len = key->len;
        s->noun = noun;
        s->view = view;
        s->most = together_most(conf);
        s->bounds = bounds;
        s->end = &s->first;
        pthread_cond_init(&s->turn, NULL);
        s->next = shelves;
        shelves = s;
    }
    s->threads++;
    return s;
}

static void shelf_leave(struct together_shelf *s)
{
    if (--s->threads > 0) {
        return;
    }
    for (struct together_shelf **at = &shelves; *at != NULL; at = &(*at)->next) {
        if (*at == s) {
            *at = s->next;
            break;
        }
    }
    pthread_cond_destroy(&s->turn);
    free(s->key);
    free(s);
}

/* Up to `room` of those that lie there, oldest first. */
static int shelf_take(struct together_shelf *s, struct together_asker **askers, int room)
{
    int count = 0;

    while (s->first != NULL && count < room) {
        askers[count++] = s->first;
        s->first = s->first->next;
    }
    s->end = s->first == NULL ? &s->first : s->end;
    return count;
}

/* A statement ended: the heir reads on while this thread writes. Whoever comes before he woke up cannot overtake him. */
static void shelf_pass(struct together_shelf *s)
{
    if (s->has_heir && !s->inherits) {
        s->inherits = true;
        pthread_cond_signal(&s->turn);
    } else {
        s->running--;
    }
}

/* --- reading ------------------------------------------------------------------------------------------------------------- */

static int together_read(const struct together_shelf *s, struct together_asker *const *askers, int count,
                         struct kn_db *db, struct kn_rows **ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query q = KN_REST_QUERY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;

    if (count == 1) {
        kn_rest_find_sql(s->noun, askers[0]->req, s->view, s->bounds, askers[0]->id, &q);
        return kn_rest_run_again(&q, db, ret, err);
    }
    for (int i = 0; i < count; i++) {
        kn_array_add(&ids, askers[i]->id);
    }
    kn_rest_find_many_sql(s->noun, askers[0]->req, s->view, s->bounds, kn_array_value(&ids), &q);
    return kn_rest_run_again(&q, db, ret, err);
}

static int together_row(const struct kn_rows *rows, const char *id)
{
    for (int row = 0; row < kn_rows_count(rows); row++) {
        if (strcasecmp(kn_rest_id_of(rows, row), id) == 0) {
            return row;
        }
    }
    return -1;
}

/* why: what the statement failed of; NULL: it did not. */
static int together_answer(const struct together_shelf *s, const struct together_asker *asker,
                           const struct kn_rows *rows, const struct kn_error *why, struct kn_error *err)
{
    const int row = why == NULL ? together_row(rows, asker->id) : -1;
    struct kn_response *res = asker->res != NULL ? asker->res : kn_request_response(asker->req);

    if (why != NULL) {
        *err = *why;
        return -1;
    }
    if (row < 0) {
        return kn_rest_not_found(s->noun, asker->id, err);
    }
    kn_rest_write_row(s->noun, asker->req, s->view, rows, row, res);
    return 0;
}

/* Called and left with the lock held. The return value and err are the own request's, if it is among them. */
static int together_run(struct together_shelf *s, struct together_asker *own, struct kn_db *db, struct kn_error *err)
{
    struct together_asker *askers[KN_REST_TOGETHER];
    int count = 0;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error failed = { 0 };
    int rc = 0;

    if (own != NULL) {
        askers[count++] = own;
    }
    count += shelf_take(s, askers + count, KN_REST_TOGETHER - count);
    pthread_mutex_unlock(&lock);
    const int read = together_read(s, askers, count, db, &rows, &failed);
    pthread_mutex_lock(&lock);
    shelf_pass(s);
    pthread_mutex_unlock(&lock);
    kn_log_gather();
    for (int i = 0; i < count; i++) {
        struct kn_error its = { 0 };
        const bool is_own = askers[i]->res != NULL;
        const int told = together_answer(s, askers[i], rows, read < 0 ? &failed : NULL, is_own ? err : &its);

        if (is_own) {
            rc = told;
        } else {
            kn_request_answer(askers[i]->req, told < 0 ? &its : NULL);
        }
    }
    kn_log_let_go();
    pthread_mutex_lock(&lock);
    return rc;
}

/* Whether it lies on the shelf now, and will be answered by who runs a statement there. */
static bool together_lay(struct together_shelf *s, struct kn_request *req, const char *id)
{
    struct together_asker *asker;

    if (s->running < s->most || !s->has_heir) {
        return false;
    }
    asker = kn_request_alloc(req, sizeof(*asker));
    *asker = (struct together_asker){ .req = req, .id = id };
    kn_request_defer(req);
    *s->end = asker;
    s->end = &asker->next;
    return true;
}

/* Until this thread may run a statement. */
static void together_await(struct together_shelf *s)
{
    if (s->running < s->most) {
        s->running++;
        return;
    }
    s->has_heir = true;
    while (!s->inherits) {
        pthread_cond_wait(&s->turn, &lock);
    }
    s->has_heir = s->inherits = false;
}

/* Those that one statement had no room for, and that no heir will find. */
static bool together_lie(const struct together_shelf *s)
{
    return s->first != NULL && !s->has_heir && s->running < s->most;
}

static int together_ask(struct together_shelf *s, struct together_asker *asker, struct kn_db *db, struct kn_error *err)
{
    together_await(s);
    const int rc = together_run(s, asker, db, err);
    while (together_lie(s)) {
        s->running++;
        together_run(s, NULL, db, NULL);
    }
    return rc;
}

int kn_rest_show_together(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, unsigned view,
                          const struct kn_rest_bound *bounds, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf key = KN_STRBUF_INIT;
    struct together_asker asker = { .req = req, .id = id, .res = res };
    struct together_shelf *s;
    int rc = 0;

    if (!kn_rest_fits(noun->id_type, id)) {
        return kn_rest_not_found(noun, id, err);
    }
    together_key(noun, req, view, bounds, &key);
    pthread_mutex_lock(&lock);
    s = shelf_enter(&key, noun, view, bounds, req->conf);
    if (!together_lay(s, req, id)) {
        rc = together_ask(s, &asker, req->db, err);
    }
    shelf_leave(s);
    pthread_mutex_unlock(&lock);
    return rc;
}

bool kn_rest_join_together(const struct kn_rest_noun *noun, struct kn_request *req, const char *id, unsigned view,
                           const struct kn_rest_bound *bounds)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf key = KN_STRBUF_INIT;
    struct together_shelf *s;
    bool lies;

    if (!kn_rest_fits(noun->id_type, id)) {
        return false;
    }
    together_key(noun, req, view, bounds, &key);
    pthread_mutex_lock(&lock);
    s = shelf_at(&key, noun, view, bounds);
    lies = s != NULL && together_lay(s, req, id);
    pthread_mutex_unlock(&lock);
    return lies;
}
