/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of single texts that bodies are made of: names, host names, addresses, tags. Character classes written as
 * functions, so that no user's text ever meets a regular expression. Only true or false; schema.c finds the words.
 */
#include "lib/domain/schema.h"

#include <arpa/inet.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

struct range {
    uint32_t first, last;
};

/* Control, format, private and surrogate characters, line and paragraph separators. */
static const struct range UNPRINTABLE[] = {
    { 0x00, 0x1F },     { 0x7F, 0x9F },     { 0xAD, 0xAD },     { 0x600, 0x605 },
    { 0x61C, 0x61C },   { 0x6DD, 0x6DD },   { 0x70F, 0x70F },   { 0x180E, 0x180E },
    { 0x200B, 0x200F }, { 0x2028, 0x202E }, { 0x2060, 0x206F }, { 0xD800, 0xF8FF },
    { 0xFEFF, 0xFEFF }, { 0xFFF0, 0xFFFB }, { 0xFFFE, 0xFFFF }, { 0xE0000, 0x10FFFF },
};

static const struct range SPACES[] = {
    { 0x20, 0x20 },     { 0xA0, 0xA0 },     { 0x1680, 0x1680 }, { 0x2000, 0x200A },
    { 0x202F, 0x202F }, { 0x205F, 0x205F }, { 0x3000, 0x3000 },
};

static bool in(const struct range *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* Takes one character of valid UTF-8 and moves on. */
static uint32_t next_character(const char **text)
{
    const unsigned char *p = (const unsigned char *)*text;
    int more = p[0] >= 0xF0 ? 3 : p[0] >= 0xE0 ? 2 : p[0] >= 0xC0 ? 1 : 0;
    uint32_t c = more == 3 ? p[0] & 0x07U : more == 2 ? p[0] & 0x0FU : more == 1 ? p[0] & 0x1FU : p[0];

    for (int i = 1; i <= more && (p[i] & 0xC0) == 0x80; i++) {
        c = (c << 6) | (p[i] & 0x3FU);
    }
    *text += 1;
    while (((unsigned char)**text & 0xC0) == 0x80) {
        *text += 1;
    }
    return c;
}

static bool printable(const char *text)
{
    while (*text != '\0') {
        if (in(UNPRINTABLE, KN_COUNT(UNPRINTABLE), next_character(&text))) {
            return false;
        }
    }
    return true;
}

static bool name(const char *text)
{
    uint32_t c = 'x', first = 0;
    bool any = false;

    if (!printable(text)) {
        return false;
    }
    while (*text != '\0') {
        c = next_character(&text);
        first = any ? first : c;
        any = true;
    }
    return !any || (!in(SPACES, KN_COUNT(SPACES), first) && !in(SPACES, KN_COUNT(SPACES), c));
}

static bool zone_name(const char *text)
{
    return name(text) && strchr(text, ':') == NULL;
}

static bool made_of(const char *text, const char *allowed)
{
    return text[strspn(text, allowed)] == '\0';
}

static bool uuid(const char *text)
{
    return kn_uuid_valid(text);
}

static bool uuid_or_empty(const char *text)
{
    return text[0] == '\0' || kn_uuid_valid(text);
}

static bool device_id(const char *text)
{
    return made_of(text, LETTERS DIGITS "._-");
}

static bool container(const char *text)
{
    return device_id(text) && text[0] != '.';
}

static bool hostname(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && made_of(text, LETTERS DIGITS "-") && text[0] != '-' && text[len - 1] != '-';
}

static bool fqdn(const char *text)
{
    return made_of(text, LETTERS DIGITS "-._");
}

static bool ipv4(const char *text)
{
    struct in_addr a;

    return inet_pton(AF_INET, text, &a) == 1;
}

static bool ipv6(const char *text)
{
    struct in6_addr a;

    return inet_pton(AF_INET6, text, &a) == 1;
}

static bool ip(const char *text)
{
    return ipv4(text) || ipv6(text);
}

/* Line breaks are allowed, as in what base64(1) prints. */
static bool base64(const char *text)
{
    size_t digits = 0, pads = 0;

    for (; *text != '\0'; text++) {
        if (*text == '\n' || *text == '\r') {
            continue;
        }
        if (*text == '=') {
            pads++;
        } else if (pads > 0 || strchr(LETTERS DIGITS "+/", *text) == NULL) {
            return false;
        } else {
            digits++;
        }
    }
    return pads <= 2 && (digits + pads) % 4 == 0;
}

static bool tag(const char *text)
{
    return strpbrk(text, ",/") == NULL;
}

static bool meta_key(const char *text)
{
    return kn_limit_fits(KN_LIMIT_META_KEY, text) && made_of(text, LETTERS DIGITS "-_:. ");
}

static bool keypair(const char *text)
{
    return name(text) && made_of(text, LETTERS DIGITS "_- ");
}

static bool keypair_292(const char *text)
{
    return name(text) && made_of(text, LETTERS DIGITS "_- @.");
}

static bool flavor_id(const char *text)
{
    return name(text) && made_of(text, LETTERS DIGITS ". _-");
}

static bool project(const char *text)
{
    return made_of(text, LETTERS DIGITS "-");
}

const struct kn_text_rule KN_TEXT_NAME = { name, "is not a 'name': printable characters, no white space at either end",
                                           false };
const struct kn_text_rule KN_TEXT_ZONE = { zone_name, "is not a printable name without ':'", false };
const struct kn_text_rule KN_TEXT_PRINTABLE = { printable, "does not match: printable characters only", false };
const struct kn_text_rule KN_TEXT_UUID = { uuid, "is not a 'uuid'", true };
const struct kn_text_rule KN_TEXT_UUID_OR_EMPTY = { uuid_or_empty, "is not a 'uuid'", true };
const struct kn_text_rule KN_TEXT_DEVICE_ID = { device_id, "does not match '^[a-zA-Z0-9._-]*$'", true };
const struct kn_text_rule KN_TEXT_HOSTNAME = { hostname, "does not match '^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$'",
                                               false };
const struct kn_text_rule KN_TEXT_FQDN = { fqdn, "does not match '^[a-zA-Z0-9-._]*$'", false };
const struct kn_text_rule KN_TEXT_IPV4 = { ipv4, "is not a 'ipv4'", false };
const struct kn_text_rule KN_TEXT_IPV6 = { ipv6, "is not a 'ipv6'", false };
const struct kn_text_rule KN_TEXT_IP = { ip, "is not a 'ipv4' or 'ipv6'", false };
const struct kn_text_rule KN_TEXT_BASE64 = { base64, "is not a 'base64'", false };
const struct kn_text_rule KN_TEXT_TAG = { tag, "does not match '^[^,/]*$'", false };
const struct kn_text_rule KN_TEXT_CONTAINER = { container, "does not match '^[a-zA-Z0-9_-][a-zA-Z0-9._-]*$'", false };
const struct kn_text_rule KN_TEXT_META_KEY = { meta_key, "does not match '^[a-zA-Z0-9-_:. ]{1,255}$'", false };
const struct kn_text_rule KN_TEXT_KEYPAIR = { keypair, "does not match '^[_\\- a-zA-Z0-9]+$'", false };
const struct kn_text_rule KN_TEXT_KEYPAIR_292 = { keypair_292, "does not match '^[_\\-\\@\\. a-zA-Z0-9]+$'", false };
const struct kn_text_rule KN_TEXT_FLAVOR_ID = { flavor_id, "does not match '^(?! )[a-zA-Z0-9. _-]+(?<! )$'", false };
const struct kn_text_rule KN_TEXT_PROJECT = { project, "does not match '^[a-zA-Z0-9-]*$'", false };
