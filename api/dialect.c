/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the shapes of errors. The words come from the layer that knew the cause; this file only wraps them. Every 401 is Keystone's,
 * because in OpenStack one middleware answers it for all services.
 */
#include "api/dialect.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/jsonw.h"
#include "lib/base/mem.h"

/* Statuses that differ from the code's own. */
static const struct {
    enum kn_dialect dialect;
    enum kn_code code;
    int status;
} STATUSES[] = {
    { KN_DIALECT_CINDER, KN_QUOTA, 413 },
    { KN_DIALECT_NEUTRON, KN_QUOTA, 409 },
    { KN_DIALECT_GLANCE, KN_QUOTA, 413 },
};

int kn_api_dialect_status(enum kn_dialect dialect, enum kn_code code)
{
    for (size_t i = 0; i < KN_COUNT(STATUSES); i++) {
        if (STATUSES[i].dialect == dialect && STATUSES[i].code == code) {
            return STATUSES[i].status;
        }
    }
    return kn_code_status(code);
}

/* Nova and Cinder look for method and path at once: a wrong method is no route. */
bool kn_api_dialect_knows_405(enum kn_dialect dialect)
{
    return dialect != KN_DIALECT_NOVA && dialect != KN_DIALECT_CINDER;
}

struct shown {
    const struct kn_api_dialect_ask *ask;
    enum kn_code code;
    int status;
    const char *title;
    const char *message;
    const char *name;
};

static const char *fault_of(const struct shown *s)
{
    return s->status == 413 ? "overLimit" : kn_code_fault(s->code);
}

static void write_nova(const struct shown *s, struct kn_response *res)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, fault_of(s));
    kn_jsonw_int(&res->body, "code", s->status);
    kn_jsonw_str(&res->body, "message", s->message);
    if (s->status == 413 || s->status == 429) {
        kn_jsonw_int(&res->body, "retryAfter", 0);
    }
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
}

static void write_keystone(const struct shown *s, struct kn_response *res)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "error");
    kn_jsonw_int(&res->body, "code", s->status);
    kn_jsonw_str(&res->body, "message", s->message);
    kn_jsonw_str(&res->body, "title", s->title);
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
}

/* As WebOb calls it, from whom Neutron has what it has no word of its own for: "Method Not Allowed" is HTTPMethodNotAllowed. */
static void neutron_name_plain(enum kn_code code, char *out, size_t size)
{
    size_t len = strlen("HTTP");

    kn_copy(out, size, "HTTP");
    for (const char *at = kn_code_title(code); *at != '\0' && len + 1 < size; at++) {
        if (isalpha((unsigned char)*at)) {
            out[len++] = *at;
        }
    }
    out[len] = '\0';
}

/* Its own words have types of their own, which whoever failed has named: what a noun calls its absence stands in its table. */
static void neutron_type(const struct shown *s, char *out, size_t size)
{
    static const struct {
        enum kn_code code;
        const char *type;
    } TYPES[] = {
        { KN_BAD_REQUEST, "HTTPBadRequest" },
        { KN_FORBIDDEN, "PolicyNotAuthorized" },
        { KN_QUOTA, "OverQuota" },
        { KN_NOT_FOUND, "HTTPNotFound" },
        { KN_CONFLICT, "Conflict" },
        { KN_NOT_IMPLEMENTED, "NotImplementedError" },
        { KN_UNAVAILABLE, "ServiceUnavailable" },
        { KN_INTERNAL, "HTTPInternalServerError" },
    };

    neutron_name_plain(s->code, out, size);
    for (size_t i = 0; i < KN_COUNT(TYPES); i++) {
        if (TYPES[i].code == s->code) {
            kn_copy(out, size, TYPES[i].type);
        }
    }
    if (s->name[0] != '\0') {
        kn_copy(out, size, s->name);
    }
}

static void write_neutron(const struct shown *s, struct kn_response *res)
{
    char type[64];

    neutron_type(s, type, sizeof(type));
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_object(&res->body, "NeutronError");
    kn_jsonw_str(&res->body, "type", type);
    kn_jsonw_str(&res->body, "message", s->message);
    kn_jsonw_str(&res->body, "detail", "");
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_object(&res->body);
}

static void write_html(const struct shown *s, struct kn_response *res)
{
    res->content_type = "text/html; charset=UTF-8";
    kn_strbuf_addf(&res->body, "<html>\n <head>\n  <title>%d %s</title>\n </head>\n <body>\n  <h1>%d %s</h1>\n  ",
                   s->status, s->title, s->status, s->title);
    kn_strbuf_addxml(&res->body, s->message);
    kn_strbuf_addstr(&res->body, "<br /><br />\n\n\n </body>\n</html>");
}

static void write_plain(const struct shown *s, struct kn_response *res)
{
    res->content_type = "text/plain; charset=UTF-8";
    kn_strbuf_addf(&res->body, "%d %s\n\n%s\n\n", s->status, s->title, s->message);
}

/* WebOb's own page: what Glance answers always, and Nova and Cinder for a path that leads nowhere. */
static void write_webob(const struct shown *s, struct kn_response *res)
{
    const char *accept = s->ask->accept != NULL ? s->ask->accept : "";

    if (!s->ask->plain && strstr(accept, "json") != NULL) {
        AUTO_FREE char *message = kn_asprintf("%s<br /><br />\n\n\n", s->message);
        AUTO_FREE char *code = kn_asprintf("%d %s", s->status, s->title);
        kn_jsonw_object(&res->body, NULL);
        kn_jsonw_str(&res->body, "message", message);
        kn_jsonw_str(&res->body, "code", code);
        kn_jsonw_str(&res->body, "title", s->title);
        kn_jsonw_end_object(&res->body);
    } else if (!s->ask->plain && (strstr(accept, "text/html") != NULL || strstr(accept, "*/*") != NULL)) {
        write_html(s, res);
    } else {
        write_plain(s, res);
    }
}

static void write_placement(const struct shown *s, struct kn_response *res)
{
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_array(&res->body, "errors");
    kn_jsonw_object(&res->body, NULL);
    kn_jsonw_int(&res->body, "status", s->status);
    kn_jsonw_str(&res->body, "title", s->title);
    kn_jsonw_str(&res->body, "detail", s->message);
    kn_jsonw_str(&res->body, "request_id", s->ask->request_id);
    kn_jsonw_str(&res->body, "code", "placement.undefined_code");
    kn_jsonw_end_object(&res->body);
    kn_jsonw_end_array(&res->body);
    kn_jsonw_end_object(&res->body);
}

static void (*const WRITERS[])(const struct shown *, struct kn_response *) = {
    [KN_DIALECT_NOVA] = write_nova,    [KN_DIALECT_KEYSTONE] = write_keystone, [KN_DIALECT_NEUTRON] = write_neutron,
    [KN_DIALECT_GLANCE] = write_webob, [KN_DIALECT_CINDER] = write_nova,       [KN_DIALECT_PLACEMENT] = write_placement,
};
_Static_assert(KN_COUNT(WRITERS) == KN_DIALECT_PLACEMENT + 1, "every dialect has a writer");

static const char *title_of(int status, enum kn_code code)
{
    return status == 413   ? kn_code_title(KN_TOO_LARGE)
           : status == 409 ? kn_code_title(KN_CONFLICT)
                           : kn_code_title(code);
}

static void dialect_add_headers(const struct kn_api_dialect_ask *ask, int status, struct kn_response *res)
{
    if (status == 401) {
        AUTO_FREE char *keystone = kn_asprintf("Keystone uri=\"%s\"", ask->identity_url);
        kn_response_header(res, "WWW-Authenticate", keystone);
    }
    if (status == 413 || status == 429 || status == 503) {
        kn_response_header(res, "Retry-After", status == 413 ? "0" : "1");
    }
}

void kn_api_dialect_error(const struct kn_api_dialect_ask *ask, const struct kn_error *err, struct kn_response *res)
{
    int status = kn_api_dialect_status(ask->dialect, err->code);
    AUTO_FREE char *hinted = err->hint[0] != '\0' ? kn_asprintf("%s (%s)", err->message, err->hint) : NULL;
    const char *kind = err->code == KN_INTERNAL ? "Unexpected API Error" : kn_code_title(err->code);
    AUTO_FREE char *hidden = kn_asprintf("%s. The log says more under %s.", kind, ask->request_id);
    const struct shown s = {
        .ask = ask,
        .code = err->code,
        .status = status,
        .title = title_of(status, err->code),
        .message = err->code == KN_INTERNAL || err->is_private ? hidden
                   : hinted != NULL                            ? hinted
                                                               : err->message,
        .name = err->name,
    };
    bool by_framework = ask->unrouted && (ask->dialect == KN_DIALECT_NOVA || ask->dialect == KN_DIALECT_CINDER);

    kn_strbuf_clear(&res->body);
    res->status = status;
    res->content_type = "application/json";
    dialect_add_headers(ask, status, res);
    if (status == 401) {
        write_keystone(&s, res);
    } else if (by_framework) {
        write_webob(&s, res);
    } else {
        WRITERS[ask->dialect](&s, res);
    }
}
