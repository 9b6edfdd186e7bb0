/* SPDX-License-Identifier: Apache-2.0 */
/* The table of all that is counted, and how each service says that there is not enough of it. No SQL, no HTTP. */
#include "lib/domain/quota.h"

#include <stddef.h>
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/mem.h"
#include "lib/base/strbuf.h"

const struct kn_quota_row kn_quota_rows[KN_QUOTA_COUNT] = {
#define X(id, service, name, seen, dflt, unit, until) [id] = { service, name, seen, dflt, unit, until },
    KN_QUOTAS(X)
#undef X
};

enum kn_quota kn_quota_find(const char *service, const char *name)
{
    enum kn_quota q = (enum kn_quota)0;

    while (q < KN_QUOTA_COUNT &&
           (strcmp(kn_quota_rows[q].service, service) != 0 || strcmp(kn_quota_rows[q].name, name) != 0)) {
        q++;
    }
    return q;
}

/* "9, 18": a number of each. */
static void quota_join(struct kn_strbuf *out, const struct kn_quota_over *over, int count, size_t member)
{
    for (int i = 0; i < count; i++) {
        const int64_t *number = (const int64_t *)(const void *)((const char *)&over[i] + member);

        kn_strbuf_addf(out, "%s%lld", i > 0 ? ", " : "", (long long)*number);
    }
}

static int quota_refuse_nova(struct kn_error *err, const struct kn_quota_over *over, int count)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf names = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf asked = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf used = KN_STRBUF_INIT;
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf most = KN_STRBUF_INIT;

    for (int i = 0; i < count; i++) {
        kn_strbuf_addf(&names, "%s%s", i > 0 ? ", " : "", over[i].name);
    }
    quota_join(&asked, over, count, offsetof(struct kn_quota_over, asked));
    quota_join(&used, over, count, offsetof(struct kn_quota_over, used));
    quota_join(&most, over, count, offsetof(struct kn_quota_over, limit));
    return kn_fail(err, KN_QUOTA, "Quota exceeded for %s: Requested %s, but already used %s of %s %s", names.buf,
                   asked.buf, used.buf, most.buf, names.buf);
}

static int quota_refuse_glance(struct kn_error *err, const struct kn_quota_over *over, int count)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf all = KN_STRBUF_INIT;

    for (int i = 0; i < count; i++) {
        kn_strbuf_addf(&all, "%sResource %s is over limit of %lld due to current usage %lld and delta %lld",
                       i > 0 ? ", " : "", over[i].name, (long long)over[i].limit, (long long)over[i].used,
                       (long long)over[i].asked);
    }
    return kn_fail(err, KN_QUOTA, "Project %.64s is over a limit for [%s]", over[0].project, all.buf);
}

static int quota_refuse_neutron(struct kn_error *err, const struct kn_quota_over *over, int count)
{
    AUTO_RELEASE(kn_strbuf) struct kn_strbuf names = KN_STRBUF_INIT;

    for (int i = 0; i < count; i++) {
        kn_strbuf_addf(&names, "%s'%s'", i > 0 ? ", " : "", over[i].name);
    }
    return kn_fail(err, KN_QUOTA, "Quota exceeded for resources: [%s].", names.buf);
}

/* What Cinder counts under a fault of its own. */
static const struct {
    const char *name, *fault;
} CINDER_COUNTS[] = {
    { "groups", "GroupLimitExceeded" },
    { "snapshots", "SnapshotLimitExceeded" },
    { "backups", "BackupLimitExceeded" },
};

/* Cinder names one: the first. */
static int quota_refuse_cinder(struct kn_error *err, const struct kn_quota_over *over, int count)
{
    (void)count;
    if (strncmp(over->name, "gigabytes", strlen("gigabytes")) == 0) {
        return kn_fail(err, KN_TOO_LARGE,
                       "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed %s quota. "
                       "Requested %lldG, quota is %lldG and %lldG has been consumed.",
                       over->name, (long long)over->asked, (long long)over->limit, (long long)over->used);
    }
    if (strcmp(over->name, "backup_gigabytes") == 0) {
        return kn_fail(err, KN_TOO_LARGE,
                       "VolumeBackupSizeExceedsAvailableQuota: Requested backup exceeds allowed Backup gigabytes "
                       "quota. Requested %lldG, quota is %lldG and %lldG has been consumed.",
                       (long long)over->asked, (long long)over->limit, (long long)over->used);
    }
    for (size_t i = 0; i < KN_COUNT(CINDER_COUNTS); i++) {
        if (strncmp(over->name, CINDER_COUNTS[i].name, strlen(CINDER_COUNTS[i].name)) == 0) {
            return kn_fail(err, KN_TOO_LARGE, "%s: Maximum number of %s allowed (%lld) exceeded",
                           CINDER_COUNTS[i].fault, CINDER_COUNTS[i].name, (long long)over->limit);
        }
    }
    return kn_fail(err, KN_TOO_LARGE,
                   "VolumeLimitExceeded: Maximum number of volumes allowed (%lld) exceeded for quota '%s'.",
                   (long long)over->limit, over->name);
}

int kn_quota_refuse(struct kn_error *err, const char *service, const struct kn_quota_over *over, int count)
{
    static const struct {
        const char *service;
        int (*refuse)(struct kn_error *err, const struct kn_quota_over *over, int count);
    } WORDS[] = {
        { "compute", quota_refuse_nova },
        { "image", quota_refuse_glance },
        { "network", quota_refuse_neutron },
        { "volume", quota_refuse_cinder },
    };

    for (size_t i = 0; i < KN_COUNT(WORDS); i++) {
        if (strcmp(WORDS[i].service, service) == 0) {
            return WORDS[i].refuse(err, over, count);
        }
    }
    return kn_fail(err, KN_INTERNAL, "no service \"%s\" has a quota", service);
}
