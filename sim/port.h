/* The lines a simulated charger can hang on. A line attaches itself to its charger and goes with it. */
#ifndef SIM_PORT_H
#define SIM_PORT_H

#include "net/stream.h"
#include "sim/charger.h"

/* Modbus TCP on address:port. 0 or -errno. */
int tcp_port_new(struct loop *loop, struct charger *charger, const char *address, uint16_t port);

/* A serial line with any number of units on it: a port of this machine, or a pty made here whose other end can be
 * opened as `path` (a symbolic link, replaced if one is there). 0 or -errno. Freed after its chargers. */
struct rtu_line;
int rtu_line_new(struct loop *loop, const char *path, bool pty, struct rtu_line **ret);
void rtu_line_free(struct rtu_line *line);
/* -EEXIST: another charger has its unit. */
int rtu_line_add(struct rtu_line *line, struct charger *charger);

/* An ECHONET Lite node on address:port, in the group 224.0.23.0 of that interface. Everything is sent to `port`. 0 or
 * -errno; `ret_failed` names the call that failed. */
int echonet_port_new(struct loop *loop, struct charger *charger, const char *address, uint16_t port,
                     const char **ret_failed);

#endif
