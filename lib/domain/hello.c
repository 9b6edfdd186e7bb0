/* SPDX-License-Identifier: Apache-2.0 */
/* The hosts of a hello, one by one and against each other. What one host may say is declared in forms.c; this file declares nothing. */
#include "lib/domain/hello.h"

#include "lib/domain/form.h"

/* How often each name is said. */
static json_t *count_names(const json_t *hosts)
{
    json_t *counts = json_object();
    const json_t *host;
    size_t i;

    json_array_foreach (hosts, i, host) {
        const char *name = kn_json_str(host, "host");

        json_object_set_new(counts, name, json_integer(kn_json_int(counts, name) + 1));
    }
    return counts;
}

static int hello_judge(const json_t *host, const json_t *counts, struct kn_error *err)
{
    const int64_t times = kn_json_int(counts, kn_json_str(host, "host"));

    if (kn_form_check(&kn_form_host, host, "host", err) < 0) {
        return -1;
    }
    return times == 1 ? 0 : kn_fail(err, KN_BAD_REQUEST, "host: one hello names it %lld times", (long long)times);
}

static json_t *hello_describe(const json_t *host, size_t i, const struct kn_error *why)
{
    const char *name = kn_json_str(host, "host");
    const size_t length = kn_utf8_count(name);
    const bool is_named = length > 0 && length <= KN_MAX_HOST;

    return json_pack("{s:o, s:b, s:s}", "subject", is_named ? json_string(name) : json_sprintf("#%zu", i + 1), "named",
                     is_named, "reason", why->message);
}

/* A name that is said five times is one refusal. */
static void hello_add_once(json_t *mad, json_t *subjects, json_t *refusal)
{
    const char *subject = kn_json_str(refusal, "subject");

    if (json_object_get(subjects, subject) == NULL) {
        json_object_set_new(subjects, subject, json_true());
        json_array_append(mad, refusal);
    }
    json_decref(refusal);
}

void kn_hello_sift(const json_t *hosts, json_t **ret_sane, json_t **ret_mad)
{
    json_t *counts = count_names(hosts);
    json_t *subjects = json_object();
    json_t *host;
    size_t i;

    *ret_sane = json_array();
    *ret_mad = json_array();
    json_array_foreach (hosts, i, host) {
        struct kn_error why = { 0 };

        if (hello_judge(host, counts, &why) < 0) {
            hello_add_once(*ret_mad, subjects, hello_describe(host, i, &why));
        } else {
            json_array_append(*ret_sane, host);
        }
    }
    json_decref(counts);
    json_decref(subjects);
}
