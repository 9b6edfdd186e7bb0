/* SPDX-License-Identifier: Apache-2.0 */
/* The services behind the door, in the order in which "/" lists them. */
#include "api/mounts.h"

#include "compute/api.h"
#include "identity/api.h"
#include "image/api.h"
#include "network/api.h"
#include "volume/api.h"

const struct kn_api *const kn_api_mounts[] = {
    &kn_identity_api, &kn_compute_api, &kn_image_api, &kn_network_api, &kn_volume_api, NULL,
};
