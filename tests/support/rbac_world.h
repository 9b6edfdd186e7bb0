/* SPDX-License-Identifier: Apache-2.0 */
/* rbac_world: three projects and an administrator at neutron.h's front door, the six kinds of things that one can share with another, and policies of them. */
#ifndef KN_TESTS_SUPPORT_RBAC_WORLD_H
#define KN_TESTS_SUPPORT_RBAC_WORLD_H

#include <stddef.h>
#include <stdint.h>

#include "tests/support/front.h"
#include "tests/support/neutron.h"
#include "tests/support/neutron_bad.h"
#include "tests/support/neutron_words.h"

#define A "a11ce000000000000000000000000000"
#define B "b0b00000000000000000000000000000"
#define C "ca401000000000000000000000000000"
#define BOSS "ad000000000000000000000000000000"
#define ALICE KN_TEST_TOKEN(A, "manager")
#define BOB KN_TEST_TOKEN(B, "manager")
#define CAROL KN_TEST_TOKEN(C, "manager")
#define ADMIN KN_TEST_TOKEN(BOSS, "admin")
#define NOBODY KN_NEUTRON_NOBODY
#define assert_said(path, text) assert_string_equal(neutron_get(path), text)
#define assert_type(text) assert_said("NeutronError.type", text)

struct rbac_id {
    char text[64];
};

/* Of the last answer. */
struct rbac_id rbac_kept(const char *path);
void rbac_script(const char *sql);
int64_t rbac_number(const char *sql);
/* Fixtures of a test: nothing is there; usage is what exists, and no policy is of what is gone. */
int rbac_fresh(void **state);
int rbac_settled(void **state);

/* Lets `target` at the object: the policy's id, if it is one. action: "shared", "external". */
struct rbac_id rbac_let(int status, const char *token, const char *type, const char *object, const char *action,
                        const char *target);
void rbac_retarget(int status, const char *token, const struct rbac_id *policy, const char *target);
void rbac_drop(int status, const char *token, const struct rbac_id *policy);

struct rbac_kind {
    const char *type, *one, *plural, *path, *body;
    struct rbac_id (*use)(const char *token, const char *id); /* what is made of it */
    const char *used_as; /* its path */
};
enum {
    RBAC_NETWORK,
    RBAC_QOS_POLICY,
    RBAC_SECURITY_GROUP,
    RBAC_ADDRESS_GROUP,
    RBAC_ADDRESS_SCOPE,
    RBAC_SUBNETPOOL,
    RBAC_KINDS
};
extern const struct rbac_kind rbac_kinds[RBAC_KINDS];

struct rbac_id rbac_make(const struct rbac_kind *k, const char *token);
/* shared NULL: it is not there. */
void rbac_shows(const struct rbac_kind *k, const char *token, const struct rbac_id *object, const char *shared);
void rbac_lists(const struct rbac_kind *k, const char *token, const struct rbac_id *object, const char *filter,
                size_t count);

#endif
