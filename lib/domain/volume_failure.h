/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_failure: what the owner of a volume is told of a wish that failed, as a table: a task's kind and the code of its failure, the action and the detail that Cinder has for it
 * and, behind Cinder's words, what can be done about it. The conductor writes the kind and the two numbers with the failure, the API says the words. Pure.
 */
#ifndef KN_DOMAIN_VOLUME_FAILURE_H
#define KN_DOMAIN_VOLUME_FAILURE_H

#include "lib/base/error.h"

struct kn_volume_failure {
    const char *kind; /* of the task */
    enum kn_code code; /* KN_OK: any other */
    const char *resource; /* Cinder's type of what it was wished of */
    const char *action, *action_words;
    const char *detail, *detail_words;
    const char *advice;
};

/* NULL: nobody is told of such a task's failure. */
const struct kn_volume_failure *kn_volume_failure_of(const char *kind, enum kn_code code);
/* What was told of such a task with these numbers: the same two are said of different things. kind "": whoever wrote them did not say, and the first counts. NULL: this program has none. */
const struct kn_volume_failure *kn_volume_failure_find(const char *kind, const char *action, const char *detail);

#endif
