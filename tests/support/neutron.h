/* SPDX-License-Identifier: Apache-2.0 */
/*
 * neutron: the network API on a front door of its own (tests/support/front.h, whose tokens it takes), with a private database and a bus. One
 * a process; the functions that take a state are fixtures of cmocka.
 *
 *   kn_neutron_ask(201, ALICE, "POST", "networks", "{\"network\":{}}");
 */
#ifndef KN_TESTS_SUPPORT_NEUTRON_H
#define KN_TESTS_SUPPORT_NEUTRON_H

#include "lib/adapter/db.h"
#include "tests/support/http_client.h"

struct kn_test_neutron {
    struct kn_db *db;         /* the test's own connection */
    struct kn_test_http http; /* holds the last answer */
};
extern struct kn_test_neutron kn_neutron;

int kn_neutron_start(void **state);
int kn_neutron_stop(void **state);
/* Before a test: no network is there. */
int kn_neutron_fresh(void **state);
/* path: what follows /network/v2.0/. The answer must have this status. */
void kn_neutron_ask(int status, const char *token, const char *method, const char *path, const char *body);

#endif
