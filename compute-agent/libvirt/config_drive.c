/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/config_drive: what the metadata service would say, on a disk beside the guest's own, for guests that have no network when they ask, and for those that
 * look there first. The disk is of what is so when it is made: at the first definition, and at a hard reboot anew.
 */
#include <unistd.h>

#include "compute-agent/core/file.h"
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

int kn_agent_libvirt_config_drive(struct kn_agent_libvirt *lv, const char *server, const json_t *spec, bool anew,
                                  struct kn_error *err)
{
    AUTO(kn_agent_iso) struct kn_agent_iso *iso = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf bytes = KN_STRBUF_INIT;
    char path[PATH_MAX], dir[PATH_MAX];

    kn_agent_guest_path(lv->conf->agent_state_dir, server, KN_GUEST_CONFIG_DRIVE, path);
    kn_agent_guest_path(lv->conf->agent_state_dir, server, "", dir);
    if (!kn_json_bool(spec, "config_drive") || (!anew && access(path, F_OK) == 0)) {
        return 0;
    }
    json_auto_t *told = kn_agent_libvirt_told(lv, spec);

    iso = kn_agent_iso_new(LABEL, kn_now_ms() / 1000);
    kn_agent_metadata_drive(server, told, drive_add, iso);
    kn_agent_iso_write(iso, &bytes);
    return kn_agent_file_replace_bytes(dir, KN_GUEST_CONFIG_DRIVE, bytes.buf, bytes.len, err);
}
