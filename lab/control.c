/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control: the door through which people and scripts talk to the supervisor. Owns the socket and its clients; changes
 * processes only through roster.c. Must never block on a client: who is slow or says too much is dropped.
 */
#include "lab/control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/mem.h"

/* Addresses DIR/control however long DIR is: through /proc, because sun_path holds 107 characters. */
static int address(const char *dir, struct sockaddr_un *ret_address, int *ret_dir_fd, struct kn_error *err)
{
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0) {
        return kn_fail(err, KN_NOT_FOUND, "cannot open \"%s\": %s", dir, strerror(errno));
    }
    *ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(ret_address->sun_path, sizeof(ret_address->sun_path), "/proc/self/fd/%d/control", fd);
    *ret_dir_fd = fd;
    return 0;
}

int kn_lab_control_open(struct kn_lab_control *control, const char *dir, struct kn_error *err)
{
    struct sockaddr_un sun;
    AUTO_CLOSE int dir_fd = -1;
    AUTO_CLOSE int fd = -1;

    if (address(dir, &sun, &dir_fd, err) < 0) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(sun.sun_path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0 || listen(fd, KN_CONTROL_CLIENTS) < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot listen on \"%s/control\": %s", dir, strerror(errno));
    }
    *control = (struct kn_lab_control){ .listen_fd = fd };
    fd = -1;
    for (size_t i = 0; i < KN_CONTROL_CLIENTS; i++) {
        control->clients[i] = (struct kn_lab_client){ .fd = -1, .request = KN_STRBUF_INIT };
    }
    return 0;
}

static void control_drop(struct kn_lab_client *client)
{
    close(client->fd);
    client->fd = -1;
    client->asked = false;
    client->waits_for[0] = '\0';
    kn_strbuf_release(&client->request);
    client->request = (struct kn_strbuf)KN_STRBUF_INIT;
}

void kn_lab_control_close(struct kn_lab_control *control, const char *dir)
{
    AUTO_FREE char *path = kn_asprintf("%s/control", dir);

    unlink(path);
    close(control->listen_fd);
    for (size_t i = 0; i < KN_CONTROL_CLIENTS; i++) {
        if (control->clients[i].fd >= 0) {
            control_drop(&control->clients[i]);
        }
    }
}

static void control_answer(struct kn_lab_client *client, const char *text, size_t len)
{
    ssize_t n = send(client->fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    (void)n; /* who does not read its answer does not get it */
    control_drop(client);
}

static void answer_ok(struct kn_lab_client *client)
{
    control_answer(client, "ok\n", 3);
}

static void answer_error(struct kn_lab_client *client, const struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

    kn_strbuf_addf(&text, "error: %s\n", err->message);
    control_answer(client, text.buf, text.len);
}

/* What a command handler works on. It either answers the client, or lets it wait, or fails. */
struct control_call {
    struct kn_lab_control *control;
    struct kn_lab_roster *roster;
    struct kn_lab_client *client;
    const char *rest; /* of the request, after the verb */
    int64_t now_ms;
};

static int control_find(const struct control_call *call, struct kn_lab_member **ret_member, struct kn_error *err)
{
    *ret_member = kn_lab_roster_find(call->roster, call->rest);
    return *ret_member != NULL ? 0 : kn_fail(err, KN_NOT_FOUND, "there is no process \"%.80s\"", call->rest);
}

static void control_wait_for(const struct control_call *call, const struct kn_lab_member *member,
                             enum kn_lab_life_state wanted)
{
    kn_copy(call->client->waits_for, sizeof(call->client->waits_for), member->proc->name);
    call->client->wanted = wanted;
}

static int run_status(const struct control_call *call, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

    (void)err;
    kn_strbuf_addstr(&text, "ok\n");
    kn_lab_roster_print(call->roster, call->now_ms, &text);
    control_answer(call->client, text.buf, text.len);
    return 0;
}

static int run_add(const struct control_call *call, struct kn_error *err)
{
    AUTO(kn_lab_proc) struct kn_lab_proc *proc = NULL;
    struct kn_lab_member *member = NULL;

    if (kn_lab_proc_parse(call->rest, &proc, err) < 0) {
        return -1;
    }
    if (proc == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "add needs a row of a process table");
    }
    if (kn_lab_roster_add(call->roster, &proc, &member, err) < 0) {
        return -1;
    }
    kn_lab_roster_event(call->roster, member, KN_LIFE_START, call->now_ms);
    answer_ok(call->client);
    return 0;
}

static int run_start(const struct control_call *call, struct kn_error *err)
{
    struct kn_lab_member *member = NULL;

    if (control_find(call, &member, err) < 0) {
        return -1;
    }
    kn_lab_roster_event(call->roster, member, KN_LIFE_START, call->now_ms);
    control_wait_for(call, member, KN_LIFE_RUNNING);
    return 0;
}

static int run_stop(const struct control_call *call, struct kn_error *err)
{
    struct kn_lab_member *member = NULL;

    if (control_find(call, &member, err) < 0) {
        return -1;
    }
    kn_lab_roster_event(call->roster, member, KN_LIFE_STOP, call->now_ms);
    control_wait_for(call, member, KN_LIFE_IDLE);
    return 0;
}

static int run_restart(const struct control_call *call, struct kn_error *err)
{
    struct kn_lab_member *member = NULL;

    if (control_find(call, &member, err) < 0) {
        return -1;
    }
    kn_lab_roster_event(call->roster, member, KN_LIFE_RESTART, call->now_ms);
    control_wait_for(call, member, KN_LIFE_RUNNING);
    return 0;
}

static int run_kill9(const struct control_call *call, struct kn_error *err)
{
    struct kn_lab_member *member = NULL;

    if (control_find(call, &member, err) < 0) {
        return -1;
    }
    if (member->pid == 0) {
        return kn_fail(err, KN_CONFLICT, "\"%s\" does not run", member->proc->name);
    }
    kill(member->pid, SIGKILL);
    answer_ok(call->client);
    return 0;
}

static int run_down(const struct control_call *call, struct kn_error *err)
{
    (void)err;
    call->control->down = true;
    return 0; /* answered by the end of the stream */
}

static const struct control_command {
    const char *verb;
    int (*run)(const struct control_call *call, struct kn_error *err);
} commands[] = {
    { "add", run_add },     { "down", run_down },     { "kill9", run_kill9 }, { "restart", run_restart },
    { "start", run_start }, { "status", run_status }, { "stop", run_stop },
};

static void control_dispatch(struct kn_lab_control *control, struct kn_lab_client *client, struct kn_lab_roster *roster,
                             int64_t now_ms)
{
    struct kn_error err = { .code = KN_OK };
    size_t n = strcspn(client->request.buf, " \n");
    struct control_call call = { control, roster, client, NULL, now_ms };

    client->request.buf[strcspn(client->request.buf, "\n")] = '\0';
    call.rest = client->request.buf + n + (client->request.buf[n] == ' ');
    for (size_t i = 0; i < KN_COUNT(commands); i++) {
        if (strlen(commands[i].verb) == n && memcmp(commands[i].verb, client->request.buf, n) == 0) {
            if (commands[i].run(&call, &err) < 0) {
                answer_error(client, &err);
            }
            return;
        }
    }
    kn_fail(&err, KN_BAD_REQUEST, "\"%.*s\" is not a command", (int)(n < 80 ? n : 80), client->request.buf);
    answer_error(client, &err);
}

static void accept_client(struct kn_lab_control *control)
{
    int fd = accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    for (size_t i = 0; i < KN_CONTROL_CLIENTS && fd >= 0; i++) {
        if (control->clients[i].fd < 0) {
            control->clients[i].fd = fd;
            return;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
}

/* Reads what is there; true once the line is whole. Who hangs up or says more than a line may hold is dropped. */
static bool read_request(struct kn_lab_client *client)
{
    char bytes[4096];
    ssize_t n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (n <= 0 || client->asked || client->request.len > KN_PROC_LINE_MAX || memchr(bytes, '\0', (size_t)n) != NULL) {
        control_drop(client);
        return false;
    }
    kn_strbuf_add(&client->request, bytes, (size_t)n);
    client->asked = memchr(client->request.buf, '\n', client->request.len) != NULL;
    return client->asked;
}

size_t kn_lab_control_poll_fds(const struct kn_lab_control *control, struct pollfd *fds)
{
    size_t n = 0;

    fds[n++] = (struct pollfd){ .fd = control->listen_fd, .events = POLLIN };
    for (size_t i = 0; i < KN_CONTROL_CLIENTS; i++) {
        if (control->clients[i].fd >= 0) {
            fds[n++] = (struct pollfd){ .fd = control->clients[i].fd, .events = POLLIN };
        }
    }
    return n;
}

static struct kn_lab_client *client_of(struct kn_lab_control *control, int fd)
{
    for (size_t i = 0; i < KN_CONTROL_CLIENTS; i++) {
        if (control->clients[i].fd == fd) {
            return &control->clients[i];
        }
    }
    return NULL;
}

static void answer_waiting(struct kn_lab_control *control, struct kn_lab_roster *roster)
{
    for (size_t i = 0; i < KN_CONTROL_CLIENTS; i++) {
        struct kn_lab_client *client = &control->clients[i];
        const struct kn_lab_member *member;

        if (client->fd < 0 || client->waits_for[0] == '\0') {
            continue;
        }
        member = kn_lab_roster_find(roster, client->waits_for);
        if (member == NULL || member->life.state == client->wanted) {
            answer_ok(client);
        }
    }
}

void kn_lab_control_serve(struct kn_lab_control *control, const struct pollfd *fds, size_t n,
                          struct kn_lab_roster *roster, int64_t now_ms)
{
    for (size_t i = 1; i < n; i++) {
        struct kn_lab_client *client = fds[i].revents == 0 ? NULL : client_of(control, fds[i].fd);

        if (client != NULL && read_request(client)) {
            control_dispatch(control, client, roster, now_ms);
        }
    }
    if (n > 0 && fds[0].revents != 0) {
        accept_client(control);
    }
    answer_waiting(control, roster);
}

int kn_lab_control_connect(const char *dir, int *ret_fd, struct kn_error *err)
{
    struct sockaddr_un sun;
    AUTO_CLOSE int dir_fd = -1;
    AUTO_CLOSE int fd = -1;

    if (address(dir, &sun, &dir_fd, err) < 0) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0) {
        return kn_fail(err, KN_UNAVAILABLE, "no supervisor answers at \"%s/control\": %s", dir, strerror(errno));
    }
    *ret_fd = fd;
    fd = -1;
    return 0;
}

void kn_lab_control_request(struct kn_strbuf *out, char *const *words)
{
    for (; *words != NULL; words++) {
        const char *word = *words;
        bool quote = *word == '\0' || word[strcspn(word, " \t\r\"\\")] != '\0';

        if (out->len > 0) {
            kn_strbuf_addch(out, ' ');
        }
        if (quote) {
            kn_strbuf_addch(out, '"');
        }
        for (; *word != '\0'; word++) {
            if (*word == '"' || *word == '\\') {
                kn_strbuf_addch(out, '\\');
            }
            kn_strbuf_addch(out, *word == '\n' ? ' ' : *word);
        }
        if (quote) {
            kn_strbuf_addch(out, '"');
        }
    }
    kn_strbuf_addch(out, '\n');
}
