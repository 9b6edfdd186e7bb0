/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and signatures of messages; see the header. Every key is set up once and kept, so that a message costs its own bytes: under 2 us for one of
 * usual length (tests/unit/adapter/test_signer.c prints it). Secrets are never logged, nor copied anywhere but into OpenSSL's contexts.
 */
#include "lib/adapter/signer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/adapter/crypto.h"
#include "lib/base/hmap.h"
#include "lib/base/mem.h"

#define KEY 32
#define KEY_HEX (2 * KEY)
#define SECRET_MIN 32
#define FILE_MAX 4096
#define SIG_CHARS 43
#define KEYS_MAX 4096 /* kept ones; beyond it they are derived anew */

static const char BEFORE_SIG[] = ",\"sig\":\"";
static const char AFTER_SIG[] = "\"}";
#define TAIL (sizeof(BEFORE_SIG) - 1 + SIG_CHARS + sizeof(AFTER_SIG) - 1)

struct kn_signer {
    char who[KN_SPEAKER_SIZE]; /* immutable */
    char agent[KN_SPEAKER_SIZE]; /* immutable: whose key `own` is; "": the control plane's */
    pthread_mutex_t lock;      /* guards all contexts: a signature takes a microsecond */
    struct kn_hmac *own;       /* the agent's key, or the control plane's */
    struct kn_hmac *derive;    /* keyed with the secret; NULL in an agent that has only its key */
    struct kn_hmap *keys;      /* agent id -> struct kn_hmac */
};

/* --- files ------------------------------------------------------------------------------------------------------------ */

static int read_key_file(const char *path, char text[FILE_MAX + 1], size_t *ret_len, struct kn_error *err)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    ssize_t len = 0;

    if (fd < 0 || fstat(fd, &st) < 0) {
        return kn_fail(err, errno == ENOENT ? KN_NOT_FOUND : KN_INTERNAL, "cannot open the bus key \"%s\": %s", path,
                       strerror(errno));
    }
    if ((st.st_mode & 077) != 0) {
        kn_fail(err, KN_FORBIDDEN, "others may read the bus key \"%s\"", path);
        return kn_fail_hint(err, "chmod 600");
    }
    len = read(fd, text, FILE_MAX);
    if (len < 0) {
        return kn_fail(err, KN_INTERNAL, "cannot read the bus key \"%s\": %s", path, strerror(errno));
    }
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        len--;
    }
    text[len] = '\0';
    *ret_len = (size_t)len;
    return 0;
}

static int write_key_file(const char *path, const uint8_t key[KEY], struct kn_error *err)
{
    char text[KEY_HEX + 2];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int rc = 0;

    if (fd < 0) {
        return kn_fail(err, errno == EEXIST ? KN_CONFLICT : KN_INTERNAL, "cannot make \"%s\": %s", path,
                       strerror(errno));
    }
    kn_hex(key, KEY, text);
    text[KEY_HEX] = '\n';
    if (fchmod(fd, 0600) < 0 || write(fd, text, KEY_HEX + 1) != KEY_HEX + 1 || fsync(fd) < 0) {
        rc = kn_fail(err, KN_INTERNAL, "cannot write \"%s\": %s", path, strerror(errno));
    }
    close(fd);
    kn_wipe(text, sizeof(text));
    return rc;
}

static int load_secret(const char *path, struct kn_hmac **ret_derive, struct kn_error *err)
{
    char text[FILE_MAX + 1];
    size_t len = 0;

    if (read_key_file(path, text, &len, err) < 0) {
        return kn_fail_hint(err, "kilonova bus key makes it");
    }
    if (len < SECRET_MIN) {
        kn_wipe(text, sizeof(text));
        kn_fail(err, KN_BAD_REQUEST, "the secret in \"%s\" is shorter than %d bytes", path, SECRET_MIN);
        return kn_fail_hint(err, "kilonova bus key makes a good one");
    }
    *ret_derive = kn_hmac_new(text, len);
    kn_wipe(text, sizeof(text));
    return 0;
}

static void derive_key(struct kn_hmac *derive, const char *whose, const char *id, uint8_t out[KEY])
{
    kn_hmac_begin(derive);
    kn_hmac_add(derive, whose, strlen(whose));
    kn_hmac_add(derive, id, strlen(id));
    kn_hmac_end(derive, out);
}

static struct kn_hmac *derive_hmac(struct kn_hmac *derive, const char *whose, const char *id)
{
    uint8_t key[KEY];
    struct kn_hmac *hmac = NULL;

    derive_key(derive, whose, id, key);
    hmac = kn_hmac_new(key, sizeof(key));
    kn_wipe(key, sizeof(key));
    return hmac;
}

static int load_agent_key(const char *path, struct kn_hmac **ret, struct kn_error *err)
{
    char text[FILE_MAX + 1];
    uint8_t key[KEY];
    size_t len = 0;

    if (read_key_file(path, text, &len, err) < 0) {
        return kn_fail_hint(err, "kilonova agent key makes it, on a machine of the control plane");
    }
    if (len != KEY_HEX || kn_unhex(text, key, KEY) < 0) {
        kn_wipe(text, sizeof(text));
        return kn_fail(err, KN_BAD_REQUEST, "\"%s\" is not the key of an agent: %d hexadecimal digits", path, KEY_HEX);
    }
    *ret = kn_hmac_new(key, sizeof(key));
    kn_wipe(text, sizeof(text));
    kn_wipe(key, sizeof(key));
    return 0;
}

int kn_signer_make_secret(const char *path, struct kn_error *err)
{
    uint8_t key[KEY];
    int rc = 0;

    kn_random(key, sizeof(key));
    rc = write_key_file(path, key, err);
    kn_wipe(key, sizeof(key));
    return rc;
}

int kn_signer_make_agent_key(const struct kn_conf *conf, const char *agent, const char *path, struct kn_error *err)
{
    struct kn_hmac *derive = NULL;
    uint8_t key[KEY];
    int rc = 0;

    if (load_secret(conf->bus_key_file, &derive, err) < 0) {
        return -1;
    }
    derive_key(derive, "agent ", agent, key);
    kn_hmac_free(derive);
    rc = write_key_file(path, key, err);
    kn_wipe(key, sizeof(key));
    return rc;
}

/* --- life ------------------------------------------------------------------------------------------------------------- */

static void free_hmac(void *hmac)
{
    kn_hmac_free(hmac);
}

static int signer_load(struct kn_signer *s, const struct kn_conf *conf, struct kn_error *err)
{
    if (s->agent[0] != '\0' && conf->agent_key_file[0] != '\0') {
        return load_agent_key(conf->agent_key_file, &s->own, err);
    }
    if (load_secret(conf->bus_key_file, &s->derive, err) < 0) {
        return -1;
    }
    s->own = derive_hmac(s->derive, s->agent[0] != '\0' ? "agent " : "control plane", s->agent);
    return 0;
}

int kn_signer_new(const struct kn_conf *conf, const char *who, struct kn_signer **ret, struct kn_error *err)
{
    AUTO(kn_signer) struct kn_signer *s = NULL;
    const char *agent = kn_speaker_agent(who);

    *ret = NULL;
    if (conf->bus_key_file[0] == '\0' && (agent == NULL || conf->agent_key_file[0] == '\0')) {
        return 0;
    }
    s = KN_NEW(struct kn_signer);
    pthread_mutex_init(&s->lock, NULL);
    kn_copy(s->who, sizeof(s->who), who);
    kn_copy(s->agent, sizeof(s->agent), agent != NULL ? agent : "");
    s->keys = kn_hmap_new(free_hmac);
    if (kn_crypto_init(err) < 0 || signer_load(s, conf, err) < 0) {
        return -1;
    }
    *ret = kn_steal(&s);
    return 0;
}

void kn_signer_free(struct kn_signer *s)
{
    if (s == NULL) {
        return;
    }
    kn_hmac_free(s->own);
    kn_hmac_free(s->derive);
    kn_hmap_free(s->keys);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

const char *kn_signer_who(const struct kn_signer *s)
{
    return s->who;
}

/* --- signatures, under the lock --------------------------------------------------------------------------------------- */

/* Whose key signs a message: the agent that it is sent to, or that says it; NULL: the control plane's. */
static const char *concerned(const char *topic, const char *from)
{
    const size_t len = strlen(KN_TOPIC_AGENT);

    return strncmp(topic, KN_TOPIC_AGENT, len) == 0 ? topic + len : kn_speaker_agent(from);
}

static void signer_keep(struct kn_signer *s, const char *agent, struct kn_hmac *key)
{
    if (kn_hmap_count(s->keys) >= KEYS_MAX) {
        kn_hmap_free(s->keys);
        s->keys = kn_hmap_new(free_hmac);
    }
    kn_hmap_put(s->keys, agent, key);
}

static void compute(struct kn_hmac *key, const char *topic, const char *data, size_t len, char out[SIG_CHARS])
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;
    uint8_t sum[KEY];

    kn_hmac_begin(key);
    kn_hmac_add(key, topic, strlen(topic) + 1);
    kn_hmac_add(key, data, len);
    kn_hmac_end(key, sum);
    kn_base64url_add(&text, sum, sizeof(sum));
    memcpy(out, text.buf, SIG_CHARS);
}

/* A key that proves nothing is not kept: names can be made up without end. */
static bool is_signed(struct kn_signer *s, const char *agent, const char *topic, const char *data, size_t len)
{
    const char *sig = data + len - TAIL + sizeof(BEFORE_SIG) - 1;
    const bool is_own = agent == NULL ? s->agent[0] == '\0' : strcmp(agent, s->agent) == 0;
    struct kn_hmac *key = is_own ? s->own : agent != NULL ? kn_hmap_get(s->keys, agent) : NULL;
    struct kn_hmac *made = NULL;
    char right[SIG_CHARS];
    bool ok = false;

    if (key == NULL && (s->derive == NULL || agent == NULL)) {
        return false;
    }
    if (key == NULL) {
        key = made = derive_hmac(s->derive, "agent ", agent);
    }
    compute(key, topic, data, len - TAIL, right);
    ok = kn_equal(right, sig, SIG_CHARS);
    if (made != NULL && ok) {
        signer_keep(s, agent, made);
    } else {
        kn_hmac_free(made);
    }
    return ok;
}

static struct kn_hmac *key_to_sign(struct kn_signer *s, const char *agent)
{
    struct kn_hmac *key = s->own;

    if (agent != NULL && strcmp(agent, s->agent) != 0 && s->derive != NULL) {
        key = kn_hmap_get(s->keys, agent);
        if (key == NULL) {
            key = derive_hmac(s->derive, "agent ", agent);
            signer_keep(s, agent, key);
        }
    }
    return key;
}

void kn_signer_sign(struct kn_signer *s, const char *topic, struct kn_strbuf *text)
{
    char sig[SIG_CHARS];

    text->len--; /* the last brace */
    pthread_mutex_lock(&s->lock);
    compute(key_to_sign(s, concerned(topic, s->who)), topic, text->buf, text->len, sig);
    pthread_mutex_unlock(&s->lock);
    kn_strbuf_addstr(text, BEFORE_SIG);
    kn_strbuf_add(text, sig, SIG_CHARS);
    kn_strbuf_addstr(text, AFTER_SIG);
}

static bool has_tail(const char *data, size_t len)
{
    return len > TAIL && memcmp(data + len - TAIL, BEFORE_SIG, sizeof(BEFORE_SIG) - 1) == 0 &&
           memcmp(data + len - (sizeof(AFTER_SIG) - 1), AFTER_SIG, sizeof(AFTER_SIG) - 1) == 0;
}

int kn_signer_check(struct kn_signer *s, const char *topic, const char *data, size_t len, const struct kn_message *m,
                    struct kn_error *err)
{
    bool ok = false;

    if (m->from[0] == '\0' || !has_tail(data, len)) {
        return kn_fail(err, KN_FORBIDDEN, "sender \"%s\": what it says is not signed", m->from);
    }
    pthread_mutex_lock(&s->lock);
    ok = is_signed(s, concerned(topic, m->from), topic, data, len);
    pthread_mutex_unlock(&s->lock);
    return ok ? 0 : kn_fail(err, KN_FORBIDDEN, "sender \"%s\": the signature is wrong", m->from);
}
