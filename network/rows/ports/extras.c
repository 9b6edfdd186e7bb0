/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extras.c: checks and settles names, options of DHCP and profiles of ports. Which options dnsmasq knows is dhcp_options.c's; its files are
 * network/host/dhcp/dhcp.c's.
 */
#include "network/rows/ports/extras.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/ip.h"
#include "lib/base/mem.h"
#include "lib/rest/write.h"
#include "network/rows/change.h"
#include "network/rows/networks.h"
#include "network/rows/ports/dhcp_options.h"

#define OPTIONS "extra_dhcp_opts"
#define NAME "dns_name"
#define PROFILE "binding:profile"
#define LABEL_MAX 63

/* --- names -------------------------------------------------------------------------------------------------------- */

static bool is_dns_label(const char *text, size_t len)
{
    if (len == 0 || len > LABEL_MAX || text[0] == '-' || text[len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!isascii((unsigned char)text[i]) || (!isalnum((unsigned char)text[i]) && text[i] != '-')) {
            return false;
        }
    }
    return true;
}

/* Labels with dots between them, and perhaps one at the end; the last of several is no number (RFC 1123). */
static bool is_dns_name(const char *text)
{
    const char *last = text;
    size_t count = 0;

    for (const char *at = text; *at != '\0';) {
        const size_t len = strcspn(at, ".");

        if (!is_dns_label(at, len)) {
            return false;
        }
        last = at;
        count++;
        at += len + (at[len] == '.');
    }
    return count <= 1 || strspn(last, "0123456789") != strcspn(last, ".");
}

static bool is_dns_domain(const char *text)
{
    return text[0] == '\0' || (text[strlen(text) - 1] == '.' && is_dns_name(text));
}

const struct kn_text_rule kn_network_dns_name = { is_dns_name, "not a valid PQDN or FQDN", false };
const struct kn_text_rule kn_network_dns_domain = { is_dns_domain, "is not a FQDN", false };

void kn_network_dns_lower(json_t *object, const char *name)
{
    const char *said = kn_schema_text(object, name, NULL);
    AUTO_FREE char *text = said != NULL ? kn_strdup(said) : NULL;

    for (char *at = text; at != NULL && *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    if (text != NULL) {
        json_object_set_new(object, name, json_string(text));
    }
}

static const struct kn_stmt DOMAIN_OF = { "port_domain",
                                          "SELECT coalesce(nullif(dns_domain, ''), '" KN_NETWORK_DOMAIN
                                          "') FROM network WHERE id = $1::uuid",
                                          1 };

/* A qualified name is one in its network's domain; an unqualified one has room before it. */
static int check_in_domain(struct kn_db *db, const char *network_id, const char *name, struct kn_error *err)
{
    enum { DOMAIN };
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    const size_t length = strlen(name);
    const char *domain;

    if (length == 0) {
        return 0;
    }
    if (kn_db_run(db, &DOMAIN_OF, KN_ARGS(network_id), &rows, err) < 0) {
        return -1;
    }
    domain = kn_rows_count(rows) > 0 ? kn_rows_text(rows, 0, DOMAIN) : KN_NETWORK_DOMAIN;
    if (name[length - 1] != '.') {
        return length + 1 + strlen(domain) <= KN_MAX_DNS_NAME + 1
                   ? 0
                   : kn_fail(err, KN_BAD_REQUEST,
                             "Invalid input for " NAME ". Reason: The dns_name passed is a PQDN and its size is '%zu'. "
                             "The dns_domain of its network is %s. When the two are concatenated to form a FQDN, the "
                             "resulting length exceeds the maximum size of '%d'.",
                             length, domain, KN_MAX_DNS_NAME + 1);
    }
    if (length > strlen(domain) + 1 && strcmp(name + length - strlen(domain), domain) == 0 &&
        name[length - strlen(domain) - 1] == '.') {
        return 0;
    }
    return kn_fail(err, KN_BAD_REQUEST,
                   "Invalid input for " NAME ". Reason: The dns_name passed is a FQDN. Its higher level labels must be "
                   "equal to the dns_domain of its network, that has been set to '%s'. It must also include one or "
                   "more valid DNS labels to the left of '%s'.",
                   domain, domain);
}

/* --- options ------------------------------------------------------------------------------------------------------ */

static bool is_option_name(const char *text)
{
    return text[0] != '\0' &&
           text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+")] == '\0';
}

/* The characters that a host reads in an option (network/host/state/read.c): none that ends a line, opens a comment or a string. */
static bool is_option_value(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                             " !%&'()*+-./:;<=>?@[]^_`{|}~$,")] == '\0';
}

static const struct kn_text_rule OPTION_NAME = { is_option_name, "is not the name or number of a DHCP option", false };
static const struct kn_text_rule OPTION_VALUE = { is_option_value,
                                                  "holds characters that a DHCP option may not have here", false };
static const struct kn_schema OPTION[] = {
    KN_SCHEMA("opt_name", KN_IS_STRING, .flags = KN_REQUIRED, .limit = KN_LIMIT_DHCP_OPTION, .rule = &OPTION_NAME),
    KN_SCHEMA("opt_value", KN_IS_STRING, .flags = KN_REQUIRED | KN_NULLABLE, .limit = KN_LIMIT_DHCP_OPTION_VALUE,
              .rule = &OPTION_VALUE),
    KN_SCHEMA("ip_version", KN_IS_INTEGER, .limit = KN_LIMIT_IP_VERSION),
    KN_SCHEMA_END,
};
const struct kn_schema kn_network_dhcp_opts[] = { KN_SCHEMA(OPTIONS, KN_IS_OBJECT, .inner = OPTION), KN_SCHEMA_END };

/* Those that say "none of it" by an empty value. */
static bool may_be_blank(const char *name)
{
    return strcmp(name, "router") == 0 || strcmp(name, "classless-static-route") == 0;
}

static int check_option(const json_t *option, struct kn_error *err)
{
    const char *name = kn_schema_text(option, "opt_name", ""), *value = kn_schema_text(option, "opt_value", NULL);
    const int64_t version = kn_schema_int(option, "ip_version", 4);
    const char *wrong;

    if (version != 4 && version != 6) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for " OPTIONS ". Reason: '%lld' is not in [4, 6].",
                       (long long)version);
    }
    if (!kn_network_dhcp_option_known(name, (int)version)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input for " OPTIONS
                       ". Reason: '%s' is no option of DHCPv%lld that this cloud can give.",
                       name, (long long)version);
    }
    if (value != NULL && value[0] == '\0' && !may_be_blank(name)) {
        return kn_fail(err, KN_BAD_REQUEST,
                       "Invalid input for " OPTIONS ". Reason: '' Blank strings are not permitted.");
    }
    wrong = value == NULL || value[0] == '\0' ? NULL : kn_network_dhcp_option_wrong(name, (int)version, value);
    if (wrong != NULL) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for " OPTIONS ". Reason: '%s' of %s %s.", value, name,
                       wrong);
    }
    return 0;
}

/* The one of that name and version; NULL if there is none. */
static json_t *same_option(const json_t *list, const json_t *option, size_t *ret_at)
{
    json_t *item;
    size_t i;

    json_array_foreach (list, i, item) {
        if (strcmp(kn_schema_text(item, "opt_name", ""), kn_schema_text(option, "opt_name", "")) == 0 &&
            kn_schema_int(item, "ip_version", 4) == kn_schema_int(option, "ip_version", 4)) {
            *ret_at = i;
            return item;
        }
    }
    return NULL;
}

static int check_options(const json_t *list, struct kn_error *err)
{
    const json_t *option;
    size_t i, at;

    if (json_array_size(list) > KN_MAX_DHCP_OPTIONS) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid input for " OPTIONS ". Reason: more than %d of them.",
                       KN_MAX_DHCP_OPTIONS);
    }
    json_array_foreach (list, i, option) {
        if (check_option(option, err) < 0) {
            return -1;
        }
        if (same_option(list, option, &at) != option) {
            return kn_fail(err, KN_BAD_REQUEST, "Invalid input for " OPTIONS ". Reason: '%s' is there twice.",
                           kn_schema_text(option, "opt_name", ""));
        }
    }
    return 0;
}

/* What is said over what was: null takes one away, what is not named stays. A new reference. */
static json_t *merge_options(json_t *was, const json_t *said)
{
    json_t *list = was != NULL ? was : json_array();
    const json_t *option;
    size_t i, at = 0;

    json_array_foreach (said, i, option) {
        json_t *value = json_object_get(option, "opt_value"), *old = same_option(list, option, &at);

        if (old != NULL && json_is_null(value)) {
            json_array_remove(list, at);
        } else if (old != NULL) {
            json_object_set(old, "opt_value", value);
        } else if (!json_is_null(value)) {
            json_array_append_new(list, json_pack("{s:s, s:O, s:I}", "opt_name", kn_schema_text(option, "opt_name", ""),
                                                  "opt_value", value, "ip_version",
                                                  (json_int_t)kn_schema_int(option, "ip_version", 4)));
        }
    }
    return list;
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

int kn_network_extras_check(json_t *object, struct kn_error *err)
{
    const json_t *profile = json_object_get(object, PROFILE);
    AUTO_FREE char *text = json_is_object(profile) ? json_dumps(profile, 0) : NULL;

    kn_network_dns_lower(object, NAME);
    if (text != NULL && strlen(text) > KN_MAX_PORT_PROFILE) {
        kn_fail(err, KN_BAD_REQUEST, "Invalid input for operation: " PROFILE " value too large.");
        return kn_fail_name(err, "InvalidInput");
    }
    return check_options(json_object_get(object, OPTIONS), err);
}

static const struct kn_stmt HAS = {
    "port_extras",
    "UPDATE port SET dns_name = $2, dhcp_options = coalesce($3::jsonb, '[]'), profile = coalesce($4::jsonb, '{}'), qos_policy_id = $5::uuid,"
    " host_asked = $6 WHERE id = $1::uuid",
    6
};

int kn_network_extras_new(struct kn_request *req, const char *id, const json_t *object, struct kn_error *err)
{
    const char *name = kn_schema_text(object, NAME, ""), *policy = kn_schema_text(object, "qos_policy_id", NULL),
               *host = kn_schema_text(object, "binding:host_id", "");
    json_auto_t *options = merge_options(NULL, json_object_get(object, OPTIONS));
    const json_t *profile = json_object_get(object, PROFILE);
    AUTO_FREE char *list = json_array_size(options) > 0 ? json_dumps(options, JSON_COMPACT) : NULL;
    AUTO_FREE char *pinned = json_object_size(profile) > 0 ? json_dumps(profile, JSON_COMPACT) : NULL;

    if (check_in_domain(req->db, kn_schema_text(object, "network_id", ""), name, err) < 0) {
        return -1;
    }
    if (name[0] == '\0' && policy == NULL && list == NULL && pinned == NULL && host[0] == '\0') {
        return 0;
    }
    return kn_db_run(req->db, &HAS, KN_ARGS(id, name[0] != '\0' ? name : NULL, list, pinned, policy, host), NULL, err);
}

int kn_network_extras_change(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                             struct kn_error *err)
{
    const json_t *options = json_object_get(object, OPTIONS), *name = json_object_get(object, NAME);

    if (json_is_null(json_object_get(object, PROFILE))) {
        json_object_set_new(object, PROFILE, json_object());
    }
    if (name != NULL && check_in_domain(req->db, kn_rest_was(&kn_network_ports, now, "network_id"),
                                        kn_schema_text(object, NAME, ""), err) < 0) {
        return -1;
    }
    if (options != NULL) {
        json_t *was = json_loads(kn_rest_was(&kn_network_ports, now, OPTIONS), 0, NULL);

        json_object_set_new(object, OPTIONS, merge_options(was, options));
        if (json_array_size(json_object_get(object, OPTIONS)) > KN_MAX_DHCP_OPTIONS) {
            return check_options(json_object_get(object, OPTIONS), err);
        }
    }
    return options == NULL && name == NULL ? 0 : kn_network_change(req->db, KN_CHANGED_PORT, id, err);
}
