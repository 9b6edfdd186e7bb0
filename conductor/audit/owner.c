/* SPDX-License-Identifier: Apache-2.0 */
/* Promises about people: whose things are, how much they may have, and what must not be found written down. */
#include "conductor/audit/audit.h"

#include "lib/adapter/quota.h"

/*
 * What a secret looks like in JSON: a telling key (its quote may be escaped, when JSON stands in a text), or such a pair in prose, or a value by its
 * own shape. What a guest wrote on its console is its own affair: `output` is left out.
 */
#define SECRET \
    "\"(admin_?pass|[a-z_]*password|passwd|[a-z_]*token|[a-z_]*secret|user_?data|private_key)\\\\*\"\\s*:|(password|passwd|admin_?pass|user_?data|token)=\\w|kn1\\.[\\w-]{16}|\\$argon2id\\$|-----BEGIN "

const struct kn_conductor_promise kn_conductor_promises_owner[] = {
    { "6. quota usage is what exists",
      "SELECT format('%s of project \"%s\": usage says %s %s, there are %s', service, project_id, coalesce(u.used, 0), resource, coalesce(f.used, 0)) "
      "FROM quota_usage u FULL JOIN quota_fact f USING (service, project_id, resource) WHERE coalesce(u.used, 0) <> coalesce(f.used, 0)",
      NULL, NULL },
    /*
     * Limits may be set below what is there already: a breach is what was made after that. The second is for a clock that was read in a transaction
     * which began before the change and saw nothing of it. Key pairs are held against the limit of whatever project their user was in.
     */
    { "6. no project has more than its quota",
      "SELECT format('project %s has %s of %s %s, its limit is %s', f.project_id, f.used / k.unit, f.service, k.name, m.most) "
      "FROM quota_fact f JOIN " KN_QUOTA_KNOWN " k USING (service, resource) CROSS JOIN LATERAL "
      "(SELECT coalesce((SELECT l.hard_limit FROM quota_limit l WHERE l.service = f.service AND l.resource = f.resource AND l.project_id IN (f.project_id, '') "
      "ORDER BY l.project_id DESC LIMIT 1), k.dflt) AS most) m WHERE m.most >= 0 AND f.used > m.most::bigint * k.unit AND f.resource <> 'key_pairs' "
      "AND f.newest > coalesce((SELECT max(c.at) FROM quota_change c WHERE c.project_id IN (f.project_id, '')), '-infinity') + interval '1 second'",
      NULL, NULL },
    { "6. everything belongs to a project that there is",
      "SELECT format('%s %s is of project \"%s\", which is not there', o.kind, o.id, o.project_id) FROM "
      "(SELECT 'server' kind, id::text, project_id FROM server WHERE deleted_at IS NULL UNION ALL SELECT 'volume', id::text, project_id FROM volume UNION ALL SELECT 'backup', id::text, project_id FROM volume_backup "
      "UNION ALL SELECT 'image', id::text, owner FROM image WHERE deleted_at IS NULL UNION ALL SELECT 'network', id::text, project_id FROM network "
      "UNION ALL SELECT 'subnet', id::text, project_id FROM subnet UNION ALL SELECT 'server group', id::text, project_id FROM server_group "
      "UNION ALL SELECT 'router', id::text, project_id FROM router UNION ALL SELECT 'floating IP', id::text, project_id FROM floating_ip "
      "UNION ALL SELECT 'port', id::text, project_id FROM port WHERE device_owner NOT LIKE 'network:%') o "
      "WHERE NOT EXISTS (SELECT 1 FROM any_project p WHERE p.id = o.project_id)",
      NULL, NULL },
    { "6. servers, volumes and key pairs belong to a user that there is, or was",
      "SELECT format('%s %s is of user \"%s\", who never was there', o.kind, o.id, o.user_id) FROM "
      "(SELECT 'server' kind, id::text, user_id FROM server WHERE deleted_at IS NULL UNION ALL SELECT 'volume', id::text, user_id FROM volume "
      "UNION ALL SELECT 'key pair', name, user_id FROM keypair) o "
      "WHERE NOT EXISTS (SELECT 1 FROM identity_user u WHERE u.id = o.user_id) AND NOT EXISTS (SELECT 1 FROM departed_user d WHERE d.id = o.user_id)",
      NULL, NULL },
    { "6. key pairs go soon after their user",
      "SELECT format('key pair %s is of user \"%s\", who went at %s', k.name, k.user_id, d.at) FROM keypair k JOIN departed_user d ON d.id = k.user_id "
      "WHERE d.at < now() - interval '1 day'",
      NULL, NULL },
    { "7. passwords are argon2id hashes",
      "SELECT format('user %s', id) FROM identity_user WHERE password_hash IS NOT NULL AND password_hash NOT LIKE '$argon2id$%'",
      NULL, NULL },
    { "7. no password, token or user data travels through a task",
      "SELECT format('task %s (%s)', t.id, t.kind) FROM task t "
      "WHERE concat(t.input::text, (t.context - 'output')::text, t.error::text) ~* '" SECRET "' "
      "UNION ALL SELECT format('step %s of task %s', n, t.id) FROM task t CROSS JOIN LATERAL jsonb_array_elements(t.steps) WITH ORDINALITY AS e(s, n) "
      "WHERE (s->'error')::text ~* '" SECRET "'",
      NULL, NULL },
    { "7. no password, token or user data stands in a fault or in what is said of an import",
      "SELECT format('fault of server %s', id) FROM server WHERE fault::text ~* '" SECRET "' "
      "UNION ALL SELECT format('import %s', id) FROM image_task WHERE concat(message, result::text) ~* '" SECRET "'",
      NULL, NULL },
    { "7. a deleted server keeps no user data and no key",
      "SELECT format('server %s', id) FROM server WHERE deleted_at IS NOT NULL AND (user_data IS NOT NULL OR key_data IS NOT NULL OR host IS NOT NULL)",
      NULL, NULL },
    { "8. no project stands below itself",
      "WITH RECURSIVE up AS (SELECT id AS low, parent_id AS at, 1 AS n FROM project WHERE parent_id IS NOT NULL "
      "UNION ALL SELECT u.low, p.parent_id, u.n + 1 FROM up u JOIN project p ON p.id = u.at WHERE p.parent_id IS NOT NULL AND u.at <> u.low AND u.n < 100) "
      "SELECT format('project %s', low) FROM up WHERE at = low",
      NULL, NULL },
    { "8. no enabled project stands below a disabled one",
      "SELECT format('project %s is enabled, its parent %s is not', p.id, up.id) FROM project p JOIN project up ON up.id = p.parent_id "
      "WHERE p.enabled AND NOT up.enabled",
      NULL, NULL },
    { NULL, NULL, NULL, NULL },
};
