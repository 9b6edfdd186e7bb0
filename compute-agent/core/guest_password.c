/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_password: one file of guest_dir.h. It must never make a directory: a guest that is being destroyed posts into nothing. One lock for all
 * guests, because to look and to write must be one step, and both are rare.
 */
#include "compute-agent/core/guest_password.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "compute-agent/core/file.h"
#include "compute-agent/core/guest_dir.h"
#include "lib/base/cleanup.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"

#define FILE_NAME "password.json"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* from the look at a file to its change */

/* Of the guest that is there now; NULL: none, or what another generation left. */
static json_t *guest_password_load(const char *state_dir, const char *server, int64_t generation)
{
    char path[PATH_MAX];

    kn_agent_guest_path(state_dir, server, FILE_NAME, path);
    json_t *kept = json_load_file(path, 0, NULL);
    if (kn_json_int(kept, "generation") == generation && kn_uuid_valid(kn_json_str(kept, "posted")) &&
        kn_json_str(kept, "password")[0] != '\0') {
        json_object_del(kept, "generation");
        return kept;
    }
    json_decref(kept);
    return NULL;
}

json_t *kn_agent_guest_password(const char *state_dir, const char *server)
{
    int64_t generation = 0;

    return kn_agent_guest_load(state_dir, server, &generation, NULL, NULL) < 0
               ? NULL
               : guest_password_load(state_dir, server, generation);
}

/* Lock held. */
static int post(const char *state_dir, const char *server, json_t *password, struct kn_error *err)
{
    char dir[PATH_MAX];
    char posted[KN_UUID_SIZE];
    int64_t generation = 0;

    if (kn_agent_guest_load(state_dir, server, &generation, NULL, err) < 0) {
        return -1;
    }
    json_auto_t *present = guest_password_load(state_dir, server, generation);
    if (present != NULL) {
        return kn_fail(err, KN_CONFLICT, "server \"%s\" has posted a password already", server);
    }
    kn_uuid_make(posted);
    json_auto_t *kept = json_pack("{s:I, s:s, s:O}", "generation", (json_int_t)generation, "posted", posted, "password",
                                  password);
    AUTO_FREE char *text = json_dumps(kept, JSON_COMPACT);
    kn_agent_guest_path(state_dir, server, "", dir);
    return kn_agent_file_replace(dir, FILE_NAME, text, err);
}

int kn_agent_guest_password_post(const char *state_dir, const char *server, const char *text, size_t len,
                                 struct kn_error *err)
{
    json_auto_t *password = len <= KN_MAX_GUEST_PASSWORD && memchr(text, '\0', len) == NULL ? json_stringn(text, len)
                                                                                            : NULL;

    if (password == NULL) { /* jansson takes UTF-8 alone */
        return kn_fail(err, KN_BAD_REQUEST, "a password is a text of at most %d bytes", KN_MAX_GUEST_PASSWORD);
    }
    if (len == 0) {
        return 0;
    }
    pthread_mutex_lock(&lock);
    const int done = post(state_dir, server, password, err);
    pthread_mutex_unlock(&lock);
    return done;
}

/* Lock held. */
static int guest_password_forget(const char *state_dir, const char *server, const char *posted, struct kn_error *err)
{
    char path[PATH_MAX];
    json_auto_t *kept = kn_agent_guest_password(state_dir, server);

    kn_agent_guest_path(state_dir, server, FILE_NAME, path);
    if (strcmp(kn_json_str(kept, "posted"), posted) == 0 && unlink(path) < 0 && errno != ENOENT) {
        return kn_fail(err, KN_UNAVAILABLE, "cannot remove \"%s\": %s", path, strerror(errno));
    }
    return 0;
}

int kn_agent_guest_password_forget(const char *state_dir, const char *server, const char *posted, struct kn_error *err)
{
    pthread_mutex_lock(&lock);
    const int done = guest_password_forget(state_dir, server, posted, err);
    pthread_mutex_unlock(&lock);
    return done;
}
