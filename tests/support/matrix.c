/* SPDX-License-Identifier: Apache-2.0 */
/* The table of docs/policy.md, cut into cells once a process. */
#include "tests/support/matrix.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/test.h"

#define COLUMNS_MAX 24

static struct {
    char *columns[COLUMNS_MAX];
    char *cells[KN_RULE_COUNT][COLUMNS_MAX];
    int count;
} page;

/* "| a | b |" into its cells, where they stand. */
static int cut(char *line, char *cells[COLUMNS_MAX])
{
    int count = 0;

    for (char *at = line + 2, *end; count < COLUMNS_MAX && (end = strstr(at, " |")) != NULL; at = end + 3) {
        *end = '\0';
        cells[count++] = at;
        if (end[2] != ' ') {
            break;
        }
    }
    return count;
}

static void take(char *line)
{
    char *cells[COLUMNS_MAX] = { NULL };
    int count = cut(line, cells);
    enum kn_rule rule = KN_RULE_NONE + 1;

    if (strcmp(cells[0], "rule") == 0) {
        memcpy(page.columns, cells, sizeof(cells));
        page.count = count;
        return;
    }
    cells[0][strlen(cells[0]) - 1] = '\0'; /* the backquotes around a name */
    while (rule < KN_RULE_COUNT && strcmp(kn_policy_name(rule), cells[0] + 1) != 0) {
        rule++;
    }
    if (rule == KN_RULE_COUNT || count != page.count || page.cells[rule][0] != NULL) {
        fail_msg("docs/policy.md: the row of %s is no rule's, or stands twice, or is short", cells[0] + 1);
    }
    memcpy(page.cells[rule], cells, sizeof(cells));
}

static void load(void)
{
    static char text[1 << 18];
    FILE *file = fopen("docs/policy.md", "re");

    assert_non_null(file);
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    assert_true(len > 0 && len < sizeof(text) - 1);
    fclose(file);
    for (char *save = NULL, *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        if (line[0] == '|' && line[1] == ' ') {
            take(line);
        }
    }
}

const char *kn_test_matrix(enum kn_rule rule, const char *column)
{
    int i = 0;

    if (page.count == 0) {
        load();
    }
    while (i < page.count && strcmp(page.columns[i], column) != 0) {
        i++;
    }
    if (i == page.count || page.cells[rule][i] == NULL) {
        fail_msg("docs/policy.md has no \"%s\" for %s", column, kn_policy_name(rule));
    }
    return page.cells[rule][i];
}
