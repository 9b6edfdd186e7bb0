/* SPDX-License-Identifier: Apache-2.0 */
/* The words of uptime(1). */
#include <string.h>

#include "compute-agent/core/uptime.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static void test_words(void **state)
{
    static const struct {
        long up_s;
        int users;
        const char *text;
    } ROWS[] = {
        { 59, 0, " 08:02:01 up 0 min,  0 users,  load average: 0.20, 1.00, 12.50" },
        { 3599, 1, " 08:02:01 up 59 min,  1 user,  load average: 0.20, 1.00, 12.50" },
        { 3600, 2, " 08:02:01 up  1:00,  2 users,  load average: 0.20, 1.00, 12.50" },
        { 86400 + 65, 12, " 08:02:01 up 1 day, 1 min, 12 users,  load average: 0.20, 1.00, 12.50" },
        { 93 * 86400 + 18 * 3600 + 25 * 60, 12,
          " 08:02:01 up 93 days, 18:25, 12 users,  load average: 0.20, 1.00, 12.50" },
    };
    const struct tm now = { .tm_hour = 8, .tm_min = 2, .tm_sec = 1 };
    const double load[3] = { 0.2, 1, 12.5 };
    char text[256], cut[8];

    (void)state;
    for (size_t i = 0; i < KN_COUNT(ROWS); i++) {
        kn_agent_uptime_text(&now, ROWS[i].up_s, ROWS[i].users, load, text, sizeof(text));
        assert_string_equal(text, ROWS[i].text);
    }
    kn_agent_uptime_text(&now, 60, 0, load, cut, sizeof(cut));
    assert_int_equal(strlen(cut), sizeof(cut) - 1);
    kn_agent_uptime(text, sizeof(text));
    assert_non_null(strstr(text, " up "));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_words) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
