/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_task: an import as Glance's tasks show it, the table `image_task` and the attributes os_glance_* of its image. The
 * API writes the wish; kilonova-image alone says what becomes of it. Beside it runs the task image.import of the
 * conductor, which asks again until it has an answer; so a row here is never forgotten.
 */
#ifndef KN_IMAGE_ROWS_IMAGE_TASK_H
#define KN_IMAGE_ROWS_IMAGE_TASK_H

#include <jansson.h>
#include <stdint.h>

#include "lib/adapter/db.h"
#include "lib/base/error.h"
#include "lib/base/strbuf.h"
#include "lib/base/uuid.h"
#include "lib/rest/noun.h"

#define KN_IMAGE_TASK_TYPE "api_image_import"
#define KN_IMAGE_TASK_ATTEMPTS 5

struct kn_image_task_wish {
    char id[KN_UUID_SIZE];
    const char *image_id;
    const char *owner;
    const char *user_id;
    const char *request_id;
    const json_t *input;
};

/* Inside the transaction that makes the image importing. KN_CONFLICT: one is under way. */
int kn_image_task_insert(struct kn_db *db, const struct kn_image_task_wish *wish, struct kn_error *err);

enum kn_image_task_state { KN_IMAGE_TASK_OPEN, KN_IMAGE_TASK_SUCCEEDED, KN_IMAGE_TASK_FAILED };

/* What the worker needs to know. */
struct kn_image_task_start {
    enum kn_image_task_state state;
    char image_id[KN_UUID_SIZE];
    char disk_format[16];
    char request_id[KN_REQUEST_ID_SIZE]; /* that asked for it */
    int64_t attempts;   /* with this one */
    json_t *import;     /* the request's body; the caller drops it */
    char message[256];  /* why it failed, if it did */
};
/*
 * Another attempt begins, unless the task has ended: then *ret says how. KN_NOT_FOUND: there is no such task. KN_GONE: its
 * image is gone or imports nothing any more.
 */
int kn_image_task_begin(struct kn_db *db, const char *id, struct kn_image_task_start *ret, struct kn_error *err);
/* KN_GONE when the image does not want it any more. */
int kn_image_task_progress(struct kn_db *db, const char *id, int percent, const char *message, struct kn_error *err);
/* Inside the transaction that makes the image active. */
int kn_image_task_succeed(struct kn_db *db, const char *id, struct kn_error *err);
/* The image shows what it shows after an import, though there was nothing to do. */
int kn_image_task_needless(struct kn_db *db, const char *image_id, struct kn_error *err);
/* The image is queued again, for this reason, which its owner reads (lib/domain/fault.h). One transaction; an image or a task that is gone is no error. */
int kn_image_task_fail(struct kn_db *db, const char *id, const char *message, struct kn_error *err);
/* Ended tasks whose time has come. */
int kn_image_task_expire(struct kn_db *db, int64_t *ret_count, struct kn_error *err);

/* Glance's view: lists of them without what only a task's own view has. */
extern const struct kn_rest_noun kn_image_task_noun;

#endif
