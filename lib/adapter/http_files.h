/* SPDX-License-Identifier: Apache-2.0 */
/* http_files: the files of a directory as answers, for http_upgrade.c. Nothing outside of the directory, nothing hidden, nothing but regular files. */
#ifndef KN_ADAPTER_HTTP_FILES_H
#define KN_ADAPTER_HTTP_FILES_H

#include <stdbool.h>

struct MHD_Response;

/* A descriptor of the directory, for kn_http_file(); -1: there is none, and nothing is found. */
int kn_http_files_open(const char *directory);
/* NULL: there is no such file. url: the path, decoded. */
struct MHD_Response *kn_http_file(int directory, const char *url);
/* Pure: whether a path may be looked up: "/a/b.js", of names that do not begin with a dot. */
bool kn_http_file_name_fits(const char *url);

#endif
