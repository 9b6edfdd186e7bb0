/* SPDX-License-Identifier: Apache-2.0 */
/* http_files: names are held against a short alphabet before the file system sees them, so no path leads out. A page's address holds a secret: nobody is told it as a referrer. */
#include "lib/adapter/http_files.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define PATH_LONGEST 512

static const char *const TYPES[][2] = {
    { ".html", "text/html; charset=utf-8" },
    { ".js", "text/javascript" },
    { ".mjs", "text/javascript" },
    { ".css", "text/css" },
    { ".json", "application/json" },
    { ".svg", "image/svg+xml" },
    { ".png", "image/png" },
    { ".ico", "image/x-icon" },
    { ".woff", "font/woff" },
    { ".woff2", "font/woff2" },
    { ".ttf", "font/ttf" },
    { ".oga", "audio/ogg" },
    { ".mp3", "audio/mpeg" },
};

int kn_http_files_open(const char *directory)
{
    return directory[0] == '\0' ? -1 : open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool kn_http_file_name_fits(const char *url)
{
    static const char NAME[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

    if (strlen(url) > PATH_LONGEST) {
        return false;
    }
    do {
        if (*url != '/' || url[1] == '.' || strspn(url + 1, NAME) == 0) {
            return false;
        }
        url += 1 + strspn(url + 1, NAME);
    } while (*url != '\0');
    return true;
}

static const char *file_type_of(const char *name)
{
    const char *dot = strrchr(name, '.');

    for (size_t i = 0; dot != NULL && i < KN_COUNT(TYPES); i++) {
        if (strcmp(TYPES[i][0], dot) == 0) {
            return TYPES[i][1];
        }
    }
    return "application/octet-stream";
}

struct MHD_Response *kn_http_file(int directory, const char *url)
{
    struct stat st = { 0 };

    if (directory < 0 || !kn_http_file_name_fits(url)) {
        return NULL;
    }
    AUTO_CLOSE int fd = openat(directory, url + 1, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        return NULL;
    }
    struct MHD_Response *res = MHD_create_response_from_fd64((uint64_t)st.st_size, fd);

    fd = -1; /* libmicrohttpd's now */
    MHD_add_response_header(res, "Content-Type", file_type_of(url));
    MHD_add_response_header(res, "Cache-Control", "no-cache");
    MHD_add_response_header(res, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(res, "Referrer-Policy", "no-referrer");
    return res;
}
