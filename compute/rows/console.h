/* SPDX-License-Identifier: Apache-2.0 */
/* console: the SQL of tokens that open consoles. What the door of consoles asks of them is in compute/api.h. */
#ifndef KN_COMPUTE_ROWS_CONSOLE_H
#define KN_COMPUTE_ROWS_CONSOLE_H

#include "lib/adapter/crypto.h"
#include "lib/adapter/db.h"

#define KN_CONSOLE_TOKEN_SIZE 44 /* 256 bits as base64url, with the NUL */

/* A token for the console of a server that is on a host; mark: of kn_identity_mark(). */
int kn_compute_console_grant(struct kn_db *db, const char *server, const char *type, const char *mark,
                             char ret_token[KN_CONSOLE_TOKEN_SIZE], struct kn_error *err);

enum { KN_CONSOLE_SERVER, KN_CONSOLE_HOST, KN_CONSOLE_TYPE };
/* One that could still be opened; no row: there is none. */
int kn_compute_console_look(struct kn_db *db, const char *token, struct kn_rows **ret, struct kn_error *err);

#endif
