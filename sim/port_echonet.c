/* ECHONET Lite nodes: not here yet. */
#include <errno.h>

#include "sim/port.h"

int echonet_port_new(struct loop *loop, struct charger *charger, const char *address, uint16_t port,
                     const char **ret_failed)
{
    (void)loop;
    (void)charger;
    (void)address;
    (void)port;
    *ret_failed = "echonet";
    return -EPROTONOSUPPORT;
}
