/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanup: every resource releases itself when its scope ends.
 *
 *   AUTO_FREE char *s = ...;  AUTO_CLOSE int fd = ...;  return kn_steal(&s);
 *
 * KN_DEFINE_AUTO(kn_rows) makes kn_rows_auto(), used as AUTO(kn_rows) struct kn_rows *rows = NULL;
 */
#ifndef KN_BASE_CLEANUP_H
#define KN_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void kn_auto_free(void *p)
{
    free(*(void **)p);
}

static inline void kn_auto_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

#define AUTO_FREE __attribute__((cleanup(kn_auto_free)))
#define AUTO_CLOSE __attribute__((cleanup(kn_auto_close)))

/* For `struct NAME *` with `void NAME_free(struct NAME *)` that takes NULL. */
#define KN_DEFINE_AUTO(name) \
    static inline void name##_auto(struct name **p) \
    { \
        if (*p != NULL) { \
            name##_free(*p); \
        } \
    } \
    struct kn_swallow_semicolon
#define AUTO(name) __attribute__((cleanup(name##_auto)))

/* For an embedded `struct NAME` with `void NAME_release(struct NAME *)`. */
#define AUTO_RELEASE(name) __attribute__((cleanup(name##_release)))

#define kn_steal(p) \
    (__extension__({ \
        __typeof__(p) kn_p_ = (p); \
        __typeof__(*p) kn_v_ = *kn_p_; \
        *kn_p_ = NULL; \
        kn_v_; \
    }))

#endif
