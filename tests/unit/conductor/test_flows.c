/* SPDX-License-Identifier: Apache-2.0 */
/* The flows as tables: each message exists, each part can be built and taken back, and tells whom it says. */
#include "tests/support/test.h"

#include <string.h>

#include "conductor/flows/flow.h"
#include "lib/domain/message.h"

/* It tells a host exactly what agents listen to. */
static void check_to(const struct kn_conductor_flow_part *part, const char *message)
{
    if (message != NULL) {
        assert_int_equal(part->to != KN_TO_SERVICE, strcmp(kn_message_type(message)->topic, KN_TOPIC_AGENT) == 0);
    }
}

static void test_every_part_of_every_flow_can_be_said(void **state)
{
    (void)state;
    for (int t = 0; kn_conductor_flow_tables[t] != NULL; t++) {
        for (const struct kn_conductor_flow *flow = kn_conductor_flow_tables[t]; flow->kind != NULL; flow++) {
            assert_ptr_equal(kn_conductor_flow(flow->kind), flow);
            for (int row = 0; row < flow->row_count; row++) {
                for (int i = 0; i < KN_ROW_PARTS && flow->rows[row].parts[i].message != NULL; i++) {
                    const struct kn_conductor_flow_part *part = &flow->rows[row].parts[i];

                    assert_non_null(kn_message_type(part->message));
                    assert_non_null(kn_message_type(part->message)->result);
                    assert_non_null(part->build);
                    assert_true((part->undo == NULL) == (part->undo_build == NULL));
                    assert_true(part->undo == NULL || kn_message_type(part->undo) != NULL);
                    check_to(part, part->message);
                    check_to(part, part->undo);
                }
            }
        }
    }
}

static bool row_asks(const struct kn_conductor_flow_row *row, const char *message)
{
    for (int i = 0; i < KN_ROW_PARTS && row->parts[i].message != NULL; i++) {
        if (strcmp(row->parts[i].message, message) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the row puts what was found into the object's column of that name. */
static bool row_keeps(const struct kn_conductor_flow *flow, const struct kn_conductor_flow_row *row, const char *name)
{
    for (const struct kn_conductor_becomes *b = row->becomes; b != NULL && b->record != NULL; b++) {
        if (b->record == flow->object && b->whose == NULL && b->from == KN_FROM_CONTEXT &&
            strcmp(b->column, name) == 0 && strcmp(b->text, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A task's row keeps no copy of it, so it must stand there, and be known when the task is loaded. */
static void test_what_is_found_in_the_row_is_put_there(void **state)
{
    int found = 0;

    (void)state;
    for (int t = 0; kn_conductor_flow_tables[t] != NULL; t++) {
        for (const struct kn_conductor_flow *flow = kn_conductor_flow_tables[t]; flow->kind != NULL; flow++) {
            for (const struct kn_conductor_finding *f = flow->finds; f != NULL && f->name != NULL; f++) {
                for (int row = 0; f->in_row && row < flow->row_count; row++) {
                    assert_non_null(kn_conductor_record_knows(flow->object, f->name));
                    if (row_asks(&flow->rows[row], f->from)) {
                        assert_true(row_keeps(flow, &flow->rows[row], f->name));
                        found++;
                    }
                }
            }
        }
    }
    assert_true(found > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_part_of_every_flow_can_be_said),
                                        cmocka_unit_test(test_what_is_found_in_the_row_is_put_there) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
