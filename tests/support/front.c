/* SPDX-License-Identifier: Apache-2.0 */
/* The front door for tests: the door and the listener of kilonova-api, with a stand-in for Keystone. */
#include "tests/support/front.h"

#include <string.h>

#include "api/door.h"
#include "lib/adapter/question.h"
#include "lib/base/mem.h"
#include "tests/support/test.h"

struct kn_test_front {
    struct kn_api_door door;
    struct kn_bus *bus;
    struct kn_http_server *server;
};

static int authenticate(const char *token, struct kn_caller *ret_caller, struct kn_error *err)
{
    const char *colon = strchr(token, ':');
    const uint32_t roles = colon != NULL ? kn_role_bits(colon + 1) : 0;

    if (roles == 0 || (size_t)(colon - token) >= sizeof(ret_caller->project_id)) {
        return kn_fail(err, KN_UNAUTHORIZED, "no such token");
    }
    *ret_caller = (struct kn_caller){ .roles = roles, .expires_at_us = INT64_MAX, .token = token };
    memcpy(ret_caller->project_id, token, (size_t)(colon - token));
    kn_copy(ret_caller->user_id, sizeof(ret_caller->user_id), ret_caller->project_id);
    return 0;
}

static struct kn_db *thread_db(void *ctx)
{
    const struct kn_api_door *door = ctx;
    struct kn_db *db = kn_db_new(door->conf->db_url, "test front");

    kn_db_share(db);
    return db;
}

struct kn_test_front *kn_test_front_start(const struct kn_conf *conf, const struct kn_api *const *apis)
{
    static const struct kn_http_ops OPS = { .open = kn_api_door_open,
                                            .dispatch = kn_api_door_dispatch,
                                            .refuse = kn_api_door_refuse,
                                            .finish = kn_api_door_finish,
                                            .thread_db = thread_db,
                                            .is_list = kn_api_door_is_list,
                                            .names = kn_api_door_names,
                                            .join = kn_api_door_join };
    static const struct kn_http_limits LIMITS = { .threads = KN_TEST_FRONT_THREADS, .lists = 2, .max_body = 1 << 20 };
    struct kn_test_front *front = KN_NEW(struct kn_test_front);
    struct kn_error err = { 0 };

    assert_ok(kn_bus_new(conf, "test front", &front->bus, &err), &err);
    assert_ok(kn_questions_new(front->bus, conf->api_host_wait_ms, &front->door.questions, &err), &err);
    assert_ok(kn_api_door_init(&front->door, apis, conf, front->bus, &err), &err);
    front->door.authenticate = authenticate;
    assert_ok(kn_http_serve("127.0.0.1:0", &LIMITS, &OPS, &front->door, &front->server, &err), &err);
    return front;
}

int kn_test_front_port(const struct kn_test_front *front)
{
    return kn_http_port(front->server);
}

void kn_test_front_free(struct kn_test_front *front)
{
    kn_questions_stop(front->door.questions);
    kn_http_stop(front->server);
    kn_questions_free(front->door.questions);
    kn_api_door_release(&front->door);
    kn_bus_free(front->bus);
    free(front);
}
