/* SPDX-License-Identifier: Apache-2.0 */
/* host_agent.c: the agent's half of a host's networks, in a process of its own. */
#include "tests/support/host_agent.h"

#include "tests/support/test.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "network/host.h"

static struct kn_network_host *host;
static char physical[256];

static struct {
    char name[64];
    int fd;
} doors[4];

/* A metadata server that knows one thing: who asks. */
static void *serve(void *arg)
{
    int listening = (int)(intptr_t)arg;

    for (int fd; (fd = accept(listening, NULL, NULL)) >= 0; close(fd)) {
        struct sockaddr_storage from;
        socklen_t size = sizeof(from);
        char request[2048], ip[64], who[KN_UUID_SIZE] = "nobody", answer[256];

        getpeername(fd, (struct sockaddr *)&from, &size);
        getnameinfo((struct sockaddr *)&from, size, ip, sizeof(ip), NULL, 0, NI_NUMERICHOST);
        if (read(fd, request, sizeof(request)) > 0) {
            kn_network_host_lookup(host, NET, ip, who);
            snprintf(answer, sizeof(answer), "HTTP/1.0 200 OK\r\n\r\n%s\n", who);
            send(fd, answer, strlen(answer), MSG_NOSIGNAL);
        }
    }
    close(listening);
    return NULL;
}

static void door_open(void *ctx, const char *network_id, int fd)
{
    pthread_t thread;

    (void)ctx;
    for (size_t i = 0; i < KN_COUNT(doors); i++) {
        if (doors[i].name[0] == '\0') {
            kn_copy(doors[i].name, sizeof(doors[i].name), network_id);
            doors[i].fd = fd;
            break;
        }
    }
    pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd);
    pthread_detach(thread);
}

/* The thread that serves it ends. */
static void close_door_of(void *ctx, const char *network_id)
{
    (void)ctx;
    for (size_t i = 0; i < KN_COUNT(doors); i++) {
        if (strcmp(doors[i].name, network_id) == 0) {
            shutdown(doors[i].fd, SHUT_RDWR);
            doors[i].name[0] = '\0';
        }
    }
}

static pthread_mutex_t announcing = PTHREAD_MUTEX_INITIALIZER;
static json_t *announced; /* what was said since somebody asked */

static void note_announced(void *ctx, json_t *heard)
{
    static int messages;
    json_t *item;
    size_t i;

    (void)ctx;
    pthread_mutex_lock(&announcing);
    announced = announced == NULL ? json_array() : announced;
    messages++;
    json_array_foreach (heard, i, item) {
        json_object_set_new(item, "message", json_integer(messages));
    }
    json_array_extend(announced, heard);
    pthread_mutex_unlock(&announcing);
}

static void tell_announced(char *answer, size_t size)
{
    pthread_mutex_lock(&announcing);
    AUTO_FREE char *text = announced == NULL ? kn_strdup("[]") : json_dumps(announced, JSON_COMPACT);

    json_decref(announced);
    announced = NULL;
    pthread_mutex_unlock(&announcing);
    snprintf(answer, size, "%s", text);
}

/* Of what does not pass the first, "pass" if all does. */
static void tell_trace(const json_t *found, char *answer, size_t size)
{
    const json_t *hop;
    size_t i;

    snprintf(answer, size, "pass");
    json_array_foreach (json_object_get(found, "hops"), i, hop) {
        const char *verdict = kn_json_str(hop, "verdict"), *rule = kn_json_str(hop, "rule");

        if (strcmp(verdict, "stop") == 0 || strcmp(verdict, "unknown") == 0) {
            snprintf(answer, size, "%s %s: %s", verdict, kn_json_str(hop, "check"), kn_json_str(hop, "says"));
            return;
        }
        if (rule[0] != '\0') {
            snprintf(answer + strlen(answer), size - strlen(answer), " %s=%s", kn_json_str(hop, "check"), rule);
        }
    }
}

static void tell_broken(char *answer, size_t size)
{
    json_t *told = kn_network_host_told(host);
    AUTO_FREE char *text = json_dumps(json_object_get(told, "broken"), JSON_COMPACT);

    json_decref(told);
    snprintf(answer, size, "%s", text);
}

/* What is whole and answers nothing answers the newest question, as kilonova-network would have it. */
static int take_state(const char *text, struct kn_error *err)
{
    json_auto_t *body = json_loads(text, 0, NULL);
    char question[KN_UUID_SIZE];

    kn_network_host_question(host, question);
    if (kn_json_int(body, "from") == -1 && json_object_get(body, "answers") == NULL) {
        json_object_set_new(body, "answers", json_string(question));
    }
    return kn_network_host_take(host, body, err);
}

/* Takes the reference. */
static void tell_json(json_t *json, char *answer, size_t size)
{
    AUTO_FREE char *text = json_dumps(json, JSON_COMPACT);

    json_decref(json);
    snprintf(answer, size, "%s", text);
}

void kn_host_agent(const char *line, char *answer, size_t size)
{
    static char word[16], first[64];
    struct kn_error err = { .code = KN_OK };
    int rest = 0, rc = -1;

    sscanf(line, "%15s %n", word, &rest);
    if (strcmp(word, "physical") == 0) {
        kn_copy(physical, sizeof(physical), line + rest);
        rc = 0;
    } else if (strcmp(word, "hold") == 0) {
        bool holds;
        const enum kn_network_hold hold = kn_network_host_hold(host, kn_mono_ms() - atoi(line + rest), &holds);

        snprintf(answer, size, "%s%s", holds ? "holds" : "free",
                 hold == KN_HOLD_REGAINED || hold == KN_HOLD_UNANSWERED ? " asks" : "");
        return;
    } else if (strcmp(word, "standing") == 0) {
        tell_json(kn_network_host_standing(host), answer, size);
        return;
    } else if (strcmp(word, "announced") == 0 || strcmp(word, "broken") == 0) {
        (word[0] == 'a' ? tell_announced : tell_broken)(answer, size);
        return;
    } else if (strcmp(word, "open") == 0) {
        int path = 0;

        sscanf(line, "open %63s %n", first, &path);
        rc = kn_network_host_open(&(struct kn_network_host_options){ .state_dir = line + path,
                                                                     .underlay = first,
                                                                     .metadata_open = door_open,
                                                                     .metadata_close = close_door_of,
                                                                     .announced = note_announced,
                                                                     .physical = physical,
                                                                     .plug_wait_ms = 300 },
                                  &host, &err);
    } else if (strcmp(word, "plug") == 0) {
        sscanf(line, "plug %63s %n", first, &rest);
        json_t *nics = json_loads(line + rest, 0, NULL);

        rc = kn_network_host_plug(host, first, nics, &err);
        json_decref(nics);
    } else if (strcmp(word, "nics") == 0) {
        json_auto_t *nics = json_loads(line + rest, 0, NULL);

        tell_json(kn_network_host_nics(host, nics), answer, size);
        return;
    } else if (strcmp(word, "unplug") == 0) {
        rc = kn_network_host_unplug(host, line + rest, &err);
    } else if (strcmp(word, "state") == 0) {
        rc = take_state(line + rest, &err);
    } else if (strcmp(word, "version") == 0) {
        snprintf(answer, size, "%lld", (long long)kn_network_host_version(host));
        return;
    } else if (strcmp(word, "firewall") == 0) {
        char wanted[17], kernel[17];

        rc = kn_network_host_firewall_digests(host, wanted, kernel, &err);
        if (rc == 0) {
            snprintf(answer, size, "%s", strcmp(wanted, kernel) == 0 ? "same" : "others");
            return;
        }
    } else if (strcmp(word, "trace") == 0) {
        json_t *pieces = json_loads(line + rest, 0, NULL), *found = NULL;

        rc = kn_network_host_trace(host, pieces, &found, &err);
        json_decref(pieces);
        if (rc == 0) {
            tell_trace(found, answer, size);
            json_decref(found);
            return;
        }
    } else if (strcmp(word, "tick") == 0) {
        rc = kn_network_host_tick(host, &err);
    } else {
        tell_json(kn_network_host_taps(host), answer, size);
        return;
    }
    snprintf(answer, size, "%s", rc == 0 ? "ok" : err.message);
}
