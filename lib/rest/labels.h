/* SPDX-License-Identifier: Apache-2.0 */
/*
 * labels: what users pin on a row of a noun, in one column of it: a map of texts (metadata, extra specs) or a set of words (tags). The routes
 * are those of all services alike: GET, POST, PUT and DELETE of the whole, GET, PUT and DELETE of one; {0} of the path names the row, {1} the label.
 *
 * A change is an update of the noun that looks first: in one transaction the row is held, the whole is read and changed, judged by fits(), and
 * written with whatever the noun's own functions do to each change. So two at once cannot pass a limit or lose each other's label.
 *
 *   static const struct kn_rest_labels TAGS = { .noun = &SERVER, .attr = "tags", .key = "tags", .is_set = true, .body = TAGS_BODY, … };
 */
#ifndef KN_REST_LABELS_H
#define KN_REST_LABELS_H

#include "lib/rest/write.h"

struct kn_rest_labels {
    const struct kn_rest_noun *noun;
    const char *attr;               /* of the noun: a KN_REST_JSON or, for a set, KN_REST_TAGS that a PUT may write */
    const char *key;                /* of the whole, in bodies and answers: {"metadata": {…}} */
    const char *item; /* of one of a map: {"meta": {"<label>": "<text>"}}; NULL: {"<label>": "<text>"} alone */
    bool is_set;
    const struct kn_schema *body; /* {"<key>": …}; NULL: fits() says all there is to say */
    const struct kn_schema *one; /* of a map: {"<item>": {…}}, as {"<key>": {…}} where one stands alone */
    const struct kn_schema_words *words; /* NULL: Nova's */
    bool echoes; /* a POST answers with what was sent, not with the whole */
    bool says_where; /* a new word of a set is answered with 201 and its address */
    const char *absent; /* words ("%1" the row, "%2" the label): it has no such label */
    const char *absent_name; /* what the service calls that error; NULL: as its dialect calls what is not found */
    const char *mismatch; /* words: the body names another label than the path */
    const char *bad_word; /* words ("%2" the word): what no word of the set can be; NULL: the schema's */
    const char *taken; /* words ("%2" the word): a word that is there already; NULL: then nothing changes */
    /* Before all else: whether the caller may look at that row at all. May be NULL. */
    int (*enter)(struct kn_request *req, struct kn_error *err);
    /* What a change leaves behind, unless it only takes away: whether it may be so large. May be NULL. */
    int (*fits)(struct kn_request *req, const struct kn_rows *now, const json_t *whole, struct kn_error *err);
    /* Members before the whole in an answer. May be NULL. */
    void (*print)(struct kn_strbuf *out, const struct kn_request *req);
};

int kn_rest_labels_list(const struct kn_rest_labels *l, struct kn_request *req, struct kn_response *res,
                        struct kn_error *err);
/* Of a set: an answer without a body, or KN_NOT_FOUND. */
int kn_rest_labels_show(const struct kn_rest_labels *l, struct kn_request *req, struct kn_response *res,
                        struct kn_error *err);
/* POST: these beside those that are there. */
int kn_rest_labels_merge(const struct kn_rest_labels *l, struct kn_request *req, struct kn_response *res,
                         struct kn_error *err);
/* PUT: these and no others. */
int kn_rest_labels_replace(const struct kn_rest_labels *l, struct kn_request *req, struct kn_response *res,
                           struct kn_error *err);
int kn_rest_labels_clear(const struct kn_rest_labels *l, struct kn_request *req, struct kn_error *err);
int kn_rest_labels_put(const struct kn_rest_labels *l, struct kn_request *req, struct kn_response *res,
                       struct kn_error *err);
int kn_rest_labels_drop(const struct kn_rest_labels *l, struct kn_request *req, struct kn_error *err);

#endif
