/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c: makes port.allocate's answers and puts groups into them. */
#include "network/serve/answer.h"

#include <string.h>

#include "lib/domain/message.h"
#include "network/rows/ports/plan.h"

static const struct kn_stmt GROUPS = {
    "answer_groups",
    "SELECT port_id, group_id FROM port_security_group WHERE port_id = ANY($1::uuid[]) ORDER BY port_id, group_id", 1
};

json_t *kn_network_answer_make(struct kn_hmap *answers, json_t *nics)
{
    json_t *groups = json_array();
    const json_t *nic;
    size_t i;

    json_array_foreach (nics, i, nic) {
        kn_hmap_put(answers, kn_json_str(nic, "port"), groups);
    }
    return json_pack("{s:o, s:o}", "nics", nics, "group_ids", groups);
}

static bool answer_says(const json_t *groups, const char *id)
{
    const json_t *group;
    size_t i;

    json_array_foreach (groups, i, group) {
        if (strcmp(json_string_value(group), id) == 0) {
            return true;
        }
    }
    return false;
}

void kn_network_answers_note(const struct kn_hmap *answers, const struct kn_rows *rows)
{
    for (int row = 0; rows != NULL && row < kn_rows_count(rows); row++) {
        json_t *groups = kn_hmap_get(answers, kn_rows_text(rows, row, KN_PLAN_ROW_PORT));
        const char *id = kn_rows_text(rows, row, KN_PLAN_ROW_GROUP);

        if (groups != NULL && !answer_says(groups, id)) {
            json_array_append_new(groups, json_string(id));
        }
    }
}

int kn_network_answers_ask(const struct kn_hmap *answers, struct kn_db *db, struct kn_array *ports,
                           struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (ports->count > 0 && kn_db_run(db, &GROUPS, KN_ARGS(kn_array_value(ports)), &rows, err) < 0) {
        return -1;
    }
    kn_network_answers_note(answers, rows);
    return 0;
}
