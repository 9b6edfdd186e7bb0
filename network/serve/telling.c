/* SPDX-License-Identifier: Apache-2.0 */
/* telling.c: marks, things and messages. A thing is read and checked once and stands in the messages of all hosts that it is put to. */
#include "network/serve/telling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "network/serve/source.h"

#define KEY_SIZE 64
#define PIECE_BYTES \
    ((size_t)KN_MESSAGE_MAX - 8192) /* less the envelope, its signature and what stands around the lists */
#define DROP_BYTES 80
#define KIND_BYTES 40

/* The values of marks. */
static char PUT, DROP;

struct telling_thing {
    json_t *object; /* NULL: it is gone, or cannot be told */
    size_t bytes;
};

static void telling_thing_free(void *p)
{
    struct telling_thing *thing = p;

    json_decref(thing->object);
    free(thing);
}

static void telling_host_free(void *p)
{
    struct kn_network_telling_host *host = p;

    kn_hmap_free(host->marks);
    free(host->name);
    free(host->agent);
    free(host);
}

void kn_network_telling_init(struct kn_network_telling *telling, bool is_whole)
{
    *telling = (struct kn_network_telling){ .is_whole = is_whole,
                                            .hosts = kn_hmap_new(telling_host_free),
                                            .things = kn_hmap_new(telling_thing_free) };
}

void kn_network_telling_release(struct kn_network_telling *telling)
{
    kn_hmap_free(telling->hosts);
    kn_hmap_free(telling->things);
}

struct kn_network_telling_host *kn_network_telling_host(const struct kn_network_telling *telling, const char *name)
{
    return kn_hmap_get(telling->hosts, name);
}

void kn_network_telling_add(struct kn_network_telling *telling, const char *name, const char *agent, int64_t version)
{
    struct kn_network_telling_host *host = KN_NEW(struct kn_network_telling_host);

    host->name = kn_strdup(name);
    host->agent = kn_strdup(agent);
    host->version = version;
    host->marks = kn_hmap_new(NULL);
    kn_hmap_put(telling->hosts, name, host);
}

void kn_network_telling_answer(struct kn_network_telling *telling, const struct kn_hmap *questions)
{
    const char *name;
    void *value;

    for (size_t at = 0; kn_hmap_next(questions, &at, &name, &value);) {
        struct kn_network_telling_host *host = kn_network_telling_host(telling, name);

        if (host != NULL) {
            kn_copy(host->answers, sizeof(host->answers), value);
        }
    }
}

static void telling_mark(struct kn_network_telling *telling, const char *name, int source, const char *id, void *what)
{
    struct kn_network_telling_host *host = kn_network_telling_host(telling, name);
    char key[KEY_SIZE];

    if (host == NULL || kn_network_sources[source].kind == NULL) {
        return;
    }
    snprintf(key, sizeof(key), "%d:%.36s", source, id);
    if (what == &PUT || kn_hmap_get(host->marks, key) == NULL) {
        kn_hmap_put(host->marks, key, what);
    }
}

void kn_network_telling_put(struct kn_network_telling *telling, const char *host, int source, const char *id)
{
    telling_mark(telling, host, source, id, &PUT);
}

void kn_network_telling_drop(struct kn_network_telling *telling, const char *host, int source, const char *id)
{
    telling_mark(telling, host, source, id, &DROP);
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

static int source_of(const char *key)
{
    return (int)strtol(key, NULL, 10);
}

static const char *id_of(const char *key)
{
    return strchr(key, ':') + 1;
}

static void telling_note(struct kn_network_telling *telling, int source, const struct kn_rows *rows, int row)
{
    enum { ID, TEXT };
    const char *kind = kn_network_sources[source].kind, *text = kn_rows_text(rows, row, TEXT);
    struct telling_thing *thing = KN_NEW(struct telling_thing);
    struct kn_error why = { .code = KN_OK };
    char key[KEY_SIZE];

    thing->object = json_loads(text, 0, NULL);
    json_object_set_new(thing->object, "kind", json_string(kind));
    thing->bytes = strlen(text) + KIND_BYTES;
    if (kn_form_check(&kn_form_state_object, thing->object, kind, &why) < 0 ||
        (thing->bytes > PIECE_BYTES &&
         kn_fail(&why, KN_BAD_REQUEST, "%s %s does not fit a message", kind, kn_rows_text(rows, row, ID)) < 0)) {
        kn_log_error("hosts cannot be told of it", &why);
        json_decref(thing->object);
        thing->object = NULL;
    }
    snprintf(key, sizeof(key), "%d:%.36s", source, kn_rows_text(rows, row, ID));
    kn_hmap_put(telling->things, key, thing);
}

static int telling_read_kind(struct kn_network_telling *telling, struct kn_db *db, int source, struct kn_array *ids,
                             struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (ids->count > 0 &&
        kn_db_run(db, &kn_network_sources[source].objects, KN_ARGS(kn_array_value(ids)), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; rows != NULL && row < kn_rows_count(rows); row++) {
        telling_note(telling, source, rows, row);
    }
    return 0;
}

/* The things of one kind that anybody is to have, each once. */
static void telling_ids(const struct kn_network_telling *telling, int source, struct kn_array *ids)
{
    struct kn_hmap *seen = kn_hmap_new(NULL);
    const char *name, *key;
    void *value, *mark;

    for (size_t at = 0; kn_hmap_next(telling->hosts, &at, &name, &value);) {
        const struct kn_network_telling_host *host = value;

        for (size_t i = 0; kn_hmap_next(host->marks, &i, &key, &mark);) {
            if (mark == &PUT && source_of(key) == source && kn_hmap_get(seen, id_of(key)) == NULL) {
                kn_hmap_put(seen, id_of(key), ids);
                kn_array_add(ids, id_of(key));
            }
        }
    }
    kn_hmap_free(seen);
}

int kn_network_telling_read(struct kn_network_telling *telling, struct kn_db *db, struct kn_error *err)
{
    for (int source = 0; kn_network_sources[source].change != NULL; source++) {
        AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;

        if (kn_network_sources[source].kind == NULL) {
            continue;
        }
        telling_ids(telling, source, &ids);
        if (telling_read_kind(telling, db, source, &ids, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* --- messages ------------------------------------------------------------------------------------------------------- */

/* The messages of one host while they are filled. */
struct pieces {
    const struct kn_network_telling_host *host;
    json_t *bodies; /* a list */
    json_t *put, *drop; /* of the last of them; borrowed */
    size_t bytes;
};

static void pieces_open(struct pieces *pieces)
{
    json_t *body = json_pack("{s:[], s:[]}", "put", "drop");

    pieces->put = json_object_get(body, "put");
    pieces->drop = json_object_get(body, "drop");
    pieces->bytes = 0;
    json_array_append_new(pieces->bodies, body);
}

static void pieces_add(struct pieces *pieces, bool is_put, json_t *item, size_t bytes)
{
    if (pieces->bytes + bytes > PIECE_BYTES) {
        pieces_open(pieces);
    }
    pieces->bytes += bytes;
    json_array_append_new(is_put ? pieces->put : pieces->drop, item);
}

static void pieces_fill(struct pieces *pieces, const struct kn_network_telling *telling)
{
    const char *key;
    void *mark;

    for (size_t at = 0; kn_hmap_next(pieces->host->marks, &at, &key, &mark);) {
        const struct telling_thing *thing = mark == &PUT ? kn_hmap_get(telling->things, key) : NULL;

        if (thing != NULL && thing->object != NULL) {
            pieces_add(pieces, true, json_incref(thing->object), thing->bytes);
        } else if (thing == NULL && !telling->is_whole) {
            pieces_add(pieces, false,
                       json_pack("{s:s, s:s}", "kind", kn_network_sources[source_of(key)].kind, "id", id_of(key)),
                       DROP_BYTES);
        }
    }
}

static void tell_host(const struct kn_network_telling *telling, const struct kn_network_telling_host *host,
                      kn_network_telling_told *tell, void *ctx)
{
    struct pieces pieces = { .host = host, .bodies = json_array() };
    json_t *body;
    size_t i;

    pieces_open(&pieces);
    pieces_fill(&pieces, telling);
    json_array_foreach (pieces.bodies, i, body) {
        json_object_set_new(body, "host", json_string(host->name));
        json_object_set_new(body, "from", json_integer(telling->is_whole ? -1 : host->version - 1));
        json_object_set_new(body, "version", json_integer(host->version));
        json_object_set_new(body, "piece", json_integer((json_int_t)i + 1));
        json_object_set_new(body, "pieces", json_integer((json_int_t)json_array_size(pieces.bodies)));
        if (telling->is_whole && host->answers[0] != '\0') {
            json_object_set_new(body, "answers", json_string(host->answers));
        }
        tell(ctx, host->agent, json_incref(body));
    }
    json_decref(pieces.bodies);
}

void kn_network_telling_each(const struct kn_network_telling *telling, kn_network_telling_told *tell, void *ctx)
{
    const char *name;
    void *value;

    for (size_t at = 0; kn_hmap_next(telling->hosts, &at, &name, &value);) {
        tell_host(telling, value, tell, ctx);
    }
}

static void telling_say(void *ctx, const char *agent, json_t *body)
{
    AUTO_RELEASE(kn_message) struct kn_message message;
    struct kn_error err = { .code = KN_OK };
    char topic[300];

    kn_message_init(&message, "net.state", body);
    snprintf(topic, sizeof(topic), KN_TOPIC_AGENT "%s", agent);
    if (kn_daemon_send(ctx, topic, 0, &message, &err) < 0) {
        kn_log_error("net.state not sent", &err);
    }
}

void kn_network_telling_send(const struct kn_network_telling *telling, struct kn_daemon *d)
{
    kn_network_telling_each(telling, telling_say, d);
}
