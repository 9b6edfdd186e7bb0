/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the keys of a bus whose messages are signed (lib/adapter/signer.h): the control plane's secret, and what an agent may know of it. */
#include <string.h>

#include "cli/command.h"
#include "lib/adapter/crypto.h"
#include "lib/adapter/signer.h"

#define ID_MAX 240 /* Kafka's topics have 249 characters */

static int bus_key(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    const char *path = cli->conf.bus_key_file;

    (void)argc;
    (void)argv;
    if (path[0] == '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "bus.key_file is empty: where is the secret to be kept?");
    }
    if (kn_crypto_init(err) < 0 || kn_signer_make_secret(path, err) < 0) {
        return -1;
    }
    fprintf(cli->out, "a new secret in %s: have it on every machine of the control plane, and on no host\n", path);
    return 0;
}

static int agent_key(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    static const char ID[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    if (argc != 2) {
        return kn_fail(err, KN_BAD_REQUEST, "usage: kilonova agent key ID FILE");
    }
    if (argv[0][0] == '\0' || strlen(argv[0]) > ID_MAX || argv[0][strspn(argv[0], ID)] != '\0') {
        return kn_fail(err, KN_BAD_REQUEST,
                       "\"%.64s\" is not the id of an agent: 1 to %d of letters, digits, \".\", \"_\" and \"-\"",
                       argv[0], ID_MAX);
    }
    if (cli->conf.bus_key_file[0] == '\0') {
        return kn_fail(err, KN_BAD_REQUEST,
                       "bus.key_file is empty: messages are not signed, and an agent needs no key");
    }
    if (kn_crypto_init(err) < 0 || kn_signer_make_agent_key(&cli->conf, argv[0], argv[1], err) < 0) {
        return -1;
    }
    fprintf(cli->out, "the key of agent \"%s\" in %s: bring it to its host, as agent.key_file\n", argv[0], argv[1]);
    return 0;
}

const struct kn_command kn_cli_key_commands[] = {
    { "agent key", "ID FILE", "write the key of an agent, for a bus whose messages are signed", agent_key },
    { "bus key", "", "make the secret that signs messages, in bus.key_file", bus_key },
    { NULL, NULL, NULL, NULL },
};
