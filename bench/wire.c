#include "bench/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_EVENTS 256

enum source_kind { SOURCE_LISTENER, SOURCE_WATCH, SOURCE_WIRE };

struct source {
    enum source_kind kind;
    int fd;
    SSL_CTX *tls;
    const struct wire_owner *owner;
    void (*on_ready)(void *ctx);
    void *ctx;
    struct wire wire;
};

struct wires {
    int epoll;
};

static struct source *source_of(struct wire *wire)
{
    return (struct source *)(void *)((char *)wire - offsetof(struct source, wire));
}

void bench_die(const char *what)
{
    fprintf(stderr, "bench-peer: %s: %s\n", what, strerror(errno));
    exit(1);
}

struct wires *wires_new(void)
{
    struct wires *wires = calloc(1, sizeof(*wires));
    if (!wires || (wires->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        bench_die("epoll");
    return wires;
}

static struct source *watch(struct wires *wires, enum source_kind kind, int fd)
{
    struct source *source = calloc(1, sizeof(*source));
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = source };
    if (!source || epoll_ctl(wires->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        bench_die("watch");
    source->kind = kind;
    source->fd = fd;
    return source;
}

void wires_watch(struct wires *wires, int fd, void (*on_ready)(void *ctx), void *ctx)
{
    struct source *source = watch(wires, SOURCE_WATCH, fd);
    source->on_ready = on_ready;
    source->ctx = ctx;
}

void wires_listen(struct wires *wires, uint16_t port, SSL_CTX *tls, const struct wire_owner *owner, void *ctx)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 4096) < 0)
        bench_die("listen");
    struct source *source = watch(wires, SOURCE_LISTENER, fd);
    source->tls = tls;
    source->owner = owner;
    source->ctx = ctx;
}

static void accept_all(struct wires *wires, const struct source *listener)
{
    int fd;
    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct sockaddr_in local;
        socklen_t len = sizeof(local);
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        (void)getsockname(fd, (struct sockaddr *)&local, &len);
        struct source *source = watch(wires, SOURCE_WIRE, fd);
        source->wire =
            (struct wire){ .wires = wires, .fd = fd, .owner = listener->owner, .ctx = listener->ctx };
        source->wire.index = (int)(ntohl(local.sin_addr.s_addr) & 0xFFFF);
        if (!listener->tls)
            continue;
        source->wire.ssl = SSL_new(listener->tls);
        if (!source->wire.ssl || SSL_set_fd(source->wire.ssl, fd) != 1)
            bench_die("TLS");
        SSL_set_accept_state(source->wire.ssl);
    }
}

/* > 0: bytes; 0: nothing now; < 0: the end. */
static ssize_t receive(struct wire *wire, uint8_t *bytes, size_t size)
{
    if (!wire->ssl) {
        ssize_t n = recv(wire->fd, bytes, size, 0);
        return n > 0 ? n : n < 0 && errno == EAGAIN ? 0 : -1;
    }
    int n = SSL_read(wire->ssl, bytes, (int)size);
    int why = n > 0 ? 0 : SSL_get_error(wire->ssl, n);
    ERR_clear_error();
    return n > 0 ? n : why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ssize_t transmit(struct wire *wire, const uint8_t *bytes, size_t len)
{
    if (!wire->ssl) {
        ssize_t n = send(wire->fd, bytes, len, MSG_NOSIGNAL);
        return n < 0 ? 0 : n;
    }
    int n = SSL_write(wire->ssl, bytes, (int)len);
    ERR_clear_error();
    return n < 0 ? 0 : n;
}

static void keep(uint8_t **buffer, size_t *buffer_len, size_t *buffer_size, const uint8_t *bytes, size_t len)
{
    while (*buffer_len + len > *buffer_size) {
        *buffer_size = *buffer_size ? 2 * *buffer_size : 1024;
        *buffer = realloc(*buffer, *buffer_size);
        if (!*buffer)
            bench_die("memory");
    }
    memcpy(*buffer + *buffer_len, bytes, len);
    *buffer_len += len;
}

static void want_write(struct wire *wire, bool wanted)
{
    struct epoll_event event = { .events = EPOLLIN | (wanted ? EPOLLOUT : 0u), .data.ptr = source_of(wire) };
    (void)epoll_ctl(wire->wires->epoll, EPOLL_CTL_MOD, wire->fd, &event);
}

void wire_send(struct wire *wire, const void *bytes, size_t len)
{
    ssize_t n = wire->out_len ? 0 : transmit(wire, bytes, len);
    if ((size_t)n == len)
        return;
    if (wire->out_len == 0)
        want_write(wire, true);
    keep(&wire->out, &wire->out_len, &wire->out_size, (const uint8_t *)bytes + n, len - (size_t)n);
}

static void flush(struct wire *wire)
{
    ssize_t n = transmit(wire, wire->out, wire->out_len);
    wire->out_len -= (size_t)n;
    memmove(wire->out, wire->out + n, wire->out_len);
    if (wire->out_len == 0)
        want_write(wire, false);
}

static void drop(struct source *source)
{
    struct wire *wire = &source->wire;
    wire->owner->on_close(wire->ctx, wire);
    SSL_free(wire->ssl);
    close(wire->fd);
    free(wire->in);
    free(wire->out);
    free(source);
}

/* Messages mostly arrive whole, and then are read from a buffer all share; only what is cut off is kept. */
static bool read_all(struct wire *wire)
{
    static uint8_t shared[WIRE_BUFFER];
    ssize_t n;
    while ((n = receive(wire, shared, sizeof(shared))) > 0) {
        uint8_t *bytes = shared;
        size_t len = (size_t)n, taken;
        if (wire->in_len > 0) {
            keep(&wire->in, &wire->in_len, &wire->in_size, shared, len);
            bytes = wire->in;
            len = wire->in_len;
        }
        size_t at = 0;
        while (at < len && (taken = wire->owner->on_bytes(wire->ctx, wire, bytes + at, len - at)) > 0)
            at += taken;
        if (wire->in_len > 0) {
            memmove(wire->in, wire->in + at, len - at);
            wire->in_len = len - at;
        } else if (at < len) {
            keep(&wire->in, &wire->in_len, &wire->in_size, bytes + at, len - at);
        }
        if (!wire->ssl && (size_t)n < sizeof(shared))
            return true;
    }
    return n == 0;
}

static void serve(struct source *source, uint32_t events)
{
    if (events & EPOLLOUT)
        flush(&source->wire);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !read_all(&source->wire))
        drop(source);
}

void wires_run(struct wires *wires, int wait_ms)
{
    struct epoll_event events[MAX_EVENTS];
    int count = epoll_wait(wires->epoll, events, MAX_EVENTS, wait_ms);
    for (int i = 0; i < count; i++) {
        struct source *source = events[i].data.ptr;
        switch (source->kind) {
        case SOURCE_LISTENER:
            accept_all(wires, source);
            break;
        case SOURCE_WATCH:
            source->on_ready(source->ctx);
            break;
        case SOURCE_WIRE:
            serve(source, events[i].events);
            break;
        }
    }
}

/* ---- WebSocket (RFC 6455, 4.2.2 and 5.2) ---- */

static const char *find_header(const char *head, const char *name, size_t *ret_len)
{
    const char *at = strcasestr(head, name);
    if (!at)
        return NULL;
    at += strlen(name);
    at += strspn(at, " ");
    *ret_len = strcspn(at, "\r");
    return at;
}

size_t websocket_upgrade(struct wire *wire, const uint8_t *bytes, size_t len, char *ret_path, size_t size)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    char head[4096], answer[512], text[128];
    size_t head_len = (size_t)(end + 4 - (const char *)bytes), key_len;
    if (head_len >= sizeof(head))
        bench_die("handshake is too long");
    memcpy(head, bytes, head_len);
    head[head_len] = '\0';
    const char *key = find_header(head, "Sec-WebSocket-Key:", &key_len);
    const char *path = strchr(head, ' ');
    if (!key || !path)
        bench_die("no WebSocket handshake");
    (void)snprintf(ret_path, size, "%.*s", (int)strcspn(path + 1, " "), path + 1);

    uint8_t hash[SHA_DIGEST_LENGTH], accept[64];
    int n = snprintf(text, sizeof(text), "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)key_len, key);
    SHA1((const uint8_t *)text, (size_t)n, hash);
    EVP_EncodeBlock(accept, hash, sizeof(hash));
    n = snprintf(answer, sizeof(answer),
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                 "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: ocpp2.0.1\r\n\r\n",
                 (const char *)accept);
    wire->upgraded = true;
    wire_send(wire, answer, (size_t)n);
    return head_len;
}

size_t websocket_frame(uint8_t *bytes, size_t len, int *ret_opcode, char **ret_payload, size_t *ret_len)
{
    if (len < 2)
        return 0;
    size_t head = 2, payload = bytes[1] & 0x7F;
    if (payload == 126) {
        if (len < 4)
            return 0;
        payload = (size_t)(bytes[2] << 8 | bytes[3]);
        head = 4;
    } else if (payload == 127) {
        bench_die("frame is too long");
    }
    const uint8_t *mask = bytes + head;
    head += 4;
    if (!(bytes[0] & 0x80) || !(bytes[1] & 0x80))
        bench_die("fragment, or frame without mask");
    if (len < head + payload)
        return 0;
    for (size_t i = 0; i < payload; i++)
        bytes[head + i] ^= mask[i % 4];
    *ret_opcode = bytes[0] & 0x0F;
    *ret_payload = (char *)bytes + head;
    *ret_len = payload;
    return head + payload;
}

static void send_frame(struct wire *wire, int opcode, const char *payload, size_t len)
{
    uint8_t frame[WIRE_BUFFER + 4];
    size_t head = len < 126 ? 2 : 4;
    if (len > WIRE_BUFFER - 1)
        bench_die("own frame is too long");
    frame[0] = (uint8_t)(0x80 | opcode);
    frame[1] = (uint8_t)(len < 126 ? len : 126);
    frame[2] = (uint8_t)(len >> 8);
    frame[3] = (uint8_t)len;
    memcpy(frame + head, payload, len);
    wire_send(wire, frame, head + len);
}

void websocket_send_text(struct wire *wire, const char *text, size_t len)
{
    send_frame(wire, 1, text, len);
}

void websocket_send_pong(struct wire *wire, const char *payload, size_t len)
{
    send_frame(wire, 10, payload, len);
}
