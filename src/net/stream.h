/* A byte stream to a device: a TCP connection or a serial line behind one face, with one owner.
 *
 * Callbacks never come from inside stream_open() or stream_write(). After stream_free() none comes. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "net/loop.h"

struct stream_events {
    void (*on_open)(void *ctx);
    void (*on_data)(void *ctx, const uint8_t *bytes, size_t len);
    /* Failed to open, or closed by the peer or an error. The stream may be opened again. */
    void (*on_close)(void *ctx, int err);
};

struct serial_settings {
    char path[256];
    int baud;      /* 300..460800, the standard rates */
    int data_bits; /* 7 or 8 */
    char parity;   /* 'N', 'E', 'O' */
    int stop_bits; /* 1 or 2 */
    bool rs485;    /* ask the driver for RS-485 direction control (TIOCSRS485), where the port has it */
    bool rs485_rts_active_low;
    int rs485_delay_before_ms, rs485_delay_after_ms;
};

struct stream;

/* TCP_NODELAY and keep-alive are set. `host` may be a name. connect_timeout_ms bounds name resolution plus connect. */
struct stream *stream_new_tcp(struct loop *loop, const char *host, uint16_t port, int64_t connect_timeout_ms,
                              const struct stream_events *events, void *ctx);
/* The port is opened exclusively (TIOCEXCL), raw. A pty works (rs485 is then refused by the driver: logged once). */
struct stream *stream_new_serial(struct loop *loop, const struct serial_settings *settings,
                                 const struct stream_events *events, void *ctx);
void stream_free(struct stream *stream);
DEFINE_AUTO(stream, stream_free)

/* Ends in on_open or on_close. */
void stream_open(struct stream *stream);
/* No callback follows. */
void stream_close(struct stream *stream);
bool stream_is_open(const struct stream *stream);
/* Copies and sends; at most 64 KiB wait. 0, -ENOTCONN, -ENOBUFS, -ENOMEM. */
int stream_write(struct stream *stream, const void *bytes, size_t len);
/* Throws away what the kernel has received and not delivered (serial lines: before a new request). */
void stream_flush_input(struct stream *stream);

/* A listening TCP socket (simulator, tests). Accepted streams belong to the callback's owner, which sets events by
 * stream_accept(). port 0: any; listener_port() tells. */
struct listener;
int listener_new(struct loop *loop, const char *address, uint16_t port,
                 void (*on_connection)(void *ctx, struct listener *listener), void *ctx,
                 struct listener **ret);
void listener_free(struct listener *listener);
uint16_t listener_port(const struct listener *listener);
/* In on_connection only, once: the connected socket, non-blocking, the caller's to close. */
int listener_take(struct listener *listener);
/* In on_connection only, once. The stream is open already. NULL without memory. */
struct stream *stream_accept(struct listener *listener, const struct stream_events *events, void *ctx);

#endif
