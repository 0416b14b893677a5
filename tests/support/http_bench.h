/* The HTTP server by plain sockets on loopback, over the real loop: what serves, and who asks. */
#ifndef SUPPORT_HTTP_BENCH_H
#define SUPPORT_HTTP_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/http_internal.h"

#define HTTP_WAIT_MS 10000
#define HTTP_CLIENTS (HTTP_MAX_CONNECTIONS + 4)
#define HTTP_KEPT    8
#define HOST         "Host: h\r\n"
#define GET(path)    "GET " path " HTTP/1.1\r\n" HOST "\r\n"

struct http_client {
    int fd; /* 0: none */
    SSL *ssl;
    struct buf in;
    bool ended;
};

struct http_asked {
    struct http_exchange *exchange;
    enum http_method method;
    char path[64], query[64], peer[HTTP_PEER_SIZE], header[64];
    size_t body_len, sum;
    bool is_local, is_tls;
};

struct http_bench {
    struct loop loop;
    struct websocket_context *context;
    struct http_server *server;
    struct http_client clients[HTTP_CLIENTS];
    bool timed_out;
    struct timer timeout;

    int requests, gone;
    struct http_asked asked[HTTP_KEPT]; /* the last ones */
    bool keeps, frees;                  /* answers later; frees the server in on_request */
    int pieces, given;                  /* of the stream */
    size_t piece_len;
    bool stream_ends, frees_in_fill, in_call;
    char directory[64], path[100];
};

/* cmocka's: the bench is the state. */
int http_set_up(void **state);
int http_tear_down(void **state);

/* ---- what serves ---- */

extern const struct http_events http_bench_events;
/* On a port of loopback; cert NULL: without TLS. Each request is answered with what was asked, unless `keeps`. */
void http_serve(struct http_bench *b, const char *cert, const char *key);
/* The last request. */
struct http_asked *http_last(struct http_bench *b);

void http_bench_answer(struct http_bench *b, struct http_asked *asked);

/* ---- who asks ---- */

/* Whether what was tried (send, SSL_write, ...: `n`) is only to be tried again. */
bool http_is_for_later(const struct http_client *c, ssize_t n);
int http_connected(const struct sockaddr *address, socklen_t len);
struct http_client *http_client_at(struct http_bench *b, int index);
struct http_client *http_client_new(struct http_bench *b); /* the first */
void http_client_close(struct http_client *c);
/* Sends all of it, the loop running meanwhile. */
void http_say_bytes(struct http_bench *b, struct http_client *c, const char *bytes, size_t len);
void http_say(struct http_bench *b, struct http_client *c, const char *text);
/* Takes what is there, at most `max`. */
void http_take(struct http_client *c, size_t max);
/* Each takes all that is there, and looks. */
bool http_has(struct http_client *c, const char *text);
bool http_has_ended(struct http_client *c);
bool http_ends_with(struct http_client *c, const char *text);
int http_count(struct http_client *c, const char *text);

/* ---- the loop ---- */

void http_run_turn(struct http_bench *b);
void http_run_for(struct http_bench *b, int64_t ms);
#define HTTP_RUN_UNTIL(b, condition)                                                                         \
    do {                                                                                                     \
        (b)->timed_out = false;                                                                              \
        env_timer_start(&(b)->loop.env, &(b)->timeout, HTTP_WAIT_MS);                                        \
        while (!(condition) && !(b)->timed_out)                                                              \
            http_run_turn(b);                                                                                \
        timer_stop(&(b)->timeout);                                                                           \
        assert_true(condition);                                                                              \
    } while (0)

#endif
