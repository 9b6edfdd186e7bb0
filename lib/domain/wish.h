/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wish: what the input of a task may say, by its kind. Whoever writes a wish has it checked (lib/adapter/task.c), and the conductor's flows read no
 * name that is not declared here (conductor/flows/context.h): both ends stand in one table. Unlike in a message, a name that is unknown is refused: both
 * are of one release, and what nobody reads was meant for somebody.
 */
#ifndef KN_DOMAIN_WISH_H
#define KN_DOMAIN_WISH_H

#include <jansson.h>

#include "lib/base/error.h"
#include "lib/base/strbuf.h"
#include "lib/domain/message.h"

struct kn_wish_type {
    const char *kind; /* a flow's name: "server.create" */
    const char *doc;
    const struct kn_field *fields; /* ended by KN_FIELD_END */
};

extern const struct kn_wish_type kn_wish_types[]; /* ended by kind == NULL */
const struct kn_wish_type *kn_wish_type(const char *kind); /* NULL if unknown */
/* input NULL = {}. KN_INTERNAL names the kind and the name: the writer is wrong, not its client. */
int kn_wish_check(const char *kind, const json_t *input, struct kn_error *err);
/* All kinds as Markdown, for docs/messages.md. */
void kn_wish_document(struct kn_strbuf *out);

#endif
