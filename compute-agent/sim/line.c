/* SPDX-License-Identifier: Apache-2.0 */
/* sim/line: one line of the simulator's journal, to text and back. Pure; store.c keeps the file. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "compute-agent/sim/store.h"
#include "lib/base/mem.h"

#define GUEST_WORDS 7
#define TOMB_WORDS 5
#define WORDS_MAX (GUEST_WORDS + 1 + 4)

void kn_agent_sim_guest_clear(struct kn_agent_sim_guest *guest)
{
    free(guest->taps);
    free(guest->volumes);
    free(guest->answer);
    memset(guest, 0, sizeof(*guest));
}

/* Cuts text at single spaces in place. Returns how many words, or -1 if there are too many. */
static int line_split(char *text, char *words[WORDS_MAX])
{
    int count = 0;

    for (char *save = NULL, *w = strtok_r(text, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
        if (count == WORDS_MAX) {
            return -1;
        }
        words[count++] = w;
    }
    return count;
}

static int number(const char *word, int64_t min, int64_t max, int64_t *ret)
{
    char *end = NULL;
    errno = 0;
    long long n = strtoll(word, &end, 10);

    if (errno != 0 || !isdigit((unsigned char)word[0]) || *end != '\0' || n < min || n > max) {
        return -1;
    }
    *ret = n;
    return 0;
}

/* "<vCPUs>x<MiB>"; any other word, or none: false. */
static bool line_is_size(const char *word, struct kn_agent_sim_guest *ret)
{
    const char *x = word != NULL ? strchr(word, 'x') : NULL;
    char vcpus[16];
    int64_t cpus, mib;

    if (x == NULL || x - word >= (ptrdiff_t)sizeof(vcpus)) {
        return false;
    }
    kn_copy(vcpus, (size_t)(x - word) + 1, word);
    if (number(vcpus, 1, INT32_MAX, &cpus) < 0 || number(x + 1, 1, INT32_MAX, &mib) < 0) {
        return false;
    }
    ret->vcpus = (int)cpus;
    ret->memory_mib = (int)mib;
    return true;
}

static char *list_or_null(const char *word)
{
    return strcmp(word, "-") == 0 ? NULL : kn_strdup(word);
}

int kn_agent_sim_line_parse(const char *line, struct kn_agent_sim_guest *ret)
{
    AUTO_FREE char *copy = kn_strdup(line);
    char *words[WORDS_MAX];
    int count = line_split(copy, words);
    const bool exists = count >= GUEST_WORDS && strcmp(words[0], "guest") == 0;
    const bool died = !exists && count >= TOMB_WORDS && strcmp(words[0], "tomb") == 0;
    struct kn_agent_sim_guest sized = { 0 };
    const bool has_size = exists && line_is_size(count > GUEST_WORDS ? words[GUEST_WORDS] : NULL, &sized);
    const int own = exists ? GUEST_WORDS + has_size : TOMB_WORDS;
    struct kn_agent_order obeyed = { 0, 0 };
    int64_t host = 0;
    int64_t generation = 0;
    int64_t last = 0;
    int64_t part = 0;

    if ((!exists && !died) || (count != own && count != own + 2 && count != own + 4) ||
        number(words[1], 0, INT32_MAX, &host) < 0 || !kn_uuid_valid(words[2]) ||
        number(words[3], 0, INT64_MAX, &generation) < 0 || number(words[4], 0, exists ? 7 : INT64_MAX, &last) < 0) {
        return -1;
    }
    if (count > own && (number(words[own], 0, INT64_MAX, &obeyed.task) < 0 ||
                        number(words[own + 1], 0, INT64_MAX, &obeyed.attempt) < 0)) {
        return -1;
    }
    if (count > own + 2 && number(words[own + 2], 0, INT32_MAX, &part) < 0) {
        return -1;
    }
    *ret = (struct kn_agent_sim_guest){ .host = (int32_t)host,
                                        .exists = exists,
                                        .generation = generation,
                                        .obeyed = obeyed,
                                        .part = (int)part,
                                        .vcpus = sized.vcpus,
                                        .memory_mib = sized.memory_mib,
                                        .answer = count > own + 2 ? kn_strdup(words[own + 3]) : NULL };
    kn_copy(ret->server, sizeof(ret->server), words[2]);
    if (died) {
        ret->died_at = last;
        return 0;
    }
    ret->power_state = (uint8_t)last;
    ret->taps = list_or_null(words[5]);
    ret->volumes = list_or_null(words[6]);
    return 0;
}

void kn_agent_sim_line_print(const struct kn_agent_sim_guest *guest, struct kn_strbuf *out)
{
    kn_strbuf_addstr(out, guest->exists ? "guest " : "tomb ");
    kn_strbuf_addint(out, guest->host);
    kn_strbuf_addch(out, ' ');
    kn_strbuf_addstr(out, guest->server);
    kn_strbuf_addch(out, ' ');
    kn_strbuf_addint(out, guest->generation);
    kn_strbuf_addch(out, ' ');
    kn_strbuf_addint(out, guest->exists ? guest->power_state : guest->died_at);
    if (guest->exists) {
        kn_strbuf_addch(out, ' ');
        kn_strbuf_addstr(out, guest->taps != NULL ? guest->taps : "-");
        kn_strbuf_addch(out, ' ');
        kn_strbuf_addstr(out, guest->volumes != NULL ? guest->volumes : "-");
    }
    if (guest->exists && guest->vcpus > 0 && guest->memory_mib > 0) {
        kn_strbuf_addf(out, " %dx%d", guest->vcpus, guest->memory_mib);
    }
    if (guest->obeyed.task != 0) {
        kn_strbuf_addch(out, ' ');
        kn_strbuf_addint(out, guest->obeyed.task);
        kn_strbuf_addch(out, ' ');
        kn_strbuf_addint(out, guest->obeyed.attempt);
    }
    if (guest->obeyed.task != 0 && guest->answer != NULL) {
        kn_strbuf_addf(out, " %d %s", guest->part, guest->answer);
    }
    kn_strbuf_addch(out, '\n');
}
