/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Promise 7 in the log files: no line may hold what looks like a secret. It knows secrets by their shape, since it must not know their values; the
 * finding names file and line, never the text.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "conductor/audit/audit.h"
#include "lib/base/mem.h"

/* The beginnings of what must not be there: keys, hashes, tokens (identity/auth/token.h), and key=value pairs that were not masked. */
static const char *const SECRETS[] = {
    "-----BEGIN ", "$argon2id$", "X-Auth-Token: ", "X-Subject-Token: ", "token=kn1.", "\"adminPass\"", "\"password\":",
};

/* The telling keys of JSON and of key=value pairs, when a value that is not masked follows. */
/* clang-format off */
static const char *const KEYS[] = { "adminPass", "admin_pass", "password", "passwd", "secret", "user_data", "userData", "private_key", "access_token" };
/* clang-format on */

/* After a key: ="x…", =x…, or a closing quote with backslashes before it, a colon, and a quote. */
static bool shows_value(const char *p)
{
    if (*p == '=') {
        p += p[1] == '"' ? 2 : 1;
        return isalnum((unsigned char)*p) != 0;
    }
    p += strspn(p, "\\");
    return *p == '"' && p[1 + strspn(p + 1, " ")] == ':';
}

static bool shows_token(const char *p)
{
    return strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") >= 40;
}

bool kn_conductor_audit_line_is_secret(const char *line)
{
    for (size_t i = 0; i < KN_COUNT(SECRETS); i++) {
        if (strstr(line, SECRETS[i]) != NULL) {
            return true;
        }
    }
    for (size_t i = 0; i < KN_COUNT(KEYS); i++) {
        for (const char *at = strstr(line, KEYS[i]); at != NULL; at = strstr(at + 1, KEYS[i])) {
            if (shows_value(at + strlen(KEYS[i]))) {
                return true;
            }
        }
    }
    for (const char *at = strstr(line, "kn1."); at != NULL; at = strstr(at + 1, "kn1.")) {
        if (shows_token(at + 4)) {
            return true;
        }
    }
    return false;
}

static int logs_read_log(const char *path, json_t *findings, struct kn_error *err)
{
    FILE *file = fopen(path, "re");
    AUTO_FREE char *line = NULL;
    size_t size = 0;

    if (file == NULL) {
        return kn_fail(err, KN_INTERNAL, "cannot read log \"%s\": %s", path, strerror(errno));
    }
    for (int n = 1; getline(&line, &size, file) >= 0; n++) {
        if (kn_conductor_audit_line_is_secret(line)) {
            json_array_append_new(findings, json_sprintf("%s line %d looks like a secret", path, n));
        }
    }
    fclose(file);
    return 0;
}

static int read_logs(const struct kn_conductor_audit *audit, json_t *findings, struct kn_error *err)
{
    DIR *dir = opendir(audit->log_dir);
    struct dirent *entry;
    int result = 0;

    if (dir == NULL) {
        return kn_fail(err, KN_NOT_FOUND, "cannot open log directory \"%s\": %s", audit->log_dir, strerror(errno));
    }
    while (result == 0 && (entry = readdir(dir)) != NULL) {
        size_t len = strlen(entry->d_name);
        AUTO_FREE char *path = kn_asprintf("%s/%s", audit->log_dir, entry->d_name);

        if (len > 4 && strcmp(entry->d_name + len - 4, ".log") == 0) {
            result = logs_read_log(path, findings, err);
        }
    }
    closedir(dir);
    return result;
}

int kn_conductor_audit_logs(struct kn_conductor_audit *audit, struct kn_error *err)
{
    json_t *findings = json_array();
    int result = read_logs(audit, findings, err);

    if (result == 0) {
        kn_conductor_audit_say(audit, "7. no token, password or key in a log line", findings, NULL);
    }
    json_decref(findings);
    return result;
}
