/* SPDX-License-Identifier: Apache-2.0 */
/* dhcp_options.c: one row an option of the two tables of dnsmasq; a number means the same as its name. Numbers without a row may be anything. */
#include "network/rows/ports/dhcp_options.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/ip.h"
#include "lib/base/mem.h"

#define LABEL_MAX 63

enum option_kind {
    OPTION_TEXT,
    OPTION_ADDRESSES, /* of the option's own family */
    OPTION_BYTE,
    OPTION_SHORT,
    OPTION_LONG,
    OPTION_OFFSET, /* signed */
    OPTION_TIME,
    OPTION_NAMES,
    OPTION_ROUTES,
    OPTION_KINDS
};

struct option_row {
    const char *name; /* NULL: it has a number alone */
    int number;
    enum option_kind kind;
};

static const struct option_row ROWS_4[] = {
    { "netmask", 1, OPTION_ADDRESSES },
    { "time-offset", 2, OPTION_OFFSET },
    { "router", 3, OPTION_ADDRESSES },
    { "dns-server", 6, OPTION_ADDRESSES },
    { "log-server", 7, OPTION_ADDRESSES },
    { "lpr-server", 9, OPTION_ADDRESSES },
    { "boot-file-size", 13, OPTION_SHORT },
    { "domain-name", 15, OPTION_TEXT },
    { "swap-server", 16, OPTION_ADDRESSES },
    { "root-path", 17, OPTION_TEXT },
    { "extension-path", 18, OPTION_TEXT },
    { "ip-forward-enable", 19, OPTION_BYTE },
    { "non-local-source-routing", 20, OPTION_BYTE },
    { "policy-filter", 21, OPTION_ADDRESSES },
    { "max-datagram-reassembly", 22, OPTION_SHORT },
    { "default-ttl", 23, OPTION_BYTE },
    { "mtu", 26, OPTION_SHORT },
    { "all-subnets-local", 27, OPTION_BYTE },
    { NULL, 28, OPTION_ADDRESSES },
    { "router-discovery", 31, OPTION_BYTE },
    { "router-solicitation", 32, OPTION_ADDRESSES },
    { "static-route", 33, OPTION_ADDRESSES },
    { "trailer-encapsulation", 34, OPTION_BYTE },
    { "arp-timeout", 35, OPTION_LONG },
    { "ethernet-encap", 36, OPTION_BYTE },
    { "tcp-ttl", 37, OPTION_BYTE },
    { "tcp-keepalive", 38, OPTION_LONG },
    { "nis-domain", 40, OPTION_TEXT },
    { "nis-server", 41, OPTION_ADDRESSES },
    { "ntp-server", 42, OPTION_ADDRESSES },
    { "netbios-ns", 44, OPTION_ADDRESSES },
    { "netbios-dd", 45, OPTION_ADDRESSES },
    { "netbios-nodetype", 46, OPTION_BYTE },
    { "netbios-scope", 47, OPTION_TEXT },
    { "x-windows-fs", 48, OPTION_ADDRESSES },
    { "x-windows-dm", 49, OPTION_ADDRESSES },
    { NULL, 50, OPTION_ADDRESSES },
    { NULL, 51, OPTION_TIME },
    { NULL, 54, OPTION_ADDRESSES },
    { "T1", 58, OPTION_TIME },
    { "T2", 59, OPTION_TIME },
    { "vendor-class", 60, OPTION_TEXT },
    { "nis+-domain", 64, OPTION_TEXT },
    { "nis+-server", 65, OPTION_ADDRESSES },
    { "tftp-server", 66, OPTION_TEXT },
    { "bootfile-name", 67, OPTION_TEXT },
    { "mobile-ip-home", 68, OPTION_ADDRESSES },
    { "smtp-server", 69, OPTION_ADDRESSES },
    { "pop3-server", 70, OPTION_ADDRESSES },
    { "nntp-server", 71, OPTION_ADDRESSES },
    { "irc-server", 74, OPTION_ADDRESSES },
    { "user-class", 77, OPTION_TEXT },
    { "rapid-commit", 80, OPTION_TEXT },
    { "client-arch", 93, OPTION_SHORT },
    { "client-interface-id", 94, OPTION_TEXT },
    { "client-machine-id", 97, OPTION_TEXT },
    { "posix-timezone", 100, OPTION_TEXT },
    { "tzdb-timezone", 101, OPTION_TEXT },
    { "ipv6-only", 108, OPTION_LONG },
    { "domain-search", 119, OPTION_NAMES },
    { "sip-server", 120, OPTION_TEXT }, /* names or addresses */
    { "classless-static-route", 121, OPTION_ROUTES },
    { "vendor-id-encap", 125, OPTION_TEXT },
    { "tftp-server-address", 150, OPTION_ADDRESSES },
    { NULL, 249, OPTION_ROUTES },
    { "server-ip-address", 255, OPTION_ADDRESSES },
};

static const struct option_row ROWS_6[] = {
    { "sip-server-domain", 21, OPTION_NAMES }, { "sip-server", 22, OPTION_ADDRESSES },
    { "dns-server", 23, OPTION_ADDRESSES },    { "domain-search", 24, OPTION_NAMES },
    { "nis-server", 27, OPTION_ADDRESSES },    { "nis+-server", 28, OPTION_ADDRESSES },
    { "nis-domain", 29, OPTION_NAMES },        { "nis+-domain", 30, OPTION_NAMES },
    { "sntp-server", 31, OPTION_ADDRESSES },   { "information-refresh-time", 32, OPTION_TIME },
    { "posix-timezone", 41, OPTION_TEXT },     { "tzdb-timezone", 42, OPTION_TEXT },
    { "ntp-server", 56, OPTION_TEXT },         { "bootfile-url", 59, OPTION_TEXT },
    { "bootfile-param", 60, OPTION_TEXT },
};

/* --- which ---------------------------------------------------------------------------------------------------------- */

static bool option_is_number(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

/* 0: no number that an option can have. */
static int option_number(const char *name, int version)
{
    const long number = option_is_number(name) && strlen(name) <= 5 ? strtol(name, NULL, 10) : 0;

    return number >= 1 && number <= (version == 6 ? 65535 : 254) ? (int)number : 0;
}

static const struct option_row *find_row(const char *name, int version)
{
    const struct option_row *rows = version == 6 ? ROWS_6 : ROWS_4;
    const size_t count = version == 6 ? KN_COUNT(ROWS_6) : KN_COUNT(ROWS_4);
    const int number = option_number(name, version);

    for (size_t i = 0; i < count; i++) {
        if (number != 0 ? rows[i].number == number : rows[i].name != NULL && strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

bool kn_network_dhcp_option_known(const char *name, int version)
{
    return option_number(name, version) != 0 || find_row(name, version) != NULL;
}

/* --- values --------------------------------------------------------------------------------------------------------- */

/* Does each of them, with commas between, pass? None is none. */
static bool each_part(const char *value, bool (*is_fine)(const char *part, int nth, int version), int version,
                      int *ret_count)
{
    AUTO_FREE char *copy = kn_strdup(value);
    char *rest = copy;

    *ret_count = 0;
    for (char *part; (part = strsep(&rest, ",")) != NULL; (*ret_count)++) {
        if (!is_fine(part, *ret_count, version)) {
            return false;
        }
    }
    return *ret_count > 0;
}

/* Of IPv6 in brackets, too. */
static bool option_is_address(const char *part, int nth, int version)
{
    AUTO_FREE char *bare = kn_strdup(part + (version == 6 && part[0] == '['));
    const size_t length = strlen(bare);
    struct kn_ip ip;

    (void)nth;
    if (version == 6 && part[0] == '[') {
        if (length == 0 || bare[length - 1] != ']') {
            return false;
        }
        bare[length - 1] = '\0';
    }
    return kn_ip_parse(bare, &ip) && ip.family == version;
}

static bool is_route_part(const char *part, int nth, int version)
{
    struct kn_ip_prefix prefix;

    return nth % 2 == 1 ? option_is_address(part, nth, version)
                        : kn_ip_prefix_parse(part, &prefix) && prefix.ip.family == 4;
}

static bool option_is_name(const char *part, int nth, int version)
{
    (void)nth;
    (void)version;
    for (const char *at = part;; at++) {
        const size_t length = strcspn(at, ".");

        if (length == 0 || length > LABEL_MAX ||
            strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") < length) {
            return false;
        }
        at += length;
        if (at[0] == '\0' || at[1] == '\0') { /* the last may end in a dot */
            return true;
        }
    }
}

static bool is_within(const char *digits, int64_t most)
{
    return option_is_number(digits) && strtoll(digits, NULL, 10) <= most; /* which stops at its own most */
}

/* Seconds, or a number of minutes, hours, days or weeks. */
static bool option_is_time(const char *value)
{
    AUTO_FREE char *copy = kn_strdup(value);
    const size_t length = strlen(copy);

    if (strcmp(copy, "infinite") == 0) {
        return true;
    }
    if (length > 1 && strchr("smhdwSMHDW", copy[length - 1]) != NULL) {
        copy[length - 1] = '\0';
    }
    return is_within(copy, UINT32_MAX);
}

const char *kn_network_dhcp_option_wrong(const char *name, int version, const char *value)
{
    const struct option_row *row = find_row(name, version);
    int count;

    switch (row != NULL ? row->kind : OPTION_TEXT) {
    case OPTION_ADDRESSES:
        return each_part(value, option_is_address, version, &count) ? NULL
               : version == 6                                       ? "is no list of IPv6 addresses"
                                                                    : "is no list of IPv4 addresses";
    case OPTION_BYTE:
        return is_within(value, UINT8_MAX) ? NULL : "is no number from 0 to 255";
    case OPTION_SHORT:
        return is_within(value, UINT16_MAX) ? NULL : "is no number from 0 to 65535";
    case OPTION_LONG:
        return is_within(value, UINT32_MAX) ? NULL : "is no number from 0 to 4294967295";
    case OPTION_OFFSET:
        return is_within(value + (value[0] == '-'), INT32_MAX) ? NULL : "is no number from -2147483647 to 2147483647";
    case OPTION_TIME:
        return option_is_time(value) ? NULL : "is no number of seconds";
    case OPTION_NAMES:
        return each_part(value, option_is_name, version, &count) ? NULL : "is no list of domain names";
    case OPTION_ROUTES:
        return each_part(value, is_route_part, version, &count) && count % 2 == 0
                   ? NULL
                   : "is no list of destinations, each with its router behind it";
    case OPTION_TEXT:
    case OPTION_KINDS:
        break;
    }
    return NULL;
}
