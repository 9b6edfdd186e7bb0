/* SPDX-License-Identifier: Apache-2.0 */
/* asked_agent.c: what stands before such a test and goes after it. */
#include "tests/support/asked_agent.h"

#include <stdlib.h>

#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "tests/support/test.h"

#define LIMIT_MS 60000

void kn_asked_agent_start(struct kn_asked_agent *on, const char *name)
{
    AUTO_FREE char *topic = NULL;
    struct kn_error err = { 0 };

    kn_log_init(name, KN_ERROR);
    kn_conf_defaults(&on->conf);
    on->pg = kn_test_pg_start(KN_TEST_PG_FAST);
    on->conf.db_url = on->url = kn_test_pg_migrated(on->pg, name);
    on->broker = kn_test_broker_start();
    kn_test_broker_conf(on->broker, &on->conf);
    on->db = kn_db_new(on->url, "test");
    kn_uuid_make(on->agent);
    topic = kn_asprintf("%s%s", KN_TOPIC_AGENT, on->agent);
    assert_ok(kn_bus_new(&on->conf, "test", &on->bus, &err), &err);
    assert_ok(kn_bus_ensure_topic(on->bus, topic, 1, LIMIT_MS, &err), &err);
    assert_ok(kn_bus_ensure_topic(on->bus, KN_TOPIC_ANSWER, 1, LIMIT_MS, &err), &err);
    assert_ok(kn_bus_reader_new(on->bus, &on->reader, &err), &err);
    assert_ok(kn_bus_assign(on->reader, topic, 0, &err), &err);
}

void kn_asked_agent_stop(struct kn_asked_agent *on)
{
    kn_bus_reader_free(on->reader);
    kn_bus_free(on->bus);
    kn_db_free(on->db);
    kn_test_broker_free(on->broker);
    kn_test_pg_free(on->pg);
    free(on->url);
}
