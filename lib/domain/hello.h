/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hello: whether what an agent says of its hosts makes sense, judged by both ends with the same words: an agent judges its configuration before it
 * says anything, the scheduler judges whatever was said.
 */
#ifndef KN_DOMAIN_HELLO_H
#define KN_DOMAIN_HELLO_H

#include <jansson.h>

/*
 * Parts the hosts of an agent.hello into those that make sense (*ret_sane, as they are) and those that do not, or are named twice (*ret_mad):
 * {"subject": name, or "#n" without a usable one, "named": whether it is the name, "reason"}. Both are new arrays. Pure.
 */
void kn_hello_sift(const json_t *hosts, json_t **ret_sane, json_t **ret_mad);

#endif
