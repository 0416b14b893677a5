/* A Modbus TCP server on the loop of the test: registers that were set answer, others are refused, and what was written is counted, not done. */
#ifndef TESTS_MODBUS_SERVER_H
#define TESTS_MODBUS_SERVER_H

#include "driver/modbus/codec.h"
#include "net/stream.h"

#define MSERVER_STREAMS   8
#define MSERVER_REGISTERS 512

struct mserver;
struct mserver_stream {
    struct mserver *server;
    struct stream *stream; /* NULL: free */
    struct modbus_receiver receiver;
};

struct mserver {
    struct loop *loop;
    struct listener *listener;
    struct mserver_stream streams[MSERVER_STREAMS];
    int connections, reads, writes; /* so far */
    int unit;                       /* the only one that answers */
    bool is_mute;
    bool has_input[MSERVER_REGISTERS], has_holding[MSERVER_REGISTERS], has_coil[MSERVER_REGISTERS];
    uint16_t input[MSERVER_REGISTERS], holding[MSERVER_REGISTERS];
};

void mserver_start(struct mserver *server, struct loop *loop);
uint16_t mserver_port(const struct mserver *server);
void mserver_stop(struct mserver *server);
/* The registers of profile demo-modbus-ac22: state available, 230 V. */
void mserver_play_ac22(struct mserver *server);

#endif
