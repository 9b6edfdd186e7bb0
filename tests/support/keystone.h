/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystone: a whole identity service for a test: the real door, a database of its own, real hashing, and the words to speak with
 * it. One a process, since the service is. Every failure fails the test with what the service said.
 *
 *   kn_ks_start(NULL);                                              // or kn_ks_group_start; kn_ks_stop() is its end
 *   struct kn_ks_person p = kn_ks_make_person("rita", "reader");
 *   char token[KN_KS_TOKEN];
 *   kn_ks_log_in(201, p.name, "s3cret", p.scope, token);
 *   kn_ks_ask(403, "GET", "/v3/users", token, NULL);
 */
#ifndef KN_TESTS_SUPPORT_KEYSTONE_H
#define KN_TESTS_SUPPORT_KEYSTONE_H

#include <jansson.h>

#include "api/door.h"
#include "tests/support/http_client.h"
#include "tests/support/scratch.h"

#define KN_KS_PASSWORD "admin pass"
#define KN_KS_ADMIN_SCOPE "{\"project\":{\"name\":\"admin\",\"domain\":{\"id\":\"default\"}}}"
#define KN_KS_TOKEN 700

struct kn_test_keystone {
    struct kn_test_pg *pg;
    struct kn_conf conf;
    struct kn_api_door door;
    struct kn_http_server *server;
    struct kn_test_http http;
    char dir[KN_TEST_DIR];
    char *key_file;
    char *url;
    char admin[KN_KS_TOKEN]; /* a token of admin on project admin */
    json_t *json;            /* the last body, if it was JSON */
};
extern struct kn_test_keystone kn_ks;

/* configure (NULL = nothing) may change the defaults. */
void kn_ks_start(void (*configure)(struct kn_conf *conf));
void kn_ks_stop(void);
/* The same as group fixtures, for a test program that changes no default. */
int kn_ks_group_start(void **state);
int kn_ks_group_stop(void **state);

/* path without /identity; token and body may be NULL. */
void kn_ks_ask(int status, const char *method, const char *path, const char *token, const char *body);
/* Asks again for as long as the answer is meanwhile; then it must be status. How often it was meanwhile; a minute is too long. */
int kn_ks_ask_until(int status, int meanwhile, const char *method, const char *path, const char *token,
                    const char *body);
/* "a.b.0.c" of the last body; NULL if it is not there. */
const json_t *kn_ks_at(const char *path);
const char *kn_ks_text(const char *path);
/* A copy that lives until 64 more were kept. */
const char *kn_ks_keep(const char *value);
/* By name in the default domain; scope: JSON or NULL; token: NULL or KN_KS_TOKEN bytes. */
void kn_ks_log_in(int status, const char *user, const char *password, const char *scope, char token[KN_KS_TOKEN]);
/* Whether a token still opens a door. */
void kn_ks_assert_worth(const char *token, bool something);
/* POST /v3/<collection> {"<noun>":{<members>}} by admin; its id, kept. */
const char *kn_ks_make(const char *collection, const char *noun, const char *members);
const char *kn_ks_role(const char *name);
/* <method> /v3/<target>/users/<user>/roles/<role> by admin. */
void kn_ks_grant(int status, const char *method, const char *target, const char *user, const char *role);

/* A user, password s3cret, with a role on a project of its own; all of the same name. */
struct kn_ks_person {
    const char *user, *project;
    char name[32], scope[128], target[80]; /* target: "projects/<id>" */
};
struct kn_ks_person kn_ks_make_person(const char *name, const char *role);

#endif
