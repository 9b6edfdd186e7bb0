/* SPDX-License-Identifier: Apache-2.0 */
/* Role assignments over HTTP, in both of Keystone's forms: under their target, and as one list. Rows are assignment.c's. */
#include <string.h>
#include <strings.h>

#include "identity/handlers.h"
#include "identity/identity.h"
#include "identity/nouns.h"
#include "identity/view.h"
#include "lib/base/mem.h"

/* The path says what the parameters are: /projects/{}/users/{}/roles/{}, /domains/…, /system/users/{}/roles/{}. */
static struct kn_grant grant_of(const struct kn_request *req)
{
    const char *path = req->route->path + strlen("/v3/");

    if (strncmp(path, "system", 6) == 0) {
        return (struct kn_grant){ .user_id = req->params[0], .role_id = req->params[1] };
    }
    bool project = strncmp(path, "projects", 8) == 0;
    return (struct kn_grant){
        .project_id = project ? req->params[0] : NULL,
        .domain_id = project ? NULL : req->params[0],
        .user_id = req->params[1],
        .role_id = req->params[2],
    };
}

int kn_grants_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_grant grant = grant_of(req);

    if (kn_grant_roles(req->db, &grant, &rows, err) < 0) {
        return -1;
    }
    kn_view_list(res, req, "roles", rows, kn_view_role);
    return 0;
}

int kn_grants_create(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_grant grant = grant_of(req);

    (void)res;
    return kn_grant_insert(req->db, &grant, err);
}

int kn_grants_check(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_grant grant = grant_of(req);

    (void)res;
    return kn_grant_exists(req->db, &grant, err);
}

int kn_grants_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    struct kn_grant grant = grant_of(req);

    (void)res;
    if (kn_grant_delete(req->db, &grant, err) < 0) {
        return -1;
    }
    kn_identity_refresh(req->db);
    return 0;
}

/* --- the list --- */

struct writer {
    struct kn_strbuf *sb;
    const struct kn_request *req;
    const struct kn_rows *rows;
    int row;
    bool names;
};

/* {"id"} of the columns at `col`, with the name behind it and the domain behind that if names are wanted. */
static void write_ref(const struct writer *w, const char *key, int col, int domain_col)
{
    kn_jsonw_object(w->sb, key);
    kn_jsonw_str(w->sb, "id", kn_rows_str(w->rows, w->row, col));
    if (w->names) {
        kn_jsonw_str(w->sb, "name", kn_rows_str(w->rows, w->row, col + 1));
    }
    if (w->names && domain_col >= 0) {
        kn_jsonw_object(w->sb, "domain");
        kn_jsonw_str(w->sb, "id", kn_rows_str(w->rows, w->row, domain_col));
        kn_jsonw_str(w->sb, "name", kn_rows_str(w->rows, w->row, domain_col + 1));
        kn_jsonw_end_object(w->sb);
    }
    kn_jsonw_end_object(w->sb);
}

static void write_scope(const struct writer *w)
{
    kn_jsonw_object(w->sb, "scope");
    if (!kn_rows_null(w->rows, w->row, 6)) {
        write_ref(w, "project", 6, 8);
    } else if (!kn_rows_null(w->rows, w->row, 10)) {
        write_ref(w, "domain", 10, -1);
    } else {
        kn_jsonw_object(w->sb, "system");
        kn_jsonw_bool(w->sb, "all", true);
        kn_jsonw_end_object(w->sb);
    }
    kn_jsonw_end_object(w->sb);
}

static void write_link(const struct writer *w)
{
    const char *project = kn_rows_str(w->rows, w->row, 6), *domain = kn_rows_str(w->rows, w->row, 10);
    AUTO_FREE char *target = project != NULL  ? kn_asprintf("projects/%s", project)
                             : domain != NULL ? kn_asprintf("domains/%s", domain)
                                              : kn_strdup("system");
    AUTO_FREE char *href = kn_asprintf("%s/v3/%s/users/%s/roles/%s", w->req->base_url, target,
                                       kn_rows_text(w->rows, w->row, 2), kn_rows_text(w->rows, w->row, 0));
    kn_jsonw_object(w->sb, "links");
    kn_jsonw_str(w->sb, "assignment", href);
    kn_jsonw_end_object(w->sb);
}

static void write_assignment(const struct writer *w)
{
    kn_jsonw_object(w->sb, NULL);
    write_scope(w);
    write_ref(w, "role", 0, -1);
    write_ref(w, "user", 2, 4);
    write_link(w);
    kn_jsonw_end_object(w->sb);
}

/* Keystone's flags are true when they are there, unless they say 0 or false. */
static bool flag(const struct kn_request *req, const char *key)
{
    const char *value = kn_request_query(req, key);
    return value != NULL && strcmp(value, "0") != 0 && strcasecmp(value, "false") != 0;
}

int kn_assignments_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct writer w = { .sb = &res->body, .req = req, .names = flag(req, "include_names") };
    const struct kn_grant_filter filter = {
        .user_id = kn_request_query(req, "group.id") != NULL ? "" : kn_request_query(req, "user.id"), /* groups have none */
        .role_id = kn_request_query(req, "role.id"),
        .project_id = kn_request_query(req, "scope.project.id"),
        .domain_id = kn_request_query(req, "scope.domain.id"),
        .system = kn_request_query(req, "scope.system") != NULL ? "true" : "false",
        .effective = flag(req, "effective") ? "true" : "false",
    };

    if (kn_grant_list(req->db, &filter, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "role_assignments");
    for (w.rows = rows; w.row < kn_rows_count(rows); w.row++) {
        write_assignment(&w);
    }
    kn_jsonw_end_array(&res->body);
    kn_view_list_links(&res->body, req);
    kn_jsonw_end_object(&res->body);
    return 0;
}
