/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the configuration: reads the layers over the table of conf.def, and prints that table. It is strict, because a daemon that
 * runs with half of its wishes ignored is worse than one that does not start. It must never print a SECRET, nor interpret an
 * option beyond its type and range: that is its reader's business.
 */
#include "lib/adapter/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/base/version.h"

#define SYSTEM_FILE "/etc/kilonova/kilonova.conf"
#define FILE_MAX_BYTES (1024 * 1024)

enum option_type { OPTION_STRING, OPTION_SECRET, OPTION_INT, OPTION_BOOL };

struct conf_option {
    enum option_type type;
    size_t offset; /* in struct kn_conf */
    const char *section;
    const char *key;
    const char *dflt;
    int64_t min, max;
    const char *help;
};

static const struct conf_option OPTIONS[] = {
#define X(type, member, section, key, dflt, min, max, help) \
    { OPTION_##type, offsetof(struct kn_conf, member), section, key, dflt, min, max, help },
#include "lib/adapter/conf.def"
#undef X
};

/* --- values ---------------------------------------------------------------------------------------------------- */

/* One copy of each text, kept for ever: kn_conf_load() promises that strings live as long as the process. */
static const char *intern(const char *text)
{
    static struct kn_hmap *texts; /* main thread */
    if (texts == NULL) {
        texts = kn_hmap_new(free);
    }
    const char *known = kn_hmap_get(texts, text);
    if (known == NULL) {
        char *copy = kn_strdup(text);
        kn_hmap_put(texts, text, copy);
        known = copy;
    }
    return known;
}

static int parse_int(const struct conf_option *o, const char *value, int64_t *ret, struct kn_error *err)
{
    char *end = NULL;
    errno = 0;
    long long n = strtoll(value, &end, 10);
    bool digits = (value[0] >= '0' && value[0] <= '9') || (value[0] == '-' && value[1] >= '0' && value[1] <= '9');
    if (!digits || *end != '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "%s.%s wants a number, not \"%s\"", o->section, o->key, value);
    }
    if (errno == ERANGE || n < o->min || n > o->max) {
        return kn_fail(err, KN_BAD_REQUEST, "%s.%s is \"%s\", outside %" PRId64 " to %" PRId64, o->section, o->key,
                       value, o->min, o->max);
    }
    *ret = n;
    return 0;
}

static int parse_bool(const struct conf_option *o, const char *value, bool *ret, struct kn_error *err)
{
    static const char *const WORDS[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };
    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        if (strcasecmp(value, WORDS[i]) == 0) {
            *ret = i % 2 == 1;
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "%s.%s wants true or false, not \"%s\"", o->section, o->key, value);
}

static int conf_set_option(struct kn_conf *conf, const struct conf_option *o, const char *value, struct kn_error *err)
{
    void *member = (char *)conf + o->offset;
    switch (o->type) {
    case OPTION_STRING:
    case OPTION_SECRET:
        *(const char **)member = intern(value);
        return 0;
    case OPTION_INT:
        return parse_int(o, value, member, err);
    case OPTION_BOOL:
        return parse_bool(o, value, member, err);
    }
    abort();
}

void kn_conf_defaults(struct kn_conf *conf)
{
    memset(conf, 0, sizeof(*conf));
    for (size_t i = 0; i < KN_COUNT(OPTIONS); i++) {
        struct kn_error err;
        if (conf_set_option(conf, &OPTIONS[i], OPTIONS[i].dflt, &err) < 0) {
            fprintf(stderr, "conf.def: %s\n", err.message);
            abort();
        }
    }
}

static const struct conf_option *find_option(const char *section, size_t section_len, const char *key)
{
    for (size_t i = 0; i < KN_COUNT(OPTIONS); i++) {
        const struct conf_option *o = &OPTIONS[i];
        if (strlen(o->section) == section_len && strncmp(o->section, section, section_len) == 0 &&
            strcmp(o->key, key) == 0) {
            return o;
        }
    }
    return NULL;
}

/* --- the file -------------------------------------------------------------------------------------------------- */

struct conf_reader {
    struct kn_conf conf;
    const char *name; /* of the file */
    int line;
    char section[64];
    bool seen[KN_COUNT(OPTIONS)];
};

static int conf_complain(const struct conf_reader *r, struct kn_error *err, const char *what, const char *value)
{
    return kn_fail(err, KN_BAD_REQUEST, "%s:%d: %s \"%s\"", r->name, r->line, what, value);
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r')) {
        text[--len] = '\0';
    }
    return text;
}

static int read_section(struct conf_reader *r, char *text, struct kn_error *err)
{
    size_t len = strlen(text);
    if (text[len - 1] != ']') {
        return conf_complain(r, err, "a section without its \"]\":", text);
    }
    text[len - 1] = '\0';
    for (size_t i = 0; i < KN_COUNT(OPTIONS); i++) {
        if (strcmp(OPTIONS[i].section, text + 1) == 0) {
            kn_copy(r->section, sizeof(r->section), text + 1);
            return 0;
        }
    }
    return conf_complain(r, err, "unknown section", text + 1);
}

static int read_pair(struct conf_reader *r, char *text, struct kn_error *err)
{
    char *equals = strchr(text, '=');
    if (equals == NULL) {
        return conf_complain(r, err, "neither \"[section]\" nor \"key = value\":", text);
    }
    *equals = '\0';
    const char *key = trim(text);
    if (r->section[0] == '\0') {
        return conf_complain(r, err, "a key before the first section:", key);
    }
    const struct conf_option *o = find_option(r->section, strlen(r->section), key);
    if (o == NULL) {
        kn_fail(err, KN_BAD_REQUEST, "%s:%d: unknown key \"%s\" in section \"%s\"", r->name, r->line, key, r->section);
        return kn_fail_hint(err, "--help lists every option");
    }
    if (r->seen[o - OPTIONS]) {
        return conf_complain(r, err, "a second value for", key);
    }
    r->seen[o - OPTIONS] = true;
    if (conf_set_option(&r->conf, o, trim(equals + 1), err) < 0) {
        return kn_fail_context(err, "%s:%d", r->name, r->line);
    }
    return 0;
}

static int conf_read_line(struct conf_reader *r, char *text, size_t len, struct kn_error *err)
{
    for (size_t i = 0; i < len; i++) {
        bool last_cr = text[i] == '\r' && i + 1 == len;
        if (((unsigned char)text[i] < ' ' && text[i] != '\t' && !last_cr) || text[i] == 0x7f) {
            return kn_fail(err, KN_BAD_REQUEST, "%s:%d: a control character (byte %d)", r->name, r->line,
                           (unsigned char)text[i]);
        }
    }
    text = trim(text);
    if (*text == '\0' || *text == '#' || *text == ';') {
        return 0;
    }
    return *text == '[' ? read_section(r, text, err) : read_pair(r, text, err);
}

int kn_conf_parse(struct kn_conf *conf, const char *name, const char *text, size_t len, struct kn_error *err)
{
    struct conf_reader r = { .conf = *conf, .name = name };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf line = KN_STRBUF_INIT;
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t line_len = end != NULL ? (size_t)(end - text) - at : len - at;
        r.line++;
        kn_strbuf_clear(&line);
        kn_strbuf_add(&line, text + at, line_len);
        if (line_len > 0 && conf_read_line(&r, line.buf, line_len, err) < 0) {
            return -1;
        }
        at += line_len + 1;
    }
    *conf = r.conf;
    return 0;
}

static int conf_read_file(struct kn_conf *conf, const char *path, struct kn_error *err)
{
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return kn_fail(err, KN_NOT_FOUND, "cannot open the configuration \"%s\": %s", path, strerror(errno));
    }
    AUTO_FREE char *text = kn_alloc(FILE_MAX_BYTES + 1);
    size_t len = fread(text, 1, FILE_MAX_BYTES + 1, f);
    bool broken = ferror(f) != 0;
    fclose(f);
    if (broken || len > FILE_MAX_BYTES) {
        return kn_fail(err, KN_BAD_REQUEST, "cannot read the configuration \"%s\": %s", path,
                       broken ? "read error" : "larger than 1 MiB");
    }
    return kn_conf_parse(conf, path, text, len, err);
}

/* --- environment and command line ---------------------------------------------------------------------------------- */

/* Does NAME (KILONOVA_DB_URL) begin with this section, and if so, where does the key begin? */
static const char *env_key(const char *name, const char *section)
{
    size_t len = strlen(section);
    return strncasecmp(name, section, len) == 0 && name[len] == '_' ? name + len + 1 : NULL;
}

static int set_from_env(struct kn_conf *conf, const char *name, const char *value, struct kn_error *err)
{
    bool ours = false; /* the section is known, so a key that is not is a slip of the pen */
    for (size_t i = 0; i < KN_COUNT(OPTIONS); i++) {
        const char *key = env_key(name, OPTIONS[i].section);
        if (key == NULL) {
            continue;
        }
        ours = true;
        if (strcasecmp(key, OPTIONS[i].key) == 0) {
            return conf_set_option(conf, &OPTIONS[i], value, err) < 0
                       ? kn_fail_context(err, "environment variable KILONOVA_%s", name)
                       : 0;
        }
    }
    return !ours ? 0 : kn_fail(err, KN_BAD_REQUEST, "environment variable \"KILONOVA_%s\" names no option", name);
}

static int read_environment(struct kn_conf *conf, struct kn_error *err)
{
    static const char PREFIX[] = "KILONOVA_";
    for (char **e = environ; e != NULL && *e != NULL; e++) {
        const char *equals = strchr(*e, '=');
        if (equals == NULL || strncmp(*e, PREFIX, sizeof(PREFIX) - 1) != 0) {
            continue;
        }
        const char *begin = *e + sizeof(PREFIX) - 1;
        AUTO_FREE char *name = kn_strndup(begin, (size_t)(equals - begin));
        if (set_from_env(conf, name, equals + 1, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* section.key=value */
static int set_from_argument(struct kn_conf *conf, const char *text, struct kn_error *err)
{
    AUTO_FREE char *copy = kn_strdup(text);
    char *dot = strchr(copy, '.');
    char *equals = strchr(copy, '=');
    if (dot == NULL || equals == NULL || dot > equals) {
        /* not shown: it may hold a secret */
        return kn_fail(err, KN_BAD_REQUEST, "--set wants section.key=value");
    }
    *equals = '\0';
    const struct conf_option *o = find_option(copy, (size_t)(dot - copy), dot + 1);
    if (o == NULL) {
        kn_fail(err, KN_BAD_REQUEST, "--set: unknown option \"%s\"", copy);
        return kn_fail_hint(err, "--help lists every option");
    }
    return conf_set_option(conf, o, equals + 1, err) < 0 ? kn_fail_context(err, "--set") : 0;
}

/* The value of `--name VALUE` or `--name=VALUE` at argv[*i], moving *i on; NULL if argv[*i] is something else. */
static const char *option_value(const char *name, int argc, char **argv, int *i)
{
    size_t len = strlen(name);
    if (strncmp(argv[*i], name, len) != 0) {
        return NULL;
    }
    if (argv[*i][len] == '=') {
        return argv[*i] + len + 1;
    }
    if (argv[*i][len] != '\0') {
        return NULL;
    }
    return *i + 1 < argc ? argv[++*i] : "";
}

struct arguments {
    const char *file;
    const char **sets; /* values of --set, in order */
    int set_count;
    char **left; /* NULL-ended */
    int left_count;
};

static void print_and_leave(const char *argument)
{
    if (strcmp(argument, "--help") == 0) {
        kn_conf_help(stdout);
        exit(EXIT_SUCCESS);
    }
    if (strcmp(argument, "--version") == 0) {
        puts("kilonova " KN_VERSION);
        exit(EXIT_SUCCESS);
    }
}

static void conf_read_arguments(struct arguments *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        print_and_leave(argv[i]);
        const char *value;
        if ((value = option_value("--config", argc, argv, &i)) != NULL) {
            a->file = value;
        } else if ((value = option_value("--set", argc, argv, &i)) != NULL) {
            a->sets[a->set_count++] = value;
        } else {
            a->left[a->left_count++] = argv[i];
        }
    }
}

static int read_layers(struct kn_conf *conf, const struct arguments *a, struct kn_error *err)
{
    const char *file = a->file != NULL ? a->file : getenv("KILONOVA_CONFIG");
    if (file == NULL && access(SYSTEM_FILE, F_OK) == 0) {
        file = SYSTEM_FILE;
    }
    if (file != NULL && conf_read_file(conf, file, err) < 0) {
        return -1;
    }
    if (read_environment(conf, err) < 0) {
        return -1;
    }
    for (int i = 0; i < a->set_count; i++) {
        if (set_from_argument(conf, a->sets[i], err) < 0) {
            return -1;
        }
    }
    return 0;
}

int kn_conf_load(struct kn_conf *conf, int argc, char **argv, char ***ret_left, struct kn_error *err)
{
    size_t room = (size_t)argc + 1;
    AUTO_FREE const char **sets = kn_alloc(room * sizeof(const char *));
    AUTO_FREE char **left = kn_alloc(room * sizeof(char *));
    struct arguments a = { .sets = sets, .left = left };
    conf_read_arguments(&a, argc, argv);
    if (ret_left == NULL && a.left_count > 0) {
        kn_fail(err, KN_BAD_REQUEST, "unknown argument \"%s\"", left[0]);
        return kn_fail_hint(err, "--help lists what there is");
    }
    struct kn_conf filled;
    kn_conf_defaults(&filled);
    if (read_layers(&filled, &a, err) < 0) {
        return -1;
    }
    *conf = filled;
    if (ret_left != NULL) {
        *ret_left = kn_steal(&left);
    }
    return 0;
}

/* --- printing -------------------------------------------------------------------------------------------------- */

void kn_conf_help(FILE *out)
{
    fprintf(out,
            "Options, as \"key = value\" under [section] in the file, KILONOVA_SECTION_KEY in the environment, or\n"
            "--set section.key=value. The file is --config FILE, $KILONOVA_CONFIG or " SYSTEM_FILE ".\n\n");
    for (size_t i = 0; i < KN_COUNT(OPTIONS); i++) {
        const struct conf_option *o = &OPTIONS[i];
        fprintf(out, "  %s.%s = %s\n      %s", o->section, o->key, o->dflt, o->help);
        if (o->type == OPTION_INT) {
            fprintf(out, " (%" PRId64 " to %" PRId64 ")", o->min, o->max);
        }
        fputs("\n", out);
    }
}

static void print_value(const struct kn_conf *conf, const struct conf_option *o, FILE *out)
{
    const void *member = (const char *)conf + o->offset;
    switch (o->type) {
    case OPTION_STRING:
        fputs(*(const char *const *)member, out);
        break;
    case OPTION_SECRET:
        fputs("***", out);
        break;
    case OPTION_INT:
        fprintf(out, "%" PRId64, *(const int64_t *)member);
        break;
    case OPTION_BOOL:
        fputs(*(const bool *)member ? "true" : "false", out);
        break;
    }
}

void kn_conf_print(const struct kn_conf *conf, FILE *out)
{
    const char *section = "";
    for (size_t i = 0; i < KN_COUNT(OPTIONS); i++) {
        const struct conf_option *o = &OPTIONS[i];
        if (strcmp(section, o->section) != 0) {
            section = o->section;
            fprintf(out, "%s[%s]\n", i > 0 ? "\n" : "", section);
        }
        fprintf(out, "%s = ", o->key);
        print_value(conf, o, out);
        fputs("\n", out);
    }
}
