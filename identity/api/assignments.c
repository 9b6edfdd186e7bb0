/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v3/role_assignments: all assignments as one list, with Keystone's filters. Rows are assignment.c's. */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/api/view.h"
#include "identity/rows/nouns.h"
#include "identity/rows/realm.h"
#include "lib/base/mem.h"

struct writer {
    struct kn_strbuf *sb;
    const struct kn_request *req;
    const struct kn_rows *rows;
    int row;
    bool names;
};

static bool there(const struct writer *w, int col)
{
    return !kn_rows_null(w->rows, w->row, col);
}

/* {"id"} of the columns at `col`; with the name and the domain behind it if names are wanted. */
static void write_ref(const struct writer *w, const char *key, int col)
{
    kn_jsonw_object(w->sb, key);
    kn_jsonw_str(w->sb, "id", kn_rows_str(w->rows, w->row, col));
    if (w->names) {
        kn_jsonw_str(w->sb, "name", kn_rows_str(w->rows, w->row, col + 1));
    }
    if (w->names && there(w, col + 2)) {
        kn_jsonw_object(w->sb, "domain");
        kn_jsonw_str(w->sb, "id", kn_rows_str(w->rows, w->row, col + 2));
        kn_jsonw_str(w->sb, "name", kn_rows_str(w->rows, w->row, col + 3));
        kn_jsonw_end_object(w->sb);
    }
    kn_jsonw_end_object(w->sb);
}

static void assignments_write_scope(const struct writer *w)
{
    kn_jsonw_object(w->sb, "scope");
    if (there(w, KN_ASSIGNMENT_PROJECT)) {
        write_ref(w, "project", KN_ASSIGNMENT_PROJECT);
    } else if (there(w, KN_ASSIGNMENT_DOMAIN)) {
        write_ref(w, "domain", KN_ASSIGNMENT_DOMAIN);
    } else {
        kn_jsonw_object(w->sb, "system");
        kn_jsonw_bool(w->sb, "all", true);
        kn_jsonw_end_object(w->sb);
    }
    if (kn_rows_bool(w->rows, w->row, KN_ASSIGNMENT_INHERITED)) {
        kn_jsonw_str(w->sb, "OS-INHERIT:inherited_to", "projects");
    }
    kn_jsonw_end_object(w->sb);
}

/* "/projects/{}": where the assignment was made, which for an effective one is not always where it holds. */
static void add_target(const struct writer *w, struct kn_strbuf *path)
{
    static const struct {
        int col;
        const char *collection;
    } WHERE[] = {
        { KN_ASSIGNMENT_VIA_DOMAIN, "domains" },
        { KN_ASSIGNMENT_VIA_PROJECT, "projects" },
        { KN_ASSIGNMENT_PROJECT, "projects" },
        { KN_ASSIGNMENT_DOMAIN, "domains" },
    };

    for (size_t i = 0; i < KN_COUNT(WHERE); i++) {
        if (there(w, WHERE[i].col)) {
            kn_strbuf_addf(path, "/%s/%s", WHERE[i].collection, kn_rows_text(w->rows, w->row, WHERE[i].col));
            return;
        }
    }
    kn_strbuf_addstr(path, "/system");
}

static void add_actor(const struct writer *w, struct kn_strbuf *path)
{
    int group = there(w, KN_ASSIGNMENT_VIA_GROUP) ? KN_ASSIGNMENT_VIA_GROUP : KN_ASSIGNMENT_GROUP;

    if (there(w, group)) {
        kn_strbuf_addf(path, "/groups/%s", kn_rows_text(w->rows, w->row, group));
    } else {
        kn_strbuf_addf(path, "/users/%s", kn_rows_text(w->rows, w->row, KN_ASSIGNMENT_USER));
    }
}

static void write_assignment_link(const struct writer *w)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf path = KN_STRBUF_INIT;
    bool inherited = kn_rows_bool(w->rows, w->row, KN_ASSIGNMENT_INHERITED);
    int role = there(w, KN_ASSIGNMENT_VIA_ROLE) ? KN_ASSIGNMENT_VIA_ROLE : KN_ASSIGNMENT_ROLE;

    kn_strbuf_addf(&path, "%s/v3%s", w->req->base_url, inherited ? "/OS-INHERIT" : "");
    add_target(w, &path);
    add_actor(w, &path);
    kn_strbuf_addf(&path, "/roles/%s%s", kn_rows_text(w->rows, w->row, role),
                   inherited ? "/inherited_to_projects" : "");
    kn_jsonw_str(w->sb, "assignment", path.buf);
}

static void assignments_write_links(const struct writer *w)
{
    const char *base = w->req->base_url;

    kn_jsonw_object(w->sb, "links");
    write_assignment_link(w);
    if (there(w, KN_ASSIGNMENT_VIA_GROUP)) {
        AUTO_FREE char *membership = kn_asprintf("%s/v3/groups/%s/users/%s", base,
                                                 kn_rows_text(w->rows, w->row, KN_ASSIGNMENT_VIA_GROUP),
                                                 kn_rows_text(w->rows, w->row, KN_ASSIGNMENT_USER));
        kn_jsonw_str(w->sb, "membership", membership);
    }
    if (there(w, KN_ASSIGNMENT_VIA_ROLE)) {
        AUTO_FREE char *prior = kn_asprintf("%s/v3/prior_role/%s/implies/%s", base,
                                            kn_rows_text(w->rows, w->row, KN_ASSIGNMENT_VIA_ROLE),
                                            kn_rows_text(w->rows, w->row, KN_ASSIGNMENT_ROLE));
        kn_jsonw_str(w->sb, "prior_role", prior);
    }
    kn_jsonw_end_object(w->sb);
}

static void write_assignment(const struct writer *w)
{
    kn_jsonw_object(w->sb, NULL);
    assignments_write_scope(w);
    write_ref(w, "role", KN_ASSIGNMENT_ROLE);
    if (there(w, KN_ASSIGNMENT_USER)) {
        write_ref(w, "user", KN_ASSIGNMENT_USER);
    } else {
        write_ref(w, "group", KN_ASSIGNMENT_GROUP);
    }
    assignments_write_links(w);
    kn_jsonw_end_object(w->sb);
}

/* --- what is asked --- */

/* Pairs that no assignment has both of, and what would always be empty. */
static int check_filter(const struct kn_request *req, const struct kn_identity_assignment_filter *f,
                        struct kn_error *err)
{
    if (f->domain_id != NULL && f->project_id != NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Specify a domain or project, not both");
    }
    if (f->domain_id != NULL && f->system) {
        return kn_fail(err, KN_BAD_REQUEST, "Specify system or domain, not both");
    }
    if (f->project_id != NULL && f->system) {
        return kn_fail(err, KN_BAD_REQUEST, "Specify system or project, not both");
    }
    if (f->user_id != NULL && f->group_id != NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Specify a user or group, not both");
    }
    if (f->effective && f->group_id != NULL) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Combining effective and group filter will always result in an empty list.");
    }
    if (f->effective && f->domain_id != NULL && f->inherited != NULL && strcmp(f->inherited, "true") == 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Combining effective, domain and inherited filters will always result in an empty "
                       "list.");
    }
    if (f->subtree && f->project_id == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "scope.project.id must be specified if include_subtree is also specified");
    }
    return f->subtree ? kn_identity_realm_check(req, KN_REALM_PROJECT, f->project_id, err) : 0;
}

static int read_filter(const struct kn_request *req, struct kn_identity_assignment_filter *ret, struct kn_error *err)
{
    const char *inherited = kn_request_query(req, "scope.OS-INHERIT:inherited_to");
    const struct kn_identity_assignment_filter filter = {
        .user_id = kn_request_query(req, "user.id"),
        .group_id = kn_request_query(req, "group.id"),
        .role_id = kn_request_query(req, "role.id"),
        .project_id = kn_request_query(req, "scope.project.id"),
        .domain_id = kn_request_query(req, "scope.domain.id"),
        .realm = kn_identity_realm_of_lists(req),
        .system = kn_request_query(req, "scope.system") != NULL,
        .subtree = kn_identity_view_flag(req, "include_subtree"),
        .inherited = inherited == NULL                    ? NULL
                     : strcmp(inherited, "projects") == 0 ? "true"
                                                          : "false",
        .effective = kn_identity_view_flag(req, "effective"),
    };

    if (check_filter(req, &filter, err) < 0) {
        return -1;
    }
    *ret = filter;
    return 0;
}

int kn_identity_assignments_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct writer w = { .sb = &res->body, .req = req, .names = kn_identity_view_flag(req, "include_names") };
    struct kn_identity_assignment_filter filter;

    if (read_filter(req, &filter, err) < 0 || kn_identity_assignment_list(req->db, &filter, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "role_assignments");
    for (w.rows = rows; w.row < kn_rows_count(rows); w.row++) {
        write_assignment(&w);
    }
    kn_jsonw_end_array(&res->body);
    kn_identity_view_list_links(&res->body, req);
    kn_jsonw_end_object(&res->body);
    return 0;
}
