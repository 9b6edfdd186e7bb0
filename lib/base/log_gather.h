/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_gather: between kn_log_gather() and kn_log_let_go() this thread's lines below KN_WARNING leave together, as many at a time as a pipe takes in one piece: for who
 * ends many requests at once. Not nested; in between nothing may wait.
 */
#ifndef KN_BASE_LOG_GATHER_H
#define KN_BASE_LOG_GATHER_H

void kn_log_gather(void);
void kn_log_let_go(void);

#endif
