/* What our own node is to the others: node profile 0EF001 and controller 05FF01, and how they answer. Pure. */
#ifndef DRIVER_ECHONET_SELF_H
#define DRIVER_ECHONET_SELF_H

#include "driver/echonet/codec.h"

#define NODE_ID_SIZE 17

static const struct echonet_object echonet_node_profile = { 0x0E, 0xF0, 0x01 };
static const struct echonet_object echonet_controller = { 0x05, 0xFF, 0x01 };

enum { /* EPCs that the driver itself has to do with */
       EPC_INSTALLATION_LOCATION = 0x81,
       EPC_NODE_ID = 0x83,
       EPC_INF_MAP = 0x9D,
       EPC_SET_MAP = 0x9E,
       EPC_GET_MAP = 0x9F,
       EPC_INSTANCE_LIST_NOTIFICATION = 0xD5,
       EPC_INSTANCE_LIST = 0xD6,
};

struct self {
    uint8_t node_id[NODE_ID_SIZE]; /* 0x83 */
    uint8_t location;              /* 0x81 of the controller, which anybody may set */
};

/* Answers a request (SetI, SetC, Get, INF_REQ, SetGet, INFC) to one of our objects. Returns the length of the answer, or 0 for
 * silence: no such object, nothing to say, no request. An answer with ESV INF goes to the multicast group, any other
 * to who asked. `size` bounds it: what does not fit is answered as not available. */
int self_answer(struct self *self, const struct echonet_frame *request, uint8_t *ret, size_t size);

/* An INF of one property of our object to everybody. Returns its length. */
int self_announce(const struct self *self, uint16_t tid, struct echonet_object object, uint8_t epc,
                  uint8_t *ret, size_t size);

#endif
