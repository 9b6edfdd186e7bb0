/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_private: what the files behind http.h share. One struct kn_http_raw is one exchange: a request, its answer, and where it stands.
 *
 * It belongs to one thread at a time and needs no lock: to the event thread of its connection while the connection runs, to a
 * worker while the connection is suspended. kn_http_work() hands it over, MHD_resume_connection() hands it back. A handler that
 * defers its answer leaves the exchange to whoever calls kn_request_answer(); the later of the two hands it back.
 */
#ifndef KN_ADAPTER_HTTP_PRIVATE_H
#define KN_ADAPTER_HTTP_PRIVATE_H

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "lib/adapter/http.h"
#include "lib/adapter/http_scan.h"
#include "lib/base/hmap.h"

/* Where an exchange stands; the right column says who moves it on. */
enum kn_http_state {
    KN_HTTP_NEW,       /* nothing seen but the first line          event: headers came */
    KN_HTTP_BODY,      /* collecting a body of at most max_body    event: body complete */
    KN_HTTP_SWALLOW,   /* the answer is there, the body still comes: dropped, so that the client reads its answer */
    KN_HTTP_STREAM,    /* a body goes to an upload, piece by piece event: piece full or body complete */
    KN_HTTP_WORKING,   /* suspended, a worker has it               worker: resumes */
    KN_HTTP_ANSWERED,  /* res is the answer                        event: sends it */
    KN_HTTP_SENT,      /* MHD has it                               event: completed */
    KN_HTTP_CUT,       /* no worker is left: the server stops      event: drops the connection */
};

enum kn_http_job { KN_HTTP_DISPATCH, KN_HTTP_BEGIN, KN_HTTP_CHUNK, KN_HTTP_END, KN_HTTP_ABANDON };

struct kn_http_party; /* http_queue.c */
struct kn_http_crowd; /* http_callers.c */
struct kn_http_doors; /* http_doors.c */
struct kn_http_block; /* a piece of a request's own memory */

struct kn_http_pair {
    const char *key;
    const char *value;
};

/* A connection; libmicrohttpd's socket context. All below fd is guarded by the server's callers_lock. */
struct kn_http_caller {
    struct kn_http_scan scan;          /* the event thread's */
    int fd;                            /* these two: immutable */
    char door[KN_HTTP_DOOR_SIZE];
    struct kn_http_crowd *crowd;
    struct kn_http_caller *older, *newer;
    int64_t since_ms;                  /* when it came, or was answered last */
    bool waits;                        /* for a request that is not whole yet */
    bool is_shut;
};

struct kn_http_raw {
    struct kn_request req;
    struct kn_response res;
    struct kn_http_server *server;
    struct MHD_Connection *connection; /* NULL: the client went away */
    struct kn_http_caller *caller;     /* the connection's, as is scan; event thread only; NULL: it had no place */
    const struct kn_http_scan *scan;
    uint64_t number;                   /* of this request in it */
    enum kn_http_state state;
    enum kn_http_job job;
    struct kn_http_lane *lane;         /* immutable after open */
    struct kn_http_raw *next_job;      /* guarded by the lane's lock */
    struct kn_http_block *blocks;
    char *target;                      /* path?query as received */
    struct kn_http_pair *query;        /* decoded, in order; NULL until asked for */
    int query_count;
    const char *remote;
    const char *door;
    struct kn_strbuf body;             /* the JSON body, or the upload's current piece */
    const struct kn_upload *upload;
    void *upload_ctx;
    const char *names[KN_HTTP_NAMES];  /* who it is, to the queue; of its own memory, NULL = nobody */
    struct kn_http_party *parties[KN_HTTP_NAMES]; /* guarded by the lane's lock */
    size_t budgeted;                   /* of its body, in the server's budget */
    bool is_list;                      /* immutable after open */
    bool deferred;                     /* its handler said so */
    atomic_int parted;                 /* of a deferred one: the handler has returned, the answer is there */
    bool upload_open;                  /* begin succeeded; end or abandon is still due */
    bool repeats;                      /* MHD shows the headers a second time after a suspension */
    bool ends;                         /* the connection ends with this answer */
    const char *broken;                /* why the end of its body is none; NULL: it is one */
    int64_t length;                    /* announced; -1: chunked */
    int64_t swallowed;
    int64_t started_us;
};

/* A queue and its threads: one for most requests, one for those that hash passwords. */
struct kn_http_lane {
    struct kn_http_server *server;     /* immutable after start, as is bound */
    int size;                          /* threads; immutable after start */
    int lists;                         /* of them, those that may have a list at once; immutable after start */
    int bound;                         /* requests that may wait; 0 = any number (connections are bounded) */
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct kn_http_raw *jobs;          /* guarded by lock; first to be done */
    struct kn_http_raw **jobs_end;     /* guarded by lock */
    struct kn_hmap *parties;           /* guarded by lock, as are the six below */
    int waiting;
    int working;
    int resting;                       /* threads that have nothing to do */
    int listing;                       /* of those that work, on lists */
    uint64_t served;
    bool closing;
    pthread_t *threads;                /* main thread */
    int thread_count;                  /* main thread */
};

struct kn_http_server {
    struct MHD_Daemon *mhd;
    const struct kn_http_ops *ops;     /* these eleven: immutable after start */
    void *ctx;
    size_t max_body;
    size_t bodies_max;
    int silent_s;
    int life_s;
    int connections;
    int per_address;
    size_t head;
    bool once;
    int port;
    struct kn_http_doors *doors;       /* NULL: it has none */
    pthread_mutex_t callers_lock;
    pthread_cond_t caller_left;
    struct kn_http_caller *oldest, *newest; /* guarded by callers_lock, as are the two below */
    struct kn_hmap *crowds;            /* "door address" -> struct kn_http_crowd */
    int open;                          /* connections */
    atomic_bool draining;
    atomic_size_t bodies;              /* bytes of bodies over KN_HTTP_SMALL_BODY */
    atomic_int open_exchanges;         /* first line seen, not yet completed */
    struct kn_http_lane fast, slow;
};

/* A listening socket at "address:port" (kn_http_serve), and the port that it has. */
int kn_http_listen(const char *listen, struct kn_error *err);
int kn_http_port_of(int fd);
/* "" for what is neither IPv4 nor IPv6. */
void kn_http_address_text(const struct sockaddr *address, char text[INET6_ADDRSTRLEN]);
struct kn_http_raw *kn_http_raw_new(struct kn_http_server *server, const char *target,
                                    struct MHD_Connection *connection);
void kn_http_raw_free(struct kn_http_raw *raw);
/* Fills in what the headers say. 0, or -1 with an error for the client. */
int kn_http_raw_open(struct kn_http_raw *raw, const char *method, struct kn_error *err);
/* The answer is decided: tells the front door, by whichever thread decided. */
void kn_http_finish(struct kn_http_raw *raw);
/* A connection that has said a request head may be silent for longer than one that has not. */
void kn_http_trust(struct kn_http_raw *raw);
/* Hands res to MHD. */
enum MHD_Result kn_http_send(struct kn_http_raw *raw);

/* http_gate.c: from here on the descriptor is read through the scan; false: there are too many. Before it is closed: close. */
bool kn_http_gate_open(int fd, struct kn_http_scan *scan);
/* drains: whatever is unread is dropped first, so that the client reads its answer. */
void kn_http_gate_close(int fd, struct kn_http_scan *scan, bool drains);
/* Of a descriptor that somebody else closed. */
void kn_http_gate_forget(int fd, struct kn_http_scan *scan);
/* The scan that a descriptor is read through; NULL: none. */
struct kn_http_scan *kn_http_gate_at(int fd);

/* http_callers.c. NULL: there are too many, at all or of this address at this door ("": the server's own, where libmicrohttpd counts them). */
struct kn_http_caller *kn_http_caller_enter(struct kn_http_server *server, int fd, const char *door,
                                            const char *address);
/* A request is whole, or an upload begins; its answer is sent; the descriptor will be closed, and the caller is gone. */
void kn_http_caller_asks(struct kn_http_server *server, struct kn_http_caller *caller);
void kn_http_caller_answered(struct kn_http_server *server, struct kn_http_caller *caller);
void kn_http_caller_leave(struct kn_http_server *server, struct kn_http_caller *caller);
/* Shuts those that came, or were answered, no later than that; waiting_only: those of them that wait for a request. */
void kn_http_callers_end(struct kn_http_server *server, int64_t since_ms, bool waiting_only);

/* http_doors.c. Stop: takes NULL doors; nobody comes in any more. */
int kn_http_doors_start(struct kn_http_server *server, struct kn_error *err);
void kn_http_doors_stop(struct kn_http_server *server);

/* MHD's callbacks. */
void *kn_http_on_target(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result kn_http_on_access(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *len, void **con_cls);
void kn_http_on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                          enum MHD_RequestTerminationCode how);

/* A body up to this is always taken: whoever fills the memory with large ones delays no login. */
#define KN_HTTP_SMALL_BODY ((size_t)8 << 10)
/* Makes room for a body of len bytes so far; false: the budget is spent. */
bool kn_http_budget_take(struct kn_http_raw *raw, size_t len);
/* Frees the body and gives its room back. */
void kn_http_body_drop(struct kn_http_raw *raw);

/* http_queue.c, the lane's lock held by the caller. put: the exchange waits. */
void kn_http_queue_put(struct kn_http_lane *lane, struct kn_http_raw *raw);
/* The one that waits and has to give way to the others: the last of the longest queue. NULL if nothing waits. */
struct kn_http_raw *kn_http_queue_evict(struct kn_http_lane *lane);
/* The next to be worked on; NULL if nothing waits that may be. */
struct kn_http_raw *kn_http_queue_take(struct kn_http_lane *lane);
/* Whether a thread rests and something waits that it may work on: nobody is woken for what he would only look at. */
bool kn_http_queue_calls(const struct kn_http_lane *lane);
void kn_http_queue_done(struct kn_http_lane *lane, struct kn_http_raw *raw);

enum kn_http_queued { KN_HTTP_QUEUED, KN_HTTP_FULL, KN_HTTP_CLOSED };

/*
 * Queues the exchange in its lane for a worker, who resumes it (KN_HTTP_ABANDON: frees it; always taken). KN_HTTP_FULL: *ret_evicted
 * is the one that has to give way, this one or another; it is the caller's now.
 */
enum kn_http_queued kn_http_work(struct kn_http_raw *raw, enum kn_http_job job, struct kn_http_raw **ret_evicted);
int kn_http_lane_start(struct kn_http_lane *lane, struct kn_http_server *server, int threads, int lists, int bound,
                       struct kn_error *err);
/* Lets the workers finish what is queued, and ends them. */
void kn_http_lane_stop(struct kn_http_lane *lane);
/* After that: does what was queued since on this thread, and frees the lane's own. */
void kn_http_lane_release(struct kn_http_lane *lane);

#endif
