/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may say what. It follows from the registry: what is sent to an agent's topic is answered by an agent, a report that names its agent is that
 * agent's own, and all else is said by the control plane. Whether a speaker is who it says is proven before (lib/adapter/signer.h).
 */
#include <string.h>

#include "lib/domain/message.h"

#define AGENT "agent/"

const char *kn_speaker_agent(const char *from)
{
    return strncmp(from, AGENT, strlen(AGENT)) == 0 && from[strlen(AGENT)] != '\0' ? from + strlen(AGENT) : NULL;
}

static bool names_its_agent(const struct kn_message_type *type)
{
    return strcmp(type->topic, KN_TOPIC_REPORT) == 0 && type->fields->kind != KN_FIELD_END &&
           strcmp(type->fields->name, "agent") == 0;
}

static bool may_say(const struct kn_message *m, const char *agent)
{
    if (m->is_reply && m->type->is_question) {
        return agent != NULL && strcmp(agent, m->agent) == 0;
    }
    if (m->is_reply) {
        return (agent != NULL) == (strcmp(m->type->topic, KN_TOPIC_AGENT) == 0);
    }
    if (strcmp(m->type->topic, KN_TOPIC_REPLY) == 0) {
        return true; /* of a command; whose, the conductor knows */
    }
    if (names_its_agent(m->type)) {
        return agent != NULL && strcmp(agent, kn_json_str(m->body, "agent")) == 0;
    }
    return agent == NULL;
}

int kn_message_speaker_check(const struct kn_message *m, struct kn_error *err)
{
    if (may_say(m, kn_speaker_agent(m->from))) {
        return 0;
    }
    return kn_fail(err, KN_FORBIDDEN, "sender \"%s\" may not say %s%s%s", m->from, m->is_reply ? "the answer to " : "",
                   m->type->name, !m->is_reply && names_its_agent(m->type) ? " of another" : "");
}
