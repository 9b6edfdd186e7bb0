/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_world: what the tests of images share: a database, a store and a front door with Glance's routes, and short words to
 * speak with them. One world a test program. Project a is "aaaa", b "bbbb", the admin's "cccc".
 */
#ifndef KN_TESTS_SUPPORT_IMAGE_WORLD_H
#define KN_TESTS_SUPPORT_IMAGE_WORLD_H

#include "image/api.h"
#include "tests/support/front.h"
#include "tests/support/http_client.h"
#include "tests/support/scratch.h"
#include "tests/support/test.h"

#define A KN_TEST_TOKEN("aaaa", "member")
#define A_READER KN_TEST_TOKEN("aaaa", "reader")
#define B KN_TEST_TOKEN("bbbb", "member")
#define ADMIN KN_TEST_TOKEN("cccc", "admin")
#define JSON "Content-Type: application/json\r\n"
#define BYTES "Content-Type: application/octet-stream\r\n"
#define PATCH "Content-Type: application/openstack-images-v2.1-json-patch\r\n"
#define IMAGES "/image/v2/images"

struct image_world {
    struct kn_conf conf;
    struct kn_db *db;
    char store[KN_TEST_DIR];
    struct kn_test_http http;
};
extern struct image_world world;

int start_world(void **state);
int stop_world(void **state);
/* Asks, and fails the test unless this is the answer's status. */
void expect(int status, const char *method, const char *path, const char *headers, const char *body);
/* A member of the last answer; "" if absent or not a string. Valid for the next 15 calls. */
const char *field(const char *key);
json_int_t number(const char *key);
/* "/image/v2/images/<id>" + tail; the caller frees. */
char *path_of(const char *id, const char *tail);
/* The new image's id; the caller frees. */
char *create(const char *headers, const char *body);
/* A queued image of project a, raw and bare. */
char *create_raw(void);
void upload(int status, const char *id, const char *data);
const char *status_of(const char *id);
/* Files in the store, dot files apart. */
int files(void);
int64_t count_of(const char *sql);
/* Ends a test: nothing may be left that a sweep without images would not find. */
void drop_everything(void);

#endif
