/* SPDX-License-Identifier: Apache-2.0 */
/* bodies: the message bodies that several flows send. Pure; each gives a new reference. */
#ifndef KN_CONDUCTOR_FLOWS_BODIES_H
#define KN_CONDUCTOR_FLOWS_BODIES_H

#include "conductor/store/task.h"

json_t *kn_conductor_body_server(const struct kn_conductor_task *task, int item);         /* {server} */
json_t *kn_conductor_body_volume(const struct kn_conductor_task *task, int item); /* {volume}: the task's own */
/* {image}: the one that was wished. */
json_t *kn_conductor_body_image_wished(const struct kn_conductor_task *task, int item);
/* place.claim's, of a flow that may be wished with a zone and a host. */
json_t *kn_conductor_body_claim(const struct kn_conductor_task *task, int item);
/* {volume, server, host}: the host that the server is on, absent if it is on none. volume is borrowed. */
json_t *kn_conductor_body_volume_let_go(const struct kn_conductor_task *task, json_t *volume);
json_t *kn_conductor_body_server_on_host(const struct kn_conductor_task *task, int item); /* {host, server} */
json_t *kn_conductor_body_server_on_dest(const struct kn_conductor_task *task,
                                         int item); /* the same of the destination */
/* {host, server, action, spec}: server.power's. spec is taken; NULL: none is needed. */
json_t *kn_conductor_body_power(const struct kn_conductor_task *task, const char *action, json_t *spec);
/* 1 if the server is on a host, or on its way to one, else 0. */
int kn_conductor_count_if_on_host(const struct kn_conductor_task *task);
int kn_conductor_count_if_dest(const struct kn_conductor_task *task);
/* {code, message, public, details}: a fault as Nova shows it to admins, and what members read instead of the message; object_server.c adds created; the hosts that
 * failed are in the details. */
json_t *kn_conductor_fault_of(const struct kn_conductor_task *task);
/* Of a task whose failures lib/domain/volume_failure.h has: what the owner reads, no path, no host. */
json_t *kn_conductor_body_failure(const struct kn_conductor_task *task);

#endif
