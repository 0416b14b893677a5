/* Connections of the bench's counterpart: a bare WebSocket or Modbus server on epoll, plain or TLS, with nothing in it that costs
 * time. It trusts its peer, the gateway, and ends the program when that breaks a rule. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#define WIRE_BUFFER 65536

struct wire;
struct wire_owner {
    /* Takes whole messages from the front of the bytes; returns how many bytes were taken. */
    size_t (*on_bytes)(void *ctx, struct wire *wire, uint8_t *bytes, size_t len);
    void (*on_close)(void *ctx, struct wire *wire);
};

struct wire {
    struct wires *wires;
    int fd;
    SSL *ssl; /* NULL: plain */
    const struct wire_owner *owner;
    void *ctx;
    void *user;
    int index; /* of the local address 127.1.x.y: 256 x + y */
    bool upgraded;
    uint8_t *in, *out; /* out: only while the socket is full */
    size_t in_len, in_size, out_len, out_size;
};

struct wires;
struct wires *wires_new(void);
/* Accepts on all loopback addresses. */
void wires_listen(struct wires *wires, uint16_t port, SSL_CTX *tls, const struct wire_owner *owner,
                  void *ctx);
/* Also wakes for this descriptor. */
void wires_watch(struct wires *wires, int fd, void (*on_ready)(void *ctx), void *ctx);
/* Serves what is ready, waiting at most wait_ms. */
void wires_run(struct wires *wires, int wait_ms);
void wire_send(struct wire *wire, const void *bytes, size_t len);

void bench_die(const char *what) __attribute__((noreturn));

/* ---- WebSocket, server side ---- */

/* Answers the client's handshake if it is there whole. Returns how many bytes it had; 0: not yet. `ret_path` gets the path. */
size_t websocket_upgrade(struct wire *wire, const uint8_t *bytes, size_t len, char *ret_path, size_t size);
/* The next frame, unmasked in place. Returns its length with header; 0: not whole yet. */
size_t websocket_frame(uint8_t *bytes, size_t len, int *ret_opcode, char **ret_payload, size_t *ret_len);
void websocket_send_text(struct wire *wire, const char *text, size_t len);
void websocket_send_pong(struct wire *wire, const char *payload, size_t len);

#endif
