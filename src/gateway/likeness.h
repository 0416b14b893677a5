/* How much a Modbus device is like what a profile describes: what it answers, and whether that makes sense. For `ocpp-cli scan`. Pure. */
#ifndef GATEWAY_LIKENESS_H
#define GATEWAY_LIKENESS_H

#include "charger/profile.h"

/* Reads registers (high byte first) or bits (the first in the lowest) of the device; `unit_offset` as of a point. 0, -ERR_DEVICE_EXCEPTION,
 * -ERR_NO_ANSWER; anything else ends it. */
typedef int (*likeness_read)(void *ctx, int unit_offset, uint8_t function, uint16_t address, uint16_t count,
                             uint8_t *ret);

struct likeness {
    int score;              /* 0: not this model .. 100 */
    bool identified;        /* it says who it is, and it is this one */
    int points, answered;   /* that can be read; that it has */
    int sensible, nonsense; /* signals that can be judged */
    int evses;              /* of the profile's that the device has */
    int err;                /* 0, or why it was not looked at to the end */
    char reason[200];       /* for a person */
};

/* Asks first what tells most (who it is, its state), and nothing more where that is refused. */
void likeness_of(const struct profile *profile, likeness_read read, void *ctx, struct likeness *ret);

#endif
