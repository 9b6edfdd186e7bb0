/* SPDX-License-Identifier: Apache-2.0 */
/*
 * garbage: sends broken messages to every topic that a cloud reads: `garbage CONFIG AGENT`. Bytes that are no JSON, JSON that is no message, messages with unknown
 * types and versions, wrong fields, foreign replies, replies to tasks that never were, and one of 900 kB. Whoever crashes on one of them fails the test.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/bus.h"
#include "lib/adapter/signer.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define LARGE 900000
#define SPEAKERS 2

static struct kn_signer *speakers[SPEAKERS]; /* NULL: nobody signs */

static const char *const BROKEN[] = {
    "",
    "{",
    "null",
    "[]",
    "\"text\"",
    "\xff\xfe\x00",
    "{}",
    "{\"type\":1}",
    "{\"type\":\"server.spawn\"}",
    "{\"type\":\"no.such\",\"v\":1,\"body\":{}}",
    "{\"type\":\"place.claim\",\"v\":99,\"task\":1,\"step\":0,\"part\":0,\"attempt\":1,\"generation\":1,\"shard\":0,\"body\":{}}",
    "{\"type\":\"place.claim\",\"v\":1,\"task\":1,\"step\":0,\"part\":0,\"attempt\":1,\"generation\":1,\"shard\":99,\"body\":{}}",
    "{\"type\":\"place.claim\",\"v\":1,\"task\":-1,\"step\":0,\"part\":0,\"attempt\":1,\"generation\":1,\"shard\":0,\"body\":{\"server\":\"x\",\"project\":1}}",
    "{\"type\":\"task.wake\",\"v\":1,\"task\":99999999,\"step\":0,\"part\":0,\"attempt\":1,\"generation\":1,\"shard\":0,\"body\":{}}",
    "{\"type\":\"server.spawn\",\"v\":1,\"task\":99999999,\"step\":1,\"part\":0,\"attempt\":2,\"generation\":1,\"shard\":0,\"reply\":{\"ok\":true,\"result\":{\"power_state\":1}}}",
    "{\"type\":\"server.spawn\",\"v\":1,\"task\":1,\"step\":1,\"part\":1000000,\"attempt\":2,\"generation\":1,\"shard\":0,\"reply\":{\"ok\":\"yes\"}}",
    "{\"type\":\"agent.hello\",\"v\":1,\"task\":0,\"step\":0,\"part\":0,\"attempt\":0,\"generation\":0,\"shard\":0,\"body\":{\"agent\":\"ghost\",\"boot\":\"b\",\"hosts\":[{\"host\":\"\",\"vcpus\":-1},5,null]}}",
    "{\"type\":\"agent.domains\",\"v\":1,\"task\":0,\"step\":0,\"part\":0,\"attempt\":0,\"generation\":0,\"shard\":0,\"body\":{\"agent\":\"ghost\",\"host\":\"nowhere\",\"domains\":[{\"server\":\"no uuid\"},7,{}]}}",
    "{\"type\":\"server.power_state\",\"v\":1,\"task\":0,\"step\":0,\"part\":0,\"attempt\":0,\"generation\":1,\"shard\":0,\"body\":{\"agent\":\"ghost\",\"host\":\"nowhere\",\"server\":\"11111111-1111-4111-8111-111111111111\",\"power_state\":6,\"reason\":\"x\"}}",
};

/* Where messages are signed, the same again from those who may say it: what is refused at the door tries nobody behind it. */
static int send_signed(struct kn_bus *bus, const char *topic, int partition, const char *text, size_t len,
                       struct kn_error *err)
{
    for (int i = 0; i < SPEAKERS && len > 2 && text[len - 1] == '}'; i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf signed_text = KN_STRBUF_INIT;

        if (speakers[i] == NULL) {
            continue;
        }
        kn_strbuf_add(&signed_text, text, len - 1);
        kn_strbuf_addf(&signed_text, ",\"from\":\"%s\"}", kn_signer_who(speakers[i]));
        kn_signer_sign(speakers[i], topic, &signed_text);
        if (kn_bus_send(bus, topic, partition, signed_text.buf, signed_text.len, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static int send_all(struct kn_bus *bus, const char *topic, int partition, struct kn_error *err)
{
    AUTO_FREE char *large = kn_alloc(LARGE);

    memset(large, '[', LARGE);
    for (size_t i = 0; i < KN_COUNT(BROKEN); i++) {
        size_t len = i == 5 ? 3 : strlen(BROKEN[i]);

        if (kn_bus_send(bus, topic, partition, BROKEN[i], len, err) < 0 ||
            send_signed(bus, topic, partition, BROKEN[i], len, err) < 0) {
            return -1;
        }
    }
    if (kn_bus_send(bus, topic, partition, large, LARGE, err) < 0) {
        return -1;
    }
    return kn_bus_flush(bus, 30000) < 0 ? kn_fail(err, KN_TIMEOUT, "the broker did not take the garbage within 30 s")
                                        : 0;
}

static int run(const struct kn_conf *conf, const char *agent, struct kn_error *err)
{
    AUTO_FREE char *agent_topic = kn_asprintf("%s%s", KN_TOPIC_AGENT, agent);
    const char *const topics[] = { KN_TOPIC_TASK,  KN_TOPIC_REPLY,  KN_TOPIC_PLACE,  KN_TOPIC_NETWORK, KN_TOPIC_VOLUME,
                                   KN_TOPIC_IMAGE, KN_TOPIC_REPORT, KN_TOPIC_ANSWER, agent_topic };
    AUTO(kn_bus) struct kn_bus *bus = NULL;

    if (kn_bus_new(conf, "garbage", &bus, err) < 0 || kn_signer_new(conf, "garbage", &speakers[0], err) < 0 ||
        kn_signer_new(conf, "agent/ghost", &speakers[1], err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < KN_COUNT(topics); i++) {
        int partitions = i < 2 ? KN_SHARDS : 1;

        for (int p = 0; p < partitions; p++) {
            if (send_all(bus, topics[i], p, err) < 0) {
                return kn_fail_context(err, "topic %s", topics[i]);
            }
        }
    }
    for (int i = 0; i < SPEAKERS; i++) {
        kn_signer_free(speakers[i]);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct kn_conf conf;
    struct kn_error err = { 0 };
    AUTO_FREE char **left = NULL;

    kn_log_init("garbage", KN_WARNING);
    if (kn_conf_load(&conf, argc, argv, &left, &err) < 0 || left[0] == NULL || run(&conf, left[0], &err) < 0) {
        kn_log_error("garbage", &err);
        return 1;
    }
    return 0;
}
