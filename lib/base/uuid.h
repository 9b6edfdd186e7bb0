/* SPDX-License-Identifier: Apache-2.0 */
/* uuid: identifiers. Dashed lower-case uuids for compute, image, network, volume; 32 hex digits for identity. */
#ifndef KN_BASE_UUID_H
#define KN_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#define KN_UUID_SIZE 37 /* dashed text with its NUL */
#define KN_HEX_SIZE 33  /* 32 hex digits with the NUL */
#define KN_REQUEST_ID_SIZE 41 /* "req-" + dashed uuid + NUL */
#define KN_SHARDS 16    /* shards = partitions of kn.task and kn.reply; see ARCHITECTURE.md */

void kn_uuid_make(char out[KN_UUID_SIZE]);       /* random, version 4 */
void kn_uuid_make_hex(char out[KN_HEX_SIZE]);
void kn_request_id_make(char out[KN_REQUEST_ID_SIZE]);
bool kn_uuid_valid(const char *text);            /* exactly the dashed form, either case; NULL is not */
void kn_uuid_lower(char *text); /* a valid one becomes what rows and messages hold; anything else stays */
bool kn_request_id_valid(const char *text); /* "req-" + dashed uuid */
/* The shard that owns an object: FNV-1a of the lower-case text, modulo KN_SHARDS. */
int kn_shard_of(const char *object_id);

#endif
