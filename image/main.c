/* SPDX-License-Identifier: Apache-2.0 */
/* kilonova-image: where image data lies, and hands it to hosts. */
#include "image/serve/service.h"

int main(int argc, char **argv)
{
    return kn_service_main(&kn_image_service, argc, argv);
}
