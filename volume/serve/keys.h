/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys: those of encrypted volumes. One is 256 random bits, made with its volume's disk and gone with its volume's row. Rows have it sealed (XChaCha20-Poly1305, about its own id) with the key of the file volume.key_file, or of the service volume.key_url, which
 * this process reads at its start and tells nobody: neither a copy of the database nor one of the file opens a disk. It leaves this process for the host of a server that has the volume, when that host's agent asks, sealed so that this
 * agent alone opens it.
 */
#ifndef KN_VOLUME_SERVE_KEYS_H
#define KN_VOLUME_SERVE_KEYS_H

#include "lib/adapter/conf.h"
#include "lib/adapter/daemon.h"
#include "lib/adapter/db.h"
#include "lib/base/error.h"
#include "lib/domain/message.h"
#include "volume/serve/driver.h"

#define KN_VOLUME_KEY_SIZE 65 /* 64 hex digits: what opens the disk */

struct kn_volume_keys;

/* KN_BAD_REQUEST, KN_UNAVAILABLE: volume.key_file is not what it should be, or what key_url names does not give one. Where both are empty there are no keys, and whoever needs one is told so. */
int kn_volume_keys_new(const struct kn_conf *conf, struct kn_volume_keys **ret, struct kn_error *err);
void kn_volume_keys_free(struct kn_volume_keys *keys); /* NULL is fine */
/* The settings of keys alone: whether the file is one. KN_BAD_REQUEST. */
int kn_volume_keys_check(const struct kn_conf *conf, struct kn_error *err);
/*
 * Whether it is what the keys of this cloud are sealed with: as many of them are tried as a start has time for. why: KN_OK, or KN_CONFLICT and how many are not. One that opens none
 * of them makes none either: there would be two halves, each of which opens with a file of its own.
 */
int kn_volume_keys_try(struct kn_volume_keys *keys, struct kn_db *db, struct kn_error *why, struct kn_error *err);

/*
 * What a new disk of the volume is encrypted with, and by how many bits of AES: its key, made if there is none yet: a new one, or that of the volume whose disk, or a snapshot of it, is
 * copied (origin). KN_CONFLICT: what its type says cannot be done. ret is the caller's to wipe.
 */
int kn_volume_key_settle(const struct kn_volume_keys *keys, struct kn_db *db, const char *volume,
                         const struct kn_volume_origin *origin, char ret[KN_VOLUME_KEY_SIZE], int *ret_bits,
                         struct kn_error *err);
/* volume.ask_key: answered to the agent by volume.key, if one of its hosts has a server that the volume is of; else it is told why not. */
void kn_volume_key_answer(const struct kn_volume_keys *keys, struct kn_daemon *d, const struct kn_message *asked);

#endif
