/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signer: signed messages, so that a host that was broken into speaks in no other's name.
 *
 * The control plane shares one secret (bus.key_file). An agent's key is HMAC-SHA256(secret, "agent " id), so that an agent's host knows no other key
 * than its own (agent.key_file), and the control plane needs no list. What concerns an agent, commands on its topic and what it says itself, is
 * signed with its key; all else with a key that is the control plane's alone. A signature covers the topic and every byte before it:
 *
 *   {"type":…,"body":{…},"from":"agent/h1","sig":"<43 characters of base64url>"}
 *
 * so a command for one agent is none for another, and an answer is no command. It proves who said it, not when: that something is not obeyed twice
 * is for attempts, generations and orders.
 */
#ifndef KN_ADAPTER_SIGNER_H
#define KN_ADAPTER_SIGNER_H

#include "lib/adapter/conf.h"
#include "lib/base/cleanup.h"
#include "lib/base/error.h"
#include "lib/base/strbuf.h"
#include "lib/domain/message.h"

struct kn_signer;

/*
 * who: "agent/" and its id, or a service and its host. *ret is NULL when no key is configured: then nothing is signed. A key file that others may read
 * is refused.
 */
int kn_signer_new(const struct kn_conf *conf, const char *who, struct kn_signer **ret, struct kn_error *err);
void kn_signer_free(struct kn_signer *signer);
KN_DEFINE_AUTO(kn_signer);

const char *kn_signer_who(const struct kn_signer *signer);
/* Thread-safe. text: a whole message with "from" for that topic; its signature is put before the last brace. */
void kn_signer_sign(struct kn_signer *signer, const char *topic, struct kn_strbuf *text);
/* Thread-safe. m: what was parsed out of data. KN_FORBIDDEN names the sender, as far as it says who it is. */
int kn_signer_check(struct kn_signer *signer, const char *topic, const char *data, size_t len,
                    const struct kn_message *m, struct kn_error *err);

/* For the operator: a new secret in bus.key_file, KN_CONFLICT if there is one; the key of an agent in a file of mode 0600. */
int kn_signer_make_secret(const char *path, struct kn_error *err);
int kn_signer_make_agent_key(const struct kn_conf *conf, const char *agent, const char *path, struct kn_error *err);

#endif
