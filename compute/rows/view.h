/* SPDX-License-Identifier: Apache-2.0 */
/* view: what compute asks of a request again and again. */
#ifndef KN_COMPUTE_ROWS_VIEW_H
#define KN_COMPUTE_ROWS_VIEW_H

#include "lib/adapter/http.h"
#include "lib/base/jsonw.h"
#include "lib/rest/noun.h"

/* Does the caller speak at least 2.<minor>? */
static inline bool kn_compute_since(const struct kn_request *req, int minor)
{
    return req->microversion >= minor;
}
/* The caller's project as a filter: NULL for whoever the route's rule lets at everybody's. */
static inline const char *kn_compute_visible_project(const struct kn_request *req)
{
    return kn_rest_reaches_all(req) ? NULL : req->caller.project_id;
}

#endif
