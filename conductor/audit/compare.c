/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hosts say they have, held against the database. Whatever has an open task is left out: it is moving. Who asks the hosts, and how often
 * before a finding counts, is hosts.c's.
 */
#include <stdarg.h>
#include <string.h>

#include "conductor/audit/audit.h"
#include "conductor/audit/told.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/domain/server_state.h"

/* Every guest that should be: host/server, generation, its taps and volumes. */
/* clang-format off */
static const struct kn_stmt GUESTS = { "audit_guests",
    "SELECT s.host || '/' || s.id, s.generation, s.vm_state, " KN_AUDIT_MOVING("s.id") ", "
    "coalesce((SELECT string_agg('tap' || left(p.id::text, 11), ' ' ORDER BY p.id) FROM port p "
    "JOIN port_binding b ON b.port_id = p.id AND b.host = s.host AND b.state = 'active' WHERE p.device_id = s.id::text AND p.nic IS NOT NULL), ''), "
    "coalesce((SELECT string_agg(a.volume_id::text, ' ' ORDER BY a.volume_id) FROM attachment a WHERE a.server_id = s.id "
    "AND a.status = 'attached'), '') FROM server s WHERE s.host IS NOT NULL AND s.deleted_at IS NULL", 0 };
/* clang-format on */

enum { GUEST_PLACE, GUEST_GENERATION, GUEST_STATE, GUEST_MOVES, GUEST_TAPS, GUEST_VOLUMES };

/* Every tap that may be: where; anywhere while its server moves. */
static const struct kn_stmt TAPS = {
    "audit_taps",
    "SELECT 'tap' || left(p.id::text, 11), CASE WHEN EXISTS (SELECT 1 FROM task t WHERE t.object_id::text = p.device_id "
    "AND t.state IN ('run', 'undo')) THEN '*' ELSE coalesce(b.host, '') END FROM port p LEFT JOIN port_binding b ON b.port_id = p.id AND b.state = 'active'",
    0
};

enum { TAP_NAME, TAP_HOST };

/* Servers that are moving, wherever they are. */
/* clang-format off */
static const struct kn_stmt MOVING = { "audit_moving", "SELECT DISTINCT object_id FROM task WHERE state IN ('run', 'undo')", 0 };
/* clang-format on */

enum finding { DOMAINS, GENERATION, POWER, OWN_TAPS, TAPS_THERE, NETWORKS, VOLUMES, DIRS, FIREWALL, FINDING_COUNT };

const char *const kn_conductor_audit_host_promises[] = {
    [DOMAINS] = "3. every server has its guest on its host, and no other host has one",
    [GENERATION] = "3. every guest is of its server's generation",
    [POWER] = "3. every guest has the power that its server's state says",
    [OWN_TAPS] = "4. every running guest has the taps of its ports",
    [TAPS_THERE] = "4. every tap on a host belongs to a port bound there",
    [NETWORKS] = "4. every host knows of networks what the rows say, and its kernel has it",
    [VOLUMES] = "5. every guest has its volumes and no other",
    [DIRS] = "5. every server directory on a host belongs to a server there",
    [FIREWALL] = "6. the kernel of every host has the firewall that its networks' state wants",
    [FINDING_COUNT] = NULL,
};

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
    struct kn_hmap *guests; /* "host/server" -> struct guest */
    struct kn_hmap *taps;   /* tap -> host, or "*" */
    struct kn_hmap *moving; /* server id */
    json_t *findings[FINDING_COUNT];
};

/* --- expectations ---------------------------------------------------------------------------------------------------------- */

static void add_guest(struct comparison *c, const struct kn_rows *rows, int i)
{
    struct guest *guest = KN_NEW(struct guest);

    guest->generation = kn_rows_int(rows, i, GUEST_GENERATION);
    guest->vm_state = kn_strdup(kn_rows_text(rows, i, GUEST_STATE));
    guest->moving = kn_rows_bool(rows, i, GUEST_MOVES);
    guest->taps = kn_strdup(kn_rows_text(rows, i, GUEST_TAPS));
    guest->volumes = kn_strdup(kn_rows_text(rows, i, GUEST_VOLUMES));
    kn_hmap_put(c->guests, kn_rows_text(rows, i, GUEST_PLACE), guest);
}

static int compare_load(struct comparison *c, struct kn_db *db, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *guests = NULL, *taps = NULL, *moving = NULL;

    if (kn_db_run(db, &MOVING, KN_NO_ARGS, &moving, err) < 0 || kn_db_run(db, &GUESTS, KN_NO_ARGS, &guests, err) < 0 ||
        kn_db_run(db, &TAPS, KN_NO_ARGS, &taps, err) < 0) {
        return -1;
    }
    for (int i = 0; i < kn_rows_count(guests); i++) {
        add_guest(c, guests, i);
    }
    for (int i = 0; i < kn_rows_count(taps); i++) {
        kn_hmap_put(c->taps, kn_rows_text(taps, i, TAP_NAME), kn_strdup(kn_rows_text(taps, i, TAP_HOST)));
    }
    for (int i = 0; i < kn_rows_count(moving); i++) {
        kn_hmap_put(c->moving, kn_rows_text(moving, i, KN_ONLY), c);
    }
    return 0;
}

static struct guest *expected(const struct comparison *c, const char *host, const char *server)
{
    AUTO_FREE char *key = kn_asprintf("%s/%s", host, server);

    return kn_hmap_get(c->guests, key);
}

/* --- one host's answer ------------------------------------------------------------------------------------------------------ */

__attribute__((format(printf, 3, 4))) static void find(struct comparison *c, enum finding kind, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    json_array_append_new(c->findings[kind], json_vsprintf(fmt, args));
    va_end(args);
}

static bool compare_holds(const json_t *list, const char *word, size_t len)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item) {
        if (json_string_length(item) == len && memcmp(json_string_value(item), word, len) == 0) {
            return true;
        }
    }
    return false;
}

/* The first of the words that the list lacks; NULL: none. */
static const char *lacks(const json_t *list, const char *words, int *ret_len)
{
    for (const char *at = words; *at != '\0';) {
        size_t len = strcspn(at, " ");

        if (!compare_holds(list, at, len)) {
            *ret_len = (int)len;
            return at;
        }
        at += len + (at[len] == ' ' ? 1 : 0);
    }
    return NULL;
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

static void compare_volumes(struct comparison *c, const char *host, const struct guest *guest, const json_t *domain)
{
    const json_t *volumes = json_object_get(domain, "volumes");
    const json_t *volume;
    int len = 0;
    size_t i;

    json_array_foreach (volumes, i, volume) {
        if (!has_word(guest->volumes, json_string_value(volume))) {
            find(c, VOLUMES, "host %s: the guest of server %s has volume %s, the database does not say so", host,
                 kn_json_str(domain, "server"), json_string_value(volume));
        }
    }
    const char *missing = lacks(volumes, guest->volumes, &len);
    if (missing != NULL) {
        find(c, VOLUMES, "host %s: the guest of server %s lacks volume %.*s", host, kn_json_str(domain, "server"), len,
             missing);
    }
}

static void compare_domain(struct comparison *c, const char *host, const json_t *domain, const json_t *taps)
{
    const char *server = kn_json_str(domain, "server");
    const int power = (int)kn_json_int(domain, "power_state");
    struct guest *guest = expected(c, host, server);
    int len = 0;

    if (guest != NULL) {
        guest->found = true;
    }
    if (kn_hmap_get(c->moving, server) != NULL) {
        return;
    }
    if (guest == NULL) {
        find(c, DOMAINS, "host %s has a guest of server %s, which is not there", host, server);
        return;
    }
    if (guest->generation != kn_json_int(domain, "generation")) {
        find(c, GENERATION, "host %s: the guest of server %s is of another generation", host, server);
    }
    if (kn_server_state_seen(guest->vm_state, power) != NULL) {
        find(c, POWER, "host %s: server %s is %s, its guest's power state is %d", host, server, guest->vm_state, power);
    }
    const char *missing = power == KN_POWER_RUNNING || power == KN_POWER_PAUSED ? lacks(taps, guest->taps, &len) : NULL;
    if (missing != NULL) {
        find(c, OWN_TAPS, "host %s: server %s lacks %.*s", host, server, len, missing);
    }
    compare_volumes(c, host, guest, domain);
}

/* Two digests; a host without networks says none. */
static void compare_firewall(struct comparison *c, const char *host, const json_t *firewall)
{
    const char *wanted = json_string_value(json_object_get(firewall, "wanted"));
    const char *kernel = json_string_value(json_object_get(firewall, "kernel"));

    if (wanted != NULL && kernel != NULL && strcmp(wanted, kernel) != 0) {
        find(c, FIREWALL, "host %s: its state wants the firewall %s, its kernel has %s", host, wanted,
             kernel[0] == '\0' ? "none" : kernel);
    }
}

static void compare_host(struct comparison *c, const char *host, const json_t *result)
{
    const json_t *taps = json_object_get(result, "taps");
    const json_t *item;
    size_t i;

    json_array_foreach (json_object_get(result, "domains"), i, item) {
        compare_domain(c, host, item, taps);
    }
    json_array_foreach (taps, i, item) {
        const char *at = kn_hmap_get(c->taps, json_string_value(item));

        if (at == NULL || (strcmp(at, "*") != 0 && strcmp(at, host) != 0)) {
            find(c, TAPS_THERE, "host %s has the tap %s, which belongs to no port there", host,
                 json_string_value(item));
        }
    }
    json_array_foreach (json_object_get(result, "dirs"), i, item) {
        const char *server = json_string_value(item);

        if (expected(c, host, server) == NULL && kn_hmap_get(c->moving, server) == NULL) {
            find(c, DIRS, "host %s has a directory of server %s, which is not there", host, server);
        }
    }
    compare_firewall(c, host, json_object_get(result, "firewall"));
}

/* Guests that a host which answered does not have. */
static void find_absent(struct comparison *c, const json_t *answers)
{
    const char *key;
    void *value;

    for (size_t at = 0; kn_hmap_next(c->guests, &at, &key, &value);) {
        const struct guest *guest = value;
        char host[256];

        kn_copy(host, sizeof(host), key);
        *strrchr(host, '/') = '\0';
        if (!guest->found && !guest->moving && strcmp(guest->vm_state, "error") != 0 &&
            json_is_object(json_object_get(answers, host))) {
            find(c, DOMAINS, "host %s has no guest of its server %s", host, strrchr(key, '/') + 1);
        }
    }
}

json_t *kn_conductor_audit_compare(struct kn_db *db, const json_t *answers, struct kn_error *err)
{
    AUTO(kn_hmap) struct kn_hmap *guests = kn_hmap_new(free_guest);
    AUTO(kn_hmap) struct kn_hmap *taps = kn_hmap_new(free);
    AUTO(kn_hmap) struct kn_hmap *moving = kn_hmap_new(NULL);
    struct comparison c = { .guests = guests, .taps = taps, .moving = moving };
    json_t *all, *answer;
    const char *host;

    if (compare_load(&c, db, err) < 0) {
        return NULL;
    }
    json_t *told = kn_conductor_audit_told(db, answers, err);

    if (told == NULL) {
        return NULL;
    }
    all = json_array();
    for (int i = 0; i < FINDING_COUNT; i++) {
        c.findings[i] = i == NETWORKS ? told : json_array();
        json_array_append_new(all, c.findings[i]);
    }
    json_object_foreach ((json_t *)(uintptr_t)answers, host, answer) {
        compare_host(&c, host, answer);
    }
    find_absent(&c, answers);
    return all;
}
