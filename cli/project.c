/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kilonova project purge`: all that is a project's goes, by the cloud's own API and in the order in which one thing holds another. The project need not be
 * there any more: deleting one leaves what it has, as in Keystone and Nova, and the audit names it. What refuses (a locked server, a protected image) is
 * told and left; whoever asks again goes on where this ended.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cloud.h"
#include "cli/command.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/domain/schema.h"

#define WAIT_MS (10 * 60 * 1000) /* for what was told to go */
#define ASK_EVERY_MS 500

struct purge;

static void project_unplug(const struct purge *p, const char *id);

/* In this order. list: "%s" is the project; without one its things are among others'. A service that knows no such path has nothing of it. */
static const struct {
    const char *noun, *service;
    const char *list, *many;
    const char *remove; /* "%s" is the id */
    const char *act; /* what is POSTed there; NULL: it is DELETEd */
    void (*before)(const struct purge *p, const char *id); /* what would hold it; NULL: nothing */
} KINDS[] = {
    { "server", "compute", "/servers?all_tenants=1&project_id=%s", "servers", "/servers/%s", NULL, NULL },
    { "server group", "compute", "/os-server-groups?all_projects=True&limit=1000", "server_groups",
      "/os-server-groups/%s", NULL, NULL },
    { "volume backup", "block-storage", "/backups?all_tenants=1&project_id=%s", "backups", "/backups/%s", NULL, NULL },
    { "group snapshot", "block-storage", "/group_snapshots?all_tenants=1&project_id=%s", "group_snapshots",
      "/group_snapshots/%s", NULL, NULL },
    { "volume snapshot", "block-storage", "/snapshots?all_tenants=1&project_id=%s", "snapshots", "/snapshots/%s", NULL,
      NULL },
    { "volume group", "block-storage", "/groups/detail?all_tenants=1&project_id=%s", "groups", "/groups/%s/action",
      "{\"delete\": {\"delete-volumes\": true}}", NULL },
    { "volume", "block-storage", "/volumes?all_tenants=1&project_id=%s", "volumes", "/volumes/%s", NULL, NULL },
    { "floating IP", "network", "/v2.0/floatingips?project_id=%s", "floatingips", "/v2.0/floatingips/%s", NULL, NULL },
    { "router", "network", "/v2.0/routers?project_id=%s", "routers", "/v2.0/routers/%s", NULL, project_unplug },
    { "port", "network", "/v2.0/ports?project_id=%s", "ports", "/v2.0/ports/%s", NULL, NULL },
    { "subnet", "network", "/v2.0/subnets?project_id=%s", "subnets", "/v2.0/subnets/%s", NULL, NULL },
    { "network", "network", "/v2.0/networks?project_id=%s", "networks", "/v2.0/networks/%s", NULL, NULL },
    /* Among everybody's: who asks for those of a project finds that it has a default one, if it had none. */
    { "security group", "network", "/v2.0/security-groups?fields=id&fields=name&fields=project_id", "security_groups",
      "/v2.0/security-groups/%s", NULL, NULL },
    { "address group", "network", "/v2.0/address-groups?project_id=%s", "address_groups", "/v2.0/address-groups/%s",
      NULL, NULL },
    { "QoS policy", "network", "/v2.0/qos/policies?project_id=%s", "policies", "/v2.0/qos/policies/%s", NULL, NULL },
    { "subnet pool", "network", "/v2.0/subnetpools?project_id=%s", "subnetpools", "/v2.0/subnetpools/%s", NULL, NULL },
    { "address scope", "network", "/v2.0/address-scopes?project_id=%s", "address_scopes", "/v2.0/address-scopes/%s",
      NULL, NULL },
    { "RBAC policy", "network", "/v2.0/rbac-policies?project_id=%s", "rbac_policies", "/v2.0/rbac-policies/%s", NULL,
      NULL }, /* on what is others' */
    { "image", "image", "/v2/images?owner=%s&visibility=all&limit=1000", "images", "/v2/images/%s", NULL, NULL },
    { "image", "image", "/v2/images?owner=%s&visibility=all&os_hidden=true&limit=1000", "images", "/v2/images/%s", NULL,
      NULL },
};
#define NETWORK_OWN "network:" /* device_owner of ports that go with what they serve */

struct purge {
    const char *project;
    bool is_only_told;
    FILE *out;
    int64_t refused;
    struct kn_cli_cloud *cloud; /* of the kind that is at hand */
};

static void project_pause_ms(int64_t ms)
{
    const struct timespec t = { ms / 1000, (ms % 1000) * 1000000 };

    nanosleep(&t, NULL);
}

/* "%s" of the form: the value. */
static char *project_path(const char *form, const char *value)
{
    const char *at = strstr(form, "%s");

    return at == NULL ? kn_strdup(form) : kn_asprintf("%.*s%s%s", (int)(at - form), form, value, at + strlen("%s"));
}

static bool project_has(const struct purge *p, const json_t *item)
{
    const char *owner = kn_json_str(item, "project_id");

    return (owner[0] == '\0' || strcmp(owner, p->project) == 0) &&
           strncmp(kn_json_str(item, "device_owner"), NETWORK_OWN, strlen(NETWORK_OWN)) != 0;
}

/* What is there now, as far as one page goes; *ret is the caller's. */
static int project_list(struct purge *p, size_t kind, json_t **ret, struct kn_error *err)
{
    AUTO_FREE char *path = project_path(KINDS[kind].list, p->project);
    json_auto_t *answer = NULL;
    struct kn_error why = { 0 };
    json_t *found = json_array(), *item = NULL;
    size_t i = 0;

    if (kn_cli_cloud_ask(p->cloud, "GET", path, NULL, &answer, &why) < 0 && why.code != KN_NOT_FOUND) {
        json_decref(found);
        *err = why;
        return -1;
    }
    json_array_foreach (json_object_get(answer, KINDS[kind].many), i, item) {
        if (project_has(p, item)) {
            json_array_append(found, item);
        }
    }
    *ret = found;
    return 0;
}

/* A router's routes and legs hold it. What does not go is told when the router does not. */
static void project_unplug(const struct purge *p, const char *id)
{
    AUTO_FREE char *router = kn_asprintf("/v2.0/routers/%s", id),
                   *remove = kn_asprintf("/v2.0/routers/%s/remove_router_interface", id),
                   *legs = kn_asprintf("/v2.0/ports?device_id=%s&device_owner=network:router_interface", id);
    json_auto_t *bare = json_pack("{s:{s:[]}}", "router", "routes"), *answer = NULL;
    struct kn_error ignored = { 0 };
    const json_t *port = NULL;
    size_t i = 0;

    kn_cli_cloud_ask(p->cloud, "PUT", router, bare, NULL, &ignored);
    if (kn_cli_cloud_ask(p->cloud, "GET", legs, NULL, &answer, &ignored) < 0) {
        return;
    }
    json_array_foreach (json_object_get(answer, "ports"), i, port) {
        json_auto_t *leg = json_pack("{s:s}", "port_id", kn_json_str(port, "id"));

        kn_cli_cloud_ask(p->cloud, "PUT", remove, leg, NULL, &ignored);
    }
}

/* refused: ids that would not go, so that nobody waits for them. */
static void project_remove(struct purge *p, size_t kind, const json_t *item, json_t *refused)
{
    const char *id = kn_json_str(item, "id");
    AUTO_FREE char *path = project_path(KINDS[kind].remove, id);
    json_auto_t *act = KINDS[kind].act != NULL ? json_loads(KINDS[kind].act, 0, NULL) : NULL;
    struct kn_error why = { 0 };

    if (KINDS[kind].before != NULL) {
        KINDS[kind].before(p, id);
    }
    if (kn_cli_cloud_ask(p->cloud, act != NULL ? "POST" : "DELETE", path, act, NULL, &why) == 0 ||
        why.code == KN_NOT_FOUND) {
        fprintf(p->out, "%-14s %s  %s\n", KINDS[kind].noun, id, kn_json_str(item, "name"));
        return;
    }
    fprintf(p->out, "%-14s %s  stays: %s\n", KINDS[kind].noun, id, why.message);
    json_object_set_new(refused, id, json_true());
    p->refused++;
}

/* Tells all that is new to go. How many are there beside those that refused. */
static size_t project_tell(struct purge *p, size_t kind, const json_t *list, json_t *told, json_t *refused)
{
    const json_t *item = NULL;
    size_t i = 0, left = 0;

    json_array_foreach (list, i, item) {
        const char *id = kn_json_str(item, "id");

        if (json_object_get(told, id) == NULL) {
            json_object_set_new(told, id, json_true());
            project_remove(p, kind, item, refused);
        }
        left += json_object_get(refused, id) == NULL;
    }
    return left;
}

/* What would not go may have been held by what went since, as a backup is by the one that was made after it. */
static void project_ask_again(struct purge *p, json_t *told, json_t *refused)
{
    p->refused -= (int64_t)json_object_size(refused);
    json_object_clear(told);
    json_object_clear(refused);
}

static void project_show(const struct purge *p, size_t kind, const json_t *list)
{
    const json_t *item = NULL;
    size_t i = 0;

    json_array_foreach (list, i, item) {
        fprintf(p->out, "%-14s %s  %s\n", KINDS[kind].noun, kn_json_str(item, "id"), kn_json_str(item, "name"));
    }
}

static int project_purge_kind(struct purge *p, size_t kind, struct kn_error *err)
{
    json_auto_t *told = json_object(), *refused = json_object();
    int64_t deadline = kn_mono_ms() + WAIT_MS;
    size_t before = 0, left = 0, stayed = SIZE_MAX;

    do {
        json_auto_t *list = NULL;

        if (project_list(p, kind, &list, err) < 0) {
            return -1;
        }
        if (p->is_only_told) {
            project_show(p, kind, list);
            return 0;
        }
        left = project_tell(p, kind, list, told, refused);
        if (left == 0 && json_array_size(list) < stayed) {
            left = stayed = json_array_size(list);
            project_ask_again(p, told, refused);
        }
        if (left != before) { /* it gets on */
            before = left;
            deadline = kn_mono_ms() + WAIT_MS;
        }
        if (left > 0) {
            project_pause_ms(ASK_EVERY_MS);
        }
    } while (left > 0 && kn_mono_ms() < deadline);
    return left == 0 ? 0
                     : kn_fail(err, KN_TIMEOUT, "%zu of the project's %s were told to go and are still there", left,
                               KINDS[kind].many);
}

static int project_purge_all(struct purge *p, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(KINDS); i++) {
        AUTO(kn_cli_cloud) struct kn_cli_cloud *cloud = NULL;

        if (kn_cli_cloud_open(KINDS[i].service, &cloud, err) < 0) {
            return -1;
        }
        p->cloud = cloud;
        if (project_purge_kind(p, i, err) < 0) {
            return -1;
        }
    }
    return p->refused == 0
               ? 0
               : kn_fail(err, KN_CONFLICT, "%lld things of project \"%s\" stay", (long long)p->refused, p->project);
}

static int project_purge(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    struct purge p = { .out = cli->out };

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--dry-run") == 0) {
            p.is_only_told = true;
        } else if (p.project == NULL && argv[i][0] != '-') {
            p.project = argv[i];
        } else {
            return kn_fail(err, KN_BAD_REQUEST, "unknown argument \"%s\"", argv[i]);
        }
    }
    if (p.project == NULL || p.project[0] == '\0' || !KN_TEXT_PROJECT.holds(p.project)) {
        return kn_fail(err, KN_BAD_REQUEST, "a project's id is wanted");
    }
    return project_purge_all(&p, err);
}

const struct kn_command kn_cli_project_commands[] = {
    { "project purge", "ID [--dry-run]",
      "delete the servers, volumes, images and all of the network of a project, which may be gone; as an administrator, by OS_*",
      project_purge },
    { NULL, NULL, NULL, NULL },
};
