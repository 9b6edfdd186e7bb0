/* SPDX-License-Identifier: Apache-2.0 */
/* What a volume host keeps of a disk that it serves, and how it and a host call qemu-storage-daemon. Pure. */
#include "tests/support/test.h"

#include <string.h>

#include "lib/adapter/storage_daemon.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "volume/serve/export_state.h"

#define A "11111111-1111-4111-8111-111111111111"
#define B "22222222-2222-4222-8222-222222222222"
#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define GRANT "{\"server\":\"" A "\",\"host\":\"h1\",\"identity\":\"" B "\",\"key\":\"" KEY "\"}"

static struct kn_volume_export_state state_of_two;

static void test_it_is_read_as_it_was_written(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf first = KN_STRBUF_INIT, second = KN_STRBUF_INIT, keys = KN_STRBUF_INIT;
    struct kn_volume_export_state s = { .port = 24000, .format = "qcow2", .is_readonly = true };
    struct kn_error err = { 0 };

    (void)state;
    assert_non_null(kn_volume_export_state_add(&s, A, "h1"));
    assert_non_null(kn_volume_export_state_add(&s, B, ""));
    kn_volume_export_state_print(&s, &first);
    assert_ok(kn_volume_export_state_parse(first.buf, first.len, &state_of_two, &err), &err);
    kn_volume_export_state_print(&state_of_two, &second);
    assert_string_equal(first.buf, second.buf);
    assert_int_equal(state_of_two.port, 24000);
    assert_string_equal(state_of_two.format, "qcow2");
    assert_true(state_of_two.is_readonly);
    kn_volume_export_state_keys(&state_of_two, &keys);
    AUTO_FREE char *wanted = kn_asprintf("%s:%s\n%s:%s\n", s.grants[0].identity, s.grants[0].key, s.grants[1].identity,
                                         s.grants[1].key);
    assert_string_equal(keys.buf, wanted);
    assert_string_not_equal(s.grants[0].key, s.grants[1].key);
    assert_true(kn_storage_key_valid(s.grants[0].key));
    assert_true(kn_storage_identity_valid(s.grants[0].identity));
}

static void test_what_does_not_fit_is_refused(void **state)
{
    static const char *const BAD[] = {
        "",
        "[]",
        "{}",
        "{\"port\":0,\"format\":\"raw\",\"readonly\":false,\"grants\":[]}",
        "{\"port\":65536,\"format\":\"raw\",\"readonly\":false,\"grants\":[]}",
        "{\"port\":1,\"format\":\"vmdk\",\"readonly\":false,\"grants\":[]}",
        "{\"port\":1,\"format\":\"raw\",\"readonly\":false}",
        "{\"port\":1,\"format\":\"raw\",\"readonly\":false,\"grants\":[7]}",
        "{\"port\":1,\"format\":\"raw\",\"readonly\":false,\"grants\":[" GRANT ",{\"server\":\"" A "\"}]}",
        "{\"port\":1,\"format\":\"raw\",\"readonly\":false,\"grants\":[{\"server\":\"" A
        "\",\"host\":\"h\",\"identity\":\"" B "\",\"key\":\"" KEY "\\n" B ":" KEY "\"}]}",
        "{\"port\":1,\"format\":\"raw\",\"readonly\":false,\"grants\":[{\"server\":\"" A
        "\",\"host\":\"h\",\"identity\":\"a:b\",\"key\":\"" KEY "\"}]}",
        "{\"port\":1,\"format\":\"raw\",\"readonly\":false,\"grants\":[" GRANT "]",
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(BAD); i++) {
        struct kn_volume_export_state s = { .port = 7 };
        struct kn_error err = { 0 };

        assert_fails(kn_volume_export_state_parse(BAD[i], strlen(BAD[i]), &s, &err), &err, KN_INTERNAL);
        assert_int_equal(s.port, 7);
        assert_null(strstr(err.message, KEY));
    }
}

static void test_who_goes(void **state)
{
    static const struct {
        const char *server, *host;
        size_t gone, left;
    } CASES[] = {
        { A, "h1", 2, 2 }, /* from there, and for wherever it is */
        { A, "h3", 1, 3 },
        { A, "", 3, 1 },
        { B, "h2", 0, 4 },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(CASES); i++) {
        struct kn_volume_export_state s = { .port = 1, .format = "raw" };

        kn_volume_export_state_add(&s, A, "h1");
        kn_volume_export_state_add(&s, A, "h2");
        kn_volume_export_state_add(&s, A, "");
        kn_volume_export_state_add(&s, B, "h1");
        assert_ptr_equal(kn_volume_export_state_find(&s, A, "h2"), &s.grants[1]);
        assert_null(kn_volume_export_state_find(&s, B, "h2"));
        assert_int_equal(kn_volume_export_state_drop(&s, CASES[i].server, CASES[i].host), CASES[i].gone);
        assert_int_equal(s.count, CASES[i].left);
    }
}

static void test_there_is_an_end(void **state)
{
    struct kn_volume_export_state *s = KN_NEW(struct kn_volume_export_state);

    (void)state;
    for (int i = 0; i < KN_VOLUME_EXPORT_GRANTS; i++) {
        assert_non_null(kn_volume_export_state_add(s, A, "h"));
    }
    assert_null(kn_volume_export_state_add(s, A, "h"));
    free(s);
}

static void check_line(const struct kn_storage_daemon *daemon, const char *wanted)
{
    char **argv = kn_storage_argv(daemon);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf line = KN_STRBUF_INIT;

    for (char **word = argv; *word != NULL; word++) {
        kn_strbuf_addf(&line, "%s\n", *word);
    }
    assert_string_equal(line.buf, wanted);
    kn_storage_argv_free(argv);
}

static void test_command_lines(void **state)
{
    (void)state;
    check_line(
        &(struct kn_storage_daemon){ .dir = "/v/.nbd/" A,
                                     .export = "volume-" A,
                                     .is_readonly = true,
                                     .path = "/v,a\"/volume-" A, /* no character is special */
                                     .format = "qcow2",
                                     .address = "10.0.0.1",
                                     .port = 24001 },
        "qemu-storage-daemon\n"
        "--object\n{\"qom-type\":\"tls-creds-psk\",\"id\":\"tls\",\"endpoint\":\"server\",\"dir\":\"/v/.nbd/" A "\"}\n"
        "--blockdev\n{\"driver\":\"file\",\"node-name\":\"file\",\"filename\":\"/v,a\\\"/volume-" A
        "\",\"locking\":\"on\",\"discard\":\"unmap\",\"cache\":{\"direct\":true},\"read-only\":true}\n"
        "--blockdev\n{\"driver\":\"qcow2\",\"node-name\":\"disk\",\"file\":\"file\",\"discard\":\"unmap\",\"read-only\":true}\n"
        "--nbd-server\n{\"max-connections\":64,\"addr\":{\"type\":\"inet\",\"host\":\"10.0.0.1\",\"port\":\"24001\"},\"tls-creds\":\"tls\"}\n"
        "--export\n{\"type\":\"nbd\",\"id\":\"disk\",\"node-name\":\"disk\",\"name\":\"volume-" A
        "\",\"writable\":false}\n"
        "--daemonize\n--pidfile\n/v/.nbd/" A "/pid\n");
    check_line(
        &(struct kn_storage_daemon){ .dir = "/run/a",
                                     .export = "volume-" A,
                                     .server = "10.0.0.1",
                                     .server_port = 24001,
                                     .identity = B,
                                     .socket = "/run/a/socket" },
        "qemu-storage-daemon\n"
        "--object\n{\"qom-type\":\"tls-creds-psk\",\"id\":\"tls\",\"endpoint\":\"client\",\"dir\":\"/run/a\",\"username\":\"" B
        "\"}\n"
        "--blockdev\n{\"driver\":\"nbd\",\"node-name\":\"disk\",\"server\":{\"type\":\"inet\",\"host\":\"10.0.0.1\",\"port\":\"24001\"},"
        "\"export\":\"volume-" A
        "\",\"tls-creds\":\"tls\",\"reconnect-delay\":600,\"discard\":\"unmap\",\"read-only\":false}\n"
        "--nbd-server\n{\"max-connections\":64,\"addr\":{\"type\":\"unix\",\"path\":\"/run/a/socket\"}}\n"
        "--export\n{\"type\":\"nbd\",\"id\":\"disk\",\"node-name\":\"disk\",\"name\":\"volume-" A
        "\",\"writable\":true}\n"
        "--daemonize\n--pidfile\n/run/a/pid\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_read_as_it_was_written),
        cmocka_unit_test(test_what_does_not_fit_is_refused),
        cmocka_unit_test(test_who_goes),
        cmocka_unit_test(test_there_is_an_end),
        cmocka_unit_test(test_command_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
