/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unpack: the files of a file system (ext2 to ext4) that somebody made, copied into a directory without the host's kernel ever mounting it. It is a program of its
 * own, run by rootfs.c under limits: what is in such an image may be anything. Nothing is written outside the directory, whatever names and links say.
 */
#ifndef KN_COMPUTE_AGENT_CORE_UNPACK_H
#define KN_COMPUTE_AGENT_CORE_UNPACK_H

#define KN_UNPACK_OPTION "--unpack-root" /* kilonova-agent --unpack-root IMAGE DIRECTORY FIRST_ID */
#define KN_UNPACK_IDS 65536 /* users and groups that a container has */

/* 0, or 1 with the reason on the error output. Owners become FIRST_ID + owner. */
int kn_agent_unpack_main(int argc, char **argv);

#endif
