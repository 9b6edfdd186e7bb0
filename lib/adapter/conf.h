/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf: one table of every option of every daemon, one INI file, one environment rule, one --help.
 *
 * Order: default < file (--config FILE, or KILONOVA_CONFIG, or /etc/kilonova/kilonova.conf if it is there) <
 * environment (KILONOVA_<SECTION>_<KEY>, upper case) < command line (--set section.key=value). An unknown key,
 * a wrong type or a value out of range is an error that names file and line. Immutable after kn_conf_load().
 *
 * The table is lib/adapter/conf.def: X(type, member, "section", "key", "default", min, max, "what it means"); types
 * STRING (const char *), SECRET (a STRING never printed), INT (int64_t with its range), BOOL. An INT's unit is in its name.
 */
#ifndef KN_ADAPTER_CONF_H
#define KN_ADAPTER_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/error.h"

struct kn_conf {
#define KN_CONF_STRING(member) const char *member;
#define KN_CONF_SECRET(member) const char *member;
#define KN_CONF_INT(member) int64_t member;
#define KN_CONF_BOOL(member) bool member;
#define X(type, member, section, key, dflt, min, max, help) KN_CONF_##type(member)
#include "lib/adapter/conf.def"
#undef X
};

/*
 * Fills *conf. Understands --config FILE, --set section.key=value, --help (prints the table, exits 0), --version.
 * Options it does not know are left for the caller: *ret_left is a NULL-ended vector of them, in order (may be NULL when
 * none are allowed: then they are an error). Strings live as long as the process.
 */
int kn_conf_load(struct kn_conf *conf, int argc, char **argv, char ***ret_left, struct kn_error *err);
/* The file layer alone, for tests and the fuzz target: parses text as if read from `name`. */
int kn_conf_parse(struct kn_conf *conf, const char *name, const char *text, size_t len, struct kn_error *err);
void kn_conf_defaults(struct kn_conf *conf);
void kn_conf_help(FILE *out);
/* The whole configuration in file syntax, secrets as ***. */
void kn_conf_print(const struct kn_conf *conf, FILE *out);

#endif
