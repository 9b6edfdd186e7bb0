/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regex: patterns that users send (Perl's syntax, UTF-8), matched with a bounded effort: whoever sends one that backtracks without end
 * gets an error, and nobody waits for him. Immutable once made; may be used by any number of threads.
 *
 *   AUTO(kn_regex) struct kn_regex *re = NULL;
 *   kn_regex_new("^web\\d+$", &re, err);
 *   kn_regex_search(re, "web7", &found, err);
 */
#ifndef KN_ADAPTER_REGEX_H
#define KN_ADAPTER_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"

#define KN_REGEX_MAX 255 /* bytes of a pattern */

struct kn_regex;

/* KN_BAD_REQUEST: it is none, or too long. */
int kn_regex_new(const char *pattern, struct kn_regex **ret_regex, struct kn_error *err);
void kn_regex_free(struct kn_regex *regex);
KN_DEFINE_AUTO(kn_regex);

/* Whether the pattern occurs in the text. KN_BAD_REQUEST: it would take more steps or memory than a pattern gets. */
int kn_regex_search(const struct kn_regex *regex, const char *text, bool *ret_found, struct kn_error *err);

/* True if the pattern is "^text$" for one text, which is put into out. */
bool kn_regex_literal(const char *pattern, char out[KN_REGEX_MAX + 1]);

#endif
