/* SPDX-License-Identifier: Apache-2.0 */
/* What is pinned on volumes, their snapshots and their types: metadata and extra specs, whole and one by one. */
#include "lib/rest/labels.h"
#include "volume/api/private.h"
#include "volume/rows/noun.h"
#include "volume/rows/snapshot.h"
#include "volume/rows/type.h"

/* --- metadata of volumes ------------------------------------------------------------------------------------------------ */

static const struct kn_schema VALUE[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_META_VALUE),
                                          KN_SCHEMA_END };
#define MAP(n) \
    KN_SCHEMA(n, KN_IS_MAP, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_METADATA, .rule = &KN_TEXT_META_KEY, \
              .inner = VALUE)
static const struct kn_schema WHOLE_BODY[] = { MAP("metadata"), KN_SCHEMA_END };
static const struct kn_schema ITEM_BODY[] = { MAP("meta"), KN_SCHEMA_END };

static int metadata_fits(struct kn_request *req, const struct kn_rows *now, const json_t *whole, struct kn_error *err)
{
    (void)req;
    (void)now;
    return json_object_size(whole) <= KN_MAX_VOLUME_METADATA
               ? 0
               : kn_fail(err, KN_TOO_LARGE, "Maximum number of metadata items exceeded: at most %d",
                         KN_MAX_VOLUME_METADATA);
}

static const struct kn_rest_labels METADATA = {
    .noun = &kn_volume_noun,
    .attr = "pinned",
    .key = "metadata",
    .item = "meta",
    .body = WHOLE_BODY,
    .one = ITEM_BODY,
    .absent = "Volume %1 has no metadata with key %2.",
    .mismatch = "Request body and URI mismatch.",
    .fits = metadata_fits,
};

int kn_volume_api_metadata(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_list(&METADATA, req, res, err);
}

int kn_volume_api_metadata_add(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_merge(&METADATA, req, res, err);
}

int kn_volume_api_metadata_replace(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_replace(&METADATA, req, res, err);
}

int kn_volume_api_meta(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_show(&METADATA, req, res, err);
}

int kn_volume_api_meta_set(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_put(&METADATA, req, res, err);
}

int kn_volume_api_meta_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_labels_drop(&METADATA, req, err);
}

/* --- metadata of snapshots ---------------------------------------------------------------------------------------------- */

static const struct kn_rest_labels OF_SNAPSHOT = {
    .noun = &kn_volume_snapshot_noun,
    .attr = "pinned",
    .key = "metadata",
    .item = "meta",
    .body = WHOLE_BODY,
    .one = ITEM_BODY,
    .absent = "Snapshot %1 has no metadata with key %2.",
    .mismatch = "Request body and URI mismatch.",
    .fits = metadata_fits,
};

int kn_volume_api_snapshot_metadata(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_list(&OF_SNAPSHOT, req, res, err);
}

int kn_volume_api_snapshot_metadata_add(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_merge(&OF_SNAPSHOT, req, res, err);
}

int kn_volume_api_snapshot_metadata_replace(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_replace(&OF_SNAPSHOT, req, res, err);
}

int kn_volume_api_snapshot_meta(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_show(&OF_SNAPSHOT, req, res, err);
}

int kn_volume_api_snapshot_meta_set(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_put(&OF_SNAPSHOT, req, res, err);
}

int kn_volume_api_snapshot_meta_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_labels_drop(&OF_SNAPSHOT, req, err);
}

/* --- extra specs of types ----------------------------------------------------------------------------------------------- */

static const struct kn_schema SPEC[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_EXTRA_SPEC_VALUE),
                                         KN_SCHEMA_END };
static const struct kn_schema SPECS_BODY[] = {
    KN_SCHEMA("extra_specs", KN_IS_MAP, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_SPECS, .rule = &KN_TEXT_META_KEY,
              .inner = SPEC),
    KN_SCHEMA_END,
};
static const struct kn_rest_labels SPECS = {
    .noun = &kn_volume_type_noun,
    .attr = "specs",
    .key = "extra_specs",
    .body = SPECS_BODY,
    .one = SPECS_BODY,
    .echoes = true,
    .absent = "Volume Type %1 has no extra specs with key %2.",
    .mismatch = "Request body and URI mismatch.",
};

int kn_volume_api_type_specs(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_list(&SPECS, req, res, err);
}

int kn_volume_api_type_spec(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_show(&SPECS, req, res, err);
}

int kn_volume_api_type_specs_add(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_merge(&SPECS, req, res, err);
}

int kn_volume_api_type_spec_set(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_labels_put(&SPECS, req, res, err);
}

int kn_volume_api_type_spec_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_labels_drop(&SPECS, req, err);
}
