/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kilonova net trace`: asks the cloud's network API which way a packet would go and what stops it, and writes it down for somebody who was woken by it: a line a
 * check, the first that stops it last of all again. Exits 0: it passes, 1: it is stopped, 2: not all could be judged.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cloud.h"
#include "cli/command.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/domain/message.h"

enum { TRACE_PASSES = 0, TRACE_STOPPED = 1, TRACE_UNKNOWN = 2 };

struct trace_words {
    const char *port, *to, *protocol, *from;
    bool is_json;
};

/* --- the command's words ---------------------------------------------------------------------------------------------- */

static int trace_word(struct trace_words *words, char **argv, int *at, struct kn_error *err)
{
    const struct {
        const char *name;
        const char **value;
    } OPTIONS[] = { { "--to", &words->to }, { "--protocol", &words->protocol }, { "--from", &words->from } };
    const char *word = argv[*at];

    if (strcmp(word, "--json") == 0) {
        words->is_json = true;
        return 0;
    }
    for (size_t i = 0; i < KN_COUNT(OPTIONS); i++) {
        if (strcmp(word, OPTIONS[i].name) == 0) {
            *OPTIONS[i].value = argv[*at + 1];
            *at += 1;
            return *OPTIONS[i].value != NULL ? 0 : kn_fail(err, KN_BAD_REQUEST, "%s wants a value", word);
        }
    }
    if (words->port == NULL && word[0] != '-') {
        words->port = word;
        return 0;
    }
    return kn_fail(err, KN_BAD_REQUEST, "unknown argument \"%s\"", word);
}

static char *trace_path(const struct trace_words *words)
{
    const struct {
        const char *key, *value;
    } PARAMS[] = { { "to", words->to }, { "protocol", words->protocol }, { "from", words->from } };
    struct kn_strbuf path = KN_STRBUF_INIT;
    char separator = '?';

    kn_strbuf_addstr(&path, "/v2.0/ports/");
    kn_strbuf_addurl(&path, words->port);
    kn_strbuf_addstr(&path, "/trace");
    for (size_t i = 0; i < KN_COUNT(PARAMS); i++) {
        if (PARAMS[i].value != NULL) {
            kn_strbuf_addf(&path, "%c%s=", separator, PARAMS[i].key);
            kn_strbuf_addurl(&path, PARAMS[i].value);
            separator = '&';
        }
    }
    return kn_strbuf_detach(&path);
}

/* --- for people ------------------------------------------------------------------------------------------------------- */

static const char *trace_mark(const char *verdict)
{
    return strcmp(verdict, "pass") == 0   ? "ok"
           : strcmp(verdict, "stop") == 0 ? "STOP"
           : strcmp(verdict, "note") == 0 ? "-"
                                          : "?";
}

static void trace_head(const json_t *trace, FILE *out)
{
    const json_t *port = json_object_get(trace, "destination_port");

    fprintf(out, "port %s, %s -> %s", kn_json_str(trace, "port_id"), kn_json_str(trace, "source"),
            kn_json_str(trace, "destination"));
    if (json_is_integer(port)) {
        fprintf(out, " port %lld", (long long)json_integer_value(port));
    }
    fprintf(out, ", %s\n", kn_json_str(trace, "protocol"));
}

static void trace_hops(const json_t *trace, FILE *out)
{
    const json_t *hop;
    const char *place = "";
    int64_t stage = -1;
    size_t i;

    json_array_foreach (json_object_get(trace, "hops"), i, hop) {
        const char *here = kn_json_str(hop, "place"), *line = kn_json_str(hop, "line");

        if (kn_json_int(hop, "stage") != stage || strcmp(here, place) != 0) {
            fprintf(out, "%s%s%s\n", kn_json_int(hop, "stage") != stage ? "\n" : "",
                    strcmp(here, "rows") == 0 ? "" : "host ", here);
            stage = kn_json_int(hop, "stage");
            place = here;
        }
        fprintf(out, "  %-4s %s\n", trace_mark(kn_json_str(hop, "verdict")), kn_json_str(hop, "says"));
        if (line[0] != '\0' && strcmp(kn_json_str(hop, "verdict"), "pass") != 0) {
            fprintf(out, "       by: %s\n", line);
        }
    }
}

static int trace_end(const json_t *trace, FILE *out)
{
    const char *verdict = kn_json_str(trace, "verdict");
    const json_t *stop = json_object_get(trace, "stopped_by");

    if (out != NULL && json_is_true(json_object_get(trace, "differs"))) {
        fprintf(out,
                "\nRows and hosts differ: a host was not told yet, or somebody was at its tables (kilonova audit)\n");
    }
    if (strcmp(verdict, "stopped") == 0) {
        if (out != NULL) {
            fprintf(out, "\nSTOPPED%s%s: %s\n", strcmp(kn_json_str(stop, "place"), "rows") == 0 ? "" : " on ",
                    strcmp(kn_json_str(stop, "place"), "rows") == 0 ? "" : kn_json_str(stop, "place"),
                    kn_json_str(stop, "says"));
        }
        return TRACE_STOPPED;
    }
    if (strcmp(verdict, "passes") == 0) {
        if (out != NULL) {
            fprintf(out, "\nPASSES\n");
        }
        return TRACE_PASSES;
    }
    if (out != NULL) {
        fprintf(out, "\nUNKNOWN: nothing that could be looked at stops it, but not everything could\n");
    }
    return TRACE_UNKNOWN;
}

static int net_trace(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    AUTO(kn_cli_cloud) struct kn_cli_cloud *cloud = NULL;
    struct trace_words words = { NULL, NULL, NULL, NULL, false };
    json_auto_t *answer = NULL;

    for (int i = 0; i < argc; i++) {
        if (trace_word(&words, argv, &i, err) < 0) {
            return -1;
        }
    }
    if (words.port == NULL || words.to == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "a port's id and --to ADDRESS[:PORT] are wanted");
    }
    AUTO_FREE char *path = trace_path(&words);

    if (kn_cli_cloud_open("network", &cloud, err) < 0 || kn_cli_cloud_ask(cloud, "GET", path, NULL, &answer, err) < 0) {
        err->code = KN_BAD_REQUEST; /* as what was not tried: 1 would say that the packet is stopped */
        return -1;
    }
    const json_t *trace = json_object_get(answer, "trace");

    if (words.is_json) {
        json_dumpf(answer, cli->out, JSON_INDENT(2));
        fputc('\n', cli->out);
        return trace_end(trace, NULL);
    }
    trace_head(trace, cli->out);
    trace_hops(trace, cli->out);
    return trace_end(trace, cli->out);
}

const struct kn_command kn_cli_trace_commands[] = {
    { "net trace", "PORT --to ADDRESS[:PORT] [--protocol tcp|udp|icmp] [--from ADDRESS] [--json]",
      "would a packet of this port pass, and what stops it: rows and hosts, hop by hop; exits 0: it passes, 1: it is stopped, 2: not all could be judged; as an administrator, by OS_*",
      net_trace },
    { NULL, NULL, NULL, NULL },
};
