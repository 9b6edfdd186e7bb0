/* SPDX-License-Identifier: Apache-2.0 */
/* neutron_bad: requests that Neutron's clients may send and must be refused, each with the status that they get. */
#ifndef KN_TESTS_SUPPORT_NEUTRON_BAD_H
#define KN_TESTS_SUPPORT_NEUTRON_BAD_H

#include <stddef.h>

#define KN_NEUTRON_NOBODY "99999999-9999-4999-8999-999999999999"

struct kn_neutron_bad {
    int status;
    const char *what, *body; /* $N: a network's id, $S: its subnet's, $P: a port's; body NULL: none */
};

extern const struct kn_neutron_bad kn_neutron_bad[];
extern const size_t kn_neutron_bad_count;

#endif
