/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of names and of what each may say. A name may have digits in it ('#'), a group behind its namespace ('?'), capitals ('@') or anything ('*') at its end.
 * Whether a host can do what a spec asks is machine.c's question, when a server is made.
 */
#include "compute/rows/extra_specs.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/adapter/regex.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"

#define ANY INT64_MIN

enum spec_kind { SPEC_TEXT, SPEC_BOOL, SPEC_INT, SPEC_WORD, SPEC_FORM };

struct spec_rule {
    const char *name;
    enum spec_kind kind;
    int64_t least, most; /* of a SPEC_INT */
    const char *says; /* of a SPEC_WORD: its words, ", " between them; of a SPEC_FORM: its pattern */
};

#define TEXT(name) \
    { \
        name, SPEC_TEXT, ANY, ANY, NULL \
    }
#define BOOLEAN(name) \
    { \
        name, SPEC_BOOL, ANY, ANY, NULL \
    }
#define NUMBER(name, least) \
    { \
        name, SPEC_INT, least, ANY, NULL \
    }
#define WORD(name, words) \
    { \
        name, SPEC_WORD, ANY, ANY, words \
    }
#define FORM(name, pattern) \
    { \
        name, SPEC_FORM, ANY, ANY, pattern \
    }
#define MASK "\\^?\\d+((-\\d+)?(,\\^?\\d+(-\\d+)?)?)*"

static const struct spec_rule RULES[] = {
    BOOLEAN("hw:cpu_realtime"),
    FORM("hw:cpu_realtime_mask", "(\\^)?\\d+((-\\d+)?(,\\^?\\d+(-\\d+)?)?)*"),
    BOOLEAN("hw:hide_hypervisor_id"),
    WORD("hw:cpu_policy", "dedicated, shared, mixed"),
    WORD("hw:cpu_thread_policy", "prefer, isolate, require"),
    WORD("hw:emulator_threads_policy", "isolate, share"),
    FORM("hw:cpu_dedicated_mask", MASK),
    FORM("hw:mem_page_size", "(large|small|any|\\d+([kKMGT]i?)?(b|bit|B)?)"),
    BOOLEAN("hw:locked_memory"),
    NUMBER("hw:numa_nodes", 1),
    FORM("hw:numa_cpus.#", MASK),
    NUMBER("hw:numa_mem.#", 1),
    WORD("hw:pci_numa_affinity_policy", "required, preferred, legacy, socket"),
    NUMBER("hw:cpu_sockets", 1),
    NUMBER("hw:cpu_cores", 1),
    NUMBER("hw:cpu_threads", 1),
    NUMBER("hw:cpu_max_sockets", 1),
    NUMBER("hw:cpu_max_cores", 1),
    NUMBER("hw:cpu_max_threads", 1),
    BOOLEAN("hw:boot_menu"),
    BOOLEAN("hw:vif_multiqueue_enabled"),
    BOOLEAN("hw:mem_encryption"),
    WORD("hw:mem_encryption_model", "amd-sev, amd-sev-es, amd-sev-snp, intel-tdx"),
    FORM("hw:pmem", "([a-zA-Z0-9_]+(,)?)+"),
    BOOLEAN("hw:pmu"),
    NUMBER("hw:serial_port_count", 0),
    WORD("hw:tpm_model", "tpm-tis, tpm-crb"),
    WORD("hw:tpm_version", "1.2, 2.0"),
    WORD("hw:tpm_secret_security", "user, host, deployment"),
    WORD("hw:watchdog_action", "none, pause, poweroff, reset, disabled"),
    WORD("hw:viommu_model", "intel, smmuv3, virtio, auto"),
    BOOLEAN("hw:virtio_packed_ring"),
    WORD("hw:sound_model", "sb16, es1370, pcspk, ac97, ich6, ich9, usb, virtio"),
    WORD("hw:usb_model", "none, nec-xhci, qemu-xhci"),
    { "hw:redirected_usb_ports", SPEC_INT, 0, 15, NULL },
    BOOLEAN("hw:ephemeral_encryption"),
    WORD("hw:ephemeral_encryption_format", "plain, luks, luksv2"),
    BOOLEAN("hw_rng:allowed"),
    NUMBER("hw_rng:rate_bytes", 0),
    NUMBER("hw_rng:rate_period", 0),
    NUMBER("hw_video:ram_max_mb", 0),
    BOOLEAN("hide_hypervisor_id"),
    WORD("group_policy", "isolate, none"),
    WORD("os:secure_boot", "disabled, required"),
    FORM("pci_passthrough:alias", "[^:]+:\\d+(?:\\s*,\\s*[^:]+:\\d+)*"),
    TEXT("accel:device_profile"),
    TEXT("vmware:hw_version"),
    TEXT("vmware:storage_policy"),
    NUMBER("quota:cpu_shares", 0),
    NUMBER("quota:cpu_period", 0),
    NUMBER("quota:cpu_quota", 0),
    NUMBER("quota:disk_read_bytes_sec", 0),
    NUMBER("quota:disk_write_bytes_sec", 0),
    NUMBER("quota:disk_total_bytes_sec", 0),
    NUMBER("quota:disk_read_iops_sec", 0),
    NUMBER("quota:disk_write_iops_sec", 0),
    NUMBER("quota:disk_total_iops_sec", 0),
    NUMBER("quota:vif_inbound_average", 0),
    NUMBER("quota:vif_inbound_peak", 0),
    NUMBER("quota:vif_inbound_burst", 0),
    NUMBER("quota:vif_outbound_average", 0),
    NUMBER("quota:vif_outbound_peak", 0),
    NUMBER("quota:vif_outbound_burst", 0),
    NUMBER("quota:cpu_limit", ANY),
    NUMBER("quota:cpu_reservation", ANY),
    TEXT("quota:cpu_shares_level"),
    NUMBER("quota:cpu_shares_share", ANY),
    NUMBER("quota:memory_limit", ANY),
    NUMBER("quota:memory_reservation", ANY),
    TEXT("quota:memory_shares_level"),
    NUMBER("quota:memory_shares_share", ANY),
    NUMBER("quota:disk_io_limit", ANY),
    NUMBER("quota:disk_io_reservation", ANY),
    TEXT("quota:disk_io_shares_level"),
    NUMBER("quota:disk_io_shares_share", ANY),
    NUMBER("quota:vif_limit", ANY),
    NUMBER("quota:vif_reservation", ANY),
    TEXT("quota:vif_shares_level"),
    NUMBER("quota:vif_shares_share", ANY),
    TEXT("aggregate_instance_extra_specs:*"),
    TEXT("capabilities:*"),
    NUMBER("resources?:@", ANY),
    WORD("trait?:@", "required, forbidden"),
};

/* --- names -------------------------------------------------------------------------------------------------------------- */

static size_t spec_span(const char *text, bool (*is_in)(int c))
{
    size_t len = 0;

    while (text[len] != '\0' && is_in((unsigned char)text[len])) {
        len++;
    }
    return len;
}

static bool spec_is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool spec_is_group(int c)
{
    return isalnum(c) || c == '_' || c == '-';
}

static bool spec_is_capital(int c)
{
    return (c >= 'A' && c <= 'Z') || spec_is_digit(c) || c == '_';
}

static bool spec_matches(const char *rule, const char *name)
{
    for (; *rule != '\0'; rule++) {
        size_t len = 1;

        if (*rule == '*') {
            return name[0] != '\0';
        }
        if (*rule == '#' || *rule == '@') {
            len = spec_span(name, *rule == '#' ? spec_is_digit : spec_is_capital);
            if (len == 0) {
                return false;
            }
        } else if (*rule == '?') {
            len = spec_span(name, spec_is_group);
            if (len > 64) {
                return false;
            }
        } else if (*rule != *name) {
            return false;
        }
        name += len;
    }
    return *name == '\0';
}

/* Whether it is one of Nova's own: what stands before the first colon is a rule's. */
static bool spec_is_novas(const char *name)
{
    const char *colon = strchr(name, ':');

    for (size_t i = 0; i < KN_COUNT(RULES) && colon != NULL; i++) {
        const char *end = strchr(RULES[i].name, ':');
        AUTO_FREE char *space = kn_strndup(RULES[i].name, end != NULL ? (size_t)(end - RULES[i].name) : 0);
        AUTO_FREE char *asked = kn_strndup(name, (size_t)(colon - name));

        if (end != NULL && spec_matches(space, asked)) {
            return true;
        }
    }
    return false;
}

/* --- values ------------------------------------------------------------------------------------------------------------- */

static int spec_check_number(const struct spec_rule *rule, const char *value, struct kn_error *err)
{
    const char *digits = value[0] == '-' || value[0] == '+' ? value + 1 : value;

    errno = 0;
    const long long number = strtoll(value, NULL, 10);

    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0') {
        return kn_fail(err, KN_BAD_REQUEST, "Validation failed; '%.60s' is not a valid integer value.", value);
    }
    if (rule->most != ANY && (number > rule->most || errno != 0)) {
        return kn_fail(err, KN_BAD_REQUEST, "Validation failed; '%.60s' is greater than the max value of '%lld'.",
                       value, (long long)rule->most);
    }
    if (rule->least != ANY && number < rule->least) {
        return kn_fail(err, KN_BAD_REQUEST, "Validation failed; '%.60s' is less than the min value of '%lld'.", value,
                       (long long)rule->least);
    }
    return 0;
}

static int spec_check_bool(const char *value, struct kn_error *err)
{
    static const char *const WORDS[] = { "1", "t", "true", "on", "y", "yes", "0", "f", "false", "off", "n", "no" };

    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        if (strcasecmp(WORDS[i], value) == 0) {
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Validation failed; '%.60s' is not a valid boolean-like value.", value);
}

static int spec_check_word(const struct spec_rule *rule, const char *value, struct kn_error *err)
{
    const size_t len = strlen(value);

    for (const char *word = rule->says; len > 0 && word != NULL;
         word = strchr(word, ',') != NULL ? strchr(word, ',') + 2 : NULL) {
        if (strncmp(word, value, len) == 0 && (word[len] == ',' || word[len] == '\0')) {
            return 0;
        }
    }
    return kn_fail(err, KN_BAD_REQUEST, "Validation failed; '%.60s' is not one of: %s.", value, rule->says);
}

static int spec_check_form(const struct spec_rule *rule, const char *value, struct kn_error *err)
{
    AUTO_FREE char *whole = kn_asprintf("^(?:%s)$", rule->says);
    AUTO(kn_regex) struct kn_regex *regex = NULL;
    bool is_found = false;

    if (kn_regex_new(whole, &regex, err) < 0) {
        return -1;
    }
    return kn_regex_search(regex, value, &is_found, NULL) == 0 && is_found && strchr(value, '\n') == NULL
               ? 0
               : kn_fail(err, KN_BAD_REQUEST, "Validation failed; '%.60s' is not of the format '%s'.", value,
                         rule->says);
}

static int spec_check(const char *name, const char *value, struct kn_error *err)
{
    for (size_t i = 0; i < KN_COUNT(RULES); i++) {
        if (!spec_matches(RULES[i].name, name)) {
            continue;
        }
        switch (RULES[i].kind) {
        case SPEC_TEXT:
            return 0;
        case SPEC_BOOL:
            return spec_check_bool(value, err);
        case SPEC_INT:
            return spec_check_number(&RULES[i], value, err);
        case SPEC_WORD:
            return spec_check_word(&RULES[i], value, err);
        case SPEC_FORM:
            return spec_check_form(&RULES[i], value, err);
        }
    }
    return !spec_is_novas(name)
               ? 0
               : kn_fail(err, KN_BAD_REQUEST,
                         "Validation failed; extra spec '%.255s' does not appear to be a valid extra spec.", name);
}

int kn_compute_extra_specs_check(const json_t *specs, struct kn_error *err)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)specs, name, value) {
        AUTO_FREE char *number = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY);

        if (spec_check(name, json_is_string(value) ? json_string_value(value) : number, err) < 0) {
            return -1;
        }
    }
    return 0;
}
