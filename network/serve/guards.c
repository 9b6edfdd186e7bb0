/* SPDX-License-Identifier: Apache-2.0 */
/* guards.c: the security groups of ports that are made for servers. It reads what the batch needs at once and decides per request. */
#include "network/serve/guards.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "network/rows/groups/groups.h"

static const struct kn_stmt FIND = {
    "guards_find",
    "SELECT g.id, g.is_default, g.project_id FROM security_group g"
    " WHERE g.id = ANY($1::uuid[]) OR (g.is_default AND g.project_id = ANY($2::text[])) ORDER BY g.id FOR KEY SHARE",
    2
};
enum { G_ID, G_IS_DEFAULT, G_PROJECT };

static bool wants_default(const json_t *request)
{
    return kn_json_str(request, "port")[0] == '\0' && json_object_get(request, "groups") == NULL;
}

static void guards_collect(const json_t *body, struct kn_array *ids, struct kn_array *projects)
{
    const json_t *request, *group;
    bool wants = false;
    size_t i, j;

    json_array_foreach (json_object_get(body, "requests"), i, request) {
        wants |= wants_default(request);
        json_array_foreach (json_object_get(request, "groups"), j, group) {
            kn_array_add(ids, json_string_value(group));
        }
    }
    if (wants) {
        kn_array_add(projects, kn_json_str(body, "project"));
    }
}

static int guards_find_all(struct kn_db *db, struct kn_network_guards *guards, struct kn_array *ids,
                           struct kn_array *projects, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_db_run(db, &FIND, KN_ARGS(kn_array_value(ids), kn_array_value(projects)), &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_hmap_put(guards->groups, kn_rows_text(rows, row, G_ID), kn_strdup(kn_rows_text(rows, row, G_PROJECT)));
        if (kn_rows_bool(rows, row, G_IS_DEFAULT) &&
            kn_hmap_get(guards->defaults, kn_rows_text(rows, row, G_PROJECT)) == NULL) {
            kn_hmap_put(guards->defaults, kn_rows_text(rows, row, G_PROJECT), kn_strdup(kn_rows_text(rows, row, G_ID)));
        }
    }
    return 0;
}

static bool lacks_default(const struct kn_network_guards *guards, struct kn_network_outcome **outcomes, int count)
{
    for (int i = 0; i < count; i++) {
        const json_t *body = outcomes[i]->command->body, *request;
        size_t n;

        json_array_foreach (json_object_get(body, "requests"), n, request) {
            if (wants_default(request) && kn_hmap_get(guards->defaults, kn_json_str(body, "project")) == NULL) {
                return true;
            }
        }
    }
    return false;
}

int kn_network_guards_load(struct kn_db *db, struct kn_network_outcome **outcomes, int count,
                           struct kn_network_guards *ret, struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array projects = KN_ARRAY_INIT;

    ret->groups = kn_hmap_new(free);
    ret->defaults = kn_hmap_new(free);
    for (int i = 0; i < count; i++) {
        guards_collect(outcomes[i]->command->body, &ids, &projects);
    }
    if (ids.count == 0 && projects.count == 0) {
        return 0;
    }
    if (guards_find_all(db, ret, &ids, &projects, err) < 0) {
        return -1;
    }
    if (!lacks_default(ret, outcomes, count)) {
        return 0;
    }
    return kn_network_default_groups(db, &projects, err) < 0 ? -1 : guards_find_all(db, ret, &ids, &projects, err);
}

void kn_network_guards_release(struct kn_network_guards *guards)
{
    kn_hmap_free(guards->groups);
    kn_hmap_free(guards->defaults);
}

int kn_network_guards_check(const struct kn_network_guards *guards, const json_t *request, struct kn_error *err)
{
    const json_t *group;
    size_t i;

    json_array_foreach (json_object_get(request, "groups"), i, group) {
        if (kn_hmap_get(guards->groups, json_string_value(group)) == NULL) {
            return kn_fail(err, KN_NOT_FOUND, "Security group %s not found.", json_string_value(group));
        }
    }
    return 0;
}

void kn_network_guards_give(const struct kn_network_guards *guards, const json_t *request, const char *project,
                            const char *port_id, struct kn_network_plan *plan)
{
    const char *own = kn_hmap_get(guards->defaults, project);
    const json_t *group;
    size_t i;

    json_array_foreach (json_object_get(request, "groups"), i, group) {
        kn_network_plan_group(plan, port_id, json_string_value(group));
    }
    if (wants_default(request) && own != NULL) {
        kn_network_plan_group(plan, port_id, own);
    }
}
