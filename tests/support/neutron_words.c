/* SPDX-License-Identifier: Apache-2.0 */
/* Owns no state but the texts that it hands out in turn: see neutron_words.h. */
#include "tests/support/neutron_words.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/support/neutron.h"
#include "tests/support/test.h"

/* "POST /networks", then the answer must have this status. */
void neutron_say(int status, const char *token, const char *what, const char *body)
{
    char method[8];
    int path = 0;

    sscanf(what, "%7s %n", method, &path);
    kn_neutron_ask(status, token, method, what + path + 1, body); /* its "/" is said already */
}

/* A member of the last answer's only object: "port.fixed_ips.0.ip_address" as text; valid for the next 7 calls. */
const char *neutron_get(const char *path)
{
    static char text[8][512];
    static int next;
    char *out = text[next++ % 8], step[64];
    json_t *json = kn_test_http_json(&kn_neutron.http);
    const json_t *at = json;

    for (size_t len; *path != '\0'; path += len + (path[len] == '.')) {
        len = strcspn(path, ".");
        snprintf(step, sizeof(step), "%.*s", (int)len, path);
        at = json_is_array(at) ? json_array_get(at, (size_t)atoi(step)) : json_object_get(at, step);
    }
    AUTO_FREE char *dumped = json_is_string(at) ? kn_strdup(json_string_value(at))
                             : at != NULL       ? json_dumps(at, JSON_ENCODE_ANY | JSON_COMPACT)
                                                : kn_strdup("(absent)");

    snprintf(out, sizeof(text[0]), "%s", dumped);
    json_decref(json);
    return out;
}

size_t neutron_count(const char *plural)
{
    json_t *json = kn_test_http_json(&kn_neutron.http);
    size_t n = json_array_size(json_object_get(json, plural));

    json_decref(json);
    return n;
}

/* The path of an object: "GET /networks/<id>". */
const char *neutron_at(const char *method, const char *plural, const char *id)
{
    static char text[4][128];
    static int next;
    char *out = text[next++ % 4];

    snprintf(out, sizeof(text[0]), "%s /%s/%s", method, plural, id);
    return out;
}

const char *neutron_network(const char *token, const char *more)
{
    static char ids[8][64];
    static int next;
    AUTO_FREE char *body = kn_asprintf("{\"network\":{\"name\":\"n\"%s}}", more);

    neutron_say(201, token, "POST /networks", body);
    char *id = ids[next++ % 8];

    kn_copy(id, sizeof(ids[0]), neutron_get("network.id"));
    return id;
}

const char *neutron_subnet(const char *token, const char *network, const char *more)
{
    static char ids[8][64];
    static int next;
    AUTO_FREE char *body = kn_asprintf("{\"subnet\":{\"network_id\":\"%s\",\"ip_version\":4%s}}", network, more);

    neutron_say(201, token, "POST /subnets", body);
    char *id = ids[next++ % 8];

    kn_copy(id, sizeof(ids[0]), neutron_get("subnet.id"));
    return id;
}

void neutron_post(int status, const char *token, const char *noun, const char *network, const char *more)
{
    AUTO_FREE char *what = kn_asprintf("POST /%ss", noun);
    AUTO_FREE char *body = kn_asprintf("{\"%s\":{\"network_id\":\"%s\"%s}}", noun, network, more);

    neutron_say(status, token, what, body);
}
