/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POSTs: objects that were checked become rows in one transaction, those of one body and, where the noun has a convoy, those of bodies that come at the same time: the
 * row of a quota that they all count in is held for one commit then. One that is wrong must not take the others along: then each is written alone.
 */
#include <string.h>

#include "lib/base/convoy.h"
#include "lib/base/mem.h"
#include "lib/rest/manners.h"
#include "lib/rest/write_private.h"

/* What one body makes. */
struct create_order {
    struct kn_convoy_rider rider; /* the first member */
    const struct kn_rest_noun *noun;
    struct kn_request *req;
    const json_t *objects;
    /* the outcome */
    int result;
    bool is_alone; /* together they could not be written: its thread is to try */
    struct kn_error err;
    struct kn_array ids;
    const char *id; /* the last one's */
    json_t *made; /* {id: object}, as noun.h says */
};

static void create_order_release(struct create_order *order)
{
    kn_array_release(&order->ids);
    json_decref(order->made);
}

/* --- one transaction ------------------------------------------------------------------------------------------------- */

/* A second try begins with what the client said: copies. */
static int lay_out(struct create_order *const *orders, int count, struct kn_rest_new **ret)
{
    struct kn_rest_new *news;
    json_t *object;
    size_t total = 0, i;
    int n = 0;

    for (int o = 0; o < count; o++) {
        total += json_array_size(orders[o]->objects);
    }
    news = kn_realloc_array(NULL, total + 1, sizeof(*news));
    for (int o = 0; o < count; o++) {
        json_array_foreach (orders[o]->objects, i, object) {
            news[n++] = (struct kn_rest_new){ orders[o]->req, NULL, json_copy(object) };
        }
    }
    *ret = news;
    return n;
}

static int write_all(const struct kn_rest_noun *noun, struct kn_db *db, struct kn_rest_new *news, int count,
                     struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO_TX struct kn_tx tx = { NULL };

    if (kn_tx_begin(&tx, db, err) < 0 || kn_rest_write_news(noun, news, count, err) < 0) {
        return -1;
    }
    for (int i = 0; i < count; i++) {
        kn_array_add(&ids, news[i].id);
    }
    return count > 0 && kn_rest_write_take_quota(noun, news[0].req, &ids, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

/* Each gets the ids and objects that are its own. */
static void hand_out(struct create_order *const *orders, int count, const struct kn_rest_new *news)
{
    for (int o = 0, n = 0; o < count; o++) {
        kn_array_clear(&orders[o]->ids);
        json_object_clear(orders[o]->made);
        for (size_t i = 0; i < json_array_size(orders[o]->objects); i++, n++) {
            orders[o]->id = news[n].id;
            kn_array_add(&orders[o]->ids, news[n].id);
            json_object_set(orders[o]->made, news[n].id, news[n].object);
        }
    }
}

/* On this connection, which the requests borrow meanwhile: the threads whose they are wait. */
static int write_orders(struct kn_db *db, struct create_order *const *orders, int count, struct kn_error *err)
{
    AUTO_FREE struct kn_db **own = kn_realloc_array(NULL, (size_t)count, sizeof(*own));
    AUTO_FREE struct kn_rest_new *news = NULL;
    const int total = lay_out(orders, count, &news);
    int rc;

    for (int o = 0; o < count; o++) {
        own[o] = orders[o]->req->db;
        orders[o]->req->db = db;
    }
    rc = write_all(orders[0]->noun, db, news, total, err);
    for (int o = 0; o < count; o++) {
        orders[o]->req->db = own[o];
    }
    if (rc == 0) {
        hand_out(orders, count, news);
    }
    for (int i = 0; i < total; i++) {
        json_decref(news[i].object);
    }
    return rc;
}

/* --- alone and together ---------------------------------------------------------------------------------------------- */

static int create_alone(struct create_order *order, struct kn_error *err)
{
    const struct kn_rest_noun *noun = order->noun;
    struct kn_db *db = order->req->db;
    int rc = write_orders(db, &order, 1, err);

    for (int again = 0; again < AGAIN && rc < 0 && err->code == KN_CONFLICT && noun->raced != NULL && noun->raced(db);
         again++) {
        rc = write_orders(db, &order, 1, err);
    }
    return rc;
}

static void create_carry(void *ctx, struct kn_convoy_rider *const *riders, int count)
{
    AUTO_FREE struct create_order **orders = kn_realloc_array(NULL, (size_t)count, sizeof(*orders));
    struct kn_error err = { 0 };
    int rc;

    for (int i = 0; i < count; i++) {
        orders[i] = (struct create_order *)(void *)riders[i];
    }
    rc = write_orders(ctx, orders, count, &err);
    for (int i = 0; i < count; i++) {
        orders[i]->result = rc;
        orders[i]->is_alone = rc < 0;
    }
}

static bool create_shares(const struct create_order *order)
{
    json_t *object;
    size_t i;

    json_array_foreach (order->objects, i, object) {
        if (!order->noun->shares(object)) {
            return false;
        }
    }
    return json_array_size(order->objects) == 1;
}

static int create_write(struct create_order *order, struct kn_convoy_coming *coming, struct kn_error *err)
{
    const struct kn_convoy_way way = { NULL, create_carry, order->req->db };

    if (order->noun->convoy == NULL || !create_shares(order)) {
        kn_convoy_coming_release(coming);
        return create_alone(order, err);
    }
    kn_convoy_ride(order->noun->convoy, &order->rider, coming, &way);
    return order->is_alone ? create_alone(order, err) : order->result;
}

static int create_rows(const struct kn_rest_noun *noun, struct kn_request *req, const json_t *objects, bool bulk,
                       struct kn_convoy_coming *coming, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(create_order)
    struct create_order order = {
        .noun = noun, .req = req, .objects = objects, .ids = KN_ARRAY_INIT, .made = json_object()
    };

    if (create_write(&order, coming, err) < 0) {
        return -1;
    }
    if (noun->tell != NULL) {
        noun->tell(req, order.made);
    }
    /* One alone is shown by its key: a text that needs no plan of its own each time. */
    return bulk ? kn_rest_show_many(noun, req, &order.ids, res, err)
                : kn_rest_show(noun, req, order.id, KN_REST_CHANGED, res, err);
}

/* --- bodies ---------------------------------------------------------------------------------------------------------- */

int kn_rest_create_many(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_response *res,
                        struct kn_error *err)
{
    struct kn_convoy_coming nobody = { NULL };
    json_t *objects = NULL;

    return kn_rest_body_many(noun, req, &objects, err) < 0 ? -1
                                                           : create_rows(noun, req, objects, true, &nobody, res, err);
}

bool kn_rest_write_is_bulk(const struct kn_rest_noun *noun, const struct kn_request *req)
{
    return noun->manners->no_objects != NULL && json_object_size(req->body) == 1 &&
           json_object_get(req->body, noun->many) != NULL;
}

int kn_rest_create(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_response *res,
                   struct kn_error *err)
{
    AUTO_RELEASE(kn_convoy_coming) struct kn_convoy_coming coming = { NULL };
    json_t *object = NULL;

    if (kn_rest_write_is_bulk(noun, req)) {
        return kn_rest_create_many(noun, req, res, err);
    }
    if (noun->convoy != NULL) {
        kn_convoy_announce(noun->convoy, &coming);
    }
    if (kn_rest_body(noun, req, KN_REST_POST, &object, err) < 0) {
        return -1;
    }
    json_auto_t *one = json_pack("[O]", object);

    return create_rows(noun, req, one, false, &coming, res, err);
}
