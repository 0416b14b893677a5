/* Lines in, answers out, one at a time for each client: what waits keeps its client waiting, nobody else. */
#include "sim/session.h"

#include <errno.h>
#include <unistd.h>

#include "base/str.h"
#include "net/line_server.h"

/* A command being carried out, or waited for. */
struct session {
    struct list link;
    struct sessions *owner;
    uint64_t client;
    struct wait wait;
};

struct sessions {
    struct sim *sim;
    struct line_server *server;
    struct list waiting; /* of struct session */
};

static void session_free(struct session *s)
{
    wait_stop(&s->wait);
    list_remove(&s->link);
    free(s);
}

static void on_wait_done(void *ctx, int err)
{
    struct session *s = ctx;
    struct line_server *server = s->owner->server;
    uint64_t client = s->client;
    session_free(s);
    line_server_send(server, client, err ? "error: not in time" : "ok");
    line_server_release(server, client);
}

/* True if the answer comes later, by on_wait_done(). */
static bool run(struct sessions *sessions, uint64_t client, char *line, struct buf *answer)
{
    struct session *s = calloc(1, sizeof(*s));
    if (!s) {
        answer->err = -ENOMEM;
        return false;
    }
    s->owner = sessions;
    s->client = client;
    wait_init(&s->wait, sessions->sim, on_wait_done, s);
    list_append(&sessions->waiting, &s->link);
    bool waits = command_run(sessions->sim, line, &s->wait, answer) == 1;
    if (waits)
        line_server_hold(sessions->server, client);
    else
        session_free(s);
    return waits;
}

static void on_line(void *ctx, uint64_t client, char *line, size_t len)
{
    struct sessions *sessions = ctx;
    struct buf answer;
    const char *text = line + strspn(line, " \t\r");
    (void)len;
    if (!*text)
        return;
    buf_init(&answer, ANSWER_MAX);
    bool waits = false;
    if (client == LINE_SERVER_TERMINAL && str_equal(text, "help")) /* for people, a line each */
        command_help("\n", &answer);
    else
        waits = run(sessions, client, line, &answer);
    if (!waits)
        line_server_send(sessions->server, client, answer.err ? NULL : buf_string(&answer));
    buf_done(&answer);
}

static void on_gone(void *ctx, uint64_t client)
{
    struct sessions *sessions = ctx;
    LIST_FOREACH(link, following, &sessions->waiting)
    {
        if (LIST_ITEM(link, struct session, link)->client == client)
            session_free(LIST_ITEM(link, struct session, link));
    }
}

static const struct line_server_rules rules = {
    .max_clients = 32,
    .max_line = COMMAND_MAX_LINE,
    .one_at_a_time = true,
    .on_line = on_line,
    .on_gone = on_gone,
};

int sessions_new(struct sim *sim, const char *path, struct sessions **ret)
{
    struct sessions *sessions = calloc(1, sizeof(*sessions));
    if (!sessions)
        return -ENOMEM;
    sessions->sim = sim;
    list_init(&sessions->waiting);
    int r = line_server_new(&sim->loop, path, &rules, sessions, &sessions->server);
    if (r < 0) {
        free(sessions);
        return r;
    }
    *ret = sessions;
    return 0;
}

int sessions_add_terminal(struct sessions *sessions)
{
    return line_server_add_terminal(sessions->server, STDIN_FILENO, "sim> ");
}

void sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    line_server_free(sessions->server);
    LIST_FOREACH(link, following, &sessions->waiting)
    session_free(LIST_ITEM(link, struct session, link));
    free(sessions);
}
