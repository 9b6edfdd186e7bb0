/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema: what a request's body may say, as tables, and one function that checks a body against them.
 *
 *   static const struct kn_schema SERVER[] = {
 *       KN_SCHEMA("name", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_SERVER_NAME, .rule = &KN_TEXT_NAME),
 *       KN_SCHEMA("description", KN_IS_STRING, .flags = KN_NULLABLE, .limit = KN_LIMIT_SERVER_DESCRIPTION, .since = 19),
 *       KN_SCHEMA_END,
 *   };
 *   static const struct kn_schema BODY[] = { KN_SCHEMA("server", KN_IS_OBJECT, .flags = KN_REQUIRED, .inner = SERVER), KN_SCHEMA_END };
 *   if (kn_schema_check(BODY, req->body, req->microversion, err) < 0) return -1;
 *
 * What no row names is refused: nothing is ever ignored in silence. A name may have several rows; the value has to fit the
 * first one whose JSON type is its own. A refusal is KN_BAD_REQUEST in the words of a service, which clients show; Nova's and Cinder's are
 * "Invalid input for field/attribute name. Value: . '' is too short". Pure.
 */
#ifndef KN_DOMAIN_SCHEMA_H
#define KN_DOMAIN_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/error.h"
#include "lib/domain/limits.h"

enum kn_shape {
    KN_IS_STRING,  /* limit: its length in characters, in bytes where the limit says so */
    KN_IS_INTEGER, /* 5 or "5"; limit: its value */
    KN_IS_NUMBER,  /* 5, 0.5 or "0.5"; must be above 0, unless it is exact */
    KN_IS_BOOLEAN, /* true, "True", "1", "on", "yes", … and their opposites */
    KN_IS_OBJECT,  /* inner: its fields; NULL = anything may be inside */
    KN_IS_LIST,    /* inner: the row, or one of the rows, that every item has to fit; limit: how many */
    KN_IS_MAP,     /* names by `rule`, values like a list's items; limit: how many */
    KN_IS_NULL,
    KN_IS_ANY,
};

enum {
    KN_REQUIRED = 1,
    KN_NULLABLE = 2,
    KN_EXACT =
        4, /* of KN_IS_BOOLEAN, KN_IS_INTEGER and KN_IS_NUMBER: JSON's own, no words or digits in a string for them */
    KN_UNIQUE = 16, /* of KN_IS_LIST of strings: none is there twice */
    KN_OPEN = 8,  /* of KN_IS_OBJECT: names that no row knows may be there; nobody reads them */
};

struct kn_text_rule {
    bool (*holds)(const char *text); /* text is valid UTF-8 */
    const char *words;               /* "is not a 'uuid'" */
    bool is_id; /* a uuid is written in lower case where it stands: rows and messages know no other */
};

struct kn_schema {
    const char *name; /* NULL ends a table */
    enum kn_shape shape;
    unsigned flags;
    enum kn_limit limit; /* a row of lib/domain/limits.def; KN_LIMIT_NONE = unbounded */
    const struct kn_text_rule *rule;
    const char *const *words; /* a KN_IS_STRING must be one of these; ended by NULL */
    const struct kn_schema *inner;
    int since, until; /* first and last minor microversion, 0 = no bound */
};

/* KN_SCHEMA(name, shape, .field = …): a row. */
#define KN_SCHEMA(n, ...) \
    { \
        .name = n, .shape = __VA_ARGS__ \
    }
#define KN_SCHEMA_END \
    { \
        .name = NULL \
    }

/* What a service says of a body that it refuses. "%1", "%2" and "%3" stand for what the comment names. */
struct kn_schema_words {
    const char *refusal; /* of a field: its name, its value, the reason */
    const char *missing; /* name */
    const char *unknown; /* name */
    const char *shapes[KN_IS_ANY + 1]; /* what a value of another type is; these and the next stand behind the value */
    const char *too_short, *too_long;
    const char *too_small, *too_large; /* the bound */
    const char *no_integer, *no_number, *no_boolean;
    bool is_loose; /* booleans: words in any case, also t and f, 0 and 1 */
    bool blames_outer; /* what is wrong inside of a field is said of the field */
    bool quotes_all; /* '5', not 5 */
};
extern const struct kn_schema_words KN_SCHEMA_NOVA, KN_SCHEMA_KEYSTONE; /* more are beside their services' manners */

/*
 * 0, or -1 with KN_BAD_REQUEST. body NULL (none was sent) is refused as well. Of a body that was checked only the ids have changed:
 * they are in lower case now.
 */
int kn_schema_check(const struct kn_schema *fields, const json_t *body, int microversion, struct kn_error *err);
int kn_schema_check_in(const struct kn_schema_words *words, const struct kn_schema *fields, const json_t *body,
                       int microversion, struct kn_error *err);

/* The same for what holds secrets: a refusal names the field and repeats no value. */
int kn_schema_check_secret(const struct kn_schema *fields, const json_t *body, struct kn_error *err);

/* Reading what was checked, whatever words the service has. Absent or null gives dflt. */
const char *kn_schema_text(const json_t *object, const char *key, const char *dflt);
int64_t kn_schema_int(const json_t *object, const char *key, int64_t dflt);
bool kn_schema_bool(const json_t *object, const char *key, bool dflt);

extern const struct kn_text_rule KN_TEXT_NAME; /* printable, no space at either end */
extern const struct kn_text_rule KN_TEXT_ZONE; /* a name without a colon */
extern const struct kn_text_rule KN_TEXT_PRINTABLE; /* descriptions */
extern const struct kn_text_rule KN_TEXT_UUID;
extern const struct kn_text_rule KN_TEXT_UUID_OR_EMPTY;
extern const struct kn_text_rule KN_TEXT_DEVICE_ID; /* of a block device: a uuid, or what some driver calls its own */
extern const struct kn_text_rule KN_TEXT_HOSTNAME; /* one label */
extern const struct kn_text_rule KN_TEXT_FQDN;
extern const struct kn_text_rule KN_TEXT_IPV4;
extern const struct kn_text_rule KN_TEXT_IPV6;
extern const struct kn_text_rule KN_TEXT_IP;
extern const struct kn_text_rule KN_TEXT_BASE64;
extern const struct kn_text_rule KN_TEXT_TAG; /* no comma, no slash */
extern const struct kn_text_rule KN_TEXT_META_KEY;
extern const struct kn_text_rule KN_TEXT_CONTAINER; /* one name of a directory, hidden nowhere */
extern const struct kn_text_rule KN_TEXT_KEYPAIR;
extern const struct kn_text_rule KN_TEXT_KEYPAIR_292;
extern const struct kn_text_rule KN_TEXT_FLAVOR_ID;
extern const struct kn_text_rule KN_TEXT_PROJECT;

#endif
