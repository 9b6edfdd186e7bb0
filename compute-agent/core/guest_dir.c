/* SPDX-License-Identifier: Apache-2.0 */
/* guest_dir: spec files and the directory around them. It must never decide what should be there; drivers do. */
#include "compute-agent/core/guest_dir.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "compute-agent/core/file.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"

void kn_agent_guest_path(const char *state_dir, const char *server, const char *file, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/servers/%s%s%s", state_dir, server, file[0] != '\0' ? "/" : "", file);
}

int kn_agent_guest_save(const char *state_dir, const char *server, const char *host, int64_t generation,
                        const json_t *spec, struct kn_error *err)
{
    char dir[PATH_MAX];
    json_t *all = json_pack("{s:s, s:s, s:I, s:O}", "server", server, "host", host, "generation",
                            (json_int_t)generation, "spec", spec);
    AUTO_FREE char *text = json_dumps(all, JSON_INDENT(1));

    json_decref(all);
    if (text == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "spec of server \"%s\" is not valid JSON", server);
    }
    kn_agent_guest_path(state_dir, server, "", dir);
    return kn_agent_file_make_dir(dir, err) < 0 ? -1 : kn_agent_file_replace(dir, "spec.json", text, err);
}

int kn_agent_guest_load(const char *state_dir, const char *server, int64_t *ret_generation, json_t **ret_spec,
                        struct kn_error *err)
{
    char path[PATH_MAX];
    json_error_t why;
    json_t *all;
    json_t *spec;

    kn_agent_guest_path(state_dir, server, "spec.json", path);
    all = json_load_file(path, 0, &why);
    spec = json_object_get(all, "spec");
    if (!json_is_object(spec) || !json_is_integer(json_object_get(all, "generation"))) {
        json_decref(all);
        return kn_fail(err, KN_NOT_FOUND, "server \"%s\" has no spec on this host", server);
    }
    if (ret_generation != NULL) {
        *ret_generation = kn_json_int(all, "generation");
    }
    if (ret_spec != NULL) {
        *ret_spec = json_incref(spec);
    }
    json_decref(all);
    return 0;
}

int kn_agent_guest_remove(const char *state_dir, const char *server, struct kn_error *err)
{
    char dir[PATH_MAX];

    kn_agent_guest_path(state_dir, server, "", dir);
    return kn_agent_file_remove_dir(dir, err);
}

json_t *kn_agent_guest_servers(const char *state_dir)
{
    AUTO_FREE char *path = kn_asprintf("%s/servers", state_dir);
    json_t *servers = json_array();
    DIR *d = opendir(path);

    if (d == NULL) {
        return servers;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (kn_uuid_valid(e->d_name)) {
            json_array_append_new(servers, json_string(e->d_name));
        }
    }
    closedir(d);
    return servers;
}
