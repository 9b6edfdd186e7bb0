/* SPDX-License-Identifier: Apache-2.0 */
/* The world of the tests of imports: see import_world.h. */
#include "tests/support/import_world.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/process.h"

#define WAIT_MS 60000

struct import_world imports;

/* --- processes -------------------------------------------------------------------------------------------------------- */

static pid_t start(const char *name, const char *more)
{
    AUTO_FREE char *program = kn_test_binary(name);
    AUTO_FREE char *database = kn_asprintf("db.url=%s", world.conf.db_url);
    AUTO_FREE char *brokers = kn_asprintf("bus.brokers=%s", world.conf.bus_brokers);
    AUTO_FREE char *port = kn_asprintf("bus.embedded_port=%lld", (long long)world.conf.bus_embedded_port);
    AUTO_FREE char *store = kn_asprintf("image.store_dir=%s", world.store);
    const char *argv[] = { program,
                           "--set",
                           database,
                           "--set",
                           brokers,
                           "--set",
                           port,
                           "--set",
                           store,
                           "--set",
                           "image.data_listen=127.0.0.1:0",
                           "--set",
                           "image.download_ports=",
                           "--set",
                           more,
                           "--set",
                           "conductor.step_timeout_s=5",
                           "--set",
                           "daemon.log_level=warning",
                           NULL };

    return kn_test_spawn(argv, "/dev/stderr", NULL);
}

void restart_image(const char *networks)
{
    AUTO_FREE char *more = kn_asprintf("image.download_networks=%s", networks);

    if (imports.image > 0) {
        kn_test_end(imports.image, SIGKILL);
    }
    imports.image = start("kilonova-image", more);
}

/* A server of files that also redirects (/to?URL) and holds back (/held/name): the second half of a file, until there is a file "go". */
static void start_web(void)
{
    static const char SERVER[] =
        "import http.server, os, sys, time, urllib.parse\n"
        "class H(http.server.SimpleHTTPRequestHandler):\n"
        "    def log_message(self, *a): pass\n"
        "    def do_GET(self):\n"
        "        if self.path.startswith('/to?'):\n"
        "            self.send_response(302); self.send_header('Location', self.path[4:]); self.send_header('Content-Length', '0'); self.end_headers(); return\n"
        "        if not self.path.startswith('/held/'): return super().do_GET()\n"
        "        data = open(self.path[6:], 'rb').read(); half = len(data) // 2\n"
        "        self.send_response(200); self.send_header('Content-Length', str(len(data))); self.end_headers()\n"
        "        self.wfile.write(data[:half]); self.wfile.flush()\n"
        "        while not os.path.exists('go'): time.sleep(0.01)\n"
        "        self.wfile.write(data[half:])\n"
        "os.chdir(sys.argv[1])\n"
        "http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[2])), H).serve_forever()\n";
    AUTO_FREE char *port = NULL;

    imports.web_port = kn_test_free_port();
    port = kn_asprintf("%d", imports.web_port);
    const char *argv[] = { "/usr/bin/python3", "-c", SERVER, imports.dir, port, NULL };
    imports.web = kn_test_spawn(argv, "/dev/null", NULL);
    kn_test_wait_port(imports.web_port);
}

void shell(const char *command)
{
    AUTO_FREE char *whole = kn_asprintf("cd %s && %s", imports.dir, command);

    if (system(whole) != 0) {
        fail_msg("%s", whole);
    }
}

/* --- words ------------------------------------------------------------------------------------------------------------ */

char *create_as(const char *format)
{
    AUTO_FREE char *body = kn_asprintf("{\"name\":\"i\",\"disk_format\":\"%s\",\"container_format\":\"bare\"}", format);

    return create(A JSON, body);
}

void stage_file(int status, const char *id, const char *name)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", imports.dir, name);
    struct stat st;
    FILE *f = fopen(path, "rbe");
    static char piece[1 << 16];

    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    AUTO_FREE char *head = kn_asprintf("PUT " IMAGES "/%s/stage HTTP/1.1\r\nHost: x\r\n" A BYTES
                                       "Content-Length: %lld\r\n\r\n",
                                       id, (long long)st.st_size);
    kn_test_http_send(&world.http, head, strlen(head));
    for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;) {
        kn_test_http_send(&world.http, piece, n);
    }
    fclose(f);
    assert_true(kn_test_http_read(&world.http, false));
    assert_int_equal(world.http.status, status);
}

void stage_data(int status, const char *id, const char *data)
{
    AUTO_FREE char *path = path_of(id, "/stage");

    expect(status, "PUT", path, A BYTES, data);
}

void import_body(int status, const char *id, const char *body)
{
    AUTO_FREE char *path = path_of(id, "/import");

    expect(status, "POST", path, A JSON, body);
}

void import_direct(const char *id)
{
    import_body(202, id, "{\"method\":{\"name\":\"glance-direct\"}}");
}

void import_url(int status, const char *id, const char *url)
{
    AUTO_FREE char *body = kn_asprintf("{\"method\":{\"name\":\"web-download\",\"uri\":\"%s\"}}", url);

    import_body(status, id, body);
}

void import_web(const char *id, const char *host, const char *tail)
{
    AUTO_FREE char *url = kn_asprintf("http://%s:%d/%s", host, imports.web_port, tail);

    import_url(202, id, url);
}

void await_status(const char *id, const char *status)
{
    for (int i = 0; strcmp(status_of(id), status) != 0; i++) {
        if (i >= WAIT_MS / 20) {
            AUTO_FREE char *tasks = path_of(id, "/tasks");
            expect(200, "GET", tasks, A, NULL);
            fail_msg("image is not %s: %s", status, world.http.body.buf);
        }
        poll(NULL, 0, 20);
    }
}

/* The one task of an image: its status and a part of its message. */
void expect_task(const char *id, const char *status, const char *says)
{
    AUTO_FREE char *path = path_of(id, "/tasks");

    expect(200, "GET", path, A, NULL);
    json_t *json = kn_test_http_json(&world.http);
    const json_t *task = json_array_get(json_object_get(json, "tasks"), 0);
    assert_string_equal(json_string_value(json_object_get(task, "status")), status);
    if (strstr(json_string_value(json_object_get(task, "message")), says) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", json_string_value(json_object_get(task, "message")), says);
    }
    json_decref(json);
}

void expect_failed(const char *id, const char *says)
{
    await_status(id, "queued");
    assert_string_equal(field("os_glance_failed_import"), "file");
    assert_string_equal(field("os_glance_import_task"), "");
    expect_task(id, "failure", says);
}

/* What can be downloaded is, as a disk, what the file holds. */
void expect_same_disk(const char *id, const char *format, const char *original)
{
    AUTO_FREE char *file = path_of(id, "/file");
    AUTO_FREE char *out = kn_asprintf("%s/back", imports.dir);

    expect(200, "GET", file, A, NULL);
    FILE *f = fopen(out, "wbe");
    assert_non_null(f);
    assert_int_equal(fwrite(world.http.body.buf, 1, world.http.body.len, f), world.http.body.len);
    fclose(f);
    AUTO_FREE char *compare = kn_asprintf("qemu-img compare -q -f %s -F raw back %s", format, original);
    shell(compare);
}

void await_file(const char *id, const char *suffix)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s.%s", world.store, id, suffix);
    struct stat st = { 0 };

    for (int i = 0; stat(path, &st) < 0 || st.st_size < 1 << 20; i++) {
        assert_true(i < WAIT_MS / 2);
        poll(NULL, 0, 2);
    }
}

void await_files(int count)
{
    for (int i = 0; files() != count; i++) {
        assert_true(i < WAIT_MS / 20);
        poll(NULL, 0, 20);
    }
}

/* --- the world -------------------------------------------------------------------------------------------------------- */

int start_imports(void **state)
{
    start_world(state);
    kn_test_dir(imports.dir, "import");
    world.conf.image_download_ports = "";
    world.conf.image_download_networks = "127.0.0.0/8";
    shell("head -c 24M /dev/urandom > pattern && head -c 200M /dev/urandom > big && chmod 755 .");
    start_web();
    imports.conductor = start("kilonova-conductor", "image.download_networks=");
    restart_image("127.0.0.0/8");
    return 0;
}

int stop_imports(void **state)
{
    kn_test_end(imports.image, SIGTERM);
    kn_test_end(imports.conductor, SIGTERM);
    kn_test_end(imports.web, SIGKILL);
    shell("rm -rf .url.key *");
    AUTO_FREE char *key = kn_asprintf("%s/.url.key", world.store);
    unlink(key);
    rmdir(imports.dir);
    return stop_world(state);
}
