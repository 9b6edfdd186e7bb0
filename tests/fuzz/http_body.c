/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of every JSON body, and the first body that anybody without a token may send: a login. */
#include <stdint.h>
#include <stdlib.h>

#include "api/door.h"
#include "identity/login.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *body = NULL;
    struct kn_error err = { 0 };
    struct kn_login login = { 0 };

    if (kn_body_parse((const char *)data, size, &body, &err) < 0) {
        return 0;
    }
    if (kn_login_parse(body, &login, &err) == 0 && (login.password == NULL) == (login.token == NULL) &&
        login.methods != (KN_METHOD_PASSWORD | KN_METHOD_TOKEN)) {
        abort(); /* a login that was accepted says who it is */
    }
    json_decref(body);
    return 0;
}
