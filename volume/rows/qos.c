/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QoS specs as a table of lib/rest, and what is done with them. No back end here limits anything by itself (QoS_support is false in its pool): specs whose consumer is the back end alone
 * can be kept, but no type may have them.
 */
#include "volume/rows/qos.h"

#include <string.h>
#include <strings.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/uuid.h"
#include "lib/domain/message.h"
#include "lib/domain/volume_qos.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"

static const char *const CONSUMERS[] = { "front-end", "back-end", "both", NULL };

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "q.id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FIND),
    KN_REST_ATTR("name", "q.name", KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_FIND | KN_REST_POST | KN_REST_REQUIRED,
                 .column = "name", .limit = KN_LIMIT_VOLUME_QOS_NAME, .rule = &KN_TEXT_NAME),
    KN_REST_ATTR("consumer", "q.consumer", KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_FIND | KN_REST_POST,
                 .column = "consumer", .words = CONSUMERS),
    KN_REST_ATTR("specs", "q.specs", KN_REST_JSON, KN_REST_ALWAYS),
    KN_REST_ATTR("said", NULL, KN_REST_MEMBERS, KN_REST_POST, .column = "specs"),
    KN_REST_ATTR("created_at", "q.created_at", KN_REST_TIME, KN_REST_SORT),
    KN_REST_ATTRS_END,
};

/* Keys and texts, as many and as long as those of types are. */
static int qos_check_texts(const json_t *specs, struct kn_error *err)
{
    static const struct kn_schema VALUE[] = { KN_SCHEMA("value", KN_IS_STRING, .limit = KN_LIMIT_EXTRA_SPEC_VALUE),
                                              KN_SCHEMA_END };
    static const struct kn_schema BODY[] = {
        KN_SCHEMA("qos_specs", KN_IS_MAP, .flags = KN_REQUIRED, .limit = KN_LIMIT_VOLUME_METADATA,
                  .rule = &KN_TEXT_META_KEY, .inner = VALUE),
        KN_SCHEMA_END,
    };
    json_auto_t *body = json_pack("{s:O}", "qos_specs", specs);

    return kn_schema_check(BODY, body, 0, err);
}

static int qos_check(struct kn_request *req, json_t *object, struct kn_error *err)
{
    const json_t *specs = json_object_get(object, "said");

    (void)req;
    return specs == NULL || (qos_check_texts(specs, err) == 0 && kn_volume_qos_check(specs, err) == 0) ? 0 : -1;
}

static int qos_clash(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err)
{
    (void)req;
    return strcmp(constraint, "volume_qos_name") == 0
               ? kn_fail(err, KN_CONFLICT, "QoS Specs %s already exists.", kn_json_str(object, "name"))
               : -1;
}

const struct kn_rest_noun kn_volume_qos_noun = {
    .one = "qos_specs",
    .many = "qos_specs",
    .label = "QoS specs",
    .absent = "No such QoS spec %2.",
    .path = "/qos-specs",
    .from = "volume_qos q",
    .id = "q.id",
    .id_type = KN_REST_UUID,
    .order = "created_at",
    .ties = "created_at,id",
    .attrs = ATTRS,
    .manners = &KN_REST_CINDER,
    .table = "volume_qos",
    .check = qos_check,
    .clash = qos_clash,
};

static int qos_absent(const char *id, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "No such QoS spec %.64s.", id);
}

/* The row, held. */
static int qos_hold(struct kn_db *db, const char *id, struct kn_rows **ret, struct kn_error *err)
{
    static const struct kn_stmt HOLD = { "volume_qos_hold",
                                         "SELECT specs, consumer, EXISTS (SELECT FROM volume_type WHERE qos_id = q.id) "
                                         "FROM volume_qos q WHERE id = $1 FOR UPDATE",
                                         1 };

    if (!kn_uuid_valid(id)) {
        return qos_absent(id, err);
    }
    if (kn_db_run(db, &HOLD, KN_ARGS(id), ret, err) < 0) {
        return -1;
    }
    return kn_rows_count(*ret) > 0 ? 0 : qos_absent(id, err);
}
enum { SPECS, CONSUMER, IS_USED };

static int qos_write(struct kn_db *db, const char *id, const json_t *specs, const char *consumer, struct kn_error *err)
{
    static const struct kn_stmt WRITE = {
        "volume_qos_write", "UPDATE volume_qos SET specs = $2::jsonb, consumer = $3, updated_at = now() WHERE id = $1",
        3
    };
    AUTO_FREE char *text = json_dumps(specs, JSON_COMPACT);

    return kn_db_run(db, &WRITE, KN_ARGS(id, text, consumer), NULL, err);
}

static int qos_check_consumer(const char *consumer, bool is_used, struct kn_error *err)
{
    const char *const *known = CONSUMERS;

    while (*known != NULL && strcmp(*known, consumer) != 0) {
        known++;
    }
    if (*known == NULL) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid qos specs: Valid consumer of QoS specs are: ['front-end', "
                       "'back-end', 'both']");
    }
    return !is_used || strcmp(consumer, "back-end") != 0
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid qos specs: no back end here has QoS_support, so the consumer of "
                         "what a volume type has must be front-end or both.");
}

int kn_volume_qos_set(struct kn_db *db, const char *id, const json_t *keys, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (qos_check_texts(keys, err) < 0 || kn_tx_begin(&tx, db, err) < 0 || qos_hold(db, id, &rows, err) < 0) {
        return -1;
    }
    json_auto_t *specs = json_loads(kn_rows_text(rows, 0, SPECS), 0, NULL);
    const char *said = json_string_value(json_object_get(keys, "consumer"));
    const char *consumer = said != NULL ? said : kn_rows_text(rows, 0, CONSUMER);

    json_object_update(specs, (json_t *)(uintptr_t)keys); /* which stays as it is */
    json_object_del(specs, "consumer");
    return qos_check_texts(specs, err) < 0 || kn_volume_qos_check(specs, err) < 0 ||
                   qos_check_consumer(consumer, kn_rows_bool(rows, 0, IS_USED), err) < 0 ||
                   qos_write(db, id, specs, consumer, err) < 0
               ? -1
               : kn_tx_commit(&tx, err);
}

int kn_volume_qos_unset(struct kn_db *db, const char *id, const json_t *keys, struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const json_t *key;
    size_t i;

    if (kn_tx_begin(&tx, db, err) < 0 || qos_hold(db, id, &rows, err) < 0) {
        return -1;
    }
    json_auto_t *specs = json_loads(kn_rows_text(rows, 0, SPECS), 0, NULL);
    json_array_foreach (keys, i, key) {
        if (json_object_del(specs, json_string_value(key)) < 0) {
            return kn_fail(err, KN_NOT_FOUND, "QoS spec %s has no spec with key %.64s.", id, json_string_value(key));
        }
    }
    return kn_volume_qos_check(specs, err) < 0 || qos_write(db, id, specs, kn_rows_text(rows, 0, CONSUMER), err) < 0
               ? -1
               : kn_tx_commit(&tx, err);
}

int kn_volume_qos_delete(struct kn_db *db, const char *id, bool by_force, struct kn_error *err)
{
    static const struct kn_stmt DELETE = { "volume_qos_delete", "DELETE FROM volume_qos WHERE id = $1", 1 };
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (kn_tx_begin(&tx, db, err) < 0 || qos_hold(db, id, &rows, err) < 0) {
        return -1;
    }
    if (!by_force && kn_rows_bool(rows, 0, IS_USED)) {
        return kn_fail(err, KN_BAD_REQUEST, "Qos specs still in use.");
    }
    return kn_volume_qos_disassociate(db, id, NULL, err) < 0 || kn_db_run(db, &DELETE, KN_ARGS(id), NULL, err) < 0
               ? -1
               : kn_tx_commit(&tx, err);
}

static int qos_no_type(const char *type, struct kn_error *err)
{
    return kn_fail(err, KN_NOT_FOUND, "Volume type %.64s could not be found.", type);
}

int kn_volume_qos_associate(struct kn_db *db, const char *id, const char *type, struct kn_error *err)
{
    static const struct kn_stmt TYPE = { "volume_qos_type", "SELECT qos_id FROM volume_type WHERE id = $1 FOR UPDATE",
                                         1 };
    static const struct kn_stmt SET = { "volume_qos_associate",
                                        "UPDATE volume_type SET qos_id = $2, updated_at = now() WHERE id = $1", 2 };
    AUTO_TX struct kn_tx tx = { NULL };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO(kn_rows) struct kn_rows *of = NULL;

    if (kn_tx_begin(&tx, db, err) < 0 || qos_hold(db, id, &rows, err) < 0 ||
        qos_check_consumer(kn_rows_text(rows, 0, CONSUMER), true, err) < 0 ||
        (kn_uuid_valid(type) && kn_db_run(db, &TYPE, KN_ARGS(type), &of, err) < 0)) {
        return -1;
    }
    if (of == NULL || kn_rows_count(of) == 0) {
        return qos_no_type(type, err);
    }
    const char *other = kn_rows_str(of, 0, KN_ONLY);
    if (other != NULL && strcasecmp(other, id) != 0) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid volume type: Type %s is already associated with another qos specs: %s", type, other);
    }
    return kn_db_run(db, &SET, KN_ARGS(type, id), NULL, err) < 0 ? -1 : kn_tx_commit(&tx, err);
}

int kn_volume_qos_disassociate(struct kn_db *db, const char *id, const char *type, struct kn_error *err)
{
    static const struct kn_stmt END = {
        "volume_qos_disassociate",
        "UPDATE volume_type SET qos_id = NULL, updated_at = now() WHERE qos_id = $1 AND ($2::uuid IS NULL OR id = $2)",
        2
    };

    return type != NULL && !kn_uuid_valid(type) ? qos_no_type(type, err)
                                                : kn_db_run(db, &END, KN_ARGS(id, type), NULL, err);
}
