/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys: the file of signing keys. One line a key: its id (8 hex digits), a space, its secret (64 hex digits). The first line signs, all verify, so a
 * new key goes to the second line first, everywhere, and to the first later. Nobody but the owner may read the file.
 */
#ifndef KN_IDENTITY_AUTH_KEYS_H
#define KN_IDENTITY_AUTH_KEYS_H

#include "identity/auth/token.h"
#include "lib/adapter/conf.h"

/* Where the keys of credentials are: a file of the same form. The first line seals, all open. The caller frees it. */
char *kn_identity_keys_credential_path(const struct kn_conf *conf);
/* Pure: the text of the file. KN_INTERNAL names the line that is wrong. */
int kn_identity_keys_parse(const char *text, struct kn_identity_keys *ret, struct kn_error *err);
void kn_identity_keys_print(const struct kn_identity_keys *keys, struct kn_strbuf *out);
/* Refuses a file that others may read. */
int kn_identity_keys_load(const char *path, struct kn_identity_keys *ret, struct kn_error *err);
/* Writes the file anew, mode 0600, at once or not at all. */
int kn_identity_keys_save(const char *path, const struct kn_identity_keys *keys, struct kn_error *err);
/* A new key behind the first one; the oldest one goes when there are too many. */
void kn_identity_keys_add(struct kn_identity_keys *keys);
/* The second key signs from now on; the first one still verifies. */
void kn_identity_keys_promote(struct kn_identity_keys *keys);

#endif
