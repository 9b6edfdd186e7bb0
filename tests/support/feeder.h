/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feeder: walks a body that is right, field by field and as deep as it goes, and sends it with values of every wrong type in that place,
 * and with one more name in every object. Each must be answered with 400 and change nothing, unless `fine` says that the original
 * service takes that type there; then the answer is the service's, but no 5xx.
 *
 *   static const struct kn_feed FEEDS[] = { { "POST", "/compute/v2.1/servers", "{\"server\": {…}}", "server.name:s server.min_count:is" }, … };
 *   kn_feed_all(FEEDS, KN_COUNT(FEEDS), ask, fingerprint);
 *
 * fine: words "path:types". A path's item of a list is its number. Types: n null, b boolean, i integer, f fraction, s string, d digits in one (s is enough), a
 * array, o object, x another name in it, * all of them.
 */
#ifndef KN_TESTS_SUPPORT_FEEDER_H
#define KN_TESTS_SUPPORT_FEEDER_H

#include <stddef.h>

struct kn_feed {
    const char *method, *path, *body, *fine;
};

/* Returns the status. */
typedef int kn_feed_ask(const struct kn_feed *feed, const char *body);
/* Of everything that a body may change. */
typedef void kn_feed_look(char out[64]);

void kn_feed_all(const struct kn_feed *feeds, size_t count, kn_feed_ask *ask, kn_feed_look *look);

#endif
