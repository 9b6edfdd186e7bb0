/* SPDX-License-Identifier: Apache-2.0 */
/* sim/disks: list texts, taken apart and put together; driver.c decides what goes in. */
#include "compute-agent/sim/disks.h"

#include <string.h>

#include "lib/domain/device.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/base/uuid.h"
#include "lib/domain/form.h"
#include "lib/domain/message.h"

/* Words of a journal line: what would break its syntax is not let in. */
static bool disks_is_word(const char *text)
{
    return text[0] != '\0' && text[strcspn(text, " ,=\n")] == '\0';
}

static char *text_or_null(struct kn_strbuf *sb)
{
    return sb->len > 0 ? kn_strbuf_detach(sb) : NULL;
}

static void add_item(struct kn_strbuf *sb, const char *word)
{
    if (sb->len > 0) {
        kn_strbuf_addch(sb, ',');
    }
    kn_strbuf_addstr(sb, word);
}

char *kn_agent_sim_taps_of(const json_t *spec)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    size_t i;
    json_t *nic;

    json_array_foreach (json_object_get(spec, "nics"), i, nic) {
        const char *tap = kn_json_str(nic, "tap");
        if (disks_is_word(tap)) {
            add_item(&sb, tap);
        }
    }
    return text_or_null(&sb);
}

/* Stands for the volume where a disk is the guest's own: its name is taken. */
#define LOCAL_DISK "local"

static void add_disk(struct kn_strbuf *sb, const char *volume, const char *device)
{
    add_item(sb, volume);
    kn_strbuf_addch(sb, '=');
    kn_strbuf_addstr(sb, device);
}

char *kn_agent_sim_disks_of(const json_t *spec)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    size_t i;
    json_t *item;

    json_array_foreach (json_object_get(spec, "disks"), i, item) {
        const char *device = kn_json_str(item, "device");
        device += strncmp(device, "/dev/", 5) == 0 ? 5 : 0;
        if (disks_is_word(device)) {
            add_disk(&sb, LOCAL_DISK, device);
        }
    }
    json_array_foreach (json_object_get(spec, "volumes"), i, item) {
        const char *volume = kn_json_str(item, "volume");
        const char *device = kn_json_str(item, "device");
        device += strncmp(device, "/dev/", 5) == 0 ? 5 : 0;
        if (disks_is_word(volume) && disks_is_word(device)) {
            add_disk(&sb, volume, device);
        }
    }
    return text_or_null(&sb);
}

/* The next "volume=device" of *at; false at the end. */
static bool next_disk(const char **at, char volume[KN_UUID_SIZE], char device[KN_DEVICE_SIZE])
{
    while (*at != NULL && **at != '\0') {
        size_t len = strcspn(*at, ",");
        const char *eq = memchr(*at, '=', len);
        const char *item = *at;
        *at += len + ((*at)[len] == ',');
        if (eq != NULL && (size_t)(eq - item) < KN_UUID_SIZE) {
            kn_copy(volume, (size_t)(eq - item) + 1, item);
            kn_copy(device, len - (size_t)(eq - item) < KN_DEVICE_SIZE ? len - (size_t)(eq - item) : KN_DEVICE_SIZE,
                    eq + 1);
            return true;
        }
    }
    return false;
}

bool kn_agent_sim_disks_find(const char *disks, const char *volume, char ret_device[KN_DEVICE_SIZE])
{
    char found[KN_UUID_SIZE];
    char device[KN_DEVICE_SIZE];

    while (next_disk(&disks, found, device)) {
        if (strcmp(found, volume) == 0) {
            kn_copy(ret_device, KN_DEVICE_SIZE, device);
            return true;
        }
    }
    return false;
}

uint32_t kn_agent_sim_disks_used(const char *disks)
{
    char volume[KN_UUID_SIZE];
    char device[KN_DEVICE_SIZE];
    uint32_t used = 0;

    while (next_disk(&disks, volume, device)) {
        int at = kn_device_index(device);
        used |= at >= 0 ? 1U << at : 0;
    }
    return used;
}

char *kn_agent_sim_disks_with(const char *disks, const char *volume, const char *device)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;

    kn_strbuf_addstr(&sb, disks != NULL ? disks : "");
    add_disk(&sb, volume, device);
    return kn_strbuf_detach(&sb);
}

char *kn_agent_sim_disks_without(const char *disks, const char *volume)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    char found[KN_UUID_SIZE];
    char device[KN_DEVICE_SIZE];

    while (next_disk(&disks, found, device)) {
        if (strcmp(found, volume) != 0) {
            add_disk(&sb, found, device);
        }
    }
    return text_or_null(&sb);
}

char *kn_agent_sim_disks_swapped(const char *disks, const char *volume, const char *to, char ret_device[KN_DEVICE_SIZE])
{
    if (!kn_agent_sim_disks_find(disks, volume, ret_device)) {
        return NULL;
    }
    AUTO_FREE char *without = kn_agent_sim_disks_without(disks, volume);

    return kn_agent_sim_disks_with(without, to, ret_device);
}

json_t *kn_agent_sim_disks_volumes(const char *disks)
{
    json_t *volumes = json_array();
    char volume[KN_UUID_SIZE];
    char device[KN_DEVICE_SIZE];

    while (next_disk(&disks, volume, device)) {
        if (strcmp(volume, LOCAL_DISK) != 0) {
            json_array_append_new(volumes, json_string(volume));
        }
    }
    return volumes;
}

json_t *kn_agent_sim_words(const char *words)
{
    json_t *list = json_array();

    while (words != NULL && *words != '\0') {
        size_t len = strcspn(words, ",");
        json_array_append_new(list, json_stringn(words, len));
        words += len + (words[len] == ',');
    }
    return list;
}

char *kn_agent_sim_words_without(const char *words, const char *word)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf sb = KN_STRBUF_INIT;
    json_auto_t *list = kn_agent_sim_words(words);
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item) {
        if (strcmp(json_string_value(item), word) != 0) {
            add_item(&sb, json_string_value(item));
        }
    }
    return text_or_null(&sb);
}

char *kn_agent_sim_words_with(const char *words, const char *word)
{
    AUTO_FREE char *others = kn_agent_sim_words_without(words, word);

    if (!disks_is_word(word)) {
        return others != NULL ? kn_strdup(others) : NULL;
    }
    return others != NULL ? kn_asprintf("%s,%s", others, word) : kn_strdup(word);
}
