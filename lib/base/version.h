/* SPDX-License-Identifier: Apache-2.0 */
/* version: what --version, the service list and user agents say. */
#ifndef KN_BASE_VERSION_H
#define KN_BASE_VERSION_H

#define KN_VERSION "0.1.0"

#endif
