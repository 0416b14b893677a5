/* What ECHONET Lite's classes and the properties of chargers are called, for people. Pure. */
#ifndef GATEWAY_ECHONET_WORDS_H
#define GATEWAY_ECHONET_WORDS_H

#include <stddef.h>

#include "driver/echonet/codec.h"

struct echonet_class {
    uint8_t group, code;
    const char *name, *profile; /* profile NULL: not a charger */
};
/* NULL: it is not known here. */
const struct echonet_class *echonet_class_of(struct echonet_object object);
/* Also of one that is not known. */
const char *echonet_property_name(struct echonet_object object, uint8_t epc);

#endif
