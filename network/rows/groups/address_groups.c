/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address_groups.c: address groups as a table, and their addresses beside it: prefixes that rules of security groups name all at once. They are added and taken
 * by actions of their own; of each of these all is done or nothing.
 */
#include <string.h>

#include "lib/base/ip.h"
#include "lib/base/mem.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "network/rows/change.h"
#include "network/rows/groups/groups.h"
#include "network/rows/networks.h"
#include "network/rows/shared.h"
#include "network/rows/standard.h"

#define FIND (KN_REST_SHOWN | KN_REST_FIND)

static const struct kn_schema ADDRESS[] = { KN_SCHEMA("addresses", KN_IS_STRING, .limit = KN_LIMIT_CIDR),
                                            KN_SCHEMA_END };

/* clang-format off */
static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "a.id", KN_REST_UUID, FIND),
    KN_REST_ATTR("name", "a.name", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "name", .limit = KN_LIMIT_NETWORK_NAME, .rule = &KN_NEUTRON_NAME),
    KN_REST_ATTR("description", "a.description", KN_REST_TEXT, FIND | KN_REST_WRITE, .column = "description", .limit = KN_LIMIT_LONG_DESCRIPTION),
    KN_REST_ATTR("tenant_id", "a.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("project_id", "a.project_id", KN_REST_TEXT, FIND | KN_REST_POST, .limit = KN_LIMIT_TENANT),
    KN_REST_ATTR("addresses", "(SELECT coalesce(json_agg(text(m.address) ORDER BY m.address), '[]') FROM address_group_address m WHERE m.group_id = a.id)",
                 KN_REST_JSON, KN_REST_SHOWN | KN_REST_POST | KN_REST_NULL_IS_NOTHING, .inner_shape = KN_IS_LIST, .inner = ADDRESS,
                 .limit = KN_LIMIT_GROUP_ADDRESSES),
    KN_NETWORK_SHARED_ATTR("a", 0),
    KN_NETWORK_TIMES("a"),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_param PARAMS[] = {
    KN_REST_PARAM("changed_since", kn_rest_since, .sql = "a.updated_at", .type = KN_REST_TIME),
    KN_REST_PARAMS_END,
};
static const struct kn_stmt ADD = {
    "address_group_add",
    "INSERT INTO address_group_address (group_id, address) SELECT DISTINCT $1::uuid, w.address FROM unnest($2::cidr[]) AS w(address)", 2
};
static const struct kn_stmt REMOVE = {
    "address_group_remove", "DELETE FROM address_group_address WHERE group_id = $1::uuid AND address = ANY($2::cidr[])", 2
};
/* Of those that are asked about: which are there, or which are not. */
static const struct kn_stmt THERE = {
    "address_group_there",
    "SELECT DISTINCT text(w.address) FROM unnest($2::cidr[]) AS w(address) WHERE $3::boolean = EXISTS"
    " (SELECT FROM address_group_address m WHERE m.group_id = $1::uuid AND m.address = w.address)", 3
};
static const struct kn_stmt HOW_MANY = { "address_group_count", "SELECT count(*) FROM address_group_address WHERE group_id = $1::uuid", 1 };
static const struct kn_stmt TOUCH = { "address_group_touch", "UPDATE address_group SET updated_at = now() WHERE id = $1::uuid", 1 };
/* clang-format on */

/* Each a prefix, as Neutron takes it: of a new group with a length, of what is put in and taken out a single address, too. cidrs: without the bits behind the length. */
static int address_groups_read(const json_t *list, bool is_new, struct kn_array *cidrs, struct kn_error *err)
{
    const json_t *item;
    size_t i;

    json_array_foreach (list, i, item) {
        const char *text = json_string_value(item);
        struct kn_ip_prefix prefix;
        char written[KN_IP_PREFIX_SIZE];

        if (!kn_ip_prefix_parse(text, &prefix)) {
            return kn_fail(err, KN_BAD_REQUEST,
                           "Invalid input for addresses. Reason: '%.64s' is not a valid IP subnet.", text);
        }
        kn_ip_prefix_text(&prefix, written);
        if (is_new && (strchr(text, '/') == NULL || (prefix.ip.family == 4 && strcmp(written, text) != 0))) {
            return kn_fail(
                err, KN_BAD_REQUEST,
                "Invalid input for addresses. Reason: '%.64s' isn't a recognized IP subnet cidr, '%s' is recommended.",
                text, written);
        }
        prefix.ip = kn_ip_prefix_first(&prefix);
        kn_array_add(cidrs, kn_ip_prefix_text(&prefix, written));
    }
    return 0;
}

/* Python's list of texts. */
static void write_addresses(const struct kn_rows *rows, struct kn_strbuf *out)
{
    enum { ADDRESS_TEXT };

    for (int row = 0; row < kn_rows_count(rows); row++) {
        kn_strbuf_addf(out, "%s'%s'", row > 0 ? ", " : "[", kn_rows_text(rows, row, ADDRESS_TEXT));
    }
    kn_strbuf_addch(out, ']');
}

static int check_there(struct kn_db *db, const char *id, struct kn_array *cidrs, bool adds, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf shown = KN_STRBUF_INIT;

    if (kn_db_run(db, &THERE, KN_ARGS(id, kn_array_value(cidrs), adds ? "t" : "f"), &rows, err) < 0) {
        return -1;
    }
    if (kn_rows_count(rows) == 0) {
        return 0;
    }
    write_addresses(rows, &shown);
    kn_fail(err, adds ? KN_BAD_REQUEST : KN_NOT_FOUND,
            adds ? "Addresses %.200s already exist in the address group %s."
                 : "Addresses %.200s not found in the address group %s.",
            shown.buf, id);
    return kn_fail_name(err, adds ? "AddressesAlreadyExist" : "AddressesNotFound");
}

/* In the transaction that holds the group. */
static int add_addresses(struct kn_db *db, const char *id, struct kn_array *cidrs, struct kn_error *err)
{
    enum { THERE_ARE };
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (check_there(db, id, cidrs, true, err) < 0 ||
        kn_db_run(db, &ADD, KN_ARGS(id, kn_array_value(cidrs)), NULL, err) < 0 ||
        kn_db_run(db, &HOW_MANY, KN_ARGS(id), &rows, err) < 0) {
        return -1;
    }
    return kn_rows_int(rows, 0, THERE_ARE) <= KN_MAX_GROUP_ADDRESSES
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Invalid input for addresses. Reason: an address group has at most %d addresses.",
                         KN_MAX_GROUP_ADDRESSES);
}

static int address_groups_after(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                                struct kn_error *err)
{
    AUTO_RELEASE(kn_array) struct kn_array cidrs = KN_ARRAY_INIT;

    if (now != NULL || object == NULL) {
        return 0;
    }
    return address_groups_read(json_object_get(object, "addresses"), true, &cidrs, err) < 0 ||
                   add_addresses(req->db, id, &cidrs, err) < 0
               ? -1
               : 0;
}

static int address_groups_clash(struct kn_request *req, const char *constraint, const json_t *object,
                                struct kn_error *err)
{
    (void)constraint;
    if (object != NULL) {
        return -1;
    }
    kn_fail(err, KN_CONFLICT, "Address group %.36s is in use on one or more security group rules.", req->params[0]);
    return kn_fail_name(err, "AddressGroupInUse");
}

static const struct kn_rest_counts COUNTS = {
    "network", { "address_group_counts", KN_NETWORK_NOTHING KN_NETWORK_COUNTS_POLICIES, 1 }, false
};

const struct kn_rest_noun kn_network_address_groups = {
    .one = "address_group",
    .many = "address_groups",
    .label = "Address group",
    .absent_name = "AddressGroupNotFound",
    .path = "/address-groups",
    .from = "address_group a",
    .id = "a.id",
    .id_type = KN_REST_UUID,
    .visible = KN_NETWORK_VISIBLE("a", KN_NETWORK_SHARED),
    .owned = "(a.project_id = ?)",
    .order = "id",
    .ascending = true,
    .ties = "id",
    .attrs = ATTRS,
    .params = PARAMS,
    .manners = &KN_REST_NEUTRON,
    .table = "address_group",
    .project_column = "project_id",
    .counts = &COUNTS,
    .hides_others = true,
    .after = address_groups_after,
    .tell = kn_network_change_tell,
    .clash = address_groups_clash,
};

/* --- actions ------------------------------------------------------------------------------------------------------ */

static int change_addresses(struct kn_request *req, const char *id, struct kn_array *cidrs, bool adds,
                            struct kn_error *err)
{
    AUTO_TX struct kn_tx tx = { NULL };
    bool is_owned = false;

    if (kn_tx_begin(&tx, req->db, err) < 0 || kn_rest_see(&kn_network_address_groups, req, id, &is_owned, err) < 0) {
        return -1;
    }
    if (!is_owned) {
        return kn_rest_not_found(&kn_network_address_groups, id, err);
    }
    if (kn_db_run(req->db, &TOUCH, KN_ARGS(id), NULL, err) < 0 || /* which holds it, too */
        (adds ? add_addresses(req->db, id, cidrs, err)
              : check_there(req->db, id, cidrs, false, err) < 0 ||
                    kn_db_run(req->db, &REMOVE, KN_ARGS(id, kn_array_value(cidrs)), NULL, err) < 0) ||
        kn_network_change(req->db, KN_CHANGED_ADDRESSES, id, err) < 0 || kn_tx_commit(&tx, err) < 0) {
        return -1;
    }
    kn_network_change_tell(req, NULL);
    return 0;
}

static int address_groups_act(struct kn_request *req, bool adds, struct kn_response *res, struct kn_error *err)
{
    static const struct kn_schema BODY[] = {
        KN_SCHEMA("addresses", KN_IS_LIST, .flags = KN_REQUIRED, .inner = ADDRESS, .limit = KN_LIMIT_GROUP_ADDRESSES),
        KN_SCHEMA_END,
    };
    AUTO_RELEASE(kn_array) struct kn_array cidrs = KN_ARRAY_INIT;

    return kn_schema_check_in(KN_REST_NEUTRON.words, BODY, req->body, 0, err) < 0 ||
                   address_groups_read(json_object_get(req->body, "addresses"), false, &cidrs, err) < 0 ||
                   change_addresses(req, req->params[0], &cidrs, adds, err) < 0
               ? -1
               : kn_rest_show(&kn_network_address_groups, req, req->params[0], KN_REST_CHANGED, res, err);
}

int kn_network_address_group_add(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return address_groups_act(req, true, res, err);
}

int kn_network_address_group_remove(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return address_groups_act(req, false, res, err);
}
