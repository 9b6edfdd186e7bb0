/* SPDX-License-Identifier: Apache-2.0 */
/*
 * qos.c: the rules of a QoS policy over HTTP, below the policy's path; which types there are; and the types that Neutron has and this cloud has not, refused by
 * name, because a rule that is taken and not kept is worse than none.
 */
#include "lib/base/jsonw.h"
#include "lib/rest/list.h"
#include "lib/rest/write.h"
#include "network/api/nouns.h"
#include "network/rows/qos.h"

static int find_below(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_rows **ret,
                      struct kn_error *err)
{
    const struct kn_rest_bound of_policy[] = { { "r.policy_id = ?::uuid", req->params[0] }, { NULL, NULL } };
    bool is_owned = false;

    if (kn_rest_see(&kn_network_policies, req, req->params[0], &is_owned, err) < 0) {
        return -1;
    }
    if (kn_rest_find(noun, req, req->params[1], KN_REST_SHOW, of_policy, ret, err) == 0) {
        return 0;
    }
    if (err->code == KN_NOT_FOUND) {
        kn_fail(err, KN_NOT_FOUND, "QoS rule %.64s for policy %.36s could not be found.", req->params[1],
                req->params[0]);
        kn_fail_name(err, "QosRuleNotFound");
    }
    return -1;
}

static int qos_list(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_response *res,
                    struct kn_error *err)
{
    const struct kn_rest_bound of_policy[] = { { "r.policy_id = ?::uuid", req->params[0] }, { NULL, NULL } };
    bool is_owned = false;

    return kn_rest_see(&kn_network_policies, req, req->params[0], &is_owned, err) < 0
               ? -1
               : kn_rest_list_within(noun, req, KN_REST_LIST, NULL, of_policy, res, err);
}

static int qos_show(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_response *res,
                    struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (find_below(noun, req, &rows, err) < 0) {
        return -1;
    }
    kn_rest_write_one(noun, req, KN_REST_SHOW, rows, res);
    return 0;
}

static int qos_update(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_response *res,
                      struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    return find_below(noun, req, &rows, err) < 0 ? -1 : kn_rest_update(noun, req, req->params[1], res, err);
}

static int qos_delete(const struct kn_rest_noun *noun, struct kn_request *req, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    return find_below(noun, req, &rows, err) < 0 ? -1 : kn_rest_delete(noun, req, req->params[1], err);
}

#define HANDLERS(kind) \
    int kn_network_qos_##kind##_list(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        return qos_list(&kn_network_##kind##_rules, req, res, err); \
    } \
    int kn_network_qos_##kind##_create(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        return kn_rest_create(&kn_network_##kind##_rules, req, res, err); \
    } \
    int kn_network_qos_##kind##_show(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        return qos_show(&kn_network_##kind##_rules, req, res, err); \
    } \
    int kn_network_qos_##kind##_update(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        return qos_update(&kn_network_##kind##_rules, req, res, err); \
    } \
    int kn_network_qos_##kind##_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        (void)res; \
        return qos_delete(&kn_network_##kind##_rules, req, err); \
    }
HANDLERS(bandwidth_limit)
HANDLERS(dscp_marking)

/* --- types ---------------------------------------------------------------------------------------------------------- */

/* What a parameter may be: a range (words, values: NULL), one of some words, or of some numbers, ended by a negative one. */
struct qos_parameter {
    const char *name;
    int64_t most;
    const char *const *words;
    const int *values;
};

static const struct qos_parameter LIMIT_PARAMETERS[] = {
    { "max_kbps", KN_MAX_QOS_KBPS, NULL, NULL },
    { "max_burst_kbps", KN_MAX_QOS_KBPS, NULL, NULL },
    { "direction", 0, kn_network_qos_directions, NULL },
    { NULL, 0, NULL, NULL },
};
static const struct qos_parameter MARK_PARAMETERS[] = {
    { "dscp_mark", 0, NULL, kn_network_qos_marks },
    { NULL, 0, NULL, NULL },
};
static const struct {
    const char *name;
    const struct qos_parameter *parameters;
} TYPES[] = {
    { "bandwidth_limit", LIMIT_PARAMETERS },
    { "dscp_marking", MARK_PARAMETERS },
};

static json_t *parameter_values(const struct qos_parameter *parameter)
{
    json_t *values;

    if (parameter->words == NULL && parameter->values == NULL) {
        return json_pack("{s:i, s:I}", "start", 0, "end", (json_int_t)parameter->most);
    }
    values = json_array();
    for (size_t i = 0; parameter->words != NULL && parameter->words[i] != NULL; i++) {
        json_array_append_new(values, json_string(parameter->words[i]));
    }
    for (size_t i = 0; parameter->values != NULL && parameter->values[i] >= 0; i++) {
        json_array_append_new(values, json_integer(parameter->values[i]));
    }
    return values;
}

static json_t *type_parameters(const struct qos_parameter *parameters)
{
    json_t *list = json_array();

    for (const struct qos_parameter *p = parameters; p->name != NULL; p++) {
        json_t *values = parameter_values(p);

        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "parameter_name", p->name, "parameter_type",
                                              json_is_array(values) ? "choices" : "range", "parameter_values", values));
    }
    return list;
}

int kn_network_qos_types_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)req;
    (void)err;
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "rule_types");
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_str(&res->body, "type", TYPES[i].name);
        kn_jsonw_end_object(&res->body);
    }
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_network_qos_types_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
        if (strcmp(TYPES[i].name, req->params[0]) == 0) {
            kn_response_json(res, json_pack("{s:{s:s, s:[{s:s, s:o}]}}", "rule_type", "type", TYPES[i].name, "drivers",
                                            "name", "kilonova", "supported_parameters",
                                            type_parameters(TYPES[i].parameters)));
            return 0;
        }
    }
    kn_fail(err, KN_NOT_FOUND, "QoS rule type %.64s could not be found.", req->params[0]);
    return kn_fail_name(err, "QosRuleTypeNotFound");
}

int kn_network_qos_refuse(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const char *kind = strrchr(req->path, '/') + 1;
    bool is_owned = false;

    (void)res;
    if (kn_rest_see(&kn_network_policies, req, req->params[0], &is_owned, err) < 0) {
        return -1;
    }
    return kn_fail(
        err, KN_NOT_IMPLEMENTED,
        "QoS rules of the kind %.64s are not built in Kilonova: a policy has bandwidth_limit_rules and dscp_marking_rules.",
        kind);
}
