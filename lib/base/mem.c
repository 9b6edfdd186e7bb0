/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the decision that running out of memory ends the process: nothing above this file sees a NULL from an allocation.
 * It must never be used for sizes that come from outside without a limit; those are checked where they enter.
 */
#include "lib/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *mem_must(void *p)
{
    if (p == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return p;
}

void *kn_alloc(size_t size)
{
    return mem_must(calloc(1, size > 0 ? size : 1));
}

void *kn_realloc_array(void *p, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size) {
        mem_must(NULL);
    }
    size_t bytes = n * size;
    return mem_must(realloc(p, bytes > 0 ? bytes : 1));
}

char *kn_strdup(const char *s)
{
    return s == NULL ? NULL : mem_must(strdup(s));
}

char *kn_strndup(const char *s, size_t len)
{
    return mem_must(strndup(s, len));
}

char *kn_asprintf(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int n = vasprintf(&text, fmt, args);
    va_end(args);
    return mem_must(n < 0 ? NULL : text);
}

void kn_copy(char *dst, size_t size, const char *src)
{
    if (size == 0) {
        return;
    }
    size_t len = strnlen(src, size - 1);
    while (len > 0 && ((unsigned char)src[len] & 0xC0) == 0x80) {
        len--; /* what is cut off begins within a character */
    }
    memcpy(dst, src, len);
    dst[len] = '\0';
}
