/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nova: the compute API, and those that it needs beside it, on a front door of their own (tests/support/front.h, whose tokens it
 * takes), with a private database and a bus. What else lives in a cloud (conductors, agents) does not: a test plays it with SQL.
 *
 *   struct kn_test_nova *nova = kn_test_nova_start();
 *   kn_test_nova_ask(nova, "p:member", 96, "POST", "/compute/v2.1/servers", "{…}");
 *   assert_int_equal(nova->http.status, 202);
 */
#ifndef KN_TESTS_SUPPORT_NOVA_H
#define KN_TESTS_SUPPORT_NOVA_H

#include "lib/adapter/db.h"
#include "tests/support/http_client.h"

struct kn_test_nova {
    struct kn_db *db;         /* the test's own connection */
    struct kn_test_http http; /* holds the last answer */
    struct kn_test_nova_inner *inner;
};

struct kn_test_nova *kn_test_nova_start(void);
void kn_test_nova_free(struct kn_test_nova *nova);
/* minor: the compute microversion 2.<minor>; 0 = none is sent. body may be NULL. Returns the status. */
int kn_test_nova_ask(struct kn_test_nova *nova, const char *token, int minor, const char *method, const char *path,
                     const char *body);
/* The last answer's member at a path such as "server.links.0.href", borrowed until the next ask; NULL if absent. */
const json_t *kn_test_nova_at(struct kn_test_nova *nova, const char *path);
const char *kn_test_nova_str(struct kn_test_nova *nova, const char *path); /* "" if it is no string */
/* The first cell of the answer as a number; fails the test if SQL does. */
int64_t kn_test_nova_sql(struct kn_test_nova *nova, const char *sql);

#endif
