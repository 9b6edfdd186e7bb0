/* SPDX-License-Identifier: Apache-2.0 */
/* clock: time, only at the edge; pure code takes `now` as a parameter. */
#ifndef KN_BASE_CLOCK_H
#define KN_BASE_CLOCK_H

#include <stdint.h>

int64_t kn_now_ms(void);      /* wall clock, ms since 1970 */
int64_t kn_now_us(void);      /* wall clock, µs since 1970 */
int64_t kn_mono_ms(void);     /* monotonic */
int64_t kn_mono_us(void);
int64_t kn_boot_ms(void);     /* monotonic, counts on while the machine sleeps: for leases */
int64_t kn_worked_ms(void);   /* of processors, by this thread: a busy machine does not count */

#define KN_TIME_SIZE 32
void kn_time_iso(int64_t ms, char out[KN_TIME_SIZE]);        /* 2026-11-21T10:00:00Z */
void kn_time_iso_us(int64_t us, char out[KN_TIME_SIZE]);     /* 2026-11-21T10:00:00.000000  (no Z) */
void kn_time_iso_us_z(int64_t us, char out[KN_TIME_SIZE]);   /* 2026-11-21T10:00:00.000000Z */
/* Reads "2026-11-21", "2026-11-21T10:00:00" (or a blank for the T; minutes, seconds, fraction and Z or ±hh:mm optional). 0 or -1. */
int kn_time_parse(const char *text, int64_t *ret_us);

#endif
