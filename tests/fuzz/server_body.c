/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as the body of POST /servers, at every microversion: taken or refused with KN_BAD_REQUEST and a word, and what a
 * taken one names is fit for the texts that are made of it: host names and public keys.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "compute/rows/keypair.h"
#include "compute/rows/server_plan.h"
#include "compute/rows/server_schema.h"
#include "lib/domain/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_hostname(const char *name)
{
    char label[64];
    size_t len = 0;

    kn_compute_hostname_make(name, "00000000-0000-4000-8000-000000000000", label);
    len = strlen(label);
    if (len == 0 || len > 63 || label[0] == '-' || label[len - 1] == '-' || !KN_TEXT_HOSTNAME.holds(label)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *body = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    char *text = strndup((const char *)data, size);
    char fingerprint[KN_FINGERPRINT_SIZE];

    if (kn_compute_ssh_public_check(text, fingerprint, NULL) == 0 && strlen(fingerprint) != KN_FINGERPRINT_SIZE - 1) {
        abort();
    }
    free(text);
    for (int minor = 1; minor <= 96; minor++) {
        struct kn_error err = { .code = KN_OK };

        if (kn_schema_check(kn_compute_server_create_schema, body, minor, &err) == 0) {
            make_hostname(kn_json_str(json_object_get(body, "server"), "name"));
        } else if (err.code != KN_BAD_REQUEST || err.message[0] == '\0') {
            abort();
        }
    }
    json_decref(body);
    return 0;
}
