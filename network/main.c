/* SPDX-License-Identifier: Apache-2.0 */
/* kilonova-network: IP addresses, ports and who lives where. */
#include "network/service.h"

int main(int argc, char **argv)
{
    return kn_service_main(&kn_network_service, argc, argv);
}
