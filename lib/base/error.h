/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error: what went wrong, said once, by the layer that knows.
 *
 * A function that can fail returns 0 or -1 and takes `struct kn_error *err` last. The bottom layer writes the
 * message (one lower-case line of fact, values in double quotes); outer layers may prefix context, never replace it.
 * The code carries what every outer layer needs: the HTTP status, Nova's name of the fault, and whether the same
 * request can succeed later or elsewhere.
 */
#ifndef KN_BASE_ERROR_H
#define KN_BASE_ERROR_H

#include <stdbool.h>

/* X(code, HTTP status, Nova/Cinder fault key, title of the HTTP reason, worth a retry) */
#define KN_CODES(X) \
    X(KN_OK, 200, "ok", "OK", false) \
    X(KN_BAD_REQUEST, 400, "badRequest", "Bad Request", false) \
    X(KN_UNAUTHORIZED, 401, "unauthorized", "Unauthorized", false) \
    X(KN_FORBIDDEN, 403, "forbidden", "Forbidden", false) \
    X(KN_QUOTA, 403, "forbidden", "Forbidden", false) \
    X(KN_NOT_FOUND, 404, "itemNotFound", "Not Found", false) \
    X(KN_METHOD_NOT_ALLOWED, 405, "badMethod", "Method Not Allowed", false) \
    X(KN_NOT_ACCEPTABLE, 406, "computeFault", "Not Acceptable", false) \
    X(KN_CONFLICT, 409, "conflictingRequest", "Conflict", false) \
    X(KN_GONE, 410, "computeFault", "Gone", false) \
    X(KN_PRECONDITION, 412, "computeFault", "Precondition Failed", false) \
    X(KN_TOO_LARGE, 413, "overLimit", "Request Entity Too Large", false) \
    X(KN_URI_TOO_LONG, 414, "computeFault", "Request-URI Too Long", false) \
    X(KN_UNSUPPORTED_MEDIA, 415, "badMediaType", "Unsupported Media Type", false) \
    X(KN_BAD_RANGE, 416, "computeFault", "Range Not Satisfiable", false) \
    X(KN_TOO_MANY, 429, "overLimit", "Too Many Requests", true) \
    X(KN_HEAD_TOO_LARGE, 431, "computeFault", "Request Header Fields Too Large", false) \
    X(KN_INTERNAL, 500, "computeFault", "Internal Server Error", false) \
    X(KN_NO_VALID_HOST, 500, "computeFault", "Internal Server Error", false) \
    X(KN_NOT_IMPLEMENTED, 501, "notImplemented", "Not Implemented", false) \
    X(KN_UNAVAILABLE, 503, "serviceUnavailable", "Service Unavailable", true) \
    X(KN_TIMEOUT, 504, "computeFault", "Gateway Timeout", true) \
    X(KN_HTTP_VERSION, 505, "computeFault", "HTTP Version Not Supported", false) \
    X(KN_STALE, 409, "conflictingRequest", "Conflict", false) \
    X(KN_CANCELLED, 409, "conflictingRequest", "Conflict", false)

enum kn_code {
#define X(code, status, fault, title, retry) code,
    KN_CODES(X)
#undef X
        KN_CODE_COUNT
};

struct kn_error {
    enum kn_code code;
    char message[768]; /* one lower-case line of fact, of whole characters */
    char hint[256];    /* advice, may be empty */
    bool is_private;   /* names hosts, paths or the database's insides: for the log, never for a client */
    char name[56];     /* what a dialect that names its errors calls it ("NetworkInUse"); "" = as its code says */
};

/* Fills *err (may be NULL) and returns -1, so that `return kn_fail(...)` reads well. */
int kn_fail(struct kn_error *err, enum kn_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "context: " before the message that is there. Returns -1. */
int kn_fail_context(struct kn_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Adds advice. Returns -1. */
int kn_fail_hint(struct kn_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What it says is the operator's; clients hear what kind of failure it was and where it is logged. Returns -1. */
int kn_fail_private(struct kn_error *err);
/* Names it. Returns -1: return kn_fail(…), kn_fail_name(err, "NetworkInUse"); */
int kn_fail_name(struct kn_error *err, const char *name);
void kn_error_clear(struct kn_error *err);

int kn_code_status(enum kn_code code);         /* HTTP status */
const char *kn_code_fault(enum kn_code code);  /* "itemNotFound" */
const char *kn_code_title(enum kn_code code);  /* "Not Found" */
const char *kn_code_name(enum kn_code code);   /* "KN_NOT_FOUND": how a code travels in messages */
bool kn_code_retriable(enum kn_code code);
enum kn_code kn_code_from_name(const char *name); /* KN_INTERNAL for an unknown name */

#endif
