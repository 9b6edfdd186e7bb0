/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns what the process knows about tokens. The refresher has a database connection of its own; while the database is away the
 * last known revocations hold, and tokens keep working. It must never let a request wait for the database.
 */
#include "identity/auth/identity.h"

#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "identity/api/handlers.h"
#include "identity/auth/catalog.h"
#include "identity/auth/keys.h"
#include "identity/auth/limiter.h"
#include "identity/rows/access_rule.h"
#include "identity/rows/password.h"
#include "identity/rows/revoke.h"
#include "lib/adapter/crypto.h"
#include "lib/adapter/daemon.h"
#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define REFRESH_MS 1000
#define FULL_EVERY 600 /* refreshes: expired rows go, here and in the database */

static struct {
    const struct kn_conf *conf;            /* immutable after start */
    struct kn_identity_revocations *revocations;    /* immutable pointer, locks itself */
    struct kn_identity_catalog_copy *catalog;       /* the same */
    pthread_rwlock_t keys_lock;
    struct kn_identity_keys keys;                   /* guarded by keys_lock */
    struct kn_identity_keys credential_keys;        /* immutable after start; none = no credentials */
    struct timespec keys_at;               /* the refresher's: the file's time */
    pthread_mutex_t limiter_lock;
    struct kn_identity_limiter *limiter;            /* guarded by limiter_lock */
    pthread_t refresher;
    pthread_mutex_t stop_lock;
    pthread_cond_t stop_wake;
    bool stopping;                         /* guarded by stop_lock */
} self = { .keys_lock = PTHREAD_RWLOCK_INITIALIZER,
           .limiter_lock = PTHREAD_MUTEX_INITIALIZER,
           .stop_lock = PTHREAD_MUTEX_INITIALIZER,
           .stop_wake = PTHREAD_COND_INITIALIZER };

static int load_keys(struct kn_error *err)
{
    struct stat st = { 0 };
    struct kn_identity_keys keys;

    if (stat(self.conf->identity_key_file, &st) == 0 && st.st_mtim.tv_sec == self.keys_at.tv_sec &&
        st.st_mtim.tv_nsec == self.keys_at.tv_nsec) {
        return 0;
    }
    if (kn_identity_keys_load(self.conf->identity_key_file, &keys, err) < 0) {
        return -1;
    }
    pthread_rwlock_wrlock(&self.keys_lock);
    self.keys = keys;
    pthread_rwlock_unlock(&self.keys_lock);
    self.keys_at = st.st_mtim;
    return 0;
}

/* An installation that was made before there were credentials has no such file: everything else goes on without. */
static int load_credential_keys(struct kn_error *err)
{
    AUTO_FREE char *path = kn_identity_keys_credential_path(self.conf);
    struct kn_error why = { 0 };

    self.credential_keys.count = 0;
    if (kn_identity_keys_load(path, &self.credential_keys, &why) == 0) {
        return 0;
    }
    if (why.code == KN_NOT_FOUND) {
        kn_log(KN_INFO, "no keys for credentials: kilonova bootstrap makes them", "file", path, NULL);
        return 0;
    }
    *err = why;
    return -1;
}

/* Waits for a refresh's turn; false when it is time to stop. */
static bool wait_turn(void)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += REFRESH_MS / 1000;
    pthread_mutex_lock(&self.stop_lock);
    while (!self.stopping && pthread_cond_timedwait(&self.stop_wake, &self.stop_lock, &until) == 0) {
    }
    bool go_on = !self.stopping;
    pthread_mutex_unlock(&self.stop_lock);
    return go_on;
}

static void *refresh(void *arg)
{
    struct kn_db *db = arg;
    bool healthy = true;

    for (int turn = 1; wait_turn(); turn++) {
        struct kn_error err = { 0 };
        bool ok = kn_identity_revocations_refresh(self.revocations, db, turn % FULL_EVERY == 0, &err) == 0 &&
                  kn_identity_catalog_copy_refresh(self.catalog, db, &err) == 0 && load_keys(&err) == 0;
        if (!ok && healthy) {
            kn_log_error("refresh revocations, catalog and keys", &err);
        }
        healthy = ok;
    }
    kn_db_free(db);
    return NULL;
}

int kn_identity_start(const struct kn_conf *conf, struct kn_error *err)
{
    struct kn_db *db = kn_daemon_db(conf, "identity");

    self.conf = conf;
    self.stopping = false;
    self.keys_at = (struct timespec){ 0 };
    self.revocations = kn_identity_revocations_new();
    self.catalog = kn_identity_catalog_copy_new();
    self.limiter = KN_NEW(struct kn_identity_limiter);
    if (kn_crypto_init(err) < 0 || kn_identity_password_regex_check(conf->identity_password_regex, err) < 0 ||
        load_keys(err) < 0 || load_credential_keys(err) < 0 ||
        kn_identity_revocations_refresh(self.revocations, db, true, err) < 0 ||
        kn_identity_catalog_copy_refresh(self.catalog, db, err) < 0) {
        kn_db_free(db);
        kn_identity_revocations_free(kn_steal(&self.revocations));
        kn_identity_catalog_copy_free(kn_steal(&self.catalog));
        free(kn_steal(&self.limiter));
        return -1;
    }
    if (pthread_create(&self.refresher, NULL, refresh, db) != 0) {
        abort();
    }
    return 0;
}

void kn_identity_stop(void)
{
    if (self.revocations == NULL) {
        return;
    }
    pthread_mutex_lock(&self.stop_lock);
    self.stopping = true;
    pthread_cond_signal(&self.stop_wake);
    pthread_mutex_unlock(&self.stop_lock);
    pthread_join(self.refresher, NULL);
    kn_identity_revocations_free(kn_steal(&self.revocations));
    kn_identity_catalog_copy_free(kn_steal(&self.catalog));
    free(kn_steal(&self.limiter));
}

void kn_identity_sign(const struct kn_identity_token *token, struct kn_strbuf *out)
{
    pthread_rwlock_rdlock(&self.keys_lock);
    kn_identity_token_encode(token, &self.keys, out);
    pthread_rwlock_unlock(&self.keys_lock);
}

int kn_identity_read(const char *text, struct kn_identity_token *ret, struct kn_error *err)
{
    return kn_identity_read_late(text, 0, ret, err);
}

int kn_identity_read_late(const char *text, int64_t late_us, struct kn_identity_token *ret, struct kn_error *err)
{
    struct kn_identity_token token;

    pthread_rwlock_rdlock(&self.keys_lock);
    int rc = kn_identity_token_decode(text, &self.keys, kn_now_us() - late_us, &token, err);
    pthread_rwlock_unlock(&self.keys_lock);
    if (rc < 0) {
        return -1;
    }
    if (kn_identity_revocations_hit(self.revocations, &token)) {
        return kn_fail(err, KN_UNAUTHORIZED, "The request you have made requires authentication.");
    }
    *ret = token;
    return 0;
}

bool kn_identity_is_open(void)
{
    return self.revocations != NULL;
}

bool kn_identity_is_revoked(const struct kn_identity_token *token)
{
    return kn_identity_revocations_hit(self.revocations, token);
}

int kn_identity_read_now(struct kn_db *db, const char *text, struct kn_identity_token *ret, struct kn_error *err)
{
    return kn_identity_revocations_refresh(self.revocations, db, false, err) < 0 ? -1
                                                                                 : kn_identity_read(text, ret, err);
}

int kn_identity_check(const char *text, struct kn_caller *ret_caller, struct kn_error *err)
{
    struct kn_identity_token token;

    if (kn_identity_read(text, &token, err) < 0) {
        return -1;
    }
    kn_copy(ret_caller->user_id, sizeof(ret_caller->user_id), token.user_id);
    kn_copy(ret_caller->project_id, sizeof(ret_caller->project_id),
            token.scope == KN_SCOPE_PROJECT ? token.scope_id : "");
    kn_copy(ret_caller->domain_id, sizeof(ret_caller->domain_id), token.scope == KN_SCOPE_DOMAIN ? token.scope_id : "");
    kn_copy(ret_caller->project_domain_id, sizeof(ret_caller->project_domain_id), token.scope_domain_id);
    ret_caller->system_scoped = token.scope == KN_SCOPE_SYSTEM;
    ret_caller->roles = token.roles;
    ret_caller->expires_at_us = token.expires_us;
    kn_copy(ret_caller->credential_id, sizeof(ret_caller->credential_id), token.credential_id);
    ret_caller->restricted = token.trust_id[0] != '\0' || (token.credential_id[0] != '\0' && !token.unrestricted);
    ret_caller->has_rules = token.rules[0] != '\0';
    return 0;
}

/* A service that is shown a token asks what it is worth in the token's own name: no rule of it forbids that. */
static bool validates_itself(const struct kn_request *req)
{
    const char *subject = kn_request_header(req, "X-Subject-Token");

    return req->route->handle == kn_identity_tokens_show && subject != NULL && strcmp(subject, req->caller.token) == 0;
}

int kn_identity_allows(const struct kn_request *req, const char *service, struct kn_error *err)
{
    struct kn_identity_token token;

    if (kn_identity_read(req->caller.token, &token, err) < 0) {
        return -1;
    }
    return validates_itself(req) || kn_identity_access_rules_allow(token.rules, service, req->method, req->path)
               ? 0
               : kn_fail(err, KN_UNAUTHORIZED, "The access rules of the application credential do not allow this.");
}

void kn_identity_refresh(struct kn_db *db)
{
    struct kn_error err = { 0 };

    if (kn_identity_revocations_refresh(self.revocations, db, false, &err) < 0 ||
        kn_identity_catalog_copy_refresh(self.catalog, db, &err) < 0) {
        kn_log_error("refresh revocations and catalog", &err);
    }
}

static int no_keys(struct kn_error *err)
{
    return kn_fail(err, KN_UNAVAILABLE, "this cloud has no keys for credentials");
}

/* "<key id>.<sealed>" */
int kn_identity_seal(const char *about, const char *plain, struct kn_strbuf *out, struct kn_error *err)
{
    const struct kn_identity_key *key = &self.credential_keys.key[0];

    if (self.credential_keys.count == 0) {
        return no_keys(err);
    }
    kn_strbuf_addf(out, "%08x.", key->id);
    kn_seal(key->secret, about, plain, out);
    return 0;
}

int kn_identity_unseal(const char *about, const char *sealed, char **ret_plain, struct kn_error *err)
{
    const char *dot = strchr(sealed, '.');

    if (self.credential_keys.count == 0) {
        return no_keys(err);
    }
    for (int i = 0; dot != NULL && i < self.credential_keys.count; i++) {
        if (strtoul(sealed, NULL, 16) == self.credential_keys.key[i].id) {
            return kn_unseal(self.credential_keys.key[i].secret, about, dot + 1, ret_plain, err);
        }
    }
    return kn_fail(err, KN_INTERNAL, "there is no key for what is sealed about \"%s\"", about);
}

char *kn_identity_public_url(const struct kn_request *req)
{
    size_t len = strlen(req->base_url), prefix = strlen(kn_identity_api.prefix);

    if (req->conf->api_public_url[0] != '\0') {
        return kn_strdup(req->conf->api_public_url);
    }
    return kn_strndup(req->base_url, len > prefix ? len - prefix : len);
}

void kn_identity_catalog_write(const struct kn_request *req, const char *user_id, const char *project_id,
                               struct kn_strbuf *sb)
{
    AUTO_FREE char *url = kn_identity_public_url(req);
    const struct kn_identity_catalog catalog = { url, user_id, project_id };

    kn_identity_catalog_copy_write(self.catalog, &catalog, "catalog", sb);
}

int kn_identity_may_try(const char *name, struct kn_error *err)
{
    pthread_mutex_lock(&self.limiter_lock);
    bool allowed = kn_identity_limiter_allows(self.limiter, name, kn_mono_ms());
    pthread_mutex_unlock(&self.limiter_lock);
    return allowed ? 0 : kn_fail(err, KN_TOO_MANY, "Too many failed logins. Try again later.");
}

void kn_identity_failed(const char *name)
{
    pthread_mutex_lock(&self.limiter_lock);
    kn_identity_limiter_failed(self.limiter, name, kn_mono_ms());
    pthread_mutex_unlock(&self.limiter_lock);
}
