/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: the bench's clients. One thread, one epoll, N keep-alive connections, each asking again as soon as it was answered. It
 * costs little beside what it measures, and says what it cost. Plain HTTP to 127.0.0.1; the answer is one JSON object on stdout.
 *
 *   load --port 8774 --token T --clients 32 --requests 5000 --body body.json POST /compute/v2.1/servers
 *   load --port 8774 --token T --clients 32 --seconds 3 --ids ids GET /compute/v2.1/servers/{id}
 *
 * {id} in a path or a body becomes the ids of that file, in turn; {n} in a body the number of the request. --active: after a POST the
 * server is asked for until it is ACTIVE, and that is the time that is told. --out: where the ids of what was made go.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"

#define CLIENTS_MAX 1024
#define READ_BYTES 262144
#define ACTIVE_LIMIT_US 60000000
#define ID_LEN 36

struct plan {
    int port;
    int clients;
    int64_t requests; /* 0: until the time is over */
    int64_t seconds;
    const char *token;
    const char *method;
    const char *path;
    char *body;       /* NULL: none */
    char **ids;       /* for {id} */
    size_t ids_count;
    FILE *out;        /* NULL: nobody wants the ids */
    bool active;
};

struct client {
    int fd;
    struct kn_strbuf request;
    struct kn_strbuf answer;
    int64_t sent_us;
    int64_t posted_us;    /* --active: when the POST went out */
    char id[ID_LEN + 1];  /* --active: which server is waited for; "" while posting */
};

/* What happened; one thread. */
static struct {
    int64_t started;      /* requests begun */
    int64_t failed;
    char first_failure[400];
    int64_t *times_us;
    size_t count, room;
    int64_t *active_us;
    size_t active_count, active_room;
} tally;

static void die(const char *what, const char *why)
{
    fprintf(stderr, "load: %s: %s\n", what, why);
    exit(1);
}

static void note_time(int64_t **times, size_t *count, size_t *room, int64_t us)
{
    if (*count == *room) {
        *room = *room == 0 ? 4096 : *room * 2;
        *times = kn_realloc_array(*times, *room, sizeof(int64_t));
    }
    (*times)[(*count)++] = us;
}

/* --- requests -------------------------------------------------------------------------------------------------------- */

/* text with the first `what` replaced. */
static void add_replaced(struct kn_strbuf *out, const char *text, const char *what, const char *with)
{
    const char *at = strstr(text, what);

    if (at == NULL) {
        kn_strbuf_addstr(out, text);
        return;
    }
    kn_strbuf_add(out, text, (size_t)(at - text));
    kn_strbuf_addstr(out, with);
    kn_strbuf_addstr(out, at + strlen(what));
}

static void add_head(struct kn_strbuf *out, const struct plan *plan)
{
    kn_strbuf_addf(out,
                   " HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Auth-Token: %s\r\nAccept: application/json\r\n"
                   "X-OpenStack-Nova-API-Version: 2.37\r\n",
                   plan->token);
}

static void build_main(const struct plan *plan, struct client *c)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf body = KN_STRBUF_INIT, numbered = KN_STRBUF_INIT;
    AUTO_FREE char *number = kn_asprintf("%lld", (long long)tally.started);
    const char *id = plan->ids_count > 0 ? plan->ids[(size_t)tally.started % plan->ids_count] : "{id}";

    kn_strbuf_addf(&c->request, "%s ", plan->method);
    add_replaced(&c->request, plan->path, "{id}", id);
    add_head(&c->request, plan);
    if (plan->body != NULL) {
        add_replaced(&numbered, plan->body, "{n}", number);
        add_replaced(&body, numbered.buf, "{id}", id);
        kn_strbuf_addf(&c->request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body.len);
    }
    kn_strbuf_addstr(&c->request, "\r\n");
    kn_strbuf_add(&c->request, body.buf, body.len);
}

static void build_look(const struct plan *plan, struct client *c)
{
    kn_strbuf_addf(&c->request, "GET %s/%s", plan->path, c->id);
    add_head(&c->request, plan);
    kn_strbuf_addstr(&c->request, "\r\n");
}

static void transmit(struct client *c)
{
    size_t done = 0;

    c->sent_us = kn_mono_us();
    while (done < c->request.len) {
        const ssize_t n = send(c->fd, c->request.buf + done, c->request.len - done, MSG_NOSIGNAL);

        if (n < 0) {
            die("send", strerror(errno));
        }
        done += (size_t)n;
    }
}

/* The client's next request; false when there is none any more. */
static bool ask(const struct plan *plan, struct client *c, int64_t deadline_us)
{
    kn_strbuf_clear(&c->request);
    kn_strbuf_clear(&c->answer);
    if (c->id[0] != '\0') {
        const struct timespec pause = { 0, 500000 };

        nanosleep(&pause, NULL); /* --active has one client: nobody else waits */
        build_look(plan, c);
        transmit(c);
        return true;
    }
    if ((plan->requests > 0 && tally.started >= plan->requests) || (deadline_us > 0 && kn_mono_us() >= deadline_us)) {
        return false;
    }
    build_main(plan, c);
    tally.started++;
    transmit(c);
    c->posted_us = c->sent_us;
    return true;
}

/* --- answers --------------------------------------------------------------------------------------------------------- */

static const char *body_of(const struct client *c)
{
    const char *end = strstr(c->answer.buf, "\r\n\r\n");

    return end != NULL ? end + 4 : NULL;
}

static bool is_complete(const struct client *c)
{
    const char *body = body_of(c);
    const char *length = body != NULL ? strcasestr(c->answer.buf, "\r\nContent-Length:") : NULL;

    if (body == NULL) {
        return false;
    }
    if (strncmp(c->answer.buf, "HTTP/1.1 204 ", 13) == 0) {
        return true; /* never has a body, nor a length of it */
    }
    if (length == NULL || length > body) {
        die("answer", "has no Content-Length");
    }
    return c->answer.len - (size_t)(body - c->answer.buf) >= strtoull(length + strlen("\r\nContent-Length:"), NULL, 10);
}

static void fail_request(const struct client *c)
{
    if (tally.failed++ == 0) {
        kn_copy(tally.first_failure, sizeof(tally.first_failure), c->answer.buf);
    }
}

/* The first "id" of the body: the server's. */
static bool find_id(const char *body, char out[ID_LEN + 1])
{
    const char *at = strstr(body, "\"id\"");

    at = at != NULL ? strchr(at + 4, '"') : NULL;
    if (at == NULL || strlen(at) <= ID_LEN) {
        return false;
    }
    kn_copy(out, ID_LEN + 1, at + 1);
    return true;
}

static void take_main_answer(const struct plan *plan, struct client *c)
{
    char id[ID_LEN + 1] = "";

    note_time(&tally.times_us, &tally.count, &tally.room, kn_mono_us() - c->sent_us);
    if (c->answer.buf[9] != '2') {
        fail_request(c);
        return;
    }
    if ((plan->out != NULL || plan->active) && !find_id(body_of(c), id)) {
        fail_request(c);
    }
    if (plan->out != NULL) {
        fprintf(plan->out, "%s\n", id);
    }
    if (plan->active) {
        kn_copy(c->id, sizeof(c->id), id);
    }
}

static void take_look(struct client *c)
{
    const char *body = body_of(c);
    const int64_t waited = kn_mono_us() - c->posted_us;

    if (strstr(body, "\"ACTIVE\"") != NULL) {
        note_time(&tally.active_us, &tally.active_count, &tally.active_room, waited);
        c->id[0] = '\0';
    } else if (strstr(body, "\"ERROR\"") != NULL || waited > ACTIVE_LIMIT_US) {
        fail_request(c);
        c->id[0] = '\0';
    }
}

/* True when an answer is complete. */
static bool receive(struct client *c)
{
    static char buffer[READ_BYTES];
    const ssize_t n = recv(c->fd, buffer, sizeof(buffer), 0);

    if (n <= 0) {
        die("receive", n == 0 ? "the server closed the connection" : strerror(errno));
    }
    kn_strbuf_add(&c->answer, buffer, (size_t)n);
    return is_complete(c);
}

/* --- the run --------------------------------------------------------------------------------------------------------- */

static int connect_to(int port)
{
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;

    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        die("connect", strerror(errno));
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

static int open_clients(const struct plan *plan, struct client *clients, int poll, int64_t deadline_us)
{
    int busy = 0;

    for (int i = 0; i < plan->clients; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &clients[i] };

        clients[i] = (struct client){ .fd = connect_to(plan->port),
                                      .request = KN_STRBUF_INIT,
                                      .answer = KN_STRBUF_INIT };
        epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].fd, &event);
        busy += ask(plan, &clients[i], deadline_us) ? 1 : 0;
    }
    return busy;
}

static void run(const struct plan *plan)
{
    static struct client clients[CLIENTS_MAX];
    struct epoll_event events[CLIENTS_MAX];
    AUTO_CLOSE int poll = epoll_create1(EPOLL_CLOEXEC);
    const int64_t deadline_us = plan->seconds > 0 ? kn_mono_us() + plan->seconds * 1000000 : 0;
    int busy = open_clients(plan, clients, poll, deadline_us);

    while (busy > 0) {
        const int n = epoll_wait(poll, events, CLIENTS_MAX, 60000);

        if (n == 0) {
            die("wait", "nothing was answered for a minute");
        }
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;

            if (!receive(c)) {
                continue;
            }
            if (c->id[0] != '\0') {
                take_look(c);
            } else {
                take_main_answer(plan, c);
            }
            busy -= ask(plan, c, deadline_us) ? 0 : 1;
        }
    }
    for (int i = 0; i < plan->clients; i++) {
        close(clients[i].fd);
        kn_strbuf_release(&clients[i].request);
        kn_strbuf_release(&clients[i].answer);
    }
}

/* --- the result ------------------------------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

static double percentile_ms(int64_t *times, size_t count, double part)
{
    if (count == 0) {
        return 0;
    }
    qsort(times, count, sizeof(times[0]), compare);
    return (double)times[(size_t)((double)(count - 1) * part)] / 1000;
}

static void print_result(int64_t took_us)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf failure = KN_STRBUF_INIT;
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    kn_strbuf_addjson(&failure, tally.first_failure);
    printf("{\"requests\":%zu,\"failed\":%lld,\"seconds\":%.6f,\"per_s\":%.2f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,"
           "\"active_p50_ms\":%.3f,\"active_p99_ms\":%.3f,\"cpu_s\":%.3f,\"first_failure\":%s}\n",
           tally.count, (long long)tally.failed, (double)took_us / 1e6, (double)tally.count * 1e6 / (double)took_us,
           percentile_ms(tally.times_us, tally.count, 0.5), percentile_ms(tally.times_us, tally.count, 0.99),
           percentile_ms(tally.active_us, tally.active_count, 0.5),
           percentile_ms(tally.active_us, tally.active_count, 0.99),
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
           failure.buf);
}

/* --- options --------------------------------------------------------------------------------------------------------- */

static char *read_file(const char *path)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    char buffer[4096];
    ssize_t n = 0;

    if (fd < 0) {
        die(path, strerror(errno));
    }
    while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
        kn_strbuf_add(&text, buffer, (size_t)n);
    }
    return kn_strbuf_detach(&text);
}

static void read_ids(struct plan *plan, const char *path)
{
    char *text = read_file(path); /* lives as long as the program */
    char *rest = NULL;

    for (char *id = strtok_r(text, "\n", &rest); id != NULL; id = strtok_r(NULL, "\n", &rest)) {
        plan->ids = kn_realloc_array(plan->ids, plan->ids_count + 1, sizeof(char *));
        plan->ids[plan->ids_count++] = id;
    }
}

static void set_option(struct plan *plan, int option, const char *value)
{
    switch (option) {
    case 'p':
        plan->port = atoi(value);
        break;
    case 'c':
        plan->clients = atoi(value);
        break;
    case 'r':
        plan->requests = atoll(value);
        break;
    case 's':
        plan->seconds = atoll(value);
        break;
    case 't':
        plan->token = value;
        break;
    case 'b':
        plan->body = read_file(value);
        break;
    case 'i':
        read_ids(plan, value);
        break;
    case 'o':
        plan->out = fopen(value, "w");
        break;
    case 'a':
        plan->active = true;
        break;
    default:
        die("usage",
            "load --port N --token T [--clients N] [--requests N | --seconds N] [--body F] [--ids F] [--out F] "
            "[--active] METHOD PATH");
    }
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        { "port", required_argument, NULL, 'p' },     { "clients", required_argument, NULL, 'c' },
        { "requests", required_argument, NULL, 'r' }, { "seconds", required_argument, NULL, 's' },
        { "token", required_argument, NULL, 't' },    { "body", required_argument, NULL, 'b' },
        { "ids", required_argument, NULL, 'i' },      { "out", required_argument, NULL, 'o' },
        { "active", no_argument, NULL, 'a' },         { NULL, 0, NULL, 0 },
    };
    struct plan plan = { .clients = 1, .token = "" };
    int64_t begun = 0;

    for (int option = 0; (option = getopt_long(argc, argv, "", OPTIONS, NULL)) >= 0;) {
        set_option(&plan, option, optarg);
    }
    if (optind + 2 != argc || plan.port == 0 || plan.clients < 1 || plan.clients > CLIENTS_MAX ||
        (plan.requests == 0 && plan.seconds == 0) || (plan.active && plan.clients != 1)) {
        set_option(&plan, '?', NULL);
    }
    plan.method = argv[optind];
    plan.path = argv[optind + 1];
    begun = kn_mono_us();
    run(&plan);
    print_result(kn_mono_us() - begun);
    if (plan.out != NULL) {
        fclose(plan.out);
    }
    return tally.failed > 0 ? 2 : 0;
}
