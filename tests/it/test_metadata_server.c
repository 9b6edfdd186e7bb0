/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata server on loopback: two guests of one network, one of them greedy. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compute-agent/core/file.h"
#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/guest_password.h"
#include "compute-agent/metadata/server.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "tests/support/scratch.h"
#include "tests/support/test.h"

#define NETWORK "11111111-2222-4333-8444-555555555555"
#define SERVER "5d1c5e1c-7c8c-4d5e-9a5b-0123456789ab"
#define MODEST "127.0.0.1"
#define GREEDY "127.0.0.2"
#define CONNECTIONS 300

static bool who(void *ctx, const char *network, const char *ip, char ret_server[KN_UUID_SIZE], json_t **ret_spec)
{
    (void)ctx;
    assert_string_equal(network, NETWORK);
    kn_copy(ret_server, KN_UUID_SIZE, SERVER);
    *ret_spec = json_pack("{s:s}", "hostname", ip);
    return true;
}

static char *state_dir; /* of the test that posts; NULL: nobody keeps anything */

static json_t *password_of(void *ctx, const char *server)
{
    (void)ctx;
    return state_dir != NULL ? kn_agent_guest_password(state_dir, server) : NULL;
}

static int take_password(void *ctx, const char *server, const char *text, size_t len, struct kn_error *err)
{
    (void)ctx;
    return kn_agent_guest_password_post(state_dir, server, text, len, err);
}

static const struct kn_agent_metadata_guests GUESTS = { who, password_of, take_password, NULL, 0 };

static int listener(struct sockaddr_in *ret_at)
{
    socklen_t len = sizeof(*ret_at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *ret_at = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(bind(fd, (struct sockaddr *)ret_at, len), 0);
    assert_int_equal(listen(fd, CONNECTIONS), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)ret_at, &len), 0);
    return fd;
}

static int dial(const char *from, const struct sockaddr_in *to)
{
    struct sockaddr_in source = { .sin_family = AF_INET };
    const struct timeval patience = { .tv_sec = 60 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, from, &source.sin_addr);
    assert_int_equal(bind(fd, (struct sockaddr *)&source, sizeof(source)), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)to, sizeof(*to)), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    return fd;
}

static void say(int fd, const char *request, size_t size, char answer[2048])
{
    size_t len = 0;

    assert_int_equal(send(fd, request, size, MSG_NOSIGNAL), (ssize_t)size);
    for (ssize_t n = 1; n > 0 && len<2047; len += n> 0 ? (size_t)n : 0) {
        n = recv(fd, answer + len, 2047 - len, 0);
    }
    answer[len] = '\0';
}

static void ask(int fd, char answer[2048])
{
    static const char REQUEST[] = "GET /latest/meta-data/hostname HTTP/1.1\r\nHost: x\r\n\r\n";

    say(fd, REQUEST, sizeof(REQUEST) - 1, answer);
}

/* A request of one guest; its answer must begin like this and end like that. */
static void exchange(const struct sockaddr_in *at, const char *request, size_t len, const char *begins,
                     const char *ends)
{
    char answer[2048];
    int fd = dial(MODEST, at);

    say(fd, request, len, answer);
    close(fd);
    if (strncmp(answer, begins, strlen(begins)) != 0 || strlen(answer) < strlen(ends) ||
        strcmp(answer + strlen(answer) - strlen(ends), ends) != 0) {
        fail_msg("%s, wanted %s … %s", answer, begins, ends);
    }
}

/* One answer each, the status that it deserves, and the end: what comes behind is not read. */
static void test_bad_heads(void **state)
{
#define REST " HTTP/1.1\r\nHost: x\r\n\r\n"
    static const struct {
        const char *text;
        size_t len;
        const char *line;
        const char *header; /* that it has as well */
    } CASES[] = {
#define BYTES(bytes) .text = bytes, .len = sizeof(bytes) - 1
        { BYTES("GET /latest\0" REST), .line = "HTTP/1.1 400 Bad Request\r\n" },
        { BYTES("GET /latest HTTP/1.1\nHost: x\n\n"), .line = "HTTP/1.1 400 Bad Request\r\n" },
        { BYTES("GET /latest HTTP/1.1\r\n\r\n"), .line = "HTTP/1.1 400 Bad Request\r\n" },
        { BYTES("GET latest" REST), .line = "HTTP/1.1 400 Bad Request\r\n" },
        { BYTES("GET /latest HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
          .line = "HTTP/1.1 400 Bad Request\r\n" },
        { BYTES("GET /latest HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n"),
          .line = "HTTP/1.1 400 Bad Request\r\n" },
        { BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), .line = "HTTP/1.1 505 HTTP Version Not Supported\r\n" },
        { BYTES("PUT /latest/api/token" REST), .line = "HTTP/1.1 405 Method Not Allowed\r\n",
          .header = "\r\nAllow: GET, HEAD\r\n" },
        { BYTES("GET /no/such" REST), .line = "HTTP/1.1 404 Not Found\r\n" },
        { BYTES("GET /latest HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"), .line = "HTTP/1.1 400 Bad Request\r\n" },
        { BYTES("POST /openstack/latest/password HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
          .line = "HTTP/1.1 411 Length Required\r\n" },
    };
    AUTO(kn_agent_metadata_server) struct kn_agent_metadata_server *server = NULL;
    struct sockaddr_in at;
    struct kn_error err = { 0 };
    char answer[2048], large[4096];

    (void)state;
    assert_ok(kn_agent_metadata_server_new(&GUESTS, &server, &err), &err);
    kn_agent_metadata_server_open(server, NETWORK, listener(&at));
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        int fd = dial(MODEST, &at);
        say(fd, CASES[i].text, CASES[i].len, answer);
        assert_memory_equal(answer, CASES[i].line, strlen(CASES[i].line));
        assert_null(strstr(answer + 1, "HTTP/1.1 2"));
        assert_non_null(strstr(answer, CASES[i].header != NULL ? CASES[i].header : "\r\nConnection: close\r\n"));
        close(fd);
    }
    memset(large, 'a', sizeof(large));
    memcpy(large, "GET / HTTP/1.1\r\nA: ", 19);
    int fd = dial(MODEST, &at);
    say(fd, large, sizeof(large), answer);
    assert_memory_equal(answer, "HTTP/1.1 431 ", 13);
    close(fd);
}

static void is_answered(const struct sockaddr_in *at, const char *request, const char *begins, const char *ends)
{
    exchange(at, request, strlen(request), begins, ends);
}

/* What is odd and HTTP is answered: once, and the connection ends. */
static void test_odd_requests(void **state)
{
#define HOSTNAME "GET /latest/meta-data/hostname HTTP/1.1\r\nHost: x\r\n"
#define OK "HTTP/1.1 200 OK\r\n"
    static const char TWO[] = HOSTNAME "\r\n" HOSTNAME "\r\n";
    AUTO(kn_agent_metadata_server) struct kn_agent_metadata_server *server = NULL;
    struct sockaddr_in at;
    struct kn_error err = { 0 };
    char answer[2048];

    (void)state;
    assert_ok(kn_agent_metadata_server_new(&GUESTS, &server, &err), &err);
    kn_agent_metadata_server_open(server, NETWORK, listener(&at));
    is_answered(&at, "\r\nGET /latest/meta-data/hostname HTTP/1.0\r\n\r\n", OK, "\r\n\r\n" MODEST);
    is_answered(&at, "GET //latest/meta-data/hostname/?a=b HTTP/1.1\r\nHost: x\r\n\r\n", OK, "\r\n\r\n" MODEST);
    is_answered(&at, "HEAD /latest/meta-data/hostname HTTP/1.1\r\nHost: x\r\n\r\n", OK, "\r\n\r\n");
    is_answered(&at, HOSTNAME "Content-Length: 3\r\n\r\nabc", OK, "\r\n\r\n" MODEST);
    is_answered(&at, HOSTNAME "Content-Length: 9000000\r\n\r\n", OK, "\r\n\r\n" MODEST); /* which never comes */
    is_answered(&at, HOSTNAME "Transfer-Encoding: chunked\r\n\r\n", OK, "\r\n\r\n" MODEST);
    is_answered(&at, HOSTNAME "X-Forwarded-For: " GREEDY "\r\n\r\n", OK, "\r\n\r\n" MODEST);
    int fd = dial(MODEST, &at);
    say(fd, TWO, sizeof(TWO) - 1, answer);
    assert_memory_equal(answer, OK, sizeof(OK) - 1);
    assert_null(strstr(answer + 1, "HTTP/1.1 "));
    close(fd);
}

/* 4,095 bytes of a head are read, and not one more. */
static void test_large_heads(void **state)
{
    static const char BEGIN[] = HOSTNAME "A: ";
    AUTO(kn_agent_metadata_server) struct kn_agent_metadata_server *server = NULL;
    char head[4096 + 1];
    struct sockaddr_in at;
    struct kn_error err = { 0 };

    (void)state;
    assert_ok(kn_agent_metadata_server_new(&GUESTS, &server, &err), &err);
    kn_agent_metadata_server_open(server, NETWORK, listener(&at));
    memset(head, 'a', sizeof(head));
    memcpy(head, BEGIN, sizeof(BEGIN) - 1);
    memcpy(head + 4095 - 4, "\r\n\r\n", 5);
    exchange(&at, head, 4095, OK, MODEST);
    memcpy(head + 4095 - 4, "aaaaa", 5);
    memcpy(head + 4096 - 4, "\r\n\r\n", 5);
    exchange(&at, head, 4096, "HTTP/1.1 431 ", "431 Request Header Fields Too Large");
    size_t len = sizeof(HOSTNAME) - 1; /* as many headers as may be, so that each takes its room */
    for (int i = 1; i < 100; i++) {
        memcpy(head + len, "A:\r\n", 4);
        len += 4;
    }
    memcpy(head + len, "\r\n", 2);
    exchange(&at, head, len + 2, OK, MODEST);
}

/* One guest opens connection after connection and says nothing; its neighbour is answered all the same. */
static void test_one_guest_does_not_starve_another(void **state)
{
    AUTO(kn_agent_metadata_server) struct kn_agent_metadata_server *server = NULL;
    struct sockaddr_in at;
    struct kn_error err = { 0 };
    int idle[CONNECTIONS];
    char answer[2048];

    (void)state;
    assert_ok(kn_agent_metadata_server_new(&GUESTS, &server, &err), &err);
    kn_agent_metadata_server_open(server, NETWORK, listener(&at));
    for (int i = 0; i < CONNECTIONS; i++) {
        idle[i] = dial(GREEDY, &at);
    }
    int fd = dial(MODEST, &at);
    ask(fd, answer);
    assert_non_null(strstr(answer, "200 OK"));
    assert_non_null(strstr(answer, "\r\n\r\n" MODEST));
    close(fd);
    assert_int_equal(recv(idle[CONNECTIONS - 1], answer, 1, 0), 0); /* the last of the greedy one's: closed at once */
    ask(idle[0], answer);
    assert_non_null(strstr(answer, "200 OK")); /* its first: served */
    for (int i = 0; i < CONNECTIONS; i++) {
        close(idle[i]);
    }
}

static void post(const struct sockaddr_in *at, const char *text, size_t len, const char *begins)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf request = KN_STRBUF_INIT;

    kn_strbuf_addf(&request, "POST /openstack/latest/password HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", len);
    kn_strbuf_add(&request, text, len);
    exchange(at, request.buf, request.len, begins, "");
}

static void reads(const struct sockaddr_in *at, const char *password)
{
    static const char REQUEST[] = "GET /openstack/latest/password HTTP/1.1\r\nHost: x\r\n\r\n";
    AUTO_FREE char *ends = kn_asprintf("\r\n\r\n%s", password);

    exchange(at, REQUEST, sizeof(REQUEST) - 1, "HTTP/1.1 200 OK\r\n", ends);
}

/* Nova's rules: posted once, of bounded size, read by the guest, forgotten by its owner; of this guest, and of no later one. */
static void test_a_password_is_posted_once(void **state)
{
    AUTO(kn_agent_metadata_server) struct kn_agent_metadata_server *server = NULL;
    json_auto_t *spec = json_pack("{s:s}", "hostname", "a");
    char dir[KN_TEST_DIR];
    char long_one[KN_MAX_GUEST_PASSWORD + 1];
    char guest[PATH_MAX];
    struct sockaddr_in at;
    struct kn_error err = { 0 };

    (void)state;
    kn_test_dir(dir, "password");
    state_dir = dir;
    memset(long_one, 'a', sizeof(long_one));
    assert_ok(kn_agent_metadata_server_new(&GUESTS, &server, &err), &err);
    kn_agent_metadata_server_open(server, NETWORK, listener(&at));
    post(&at, "x", 1, "HTTP/1.1 404 "); /* it is being destroyed: nothing is made for it */
    assert_int_equal(kn_agent_guest_save(dir, SERVER, "h1", 3, spec, &err), 0);
    reads(&at, "");
    post(&at, long_one, sizeof(long_one), "HTTP/1.1 400 ");
    post(&at, "\xff\xfe", 2, "HTTP/1.1 400 ");
    post(&at, "a\0b", 3, "HTTP/1.1 400 ");
    post(&at, "", 0, "HTTP/1.1 200 ");
    reads(&at, "");
    post(&at, long_one, sizeof(long_one) - 1, "HTTP/1.1 200 ");
    post(&at, "another", 7, "HTTP/1.1 409 ");
    json_auto_t *first = kn_agent_guest_password(dir, SERVER); /* from the disk: an agent's restart loses nothing */
    assert_int_equal(strlen(kn_json_str(first, "password")), sizeof(long_one) - 1);
    assert_ok(kn_agent_guest_password_forget(dir, SERVER, "5d1c5e1c-7c8c-4d5e-9a5b-000000000000", &err), &err);
    post(&at, "another", 7, "HTTP/1.1 409 "); /* that was another posting */
    assert_ok(kn_agent_guest_password_forget(dir, SERVER, kn_json_str(first, "posted"), &err), &err);
    reads(&at, "");
    post(&at, "second", 6, "HTTP/1.1 200 ");
    assert_ok(kn_agent_guest_password_forget(dir, SERVER, kn_json_str(first, "posted"), &err), &err); /* said again */
    reads(&at, "second");
    assert_int_equal(kn_agent_guest_save(dir, SERVER, "h1", 4, spec, &err), 0); /* built anew */
    reads(&at, "");
    post(&at, "third", 5, "HTTP/1.1 200 ");
    assert_ok(kn_agent_guest_remove(dir, SERVER, &err), &err);
    assert_null(kn_agent_guest_password(dir, SERVER));
    kn_agent_guest_path(dir, "", "", guest);
    assert_ok(kn_agent_file_remove_dir(guest, &err), &err);
    assert_int_equal(rmdir(dir), 0);
}

/* A minute's worth at once, then as many as come back with time; another guest has its own. */
static void test_a_guest_has_its_pace(void **state)
{
    struct kn_agent_metadata_guests few = GUESTS;
    struct kn_agent_metadata_pace pace = { 0 };
    AUTO(kn_agent_metadata_server) struct kn_agent_metadata_server *server = NULL;
    struct sockaddr_in at;
    struct kn_error err = { 0 };
    int taken = 0;

    (void)state;
    for (int i = 0; i < 100; i++) {
        taken += kn_agent_metadata_may(&pace, 60, 1000) ? 1 : 0;
    }
    assert_int_equal(taken, 60);
    assert_false(kn_agent_metadata_may(&pace, 60, 1999));
    assert_true(kn_agent_metadata_may(&pace, 60, 2000));
    assert_false(kn_agent_metadata_may(&pace, 60, 2001));
    for (int64_t now = 3000; now < 1000000; now += 1000) {
        assert_true(kn_agent_metadata_may(&pace, 60, now));
    }
    for (int i = 0; i < 1000; i++) {
        assert_true(kn_agent_metadata_may(&pace, 0, 1));
    }
    few.per_minute = 3;
    assert_ok(kn_agent_metadata_server_new(&few, &server, &err), &err);
    kn_agent_metadata_server_open(server, NETWORK, listener(&at));
    for (int i = 0; i < 3; i++) {
        is_answered(&at, HOSTNAME "\r\n", OK, MODEST);
    }
    is_answered(&at, HOSTNAME "\r\n", "HTTP/1.1 429 ", "429 Too Many Requests");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_one_guest_does_not_starve_another),
                                        cmocka_unit_test(test_bad_heads),
                                        cmocka_unit_test(test_odd_requests),
                                        cmocka_unit_test(test_large_heads),
                                        cmocka_unit_test(test_a_password_is_posted_once),
                                        cmocka_unit_test(test_a_guest_has_its_pace) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
