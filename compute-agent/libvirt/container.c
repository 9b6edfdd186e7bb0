/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/container: what is another thing where guests are containers (agent.driver = lxc). libvirt makes a container's NIC, a pair whose outer end has the tap's name, with every start,
 * also when the guest reboots by itself; it carries nothing until it is in its bridge, and that is done here. What containers are and are not kept from: docs/containers.md.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/spec.h"
#include "compute-agent/libvirt/domain_scan.h"
#include "compute-agent/libvirt/private.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/domain/server_state.h"

int kn_agent_container_check(const json_t *spec, struct kn_error *err)
{
    const char *what = NULL;
    const json_t *disk;
    size_t i;

    json_array_foreach (json_object_get(spec, "disks"), i, disk) {
        what = json_object_get(disk, "size_mib") != NULL ? "local disks" : what;
    }
    what = json_array_size(json_object_get(spec, "volumes")) > 0 ? "volumes" : what;
    what = kn_json_bool(spec, "config_drive") ? "a config drive" : what;
    what = json_object_get(spec, "rescue") != NULL ? "a disk to be rescued from" : what;
    /* Another host may run it: as a machine. */
    return what == NULL ? 0 : kn_fail(err, KN_CONFLICT, "a container has no place for %s", what);
}

void kn_agent_container_press(virDomainPtr dom, int presses)
{
    if (presses ==
        0) { /* System V by its pipe, systemd by the signal that means poweroff; each is nothing to the other */
        virDomainShutdownFlags(dom, VIR_DOMAIN_SHUTDOWN_INITCTL);
        virDomainSendProcessSignal(dom, 1, VIR_DOMAIN_PROCESS_SIGNAL_RT4, 0);
    } else if (virDomainShutdownFlags(dom, VIR_DOMAIN_SHUTDOWN_SIGNAL) < 0) { /* whatever else it is */
        struct kn_error err = { 0 };

        kn_agent_libvirt_fail(&err, "asking a container to go down");
        kn_log_error("it is asked again", &err);
    }
}

bool kn_agent_container_is_another(struct kn_agent_libvirt *lv, const char *server, unsigned id)
{
    AUTO_DOM virDomainPtr dom = NULL;

    return kn_agent_libvirt_find(lv, server, &dom, NULL) == 0 && dom != NULL && virDomainIsActive(dom) == 1 &&
           virDomainGetID(dom) != id;
}

/* --- inside of its network ---------------------------------------------------------------------------------------------- */

/* The first process of the container: the one child of libvirt's own, whose id is the domain's. 0: there is none. */
static long container_init(unsigned domain)
{
    AUTO_FREE char *path = kn_asprintf("/proc/%u/task/%u/children", domain, domain);
    FILE *f = fopen(path, "re");
    long pid = 0;

    if (f == NULL) {
        return 0;
    }
    if (fscanf(f, "%ld", &pid) != 1) {
        pid = 0;
    }
    fclose(f);
    return pid;
}

/*
 * libvirt's own process of it may hang, or be gone, and libvirt say that it runs: what says so is whether its first process lives (proc(5): Z, it is not even
 * buried). Only what was read, or is not there, says that it is dead. The name in that file is the guest's, so its state is what follows the last bracket.
 */
bool kn_agent_container_is_dead(virDomainPtr dom)
{
    const unsigned domain = virDomainGetID(dom);
    char text[512] = "";

    if (domain == (unsigned)-1) {
        return false; /* it is off by now */
    }
    errno = 0;
    const long pid = container_init(domain);
    if (pid == 0) {
        return errno == 0 || errno == ENOENT || errno == ESRCH;
    }
    AUTO_FREE char *path = kn_asprintf("/proc/%ld/stat", pid);
    FILE *f = fopen(path, "re");

    if (f == NULL) {
        return errno == ENOENT;
    }
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    const char *end = strrchr(text, ')');

    return end != NULL && end[1] == ' ' && (end[2] == 'Z' || end[2] == 'X');
}

struct container_visit {
    long pid;
    const json_t *nics; /* kn_form_plug */
};

static int container_mtu_of(const json_t *nics, const unsigned char mac[6])
{
    const json_t *nic;
    size_t i;

    json_array_foreach (nics, i, nic) {
        unsigned char his[6];

        if (sscanf(kn_json_str(nic, "mac"), "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &his[0], &his[1], &his[2], &his[3],
                   &his[4], &his[5]) == 6 &&
            memcmp(mac, his, sizeof(his)) == 0) {
            return (int)kn_json_int(nic, "mtu");
        }
    }
    return 0;
}

static void container_set_mtus(const json_t *nics)
{
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct if_nameindex *all = if_nameindex();

    for (const struct if_nameindex *at = all; fd >= 0 && at != NULL && at->if_index != 0; at++) {
        struct ifreq request = { 0 };

        kn_copy(request.ifr_name, sizeof(request.ifr_name), at->if_name);
        if (ioctl(fd, SIOCGIFHWADDR, &request) < 0) {
            continue;
        }
        const int mtu = container_mtu_of(nics, (const unsigned char *)request.ifr_hwaddr.sa_data);

        request.ifr_mtu = mtu;
        if (mtu > 0 && ioctl(fd, SIOCSIFMTU, &request) < 0) {
            kn_log(KN_WARNING, "cannot set the MTU of a container's NIC", "name", at->if_name, NULL);
        }
    }
    if (all != NULL) {
        if_freenameindex(all);
    }
}

/* A thread of its own: it is in the guest's network for the rest of its life. */
static void *container_visit(void *opaque)
{
    const struct container_visit *visit = opaque;
    AUTO_FREE char *path = kn_asprintf("/proc/%ld/ns/net", visit->pid);
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd >= 0 && setns(fd, CLONE_NEWNET) == 0) {
        container_set_mtus(visit->nics);
    }
    return NULL;
}

/* A packet that is larger than its network carries is dropped in silence where it leaves the pair: no host answers "too big". */
static int container_fit(virDomainPtr dom, const json_t *nics, struct kn_error *err)
{
    struct container_visit visit = { container_init(virDomainGetID(dom)), nics };
    pthread_t thread;

    if (visit.pid == 0) { /* it is going down: there is nothing to fit */
        return 0;
    }
    if (pthread_create(&thread, NULL, container_visit, &visit) != 0) {
        return kn_fail(err, KN_INTERNAL, "cannot start a thread");
    }
    pthread_join(thread, NULL);
    return 0;
}

/* --- after a start ------------------------------------------------------------------------------------------------------ */

void kn_agent_container_listen(struct kn_agent_libvirt *lv, virDomainPtr dom, const char *server)
{
    AUTO_FREE char *xml = virDomainIsActive(dom) == 1 ? virDomainGetXMLDesc(dom, 0) : NULL;
    char tty[128];
    struct kn_error err = { 0 };

    if (xml == NULL || !kn_agent_scan_tty(xml, tty, sizeof(tty))) {
        return;
    }
    if (kn_agent_ttys_keep(lv->ttys, server, tty, &err) < 0) {
        kn_log_error("a container's console", &err);
    }
}

int kn_agent_container_tend(struct kn_agent_libvirt *lv, const char *server, struct kn_error *err)
{
    AUTO_DOM virDomainPtr now = NULL; /* looked up anew: one that the caller has knows the id that it had then */
    json_auto_t *spec = NULL;

    if (kn_agent_libvirt_find(lv, server, &now, err) < 0) {
        return -1;
    }
    if (now == NULL || kn_agent_libvirt_power_state(now, NULL) != KN_POWER_RUNNING ||
        kn_agent_guest_load(lv->conf->agent_state_dir, server, NULL, &spec, NULL) < 0) {
        return 0;
    }
    kn_agent_container_listen(lv, now, server);
    json_auto_t *plugs = kn_agent_spec_plugs(spec);

    return kn_network_host_plug(lv->net, server, plugs, err) < 0
               ? -1
               : container_fit(now, json_object_get(spec, "nics"), err);
}
