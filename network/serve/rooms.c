/* SPDX-License-Identifier: Apache-2.0 */
/* rooms.c: reads what is left of the quota of ports, and counts what a batch is about to take of it. */
#include "network/serve/rooms.h"

#include "lib/base/mem.h"
#include "lib/domain/message.h"

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

int64_t kn_network_rooms_needed(const json_t *body)
{
    const json_t *request;
    int64_t n = 0;
    size_t i;

    json_array_foreach (json_object_get(body, "requests"), i, request) {
        n += kn_json_str(request, "port")[0] == '\0';
    }
    return n;
}

int kn_network_rooms_check(const struct kn_hmap *rooms, const json_t *body, struct kn_error *err)
{
    const struct kn_network_room *room = kn_hmap_get(rooms, kn_json_str(body, "project"));

    return room == NULL || room->left >= kn_network_rooms_needed(body)
               ? 0
               : kn_fail(err, KN_QUOTA, "Quota exceeded for resources: ['port']. Maximum number of ports exceeded");
}

void kn_network_rooms_take(const struct kn_hmap *rooms, const json_t *body, struct kn_quota_claims *claims)
{
    struct kn_network_room *room = kn_hmap_get(rooms, kn_json_str(body, "project"));

    if (room != NULL) {
        room->left -= kn_network_rooms_needed(body);
    }
    kn_quota_claim(claims, kn_json_str(body, "project"), KN_QUOTA_PORT, kn_network_rooms_needed(body));
}
