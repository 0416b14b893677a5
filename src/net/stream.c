/* TCP connections and serial lines over one uv_poll each. Reads go straight from the kernel to the owner; writes go
 * straight to the kernel, and only what it does not take waits in `out`.
 *
 *     CLOSED --stream_open()--> OPENING --(resolve, connect | open)--> OPEN
 *        ^------------- on_close(err), stream_close() ---------------------'
 *
 * An owner may free the stream in any callback, so a callback is always the last thing done with the stream. */
#include "net/stream.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "net/listen.h"
#include "net/resolve.h"
#include "net/serial.h"

#define OUT_MAX      65536
#define READ_SIZE    4096
#define KEEP_IDLE_S  60 /* TCP keep-alive: first probe, then every KEEP_EVERY_S, KEEP_PROBES times */
#define KEEP_EVERY_S 10
#define KEEP_PROBES  3

enum state { STREAM_CLOSED, STREAM_OPENING, STREAM_OPEN };

/* The watcher of one descriptor; libuv needs it a turn longer than the stream does. */
struct watcher {
    uv_poll_t poll;
    struct stream *stream;
};

struct stream {
    struct loop *loop;
    struct stream_events events;
    void *ctx;
    enum state state;
    int fd;     /* -1: none */
    int failed; /* an error to be told by the timer, since it was met inside a call of the owner */
    struct watcher *watcher;
    struct timer timer; /* OPENING: time-out, or the open of a serial line; OPEN: tells `failed` or on_open */
    struct buf out;

    struct serial_settings *serial; /* else TCP */
    bool rs485_told;
    char *host; /* NULL: accepted */
    uint16_t port;
    int64_t connect_timeout_ms;
    struct resolve *resolve;
    struct sockaddr_storage addresses[RESOLVE_MAX];
    size_t address_count, address_next;
};

static void on_ready(uv_poll_t *poll, int status, int events);

static void free_watcher(uv_handle_t *handle)
{
    free(handle->data);
}

static int watch(struct stream *s, int events)
{
    if (!s->watcher) {
        struct watcher *w = calloc(1, sizeof(*w));
        if (!w)
            return -ENOMEM;
        int r = uv_poll_init(&s->loop->uv, &w->poll, s->fd);
        if (r < 0) {
            free(w);
            return r;
        }
        w->poll.data = w;
        w->stream = s;
        s->watcher = w;
    }
    return uv_poll_start(&s->watcher->poll, events, on_ready);
}

static void drop_descriptor(struct stream *s)
{
    if (s->watcher) {
        s->watcher->stream = NULL;
        uv_close((uv_handle_t *)&s->watcher->poll, free_watcher);
        s->watcher = NULL;
    }
    if (s->fd >= 0 && s->serial)
        serial_close(s->fd);
    else if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

void stream_close(struct stream *s)
{
    resolve_cancel(STEAL(s->resolve));
    timer_stop(&s->timer);
    drop_descriptor(s);
    buf_done(&s->out);
    s->failed = 0;
    s->state = STREAM_CLOSED;
}

static void end(struct stream *s, int err)
{
    stream_close(s);
    s->events.on_close(s->ctx, err);
}

static void set_open(struct stream *s)
{
    timer_stop(&s->timer);
    int r = watch(s, UV_READABLE);
    if (r < 0) {
        end(s, r);
        return;
    }
    s->state = STREAM_OPEN;
    if (s->events.on_open)
        s->events.on_open(s->ctx);
}

static void set_tcp_options(int fd)
{
    static const struct {
        int level, option, value;
    } options[] = {
        { IPPROTO_TCP, TCP_NODELAY, 1 },
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S },
        { IPPROTO_TCP, TCP_KEEPINTVL, KEEP_EVERY_S },
        { IPPROTO_TCP, TCP_KEEPCNT, KEEP_PROBES },
    };
    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        (void)setsockopt(fd, options[i].level, options[i].option, &options[i].value, sizeof(int));
}

/* Starts to connect to one address. 1: connected, 0: on its way, or -errno. */
static int connect_to(struct stream *s, const struct sockaddr_storage *address)
{
    s->fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0)
        return -errno;
    set_tcp_options(s->fd);
    socklen_t len = address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (connect(s->fd, (const struct sockaddr *)address, len) == 0)
        return 1;
    return errno == EINPROGRESS ? watch(s, UV_WRITABLE) : -errno;
}

/* Tries the addresses that are left; `err` is the last one's fate. */
static void connect_next(struct stream *s, int err)
{
    drop_descriptor(s);
    while (s->address_next < s->address_count) {
        err = connect_to(s, &s->addresses[s->address_next++]);
        if (err == 1)
            set_open(s);
        if (err >= 0)
            return;
        drop_descriptor(s);
    }
    end(s, err);
}

static void on_resolved(void *ctx, int err, const struct sockaddr_storage *addresses, size_t count)
{
    struct stream *s = ctx;
    s->resolve = NULL;
    s->address_next = 0;
    s->address_count = count;
    if (count)
        memcpy(s->addresses, addresses, count * sizeof(*addresses));
    else
        log_debug(LOG_NET, "cannot resolve a name: host=%s: %s", s->host, uv_strerror(err));
    connect_next(s, -ENXIO);
}

static void open_serial(struct stream *s)
{
    int rs485 = 0;
    int r = serial_open(s->serial, &rs485);
    if (r < 0) {
        end(s, r);
        return;
    }
    s->fd = r;
    if (rs485 < 0 && !s->rs485_told) {
        log_warn(LOG_NET,
                 "the port has no RS-485 mode, direction control is left to the adapter: path=%s: %s",
                 s->serial->path, err_text(rs485));
        s->rs485_told = true;
    }
    set_open(s);
}

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct stream *s = ctx;
    if (s->failed)
        end(s, s->failed);
    else if (s->serial)
        open_serial(s);
    else
        end(s, -ETIMEDOUT);
}

void stream_open(struct stream *s)
{
    if (s->state != STREAM_CLOSED)
        return;
    s->state = STREAM_OPENING;
    int64_t delay = 0;
    if (!s->serial && !s->host) {
        s->failed = -ENOTCONN; /* an accepted connection cannot be opened again */
    } else if (!s->serial) {
        s->resolve = resolve_start(s->loop, s->host, s->port, on_resolved, s);
        s->failed = s->resolve ? 0 : -ENOMEM;
        delay = s->resolve ? s->connect_timeout_ms : 0;
    }
    env_timer_start(&s->loop->env, &s->timer, delay);
}

/* Hands `bytes` to the kernel; the count it took, or -errno. */
static ssize_t write_some(struct stream *s, const void *bytes, size_t len)
{
    ssize_t n = s->serial ? write(s->fd, bytes, len) : send(s->fd, bytes, len, MSG_NOSIGNAL);
    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

int stream_write(struct stream *s, const void *bytes, size_t len)
{
    if (s->state != STREAM_OPEN || s->failed)
        return -ENOTCONN;

    ssize_t n = s->out.len ? 0 : write_some(s, bytes, len);
    if (n < 0) {
        s->failed = (int)n;
        env_timer_start(&s->loop->env, &s->timer, 0);
        return 0;
    }
    size_t rest = len - (size_t)n;
    if (rest == 0)
        return 0;
    int r = buf_append(&s->out, (const char *)bytes + n, rest);
    if (r < 0) {
        s->out.err = 0;
        if (n > 0) { /* half a message is gone: nothing sensible can follow it */
            s->failed = r;
            env_timer_start(&s->loop->env, &s->timer, 0);
        }
        return r == -EMSGSIZE ? -ENOBUFS : r;
    }
    return watch(s, UV_READABLE | UV_WRITABLE);
}

/* 0, or -errno. */
static int flush(struct stream *s)
{
    ssize_t n = write_some(s, s->out.data, s->out.len);
    if (n < 0)
        return (int)n;
    buf_consume(&s->out, (size_t)n);
    if (s->out.len)
        return 0;
    buf_done(&s->out);
    buf_init(&s->out, OUT_MAX);
    return watch(s, UV_READABLE);
}

static void receive(struct stream *s)
{
    uint8_t bytes[READ_SIZE];
    ssize_t n = s->serial ? read(s->fd, bytes, sizeof(bytes)) : recv(s->fd, bytes, sizeof(bytes), 0);
    if (n > 0)
        s->events.on_data(s->ctx, bytes, (size_t)n);
    else if (n == 0)
        end(s, s->serial ? -EIO : -ECONNRESET);
    else if (errno != EAGAIN && errno != EINTR)
        end(s, -errno);
}

static int socket_error(int fd)
{
    int err = 0;
    socklen_t len = sizeof(err);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
        return -EIO;
    return -err;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct stream *s = ((struct watcher *)poll->data)->stream;
    if (!s)
        return;
    int err = s->serial                                  ? (status < 0 ? -EIO : 0)
              : status < 0 || s->state == STREAM_OPENING ? socket_error(s->fd)
                                                         : 0;
    if (status < 0 && err == 0)
        err = -EIO;
    if (s->state == STREAM_OPENING) {
        if (err < 0)
            connect_next(s, err);
        else
            set_open(s);
        return;
    }
    if (err == 0 && events & UV_WRITABLE && s->out.len)
        err = flush(s);
    if (err < 0)
        end(s, err);
    else if (events & UV_READABLE)
        receive(s);
}

static struct stream *stream_new(struct loop *loop, const struct stream_events *events, void *ctx)
{
    struct stream *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->loop = loop;
    s->events = *events;
    s->ctx = ctx;
    s->fd = -1;
    timer_init(&s->timer, &loop->timers, on_timer, s);
    buf_init(&s->out, OUT_MAX);
    return s;
}

struct stream *stream_new_tcp(struct loop *loop, const char *host, uint16_t port, int64_t connect_timeout_ms,
                              const struct stream_events *events, void *ctx)
{
    AUTO(stream) *s = stream_new(loop, events, ctx);
    if (!s || !(s->host = strdup(host)))
        return NULL;
    s->port = port;
    s->connect_timeout_ms = connect_timeout_ms;
    return STEAL(s);
}

struct stream *stream_new_serial(struct loop *loop, const struct serial_settings *settings,
                                 const struct stream_events *events, void *ctx)
{
    AUTO(stream) *s = stream_new(loop, events, ctx);
    if (!s || !(s->serial = malloc(sizeof(*settings))))
        return NULL;
    *s->serial = *settings;
    return STEAL(s);
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    stream_close(s);
    free(s->serial);
    free(s->host);
    free(s);
}

bool stream_is_open(const struct stream *s)
{
    return s->state == STREAM_OPEN && !s->failed;
}

void stream_flush_input(struct stream *s)
{
    if (s->serial && s->fd >= 0)
        tcflush(s->fd, TCIFLUSH);
}

struct stream *stream_adopt(struct loop *loop, int fd, const struct stream_events *events, void *ctx)
{
    struct stream *s = stream_new(loop, events, ctx);
    if (!s) {
        close(fd);
        return NULL;
    }
    s->fd = fd;
    s->state = STREAM_OPEN;
    set_tcp_options(fd);
    if (watch(s, UV_READABLE) < 0) {
        stream_free(s);
        return NULL;
    }
    return s;
}
