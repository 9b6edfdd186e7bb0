/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dnsmasq.c: starts, tells and ends a dnsmasq. dhcp.c says what its files say. The process outlives the agent; it is
 * found again by its pid file and its command line.
 */
#include "network/host/dhcp/dnsmasq.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/host/dhcp/dhcp.h"
#include "network/host/file.h"
#include "network/host/link/netns.h"

#define PROGRAM "/usr/sbin/dnsmasq"
#define END_MS 3000
#define CAPABILITIES \
    (1ULL << CAP_NET_ADMIN | 1ULL << CAP_NET_RAW | 1ULL << CAP_NET_BIND_SERVICE | 1ULL << CAP_SETUID | \
     1ULL << CAP_SETGID)

static const char *const FILES[] = { "conf", "hosts", "options", "names", "leases", "pid" };

static char *file(const char *dir, const char *name)
{
    return kn_asprintf("%s/%s", dir, name);
}

/* 0 when there is none. A pid that somebody else has by now does not carry our file on its command line. */
static pid_t pid_of(const char *dir)
{
    AUTO_FREE char *path = file(dir, "pid"), *conf = file(dir, "conf");
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

    if (!kn_network_file_read(path, &text)) {
        return 0;
    }
    pid_t pid = (pid_t)strtol(text.buf, NULL, 10);
    AUTO_FREE char *cmdline = kn_asprintf("/proc/%d/cmdline", (int)pid);

    if (pid <= 0 || !kn_network_file_read(cmdline, &text) || memmem(text.buf, text.len, conf, strlen(conf)) == NULL) {
        return 0;
    }
    return pid;
}

/* One whose pid file is gone, as with a disk that was replaced under a living host, still holds its port: found by its command line. 0: none. */
static pid_t stray_of(const char *dir)
{
    AUTO_FREE char *conf = file(dir, "conf");
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    DIR *proc = opendir("/proc");
    pid_t found = 0;

    for (const struct dirent *entry; proc != NULL && found == 0 && (entry = readdir(proc)) != NULL;) {
        const pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        AUTO_FREE char *cmdline = kn_asprintf("/proc/%d/cmdline", (int)pid);

        if (pid > 0 && kn_network_file_read(cmdline, &text) && strcmp(text.buf, PROGRAM) == 0 &&
            memmem(text.buf, text.len, conf, strlen(conf)) != NULL) {
            found = pid;
        }
    }
    if (proc != NULL) {
        closedir(proc);
    }
    return found;
}

bool kn_network_dnsmasq_runs(const char *dir)
{
    return pid_of(dir) != 0;
}

void kn_network_dnsmasq_end(const char *dir)
{
    pid_t pid = pid_of(dir);

    pid = pid != 0 ? pid : stray_of(dir);
    if (pid == 0) {
        return;
    }
    AUTO_CLOSE int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd gone = { .fd = fd, .events = POLLIN };

    kill(pid, SIGTERM);
    if (poll(&gone, 1, END_MS) == 0) {
        kill(pid, SIGKILL);
        poll(&gone, 1, END_MS);
    }
}

void kn_network_dnsmasq_kill(const char *dir)
{
    const pid_t pid = pid_of(dir);
    AUTO_CLOSE int fd = pid == 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd gone = { .fd = fd, .events = POLLIN };

    if (pid != 0) {
        kill(pid, SIGKILL);
        poll(&gone, 1, END_MS);
    }
}

/* Leases of guests that are gone would keep their addresses from their successors. */
static int prune_leases(const struct kn_network_host_network *network, struct kn_error *err)
{
    AUTO_FREE char *path = file(network->dir, "leases");
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf old = KN_STRBUF_INIT, kept = KN_STRBUF_INIT;

    kn_network_file_read(path, &old);
    kn_network_host_dhcp_prune(old.buf, network, &kept);
    return kn_network_file_write(path, &kept, NULL, err);
}

static int dnsmasq_start(const struct kn_network_host_network *network, struct kn_error *err)
{
    AUTO_FREE char *option = kn_asprintf("--conf-file=%s/conf", network->dir);
    const char *const argv[] = { PROGRAM, option, NULL };

    return prune_leases(network, err) < 0 ? -1 : kn_network_netns_exec(network->netns, CAPABILITIES, argv, err);
}

static int dnsmasq_write_file(const char *dir, const char *name, const struct kn_strbuf *text, bool *ret_changed,
                              struct kn_error *err)
{
    AUTO_FREE char *path = file(dir, name);

    return kn_network_file_write(path, text, ret_changed, err);
}

/* Does the hosts file name somebody who is not there any more? */
static bool loses_somebody(const char *dir, const struct kn_strbuf *hosts)
{
    AUTO_FREE char *path = file(dir, "hosts");
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf old = KN_STRBUF_INIT;
    bool loses = false;
    char *rest = NULL;

    kn_network_file_read(path, &old);
    for (char *line = strtok_r(old.buf, "\n", &rest); line != NULL && !loses; line = strtok_r(NULL, "\n", &rest)) {
        loses = strstr(hosts->buf, line) == NULL;
    }
    return loses;
}

/* A file of its own: what is compiled, where it goes, and whether that is something new. */
static int dnsmasq_write(const struct kn_network_host_network *network, const char *name,
                         void (*compile)(const struct kn_network_host_network *, struct kn_strbuf *), bool *ret_changed,
                         struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    bool changed = false;

    compile(network, &text);
    if (dnsmasq_write_file(network->dir, name, &text, &changed, err) < 0) {
        return -1;
    }
    *ret_changed = *ret_changed || changed;
    return 0;
}

int kn_network_dnsmasq_ensure(const struct kn_network_host_network *network, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf hosts = KN_STRBUF_INIT;
    bool restart = false, reload = false;

    mkdir(network->dir, 0700);
    kn_network_host_dhcp_hosts(network, &hosts);
    restart = loses_somebody(network->dir, &hosts);
    if (dnsmasq_write(network, "conf", kn_network_host_dhcp_conf, &restart, err) < 0 ||
        dnsmasq_write(network, "hosts", kn_network_host_dhcp_hosts, &reload, err) < 0 ||
        dnsmasq_write(network, "options", kn_network_host_dhcp_options, &reload, err) < 0 ||
        dnsmasq_write(network, "names", kn_network_host_dhcp_names, &reload, err) < 0) {
        return -1;
    }
    pid_t pid = pid_of(network->dir);

    if (pid != 0 && !restart) {
        if (reload) {
            kill(pid, SIGHUP);
        }
        return 0;
    }
    kn_network_dnsmasq_end(network->dir);
    return dnsmasq_start(network, err);
}

int kn_network_dnsmasq_names(const struct kn_network_host_network *network, struct kn_error *err)
{
    bool changed = false;
    pid_t pid;

    if (dnsmasq_write(network, "names", kn_network_host_dhcp_names, &changed, err) < 0) {
        return -1;
    }
    pid = changed ? pid_of(network->dir) : 0;
    if (pid != 0) {
        kill(pid, SIGHUP);
    }
    return 0;
}

void kn_network_dnsmasq_remove(const char *dir)
{
    kn_network_dnsmasq_end(dir);
    for (size_t i = 0; i < KN_COUNT(FILES); i++) {
        AUTO_FREE char *path = file(dir, FILES[i]);

        unlink(path);
    }
    rmdir(dir);
}
