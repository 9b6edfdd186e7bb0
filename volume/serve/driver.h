/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver: what a volume back end does. A row of functions a back end; every one is an ensure: done twice is done once. They know
 * disks, not rows: the service asks the database. They are called from any thread, for one volume by one at a time in this process; another process that
 * works for the same service, or has not noticed yet that it does not any more, is kept out by the driver's own lock of a volume.
 */
#ifndef KN_VOLUME_SERVE_DRIVER_H
#define KN_VOLUME_SERVE_DRIVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/adapter/conf.h"
#include "lib/base/error.h"

/* Who watches a call; its functions get ctx and end the call with their own error. */
struct kn_volume_watch {
    /* At safe points, and now and then while something is waited for: so many of so many bytes are there; -1: nobody knows. */
    int (*look)(void *ctx, int64_t done, int64_t size, struct kn_error *err);
    /* Once, when the disk is nobody else's and nothing has changed yet: is this still to be done? */
    int (*wanted)(void *ctx, struct kn_error *err);
    void *ctx;
};

/* Who fills a new disk. */
struct kn_volume_filling {
    /* Writes the disk's bytes, raw, into an empty file, and has seen that they are there before it returns; what is not written is zeros. */
    int (*fill)(void *ctx, int fd, const struct kn_volume_watch *watch, struct kn_error *err);
    void *ctx;
};

/*
 * What a disk is made from: one of these, or none of them: then it is empty. Nobody writes it meanwhile; it may be taken away. Its format is never guessed: of an image it is what was found when
 * the image was inspected, of a volume or a snapshot what its row has.
 */
struct kn_volume_origin {
    const char *volume;
    const char *snapshot;
    const char *image; /* a verified file, read-only */
    const struct kn_volume_filling *filling; /* raw, whatever format says */
    const char *format; /* raw, qcow2 or luks */
    /* What the new disk is encrypted with if it is to be luks, and by how many bits of AES; NULL: it is not. */
    const char *key;
    int bits;
};

#define KN_VOLUME_LUKS "luks" /* a disk's format: a raw one, encrypted behind its header (lib/adapter/luks.h) */

/* Who is connected. */
struct kn_volume_user {
    const char *server;
    const char *host; /* "": the server is on none yet */
    const char *format; /* of the disk */
    bool is_readonly; /* may only read it */
};

/* watch may be NULL everywhere. format: of the volume's disk, as its row has it; the settings say nothing about a disk that is there. */
struct kn_volume_driver {
    const char *name;
    /* Before anything else, once. */
    int (*start)(const struct kn_conf *conf, struct kn_error *err);
    /* What a disk that is made now will have; it is written into its row before the disk is made. */
    const char *(*format)(const struct kn_conf *conf);
    /*
     * For disks from before rows had a format: may this one, a volume's or a snapshot's, be of that format? KN_CONFLICT: its first bytes say that it is not; they prove nothing more, for a guest
     * may have written them. KN_NOT_FOUND: there is no disk.
     */
    int (*may_be)(const struct kn_conf *conf, bool is_snapshot, const char *id, const char *format,
                  struct kn_error *err);
    /* A disk of that size; one that is there stays as it is. What the watch ends leaves nothing. */
    int (*create)(const struct kn_conf *conf, const char *volume, const char *format, int64_t size_gib,
                  const struct kn_volume_origin *origin, const struct kn_volume_watch *watch, struct kn_error *err);
    /*
     * The same in the place of the disk that is there: it is the old one until all of the new one is. is_held: a server has it and is off; what it reaches the disk by then leads to the new one.
     */
    int (*overwrite)(const struct kn_conf *conf, const char *volume, const char *format, int64_t size_gib, bool is_held,
                     const struct kn_volume_origin *origin, const struct kn_volume_watch *watch, struct kn_error *err);
    /* At least that large from now on; what is new is zeros, of an encrypted one noise. */
    int (*extend)(const struct kn_conf *conf, const char *volume, const char *format, int64_t size_gib,
                  const struct kn_volume_watch *watch, struct kn_error *err);
    int (*remove)(const struct kn_conf *conf, const char *volume, const struct kn_volume_watch *watch,
                  struct kn_error *err);
    /* The disk stays as it is, under a name that says that it is nobody's: unmanaged-volume-<id>.<format>. None of that name is written over. One that is not there is let go. */
    int (*release)(const struct kn_conf *conf, const char *volume, const char *format,
                   const struct kn_volume_watch *watch, struct kn_error *err);
    /* The volume as it is now, in its format; one that is there stays as it is. It needs its volume no more, nor does what is made from it need it. */
    int (*snapshot)(const struct kn_conf *conf, const char *snapshot, const char *volume,
                    const struct kn_volume_watch *watch, struct kn_error *err);
    /*
     * The same of a volume that a guest writes, in two steps, where the driver can: *ret_path (heap): a file that its host makes and fills, which is not there yet; and that file is the snapshot from now on.
     * NULL, both: it cannot.
     */
    int (*open_snapshot)(const struct kn_conf *conf, const char *snapshot, const struct kn_volume_watch *watch,
                         char **ret_path, struct kn_error *err);
    int (*adopt_snapshot)(const struct kn_conf *conf, const char *snapshot, const struct kn_volume_watch *watch,
                          struct kn_error *err);
    int (*remove_snapshot)(const struct kn_conf *conf, const char *snapshot, const struct kn_volume_watch *watch,
                           struct kn_error *err);
    /* *ret_path (heap): a file that holds the whole disk, a volume's or a snapshot's, in the format `as`, for the time being; end_export() drops what was made for it. */
    int (*export)(const struct kn_conf *conf, bool is_snapshot, const char *id, const char *format, const char *as,
                  const struct kn_volume_watch *watch, char **ret_path, struct kn_error *err);
    void (*end_export)(const struct kn_conf *conf, bool is_snapshot, const char *id);
    /* *ret_connection: what the host needs to plug it in (kn_form_connection, lib/domain/form.h), a secret perhaps: it is written into no log; the caller drops it. */
    int (*connect)(const struct kn_conf *conf, const char *volume, const struct kn_volume_user *user,
                   json_t **ret_connection, struct kn_error *err);
    /* host: what was connected from there, and from nowhere else; "": from wherever that server was. */
    int (*disconnect)(const struct kn_conf *conf, const char *volume, const char *server, const char *host,
                      struct kn_error *err);
    /* How much may be promised in all. */
    int64_t (*capacity_gib)(const struct kn_conf *conf);
};

extern const struct kn_volume_driver kn_volume_driver_file;
extern const struct kn_volume_driver
    kn_volume_driver_nbd; /* its disks are those of the file driver; how hosts reach them is its own */

/* Do all words of this list, parted by commas, name a driver, and is there one at all? */
bool kn_volume_drivers_known(const char *list);
/* By its name: one of volume.driver, volume.backend. NULL: there is none. */
const struct kn_volume_driver *kn_volume_driver_find(const char *name);
/* All of them, ended by NULL. */
extern const struct kn_volume_driver *const kn_volume_drivers[];

#endif
