/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front_world: services behind one front door (tests/support/front.h, whose tokens it takes), with a private database and a bus: what a test
 * of a REST API needs, in two calls.
 */
#ifndef KN_TESTS_SUPPORT_FRONT_WORLD_H
#define KN_TESTS_SUPPORT_FRONT_WORLD_H

#include "tests/support/broker.h"
#include "tests/support/front.h"
#include "tests/support/http_client.h"
#include "tests/support/postgres.h"

struct kn_test_world {
    struct kn_test_pg *pg;
    struct kn_test_broker *broker;
    struct kn_test_front *front;
    struct kn_conf conf;
    struct kn_db *db;         /* the test's own connection */
    struct kn_test_http http; /* holds the last answer */
};

/* name: the database's. apis: ended by NULL; must outlive the world. */
void kn_test_world_start(struct kn_test_world *w, const char *name, const struct kn_api *const *apis);
void kn_test_world_stop(struct kn_test_world *w);
/* The same, as the fixture of a group whose state is its world. */
int kn_test_world_teardown(void **state);
/* Asks; the answer must have this status. */
void kn_test_world_expect(struct kn_test_world *w, int status, const char *method, const char *path,
                          const char *headers, const char *body);
/* The last answer has this in it. */
void kn_test_world_expect_text(struct kn_test_world *w, const char *wanted);
/* The first column of the first row; -1: there is no row. */
int64_t kn_test_world_number(struct kn_test_world *w, const char *sql);
void kn_test_world_sql(struct kn_test_world *w, const char *sql);
/* Member `key` of the last answer's object `outer`, as JSON text, "absent" if there is none; the caller frees. */
char *kn_test_world_member(struct kn_test_world *w, const char *outer, const char *key);
void kn_test_world_expect_member(struct kn_test_world *w, const char *outer, const char *key, const char *wanted);
/* The id of the last answer's object `outer`; the caller frees. */
char *kn_test_world_id(struct kn_test_world *w, const char *outer);

#endif
