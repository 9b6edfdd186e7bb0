/* SPDX-License-Identifier: Apache-2.0 */
/* sim/disks: a simulated guest's volumes and taps as the texts its journal line holds. Pure. */
#ifndef KN_COMPUTE_AGENT_SIM_DISKS_H
#define KN_COMPUTE_AGENT_SIM_DISKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "compute-agent/core/driver.h"

/* Heap texts, NULL when empty: "tap1,tap2" and "volume=vdb,volume=vdc" out of a spec. */
char *kn_agent_sim_taps_of(const json_t *spec);
char *kn_agent_sim_disks_of(const json_t *spec);

/* disks may be NULL (none). */
bool kn_agent_sim_disks_find(const char *disks, const char *volume, char ret_device[KN_DEVICE_SIZE]);
uint32_t kn_agent_sim_disks_used(const char *disks); /* a bit for each device index */
char *kn_agent_sim_disks_with(const char *disks, const char *volume, const char *device);
char *kn_agent_sim_disks_without(const char *disks, const char *volume); /* NULL when none is left */
/* With `to` in the place of volume, whose device is *ret_device; NULL: that is not there. */
char *kn_agent_sim_disks_swapped(const char *disks, const char *volume, const char *to,
                                 char ret_device[KN_DEVICE_SIZE]);
json_t *kn_agent_sim_disks_volumes(const char *disks);                   /* [uuid, …] */
json_t *kn_agent_sim_words(const char *words);                           /* "a,b" -> ["a","b"] */
/* The list with this word, once, and without it; NULL when nothing is left. words may be NULL (none). */
char *kn_agent_sim_words_with(const char *words, const char *word);
char *kn_agent_sim_words_without(const char *words, const char *word);

#endif
