/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the small things that every answer of compute has; knows no noun. */
#include "compute/rows/view.h"

#include <string.h>

#include "compute/api.h"
#include "image/api.h"

/* Seconds end after 19 characters; what follows is a fraction or nothing. */
#define TO_SECONDS 19
#define FRACTION 7 /* ".123456" */

void kn_view_time(struct kn_strbuf *sb, const char *key, const char *text)
{
    char out[TO_SECONDS + 2];

    if (text == NULL || strlen(text) < TO_SECONDS) {
        kn_jsonw_null(sb, key);
        return;
    }
    memcpy(out, text, TO_SECONDS);
    out[10] = 'T';
    out[TO_SECONDS] = 'Z';
    out[TO_SECONDS + 1] = '\0';
    kn_jsonw_str(sb, key, out);
}

void kn_view_time_us(struct kn_strbuf *sb, const char *key, const char *text)
{
    char out[TO_SECONDS + FRACTION + 1] = "0000-00-00T00:00:00.000000";
    size_t len = text != NULL ? strlen(text) : 0;

    if (len < TO_SECONDS) {
        kn_jsonw_null(sb, key);
        return;
    }
    memcpy(out, text, len < sizeof(out) ? len : sizeof(out) - 1);
    out[10] = 'T';
    kn_jsonw_str(sb, key, out);
}

static void add_link(struct kn_strbuf *sb, const struct kn_request *req, const char *rel, const char *version,
                     const char *collection, const char *id)
{
    kn_jsonw_object(sb, NULL);
    kn_jsonw_str(sb, "rel", rel);
    kn_strbuf_addstr(sb, ",\"href\":\"");
    kn_strbuf_addstr(sb, req->base_url);
    kn_strbuf_addstr(sb, version);
    kn_strbuf_addch(sb, '/');
    kn_strbuf_addstr(sb, collection);
    kn_strbuf_addch(sb, '/');
    kn_strbuf_addurl(sb, id);
    kn_strbuf_addch(sb, '"');
    kn_jsonw_end_object(sb);
}

void kn_view_links(struct kn_strbuf *sb, const struct kn_request *req, const char *collection, const char *id)
{
    kn_jsonw_array(sb, "links");
    add_link(sb, req, "self", "/v2.1", collection, id);
    add_link(sb, req, "bookmark", "", collection, id);
    kn_jsonw_end_array(sb);
}

void kn_view_image_links(struct kn_strbuf *sb, const struct kn_request *req, const char *id)
{
    const size_t len = strlen(req->base_url), own = strlen(kn_compute_api.prefix);

    kn_jsonw_array(sb, "links");
    add_link(sb, req, "self", "/v2.1", "images", id);
    add_link(sb, req, "bookmark", "", "images", id);
    kn_jsonw_object(sb, NULL);
    kn_jsonw_str(sb, "rel", "alternate");
    kn_jsonw_str(sb, "type", "application/vnd.openstack.image");
    kn_strbuf_addstr(sb, ",\"href\":\"");
    kn_strbuf_add(sb, req->base_url, len > own ? len - own : 0);
    kn_strbuf_addf(sb, "%s/v2/images/%s\"", kn_image_api.prefix, id);
    kn_jsonw_end_object(sb);
    kn_jsonw_end_array(sb);
}

void kn_view_bookmark(struct kn_strbuf *sb, const struct kn_request *req, const char *collection, const char *id)
{
    kn_jsonw_array(sb, "links");
    add_link(sb, req, "bookmark", "", collection, id);
    kn_jsonw_end_array(sb);
}
