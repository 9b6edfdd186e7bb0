/* SPDX-License-Identifier: Apache-2.0 */
/*
 * members: a struct that is read from a row, its members and their SQL said once, so that no column has a number.
 *
 *   #define MEMBERS(TEXT, INT, BOOL) TEXT(name, "u.name") BOOL(enabled, "u.enabled AND d.enabled")
 *   static const struct kn_stmt FIND = { "user_find", "SELECT " KN_MEMBERS_SQL(MEMBERS) " FROM …", 1 };
 *   KN_MEMBERS_READ(MEMBERS, rows, ret);       ret: a pointer to the struct; texts are arrays in it
 */
#ifndef KN_ADAPTER_MEMBERS_H
#define KN_ADAPTER_MEMBERS_H

#include "lib/adapter/db.h"
#include "lib/base/mem.h"

#define KN_MEMBERS_SQL(members) "true" members(KN_MEMBER_SQL, KN_MEMBER_SQL, KN_MEMBER_SQL)
#define KN_MEMBER_SQL(member, sql) ", " sql

#define KN_MEMBERS_READ(members, from, to) \
    do { \
        const struct kn_rows *from_ = (from); \
        __typeof__(to) to_ = (to); \
        int col_ = 0; \
        members(KN_MEMBER_TEXT, KN_MEMBER_INT, KN_MEMBER_BOOL) \
    } while (0)
#define KN_MEMBER_TEXT(member, sql) kn_copy(to_->member, sizeof(to_->member), kn_rows_text(from_, 0, ++col_));
#define KN_MEMBER_INT(member, sql) to_->member = kn_rows_int(from_, 0, ++col_);
#define KN_MEMBER_BOOL(member, sql) to_->member = kn_rows_bool(from_, 0, ++col_);

#endif
