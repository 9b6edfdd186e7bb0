/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asked: the table of what images' properties and flavors' extra specs may ask of a guest (asked.def): which names there are, what each may say, who does it. Who reads it:
 * extra_specs.c (what a flavor is given), image_properties.c (what a server shows), machine.c (what a server is refused), `kilonova machine`.
 */
#ifndef KN_COMPUTE_ROWS_ASKED_H
#define KN_COMPUTE_ROWS_ASKED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/strbuf.h"

enum kn_compute_asker { KN_ASKED_IMAGE, KN_ASKED_FLAVOR };

enum kn_compute_says {
    KN_SAYS_TEXT, /* anything */
    KN_SAYS_BOOLEAN,
    KN_SAYS_INTEGER, /* within least and most */
    KN_SAYS_WORD, /* one of `words`, ", " between them */
    KN_SAYS_FORM, /* the whole of it matches the pattern `words` */
};

enum kn_compute_doer {
    KN_DONE_BY_HOST,
    KN_DONE_BY_SCHEDULER,
    KN_DONE_BY_CLOUD,
    KN_DONE_BY_OTHERS, /* it is for other hypervisors, or for people */
    KN_DONE_BY_NOBODY, /* refused, unless it asks for nothing */
    KN_DONE_BY_COUNT,
};

struct kn_compute_asked {
    enum kn_compute_asker asker;
    const char *name; /* a pattern: asked.def */
    struct {
        enum kn_compute_says kind;
        int64_t least, most; /* KN_ASKED_ANY: no border */
        const char *words;
    } says;
    enum kn_compute_doer doer;
    const char *
        idle; /* values that are taken although nobody does it, ", " between them; "" of a row that somebody does: all are taken */
    const char *what; /* becomes of it, or why it is refused */
};

#define KN_ASKED_ANY INT64_MIN

extern const struct kn_compute_asked kn_compute_asked[];
extern const size_t kn_compute_asked_count;

/* NULL: it is not among Nova's. */
const struct kn_compute_asked *kn_compute_asked_find(enum kn_compute_asker asker, const char *name);
/* Whether a name is one of Nova's own: what stands before its first colon is a row's. */
bool kn_compute_asked_is_novas(const char *name);
/* One of ", "-separated words. */
bool kn_compute_asked_word(const char *words, const char *value);
/* As Nova reads a yes. */
bool kn_compute_asked_yes(const char *text);
/* Whether the value asks for what nobody does. */
bool kn_compute_asked_refused(const struct kn_compute_asked *row, const char *value);
/* All of it as Markdown, for docs/machine.md. */
void kn_compute_asked_document(struct kn_strbuf *out);

#endif
