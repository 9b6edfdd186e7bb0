/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_world: image_world.h with a real conductor, a real kilonova-image and a web server beside it, and words for imports. In its
 * directory lie "pattern" and "big", data that does not compress.
 */
#ifndef KN_TESTS_SUPPORT_IMPORT_WORLD_H
#define KN_TESTS_SUPPORT_IMPORT_WORLD_H

#include <sys/types.h>

#include "tests/support/image_world.h"
#include "tests/support/scratch.h"

#define PATTERN_MIB 24

struct import_world {
    pid_t conductor, image, web;
    int web_port;
    char dir[KN_TEST_DIR];
};
extern struct import_world imports;

int start_imports(void **state);
int stop_imports(void **state);
/* kill -9, if it runs, and from the start; networks: image.download_networks. */
void restart_image(const char *networks);
/* In the directory; fails the test unless it succeeds. */
void shell(const char *command);

/* A queued image of project a; the caller frees. */
char *create_as(const char *format);
void stage_data(int status, const char *id, const char *data);
void stage_file(int status, const char *id, const char *name);
void import_body(int status, const char *id, const char *body);
void import_direct(const char *id);
void import_url(int status, const char *id, const char *url);
/* From the web server: a file, to?URL for a redirect, held/file for one whose second half comes when there is a file "go". */
void import_web(const char *id, const char *host, const char *tail);

void await_status(const char *id, const char *status);
/* The one task of an image: its status and a part of its message. */
void expect_task(const char *id, const char *status, const char *says);
void expect_failed(const char *id, const char *says);
/* What can be downloaded is, as a disk, what the file holds. */
void expect_same_disk(const char *id, const char *format, const char *original);
/* A file of the image in the store, with a MiB in it. */
void await_file(const char *id, const char *suffix);
void await_files(int count);

#endif
