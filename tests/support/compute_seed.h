/* SPDX-License-Identifier: Apache-2.0 */
/* compute_seed: a nova that finds what it needs before it takes a server: flavors, images, networks, hosts. */
#ifndef KN_TESTS_SUPPORT_COMPUTE_SEED_H
#define KN_TESTS_SUPPORT_COMPUTE_SEED_H

#include "tests/support/nova.h"

#define SEED_PROJECT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SEED_OTHER "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
/* Tokens of tests/support/front.h: the user is named like the project. */
#define SEED_MEMBER SEED_PROJECT ":member"
#define SEED_READER SEED_PROJECT ":reader"
#define SEED_STRANGER SEED_OTHER ":member"
#define SEED_ADMIN "cccccccccccccccccccccccccccccccc:admin"

#define SEED_IMAGE "11111111-1111-4111-8111-111111111111"
#define SEED_IMAGE_QUEUED "11111111-1111-4111-8111-222222222222"
#define SEED_IMAGE_BIG "11111111-1111-4111-8111-333333333333"
#define SEED_IMAGE_PRIVATE "11111111-1111-4111-8111-444444444444"
#define SEED_NETWORK "22222222-2222-4222-8222-111111111111"
#define SEED_NETWORK_BARE "22222222-2222-4222-8222-222222222222"
#define SEED_NETWORK_FOREIGN "22222222-2222-4222-8222-333333333333"
#define SEED_PORT "33333333-3333-4333-8333-111111111111"
#define SEED_PORT_USED "33333333-3333-4333-8333-222222222222"
#define SEED_NOBODY "99999999-9999-4999-8999-999999999999"

/*
 * The nova of a test program whose tests share it: the group's fixtures, and the setup of each test, which empties every table of
 * compute, network, image and volume, and fills them again.
 */
extern struct kn_test_nova *nova;

int kn_seed_group_setup(void **state);
int kn_seed_group_teardown(void **state);
int kn_seed_fresh(void **state);

#endif
