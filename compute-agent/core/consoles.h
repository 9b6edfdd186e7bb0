/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consoles: the consoles of this host's guests that are open. Nothing listens: an API that was asked for one by a browser asks us on the bus, and we dial it, say
 * the secret that it gave us, and join that socket with the guest's own (lib/adapter/wire.h).
 */
#ifndef KN_COMPUTE_AGENT_CORE_CONSOLES_H
#define KN_COMPUTE_AGENT_CORE_CONSOLES_H

#include "lib/base/cleanup.h"
#include "lib/base/error.h"

#define KN_CONSOLE_SERIAL "serial"
#define KN_CONSOLE_NOVNC "novnc"

struct kn_agent_consoles;

int kn_agent_consoles_new(struct kn_agent_consoles **ret, struct kn_error *err);
void kn_agent_consoles_free(struct kn_agent_consoles *consoles); /* ends all; takes NULL */

/*
 * Whether there is a place for one more of this server's; KN_TOO_MANY if not. A serial line has one client, a picture KN_MAX_CONSOLES_OF_SERVER. *ret_open: that of this
 * secret is open already, so the question was said twice. On success, unless *ret_open, the place is taken, until _begin or _drop.
 */
int kn_agent_consoles_reserve(struct kn_agent_consoles *consoles, const char *server, const char *type,
                              const char *secret, bool *ret_open, struct kn_error *err);
void kn_agent_consoles_drop(struct kn_agent_consoles *consoles, const char *secret);
/* Dials address and carries, until an end of it is over. fd, the guest's side, is taken in any case, as the place is. Never blocks but for looking up a name. */
int kn_agent_consoles_begin(struct kn_agent_consoles *consoles, const char *secret, const char *address, int fd,
                            struct kn_error *err);

/* The server's guest is off, or gone: whatever its hypervisor does with the sockets, its consoles end. */
void kn_agent_consoles_end(struct kn_agent_consoles *consoles, const char *server);

#endif
