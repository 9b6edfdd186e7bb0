/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Somebody who writes to the bus of a running cloud whatever he likes, on each topic that a daemon reads: ten megabytes of nothing, a message with a field
 * of ten megabytes, half a message, wrong types, types that nobody knows, orders and reports of nobody. No daemon ends or rests, what is no message is on
 * kn.dead with the reason and the sender that it names, and servers are built as before.
 */
#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "lib/adapter/bus.h"
#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "tests/support/test.h"
#include "tests/support/whole_cloud.h"

#define WAIT_MS 60000
#define SERVERS "/compute/v2.1/servers"
#define HUGE (10 * 1000 * 1000)
#define LARGE 1040000 /* what every bus takes, and no daemon does */
#define FITTING 900000

/* Of each: the text, "@" the sender's name; what kn.dead says of it, KN_OK: it is a message, and comes to nothing. */
#define ENVELOPE \
    "\"v\":1,\"task\":99999999,\"step\":0,\"part\":0,\"attempt\":1,\"generation\":1,\"shard\":0,\"from\":\"@\""
static const struct {
    const char *text;
    enum kn_code code;
    const char *reason;
} LETTERS[] = {
    { "{\"type\":\"server.spawn\"," ENVELOPE ",\"body\":{\"host\":\"h", KN_BAD_REQUEST, "not JSON" },
    { "[\"from\",{\"from\":\"@\"}]", KN_BAD_REQUEST, "must be a JSON object" },
    { "{\"from\":\"@\",\"type\":7}", KN_BAD_REQUEST, "\"type\" must be a string" },
    { "{\"type\":\"no.such\"," ENVELOPE ",\"body\":{}}", KN_BAD_REQUEST, "unknown message type" },
    { "{\"type\":\"server.spawn\",\"v\":99,\"from\":\"@\",\"body\":{}}", KN_BAD_REQUEST, "\"v\" of server.spawn" },
    { "{\"type\":\"server.spawn\",\"v\":1,\"task\":\"one\",\"from\":\"@\",\"body\":{}}", KN_BAD_REQUEST, "task" },
    { "{\"type\":\"agent.hello\"," ENVELOPE ",\"body\":{\"agent\":5,\"boot\":[],\"hosts\":{}}}", KN_BAD_REQUEST,
      "body" },
    { "{\"type\":\"server.spawn\"," ENVELOPE ",\"reply\":{\"ok\":\"yes\"}}", KN_BAD_REQUEST, "\"ok\" of a reply" },
    /* Messages, of nobody and about nothing. */
    { "{\"type\":\"agent.heartbeat\",\"v\":1,\"task\":0,\"step\":0,\"part\":0,\"attempt\":0,\"generation\":0,\"shard\":0,\"from\":\"@\","
      "\"body\":{\"agent\":\"ghost\",\"boot\":\"11111111-1111-4111-8111-111111111111\"}}",
      KN_OK, NULL },
    { "{\"type\":\"server.spawn\"," ENVELOPE ",\"reply\":{\"ok\":true,\"result\":{\"power_state\":1}}}", KN_OK, NULL },
    { "{\"type\":\"server.destroy\"," ENVELOPE
      ",\"body\":{\"host\":\"nowhere\",\"server\":\"11111111-1111-4111-8111-111111111111\"}}",
      KN_OK, NULL },
    { "{\"type\":\"port.release\"," ENVELOPE ",\"body\":{\"server\":\"no uuid\"}}", KN_OK, NULL },
    { "{\"type\":\"task.wake\"," ENVELOPE ",\"body\":{}}", KN_OK, NULL },
    { "{\"type\":\"cancel\"," ENVELOPE ",\"body\":{}}", KN_OK, NULL },
};

/* Each topic that somebody reads; of kn.answer nobody is told (lib/adapter/question.c). "kn.agent.": the agent's own. */
static const struct {
    const char *name;
    int partitions;
    bool is_told;
} TOPICS[] = {
    { KN_TOPIC_TASK, KN_SHARDS, true }, { KN_TOPIC_REPLY, KN_SHARDS, true }, { KN_TOPIC_PLACE, 1, true },
    { KN_TOPIC_NETWORK, 1, true },      { KN_TOPIC_VOLUME, 1, true },        { KN_TOPIC_IMAGE, 1, true },
    { KN_TOPIC_REPORT, 1, true },       { KN_TOPIC_ANSWER, 1, false },       { KN_TOPIC_AGENT, 1, true },
};

static struct {
    struct kn_bus *bus;
    struct kn_bus_reader *dead;
    struct kn_hmap *told; /* sender -> reason and code */
    char agent[64];
} world;

/* --- the enemy ---------------------------------------------------------------------------------------------------------- */

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client;
    (void)message;
    atomic_store((atomic_bool *)opaque, true);
}

/* A producer of his own, without our bounds. Whether the bus took it: it may refuse what is this large. */
static void write_raw(const char *topic, int partition, const char *data, size_t len)
{
    AUTO_FREE char *address = strcmp(kn_whole.conf.bus_brokers, "embedded") == 0
                                  ? kn_asprintf("127.0.0.1:%lld", (long long)kn_whole.conf.bus_embedded_port)
                                  : kn_strdup(kn_whole.conf.bus_brokers);
    const char *const settings[][2] = { { "bootstrap.servers", address },
                                        { "message.max.bytes", "20000000" },
                                        { "message.timeout.ms", "2000" },
                                        { "log_level", "0" } };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    atomic_bool is_over = false;
    void *payload = NULL;
    char why[256] = "";

    for (size_t i = 0; i < KN_COUNT(settings); i++) {
        assert_int_equal(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof(why)), RD_KAFKA_CONF_OK);
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, &is_over);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
    assert_non_null(client);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    memcpy(&payload, &data, sizeof(payload)); /* which F_COPY only reads */
    assert_int_equal(rd_kafka_produce(handle, partition, RD_KAFKA_MSG_F_COPY, payload, len, NULL, 0, NULL), 0);
    while (!atomic_load(&is_over)) {
        rd_kafka_poll(client, 50);
        assert_true(kn_mono_ms() < deadline);
    }
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(client);
}

/* A message that would be one, had it not such a field. */
static char *with_a_field(size_t size, const char *sender, size_t *ret_len)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_FREE char *field = kn_alloc(size + 1);

    memset(field, 'x', size);
    field[size] = '\0';
    kn_strbuf_addf(&text, "{\"type\":\"task.wake\",\"v\":1,\"from\":\"%s\",\"request_id\":\"%s\",\"body\":{}}", sender,
                   field);
    *ret_len = text.len;
    return kn_strdup(text.buf);
}

static void say(const char *topic, int partition, const char *text, size_t len)
{
    struct kn_error err = { 0 };

    assert_ok(kn_bus_send(world.bus, topic, partition, text, len, &err), &err);
}

static const char *topic_of(size_t t, char out[128])
{
    snprintf(out, 128, "%s%s", TOPICS[t].name, strcmp(TOPICS[t].name, KN_TOPIC_AGENT) == 0 ? world.agent : "");
    return out;
}

static char *sender_of(size_t topic, int partition, size_t letter)
{
    return kn_asprintf("enemy/%zu.%d.%zu", topic, partition, letter);
}

/* --- what is told ------------------------------------------------------------------------------------------------------- */

static void listen_once(void)
{
    struct kn_bus_message raw[64];
    const int count = kn_bus_poll(world.dead, raw, 64, 100);

    for (int i = 0; i < count; i++) {
        json_auto_t *dead = json_loadb(raw[i].data, raw[i].len, 0, NULL);
        const json_t *error = json_object_get(dead, "error");

        kn_bus_message_done(&raw[i]);
        if (kn_json_str(dead, "from")[0] != '\0') {
            kn_hmap_put(world.told, kn_json_str(dead, "from"),
                        kn_asprintf("%s %s %s", kn_json_str(dead, "topic"), kn_json_str(error, "code"),
                                    kn_json_str(error, "message")));
        }
    }
}

static void await_told(size_t t, int partition, size_t letter, enum kn_code code, const char *reason)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    AUTO_FREE char *sender = sender_of(t, partition, letter);
    char topic[128];
    const char *told;

    while ((told = kn_hmap_get(world.told, sender)) == NULL) {
        if (kn_mono_ms() > deadline) {
            fail_msg("nobody says that a message of %s on %s was bad", sender, topic_of(t, topic));
        }
        listen_once();
    }
    AUTO_FREE char *wanted = kn_asprintf("%s %s ", topic_of(t, topic), kn_code_name(code));
    if (strncmp(told, wanted, strlen(wanted)) != 0 || strstr(told, reason) == NULL) {
        fail_msg("of %s is told \"%s\", wanted \"%s… %s\"", sender, told, wanted, reason);
    }
}

/* --- the cloud ---------------------------------------------------------------------------------------------------------- */

/* Every life of every daemon: another text when one of them ended. */
static char *lives(void)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(
                  kn_whole.db,
                  "SELECT string_agg(id || ' ' || boot, ', ' ORDER BY id) FROM (SELECT id, boot FROM service UNION ALL "
                  "SELECT 'agent ' || id, boot FROM agent WHERE id <> 'ghost') l",
                  0, KN_NO_ARGS, &rows, &err),
              &err);
    return kn_strdup(kn_rows_text(rows, 0, KN_ONLY));
}

static void build_servers(const char *flavor, const char *image)
{
    AUTO_FREE char *body = kn_asprintf(
        "{\"server\": {\"name\": \"s\", \"flavorRef\": \"%s\", \"imageRef\": \"%s\", \"networks\": \"none\", \"min_count\": 4}}",
        flavor, image);

    assert_int_equal(kn_whole_cloud_ask("POST", SERVERS, KN_WHOLE_JSON "OpenStack-API-Version: compute 2.37\r\n", body),
                     202);
    kn_whole_cloud_await(
        "SELECT count(*) FROM server WHERE vm_state = 'active' AND task_state IS NULL AND deleted_at IS NULL", 4);
}

static void delete_servers(void)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    assert_ok(kn_db_query(kn_whole.db, "SELECT id FROM server WHERE deleted_at IS NULL", 0, KN_NO_ARGS, &rows, &err),
              &err);
    for (int i = 0; i < kn_rows_count(rows); i++) {
        AUTO_FREE char *path = kn_asprintf(SERVERS "/%s", kn_rows_text(rows, i, KN_ONLY));
        assert_int_equal(kn_whole_cloud_ask("DELETE", path, NULL, NULL), 204);
    }
    kn_whole_cloud_await("SELECT count(*) FROM server WHERE deleted_at IS NULL", 0);
}

static char flavor[64], image[64];

static void test_letters(void **state)
{
    AUTO_FREE char *before = lives();
    char topic[128];

    (void)state;
    for (size_t t = 0; t < KN_COUNT(TOPICS); t++) {
        for (int p = 0; p < TOPICS[t].partitions; p++) {
            for (size_t i = 0; i < KN_COUNT(LETTERS); i++) {
                AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
                AUTO_FREE char *sender = sender_of(t, p, i);
                const char *at = strchr(LETTERS[i].text, '@'), *rest = at != NULL ? at + 1 : "";

                kn_strbuf_addf(&text, "%.*s%s%s", (int)(at - LETTERS[i].text), LETTERS[i].text, sender, rest);
                say(topic_of(t, topic), p, text.buf, text.len);
            }
        }
    }
    build_servers(flavor, image);
    for (size_t t = 0; t < KN_COUNT(TOPICS); t++) {
        for (int p = 0; TOPICS[t].is_told && p < TOPICS[t].partitions; p++) {
            for (size_t i = 0; i < KN_COUNT(LETTERS); i++) {
                if (LETTERS[i].code != KN_OK) {
                    await_told(t, p, i, LETTERS[i].code, LETTERS[i].reason);
                }
            }
        }
    }
    delete_servers();
    AUTO_FREE char *after = lives();
    assert_string_equal(after, before);
}

static void test_large_ones(void **state)
{
    static const size_t SIZES[] = { FITTING, LARGE, 3 * 1000 * 1000, HUGE };
    AUTO_FREE char *before = lives(), *nothing = kn_alloc(HUGE);
    char topic[128];

    (void)state;
    memset(nothing, '[', HUGE);
    for (size_t t = 0; t < KN_COUNT(TOPICS); t++) {
        write_raw(topic_of(t, topic), 0, nothing, LARGE);
        write_raw(topic_of(t, topic), 0, nothing, HUGE);
        for (size_t i = 0; i < KN_COUNT(SIZES); i++) {
            AUTO_FREE char *sender = sender_of(t, 0, 1000 + i);
            size_t len = 0;
            AUTO_FREE char *text = with_a_field(SIZES[i], sender, &len);

            write_raw(topic_of(t, topic), 0, text, len);
        }
    }
    build_servers(flavor, image);
    for (size_t t = 0; t < KN_COUNT(TOPICS); t++) {
        if (TOPICS[t].is_told) {
            await_told(t, 0, 1000, KN_BAD_REQUEST, "request_id");
            await_told(t, 0, 1001, KN_TOO_LARGE, "is larger than");
        }
    }
    delete_servers();
    AUTO_FREE char *after = lives();
    assert_string_equal(after, before);
}

static void test_every_promise_is_kept(void **state)
{
    (void)state;
    build_servers(flavor, image);
    assert_true(kn_whole_cloud_is_sound());
    delete_servers();
}

static int start(void **state)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_error err = { 0 };

    (void)state;
    kn_whole_cloud_start("2");
    kn_copy(flavor, sizeof(flavor), kn_whole_cloud_flavor());
    kn_copy(image, sizeof(image), kn_whole_cloud_image());
    assert_ok(kn_db_query(kn_whole.db, "SELECT id FROM agent", 0, KN_NO_ARGS, &rows, &err), &err);
    kn_copy(world.agent, sizeof(world.agent), kn_rows_text(rows, 0, KN_ONLY));
    world.told = kn_hmap_new(free);
    assert_ok(kn_bus_new(&kn_whole.conf, "enemy", &world.bus, &err), &err);
    for (size_t t = 0; t < KN_COUNT(TOPICS); t++) {
        char topic[128];
        assert_ok(kn_bus_ensure_topic(world.bus, topic_of(t, topic), TOPICS[t].partitions, WAIT_MS, &err), &err);
    }
    assert_ok(kn_bus_ensure_topic(world.bus, KN_TOPIC_DEAD, 1, WAIT_MS, &err), &err);
    assert_ok(kn_bus_reader_new(world.bus, &world.dead, &err), &err);
    assert_ok(kn_bus_assign(world.dead, KN_TOPIC_DEAD, 0, &err), &err);
    kn_whole_cloud_await("SELECT count(DISTINCT binary_name) FROM service", 6);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    kn_bus_reader_free(world.dead);
    kn_bus_free(world.bus);
    kn_hmap_free(world.told);
    kn_whole_cloud_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_large_ones),
        cmocka_unit_test(test_every_promise_is_kept),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
