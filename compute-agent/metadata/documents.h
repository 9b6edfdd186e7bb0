/* SPDX-License-Identifier: Apache-2.0 */
/* metadata/documents: what each leaf of the metadata tree says of a guest. Pure; metadata.c has the tree. */
#ifndef KN_COMPUTE_AGENT_METADATA_DOCUMENTS_H
#define KN_COMPUTE_AGENT_METADATA_DOCUMENTS_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/strbuf.h"

#define KN_METADATA_CONTENT "content" /* beside the versions: what files hold */

/* Versions of OpenStack's tree that brought something. */
#define KN_METADATA_GRIZZLY "2013-04-04"
#define KN_METADATA_HAVANA "2013-10-17"
#define KN_METADATA_LIBERTY "2015-10-15"
#define KN_METADATA_NEWTON "2016-06-30"
#define KN_METADATA_NEWTON_TWO "2016-10-06"
#define KN_METADATA_VICTORIA "2020-10-14"

struct kn_agent_metadata_guest {
    const char *server;
    const json_t *spec;
    const char *version; /* of the tree that is read: a date, or "latest" */
};

/* Each writes its document; false: this guest has none, and nothing was written. */
typedef bool kn_agent_metadata_writer(const struct kn_agent_metadata_guest *guest, struct kn_strbuf *body);

kn_agent_metadata_writer kn_agent_metadata_meta_data;    /* OpenStack's meta_data.json */
/* A file by its number ("0000") among those that meta_data.json names, decoded; false: there is none. */
bool kn_agent_metadata_content(const struct kn_agent_metadata_guest *guest, const char *name, struct kn_strbuf *body);
kn_agent_metadata_writer kn_agent_metadata_network_data; /* OpenStack's network_data.json (network.c) */
kn_agent_metadata_writer kn_agent_metadata_user_data;    /* decoded */
kn_agent_metadata_writer kn_agent_metadata_vendor;       /* what the operator says to all guests; {} */
kn_agent_metadata_writer kn_agent_metadata_vendor2;      /* the same, by who says it: {"static": …}; {} */
kn_agent_metadata_writer kn_agent_metadata_password;     /* what the guest posted; blank before it did */
kn_agent_metadata_writer kn_agent_metadata_blank;        /* known, and empty */
kn_agent_metadata_writer kn_agent_metadata_none;         /* "none" */
kn_agent_metadata_writer kn_agent_metadata_zero;         /* "0" */
kn_agent_metadata_writer kn_agent_metadata_hostname;
kn_agent_metadata_writer kn_agent_metadata_zone;
kn_agent_metadata_writer kn_agent_metadata_local_ipv4;
kn_agent_metadata_writer kn_agent_metadata_public_ipv4;  /* the first floating address; blank */
kn_agent_metadata_writer kn_agent_metadata_ami_id;
kn_agent_metadata_writer kn_agent_metadata_instance_id;
kn_agent_metadata_writer kn_agent_metadata_reservation_id;
kn_agent_metadata_writer kn_agent_metadata_flavor;       /* its name */
kn_agent_metadata_writer kn_agent_metadata_root_name;    /* "vda" */
kn_agent_metadata_writer kn_agent_metadata_root_path;    /* "/dev/vda" */
kn_agent_metadata_writer kn_agent_metadata_ephemeral0;   /* "vdb" */
kn_agent_metadata_writer kn_agent_metadata_ephemeral1;
kn_agent_metadata_writer kn_agent_metadata_ephemeral2;
kn_agent_metadata_writer kn_agent_metadata_swap;
kn_agent_metadata_writer kn_agent_metadata_key_list;     /* "0=name" */
kn_agent_metadata_writer kn_agent_metadata_key_formats;  /* "openssh-key" */
kn_agent_metadata_writer kn_agent_metadata_key;

#endif
