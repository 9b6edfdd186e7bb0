/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the reading of clocks and the texts of time. Calendar arithmetic is its own (proleptic Gregorian, UTC, no leap seconds), so
 * that no locale or time zone of the machine can change what an API answers. It must never sleep.
 */
#include "lib/base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define US_PER_S INT64_C(1000000)
#define US_PER_DAY (86400 * US_PER_S)

static int64_t read_us(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000;
}

int64_t kn_now_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

int64_t kn_now_us(void)
{
    return read_us(CLOCK_REALTIME);
}

int64_t kn_mono_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t kn_worked_ms(void)
{
    return read_us(CLOCK_THREAD_CPUTIME_ID) / 1000;
}

int64_t kn_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t kn_boot_ms(void)
{
    return read_us(CLOCK_BOOTTIME) / 1000;
}

struct civil {
    int year, month, day, hour, minute, second;
    int us;
};

/* Days since 1970-01-01; the year starts in March, so that the leap day is its last. */
static int64_t clock_days_of(int year, int month, int day)
{
    int64_t y = year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct civil civil_of(int64_t us)
{
    int64_t days = us / US_PER_DAY - (us % US_PER_DAY < 0);
    int64_t rest = us - days * US_PER_DAY;
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t of_era = z - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    int month = (int)(m + (m < 10 ? 3 : -9));
    int64_t second = rest / US_PER_S;
    return (struct civil){
        .year = (int)(y + era * 400 + (month <= 2)),
        .month = month,
        .day = (int)(of_year - (153 * m + 2) / 5 + 1),
        .hour = (int)(second / 3600),
        .minute = (int)(second / 60 % 60),
        .second = (int)(second % 60),
        .us = (int)(rest % US_PER_S),
    };
}

void kn_time_iso(int64_t ms, char out[KN_TIME_SIZE])
{
    struct civil c = civil_of(ms * 1000);
    snprintf(out, KN_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02dZ", c.year, c.month, c.day, c.hour, c.minute, c.second);
}

void kn_time_iso_us(int64_t us, char out[KN_TIME_SIZE])
{
    struct civil c = civil_of(us);
    snprintf(out, KN_TIME_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%06d", c.year, c.month, c.day, c.hour, c.minute,
             c.second, c.us);
}

void kn_time_iso_us_z(int64_t us, char out[KN_TIME_SIZE])
{
    kn_time_iso_us(us, out);
    size_t len = strlen(out);
    if (len + 1 < KN_TIME_SIZE) {
        memcpy(out + len, "Z", 2);
    }
}

/* Reads exactly n digits into *ret and moves on; false if they are not there. */
static bool take_digits(const char **at, int n, int *ret)
{
    int value = 0;
    for (int i = 0; i < n; i++, (*at)++) {
        if (**at < '0' || **at > '9') {
            return false;
        }
        value = value * 10 + (**at - '0');
    }
    *ret = value;
    return true;
}

static bool take_char(const char **at, char c)
{
    if (**at != c) {
        return false;
    }
    (*at)++;
    return true;
}

/* ".1234567": the first six digits count, the rest is dropped. */
static bool take_fraction(const char **at, int *ret_us)
{
    if (!take_char(at, '.')) {
        return true;
    }
    int scale = 100000;
    const char *start = *at;
    for (; **at >= '0' && **at <= '9'; (*at)++, scale /= 10) {
        *ret_us += (**at - '0') * scale;
    }
    return *at > start;
}

static bool take_zone(const char **at, int *ret_minutes)
{
    if (**at == '\0' || take_char(at, 'Z')) {
        return true;
    }
    int sign = **at == '-' ? -1 : 1;
    int hours, minutes;
    if (!take_char(at, '+') && !take_char(at, '-')) {
        return false;
    }
    if (!take_digits(at, 2, &hours)) {
        return false;
    }
    take_char(at, ':');
    if (!take_digits(at, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

static bool clock_is_real(const struct civil *c)
{
    static const int DAYS[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = c->year % 4 == 0 && (c->year % 100 != 0 || c->year % 400 == 0);
    return c->year >= 1 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= DAYS[c->month - 1] + (leap && c->month == 2) && c->hour < 24 && c->minute < 60 && c->second < 60;
}

/* "10", "10:11", "10:11:12.5": what is left out is zero, as ISO 8601 has it. */
static bool clock_take_time(const char **at, struct civil *c)
{
    if (!take_digits(at, 2, &c->hour)) {
        return false;
    }
    if (!take_char(at, ':')) {
        return true;
    }
    if (!take_digits(at, 2, &c->minute)) {
        return false;
    }
    return !take_char(at, ':') || (take_digits(at, 2, &c->second) && take_fraction(at, &c->us));
}

int kn_time_parse(const char *text, int64_t *ret_us)
{
    struct civil c = { 0 };
    int zone = 0;
    const char *at = text;
    bool ok = take_digits(&at, 4, &c.year) && take_char(&at, '-') && take_digits(&at, 2, &c.month) &&
              take_char(&at, '-') && take_digits(&at, 2, &c.day);
    if (ok && (take_char(&at, 'T') || take_char(&at, ' '))) {
        ok = clock_take_time(&at, &c) && take_zone(&at, &zone);
    }
    if (!ok || *at != '\0' || !clock_is_real(&c)) {
        return -1;
    }
    int64_t seconds = c.hour * 3600 + (c.minute - zone) * 60 + c.second;
    *ret_us = clock_days_of(c.year, c.month, c.day) * US_PER_DAY + seconds * US_PER_S + c.us;
    return 0;
}
