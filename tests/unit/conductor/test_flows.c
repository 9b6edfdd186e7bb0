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

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_part_of_every_flow_can_be_said) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
