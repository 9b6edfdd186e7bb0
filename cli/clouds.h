/* SPDX-License-Identifier: Apache-2.0 */
/* clouds: the entry of clouds.yaml that OS_CLOUD names, as the variables that would say the same. */
#ifndef KN_CLI_CLOUDS_H
#define KN_CLI_CLOUDS_H

#include "lib/base/error.h"

/*
 * Calls visit("OS_AUTH_URL", …) and so on, once a variable, for what `text` says of that cloud. YAML as it is: block and flow style, quotes,
 * values of several lines, anchors, aliases and "<<"; whatever else is in the file is passed over. KN_NOT_FOUND: no such cloud. KN_BAD_REQUEST:
 * not YAML, a key twice in one mapping, more than one document, larger, deeper or more than such a file ever is; nothing was visited then. Pure.
 */
int kn_cli_clouds_parse(const char *text, const char *cloud,
                        void (*visit)(void *ctx, const char *variable, const char *value), void *ctx,
                        struct kn_error *err);
/*
 * Sets the variables that OS_CLOUD stands for, beside those that are set already. The file: OS_CLIENT_CONFIG_FILE, or clouds.yaml here, in
 * ~/.config/openstack or in /etc/openstack. Nothing to do without OS_CLOUD.
 */
int kn_cli_clouds_load(struct kn_error *err);

#endif
