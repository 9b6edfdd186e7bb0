/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state_world: objects of a host's state (network/host/state/state.h) written in one line each, for tests of what a host makes of them. Ids are short in
 * these lines: "p1" stands for 000000p1-…, see kn_world_id. What is made is kept in the state and freed with it.
 */
#ifndef KN_TESTS_SUPPORT_STATE_WORLD_H
#define KN_TESTS_SUPPORT_STATE_WORLD_H

#include "network/host/state/state.h"

struct kn_network_state *kn_world_new(void);
void kn_world_free(struct kn_network_state *state);
/* "p1" -> "000000p1-1111-4111-8111-111111111111" with letters that hex has none of told by digits; static, four at a time. */
const char *kn_world_id(const char *word);
/*
 * One object in place of what there was, e.g.
 *   network n1 zone=7 door=fa:16:3e:00:00:0d (of DHCP on a 10.0.0.0/24)
 *   port a1 net=n1 mac=fa:16:3e:00:00:01 ip=10.0.0.1,fd00::1 groups=91,92 pair=10.0.0.0/24/fa:16:3e:00:00:09 policy=51 down open
 *   group 91 stateless rules=in:4:6:22:22:any,out:4:-1:-1:-1:any,in:6:58:128:-1:prefix:fd00::/64,in:4:17:53:53:group:92,in:4:6:1:9:addresses:81
 *   member a1 groups=91 ip=10.0.0.1
 *   addresses 81 prefixes=10.0.0.0/8,fd00::/8
 *   policy 51 dscp=46
 * and "drop <kind> <id>". Returns its kind; *ret_id its whole id, *ret_object what is there now (NULL: dropped).
 */
enum kn_network_kind kn_world_put(struct kn_network_state *state, const char *line, const char **ret_id,
                                  const void **ret_object);

#endif
