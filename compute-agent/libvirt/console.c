/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/console: the guest's own sockets. The serial line is a UNIX socket of the host with one client; QEMU keeps the log of it whether there is one or not. A
 * picture is a pair of sockets whose other end libvirt hands to QEMU's VNC server, so guests defined by any version have it, and no port is needed.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "compute-agent/core/consoles.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/mem.h"

void kn_agent_libvirt_serial_path(const char *server, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "/run/libvirt/kn-%s.serial", server);
}

static int connect_serial(const char *server, int *ret_fd, struct kn_error *err)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    char path[PATH_MAX];
    struct stat st;

    kn_agent_libvirt_serial_path(server, path);
    kn_copy(at.sun_path, sizeof(at.sun_path), path);
    if (ret_fd == NULL) { /* whoever connects to look is the line's one client meanwhile */
        return stat(path, &st) == 0 ? 0 : kn_fail(err, KN_NOT_IMPLEMENTED, "cannot find \"%s\"", path);
    }
    AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0 || connect(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
        return kn_fail(err, errno == EAGAIN ? KN_TOO_MANY : KN_CONFLICT, "cannot connect to \"%s\": %s", path,
                       strerror(errno));
    }
    *ret_fd = fd;
    fd = -1;
    return 0;
}

static int connect_picture(virDomainPtr dom, int *ret_fd, struct kn_error *err)
{
    const int fd = ret_fd == NULL ? 0 : virDomainOpenGraphicsFD(dom, 0, VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH);

    if (fd < 0) {
        return kn_agent_libvirt_fail(err, "opening the guest's picture");
    }
    if (ret_fd != NULL) {
        *ret_fd = fd;
    }
    return 0;
}

int kn_agent_libvirt_console(void *state, const struct kn_agent_guest_ref *ref, const char *type, int *ret_fd,
                             struct kn_error *err)
{
    struct kn_agent_libvirt *lv = state;
    AUTO_DOM virDomainPtr dom = NULL;

    if (kn_agent_libvirt_need(lv, ref, &dom, err) < 0) {
        return -1;
    }
    if (lv->is_lxc) {
        return kn_fail(err, KN_NOT_IMPLEMENTED, "containers have no console of type \"%s\"", type);
    }
    if (virDomainIsActive(dom) != 1) {
        return kn_fail(err, KN_CONFLICT, "server \"%s\" does not run", ref->server);
    }
    if (strcmp(type, KN_CONSOLE_SERIAL) == 0) {
        return connect_serial(ref->server, ret_fd, err);
    }
    return strcmp(type, KN_CONSOLE_NOVNC) == 0
               ? connect_picture(dom, ret_fd, err)
               : kn_fail(err, KN_NOT_IMPLEMENTED, "no guest has a console of type \"%s\"", type);
}
