/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control: the supervisor's unix socket DIR/control. One request a connection: a line of words as in a process table.
 *
 *   status              a line a process: NAME STATE PID RESTARTS SECONDS
 *   add ROW             adds a row of a process table and starts it
 *   start NAME          starts what was stopped
 *   stop NAME           answers when it ended
 *   restart NAME        answers when the new one runs
 *   kill9 NAME          kills it as a crash would; it is started again
 *   down                ends everything, last started first, then the supervisor; answers by closing
 *
 * The answer is "ok" or "error: why" on the first line, what was asked for on the next ones, then the end of the stream.
 */
#ifndef KN_LAB_CONTROL_H
#define KN_LAB_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/roster.h"
#include "lib/base/strbuf.h"

#define KN_CONTROL_CLIENTS 32

struct kn_lab_client {
    int fd;                      /* -1: a free slot */
    struct kn_strbuf request;
    bool asked;                  /* the request was whole: whatever it says now ends it */
    char waits_for[KN_PROC_NAME_MAX + 1]; /* "" or whose state it waits for */
    enum kn_lab_life_state wanted;
};

struct kn_lab_control {
    int listen_fd;
    bool down; /* somebody asked for the end */
    struct kn_lab_client clients[KN_CONTROL_CLIENTS];
};

/* Makes the socket and listens; replaces what a dead supervisor left. */
int kn_lab_control_open(struct kn_lab_control *control, const char *dir, struct kn_error *err);
void kn_lab_control_close(struct kn_lab_control *control, const char *dir);

/* Fills fds (room for KN_CONTROL_CLIENTS + 1) with what to wait for. Returns how many. */
size_t kn_lab_control_poll_fds(const struct kn_lab_control *control, struct pollfd *fds);
/* Serves what poll() found, and answers those whose wait is over. */
void kn_lab_control_serve(struct kn_lab_control *control, const struct pollfd *fds, size_t n,
                          struct kn_lab_roster *roster, int64_t now_ms);

/* Connects to DIR/control. */
int kn_lab_control_connect(const char *dir, int *ret_fd, struct kn_error *err);
/* The words as one request line, quoted as a process table wants it, with its newline. */
void kn_lab_control_request(struct kn_strbuf *out, char *const *words);

#endif
