/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: one logfmt line an event, on stderr or a file, the request id in each.
 *
 *   kn_log(KN_INFO, "server placed", "server", id, "host", host, NULL);
 *     -> ts=2026-11-21T10:00:00.123Z level=info daemon=scheduler req=req-… msg="server placed" server=… host=…
 *
 * Only main, the HTTP dispatcher, the message dispatcher and timers log errors (style rule 5). Values that come from
 * outside are quoted and escaped. A key named token, password, secret, key or authorization is printed as "***".
 */
#ifndef KN_BASE_LOG_H
#define KN_BASE_LOG_H

#include "lib/base/error.h"

enum kn_level { KN_DEBUG, KN_INFO, KN_WARNING, KN_ERROR };

/* daemon: copied, e.g. "api". level: the lowest that is written. Call once, before threads. */
void kn_log_init(const char *daemon, enum kn_level level);
/* The request id of everything that this thread logs until it is set again; NULL = none. Copied. */
void kn_log_request(const char *request_id);
const char *kn_log_current_request(void); /* "" if none */
/* key, value pairs of const char *, ended by NULL; a NULL value is skipped. Thread-safe: one write(2) a line. */
void kn_log(enum kn_level level, const char *msg, ...) __attribute__((sentinel));
/* Logs err's message, code and hint with what failed. */
void kn_log_error(const char *what, const struct kn_error *err);

#endif
