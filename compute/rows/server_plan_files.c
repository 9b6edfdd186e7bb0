/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Personality: files that a server's maker gives to its guest. They are put on its config drive, where cloud-init finds them and writes them to their paths at the first
 * boot, so a server with files has such a drive; nothing is written into the guest's own disk, as by Nova's libvirt driver. The metadata service says the same.
 */
#include "compute/rows/server_plan_files.h"

#include <string.h>

#include "lib/adapter/crypto.h"
#include "lib/adapter/quota.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"

static const struct kn_schema FIELDS[] = {
    KN_SCHEMA("path", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_FILE_PATH, .rule = &KN_TEXT_PRINTABLE),
    KN_SCHEMA("contents", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_PERSONALITY, .rule = &KN_TEXT_BASE64),
    KN_SCHEMA_END,
};
const struct kn_schema kn_compute_personality_schema[] = { KN_SCHEMA("file", KN_IS_OBJECT, .inner = FIELDS),
                                                           KN_SCHEMA_END };

static int64_t content_bytes(const char *base64)
{
    const size_t size = strlen(base64) + 1;
    AUTO_FREE uint8_t *data = kn_alloc(size);
    size_t len = 0;

    return kn_base64_decode(base64, size - 1, data, size, &len) < 0 ? (int64_t)size : (int64_t)len;
}

static bool is_over(int64_t amount, int64_t most)
{
    return most >= 0 && amount > most;
}

/* Nova's order: how many, then the longest path, then the largest content. */
static int plan_files_check_quota(const struct kn_request *req, const char *project, const json_t *files,
                                  struct kn_error *err)
{
    AUTO_RELEASE(kn_quota_set) struct kn_quota_set set = KN_QUOTA_SET_INIT;
    int64_t path = 0, content = 0;
    const json_t *file;
    size_t i;

    if (kn_quota_read(req->db, "compute", project, &set, err) < 0) {
        return -1;
    }
    const int64_t most_path = kn_quota_of(&set, KN_QUOTA_PATH_BYTES)->limit,
                  most_content = kn_quota_of(&set, KN_QUOTA_FILE_BYTES)->limit;

    if (is_over((int64_t)json_array_size(files), kn_quota_of(&set, KN_QUOTA_FILES)->limit)) {
        return kn_fail(err, KN_QUOTA, "Personality file limit exceeded");
    }
    json_array_foreach (files, i, file) {
        const int64_t its_path = (int64_t)strlen(kn_json_str(file, "path")),
                      its_content = content_bytes(kn_json_str(file, "contents"));

        path = its_path > path ? its_path : path;
        content = its_content > content ? its_content : content;
    }
    return is_over(path, most_path)
               ? kn_fail(err, KN_QUOTA, "Personality file path exceeds maximum %lld", (long long)most_path)
           : is_over(content, most_content)
               ? kn_fail(err, KN_QUOTA, "Personality file content exceeds maximum %lld", (long long)most_content)
               : 0;
}

int kn_compute_plan_files(const struct kn_request *req, const char *project, const json_t *personality, char **ret_text,
                          struct kn_error *err)
{
    AUTO_FREE char *text = NULL;

    if (json_array_size(personality) == 0) {
        *ret_text = NULL;
        return 0;
    }
    if (plan_files_check_quota(req, project, personality, err) < 0) {
        return -1;
    }
    text = json_dumps(personality, JSON_COMPACT);
    if (!kn_limit_fits(KN_LIMIT_PERSONALITY, text)) {
        return kn_fail(err, KN_BAD_REQUEST, "Personality is too large: files have at most %d bytes in all, as base64",
                       KN_MAX_PERSONALITY);
    }
    *ret_text = kn_steal(&text);
    return 0;
}
