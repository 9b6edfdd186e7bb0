/* SPDX-License-Identifier: Apache-2.0 */
/* console: what a guest wrote on its serial line, made fit for JSON. Pure. */
#ifndef KN_COMPUTE_AGENT_CORE_CONSOLE_H
#define KN_COMPUTE_AGENT_CORE_CONSOLE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/strbuf.h"
#include "lib/domain/message.h"

#define KN_CONSOLE_MAX KN_MAX_CONSOLE_OUTPUT

/*
 * Appends the last `lines` lines (-1 = all) of data as UTF-8, at most KN_CONSOLE_MAX bytes of it; whatever is not UTF-8, and
 * NUL, becomes U+FFFD.
 */
void kn_agent_console_tail(const char *data, size_t len, int64_t lines, struct kn_strbuf *out);

#endif
