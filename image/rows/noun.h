/* SPDX-License-Identifier: Apache-2.0 */
/* noun: images as lists know them: filters, orders, pages and who sees what, as Glance has them (lib/rest). */
#ifndef KN_IMAGE_ROWS_NOUN_H
#define KN_IMAGE_ROWS_NOUN_H

#include "lib/rest/noun.h"

/* Under this name an object to be written holds the properties of the user's own. */
#define KN_IMAGE_OWN "os_glance_own"
extern const struct kn_rest_noun kn_image_noun;

#endif
