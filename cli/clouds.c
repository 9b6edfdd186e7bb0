/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of YAML as clouds.yaml needs, line by line: the indentation says what a key belongs to. It must never print what it read: there are
 * passwords in it.
 */
#include "cli/clouds.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define DEPTH 4          /* clouds: <cloud>: auth: key */
#define WORD_MAX 1024
#define FILE_MAX ((size_t)1 << 20)

static const struct {
    const char *key;
    bool in_auth;
    const char *variable;
} KEYS[] = {
    { "application_credential_id", true, "OS_APPLICATION_CREDENTIAL_ID" },
    { "application_credential_secret", true, "OS_APPLICATION_CREDENTIAL_SECRET" },
    { "auth_url", true, "OS_AUTH_URL" },
    { "cacert", false, "OS_CACERT" },
    { "interface", false, "OS_INTERFACE" },
    { "password", true, "OS_PASSWORD" },
    { "project_domain_id", true, "OS_PROJECT_DOMAIN_ID" },
    { "project_domain_name", true, "OS_PROJECT_DOMAIN_NAME" },
    { "project_id", true, "OS_PROJECT_ID" },
    { "project_name", true, "OS_PROJECT_NAME" },
    { "region_name", false, "OS_REGION_NAME" },
    { "token", true, "OS_TOKEN" },
    { "user_domain_id", true, "OS_USER_DOMAIN_ID" },
    { "user_domain_name", true, "OS_USER_DOMAIN_NAME" },
    { "user_id", true, "OS_USER_ID" },
    { "username", true, "OS_USERNAME" },
};

struct level {
    int indent;
    char key[WORD_MAX];
};

struct walk {
    struct level levels[DEPTH]; /* from the outermost key to the line's own */
    int depth;
};

/* A word without the quotes around it; unquoted, it ends before " #" and the white space at its end. */
static void copy_word(char out[WORD_MAX], const char *from, size_t len)
{
    AUTO_FREE char *word = kn_strndup(from, len);
    const char quote = word[0];

    if (quote == '"' || quote == '\'') {
        kn_copy(out, WORD_MAX, word + 1);
        out[strcspn(out, (const char[]){ quote, '\0' })] = '\0';
        return;
    }
    char *const comment = strstr(word, " #");
    if (comment != NULL) {
        *comment = '\0';
    }
    kn_copy(out, WORD_MAX, word);
    for (size_t end = strlen(out); end > 0 && strchr(" \t\r", out[end - 1]) != NULL;) {
        out[--end] = '\0';
    }
}

/* "  key: value": false for what is no such line. Leaves the walk at this key. */
static bool step(struct walk *w, const char *line, size_t len, char value[WORD_MAX])
{
    const size_t indent = strspn(line, " ");
    size_t colon = indent;

    while (colon < len && !(line[colon] == ':' && (colon + 1 == len || strchr(" \r", line[colon + 1]) != NULL))) {
        colon++;
    }
    if (indent >= len || line[indent] == '#' || line[indent] == '-' || colon >= len) {
        return false;
    }
    while (w->depth > 0 && w->levels[w->depth - 1].indent >= (int)indent) {
        w->depth--;
    }
    if (w->depth == DEPTH) {
        return false;
    }
    struct level *level = &w->levels[w->depth++];
    level->indent = (int)indent;
    copy_word(level->key, line + indent, colon - indent);
    colon++;
    colon += strspn(line + colon, " ");
    copy_word(value, line + (colon < len ? colon : len), colon < len ? len - colon : 0);
    return true;
}

static bool is_at(const struct walk *w, int level, const char *key)
{
    return w->depth > level && strcmp(w->levels[level].key, key) == 0;
}

int kn_clouds_parse(const char *text, const char *cloud, void (*visit)(void *ctx, const char *variable, const char *value),
                    void *ctx, struct kn_error *err)
{
    struct walk w = { .depth = 0 };
    bool found = false;

    for (size_t len; *text != '\0'; text += len + (text[len] == '\n')) {
        char value[WORD_MAX];

        len = strcspn(text, "\n");
        if (!step(&w, text, len, value) || !is_at(&w, 0, "clouds") || !is_at(&w, 1, cloud)) {
            continue;
        }
        found = true;
        const bool in_auth = w.depth == DEPTH && is_at(&w, 2, "auth");
        for (size_t i = 0; i < KN_COUNT(KEYS) && value[0] != '\0' && (in_auth || w.depth == DEPTH - 1); i++) {
            if (KEYS[i].in_auth == in_auth && is_at(&w, w.depth - 1, KEYS[i].key)) {
                visit(ctx, KEYS[i].variable, value);
            }
        }
    }
    return found ? 0 : kn_fail(err, KN_NOT_FOUND, "clouds.yaml knows no cloud \"%.64s\"", cloud);
}

/* --- the file --------------------------------------------------------------------------------------------------------- */

static FILE *open_file(void)
{
    const char *named = getenv("OS_CLIENT_CONFIG_FILE");
    const char *home = getenv("HOME");
    AUTO_FREE char *own = kn_asprintf("%s/.config/openstack/clouds.yaml", home != NULL ? home : "");
    const char *const places[] = { named != NULL ? named : "clouds.yaml", named != NULL ? named : own,
                                   named != NULL ? named : "/etc/openstack/clouds.yaml" };
    FILE *f = NULL;

    for (size_t i = 0; f == NULL && i < KN_COUNT(places); i++) {
        f = fopen(places[i], "re");
    }
    return f;
}

static void set_variable(void *ctx, const char *variable, const char *value)
{
    (void)ctx;
    setenv(variable, value, 0);
}

int kn_clouds_load(struct kn_error *err)
{
    const char *cloud = getenv("OS_CLOUD");
    AUTO_FREE char *text = NULL;

    if (cloud == NULL || cloud[0] == '\0') {
        return 0;
    }
    FILE *f = open_file();
    if (f == NULL) {
        return kn_fail(err, KN_NOT_FOUND, "OS_CLOUD is set, but there is no clouds.yaml");
    }
    text = kn_alloc(FILE_MAX + 1);
    text[fread(text, 1, FILE_MAX, f)] = '\0';
    fclose(f);
    return kn_clouds_parse(text, cloud, set_variable, NULL, err);
}
