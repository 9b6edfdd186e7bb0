/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metadata: the tree of paths as a table, and what each leaf says. The documents' contents are documents.c's.
 */
#include "compute-agent/metadata/metadata.h"

#include <stdbool.h>
#include <string.h>

#include "compute-agent/metadata/documents.h"
#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/domain/limits.h"

/* A leaf writes its document and returns false if this server has none. A directory lists what is there below it, or writes its list. */
struct node {
    const char *path; /* without its version and slashes around */
    bool is_dir;
    bool (*write)(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body);
    const char *type;
    const char *since; /* the version that brought it; NULL: all have it */
};

#define LEAF false
#define DIR true
#define TEXT "text/plain; charset=UTF-8"
#define JSON "application/json"
#define CONTENT "openstack/" KN_METADATA_CONTENT "/"

/* Below /openstack/<version>/ */
static const struct node OPENSTACK[] = {
    { "", DIR, NULL, TEXT, NULL },
    { "meta_data.json", LEAF, kn_agent_metadata_meta_data, JSON, NULL },
    { "user_data", LEAF, kn_agent_metadata_user_data, "application/octet-stream", NULL },
    { "password", LEAF, kn_agent_metadata_password, TEXT, KN_METADATA_GRIZZLY },
    { "vendor_data.json", LEAF, kn_agent_metadata_vendor, JSON, KN_METADATA_HAVANA },
    { "network_data.json", LEAF, kn_agent_metadata_network_data, JSON, KN_METADATA_LIBERTY },
    { "vendor_data2.json", LEAF, kn_agent_metadata_vendor2, JSON, KN_METADATA_NEWTON_TWO },
};

/* Below /<version>/, EC2's. */
static const struct node EC2[] = {
    { "", DIR, NULL, TEXT, NULL },
    { "meta-data", DIR, NULL, TEXT, NULL },
    { "user-data", LEAF, kn_agent_metadata_user_data, "application/octet-stream", NULL },
    { "meta-data/ami-id", LEAF, kn_agent_metadata_ami_id, TEXT, NULL },
    { "meta-data/ami-launch-index", LEAF, kn_agent_metadata_zero, TEXT, NULL },
    { "meta-data/block-device-mapping", DIR, NULL, TEXT, NULL },
    { "meta-data/block-device-mapping/ami", LEAF, kn_agent_metadata_root_name, TEXT, NULL },
    { "meta-data/block-device-mapping/ephemeral0", LEAF, kn_agent_metadata_ephemeral0, TEXT, NULL },
    { "meta-data/block-device-mapping/ephemeral1", LEAF, kn_agent_metadata_ephemeral1, TEXT, NULL },
    { "meta-data/block-device-mapping/ephemeral2", LEAF, kn_agent_metadata_ephemeral2, TEXT, NULL },
    { "meta-data/block-device-mapping/root", LEAF, kn_agent_metadata_root_path, TEXT, NULL },
    { "meta-data/block-device-mapping/swap", LEAF, kn_agent_metadata_swap, TEXT, NULL },
    { "meta-data/hostname", LEAF, kn_agent_metadata_hostname, TEXT, NULL },
    { "meta-data/instance-action", LEAF, kn_agent_metadata_none, TEXT, NULL },
    { "meta-data/instance-id", LEAF, kn_agent_metadata_instance_id, TEXT, NULL },
    { "meta-data/instance-type", LEAF, kn_agent_metadata_flavor, TEXT, NULL },
    { "meta-data/local-hostname", LEAF, kn_agent_metadata_hostname, TEXT, NULL },
    { "meta-data/local-ipv4", LEAF, kn_agent_metadata_local_ipv4, TEXT, NULL },
    { "meta-data/placement", DIR, NULL, TEXT, NULL },
    { "meta-data/placement/availability-zone", LEAF, kn_agent_metadata_zone, TEXT, NULL },
    { "meta-data/public-hostname", LEAF, kn_agent_metadata_hostname, TEXT, NULL },
    { "meta-data/public-ipv4", LEAF, kn_agent_metadata_public_ipv4, TEXT, NULL },
    { "meta-data/public-keys", DIR, kn_agent_metadata_key_list, TEXT, NULL },
    { "meta-data/public-keys/0", DIR, kn_agent_metadata_key_formats, TEXT, NULL },
    { "meta-data/public-keys/0/openssh-key", LEAF, kn_agent_metadata_key, TEXT, NULL },
    { "meta-data/reservation-id", LEAF, kn_agent_metadata_reservation_id, TEXT, NULL },
    { "meta-data/security-groups", LEAF, kn_agent_metadata_blank, TEXT, NULL },
};

static const char *const OPENSTACK_VERSIONS[] = {
    "2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06",
    "2017-02-22", "2018-08-27", "2020-10-14", "latest",     NULL,
};
static const char *const EC2_VERSIONS[] = {
    "1.0",        "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15",
    "2008-02-01", "2008-09-01", "2009-04-04", "latest",     NULL,
};

static bool metadata_is_one_of(const char *word, size_t len, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strlen(*list) == len && memcmp(*list, word, len) == 0) {
            return true;
        }
    }
    return false;
}

static void list_versions(const char *const *versions, struct kn_strbuf *body)
{
    for (const char *const *v = versions; *v != NULL; v++) {
        kn_strbuf_addstr(body, v == versions ? "" : "\n");
        kn_strbuf_addstr(body, *v);
    }
}

/* The name of a node directly below the directory; NULL: it is not. */
static const char *name_below(const struct node *node, const char *dir)
{
    size_t len = strlen(dir);
    const char *name = len == 0 ? node->path : node->path + len + 1;
    bool is_below = len == 0 || (strncmp(node->path, dir, len) == 0 && node->path[len] == '/');

    return is_below && node->path[0] != '\0' && strchr(name, '/') == NULL ? name : NULL;
}

static bool metadata_has(const struct node *node, const struct kn_agent_metadata_guest *guest)
{
    return node->since == NULL || strcmp(guest->version, node->since) >= 0;
}

/* What a listing names can be asked for: a document that this server does not have is not in it. */
static void metadata_list(const struct node *nodes, size_t count, const char *dir,
                          const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    for (size_t i = 0; i < count; i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf scratch = KN_STRBUF_INIT;
        const char *name = name_below(&nodes[i], dir);
        if (name != NULL && metadata_has(&nodes[i], guest) &&
            (nodes[i].write == NULL || nodes[i].write(guest, &scratch))) {
            kn_strbuf_addf(body, "%s%s%s", body->len > 0 ? "\n" : "", name, nodes[i].is_dir ? "/" : "");
        }
    }
}

static int serve_node(const struct node *nodes, size_t count, const char *path,
                      const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body, const char **ret_type)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(nodes[i].path, path) != 0 || !metadata_has(&nodes[i], guest)) {
            continue;
        }
        *ret_type = nodes[i].type;
        if (nodes[i].write == NULL) {
            metadata_list(nodes, count, path, guest, body);
            return 200;
        }
        return nodes[i].write(guest, body) ? 200 : 404;
    }
    return 404;
}

/* "/openstack//latest/" -> "openstack/latest": one slash between, none around. False: longer than any path there is. */
static bool normalise(const char *path, char out[256])
{
    size_t len = 0;

    for (; *path != '\0'; path++) {
        if (*path == '/' && (len == 0 || path[1] == '/' || path[1] == '\0')) {
            continue;
        }
        if (len == 255) {
            return false;
        }
        out[len++] = *path;
    }
    out[len] = '\0';
    return true;
}

static const char *rest_after(const char *path, size_t len)
{
    return path[len] == '/' ? path + len + 1 : path + len;
}

int kn_agent_metadata_answer(const char *server, const json_t *spec, const char *path, struct kn_strbuf *body,
                             const char **ret_type)
{
    struct kn_agent_metadata_guest guest = { server, spec, "latest" };
    char plain[256], version[32];
    size_t len;

    *ret_type = TEXT;
    if (!normalise(path, plain)) {
        return 404;
    }
    if (plain[0] == '\0') {
        list_versions(EC2_VERSIONS, body);
        return 200;
    }
    if (strcmp(plain, "openstack") == 0) {
        list_versions(OPENSTACK_VERSIONS, body);
        return 200;
    }
    if (strncmp(plain, CONTENT, strlen(CONTENT)) == 0) {
        *ret_type = "application/octet-stream";
        return kn_agent_metadata_content(&guest, plain + strlen(CONTENT), body) ? 200 : 404;
    }
    if (strncmp(plain, "openstack/", 10) == 0) {
        len = strcspn(plain + 10, "/");
        kn_copy(version, len < sizeof(version) ? len + 1 : sizeof(version), plain + 10);
        guest.version = version;
        return metadata_is_one_of(plain + 10, len, OPENSTACK_VERSIONS)
                   ? serve_node(OPENSTACK, KN_COUNT(OPENSTACK), rest_after(plain + 10, len), &guest, body, ret_type)
                   : 404;
    }
    len = strcspn(plain, "/");
    return metadata_is_one_of(plain, len, EC2_VERSIONS)
               ? serve_node(EC2, KN_COUNT(EC2), rest_after(plain, len), &guest, body, ret_type)
               : 404;
}

/* --- the same as files ------------------------------------------------------------------------------------------------ */

/* "placement/availability-zone" of the tree: an object in an object. */
static void set_nested(json_t *doc, const char *path, const char *text)
{
    const char *slash;

    for (; (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        AUTO_FREE char *name = kn_strndup(path, (size_t)(slash - path));

        if (json_object_get(doc, name) == NULL) {
            json_object_set_new(doc, name, json_object());
        }
        doc = json_object_get(doc, name);
    }
    json_object_set_new(doc, path, json_string(text));
}

/* EC2's tree as one document: a config drive has it so. */
static void write_ec2(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    static const char BELOW[] = "meta-data/";
    json_auto_t *doc = json_object();

    for (size_t i = 0; i < KN_COUNT(EC2); i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf text = KN_STRBUF_INIT;

        if (!EC2[i].is_dir && strncmp(EC2[i].path, BELOW, strlen(BELOW)) == 0 && EC2[i].write(guest, &text)) {
            set_nested(doc, EC2[i].path + strlen(BELOW), text.buf);
        }
    }
    AUTO_FREE char *dumped = json_dumps(doc, 0);

    kn_strbuf_addstr(body, dumped);
}

static void drive_file(const struct kn_agent_metadata_guest *guest, const char *path,
                       bool (*write)(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body),
                       kn_agent_metadata_file *file, void *ctx)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf body = KN_STRBUF_INIT;

    if (write(guest, &body)) {
        file(ctx, path, &body);
    }
}

static bool drive_ec2(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body)
{
    write_ec2(guest, body);
    return true;
}

/* What meta_data.json names; a file may be empty. */
static void drive_contents(const struct kn_agent_metadata_guest *guest, kn_agent_metadata_file *file, void *ctx)
{
    for (size_t i = 0; i < json_array_size(json_object_get(guest->spec, "files")); i++) {
        AUTO_RELEASE(kn_strbuf) struct kn_strbuf body = KN_STRBUF_INIT;
        AUTO_FREE char *path = kn_asprintf(CONTENT "%04zu", i);

        if (kn_agent_metadata_content(guest, path + strlen(CONTENT), &body)) {
            file(ctx, path, &body);
        }
    }
}

void kn_agent_metadata_drive(const char *server, const json_t *spec, kn_agent_metadata_file *file, void *ctx)
{
    static const char *const EC2_KEPT[] = { "2009-04-04", "latest" }; /* Nova leaves the older ones out */
    struct kn_agent_metadata_guest guest = { server, spec, "latest" };

    for (size_t i = 0; i < KN_COUNT(EC2_KEPT); i++) {
        AUTO_FREE char *meta = kn_asprintf("ec2/%s/meta-data.json", EC2_KEPT[i]),
                       *user = kn_asprintf("ec2/%s/user-data", EC2_KEPT[i]);

        drive_file(&guest, meta, drive_ec2, file, ctx);
        drive_file(&guest, user, kn_agent_metadata_user_data, file, ctx);
    }
    drive_contents(&guest, file, ctx);
    for (const char *const *version = OPENSTACK_VERSIONS; *version != NULL; version++) {
        guest.version = *version;
        for (size_t i = 0; i < KN_COUNT(OPENSTACK); i++) {
            AUTO_FREE char *path = kn_asprintf("openstack/%s/%s", *version, OPENSTACK[i].path);

            /* a password is posted, which no disk takes */
            if (OPENSTACK[i].write != NULL && OPENSTACK[i].write != kn_agent_metadata_password &&
                metadata_has(&OPENSTACK[i], &guest)) {
                drive_file(&guest, path, OPENSTACK[i].write, file, ctx);
            }
        }
    }
}

/* Whether this is /openstack/<version>/password. */
static bool is_password(const char *path)
{
    char plain[256];
    size_t len;

    if (!normalise(path, plain) || strncmp(plain, "openstack/", 10) != 0) {
        return false;
    }
    len = strcspn(plain + 10, "/");
    return metadata_is_one_of(plain + 10, len, OPENSTACK_VERSIONS) &&
           strcmp(rest_after(plain + 10, len), "password") == 0;
}

int kn_agent_metadata_refusal(const char *method, const char *path, int64_t length)
{
    const bool is_post = strcmp(method, "POST") == 0;

    if (path[0] != '/') {
        return 400;
    }
    if (is_post ? !is_password(path) : strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
        return 405;
    }
    if (is_post && length < 0) {
        return 411; /* a guest's chunks are nobody's delight */
    }
    return is_post && length > KN_MAX_GUEST_PASSWORD ? 400 : 0; /* as Nova says it */
}
