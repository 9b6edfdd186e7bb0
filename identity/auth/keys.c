/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the key file. It must never write a key anywhere else, nor show one in an error. */
#include "identity/auth/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define KEEP 3            /* signing, the next one or the one before, and one more */
#define FILE_MAX 4096
#define LINE_CHARS (8 + 1 + 2 * KN_KEY_BYTES)

static bool take_hex(const char *text, uint8_t *out, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned value = 0;
        if (strspn(text + 2 * i, "0123456789abcdef") < 2 || sscanf(text + 2 * i, "%2x", &value) != 1) {
            return false;
        }
        out[i] = (uint8_t)value;
    }
    return true;
}

static bool parse_line(const char *line, size_t len, struct kn_identity_key *ret)
{
    uint8_t id[4];

    if (len != LINE_CHARS || line[8] != ' ' || !take_hex(line, id, 4) ||
        !take_hex(line + 9, ret->secret, KN_KEY_BYTES)) {
        return false;
    }
    ret->id = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
    return true;
}

int kn_identity_keys_parse(const char *text, struct kn_identity_keys *ret, struct kn_error *err)
{
    struct kn_identity_keys keys = { .count = 0 };

    for (int number = 1; *text != '\0'; number++) {
        size_t len = strcspn(text, "\n");
        if (keys.count == KN_KEYS_MAX || !parse_line(text, len, &keys.key[keys.count])) {
            return kn_fail(err, KN_INTERNAL, "line %d of the token keys is not \"<8 hex digits> <64 hex digits>\"",
                           number);
        }
        keys.count++;
        text += len + (text[len] == '\n');
    }
    if (keys.count == 0) {
        return kn_fail(err, KN_INTERNAL, "there are no token keys");
    }
    *ret = keys;
    return 0;
}

void kn_identity_keys_print(const struct kn_identity_keys *keys, struct kn_strbuf *out)
{
    for (int i = 0; i < keys->count; i++) {
        kn_strbuf_addf(out, "%08x ", keys->key[i].id);
        for (int k = 0; k < KN_KEY_BYTES; k++) {
            kn_strbuf_addf(out, "%02x", keys->key[i].secret[k]);
        }
        kn_strbuf_addch(out, '\n');
    }
}

char *kn_identity_keys_credential_path(const struct kn_conf *conf)
{
    const char *slash = strrchr(conf->identity_key_file, '/');

    if (conf->identity_credential_key_file[0] != '\0') {
        return kn_strdup(conf->identity_credential_key_file);
    }
    return kn_asprintf("%.*scredential.key", slash != NULL ? (int)(slash + 1 - conf->identity_key_file) : 0,
                       conf->identity_key_file);
}

int kn_identity_keys_load(const char *path, struct kn_identity_keys *ret, struct kn_error *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char text[FILE_MAX + 1];

    if (fd < 0 || fstat(fd, &st) < 0) {
        enum kn_code code = errno == ENOENT ? KN_NOT_FOUND : KN_INTERNAL;
        kn_fail(err, code, "cannot open the token keys \"%s\": %s", path, strerror(errno));
        return kn_fail_hint(err, "kilonova bootstrap makes them");
    }
    if ((st.st_mode & 077) != 0) {
        kn_fail(err, KN_INTERNAL, "others may read the token keys \"%s\"", path);
        return kn_fail_hint(err, "chmod 600");
    }
    ssize_t len = read(fd, text, FILE_MAX);
    if (len < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot read the token keys \"%s\": %s", path, strerror(errno));
    }
    text[len] = '\0';
    return kn_identity_keys_parse(text, ret, err);
}

static int keys_write_file(const char *path, const struct kn_strbuf *text)
{
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || fchmod(fd, 0600) < 0 || write(fd, text->buf, text->len) != (ssize_t)text->len || fsync(fd) < 0) {
        return -1;
    }
    return 0;
}

int kn_identity_keys_save(const char *path, const struct kn_identity_keys *keys, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_FREE char *next = kn_asprintf("%s.new", path);

    kn_identity_keys_print(keys, &text);
    if (keys_write_file(next, &text) < 0 || rename(next, path) < 0) {
        kn_fail(err, KN_INTERNAL, "cannot write the token keys \"%s\": %s", path, strerror(errno));
        unlink(next);
        return -1;
    }
    return 0;
}

void kn_identity_keys_add(struct kn_identity_keys *keys)
{
    struct kn_identity_key key;

    kn_random(&key, sizeof(key));
    int at = keys->count > 0 ? 1 : 0;
    int kept = keys->count < KEEP ? keys->count : KEEP - 1;
    memmove(&keys->key[at + 1], &keys->key[at], (size_t)(kept - at) * sizeof(key));
    keys->key[at] = key;
    keys->count = kept + 1;
}

void kn_identity_keys_promote(struct kn_identity_keys *keys)
{
    if (keys->count > 1) {
        struct kn_identity_key first = keys->key[0];
        keys->key[0] = keys->key[1];
        keys->key[1] = first;
    }
}
