/* SPDX-License-Identifier: Apache-2.0 */
/* file.c: lines of {"from", "version", "put", "drop"}: a message's own words, read again by what reads messages. */
#include "network/host/state/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/host/file.h"
#include "network/host/state/object.h"

#define SLACK ((size_t)256 << 10) /* that lines of changes may take before anybody thinks of writing anew */

struct kn_network_state_file {
    char *path;
    int fd; /* at its end; -1: there is none yet */
    bool is_behind; /* a line is missing: it stays at the version before until it is written anew */
    size_t whole; /* bytes of the first line */
    size_t size; /* bytes of all of them */
};

static char *line_of(const json_t *json)
{
    AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);

    return kn_asprintf("%s\n", text);
}

/* --- reading -------------------------------------------------------------------------------------------------------- */

/* Takes whole lines as long as they make sense; what follows is cut off. Returns how many bytes did. */
static size_t take_lines(const struct kn_strbuf *text, struct kn_network_state *state, size_t *ret_first,
                         struct kn_error *ret_unread)
{
    size_t at = 0;

    while (at < text->len) {
        const char *end = memchr(text->buf + at, '\n', text->len - at);
        struct kn_network_state_changes changes = { NULL, 0 };
        json_auto_t *line = end == NULL ? NULL : json_loadb(text->buf + at, (size_t)(end - text->buf) - at, 0, NULL);

        if (line == NULL || kn_network_state_take(state, line, &changes, ret_unread) < 0) {
            if (line == NULL && end != NULL) {
                kn_fail(ret_unread, KN_BAD_REQUEST, "the state of networks is damaged behind version %lld",
                        (long long)state->version);
            }
            break;
        }
        kn_network_state_changes_release(&changes);
        at = (size_t)(end - text->buf) + 1;
        *ret_first = *ret_first == 0 ? at : *ret_first;
    }
    return at;
}

static int file_attach(struct kn_network_state_file *file, struct kn_error *err)
{
    if (file->fd >= 0) {
        close(file->fd);
    }
    file->fd = open(file->path, O_WRONLY | O_CLOEXEC);
    if (file->fd < 0 && errno != ENOENT) {
        return kn_fail(err, KN_INTERNAL, "cannot open \"%s\": %s", file->path, strerror(errno));
    }
    if (file->fd >= 0 && (ftruncate(file->fd, (off_t)file->size) < 0 || lseek(file->fd, 0, SEEK_END) < 0)) {
        return kn_fail(err, KN_INTERNAL, "cannot write \"%s\": %s", file->path, strerror(errno));
    }
    return 0;
}

int kn_network_state_file_open(const char *path, struct kn_network_state *state,
                               struct kn_network_state_file **ret_file, struct kn_error *ret_unread,
                               struct kn_error *err)
{
    struct kn_network_state_file *file = KN_NEW(struct kn_network_state_file);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

    file->path = kn_strdup(path);
    file->fd = -1;
    kn_network_file_read(path, &text);
    file->size = take_lines(&text, state, &file->whole, ret_unread);
    if (file_attach(file, err) < 0) {
        kn_network_state_file_free(file);
        return -1;
    }
    *ret_file = file;
    return 0;
}

void kn_network_state_file_free(struct kn_network_state_file *file)
{
    if (file != NULL) {
        if (file->fd >= 0) {
            close(file->fd);
        }
        free(file->path);
        free(file);
    }
}

/* --- writing -------------------------------------------------------------------------------------------------------- */

/* Pieces become one line; what is only for the way is left out. */
static json_t *merged(json_t *bodies, const struct kn_network_state *state)
{
    json_t *put = json_array(), *drop = json_array(), *first = json_array_get(bodies, 0), *body, *object;
    size_t i, n;

    json_array_foreach (bodies, i, body) {
        json_array_extend(put, json_object_get(body, "put"));
        json_array_extend(drop, json_object_get(body, "drop"));
    }
    json_array_foreach (put, n, object) {
        const struct kn_network_state_network *network =
            kn_network_kind_of(json_string_value(json_object_get(object, "kind"))) == KN_NETWORK_IS_NETWORK
                ? kn_network_state_get(state, KN_NETWORK_IS_NETWORK, json_string_value(json_object_get(object, "id")))
                : NULL;

        if (network != NULL) {
            json_object_set_new(object, "zone", json_integer(network->zone));
        }
    }
    return json_pack("{s:O, s:O, s:o, s:o}", "from", json_object_get(first, "from"), "version",
                     json_object_get(first, "version"), "put", put, "drop", drop);
}

static int write_anew(struct kn_network_state_file *file, const json_t *whole, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_FREE char *line = line_of(whole);

    kn_strbuf_addstr(&text, line);
    if (kn_network_file_write(file->path, &text, NULL, err) < 0) {
        return -1;
    }
    file->whole = file->size = text.len;
    file->is_behind = false;
    return file_attach(file, err);
}

static int append(struct kn_network_state_file *file, const char *line, struct kn_error *err)
{
    const size_t len = strlen(line);

    for (size_t done = 0; done < len;) {
        const ssize_t n = write(file->fd, line + done, len - done);

        if (n < 0 && errno != EINTR) {
            kn_fail(err, KN_INTERNAL, "cannot write \"%s\": %s", file->path, strerror(errno));
            file->is_behind = true;
            if (ftruncate(file->fd, (off_t)file->size) < 0) {
                unlink(file->path); /* half a line, and then others: rather nothing */
            }
            return -1;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    if (fdatasync(file->fd) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot write \"%s\": %s", file->path, strerror(errno));
    }
    file->size += len;
    return 0;
}

/* The newest words about everything that the state still has. */
static json_t *folded(const struct kn_strbuf *text, const struct kn_network_state *state)
{
    json_t *newest = json_object(), *put = json_array(), *object;
    const char *key;

    for (size_t at = 0; at < text->len;) {
        const char *end = memchr(text->buf + at, '\n', text->len - at);
        json_auto_t *line = end == NULL ? NULL : json_loadb(text->buf + at, (size_t)(end - text->buf) - at, 0, NULL);
        size_t i;

        json_array_foreach (json_object_get(line, "put"), i, object) {
            const char *kind = json_string_value(json_object_get(object, "kind"));
            const char *id = json_string_value(json_object_get(object, "id"));

            if (kind != NULL && id != NULL && kn_network_kind_of(kind) != KN_NETWORK_KINDS &&
                kn_network_state_get(state, kn_network_kind_of(kind), id) != NULL) {
                AUTO_FREE char *name = kn_asprintf("%s %s", kind, id);

                json_object_set(newest, name, object);
            }
        }
        at = end == NULL ? text->len : (size_t)(end - text->buf) + 1;
    }
    json_object_foreach (newest, key, object) {
        json_array_append(put, object);
    }
    json_decref(newest);
    return json_pack("{s:i, s:I, s:o, s:[]}", "from", -1, "version", (json_int_t)state->version, "put", put, "drop");
}

int kn_network_state_file_add(struct kn_network_state_file *file, json_t *bodies, const struct kn_network_state *state,
                              struct kn_error *err)
{
    json_auto_t *line = merged(bodies, state);

    if (json_integer_value(json_object_get(line, "from")) == -1) {
        return write_anew(file, line, err);
    }
    if (file->is_behind || file->fd < 0) {
        return 0;
    }
    AUTO_FREE char *text = line_of(line);

    if (append(file, text, err) < 0) {
        return -1;
    }
    if (file->size > 2 * file->whole + SLACK) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf all = KN_STRBUF_INIT;
        json_auto_t *whole = NULL;

        kn_network_file_read(file->path, &all);
        whole = folded(&all, state);
        return write_anew(file, whole, err);
    }
    return 0;
}
