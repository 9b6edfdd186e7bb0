/* SPDX-License-Identifier: Apache-2.0 */
/* image_properties: what of an image's properties a server is shown with from 2.98 on: those that Nova knows, cut to what it keeps of each. */
#ifndef KN_COMPUTE_ROWS_IMAGE_PROPERTIES_H
#define KN_COMPUTE_ROWS_IMAGE_PROPERTIES_H

#include <jansson.h>

/* As the row keeps them: a JSON object's text, heap; NULL: it has none of them. properties: texts by name, may be NULL. Pure. */
char *kn_compute_image_properties(const json_t *properties);

#endif
