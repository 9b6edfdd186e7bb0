/* SPDX-License-Identifier: Apache-2.0 */
/* keyed_world: a front world (tests/support/front_world.h) in which identity runs as well, with a signing key of its own. */
#ifndef KN_TESTS_SUPPORT_KEYED_WORLD_H
#define KN_TESTS_SUPPORT_KEYED_WORLD_H

#include "tests/support/front_world.h"
#include "tests/support/scratch.h"

struct kn_test_keyed_world {
    struct kn_test_world front;
    char dir[KN_TEST_DIR], key_file[KN_TEST_DIR + 16];
};

/* As kn_test_world_start(). */
void kn_test_keyed_world_start(struct kn_test_keyed_world *w, const char *name, const struct kn_api *const *apis);
void kn_test_keyed_world_stop(struct kn_test_keyed_world *w);

#endif
