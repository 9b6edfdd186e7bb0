/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/secret: what opens the encrypted volumes of a guest, for as long as libvirt needs it to give it to QEMU: while the guest starts, or gets the volume. libvirt's secrets are ephemeral (never on a disk) and
 * private (nobody reads them back), and are gone when that is over; a crash in between leaves one in libvirt's memory, until the agent is there again. QEMU has a copy, which libvirt hands over encrypted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compute-agent/core/guest_dir.h"
#include "compute-agent/core/keys.h"
#include "compute-agent/core/spec.h"
#include "compute-agent/libvirt/private.h"
#include "lib/adapter/crypto.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

static inline void secret_auto(virSecretPtr *secret)
{
    if (*secret != NULL) {
        virSecretFree(*secret);
    }
}
#define AUTO_SECRET __attribute__((cleanup(secret_auto)))

#define OURS "kilonova/" /* then server and volume: what a secret is used for */

static bool secret_is_needed(const json_t *connection)
{
    return strcmp(kn_json_str(connection, "format"), KN_SPEC_ENCRYPTED) == 0;
}

static int secret_define(virConnectPtr conn, const char *server, const char *volume, const char *key,
                         struct kn_error *err)
{
    char id[KN_UUID_SIZE];

    kn_agent_spec_secret(server, volume, id);
    AUTO_FREE char *xml = kn_asprintf("<secret ephemeral='yes' private='yes'><uuid>%s</uuid>"
                                      "<usage type='volume'><volume>" OURS "%s/%s</volume></usage></secret>",
                                      id, server, volume);
    AUTO_SECRET virSecretPtr secret = virSecretDefineXML(conn, xml, 0);

    return secret != NULL && virSecretSetValue(secret, (const unsigned char *)key, strlen(key), 0) == 0
               ? 0
               : kn_agent_libvirt_fail(err, "telling libvirt what opens the volume");
}

int kn_agent_libvirt_secret_put(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, const char *volume,
                                const json_t *connection, struct kn_error *err)
{
    AUTO_CONN virConnectPtr conn = NULL;
    char key[KN_AGENT_KEY_SIZE] = "";

    if (!secret_is_needed(connection)) {
        return 0;
    }
    const int rc = lv->events->ask_key(lv->events->ctx, ref->host, ref->server, volume, key, err) < 0 ||
                           kn_agent_libvirt_conn(lv, &conn, err) < 0 ||
                           secret_define(conn, ref->server, volume, key, err) < 0
                       ? -1
                       : 0;
    kn_wipe(key, sizeof(key));
    return rc;
}

void kn_agent_libvirt_secret_drop(struct kn_agent_libvirt *lv, const char *server, const char *volume,
                                  const json_t *connection)
{
    AUTO_CONN virConnectPtr conn = NULL;
    AUTO_SECRET virSecretPtr secret = NULL;
    struct kn_error err = { 0 };
    char id[KN_UUID_SIZE];

    if (!secret_is_needed(connection)) {
        return;
    }
    kn_agent_spec_secret(server, volume, id);
    if (kn_agent_libvirt_conn(lv, &conn, &err) < 0) {
        kn_log_error("forgetting what opens a volume", &err);
        return;
    }
    secret = virSecretLookupByUUIDString(conn, id);
    if (secret != NULL && virSecretUndefine(secret) < 0) {
        kn_agent_libvirt_fail(&err, "forgetting what opens a volume");
        kn_log_error("volume", &err);
    }
}

int kn_agent_libvirt_secrets_put(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref, json_t **ret_spec,
                                 struct kn_error *err)
{
    const json_t *item;
    size_t i;

    if (kn_agent_guest_load(lv->conf->agent_state_dir, ref->server, NULL, ret_spec, err) < 0) {
        return -1;
    }
    json_array_foreach (json_object_get(*ret_spec, "volumes"), i, item) {
        if (kn_agent_libvirt_secret_put(lv, ref, kn_json_str(item, "volume"), json_object_get(item, "connection"),
                                        err) < 0) {
            kn_agent_libvirt_secrets_drop(lv, ref, *ret_spec);
            return -1;
        }
    }
    return 0;
}

void kn_agent_libvirt_secrets_drop(struct kn_agent_libvirt *lv, const struct kn_agent_guest_ref *ref,
                                   const json_t *spec)
{
    const json_t *item;
    size_t i;

    json_array_foreach (json_object_get(spec, "volumes"), i, item) {
        kn_agent_libvirt_secret_drop(lv, ref->server, kn_json_str(item, "volume"), json_object_get(item, "connection"));
    }
}

void kn_agent_libvirt_secrets_forget(struct kn_agent_libvirt *lv)
{
    AUTO_CONN virConnectPtr conn = NULL;
    virSecretPtr *secrets = NULL;
    struct kn_error err = { 0 };
    int count = -1;

    if (kn_agent_libvirt_conn(lv, &conn, &err) == 0) {
        count = virConnectListAllSecrets(conn, &secrets, 0);
    }
    if (count < 0) {
        kn_log(KN_WARNING, "cannot see whether libvirt knows what opens a volume", NULL);
    }
    for (int i = 0; i < count; i++) {
        const char *usage = virSecretGetUsageID(secrets[i]);

        if (usage != NULL && strncmp(usage, OURS, strlen(OURS)) == 0 && virSecretUndefine(secrets[i]) < 0) {
            kn_agent_libvirt_fail(&err, "forgetting what opens a volume");
            kn_log_error("volume", &err);
        }
        virSecretFree(secrets[i]);
    }
    free((void *)secrets);
}
