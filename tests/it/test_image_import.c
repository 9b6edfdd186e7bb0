/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Imports from the first request to the active image, with a real conductor and a real kilonova-image: staged and downloaded data, foreign
 * formats, data that is not what it is said to be, addresses that nobody may reach, and kill -9 in the middle of each.
 */
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "tests/support/image_world.h"
#include "tests/support/process.h"

#define WAIT_MS 60000
#define PATTERN_MIB 24 /* of data that does not compress, in the disks that are converted */

static struct {
    pid_t conductor, image, web;
    int web_port;
    char dir[64];
} own;

/* --- processes -------------------------------------------------------------------------------------------------------- */

static pid_t start(const char *name, const char *more)
{
    AUTO_FREE char *program = kn_test_binary(name);
    AUTO_FREE char *database = kn_asprintf("db.url=%s", world.conf.db_url);
    AUTO_FREE char *brokers = kn_asprintf("bus.brokers=%s", world.conf.bus_brokers);
    AUTO_FREE char *port = kn_asprintf("bus.embedded_port=%lld", (long long)world.conf.bus_embedded_port);
    AUTO_FREE char *store = kn_asprintf("image.store_dir=%s", world.store);
    const char *argv[] = { program, "--set", database, "--set", brokers, "--set", port, "--set", store, "--set",
                           "image.data_listen=127.0.0.1:0", "--set", "image.download_ports=", "--set", more,
                           "--set", "conductor.step_timeout_s=5", "--set", "daemon.log_level=warning", NULL };

    return kn_test_spawn(argv, "/dev/stderr", NULL);
}

static void restart_image(const char *networks)
{
    AUTO_FREE char *more = kn_asprintf("image.download_networks=%s", networks);

    if (own.image > 0) {
        kn_test_end(own.image, SIGKILL);
    }
    own.image = start("kilonova-image", more);
}

/* A server of files that also redirects (/to?URL) and drips (/slow/name): one piece of a file every tenth of a second. */
static void start_web(void)
{
    static const char SERVER[] =
        "import http.server, os, sys, time, urllib.parse\n"
        "class H(http.server.SimpleHTTPRequestHandler):\n"
        "    def log_message(self, *a): pass\n"
        "    def do_GET(self):\n"
        "        if self.path.startswith('/to?'):\n"
        "            self.send_response(302); self.send_header('Location', self.path[4:]); self.send_header('Content-Length', '0'); self.end_headers(); return\n"
        "        if not self.path.startswith('/slow/'): return super().do_GET()\n"
        "        data = open(self.path[6:], 'rb').read(); n = max(1, len(data) // 50)\n"
        "        self.send_response(200); self.send_header('Content-Length', str(len(data))); self.end_headers()\n"
        "        for i in range(0, len(data), n):\n"
        "            self.wfile.write(data[i:i + n]); self.wfile.flush(); time.sleep(0.1)\n"
        "os.chdir(sys.argv[1])\n"
        "http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[2])), H).serve_forever()\n";
    AUTO_FREE char *port = NULL;

    own.web_port = kn_test_free_port();
    port = kn_asprintf("%d", own.web_port);
    const char *argv[] = { "/usr/bin/python3", "-c", SERVER, own.dir, port, NULL };
    own.web = kn_test_spawn(argv, "/dev/null", NULL);
    kn_test_wait_port(own.web_port);
}

static void shell(const char *command)
{
    AUTO_FREE char *whole = kn_asprintf("cd %s && %s", own.dir, command);

    if (system(whole) != 0) {
        fail_msg("%s", whole);
    }
}

/* --- words ------------------------------------------------------------------------------------------------------------ */

static char *create_as(const char *format)
{
    AUTO_FREE char *body = kn_asprintf("{\"name\":\"i\",\"disk_format\":\"%s\",\"container_format\":\"bare\"}", format);

    return create(A JSON, body);
}

static void stage_file(int status, const char *id, const char *name)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", own.dir, name);
    struct stat st;
    FILE *f = fopen(path, "rbe");
    static char piece[1 << 16];

    assert_non_null(f);
    assert_int_equal(fstat(fileno(f), &st), 0);
    AUTO_FREE char *head = kn_asprintf("PUT " IMAGES "/%s/stage HTTP/1.1\r\nHost: x\r\n" A BYTES "Content-Length: %lld\r\n\r\n",
                                       id, (long long)st.st_size);
    kn_test_http_send(&world.http, head, strlen(head));
    for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;) {
        kn_test_http_send(&world.http, piece, n);
    }
    fclose(f);
    assert_true(kn_test_http_read(&world.http, false));
    assert_int_equal(world.http.status, status);
}

static void stage(int status, const char *id, const char *data)
{
    AUTO_FREE char *path = path_of(id, "/stage");

    expect(status, "PUT", path, A BYTES, data);
}

static void import(int status, const char *id, const char *body)
{
    AUTO_FREE char *path = path_of(id, "/import");

    expect(status, "POST", path, A JSON, body);
}

static void import_direct(const char *id)
{
    import(202, id, "{\"method\":{\"name\":\"glance-direct\"}}");
}

static void import_url(int status, const char *id, const char *url)
{
    AUTO_FREE char *body = kn_asprintf("{\"method\":{\"name\":\"web-download\",\"uri\":\"%s\"}}", url);

    import(status, id, body);
}

static void import_web(const char *id, const char *host, const char *tail)
{
    AUTO_FREE char *url = kn_asprintf("http://%s:%d/%s", host, own.web_port, tail);

    import_url(202, id, url);
}

static void await_status(const char *id, const char *status)
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
static void expect_task(const char *id, const char *status, const char *says)
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

static void expect_failed(const char *id, const char *says)
{
    await_status(id, "queued");
    assert_string_equal(field("os_glance_failed_import"), "file");
    assert_string_equal(field("os_glance_import_task"), "");
    expect_task(id, "failure", says);
}

/* What can be downloaded is, as a disk, what the file holds. */
static void expect_same_disk(const char *id, const char *format, const char *original)
{
    AUTO_FREE char *file = path_of(id, "/file");
    AUTO_FREE char *out = kn_asprintf("%s/back", own.dir);

    expect(200, "GET", file, A, NULL);
    FILE *f = fopen(out, "wbe");
    assert_non_null(f);
    assert_int_equal(fwrite(world.http.body.buf, 1, world.http.body.len, f), world.http.body.len);
    fclose(f);
    AUTO_FREE char *compare = kn_asprintf("qemu-img compare -q -f %s -F raw back %s", format, original);
    shell(compare);
}

static void await_file(const char *id, const char *suffix)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s.%s", world.store, id, suffix);
    struct stat st = { 0 };

    for (int i = 0; stat(path, &st) < 0 || st.st_size < 1 << 20; i++) {
        assert_true(i < WAIT_MS / 2);
        poll(NULL, 0, 2);
    }
}

static void await_files(int count)
{
    for (int i = 0; files() != count; i++) {
        assert_true(i < WAIT_MS / 20);
        poll(NULL, 0, 20);
    }
}

/* --- staged data ------------------------------------------------------------------------------------------------------ */

static void test_staged(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("raw");
    AUTO_FREE char *path = path_of(id, "");
    AUTO_FREE char *file = path_of(id, "/file");

    import(409, id, "{\"method\":{\"name\":\"glance-direct\"}}");
    stage(204, id, "some data");
    assert_string_equal(status_of(id), "uploading");
    assert_int_equal(number("size"), 9);
    stage(409, id, "other data");
    upload(409, id, "past the import");
    import_url(409, id, "http://example.org/");
    import_direct(id);
    await_status(id, "active");
    assert_string_equal(field("os_glance_importing_to_stores"), "");
    assert_string_equal(field("os_glance_import_task"), "");
    assert_string_equal(field("stores"), "file");
    assert_string_equal(field("checksum"), "1e50210a0202497fb79bc38b6ade6c34");
    expect(200, "GET", file, A, NULL);
    assert_string_equal(world.http.body.buf, "some data");
    expect_task(id, "success", "");
    import(409, id, "{\"method\":{\"name\":\"glance-direct\"}}");
    assert_int_equal(files(), 1);
    expect(204, "DELETE", path, A, NULL);
    await_files(0);
    drop_everything();
}

static void test_refused_requests(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
    } CASES[] = {
        { "[]", 400 },
        { "{}", 400 },
        { "{\"method\":3}", 400 },
        { "{\"method\":{\"name\":3}}", 400 },
        { "{\"method\":{\"name\":\"glance-telepathy\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\"},\"all_stores\":\"yes\"}", 400 },
        { "{\"method\":{\"name\":\"web-download\"},\"all_stores_must_succeed\":1}", 400 },
        { "{\"method\":{\"name\":\"web-download\"},\"stores\":\"file\"}", 400 },
        { "{\"method\":{\"name\":\"web-download\"},\"stores\":[\"file\"],\"all_stores\":true}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"http://example.org/\"},\"stores\":[\"tape\"]}", 409 },
        { "{\"method\":{\"name\":\"web-download\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"file:///etc/passwd\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"ftp://example.org/x\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"http://127.0.0.1/x\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"http://2130706433/x\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"http://[::ffff:10.0.0.1]/x\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"http://169.254.169.254/latest\"}}", 400 },
        { "{\"method\":{\"name\":\"web-download\",\"uri\":\"http://exa mple.org/\"}}", 400 },
        { "{\"method\":{\"name\":\"glance-direct\"}}", 409 },
        { "{\"method\":{\"name\":\"copy-image\"}}", 409 },
    };
    const char *const networks = world.conf.image_download_networks;
    AUTO_FREE char *id = create_as("raw");
    AUTO_FREE char *bare = create(A JSON, "{\"name\":\"without formats\"}");
    AUTO_FREE char *path = path_of(id, "/import");

    world.conf.image_download_networks = "";
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        import(CASES[i].status, id, CASES[i].body);
    }
    world.conf.image_download_networks = networks;
    import_url(409, bare, "http://example.org/");
    expect(404, "POST", path, B JSON, "{\"method\":{\"name\":\"web-download\",\"uri\":\"http://example.org/\"}}");
    upload(204, id, "x");
    import(403, id, "{\"method\":{\"name\":\"copy-image\"},\"all_stores\":true}");
    expect(202, "POST", path, ADMIN JSON, "{\"method\":{\"name\":\"copy-image\"},\"all_stores\":true}");
    AUTO_FREE char *shown = path_of(id, "");
    expect(200, "GET", shown, A, NULL);
    assert_non_null(strstr(world.http.body.buf, "\"os_glance_importing_to_stores\": \"\""));
    expect(400, "POST", path, ADMIN JSON, "{\"method\":{\"name\":\"copy-image\"},\"stores\":[\"file\"]}");
    assert_int_equal(count_of("SELECT count(*) FROM image_task"), 0);
    drop_everything();
}

static void test_tasks(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("raw");
    AUTO_FREE char *image_tasks = path_of(id, "/tasks");

    stage(204, id, "task");
    import_direct(id);
    await_status(id, "active");
    expect(403, "GET", "/image/v2/tasks", A, NULL);
    expect(200, "GET", "/image/v2/tasks?limit=1&status=success&type=api_image_import&sort_dir=asc", ADMIN, NULL);
    json_t *json = kn_test_http_json(&world.http);
    const json_t *task = json_array_get(json_object_get(json, "tasks"), 0);
    AUTO_FREE char *one = kn_asprintf("/image%s", json_string_value(json_object_get(task, "self")));
    AUTO_FREE char *next = kn_asprintf("/image%s", json_string_value(json_object_get(json, "next")));
    assert_null(json_object_get(task, "input"));
    json_decref(json);
    expect(200, "GET", one, ADMIN, NULL);
    assert_string_equal(field("status"), "success");
    assert_string_equal(field("owner"), "aaaa");
    assert_string_equal(field("image_id"), id);
    expect(405, "DELETE", one, ADMIN, NULL);
    expect(200, "GET", next, ADMIN, NULL);
    expect(404, "GET", "/image/v2/tasks/22222222-2222-4222-8222-222222222222", ADMIN, NULL);
    expect(404, "GET", "/image/v2/tasks/nonsense", ADMIN, NULL);
    expect(400, "GET", "/image/v2/tasks?status=active", ADMIN, NULL);
    expect(400, "GET", "/image/v2/tasks?marker=x", ADMIN, NULL);
    expect(400, "GET", "/image/v2/tasks?limit=x", ADMIN, NULL);
    expect(400, "POST", "/image/v2/tasks", ADMIN JSON, "{\"type\":\"import\"}");
    expect(403, "POST", "/image/v2/tasks", ADMIN JSON, "{\"type\":\"import\",\"input\":{}}");
    expect(404, "GET", image_tasks, B, NULL);
    expect(200, "GET", "/image/v2/schemas/task", A, NULL);
    expect(200, "GET", "/image/v2/schemas/tasks", A, NULL);
    drop_everything();
}

static void test_conversion(void **state)
{
    (void)state;
    static const struct {
        const char *disk_format, *make;
    } CASES[] = {
        { "vmdk", "-O vmdk" },
        { "vmdk", "-O vmdk -o subformat=streamOptimized" },
        { "vhd", "-O vpc -o force_size=on" },
        { "vhd", "-O vpc -o force_size=on,subformat=fixed" },
        { "vhdx", "-O vhdx" },
        { "vdi", "-O vdi" },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_FREE char *id = create_as(CASES[i].disk_format);
        AUTO_FREE char *make = kn_asprintf("qemu-img convert -f raw %s pattern disk", CASES[i].make);

        shell(make);
        stage_file(204, id, "disk");
        import_direct(id);
        await_status(id, "active");
        assert_string_equal(field("disk_format"), "qcow2");
        assert_int_equal(number("virtual_size"), PATTERN_MIB << 20);
        expect_same_disk(id, "qcow2", "pattern");
        assert_int_equal(files(), 1);
        drop_everything();
    }
}

static void test_not_what_it_says(void **state)
{
    (void)state;
    static const struct {
        const char *disk_format, *make, *says;
    } CASES[] = {
        { "vmdk", "head -c 1M /dev/urandom > disk", "but the data is not" },
        { "qcow2", "cp pattern disk", "but the data is not" },
        { "raw", "qemu-img create -q -f qcow2 disk 1M", "is \"qcow2\"" },
        { "qcow2", "qemu-img create -q -f qcow2 -u -b /etc/shadow -F raw disk 1M", "backing file" },
        { "vmdk", "qemu-img create -q -f vmdk -o subformat=monolithicFlat disk 1M", "no sparse extent" },
        { "vmdk", "qemu-img create -q -f vmdk disk 2T", "more than" },
        { "vmdk", "qemu-img convert -O vmdk -o subformat=streamOptimized -f raw pattern disk && "
                  "head -c 1M /dev/urandom | dd of=disk bs=1M seek=1 conv=notrunc status=none",
          "cannot be converted" },
    };

    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        AUTO_FREE char *id = create_as(CASES[i].disk_format);

        shell("rm -f disk*");
        shell(CASES[i].make);
        stage_file(204, id, "disk");
        import_direct(id);
        expect_failed(id, CASES[i].says);
        await_files(0);
        drop_everything();
    }
}

/* --- downloads -------------------------------------------------------------------------------------------------------- */

static void test_download(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("raw");
    AUTO_FREE char *gone = create_as("raw");
    AUTO_FREE char *foreign = create_as("vdi");

    shell("rm -f disk && qemu-img convert -f raw -O vdi pattern disk");
    import_web(id, "localhost", "pattern");
    await_status(id, "active");
    expect_same_disk(id, "raw", "pattern");
    import_web(foreign, "127.0.0.1", "disk");
    await_status(foreign, "active");
    expect_same_disk(foreign, "qcow2", "pattern");
    import_web(gone, "localhost", "nothing");
    expect_failed(gone, "answered 404");
    import_web(gone, "localhost", "to?/pattern");
    await_status(gone, "active");
    drop_everything();
}

static void test_forbidden_addresses(void **state)
{
    (void)state;
    static const char *const TO[] = { "to?http://169.254.169.254/latest/", "to?http://[::1]:80/", "to?http://10.0.0.1/",
                                      "to?file:///etc/passwd", "to?http://2852039166/" };
    AUTO_FREE char *id = create_as("raw");
    struct kn_error err = { 0 };

    for (size_t i = 0; i < KN_COUNT(TO); i++) {
        import_web(id, "127.0.0.1", TO[i]);
        expect_failed(id, strstr(TO[i], "file:") != NULL ? "download failed" : "may not reach");
        assert_ok(kn_db_script(world.db, "DELETE FROM image_task", &err), &err); /* there is one again */
    }
    /* A name says nothing; what it resolves to does. */
    restart_image("");
    import_web(id, "localhost", "pattern");
    expect_failed(id, "may not reach");
    restart_image("127.0.0.0/8");
    await_files(0);
    drop_everything();
}

/* --- faults ----------------------------------------------------------------------------------------------------------- */

static void test_killed_while_downloading(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("raw");

    import_web(id, "localhost", "slow/pattern");
    await_file(id, "part");
    assert_string_equal(status_of(id), "importing");
    assert_string_equal(field("os_glance_importing_to_stores"), "file");
    restart_image("127.0.0.0/8");
    await_status(id, "active");
    expect_same_disk(id, "raw", "pattern");
    assert_int_equal(files(), 1);
    drop_everything();
}

static void test_killed_while_converting(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("vmdk");

    shell("rm -f disk && qemu-img convert -f raw -O vmdk big disk");
    stage_file(204, id, "disk");
    import_direct(id);
    await_file(id, "converted");
    restart_image("127.0.0.0/8");
    await_status(id, "active");
    assert_string_equal(field("disk_format"), "qcow2");
    expect_same_disk(id, "qcow2", "big");
    assert_int_equal(files(), 1);
    drop_everything();
}

/* A line of a file below /proc/PID that begins with this; "" if none does. */
static char *proc_line(pid_t pid, const char *file, const char *begins)
{
    AUTO_FREE char *path = kn_asprintf("/proc/%d/%s", (int)pid, file);
    char *line = kn_alloc(512);
    FILE *f = fopen(path, "re");

    while (f != NULL && fgets(line, 512, f) != NULL && strncmp(line, begins, strlen(begins)) != 0) {
        line[0] = '\0';
    }
    if (f != NULL) {
        fclose(f);
    }
    return line;
}

/* The first child of a process, of whichever thread; stopped, so that it can be looked at. */
static pid_t stop_child_of(pid_t parent)
{
    for (int i = 0; i < WAIT_MS / 2; i++) {
        AUTO_FREE char *command = kn_asprintf("cat /proc/%d/task/*/children", (int)parent);
        FILE *f = popen(command, "re");
        int child = 0;

        assert_non_null(f);
        const int found = fscanf(f, "%d", &child);
        pclose(f);
        AUTO_FREE char *name = found == 1 ? proc_line(child, "comm", "") : kn_strdup("");
        if (strcmp(name, "qemu-img\n") == 0 && kill(child, SIGSTOP) == 0) {
            return child;
        }
        poll(NULL, 0, 2);
    }
    fail_msg("qemu-img was not started");
    return 0;
}

static void test_converter_is_locked_in(void **state)
{
    (void)state;
    static const struct {
        const char *file, *begins, *says;
    } WANTED[] = {
        { "status", "NoNewPrivs:", "1" },
        { "limits", "Max cpu time", "3600" },
        { "limits", "Max address space", "2147483648" },
        { "limits", "Max file size", "1099511627776" },
        { "limits", "Max core file size", " 0 " },
        { "limits", "Max open files", "64" },
    };
    AUTO_FREE char *id = create_as("vmdk");
    char ours[64] = "", theirs[64] = "";

    shell("rm -f disk && qemu-img convert -f raw -O vmdk big disk");
    stage_file(204, id, "disk");
    import_direct(id);
    const pid_t child = stop_child_of(own.image);
    AUTO_FREE char *net = kn_asprintf("/proc/%d/ns/net", (int)child);
    assert_true(readlink("/proc/self/ns/net", ours, sizeof(ours) - 1) > 0);
    assert_true(readlink(net, theirs, sizeof(theirs) - 1) > 0);
    assert_string_not_equal(ours, theirs);
    for (size_t i = 0; i < KN_COUNT(WANTED); i++) {
        AUTO_FREE char *line = proc_line(child, WANTED[i].file, WANTED[i].begins);
        if (line[0] == '\0' || strstr(line, WANTED[i].says) == NULL) {
            fail_msg("%s: \"%s\", wanted \"%s\"", WANTED[i].begins, line, WANTED[i].says);
        }
    }
    kill(child, SIGCONT);
    await_status(id, "active");
    drop_everything();
}

/* One that kills its worker each time ends as a failure; here the row says that it was begun so often. */
static void test_gives_up(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("raw");
    struct kn_error err = { 0 };

    import_web(id, "localhost", "slow/pattern");
    await_file(id, "part");
    kn_test_end(own.image, SIGKILL);
    own.image = 0;
    assert_ok(kn_db_script(world.db, "UPDATE image_task SET attempts = 5", &err), &err);
    restart_image("127.0.0.0/8");
    expect_failed(id, "never ended");
    await_files(0);
    drop_everything();
}

static void test_deleted_while_importing(void **state)
{
    (void)state;
    AUTO_FREE char *id = create_as("raw");
    AUTO_FREE char *path = path_of(id, "");

    import_web(id, "localhost", "slow/pattern");
    await_file(id, "part");
    expect(204, "DELETE", path, A, NULL);
    await_files(0);
    assert_int_equal(count_of("SELECT count(*) FROM image_task WHERE status = 'failure'"), 1);
    drop_everything();
}

/* --- the world -------------------------------------------------------------------------------------------------------- */

static int start_all(void **state)
{
    start_world(state);
    kn_copy(own.dir, sizeof(own.dir), "/tmp/kn-import-XXXXXX");
    assert_non_null(mkdtemp(own.dir));
    world.conf.image_download_ports = "";
    world.conf.image_download_networks = "127.0.0.0/8";
    shell("head -c 24M /dev/urandom > pattern && head -c 200M /dev/urandom > big && chmod 755 .");
    start_web();
    own.conductor = start("kilonova-conductor", "image.download_networks=");
    restart_image("127.0.0.0/8");
    return 0;
}

static int stop_all(void **state)
{
    kn_test_end(own.image, SIGTERM);
    kn_test_end(own.conductor, SIGTERM);
    kn_test_end(own.web, SIGKILL);
    shell("rm -rf .url.key *");
    AUTO_FREE char *key = kn_asprintf("%s/.url.key", world.store);
    unlink(key);
    rmdir(own.dir);
    return stop_world(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_staged),
        cmocka_unit_test(test_refused_requests),
        cmocka_unit_test(test_tasks),
        cmocka_unit_test(test_conversion),
        cmocka_unit_test(test_not_what_it_says),
        cmocka_unit_test(test_forbidden_addresses),
        cmocka_unit_test(test_download),
        cmocka_unit_test(test_killed_while_downloading),
        cmocka_unit_test(test_killed_while_converting),
        cmocka_unit_test(test_converter_is_locked_in),
        cmocka_unit_test(test_gives_up),
        cmocka_unit_test(test_deleted_while_importing),
    };

    return cmocka_run_group_tests(tests, start_all, stop_all);
}
