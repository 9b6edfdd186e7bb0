/* SPDX-License-Identifier: Apache-2.0 */
/* Promises about volumes, attachments and images, as far as the database knows. */
#include "conductor/audit/audit.h"

/* clang-format off */
const struct kn_conductor_promise kn_conductor_promises_storage[] = {
    { "2. no volume in a transitional state without an open task",
      "SELECT format('volume %s is %s and nobody works on it', v.id, v.status) FROM volume v "
      "WHERE (v.status IN ('creating', 'deleting', 'unmanaging', 'extending', 'uploading', 'reverting', 'downloading', 'restoring-backup') AND NOT " KN_AUDIT_MOVING("v.id") " "
      "AND NOT EXISTS (SELECT FROM attachment a WHERE a.volume_id = v.id AND " KN_AUDIT_MOVING("a.server_id") ")) "
      "OR (v.status IN ('attaching', 'detaching') AND NOT EXISTS (SELECT 1 FROM attachment a WHERE a.volume_id = v.id))", NULL, NULL },
    { "2. no snapshot of a volume in a transitional state without an open task",
      "SELECT format('snapshot %s is %s and nobody works on it', s.id, s.status) FROM volume_snapshot s "
      "WHERE s.status IN ('creating', 'deleting') AND NOT " KN_AUDIT_MOVING("s.id") " AND NOT " KN_AUDIT_MOVING("s.group_snapshot_id") " AND NOT EXISTS (SELECT 1 FROM task t "
      "WHERE t.kind = 'server.snapshot_volume' AND t.state IN ('run', 'undo') AND t.input->>'snapshot' = s.id::text)", NULL, NULL },
    { "2. no backup of a volume in a transitional state without an open task",
      "SELECT format('backup %s is %s and nobody works on it', b.id, b.status) FROM volume_backup b "
      "WHERE b.status IN ('creating', 'deleting') AND NOT " KN_AUDIT_MOVING("b.id") " AND NOT EXISTS (SELECT 1 FROM task t "
      "WHERE t.kind = 'server.backup_volume' AND t.state IN ('run', 'undo') AND t.input->>'backup' = b.id::text)", NULL, NULL },
    { "5. no backup keeps the copy that it was made of",
      "SELECT format('backup %s is %s and its copy is still there', b.id, b.status) FROM volume_backup b "
      "WHERE b.copy IS NOT NULL AND b.status IN ('available', 'error') AND NOT EXISTS (SELECT 1 FROM task t "
      "WHERE t.kind = 'server.backup_volume' AND t.state IN ('run', 'undo') AND t.input->>'backup' = b.id::text)", NULL, NULL },
    { "2. no attachment in a transitional state without a task about it",
      "SELECT format('volume %s is %s at server %s and nobody works on it', a.volume_id, a.status, a.server_id) FROM attachment a "
      "WHERE a.status IN ('attaching', 'detaching') AND a.server_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM task t WHERE t.object_id = a.server_id AND t.state IN ('run', 'undo') AND (t.kind = 'server.delete' OR t.input->>'volume' = a.volume_id::text OR (t.kind = 'server.swap_volume' AND t.input->>'to_attachment' = a.id::text)))", NULL, NULL },
    { "2. no image is importing without an open task",
      "SELECT format('image %s is importing and nobody works on it', i.id) FROM image i WHERE i.status = 'importing' "
      "AND i.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM task t WHERE t.object_id = i.id AND t.kind = 'image.import' AND t.state IN ('run', 'undo'))", NULL, NULL },
    { "2. no import is under way without its task and its image",
      "SELECT format('import %s of image %s is %s and nobody works on it', m.id, m.image_id, m.status) FROM image_task m "
      "WHERE m.status IN ('pending', 'processing') AND NOT EXISTS (SELECT 1 FROM task t WHERE t.object_id = m.image_id AND t.kind = 'image.import' "
      "AND t.state IN ('run', 'undo') AND t.input->>'import' = m.id::text)", NULL, NULL },
    { "5. every volume and attachment is in a state that there is",
      "SELECT format('volume %s is \"%s\"', id, status) FROM volume WHERE status NOT IN ('creating', 'available', 'attaching', 'in-use', 'detaching', "
      "'deleting', 'error', 'error_deleting', 'error_extending', 'extending', 'uploading', 'reverting', 'downloading', 'awaiting-transfer', 'reserved', 'restoring-backup', 'error_restoring', 'error_managing', 'managing', 'maintenance', 'backing-up', 'error_backing-up', 'retyping', 'unmanaging') "
      "UNION ALL SELECT format('snapshot %s is \"%s\"', id, status) FROM volume_snapshot WHERE status NOT IN ('creating', 'available', 'deleting', "
      "'error', 'error_deleting') "
      "UNION ALL SELECT format('backup %s is \"%s\"', id, status) FROM volume_backup WHERE status NOT IN ('creating', 'available', 'deleting', "
      "'error', 'error_deleting') "
      "UNION ALL SELECT format('attachment %s is \"%s\"', id, status) FROM attachment WHERE status NOT IN ('reserved', 'attaching', 'attached', 'detaching') OR (status = 'reserved' AND server_id IS NOT NULL)", NULL, NULL },
    { "5. a volume in use has its attachment, any other has none",
      "SELECT format('volume %s is %s, its attachments say %s', v.id, v.status, volume_status(v.id)) FROM volume v "
      "WHERE v.status NOT IN ('creating', 'deleting') AND (v.status = 'in-use') IS DISTINCT FROM (volume_status(v.id) = 'in-use') "
      "AND NOT EXISTS (SELECT 1 FROM attachment a WHERE a.volume_id = v.id "
      "AND (a.status NOT IN ('attached', 'attaching', 'detaching') OR " KN_AUDIT_MOVING("a.server_id") "))", NULL, NULL },
    { "2. no snapshot is for an image that nobody makes",
      "SELECT format('snapshot %s is for image %s', s.id, s.for_image) FROM volume_snapshot s WHERE s.for_image IS NOT NULL AND NOT EXISTS (SELECT FROM task t "
      "WHERE t.kind LIKE 'server.%' AND t.state IN ('run', 'undo') AND t.object_id = (SELECT i.brought_by FROM image i WHERE i.id = s.for_image))", NULL, NULL },
    { "2. no snapshot of a group in a transitional state without an open task, and its parts are what it is",
      "SELECT format('snapshot %s of a group is %s and nobody works on it', s.id, s.status) FROM volume_group_snapshot s WHERE s.status IN ('creating', 'deleting') AND NOT " KN_AUDIT_MOVING("s.id") " "
      "UNION ALL SELECT format('snapshot %s of a group is available, its part %s is %s', g.id, s.id, s.status) FROM volume_group_snapshot g JOIN volume_snapshot s ON s.group_snapshot_id = g.id "
      "WHERE g.status = 'available' AND s.status <> 'available'", NULL, NULL },
    { "5. a group that is going has volumes that do, and all are of types that it takes",
      "SELECT format('group %s is deleting and has no volume', g.id) FROM volume_group g WHERE g.status = 'deleting' AND NOT EXISTS (SELECT FROM volume v WHERE v.group_id = g.id) "
      "UNION ALL SELECT format('volume %s of type %s is in group %s, which takes none such', v.id, v.type_id, v.group_id) FROM volume v WHERE v.group_id IS NOT NULL "
      "AND NOT EXISTS (SELECT FROM volume_group_volume_type t WHERE t.group_id = v.group_id AND t.type_id = v.type_id) "
      "UNION ALL SELECT format('volume %s of project %s is in a group of another', v.id, v.project_id) FROM volume v JOIN volume_group g ON g.id = v.group_id WHERE g.project_id <> v.project_id", NULL, NULL },
    { "5. no snapshot outlives its volume",
      "SELECT format('snapshot %s is %s, its volume %s is gone', s.id, s.status, s.volume_id) FROM volume_snapshot s WHERE s.status NOT IN ('deleting', 'error_deleting') "
      "AND NOT EXISTS (SELECT 1 FROM volume v WHERE v.id = s.volume_id)", NULL, NULL },
    { "5. nothing has another size than it will have but what grows",
      "SELECT format('volume %s is %s and grows from %s to %s GiB', id, status, coalesce(extends_from::text, '-'), size_gib) FROM volume "
      "WHERE extends_from >= size_gib OR (extends_from IS NOT NULL AND status NOT IN ('extending', 'error_extending', 'deleting', 'error_deleting', 'error'))", NULL, NULL },
    { "5. a volume awaits a transfer exactly while there is one of it",
      "SELECT format('volume %s is %s, its transfer is %s', v.id, v.status, coalesce(t.id::text, 'not there')) FROM volume v LEFT JOIN volume_transfer t ON t.volume_id = v.id "
      "WHERE (v.status = 'awaiting-transfer') IS DISTINCT FROM (t.id IS NOT NULL)", NULL, NULL },
    { "5. no attachment to a server that is gone",
      "SELECT format('volume %s is attached to the deleted server %s', a.volume_id, s.id) FROM attachment a JOIN server s ON s.id = a.server_id "
      "WHERE s.deleted_at IS NOT NULL AND NOT " KN_AUDIT_MOVING("s.id"), NULL, NULL },
    { "5. what is attached has its device and its connection",
      "SELECT format('volume %s at server %s has device %s', volume_id, server_id, coalesce(device, '-')) FROM attachment "
      "WHERE status = 'attached' AND server_id IS NOT NULL AND (device IS NULL OR connection IS NULL)", NULL, NULL },
    { "5. no two volumes of a server are one device",
      "SELECT format('server %s has volumes %s as %s', server_id, string_agg(volume_id::text, ', ' ORDER BY volume_id), device) FROM attachment a "
      "WHERE device IS NOT NULL AND NOT (status = 'attaching' AND EXISTS (SELECT FROM task t WHERE t.object_id = a.server_id AND t.kind = 'server.swap_volume' "
      "AND t.state IN ('run', 'undo') AND t.input->>'to_attachment' = a.id::text)) GROUP BY server_id, device HAVING count(*) > 1", NULL, NULL },
    { "5. what is encrypted has its key, and nothing else has one",
      "SELECT format('volume %s is %s and its key is not there', v.id, v.status) FROM volume v WHERE v.key_id IS NOT NULL AND v.status NOT IN ('creating', 'deleting', 'error', 'error_deleting') "
      "AND NOT EXISTS (SELECT FROM volume_key k WHERE k.id = v.key_id AND k.volume_id = v.id) "
      "UNION ALL SELECT format('key %s is not that of its volume %s', k.id, k.volume_id) FROM volume_key k JOIN volume v ON v.id = k.volume_id WHERE v.key_id IS DISTINCT FROM k.id "
      "UNION ALL SELECT format('volume %s is %s, its type %s says the opposite', v.id, CASE WHEN v.key_id IS NULL THEN 'in the clear' ELSE 'encrypted' END, v.type_id) FROM volume v "
      "WHERE (v.key_id IS NOT NULL) IS DISTINCT FROM EXISTS (SELECT FROM volume_type_encryption e WHERE e.type_id = v.type_id) "
      "UNION ALL SELECT format('server %s has volume %s as %s', a.server_id, a.volume_id, a.connection->>'format') FROM attachment a JOIN volume v ON v.id = a.volume_id "
      "WHERE a.connection IS NOT NULL AND a.server_id IS NOT NULL AND (coalesce(a.connection->>'format', '') = 'luks') IS DISTINCT FROM (v.key_id IS NOT NULL)", NULL, NULL },
    { "5. every image is in a state that there is",
      "SELECT format('image %s is \"%s\"', id, status) FROM image WHERE status NOT IN ('queued', 'saving', 'uploading', 'importing', 'active', "
      "'deactivated', 'killed', 'pending_delete', 'deleted')", NULL, NULL },
    { "5. an image is deleted exactly when it has the time of it",
      "SELECT format('image %s is %s, deleted at %s', id, status, coalesce(deleted_at::text, '-')) FROM image "
      "WHERE (status = 'deleted') IS DISTINCT FROM (deleted_at IS NOT NULL)", NULL, NULL },
    { "5. every active image has its data",
      "SELECT format('image %s is %s without data', id, status) FROM image WHERE status IN ('active', 'deactivated') AND sha512 IS NULL", NULL, NULL },
    { "5. an image is as large as its data",
      "SELECT format('image %s says %s bytes, its data %s', i.id, coalesce(i.size::text, 'no'), b.size) FROM image i JOIN blob b ON b.sha512 = i.sha512 "
      "WHERE i.size IS DISTINCT FROM b.size", NULL, NULL },
    { "5. no data without an image",
      "SELECT format('data %s belongs to no image and nobody drops it', b.sha512) FROM blob b WHERE b.created_at < now() - interval '30 minutes' "
      "AND NOT EXISTS (SELECT 1 FROM image i WHERE i.sha512 = b.sha512) AND NOT EXISTS (SELECT 1 FROM task t WHERE t.kind = 'image.delete' "
      "AND t.state IN ('run', 'undo') AND t.input->>'sha512' = b.sha512)", NULL, NULL },
    { NULL, NULL, NULL, NULL },
};
/* clang-format on */
