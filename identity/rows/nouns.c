/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of several nouns name: pieces of bodies, and how they are read. */
#include "identity/rows/nouns.h"

#include "lib/base/clock.h"

#define LAST_US INT64_C(253402300799000000) /* the year 9999 */

const struct kn_schema kn_identity_immutable_body[] = { KN_SCHEMA("immutable", KN_IS_BOOLEAN, .flags = KN_NULLABLE),
                                                        KN_SCHEMA_END };
const struct kn_schema kn_identity_tag_body[] = {
    KN_SCHEMA("tags", KN_IS_STRING, .limit = KN_LIMIT_PROJECT_TAG, .rule = &KN_TEXT_TAG),
    KN_SCHEMA_END,
};
const struct kn_schema kn_identity_role_body[] = {
    KN_SCHEMA("id", KN_IS_STRING, .limit = KN_LIMIT_IDENTITY_ID),
    KN_SCHEMA("name", KN_IS_STRING, .limit = KN_LIMIT_IDENTITY_NAME),
    KN_SCHEMA_END,
};

const char *kn_identity_said(const json_t *object, const char *key)
{
    return kn_schema_text(object, key, NULL);
}

bool kn_identity_says_enabled(const json_t *object, bool is)
{
    return json_object_get(object, "enabled") != NULL && kn_schema_bool(object, "enabled", true) == is;
}

int kn_identity_settle_expiry(json_t *object, struct kn_error *err)
{
    const char *text = kn_identity_said(object, "expires_at");
    char time[KN_TIME_SIZE];
    int64_t us = 0;

    if (text == NULL) {
        return 0;
    }
    if (kn_time_parse(text, &us) < 0 || us > LAST_US) {
        return kn_fail(err, KN_BAD_REQUEST, "expires_at is \"%.64s\", which is no time like 2026-11-21T10:00:00", text);
    }
    if (us <= kn_now_us()) {
        return kn_fail(err, KN_BAD_REQUEST, "expires_at is in the past");
    }
    kn_time_iso_us_z(us, time);
    json_object_set_new(object, "expires_at", json_string(time));
    return 0;
}
