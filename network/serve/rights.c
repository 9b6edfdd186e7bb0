/* SPDX-License-Identifier: Apache-2.0 */
/* rights.c: reads the policies of all that is another's in a batch, once, and decides per request. Who shares what with whom stands in network/rows/shared.c. */
#include "network/serve/rights.h"

#include <string.h>

#include "lib/base/hmap.h"
#include "lib/base/mem.h"
#include "network/rows/shared.h"

/* Whose network needs a policy: that of no request which may use all. A wish of an older version does not say; its user was asked when he wished. */
static bool is_anothers(const struct kn_network_view *network, const char *project, const json_t *request)
{
    return strcmp(network->project_id, project) != 0 && json_is_false(json_object_get(request, "any_project"));
}

/* NULL: it has gone, or is the project's own. */
static const char *group_of_another(const struct kn_network_guards *guards, const char *group, const char *project)
{
    const char *owner = kn_hmap_get(guards->groups, group);

    return owner != NULL && strcmp(owner, project) != 0 ? group : NULL;
}

static void rights_collect(const json_t *body, const struct kn_network_topology *topology,
                           const struct kn_network_guards *guards, struct kn_array *ids, struct kn_array *projects)
{
    const char *project = kn_json_str(body, "project");
    const int before = ids->count;
    const json_t *request, *group;
    size_t i, j;

    json_array_foreach (json_object_get(body, "requests"), i, request) {
        const struct kn_network_view *network = kn_network_topology_network(topology, kn_json_str(request, "network"));

        if (network != NULL && is_anothers(network, project, request)) {
            kn_array_add(ids, network->id);
        }
        json_array_foreach (json_object_get(request, "groups"), j, group) {
            if (group_of_another(guards, json_string_value(group), project) != NULL) {
                kn_array_add(ids, json_string_value(group));
            }
        }
    }
    if (ids->count > before) {
        kn_array_add(projects, project);
    }
}

int kn_network_rights_load(struct kn_db *db, struct kn_network_outcome **outcomes, int count,
                           const struct kn_network_topology *topology, const struct kn_network_guards *guards,
                           struct kn_network_rights *ret, struct kn_error *err)
{
    enum { OBJECT, TARGET };
    AUTO_RELEASE(kn_array) struct kn_array ids = KN_ARRAY_INIT;
    AUTO_RELEASE(kn_array) struct kn_array projects = KN_ARRAY_INIT;
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    for (int i = 0; i < count; i++) {
        rights_collect(outcomes[i]->command->body, topology, guards, &ids, &projects);
    }
    if (ids.count == 0) {
        return 0;
    }
    if (kn_network_shares(db, &ids, &projects, &rows, err) < 0) {
        return -1;
    }
    ret->lets = kn_hmap_new(NULL);
    for (int row = 0; row < kn_rows_count(rows); row++) {
        AUTO_FREE char *key = kn_asprintf("%s %s", kn_rows_text(rows, row, OBJECT), kn_rows_text(rows, row, TARGET));

        kn_hmap_put(ret->lets, key, ret);
    }
    return 0;
}

void kn_network_rights_release(struct kn_network_rights *rights)
{
    if (rights->lets != NULL) {
        kn_hmap_free(rights->lets);
    }
}

static bool rights_let(const struct kn_network_rights *rights, const char *object, const char *project)
{
    AUTO_FREE char *everybodys = kn_asprintf("%s " KN_NETWORK_EVERYBODY, object);
    AUTO_FREE char *own = kn_asprintf("%s %s", object, project);

    return rights->lets != NULL &&
           (kn_hmap_get(rights->lets, everybodys) != NULL || kn_hmap_get(rights->lets, own) != NULL);
}

int kn_network_rights_check(const struct kn_network_rights *rights, const struct kn_network_guards *guards,
                            const struct kn_network_view *network, const char *project, const json_t *request,
                            struct kn_error *err)
{
    const json_t *item;
    size_t i;

    if (is_anothers(network, project, request) && !rights_let(rights, network->id, project)) {
        return kn_fail(err, KN_NOT_FOUND, "Network %s could not be found.", network->id);
    }
    json_array_foreach (json_object_get(request, "groups"), i, item) {
        const char *group = group_of_another(guards, json_string_value(item), project);

        if (group != NULL && !rights_let(rights, group, project)) {
            return kn_fail(err, KN_NOT_FOUND, "Security group %s not found.", group);
        }
    }
    return 0;
}
