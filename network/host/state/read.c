/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.c: the walk through tables of fields. Trusts nobody: what is no number in its range, no address, uuid, label or word in the expected place is
 * refused here, so that the compilers behind only ever print what they may.
 */
#include "network/host/state/read.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "network/address/mac.h"
#include "network/host/nic.h"

static bool is_domain(const char *text, size_t size)
{
    char label[KN_NETWORK_NAME_SIZE];

    if (strlen(text) >= size) {
        return false;
    }
    for (const char *at = text;; at++) {
        const size_t len = strcspn(at, ".");

        if (len >= sizeof(label)) {
            return false;
        }
        kn_copy(label, len + 1, at);
        if (!kn_network_is_label(label)) {
            return at != text && *at == '\0'; /* a dot at the end is fine */
        }
        at += len;
        if (*at == '\0') {
            return true;
        }
    }
}

/* extra_dhcp_opts: what Neutron's validator lets through, less what opens something in dnsmasq's files. */
static bool is_option_text(const char *text, size_t size)
{
    static const char OK[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !%&'()*+-./:;<=>?@[]^_`{|}~$,";

    return strlen(text) < size && text[strspn(text, OK)] == '\0';
}

static bool read_text(const struct kn_network_field *field, const char *text, char *out)
{
    const size_t size = field->type == READ_UUID ? KN_UUID_SIZE : (size_t)field->most;

    if (text == NULL || (field->type == READ_UUID && !kn_uuid_valid(text)) ||
        (field->type == READ_DOMAIN && text[0] != '\0' && !is_domain(text, size)) ||
        (field->type == READ_TEXT && !is_option_text(text, size))) {
        return false;
    }
    if (field->type == READ_LABEL  ? kn_network_is_label(text) && strlen(text) < size
        : field->type == READ_HOST ? is_domain(text, size)
                                   : true) {
        kn_copy(out, size, text);
    }
    return true;
}

static bool read_number(const struct kn_network_field *field, const json_t *value, void *out)
{
    const int64_t number = json_integer_value(value);

    if (!json_is_integer(value) || number < field->least || number > field->most) {
        return false;
    }
    if (field->type == READ_WIDE) {
        *(int64_t *)out = number;
    } else if (field->type == READ_BYTE) {
        *(uint8_t *)out = (uint8_t)number;
    } else if (field->type == READ_SHORT) {
        *(uint16_t *)out = (uint16_t)number;
    } else {
        *(int *)out = (int)number;
    }
    return true;
}

static bool read_word(const struct kn_network_field *field, const char *word, void *out)
{
    for (int i = 0; word != NULL && field->words[i] != NULL; i++) {
        if (strcmp(field->words[i], word) == 0) {
            *(unsigned *)out = (unsigned)i; /* an enum whose members are none below 0 */
            return true;
        }
    }
    return false;
}

/* Lists of one thing each: struct kn_network_ips, struct kn_network_prefixes, or a pointer with its count elsewhere. */
static bool read_things(const struct kn_network_field *field, const json_t *value, char *object)
{
    const size_t count = json_array_size(value);
    const size_t size = field->type == READ_IPS        ? sizeof(struct kn_ip)
                        : field->type == READ_PREFIXES ? sizeof(struct kn_ip_prefix)
                                                       : KN_UUID_SIZE;
    const size_t count_at = field->count_at != 0 ? field->count_at : field->at + offsetof(struct kn_network_ips, count);
    char *items;

    if (!json_is_array(value) || count > (size_t)field->most) {
        return false;
    }
    items = kn_alloc((count + 1) * size);
    memcpy(object + field->at, &items, sizeof(items));
    memcpy(object + count_at, &count, sizeof(count));
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(value, i));
        char *item = items + i * size;

        if (field->type == READ_IPS        ? !kn_ip_parse(text, (struct kn_ip *)(void *)item)
            : field->type == READ_PREFIXES ? !kn_ip_prefix_parse(text, (struct kn_ip_prefix *)(void *)item)
                                           : !kn_uuid_valid(text)) {
            return false;
        }
        if (field->type == READ_UUIDS) {
            kn_copy(item, KN_UUID_SIZE, text);
        }
    }
    return true;
}
_Static_assert(offsetof(struct kn_network_ips, count) == offsetof(struct kn_network_prefixes, count), "one shape");

static int read_list(const struct kn_network_field *field, const json_t *value, char *object, struct kn_error *err)
{
    const size_t count = json_array_size(value);
    char *items;

    if (!json_is_array(value) || count > (size_t)field->most) {
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" is no list of at most %lld", field->name, (long long)field->most);
    }
    items = kn_alloc((count + 1) * field->inner_size);
    memcpy(object + field->at, &items, sizeof(items));
    memcpy(object + field->count_at, &count, sizeof(count)); /* the rest is zero: freeing it is fine at any point */
    for (size_t i = 0; i < count; i++) {
        if (kn_network_fields_read(field->inner, json_array_get(value, i), items + i * field->inner_size, err) < 0) {
            return kn_fail_context(err, "%s[%zu]", field->name, i);
        }
    }
    return 0;
}

static bool read_value(const struct kn_network_field *field, const json_t *value, char *object, struct kn_error *err)
{
    char *out = object + field->at;
    const char *text = json_string_value(value);

    switch (field->type) {
    case READ_UUID:
    case READ_LABEL:
    case READ_HOST:
    case READ_DOMAIN:
    case READ_TEXT:
        return read_text(field, text, out);
    case READ_MAC:
        return kn_network_mac_parse(text, (uint8_t *)out);
    case READ_IP:
        return kn_ip_parse(text, (struct kn_ip *)(void *)out);
    case READ_PREFIX:
        return kn_ip_prefix_parse(text, (struct kn_ip_prefix *)(void *)out);
    case READ_BOOL:
        *(bool *)out = json_is_true(value);
        return json_is_boolean(value);
    case READ_INT:
    case READ_BYTE:
    case READ_SHORT:
    case READ_WIDE:
        return read_number(field, value, out);
    case READ_WORD:
        return read_word(field, text, out);
    case READ_STRUCT:
        return kn_network_fields_read(field->inner, value, out, err) == 0;
    case READ_LIST:
        return read_list(field, value, object, err) == 0;
    case READ_IPS:
    case READ_PREFIXES:
    case READ_UUIDS:
        return read_things(field, value, object);
    }
    return false;
}

int kn_network_fields_read(const struct kn_network_field *fields, const json_t *json, void *object,
                           struct kn_error *err)
{
    for (const struct kn_network_field *field = fields; field->name != NULL; field++) {
        const json_t *value = json_object_get(json, field->name);

        if (value == NULL && field->type == READ_INT) {
            const int otherwise = (int)field->otherwise;

            memcpy((char *)object + field->at, &otherwise, sizeof(otherwise));
        }
        if (value == NULL && !field->required) {
            continue;
        }
        kn_error_clear(err);
        if (value == NULL || !read_value(field, value, object, err)) {
            return err->code != KN_OK ? -1 : kn_fail(err, KN_BAD_REQUEST, "no valid \"%s\"", field->name);
        }
        if (field->said_at != 0) {
            *(bool *)((char *)object + field->said_at) = true;
        }
    }
    return fields->also == NULL ? 0 : fields->also(json, object, err);
}

void kn_network_fields_free(const struct kn_network_field *fields, void *object)
{
    for (const struct kn_network_field *field = fields; field->name != NULL; field++) {
        char *items = NULL;
        size_t count = 0;

        if (field->type != READ_LIST && field->type != READ_IPS && field->type != READ_PREFIXES &&
            field->type != READ_UUIDS) {
            continue;
        }
        memcpy(&items, (char *)object + field->at, sizeof(items));
        if (field->type == READ_LIST) {
            memcpy(&count, (char *)object + field->count_at, sizeof(count));
        }
        for (size_t i = 0; i < count; i++) {
            kn_network_fields_free(field->inner, items + i * field->inner_size);
        }
        free(items);
    }
    if (fields->also_free != NULL) {
        fields->also_free(object);
    }
}
