/* SPDX-License-Identifier: Apache-2.0 */
/* tags: the tags of any noun of the room over HTTP (network/rows/standard.h says what else a noun needs). For routes.c alone. */
#ifndef KN_NETWORK_API_TAGS_H
#define KN_NETWORK_API_TAGS_H

#include "lib/rest/labels.h"
#include "lib/rest/manners.h"
#include "network/rows/standard.h"

extern const struct kn_schema kn_network_tags_body[];
/* May the tags be so many? */
int kn_network_tags_fit(struct kn_request *req, const struct kn_rows *now, const json_t *whole, struct kn_error *err);

/* The handlers of kn_network_<plural>'s. */
#define TAGS(plural) \
    static const struct kn_rest_labels plural##_tags = { \
        .noun = &kn_network_##plural, \
        .attr = "tags", \
        .key = "tags", \
        .is_set = true, \
        .echoes = true, \
        .body = kn_network_tags_body, \
        .words = &KN_SCHEMA_NEUTRON, \
        .absent = "Tag %2 could not be found.", \
        .absent_name = "TagNotFound", \
        .fits = kn_network_tags_fit, \
    }; \
    static int plural##_tags_list(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        return kn_rest_labels_list(&plural##_tags, req, res, err); \
    } \
    static int plural##_tags_merge(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        return kn_rest_labels_merge(&plural##_tags, req, res, err); \
    } \
    static int plural##_tags_replace(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        return kn_rest_labels_replace(&plural##_tags, req, res, err); \
    } \
    static int plural##_tags_clear(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        (void)res; \
        return kn_rest_labels_clear(&plural##_tags, req, err); \
    } \
    static int plural##_tags_show(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        return kn_rest_labels_show(&plural##_tags, req, res, err); \
    } \
    static int plural##_tags_put(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        return kn_rest_labels_put(&plural##_tags, req, res, err); \
    } \
    static int plural##_tags_drop(struct kn_request *req, struct kn_response *res, struct kn_error *err) \
    { \
        (void)res; \
        return kn_rest_labels_drop(&plural##_tags, req, err); \
    }

/* path: of the collection; whoever may change one may tag it. */
#define TAG_ROUTES(plural, path, ONE) \
    ROUTE("GET", "/v2.0/" path "/{id}/tags", GET_##ONE, 200, plural##_tags_list), \
        ROUTE_BUT("POST", "/v2.0/" path "/{id}/tags", UPDATE_##ONE, 200, plural##_tags_merge, plural##_refuse_act), \
        ROUTE_BUT("PUT", "/v2.0/" path "/{id}/tags", UPDATE_##ONE, 200, plural##_tags_replace, plural##_refuse_act), \
        ROUTE_BUT("DELETE", "/v2.0/" path "/{id}/tags", UPDATE_##ONE, 204, plural##_tags_clear, plural##_refuse_act), \
        ROUTE("GET", "/v2.0/" path "/{id}/tags/{tag}", GET_##ONE, 204, plural##_tags_show), \
        ROUTE_BUT("PUT", "/v2.0/" path "/{id}/tags/{tag}", UPDATE_##ONE, 201, plural##_tags_put, plural##_refuse_act), \
        ROUTE_BUT("DELETE", "/v2.0/" path "/{id}/tags/{tag}", UPDATE_##ONE, 204, plural##_tags_drop, \
                  plural##_refuse_act)

#endif
