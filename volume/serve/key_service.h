/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_service: fetches what seals the keys of volumes from an HTTP service (volume.key_url), so that no disk of this machine has it: the payload of a secret of Barbican, or anything that answers a GET with these bytes. Asked once, at
 * the start, over TLS or from this machine alone.
 */
#ifndef KN_VOLUME_SERVE_KEY_SERVICE_H
#define KN_VOLUME_SERVE_KEY_SERVICE_H

#include <stdint.h>

#include "lib/adapter/conf.h"
#include "lib/adapter/crypto.h"
#include "lib/base/error.h"

/* KN_BAD_REQUEST: a setting is wrong, or the service refuses; KN_UNAVAILABLE: it does not answer, for some seconds. ret is the caller's to wipe. */
int kn_volume_key_fetch(const struct kn_conf *conf, uint8_t ret[KN_SEAL_KEY], struct kn_error *err);

#endif
