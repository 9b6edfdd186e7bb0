/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_record: what a backup's row says, as a text that makes one again: of a row that was lost, or in another cloud of the same store. The record names the place of the bytes and the SHA-256 of their manifest; whoever
 * does not know that hash gets at nothing, because what lies there is compared with it before the backup is available, and of a place that was never found to be so nothing is ever removed.
 */
#ifndef KN_VOLUME_ROWS_BACKUP_RECORD_H
#define KN_VOLUME_ROWS_BACKUP_RECORD_H

#include "lib/adapter/http.h"
#include "lib/base/strbuf.h"
#include "lib/base/uuid.h"

/* The record of the backup, base64, and who can read it, in Cinder's words for that. KN_NOT_FOUND; KN_BAD_REQUEST: it is not available. */
int kn_volume_backup_record_export(struct kn_request *req, const char *id, const char **ret_service,
                                   struct kn_strbuf *ret_url, struct kn_error *err);
/*
 * In the caller's transaction, as its last act: the row, which is the caller's project's, and the wish that its bytes are looked at. KN_BAD_REQUEST: it is no record, there is such a backup,
 * the one that it builds on is not here, or its bytes are just being removed.
 */
int kn_volume_backup_record_import(struct kn_request *req, const char *service, const char *url,
                                   char ret_id[KN_UUID_SIZE], int64_t *ret_task, struct kn_error *err);

#endif
