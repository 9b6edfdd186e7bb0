/* SPDX-License-Identifier: Apache-2.0 */
/* Owns the walk along a right body and the list of wrong values. Numbers that JSON readers cannot hold are put in as text. */
#include "tests/support/feeder.h"

#include <jansson.h>
#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

#define HOLE "@hole@" /* where the value goes */

static const struct {
    char type;
    const char *value;
} VALUES[] = {
    { 'n', "null" },
    { 'b', "true" },
    { 'b', "false" },
    { 'i', "-7" },
    { 'i', "9223372036854775807" },
    { 'i', "999999999999999999999999" },
    { 'f', "5.5" },
    { 's', "\"no such thing \\u0001\"" },
    { 's', "\"\"" },
    { 'd', "\"1\"" },
    { 'a', "[[1]]" },
    { 'a', "[]" },
    { 'o', "{\"a\":{\"b\":1}}" },
};

struct feeding {
    const struct kn_feed *feed;
    json_t *root;
    kn_feed_ask *ask;
    kn_feed_look *look;
    char before[64];
    int failures;
};

static bool is_fine(const struct kn_feed *feed, const char *path, char type)
{
    size_t len = strlen(path);

    for (const char *at = feed->fine; at != NULL && *at != '\0'; at += strcspn(at, " "), at += strspn(at, " ")) {
        if (strncmp(at, path, len) == 0 && at[len] == ':') {
            size_t types = strcspn(at + len + 1, " ");
            return memchr(at + len + 1, type, types) != NULL ||
                   (type == 'd' && memchr(at + len + 1, 's', types) != NULL) ||
                   memchr(at + len + 1, '*', types) != NULL;
        }
    }
    return false;
}

static void complain(struct feeding *f, const char *path, const char *body, const char *what)
{
    print_message("%s %s, field %s, %s: %s\n", f->feed->method, f->feed->path, path, what, body);
    f->failures++;
}

static void feed_one(struct feeding *f, const char *path, char type, const char *value)
{
    AUTO_FREE char *text = json_dumps(f->root, JSON_COMPACT | JSON_ENCODE_ANY);
    char *hole = strstr(text, "\"" HOLE "\"");
    char now[64], words[40];

    assert_non_null(hole);
    *hole = '\0';
    AUTO_FREE char *body = kn_asprintf("%s%s%s", text, value, hole + strlen("\"" HOLE "\""));
    int status = f->ask(f->feed, body);
    bool fine = is_fine(f->feed, path, type);

    f->look(now);
    if (status >= 500 || (!fine && status != 400)) {
        snprintf(words, sizeof(words), "%c answered with %d", type, status);
        complain(f, path, body, words);
    } else if (status >= 400 && strcmp(now, f->before) != 0) {
        complain(f, path, body, "refused and yet something changed");
    }
    memcpy(f->before, now, sizeof(now));
}

static void feed_values(struct feeding *f, const char *path)
{
    for (size_t i = 0; i < KN_COUNT(VALUES); i++) {
        feed_one(f, path, VALUES[i].type, VALUES[i].value);
    }
}

static void walk(struct feeding *f, json_t *at, const char *path);

static void walk_object(struct feeding *f, json_t *object, const char *path)
{
    json_t *names = json_copy(object);
    const char *name;
    json_t *value;

    json_object_foreach (names, name, value) {
        AUTO_FREE char *inner = kn_asprintf("%s%s%s", path, path[0] != '\0' ? "." : "", name);

        json_object_set_new(object, name, json_string(HOLE));
        feed_values(f, inner);
        json_object_set(object, name, value);
        walk(f, value, inner);
    }
    json_object_set_new(object, "kn_colour", json_string(HOLE));
    feed_one(f, path, 'x', "\"red\"");
    json_object_del(object, "kn_colour");
    json_decref(names);
}

static void walk_array(struct feeding *f, json_t *array, const char *path)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        AUTO_FREE char *inner = kn_asprintf("%s%s%zu", path, path[0] != '\0' ? "." : "", i);
        json_t *value = json_incref(json_array_get(array, i));

        json_array_set_new(array, i, json_string(HOLE));
        feed_values(f, inner);
        json_array_set_new(array, i, value);
        walk(f, value, inner);
    }
}

static void walk(struct feeding *f, json_t *at, const char *path)
{
    if (json_is_object(at)) {
        walk_object(f, at, path);
    } else if (json_is_array(at)) {
        walk_array(f, at, path);
    }
}

/* The body's own type: what is no object has to be refused, too. */
static void feed_whole(struct feeding *f)
{
    json_t *root = f->root;

    f->root = json_string(HOLE);
    for (size_t i = 0; i < KN_COUNT(VALUES); i++) {
        if (VALUES[i].type != 'o' && VALUES[i].type != 'a') {
            feed_one(f, "", VALUES[i].type, VALUES[i].value);
        }
    }
    json_decref(f->root);
    f->root = root;
}

void kn_feed_all(const struct kn_feed *feeds, size_t count, kn_feed_ask *ask, kn_feed_look *look)
{
    int failures = 0;

    for (size_t i = 0; i < count; i++) {
        struct feeding f = { .feed = &feeds[i], .root = json_loads(feeds[i].body, 0, NULL), .ask = ask, .look = look };

        assert_non_null(f.root);
        look(f.before);
        walk(&f, f.root, "");
        feed_whole(&f);
        int status = ask(&feeds[i], feeds[i].body);
        /* Or the walk says nothing. Where everything is fine, it has done its work already. */
        if ((status == 400 || status >= 500) && (feeds[i].fine == NULL || strstr(feeds[i].fine, ":*") == NULL)) {
            complain(&f, "", feeds[i].body, "the right body is refused");
        }
        json_decref(f.root);
        failures += f.failures;
    }
    assert_int_equal(failures, 0);
}
