/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/config_drive: what the metadata service would say, on a disk beside the guest's own, for guests that have no network when they ask, and for those that
 * look there first. The disk is of what is so when it is made: at the first definition, and at a hard reboot anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/iso.h"
#include "compute-agent/libvirt/private.h"
#include "compute-agent/metadata/metadata.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

#define LABEL "config-2" /* by which cloud-init finds it */

json_t *kn_agent_libvirt_told(struct kn_agent_libvirt *lv, const json_t *spec)
{
    json_t *told = json_copy((json_t *)(uintptr_t)spec);

    json_object_set_new(told, "nics", kn_network_host_nics(lv->net, json_object_get(spec, "nics")));
    if (lv->vendor != NULL) {
        json_object_set_new(told, KN_METADATA_VENDOR, json_deep_copy(lv->vendor));
    }
    return told;
}

static void drive_add(void *ctx, const char *path, const struct kn_strbuf *body)
{
    kn_agent_iso_add(ctx, path, body->buf, body->len);
}

/* Whole or not there, whatever kills the process. */
static int drive_write(const char *path, const struct kn_strbuf *bytes, struct kn_error *err)
{
    AUTO_FREE char *fresh = kn_asprintf("%s.new", path);
    AUTO_CLOSE int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    for (size_t done = 0; fd >= 0 && done < bytes->len;) {
        const ssize_t n = write(fd, bytes->buf + done, bytes->len - done);

        if (n < 0 && errno != EINTR) {
            return kn_fail(err, KN_UNAVAILABLE, "cannot write \"%s\": %s", fresh, strerror(errno));
        }
        done += n > 0 ? (size_t)n : 0;
    }
    return fd >= 0 && fsync(fd) == 0 && rename(fresh, path) == 0
               ? 0
               : kn_fail(err, KN_UNAVAILABLE, "cannot write \"%s\": %s", path, strerror(errno));
}

int kn_agent_libvirt_config_drive(struct kn_agent_libvirt *lv, const char *server, const json_t *spec, bool anew,
                                  struct kn_error *err)
{
    AUTO(kn_agent_iso) struct kn_agent_iso *iso = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf bytes = KN_STRBUF_INIT;
    char path[PATH_MAX];

    kn_agent_guest_path(lv->conf->agent_state_dir, server, KN_GUEST_CONFIG_DRIVE, path);
    if (!kn_json_bool(spec, "config_drive") || (!anew && access(path, F_OK) == 0)) {
        return 0;
    }
    json_auto_t *told = kn_agent_libvirt_told(lv, spec);

    iso = kn_agent_iso_new(LABEL, kn_now_ms() / 1000);
    kn_agent_metadata_drive(server, told, drive_add, iso);
    kn_agent_iso_write(iso, &bytes);
    return drive_write(path, &bytes, err);
}
