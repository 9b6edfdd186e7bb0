/* SPDX-License-Identifier: Apache-2.0 */
/* The entry of every JSON body, and the first body that anybody without a token may send: a login. */
#include <stdint.h>
#include <stdlib.h>

#include "api/door.h"
#include "identity/auth/login.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool bit(unsigned methods, enum kn_identity_method method)
{
    return (methods & method) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *body = NULL;
    struct kn_error err = { 0 };
    struct kn_identity_login login = { 0 };

    if (kn_api_body_parse((const char *)data, size, &body, &err) < 0) {
        return 0;
    }
    if (kn_identity_login_parse(body, &login, &err) == 0 &&
        (bit(login.methods, KN_METHOD_PASSWORD) != (login.password != NULL) ||
         bit(login.methods, KN_METHOD_TOKEN) != (login.token != NULL) ||
         bit(login.methods, KN_METHOD_APP_CREDENTIAL) != (login.secret != NULL) || login.methods == 0)) {
        abort(); /* a login that was accepted says who it is */
    }
    json_decref(body);
    return 0;
}
