/* SPDX-License-Identifier: Apache-2.0 */
/*
 * told: hears what the hosts of an agent are told of networks: `told AGENT HOSTS`. It prints "reading" when it reads, and when so many hosts were told of something, what
 * that took: messages, things in them, bytes, and the second at which the last host could read it. What somebody says about itself counts for nothing here: it
 * believes everybody.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/bus.h"
#include "lib/base/clock.h"
#include "lib/base/hmap.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define BATCH 200
#define WAIT_MS 120000

struct told {
    struct kn_hmap *hosts;
    size_t messages, things, bytes;
};

static void take(struct told *told, const struct kn_bus_message *raw)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    struct kn_error ignored = { 0 };

    if (kn_message_parse(raw->data, raw->len, &m, &ignored) < 0 || strcmp(m.type->name, "net.state") != 0) {
        return;
    }
    kn_hmap_put(told->hosts, kn_json_str(m.body, "host"), told);
    told->messages++;
    told->things += json_array_size(json_object_get(m.body, "put")) + json_array_size(json_object_get(m.body, "drop"));
    told->bytes += raw->len;
}

static int hear(struct kn_bus_reader *reader, size_t hosts, struct kn_error *err)
{
    const int64_t deadline = kn_mono_ms() + WAIT_MS;
    AUTO(kn_hmap) struct kn_hmap *seen = kn_hmap_new(NULL);
    struct told told = { .hosts = seen };

    while (kn_hmap_count(seen) < hosts) {
        struct kn_bus_message messages[BATCH];
        const int count = kn_bus_poll(reader, messages, BATCH, 100);

        for (int i = 0; i < count; i++) {
            take(&told, &messages[i]);
            kn_bus_message_done(&messages[i]);
        }
        if (kn_mono_ms() > deadline) {
            return kn_fail(err, KN_TIMEOUT, "%zu of %zu hosts were told of something", kn_hmap_count(seen), hosts);
        }
    }
    printf("{\"messages\": %zu, \"things\": %zu, \"bytes\": %zu, \"at\": %.6f}\n", told.messages, told.things,
           told.bytes, (double)kn_now_us() / 1e6);
    return 0;
}

static int run(const struct kn_conf *conf, const char *agent, size_t hosts, struct kn_error *err)
{
    AUTO_FREE char *topic = kn_asprintf("%s%s", KN_TOPIC_AGENT, agent);
    AUTO(kn_bus) struct kn_bus *bus = NULL;
    AUTO(kn_bus_reader) struct kn_bus_reader *reader = NULL;

    if (kn_bus_new(conf, "told", &bus, err) < 0 || kn_bus_reader_new(bus, &reader, err) < 0 ||
        kn_bus_assign(reader, topic, 0, err) < 0) {
        return -1;
    }
    puts("reading");
    fflush(stdout);
    return hear(reader, hosts, err);
}

int main(int argc, char **argv)
{
    static struct kn_conf conf;
    struct kn_error err = { 0 };
    AUTO_FREE char **left = NULL;

    kn_log_init("told", KN_WARNING);
    if (kn_conf_load(&conf, argc, argv, &left, &err) < 0 || left[0] == NULL || left[1] == NULL ||
        run(&conf, left[0], strtoul(left[1], NULL, 10), &err) < 0) {
        kn_log_error("told AGENT HOSTS", &err);
        return 1;
    }
    return 0;
}
