/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clouds.yaml by libyaml: its events are counted first, so that what is built then is small; an alias is the node that it names, never a copy.
 * Says where something is wrong, by line. It must never print what it read: there are passwords in it.
 */
#include "cli/clouds.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define TEXT_MAX ((size_t)256 << 10)
#define NODES_MAX 4096
#define NESTED_MAX 32
#define AUTO_PARSER __attribute__((cleanup(yaml_parser_delete)))
#define AUTO_DOCUMENT __attribute__((cleanup(yaml_document_delete)))

/* In the order in which they are told. */
static const struct {
    const char *key;
    bool in_auth;
    const char *variable;
} KEYS[] = {
    { "auth_url", true, "OS_AUTH_URL" },
    { "username", true, "OS_USERNAME" },
    { "user_id", true, "OS_USER_ID" },
    { "user_domain_id", true, "OS_USER_DOMAIN_ID" },
    { "user_domain_name", true, "OS_USER_DOMAIN_NAME" },
    { "password", true, "OS_PASSWORD" },
    { "application_credential_id", true, "OS_APPLICATION_CREDENTIAL_ID" },
    { "application_credential_secret", true, "OS_APPLICATION_CREDENTIAL_SECRET" },
    { "token", true, "OS_TOKEN" },
    { "project_id", true, "OS_PROJECT_ID" },
    { "project_name", true, "OS_PROJECT_NAME" },
    { "project_domain_id", true, "OS_PROJECT_DOMAIN_ID" },
    { "project_domain_name", true, "OS_PROJECT_DOMAIN_NAME" },
    { "region_name", false, "OS_REGION_NAME" },
    { "interface", false, "OS_INTERFACE" },
    { "cacert", false, "OS_CACERT" },
};

static int refuse_line(struct kn_error *err, size_t line, const char *why)
{
    return kn_fail(err, KN_BAD_REQUEST, "clouds.yaml, line %zu: %s", line + 1, why);
}

/* libyaml's words are its own constants; they quote nothing of the file. */
static int refuse_yaml(const yaml_parser_t *parser, struct kn_error *err)
{
    return refuse_line(err, parser->problem_mark.line, parser->problem != NULL ? parser->problem : "this is not YAML");
}

static int clouds_start(yaml_parser_t *parser, const char *text, struct kn_error *err)
{
    if (yaml_parser_initialize(parser) == 0) {
        return kn_fail(err, KN_INTERNAL, "libyaml cannot start");
    }
    yaml_parser_set_input_string(parser, (const unsigned char *)text, strlen(text));
    return 0;
}

struct measure {
    size_t nodes;
    size_t documents;
    size_t nested;
};

/* What is too much about this event; NULL: nothing. */
static const char *count_event(struct measure *m, yaml_event_type_t type)
{
    const bool opens = type == YAML_MAPPING_START_EVENT || type == YAML_SEQUENCE_START_EVENT;

    m->documents += type == YAML_DOCUMENT_START_EVENT;
    m->nodes += opens || type == YAML_SCALAR_EVENT || type == YAML_ALIAS_EVENT;
    m->nested += opens;
    m->nested -= type == YAML_MAPPING_END_EVENT || type == YAML_SEQUENCE_END_EVENT;
    return m->documents > 1         ? "a second document begins, one was expected"
           : m->nodes > NODES_MAX   ? "too many keys and values"
           : m->nested > NESTED_MAX ? "nested too deeply"
                                    : NULL;
}

/* Reads all events and keeps none. */
static int clouds_check_size(const char *text, struct kn_error *err)
{
    AUTO_PARSER yaml_parser_t parser = { 0 };
    struct measure m = { 0 };
    bool is_over = false;

    if (strlen(text) > TEXT_MAX) {
        return kn_fail(err, KN_BAD_REQUEST, "clouds.yaml is larger than %zu KiB", TEXT_MAX >> 10);
    }
    if (clouds_start(&parser, text, err) < 0) {
        return -1;
    }
    while (!is_over) {
        yaml_event_t event;

        if (yaml_parser_parse(&parser, &event) == 0) {
            return refuse_yaml(&parser, err);
        }
        const size_t line = event.start_mark.line;
        const char *const too_much = count_event(&m, event.type);
        is_over = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        if (too_much != NULL) {
            return refuse_line(err, line, too_much);
        }
    }
    return 0;
}

/* --- the tree ----------------------------------------------------------------------------------------------------------- */

struct clouds_tree {
    yaml_document_t *doc;
    bool is_searched[NODES_MAX + 1]; /* by this search: an anchor may be named a thousand times, or where it stands */
};

static const char *scalar(const yaml_node_t *node)
{
    return node != NULL && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static bool is_null(const yaml_node_t *node)
{
    static const char *const NULLS[] = { "", "~", "null", "Null", "NULL" };
    const char *const value = scalar(node);
    bool is = false;

    for (size_t i = 0; value != NULL && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && i < KN_COUNT(NULLS);
         i++) {
        is = is || strcmp(value, NULLS[i]) == 0;
    }
    return is;
}

static const yaml_node_t *own_value(const struct clouds_tree *t, const yaml_node_t *mapping, const char *key)
{
    const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;

    for (; pair < mapping->data.mapping.pairs.top; pair++) {
        const char *const name = scalar(yaml_document_get_node(t->doc, pair->key));

        if (name != NULL && strcmp(name, key) == 0) {
            return yaml_document_get_node(t->doc, pair->value);
        }
    }
    return NULL;
}

/*
 * A mapping's own key, or one of those that it merges in by "<<": a mapping or several, the first wins. What this search has been through has
 * no such key, so that each mapping is looked at once, however often it is named.
 */
static const yaml_node_t *clouds_search(struct clouds_tree *t, const yaml_node_t *node, const char *key)
{
    bool *const is_searched = &t->is_searched[node - t->doc->nodes.start];
    const yaml_node_t *found = NULL;

    if (*is_searched) {
        return NULL;
    }
    *is_searched = true;
    if (node->type == YAML_SEQUENCE_NODE) {
        const yaml_node_item_t *item = node->data.sequence.items.start;
        for (; found == NULL && item < node->data.sequence.items.top; item++) {
            found = clouds_search(t, yaml_document_get_node(t->doc, *item), key);
        }
    } else if (node->type == YAML_MAPPING_NODE) {
        const yaml_node_t *const merged = own_value(t, node, "<<");
        found = own_value(t, node, key);
        found = found == NULL && merged != NULL ? clouds_search(t, merged, key) : found;
    }
    return found;
}

static const yaml_node_t *clouds_value_of(struct clouds_tree *t, const yaml_node_t *mapping, const char *key)
{
    if (mapping == NULL || mapping->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    memset(t->is_searched, 0, sizeof(t->is_searched));
    return clouds_search(t, mapping, key);
}

static int compare_keys(const void *a, const void *b)
{
    const yaml_node_t *const left = *(const yaml_node_t *const *)a;
    const yaml_node_t *const right = *(const yaml_node_t *const *)b;
    const int order = strcmp(scalar(left), scalar(right));

    return order != 0 ? order
                      : (left->start_mark.index > right->start_mark.index) -
                            (left->start_mark.index < right->start_mark.index);
}

/* A key that stands twice in one mapping: which of the two is meant, nobody knows. */
static int check_keys(yaml_document_t *doc, const yaml_node_t *mapping, struct kn_error *err)
{
    const yaml_node_pair_t *const pairs = mapping->data.mapping.pairs.start;
    const size_t count = (size_t)(mapping->data.mapping.pairs.top - pairs);
    AUTO_FREE const yaml_node_t **keys = kn_alloc((count + 1) * sizeof(*keys));
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        keys[n] = yaml_document_get_node(doc, pairs[i].key);
        n += scalar(keys[n]) != NULL;
    }
    qsort(keys, n, sizeof(*keys), compare_keys);
    for (size_t i = 1; i < n; i++) {
        if (strcmp(scalar(keys[i - 1]), scalar(keys[i])) == 0) {
            return kn_fail(err, KN_BAD_REQUEST, "clouds.yaml, line %zu: the key of line %zu stands here again",
                           keys[i]->start_mark.line + 1, keys[i - 1]->start_mark.line + 1);
        }
    }
    return 0;
}

static int check_nodes(yaml_document_t *doc, struct kn_error *err)
{
    for (const yaml_node_t *node = doc->nodes.start; node < doc->nodes.top; node++) {
        const char *const value = scalar(node);

        if (value != NULL && strlen(value) != node->data.scalar.length) {
            return refuse_line(err, node->start_mark.line, "a NUL byte in a value");
        }
        if (node->type == YAML_MAPPING_NODE && check_keys(doc, node, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static void clouds_tell(struct clouds_tree *t, const yaml_node_t *cloud,
                        void (*visit)(void *ctx, const char *variable, const char *value), void *ctx)
{
    const yaml_node_t *const auth = clouds_value_of(t, cloud, "auth");

    for (size_t i = 0; i < KN_COUNT(KEYS); i++) {
        const yaml_node_t *const node = clouds_value_of(t, KEYS[i].in_auth ? auth : cloud, KEYS[i].key);
        const char *const value = is_null(node) ? NULL : scalar(node);

        if (value != NULL && value[0] != '\0') {
            visit(ctx, KEYS[i].variable, value);
        }
    }
}

int kn_cli_clouds_parse(const char *text, const char *cloud,
                        void (*visit)(void *ctx, const char *variable, const char *value), void *ctx,
                        struct kn_error *err)
{
    AUTO_PARSER yaml_parser_t parser = { 0 };
    AUTO_DOCUMENT yaml_document_t doc = { 0 };
    struct clouds_tree t = { .doc = &doc };

    if (clouds_check_size(text, err) < 0 || clouds_start(&parser, text, err) < 0) {
        return -1;
    }
    if (yaml_parser_load(&parser, &doc) == 0) {
        return refuse_yaml(&parser, err);
    }
    if (check_nodes(&doc, err) < 0) {
        return -1;
    }
    const yaml_node_t *const clouds = clouds_value_of(&t, yaml_document_get_root_node(&doc), "clouds");
    const yaml_node_t *const found = clouds_value_of(&t, clouds, cloud);
    if (found == NULL) {
        return kn_fail(err, KN_NOT_FOUND, "clouds.yaml knows no cloud \"%.64s\"", cloud);
    }
    clouds_tell(&t, found, visit, ctx);
    return 0;
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

int kn_cli_clouds_load(struct kn_error *err)
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
    text = kn_alloc(TEXT_MAX + 2); /* a byte more than is taken: too large is refused, not cut */
    const size_t len = fread(text, 1, TEXT_MAX + 1, f);
    fclose(f);
    if (strlen(text) != len) {
        return kn_fail(err, KN_BAD_REQUEST, "clouds.yaml has a NUL byte in it");
    }
    return kn_cli_clouds_parse(text, cloud, set_variable, NULL, err);
}
