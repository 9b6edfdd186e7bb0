/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages over the bus: the one place where they are signed and the one where they are believed. What they mean it does not know; what is refused
 * here the caller sends to kn.dead.
 */
#include "lib/adapter/bus_private.h"
#include "lib/base/mem.h"

int kn_bus_speak_as(struct kn_bus *bus, const char *who, struct kn_error *err)
{
    return kn_signer_new(&bus->conf, who, &bus->signer, err);
}

int kn_bus_say(struct kn_bus *bus, const char *topic, int partition, const struct kn_message *message,
               struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    struct kn_message said = *message; /* borrows */

    kn_copy(said.from, sizeof(said.from), bus->signer != NULL ? kn_signer_who(bus->signer) : "");
    if (kn_message_print(&said, &text, err) < 0) {
        return -1;
    }
    if (bus->signer != NULL) {
        kn_signer_sign(bus->signer, topic, &text);
    }
    if (text.len > KN_MESSAGE_MAX) { /* with its signature: nobody would read it */
        return kn_fail(err, KN_TOO_LARGE, "%s of %zu bytes is larger than %d", message->type->name, text.len,
                       KN_MESSAGE_MAX);
    }
    return kn_bus_send(bus, topic, partition, text.buf, text.len, err);
}

int kn_bus_hear(struct kn_bus *bus, const struct kn_bus_message *raw, struct kn_message *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };

    if (kn_message_parse(raw->data, raw->len, &m, err) < 0) {
        return -1;
    }
    if (bus->signer == NULL) {
        m.from[0] = '\0';
    } else if (kn_signer_check(bus->signer, raw->topic, raw->data, raw->len, &m, err) < 0 ||
               kn_message_speaker_check(&m, err) < 0) {
        return -1;
    }
    *ret = m;
    m = (struct kn_message){ 0 };
    return 0;
}
