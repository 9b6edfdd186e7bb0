/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota: quotas over HTTP, as far as Nova, Cinder and Neutron agree: what a quota set looks like, what may be sent as one, how it is read, set and
 * reset, the absolute limits. Whose quota a caller may see and set says each service's `enter`; rows are lib/adapter/quota.h's.
 */
#ifndef KN_REST_QUOTA_H
#define KN_REST_QUOTA_H

#include "lib/adapter/http.h"
#include "lib/adapter/quota.h"
#include "lib/domain/schema.h"
#include "lib/rest/write.h"

/* A member of quota classes. */
struct kn_rest_quota_in_class {
    const char *name; /* NULL ends a table */
    int since, until; /* minor microversions that show it, 0 = no bound; `until` is also the last that takes it */
};

/* How a service writes a quota. */
struct kn_rest_quota_manners {
    const char *service;  /* whose rows they are */
    const char *one;      /* "quota_set" */
    const char *used;     /* "in_use" */
    bool has_allocated;   /* beside limit, used and reserved */
    bool shows_id;        /* of the project, where a set is read */
    const struct kn_schema *more; /* what a body may say beside limits; NULL: nothing */
    const struct kn_rest_noun *noun; /* whose PUT reads the body; NULL: the set's own lines do */
    /* Before all else: may this caller, and is that a project? The path names it. */
    int (*enter)(struct kn_request *req, struct kn_error *err);
    /* A checked body, before it is written; set: what the project has now. May be NULL. */
    int (*judge)(const json_t *in, const struct kn_quota_set *set, struct kn_error *err);
    const struct kn_rest_quota_in_class
        *in_class; /* what a quota class shows at other microversions than a set does; NULL: nothing */
};

/* GET of a project's; of what it has if nobody says a word; PUT; DELETE. */
int kn_rest_quota_show(const struct kn_rest_quota_manners *manners, struct kn_request *req, bool detail,
                       struct kn_response *res, struct kn_error *err);
int kn_rest_quota_defaults(const struct kn_rest_quota_manners *manners, struct kn_request *req, struct kn_response *res,
                           struct kn_error *err);
int kn_rest_quota_update(const struct kn_rest_quota_manners *manners, struct kn_request *req, struct kn_response *res,
                         struct kn_error *err);
int kn_rest_quota_reset(const struct kn_rest_quota_manners *manners, struct kn_request *req, struct kn_error *err);

/* The members of a set that this microversion shows; with what is used: {"limit": 10, "in_use": 1, "reserved": 0}. The braces are the caller's. */
void kn_rest_quota_members(const struct kn_rest_quota_manners *manners, const struct kn_request *req,
                           const struct kn_quota_set *set, bool detail, struct kn_strbuf *out);
/* The first line that the object would limit below what is used; NULL: none. *ret: the limit. */
const struct kn_quota_line *kn_rest_quota_below(const struct kn_quota_set *set, const json_t *object, int64_t *ret);

/*
 * Quota classes, of Nova and Cinder. Whatever class is asked for has the defaults; the class "default" is the defaults of all projects, and no project is
 * of any other, so no other can be set.
 */
int kn_rest_quota_class_show(const struct kn_rest_quota_manners *manners, struct kn_request *req,
                             struct kn_response *res, struct kn_error *err);
int kn_rest_quota_class_update(const struct kn_rest_quota_manners *manners, struct kn_request *req,
                               struct kn_response *res, struct kn_error *err);

/* A member of "absolute" in the limits of Nova and Cinder. */
struct kn_rest_quota_absolute {
    const char *name; /* NULL ends a table */
    enum kn_quota quota;
    bool is_use; /* what is used, not what may be */
    int until; /* last minor microversion, 0 = all */
};
/* {"limits": {"rate": [], "absolute": {…}}} */
void kn_rest_quota_absolutes(const struct kn_rest_quota_absolute *names, const struct kn_request *req,
                             const struct kn_quota_set *set, struct kn_response *res);

#endif
