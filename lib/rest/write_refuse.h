/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write_refuse: the other answer of routes that change a noun (kn_route.refuses), for callers whom their rule lets at nothing of that kind, in the order in which
 * Neutron looks: a body that is none is KN_BAD_REQUEST, what he would not be shown by `reads` (the rule of GET) is absent in the very words of what there is
 * none of, and only of the rest it is said that he may not. Whom `reads` shows nothing hears that alone. All of them return -1.
 */
#ifndef KN_REST_WRITE_REFUSE_H
#define KN_REST_WRITE_REFUSE_H

#include "lib/rest/write.h"

/* POST, PUT and DELETE of the noun; the last two name it in the path's first parameter. A new one names nobody's row. */
int kn_rest_refuse(const struct kn_rest_noun *noun, struct kn_request *req, enum kn_rule reads, struct kn_error *err);
/* The same of what lies below another one: the path's second parameter. */
int kn_rest_refuse_part(const struct kn_rest_noun *whole, const struct kn_rest_noun *part, struct kn_request *req,
                        enum kn_rule reads, struct kn_error *err);
/* Anything else that is done to the one that the path names: its body says nothing about who may. */
int kn_rest_refuse_act(const struct kn_rest_noun *noun, struct kn_request *req, enum kn_rule reads,
                       struct kn_error *err);

#endif
