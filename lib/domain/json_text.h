/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_text: a jansson tree as its shortest text. jansson's own printer formats the address of every container that it enters, to find trees that hold themselves,
 * and hands out a text by the token; ours do not hold themselves, and each server's way through the daemons prints two dozen of them.
 */
#ifndef KN_DOMAIN_JSON_TEXT_H
#define KN_DOMAIN_JSON_TEXT_H

#include <jansson.h>

#include "lib/base/strbuf.h"

/* Adds it; any value, NULL gives null. */
void kn_json_print(struct kn_strbuf *out, const json_t *value);
/* The same as a text of its own; NULL gives NULL. free() it. */
char *kn_json_text(const json_t *value);

#endif
