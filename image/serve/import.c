/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of an import: fetch or take up the data, inspect it as what it is declared to be, convert what is not booted as it is,
 * digest, and one transaction that makes it the image's. It must never make active what it did not inspect and digest itself, nor
 * remove staged data of an import that only pauses.
 */
#include "image/serve/import.h"

#include <string.h>

#include "image/data/blob.h"
#include "image/data/convert.h"
#include "image/data/fetch.h"
#include "image/rows/image.h"
#include "image/rows/image_task.h"
#include "image/rows/import_order.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/fault.h"

#define GIB (INT64_C(1) << 30)
#define TELL_EVERY_MS 1000
#define CONVERTED_TO "qcow2"

/* What a part of the work is of the whole, in percent; printed with how far it is. */
struct phase {
    int from, to;
    const char *verb;
};

struct import {
    struct kn_db *db;
    const struct kn_conf *conf;
    const char *task;
    struct kn_work *work;
    struct kn_image_task_start what;
    struct kn_image_import_order order;
    struct phase phase;
    int64_t told_ms;
};

static int64_t max_bytes(const struct import *im)
{
    return im->conf->image_max_gib * GIB;
}

/* kn_image_blob_progress: writes the row at most once a second, and learns from it whether anybody still wants this. */
static int import_tell(void *ctx, int64_t done, int64_t size, struct kn_error *err)
{
    struct import *im = ctx;
    const int64_t now = kn_mono_ms();
    const int share = size > 0 ? (int)((double)done / (double)size * (im->phase.to - im->phase.from)) : 0;

    if (kn_work_progress(im->work, im->phase.verb, im->phase.from + share, 100, err) < 0) {
        return -1;
    }
    if (now - im->told_ms < TELL_EVERY_MS) {
        return 0;
    }
    im->told_ms = now;
    AUTO_FREE char *message = kn_asprintf("%s: %d%%", im->phase.verb, im->phase.from + share);
    return kn_image_task_progress(im->db, im->task, im->phase.from + share, message, err);
}

/* --- the data --------------------------------------------------------------------------------------------------------- */

static int import_download(struct import *im, struct kn_image_blob_writer **ret, struct kn_error *err)
{
    const struct kn_image_fetch_rules rules = { im->conf->image_download_networks, im->conf->image_download_ports };
    AUTO(kn_image_blob_writer) struct kn_image_blob_writer *w = NULL;

    im->phase = (struct phase){ 0, 50, "Downloading" };
    if (kn_image_blob_writer_new(im->conf->image_store_dir, im->what.image_id, KN_BLOB_UPLOAD, -1, max_bytes(im), &w,
                                 err) < 0 ||
        kn_image_fetch(im->order.uri, &rules, w, import_tell, im, err) < 0 || kn_image_blob_seal(w, err) < 0) {
        return -1;
    }
    *ret = kn_steal(&w);
    return 0;
}

static int import_take_up(struct import *im, struct kn_image_blob_writer **ret, struct kn_error *err)
{
    return kn_image_blob_open(im->conf->image_store_dir, im->what.image_id, KN_BLOB_STAGED, max_bytes(im), ret, err);
}

static int get_data(struct import *im, struct kn_image_blob_writer **ret, struct kn_error *err)
{
    switch (im->order.method) {
    case KN_IMPORT_DIRECT:
        return import_take_up(im, ret, err);
    case KN_IMPORT_DOWNLOAD:
        return import_download(im, ret, err);
    case KN_IMPORT_COPY:
    case KN_IMPORT_METHOD_COUNT:
        break;
    }
    return kn_fail(err, KN_INTERNAL, "there is nothing to copy in one store");
}

/* Into a file of its own. The source stays until all is committed: another try may need it. */
static int convert(struct import *im, const char *format, const struct kn_image_blob_writer *from,
                   struct kn_image_blob_writer **ret, struct kn_error *err)
{
    AUTO(kn_image_blob_writer) struct kn_image_blob_writer *to = NULL;

    im->phase = (struct phase){ 50, 90, "Converting" };
    if (kn_image_blob_open(im->conf->image_store_dir, im->what.image_id, KN_BLOB_CONVERTED, max_bytes(im), &to, err) <
        0) {
        return -1;
    }
    const struct kn_image_conversion c = { format, kn_image_blob_path(from), kn_image_blob_path(to), max_bytes(im) };
    if (kn_image_convert(&c, import_tell, im, err) < 0) {
        return -1;
    }
    *ret = kn_steal(&to);
    return 0;
}

static int digest(struct import *im, struct kn_image_blob_writer *w, struct kn_error *err)
{
    im->phase = (struct phase){ 90, 99, "Digesting" };
    return kn_image_blob_adopt(w, import_tell, im, err) < 0 ? -1 : kn_image_blob_seal(w, err);
}

/* Inspects the source as what it is declared to be; *made becomes what it was converted to, if that is how it is stored. */
static int import_prepare(struct import *im, struct kn_image_blob_writer *source, struct kn_image_blob_writer **made,
                          struct kn_image_inspection *found, struct kn_error *err)
{
    const char *foreign = kn_image_convertible(im->what.disk_format);

    if (kn_image_blob_inspect(source, im->what.disk_format, max_bytes(im), found, err) < 0) {
        return -1;
    }
    if (foreign == NULL) {
        return im->order.method == KN_IMPORT_DOWNLOAD
                   ? 0
                   : digest(im, source, err); /* a download was digested as it came */
    }
    if (convert(im, foreign, source, made, err) < 0 ||
        kn_image_blob_inspect(*made, CONVERTED_TO, max_bytes(im), found, err) < 0) {
        return -1;
    }
    return digest(im, *made, err);
}

static int import_commit(struct import *im, struct kn_image_blob_writer *w, const char *format,
                         const struct kn_image_inspection *found, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    const struct kn_image_data data = {
        .sha512 = kn_image_blob_sha512(w),
        .md5 = kn_image_blob_md5(w),
        .size = kn_image_blob_size(w),
        .virtual_size = found->virtual_size,
        .disk_format = format,
    };

    if (kn_tx_begin(&tx, im->db, err) < 0 || kn_image_blob_lock(im->db, data.sha512, err) < 0 ||
        kn_image_activate(im->db, im->what.image_id, KN_IMAGE_IMPORT_ENDS, &data, err) < 0 ||
        kn_image_task_succeed(im->db, im->task, err) < 0 || kn_image_blob_keep(w, err) < 0) {
        return -1;
    }
    return kn_tx_commit(&tx, err);
}

static int do_it(struct import *im, struct kn_error *err)
{
    AUTO(kn_image_blob_writer) struct kn_image_blob_writer *source = NULL;
    AUTO(kn_image_blob_writer) struct kn_image_blob_writer *made = NULL;
    struct kn_image_inspection found = { 0 };

    if (im->what.attempts > KN_IMAGE_TASK_ATTEMPTS) {
        return kn_fail(err, KN_UNSUPPORTED_MEDIA, "the import was begun %d times and never ended",
                       KN_IMAGE_TASK_ATTEMPTS);
    }
    if (kn_image_import_order_parse(im->what.import, &im->order, err) < 0 || get_data(im, &source, err) < 0) {
        return -1;
    }
    const int prepared = import_prepare(im, source, &made, &found, err);
    if (prepared == 0 &&
        import_commit(im, made != NULL ? made : source, made != NULL ? CONVERTED_TO : NULL, &found, err) == 0) {
        kn_log(KN_INFO, "image imported", "image", im->what.image_id, NULL);
        return 0;
    }
    if (err->code == KN_UNAVAILABLE && im->order.method == KN_IMPORT_DIRECT) {
        kn_image_blob_leave(source); /* what is staged waits for the next try */
    }
    return -1;
}

/* --- its end ---------------------------------------------------------------------------------------------------------- */

/* KN_UNAVAILABLE: this process stops, or the database is away. KN_CONFLICT: another process still has the files. */
static enum kn_work_outcome conclude(struct import *im, struct kn_error *err)
{
    struct kn_error why;

    if (err->code == KN_UNAVAILABLE || err->code == KN_CONFLICT) {
        return KN_WORK_LATER;
    }
    AUTO_FREE char *reason = kn_fault_public(err->code, err->message, NULL, NULL, im->what.request_id);
    if (kn_image_task_fail(im->db, im->task, reason, &why) < 0) {
        kn_log_error("import not concluded", &why);
        return KN_WORK_LATER;
    }
    return KN_WORK_FAILED;
}

int kn_image_import_run(void *ctx, struct kn_work *work, struct kn_work_answer *ret)
{
    struct import im = {
        .db = kn_work_db(work), .conf = ctx, .task = kn_json_str(kn_work_command(work)->body, "import"), .work = work
    };
    enum kn_work_outcome outcome = KN_WORK_DONE;

    if (kn_image_task_begin(im.db, im.task, &im.what, &ret->err) < 0) {
        return (int)conclude(&im, &ret->err);
    }
    if (im.what.state == KN_IMAGE_TASK_FAILED) {
        kn_fail(&ret->err, KN_CONFLICT, "%s", im.what.message);
        outcome = KN_WORK_FAILED;
    } else if (im.what.state == KN_IMAGE_TASK_OPEN && do_it(&im, &ret->err) < 0) {
        outcome = conclude(&im, &ret->err);
    }
    json_decref(im.what.import);
    return (int)outcome;
}
