/* One UDP socket, IPv4 (ECHONET Lite is), watched by a uv_poll. */
#include "net/udp.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"

#define DATAGRAM_MAX 65536
#define RECEIVE_MAX  64 /* datagrams in one turn of the loop */

struct udp {
    uv_poll_t poll;
    int fd;
    bool freed; /* in a callback: on_ready() looks at it */
    void (*on_datagram)(void *ctx, const struct sockaddr_in *from, const uint8_t *bytes, size_t len);
    void *ctx;
};

/* 0, or -errno with the call that failed in the log. */
static int checked(const char *call, const char *what, int result)
{
    if (result >= 0)
        return 0;
    int err = -errno;
    log_debug(LOG_NET, "cannot set up a UDP socket: call=%s for=%s: %s", call, what, err_text(err));
    return err;
}

static int set_option(int fd, const char *name, int level, int option, const void *value, size_t len)
{
    return checked("setsockopt", name, setsockopt(fd, level, option, value, (socklen_t)len));
}

static int parse_address(const char *text, struct in_addr *ret)
{
    return inet_pton(AF_INET, text, ret) == 1 ? 0 : -EINVAL;
}

static int join(int fd, const struct udp_settings *s)
{
    struct ip_mreqn group = { 0 };
    if (parse_address(s->multicast_group, &group.imr_multiaddr) < 0)
        return -EINVAL;
    if (s->multicast_interface[0] && parse_address(s->multicast_interface, &group.imr_address) < 0)
        return -EINVAL;

    /* Without IP_MULTICAST_ALL=0 a socket also hears the groups that other sockets of the host joined. */
    int no = 0;
    int r = set_option(fd, "IP_MULTICAST_ALL", IPPROTO_IP, IP_MULTICAST_ALL, &no, sizeof(no));
    if (r == 0)
        r = set_option(fd, s->multicast_group, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group));
    if (r == 0 && s->multicast_interface[0])
        r = set_option(fd, s->multicast_interface, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group));
    return r;
}

static int configure(int fd, const struct udp_settings *s)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(s->port) };
    if (parse_address(s->bind_address, &address.sin_addr) < 0)
        return -EINVAL;

    int yes = 1;
    int r =
        s->reuse_address ? set_option(fd, "SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) : 0;
    if (r == 0)
        r = checked("bind", s->bind_address, bind(fd, (struct sockaddr *)&address, sizeof(address)));
    if (r == 0 && s->multicast_group[0])
        r = join(fd, s);
    return r;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void udp_free(struct udp *u)
{
    if (!u || u->freed)
        return;
    u->freed = true;
    uv_close((uv_handle_t *)&u->poll, on_closed);
    close(u->fd);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct udp *u = poll->data;
    (void)status;
    (void)events;
    uint8_t bytes[DATAGRAM_MAX];
    for (int i = 0; i < RECEIVE_MAX && !u->freed; i++) {
        struct sockaddr_in from = { 0 };
        socklen_t from_len = sizeof(from);
        ssize_t n = recvfrom(u->fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &from_len);
        if (n >= 0)
            u->on_datagram(u->ctx, &from, bytes, (size_t)n);
        else if (errno == EAGAIN)
            return;
        /* else an ICMP error of an earlier datagram: the receiver's time-out will notice */
    }
}

int udp_new(struct loop *loop, const struct udp_settings *settings,
            void (*on_datagram)(void *ctx, const struct sockaddr_in *from, const uint8_t *bytes, size_t len),
            void *ctx, struct udp **ret)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int r = configure(fd, settings);
    struct udp *u = r < 0 ? NULL : calloc(1, sizeof(*u));
    if (r == 0)
        r = u ? uv_poll_init(&loop->uv, &u->poll, fd) : -ENOMEM;
    if (r < 0) {
        free(u);
        close(fd);
        return r;
    }
    u->poll.data = u;
    u->fd = fd;
    u->on_datagram = on_datagram;
    u->ctx = ctx;
    uv_poll_start(&u->poll, UV_READABLE, on_ready);
    *ret = u;
    return 0;
}

int udp_send(struct udp *u, const struct sockaddr_in *to, const void *bytes, size_t len)
{
    return sendto(u->fd, bytes, len, 0, (const struct sockaddr *)to, sizeof(*to)) < 0 ? -errno : 0;
}

uint16_t udp_port(const struct udp *u)
{
    struct sockaddr_in a = { 0 };
    socklen_t len = sizeof(a);
    return getsockname(u->fd, (struct sockaddr *)&a, &len) < 0 ? 0 : ntohs(a.sin_port);
}
