/* SPDX-License-Identifier: Apache-2.0 */
/*
 * one_guest: the agent with the libvirt driver and one real guest, on a host of its own (tests/support/host.sh runs the test program a second time, inside). Needs root,
 * libvirtd, QEMU and the lab's guest image; skips without them.
 *
 *   static int run_inside(void) { … return cmocka_run_group_tests(tests, kn_one_guest_setup, kn_one_guest_teardown); }
 *   int main(void) { kn_test_needs("ip", "virsh", "curl", "libvirtd", "qemu-img"); return kn_one_guest_main(run_inside); }
 */
#ifndef KN_TESTS_SUPPORT_ONE_GUEST_H
#define KN_TESTS_SUPPORT_ONE_GUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "tests/support/agent.h"
#include "tests/support/needs.h"

#define ONE_NETWORK "aaaaaaaa-0000-4000-8000-000000000001"
#define ONE_PORT "bbbbbbbb-0000-4000-8000-000000000002"
#define ONE_TAP "tapbbbbbbbb-00"
#define ONE_IMAGE "dddddddd-0000-4000-8000-000000000004"
#define ONE_ADDRESS "10.77.0.5"
/* A shell's words: what the guest says of itself (lab/guest/status), over its network. */
#define ONE_ASK "ip netns exec kn-aaaaaaaa curl -s -m 5 http://" ONE_ADDRESS "/cgi-bin/status"

struct kn_one_guest {
    struct kn_test_agent agent;
    char server[KN_UUID_SIZE];
    char volume_path[96]; /* of a disk of 64 MiB */
};
extern struct kn_one_guest kn_one_guest;

int kn_one_guest_main(int (*run_inside)(void));
/* The same with the lxc driver and a container (tests/support/container.sh); skips without libvirt's driver of them and control groups of version 1. */
int kn_one_guest_main_container(int (*run_inside)(void));
int kn_one_guest_setup(void **state);
int kn_one_guest_teardown(void **state);

json_t *kn_one_guest_spec(void); /* new reference */
void kn_one_guest_tell_networks(void); /* version 1 of the host's state */
int64_t kn_one_guest_send_spawn(int64_t generation);
void kn_one_guest_spawn(int64_t generation);
void kn_one_guest_spawn_with(const char *user_data); /* on its network, generation 1, until it is ready */
void kn_one_guest_destroy(int64_t generation);
json_t *kn_one_guest_console(void); /* server.console_log's result; new reference */
int kn_one_guest_said(const char *text); /* how often it stands in the console's log */
void kn_one_guest_await_said(const char *text, int times);
json_t *kn_one_guest_domain(void); /* as host.observe has it; NULL: there is none. New reference */
bool kn_one_guest_sees(const char *text); /* whether ONE_ASK's answer has it */
void kn_one_guest_await(const char *text, bool there);
void kn_one_guest_expect_power(int power_state); /* the next news of that */
pid_t kn_one_guest_pid_in(const char
                              *path); /* the first one in a file; libvirt and QEMU leave theirs under /run/libvirt */

#endif
