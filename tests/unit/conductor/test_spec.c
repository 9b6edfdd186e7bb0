/* SPDX-License-Identifier: Apache-2.0 */
/* The spec that a creation writes and the description, from a row as the database gives it, against golden files (tests/golden/forms). */
#include <string.h>

#include "conductor/engine/engine.h"
#include "conductor/flows/spec.h"
#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "tests/support/golden.h"
#include "tests/support/test.h"

#define SERVER "11111111-1111-4111-8111-111111111111"
#define VOLUME "22222222-2222-4222-8222-222222222222"
#define IMAGE "33333333-3333-4333-8333-333333333333"
#define CONNECTION "{\"driver\": \"file\", \"path\": \"/v\", \"format\": \"raw\", \"serial\": \"" VOLUME "\"}"

/* What the server's record loads; "image_id", "generation" and "host" are nothing of a guest's. */
static const char ROW[] =
    "{\"generation\": 4, \"host\": \"h1\", \"agent\": \"a1\", \"zone\": \"old\", \"name\": \"web\", \"hostname\": \"web\", \"project\": \"p\","
    " \"user\": \"u\", \"flavor\": \"m1\", \"vcpus\": 2, \"memory_mib\": 512, \"disk_gib\": 3, \"image_id\": \"" IMAGE
    "\", \"key_name\": \"k\","
    " \"public_key\": \"ssh-ed25519 AAAA\", \"user_data\": null, \"metadata\": {\"a\": \"b\"}, \"nics\": [], \"created_at\": \"2026-01-01T00:00:00Z\","
    " \"volumes\": [{\"volume\": \"" VOLUME "\", \"attachment\": \"" IMAGE
    "\", \"device\": \"/dev/vdb\", \"status\": \"attached\", \"connection\": " CONNECTION "},"
    " {\"volume\": \"" SERVER "\", \"attachment\": \"" SERVER
    "\", \"device\": null, \"status\": \"attaching\", \"connection\": null}]}";
static const char LOCATED[] =
    "{\"url\": \"http://i/1\", \"sha512\": \"00\", \"size\": 7, \"disk_format\": \"qcow2\", \"virtual_size\": 9}";

static struct kn_conductor_task *new_task(const char *kind)
{
    struct kn_conductor_task *task = KN_NEW(struct kn_conductor_task);

    task->id = 7;
    task->flow = kn_conductor_flow(kind);
    kn_copy(task->object_id, sizeof(task->object_id), SERVER);
    task->input = json_object();
    task->context = json_object();
    task->object = json_loads(ROW, 0, NULL);
    assert_non_null(task->object);
    kn_conductor_task_settle(task);
    return task;
}

static void test_a_new_guest(void **state)
{
    struct kn_conductor_task *task = new_task("server.create");
    json_t *located = json_loads(LOCATED, 0, NULL);
    const struct kn_conductor_spec_found found = { located, NULL, "new", NULL };
    json_t *spec = kn_conductor_spec_build(task, &found);
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_form_check(&kn_form_spec, spec, "spec", &err), &err);
    kn_test_golden("forms/spec", spec, 0);
    assert_null(json_object_get(located, "id")); /* what a step found out is not changed */
    json_decref(spec);
    json_decref(located);
    kn_conductor_task_free(task);
}

/* It has its data: no image is named. The zone is the row's. */
static void test_a_guest_that_is_there(void **state)
{
    struct kn_conductor_task *task = new_task("server.start");
    json_t *spec = kn_conductor_spec_build(task, KN_SPEC_KNOWN);
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_form_check(&kn_form_spec, spec, "spec", &err), &err);
    assert_null(json_object_get(spec, "image"));
    assert_string_equal(kn_json_str(spec, "zone"), "old");
    json_decref(spec);
    kn_conductor_task_free(task);
}

static void test_a_description(void **state)
{
    struct kn_conductor_task *task = new_task("server.describe");
    json_t *body = task->flow->rows[0].parts[0].build(task, 0);
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_form_check(&kn_form_description, json_object_get(body, "description"), "description", &err), &err);
    kn_test_golden("forms/description", json_object_get(body, "description"), 0);
    json_decref(body);
    kn_conductor_task_free(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_a_new_guest),
                                        cmocka_unit_test(test_a_guest_that_is_there),
                                        cmocka_unit_test(test_a_description) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
