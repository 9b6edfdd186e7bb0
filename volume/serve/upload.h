/* SPDX-License-Identifier: Apache-2.0 */
/* upload: brings a file that a driver exported to where an image's data is awaited. */
#ifndef KN_VOLUME_SERVE_UPLOAD_H
#define KN_VOLUME_SERVE_UPLOAD_H

#include "lib/adapter/work.h"
#include "lib/base/error.h"

/* url: image.receive's answer. The errors are kn_image_host_upload's (image/host.h). */
int kn_volume_upload(const char *path, const char *url, const char *format, struct kn_work *work, struct kn_error *err);

#endif
