/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the log line: its fields, its quoting, what is never shown. A line is put together in memory and leaves in one write(2), so
 * that lines of threads and processes that share a file do not mix. It must never fail or block its caller over a full disk.
 */
#include "lib/base/log.h"

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log_gather.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"

static const char *const LEVELS[] = {
    [KN_DEBUG] = "debug",
    [KN_INFO] = "info",
    [KN_WARNING] = "warning",
    [KN_ERROR] = "error",
};
_Static_assert(KN_COUNT(LEVELS) == KN_ERROR + 1, "one name a level");

static char daemon_name[32] = "kilonova";      /* immutable after kn_log_init() */
static enum kn_level lowest = KN_INFO;         /* immutable after kn_log_init() */
static _Thread_local char request[64];
static _Thread_local bool gathers;
static _Thread_local struct kn_strbuf gathered; /* has no memory but while it gathers */

void kn_log_init(const char *daemon, enum kn_level level)
{
    kn_copy(daemon_name, sizeof(daemon_name), daemon);
    lowest = level;
}

void kn_log_request(const char *request_id)
{
    kn_copy(request, sizeof(request), request_id != NULL ? request_id : "");
}

const char *kn_log_current_request(void)
{
    return request;
}

/* "token", and "auth_token" as well. */
static bool is_secret(const char *key)
{
    static const char *const WORDS[] = { "token", "password", "secret", "key", "authorization" };
    size_t len = strlen(key);
    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        size_t word = strlen(WORDS[i]);
        if (len >= word && strcasecmp(key + len - word, WORDS[i]) == 0 && (len == word || key[len - word - 1] == '_')) {
            return true;
        }
    }
    return false;
}

static bool log_is_plain(const char *value)
{
    if (*value == '\0') {
        return false;
    }
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;
        if (c <= ' ' || c >= 0x7f || c == '"' || c == '=' || c == '\\') {
            return false;
        }
    }
    return true;
}

static void add_pair(struct kn_strbuf *line, const char *key, const char *value)
{
    kn_strbuf_addch(line, ' ');
    kn_strbuf_addstr(line, key);
    kn_strbuf_addch(line, '=');
    if (is_secret(key)) {
        kn_strbuf_addstr(line, "***");
    } else if (log_is_plain(value)) {
        kn_strbuf_addstr(line, value);
    } else {
        kn_strbuf_addjson(line, value); /* quoted, escaped, well-formed UTF-8: what logfmt readers expect */
    }
}

static void begin_line(struct kn_strbuf *line, enum kn_level level, const char *msg)
{
    char ts[KN_TIME_SIZE];
    kn_time_iso_us(kn_now_us(), ts);
    kn_strbuf_addf(line, "ts=%.23sZ level=%s daemon=%s", ts, LEVELS[level], daemon_name);
    if (request[0] != '\0') {
        add_pair(line, "req", request);
    }
    add_pair(line, "msg", msg);
}

static void log_write(const struct kn_strbuf *text)
{
    ssize_t written = write(STDERR_FILENO, text->buf, text->len);
    (void)written; /* there is nobody to tell */
}

static void log_write_gathered(void)
{
    if (gathered.len > 0) {
        log_write(&gathered);
        kn_strbuf_clear(&gathered);
    }
}

/* What went before it in this thread stands before it. */
static void end_line(struct kn_strbuf *line, enum kn_level level)
{
    kn_strbuf_addch(line, '\n');
    if (!gathers) {
        log_write(line);
        return;
    }
    if (gathered.len + line->len > PIPE_BUF) {
        log_write_gathered();
    }
    kn_strbuf_add(&gathered, line->buf, line->len);
    if (level >= KN_WARNING) {
        log_write_gathered();
    }
}

void kn_log_gather(void)
{
    gathers = true;
    gathered = (struct kn_strbuf)KN_STRBUF_INIT;
}

void kn_log_let_go(void)
{
    log_write_gathered();
    kn_strbuf_release(&gathered);
    gathers = false;
}

void kn_log(enum kn_level level, const char *msg, ...)
{
    if (level < lowest) {
        return;
    }
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf line = KN_STRBUF_INIT;
    begin_line(&line, level, msg);
    va_list args;
    va_start(args, msg);
    for (const char *key; (key = va_arg(args, const char *)) != NULL;) {
        const char *value = va_arg(args, const char *);
        if (value != NULL) {
            add_pair(&line, key, value);
        }
    }
    va_end(args);
    end_line(&line, level);
}

void kn_log_error(const char *what, const struct kn_error *err)
{
    kn_log(KN_ERROR, what, "code", kn_code_name(err->code), "error", err->message, "hint",
           err->hint[0] != '\0' ? err->hint : NULL, NULL);
}
