/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jsonr: JSON read where it lies: no tree, no copy. For texts that PostgreSQL wrote, of which a list has a thousand; whatever comes from outside is
 * jansson's. A value is the piece of text that it is written as, so it can be written elsewhere as it stands (kn_jsonw_value):
 *
 *   static const char *const KEYS[] = { "name", "ips" };
 *   struct kn_jsonr rest = kn_jsonr_inside(kn_jsonr_of(text)), item, values[2];
 *   while (kn_jsonr_next(&rest, &item)) { kn_jsonr_members(item, KEYS, 2, values); … }
 *
 * Nothing is checked: of a text that is no JSON comes what comes, but never anything from behind its end.
 */
#ifndef KN_BASE_JSONR_H
#define KN_BASE_JSONR_H

#include <stdbool.h>
#include <stddef.h>

/* One value; or several, with what stands between them. */
struct kn_jsonr {
    const char *text; /* of a longer text that ends with a NUL */
    size_t len; /* 0: there is none */
};

struct kn_jsonr kn_jsonr_of(const char *text); /* without blanks around it, as all values are */
/* What is in an array or an object; nothing is in anything else. */
struct kn_jsonr kn_jsonr_inside(struct kn_jsonr container);
/* Takes the first of several values: of what is in an object, names and values in turn. False: there is none. */
bool kn_jsonr_next(struct kn_jsonr *rest, struct kn_jsonr *ret_value);
/* The object's members of these names, which have no escapes; what is not there has no length. */
void kn_jsonr_members(struct kn_jsonr object, const char *const *keys, size_t count, struct kn_jsonr *ret);
/* Written the same. One writer writes equal texts alike. */
bool kn_jsonr_equal(struct kn_jsonr a, struct kn_jsonr b);
/* The order of what is written, byte by byte: below 0, 0, above 0. */
int kn_jsonr_compare(struct kn_jsonr a, struct kn_jsonr b);

#endif
