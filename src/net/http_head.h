/* The head of an HTTP/1.1 request (RFC 9112), read where it stands. Pure. */
#ifndef NET_HTTP_HEAD_H
#define NET_HTTP_HEAD_H

#include "net/http.h"

#define HTTP_MAX_HEAD (16u << 10)
#define HTTP_HEADERS  13 /* that http_header() knows */

struct http_head {
    enum http_method method;
    bool is_head, is_1_0, wants_close, expects_continue;
    const char *path, *query; /* in the text that was read */
    const char *headers[HTTP_HEADERS];
    size_t content_length;
};

/* How long the head at the beginning of `text` is, its empty line included, or what shows already that it is none; 0: more must come.
 * `*scanned` is where to go on then, at first 0. */
size_t http_head_length(const char *text, size_t len, size_t *scanned);
/* Reads a complete head, which it changes: `text` is followed by a 0 byte and lives as long as `ret`. 0, or the status to refuse it with;
 * `*ret` is good for that answer then, too. */
int http_head_read(char *text, size_t len, struct http_head *ret);
/* The value of a header by its lower-case name, or NULL. */
const char *http_head_header(const struct http_head *head, const char *name);

/* Decodes percent-encoding in place. false: it is wrong, or gives a 0 byte. */
bool http_decode(char *text);

#endif
