/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack: the files of a file system (ext2 to ext4) that somebody made, copied into a directory without the host's kernel ever mounting it. It is a program of its
 * own, run by rootfs.c under limits: what is in such an image may be anything. Nothing is written outside the directory, whatever names and links say, and whoever finds a
 * hole in the reader is in a jail (jail.h) with that directory and the rights of the container's own root.
 */
#ifndef KN_COMPUTE_AGENT_CORE_UNPACK_H
#define KN_COMPUTE_AGENT_CORE_UNPACK_H

#include <stdint.h>

#define KN_UNPACK_OPTION "--unpack-root" /* kilonova-agent --unpack-root IMAGE DIRECTORY FIRST_ID */
#define KN_UNPACK_IDS 65536 /* users and groups that a container has */

/* What an image may ask of us, beside what the file system of the directory has room for. */
struct kn_agent_unpack_most {
    int64_t bytes; /* of files, holes too */
    int64_t names; /* in its directories, what is left out too */
};

/* 0, or 1 with the reason on the error output. Owners become FIRST_ID + owner. */
int kn_agent_unpack_main(int argc, char **argv);
/* The work itself, without a jail: from a file that is open (taken) into an open directory. -1: the error output says why. */
int kn_agent_unpack_tree(int image, int directory, const struct kn_agent_unpack_most *most);

#endif
