/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed keys in rows, one in the clear in memory: that of the file or of the key service. Everything that was opened is wiped when it has been used. */
#include "volume/serve/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/volume_encryption.h"
#include "volume/serve/key_service.h"

#define TRIED 1000 /* keys at a start: some milliseconds */

struct kn_volume_keys {
    bool is_there;
    bool is_strange; /* opens none of those that there are */
    uint8_t master[KN_SEAL_KEY];
};

static int keys_read_file(const char *path, uint8_t master[KN_SEAL_KEY], struct kn_error *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t more[KN_SEAL_KEY + 1];
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        return kn_fail(err, KN_BAD_REQUEST, "cannot read volume.key_file \"%s\": %s", path, strerror(errno));
    }
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) {
        kn_fail(err, KN_BAD_REQUEST, "volume.key_file \"%s\" may be read by others than its owner", path);
        return kn_fail_hint(err, "chmod 0600 it, and have it belong to the user that kilonova-volume runs as");
    }
    const ssize_t n = read(fd, more, sizeof(more));
    memcpy(master, more, KN_SEAL_KEY);
    kn_wipe(more, sizeof(more));
    if (n != KN_SEAL_KEY) {
        kn_fail(err, KN_BAD_REQUEST, "volume.key_file \"%s\" does not have %d bytes", path, KN_SEAL_KEY);
        return kn_fail_hint(err, "a new one: head -c 32 /dev/urandom > file");
    }
    return 0;
}

int kn_volume_keys_check(const struct kn_conf *conf, struct kn_error *err)
{
    uint8_t master[KN_SEAL_KEY];

    if (*conf->volume_key_file != '\0' && *conf->volume_key_url != '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "volume.key_file and volume.key_url are both set: which one is it?");
    }
    const int rc = *conf->volume_key_file != '\0' ? keys_read_file(conf->volume_key_file, master, err) : 0;

    kn_wipe(master, sizeof(master));
    return rc;
}

int kn_volume_keys_new(const struct kn_conf *conf, struct kn_volume_keys **ret, struct kn_error *err)
{
    struct kn_volume_keys *keys = KN_NEW(struct kn_volume_keys);
    const bool is_file = *conf->volume_key_file != '\0', is_service = *conf->volume_key_url != '\0';

    keys->is_there = is_file || is_service;
    if ((is_file && keys_read_file(conf->volume_key_file, keys->master, err) < 0) ||
        (is_service && kn_volume_key_fetch(conf, keys->master, err) < 0)) {
        kn_volume_keys_free(keys);
        return -1;
    }
    *ret = keys;
    return 0;
}

void kn_volume_keys_free(struct kn_volume_keys *keys)
{
    if (keys != NULL) {
        kn_wipe(keys, sizeof(*keys));
    }
    free(keys);
}

int kn_volume_keys_try(struct kn_volume_keys *keys, struct kn_db *db, struct kn_error *why, struct kn_error *err)
{
    static const struct kn_stmt SOME = { "volume_keys_some",
                                         "SELECT id, sealed, volume_id FROM volume_key ORDER BY id LIMIT $1", 1 };
    enum { ID, SEALED, VOLUME };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_arg most;
    int unopened = 0, last = 0;

    if (!keys->is_there) {
        return 0; /* whoever needs one is told so */
    }
    if (kn_db_run(db, &SOME, KN_ARGS(kn_arg_int(&most, TRIED)), &rows, err) < 0) {
        return -1;
    }
    const int count = kn_rows_count(rows);

    for (int i = 0; i < count; i++) {
        char *plain = NULL;

        if (kn_unseal(keys->master, kn_rows_text(rows, i, ID), kn_rows_text(rows, i, SEALED), &plain, NULL) < 0) {
            unopened++;
            last = i;
            continue;
        }
        kn_wipe(plain, strlen(plain));
        free(plain);
    }
    keys->is_strange = unopened > 0 && unopened == count;
    if (unopened > 0) {
        kn_fail(why, KN_CONFLICT,
                "volume.key_file (or key_url) opens %d of %d keys of encrypted volumes, and not that of %s",
                count - unopened, count, kn_rows_text(rows, last, VOLUME));
        kn_fail_hint(why, "bring back the one with which they were made");
    }
    return 0;
}

static int keys_unseal(const struct kn_volume_keys *keys, const char *id, const char *sealed,
                       char ret[KN_VOLUME_KEY_SIZE], struct kn_error *err)
{
    char *plain = NULL;

    if (!keys->is_there) {
        return kn_fail(err, KN_CONFLICT, "there is no key for encrypted volumes (volume.key_file)");
    }
    if (kn_unseal(keys->master, id, sealed, &plain, err) < 0) {
        return kn_fail_hint(err, "is volume.key_file (or key_url) the one with which the key was made?");
    }
    kn_copy(ret, KN_VOLUME_KEY_SIZE, plain);
    kn_wipe(plain, strlen(plain));
    free(plain);
    return 0;
}

/* --- a volume's ----------------------------------------------------------------------------------------------------------------- */

static int key_of(const struct kn_volume_keys *keys, struct kn_db *db, const char *volume, char ret[KN_VOLUME_KEY_SIZE],
                  struct kn_error *err)
{
    static const struct kn_stmt READ = {
        "volume_key_read", "SELECT k.id, k.sealed FROM volume v JOIN volume_key k ON k.id = v.key_id WHERE v.id = $1", 1
    };
    enum { ID, SEALED };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &READ, KN_ARGS(volume), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_count(rows) > 0
               ? keys_unseal(keys, kn_rows_text(rows, 0, ID), kn_rows_text(rows, 0, SEALED), ret, err)
               : kn_fail(err, KN_INTERNAL, "the key of volume \"%s\" is not there", volume);
}

static void key_invent(char ret[KN_VOLUME_KEY_SIZE])
{
    uint8_t bytes[(KN_VOLUME_KEY_SIZE - 1) / 2];

    kn_random(bytes, sizeof(bytes));
    kn_hex(bytes, sizeof(bytes), ret);
    kn_wipe(bytes, sizeof(bytes));
}

/* Whose disk it is a copy of: a volume, or that of a snapshot. ret "": of none. */
static int key_like(struct kn_db *db, const struct kn_volume_origin *origin, char ret[KN_UUID_SIZE],
                    struct kn_error *err)
{
    static const struct kn_stmt OF = { "volume_of_snapshot", "SELECT volume_id FROM volume_snapshot WHERE id = $1", 1 };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    ret[0] = '\0';
    if (origin->volume != NULL) {
        kn_copy(ret, KN_UUID_SIZE, origin->volume);
        return 0;
    }
    if (origin->snapshot == NULL) {
        return 0;
    }
    if (kn_db_run(db, &OF, KN_ARGS(origin->snapshot), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "snapshot \"%s\" does not exist", origin->snapshot);
    }
    kn_copy(ret, KN_UUID_SIZE, kn_rows_text(rows, 0, KN_ONLY));
    return 0;
}

/* Whoever was first has made it. */
static int key_make(const struct kn_volume_keys *keys, struct kn_db *db, const char *volume,
                    const struct kn_volume_origin *origin, const char *id, struct kn_error *err)
{
    static const struct kn_stmt MAKE = {
        "volume_key_make",
        "INSERT INTO volume_key (id, volume_id, sealed) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING", 3
    };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sealed = KN_STRBUF_INIT;
    char text[KN_VOLUME_KEY_SIZE], like[KN_UUID_SIZE];

    if (key_like(db, origin, like, err) < 0 || (like[0] != '\0' && key_of(keys, db, like, text, err) < 0)) {
        return -1;
    }
    if (like[0] == '\0') {
        key_invent(text);
    }
    kn_seal(keys->master, id, text, &sealed);
    kn_wipe(text, sizeof(text));
    return kn_db_run(db, &MAKE, KN_ARGS(id, volume, sealed.buf), NULL, err);
}

int kn_volume_key_settle(const struct kn_volume_keys *keys, struct kn_db *db, const char *volume,
                         const struct kn_volume_origin *origin, char ret[KN_VOLUME_KEY_SIZE], int *ret_bits,
                         struct kn_error *err)
{
    static const struct kn_stmt SAID = {
        "volume_key_said",
        "SELECT v.key_id, e.provider, e.control_location, e.cipher, e.key_size FROM volume v JOIN volume_type_encryption e ON e.type_id = v.type_id "
        "WHERE v.id = $1 AND v.key_id IS NOT NULL",
        1
    };
    enum { ID, PROVIDER, LOCATION, CIPHER, SIZE };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (!keys->is_there) {
        return kn_fail(err, KN_CONFLICT, "there is no key for encrypted volumes (volume.key_file)");
    }
    if (keys->is_strange) {
        return kn_fail(err, KN_CONFLICT,
                       "the key for encrypted volumes (volume.key_file) opens none of those that there are");
    }
    if (kn_db_run(db, &SAID, KN_ARGS(volume), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "volume \"%s\" does not exist, or is not encrypted", volume);
    }
    const struct kn_volume_encryption said = { .provider = kn_rows_text(rows, 0, PROVIDER),
                                               .control_location = kn_rows_text(rows, 0, LOCATION),
                                               .cipher = kn_rows_str(rows, 0, CIPHER),
                                               .key_size = kn_rows_int(rows, 0, SIZE) };
    if (kn_volume_encryption_check(&said, ret_bits, err) < 0) {
        err->code = KN_CONFLICT;
        return -1;
    }
    return key_make(keys, db, volume, origin, kn_rows_text(rows, 0, ID), err) < 0 ? -1
                                                                                  : key_of(keys, db, volume, ret, err);
}

/* --- to a host ------------------------------------------------------------------------------------------------------------------ */

/* For that host's server alone, and that agent's. *ret_sealed (heap). */
static int key_for_host(const struct kn_volume_keys *keys, struct kn_db *db, const json_t *asked, char **ret_sealed,
                        struct kn_error *err)
{
    static const struct kn_stmt FOR = {
        "volume_key_for_host",
        "SELECT k.id, k.sealed FROM attachment t JOIN volume v ON v.id = t.volume_id JOIN volume_key k ON k.id = v.key_id "
        "JOIN allocation a ON a.server_id = t.server_id JOIN host h ON h.name = a.host "
        "WHERE t.volume_id = $1 AND t.server_id = $2 AND t.status IN ('attaching', 'attached', 'detaching') AND h.name = $3 AND h.agent_id = $4",
        4
    };
    enum { ID, SEALED };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    char key[KN_VOLUME_KEY_SIZE];

    if (kn_db_run(db, &FOR,
                  KN_ARGS(kn_json_str(asked, "volume"), kn_json_str(asked, "server"), kn_json_str(asked, "host"),
                          kn_json_str(asked, "agent")),
                  &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "no server \"%s\" on this host has an encrypted volume \"%s\"",
                       kn_json_str(asked, "server"), kn_json_str(asked, "volume"));
    }
    if (keys_unseal(keys, kn_rows_text(rows, 0, ID), kn_rows_text(rows, 0, SEALED), key, err) < 0) {
        return -1;
    }
    const int rc = kn_box_seal(kn_json_str(asked, "box"), key, ret_sealed, err);
    kn_wipe(key, sizeof(key));
    return rc;
}

void kn_volume_key_answer(const struct kn_volume_keys *keys, struct kn_daemon *d, const struct kn_message *asked)
{
    AUTO_RELEASE(kn_message) struct kn_message answer;
    AUTO_FREE char *topic = kn_asprintf(KN_TOPIC_AGENT "%s", kn_json_str(asked->body, "agent"));
    AUTO_FREE char *sealed = NULL;
    struct kn_error err = { 0 };
    json_t *body = json_pack("{s:O, s:O}", "host", json_object_get(asked->body, "host"), "question",
                             json_object_get(asked->body, "question"));

    if (key_for_host(keys, d->db, asked->body, &sealed, &err) == 0) {
        json_object_set_new(body, "sealed", json_string(sealed));
    } else {
        kn_log(KN_WARNING, "a host was not told the key of a volume", "agent", kn_json_str(asked->body, "agent"),
               "volume", kn_json_str(asked->body, "volume"), "error", err.message, NULL);
        json_object_set_new(body, "refused", json_string(err.message));
    }
    kn_message_init(&answer, "volume.key", body);
    if (kn_daemon_send(d, topic, 0, &answer, &err) < 0) {
        kn_log_error("volume.key", &err);
    }
}
