/* SPDX-License-Identifier: Apache-2.0 */
/* Compares JSON with golden files; a difference is shown as both texts, sorted, one member a line. */
#include "tests/support/golden.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/cleanup.h"
#include "lib/base/strbuf.h"
#include "tests/support/test.h"

#define FORM (JSON_INDENT(2) | JSON_SORT_KEYS)

static char *normal(const json_t *answer, int port)
{
    struct kn_strbuf out = KN_STRBUF_INIT;
    AUTO_FREE char *text = json_dumps(answer, FORM);
    char host[64];
    size_t len = (size_t)snprintf(host, sizeof(host), "http://127.0.0.1:%d", port);
    const char *at = text;

    for (const char *hit = strstr(at, host); hit != NULL; hit = strstr(at, host)) {
        kn_strbuf_add(&out, at, (size_t)(hit - at));
        kn_strbuf_addstr(&out, "http://cloud");
        at = hit + len;
    }
    kn_strbuf_addstr(&out, at);
    kn_strbuf_addch(&out, '\n');
    return kn_strbuf_detach(&out);
}

void kn_test_golden(const char *name, const json_t *answer, int port)
{
    AUTO_FREE char *got = normal(answer, port);
    AUTO_FREE char *want = NULL;
    const char *mode = getenv("KN_GOLDEN");
    json_error_t why;
    json_t *golden = NULL;
    char path[256];

    snprintf(path, sizeof(path), "tests/golden/%s.json", name);
    if (mode != NULL && strcmp(mode, "write") == 0) {
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        fputs(got, file);
        fclose(file);
        return;
    }
    golden = json_load_file(path, 0, &why);
    if (golden == NULL) {
        fail_msg("%s: %s", path, why.text);
    }
    want = normal(golden, port);
    json_decref(golden);
    if (strcmp(got, want) != 0) {
        fail_msg("%s differs.\n--- want\n%s--- got\n%s", path, want, got);
    }
}
