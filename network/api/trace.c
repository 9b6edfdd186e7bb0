/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v2.0/ports/{id}/trace: would a packet pass, and what stops it? Rows say which way it goes and what they think of it; then each host on the way is asked
 * in turn (net.trace), for api.host_wait_ms each, and one that says nothing is said so. What a host has is what packets meet: where it lets through what rows
 * would stop, the packet passes, and the answer says that the two differ.
 *
 * While it waits, all that is known lies as a text in the request: whichever way the request ends, it goes with it.
 */
#include <stdio.h>
#include <string.h>

#include "lib/adapter/question.h"
#include "lib/base/ip.h"
#include "lib/base/mem.h"
#include "lib/rest/noun.h"
#include "network/api/nouns.h"
#include "network/rows/networks.h"
#include "network/rows/trace.h"

enum { TRACED_ICMP = 1, TRACED_TCP = 6, TRACED_UDP = 17, TRACED_ICMPV6 = 58, FROM_PORT = 40000 };

/* --- what is asked ---------------------------------------------------------------------------------------------------- */

static int trace_refuse(struct kn_error *err, const char *what, const char *value)
{
    kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: %s \"%.64s\".", what, value);
    return kn_fail_name(err, "InvalidInput");
}

/* "10.0.0.7", "10.0.0.7:80", "fd00::7", "[fd00::7]:80"; *ret_port -1: none was said. */
static int trace_read_to(const char *text, struct kn_ip *ret_ip, int *ret_port, struct kn_error *err)
{
    char address[KN_IP_SIZE + 2] = "", end = '\0';
    int port = -1;

    if (kn_ip_parse(text, ret_ip)) {
        *ret_port = -1;
        return 0;
    }
    if ((sscanf(text, "[%45[0-9a-fA-F:.]]:%5d%c", address, &port, &end) == 2 ||
         sscanf(text, "%45[0-9.]:%5d%c", address, &port, &end) == 2) &&
        kn_ip_parse(address, ret_ip) && port >= 0 && port <= 65535) {
        *ret_port = port;
        return 0;
    }
    return trace_refuse(err, "to= is no ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT:", text);
}

static int trace_read_protocol(const char *word, int port, struct kn_network_trace_ask *ask, struct kn_error *err)
{
    const char *protocol = word != NULL ? word : port >= 0 ? "tcp" : "icmp";

    if (strcmp(protocol, "icmp") == 0) {
        if (port >= 0) {
            return trace_refuse(err, "a port means nothing to protocol", protocol);
        }
        ask->protocol = ask->to.family == 4 ? TRACED_ICMP : TRACED_ICMPV6;
        ask->first = ask->to.family == 4 ? 8 : 128; /* echo request */
        ask->second = 0;
        return 0;
    }
    if (strcmp(protocol, "tcp") != 0 && strcmp(protocol, "udp") != 0) {
        return trace_refuse(err, "protocol= is not tcp, udp or icmp:", protocol);
    }
    if (port < 0) {
        return trace_refuse(err, "to=ADDRESS:PORT is wanted for protocol", protocol);
    }
    ask->protocol = protocol[0] == 't' ? TRACED_TCP : TRACED_UDP;
    ask->first = FROM_PORT;
    ask->second = port;
    return 0;
}

static void trace_see_key(void *ctx, const char *key, const char *value)
{
    const char **unknown = ctx;

    (void)value;
    if (strcmp(key, "to") != 0 && strcmp(key, "protocol") != 0 && strcmp(key, "from") != 0) {
        *unknown = key;
    }
}

static int trace_read(const struct kn_request *req, struct kn_network_trace_ask *ask, struct kn_error *err)
{
    const char *to = kn_request_query(req, "to"), *from = kn_request_query(req, "from"), *unknown = NULL;
    int port = -1;

    kn_request_query_each(req, trace_see_key, &unknown);
    if (unknown != NULL) {
        return trace_refuse(err, "a trace takes to, protocol and from, not", unknown);
    }
    if (to == NULL) {
        return trace_refuse(err, "a trace wants to=ADDRESS[:PORT], not", "");
    }
    if (trace_read_to(to, &ask->to, &port, err) < 0 ||
        trace_read_protocol(kn_request_query(req, "protocol"), port, ask, err) < 0) {
        return -1;
    }
    if (from != NULL && (!kn_ip_parse(from, &ask->from) || ask->from.family != ask->to.family)) {
        return trace_refuse(err, "from= is no address of the same family:", from);
    }
    return 0;
}

/* --- what it comes to ----------------------------------------------------------------------------------------------------- */

static bool hop_is(const json_t *hop, const char *key, const char *value)
{
    return strcmp(kn_json_str(hop, key), value) == 0;
}

/* What a host found of the same thing at the same stage; NULL: nothing. */
static const json_t *trace_host_of(const json_t *hops, const json_t *hop)
{
    const json_t *other;
    size_t i;

    json_array_foreach (hops, i, other) {
        if (!hop_is(other, "place", "rows") && kn_json_int(other, "stage") == kn_json_int(hop, "stage") &&
            hop_is(other, "check", kn_json_str(hop, "check"))) {
            return other;
        }
    }
    return NULL;
}

static int64_t hop_rank(const json_t *hop)
{
    return kn_json_int(hop, "stage") * 1000 + kn_json_int(hop, "order");
}

/* By stage; rows first, then hosts as the packet meets them. */
static json_t *trace_sorted(const json_t *hops)
{
    json_t *sorted = json_array(), *hop;
    size_t i;

    json_array_foreach ((json_t *)(uintptr_t)hops, i, hop) {
        size_t at = json_array_size(sorted);

        while (at > 0 && hop_rank(json_array_get(sorted, at - 1)) > hop_rank(hop)) {
            at--;
        }
        json_array_insert(sorted, at, hop);
    }
    json_array_foreach (sorted, i, hop) {
        json_object_del(hop, "order");
    }
    return sorted;
}

struct trace_sum {
    const json_t *stop; /* the first that holds */
    bool differs, is_unknown;
};

static void trace_weigh(const json_t *hops, struct trace_sum *sum)
{
    const json_t *hop;
    size_t i;

    json_array_foreach (hops, i, hop) {
        const bool is_rows = hop_is(hop, "place", "rows"), stops = hop_is(hop, "verdict", "stop");
        const json_t *host = is_rows ? trace_host_of(hops, hop) : NULL;
        const bool is_overruled = host != NULL && hop_is(host, "verdict", "pass");

        sum->differs |= stops && is_overruled;
        sum->differs |= host != NULL && hop_is(host, "verdict", "stop") && hop_is(hop, "verdict", "pass");
        sum->is_unknown |= hop_is(hop, "verdict", "unknown");
        if (stops && !is_overruled && sum->stop == NULL) {
            sum->stop = hop;
        }
    }
}

static void trace_answer(const json_t *state, struct kn_response *res)
{
    struct trace_sum sum = { NULL, false, false };
    json_auto_t *hops = trace_sorted(json_object_get(state, "hops"));

    trace_weigh(hops, &sum);
    const char *verdict = sum.stop != NULL ? "stopped" : sum.is_unknown ? "unknown" : "passes";
    json_t *trace = json_deep_copy(json_object_get(state, "asked"));

    json_object_set_new(trace, "verdict", json_string(verdict));
    json_object_set_new(trace, "stopped_by", sum.stop != NULL ? json_deep_copy(sum.stop) : json_null());
    json_object_set_new(trace, "differs", json_boolean(sum.differs));
    json_object_set(trace, "hosts", json_object_get(state, "told"));
    json_object_set(trace, "hops", hops);
    kn_response_json(res, json_pack("{s:o}", "trace", trace));
}

/* --- hosts ---------------------------------------------------------------------------------------------------------------- */

static int trace_go_on(struct kn_request *req, json_t *state, bool is_waiting, struct kn_response *res,
                       struct kn_error *err);

static json_t *trace_current(const json_t *state)
{
    return json_array_get(json_object_get(state, "hosts"), (size_t)kn_json_int(state, "at"));
}

/* What a host said of its pieces is of their stages. */
static void trace_take(json_t *state, const json_t *result)
{
    const json_t *host = trace_current(state), *hop;
    size_t i;

    json_array_foreach (json_object_get(result, "hops"), i, hop) {
        const size_t piece = (size_t)kn_json_int(hop, "piece");
        const json_t *stage = json_array_get(json_object_get(host, "stages"), piece);

        if (stage == NULL) {
            continue; /* of no piece that it was asked about */
        }
        json_t *mine = json_deep_copy(hop);

        json_object_del(mine, "piece");
        json_object_set_new(mine, "stage", json_integer(json_integer_value(stage)));
        json_object_set(mine, "order", json_array_get(json_object_get(host, "orders"), piece));
        json_object_set(mine, "place", json_object_get(host, "host"));
        json_array_append_new(json_object_get(state, "hops"), mine);
    }
    json_array_append_new(json_object_get(state, "told"),
                          json_pack("{s:O, s:b, s:I}", "host", json_object_get(host, "host"), "answered", 1, "version",
                                    (json_int_t)kn_json_int(result, "version")));
}

static void trace_take_silence(json_t *state, const char *why)
{
    const json_t *host = trace_current(state);
    AUTO_FREE char *says = kn_asprintf("%s does not say what it has: %s", kn_json_str(host, "host"), why);

    json_array_append_new(json_object_get(state, "hops"),
                          json_pack("{s:O, s:O, s:O, s:s, s:s, s:s}", "stage",
                                    json_array_get(json_object_get(host, "stages"), 0), "order",
                                    json_array_get(json_object_get(host, "orders"), 0), "place",
                                    json_object_get(host, "host"), "check", "host", "verdict", "unknown", "says",
                                    says));
    json_array_append_new(json_object_get(state, "told"),
                          json_pack("{s:O, s:b, s:s}", "host", json_object_get(host, "host"), "answered", 0, "why",
                                    why));
}

static json_t *trace_state(const struct kn_request *req)
{
    return json_loads(req->own, 0, NULL);
}

/* On the reader's thread, as the next. */
static int trace_answered(struct kn_request *req, const struct kn_message *answer, struct kn_response *res,
                          struct kn_error *err)
{
    json_auto_t *state = trace_state(req);

    if (answer->ok) {
        trace_take(state, answer->result);
    } else {
        trace_take_silence(state, answer->error.message);
    }
    json_object_set_new(state, "at", json_integer(kn_json_int(state, "at") + 1));
    return trace_go_on(req, state, true, res, err);
}

static int trace_silent(struct kn_request *req, const struct kn_error *why, struct kn_response *res,
                        struct kn_error *err)
{
    json_auto_t *state = trace_state(req);

    trace_take_silence(state, why->message);
    json_object_set_new(state, "at", json_integer(kn_json_int(state, "at") + 1));
    return trace_go_on(req, state, true, res, err);
}

static int trace_ask_host(struct kn_request *req, const json_t *state, bool is_waiting, struct kn_error *err)
{
    AUTO_FREE char *text = json_dumps(state, JSON_COMPACT);
    const json_t *host = trace_current(state);
    json_auto_t *body = json_pack("{s:O, s:O}", "host", json_object_get(host, "host"), "pieces",
                                  json_object_get(host, "pieces"));
    const struct kn_question question = { .type = "net.trace",
                                          .agent = kn_json_str(host, "agent"),
                                          .host = kn_json_str(host, "host"),
                                          .body = body,
                                          .answered = trace_answered,
                                          .silent = trace_silent,
                                          .follows = is_waiting };

    req->own = kn_request_strdup(req, text); /* before: the answer may come at once */
    return kn_question_ask(req->questions, req, &question, err);
}

/* Asks the next host that can be asked; after the last, answers. A project that asks for too much at once is told so. */
static int trace_go_on(struct kn_request *req, json_t *state, bool is_waiting, struct kn_response *res,
                       struct kn_error *err)
{
    for (; trace_current(state) != NULL; json_object_set_new(state, "at", json_integer(kn_json_int(state, "at") + 1))) {
        struct kn_error why = { 0 };

        if (trace_ask_host(req, state, is_waiting, &why) == 0) {
            return is_waiting ? KN_ASKED_ON : 0;
        }
        if (why.code == KN_TOO_MANY && !is_waiting) {
            *err = why;
            return -1;
        }
        trace_take_silence(state, why.message);
    }
    trace_answer(state, res);
    return 0;
}

int kn_network_port_trace(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_network_trace_ask ask = { .port = req->params[0], .from = KN_IP_NONE };
    json_auto_t *found = NULL;
    char to[KN_IP_SIZE];

    if (trace_read(req, &ask, err) < 0) {
        return -1;
    }
    if (!kn_uuid_valid(ask.port)) {
        return kn_rest_not_found(&kn_network_ports, ask.port, err);
    }
    if (kn_network_trace_rows(req->db, &ask, &found, err) < 0) {
        return -1;
    }
    const bool has_port = ask.protocol == TRACED_TCP || ask.protocol == TRACED_UDP;
    json_auto_t *state = json_pack("{s:{s:s, s:O, s:s, s:s, s:o}, s:O, s:O, s:[], s:i}", "asked", "port_id", ask.port,
                                   "source", json_object_get(found, "source"), "destination", kn_ip_text(&ask.to, to),
                                   "protocol",
                                   ask.protocol == TRACED_TCP   ? "tcp"
                                   : ask.protocol == TRACED_UDP ? "udp"
                                                                : "icmp",
                                   "destination_port", has_port ? json_integer(ask.second) : json_null(), "hops",
                                   json_object_get(found, "hops"), "hosts", json_object_get(found, "hosts"), "told",
                                   "at", 0);

    return trace_go_on(req, state, false, res, err);
}
