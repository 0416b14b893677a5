/* Lines of text over a Unix socket (net/local.h), and, where wanted, over a terminal: how people and their tools speak to a
 * running program. Who uses it knows commands and answers; this knows connections.
 *
 * A client goes when it hangs up, sends a line too long, or lags too far behind with reading. One that merely says no more (end of
 * file) goes once all its lines are dealt with and all it was sent is written. Text is UTF-8 by agreement; nothing here looks into it.
 * Clients are named by ids, which are never used again: speaking to one that is gone does nothing. */
#ifndef NET_LINE_SERVER_H
#define NET_LINE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct line_server;

#define LINE_SERVER_TERMINAL    UINT64_C(0) /* the terminal's id */
#define LINE_SERVER_MAX_WAITING (4u << 20)  /* bytes a client may lag behind */

struct line_server_rules {
    size_t max_clients; /* the terminal not counted; one more is hung up on */
    size_t max_line;    /* a line is shorter than this */
    /* A client's next line is given only when the last one is dealt with and what was sent is written; till then a client that goes
     * on sending is slowed down. Else lines are given as they come. */
    bool one_at_a_time;
    /* `line` ends by a 0 byte in place of its newline; it may be changed, and is borrowed for the call. */
    void (*on_line)(void *ctx, uint64_t client, char *line, size_t len);
    /* Gone for any reason but line_server_free(); also from within a function below. May be NULL. */
    void (*on_gone)(void *ctx, uint64_t client);
};

/* Listens at `path` (NULL: does not) as local_listen() does. `rules` are borrowed for the server's life. 0, -ENOMEM, or
 * local_listen()'s. */
int line_server_new(struct loop *loop, const char *path, const struct line_server_rules *rules, void *ctx,
                    struct line_server **ret);
/* Calls nothing back any more; memory follows when the loop runs. NULL is fine. */
void line_server_free(struct line_server *server);

/* Reads lines from the terminal `fd`, too. `prompt` (borrowed; NULL: none) shows that it takes a line. 0 or -errno. */
int line_server_add_terminal(struct line_server *server, int fd, const char *prompt);

/* Sends `text` and a newline. NULL: there was no memory for the text, and the client is cut off. */
void line_server_send(struct line_server *server, uint64_t id, const char *text);

/* From within on_line(): the line is not dealt with yet. line_server_release() says once that it is. */
void line_server_hold(struct line_server *server, uint64_t id);
void line_server_release(struct line_server *server, uint64_t id);

#endif
