/* SPDX-License-Identifier: Apache-2.0 */
/* view: the pieces that compute's answers share: links and times. Columns of time are selected with KN_TIME_COLUMN. */
#ifndef KN_COMPUTE_ROWS_VIEW_H
#define KN_COMPUTE_ROWS_VIEW_H

#include "lib/adapter/db.h"
#include "lib/adapter/http.h"
#include "lib/base/jsonw.h"

/* A timestamptz as text in UTC, whatever the session's time zone: "2026-11-21 10:00:00.123456". */
#define KN_TIME_COLUMN(column) "(" column " AT TIME ZONE 'UTC')"

/* "key":"2026-11-21T10:00:00Z" from such a text; NULL gives null. */
void kn_view_time(struct kn_strbuf *sb, const char *key, const char *text);
/* "key":"2026-11-21T10:00:00.123456", no zone, as Nova writes the times it never formatted. */
void kn_view_time_us(struct kn_strbuf *sb, const char *key, const char *text);
/* "links":[self, bookmark] of /v2.1/<collection>/<id>. */
void kn_view_links(struct kn_strbuf *sb, const struct kn_request *req, const char *collection, const char *id);
/* "links":[self, bookmark, alternate] of an image, the last where Glance has it. */
void kn_view_image_links(struct kn_strbuf *sb, const struct kn_request *req, const char *id);
/* "links":[bookmark] alone. */
void kn_view_bookmark(struct kn_strbuf *sb, const struct kn_request *req, const char *collection, const char *id);

/* Does the caller speak at least 2.<minor>? */
static inline bool kn_since(const struct kn_request *req, int minor)
{
    return req->microversion >= minor;
}
/* The caller's project as a filter: NULL for an admin, who sees everybody's. */
static inline const char *kn_visible_project(const struct kn_request *req)
{
    return req->caller.is_admin ? NULL : req->caller.project_id;
}

#endif
