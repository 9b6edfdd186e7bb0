/* SPDX-License-Identifier: Apache-2.0 */
/*
 * receive: an image's data, brought by the host of the server that it is made of: PUT <signed address> (image/data/url.h), with the headers X-Image-Sha512 and
 * X-Image-Format. Saying it again is fine: data that is the image's already is answered as if it had just come.
 */
#ifndef KN_IMAGE_SERVE_RECEIVE_H
#define KN_IMAGE_SERVE_RECEIVE_H

#include "image/data/url.h"
#include "lib/adapter/http.h"

extern const struct kn_upload kn_image_receive;
/* Of the door that the request came in by: data_door.c's. */
const struct kn_image_url_key *kn_image_data_door_key(const struct kn_request *req);

#endif
