/* SPDX-License-Identifier: Apache-2.0 */
/* Reading volumes: a row, who may have it, Cinder's views of it. Writing is volume_write.c's, lists are list.c's. */
#include "volume/volume.h"

#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"

#define TIME(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
#define ATTACHMENTS                                                                                                   \
    "(SELECT coalesce(json_agg(json_build_object('id', a.volume_id, 'attachment_id', a.id, 'volume_id', a.volume_id, " \
    "'server_id', a.server_id, 'host_name', NULL, 'device', a.device, 'attached_at', " TIME("a.attached_at")          \
    ")), '[]') FROM attachment a WHERE a.volume_id = v.id AND a.status <> 'attaching')"
#define SELECT                                                                                                        \
    "SELECT v.id, v.project_id, v.user_id, v.name, v.description, v.size_gib, v.status, v.zone, v.bootable, "         \
    "v.metadata, " TIME("v.created_at") ", " TIME("v.updated_at") ", " ATTACHMENTS " FROM volume v "

const char kn_volume_select[] = SELECT;

void kn_volume_at(const struct kn_rows *rows, int row, struct kn_volume *ret)
{
    *ret = (struct kn_volume){
        .id = kn_rows_text(rows, row, 0),
        .project_id = kn_rows_text(rows, row, 1),
        .user_id = kn_rows_text(rows, row, 2),
        .name = kn_rows_str(rows, row, 3),
        .description = kn_rows_str(rows, row, 4),
        .size_gib = kn_rows_int(rows, row, 5),
        .status = kn_rows_text(rows, row, 6),
        .zone = kn_rows_text(rows, row, 7),
        .is_bootable = kn_rows_bool(rows, row, 8),
        .metadata = kn_rows_text(rows, row, 9),
        .created_at = kn_rows_text(rows, row, 10),
        .updated_at = kn_rows_text(rows, row, 11),
        .attachments = kn_rows_text(rows, row, 12),
    };
}

int kn_volume_get(struct kn_db *db, const struct kn_caller *caller, const char *id, bool update,
                  struct kn_rows **ret_rows, struct kn_volume *ret, struct kn_error *err)
{
    static const struct kn_stmt GET = {
        "volume_get", SELECT "WHERE v.id = $1 AND (v.project_id = $2 OR $3::boolean)", 3
    };
    static const struct kn_stmt LOCK = {
        "volume_lock", SELECT "WHERE v.id = $1 AND (v.project_id = $2 OR $3::boolean) FOR UPDATE OF v", 3
    };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_uuid_valid(id) && kn_db_run(db, update ? &LOCK : &GET,
                                       KN_ARGS(id, caller->project_id, caller->is_admin ? "t" : "f"), &rows, err) < 0) {
        return -1;
    }
    if (rows == NULL || kn_rows_count(rows) == 0) {
        return kn_fail(err, KN_NOT_FOUND, "Volume %.64s could not be found.", id);
    }
    kn_volume_at(rows, 0, ret);
    *ret_rows = kn_steal(&rows);
    return 0;
}

/* --- views ---------------------------------------------------------------------------------------------------------- */

static void print_link(struct kn_strbuf *out, const char *rel, const char *href)
{
    kn_jsonw_object(out, NULL);
    kn_jsonw_str(out, "rel", rel);
    kn_jsonw_str(out, "href", href);
    kn_jsonw_end_object(out);
}

static void print_links(const struct kn_request *req, const char *id, struct kn_strbuf *out)
{
    AUTO_FREE char *self = kn_asprintf("%s/v3/%s/volumes/%s", req->base_url, req->caller.project_id, id);
    AUTO_FREE char *bookmark = kn_asprintf("%s/%s/volumes/%s", req->base_url, req->caller.project_id, id);

    kn_jsonw_array(out, "links");
    print_link(out, "self", self);
    print_link(out, "bookmark", bookmark);
    kn_jsonw_end_array(out);
}

/* Attributes that came with a microversion; until then a client's schema does not allow them. */
static void print_since(const struct kn_request *req, struct kn_strbuf *out)
{
    if (req->microversion >= 13) {
        kn_jsonw_null(out, "group_id");
    }
    if (req->microversion >= 21 && req->caller.is_admin) {
        kn_jsonw_null(out, "provider_id");
    }
    if (req->microversion >= 48) {
        kn_jsonw_null(out, "service_uuid");
        kn_jsonw_raw(out, "shared_targets", req->microversion >= 69 ? "null" : "false");
    }
    if (req->microversion >= 61 && req->caller.is_admin) {
        kn_jsonw_null(out, "cluster_name");
    }
    if (req->microversion >= 63) {
        kn_jsonw_str(out, "volume_type_id", KN_VOLUME_TYPE_ID);
    }
    if (req->microversion >= 65) {
        kn_jsonw_bool(out, "consumes_quota", true);
    }
}

static void print_show_only(const struct kn_request *req, const struct kn_volume *v, struct kn_strbuf *out)
{
    kn_jsonw_str(out, "os-vol-tenant-attr:tenant_id", v->project_id);
    if (req->caller.is_admin) {
        kn_jsonw_str(out, "os-vol-host-attr:host", "kilonova@file#file");
        kn_jsonw_null(out, "os-vol-mig-status-attr:migstat");
        kn_jsonw_null(out, "os-vol-mig-status-attr:name_id");
    }
}

static void print_body(const struct kn_volume *v, struct kn_strbuf *out)
{
    kn_jsonw_str(out, "description", v->description);
    kn_jsonw_int(out, "size", v->size_gib);
    kn_jsonw_str(out, "status", v->status);
    kn_jsonw_str(out, "availability_zone", v->zone);
    kn_jsonw_str(out, "bootable", v->is_bootable ? "true" : "false");
    kn_jsonw_bool(out, "encrypted", false);
    kn_jsonw_bool(out, "multiattach", false);
    kn_jsonw_str(out, "volume_type", KN_VOLUME_TYPE);
    kn_jsonw_str(out, "user_id", v->user_id);
    kn_jsonw_str(out, "created_at", v->created_at);
    kn_jsonw_str(out, "updated_at", v->updated_at);
    kn_jsonw_raw(out, "metadata", v->metadata);
    kn_jsonw_raw(out, "attachments", v->attachments);
    kn_jsonw_null(out, "snapshot_id");
    kn_jsonw_null(out, "source_volid");
    kn_jsonw_null(out, "consistencygroup_id");
    kn_jsonw_null(out, "replication_status");
}

void kn_volume_print(const struct kn_request *req, const struct kn_volume *v, enum kn_volume_view view,
                     struct kn_strbuf *out)
{
    kn_jsonw_str(out, "id", v->id);
    kn_jsonw_str(out, "name", v->name);
    print_links(req, v->id, out);
    if (view == KN_VOLUME_SUMMARY) {
        return;
    }
    print_body(v, out);
    print_since(req, out);
    if (view == KN_VOLUME_DETAIL) {
        print_show_only(req, v, out);
    }
}
