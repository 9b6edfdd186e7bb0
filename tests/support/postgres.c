/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the private cluster of a test program: initdb into a temporary directory, the postmaster as our child, the directory's end.
 * The server reads nothing of the machine's own clusters and listens on no network.
 */
#include "tests/support/postgres.h"

#include <errno.h>
#include <glob.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/adapter/db.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"

#define WAIT_MS 60000

struct kn_test_pg {
    char dir[KN_TEST_DIR];
    char bin[256];      /* folder of initdb and postgres */
    char template[256]; /* a cluster to copy, made by pg_template.sh; "": none is there */
    enum kn_test_pg_mode mode;
    pid_t pid;     /* 0: down */
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "test postgres: %s: %s\n", what, why);
    exit(1);
}

static void find_binaries(struct kn_test_pg *pg)
{
    glob_t found = { 0 };

    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0) {
        die("initdb", "PostgreSQL's server is not installed");
    }
    kn_copy(pg->bin, sizeof(pg->bin), found.gl_pathv[found.gl_pathc - 1]); /* the newest */
    *strrchr(pg->bin, '/') = '\0';
    globfree(&found);
}

/* One of this PostgreSQL's version, of which cluster and schema are copied: cheaper than to make both anew for each program. */
static void find_template(struct kn_test_pg *pg)
{
    AUTO_FREE char *home = kn_strdup(pg->bin);

    *strrchr(home, '/') = '\0';
    snprintf(pg->template, sizeof(pg->template), "build/test-pg%s", strrchr(home, '/'));
    if (access(pg->template, R_OK | X_OK) < 0) {
        pg->template[0] = '\0';
    }
}

/* PostgreSQL refuses to run as root. */
static pid_t spawn(const struct kn_test_pg *pg, const char *program, const char **argv)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", pg->bin, program);
    AUTO_FREE char *log = kn_asprintf("%s/%s.log", pg->dir, program);

    argv[0] = path;
    return kn_test_spawn(argv, log, "postgres");
}

static void copy_cluster(const struct kn_test_pg *pg, const char *data)
{
    AUTO_FREE char *log = kn_asprintf("%s/cp.log", pg->dir);
    const char *argv[] = { "/bin/cp", "-a", pg->template, data, NULL };
    int status = 0;

    if (waitpid(kn_test_spawn(argv, log, NULL), &status, 0) < 0 || status != 0) {
        die("cp", "failed; see cp.log in the test's directory");
    }
}

static void make_cluster(const struct kn_test_pg *pg)
{
    AUTO_FREE char *data = kn_asprintf("%s/data", pg->dir);
    const char *argv[] = { NULL, "-N", "-A", "trust", "-U", "kilonova", "-E", "UTF8", "--locale=C", "-D", data, NULL };
    int status = 0;

    if (pg->template[0] != '\0') {
        copy_cluster(pg, data);
        return;
    }
    if (waitpid(spawn(pg, "initdb", argv), &status, 0) < 0 || status != 0) {
        die("initdb", "failed; see initdb.log in the test's directory, if the user postgres may enter TMPDIR");
    }
}

static void make_directory(struct kn_test_pg *pg)
{
    const struct passwd *user = getpwnam("postgres");

    kn_test_dir(pg->dir, "pg");
    if (geteuid() == 0 && (user == NULL || chown(pg->dir, user->pw_uid, user->pw_gid) < 0)) {
        die("chown", "no user postgres");
    }
}

static char *database_url(const struct kn_test_pg *pg, const char *database)
{
    return kn_asprintf("host=%s user=kilonova dbname=%s", pg->dir, database);
}

static int admin_try(const struct kn_test_pg *pg, const char *sql, struct kn_error *err)
{
    AUTO_FREE char *url = database_url(pg, "postgres");
    AUTO(kn_db) struct kn_db *db = kn_db_new(url, "test");

    return kn_db_connect(db, WAIT_MS, err) < 0 || kn_db_script(db, sql, err) < 0 ? -1 : 0;
}

static void admin_script(const struct kn_test_pg *pg, const char *sql)
{
    struct kn_error err = { 0 };

    if (admin_try(pg, sql, &err) < 0) {
        die(sql, err.message);
    }
}

void kn_test_pg_up(struct kn_test_pg *pg)
{
    AUTO_FREE char *data = kn_asprintf("%s/data", pg->dir);
    AUTO_FREE char *sockets = kn_asprintf("unix_socket_directories=%s", pg->dir);
    const char *durable = pg->mode == KN_TEST_PG_DURABLE ? "fsync=on" : "fsync=off";
    const char *memory = pg->mode == KN_TEST_PG_DURABLE ? "shared_buffers=256MB" : "shared_buffers=32MB";
    const char *argv[] = { NULL,
                           "-D",
                           data,
                           "-c",
                           sockets,
                           "-c",
                           "listen_addresses=",
                           "-c",
                           durable,
                           "-c",
                           memory,
                           "-c",
                           "max_connections=200",
                           NULL };

    pg->pid = spawn(pg, "postgres", argv);
    admin_script(pg, "SELECT 1");
}

struct kn_test_pg *kn_test_pg_start(enum kn_test_pg_mode mode)
{
    struct kn_test_pg *pg = KN_NEW(struct kn_test_pg);

    pg->mode = mode;
    find_binaries(pg);
    find_template(pg);
    make_directory(pg);
    make_cluster(pg);
    kn_test_pg_up(pg);
    return pg;
}

void kn_test_pg_down(struct kn_test_pg *pg)
{
    if (pg->pid != 0) {
        kn_test_end(pg->pid, SIGINT);
        pg->pid = 0;
    }
}

void kn_test_pg_free(struct kn_test_pg *pg)
{
    if (pg == NULL) {
        return;
    }
    kn_test_pg_down(pg);
    AUTO_FREE char *rm = kn_asprintf("rm -rf '%s'", pg->dir);
    if (system(rm) != 0) {
        fprintf(stderr, "test postgres: could not remove %s\n", pg->dir);
    }
    free(pg);
}

char *kn_test_pg_database(struct kn_test_pg *pg, const char *name)
{
    AUTO_FREE char *drop = kn_asprintf("DROP DATABASE IF EXISTS %s (FORCE)", name);
    AUTO_FREE char *create = kn_asprintf("CREATE DATABASE %s", name);

    admin_script(pg, drop);
    admin_script(pg, create);
    return database_url(pg, name);
}

char *kn_test_pg_head(struct kn_test_pg *pg, const char *name)
{
    AUTO_FREE char *create = kn_asprintf("CREATE DATABASE %s TEMPLATE head", name);
    AUTO_FREE char *drop = kn_asprintf("DROP DATABASE IF EXISTS %s (FORCE)", name);
    struct kn_error err = { 0 };

    if (pg->template[0] == '\0') {
        return NULL;
    }
    admin_script(pg, drop);
    return admin_try(pg, create, &err) < 0 ? NULL : database_url(pg, name);
}

pid_t kn_test_pg_pid(const struct kn_test_pg *pg)
{
    return pg->pid;
}
