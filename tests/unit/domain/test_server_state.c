/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state machine against Nova's, pair by pair: what may begin where is written here a second time, as the API reference has
 * it, and every action is asked about every pair of states. Then the graph: no state that nothing reaches, no state in flight
 * without a way out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/server_state.h"

/* clang-format off */
static const char *const VM_STATES[] = { "building", "active", "paused", "suspended", "stopped", "rescued", "resized",
                                         "soft-delete", "deleted", "error", "shelved", "shelved_offloaded" };
/* clang-format on */
/* clang-format off */
static const char *const TASK_STATES[] = { NULL, "scheduling", "networking", "spawning", "rebooting", "reboot_pending",
                                           "reboot_started", "rebooting_hard", "pausing", "unpausing", "suspending",
                                           "resuming", "powering-off", "powering-on", "rescuing", "unrescuing", "deleting", "soft-deleting", "restoring", "rebuilding", "rebuild_spawning", "shelving", "shelving_image_pending_upload", "shelving_image_uploading", "shelving_offloading", "unshelving", "image_snapshot", "image_backup", "image_pending_upload", "image_uploading" };
/* clang-format on */

struct expectation {
    const char *action;
    const char *vm_states;   /* "*" = any; otherwise words */
    const char *task_states; /* besides none */
};

static const struct expectation NOVA[] = {
    { "create", "building", "scheduling" },
    { "delete", "*", "*" },
    { "soft_delete", "*", "*" },
    { "restore", "soft-delete", "" },
    { "stop", "active error", "" },
    { "start", "stopped", "" },
    { "reboot", "active", "" },
    { "reboot_hard", "active stopped paused suspended error",
      "rebooting reboot_pending reboot_started rebooting_hard resuming unpausing pausing suspending" },
    { "pause", "active", "" },
    { "unpause", "paused", "" },
    { "suspend", "active", "" },
    { "resume", "suspended", "" },
    { "rescue", "active stopped error", "" },
    { "unrescue", "rescued", "" },
    { "rebuild", "active stopped error", "" },
    { "createImage", "active stopped paused suspended", "" },
    { "createBackup", "active stopped paused suspended", "" },
    { "shelve", "active stopped paused suspended", "" },
    { "shelveOffload", "shelved", "" },
    { "unshelve", "shelved shelved_offloaded", "" },
    { "attach_volume", "active paused stopped shelved shelved_offloaded", "" },
    { "detach_volume", "active paused stopped shelved shelved_offloaded", "" },
    { "swap_volume", "active paused", "" },
    { "attach_interface", "active paused stopped", "" },
    { "detach_interface", "active paused stopped", "" },
    { "addFixedIp", "active paused stopped", "" },
    { "removeFixedIp", "active paused stopped", "" },
    { "create share", "stopped", "*" },
    { "delete share", "stopped error", "*" },
    { "trigger_crash_dump", "active paused rescued error", "" },
    { "changePassword", "active", "" },
    { "injectNetworkInfo", "*", "*" },
    { "lock", "*", "*" },
    { "unlock", "*", "*" },
    { "resetState", "*", "*" },
    { "update metadata", "active paused suspended stopped", "*" },
    { "update tag", "active paused suspended stopped", "*" },
};

static bool has_word(const char *words, const char *word)
{
    char spaced[256], wanted[64];

    if (strcmp(words, "*") == 0) {
        return true;
    }
    snprintf(spaced, sizeof(spaced), " %s ", words);
    snprintf(wanted, sizeof(wanted), " %s ", word);
    return strstr(spaced, wanted) != NULL;
}

static void every_action_in_every_pair_of_states(void **state)
{
    (void)state;
    for (size_t e = 0; e < KN_COUNT(NOVA); e++) {
        const struct kn_server_action *action = kn_server_action(NOVA[e].action);

        assert_non_null(action);
        for (size_t v = 0; v < KN_COUNT(VM_STATES); v++) {
            for (size_t t = 0; t < KN_COUNT(TASK_STATES); t++) {
                bool want = has_word(NOVA[e].vm_states, VM_STATES[v]) &&
                            (TASK_STATES[t] == NULL || has_word(NOVA[e].task_states, TASK_STATES[t]));
                struct kn_error err = { 0 };
                int got = kn_server_action_allowed(action, "s", VM_STATES[v], TASK_STATES[t], false, false, &err);

                if ((got == 0) != want) {
                    fail_msg("%s in %s/%s: got %d", action->name, VM_STATES[v], TASK_STATES[t] ? TASK_STATES[t] : "-",
                             got);
                }
                assert_int_equal(err.code, want ? KN_OK : KN_CONFLICT);
            }
        }
    }
}

static void every_row_is_expected(void **state)
{
    size_t rows = 0;

    (void)state;
    for (const struct kn_server_action *a = kn_server_actions; a->name != NULL; a++) {
        rows++;
    }
    assert_int_equal(rows, KN_COUNT(NOVA));
    assert_null(kn_server_action("fly"));
}

static void refusals_use_novas_words(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    assert_int_equal(kn_server_action_allowed(kn_server_action("stop"), "u", "paused", NULL, false, false, &err), -1);
    assert_string_equal(err.message, "Cannot 'stop' instance u while it is in vm_state paused");
    assert_int_equal(kn_server_action_allowed(kn_server_action("stop"), "u", "active", "pausing", false, false, &err),
                     -1);
    assert_string_equal(err.message, "Cannot 'stop' instance u while it is in task_state pausing");
}

static void a_lock_stops_all_but_admins(void **state)
{
    (void)state;
    for (const struct kn_server_action *a = kn_server_actions; a->name != NULL; a++) {
        const char *vm = a->vm_states[0] != NULL ? a->vm_states[0] : "active";
        int as_member = kn_server_action_allowed(a, "s", vm, NULL, true, false, NULL);

        assert_int_equal(as_member, a->ignores_lock ? 0 : -1);
        assert_int_equal(kn_server_action_allowed(a, "s", vm, NULL, true, true, NULL), 0);
    }
}

/* vm_states that rows lead to, from a new server; error is where a failed creation ends. */
static void every_vm_state_is_reachable(void **state)
{
    bool reached[KN_COUNT(VM_STATES)] = { false };
    bool grew = true;

    (void)state;
    for (size_t v = 0; v < KN_COUNT(VM_STATES); v++) {
        reached[v] = strcmp(VM_STATES[v], "building") == 0 || strcmp(VM_STATES[v], "error") == 0;
    }
    while (grew) {
        grew = false;
        for (const struct kn_server_action *a = kn_server_actions; a->name != NULL; a++) {
            for (size_t v = 0; v < KN_COUNT(VM_STATES) && a->end != NULL; v++) {
                if (!reached[v] || kn_server_action_allowed(a, "s", VM_STATES[v], NULL, false, false, NULL) < 0) {
                    continue;
                }
                for (size_t to = 0; to < KN_COUNT(VM_STATES); to++) {
                    if (!reached[to] && strcmp(VM_STATES[to], a->end) == 0) {
                        reached[to] = grew = true;
                    }
                }
            }
        }
    }
    for (const struct kn_server_action *a = kn_server_actions; a->name != NULL; a++) {
        for (size_t i = 0; i < KN_COUNT(a->vm_states) && a->vm_states[i] != NULL; i++) {
            for (size_t v = 0; v < KN_COUNT(VM_STATES); v++) {
                if (strcmp(VM_STATES[v], a->vm_states[i]) == 0 && !reached[v]) {
                    fail_msg("%s begins in %s, which nothing reaches", a->name, a->vm_states[i]);
                }
            }
        }
    }
}

static void every_state_in_flight_has_a_way_out(void **state)
{
    const struct kn_server_action *delete_it = kn_server_action("delete");

    (void)state;
    for (const struct kn_server_action *a = kn_server_actions; a->name != NULL; a++) {
        if (a->during == NULL) {
            assert_null(a->end); /* what changes the state is seen while it does */
            continue;
        }
        assert_non_null(a->flow); /* somebody walks it to its end */
        for (size_t v = 0; v < KN_COUNT(VM_STATES); v++) {
            assert_int_equal(kn_server_action_allowed(delete_it, "s", VM_STATES[v], a->during, false, false, NULL), 0);
        }
        if (a->end == NULL) { /* it ends where it began, and the guest is what it was */
            assert_int_equal(a->end_power, -1);
            assert_non_null(a->vm_states[0]);
        }
        for (size_t i = 0; a->end == NULL && a->vm_states[i] != NULL; i++) {
            assert_string_not_equal(kn_server_status(a->vm_states[i], a->during), "UNKNOWN");
            assert_string_not_equal(kn_server_status(a->vm_states[i], NULL), "UNKNOWN");
        }
        assert_true(a->end == NULL || strcmp(kn_server_status(a->end, NULL), "UNKNOWN") != 0);
    }
}

static void flows_have_novas_action_names(void **state)
{
    (void)state;
    assert_string_equal(kn_server_action_of_flow("server.reboot"), "reboot");
    assert_string_equal(kn_server_action_of_flow("server.attach_volume"), "attach_volume");
    assert_null(kn_server_action_of_flow("server.describe"));
}

static void statuses(void **state)
{
    static const char *const WANT[][3] = {
        { "building", "spawning", "BUILD" },
        { "active", NULL, "ACTIVE" },
        { "active", "pausing", "ACTIVE" },
        { "active", "rebooting", "REBOOT" },
        { "active", "rebooting_hard", "HARD_REBOOT" },
        { "active", "deleting", "ACTIVE" },
        { "stopped", "powering-on", "SHUTOFF" },
        { "paused", "migrating", "MIGRATING" },
        { "suspended", "resuming", "SUSPENDED" },
        { "resized", "resize_reverting", "REVERT_RESIZE" },
        { "error", NULL, "ERROR" },
        { "error", "rebuilding", "REBUILD" },
        { "deleted", NULL, "DELETED" },
        { "soft-delete", NULL, "SOFT_DELETED" },
        { "rescued", NULL, "RESCUE" },
        { "shelved_offloaded", NULL, "SHELVED_OFFLOADED" },
        { "dreaming", NULL, "UNKNOWN" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(WANT); i++) {
        assert_string_equal(kn_server_status(WANT[i][0], WANT[i][1]), WANT[i][2]);
    }
    for (size_t v = 0; v < KN_COUNT(VM_STATES); v++) {
        assert_string_not_equal(kn_server_status(VM_STATES[v], NULL), "UNKNOWN");
    }
}

static void status_filters(void **state)
{
    const char *vm[8], *tasks[8];

    (void)state;
    assert_int_equal(kn_server_states_of("active", vm, 8), 1);
    assert_string_equal(vm[0], "active");
    assert_int_equal(kn_server_tasks_of("ACTIVE", tasks, 8), 0);
    assert_int_equal(kn_server_states_of("REBOOT", vm, 8), 1);
    assert_int_equal(kn_server_tasks_of("REBOOT", tasks, 8), 3);
    assert_int_equal(kn_server_states_of("REBUILD", vm, 8), 3);
    assert_int_equal(kn_server_states_of("REBUILD", vm, 2), 2);
    assert_int_equal(kn_server_states_of("nonsense", vm, 8), 0);
}

static void what_is_seen_settles_only_settled_states(void **state)
{
    static const int POWERS[] = { KN_POWER_NONE,     KN_POWER_RUNNING, KN_POWER_PAUSED,
                                  KN_POWER_SHUTDOWN, KN_POWER_CRASHED, KN_POWER_SUSPENDED };

    (void)state;
    assert_string_equal(kn_server_state_seen("active", KN_POWER_SHUTDOWN), "stopped");
    assert_string_equal(kn_server_state_seen("stopped", KN_POWER_RUNNING), "active");
    assert_null(kn_server_state_seen("suspended", KN_POWER_SHUTDOWN));
    for (size_t v = 0; v < KN_COUNT(VM_STATES); v++) {
        bool settled = has_word("active stopped paused suspended", VM_STATES[v]);

        assert_null(kn_server_state_seen(VM_STATES[v], KN_POWER_NONE));
        for (size_t p = 0; p < KN_COUNT(POWERS); p++) {
            const char *to = kn_server_state_seen(VM_STATES[v], POWERS[p]);

            assert_true(settled || to == NULL);
            assert_true(to == NULL || strcmp(to, VM_STATES[v]) != 0);
            assert_true(to == NULL || kn_server_state_seen(to, POWERS[p]) == NULL); /* a fixed point */
            assert_true((to != NULL) == has_word(kn_server_states_unlike(POWERS[p]), VM_STATES[v]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_action_in_every_pair_of_states),
        cmocka_unit_test(every_row_is_expected),
        cmocka_unit_test(refusals_use_novas_words),
        cmocka_unit_test(a_lock_stops_all_but_admins),
        cmocka_unit_test(every_vm_state_is_reachable),
        cmocka_unit_test(every_state_in_flight_has_a_way_out),
        cmocka_unit_test(flows_have_novas_action_names),
        cmocka_unit_test(statuses),
        cmocka_unit_test(status_filters),
        cmocka_unit_test(what_is_seen_settles_only_settled_states),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
