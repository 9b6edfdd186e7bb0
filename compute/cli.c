/* SPDX-License-Identifier: Apache-2.0 */
/* kilonova machine: what images and flavors may ask of a guest, as the table has it. */
#include "compute/cli.h"

#include "compute/rows/asked.h"
#include "lib/base/cleanup.h"

static int compute_cli_machine(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

    (void)argc, (void)argv, (void)err;
    kn_compute_asked_document(&text);
    fputs(text.buf, cli->out);
    return 0;
}

const struct kn_command kn_compute_commands[] = {
    { "machine", "", "print what images and flavors may ask of a guest's machine, as Markdown", compute_cli_machine },
    { NULL, NULL, NULL, NULL },
};
