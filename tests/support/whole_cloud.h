/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whole_cloud: every daemon of a cloud as a process, on the database and with the administrator of tests/support/keystone.h, on simulated hosts
 * that cost nothing. One a test program; what it starts dies with the test.
 *
 *   kn_whole_cloud_start("20");                              // hosts; the fixtures of a group call it
 *   kn_whole_cloud_ask("POST", "/compute/v2.1/servers", KN_WHOLE_JSON, "{…}");
 *   assert_int_equal(kn_whole.http.status, 202);
 */
#ifndef KN_TESTS_SUPPORT_WHOLE_CLOUD_H
#define KN_TESTS_SUPPORT_WHOLE_CLOUD_H

#include "lib/adapter/db.h"
#include "tests/support/http_client.h"
#include "tests/support/keystone.h"

#define KN_WHOLE_JSON "Content-Type: application/json\r\n"

struct kn_whole_cloud {
    struct kn_db *db;         /* the test's own connection */
    struct kn_test_http http; /* to kilonova-api; holds the last answer */
    char project[64], user[64]; /* the administrator's */
    char dir[KN_TEST_DIR];
    struct kn_conf conf; /* of its bus alone */
    int console_port;
};
extern struct kn_whole_cloud kn_whole;

void kn_whole_cloud_start(const char *hosts);
void kn_whole_cloud_stop(void);
/* The same, as a group's fixture. */
int kn_whole_cloud_teardown(void **state);
/* One more API, with its own door of consoles, at these ports; whoever starts it ends it. */
pid_t kn_whole_cloud_second_api(int port, int console_port);
/* SIGKILL, and another one: "kilonova-conductor". */
void kn_whole_cloud_restart(const char *daemon);
/* By the administrator; headers: whole lines. body may be NULL. The status. */
int kn_whole_cloud_ask(const char *method, const char *path, const char *headers, const char *body);
/* The same; another status fails the test, with what was asked and answered. */
void kn_whole_cloud_expect(int status, const char *method, const char *path, const char *headers, const char *body);
/* POST of a server's action. */
void kn_whole_cloud_act(const char *server, int status, const char *headers, const char *body);
/* The last answer's text at "a.0.b", kept like kn_ks_keep; fails the test if there is none. */
const char *kn_whole_cloud_text(const char *path);
/* Where kilonova-image listens for hosts. */
int kn_whole_cloud_image_port(void);
/* A small flavor and an image that boots: their ids, kept. */
const char *kn_whole_cloud_flavor(void);
const char *kn_whole_cloud_image(void);
/* `kilonova audit` finds every promise kept; hosts are asked. */
bool kn_whole_cloud_is_sound(void);
/* The same as what each test ends with. */
int kn_whole_cloud_sound(void **state);
/* The first cell, as a number; $1 is arg, which may be NULL. */
int64_t kn_whole_cloud_count(const char *sql, const char *arg);
/* Waits until the statement finds this number. */
void kn_whole_cloud_await(const char *sql, int64_t wanted);

#endif
