/* SPDX-License-Identifier: Apache-2.0 */
/* order: the rule, and its files on a real host. It must never know what a command does; command.c asks it before any driver acts. */
#include "compute-agent/core/order.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute-agent/core/file.h"
#include "compute-agent/core/guest_dir.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define WORD_MAX 256
#define LINK_MAX 400 /* three numbers and a word */

bool kn_agent_order_is_older(const struct kn_agent_order *asked, const struct kn_agent_order *obeyed)
{
    return asked->task < obeyed->task || (asked->task == obeyed->task && asked->attempt < obeyed->attempt);
}

int kn_agent_order_refuse(const char *server, const struct kn_agent_order *asked, const struct kn_agent_order *obeyed,
                          struct kn_error *err)
{
    return kn_fail(err, KN_STALE,
                   "server \"%s\" has obeyed task %" PRId64 " attempt %" PRId64 "; task %" PRId64 " attempt %" PRId64
                   " is older",
                   server, obeyed->task, obeyed->attempt, asked->task, asked->attempt);
}

struct kn_agent_order kn_agent_order_get(const char *state_dir, const char *server)
{
    AUTO_FREE char *path = kn_asprintf("%s/orders/%s", state_dir, server);
    struct kn_agent_order order = { 0, 0 };
    char text[64] = "";

    if (readlink(path, text, sizeof(text) - 1) <= 0 ||
        sscanf(text, "%" SCNd64 " %" SCNd64, &order.task, &order.attempt) != 2) {
        order = (struct kn_agent_order){ 0, 0 };
    }
    return order;
}

int kn_agent_order_obey(const char *state_dir, const char *server, const struct kn_agent_order *asked,
                        struct kn_error *err)
{
    AUTO_FREE char *dir = kn_asprintf("%s/orders", state_dir);
    const struct kn_agent_order obeyed = kn_agent_order_get(state_dir, server);
    char text[64];

    if (kn_agent_order_is_older(asked, &obeyed)) {
        return kn_agent_order_refuse(server, asked, &obeyed, err);
    }
    if (asked->task == obeyed.task && asked->attempt == obeyed.attempt) {
        return 0;
    }
    snprintf(text, sizeof(text), "%" PRId64 " %" PRId64, asked->task, asked->attempt);
    return kn_agent_file_make_dir(dir, err) < 0 ? -1 : kn_agent_file_link(dir, server, text, err);
}

char *kn_agent_order_word(const json_t *answer)
{
    char *word = json_dumps(answer, JSON_COMPACT);

    if (word != NULL && (strlen(word) > WORD_MAX || strpbrk(word, " \n") != NULL)) {
        free(word);
        word = NULL;
    }
    return word;
}

json_t *kn_agent_order_unword(const char *word)
{
    json_t *answer = json_loads(word, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(answer)) {
        json_decref(answer);
        return NULL;
    }
    return answer;
}

int kn_agent_order_done(const char *state_dir, const char *server, const struct kn_agent_order *done, int part,
                        const json_t *answer, struct kn_error *err)
{
    AUTO_FREE char *dir = kn_asprintf("%s/orders", state_dir);
    AUTO_FREE char *word = kn_agent_order_word(answer);
    AUTO_FREE char *text = word == NULL
                               ? NULL
                               : kn_asprintf("%" PRId64 " %" PRId64 " %d %s", done->task, done->attempt, part, word);

    return text == NULL ? 0 : kn_agent_file_link(dir, server, text, err);
}

json_t *kn_agent_order_answer(const char *state_dir, const char *server, const struct kn_agent_order *asked, int part)
{
    AUTO_FREE char *path = kn_asprintf("%s/orders/%s", state_dir, server);
    AUTO_FREE char *wanted = kn_asprintf("%" PRId64 " %" PRId64 " %d ", asked->task, asked->attempt, part);
    char text[LINK_MAX + 1] = "";

    if (readlink(path, text, LINK_MAX) <= 0 || strncmp(text, wanted, strlen(wanted)) != 0) {
        return NULL;
    }
    return kn_agent_order_unword(text + strlen(wanted));
}

void kn_agent_order_prune(const char *state_dir, int64_t since_ms)
{
    AUTO_FREE char *dir = kn_asprintf("%s/orders", state_dir);
    DIR *d = opendir(dir);

    if (d == NULL) {
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char guest[PATH_MAX];
        struct stat st;

        if (!kn_uuid_valid(e->d_name)) {
            continue;
        }
        kn_agent_guest_path(state_dir, e->d_name, "", guest);
        if (access(guest, F_OK) != 0 && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_mtim.tv_sec * 1000 < since_ms) {
            unlinkat(dirfd(d), e->d_name, 0);
        }
    }
    closedir(d);
}
