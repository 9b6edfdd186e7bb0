/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os-simple-tenant-usage: what projects had of servers in a time, from the servers' lives: launched, ended, and the flavor as it was then. Deleted servers count as long
 * as their rows are kept (history.deleted_servers_days). A page is one of servers, so a project may go on in the next one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "compute/api.h"
#include "lib/base/clock.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/message.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/type.h"

#define MICROS INT64_C(1000000)
#define MICROS_OF(column) "(extract(epoch FROM " column ") * 1000000)::bigint"

enum usage_cell { U_ID, U_NAME, U_TENANT, U_FLAVOR, U_VCPUS, U_MEMORY, U_DISK, U_STATE, U_BEGAN, U_ENDED, U_COUNT };
static const char *const CELLS[] = {
    [U_ID] = "instance_id", [U_NAME] = "name",        [U_TENANT] = "tenant_id", [U_FLAVOR] = "flavor",
    [U_VCPUS] = "vcpus",    [U_MEMORY] = "memory_mb", [U_DISK] = "local_gb",    [U_STATE] = "state",
    [U_BEGAN] = "began",    [U_ENDED] = "ended",
};
_Static_assert(KN_COUNT(CELLS) == U_COUNT, "a name a cell");

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("instance_id", "s.id", KN_REST_UUID, KN_REST_LIST),
    KN_REST_ATTR("name", "s.name", KN_REST_TEXT, KN_REST_LIST),
    KN_REST_ATTR("tenant_id", "s.project_id", KN_REST_TEXT, KN_REST_LIST),
    KN_REST_ATTR("flavor", "s.flavor->>'name'", KN_REST_TEXT, KN_REST_LIST),
    KN_REST_ATTR("vcpus", "(s.flavor->>'vcpus')::bigint", KN_REST_INT, KN_REST_LIST),
    KN_REST_ATTR("memory_mb", "(s.flavor->>'memory_mib')::bigint", KN_REST_INT, KN_REST_LIST),
    KN_REST_ATTR("local_gb", "(s.flavor->>'disk_gib')::bigint + coalesce((s.flavor->>'ephemeral_gib')::bigint, 0)",
                 KN_REST_INT, KN_REST_LIST),
    KN_REST_ATTR("state", "s.vm_state", KN_REST_TEXT, KN_REST_LIST),
    KN_REST_ATTR("began", MICROS_OF("s.launched_at"), KN_REST_INT, KN_REST_LIST),
    KN_REST_ATTR("ended", MICROS_OF("s.terminated_at"), KN_REST_INT, KN_REST_LIST),
    KN_REST_ATTRS_END,
};
static const struct kn_rest_param LIST_PARAMS[] = { KN_REST_PARAM("start", NULL), KN_REST_PARAM("end", NULL),
                                                    KN_REST_PARAM("detailed", NULL), KN_REST_PARAMS_END };
static const struct kn_rest_param SHOW_PARAMS[] = { KN_REST_PARAM("start", NULL), KN_REST_PARAM("end", NULL),
                                                    KN_REST_PARAMS_END };

/* What is asked for, in microseconds since 1970. */
struct usage_period {
    int64_t start, stop, now;
};

/* --- times ------------------------------------------------------------------------------------------------------------- */

/* A fraction of one to six digits, or nothing where that is allowed. */
static bool usage_fraction(const char *text, bool may_lack, int64_t *ret)
{
    int64_t micros = 0, unit = MICROS / 10;

    if (*text == '\0' && may_lack) {
        *ret = 0;
        return true;
    }
    if (*text++ != '.' || *text == '\0') {
        return false;
    }
    for (; *text >= '0' && *text <= '9' && unit > 0; text++, unit /= 10) {
        micros += (*text - '0') * unit;
    }
    *ret = micros;
    return *text == '\0';
}

/* The three forms that Nova reads. */
static int usage_time(const char *text, int64_t *ret, struct kn_error *err)
{
    struct tm with_t = { 0 }, with_space = { 0 };
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &with_t);
    const bool has_t = rest != NULL;
    int64_t micros = 0;

    rest = has_t ? rest : strptime(text, "%Y-%m-%d %H:%M:%S", &with_space);
    if (rest == NULL || !usage_fraction(rest, has_t, &micros)) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid datetime string: Datetime is in invalid format");
    }
    *ret = (int64_t)timegm(has_t ? &with_t : &with_space) * MICROS + micros;
    return 0;
}

/* Without a word: now; the end a moment behind the start. A time to come ends now. */
static int usage_read_period(const struct kn_request *req, struct usage_period *ret, struct kn_error *err)
{
    const char *start = kn_request_query(req, "start"), *stop = kn_request_query(req, "end");
    struct usage_period period = { .now = kn_now_us() };

    period.start = period.now;
    period.stop = period.now + 1;
    if ((start != NULL && *start != '\0' && usage_time(start, &period.start, err) < 0) ||
        (stop != NULL && *stop != '\0' && usage_time(stop, &period.stop, err) < 0)) {
        return -1;
    }
    if (period.start >= period.stop) {
        return kn_fail(err, KN_BAD_REQUEST, "Invalid start time. The start time cannot occur after the end time.");
    }
    period.stop = period.stop > period.now ? period.now : period.stop;
    *ret = period;
    return 0;
}

/* Those that lived then. */
static int usage_narrow(struct kn_rest_list *l, struct kn_error *err)
{
    struct usage_period period;
    struct kn_arg start, stop;

    if (usage_read_period(l->req, &period, err) < 0) {
        return -1;
    }
    kn_rest_where(l, "%C < to_timestamp(?::bigint / 1000000.0)", "s.launched_at", kn_arg_int(&stop, period.stop));
    kn_rest_where(l, "(%C IS NULL OR s.terminated_at > to_timestamp(?::bigint / 1000000.0))", "s.terminated_at",
                  kn_arg_int(&start, period.start));
    return 0;
}

#define USAGE(links, its_params) \
    { \
        .one = "tenant_usage", .many = "tenant_usages", .label = "Instance", .path = "/os-simple-tenant-usage", \
        .from = "server s", .id = "s.id", .id_type = KN_REST_UUID, .visible = "s.project_id = ?", \
        .order = "tenant_id", .ascending = true, .ties = "instance_id", .unsorted = true, .pages_since = 40, \
        .strict_since = 75, .links_key = links, .attrs = ATTRS, .params = its_params, .narrow = usage_narrow, \
        .manners = &KN_REST_NOVA \
    }
static const struct kn_rest_noun OF_ALL = USAGE("tenant_usages_links", LIST_PARAMS);
static const struct kn_rest_noun OF_ONE = USAGE("tenant_usage_links", SHOW_PARAMS);

/* --- what is answered -------------------------------------------------------------------------------------------------- */

struct usage_page {
    const struct kn_request *req;
    const struct kn_rest_noun *noun;
    const struct kn_rest_list *list;
    const struct kn_rows *rows;
    struct usage_period period;
    int count;
};

static const char *usage_cell(const struct usage_page *page, int i, enum usage_cell cell)
{
    const char *text = kn_rest_cell(page->noun, page->req, KN_REST_LIST, CELLS[cell], page->rows,
                                    kn_rest_page_row(page->list, page->count, i));

    return text != NULL ? text : "";
}

static int64_t usage_number(const struct usage_page *page, int i, enum usage_cell cell)
{
    return strtoll(usage_cell(page, i, cell), NULL, 10);
}

static bool usage_is_over(const struct usage_page *page, int i)
{
    return *usage_cell(page, i, U_ENDED) != '\0';
}

/* How long of the period it lived. */
static double usage_hours(const struct usage_page *page, int i)
{
    const int64_t began = usage_number(page, i, U_BEGAN), ended = usage_number(page, i, U_ENDED);
    const int64_t from = began > page->period.start ? began : page->period.start;
    const int64_t to = usage_is_over(page, i) && ended < page->period.stop ? ended : page->period.stop;

    return to > from ? (double)(to - from) / (double)MICROS / 3600.0 : 0;
}

static void usage_real(struct kn_strbuf *sb, const char *key, double value)
{
    json_auto_t *number = json_real(value);
    AUTO_FREE char *text = json_dumps(number, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

    kn_jsonw_raw(sb, key, text);
}

/* As Nova writes it: no zone. */
static void usage_stamp(struct kn_strbuf *sb, const char *key, int64_t micros)
{
    const time_t seconds = (time_t)(micros / MICROS);
    struct tm tm = { 0 };
    char day[32], text[64];

    gmtime_r(&seconds, &tm);
    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text, sizeof(text), "%s.%06lld", day, (long long)(micros % MICROS));
    kn_jsonw_str(sb, key, text);
}

static void usage_write_server(struct kn_strbuf *sb, const struct usage_page *page, int i)
{
    static const enum usage_cell TEXTS[] = { U_ID, U_NAME, U_TENANT, U_FLAVOR },
                                 NUMBERS[] = { U_VCPUS, U_MEMORY, U_DISK };
    const bool over = usage_is_over(page, i);
    const int64_t began = usage_number(page, i, U_BEGAN), ended = usage_number(page, i, U_ENDED);

    kn_jsonw_object(sb, NULL);
    for (size_t c = 0; c < KN_COUNT(TEXTS); c++) {
        kn_jsonw_str(sb, CELLS[TEXTS[c]], usage_cell(page, i, TEXTS[c]));
    }
    for (size_t c = 0; c < KN_COUNT(NUMBERS); c++) {
        kn_jsonw_int(sb, CELLS[NUMBERS[c]], usage_number(page, i, NUMBERS[c]));
    }
    usage_real(sb, "hours", usage_hours(page, i));
    usage_stamp(sb, "started_at", began);
    if (over) {
        usage_stamp(sb, "ended_at", ended);
    } else {
        kn_jsonw_null(sb, "ended_at");
    }
    kn_jsonw_str(sb, "state", over ? "terminated" : usage_cell(page, i, U_STATE));
    kn_jsonw_int(sb, "uptime", ((over ? ended : page->period.now) - began) / MICROS);
    kn_jsonw_end_object(sb);
}

/* The servers from `from` on that are of one project; the row behind them is returned. */
static int usage_write_tenant(struct kn_strbuf *sb, const char *key, const struct usage_page *page, int from,
                              bool detailed)
{
    double total = 0, disk = 0, memory = 0, vcpus = 0;
    AUTO_FREE char *tenant = kn_strdup(usage_cell(page, from, U_TENANT));
    int to = from;

    for (; to < page->count && strcmp(usage_cell(page, to, U_TENANT), tenant) == 0; to++) {
        const double hours = usage_hours(page, to);

        total += hours;
        disk += hours * (double)usage_number(page, to, U_DISK);
        memory += hours * (double)usage_number(page, to, U_MEMORY);
        vcpus += hours * (double)usage_number(page, to, U_VCPUS);
    }
    kn_jsonw_object(sb, key);
    kn_jsonw_str(sb, "tenant_id", tenant);
    if (detailed) {
        kn_jsonw_array(sb, "server_usages");
        for (int i = from; i < to; i++) {
            usage_write_server(sb, page, i);
        }
        kn_jsonw_end_array(sb);
    }
    usage_real(sb, "total_local_gb_usage", disk);
    usage_real(sb, "total_vcpus_usage", vcpus);
    usage_real(sb, "total_memory_mb_usage", memory);
    usage_real(sb, "total_hours", total);
    usage_stamp(sb, "start", page->period.start);
    usage_stamp(sb, "stop", page->period.stop);
    kn_jsonw_end_object(sb);
    return to;
}

#define LIST_OF(its_noun, its_bounds) \
    { \
        .req = req, .noun = its_noun, .view = KN_REST_LIST, .bounds = its_bounds, .query = KN_REST_QUERY_INIT, \
        .sees_all = kn_rest_reaches_all(req), .marks_all = kn_rest_reaches_all(req) \
    }

/* The page's servers. rows: as kn_rest_rows(), with what tells of the next page in l. */
static int usage_find(struct kn_rest_list *l, struct usage_page *page, struct kn_rows **ret_rows, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_query) struct kn_rest_query sql = KN_REST_QUERY_INIT;

    if (usage_read_period(page->req, &page->period, err) < 0 || kn_rest_list_read(l, err) < 0) {
        return -1;
    }
    if (!l->is_empty && (kn_rest_list_sql(l, &sql, err) < 0 || kn_rest_run(&sql, page->req->db, ret_rows, err) < 0)) {
        return -1;
    }
    page->list = l;
    page->rows = *ret_rows;
    page->count = kn_rest_page_count(l, *ret_rows);
    return 0;
}

int kn_compute_usages_list(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    AUTO_RELEASE(kn_rest_list) struct kn_rest_list l = LIST_OF(&OF_ALL, NULL);
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct usage_page page = { .req = req, .noun = &OF_ALL };
    const char *detailed = kn_request_query(req, "detailed");

    if (usage_find(&l, &page, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "tenant_usages");
    for (int i = 0; i < page.count;) {
        i = usage_write_tenant(&res->body, NULL, &page, i, detailed != NULL && strcmp(detailed, "1") == 0);
    }
    kn_jsonw_end_array(&res->body);
    kn_rest_page_links(&l, NULL, rows, &res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}

int kn_compute_usages_show(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    const struct kn_rest_bound of_project[] = { { "s.project_id = ?", req->params[0] }, { NULL, NULL } };
    AUTO_RELEASE(kn_rest_list) struct kn_rest_list l = LIST_OF(&OF_ONE, of_project);
    AUTO_FREE char *path = kn_asprintf("/os-simple-tenant-usage/%s", req->params[0]);
    AUTO(kn_rows) struct kn_rows *rows = NULL;
    struct usage_page page = { .req = req, .noun = &OF_ONE };

    if (kn_policy_check(KN_NOVA_USAGE, &req->caller, &(struct kn_target){ .project_id = req->params[0] }, err) < 0 ||
        usage_find(&l, &page, &rows, err) < 0) {
        return -1;
    }
    kn_jsonw_object(&res->body, NULL);
    if (page.count == 0) {
        kn_jsonw_raw(&res->body, "tenant_usage", "{}");
    } else {
        usage_write_tenant(&res->body, "tenant_usage", &page, 0, true);
    }
    kn_rest_page_links(&l, path, rows, &res->body);
    kn_jsonw_end_object(&res->body);
    return 0;
}
