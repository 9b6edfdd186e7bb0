/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `kilonova image import` as an operator types it: a sparse disk becomes an image, what fails leaves none, and the login says to Keystone
 * what the environment says. Keystone is a few lines that keep the request; the image service is real.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/image_world.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"

#define MIB (INT64_C(1) << 20)

static char dir[KN_TEST_DIR];

/* Runs the command with these words before it (variables) and after it; its output goes to the file "said". */
static int import(const char *variables, const char *arguments)
{
    AUTO_FREE char *program = kn_test_binary("kilonova");
    AUTO_FREE char *line = kn_asprintf("cd %s && env -i %s %s image import %s > said 2> complained", dir, variables,
                                       program, arguments);
    const int status = system(line);

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void shell(const char *command)
{
    AUTO_FREE char *whole = kn_asprintf("cd %s && %s", dir, command);

    if (system(whole) != 0) {
        fail_msg("%s", whole);
    }
}

static char *read_text(const char *name)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", dir, name);
    char *text = kn_alloc(8192);
    FILE *f = fopen(path, "re");

    assert_non_null(f);
    assert_true(fread(text, 1, 8191, f) < 8191);
    fclose(f);
    return text;
}

static char *token_of_a(void)
{
    return kn_asprintf("OS_TOKEN=aaaa:member OS_ENDPOINT=http://127.0.0.1:%d/image/", world.http.port);
}

static void test_sparse_disk(void **state)
{
    (void)state;
    AUTO_FREE char *who = token_of_a();
    struct stat st;

    shell(
        "truncate -s 64M disk && for at in 3 40 63; do head -c 1M /dev/urandom | dd of=disk bs=1M seek=$at conv=notrunc status=none; done");
    assert_int_equal(import(who, "--disk disk --name 'old machine'"), 0);
    AUTO_FREE char *id = read_text("said");
    id[strcspn(id, "\n")] = '\0';
    assert_string_equal(status_of(id), "active");
    assert_string_equal(field("name"), "old machine");
    assert_int_equal(number("size"), 64 * MIB);
    AUTO_FREE char *compare = kn_asprintf("cmp disk %s/%s", world.store, field("os_hash_value"));
    AUTO_FREE char *stored = kn_asprintf("%s/%s", world.store, field("os_hash_value"));
    shell(compare);
    assert_int_equal(stat(stored, &st), 0);
    assert_in_range(st.st_blocks, 1, 6 * MIB / 512); /* of 64 MiB; the zeros are holes */
    drop_everything();
}

static void test_failures_leave_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *arguments, *says;
        int code; /* 2: a wrong word of the caller's, nothing was tried */
    } CASES[] = {
        { "--disk nothing", "cannot read", 2 },
        { "--disk .", "neither a disk nor a file", 2 },
        { "--disk disk --format qcow2", "415", EXIT_FAILURE },
        { "--disk disk --format floppy", "400", EXIT_FAILURE },
        { "--disk disk --colour red", "no option", 2 },
        { "--disk", "needs a value", 2 },
        { "--name x", "which disk", 2 },
    };
    AUTO_FREE char *who = token_of_a();

    shell("head -c 1M /dev/urandom > disk");
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        assert_int_equal(import(who, CASES[i].arguments), CASES[i].code);
        AUTO_FREE char *complaint = read_text("complained");
        if (strstr(complaint, CASES[i].says) == NULL) {
            fail_msg("%s: %s", CASES[i].arguments, complaint);
        }
        assert_int_equal(count_of("SELECT count(*) FROM image WHERE deleted_at IS NULL"), 0);
        assert_int_equal(files(), 0);
    }
    assert_int_equal(import("", "--disk disk"), 2);
    AUTO_FREE char *complaint = read_text("complained");
    assert_non_null(strstr(complaint, "OS_AUTH_URL is not set"));
    drop_everything();
}

/* Answers a login with the token of project a and a catalog, and keeps what was sent. */
static pid_t start_keystone(int port)
{
    static const char SERVER[] =
        "import http.server, json, sys\n"
        "class H(http.server.BaseHTTPRequestHandler):\n"
        "    def log_message(self, *a): pass\n"
        "    def do_POST(self):\n"
        "        open(sys.argv[1] + '/login', 'wb').write(self.path.encode() + b' ' + self.rfile.read(int(self.headers['Content-Length'])))\n"
        "        body = json.dumps({'token': {'catalog': [{'type': 'image', 'endpoints': [\n"
        "            {'interface': 'public', 'region_id': 'elsewhere', 'url': 'http://127.0.0.1:9/'},\n"
        "            {'interface': 'public', 'region_id': 'here', 'url': 'http://127.0.0.1:' + sys.argv[3] + '/image'}]}]}}).encode()\n"
        "        self.send_response(201); self.send_header('X-Subject-Token', 'aaaa:member')\n"
        "        self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)\n"
        "http.server.HTTPServer(('127.0.0.1', int(sys.argv[2])), H).serve_forever()\n";
    AUTO_FREE char *here = kn_asprintf("%d", port);
    AUTO_FREE char *image = kn_asprintf("%d", world.http.port);
    const char *argv[] = { "/usr/bin/python3", "-c", SERVER, dir, here, image, NULL };
    const pid_t pid = kn_test_spawn(argv, "/dev/null", NULL);

    kn_test_wait_port(port);
    return pid;
}

static void test_login(void **state)
{
    (void)state;
    static const struct {
        const char *variables, *login;
    } CASES[] = {
        { "OS_USERNAME=joe OS_PASSWORD=s3cret OS_PROJECT_NAME=p",
          "/v3/auth/tokens {\"auth\":{\"identity\":{\"methods\":[\"password\"],\"password\":{\"user\":{\"name\":\"joe\",\"domain\":"
          "{\"name\":\"Default\"},\"password\":\"s3cret\"}}},\"scope\":{\"project\":{\"name\":\"p\",\"domain\":{\"name\":\"Default\"}}}}}" },
        { "OS_APPLICATION_CREDENTIAL_ID=abc OS_APPLICATION_CREDENTIAL_SECRET=x OS_PROJECT_ID=p",
          "/v3/auth/tokens {\"auth\":{\"identity\":{\"methods\":[\"application_credential\"],\"application_credential\":"
          "{\"id\":\"abc\",\"secret\":\"x\"}}}}" },
        { "OS_TOKEN=t OS_PROJECT_ID=p",
          "/v3/auth/tokens {\"auth\":{\"identity\":{\"methods\":[\"token\"],\"token\":{\"id\":\"t\"}},\"scope\":{\"project\":{\"id\":\"p\"}}}}" },
    };
    const int port = kn_test_free_port();
    const pid_t keystone = start_keystone(port);

    shell("head -c 1M /dev/urandom > disk");
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_FREE char *variables = kn_asprintf("OS_AUTH_URL=http://127.0.0.1:%d%s OS_REGION_NAME=here %s", port,
                                                i == 0 ? "/v3/" : "", CASES[i].variables);

        assert_int_equal(import(variables, "--disk disk"), 0);
        AUTO_FREE char *login = read_text("login");
        assert_string_equal(login, CASES[i].login);
    }
    AUTO_FREE char *yaml = kn_asprintf(
        "printf 'clouds:\\n  here:\\n    auth:\\n      auth_url: http://127.0.0.1:%d\\n      token: t\\n      project_id: p\\n"
        "    region_name: here\\n' > clouds.yaml",
        port);
    shell(yaml);
    assert_int_equal(import("OS_CLOUD=here", "--disk disk"), 0);
    AUTO_FREE char *login = read_text("login");
    assert_string_equal(login, CASES[2].login);
    assert_int_equal(import("OS_CLOUD=elsewhere", "--disk disk"), 1);
    AUTO_FREE char *nobody = kn_asprintf("OS_AUTH_URL=http://127.0.0.1:%d", port);
    assert_int_equal(import(nobody, "--disk disk"), 2);
    kn_test_end(keystone, SIGKILL);
    drop_everything();
}

static int start_all(void **state)
{
    kn_test_dir(dir, "cli");
    return start_world(state);
}

static int stop_all(void **state)
{
    shell("rm -f *");
    return rmdir(dir) == 0 ? stop_world(state) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sparse_disk),
        cmocka_unit_test(test_failures_leave_nothing),
        cmocka_unit_test(test_login),
    };

    return cmocka_run_group_tests(tests, start_all, stop_all);
}
