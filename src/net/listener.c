/* Listening TCP sockets whose connections become streams. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/listen.h"
#include "net/stream.h"

#define ACCEPT_MAX 32 /* in one turn of the loop */

struct listener {
    struct loop *loop;
    uv_poll_t poll;
    int fd, accepted; /* -1: none */
    bool freed;       /* in a callback: on_ready() looks at it */
    void (*on_connection)(void *ctx, struct listener *listener);
    void *ctx;
};

int listen_socket(const char *address, uint16_t port)
{
    struct sockaddr_storage a = { 0 };
    socklen_t len = sizeof(struct sockaddr_in);
    if (uv_ip4_addr(address, port, (struct sockaddr_in *)&a) < 0) {
        if (uv_ip6_addr(address, port, (struct sockaddr_in6 *)&a) < 0)
            return -EINVAL;
        len = sizeof(struct sockaddr_in6);
    }
    int fd = socket(a.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;

    int yes = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, SOMAXCONN) < 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void listener_free(struct listener *l)
{
    if (!l || l->freed)
        return;
    l->freed = true;
    uv_close((uv_handle_t *)&l->poll, on_closed);
    close(l->fd);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPT_MAX && !l->freed; i++) {
        l->accepted = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (l->accepted < 0) {
            if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
                log_debug(LOG_NET, "cannot accept a connection: %s", err_text(-errno));
            return;
        }
        l->on_connection(l->ctx, l);
        if (l->accepted >= 0)
            close(l->accepted);
        l->accepted = -1;
    }
}

int listener_new(struct loop *loop, const char *address, uint16_t port,
                 void (*on_connection)(void *ctx, struct listener *listener), void *ctx,
                 struct listener **ret)
{
    int fd = listen_socket(address, port);
    if (fd < 0)
        return fd;
    struct listener *l = calloc(1, sizeof(*l));
    int r = l ? uv_poll_init(&loop->uv, &l->poll, fd) : -ENOMEM;
    if (r < 0) {
        free(l);
        close(fd);
        return r;
    }
    l->loop = loop;
    l->poll.data = l;
    l->fd = fd;
    l->accepted = -1;
    l->on_connection = on_connection;
    l->ctx = ctx;
    uv_poll_start(&l->poll, UV_READABLE, on_ready);
    *ret = l;
    return 0;
}

uint16_t listener_port(const struct listener *l)
{
    struct sockaddr_in6 a = { 0 }; /* IPv4 has the port in the same place */
    socklen_t len = sizeof(a);
    return getsockname(l->fd, (struct sockaddr *)&a, &len) < 0 ? 0 : ntohs(a.sin6_port);
}

int listener_take(struct listener *l)
{
    int fd = l->accepted;
    l->accepted = -1;
    return fd;
}

struct stream *stream_accept(struct listener *l, const struct stream_events *events, void *ctx)
{
    int fd = listener_take(l);
    return fd < 0 ? NULL : stream_adopt(l->loop, fd, events, ctx);
}
