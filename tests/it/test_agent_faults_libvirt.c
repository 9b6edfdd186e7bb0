/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every power action of a real guest, and what strikes in the middle of it: the agent killed, libvirtd killed, the guest's own QEMU killed, each at several moments. Whoever asks again
 * finds it done; and ten seconds later at most what the agent says of the guest is what libvirt says. The check strikes twice at each action, `make faults` at all moments of all
 * (KN_TEST_FAULTS=all). Spawns, NICs, rescues and snapshots have such tests beside their own. Needs what tests/support/one_guest.h says.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "tests/support/one_guest.h"
#include "tests/support/process.h"
#include "tests/support/test.h"

#define TRUTH_MS 10000
#define DONE_MS 90000

static const struct {
    const char *name;
    int from, to; /* power states */
} ACTIONS[] = {
    { "pause", 1, 3 },       { "unpause", 3, 1 }, { "suspend", 1, 7 }, { "resume", 7, 1 }, { "reboot_soft", 1, 1 },
    { "reboot_hard", 1, 1 }, { "rebuild", 1, 1 }, { "stop", 1, 4 },    { "start", 4, 1 },
};

enum struck { AGENT, LIBVIRTD, GUEST };
static const struct {
    enum struck what;
    int after_ms; /* -1: when it is done */
} FAULTS[] = {
    { AGENT, 0 }, { LIBVIRTD, 60 }, { AGENT, 120 },  { GUEST, 30 },  { AGENT, -1 },
    { GUEST, 0 }, { AGENT, 500 },   { LIBVIRTD, 0 }, { GUEST, 300 }, { LIBVIRTD, -1 },
};

/* --- what is so ------------------------------------------------------------------------------------------------------ */

/* The power state by libvirt's own words; -1: it does not say, for it is away. */
static int power_of_libvirt(void)
{
    static const struct {
        const char *words;
        int power;
    } WORDS[] = { { "running", 1 }, { "paused", 3 }, { "shut off (crashed)", 6 }, { "saved", 7 }, { "shut off", 4 } };
    /* A daemon that was killed forgets why a guest is off, and not that its memory is in a file. */
    AUTO_FREE char *command = kn_asprintf(
        "v='virsh -q -c qemu:///system'; $v dominfo kn-%s 2>/dev/null | grep -q 'Managed save: *yes' && echo saved || "
        "$v domstate --reason kn-%s 2>/dev/null",
        kn_one_guest.server, kn_one_guest.server);
    FILE *f = popen(command, "r");
    char answer[128] = "";

    assert_non_null(f);
    answer[fread(answer, 1, sizeof(answer) - 1, f)] = '\0';
    pclose(f);
    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        if (strncmp(answer, WORDS[i].words, strlen(WORDS[i].words)) == 0) {
            return WORDS[i].power;
        }
    }
    return -1;
}

/* As host.observe has it; -1: it cannot say, because libvirt is away. */
static int power_of_agent(void)
{
    const int64_t task = kn_test_agent_command(&kn_one_guest.agent, "host.observe", 0,
                                               json_pack("{s:s}", "audit", "test"));
    struct kn_message m = kn_test_agent_expect(&kn_one_guest.agent, "host.observe", task);
    const json_t *d = m.ok ? json_array_get(json_object_get(m.result, "domains"), 0) : NULL;
    const int power = d != NULL ? (int)kn_json_int(d, "power_state") : -1;

    assert_true(m.ok || m.error.code == KN_UNAVAILABLE);
    kn_message_release(&m);
    return power;
}

/* Both say the same, and it is not on its way. */
static int await_truth(const char *action, const char *fault)
{
    const int64_t deadline = kn_mono_ms() + TRUTH_MS;

    for (;;) {
        const int said = power_of_agent(), is = power_of_libvirt();

        if (said == is && is > 0) {
            return is;
        }
        if (kn_mono_ms() > deadline) {
            fail_msg("%s, %s: the agent says %d, libvirt %d", action, fault, said, is);
        }
        kn_test_pause(100);
    }
}

/* --- what is done ---------------------------------------------------------------------------------------------------- */

static json_t *spec_of(void)
{
    json_t *spec = kn_one_guest_spec();

    json_object_set_new(spec, "machine",
                        json_pack("{s:i}", "shutdown_s", 1)); /* nobody here waits for the guest's will */
    return spec;
}

static void say(const char *action, int64_t task)
{
    kn_one_guest.agent.task = task;
    kn_test_agent_command(&kn_one_guest.agent, "server.power", 1,
                          json_pack("{s:s, s:s, s:o}", "server", kn_one_guest.server, "action", action, "spec",
                                    spec_of()));
}

/* The task's answer: the power state that it ended in; -1: refused, with the code. */
static int heard(int64_t task, enum kn_code *ret_code)
{
    struct kn_message m = kn_test_agent_expect(&kn_one_guest.agent, "server.power", task);
    const int power = m.ok ? (int)kn_json_int(m.result, "power_state") : -1;

    *ret_code = m.ok ? KN_OK : m.error.code;
    kn_message_release(&m);
    return power;
}

/* As a conductor does: the same again, until it is done or refused for good. */
static int said_again(const char *action, int64_t task)
{
    const int64_t deadline = kn_mono_ms() + DONE_MS;
    enum kn_code code;
    int power;

    do {
        say(action, task);
        power = heard(task, &code);
        assert_true(kn_mono_ms() < deadline);
    } while (power < 0 && (code == KN_UNAVAILABLE || code == KN_TIMEOUT));
    return power;
}

static int done(const char *action)
{
    return said_again(action, kn_one_guest.agent.task);
}

/* Whatever it is now. */
static void bring_to(int power)
{
    const int is = await_truth("before it", "nothing");

    if (is == power) {
        return;
    }
    if (is != 1) {
        assert_int_equal(done("reboot_hard"), 1);
    }
    if (power != 1) {
        assert_int_equal(done(power == 3 ? "pause" : power == 7 ? "suspend" : "stop"), power);
    }
}

/* --- what strikes ---------------------------------------------------------------------------------------------------- */

static void kill_by(const char *path)
{
    FILE *f = fopen(path, "r");
    int pid = 0;

    if (f != NULL && fscanf(f, "%d", &pid) == 1 && pid > 1) {
        kill(pid, SIGKILL); /* host.sh starts libvirtd again */
    }
    if (f != NULL) {
        fclose(f);
    }
}

static void strike(enum struck what)
{
    AUTO_FREE char *guest = kn_asprintf("/run/libvirt/qemu/kn-%s.pid", kn_one_guest.server);
    struct kn_message hello;

    switch (what) {
    case AGENT:
        kn_test_agent_kill9(&kn_one_guest.agent);
        kn_test_agent_start(&kn_one_guest.agent);
        hello = kn_test_agent_expect(&kn_one_guest.agent, "agent.hello", 0);
        kn_message_release(&hello);
        break;
    case LIBVIRTD:
        kill_by("/run/libvirtd.pid");
        break;
    case GUEST:
        kill_by(guest);
        break;
    }
}

static void try_one(size_t action, size_t fault)
{
    static const char *const NAMES[] = {
        [AGENT] = "agent killed", [LIBVIRTD] = "libvirtd killed", [GUEST] = "guest killed"
    };
    const char *name = ACTIONS[action].name, *what = NAMES[FAULTS[fault].what];
    const int64_t begun = kn_mono_ms();
    enum kn_code code;
    int power;

    bring_to(ACTIONS[action].from);
    const int64_t task = kn_one_guest.agent.task;

    say(name, task);
    if (FAULTS[fault].after_ms < 0) {
        assert_int_equal(heard(task, &code), ACTIONS[action].to);
    } else {
        kn_test_pause(FAULTS[fault].after_ms);
    }
    strike(FAULTS[fault].what);
    power = said_again(name, task);
    const int is = await_truth(name, what);

    print_message("%-12s %-16s %4d ms: %d, %d after %d ms\n", name, what, FAULTS[fault].after_ms, power, is,
                  (int)(kn_mono_ms() - begun));
    /* A guest that was killed may be off whatever was asked of it, and is said to be. */
    if (FAULTS[fault].what != GUEST) {
        assert_int_equal(power, ACTIONS[action].to);
        assert_int_equal(is, ACTIONS[action].to);
    }
    kn_one_guest.agent.task = task + 1;
}

static void test_every_action_and_fault(void **state)
{
    const bool all = getenv("KN_TEST_FAULTS") != NULL && strcmp(getenv("KN_TEST_FAULTS"), "all") == 0;

    (void)state;
    kn_one_guest_tell_networks();
    kn_one_guest_spawn(1);
    for (size_t action = 0; action < KN_COUNT(ACTIONS); action++) {
        for (size_t i = 0; i < (all ? KN_COUNT(FAULTS) : 2); i++) {
            try_one(action, all ? i : (2 * action + i) % KN_COUNT(FAULTS));
        }
    }
    bring_to(1);
    kn_one_guest_destroy(2);
}

static int run_inside(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_action_and_fault) };

    return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown);
}

int main(void)
{
    kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img");
    return kn_one_guest_main(run_inside);
}
