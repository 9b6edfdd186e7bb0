/* SPDX-License-Identifier: Apache-2.0 */
/* neutron_words: short ways to make things over neutron.h's front door and to look at its answers. What is returned lives for a few calls. */
#ifndef KN_TESTS_SUPPORT_NEUTRON_WORDS_H
#define KN_TESTS_SUPPORT_NEUTRON_WORDS_H

#include <stddef.h>

/* "POST /networks", then the answer must have this status. */
void neutron_say(int status, const char *token, const char *what, const char *body);
/* A member of the last answer's only object: "port.fixed_ips.0.ip_address" as text; valid for the next 7 calls. */
const char *neutron_get(const char *path);
size_t neutron_count(const char *plural);
/* The path of an object: "GET /networks/<id>". */
const char *neutron_at(const char *method, const char *plural, const char *id);
const char *neutron_network(const char *token, const char *more);
const char *neutron_subnet(const char *token, const char *network, const char *more);
void neutron_post(int status, const char *token, const char *noun, const char *network, const char *more);

#endif
