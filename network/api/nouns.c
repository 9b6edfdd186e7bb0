/* SPDX-License-Identifier: Apache-2.0 */
/* nouns.c: what the POSTs of all nouns share. */
#include "network/api/nouns.h"

#include "network/rows/body.h"
#include "network/rows/plan.h"

#define TRIES 5

typedef int create_one(struct kn_request *req, const json_t *object, struct kn_array *ids, struct kn_error *err);

static int create_all(struct kn_request *req, const json_t *items, create_one *one, struct kn_array *ids,
                      struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    const json_t *item;
    size_t i;

    if (kn_tx_begin(&tx, req->db, err) < 0) {
        return -1;
    }
    json_array_foreach (items, i, item) {
        if (one(req, item, ids, err) < 0) {
            return -1;
        }
    }
    return kn_tx_commit(&tx, err);
}

int kn_noun_create(struct kn_request *req, const struct kn_rest_noun *noun, create_one *one, struct kn_response *res,
                   struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    json_t *items;
    bool bulk;
    int rc = -1;

    if (kn_body_items(req->body, noun->one, noun->many, &items, &bulk, err) < 0) {
        return -1;
    }
    for (int attempt = 0; attempt < TRIES; attempt++) {
        kn_array_clear(&ids);
        rc = create_all(req, items, one, &ids, err);
        if (rc == 0 || err->code != KN_CONFLICT || !kn_plan_raced(req->db)) {
            break;
        }
    }
    json_decref(items);
    return rc < 0 ? -1 : kn_rest_show_many(noun, req, &ids, bulk, res, err);
}
