/* SPDX-License-Identifier: Apache-2.0 */
/* server_plan_files: the files of POST /servers and of a rebuild ("personality", up to 2.56). */
#ifndef KN_COMPUTE_ROWS_SERVER_PLAN_FILES_H
#define KN_COMPUTE_ROWS_SERVER_PLAN_FILES_H

#include <jansson.h>

#include "lib/adapter/http.h"
#include "lib/domain/schema.h"

/* The list's items. */
extern const struct kn_schema kn_compute_personality_schema[];

/*
 * The files as the row keeps them, heap; NULL: there are none. personality: of a checked body, may be NULL. KN_QUOTA in Nova's words when they are more, or longer, than
 * the project may have; KN_BAD_REQUEST when they do not fit into one message.
 */
int kn_compute_plan_files(const struct kn_request *req, const char *project, const json_t *personality, char **ret_text,
                          struct kn_error *err);

#endif
