/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's diagnostics and topology. Its host is asked what the guest uses; up to 2.47 the answer is whatever libvirt counts, under Nova's names of old, from 2.48 on it
 * is the same for every hypervisor. No guest here has a NUMA topology of its own, and the answer says that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute/api.h"
#include "compute/api/server_host.h"
#include "compute/rows/server.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

static const struct kn_stmt OWN = {
    "diagnostics_own", "SELECT extract(epoch FROM now() - launched_at)::bigint, config_drive FROM server WHERE id = $1",
    1
};
enum { OWN_UPTIME, OWN_DRIVE };
static const struct kn_rest_noun NOUN = { .one = "diagnostics", .strict_since = 102, .manners = &KN_REST_NOVA };
static const char *const NO_QUERY[] = { NULL };

/* What the API knows itself, for the answer. */
struct diagnostics_own {
    int64_t uptime;
    bool has_drive;
};

static const struct {
    int power_state;
    const char *word;
} POWER_STATES[] = {
    { KN_POWER_NONE, "pending" },      { KN_POWER_RUNNING, "running" }, { KN_POWER_PAUSED, "paused" },
    { KN_POWER_SHUTDOWN, "shutdown" }, { KN_POWER_CRASHED, "crashed" }, { KN_POWER_SUSPENDED, "suspended" },
};

static const char *power_word(int64_t power_state)
{
    for (size_t i = 0; i < KN_COUNT(POWER_STATES); i++) {
        if (POWER_STATES[i].power_state == power_state) {
            return POWER_STATES[i].word;
        }
    }
    return POWER_STATES[0].word;
}

/* --- of old ------------------------------------------------------------------------------------------------------------ */

/* Member of a thing, member of the answer behind the thing's name. */
static const char *const OLD_DISK[][2] = {
    { "read_requests", "read_req" }, { "read_bytes", "read" }, { "write_requests", "write_req" },
    { "write_bytes", "write" },      { "errors", "errors" },   { NULL, NULL }
};
static const char *const OLD_NIC[][2] = {
    { "rx_octets", "rx" },        { "rx_packets", "rx_packets" }, { "rx_errors", "rx_errors" },
    { "rx_drop", "rx_drop" },     { "tx_octets", "tx" },          { "tx_packets", "tx_packets" },
    { "tx_errors", "tx_errors" }, { "tx_drop", "tx_drop" },       { NULL, NULL }
};

static void diagnostics_old_things(struct kn_strbuf *sb, const json_t *things, const char *name,
                                   const char *const numbers[][2])
{
    const json_t *thing;
    size_t i;

    json_array_foreach (things, i, thing) {
        for (int n = 0; numbers[n][0] != NULL; n++) {
            AUTO_FREE char *key = kn_asprintf("%s_%s", kn_json_str(thing, name), numbers[n][1]);

            if (json_object_get(thing, numbers[n][0]) != NULL) {
                kn_jsonw_int(sb, key, kn_json_int(thing, numbers[n][0]));
            }
        }
    }
}

static void diagnostics_write_old(struct kn_strbuf *sb, const json_t *seen)
{
    const json_t *item;
    size_t i;

    kn_jsonw_object(sb, NULL);
    json_array_foreach (json_object_get(seen, "cpus"), i, item) {
        AUTO_FREE char *key = kn_asprintf("cpu%lld_time", (long long)kn_json_int(item, "id"));

        kn_jsonw_int(sb, key, kn_json_int(item, "time"));
    }
    diagnostics_old_things(sb, json_object_get(seen, "disks"), "device", OLD_DISK);
    diagnostics_old_things(sb, json_object_get(seen, "nics"), "tap", OLD_NIC);
    kn_jsonw_int(sb, "memory", kn_json_int(seen, "maximum_kib"));
    json_array_foreach (json_object_get(seen, "memory"), i, item) {
        AUTO_FREE char *key = kn_asprintf("memory-%s", kn_json_str(item, "name"));

        kn_jsonw_int(sb, key, kn_json_int(item, "value"));
    }
    kn_jsonw_end_object(sb);
}

/* --- from 2.48 on ------------------------------------------------------------------------------------------------------ */

/* Member of the answer, member of a thing; NULL: nobody measures it. */
static const char *const NEW_CPU[][2] = { { "id", "id" }, { "time", "time" }, { "utilisation", NULL }, { NULL, NULL } };
static const char *const NEW_DISK[][2] = { { "read_bytes", "read_bytes" },   { "read_requests", "read_requests" },
                                           { "write_bytes", "write_bytes" }, { "write_requests", "write_requests" },
                                           { "errors_count", "errors" },     { NULL, NULL } };
static const char *const NEW_NIC[][2] = { { "mac_address", "mac" },
                                          { "rx_octets", "rx_octets" },
                                          { "rx_errors", "rx_errors" },
                                          { "rx_drop", "rx_drop" },
                                          { "rx_packets", "rx_packets" },
                                          { "rx_rate", NULL },
                                          { "tx_octets", "tx_octets" },
                                          { "tx_errors", "tx_errors" },
                                          { "tx_drop", "tx_drop" },
                                          { "tx_packets", "tx_packets" },
                                          { "tx_rate", NULL },
                                          { NULL, NULL } };

static void write_things(struct kn_strbuf *sb, const char *key, const json_t *things, const char *const members[][2])
{
    const json_t *thing;
    size_t i;

    kn_jsonw_array(sb, key);
    json_array_foreach (things, i, thing) {
        kn_jsonw_object(sb, NULL);
        for (int m = 0; members[m][0] != NULL; m++) {
            const json_t *value = members[m][1] != NULL ? json_object_get(thing, members[m][1]) : NULL;

            if (json_is_integer(value)) {
                kn_jsonw_int(sb, members[m][0], json_integer_value(value));
            } else {
                kn_jsonw_str(sb, members[m][0], json_string_value(value));
            }
        }
        kn_jsonw_end_object(sb);
    }
    kn_jsonw_end_array(sb);
}

static void diagnostics_write_new(struct kn_strbuf *sb, const json_t *seen, const struct diagnostics_own *own)
{
    kn_jsonw_object(sb, NULL);
    kn_jsonw_str(sb, "state", power_word(kn_json_int(seen, "power_state")));
    kn_jsonw_str(sb, "driver", "libvirt");
    kn_jsonw_str(sb, "hypervisor", kn_json_str(seen, "hypervisor"));
    kn_jsonw_str(sb, "hypervisor_os", "linux");
    kn_jsonw_int(sb, "uptime", own->uptime);
    kn_jsonw_bool(sb, "config_drive", own->has_drive);
    kn_jsonw_int(sb, "num_cpus", (int64_t)json_array_size(json_object_get(seen, "cpus")));
    kn_jsonw_int(sb, "num_nics", (int64_t)json_array_size(json_object_get(seen, "nics")));
    kn_jsonw_int(sb, "num_disks", (int64_t)json_array_size(json_object_get(seen, "disks")));
    write_things(sb, "cpu_details", json_object_get(seen, "cpus"), NEW_CPU);
    write_things(sb, "disk_details", json_object_get(seen, "disks"), NEW_DISK);
    write_things(sb, "nic_details", json_object_get(seen, "nics"), NEW_NIC);
    kn_jsonw_object(sb, "memory_details");
    kn_jsonw_int(sb, "maximum", kn_json_int(seen, "maximum_kib") / 1024);
    kn_jsonw_int(sb, "used", kn_json_int(seen, "used_kib") / 1024);
    kn_jsonw_end_object(sb);
    kn_jsonw_end_object(sb);
}

/* --- the question ------------------------------------------------------------------------------------------------------ */

static int diagnostics_not_ready(const struct kn_request *req, struct kn_error *err)
{
    return kn_fail(err, KN_CONFLICT, "Instance %s is not ready", req->params[0]);
}

static int diagnostics_answered(struct kn_request *req, const struct kn_message *answer, struct kn_response *res,
                                struct kn_error *err)
{
    const int64_t power_state = kn_json_int(answer->result, "power_state");

    if (!answer->ok) {
        return answer->error.code == KN_NOT_FOUND || answer->error.code == KN_STALE
                   ? diagnostics_not_ready(req, err)
                   : kn_fail(err, KN_UNAVAILABLE, "Instance %s cannot be looked at now", req->params[0]);
    }
    if (power_state != KN_POWER_RUNNING) {
        return kn_fail(err, KN_CONFLICT, "Cannot 'get_diagnostics' instance %s while it is in power state %s",
                       req->params[0], power_word(power_state));
    }
    if (req->microversion >= 48) {
        diagnostics_write_new(&res->body, answer->result, req->own);
    } else {
        diagnostics_write_old(&res->body, answer->result);
    }
    return 0;
}

int kn_compute_server_diagnostics_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct diagnostics_own *own;
    bool asked = false;

    (void)res;
    if (kn_rest_only(&NOUN, req, NO_QUERY, err) < 0 || kn_compute_server_get(req, req->params[0], &server, err) < 0 ||
        kn_db_run(req->db, &OWN, KN_ARGS(req->params[0]), &rows, err) < 0) {
        return -1;
    }
    own = kn_request_alloc(req, sizeof(*own));
    *own = (struct diagnostics_own){ 0 };
    if (kn_rows_count(rows) > 0) {
        *own = (struct diagnostics_own){ kn_rows_int(rows, 0, OWN_UPTIME), kn_rows_bool(rows, 0, OWN_DRIVE) };
    }
    req->own = own;
    if (kn_compute_server_ask_host(req, req->params[0], "server.diagnose", NULL, diagnostics_answered, &asked, err) <
        0) {
        return -1;
    }
    return asked ? 0 : diagnostics_not_ready(req, err);
}

int kn_compute_server_topology_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *server = NULL;

    if (kn_rest_only(&NOUN, req, NO_QUERY, err) < 0 || kn_compute_server_get(req, req->params[0], &server, err) < 0) {
        return -1;
    }
    kn_strbuf_addstr(&res->body, "{\"nodes\":[],\"pagesize_kb\":null}");
    return 0;
}
