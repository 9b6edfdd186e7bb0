/* SPDX-License-Identifier: Apache-2.0 */
/* messages: why what was wished of volumes failed, as their owners read it. The conductor writes them with the failure; here they are read and deleted. */
#include <string.h>

#include "lib/base/cleanup.h"
#include "lib/base/jsonw.h"
#include "lib/base/mem.h"
#include "lib/domain/volume_failure.h"
#include "lib/rest/list.h"
#include "lib/rest/manners.h"
#include "lib/rest/write.h"
#include "volume/api/private.h"

/* "003-012 volume.upload" as "copy …:Failed …", in words that somebody can act on. */
static void messages_print_words(const struct kn_request *req, const char *name, const char *value,
                                 struct kn_strbuf *out)
{
    AUTO_FREE char *action = kn_strdup(value);
    char *dash = strchr(action, '-'), *blank = dash != NULL ? strchr(dash, ' ') : NULL;
    const struct kn_volume_failure *f = NULL;

    (void)req;
    if (blank != NULL) {
        *dash = *blank = '\0';
        f = kn_volume_failure_find(blank + 1, action, dash + 1);
    }
    AUTO_FREE char *words = f != NULL ? kn_asprintf("%s:%s %s", f->action_words, f->detail_words, f->advice)
                                      : kn_strdup("unknown action:An unknown error occurred.");
    kn_jsonw_str(out, name, words);
}

#define EVENT "'VOLUME_' || m.resource_type || '_' || m.action || '_' || m.detail"

static const struct kn_rest_attr ATTRS[] = {
    KN_REST_ATTR("id", "m.id", KN_REST_UUID, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("event_id", EVENT, KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("user_message", "m.action || '-' || m.detail || ' ' || m.kind", KN_REST_TEXT, KN_REST_SHOWN,
                 .print = messages_print_words),
    KN_REST_ATTR("message_level", "'ERROR'", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("created_at", "m.created_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT),
    KN_REST_ATTR("guaranteed_until", "m.expires_at", KN_REST_TIME, KN_REST_SHOWN | KN_REST_SORT | KN_REST_NULL),
    KN_REST_ATTR("request_id", "m.request_id", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("links", NULL, KN_REST_LINKS, KN_REST_SHOWN),
    KN_REST_ATTR("resource_type", "m.resource_type", KN_REST_TEXT, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTR("resource_uuid", "m.resource_uuid", KN_REST_UUID, KN_REST_SHOWN | KN_REST_FIND),
    KN_REST_ATTRS_END,
};

/* Everybody reads his own project's: administrators, too. */
static int messages_narrow(struct kn_rest_list *l, struct kn_error *err)
{
    (void)err;
    l->sees_all = false;
    return 0;
}

static const struct kn_rest_noun MESSAGE = {
    .one = "message",
    .many = "messages",
    .label = "Message",
    .path = "/messages",
    .from = "volume_message m",
    .id = "m.id",
    .id_type = KN_REST_UUID,
    .visible = "m.project_id = ?",
    .kept = "(m.expires_at > now()) IS NOT FALSE",
    .order = "created_at",
    .ties = "created_at,id",
    .pages_since = 5,
    .attrs = ATTRS,
    .narrow = messages_narrow,
    .manners = &KN_REST_CINDER,
    .table = "volume_message",
    .is_timeless = true,
};

int kn_volume_api_messages(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_list(&MESSAGE, req, KN_REST_LIST, NULL, res, err);
}

int kn_volume_api_message(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    return kn_rest_show(&MESSAGE, req, req->params[0], KN_REST_SHOW, res, err);
}

int kn_volume_api_message_delete(struct kn_request *req, struct kn_response *res, struct kn_error *err)
{
    (void)res;
    return kn_rest_delete(&MESSAGE, req, req->params[0], err);
}
