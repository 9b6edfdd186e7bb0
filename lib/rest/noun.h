/* SPDX-License-Identifier: Apache-2.0 */
/*
 * noun: what a service shows, lists, filters, sorts, takes and writes, as tables. A noun is a table of attributes; what the five
 * services do differently (limits, the grammar of sorting, unknown filters, words, links) is a row of manners each (manners.c).
 *
 *   static const struct kn_rest_attr ATTRS[] = {
 *       KN_REST_ATTR("id", "t.id", KN_REST_UUID, KN_REST_ALWAYS | KN_REST_FIND),
 *       KN_REST_ATTR("name", "t.name", KN_REST_TEXT, KN_REST_ALWAYS | KN_REST_WRITE | KN_REST_REQUIRED, .column = "name", .limit = KN_LIMIT_VOLUME_NAME),
 *       KN_REST_ATTRS_END,
 *   };
 *   static const struct kn_rest_noun TYPE = { "volume_type", "volume_types", "Volume type", .from = "volume_type t", .id = "t.id", … };
 *
 * docs/adding.md walks through one.
 */
#ifndef KN_REST_NOUN_H
#define KN_REST_NOUN_H

#include "lib/adapter/http.h"
#include "lib/domain/limits.h"
#include "lib/domain/schema.h"
#include "lib/rest/query.h"

enum kn_rest_type {
    KN_REST_TEXT,
    KN_REST_UUID,
    KN_REST_INT,
    KN_REST_REAL,   /* shown with a point, as floats are */
    KN_REST_BOOL,
    KN_REST_TIME,   /* the expression is a timestamptz; shown as the service writes times */
    KN_REST_JSON,   /* a finished value; neither filtered nor sorted by itself */
    KN_REST_INET,
    KN_REST_CIDR,
    KN_REST_MAC,
    KN_REST_TAGS,   /* text[] */
    KN_REST_LINKS,  /* no column: the service's links of one object */
    KN_REST_MEMBERS, /* a JSON object whose members stand beside the attributes, as what clients made up; its own name is shown nowhere */
    KN_REST_TYPE_COUNT
};

/* What may be done with an attribute; by whom, say its rules. */
enum {
    KN_REST_BRIEF = 1, /* is in short lists */
    KN_REST_LIST = 2, /* in long ones */
    KN_REST_SHOW = 4, /* in the answer to GET of one */
    KN_REST_CHANGED = 8, /* in the answer to POST and PUT */
    KN_REST_SHOWN = KN_REST_LIST | KN_REST_SHOW | KN_REST_CHANGED,
    KN_REST_ALWAYS = KN_REST_SHOWN | KN_REST_BRIEF,
    KN_REST_FILTER = 16,
    KN_REST_SORT = 32,
    KN_REST_FIND = KN_REST_FILTER | KN_REST_SORT,
    KN_REST_POST = 64,
    KN_REST_PUT = 128,
    KN_REST_WRITE = KN_REST_POST | KN_REST_PUT,
    KN_REST_REQUIRED = 256, /* in POST; KN_REST_PUT_REQUIRED: in PUT */
    KN_REST_NULL = 512, /* may be NULL: sorted in the place that the service gives it; null may be sent */
    KN_REST_IF_SET = 4096, /* not shown while it is empty */
    KN_REST_EXACT = 8192, /* a body's boolean or number is JSON's own: no word stands for it */
    KN_REST_UNIQUE = 16384, /* no item of a body's list is there twice */
    KN_REST_NULL_IS_NOTHING = 32768, /* null may be sent and says nothing: as if the attribute were not named */
    KN_REST_UNBUILT = 65536, /* clients send it; only false, what is empty and, with KN_REST_NULL, null are taken */
    KN_REST_EXTRA = 1 << 17, /* a view beside the others, for who asks for more (with_servers) */
    KN_REST_FINE = 1 << 18, /* a time with microseconds and no zone, where the service writes others in seconds */
    KN_REST_SHARED =
        1 << 19, /* many rows of a list have the same value: what was written for one is copied to the next */
    KN_REST_PUT_REQUIRED = 1 << 20,
    KN_REST_ELSEWHERE = 1 << 24, /* the noun's own functions write it in a PUT, too, whose body may not */
    KN_REST_CLEAR = 1 << 21, /* null may be sent: the row has then what it has of which nothing was said */
    KN_REST_AGAIN = 1 << 22, /* has the SQL of an attribute before it: they share a column where both are shown */
};

/* A view of whatever has SQL, whoever asks: what a noun's own functions read (kn_rest_was). */
#define KN_REST_NOW (1u << 31)

struct kn_rest_list;
struct kn_rest_attr;

/* One of those that become rows together. */
struct kn_rest_new {
    struct kn_request *req;
    const char *id;
    json_t *object;
};

/* Adds the conditions for one parameter of the query string. key: as it was sent, which is not always the attribute's name. */
typedef int kn_rest_filter(struct kn_rest_list *l, const struct kn_rest_attr *a, const char *key, const char *value,
                           struct kn_error *err);

struct kn_rest_attr {
    const char *name; /* NULL ends a table */
    const char *sql; /* an expression over the noun's `from`; NULL: nothing to show (it is only written, or links) */
    enum kn_rest_type type;
    unsigned may;
    int since, until; /* minor microversions, 0 = no bound */
    kn_rest_filter *filter; /* NULL: as the service filters by this type */
    /*
     * Writes the member itself, or several or none: where a value means something else to each caller, or is what clients know under another
     * shape. value: the text, "" for NULL and without sql. NULL: as the type is written.
     */
    void (*print)(const struct kn_request *req, const char *name, const char *value, struct kn_strbuf *out);
    enum kn_rule read; /* who is shown it and may filter and sort by it; KN_RULE_NONE: everybody */
    enum kn_rule post, put; /* who may write it */
    /*
     * Writing: the column that a POST or PUT fills; NULL: the noun's own functions do. Without KN_REST_WRITE no body says it, but these functions
     * may. The rest is struct kn_schema's.
     */
    const char *column;
    const char *
        form; /* of the value in a statement: '?' the value, "%C" what stands there (NULL in an INSERT); NULL: by the type */
    const char *fixed; /* words ("%1" the noun): a PUT may repeat it and not change it */
    enum kn_code fixed_code; /* 0: KN_BAD_REQUEST */
    enum kn_limit limit;
    const struct kn_text_rule *rule;
    const char *const *words;
    const struct kn_schema *inner;
    const char *doc; /* what a schema that clients fetch says of it; may be NULL */
    enum kn_shape inner_shape; /* of a KN_REST_JSON: KN_IS_MAP, KN_IS_OBJECT, KN_IS_LIST, … */
};

/* KN_REST_ATTR(name, sql, type, may, .field = …): a row. */
#define KN_REST_ATTR(n, s, t, ...) \
    { \
        .name = n, .sql = s, .type = t, .may = __VA_ARGS__ \
    }
#define KN_REST_ATTRS_END \
    { \
        .name = NULL \
    }

/* A parameter of lists that is no attribute which this caller may filter by. add NULL: known, and read elsewhere. */
struct kn_rest_param {
    const char *name; /* NULL ends a table */
    kn_rest_filter *add;
    int since; /* minor microversion, 0 = always */
    enum kn_rule rule; /* who may use it: others' is passed over. KN_RULE_NONE: everybody may */
    int ruled_until; /* the last minor microversion for which that holds; 0 = it always does */
    const char *sql; /* the function's own: an expression, a condition */
    enum kn_rest_type type; /* of the expression */
};

/* KN_REST_PARAM(name, add, .field = …): a row. */
#define KN_REST_PARAM(n, ...) \
    { \
        .name = n, .add = __VA_ARGS__ \
    }
#define KN_REST_PARAMS_END \
    { \
        .name = NULL \
    }

/* What a violated constraint means. */
struct kn_rest_clash {
    const char *constraint; /* "": any other; NULL ends a table */
    enum kn_code code;
    const char *words; /* "%1" the object's name, "%2" its id */
};
#define KN_REST_NEVER 10000 /* a minor microversion that does not come */

struct kn_rest_manners;

/*
 * What rows count as: project, resource (lib/domain/quota.h), amount of those with the ids $1 (an array) and of all that goes with them. Taken behind a
 * POST, given back behind a DELETE, as the transaction's last statement.
 */
struct kn_rest_counts {
    const char *service;
    struct kn_stmt stmt;
    bool moves; /* a PUT may change it, too */
};

struct kn_rest_noun {
    const char *one, *many; /* "volume", "volumes" */
    const char *label; /* as errors name it: "Volume" */
    const char *absent; /* words for what does not exist; NULL: the manners' */
    const char *absent_name; /* what the service calls that error; NULL: as its dialect calls what is not found */
    const char *
        path; /* where it lives, for links: "/volumes"; "{}" in it: the request's first parameter, where the service has that */
    const char *from; /* "volume v" */
    const char
        *lists_from; /* where lists join, each row's none or one, what one object looks for by itself; NULL: from */
    const char *id; /* "v.id": what a path names */
    enum kn_rest_type id_type; /* KN_REST_UUID: what is none is absent, before any SQL */
    /* What is seen by whoever the route's rule does not let at everybody's (kn_rest_reaches_all); each '?' is his project. NULL: everything */
    const char *visible;
    const char *kept; /* a condition that holds for every row that is listed or shown; NULL: none */
    const char *ties; /* attributes that make every order total: "created_at,id" */
    const char *order; /* the default order: an attribute's name */
    bool ascending; /* the direction where none is said */
    bool unsorted; /* nobody else's order: sort_key and sort_dir are parameters that it does not know */
    int pages_since; /* before this minor microversion there are no pages: everything, whatever limit and marker say */
    bool by_offset; /* its pages begin at offset=, not behind a marker, and have no links; limit=0 is no limit */
    int strict_since; /* unknown parameters are refused from here on; 0: as the manners say */
    bool boxed; /* in lists each stands in an object of its own: {"keypairs": [{"keypair": {…}}]} */
    const char *links_key; /* of the next page; NULL: "<many>_links" */
    const struct kn_rest_attr *attrs;
    const struct kn_rest_param *params; /* may be NULL */
    const struct kn_rest_manners *manners;
    bool any_marker; /* a marker that names nothing he sees is none: the list is from its beginning */
    bool absent_marker; /* a marker that is none is said to be absent, whatever the manners say */
    bool is_map; /* lists are {"<many>": {id: {…}}} */
    bool is_unpaged; /* lists offer no other pages */
    int64_t limit_default; /* instead of the manners'; 0: theirs */
    kn_rest_filter *other; /* a parameter that nobody knows, instead of the manners; NULL: as they say */
    /* Conditions that do not come from one parameter (all_tenants, deleted). After the parameters. May be NULL. */
    int (*narrow)(struct kn_rest_list *l, struct kn_error *err);
    /* Rows before any of them is shown: whether they can be. May be NULL. */
    int (*vet)(struct kn_request *req, unsigned view, const struct kn_rows *rows, struct kn_error *err);
    const char *columns; /* a SELECT list that begins with the id, for `print` to show alone; NULL: the table's */
    /* Members behind those of the table, or all of them. May be NULL. */
    void (*print)(const struct kn_request *req, const struct kn_rest_noun *noun, const struct kn_rows *rows, int row,
                  unsigned view, struct kn_strbuf *out);
    /* Writing (write.h); a noun that is only read has none of it. */
    const struct kn_schema *body; /* what a body holds, where attributes alone do not say it; NULL: they do */
    const char *table; /* "volume_type"; its key is `id`'s column */
    const char *owned; /* what such a caller may change, of what he sees; each '?' is his project. NULL: all of it */
    const char *
        project_column; /* that an INSERT fills with the owner (as a rule the caller's project), and user_column with the caller; NULL: none */
    const char *user_column;
    const char *lock; /* behind the SELECT of a row that changes; NULL: " FOR UPDATE" */
    bool hides_others; /* what is seen and not owned is not there for a PUT or DELETE, whatever the manners say */
    bool seen_may_go; /* whoever sees one may delete it, `owned` or not */
    bool is_timeless; /* rows have no updated_at */
    enum kn_limit many_limit; /* how many one POST makes (kn_rest_create_many) */
    /* The new one's id, if a client or the object says it; *ret_id stays NULL: it is made. May be NULL. */
    int (*choose_id)(struct kn_request *req, const json_t *object, const char **ret_id, struct kn_error *err);
    /*
     * All that follows may be NULL. object: the checked inner one; the functions may put into it what no body says and the row needs.
     * Before the transaction: what a body may not say, beyond its attributes; what takes time.
     */
    int (*check)(struct kn_request *req, json_t *object, struct kn_error *err);
    /* In the transaction, the row being held: whether it may be. now: the row as it was (kn_rest_was), NULL: it is new; object NULL: it goes. */
    int (*decide)(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                  struct kn_error *err);
    /* In the transaction, behind the row: what stands beside it. */
    int (*after)(struct kn_request *req, const char *id, const struct kn_rows *now, json_t *object,
                 struct kn_error *err);
    /* Behind each commit, once: who is to be told. Cannot fail. changed: {id: what the functions above left of its object}; null: that one went. */
    void (*tell)(struct kn_request *req, const json_t *changed);
    const struct kn_rest_counts *counts; /* what its rows count as in a quota; NULL: nothing */
    /* Locks that go before the row's own, so that everybody takes them in one order. The caller may turn out to see no such row. */
    int (*before_lock)(struct kn_request *req, const char *id, struct kn_error *err);
    /* Instead of an INSERT out of the table: of many at once, all of which were decided. */
    int (*insert_many)(const struct kn_rest_new *news, int count, struct kn_error *err);
    /* Where POSTs that come at once share their transaction; NULL: each has its own. Those of whose objects `shares` is false stay alone. */
    struct kn_convoy *convoy;
    bool (*shares)(const json_t *object);
    /* Was the KN_CONFLICT of a POST or PUT a race that a new try can win? NULL: never. */
    bool (*raced)(const struct kn_db *db);
    const struct kn_rest_clash *clashes;
    const char *in_use; /* words ("%1" the label, "%2" the id): KN_FORBIDDEN for a DELETE that a constraint refuses */
    /* What a violated constraint means, where words are not enough. Returns -1. */
    int (*clash)(struct kn_request *req, const char *constraint, const json_t *object, struct kn_error *err);
};

/* The attribute of that name which this caller may see at his microversion and of which all of `may` may be done (a name may have several rows, one shown and one filtered by); NULL = none. */
const struct kn_rest_attr *kn_rest_attr(const struct kn_rest_noun *noun, const struct kn_request *req, const char *name,
                                        size_t len, unsigned may);
bool kn_rest_readable(const struct kn_rest_attr *a, const struct kn_request *req);
/* Does the rule of the route let the caller at what is others'? Otherwise `visible` and `owned` bound him. */
bool kn_rest_reaches_all(const struct kn_request *req);
/* A service's words: "%1" of them is the name, "%2" the value, each cut to the characters that 100 bytes hold. Returns -1. */
int kn_rest_fail(struct kn_error *err, enum kn_code code, const char *words, const char *name, const char *value);
/* KN_NOT_FOUND in the service's words. Returns -1. */
int kn_rest_not_found(const struct kn_rest_noun *noun, const char *id, struct kn_error *err);

#endif
