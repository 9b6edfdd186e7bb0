/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cloud: the cloud as its users see it: a token from what the environment says (OS_*, as for every OpenStack client), the image
 * service's address from the catalog, and requests. For commands that work on other people's machines, where no database is.
 */
#ifndef KN_CLI_CLOUD_H
#define KN_CLI_CLOUD_H

#include <jansson.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/error.h"

struct kn_cli_cloud;

/*
 * Logs in: OS_AUTH_URL with OS_USERNAME (or OS_USER_ID) and OS_PASSWORD, or with OS_APPLICATION_CREDENTIAL_ID and _SECRET, or with OS_TOKEN;
 * scope by OS_PROJECT_ID, or OS_PROJECT_NAME and OS_PROJECT_DOMAIN_NAME or _ID. With OS_ENDPOINT and OS_TOKEN nobody is asked.
 * OS_CLOUD stands for what clouds.yaml says of it (clouds.h).
 */
int kn_cli_cloud_open(const char *service_type, struct kn_cli_cloud **ret, struct kn_error *err);
void kn_cli_cloud_free(struct kn_cli_cloud *cloud);
KN_DEFINE_AUTO(kn_cli_cloud);

/* A request below the service's address. body may be NULL, *ret_body too; it is a new reference, NULL for an empty answer. */
int kn_cli_cloud_ask(struct kn_cli_cloud *cloud, const char *method, const char *path, const json_t *body,
                     json_t **ret_body, struct kn_error *err);

/* Fills out with the next bytes of what is sent, 0 at its end, -1 with an error. */
typedef int64_t kn_cli_cloud_source(void *ctx, char *out, size_t size, struct kn_error *err);
/* PUT of exactly `size` bytes as application/octet-stream. */
int kn_cli_cloud_send(struct kn_cli_cloud *cloud, const char *path, int64_t size, kn_cli_cloud_source *source,
                      void *ctx, struct kn_error *err);

#endif
