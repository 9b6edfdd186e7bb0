/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_console: the log files of guest_dir.h. QEMU appends to console.log (O_APPEND), so this may cut the file to nothing
 * while QEMU has it open; what was there moves to console.log.0 first. A line written in between is lost, no more.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute-agent/core/guest_dir.h"
#include "lib/base/cleanup.h"

#define OLD_CONSOLE KN_GUEST_CONSOLE ".0"
#define TRIM_ABOVE (4 << 20)
#define TRIM_KEEP (1 << 20)

/* Appends the last `max` bytes of a file. */
static void add_tail(const char *path, size_t max, struct kn_strbuf *out)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    ssize_t n;

    if (fd < 0 || fstat(fd, &st) < 0) {
        return;
    }
    off_t at = st.st_size > (off_t)max ? st.st_size - (off_t)max : 0;
    kn_strbuf_grow(out, max);
    while (max > 0 && (n = pread(fd, out->buf + out->len, max, at)) > 0) {
        out->len += (size_t)n;
        at += n;
        max -= (size_t)n;
    }
    out->buf[out->len] = '\0';
}

void kn_agent_guest_console(const char *state_dir, const char *server, size_t max, struct kn_strbuf *out)
{
    char path[PATH_MAX];
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf now = KN_STRBUF_INIT;

    kn_agent_guest_path(state_dir, server, KN_GUEST_CONSOLE, path);
    add_tail(path, max, &now);
    if (now.len < max) {
        kn_agent_guest_path(state_dir, server, OLD_CONSOLE, path);
        add_tail(path, max - now.len, out);
    }
    kn_strbuf_add(out, now.buf, now.len);
}

static void write_old(const char *path, const struct kn_strbuf *text)
{
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    /* Short or failed: it is a log. */
    if (fd < 0 || write(fd, text->buf, text->len) < 0) {
        return;
    }
}

void kn_agent_guest_trim_console(const char *state_dir, const char *server)
{
    char path[PATH_MAX];
    char old[PATH_MAX];
    struct stat st;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

    kn_agent_guest_path(state_dir, server, KN_GUEST_CONSOLE, path);
    kn_agent_guest_path(state_dir, server, OLD_CONSOLE, old);
    if (stat(path, &st) < 0 || st.st_size <= TRIM_ABOVE) {
        return;
    }
    add_tail(path, TRIM_KEEP, &text);
    write_old(old, &text);
    if (truncate(path, 0) < 0) {
        return;
    }
}

void kn_agent_guest_add_console(const char *state_dir, const char *server, const char *bytes, size_t len)
{
    char path[PATH_MAX];

    kn_agent_guest_path(state_dir, server, KN_GUEST_CONSOLE, path);
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, bytes, len) < 0) {
        return;
    }
    kn_agent_guest_trim_console(state_dir, server);
}
