/* The management API, seen from ocpp-cli: over the daemon's Unix socket, or https with a token (docs/management.md). Blocking. */
#ifndef CLI_CONNECTION_H
#define CLI_CONNECTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct cli;

/* One request; the reference to `body` (NULL: none) is taken. `path` follows the API's prefix, "/stations?limit=5"; what stands for a name in it comes from
 * api_path(). The answer as JSON (a problem if *ret_status is 400 or more; null if it has no body), a new reference. NULL: nobody answers, and why was said. */
json_t *api_call(const struct cli *cli, const char *method, const char *path, json_t *body, int *ret_status);
/* The same, and says a problem on stderr: NULL then, too. */
json_t *api_ask(const struct cli *cli, const char *method, const char *path, json_t *body);
/* The answer as text, such as CSV; the caller's, or NULL (said why). */
char *api_text(const struct cli *cli, const char *path);
/* What is wrong with files by an answer, "FILE:line: path: what" each; `file` ("": none) where it names no other. Gives how many. */
size_t api_say_problems(const json_t *answer, const char *file);
/* Says what is wrong by a problem, with its problems in files. */
void api_say_problem(const json_t *problem);
/* Formats a path; each %s is escaped for a URL. The caller's to free; NULL without memory. */
char *api_path(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A stream of events. One that breaks off is taken up again where it was, unless that is done by hand. */
struct event_stream {
    const struct cli *cli;
    void *multi, *easy; /* libcurl's */
    struct curl_slist *headers;
    char *path;
    struct buf data;     /* not looked at yet */
    char last_id[24];    /* of the last event; "": none yet */
    bool has_gap;        /* something may be missing: who shows a state reads it anew, and clears this */
    bool is_open, ended; /* ended: for good, and why was said */
    int status;
    bool by_hand;     /* to be set after event_stream_open(): see event_stream_resume() */
    int interrupt_fd; /* ends it when there is something to read, such as a signalfd; 0: none */
};
/* Opens it, and waits until the gateway has answered. 0 or negative (said why). `path` as above. */
int event_stream_open(struct event_stream *stream, const struct cli *cli, const char *path);
void event_stream_close(struct event_stream *stream);
/* The next event, its data: new reference. NULL: none came within timeout_ms (-1: waits for ever), or it has ended, or a signal came. */
json_t *event_stream_next(struct event_stream *stream, int64_t timeout_ms);
/* For who may not wait: begins to take up again, behind the last event, a stream that has broken off (it is neither open nor asked for). */
void event_stream_resume(struct event_stream *stream);
/* Whether event_stream_next() would have one at once. */
bool event_stream_has_event(const struct event_stream *stream);

#endif
