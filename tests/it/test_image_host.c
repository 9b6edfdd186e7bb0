/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's cache against a real data door: fetched once and verified, gone on with after a break, refused when it is not what
 * was promised, shared by those who come at once, and bounded without losing what an overlay stands on.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "image/host.h"
#include "image/serve/data_door.h"
#include "lib/adapter/metrics.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"
#include "tests/support/needs.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "tests/support/test.h"

#define MIB (1024 * 1024)

static struct {
    char dir[KN_TEST_DIR];
    char store[96], cache[96], guests[96];
    struct kn_conf conf;
    struct kn_image_url_key key;
    struct kn_image_data_door *door;
} world;

static void shell(const char *command)
{
    AUTO_FREE char *all = kn_asprintf("cd %s && %s", world.dir, command);

    assert_int_equal(system(all), 0);
}

static int open_world(void **state)
{
    struct kn_error err = { 0 };

    (void)state;
    kn_log_init("test", KN_ERROR);
    kn_test_dir(world.dir, "host");
    snprintf(world.store, sizeof(world.store), "%s/store", world.dir);
    snprintf(world.cache, sizeof(world.cache), "%s/cache", world.dir);
    snprintf(world.guests, sizeof(world.guests), "%s/guests", world.dir);
    shell("mkdir -p store guests/s1");
    kn_conf_defaults(&world.conf);
    world.conf.agent_cache_dir = world.cache;
    world.conf.agent_state_dir = world.guests;
    world.conf.image_store_dir = world.store;
    assert_ok(kn_image_url_key_load(world.store, &world.key, &err), &err);
    assert_ok(kn_image_data_door_open("127.0.0.1:0", &world.conf, &world.key, false, &world.door, &err), &err);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    kn_image_data_door_free(world.door);
    shell("rm -rf store cache guests");
    return rmdir(world.dir);
}

/* --- images --------------------------------------------------------------------------------------------------------- */

struct image {
    char sha512[KN_SHA512_HEX];
    int64_t size;
    json_t *spec;
};

static void image_release(struct image *image)
{
    json_decref(image->spec);
}

static void sign(struct image *image, const char *format, int64_t virtual_size, int64_t life_s)
{
    AUTO_FREE char *base = kn_asprintf("http://127.0.0.1:%d", kn_image_data_door_port(world.door));
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf url = KN_STRBUF_INIT;

    kn_image_url_sign(&world.key, base, image->sha512, kn_now_ms() / 1000 + life_s, &url);
    json_decref(image->spec);
    image->spec = json_pack("{s:s, s:s, s:s, s:I, s:s, s:I}", "id", "i", "url", url.buf, "sha512", image->sha512,
                            "size", (json_int_t)image->size, "disk_format", format, "virtual_size",
                            (json_int_t)virtual_size);
}

/* Stores the file dir/name under its digest. */
static struct image store_file(const char *name, const char *format, int64_t virtual_size)
{
    AUTO_FREE char *path = kn_asprintf("%s/%s", world.dir, name);
    AUTO_FREE char *data = NULL;
    struct image image = { "", 0, NULL };
    struct kn_digest *digest = kn_digest_new();
    char md5[KN_MD5_HEX];
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    data = kn_alloc((size_t)st.st_size + 1);
    FILE *f = fopen(path, "rbe");
    assert_non_null(f);
    assert_int_equal(fread(data, 1, (size_t)st.st_size, f), st.st_size);
    fclose(f);
    kn_digest_update(digest, data, (size_t)st.st_size);
    kn_digest_end(digest, image.sha512, md5);
    kn_digest_free(digest);
    image.size = st.st_size;
    AUTO_FREE char *stored = kn_asprintf("%s/%s", world.store, image.sha512);
    assert_int_equal(rename(path, stored), 0);
    sign(&image, format, virtual_size < 0 ? st.st_size : virtual_size, 60);
    return image;
}

/* A raw image of `bytes`, its content from `seed`. */
static struct image store_raw(int seed, int64_t bytes)
{
    AUTO_FREE char *path = kn_asprintf("%s/raw", world.dir);
    FILE *f = fopen(path, "wbe");

    assert_non_null(f);
    for (int64_t i = 0; i < bytes; i++) {
        fputc((int)((i * 7 + seed * 13 + i / 251) & 0xff), f);
    }
    fclose(f);
    return store_file("raw", "raw", -1);
}

static int ensure(const struct image *image, char path[256], struct kn_error *err)
{
    return kn_image_host_ensure(&world.conf, image->spec, NULL, NULL, path, 256, err);
}

static char *cached(const struct image *image, const char *tail)
{
    return kn_asprintf("%s/%s%s", world.cache, image->sha512, tail);
}

static bool is_cached(const struct image *image)
{
    AUTO_FREE char *path = cached(image, "");

    return access(path, F_OK) == 0;
}

/* Answers that the door gave so far. */
static int served(void)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    int count = 0;

    kn_metrics_print(&text);
    for (const char *p = text.buf; (p = strstr(p, "kilonova_image_served_total{")) != NULL; p++) {
        count += atoi(strchr(p, ' ') + 1);
    }
    return count;
}

/* --- tests ---------------------------------------------------------------------------------------------------------- */

static void test_fetched_once(void **state)
{
    (void)state;
    AUTO_RELEASE(image) struct image image = store_raw(1, 3 * MIB + 17);
    AUTO_FREE char *compare = kn_asprintf("cmp store/%s cache/%s", image.sha512, image.sha512);
    struct kn_error err = { 0 };
    char path[256] = "";
    struct stat st;
    const int before = served();

    assert_ok(ensure(&image, path, &err), &err);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0444);
    shell(compare);
    assert_int_equal(served(), before + 1);
    assert_ok(ensure(&image, path, &err), &err);
    assert_int_equal(served(), before + 1);
    AUTO_FREE char *part = cached(&image, ".part");
    assert_int_equal(access(part, F_OK), -1);
}

static void *ensure_in_thread(void *image)
{
    struct kn_error err = { 0 };
    char path[256];

    return ensure(image, path, &err) == 0 ? image : NULL;
}

static void test_many_at_once_fetch_once(void **state)
{
    (void)state;
    AUTO_RELEASE(image) struct image image = store_raw(2, 8 * MIB);
    pthread_t threads[8];
    const int before = served();

    for (size_t i = 0; i < KN_COUNT(threads); i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ensure_in_thread, &image), 0);
    }
    for (size_t i = 0; i < KN_COUNT(threads); i++) {
        void *result = NULL;

        pthread_join(threads[i], &result);
        assert_ptr_equal(result, &image);
    }
    assert_int_equal(served(), before + 1);
}

static void write_part(const struct image *image, const char *command)
{
    AUTO_FREE char *all = kn_asprintf("mkdir -p cache && %s > cache/%s.part", command, image->sha512);

    shell(all);
}

static void test_goes_on_after_a_break(void **state)
{
    (void)state;
    AUTO_RELEASE(image) struct image image = store_raw(3, 2 * MIB);
    AUTO_FREE char *half = kn_asprintf("head -c 1000000 store/%s", image.sha512);
    AUTO_FREE char *whole = kn_asprintf("cat store/%s", image.sha512);
    AUTO_FREE char *more = kn_asprintf("cat store/%s store/%s", image.sha512, image.sha512);
    AUTO_FREE char *drop = kn_asprintf("rm -f cache/%s", image.sha512);
    const char *const parts[] = { half, whole, more };
    struct kn_error err = { 0 };
    char path[256];

    for (size_t i = 0; i < KN_COUNT(parts); i++) {
        write_part(&image, parts[i]);
        assert_ok(ensure(&image, path, &err), &err);
        shell(drop);
    }
}

static void test_wrong_beginning_is_started_over(void **state)
{
    (void)state;
    AUTO_RELEASE(image) struct image image = store_raw(4, 2 * MIB);
    struct kn_error err = { 0 };
    char path[256];

    write_part(&image, "head -c 1000 /dev/zero");
    assert_fails(ensure(&image, path, &err), &err, KN_UNSUPPORTED_MEDIA);
    assert_false(is_cached(&image));
    assert_ok(ensure(&image, path, &err), &err);
}

static void test_corrupted_data_is_refused(void **state)
{
    (void)state;
    AUTO_RELEASE(image) struct image image = store_raw(5, MIB);
    AUTO_FREE char *spoil = kn_asprintf("printf X | dd of=store/%s bs=1 seek=5000 conv=notrunc status=none",
                                        image.sha512);
    AUTO_FREE char *grow = kn_asprintf("printf X >> store/%s", image.sha512);
    AUTO_FREE char *shrink = kn_asprintf("truncate -s 1000 store/%s", image.sha512);
    struct kn_error err = { 0 };
    char path[256] = "untouched";

    shell(spoil);
    assert_fails(ensure(&image, path, &err), &err, KN_UNSUPPORTED_MEDIA);
    assert_false(is_cached(&image));
    shell(grow);
    assert_fails(ensure(&image, path, &err), &err, KN_UNSUPPORTED_MEDIA);
    shell(shrink);
    assert_fails(ensure(&image, path, &err), &err, KN_UNAVAILABLE);
    assert_false(is_cached(&image));
    assert_string_equal(path, "untouched");
}

static void test_what_the_header_says_counts(void **state)
{
    (void)state;
    struct kn_error err = { 0 };
    char path[256];

    shell("qemu-img create -q -f qcow2 q 64M");
    AUTO_RELEASE(image) struct image clean = store_file("q", "qcow2", INT64_C(64) * MIB);
    assert_ok(ensure(&clean, path, &err), &err);

    shell("qemu-img create -q -f qcow2 -u -b /etc/shadow -F raw q 64M");
    AUTO_RELEASE(image) struct image backed = store_file("q", "qcow2", INT64_C(64) * MIB);
    assert_fails(ensure(&backed, path, &err), &err, KN_UNSUPPORTED_MEDIA);
    assert_non_null(strstr(err.message, "backing file"));
    assert_false(is_cached(&backed));

    shell("qemu-img create -q -f qcow2 q 128M");
    AUTO_RELEASE(image) struct image larger = store_file("q", "qcow2", INT64_C(64) * MIB);
    assert_fails(ensure(&larger, path, &err), &err, KN_UNSUPPORTED_MEDIA);
    assert_false(is_cached(&larger));
}

/* What a tool that probes would follow, whatever it was declared as: it is found in the store (somebody put it there past the API's own inspection), and no disk is made of it. */
static void test_hostile_heads_are_refused(void **state)
{
    static const struct {
        const char *make, *format;
    } HOSTILE[] = {
        { "qemu-img create -q -f qcow2 -u -b /etc/shadow -F raw q 1M", "raw" },
        { "rm -f y && qemu-img create -q -f qcow2 -o data_file=y q 1M", "qcow2" },
        { "rm -f y && qemu-img create -q -f qcow2 -o data_file=y q 1M", "raw" },
        { "printf '# Disk DescriptorFile\\nversion=1\\nCID=1\\nparentCID=ffffffff\\ncreateType=\"monolithicFlat\"\\nRW 2048 FLAT "
          "\"/etc/shadow\" 0\\n' > q && truncate -s 1M q",
          "raw" },
        { "printf 'KDMV' > q && truncate -s 1M q", "raw" },
        { "printf 'LUKS\\272\\276\\000\\001' > q && truncate -s 1M q", "raw" },
        { "printf 'QED\\000' > q && truncate -s 1M q", "raw" },
        { "printf 'vhdxfile' > q && truncate -s 1M q", "raw" },
        { "printf 'LUKS\\272\\276\\000\\001' > q && truncate -s 1M q", "qcow2" },
    };

    (void)state;
    for (size_t i = 0; i < KN_COUNT(HOSTILE); i++) {
        struct kn_error err = { 0 };
        char path[256] = "untouched";

        shell(HOSTILE[i].make);
        AUTO_RELEASE(image) struct image image = store_file("q", HOSTILE[i].format, MIB);
        assert_fails(ensure(&image, path, &err), &err, KN_UNSUPPORTED_MEDIA);
        assert_false(is_cached(&image));
        assert_string_equal(path, "untouched");
    }
    shell("rm -f y");
}

static void test_no_url_no_data(void **state)
{
    (void)state;
    AUTO_RELEASE(image) struct image image = store_raw(6, 1000);
    struct kn_error err = { 0 };
    char path[256];

    sign(&image, "raw", 1000, -10);
    assert_fails(ensure(&image, path, &err), &err, KN_UNAVAILABLE);
    assert_null(strstr(err.message, "signature"));
    sign(&image, "raw", 1000, 60);
    json_object_set_new(image.spec, "url", json_string("file:///etc/passwd"));
    assert_fails(ensure(&image, path, &err), &err, KN_UNAVAILABLE);
    json_object_set_new(image.spec, "url", json_string("http://127.0.0.1:1/"));
    assert_fails(ensure(&image, path, &err), &err, KN_UNAVAILABLE);
    json_object_set_new(image.spec, "sha512", json_string("../../../etc/passwd"));
    assert_fails(ensure(&image, path, &err), &err, KN_BAD_REQUEST);
    assert_false(is_cached(&image));
}

/* --- the bound ------------------------------------------------------------------------------------------------------ */

static void age(const struct image *image, int minutes)
{
    AUTO_FREE char *path = cached(image, "");
    const struct timespec times[2] = { { time(NULL) - 60 * minutes, 0 }, { time(NULL) - 60 * minutes, 0 } };

    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Whoever watches ends it: at once when nothing came yet, and in the middle. */
static struct {
    sem_t began, go;
    atomic_int looks;
} watched;

static void await(sem_t *sem)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    assert_int_equal(sem_timedwait(sem, &until), 0);
}

static int end_in_the_middle(void *ctx, int64_t done, int64_t size, struct kn_error *err)
{
    (void)ctx;
    if (done == 0 || done == size) {
        return 0;
    }
    sem_post(&watched.began);
    await(&watched.go);
    return kn_fail(err, KN_CANCELLED, "not wanted any more");
}

static int count_looks(void *ctx, int64_t done, int64_t size, struct kn_error *err)
{
    (void)ctx;
    (void)err;
    assert_in_range(done, 0, size);
    atomic_fetch_add(&watched.looks, 1);
    return 0;
}

static void *ensure_until_cancelled(void *image)
{
    struct kn_error err = { 0 };
    char path[256];

    return kn_image_host_ensure(&world.conf, ((struct image *)image)->spec, end_in_the_middle, NULL, path, sizeof(path),
                                &err) < 0 &&
                   err.code == KN_CANCELLED
               ? image
               : NULL;
}

static void *ensure_looking(void *image)
{
    struct kn_error err = { 0 };
    char path[256];

    return kn_image_host_ensure(&world.conf, ((struct image *)image)->spec, count_looks, NULL, path, sizeof(path),
                                &err) == 0
               ? image
               : NULL;
}

static void test_cancelled_in_the_middle(void **state)
{
    (void)state;
    AUTO_RELEASE(image) struct image image = store_raw(21, 8 * MIB);
    AUTO_FREE char *part = cached(&image, ".part");
    struct kn_error err = { 0 };
    char path[256];

    sem_init(&watched.began, 0, 0);
    sem_init(&watched.go, 0, 1);
    assert_ptr_equal(ensure_until_cancelled(&image), &image);
    assert_int_equal(access(part, F_OK), -1); /* no half file */
    assert_false(is_cached(&image));
    assert_ok(ensure(&image, path, &err), &err);
}

/* One of two that want the same base gives up: what came is the other's. */
static void test_cancelled_while_another_waits(void **state)
{
    (void)state;
    AUTO_RELEASE(image) struct image image = store_raw(22, 8 * MIB);
    AUTO_FREE char *part = cached(&image, ".part");
    pthread_t first, second;
    void *result = NULL;
    struct stat came = { 0 };

    sem_init(&watched.began, 0, 0);
    sem_init(&watched.go, 0, 0);
    atomic_store(&watched.looks, 0);
    assert_int_equal(pthread_create(&first, NULL, ensure_until_cancelled, &image), 0);
    await(&watched.began);
    assert_int_equal(pthread_create(&second, NULL, ensure_looking, &image), 0);
    while (atomic_load(&watched.looks) == 0) { /* it waits, and is asked meanwhile */
        kn_test_pause(1);
    }
    assert_int_equal(stat(part, &came), 0);
    sem_post(&watched.go);
    pthread_join(first, &result);
    assert_ptr_equal(result, &image);
    pthread_join(second, &result);
    assert_ptr_equal(result, &image);
    assert_true(is_cached(&image));
    AUTO_FREE char *whole = cached(&image, "");
    struct stat st;
    assert_int_equal(stat(whole, &st), 0);
    assert_int_equal(st.st_ino, came.st_ino); /* gone on with, not begun anew */
}

static void test_oldest_unused_goes_first(void **state)
{
    (void)state;
    struct image images[5];
    struct kn_error err = { 0 };
    char path[256];

    shell("rm -rf cache/*");
    world.conf.agent_cache_mib = 4;
    for (int i = 0; i < 5; i++) {
        images[i] = store_raw(10 + i, MIB - 4096);
        if (i < 4) {
            assert_ok(ensure(&images[i], path, &err), &err);
            age(&images[i], 60 - i); /* 0 is the oldest */
        }
    }
    AUTO_FREE char *overlay = kn_asprintf("qemu-img create -q -f qcow2 -b %s/%s -F raw guests/s1/disk.qcow2",
                                          world.cache, images[0].sha512);
    shell(overlay);
    assert_ok(ensure(&images[4], path, &err), &err);
    assert_true(is_cached(&images[0])); /* the oldest, but in use */
    assert_false(is_cached(&images[1]));
    assert_true(is_cached(&images[2]));
    assert_true(is_cached(&images[3]));

    age(&images[2], 1); /* young: its overlay may just be in the making */
    assert_ok(ensure(&images[1], path, &err), &err);
    assert_true(is_cached(&images[2]));
    assert_false(is_cached(&images[3]));

    assert_fails(ensure(&images[3], path, &err), &err, KN_UNAVAILABLE); /* all in use or young */
    shell("rm guests/s1/disk.qcow2");
    assert_ok(ensure(&images[3], path, &err), &err);
    assert_false(is_cached(&images[0]));

    AUTO_RELEASE(image) struct image large = store_raw(20, 5 * MIB);
    assert_fails(ensure(&large, path, &err), &err, KN_TOO_LARGE);
    for (int i = 0; i < 5; i++) {
        image_release(&images[i]);
    }
}

int main(void)
{
    kn_test_needs("qemu-img");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fetched_once),
        cmocka_unit_test(test_many_at_once_fetch_once),
        cmocka_unit_test(test_goes_on_after_a_break),
        cmocka_unit_test(test_wrong_beginning_is_started_over),
        cmocka_unit_test(test_corrupted_data_is_refused),
        cmocka_unit_test(test_what_the_header_says_counts),
        cmocka_unit_test(test_hostile_heads_are_refused),
        cmocka_unit_test(test_no_url_no_data),
        cmocka_unit_test(test_cancelled_in_the_middle),
        cmocka_unit_test(test_cancelled_while_another_waits),
        cmocka_unit_test(test_oldest_unused_goes_first),
    };

    return cmocka_run_group_tests(tests, open_world, close_world);
}
