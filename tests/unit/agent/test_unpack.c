/* SPDX-License-Identifier: Apache-2.0 */
/* Images of containers that somebody made with care: what they name stays below the directory, what they want without end ends, and what reads them is in a jail. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compute-agent/core/jail.h"
#include "compute-agent/core/unpack.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/needs.h"
#include "tests/support/scratch.h"
#include "tests/support/test.h"

#define FIRST_ID 100000000
#define MIB (INT64_C(1) << 20)

struct unpack_world {
    char dir[KN_TEST_DIR]; /* from: the image's files; image; to; outside */
};

static const struct kn_agent_unpack_most MANY = { 64 * MIB, 10000 };

/* A shell's words in the directory of the test. */
static void shell(const struct unpack_world *w, const char *words)
{
    AUTO_FREE char *all = kn_asprintf("cd '%s' && { %s; } > log 2>&1", w->dir, words);

    if (system(all) != 0) {
        fail_msg("%s", all);
    }
}

static int setup(void **state)
{
    struct unpack_world *w = KN_NEW(struct unpack_world);

    kn_test_dir(w->dir, "unpack");
    shell(w, "mkdir from to outside; echo untouched > outside/file");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct unpack_world *w = *state;

    shell(w, "test \"$(ls outside)\" = file && test \"$(cat outside/file)\" = untouched");
    shell(w, "rm -rf from to image outside");
    AUTO_FREE char *log = kn_asprintf("%s/log", w->dir);

    assert_int_equal(unlink(log), 0);
    assert_int_equal(rmdir(w->dir), 0);
    free(w);
    return 0;
}

/* What lies in `from`, and then what debugfs is told. */
static void make_image(const struct unpack_world *w, const char *debugfs)
{
    AUTO_FREE char *words =
        kn_asprintf("mkfs.ext2 -q -b 1024 -N 1000 -d from image 8M && printf '%%s\n' %s | debugfs -w image", debugfs);

    shell(w, words);
}

static int unpack(const struct unpack_world *w, const struct kn_agent_unpack_most *most)
{
    AUTO_FREE char *image = kn_asprintf("%s/image", w->dir);
    AUTO_FREE char *to = kn_asprintf("%s/to", w->dir);
    AUTO_CLOSE int dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return kn_agent_unpack_tree(open(image, O_RDONLY | O_CLOEXEC), dir, most);
}

static void test_files_as_they_are(void **state)
{
    const struct unpack_world *w = *state;

    shell(w,
          "cd from && echo all > a && ln a b && chmod 4755 a && ln -s /etc/passwd away && ln -s ../../../outside up && "
          "mkdir -p deep/er && echo low > deep/er/c && chown 33:70000 deep/er/c && truncate -s 3M holes");
    make_image(w, "'mknod disk b 7 0' 'mknod pipe p'");
    assert_int_equal(unpack(w, &MANY), 0);
    shell(
        w,
        "cd to && test \"$(stat -c %a:%h:%u a)\" = 4755:2:0 && test \"$(cat b deep/er/c)\" = \"$(printf 'all\nlow')\"");
    shell(w, "cd to && test \"$(readlink away)\" = /etc/passwd && test \"$(readlink up)\" = ../../../outside");
    shell(w, "cd to && test \"$(stat -c %s:%b holes)\" = 3145728:0 && test \"$(stat -c %u:%g deep/er/c)\" = 33:65534");
    shell(w, "cd to && test ! -e disk && test ! -e pipe"); /* no devices, whatever it says */
}

/* A name that is a link and a directory: what is in the one is not written where the other leads. */
static void test_link_in_the_way(void **state)
{
    const struct unpack_world *w = *state;

    shell(w, "ln -s \"$PWD/outside\" from/twice1 && mkdir from/twice2 && echo written > from/twice2/file");
    make_image(w, "");
    shell(w, "LC_ALL=C sed -i 's|twice2|twice1|' image");
    assert_int_equal(unpack(w, &MANY), -1);
}

static void test_names_that_lead_out(void **state)
{
    const struct unpack_world *w = *state;

    shell(w, "mkdir from/dir && echo written > from/dir/..Zoutside");
    make_image(w, "");
    shell(w, "LC_ALL=C sed -i 's|[.][.]Zoutside|../outside|' image");
    assert_int_equal(unpack(w, &MANY), -1);
    shell(w, "LC_ALL=C sed -i 's|[.][.]/outside|/..////abs|' image && rm -rf to/*");
    assert_int_equal(unpack(w, &MANY), -1);
}

static void test_circles(void **state)
{
    const struct unpack_world *w = *state;

    shell(w, "mkdir -p from/a/b");
    make_image(w, "'ln a a/b/c'");
    assert_int_equal(unpack(w, &MANY), -1); /* too deep */
    make_image(w, "'ln <2> a/b/root'");
    shell(w, "rm -rf to/*");
    assert_int_equal(unpack(w, &MANY), -1);
}

static void test_without_end(void **state)
{
    const struct kn_agent_unpack_most few = { 64 * MIB, 20 };
    const struct unpack_world *w = *state;

    shell(w, "cd from && seq 30 | xargs touch && truncate -s 40M one && ln -s one link");
    make_image(w, "");
    assert_int_equal(unpack(w, &few), -1); /* too many */
    shell(w, "rm -rf to/*");
    assert_int_equal(unpack(w, &MANY), 0);
    shell(w, "rm -rf to/* && truncate -s 40M from/two");
    make_image(w, "");
    assert_int_equal(unpack(w, &MANY), -1); /* together they are too large, though nothing is in them */
    shell(w, "rm -rf to/* && rm from/two");
    make_image(w, "'set_inode_field one size 0x7fffffffffffffff'");
    assert_int_equal(unpack(w, &MANY), -1);
}

/* --- the jail -------------------------------------------------------------------------------------------------------------- */

/* Which of what it must not be able to do it can do; 0: none. */
static int escapes(int host_file, pid_t parent)
{
    struct stat st;
    int which = 0;

    which |= stat("/etc/passwd", &st) == 0 || stat("/../../../../etc/passwd", &st) == 0 ? 1 : 0;
    which |= fchown(host_file, 1, 1) == 0 || fchmod(host_file, 0777) == 0 ? 2 : 0;
    which |= socket(AF_INET, SOCK_STREAM, 0) >= 0 || unshare(CLONE_NEWUSER) == 0 ? 4 : 0;
    which |= mount("/", "/", NULL, MS_BIND, NULL) == 0 || chroot("/") == 0 ? 8 : 0;
    which |= mknod("/disk", S_IFBLK | 0600, 0x700) == 0 ? 16 : 0;
    which |= kill(parent, 0) == 0 || fork() >= 0 ? 32 : 0;
    which |= stat("/inside", &st) < 0 || st.st_uid != 0 ? 64 : 0;
    return which;
}

static int run_jailed(const struct unpack_world *w, int host_file)
{
    AUTO_FREE char *to = kn_asprintf("%s/to", w->dir);
    const struct kn_agent_jail jail = { to, FIRST_ID, KN_UNPACK_IDS, 64 };
    const pid_t parent = getpid(), pid = fork();
    struct kn_error err = { 0 };
    int status = 0;

    if (pid == 0) {
        if (kn_agent_jail_enter(&jail, &err) < 0) {
            fprintf(stderr, "%s\n", err.message);
            _exit(255);
        }
        _exit(escapes(host_file, parent));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_jail(void **state)
{
    const struct unpack_world *w = *state;
    AUTO_FREE char *path = kn_asprintf("%s/outside/file", w->dir);
    AUTO_CLOSE int host_file = open(path, O_RDONLY | O_CLOEXEC);

    if (geteuid() != 0) {
        skip();
    }
    shell(w, "touch to/inside && chown 100000000:100000000 to to/inside");
    assert_int_equal(run_jailed(w, host_file), 0);
}

/* The program as the agent runs it: owners are the container's, and what they may is theirs. */
static void test_program(void **state)
{
    const struct unpack_world *w = *state;
    AUTO_FREE char *image = kn_asprintf("%s/image", w->dir);
    AUTO_FREE char *to = kn_asprintf("%s/to", w->dir);
    char program[] = "agent", option[] = KN_UNPACK_OPTION, first_id[] = "100000000";
    char *argv[] = { program, option, image, to, first_id, NULL };
    int status = 0;

    if (geteuid() != 0) {
        skip();
    }
    shell(
        w,
        "cd from && mkdir -m 0500 closed && echo in > closed/a && ln closed/a b && chown -R 33:33 closed && chmod 4755 b");
    make_image(w, "");
    const pid_t pid = fork();

    if (pid == 0) {
        _exit(kn_agent_unpack_main(5, argv));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    shell(
        w,
        "cd to && test \"$(stat -c %u:%a closed)\" = 100000033:500 && test \"$(stat -c %u:%a:%h b)\" = 100000033:4755:2");
    shell(w, "test \"$(stat -c %u to)\" = 100000000");
}

int main(void)
{
    kn_test_needs("mkfs.ext2", "debugfs");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_files_as_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(test_link_in_the_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names_that_lead_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_circles, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_jail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_program, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
