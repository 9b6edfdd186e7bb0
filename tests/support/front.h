/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front: the real front door with the services of a test behind it, on a port of its own. Tokens need no Keystone: a token is
 * "<project>:<role>", its user is named like its project. Every failure ends the test with its reason.
 *
 *   struct kn_test_front *front = kn_test_front_start(&conf, apis);   // conf: db, bus and whatever the services read
 *   kn_test_http_ask(&client, "GET", "/image/v2/images", KN_TEST_TOKEN("a", "member"), NULL);
 */
#ifndef KN_TESTS_SUPPORT_FRONT_H
#define KN_TESTS_SUPPORT_FRONT_H

#include "lib/adapter/http.h"

#define KN_TEST_FRONT_THREADS 4
struct kn_test_front;

/* A header line. */
#define KN_TEST_TOKEN(project, role) "X-Auth-Token: " project ":" role "\r\n"

/* apis ends with NULL. Both live longer than the front. */
struct kn_test_front *kn_test_front_start(const struct kn_conf *conf, const struct kn_api *const *apis);
int kn_test_front_port(const struct kn_test_front *front);
void kn_test_front_free(struct kn_test_front *front);

#endif
