/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quota_change: limits of projects belong to three services, the moment at which one was changed to all of them. A statement that sets or resets
 * limits of the project $1 begins with this, so that the audit does not take for a breach what was there before (conductor/audit/owner.c).
 */
#ifndef KN_ADAPTER_QUOTA_CHANGE_H
#define KN_ADAPTER_QUOTA_CHANGE_H

#define KN_QUOTA_CHANGES \
    "WITH said AS (INSERT INTO quota_change (project_id) VALUES ($1) ON CONFLICT (project_id) DO UPDATE SET at = now()) "

#endif
