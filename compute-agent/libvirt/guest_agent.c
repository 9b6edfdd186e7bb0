/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libvirt/guest_agent: what the agent inside a guest is asked to do. It is the guest's: it may be absent, silent or lie, so nothing waits for it longer than a few
 * seconds, and nobody believes more than that it answered.
 */
#include "compute-agent/libvirt/private.h"
#include "lib/domain/server_state.h"

#define ANSWER_S 5

static int guest_agent_fail(struct kn_error *err)
{
    const virError *e = virGetLastError();
    const int code = e != NULL ? e->code : VIR_ERR_OK;

    kn_agent_libvirt_fail(err, "asking the guest's agent");
    err->code = code == VIR_ERR_AGENT_UNRESPONSIVE || code == VIR_ERR_AGENT_UNSYNCED ? KN_TIMEOUT
                : code == VIR_ERR_ARGUMENT_UNSUPPORTED || code == VIR_ERR_CONFIG_UNSUPPORTED ||
                        code == VIR_ERR_OPERATION_UNSUPPORTED || code == VIR_ERR_NO_SUPPORT
                    ? KN_NOT_IMPLEMENTED
                    : err->code;
    return -1;
}

int kn_agent_libvirt_set_password(void *state, const struct kn_agent_guest_ref *ref, const char *user,
                                  const char *password, struct kn_error *err)
{
    AUTO_DOM virDomainPtr dom = NULL;

    if (kn_agent_libvirt_need(state, ref, &dom, err) < 0) {
        return -1;
    }
    if (kn_agent_libvirt_power_state(dom, NULL) != KN_POWER_RUNNING) {
        return kn_fail(err, KN_CONFLICT, "server \"%s\" does not run", ref->server);
    }
    virDomainAgentSetResponseTimeout(dom, ANSWER_S, 0);
    return virDomainSetUserPassword(dom, user, password, 0) == 0 ? 0 : guest_agent_fail(err);
}
