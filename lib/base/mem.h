/* SPDX-License-Identifier: Apache-2.0 */
/* mem: allocation that aborts when memory is out, so that no caller pretends to handle it. */
#ifndef KN_BASE_MEM_H
#define KN_BASE_MEM_H

#include <stddef.h>

void *kn_alloc(size_t size);               /* zeroed */
void *kn_realloc_array(void *p, size_t n, size_t size);
char *kn_strdup(const char *s);            /* NULL gives NULL */
char *kn_strndup(const char *s, size_t len); /* at most len bytes of s */
char *kn_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* strlcpy: copies with truncation, always NUL-terminated. */
void kn_copy(char *dst, size_t size, const char *src);

#define KN_NEW(type) ((type *)kn_alloc(sizeof(type)))
#define KN_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
