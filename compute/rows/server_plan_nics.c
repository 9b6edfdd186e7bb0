/* SPDX-License-Identifier: Apache-2.0 */
/* Reads which networks and ports a server wants. Whether they exist and may be used is network/'s to say (network/api.h). */
#include "compute/rows/server_plan_nics.h"

#include <string.h>

#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/domain/server_state.h"
#include "network/api.h"

static bool port_twice(const json_t *networks, size_t at, const char *port)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(kn_json_str(json_array_get(networks, i), "port"), port) == 0) {
            return true;
        }
    }
    return false;
}

static int plan_port(const struct kn_request *req, const json_t *networks, size_t at, int count, json_t *ret,
                     struct kn_error *err)
{
    const json_t *nic = json_array_get(networks, at);
    const char *port = kn_json_str(nic, "port");
    const char *address = kn_json_str(nic, "fixed_ip");

    if (port_twice(networks, at, port)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Port ID '%s' was specified twice: you cannot attach a port multiple times.", port);
    }
    if (address[0] != '\0') {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Specified Fixed IP '%s' cannot be used with port '%s': the two cannot be specified "
                       "together.",
                       address, port);
    }
    if (count > 1) {
        return kn_fail(err, KN_BAD_REQUEST, "Unable to launch multiple instances with a single configured port ID.");
    }
    if (kn_network_port_usable(req->db, &req->caller, port, err) < 0) {
        return -1;
    }
    json_object_set_new(ret, "port", json_string(port));
    return 0;
}

static int plan_network(const struct kn_request *req, const json_t *nic, int count, json_t *ret, struct kn_error *err)
{
    const char *network = kn_json_str(nic, "uuid");
    const char *address = json_string_value(json_object_get(nic, "fixed_ip"));

    if (network[0] == '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "Bad network format: missing 'uuid'");
    }
    if (address != NULL && count > 1) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid request: a fixed IP cannot be given to more than one instance.");
    }
    if (kn_network_usable(req->db, &req->caller, network, address, err) < 0) {
        return -1;
    }
    json_object_set_new(ret, "network", json_string(network));
    json_object_set_new(ret, "any_project", json_boolean(kn_network_uses_all(&req->caller)));
    if (address != NULL) {
        json_object_set_new(ret, "fixed_ip", json_string(address));
    }
    return 0;
}

static int plan_list(const struct kn_request *req, const json_t *networks, int count, json_t *requests,
                     struct kn_error *err)
{
    if (json_array_size(networks) > KN_MAX_NICS) {
        return kn_fail(err, KN_BAD_REQUEST, "A server has at most %d network interfaces", KN_MAX_NICS);
    }
    for (size_t i = 0; i < json_array_size(networks); i++) {
        const json_t *nic = json_array_get(networks, i);
        const char *tag = json_string_value(json_object_get(nic, "tag"));
        json_t *request = json_object();
        int result = kn_json_str(nic, "port")[0] != '\0' ? plan_port(req, networks, i, count, request, err)
                                                         : plan_network(req, nic, count, request, err);

        if (tag != NULL) {
            json_object_set_new(request, "tag", json_string(tag));
        }
        json_array_append_new(requests, request);
        if (result < 0) {
            return -1;
        }
    }
    return 0;
}

/* No network was named: the project's only one; must: "auto" was asked for, so one is made if there is none. */
static int plan_auto(struct kn_request *req, bool must, json_t *requests, struct kn_error *err)
{
    char network[KN_UUID_SIZE] = "";

    if (kn_network_auto(req->db, req->caller.project_id, network, err) < 0) {
        return -1;
    }
    if (network[0] == '\0' && !must) {
        return 0;
    }
    if (network[0] == '\0' && kn_network_auto_make(req, network, err) < 0) {
        return -1;
    }
    json_array_append_new(requests, json_pack("{s:s, s:b}", "network", network, "any_project", 0));
    return 0;
}

/* Each server gets its own of the ports that are to be made. */
static int check_quota(const struct kn_request *req, const json_t *requests, int count, struct kn_error *err)
{
    const json_t *request;
    int64_t made = 0;
    size_t i;

    json_array_foreach (requests, i, request) {
        made += json_object_get(request, "port") == NULL;
    }
    return kn_network_ports_fit(req->db, req->caller.project_id, made * count, err);
}

/* Ports that are given keep the groups that they have, as in Nova. */
static int give_groups(const struct kn_request *req, json_t *requests, json_t *groups, struct kn_error *err)
{
    json_t *request;
    size_t i;

    json_array_foreach (requests, i, request) {
        const char *network = json_string_value(json_object_get(request, "network"));

        if (groups == NULL || network == NULL) {
            continue;
        }
        if (kn_network_groups_apply(req->db, network, err) < 0) {
            return -1;
        }
        json_object_set(request, "groups", groups);
    }
    return 0;
}

int kn_compute_plan_nics(struct kn_request *req, const json_t *networks, json_t *groups, int count, json_t **ret,
                         struct kn_error *err)
{
    const char *word = json_string_value(networks);
    json_t *requests = json_array();
    int result = 0;

    if (word != NULL) {
        result = strcmp(word, "none") == 0 ? 0 : plan_auto(req, true, requests, err);
    } else if (json_array_size(networks) == 0) {
        result = plan_auto(req, false, requests, err);
    } else {
        result = plan_list(req, networks, count, requests, err);
    }
    if (result < 0 || give_groups(req, requests, groups, err) < 0 || check_quota(req, requests, count, err) < 0) {
        json_decref(requests);
        return -1;
    }
    *ret = requests;
    return 0;
}
