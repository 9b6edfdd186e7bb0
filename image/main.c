/* SPDX-License-Identifier: Apache-2.0 */
/* kilonova-image: where image data is kept for hosts. */
#include "image/service.h"

int main(int argc, char **argv)
{
    return kn_service_main(&kn_image_service, argc, argv);
}
