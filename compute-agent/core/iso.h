/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iso: a read-only disk made of files: ISO 9660 (level 2) with Joliet's names beside, so that every system reads it as it was meant: Linux and BSD by either,
 * Windows by the latter. Small, all of it in memory. Pure.
 *
 *   AUTO(kn_agent_iso) struct kn_agent_iso *iso = kn_agent_iso_new("config-2", now_s);
 *   kn_agent_iso_add(iso, "openstack/latest/meta_data.json", text, len);
 *   kn_agent_iso_write(iso, &bytes);
 */
#ifndef KN_COMPUTE_AGENT_CORE_ISO_H
#define KN_COMPUTE_AGENT_CORE_ISO_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/cleanup.h"
#include "lib/base/strbuf.h"

struct kn_agent_iso;

/* label: at most 16 characters of ASCII. */
struct kn_agent_iso *kn_agent_iso_new(const char *label, int64_t now_s);
void kn_agent_iso_free(struct kn_agent_iso *iso);
KN_DEFINE_AUTO(kn_agent_iso);
/* A file; its directories come with it. Our own words: names of at most 28 characters of ASCII, each path once. */
void kn_agent_iso_add(struct kn_agent_iso *iso, const char *path, const void *data, size_t len);
/* Appends the disk's bytes. */
void kn_agent_iso_write(struct kn_agent_iso *iso, struct kn_strbuf *out);

#endif
