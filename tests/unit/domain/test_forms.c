/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forms: each field of each form, lacking and of another kind; where an error deep inside is said to be; what a message makes of it; and what the writers
 * write, against golden files (tests/golden/forms).
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/domain/form.h"
#include "tests/support/golden.h"
#include "tests/support/test.h"

#define ONE "11111111-1111-4111-8111-111111111111"
#define TWO "22222222-2222-4222-8222-222222222222"

static json_t *sample(const struct kn_field *fields);

static json_t *sample_value(const struct kn_field *field)
{
    int64_t least = field->limit == KN_LIMIT_NONE ? 1 : kn_limit_rows[field->limit].min;
    char text[64] = { 0 };
    json_t *list = json_array();

    if (field->kind == KN_ARR) {
        if (field->form != NULL) {
            json_array_append_new(list, sample(field->form->fields));
        }
        return list;
    }
    json_decref(list);
    if (field->kind == KN_OBJ) {
        return field->form == NULL ? json_object() : sample(field->form->fields);
    }
    if (strcmp(field->name, "device") == 0) {
        return json_string("/dev/vdb");
    }
    if (strcmp(field->name, "driver") == 0) {
        return json_string("file");
    }
    memset(text, 'x', least < 1 ? 1 : (size_t)(least > 60 ? 60 : least));
    return field->kind == KN_STR    ? json_string(text)
           : field->kind == KN_UUID ? json_string(ONE)
           : field->kind == KN_INT  ? json_integer(least)
                                    : json_true();
}

static json_t *sample(const struct kn_field *fields)
{
    json_t *object = json_object();

    for (const struct kn_field *field = fields; field->kind != KN_FIELD_END; field++) {
        json_object_set_new(object, field->name, sample_value(field));
    }
    if (fields == kn_form_wanted_nic.fields) { /* one of the two */
        json_object_del(object, "port");
    }
    if (fields == kn_form_local.fields) { /* words of a list, and a name that the volume's is not */
        json_object_set_new(object, "device", json_string("/dev/vdc"));
        json_object_set_new(object, "bus", json_string("virtio"));
        json_object_set_new(object, "format", json_string("ext4"));
    }
    if (fields == kn_form_state_object.fields || fields == kn_form_state_drop.fields) { /* of some kind */
        json_object_set_new(object, "kind", json_string("addresses"));
        json_object_set_new(object, "prefixes", json_pack("[s]", "10.0.0.0/8"));
    }
    return object;
}

static void check_refused(const struct kn_form *form, const json_t *object, const char *words)
{
    struct kn_error err = { 0 };

    if (kn_form_check(form, object, "it", &err) == 0) {
        fail_msg("%s takes what should be refused: %s", form->name, words);
    }
    assert_int_equal(err.code, KN_BAD_REQUEST);
    if (strcmp(err.message, words) != 0) {
        fail_msg("%s: \"%s\", not \"%s\"", form->name, err.message, words);
    }
}

static void check_field(const struct kn_form *form, const struct kn_field *field)
{
    json_t *object = sample(form->fields);
    AUTO_FREE char *missing = kn_asprintf("it: \"%s\" is missing", field->name);
    struct kn_error err = { 0 };

    if (json_object_get(object, field->name) == NULL) {
        json_decref(object);
        return;
    }
    json_object_set_new(object, field->name, json_real(0.5)); /* no field's kind */
    assert_int_equal(kn_form_check(form, object, "it", &err), -1);
    assert_non_null(strstr(err.message, field->name));
    json_object_del(object, field->name);
    if (field->required) {
        check_refused(form, object, missing);
    }
    json_decref(object);
}

static void test_each_field_of_each_form(void **state)
{
    (void)state;
    for (int i = 0; kn_forms[i] != NULL; i++) {
        json_t *object = sample(kn_forms[i]->fields);
        struct kn_error err = { 0 };

        json_object_set_new(object, "newer", json_true()); /* a newer sender's */
        if (kn_form_check(kn_forms[i], object, "it", &err) < 0) {
            fail_msg("%s: %s", kn_forms[i]->name, err.message);
        }
        for (const struct kn_field *field = kn_forms[i]->fields; field->kind != KN_FIELD_END; field++) {
            assert_true(field->doc[0] != '\0');
            check_field(kn_forms[i], field);
        }
        json_decref(object);
    }
}

static json_t *at(json_t *object, const char *list, size_t i)
{
    return json_array_get(json_object_get(object, list), i);
}

static void test_an_error_says_where_it_is(void **state)
{
    json_t *spec = sample(kn_form_spec.fields), *nic = sample(kn_form_nic.fields);

    (void)state;
    json_array_append_new(json_object_get(at(nic, "ips", 0), "dns"), json_integer(8));
    check_refused(&kn_form_nic, nic, "it.ips[0].dns[0] must be a string");
    json_array_clear(json_object_get(at(nic, "ips", 0), "dns"));
    json_object_del(at(at(nic, "ips", 0), "routes", 0), "nexthop");
    check_refused(&kn_form_nic, nic, "it.ips[0].routes[0]: \"nexthop\" is missing");
    json_decref(nic);
    json_object_del(at(spec, "nics", 0), "tap");
    check_refused(&kn_form_spec, spec, "it.nics[0]: \"tap\" is missing");
    json_object_set_new(at(spec, "nics", 0), "tap", json_string("tap0"));
    json_array_append_new(json_object_get(spec, "nics"), json_integer(3));
    check_refused(&kn_form_spec, spec, "it.nics[1] must be an object");
    json_array_remove(json_object_get(spec, "nics"), 1);
    json_object_set_new(json_object_get(at(spec, "volumes", 0), "connection"), "path", json_null());
    check_refused(&kn_form_spec, spec, "it.volumes[0].connection: \"path\" is missing");
    json_object_set_new(json_object_get(at(spec, "volumes", 0), "connection"), "path", json_string("/v"));
    json_object_set_new(at(spec, "volumes", 0), "device", json_string("/dev/vda")); /* the image's */
    check_refused(&kn_form_spec, spec, "it: device \"/dev/vda\" of volume \"" ONE "\" is no free virtio disk");
    json_decref(spec);
}

static void test_what_fields_say_together(void **state)
{
    json_t *wanted = json_object(), *host = sample(kn_form_host.fields), *guest = kn_form_write_guest(ONE, -1, 1);

    (void)state;
    check_refused(&kn_form_wanted_nic, wanted, "it: one of \"network\" and \"port\" is said");
    json_object_set_new(wanted, "network", json_string(ONE));
    assert_int_equal(kn_form_check(&kn_form_wanted_nic, wanted, "it", NULL), 0);
    json_object_set_new(wanted, "port", json_string(TWO));
    check_refused(&kn_form_wanted_nic, wanted, "it: one of \"network\" and \"port\" is said");
    json_object_set_new(host, "memory_mib", json_integer(10));
    json_object_set_new(host, "reserved_memory_mib", json_integer(11));
    check_refused(&kn_form_host, host, "it: \"reserved_memory_mib\" of 11 is above \"memory_mib\" of 10");
    check_refused(&kn_form_guest, guest, "it: \"generation\" must not be negative");
    json_decref(wanted);
    json_decref(host);
    json_decref(guest);
}

static void test_a_connection_is_of_its_driver(void **state)
{
    static const char *const OF_NBD[] = { "address", "port", "export", "identity", "key" };
    const struct kn_nbd_said said = { "10.0.0.1", 24000, "volume-" ONE, ONE, "00" };
    json_t *connection = kn_form_write_nbd_connection(&said, ONE);

    (void)state;
    assert_int_equal(kn_form_check(&kn_form_connection, connection, "it", NULL), 0);
    for (size_t i = 0; i < sizeof(OF_NBD) / sizeof(OF_NBD[0]); i++) {
        AUTO_FREE char *words = kn_asprintf("it: \"%s\" is missing", OF_NBD[i]);
        json_t *value = json_incref(json_object_get(connection, OF_NBD[i]));

        json_object_del(connection, OF_NBD[i]);
        check_refused(&kn_form_connection, connection, words);
        json_object_set_new(connection, OF_NBD[i], value);
    }
    json_object_set_new(connection, "driver", json_string("rbd"));
    check_refused(&kn_form_connection, connection, "it: driver \"rbd\" is neither file nor nbd");
    json_object_set_new(connection, "driver", json_string("file"));
    check_refused(&kn_form_connection, connection, "it: \"path\" is missing");
    json_decref(connection);
}

/* --- in messages ------------------------------------------------------------------------------------------------------------ */

/* The text of a message with this body or, of a reply, this result; steals it. */
static char *text_of(const char *type, json_t *inner, bool reply)
{
    AUTO_FREE char *text = json_dumps(inner, JSON_COMPACT);

    json_decref(inner);
    return reply ? kn_asprintf("{\"type\":\"%s\",\"v\":1,\"reply\":{\"ok\":true,\"result\":%s}}", type, text)
                 : kn_asprintf("{\"type\":\"%s\",\"v\":1,\"body\":%s}", type, text);
}

static int parse(const char *type, json_t *inner, bool reply, struct kn_message *ret, struct kn_error *err)
{
    AUTO_FREE char *text = text_of(type, inner, reply);

    return kn_message_parse(text, strlen(text), ret, err);
}

/* A command with something odd deep inside is taken, so that it can be answered; nobody sends it, nobody executes it. */
static void test_a_command_that_does_not_fit_is_answered(void **state)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf out = KN_STRBUF_INIT;
    json_t *spec = sample(kn_form_spec.fields);
    struct kn_error err = { 0 };

    (void)state;
    json_object_set_new(spec, "vcpus", json_string("many"));
    assert_ok(parse("server.spawn", json_pack("{s:s, s:s, s:o}", "host", "h", "server", ONE, "spec", spec), false, &m,
                    &err),
              &err);
    assert_int_equal(kn_message_fits(&m, &err), -1);
    assert_string_equal(err.message, "body.spec: \"vcpus\" must be an integer");
    kn_error_clear(&err);
    assert_int_equal(kn_message_print(&m, &out, &err), -1);
    json_object_set_new(json_object_get(m.body, "spec"), "vcpus", json_integer(1));
    kn_error_clear(&err);
    assert_ok(kn_message_fits(&m, &err), &err);
    assert_ok(kn_message_print(&m, &out, &err), &err);
}

static void test_what_is_not_answered_is_refused_at_once(void **state)
{
    AUTO_RELEASE(kn_message) struct kn_message m = { 0 };
    struct kn_error err = { 0 };

    (void)state;
    assert_int_equal(parse("net.state",
                           json_pack("{s:s, s:i, s:i, s:i, s:i, s:[{s:s, s:s}], s:[]}", "host", "h", "from", -1,
                                     "version", 1, "piece", 1, "pieces", 1, "put", "kind", "peer", "id", ONE, "drop"),
                           false, &m, &err),
                     -1);
    assert_string_equal(err.message, "body.put[0]: \"network\" is missing");
    kn_error_clear(&err);
    assert_int_equal(parse("port.allocate", json_pack("{s:[{s:s}]}", "nics", "port", ONE), true, &m, &err), -1);
    assert_string_equal(err.message, "result.nics[0]: \"network\" is missing");
    kn_error_clear(&err);
    /* Hosts are judged one by one: the others stand whatever one of them says. */
    assert_ok(parse("agent.hello", json_pack("{s:s, s:s, s:[{s:i}]}", "agent", "a", "boot", "b", "hosts", "host", 7),
                    false, &m, &err),
              &err);
}

/* --- writers ---------------------------------------------------------------------------------------------------------------- */

static void check_written(const char *golden, const struct kn_form *form, json_t *written)
{
    struct kn_error err = { 0 };

    assert_ok(kn_form_check(form, written, form->name, &err), &err);
    kn_test_golden(golden, written, 0);
    json_decref(written);
}

static void test_writers(void **state)
{
    const struct kn_host_said said = { .host = "h1",
                                       .zone = "nova",
                                       .underlay = "10.0.0.1",
                                       .vcpus = 4,
                                       .memory_mib = 4096,
                                       .reserved_memory_mib = 512,
                                       .disk_gib = 100,
                                       .hypervisor_type = "QEMU",
                                       .hypervisor_version = 7002000 };
    json_t *connection = kn_form_write_connection("file", "/srv/volumes/" TWO, "raw", TWO);

    (void)state;
    check_written("forms/host", &kn_form_host, kn_form_write_host(&said, json_pack("{s:s}", "arch", "x86_64")));
    check_written("forms/disk", &kn_form_disk, kn_form_write_disk(TWO, "/dev/vdb", connection));
    check_written("forms/connection", &kn_form_connection, connection);
    check_written("forms/guest", &kn_form_guest, kn_form_write_guest(ONE, 3, 1));
    check_written("forms/seen", &kn_form_seen,
                  kn_form_write_seen(ONE, 3, 1, json_pack("[s]", TWO), json_pack("[s]", "tap11111111-11")));
}

static void test_the_document_has_all_of_it(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf doc = KN_STRBUF_INIT;

    (void)state;
    kn_form_document(&doc);
    for (int i = 0; kn_forms[i] != NULL; i++) {
        AUTO_FREE char *title = kn_asprintf("\n## %s\n", kn_forms[i]->name);

        assert_non_null(strstr(doc.buf, title));
        for (const struct kn_field *field = kn_forms[i]->fields; field->kind != KN_FIELD_END; field++) {
            assert_non_null(strstr(strstr(doc.buf, title), field->name));
        }
    }
    assert_non_null(strstr(doc.buf, "| `nics` | an array of `plug`, length 0 to 16 | required |"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_field_of_each_form),
        cmocka_unit_test(test_an_error_says_where_it_is),
        cmocka_unit_test(test_what_fields_say_together),
        cmocka_unit_test(test_a_connection_is_of_its_driver),
        cmocka_unit_test(test_a_command_that_does_not_fit_is_answered),
        cmocka_unit_test(test_what_is_not_answered_is_refused_at_once),
        cmocka_unit_test(test_writers),
        cmocka_unit_test(test_the_document_has_all_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
