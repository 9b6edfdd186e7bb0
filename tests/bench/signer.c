/* SPDX-License-Identifier: Apache-2.0 */
/* signer: what a signature and its check cost, in microseconds: `signer CONFIG`, which names a bus.key_file. One line for each length of a message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/signer.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define ROUNDS 200000

static double sign(struct kn_signer *s, const char *plain, struct kn_strbuf *text)
{
    const int64_t start_us = kn_mono_us();

    for (int i = 0; i < ROUNDS; i++) {
        kn_strbuf_clear(text);
        kn_strbuf_addstr(text, plain);
        kn_signer_sign(s, KN_TOPIC_AGENT "h1", text);
    }
    return (double)(kn_mono_us() - start_us) / ROUNDS;
}

static int measure(struct kn_signer *s, int padding, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_FREE char *plain =
        kn_asprintf("{\"type\":\"agent.introduce\",\"v\":1,\"body\":{\"x\":\"%0*d\"},\"from\":\"conductor/c1\"}",
                    padding, 1);
    const double signing_us = sign(s, plain, &text);
    int64_t start_us = 0;

    if (kn_message_parse(text.buf, text.len, &m, err) < 0) {
        return -1;
    }
    start_us = kn_mono_us();
    for (int i = 0; i < ROUNDS; i++) {
        if (kn_signer_check(s, KN_TOPIC_AGENT "h1", text.buf, text.len, &m, err) < 0) {
            return -1;
        }
    }
    printf("%zu bytes: %.2f us to sign, %.2f us to check\n", text.len, signing_us,
           (double)(kn_mono_us() - start_us) / ROUNDS);
    return 0;
}

int main(int argc, char **argv)
{
    static struct kn_conf conf;
    AUTO(kn_signer) struct kn_signer *s = NULL;
    struct kn_error err = { 0 };

    kn_log_init("signer", KN_WARNING);
    if (kn_conf_load(&conf, argc, argv, NULL, &err) < 0 || kn_signer_new(&conf, "conductor/c1", &s, &err) < 0 ||
        s == NULL || measure(s, 200, &err) < 0 || measure(s, 2000, &err) < 0) {
        kn_log_error("signer CONFIG", &err);
        return 1;
    }
    return 0;
}
