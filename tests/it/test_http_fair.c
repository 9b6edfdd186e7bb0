/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is served while others hold what there is: workers, places in the queue of the slow, memory for bodies; and that a deferred
 * answer holds none of them. The door is a few lines; a request's header X-Name is its name to the queues.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/adapter/http.h"
#include "lib/base/mem.h"
#include "tests/support/http_client.h"
#include "tests/support/test.h"

#define THREADS 4
#define LISTS 2
#define WAITING 4
#define MAX_BODY 65536
#define BODIES 131072 /* two of the largest */
#define CROWD 12

static struct {
    struct kn_http_server *server;
    struct kn_test_http clients[CROWD];
    sem_t entered, go;
    atomic_int inside, most; /* requests in /hold, now and at most */
    struct kn_request *deferred[CROWD];
    atomic_int deferred_count;
    pthread_mutex_t lock;
    size_t order_len;
    char order[256]; /* guarded by lock: names in the order in which they were worked on */
} world;

static void refuse(void *ctx, struct kn_request *req, const struct kn_error *err, struct kn_response *res)
{
    (void)ctx;
    (void)req;
    res->status = kn_code_status(err->code);
    kn_strbuf_addstr(&res->body, err->message);
}

static int open_request(void *ctx, struct kn_request *req, const struct kn_upload **ret_upload, struct kn_response *res)
{
    (void)ctx;
    (void)req;
    (void)ret_upload;
    (void)res;
    return 0;
}

static void hold(void)
{
    const int now = atomic_fetch_add(&world.inside, 1) + 1;

    if (now > atomic_load(&world.most)) {
        atomic_store(&world.most, now);
    }
    sem_post(&world.entered);
    sem_wait(&world.go);
    atomic_fetch_sub(&world.inside, 1);
}

static void dispatch(void *ctx, struct kn_request *req, const char *body, size_t len, struct kn_response *res)
{
    const char *name = kn_request_header(req, "X-Name");

    (void)ctx;
    (void)body;
    pthread_mutex_lock(&world.lock);
    if (name != NULL && world.order_len < sizeof(world.order) - 1) {
        world.order[world.order_len++] = name[0];
    }
    pthread_mutex_unlock(&world.lock);
    kn_strbuf_addf(&res->body, "%zu", len);
    if (strstr(req->raw_path, "/hold") != NULL) {
        hold();
    } else if (strcmp(req->raw_path, "/later") == 0) {
        kn_request_defer(req);
        world.deferred[atomic_load(&world.deferred_count)] = req;
        atomic_fetch_add(&world.deferred_count, 1);
    } else if (strcmp(req->raw_path, "/at-once") == 0) { /* the answer is faster than the handler's return */
        kn_request_defer(req);
        kn_request_answer(req, NULL);
    }
}

static void finish(void *ctx, struct kn_request *req, struct kn_response *res, int64_t took_us)
{
    (void)ctx;
    (void)req;
    (void)res;
    (void)took_us;
}

static bool is_slow(void *ctx, const struct kn_request *req)
{
    (void)ctx;
    return strncmp(req->raw_path, "/lane", 5) == 0;
}

static bool is_list(void *ctx, const struct kn_request *req)
{
    (void)ctx;
    return strncmp(req->raw_path, "/list", 5) == 0;
}

static void names(void *ctx, struct kn_request *req, const char *body, size_t len, const char *ret[KN_HTTP_NAMES])
{
    const char *name = kn_request_header(req, "X-Name");
    const char *account = kn_request_header(req, "X-Account");

    (void)ctx;
    (void)body;
    (void)len;
    ret[0] = name != NULL ? kn_request_strdup(req, name) : NULL;
    ret[1] = account != NULL ? kn_request_strdup(req, account) : NULL;
}

static const struct kn_http_ops OPS = { .open = open_request,
                                        .dispatch = dispatch,
                                        .refuse = refuse,
                                        .finish = finish,
                                        .is_slow = is_slow,
                                        .is_list = is_list,
                                        .names = names };
static const struct kn_http_limits LIMITS = { .threads = THREADS,
                                              .lists = LISTS,
                                              .slow_threads = 1,
                                              .slow_waiting = WAITING,
                                              .max_body = MAX_BODY,
                                              .bodies = BODIES };

static int start(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    memset(&world, 0, sizeof(world));
    pthread_mutex_init(&world.lock, NULL);
    sem_init(&world.entered, 0, 0);
    sem_init(&world.go, 0, 0);
    assert_ok(kn_http_serve("127.0.0.1:0", &LIMITS, &OPS, NULL, &world.server, &err), &err);
    for (int i = 0; i < CROWD; i++) {
        world.clients[i] = kn_test_http_open(kn_http_port(world.server));
    }
    return 0;
}

static int stop(void **state)
{
    (void)state;
    for (int i = 0; i < CROWD; i++) {
        kn_test_http_close(&world.clients[i]);
    }
    kn_http_stop(world.server);
    return 0;
}

static void send_get(int client, const char *path, const char *headers)
{
    AUTO_FREE char *text = kn_asprintf("GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", path, headers);
    kn_test_http_send(&world.clients[client], text, strlen(text));
}

static void assert_status(int client, int status)
{
    assert_true(kn_test_http_read(&world.clients[client], false));
    assert_int_equal(world.clients[client].status, status);
}

/* Ten held requests of one project leave workers to others, who are served meanwhile, one after the other. */
static void test_a_crowd_leaves_workers(void **state)
{
    struct kn_test_http *other = &world.clients[CROWD - 1];

    (void)state;
    for (int i = 0; i < 10; i++) {
        send_get(i, "/hold", "X-Name: a\r\n");
    }
    for (int i = 0; i < THREADS / 2; i++) {
        sem_wait(&world.entered);
    }
    for (int i = 0; i < 20; i++) {
        kn_test_http_ask(other, "GET", "/", "X-Name: b\r\n", NULL);
        assert_int_equal(other->status, 200);
    }
    for (int i = 0; i < 10; i++) {
        sem_post(&world.go);
    }
    for (int i = 0; i < 10; i++) {
        assert_status(i, 200);
    }
    assert_int_equal(atomic_load(&world.most), THREADS / 2);
}

static void await_waiting(int count)
{
    while (kn_http_waiting(world.server) < count) {
        kn_test_http_ask(&world.clients[CROWD - 1], "GET", "/", "X-Name: z\r\n", NULL);
    }
}

static void forget_order(void)
{
    pthread_mutex_lock(&world.lock);
    memset(world.order, 0, sizeof(world.order));
    world.order_len = 0;
    pthread_mutex_unlock(&world.lock);
}

/*
 * A project asks for more long lists than may be worked on: what is short, its own, too, never waits behind them; and the next list is that of whoever
 * had none for longest, however much else he asked meanwhile.
 */
static void test_lists_leave_workers(void **state)
{
    struct kn_test_http *other = &world.clients[CROWD - 2];

    (void)state;
    for (int i = 0; i < 6; i++) {
        send_get(i, "/list/hold", "X-Name: a\r\n");
    }
    for (int i = 0; i < LISTS; i++) {
        sem_wait(&world.entered);
    }
    await_waiting(6 - LISTS);
    for (int i = 0; i < 20; i++) {
        kn_test_http_ask(other, "GET", "/", i % 2 == 0 ? "X-Name: a\r\n" : "X-Name: b\r\n", NULL);
        assert_int_equal(other->status, 200);
    }
    send_get(6, "/list/hold", "X-Name: b\r\n");
    await_waiting(6 - LISTS + 1);
    forget_order();
    sem_post(&world.go);
    sem_wait(&world.entered);
    assert_int_equal(world.order[0], 'b');
    for (int i = 0; i < 6; i++) {
        sem_post(&world.go);
    }
    for (int i = 0; i < 7; i++) {
        assert_status(i, 200);
    }
    assert_int_equal(atomic_load(&world.most), LISTS);
}

/* The queue is full of one address: somebody else comes in, the last of the crowd goes, and the newcomer is next. */
static void test_a_crowd_gives_way(void **state)
{
    (void)state;
    send_get(0, "/lane/hold", "X-Name: a\r\nX-Account: 0\r\n");
    sem_wait(&world.entered);
    for (int i = 1; i <= WAITING; i++) { /* the accounts differ, the address does not */
        AUTO_FREE char *headers = kn_asprintf("X-Name: a\r\nX-Account: %d\r\n", i);
        send_get(i, "/lane", headers);
        await_waiting(i);
    }
    send_get(6, "/lane", "X-Name: b\r\nX-Account: b\r\n");
    assert_status(WAITING, 429);
    send_get(7, "/lane", "X-Name: a\r\nX-Account: 7\r\n"); /* one more of the crowd is the one to go */
    assert_status(7, 429);
    forget_order();
    sem_post(&world.go);
    assert_status(6, 200);
    for (int i = 0; i < WAITING; i++) {
        assert_status(i, 200);
    }
    assert_string_equal(world.order, "baaa");
}

/* The same for one account from many addresses. */
static void test_an_account_gives_way(void **state)
{
    (void)state;
    send_get(0, "/lane/hold", "X-Name: 0\r\nX-Account: root\r\n");
    sem_wait(&world.entered);
    for (int i = 1; i <= WAITING; i++) {
        AUTO_FREE char *headers = kn_asprintf("X-Name: %d\r\nX-Account: root\r\n", i);
        send_get(i, "/lane", headers);
        await_waiting(i);
    }
    send_get(6, "/lane", "X-Name: b\r\nX-Account: bob\r\n");
    assert_status(WAITING, 429);
    forget_order();
    sem_post(&world.go);
    assert_status(6, 200);
    for (int i = 0; i < WAITING; i++) {
        assert_status(i, 200);
    }
    assert_int_equal(world.order[0], 'b');
}

static void send_part(int client, size_t announced, size_t sent)
{
    static const char X[MAX_BODY];
    AUTO_FREE char *head = kn_asprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", announced);

    kn_test_http_send(&world.clients[client], head, strlen(head));
    kn_test_http_send(&world.clients[client], X, sent);
}

/* Bodies that are half sent hold the memory: the next large one is told to come again, small ones are taken as ever. */
static void test_bodies_have_a_budget(void **state)
{
    AUTO_FREE char *large = kn_alloc(MAX_BODY);
    struct kn_test_http *c = &world.clients[2];

    (void)state;
    memset(large, 'x', MAX_BODY - 1);
    send_part(0, MAX_BODY, MAX_BODY - 1);
    send_part(1, MAX_BODY, MAX_BODY - 1);
    while (kn_http_bodies(world.server) < BODIES) { /* their bytes are on their way */
        kn_test_http_ask(c, "GET", "/", NULL, NULL);
    }
    kn_test_http_ask(c, "POST", "/", NULL, large);
    assert_int_equal(c->status, 503);
    assert_string_equal(kn_test_http_header(c, "Retry-After"), "1");
    large[4000] = '\0';
    kn_test_http_ask(c, "POST", "/", NULL, large);
    assert_int_equal(c->status, 200);
    kn_test_http_send(&world.clients[0], "x", 1);
    kn_test_http_send(&world.clients[1], "x", 1);
    assert_status(0, 200);
    assert_status(1, 200);
    memset(large, 'x', MAX_BODY - 1);
    kn_test_http_ask(c, "POST", "/", NULL, large); /* they gave it back */
    assert_int_equal(c->status, 200);
}

/* More deferred requests than workers: none is held, and each gets its own answer. */
static void test_deferred(void **state)
{
    struct kn_test_http *other = &world.clients[CROWD - 1];
    struct kn_error away = { 0 };

    (void)state;
    kn_fail(&away, KN_TIMEOUT, "nothing came");
    for (int i = 0; i < THREADS * 2; i++) {
        send_get(i, "/later", "X-Name: a\r\n");
        while (atomic_load(&world.deferred_count) <= i) {
            kn_test_http_ask(other, "GET", "/", NULL, NULL);
            assert_int_equal(other->status, 200);
        }
    }
    for (int i = 0; i < 20; i++) {
        kn_test_http_ask(other, "GET", "/at-once", "X-Name: a\r\n", NULL);
        assert_int_equal(other->status, 200);
    }
    for (int i = 0; i < THREADS * 2; i++) {
        kn_strbuf_addf(&kn_request_response(world.deferred[i])->body, " #%d", i);
        kn_request_answer(world.deferred[i], i % 2 == 0 ? NULL : &away);
    }
    for (int i = 0; i < THREADS * 2; i++) {
        assert_status(i, i % 2 == 0 ? 200 : 504);
        AUTO_FREE char *want = i % 2 == 0 ? kn_asprintf("0 #%d", i) : kn_strdup("nothing came");
        assert_string_equal(world.clients[i].body.buf, want);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(test_a_crowd_leaves_workers), TEST(test_lists_leave_workers),  TEST(test_a_crowd_gives_way),
        TEST(test_an_account_gives_way),   TEST(test_bodies_have_a_budget), TEST(test_deferred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
