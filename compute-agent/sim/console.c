/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/console: one thread a console, at the other end of a pair of sockets. The serial line greets, and answers each line that ends with the same line; the picture is RFB 3.8
 * without security, one grey rectangle that is sent to whoever asks for all of it.
 */
#include "compute-agent/sim/console.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "compute-agent/core/consoles.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/server_state.h"

#define LINE_MAX_BYTES 512
#define WIDTH 32
#define HEIGHT 16
#define PROMPT "\r\nsim# "

struct sim_console {
    int fd;
    char server[KN_UUID_SIZE];
};

static bool say(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        const ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

        if (n < 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool sim_hear(int fd, void *data, size_t len)
{
    return recv(fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

/* --- the line ---------------------------------------------------------------------------------------------------------- */

static bool answer_line(const struct sim_console *c, const char *line)
{
    AUTO_FREE char *text = kn_asprintf("\r\nyou said: %s" PROMPT, line);

    return say(c->fd, text, strlen(text));
}

static void *serve_line(void *arg)
{
    struct sim_console *c = arg;
    AUTO_FREE char *greeting = kn_asprintf("simulated guest %s" PROMPT, c->server);
    char line[LINE_MAX_BYTES] = "", byte;
    size_t len = 0;
    bool goes_on = say(c->fd, greeting, strlen(greeting));

    while (goes_on && sim_hear(c->fd, &byte, 1)) {
        if (byte == '\r' || byte == '\n') {
            line[len] = '\0';
            goes_on = answer_line(c, line);
            len = 0;
        } else {
            line[len] = byte;
            len += len < sizeof(line) - 1;
            goes_on = say(c->fd, &byte, 1);
        }
    }
    close(c->fd);
    free(c);
    return NULL;
}

/* --- the picture ------------------------------------------------------------------------------------------------------- */

static bool rfb_greet(int fd)
{
    static const uint8_t ONE_SECURITY[] = { 1, 1 }, FINE[4] = { 0 };
    static const uint8_t INIT[] = { 0,  WIDTH, 0, HEIGHT, 32, 24, 0, 1, 0, 255, 0,   255, 0,  255,
                                    16, 8,     0, 0,      0,  0,  0, 0, 0, 3,   's', 'i', 'm' };
    uint8_t heard[12];

    return say(fd, "RFB 003.008\n", 12) && sim_hear(fd, heard, 12) && say(fd, ONE_SECURITY, sizeof(ONE_SECURITY)) &&
           sim_hear(fd, heard, 1) && say(fd, FINE, sizeof(FINE)) && sim_hear(fd, heard, 1) &&
           say(fd, INIT, sizeof(INIT));
}

static bool rfb_skip(int fd, uint64_t len)
{
    uint8_t byte;

    for (; len > 0; len--) {
        if (!sim_hear(fd, &byte, 1)) {
            return false;
        }
    }
    return true;
}

static bool rfb_send_all(int fd)
{
    static const uint8_t HEAD[] = { 0, 0, 0, 1, 0, 0, 0, 0, 0, WIDTH, 0, HEIGHT, 0, 0, 0, 0 };
    uint8_t picture[WIDTH * HEIGHT * 4];

    memset(picture, 0x80, sizeof(picture));
    return say(fd, HEAD, sizeof(HEAD)) && say(fd, picture, sizeof(picture));
}

/* One message of the client; what it is about is its first byte. */
static bool rfb_take(int fd)
{
    static const uint8_t REST[] = { 19, 0, 3, 9, 7, 5, 7 }; /* of a message of each type, behind its first byte */
    uint8_t m[20] = { 0 };

    if (!sim_hear(fd, m, 1) || m[0] >= sizeof(REST) || REST[m[0]] == 0 || !sim_hear(fd, m + 1, REST[m[0]])) {
        return false;
    }
    switch (m[0]) {
    case 2: /* SetEncodings: four bytes each */
        return rfb_skip(fd, UINT64_C(4) * (uint64_t)(m[2] << 8 | m[3]));
    case 3: /* FramebufferUpdateRequest; nothing ever changes */
        return m[1] != 0 || rfb_send_all(fd);
    case 6: /* ClientCutText */
        return rfb_skip(fd, (uint64_t)m[4] << 24 | (uint64_t)m[5] << 16 | (uint64_t)m[6] << 8 | m[7]);
    default:
        return true;
    }
}

static void *serve_picture(void *arg)
{
    struct sim_console *c = arg;
    bool goes_on = rfb_greet(c->fd);

    while (goes_on) {
        goes_on = rfb_take(c->fd);
    }
    close(c->fd);
    free(c);
    return NULL;
}

/* --- opening ----------------------------------------------------------------------------------------------------------- */

int kn_agent_sim_console_open(const struct kn_agent_sim_guest *guest, const char *type, int *ret_fd,
                              struct kn_error *err)
{
    const bool is_line = strcmp(type, KN_CONSOLE_SERIAL) == 0;
    struct sim_console *c;
    pthread_t thread;
    int fds[2];

    if (guest->power_state != KN_POWER_RUNNING && guest->power_state != KN_POWER_PAUSED) {
        return kn_fail(err, KN_CONFLICT, "server \"%s\" does not run", guest->server);
    }
    if (!is_line && strcmp(type, KN_CONSOLE_NOVNC) != 0) {
        return kn_fail(err, KN_NOT_IMPLEMENTED, "no guest has a console of type \"%s\"", type);
    }
    if (ret_fd == NULL) {
        return 0;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        return kn_fail(err, KN_INTERNAL, "no pair of sockets for a console: %s", strerror(errno));
    }
    c = KN_NEW(struct sim_console);
    c->fd = fds[1];
    kn_copy(c->server, sizeof(c->server), guest->server);
    if (pthread_create(&thread, NULL, is_line ? serve_line : serve_picture, c) != 0) {
        close(fds[0]);
        close(fds[1]);
        free(c);
        return kn_fail(err, KN_INTERNAL, "no thread for a console");
    }
    pthread_detach(thread);
    *ret_fd = fds[0];
    return 0;
}
