/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v3/projects/{id}, with what stands above and below it: as a list of those the caller has a role in, or as ids one inside the
 * other, all of them.
 */
#include <string.h>

#include "identity/api/handlers.h"
#include "identity/api/view.h"
#include "identity/rows/nouns.h"
#include "identity/rows/realm.h"
#include "identity/rows/tree.h"
#include "lib/base/jsonw.h"

/* What a list of ids needs of a row. */
static const char *tree_cell(const struct kn_request *req, const char *name, const struct kn_rows *rows, int row)
{
    const char *text = kn_rest_cell(&kn_identity_project_noun, req, KN_REST_SHOW, name, rows, row);
    return text != NULL ? text : "";
}

static void tree_write_list(struct kn_strbuf *sb, const struct kn_request *req, const char *key,
                            const struct kn_rows *rows)
{
    kn_jsonw_array(sb, key);
    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_jsonw_object(sb, NULL);
        kn_jsonw_object(sb, "project");
        kn_rest_members(&kn_identity_project_noun, req, KN_REST_SHOW, rows, i, sb);
        kn_jsonw_end_object(sb);
        kn_jsonw_end_object(sb);
    }
    kn_jsonw_end_array(sb);
}

/* {"parent": {"its parent": {"the domain": null}}} of rows that come nearest first. */
static void write_parent_ids(struct kn_strbuf *sb, const struct kn_rows *rows)
{
    const char *key = "parents";

    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_jsonw_object(sb, key);
        key = kn_rest_id_of(rows, i);
    }
    kn_jsonw_null(sb, key);
    for (int i = 0; i < kn_rows_count(rows); i++) {
        kn_jsonw_end_object(sb);
    }
}

/* {"child": {"grandchild": null}} of rows that come level by level; the depth of the tree bounds the recursion. */
static void write_child_ids(struct kn_strbuf *sb, const struct kn_request *req, const char *key,
                            const struct kn_rows *rows, const char *parent)
{
    bool any = false;

    for (int i = 0; i < kn_rows_count(rows); i++) {
        if (strcmp(tree_cell(req, "parent_id", rows, i), parent) == 0) {
            if (!any) {
                kn_jsonw_object(sb, key);
                any = true;
            }
            write_child_ids(sb, req, kn_rest_id_of(rows, i), rows,
                            kn_rest_id_of(rows, i)); /* NOLINT(misc-no-recursion) */
        }
    }
    if (any) {
        kn_jsonw_end_object(sb);
    } else {
        kn_jsonw_null(sb, key);
    }
}

enum { NONE, AS_LIST, AS_IDS };

/* How one side of the tree is wanted. */
static int read_form(const struct kn_request *req, const char *list, const char *ids, int *ret, struct kn_error *err)
{
    bool as_list = kn_identity_view_flag(req, list), as_ids = kn_identity_view_flag(req, ids);

    if (as_list && as_ids) {
        return kn_fail(err, KN_BAD_REQUEST, "Cannot use %s and %s query params at the same time.", list, ids);
    }
    *ret = as_list ? AS_LIST : as_ids ? AS_IDS : NONE;
    return 0;
}

static int write_parents(struct kn_strbuf *sb, const struct kn_request *req, int form, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (form == NONE) {
        return 0;
    }
    if (kn_identity_tree_parents(req->db, req->params[0], form == AS_LIST ? req->caller.user_id : NULL, &rows, err) <
        0) {
        return -1;
    }
    if (form == AS_LIST) {
        tree_write_list(sb, req, "parents", rows);
    } else {
        write_parent_ids(sb, rows);
    }
    return 0;
}

static int write_subtree(struct kn_strbuf *sb, const struct kn_request *req, int form, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (form == NONE) {
        return 0;
    }
    if (kn_identity_tree_below(req->db, req->params[0], form == AS_LIST ? req->caller.user_id : NULL, &rows, err) < 0) {
        return -1;
    }
    if (form == AS_LIST) {
        tree_write_list(sb, req, "subtree", rows);
    } else {
        write_child_ids(sb, req, "subtree", rows, req->params[0]);
    }
    return 0;
}

int kn_identity_projects_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct kn_strbuf *sb = &res->body;
    int parents = NONE, subtree = NONE;

    if (kn_identity_realm_check(req, KN_REALM_PROJECT, req->params[0], err) < 0 ||
        read_form(req, "parents_as_list", "parents_as_ids", &parents, err) < 0 ||
        read_form(req, "subtree_as_list", "subtree_as_ids", &subtree, err) < 0 ||
        kn_rest_find(&kn_identity_project_noun, req, req->params[0], KN_REST_SHOW, NULL, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(sb, NULL);
    kn_jsonw_object(sb, "project");
    kn_rest_members(&kn_identity_project_noun, req, KN_REST_SHOW, rows, 0, sb);
    if (write_parents(sb, req, parents, err) < 0 || write_subtree(sb, req, subtree, err) < 0) {
        return -1;
    }
    kn_jsonw_end_object(sb);
    kn_jsonw_end_object(sb);
    return 0;
}
