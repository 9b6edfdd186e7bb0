/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change: what a task makes of its object, as a value. Flows fill it, conductor/object_*.c writes it, many at once.
 * Strings are borrowed from the task or static; json_t are references that kn_change_release drops.
 */
#ifndef KN_CONDUCTOR_STORE_CHANGE_H
#define KN_CONDUCTOR_STORE_CHANGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct kn_server_change {
    bool any;
    int64_t generation;     /* 0: keep */
    const char *host;       /* NULL: keep, "": none */
    const char *zone;       /* NULL: keep */
    json_t *nics;           /* NULL: keep */
    const char *vm_state;   /* NULL: keep */
    const char *task_state; /* NULL: keep, "": none */
    int power_state;        /* -1: keep */
    bool launched;          /* launched_at = now, the first time */
    json_t *fault;          /* NULL: keep */
    bool deleted;           /* deleted_at = now, usage given back */
};

struct kn_volume_change {
    bool any;
    const char *volume;
    const char *status;            /* NULL: keep */
    bool deleted;                  /* row and usage go */
    const char *attachment;        /* NULL: none meant */
    const char *attachment_status; /* NULL: keep */
    const char *device;            /* NULL: keep */
    json_t *connection;            /* NULL: keep */
    bool detached;                 /* the attachment's row goes */
};

struct kn_change {
    struct kn_server_change server;
    struct kn_volume_change volume;
};

#define KN_CHANGE_INIT { .server = { .power_state = -1 } }

static inline void kn_change_release(struct kn_change *change)
{
    json_decref(change->server.nics);
    json_decref(change->server.fault);
    json_decref(change->volume.connection);
}

#endif
