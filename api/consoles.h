/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consoles: the door of servers' consoles (console.listen): WebSockets of browsers come in with a token, agents dial in with a secret that they were asked with, and the
 * two are joined (lib/adapter/wire.h). Hosts listen nowhere. noVNC's files are served beside it.
 */
#ifndef KN_API_CONSOLES_H
#define KN_API_CONSOLES_H

#include "lib/adapter/conf.h"
#include "lib/adapter/question.h"

struct kn_api_consoles;

/* *ret is NULL when console.listen says that there are none. All borrowed until the stop. */
int kn_api_consoles_start(const struct kn_conf *conf, struct kn_questions *questions, struct kn_api_consoles **ret,
                          struct kn_error *err);
/* After kn_questions_stop(): those who wait for a host were told by then. Takes NULL. */
void kn_api_consoles_stop(struct kn_api_consoles *consoles);
int kn_api_consoles_port(const struct kn_api_consoles *consoles);
/* Consoles that are open, or wait for their host. */
int kn_api_consoles_count(struct kn_api_consoles *consoles);

#endif
