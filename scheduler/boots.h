/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boots: which life of an agent is heard. Two agents with one id (a cloned machine) both read the id's commands and both obey them. A restart looks the
 * same at first: a new boot. But then the old one is dead and says nothing more; an old one that speaks again is a second agent, and the newer is refused.
 */
#ifndef KN_SCHEDULER_BOOTS_H
#define KN_SCHEDULER_BOOTS_H

#include <stdint.h>

#include "lib/base/uuid.h"

struct kn_scheduler_boots {
    char living[64];  /* "": none was heard yet */
    char before[64];  /* the one that it followed */
    char refused[64]; /* started beside one that lives */
    int64_t since_ms; /* when living took over */
};

enum kn_scheduler_boot_verdict {
    KN_BOOT_KNOWN,   /* the living one */
    KN_BOOT_NEW,     /* a start; it is the living one from now on */
    KN_BOOT_LATE,    /* of the one before, sent before it ended: pass over */
    KN_BOOT_TWO,     /* the one before lives: it is the living one again, `refused` is to stop */
    KN_BOOT_REFUSED, /* the refused one still speaks: tell it again */
};

/* Somebody with this boot spoke. Pure but for *boots. */
enum kn_scheduler_boot_verdict kn_scheduler_boots_heard(struct kn_scheduler_boots *boots, const char *boot,
                                                        int64_t now_ms);

#endif
