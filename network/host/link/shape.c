/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shape.c: queues and the redirection, by netlink over libnl's traffic control. Making them never looks at what the kernel has: each call replaces or removes. The guests'
 * rules (DSCP marks among them) are the firewall's.
 */
#include "network/host/link/shape.h"

#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/cache.h>
#include <netlink/msg.h>
#include <netlink/route/act/mirred.h>
#include <netlink/route/action.h>
#include <netlink/route/classifier.h>
#include <netlink/route/cls/u32.h>
#include <netlink/route/qdisc.h>
#include <netlink/route/qdisc/tbf.h>
#include <netlink/route/tc.h>
#include <stdio.h>
#include <string.h>

#include "network/host/link/private.h"

#define BURST_PERCENT 80    /* of what a second carries, as Neutron's default; TCP needs it */
#define BURST_LEAST 65536   /* a whole packet of a guest that leaves segmentation to the host */
#define WAIT_MS 50          /* a packet waits no longer than that behind a burst */
#define RATE_MOST INT32_MAX /* bytes a second: 17 Gbit/s */

static int shape_result(int rc, int fine, const char *what, const char *name, struct kn_error *err)
{
    return rc >= 0 || rc == -fine ? 0 : kn_fail(err, KN_INTERNAL, "%s \"%s\": %s", what, name, nl_geterror(rc));
}

static struct rtnl_qdisc *qdisc_of(unsigned index, uint32_t parent, uint32_t handle, const char *kind)
{
    struct rtnl_qdisc *qdisc = rtnl_qdisc_alloc();

    rtnl_tc_set_ifindex(TC_CAST(qdisc), (int)index);
    rtnl_tc_set_parent(TC_CAST(qdisc), parent);
    if (handle != 0) {
        rtnl_tc_set_handle(TC_CAST(qdisc), handle);
    }
    if (kind != NULL) {
        rtnl_tc_set_kind(TC_CAST(qdisc), kind);
    }
    return qdisc;
}

static int qdisc_remove(struct kn_network_links *links, const char *name, uint32_t parent, struct kn_error *err)
{
    struct rtnl_qdisc *qdisc = qdisc_of(if_nametoindex(name), parent, 0, NULL);
    int rc = rtnl_qdisc_delete(links->socket, qdisc);

    rtnl_qdisc_put(qdisc);
    if (rc == -NLE_INVAL || rc == -NLE_NOATTR) {
        return 0; /* the kernel's word for a queue that is the default one */
    }
    return shape_result(rc, NLE_OBJ_NOTFOUND, "cannot remove the limit of", name, err);
}

/* Bytes a second. */
static int64_t shape_rate(const struct kn_network_state_limit *limit)
{
    const int64_t rate = limit->max_kbps * 1000 / 8;

    return rate > RATE_MOST ? RATE_MOST : rate;
}

/* A bucket as the device's root queue. */
static int bucket(struct kn_network_links *links, const char *name, const struct kn_network_state_limit *limit,
                  struct kn_error *err)
{
    int64_t rate = shape_rate(limit), burst = limit->burst_kbit * 1000 / 8;
    struct rtnl_qdisc *qdisc = qdisc_of(if_nametoindex(name), TC_H_ROOT, TC_HANDLE(1, 0), "tbf");

    burst = burst == 0 ? rate * BURST_PERCENT / 100 : burst;
    burst = burst < BURST_LEAST ? BURST_LEAST : burst > RATE_MOST / 2 ? RATE_MOST / 2 : burst;
    rtnl_qdisc_tbf_set_rate(qdisc, (int)rate, (int)burst, 0);
    rtnl_qdisc_tbf_set_limit(qdisc, (int)(burst + rate * WAIT_MS / 1000 > RATE_MOST ? RATE_MOST
                                                                                    : burst + rate * WAIT_MS / 1000));
    int rc = rtnl_qdisc_add(links->socket, qdisc, NLM_F_CREATE | NLM_F_REPLACE);

    rtnl_qdisc_put(qdisc);
    return shape_result(rc, 0, "cannot limit", name, err);
}

/* Everything that the tap receives goes to the device. */
static int redirect(struct kn_network_links *links, const char *tap, const char *device, struct kn_error *err)
{
    struct rtnl_qdisc *ingress = qdisc_of(if_nametoindex(tap), TC_H_INGRESS, TC_H_MAJ(TC_H_INGRESS), "ingress");
    struct rtnl_cls *filter = rtnl_cls_alloc();
    struct rtnl_act *action = rtnl_act_alloc();
    int rc = rtnl_qdisc_add(links->socket, ingress, NLM_F_CREATE);

    rc = rc == -NLE_EXIST ? 0 : rc;
    rtnl_tc_set_kind(TC_CAST(action), "mirred");
    rtnl_mirred_set_action(action, TCA_EGRESS_REDIR);
    rtnl_mirred_set_policy(action, TC_ACT_STOLEN);
    rtnl_mirred_set_ifindex(action, if_nametoindex(device));
    rtnl_tc_set_ifindex(TC_CAST(filter), (int)if_nametoindex(tap));
    rtnl_tc_set_parent(TC_CAST(filter), TC_H_MAJ(TC_H_INGRESS));
    rtnl_tc_set_kind(TC_CAST(filter), "u32");
    rtnl_cls_set_prio(filter, 1);
    rtnl_cls_set_protocol(filter, ETH_P_ALL);
    rtnl_u32_set_handle(filter, 0x800, 0, 1); /* always the same: a second call replaces it */
    rtnl_u32_add_key(filter, 0, 0, 0, 0);
    rtnl_u32_set_cls_terminal(filter);
    rtnl_u32_add_action(filter, action);
    rc = rc < 0 ? rc : rtnl_cls_add(links->socket, filter, NLM_F_CREATE | NLM_F_REPLACE);
    rtnl_act_put(action);
    rtnl_cls_put(filter);
    rtnl_qdisc_put(ingress);
    return shape_result(rc, 0, "cannot limit what comes from", tap, err);
}

/* ti<port> for tap<port>: 13 characters as well */
static void ifb_name(const char *tap, char out[IFNAMSIZ])
{
    snprintf(out, IFNAMSIZ, "ti%s", tap + strlen("tap"));
}

static int shape_from(struct kn_network_links *links, const char *tap, const struct kn_network_state_limit *limit,
                      struct kn_error *err)
{
    char device[IFNAMSIZ];

    ifb_name(tap, device);
    if (limit->max_kbps > 0) {
        return kn_network_link_ifb(links, device, err) < 0 || bucket(links, device, limit, err) < 0
                   ? -1
                   : redirect(links, tap, device, err);
    }
    if (if_nametoindex(device) == 0) {
        return 0;
    }
    if (if_nametoindex(tap) != 0 && qdisc_remove(links, tap, TC_H_INGRESS, err) < 0) {
        return -1;
    }
    return kn_network_link_delete(links, device, err);
}

int kn_network_link_shape(struct kn_network_links *links, const char *tap,
                          const struct kn_network_state_limit *to_guest,
                          const struct kn_network_state_limit *from_guest, struct kn_error *err)
{
    if (shape_from(links, tap, from_guest, err) < 0) {
        return -1;
    }
    if (if_nametoindex(tap) == 0) {
        return 0;
    }
    return to_guest->max_kbps > 0 ? bucket(links, tap, to_guest, err) : qdisc_remove(links, tap, TC_H_ROOT, err);
}

/* --- whether it is so ------------------------------------------------------------------------------------------------- */

/* The rate of the device's root queue, if that is a bucket; 0: it is none. */
static int64_t bucket_rate(struct nl_cache *queues, const char *name)
{
    struct rtnl_qdisc *qdisc = rtnl_qdisc_get_by_parent(queues, (int)if_nametoindex(name), TC_H_ROOT);
    const char *kind = qdisc == NULL ? NULL : rtnl_tc_get_kind(TC_CAST(qdisc));
    const int64_t rate = kind != NULL && strcmp(kind, "tbf") == 0 ? rtnl_qdisc_tbf_get_rate(qdisc) : 0;

    if (qdisc != NULL) {
        rtnl_qdisc_put(qdisc);
    }
    return rate;
}

static bool is_redirected(struct kn_network_links *links, struct nl_cache *queues, const char *tap)
{
    const int index = (int)if_nametoindex(tap);
    struct rtnl_qdisc *ingress = rtnl_qdisc_get_by_parent(queues, index, TC_H_INGRESS);
    struct nl_cache *filters = NULL;
    bool found = ingress != NULL;

    if (found && rtnl_cls_alloc_cache(links->socket, index, TC_H_MAJ(TC_H_INGRESS), &filters) == 0) {
        found = nl_cache_nitems(filters) > 0;
        nl_cache_free(filters);
    }
    if (ingress != NULL) {
        rtnl_qdisc_put(ingress);
    }
    return found;
}

bool kn_network_link_is_shaped(struct kn_network_links *links, const char *tap,
                               const struct kn_network_state_limit *to_guest,
                               const struct kn_network_state_limit *from_guest, char why[KN_STOCK_WHY])
{
    struct nl_cache *queues = NULL;
    char device[IFNAMSIZ];
    bool is_so = true;

    ifb_name(tap, device);
    if (rtnl_qdisc_alloc_cache(links->socket, &queues) < 0) {
        return true;
    }
    if (bucket_rate(queues, tap) != shape_rate(to_guest)) {
        snprintf(why, KN_STOCK_WHY, "the queue of %s is not as it was made", tap);
        is_so = false;
    } else if ((from_guest->max_kbps > 0) != (if_nametoindex(device) != 0) ||
               (from_guest->max_kbps > 0 &&
                (bucket_rate(queues, device) != shape_rate(from_guest) || !is_redirected(links, queues, tap)))) {
        snprintf(why, KN_STOCK_WHY, "what comes from %s is not limited as it was", tap);
        is_so = false;
    }
    nl_cache_free(queues);
    return is_so;
}
