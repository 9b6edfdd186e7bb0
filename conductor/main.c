/* SPDX-License-Identifier: Apache-2.0 */
/* kilonova-conductor: walks every task that the API wishes for, step by step. */
#include "conductor/conductor.h"
#include "lib/base/log.h"

int main(int argc, char **argv)
{
    static struct kn_conductor conductor;
    struct kn_error err = { 0 };
    int result = 0;

    if (kn_conductor_start(&conductor, argc, argv, &err) < 0) {
        kn_log_error("start", &err);
        result = 1;
    } else {
        kn_conductor_run(&conductor);
        result = atomic_load(&conductor.daemon.ousted) ? 1 : 0;
    }
    kn_conductor_stop(&conductor);
    return result;
}
