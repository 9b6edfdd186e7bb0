/* SPDX-License-Identifier: Apache-2.0 */
/* kilonova-scheduler: chooses hosts, claims and gives back. */
#include "scheduler/service.h"

int main(int argc, char **argv)
{
    return kn_service_main(&kn_scheduler_service, argc, argv);
}
