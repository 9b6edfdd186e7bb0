/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: the body of an import, the URI in it, and (the same bytes once more) a list of networks. A URI that passes must
 * be http or https and must not name a private address as it stands.
 */
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "image/data/address.h"
#include "image/data/fetch.h"
#include "image/rows/import_order.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_uri(const char *uri)
{
    static const struct kn_image_fetch_rules RULES = { .networks = "", .ports = "80,443" };

    if (kn_image_fetch_check(uri, &RULES, NULL) == 0 &&
        ((strncasecmp(uri, "http://", 7) != 0 && strncasecmp(uri, "https://", 8) != 0) ||
         strncmp(uri, "http://127.0.0.1/", 17) == 0 || strncmp(uri, "http://10.0.0.1/", 16) == 0)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = kn_strndup((const char *)data, size);
    json_t *body = json_loads(text, 0, NULL);
    struct kn_image_import_order order;

    if (body != NULL && kn_image_import_order_parse(body, &order, NULL) == 0 && order.uri != NULL) {
        check_uri(order.uri);
    }
    json_decref(body);
    (void)kn_image_address_networks_check(text, NULL);
    return 0;
}
