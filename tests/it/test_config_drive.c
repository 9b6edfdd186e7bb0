/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A config drive is what the metadata service says: the disk is read by another program than the one that wrote it, and Debian's cloud-init (tests/support/config_drive.py) makes
 * the same of either. That a guest finds it is test_agent_libvirt.c's.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compute-agent/core/iso.h"
#include "compute-agent/metadata/metadata.h"
#include "lib/base/mem.h"
#include "tests/support/needs.h"
#include "tests/support/scratch.h"

#define SERVER "5d1c5e1c-7c8c-4d5e-9a5b-0123456789ab"

static const char SPEC[] =
    "{\"name\":\"web \\\"1\\\"\",\"hostname\":\"web-1\",\"project\":\"p1\",\"zone\":\"nova\",\"flavor\":\"m1.small\",\"key_name\":\"mine\","
    "\"public_key\":\"ssh-ed25519 AAAA me\",\"user_data\":\"IyEvYmluL3NoCmVjaG8gaGkK\",\"metadata\":{\"role\":\"db\",\"\xc3\xbc\":\"\xe2\x82\xac\"},"
    "\"files\":[{\"path\":\"/etc/motd\",\"contents\":\"aGVsbG8K\"},{\"path\":\"/empty\",\"contents\":\"\"}],"
    "\"vendor_data\":{\"cloud-init\":\"#cloud-config\\npackages: []\"},\"image\":{\"id\":\"0abcdef0-0000-4000-8000-000000000000\"},"
    "\"nics\":[{\"port\":\"p\",\"network\":\"n\",\"mac\":\"fa:16:3e:00:00:01\",\"tap\":\"tap1\",\"mtu\":1450,\"ips\":["
    "{\"address\":\"10.0.0.5\",\"prefix\":24,\"version\":4,\"gateway\":\"10.0.0.1\",\"dhcp\":true,\"dns\":[\"9.9.9.9\"],\"routes\":[]}]},"
    "{\"port\":\"q\",\"network\":\"m\",\"mac\":\"fa:16:3e:00:00:02\",\"tap\":\"tap2\",\"mtu\":9000,\"ips\":["
    "{\"address\":\"10.1.0.5\",\"prefix\":22,\"version\":4,\"gateway\":\"10.1.0.1\",\"dhcp\":false,\"dns\":[\"10.1.0.53\"],"
    "\"routes\":[{\"destination\":\"192.168.0.0/16\",\"nexthop\":\"10.1.0.9\"}]},"
    "{\"address\":\"fd00::5\",\"prefix\":64,\"version\":6,\"gateway\":\"fd00::1\",\"dhcp\":false,\"dns\":[],\"routes\":[]}]}]}";

static char dir[KN_TEST_DIR];
static struct kn_agent_iso *iso;
static json_t *spec;

static void put_file(const char *below, const char *path, const struct kn_strbuf *body)
{
    AUTO_FREE char *whole = kn_asprintf("%s/%s/%s", dir, below, path);
    AUTO_FREE char *command = kn_asprintf("mkdir -p $(dirname '%s')", whole);

    assert_int_equal(system(command), 0);
    FILE *file = fopen(whole, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(body->buf, 1, body->len, file), body->len);
    fclose(file);
}

/* The file as the drive has it, and what the service answers for its path. */
static void see_file(void *ctx, const char *path, const struct kn_strbuf *body)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf answer = KN_STRBUF_INIT;
    AUTO_FREE char *asked = kn_asprintf("/%s", path);
    const char *type;

    (void)ctx;
    kn_agent_iso_add(iso, path, body->buf, body->len);
    put_file("drive", path, body);
    if (strncmp(path, "openstack/", 10) == 0) {
        assert_int_equal(kn_agent_metadata_answer(SERVER, spec, asked, &answer, &type), 200);
        put_file("service", path, &answer);
    }
}

static int setup(void **state)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf bytes = KN_STRBUF_INIT;

    (void)state;
    kn_test_dir(dir, "config-drive");
    spec = json_loads(SPEC, 0, NULL);
    assert_non_null(spec);
    iso = kn_agent_iso_new("config-2", 1700000000);
    kn_agent_metadata_drive(SERVER, spec, see_file, NULL);
    kn_agent_iso_write(iso, &bytes);
    put_file(".", "disk", &bytes);
    return 0;
}

static int teardown(void **state)
{
    AUTO_FREE char *command = kn_asprintf("rm -rf %s", dir);

    (void)state;
    kn_agent_iso_free(iso);
    json_decref(spec);
    return system(command);
}

static void says(const char *format, const char *wanted)
{
    AUTO_FREE char *command = kn_asprintf("cd %s && %s 2>&1", dir, format);
    FILE *pipe = popen(command, "r");
    static char said[65536];

    said[fread(said, 1, sizeof(said) - 1, pipe)] = '\0';
    if (pclose(pipe) != 0 || strcmp(said, wanted) != 0) {
        fail_msg("%s: %s", format, said);
    }
}

static void test_another_program_reads_the_disk(void **state)
{
    (void)state;
    says("blkid -p -o value -s LABEL disk", "config-2\n");
    says("blkid -p -o value -s TYPE disk", "iso9660\n");
    says(
        "xorriso -abort_on WARNING -osirrox on -read_fs norock -indev disk -extract / joliet -rollback_end >/dev/null 2>&1 && chmod -R u+rwX joliet && diff -r drive joliet",
        "");
    /* and so do kernels that know no Joliet: by names in capitals, which they write small */
    says("grep -a -o 'META_DATA.JSON;1' disk | sort | uniq -c | tr -d ' '", "10META_DATA.JSON;1\n");
}

static void test_each_version_has_what_it_brought(void **state)
{
    (void)state;
    says("ls drive/openstack/2012-08-10", "meta_data.json\nuser_data\n");
    says("ls drive/openstack/2013-10-17", "meta_data.json\nuser_data\nvendor_data.json\n");
    says("ls drive/openstack/2016-10-06",
         "meta_data.json\nnetwork_data.json\nuser_data\nvendor_data.json\nvendor_data2.json\n");
    says(
        "ls drive/openstack | tr '\\n' ' '",
        "2012-08-10 2013-04-04 2013-10-17 2015-10-15 2016-06-30 2016-10-06 2017-02-22 2018-08-27 2020-10-14 content latest ");
    says("ls drive/ec2/*",
         "drive/ec2/2009-04-04:\nmeta-data.json\nuser-data\n\ndrive/ec2/latest:\nmeta-data.json\nuser-data\n");
    says("cat drive/openstack/latest/vendor_data2.json",
         "{\"static\": {\"cloud-init\": \"#cloud-config\\npackages: []\"}}");
    says("grep -c random_seed drive/openstack/2013-04-04/meta_data.json; true", "0\n");
    says("grep -c project_id drive/openstack/2013-10-17/meta_data.json; true", "0\n");
}

/* What is to be at which path, and what it holds. */
static void test_files(void **state)
{
    (void)state;
    says("ls drive/openstack/content | tr '\\n' ' '", "0000 0001 ");
    says("cat drive/openstack/content/0000", "hello\n");
    says("cat drive/openstack/content/0001", "");
    says("grep -o '\"files\": .*}\\]' drive/openstack/2012-08-10/meta_data.json | grep -o '\"files\": [^]]*]'",
         "\"files\": [{\"path\": \"/etc/motd\", \"content_path\": \"/content/0000\"}, {\"path\": \"/empty\", "
         "\"content_path\": \"/content/0001\"}]\n");
}

static void test_cloud_init_reads_both_alike(void **state)
{
    (void)state;
    if (getenv("KN_TEST_CLOUD_INIT") == NULL) {
        skip();
    }
    AUTO_FREE char *command = kn_asprintf(
        "tests/support/config_drive.py $KN_TEST_CLOUD_INIT %s/drive %s/service >%s/said 2>%s/told || cat %s/told; cat %s/said",
        dir, dir, dir, dir, dir, dir);
    FILE *pipe = popen(command, "r");
    static char said[65536];

    said[fread(said, 1, sizeof(said) - 1, pipe)] = '\0';
    pclose(pipe);
    assert_string_equal(said, "");
    says("grep -c 'ssh-ed25519 AAAA me' told", "1\n");
    says("grep -c '10.1.0.5' told", "1\n");
}

/* Many files and long names: directories of more than a sector, in both trees. */
static void test_large_directories(void **state)
{
    AUTO(kn_agent_iso) struct kn_agent_iso *large = kn_agent_iso_new("config-2", 1700000000);
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf bytes = KN_STRBUF_INIT;

    (void)state;
    for (int i = 0; i < 200; i++) {
        AUTO_FREE char *path = kn_asprintf("openstack/content/%028d", i);
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf body = KN_STRBUF_INIT;

        for (int n = 0; n < i * 37; n++) {
            kn_strbuf_addch(&body, (char)(i + n));
        }
        kn_agent_iso_add(large, path, body.buf, body.len);
        put_file("many", path, &body);
    }
    kn_agent_iso_write(large, &bytes);
    put_file(".", "large", &bytes);
    says(
        "xorriso -abort_on WARNING -osirrox on -read_fs norock -indev large -extract / large.out -rollback_end >/dev/null 2>&1 && chmod -R u+rwX large.out && diff -r many large.out",
        "");
}

int main(void)
{
    kn_test_needs("blkid", "python3", "xorriso");
    if (system("tests/support/ds_identify.sh --fetch build/cloud-init") == 0) {
        setenv("KN_TEST_CLOUD_INIT", "build/cloud-init", 1);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_another_program_reads_the_disk),
        cmocka_unit_test(test_each_version_has_what_it_brought),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_cloud_init_reads_both_alike),
        cmocka_unit_test(test_large_directories),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
