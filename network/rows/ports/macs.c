/* SPDX-License-Identifier: Apache-2.0 */
/*
 * macs.c: draws MAC addresses and asks the database, many at a time, which of them are free. Reads only; network/rows/ports/plan.c writes the
 * ports. Never hands out one that it has not asked about.
 */
#include "network/rows/ports/macs.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/adapter/batch.h"
#include "lib/adapter/crypto.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"

struct ready {
    char (*macs)[KN_MAC_SIZE];
    size_t count;
};

struct kn_network_macs {
    struct kn_hmap *known; /* every MAC that was made, so that none is made twice */
    struct kn_hmap *ready; /* network id -> struct ready: free there */
    struct kn_batch asked; /* made, not looked up yet */
};

/* A probe of the index for each row, whatever the planner believes about the table. */
static struct kn_batch_stmt FREE = {
    .name = "macs_free",
    .sql = "SELECT u.network_id, u.mac FROM @"
           " WHERE (SELECT p.id FROM port p WHERE p.network_id = u.network_id AND p.mac = u.mac) IS NULL",
    .columns = { { "network_id", "uuid" }, { "mac", "macaddr" } },
};

static void ready_free(void *p)
{
    struct ready *ready = p;

    free(ready->macs);
    free(ready);
}

struct kn_network_macs *kn_network_macs_new(void)
{
    struct kn_network_macs *macs = KN_NEW(struct kn_network_macs);

    macs->known = kn_hmap_new(NULL);
    macs->ready = kn_hmap_new(ready_free);
    kn_batch_init(&macs->asked, &FREE);
    return macs;
}

void kn_network_macs_free(struct kn_network_macs *macs)
{
    if (macs != NULL) {
        kn_batch_release(&macs->asked);
        kn_hmap_free(macs->ready);
        kn_hmap_free(macs->known);
        free(macs);
    }
}

void kn_network_macs_want(struct kn_network_macs *macs, const char *network_id)
{
    char mac[KN_MAC_SIZE];
    unsigned char tail[3];

    do {
        kn_random(tail, sizeof(tail));
        snprintf(mac, sizeof(mac), "fa:16:3e:%02x:%02x:%02x", tail[0], tail[1], tail[2]);
    } while (kn_hmap_get(macs->known, mac) != NULL);
    kn_hmap_put(macs->known, mac, macs);
    kn_batch_add(&macs->asked, network_id);
    kn_batch_add(&macs->asked, mac);
}

static void note_free(struct kn_network_macs *macs, const char *network_id, const char *mac)
{
    struct ready *ready = kn_hmap_get(macs->ready, network_id);

    if (ready == NULL) {
        ready = KN_NEW(struct ready);
        kn_hmap_put(macs->ready, network_id, ready);
    }
    ready->macs = kn_realloc_array(ready->macs, ready->count + 1, sizeof(*ready->macs));
    kn_copy(ready->macs[ready->count++], KN_MAC_SIZE, mac);
}

static int macs_look_up(struct kn_network_macs *macs, struct kn_db *db, struct kn_error *err)
{
    enum { NETWORK, MAC };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_batch_run(&macs->asked, db, &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        note_free(macs, kn_rows_text(rows, row, NETWORK), kn_rows_text(rows, row, MAC));
    }
    kn_batch_release(&macs->asked);
    kn_batch_init(&macs->asked, &FREE);
    return 0;
}

int kn_network_macs_draw(struct kn_network_macs *macs, struct kn_db *db, const char *network_id,
                         char ret_mac[KN_MAC_SIZE], struct kn_error *err)
{
    struct ready *ready;

    if (macs->asked.rows > 0 && macs_look_up(macs, db, err) < 0) {
        return -1;
    }
    while ((ready = kn_hmap_get(macs->ready, network_id)) == NULL || ready->count == 0) {
        kn_network_macs_want(macs, network_id);
        if (macs_look_up(macs, db, err) < 0) {
            return -1;
        }
    }
    kn_copy(ret_mac, KN_MAC_SIZE, ready->macs[--ready->count]);
    return 0;
}
