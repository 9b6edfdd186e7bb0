/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel is asked, not a program: it is said with each heartbeat. */
#include "compute-agent/core/uptime.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <utmpx.h>

void kn_agent_uptime_text(const struct tm *now, long up_s, int users, const double load[3], char *out, size_t size)
{
    const long days = up_s / 86400, hours = up_s / 3600 % 24, minutes = up_s / 60 % 60;
    char day[32] = "", time[32];

    if (days > 0) {
        snprintf(day, sizeof(day), "%ld day%s, ", days, days == 1 ? "" : "s");
    }
    if (hours > 0) {
        snprintf(time, sizeof(time), "%2ld:%02ld", hours, minutes);
    } else {
        snprintf(time, sizeof(time), "%ld min", minutes);
    }
    snprintf(out, size, " %02d:%02d:%02d up %s%s, %2d user%s,  load average: %.2f, %.2f, %.2f", now->tm_hour,
             now->tm_min, now->tm_sec, day, time, users, users == 1 ? "" : "s", load[0], load[1], load[2]);
}

static int logged_in(void)
{
    const struct utmpx *entry;
    int users = 0;

    setutxent();
    while ((entry = getutxent()) != NULL) {
        users += entry->ut_type == USER_PROCESS ? 1 : 0;
    }
    endutxent();
    return users;
}

void kn_agent_uptime(char *out, size_t size)
{
    const time_t now = time(NULL);
    struct sysinfo info;
    struct tm tm;
    double load[3];

    out[0] = '\0';
    if (sysinfo(&info) == 0 && getloadavg(load, 3) == 3 && localtime_r(&now, &tm) != NULL) {
        kn_agent_uptime_text(&tm, info.uptime, logged_in(), load, out, size);
    }
}
