/* SPDX-License-Identifier: Apache-2.0 */
/* The table of attributes, shared by the checks (property.c) and the schemas (property_schema.c). */
#ifndef KN_IMAGE_ROWS_PROPERTY_PRIVATE_H
#define KN_IMAGE_ROWS_PROPERTY_PRIVATE_H

#include "image/rows/property.h"

extern const struct kn_image_property kn_image_properties[]; /* ended by name == NULL */

#endif
