/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clouds.yaml, which libyaml reads: nodes of one document, aliases resolved to what they stand for and never copied. It must never print what it read:
 * there are passwords in it.
 */
#include "cli/clouds.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define MERGES 8         /* "<<" in what a "<<" brought in, so deep */
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

_Static_assert(KN_COUNT(KEYS) <= 32, "a bit each");

struct walk {
    yaml_document_t document;
    bool is_open;
    void (*visit)(void *ctx, const char *variable, const char *value);
    void *ctx;
    uint32_t seen; /* bits of KEYS: what stands in the cloud itself goes before what it merges */
};

static void walk_release(struct walk *w)
{
    if (w->is_open) {
        yaml_document_delete(&w->document);
    }
}

static const char *text_of(const yaml_node_t *node)
{
    return node != NULL && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

/* Nothing is said by an empty value, or by one of YAML's words for nothing. */
static bool says_nothing(const yaml_node_t *node)
{
    const char *text = text_of(node);

    return text[0] == '\0' || (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && (strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0));
}

/* The value of a key; NULL: it is no mapping, or has no such key. */
static yaml_node_t *value_of(struct walk *w, const yaml_node_t *node, const char *key)
{
    if (node == NULL || node->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(&w->document, pair->key);

        if (name->type == YAML_SCALAR_NODE && strcmp(text_of(name), key) == 0) {
            return yaml_document_get_node(&w->document, pair->value);
        }
    }
    return NULL;
}

static void visit_key(struct walk *w, const char *key, bool in_auth, const yaml_node_t *value)
{
    for (size_t i = 0; i < KN_COUNT(KEYS); i++) {
        if (KEYS[i].in_auth == in_auth && strcmp(KEYS[i].key, key) == 0 && (w->seen & UINT32_C(1) << i) == 0 && !says_nothing(value)) {
            w->seen |= UINT32_C(1) << i;
            w->visit(w->ctx, KEYS[i].variable, text_of(value));
        }
    }
}

static void visit_all(struct walk *w, const yaml_node_t *node, bool in_auth, int merges);

/* "<<": a mapping, or several. */
static void visit_merged(struct walk *w, const yaml_node_t *merged, bool in_auth, int merges)
{
    if (merged == NULL || merges == MERGES) {
        return;
    }
    visit_all(w, merged, in_auth, merges + 1);
    for (const yaml_node_item_t *item = merged->data.sequence.items.start;
         merged->type == YAML_SEQUENCE_NODE && item < merged->data.sequence.items.top; item++) {
        visit_all(w, yaml_document_get_node(&w->document, *item), in_auth, merges + 1);
    }
}

static void visit_all(struct walk *w, const yaml_node_t *node, bool in_auth, int merges)
{
    if (node->type != YAML_MAPPING_NODE) {
        return;
    }
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *value = yaml_document_get_node(&w->document, pair->value);
        const char *key = text_of(yaml_document_get_node(&w->document, pair->key));

        visit_key(w, key, in_auth, value);
        if (!in_auth && strcmp(key, "auth") == 0) {
            visit_all(w, value, true, merges);
        }
    }
    visit_merged(w, value_of(w, node, "<<"), in_auth, merges);
}

/* Where and why, in libyaml's words: they repeat nothing of the text. */
static int load(struct walk *w, const char *text, struct kn_error *err)
{
    yaml_parser_t parser;

    if (yaml_parser_initialize(&parser) == 0) {
        return kn_fail(err, KN_INTERNAL, "libyaml does not start");
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
    w->is_open = yaml_parser_load(&parser, &w->document) != 0;
    if (!w->is_open) {
        kn_fail(err, KN_BAD_REQUEST, "clouds.yaml is no YAML: line %zu: %s", parser.problem_mark.line + 1,
                parser.problem != NULL ? parser.problem : "it ends too early");
    }
    yaml_parser_delete(&parser);
    return w->is_open ? 0 : -1;
}

int kn_clouds_parse(const char *text, const char *cloud, void (*visit)(void *ctx, const char *variable, const char *value),
                    void *ctx, struct kn_error *err)
{
    AUTO_RELEASE(walk) struct walk w = { .visit = visit, .ctx = ctx };
    const yaml_node_t *found;

    if (load(&w, text, err) < 0) {
        return -1;
    }
    found = value_of(&w, value_of(&w, yaml_document_get_root_node(&w.document), "clouds"), cloud);
    if (found == NULL) {
        return kn_fail(err, KN_NOT_FOUND, "clouds.yaml knows no cloud \"%.64s\"", cloud);
    }
    visit_all(&w, found, false, 0);
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
