/* SPDX-License-Identifier: Apache-2.0 */
/* kilonova-volume: makes disks and hands them to hosts. */
#include "volume/serve/service.h"

int main(int argc, char **argv)
{
    return kn_service_main(&kn_volume_service, argc, argv);
}
