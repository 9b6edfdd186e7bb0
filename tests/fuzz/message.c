/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a message: refused with a reason, or accepted, and then what is printed is accepted again. Only what is in order in all its forms is printed;
 * the hosts of a hello are parted into those that are and those that are not.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/domain/form.h"
#include "lib/domain/hello.h"
#include "lib/domain/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void sift(const json_t *hosts)
{
    json_t *sane = NULL, *mad = NULL;
    const json_t *host;
    size_t i;

    kn_hello_sift(hosts, &sane, &mad);
    if (json_array_size(sane) > json_array_size(hosts)) {
        abort();
    }
    json_array_foreach (sane, i, host) {
        if (kn_form_check(&kn_form_host, host, "host", NULL) < 0) {
            abort();
        }
    }
    json_decref(sane);
    json_decref(mad);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_message) struct kn_message again = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf out = KN_STRBUF_INIT;
    struct kn_error err = { 0 };

    if (kn_message_parse((const char *)data, size, &m, &err) < 0) {
        if (err.code == KN_OK || err.message[0] == '\0') {
            abort();
        }
        return 0;
    }
    if (strcmp(m.type->name, "agent.hello") == 0) {
        sift(json_object_get(m.body, "hosts"));
    }
    const bool fits = kn_message_fits(&m, &err) == 0;
    kn_error_clear(&err);
    if (kn_message_print(&m, &out, &err) < 0) {
        /* Escapes may make the printed form longer than a message may be. */
        if (fits && err.code != KN_TOO_LARGE) {
            abort();
        }
        return 0;
    }
    if (!fits) {
        abort();
    }
    if (kn_message_parse(out.buf, out.len, &again, &err) < 0 || again.type != m.type || again.task != m.task ||
        again.ok != m.ok || strcmp(again.from, m.from) != 0) {
        abort();
    }
    return 0;
}
