/* SPDX-License-Identifier: Apache-2.0 */
/* kilonova-agent: what one host (or many simulated ones) does for the cloud. */
#include "compute-agent/core/agent.h"

int main(int argc, char **argv)
{
    return kn_agent_main(argc, argv);
}
