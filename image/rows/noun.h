/* SPDX-License-Identifier: Apache-2.0 */
/* noun: images as lists know them: filters, orders, pages and who sees what, as Glance has them (lib/rest). */
#ifndef KN_IMAGE_ROWS_NOUN_H
#define KN_IMAGE_ROWS_NOUN_H

#include "lib/rest/noun.h"

extern const struct kn_rest_noun kn_image_noun;

#endif
