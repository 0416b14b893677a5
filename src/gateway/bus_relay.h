/* A door to a Modbus bus that the gateway has in use, for a program beside it that looks at the devices there (`ocpp-cli scan`): Modbus TCP on a
 * port of the loopback, for one connection, and for reading only. What is asked takes its turn on the bus, so a line that nobody else can open
 * and a device that takes one connection only are looked at without disturbing the stations.
 *
 *     program -> 127.0.0.1:port -> bus_relay -> modbus_bus_ask() -> ... */
#ifndef GATEWAY_BUS_RELAY_H
#define GATEWAY_BUS_RELAY_H

#include "gateway/resources.h"

struct bus_relay;

/* Takes `bus`, also on failure. 0, -ENOMEM or -errno of the socket. */
int bus_relay_new(struct loop *loop, struct resource *bus, struct bus_relay **ret);
void bus_relay_free(struct bus_relay *relay);
uint16_t bus_relay_port(const struct bus_relay *relay);
/* Why the link of the bus is not there; 0: it is. */
int bus_relay_err(const struct bus_relay *relay);

#endif
