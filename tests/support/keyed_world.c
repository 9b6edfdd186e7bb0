/* SPDX-License-Identifier: Apache-2.0 */
/* keyed_world.c: the key is written before identity reads it, and taken away after the front door is shut. */
#include "tests/support/keyed_world.h"

#include <stdio.h>
#include <unistd.h>

#include "identity/api.h"
#include "identity/auth/keys.h"
#include "tests/support/test.h"

void kn_test_keyed_world_start(struct kn_test_keyed_world *w, const char *name, const struct kn_api *const *apis)
{
    struct kn_identity_keys keys = { .count = 0 };
    struct kn_error err;

    kn_test_world_start(&w->front, name, apis);
    kn_test_dir(w->dir, name);
    snprintf(w->key_file, sizeof(w->key_file), "%s/token.key", w->dir);
    kn_identity_keys_add(&keys);
    assert_ok(kn_identity_keys_save(w->key_file, &keys, &err), &err);
    w->front.conf.identity_key_file = w->key_file;
    assert_ok(kn_identity_start(&w->front.conf, &err), &err);
}

void kn_test_keyed_world_stop(struct kn_test_keyed_world *w)
{
    kn_identity_stop();
    kn_test_world_stop(&w->front);
    unlink(w->key_file);
    rmdir(w->dir);
}
