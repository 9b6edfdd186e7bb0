/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata/server: 169.254.169.254 of all networks on this host: one thread, one listening socket a network (made by
 * network/host.h inside the network's namespace). Who asks is found by network and source address; for anybody else it is
 * 404. A guest may send what it likes: requests are bounded in bytes, number (of each guest, and in all) and time.
 */
#ifndef KN_COMPUTE_AGENT_METADATA_SERVER_H
#define KN_COMPUTE_AGENT_METADATA_SERVER_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/uuid.h"

/* How many requests a server may make now; pure, times are the monotonic clock's. */
struct kn_agent_metadata_pace {
    int64_t left_ms; /* of requests that cost 60000 / per_minute each */
    int64_t seen_ms; /* 0: never */
};
/* Takes one; false: there is none left. per_minute 0: there always is. */
bool kn_agent_metadata_may(struct kn_agent_metadata_pace *pace, int64_t per_minute, int64_t now_ms);

struct kn_agent_metadata_server;

/* Called on the server's thread, with no lock held. The spec is a new reference. False: nobody lives there. */
typedef bool kn_agent_metadata_who(void *ctx, const char *network, const char *source_ip, char ret_server[KN_UUID_SIZE],
                                   json_t **ret_spec);

/* What a guest posted as its password: a new reference to an object with "password", NULL if it did not. */
typedef json_t *kn_agent_metadata_password_of(void *ctx, const char *server);
/* It posts one. KN_CONFLICT: it did before. */
typedef int kn_agent_metadata_take_password(void *ctx, const char *server, const char *text, size_t len,
                                            struct kn_error *err);

/* Who lives here; called on the server's thread. */
struct kn_agent_metadata_guests {
    kn_agent_metadata_who *who;
    kn_agent_metadata_password_of *password_of;
    kn_agent_metadata_take_password *take_password;
    void *ctx;
    int64_t per_minute; /* requests of one server: agent.metadata_per_minute */
};

int kn_agent_metadata_server_new(const struct kn_agent_metadata_guests *guests,
                                 struct kn_agent_metadata_server **ret_server, struct kn_error *err);
void kn_agent_metadata_server_free(struct kn_agent_metadata_server *server);
KN_DEFINE_AUTO(kn_agent_metadata_server);

/* From any thread. Takes fd over, a listening socket; a network that has one already gets the new one. network: as network/host.h names doors. */
void kn_agent_metadata_server_open(struct kn_agent_metadata_server *server, const char *network, int fd);
void kn_agent_metadata_server_close(struct kn_agent_metadata_server *server, const char *network);

#endif
