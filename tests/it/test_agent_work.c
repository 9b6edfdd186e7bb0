/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that takes long, on a simulated agent whose spawns take six seconds: it says that it works, is not begun twice, and ends when it is cancelled, when
 * its server is destroyed, and after SIGKILL when it is asked for again. What does not name it changes nothing.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "tests/support/agent.h"
#include "tests/support/broker.h"
#include "tests/support/test.h"

#define SERVER "aaaaaaaa-0000-4000-8000-000000000001"
#define OTHER "aaaaaaaa-0000-4000-8000-000000000002"

static struct kn_test_broker *broker;
static struct kn_conf conf;
static const char *const SLOW[] = { "--driver", "sim", "--hosts", "1", "--set", "agent.sim_spawn_ms=6000", NULL };

static int group_setup(void **state)
{
    (void)state;
    kn_conf_defaults(&conf);
    broker = kn_test_broker_start();
    kn_test_broker_conf(broker, &conf);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    kn_test_broker_free(broker);
    return 0;
}

static void hello(struct kn_test_agent *a)
{
    struct kn_message m = kn_test_agent_expect(a, "agent.hello", 0);

    kn_message_release(&m);
}

static int setup(void **state)
{
    struct kn_test_agent *a = KN_NEW(struct kn_test_agent);

    *state = a;
    kn_test_agent_init(a, &conf, SLOW);
    snprintf(a->host, sizeof(a->host), "%s-00001", a->id);
    hello(a);
    return 0;
}

static json_t *body_of(const char *server)
{
    return json_pack("{s:s, s:{s:s, s:s, s:s, s:i, s:i, s:i, s:[]}}", "server", server, "spec", "name", "a", "hostname",
                     "a", "project", "p", "vcpus", 1, "memory_mib", 64, "disk_gib", 1, "nics");
}

static int64_t spawn(struct kn_test_agent *a, const char *server, int64_t generation)
{
    return kn_test_agent_command(a, "server.spawn", generation, body_of(server));
}

/* Something more about a task that was given before. */
static void say(struct kn_test_agent *a, const char *type, int64_t task, int64_t generation, json_t *body)
{
    const int64_t next = a->task;

    a->task = task;
    kn_test_agent_command(a, type, generation, body);
    a->task = next;
}

/* Percent. */
static int works(struct kn_test_agent *a, int64_t task)
{
    AUTO_RELEASE(kn_message) struct kn_message m = kn_test_agent_expect(a, "working", task);

    assert_string_equal(kn_json_str(m.body, "command"), "server.spawn");
    assert_int_equal(m.generation, 1);
    assert_int_equal(m.attempt, 1);
    return (int)kn_json_int(m.body, "percent");
}

static void done(struct kn_test_agent *a, const char *type, int64_t task)
{
    json_decref(kn_test_agent_done(a, type, task));
}

static size_t guests(struct kn_test_agent *a)
{
    json_t *seen = kn_test_agent_observe(a);
    const size_t count = json_array_size(json_object_get(seen, "domains"));

    json_decref(seen);
    return count;
}

static void says_that_it_works_and_is_done_once(void **state)
{
    struct kn_test_agent *a = *state;
    const int64_t task = spawn(a, SERVER, 1);
    const int first = works(a, task);

    say(a, "server.spawn", task, 1, body_of(SERVER)); /* as a conductor does that is not answered in time */
    assert_in_range(works(a, task), first, 100);
    done(a, "server.spawn", task);
    assert_int_equal(guests(a), 1);
    say(a, "cancel", task, 1, json_object()); /* over: no-op */
    assert_int_equal(kn_test_agent_power(a, SERVER, "stop"), 4);
}

static void cancelled(void **state)
{
    struct kn_test_agent *a = *state;
    const int64_t task = spawn(a, SERVER, 1);
    const int64_t behind = spawn(a, SERVER, 1); /* in its lane: never begins */

    works(a, task);
    say(a, "cancel", task - 1, 1, json_object()); /* older */
    say(a, "cancel", task, 2, json_object());     /* of another generation */
    say(a, "cancel", behind + 1, 1, json_object()); /* nobody's yet */
    say(a, "server.spawn", task, 1, body_of(SERVER));
    works(a, task);
    say(a, "cancel", behind, 1, json_object());
    kn_test_agent_refused(a, "server.spawn", behind, KN_CANCELLED);
    say(a, "cancel", task, 1, json_object());
    say(a, "cancel", task, 1, json_object());
    kn_test_agent_refused(a, "server.spawn", task, KN_CANCELLED);
    assert_int_equal(guests(a), 0);
    a->task = behind + 2;
    done(a, "server.spawn", spawn(a, SERVER, 1)); /* and the server is as before */
}

/* A `cancel` may be lost with the conductor that was to send it; the destroy that comes says the same. */
static void destroyed_while_it_works(void **state)
{
    struct kn_test_agent *a = *state;
    const int64_t task = spawn(a, SERVER, 1), other = spawn(a, OTHER, 1);

    works(a, task);
    const int64_t destroy = kn_test_agent_command(a, "server.destroy", 2, json_pack("{s:s}", "server", SERVER));
    kn_test_agent_refused(a, "server.spawn", task, KN_CANCELLED);
    done(a, "server.destroy", destroy);
    done(a, "server.spawn", other); /* another server's is not meant */
    assert_int_equal(guests(a), 1);
}

static void killed_in_the_middle(void **state)
{
    struct kn_test_agent *a = *state;
    const int64_t task = spawn(a, SERVER, 1);

    works(a, task);
    say(a, "cancel", task, 1, json_object()); /* heard or not: */
    kn_test_agent_kill9(a);
    kn_test_agent_start(a);
    hello(a);
    say(a, "server.spawn", task, 1, body_of(SERVER)); /* it is asked for again, so it is done */
    for (;;) {
        AUTO_RELEASE(kn_message) struct kn_message m = kn_test_agent_expect(a, "server.spawn", task);
        if (m.ok) {
            break;
        }
        assert_int_equal(m.error.code, KN_CANCELLED); /* of its first life */
    }
    assert_int_equal(guests(a), 1);
}

static void stopped_in_the_middle(void **state)
{
    struct kn_test_agent *a = *state;

    works(a, spawn(a, SERVER, 1)); /* teardown ends it well, at once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(says_that_it_works_and_is_done_once, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test_setup_teardown(cancelled, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test_setup_teardown(destroyed_while_it_works, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test_setup_teardown(killed_in_the_middle, setup, kn_test_agent_teardown_sim),
        cmocka_unit_test_setup_teardown(stopped_in_the_middle, setup, kn_test_agent_teardown_sim),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
