/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl as a client of the cloud (see cloud.h). A password or token never appears in a message; what the cloud answers does, because
 * it says why.
 */
#include "cli/cloud.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/clouds.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"
#include "lib/domain/message.h"

#define CONNECT_TIMEOUT_S 15L
#define ANSWER_MAX ((size_t)16 << 20)
#define UPLOAD_BYTES (512L << 10)

struct kn_cli_cloud {
    CURL *curl;
    char *token;
    char *endpoint;      /* of the service, without a slash at its end */
};

struct answer {
    struct kn_strbuf body;
    struct kn_strbuf token; /* X-Subject-Token */
    kn_cli_cloud_source *source;
    void *ctx;
    struct kn_error own;    /* of the source */
};

static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *env_or(const char *name, const char *otherwise)
{
    const char *value = env(name);

    return value != NULL ? value : otherwise;
}

/* --- one request ------------------------------------------------------------------------------------------------------ */

static size_t cloud_on_body(char *data, size_t one, size_t len, void *ctx)
{
    struct answer *a = ctx;

    (void)one;
    if (a->body.len + len > ANSWER_MAX) {
        return 0;
    }
    kn_strbuf_add(&a->body, data, len);
    return len;
}

static size_t on_header(char *data, size_t one, size_t len, void *ctx)
{
    static const char NAME[] = "X-Subject-Token:";
    struct answer *a = ctx;

    (void)one;
    if (len > sizeof(NAME) && strncasecmp(data, NAME, sizeof(NAME) - 1) == 0) {
        size_t from = sizeof(NAME) - 1, to = len;

        while (from < to && data[from] == ' ') {
            from++;
        }
        while (to > from && (data[to - 1] == '\r' || data[to - 1] == '\n' || data[to - 1] == ' ')) {
            to--;
        }
        kn_strbuf_clear(&a->token);
        kn_strbuf_add(&a->token, data + from, to - from);
    }
    return len;
}

static size_t on_wanted(char *out, size_t one, size_t size, void *ctx)
{
    struct answer *a = ctx;
    const int64_t n = a->source(a->ctx, out, one * size, &a->own);

    return n < 0 ? CURL_READFUNC_ABORT : (size_t)n;
}

static void answer_release(struct answer *a)
{
    kn_strbuf_release(&a->body);
    kn_strbuf_release(&a->token);
}

/* What the body says was wrong: Keystone, Glance and the others each in their own words. */
static void add_reason(struct kn_strbuf *out, const char *body)
{
    json_t *json = json_loads(body, 0, NULL);
    const json_t *inner = json_object_get(json, "error");
    const char *message = kn_json_str(inner != NULL ? inner : json, "message");

    kn_strbuf_addstr(out, message[0] != '\0' ? message : body);
    json_decref(json);
    char *const tail = strstr(out->buf, "<br");
    if (tail != NULL) {
        *tail = '\0';
    }
}

static int cloud_judge(CURLcode code, long status, const struct answer *a, struct kn_error *err)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf reason = KN_STRBUF_INIT;

    if (a->own.code != KN_OK) {
        *err = a->own;
        return -1;
    }
    if (code != CURLE_OK && status < 400) {
        return kn_fail(err, KN_UNAVAILABLE, "the cloud cannot be asked: %s", curl_easy_strerror(code));
    }
    if (status >= 400) {
        add_reason(&reason, a->body.buf);
        return kn_fail(err, status == 404 ? KN_NOT_FOUND : KN_CONFLICT, "the cloud answered %ld: %.512s", status,
                       reason.buf);
    }
    return 0;
}

static struct curl_slist *headers_of(const struct kn_cli_cloud *c, const char *type)
{
    AUTO_FREE char *token = kn_asprintf("X-Auth-Token: %s", c->token != NULL ? c->token : "");
    AUTO_FREE char *content = kn_asprintf("Content-Type: %s", type);
    struct curl_slist *list = curl_slist_append(NULL, content);

    list = curl_slist_append(list, "Accept: application/json");
    list = curl_slist_append(
        list,
        "OpenStack-API-Version: compute 2.13, volume 3.14"); /* from which a server group says whose it is, and there are snapshots of volumes' groups */
    return c->token != NULL ? curl_slist_append(list, token) : list;
}

static void set_common(CURL *curl, const char *method, const char *url, struct curl_slist *headers, struct answer *a)
{
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, cloud_on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
    if (env("OS_CACERT") != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, env("OS_CACERT"));
    }
}

static int perform(CURL *curl, const struct answer *a, struct kn_error *err)
{
    const CURLcode code = curl_easy_perform(curl);
    long status = 0;

    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return cloud_judge(code, status, a, err);
}

static int cloud_ask(struct kn_cli_cloud *c, const char *method, const char *url, const json_t *body, struct answer *a,
                     struct kn_error *err)
{
    AUTO_FREE char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    struct curl_slist *headers = headers_of(c, "application/json");

    set_common(c->curl, method, url, headers, a);
    if (text != NULL) {
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, text);
    }
    const int rc = perform(c->curl, a, err);
    curl_slist_free_all(headers);
    return rc;
}

int kn_cli_cloud_ask(struct kn_cli_cloud *c, const char *method, const char *path, const json_t *body,
                     json_t **ret_body, struct kn_error *err)
{
    AUTO_FREE char *url = kn_asprintf("%s%s", c->endpoint, path);
    AUTO_RELEASE(answer) struct answer a = { .body = KN_STRBUF_INIT, .token = KN_STRBUF_INIT };

    if (cloud_ask(c, method, url, body, &a, err) < 0) {
        return -1;
    }
    if (ret_body != NULL) {
        *ret_body = json_loads(a.body.buf, 0, NULL);
    }
    return 0;
}

int kn_cli_cloud_send(struct kn_cli_cloud *c, const char *path, int64_t size, kn_cli_cloud_source *source, void *ctx,
                      struct kn_error *err)
{
    AUTO_FREE char *url = kn_asprintf("%s%s", c->endpoint, path);
    AUTO_RELEASE(answer)
    struct answer a = { .body = KN_STRBUF_INIT, .token = KN_STRBUF_INIT, .source = source, .ctx = ctx };
    struct curl_slist *headers = headers_of(c, "application/octet-stream");

    set_common(c->curl, "PUT", url, headers, &a);
    curl_easy_setopt(c->curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(c->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
    curl_easy_setopt(c->curl, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BYTES);
    curl_easy_setopt(c->curl, CURLOPT_READFUNCTION, on_wanted);
    curl_easy_setopt(c->curl, CURLOPT_READDATA, &a);
    const int rc = perform(c->curl, &a, err);
    curl_slist_free_all(headers);
    return rc;
}

/* --- logging in ------------------------------------------------------------------------------------------------------- */

/* {"id": …} or {"name": …, "domain": {…}} of PREFIX_ID, PREFIX_NAME and PREFIX_DOMAIN_ID or _NAME; NULL if neither is said. */
static json_t *named(const char *id, const char *name, const char *domain_id, const char *domain_name)
{
    if (id != NULL) {
        return json_pack("{s:s}", "id", id);
    }
    if (name == NULL) {
        return NULL;
    }
    return json_pack("{s:s, s:o}", "name", name, "domain",
                     domain_id != NULL ? json_pack("{s:s}", "id", domain_id) : json_pack("{s:s}", "name", domain_name));
}

static json_t *cloud_identity(void)
{
    const char *credential = env("OS_APPLICATION_CREDENTIAL_ID");
    const char *token = env("OS_TOKEN");

    if (credential != NULL) {
        return json_pack("{s:[s], s:{s:s, s:s}}", "methods", "application_credential", "application_credential", "id",
                         credential, "secret", env_or("OS_APPLICATION_CREDENTIAL_SECRET", ""));
    }
    if (token != NULL) {
        return json_pack("{s:[s], s:{s:s}}", "methods", "token", "token", "id", token);
    }
    json_t *user = named(env("OS_USER_ID"), env("OS_USERNAME"), env("OS_USER_DOMAIN_ID"),
                         env_or("OS_USER_DOMAIN_NAME", "Default"));
    if (user == NULL) {
        return NULL;
    }
    json_object_set_new(user, "password", json_string(env_or("OS_PASSWORD", "")));
    return json_pack("{s:[s], s:{s:o}}", "methods", "password", "password", "user", user);
}

static json_t *login(struct kn_error *err)
{
    json_t *who = cloud_identity();

    if (who == NULL) {
        kn_fail(err, KN_BAD_REQUEST, "the environment does not say who you are");
        kn_fail_hint(err, "set OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME");
        return NULL;
    }
    json_t *project = named(env("OS_PROJECT_ID"), env("OS_PROJECT_NAME"), env("OS_PROJECT_DOMAIN_ID"),
                            env_or("OS_PROJECT_DOMAIN_NAME", "Default"));
    json_t *auth = json_pack("{s:o}", "identity", who);
    if (project != NULL && env("OS_APPLICATION_CREDENTIAL_ID") == NULL) {
        json_object_set_new(auth, "scope", json_pack("{s:o}", "project", project));
    } else {
        json_decref(project);
    }
    return json_pack("{s:o}", "auth", auth);
}

static const char *find_endpoint(const json_t *token, const char *service_type)
{
    const char *interface = env_or("OS_INTERFACE", "public");
    const char *region = env("OS_REGION_NAME");
    const json_t *service, *endpoint;
    size_t i, k;

    json_array_foreach (json_object_get(json_object_get(token, "token"), "catalog"), i, service) {
        if (strcmp(kn_json_str(service, "type"), service_type) != 0) {
            continue;
        }
        json_array_foreach (json_object_get(service, "endpoints"), k, endpoint) {
            if (strcmp(kn_json_str(endpoint, "interface"), interface) == 0 &&
                (region == NULL || strcmp(kn_json_str(endpoint, "region_id"), region) == 0)) {
                return kn_json_str(endpoint, "url");
            }
        }
    }
    return NULL;
}

static char *without_slash(const char *url)
{
    size_t len = strlen(url);

    while (len > 0 && url[len - 1] == '/') {
        len--;
    }
    return kn_strndup(url, len);
}

/* "…/v3", whether or not the variable has it. */
static char *tokens_url(void)
{
    AUTO_FREE char *base = without_slash(env_or("OS_AUTH_URL", ""));
    const size_t len = strlen(base);
    const bool versioned = len > 3 && strcmp(base + len - 3, "/v3") == 0;

    return kn_asprintf("%s%s/auth/tokens", base, versioned ? "" : "/v3");
}

static int take_token(struct kn_cli_cloud *c, const struct answer *a, const char *service_type, struct kn_error *err)
{
    json_t *token = json_loads(a->body.buf, 0, NULL);
    const char *endpoint = find_endpoint(token, service_type);
    int rc = 0;

    if (a->token.len == 0) {
        rc = kn_fail(err, KN_BAD_REQUEST, "OS_AUTH_URL leads to no identity service");
    } else if (endpoint == NULL) {
        rc = kn_fail(err, KN_NOT_FOUND, "the catalog has no %s service for this project", service_type);
    } else {
        c->token = kn_strdup(a->token.buf);
        c->endpoint = without_slash(endpoint);
    }
    json_decref(token);
    return rc;
}

static int log_in(struct kn_cli_cloud *c, const char *service_type, struct kn_error *err)
{
    AUTO_FREE char *url = tokens_url();
    AUTO_RELEASE(answer) struct answer a = { .body = KN_STRBUF_INIT, .token = KN_STRBUF_INIT };

    if (env("OS_TOKEN") != NULL && env("OS_ENDPOINT") != NULL) {
        c->token = kn_strdup(env("OS_TOKEN"));
        c->endpoint = without_slash(env("OS_ENDPOINT"));
        return 0;
    }
    if (env("OS_AUTH_URL") == NULL) {
        kn_fail(err, KN_BAD_REQUEST, "OS_AUTH_URL is not set");
        return kn_fail_hint(err, "load the cloud's openrc file first, or name it by OS_CLOUD");
    }
    json_t *body = login(err);
    const int rc = body == NULL || cloud_ask(c, "POST", url, body, &a, err) < 0 ? -1
                                                                                : take_token(c, &a, service_type, err);
    json_decref(body);
    return rc;
}

int kn_cli_cloud_open(const char *service_type, struct kn_cli_cloud **ret, struct kn_error *err)
{
    AUTO(kn_cli_cloud) struct kn_cli_cloud *c = KN_NEW(struct kn_cli_cloud);

    if (kn_cli_clouds_load(err) < 0) {
        return -1;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    c->curl = curl_easy_init();
    if (c->curl == NULL) {
        return kn_fail(err, KN_INTERNAL, "cannot start a connection");
    }
    if (log_in(c, service_type, err) < 0) {
        return -1;
    }
    *ret = kn_steal(&c);
    return 0;
}

void kn_cli_cloud_free(struct kn_cli_cloud *c)
{
    if (c == NULL) {
        return;
    }
    curl_easy_cleanup(c->curl);
    free(c->token);
    free(c->endpoint);
    free(c);
}
