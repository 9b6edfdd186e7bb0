/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same image.import again and again, to a kilonova-image that lives and is at it: as a conductor sends it that waited for too long, or
 * one that took over a shard. The work is done once; each of those who asked gets no answer but one that is true.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/adapter/bus.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "tests/support/import_world.h"
#include "tests/support/postgres.h"

#define WAIT_MS 60000
#define SHARD 7 /* answers to us arrive here */
#define TASK (INT64_C(1) << 40) /* no conductor has counted to it */

static struct {
    struct kn_bus *bus;
    struct kn_bus_reader *replies;
    int64_t task;
} asker;

/* The open import of an image. */
static char *import_of(const char *image)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(world.db, "SELECT id FROM image_task WHERE image_id = $1::uuid", 1, KN_ARGS(image), &rows,
                          &err),
              &err);
    assert_int_equal(kn_rows_count(rows), 1);
    return kn_strdup(kn_rows_text(rows, 0, 0));
}

/* The next task of ours stands open: services obey no other. */
static void open_task(void)
{
    kn_test_pg_tasks(world.conf.db_url, ++asker.task, 1);
}

/* The command in an envelope of ours; its number tells the answers apart. */
static void command(const char *image, const char *import, int number)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    kn_message_init(&m, "image.import", json_pack("{s:s, s:s}", "image", image, "import", import));
    m.task = asker.task;
    m.shard = SHARD;
    m.attempt = 1;
    m.part = number;
    snprintf(m.request_id, sizeof(m.request_id), "req-00000000-0000-4000-8000-%012d", number);
    assert_ok(kn_message_print(&m, &text, &err), &err);
    assert_ok(kn_bus_send(asker.bus, KN_TOPIC_IMAGE, 0, text.buf, text.len, &err), &err);
}

/* The next answer to us within the time; its number, 0 if none came. Every answer must be a good one. */
static int answer(int64_t wait_ms)
{
    const int64_t deadline = kn_mono_ms() + wait_ms;

    do {
        AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
        struct kn_error err = { 0 };
        struct kn_bus_message raw;

        if (kn_bus_poll(asker.replies, &raw, 1, 20) == 0) {
            continue;
        }
        const int rc = kn_message_parse(raw.data, raw.len, &m, &err);
        kn_bus_message_done(&raw);
        assert_ok(rc, &err);
        if (!m.is_reply) { /* working: it is here, and not done yet */
            continue;
        }
        if (m.task == asker.task && !m.ok) {
            fail_msg("number %d: %s", m.part, m.error.message);
        }
        if (m.task == asker.task) {
            return m.part;
        }
    } while (kn_mono_ms() < deadline);
    return 0;
}

/* A command that is surely handled after all those before it; what answers come before its own are counted. */
static int answers_before(const char *image, const char *import, int attempt)
{
    int count = 0;

    command(image, import, attempt);
    for (int got = answer(WAIT_MS); got != attempt; got = answer(WAIT_MS)) {
        assert_int_not_equal(got, 0);
        count++;
    }
    return count;
}

static void test_repeated_while_it_runs(void **state)
{
    (void)state;
    enum { TIMES = 200 };
    AUTO_FREE char *id = create_as("raw");

    open_task();
    import_web(id, "localhost", "held/pattern");
    await_file(id, "part");
    AUTO_FREE char *import = import_of(id);
    kill(imports.conductor, SIGSTOP); /* whoever asks last gets the answer: that is to be us */
    for (int attempt = 1; attempt <= TIMES; attempt++) {
        command(id, import, attempt);
    }
    /* What comes before the end is answered with the end, once, in the last envelope; so none is answered yet. */
    assert_int_equal(kn_bus_flush(asker.bus, WAIT_MS), 0);
    assert_int_equal(answer(200), 0);
    shell("touch go");
    await_status(id, "active");
    shell("rm go");
    assert_int_equal(answer(WAIT_MS), TIMES);
    assert_int_equal(answers_before(id, import, TIMES + 1), 0); /* it is done: said again at once */
    assert_int_equal(count_of("SELECT attempts FROM image_task"), 1);
    expect_same_disk(id, "raw", "pattern");
    assert_int_equal(files(), 1);
    drop_everything();
}

static int wake_conductor(void **state)
{
    (void)state;
    return kill(imports.conductor, SIGCONT);
}

/* Small ones end while the repetitions come: each finds the job waiting, at work, ending or gone. */
static void test_repeated_around_the_end(void **state)
{
    (void)state;
    enum { ROUNDS = 20, TIMES = 50 };

    kill(imports.conductor, SIGSTOP); /* whoever asks last gets the answer: that is to be us */
    for (int i = 0; i < ROUNDS; i++) {
        AUTO_FREE char *id = create_raw();
        AUTO_FREE char *data = kn_asprintf("small %d", i);
        AUTO_FREE char *file = path_of(id, "/file");

        open_task();
        stage_data(204, id, data);
        import_direct(id);
        AUTO_FREE char *import = import_of(id);
        for (int attempt = 1; attempt <= TIMES; attempt++) {
            command(id, import, attempt);
        }
        assert_in_range(answers_before(id, import, TIMES + 1), 0, TIMES);
        await_status(id, "active");
        expect(200, "GET", file, A, NULL);
        assert_string_equal(world.http.body.buf, data);
        expect_task(id, "success", "");
    }
    assert_int_equal(count_of("SELECT max(attempts) FROM image_task"), 1);
    assert_int_equal(files(), ROUNDS);
    drop_everything();
}

static int start_all(void **state)
{
    struct kn_error err = { 0 };

    start_imports(state);
    asker.task = TASK + kn_now_ms(); /* a shared Kafka remembers other runs' */
    assert_ok(kn_bus_new(&world.conf, "asker", &asker.bus, &err), &err);
    assert_ok(kn_bus_ensure_topic(asker.bus, KN_TOPIC_IMAGE, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(asker.bus, KN_TOPIC_REPLY, KN_SHARDS, WAIT_MS, &err), &err);
    assert_ok(kn_bus_reader_new(asker.bus, &asker.replies, &err), &err);
    assert_ok(kn_bus_assign(asker.replies, KN_TOPIC_REPLY, SHARD, &err), &err);
    return 0;
}

static int stop_all(void **state)
{
    kn_bus_reader_free(asker.replies);
    kn_bus_free(asker.bus);
    return stop_imports(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_repeated_while_it_runs, wake_conductor),
        cmocka_unit_test_teardown(test_repeated_around_the_end, wake_conductor),
    };

    return cmocka_run_group_tests(tests, start_all, stop_all);
}
