/* Sessions: lines in, answers out, one at a time. A session that waits, or whose peer does not read, takes no more. */
#include "sim/session.h"

#include <errno.h>
#include <unistd.h>

#include "base/str.h"
#include "net/local.h"

#define SESSIONS_MAX 32
#define INPUT_MAX    ((size_t)2 * COMMAND_MAX_LINE) /* a line, and a chunk behind it */
#define PROMPT       "sim> "

struct session {
    struct list link;
    struct sessions *owner;
    union {
        uv_stream_t stream;
        uv_pipe_t pipe;
        uv_tty_t terminal;
    } uv;
    bool is_terminal, waiting, closing;
    bool ended; /* the peer sends no more, but may still want its answers */
    struct wait wait;
    struct buf input, output;
    uv_write_t write;
    bool writing;
    char chunk[COMMAND_MAX_LINE];
};

struct sessions {
    struct sim *sim;
    uv_pipe_t listener;
    bool listening;
    struct list sessions;
    size_t count;
    int open; /* handles that libuv has not given back */
    bool closing;
};

static void release(struct sessions *sessions)
{
    if (--sessions->open == 0 && sessions->closing)
        free(sessions);
}

static void on_session_closed(uv_handle_t *handle)
{
    struct session *s = handle->data;
    struct sessions *sessions = s->owner;
    buf_done(&s->input);
    buf_done(&s->output);
    free(s);
    release(sessions);
}

static void session_close(struct session *s)
{
    if (s->closing)
        return;
    s->closing = true;
    wait_stop(&s->wait);
    list_remove(&s->link);
    s->owner->count--;
    if (s->is_terminal)
        uv_tty_reset_mode();
    uv_close((uv_handle_t *)&s->uv.stream, on_session_closed);
}

/* ---- lines ---- */

static void take_input(struct session *s);

static void on_written(uv_write_t *write, int status)
{
    struct session *s = write->data;
    s->writing = false;
    buf_clear(&s->output);
    if (s->closing)
        return;
    if (status < 0)
        session_close(s);
    else
        take_input(s);
}

static void reply(struct session *s)
{
    if (s->output.len || !s->is_terminal)
        buf_text(&s->output, "\n");
    if (s->is_terminal)
        buf_text(&s->output, PROMPT);
    if (s->output.err) {
        session_close(s);
        return;
    }
    uv_buf_t bytes = uv_buf_init((char *)s->output.data, (unsigned)s->output.len);
    s->write.data = s;
    s->writing = true;
    if (uv_write(&s->write, &s->uv.stream, &bytes, 1, on_written) < 0)
        session_close(s);
}

static void on_wait_done(void *ctx, int err)
{
    struct session *s = ctx;
    s->waiting = false;
    buf_text(&s->output, err ? "error: not in time" : "ok");
    reply(s);
}

/* Takes one line out of the input; 0: there is none, -EMSGSIZE: too long for a command. */
static int take_line(struct session *s, char ret[static COMMAND_MAX_LINE])
{
    const char *text = buf_string(&s->input);
    const char *end = strchr(text, '\n');
    size_t len = end ? (size_t)(end - text) : s->input.len;
    if (len >= COMMAND_MAX_LINE)
        return -EMSGSIZE;
    if (!end)
        return 0;
    memcpy(ret, text, len);
    ret[len] = '\0';
    buf_consume(&s->input, len + 1);
    return 1;
}

static void work(struct session *s)
{
    char line[COMMAND_MAX_LINE];
    while (!s->waiting && !s->writing && !s->closing) {
        int r = take_line(s, line);
        if (r < 0)
            session_close(s);
        if (r <= 0)
            return;
        const char *text = line + strspn(line, " \t\r");
        if (!*text && !s->is_terminal)
            continue;
        if (s->is_terminal && str_equal(text, "help")) /* for people, a line each */
            command_help("\n", &s->output);
        else if (*text)
            s->waiting = command_run(s->owner->sim, line, &s->wait, &s->output) == 1;
        if (!s->waiting)
            reply(s);
    }
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *bytes);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct session *s = handle->data;
    *ret = uv_buf_init(s->chunk, sizeof s->chunk);
}

/* Works through what has come, and reads on unless there is more than a line to do first: a peer that sends without reading is
 * slowed down. */
static void take_input(struct session *s)
{
    work(s);
    if (s->closing)
        return;
    bool busy = s->waiting || s->writing;
    if (s->ended && !busy)
        session_close(s);
    else if (s->ended || s->input.len >= COMMAND_MAX_LINE)
        uv_read_stop(&s->uv.stream);
    else
        (void)uv_read_start(&s->uv.stream, on_alloc, on_read);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *bytes)
{
    struct session *s = stream->data;
    s->ended = len == UV_EOF;
    if ((len < 0 && !s->ended) || (len > 0 && buf_append(&s->input, bytes->base, (size_t)len) < 0))
        session_close(s);
    else
        take_input(s);
}

static struct session *session_new(struct sessions *sessions, bool is_terminal)
{
    struct session *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->owner = sessions;
    s->is_terminal = is_terminal;
    buf_init(&s->input, INPUT_MAX);
    buf_init(&s->output, ANSWER_MAX);
    wait_init(&s->wait, sessions->sim, on_wait_done, s);
    list_append(&sessions->sessions, &s->link);
    sessions->count++;
    sessions->open++;
    return s;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct sessions *sessions = listener->data;
    struct session *s = status == 0 ? session_new(sessions, false) : NULL;
    if (!s)
        return;
    uv_pipe_init(&sessions->sim->loop.uv, &s->uv.pipe, 0);
    s->uv.pipe.data = s;
    if (uv_accept(listener, &s->uv.stream) < 0 || sessions->count > SESSIONS_MAX ||
        uv_read_start(&s->uv.stream, on_alloc, on_read) < 0)
        session_close(s);
}

/* ---- the socket ---- */

static void on_listener_closed(uv_handle_t *handle)
{
    release(handle->data);
}

int sessions_new(struct sim *sim, const char *path, struct sessions **ret)
{
    struct sessions *sessions = calloc(1, sizeof(*sessions));
    if (!sessions)
        return -ENOMEM;
    sessions->sim = sim;
    sessions->open = 1;
    list_init(&sessions->sessions);
    uv_pipe_init(&sim->loop.uv, &sessions->listener, 0);
    sessions->listener.data = sessions;
    *ret = sessions;
    if (!path)
        return 0;
    return local_listen(&sessions->listener, path, on_connection);
}

int sessions_add_terminal(struct sessions *sessions)
{
    struct session *s = session_new(sessions, true);
    if (!s)
        return -ENOMEM;
    int r = uv_tty_init(&sessions->sim->loop.uv, &s->uv.terminal, STDIN_FILENO, 1);
    if (r < 0) {
        list_remove(&s->link);
        sessions->count--;
        sessions->open--;
        free(s);
        return r;
    }
    s->uv.terminal.data = s;
    r = uv_read_start(&s->uv.stream, on_alloc, on_read);
    if (r < 0)
        session_close(s);
    else
        reply(s); /* the first prompt */
    return r;
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    sessions->closing = true;
    LIST_FOREACH(link, following, &sessions->sessions)
    {
        session_close(LIST_ITEM(link, struct session, link));
    }
    uv_close((uv_handle_t *)&sessions->listener, on_listener_closed);
}
