/* SPDX-License-Identifier: Apache-2.0 */
/*
 * telling: what several hosts are told at once, gathered inside one transaction: marks say which thing is put to or dropped from which host; at the end the
 * things are read, each once, and become messages that fit. state.c decides; this file keeps and writes.
 */
#ifndef KN_NETWORK_SERVE_TELLING_H
#define KN_NETWORK_SERVE_TELLING_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/adapter/daemon.h"
#include "lib/base/hmap.h"
#include "lib/base/uuid.h"

struct kn_network_telling_host {
    char *name, *agent;
    int64_t version;      /* that it is led to */
    char answers[KN_UUID_SIZE]; /* its question; "": none */
    struct kn_hmap *marks; /* "<source>:<id>" -> what of it */
};

struct kn_network_telling {
    bool is_whole;
    struct kn_hmap *hosts; /* name -> struct kn_network_telling_host, owned: only those that hear of networks */
    struct kn_hmap *things; /* "<source>:<id>" -> struct telling_thing, owned; NULL until they are read */
};

void kn_network_telling_init(struct kn_network_telling *telling, bool is_whole);
void kn_network_telling_release(struct kn_network_telling *telling);

/* NULL: it is not among those that are told. */
struct kn_network_telling_host *kn_network_telling_host(const struct kn_network_telling *telling, const char *name);
/* Adds the host; it has been bumped to this version. */
void kn_network_telling_add(struct kn_network_telling *telling, const char *name, const char *agent, int64_t version);
/* Of hosts that are told everything: their questions, name -> text, "" for none. */
void kn_network_telling_answer(struct kn_network_telling *telling, const struct kn_hmap *questions);
/* source: a row of kn_network_sources. Of several marks for one thing a put counts. A host that is not told is passed over. */
void kn_network_telling_put(struct kn_network_telling *telling, const char *host, int source, const char *id);
void kn_network_telling_drop(struct kn_network_telling *telling, const char *host, int source, const char *id);

/* Reads all things that are put, one statement a kind; what is not there any more is dropped instead. */
int kn_network_telling_read(struct kn_network_telling *telling, struct kn_db *db, struct kn_error *err);
/* After the commit. What a message cannot hold is left out, with a line in the log. */
void kn_network_telling_send(const struct kn_network_telling *telling, struct kn_daemon *d);

/* What kn_network_telling_send() sends, one call a message: body is the callee's. */
typedef void kn_network_telling_told(void *ctx, const char *agent, json_t *body);
void kn_network_telling_each(const struct kn_network_telling *telling, kn_network_telling_told *tell, void *ctx);

#endif
