/* SPDX-License-Identifier: Apache-2.0 */
/* manners: what the services do differently with the same idea, a row each. The words are the originals', which clients show. */
#ifndef KN_REST_MANNERS_H
#define KN_REST_MANNERS_H

#include "lib/rest/noun.h"

enum kn_rest_unknown { KN_REST_IGNORE_UNKNOWN, KN_REST_REFUSE_UNKNOWN };

/* "name__contains", "size_min", "name~": a comparison by the end of a parameter's name. */
struct kn_rest_suffix {
    const char *suffix;
    unsigned types; /* bits 1u << enum kn_rest_type */
    const char *form; /* "%C" the attribute, '?' the value */
};

struct kn_rest_list;

/* Words are written with "%1", the name, and "%2", the value (kn_rest_fail). */
struct kn_rest_manners {
    /* Pages. */
    int64_t limit_default; /* 0 = all */
    int64_t limit_max; /* a larger limit that is asked for is this one; 0 = no bound */
    size_t limit_digits; /* a longer text is no number; 0 = it is a large one */
    bool zero_is_all; /* limit=0: everything, or nothing */
    bool reads_ahead; /* a next page is offered only if it has rows; otherwise when this one is full */
    bool has_offset, has_reverse, has_fields, has_count_since_45;
    const char *bad_limit; /* words */
    const char *negative_limit; /* words; NULL: a number with a sign is none */
    const char *missing_marker; /* words: label, id; NULL: as what does not exist */
    enum kn_code marker_code;
    /* Sorting: "sort=a:asc,b", and sort_key= with sort_dir=. */
    bool sorts_by_list;
    bool splits_keys; /* "sort_key=a,b" with one direction beside it */
    const char *bad_pairs; /* words, for another number of sort_dir than of sort_key; NULL: the last one holds on */
    bool one_for_all; /* … but one sort_dir is for all of them */
    bool any_case; /* DESC is desc */
    const char *bad_key; /* words: what there is, what was asked for */
    const char *bad_direction, *mixed_sorts; /* words */
    const char *null_time; /* where NULL times stand */
    /* Filters. */
    enum kn_rest_unknown unknown;
    int unknown_since; /* minor microversion from which the unknown is refused */
    const char *bad_filter; /* words */
    const char *bad_boolean, *bad_number, *bad_time; /* words */
    bool joins_times; /* several comparisons with times by commas */
    const char *time_grain; /* times are compared as they are shown: "second", "microseconds" */
    int filters_max; /* parameters beside those of pages; 0 = as many as there is room for values */
    bool repeats; /* every repetition of a parameter counts; otherwise its first value */
    kn_rest_filter *filters[KN_REST_TYPE_COUNT];
    const struct kn_rest_suffix *suffixes; /* ended by suffix == NULL; may be NULL */
    /* Bodies. */
    const struct kn_schema_words *words; /* NULL: Nova's */
    bool is_bare; /* an object stands alone, not in {"<one>": …}; so do answers */
    const char *no_object; /* words: what the body should have held; NULL: as a missing field */
    const char *no_objects; /* words: an empty list; NULL: a body holds one object, never {"<many>": […]} */
    const char *not_in_post, *not_in_put; /* words: an attribute that is only shown; NULL: as an unknown one */
    enum kn_code not_written_code;
    const char *unbuilt; /* words: attribute */
    /* Whose a new object is; NULL: the caller's project's. KN_BAD_REQUEST. */
    int (*owner)(const struct kn_request *req, const json_t *object, const char **ret, struct kn_error *err);
    /* Is the row that a PUT or DELETE is about to change the one that the request means? NULL: always. KN_PRECONDITION. */
    int (*match)(const struct kn_rest_noun *noun, const struct kn_request *req, const struct kn_rows *now,
                 struct kn_error *err);
    bool refuses_others; /* what is seen and not owned is refused by the route's rule; otherwise it is not there */
    /* Answers. */
    const char *time; /* to_char's format of a time in UTC; NULL: Nova's two (kn_rest_print_time) */
    const char
        *empty_change; /* words: noun; of a PUT that says nothing, for nouns that take attributes of the client's own */
    const char *const *reserved; /* that no attribute of the client's own may be called; ended by NULL. May be NULL */
    const char *not_found; /* words: label, id */
    const char *root; /* what stands before a noun's path in links: "/v2.1" */
    bool project_in_links; /* and then the caller's project: "/v3/" + project */
    bool root_is_path; /* links are paths, without the service's address */
    bool links_when_asked; /* a next page is offered only to whoever gave a limit */
    /* Next and previous pages in a form of the service's own, instead of "<many>_links"; next: the marker of the next page, NULL = none. */
    void (*page_links)(const struct kn_rest_list *l, const char *path, const char *next, struct kn_strbuf *out);
    /* "links" of an object; NULL: the service has none. */
    void (*links)(const struct kn_request *req, const struct kn_rest_noun *noun, const char *id, struct kn_strbuf *out);
};

extern const struct kn_schema_words KN_SCHEMA_NEUTRON;
extern const struct kn_rest_manners KN_REST_CINDER, KN_REST_GLANCE, KN_REST_KEYSTONE, KN_REST_NEUTRON, KN_REST_NOVA;

/* {"rel":"self","href":"<the service's address><root><path>/<id>"} */
void kn_rest_nova_link(const struct kn_request *req, const char *rel, const char *root, const char *path,
                       const char *id, struct kn_strbuf *out);

#endif
