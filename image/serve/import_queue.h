/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_queue: the threads that import, and what waits for them. The service's main thread gives commands; each is answered once, by the
 * thread that did it, in the envelope of the latest time it was asked.
 */
#ifndef KN_IMAGE_SERVE_IMPORT_QUEUE_H
#define KN_IMAGE_SERVE_IMPORT_QUEUE_H

#include "lib/adapter/daemon.h"

struct kn_import_queue;

/* d and its configuration outlive the queue. */
int kn_import_queue_new(struct kn_daemon *d, struct kn_import_queue **ret, struct kn_error *err);
/* Main thread: an image.import. One that is under way already gets the new envelope. */
void kn_import_queue_add(struct kn_import_queue *q, const struct kn_message *command);
/* Main thread: asks what runs to pause, and waits for it. Takes NULL. */
void kn_import_queue_free(struct kn_import_queue *q);

#endif
