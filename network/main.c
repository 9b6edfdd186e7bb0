/* SPDX-License-Identifier: Apache-2.0 */
/* main.c: kilonova-network, the one writer of ports on the bus. All of it is in service.c. */
#include "network/serve/service.h"

int main(int argc, char **argv)
{
    return kn_service_main(&kn_network_service, argc, argv);
}
