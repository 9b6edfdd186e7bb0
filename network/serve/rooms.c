/* SPDX-License-Identifier: Apache-2.0 */
/* rooms.c: reads what is left of the quota of ports. Takes nothing. */
#include "network/serve/rooms.h"

#include "lib/base/mem.h"

int kn_network_rooms_load(struct kn_db *db, const struct kn_quota_claims *claims, struct kn_array *projects,
                          struct kn_hmap *rooms, struct kn_error *err)
{
    AUTO(kn_rows) struct kn_rows *rows = NULL;

    if (projects->count > 0 && kn_quota_room(db, KN_QUOTA_PORT, projects, &rows, err) < 0) {
        return -1;
    }
    for (int row = 0; rows != NULL && row < kn_rows_count(rows); row++) {
        if (!kn_rows_null(rows, row, KN_ROOM_LEFT)) {
            struct kn_network_room *room = KN_NEW(struct kn_network_room);

            room->left = kn_rows_int(rows, row, KN_ROOM_LEFT) -
                         kn_quota_claimed(claims, kn_rows_text(rows, row, KN_ROOM_PROJECT), KN_QUOTA_PORT);
            kn_hmap_put(rooms, kn_rows_text(rows, row, KN_ROOM_PROJECT), room);
        }
    }
    return 0;
}
