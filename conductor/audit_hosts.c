/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hosts really have, held against the database: every host is asked over the bus (host.observe), its answer compared with the rows. Whatever
 * has an open task is left out: it is moving. A host whose agent is silent is named, not judged.
 */
#include <stdarg.h>
#include <string.h>

#include "conductor/audit.h"
#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define WAIT_MS 20000

static const struct kn_stmt HOSTS = { "audit_hosts",
    "SELECT h.name, h.agent_id, a.last_seen > now() - interval '30 s' FROM host h JOIN agent a ON a.id = h.agent_id ORDER BY h.name", 0 };

/* Every guest that should be: host/server, generation, the names of its taps and volumes. */
static const struct kn_stmt GUESTS = { "audit_guests",
    "SELECT s.host || '/' || s.id, s.generation, s.vm_state, EXISTS (SELECT 1 FROM task t WHERE t.object_id = s.id AND t.state IN ('run', 'undo')), "
    "coalesce((SELECT string_agg('tap' || left(p.id::text, 11), ' ' ORDER BY p.id) FROM port p WHERE p.device_id = s.id::text AND p.host = s.host), ''), "
    "coalesce((SELECT string_agg(a.volume_id::text, ' ' ORDER BY a.volume_id) FROM attachment a WHERE a.server_id = s.id AND a.status = 'attached'), '') "
    "FROM server s WHERE s.host IS NOT NULL AND s.deleted_at IS NULL", 0 };

/* Servers that are moving, wherever they are. */
static const struct kn_stmt MOVING = { "audit_moving",
    "SELECT DISTINCT object_id FROM task WHERE state IN ('run', 'undo')", 0 };

struct guest {
    int64_t generation;
    char *vm_state;
    char *taps;
    char *volumes;
    bool moving;
    bool found;
};

static void free_guest(void *p)
{
    struct guest *guest = p;

    free(guest->vm_state);
    free(guest->taps);
    free(guest->volumes);
    free(guest);
}

struct comparison {
    struct kn_audit *audit;
    struct kn_hmap *guests;  /* "host/server" -> struct guest */
    struct kn_hmap *moving;  /* server id */
    struct kn_hmap *asked;   /* host -> its agent is alive and has not answered yet */
    struct kn_hmap *judged;  /* hosts that answered */
    json_t *domains, *taps, *dirs, *volumes, *absent; /* findings */
};

/* --- expectations ---------------------------------------------------------------------------------------------------------- */

static int load_guests(struct comparison *c, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *moving = NULL;

    if (kn_db_run(c->audit->db, &GUESTS, KN_NO_ARGS, &rows, err) < 0 ||
        kn_db_run(c->audit->db, &MOVING, KN_NO_ARGS, &moving, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        struct guest *guest = KN_NEW(struct guest);

        guest->generation = kn_rows_int(rows, i, 1);
        guest->vm_state = kn_strdup(kn_rows_text(rows, i, 2));
        guest->moving = kn_rows_bool(rows, i, 3);
        guest->taps = kn_strdup(kn_rows_text(rows, i, 4));
        guest->volumes = kn_strdup(kn_rows_text(rows, i, 5));
        kn_hmap_put(c->guests, kn_rows_text(rows, i, 0), guest);
    }
    for (int i = 0; i < kn_rows_count(moving); i++) {
        kn_hmap_put(c->moving, kn_rows_text(moving, i, 0), c);
    }
    return 0;
}

static struct guest *expected(const struct comparison *c, const char *host, const char *server)
{
    AUTO_FREE char *key = kn_asprintf("%s/%s", host, server);

    return kn_hmap_get(c->guests, key);
}

/* --- one host's answer ------------------------------------------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static void find(json_t *list, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    json_array_append_new(list, json_vsprintf(fmt, args));
    va_end(args);
}

/* "a b c" holds the word. */
static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = strstr(words, word); at != NULL; at = strstr(at + 1, word)) {
        if ((at == words || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

static size_t count_words(const char *words)
{
    size_t n = *words == '\0' ? 0 : 1;

    for (const char *p = words; *p != '\0'; p++) {
        n += *p == ' ' ? 1 : 0;
    }
    return n;
}

static void compare_volumes(struct comparison *c, const char *host, const struct guest *guest, const json_t *domain)
{
    json_t *volumes = json_object_get(domain, "volumes");
    json_t *volume;
    size_t i;

    json_array_foreach(volumes, i, volume) {
        if (!has_word(guest->volumes, json_string_value(volume))) {
            find(c->volumes, "host %s: the guest has volume %s, the database does not say so", host,
                 json_string_value(volume));
        }
    }
    if (json_array_size(volumes) < count_words(guest->volumes)) {
        find(c->volumes, "host %s: a guest lacks some of its volumes %s", host, guest->volumes);
    }
}

static void compare_domain(struct comparison *c, const char *host, const json_t *domain)
{
    const char *server = kn_json_str(domain, "server");
    struct guest *guest = expected(c, host, server);

    if (kn_hmap_get(c->moving, server) != NULL) {
        if (guest != NULL) {
            guest->found = true;
        }
        return;
    }
    if (guest == NULL) {
        find(c->domains, "host %s has a guest of server %s, which is not there", host, server);
        return;
    }
    guest->found = true;
    if (guest->generation != kn_json_int(domain, "generation")) {
        find(c->domains, "host %s: the guest of server %s is of another generation", host, server);
    }
    compare_volumes(c, host, guest, domain);
}

/* Taps and directories: each must be one of a guest that should be there. */
static bool tap_is_known(const struct comparison *c, const char *host, const char *tap)
{
    size_t len = strlen(host);
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(c->guests, &at, &key, &value);) {
        const struct guest *guest = value;

        if (strncmp(key, host, len) == 0 && key[len] == '/' && (guest->moving || has_word(guest->taps, tap))) {
            return true;
        }
    }
    return false;
}

static void compare_host(struct comparison *c, const json_t *result)
{
    const char *host = kn_json_str(result, "host");
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(result, "domains"), i, item) {
        compare_domain(c, host, item);
    }
    json_array_foreach(json_object_get(result, "taps"), i, item) {
        if (kn_hmap_count(c->moving) == 0 && !tap_is_known(c, host, json_string_value(item))) {
            find(c->taps, "host %s has the tap %s, which belongs to no port", host, json_string_value(item));
        }
    }
    json_array_foreach(json_object_get(result, "dirs"), i, item) {
        const char *server = json_string_value(item);

        if (expected(c, host, server) == NULL && kn_hmap_get(c->moving, server) == NULL) {
            find(c->dirs, "host %s has a directory of server %s, which is not there", host, server);
        }
    }
}

/* --- asking ---------------------------------------------------------------------------------------------------------------- */

static int ask(struct comparison *c, const char *host, const char *agent, const char *id, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_FREE char *topic = kn_asprintf("%s%s", KN_TOPIC_AGENT, agent);
    struct kn_message message;
    int result;

    kn_message_init(&message, "host.observe", json_pack("{s:s, s:s}", "host", host, "audit", id));
    result = kn_message_print(&message, &text, err);
    kn_message_release(&message);
    return result < 0 ? -1 : kn_bus_send(c->audit->bus, topic, 0, text.buf, text.len, err);
}

static int ask_all(struct comparison *c, const char *id, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(c->audit->db, &HOSTS, KN_NO_ARGS, &rows, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(rows); i++) {
        const char *host = kn_rows_text(rows, i, 0);

        if (!kn_rows_bool(rows, i, 2)) {
            fprintf(c->audit->out, "skip   host %s: its agent is silent\n", host);
        } else if (ask(c, host, kn_rows_text(rows, i, 1), id, err) < 0) {
            return -1;
        } else {
            kn_hmap_put(c->asked, host, c);
        }
    }
    return 0;
}

static void take_answer(struct comparison *c, const struct kn_bus_message *raw, const char *id)
{
    struct kn_message message = { 0 };
    struct kn_error ignored = { 0 };

    if (kn_message_parse(raw->data, raw->len, &message, &ignored) == 0 && message.is_reply && message.ok &&
        strcmp(message.type->name, "host.observe") == 0 && strcmp(kn_json_str(message.result, "audit"), id) == 0) {
        const char *host = kn_json_str(message.result, "host");

        if (kn_hmap_del(c->asked, host)) {
            kn_hmap_put(c->judged, host, c);
            compare_host(c, message.result);
        }
    }
    kn_message_release(&message);
}

static int gather(struct comparison *c, struct kn_bus_reader *reader, const char *id, struct kn_error *err)
{
    struct kn_bus_message raw[64];
    int64_t until = kn_mono_ms() + WAIT_MS;

    if (ask_all(c, id, err) < 0) {
        return -1;
    }
    while (kn_hmap_count(c->asked) > 0 && kn_mono_ms() < until) {
        int n = kn_bus_poll(reader, raw, 64, 200);

        for (int i = 0; i < n; i++) {
            take_answer(c, &raw[i], id);
            kn_bus_message_done(&raw[i]);
        }
    }
    return 0;
}

/* --- the verdict ------------------------------------------------------------------------------------------------------------ */

/* Guests that a host which answered does not have, and hosts that did not answer. */
static void find_absent(struct comparison *c)
{
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(c->guests, &at, &key, &value);) {
        const struct guest *guest = value;
        char host[256];

        kn_copy(host, sizeof(host), key);
        *strrchr(host, '/') = '\0';
        if (!guest->found && !guest->moving && strcmp(guest->vm_state, "error") != 0 &&
            kn_hmap_get(c->judged, host) != NULL) {
            find(c->domains, "host %s has no guest of its server %s", host, strrchr(key, '/') + 1);
        }
    }
    for (size_t at = 0; kn_hmap_next(c->asked, &at, &key, &value);) {
        find(c->absent, "host %s did not answer", key);
    }
}

static int compare_all(struct comparison *c, struct kn_error *err)
{
    AUTO(kn_bus_reader) struct kn_bus_reader *reader = NULL;
    char id[KN_UUID_SIZE];

    kn_uuid_make(id);
    if (kn_bus_reader_new(c->audit->bus, &reader, err) < 0 || kn_bus_assign(reader, KN_TOPIC_REPLY, 0, err) < 0 ||
        load_guests(c, err) < 0 || gather(c, reader, id, err) < 0) {
        return -1;
    }
    find_absent(c);
    kn_audit_say_list(c->audit, "3. every guest on a host belongs to a server there, at its generation", c->domains);
    kn_audit_say_list(c->audit, "4. every tap on a host belongs to a port bound there", c->taps);
    kn_audit_say_list(c->audit, "5. every guest has its volumes and no other", c->volumes);
    kn_audit_say_list(c->audit, "5. every server directory on a host belongs to a server there", c->dirs);
    kn_audit_say_list(c->audit, "   every living agent answers", c->absent);
    return 0;
}

int kn_audit_hosts(struct kn_audit *audit, struct kn_error *err)
{
    struct comparison c = { .audit = audit, .guests = kn_hmap_new(free_guest), .moving = kn_hmap_new(NULL),
                            .asked = kn_hmap_new(NULL), .judged = kn_hmap_new(NULL), .domains = json_array(),
                            .taps = json_array(), .dirs = json_array(), .volumes = json_array(),
                            .absent = json_array() };
    json_t *const lists[] = { c.domains, c.taps, c.dirs, c.volumes, c.absent };
    struct kn_hmap *const maps[] = { c.guests, c.moving, c.asked, c.judged };
    int result = compare_all(&c, err);

    for (size_t i = 0; i < KN_COUNT(lists); i++) {
        json_decref(lists[i]);
    }
    for (size_t i = 0; i < KN_COUNT(maps); i++) {
        kn_hmap_free(maps[i]);
    }
    return result;
}
