/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storage_daemon: a qemu-storage-daemon that outlives whoever started it: a disk served over NBD. One a disk, so that a crash hurts one disk, and so that its keys
 * open nothing else. It is found again by its pid file, which it keeps locked for as long as it lives: a number that stands in a file proves nothing.
 *
 * A key is 32 random bytes in hex, known by its identity, a word of letters, digits and dashes. The keys of a server stand in <dir>/keys.psk, and are read at each handshake:
 * one that is added or gone there is so for the next who comes, while those who are in stay in.
 */
#ifndef KN_ADAPTER_STORAGE_DAEMON_H
#define KN_ADAPTER_STORAGE_DAEMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/error.h"

#define KN_STORAGE_KEY_SIZE 65
#define KN_STORAGE_KEYS "keys.psk"

/* What is served. All of it outlives the call alone. */
struct kn_storage_daemon {
    const char *dir; /* of its own: its keys and its pid file; absolute */
    const char *export; /* its name to clients */
    bool is_readonly;
    /* What it is of: a disk here … */
    const char *path;   /* absolute; NULL: it is elsewhere */
    const char *format; /* raw or qcow2 */
    /* … or one that another serves, whose key stands in keys.psk. */
    const char *server;
    int server_port;
    const char *identity;
    /* Where: on a port, with TLS … */
    const char *address;
    int port;
    /* … or on a UNIX socket, in the clear. */
    const char *socket; /* NULL: on the port */
};

/* Whether anything can be told from others by this; a keys file has lines of "identity:key". */
bool kn_storage_identity_valid(const char *identity);
bool kn_storage_key_valid(const char *key);

/* Its command line: a NULL-ended vector, of kn_storage_argv_free(). For kn_storage_start() and tests. */
char **kn_storage_argv(const struct kn_storage_daemon *daemon);
void kn_storage_argv_free(char **argv);

/* Serves when this returns. One that runs already goes on as it is. What it cannot do stands in err, in QEMU's words. */
int kn_storage_start(const struct kn_storage_daemon *daemon, struct kn_error *err);
/* A descriptor that is readable when the daemon of this directory ends; -1: none lives. */
int kn_storage_find(const char *dir);
/* Ends it, and waits until it is gone: by asking first, by force after some seconds. KN_TIMEOUT: not even so. */
int kn_storage_end(const char *dir, struct kn_error *err);

#endif
