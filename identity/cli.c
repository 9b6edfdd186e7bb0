/* SPDX-License-Identifier: Apache-2.0 */
/* The identity room's commands: arguments in, lines out. A password is printed once, when it was made here, and never logged. */
#include "identity/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "identity/auth/keys.h"
#include "identity/rows/bootstrap.h"
#include "identity/rows/catalog_noun.h"
#include "lib/adapter/crypto.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

struct bootstrap_options {
    bool demo;
    bool password_stdin;
};

static int identity_cli_read_options(int argc, char **argv, struct bootstrap_options *ret, struct kn_error *err)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--demo") == 0) {
            ret->demo = true;
        } else if (strcmp(argv[i], "--password-stdin") == 0) {
            ret->password_stdin = true;
        } else {
            return kn_fail(err, KN_BAD_REQUEST, "bootstrap takes no \"%s\"", argv[i]);
        }
    }
    return 0;
}

/* One line; the newline goes. */
static int read_password(char *out, size_t size, struct kn_error *err)
{
    if (fgets(out, (int)size, stdin) == NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "there is no password on the standard input");
    }
    out[strcspn(out, "\r\n")] = '\0';
    return out[0] != '\0' ? 0 : kn_fail(err, KN_BAD_REQUEST, "the password is empty");
}

static int make_keys(const char *path, const char *of, FILE *out, struct kn_error *err)
{
    struct kn_identity_keys keys = { .count = 0 };
    struct kn_error why = { 0 };
    AUTO_FREE char *dir = kn_strdup(path);
    char *slash = strrchr(dir, '/');

    if (kn_identity_keys_load(path, &keys, &why) == 0) {
        return 0;
    }
    if (why.code != KN_NOT_FOUND) {
        *err = why;
        return -1;
    }
    if (slash != NULL && slash != dir) {
        *slash = '\0';
        if (mkdir(dir, 0755) < 0 && errno != EEXIST) {
            return kn_fail(err, KN_INTERNAL, "cannot make the directory \"%s\": %s", dir, strerror(errno));
        }
    }
    kn_identity_keys_add(&keys);
    kn_identity_keys_add(&keys);
    if (kn_identity_keys_save(path, &keys, err) < 0) {
        return -1;
    }
    fprintf(out, "made %s keys in %s\n", of, path);
    return 0;
}

static int cli_make_user(struct kn_cli *cli, const struct kn_identity_bootstrap *who, const char *label,
                         struct kn_error *err)
{
    char made[KN_PASSWORD_TEXT];

    if (kn_identity_bootstrap_user(cli->db, who, made, err) < 0) {
        return -1;
    }
    if (made[0] != '\0') {
        fprintf(cli->out, "made user and project %s\n%s: %s\n", who->user, label, made);
    } else {
        fprintf(cli->out, "user and project %s are there\n", who->user);
    }
    return 0;
}

static int bootstrap(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    static const struct kn_identity_bootstrap DEMO = { .user = "demo", .role = "member" };
    char password[1025];
    struct kn_identity_bootstrap admin = { .user = "admin", .role = "admin", .system = true };
    struct bootstrap_options options = { 0 };

    if (identity_cli_read_options(argc, argv, &options, err) < 0 || kn_crypto_init(err) < 0) {
        return -1;
    }
    if (options.password_stdin) {
        if (read_password(password, sizeof(password), err) < 0) {
            return -1;
        }
        admin.password = password;
    }
    AUTO_FREE char *credential_keys = kn_identity_keys_credential_path(&cli->conf);
    if (kn_db_connect(cli->db, 10000, err) < 0 || make_keys(cli->conf.identity_key_file, "token", cli->out, err) < 0 ||
        make_keys(credential_keys, "credential", cli->out, err) < 0 || kn_identity_bootstrap_roles(cli->db, err) < 0 ||
        kn_identity_bootstrap_catalog(cli->db, cli->conf.identity_region, err) < 0 ||
        cli_make_user(cli, &admin, "password", err) < 0) {
        return -1;
    }
    return options.demo ? cli_make_user(cli, &DEMO, "demo password", err) : 0;
}

static int rotate(struct kn_cli *cli, int argc, char **argv, struct kn_error *err)
{
    struct kn_identity_keys keys;

    (void)argc;
    (void)argv;
    if (kn_crypto_init(err) < 0 || kn_identity_keys_load(cli->conf.identity_key_file, &keys, err) < 0) {
        return -1;
    }
    kn_identity_keys_promote(&keys);
    kn_identity_keys_add(&keys);
    if (kn_identity_keys_save(cli->conf.identity_key_file, &keys, err) < 0) {
        return -1;
    }
    fprintf(cli->out, "key %08x signs; %08x is next: have the file on every API host before the next rotation\n",
            keys.key[0].id, keys.key[1].id);
    return 0;
}

const struct kn_command kn_identity_commands[] = {
    { "bootstrap", "[--demo] [--password-stdin]",
      "make roles, the catalog, the user admin (its password is printed once) and token keys", bootstrap },
    { "token rotate", "", "sign tokens with the next key; those of the key before stay valid", rotate },
    { NULL, NULL, NULL, NULL },
};
