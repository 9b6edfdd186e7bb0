/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the forms of identifiers and which shard an object belongs to. Random bytes come from the kernel each time: a buffer of
 * them would be handed out twice after a fork. kn_shard_of() must never change: rows in a database depend on it.
 */
#include "lib/base/uuid.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void random_version4(uint8_t bytes[16])
{
    if (getrandom(bytes, 16, 0) != 16) {
        abort(); /* 16 bytes never come short once the kernel has booted */
    }
    bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
}

static char *put_hex(char *out, const uint8_t *bytes, int n)
{
    static const char DIGITS[] = "0123456789abcdef";
    for (int i = 0; i < n; i++) {
        *out++ = DIGITS[bytes[i] >> 4];
        *out++ = DIGITS[bytes[i] & 15];
    }
    return out;
}

void kn_uuid_make(char out[KN_UUID_SIZE])
{
    static const int GROUPS[] = { 4, 2, 2, 2, 6 };
    uint8_t bytes[16];
    random_version4(bytes);
    const uint8_t *at = bytes;
    for (int g = 0; g < 5; g++) {
        if (g > 0) {
            *out++ = '-';
        }
        out = put_hex(out, at, GROUPS[g]);
        at += GROUPS[g];
    }
    *out = '\0';
}

void kn_uuid_make_hex(char out[KN_HEX_SIZE])
{
    uint8_t bytes[16];
    random_version4(bytes);
    *put_hex(out, bytes, 16) = '\0';
}

void kn_request_id_make(char out[KN_REQUEST_ID_SIZE])
{
    memcpy(out, "req-", 4);
    kn_uuid_make(out + 4);
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool kn_uuid_valid(const char *text)
{
    if (text == NULL) {
        return false;
    }
    for (int i = 0; i < KN_UUID_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !is_hex(text[i])) {
            return false;
        }
    }
    return text[KN_UUID_SIZE - 1] == '\0';
}

void kn_uuid_lower(char *text)
{
    if (!kn_uuid_valid(text)) {
        return;
    }
    for (char *c = text; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'F' ? (char)(*c + 32) : *c;
    }
}

bool kn_request_id_valid(const char *text)
{
    return text != NULL && strncmp(text, "req-", 4) == 0 && kn_uuid_valid(text + 4);
}

int kn_shard_of(const char *object_id)
{
    uint32_t h = 2166136261U;
    for (; *object_id != '\0'; object_id++) {
        unsigned char c = (unsigned char)*object_id;
        c = c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
        h = (h ^ c) * 16777619U;
    }
    return (int)(h % KN_SHARDS);
}
