/* SPDX-License-Identifier: Apache-2.0 */
/* URLs of the catalog: what is filled in, what is left out, and what no URL can be made of. */
#include <string.h>

#include "identity/auth/catalog.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

static void test_filling(void **state)
{
    static const struct {
        const char *template, *with_project, *without; /* NULL: none can be made */
    } CASES[] = {
        { "http://x/compute", "http://x/compute", "http://x/compute" },
        { "http://x/$(project_id)s", "http://x/p", "http://x" },
        { "http://x/%(tenant_id)s", "http://x/p", "http://x" },
        { "http://x/v3/$(project_id)s/y", "http://x/v3/p/y", NULL },
        { "http://x/AUTH_$(project_id)s", "http://x/AUTH_p", NULL },
        { "http://x/$(user_id)s", "http://x/u", "http://x/u" },
        { "$(public_endpoint)s/image", "https://cloud/image", "https://cloud/image" },
        { "http://x/$(compute_host)s", NULL, NULL },
        { "http://x/$(project_id)", NULL, NULL },
        { "http://x/$(project_id)d", NULL, NULL },
        { "http://x/$(project_id", NULL, NULL },
        { "http://x/$()s", NULL, NULL },
        { "http://x/100%/$", "http://x/100%/$", "http://x/100%/$" },
        { "$(project_id)s", "p", NULL },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        for (int project = 0; project < 2; project++) {
            const struct kn_identity_catalog catalog = { "https://cloud", "u", project ? "p" : "" };
            const char *expected = project ? CASES[i].with_project : CASES[i].without;
            AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;
            bool made = kn_identity_catalog_url_fill(&catalog, CASES[i].template, &url);
            if (made != (expected != NULL) || (made && strcmp(url.buf, expected) != 0)) {
                fail_msg("\"%s\" %s a project: \"%s\"", CASES[i].template, project ? "with" : "without", url.buf);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_filling) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
