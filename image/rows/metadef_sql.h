/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of SQL that metadef_store.c and metadef_item.c share: an item's JSON. */
#ifndef KN_IMAGE_ROWS_METADEF_SQL_H
#define KN_IMAGE_ROWS_METADEF_SQL_H

#define KN_METADEF_TIME(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
/* Of the row i of metadef_item. */
#define KN_METADEF_ITEM                                                                                                \
    "(i.body || jsonb_build_object('name', i.name) || CASE i.kind WHEN 'property' THEN '{}'::jsonb ELSE "              \
    "jsonb_build_object('created_at', " KN_METADEF_TIME("i.created_at") ", 'updated_at', "                             \
    KN_METADEF_TIME("i.updated_at") ") END || CASE i.kind WHEN 'object' THEN jsonb_build_object("                      \
    "'self', '/v2/metadefs/namespaces/' || i.namespace || '/objects/' || i.name, "                                     \
    "'schema', '/v2/schemas/metadefs/object') ELSE '{}'::jsonb END)"
/* All of a kind that the row n of metadef_namespace holds. */
#define KN_METADEF_ITEMS_OF(kind)                                                                                      \
    "SELECT jsonb_agg(" KN_METADEF_ITEM " ORDER BY i.name) FROM metadef_item i "                                       \
    "WHERE i.namespace = n.namespace AND i.kind = '" kind "'"

#endif
