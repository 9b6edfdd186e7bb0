/* SPDX-License-Identifier: Apache-2.0 */
/* The digesting thread: sleeps until the writer is ahead of it, reads what is new, and says so when it cannot. */
#include "image/data/follower.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"

#define BUFFER_BYTES ((size_t)256 << 10)

enum goal { GO_ON, FINISH, STOP };

struct kn_image_follower {
    pthread_t thread;           /* the writer's */
    bool is_running;            /* the writer's */
    int fd;                     /* immutable */
    struct kn_digest *digest;   /* the thread's while it runs */
    int failure;                /* errno; the thread's while it runs */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int64_t written;            /* guarded by lock */
    enum goal goal;             /* guarded by lock */
};

/* How far the thread may read beyond `at`; 0 = no further, ever. */
static int64_t wait_for_more(struct kn_image_follower *f, int64_t at)
{
    pthread_mutex_lock(&f->lock);
    while (f->written == at && f->goal == GO_ON) {
        pthread_cond_wait(&f->wake, &f->lock);
    }
    const int64_t more = f->goal == STOP ? 0 : f->written - at;
    pthread_mutex_unlock(&f->lock);
    return more;
}

static void *follower_follow(void *arg)
{
    struct kn_image_follower *f = arg;
    uint8_t *buffer = kn_alloc(BUFFER_BYTES);
    int64_t at = 0;

    for (int64_t more; (more = wait_for_more(f, at)) > 0;) {
        const size_t want = more < (int64_t)BUFFER_BYTES ? (size_t)more : BUFFER_BYTES;
        const ssize_t n = pread(f->fd, buffer, want, at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            f->failure = n < 0 ? errno : EIO;
            break;
        }
        kn_digest_update(f->digest, buffer, (size_t)n);
        at += n;
    }
    free(buffer);
    return NULL;
}

struct kn_image_follower *kn_image_follower_new(int fd)
{
    struct kn_image_follower *f = KN_NEW(struct kn_image_follower);

    f->fd = fd;
    f->digest = kn_digest_new();
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->wake, NULL);
    f->failure = pthread_create(&f->thread, NULL, follower_follow, f);
    f->is_running = f->failure == 0;
    return f;
}

static void follower_tell(struct kn_image_follower *f, int64_t written, enum goal goal)
{
    pthread_mutex_lock(&f->lock);
    f->written = written;
    f->goal = goal;
    pthread_cond_signal(&f->wake);
    pthread_mutex_unlock(&f->lock);
}

void kn_image_follower_advance(struct kn_image_follower *f, int64_t size)
{
    follower_tell(f, size, GO_ON);
}

static void join(struct kn_image_follower *f, enum goal goal)
{
    if (f->is_running) {
        follower_tell(f, f->written, goal); /* only this thread writes it */
        pthread_join(f->thread, NULL);
        f->is_running = false;
    }
}

int kn_image_follower_end(struct kn_image_follower *f, char sha512[KN_SHA512_HEX], char md5[KN_MD5_HEX],
                          struct kn_error *err)
{
    join(f, FINISH);
    if (f->failure != 0) {
        return kn_fail(err, KN_INTERNAL, "cannot read back what was written: %s", strerror(f->failure));
    }
    kn_digest_end(f->digest, sha512, md5);
    return 0;
}

void kn_image_follower_free(struct kn_image_follower *f)
{
    if (f == NULL) {
        return;
    }
    join(f, STOP);
    pthread_cond_destroy(&f->wake);
    pthread_mutex_destroy(&f->lock);
    kn_digest_free(f->digest);
    free(f);
}
