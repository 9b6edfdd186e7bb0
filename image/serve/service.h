/* SPDX-License-Identifier: Apache-2.0 */
/* The bus side of kilonova-image, for main.c. */
#ifndef KN_IMAGE_SERVE_SERVICE_H
#define KN_IMAGE_SERVE_SERVICE_H

#include "lib/adapter/daemon.h"

extern const struct kn_service kn_image_service;

#endif
