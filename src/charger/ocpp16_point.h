/* What a point of an OCPP 1.6J charger can be. The driver makes a value of each out of the charger's messages, or a message out of a
 * value that is written; docs/profiles.md tells the words. */
#ifndef CHARGER_OCPP16_POINT_H
#define CHARGER_OCPP16_POINT_H

#include <stdbool.h>
#include <stddef.h>

#define OCPP16_MAX_CONNECTOR 64

enum ocpp16_item {
    OCPP16_STATUS,
    OCPP16_ERROR_CODE,
    OCPP16_VENDOR_ERROR_CODE,
    OCPP16_INFO,
    OCPP16_ID_TAG,       /* a token that is presented and waits */
    OCPP16_TRANSACTION,  /* 1: one runs at the charger */
    OCPP16_PLUGGED,      /* 1: a vehicle is plugged in, as far as the status tells */
    OCPP16_UNAUTHORIZED, /* Wh that flowed without authorization, since the gateway started */
    OCPP16_MEASURAND,
    OCPP16_VENDOR,
    OCPP16_MODEL,
    OCPP16_SERIAL_NUMBER,
    OCPP16_FIRMWARE,
    OCPP16_AUTHORIZE,    /* 1 or 0: the token that waits is accepted, or not */
    OCPP16_REMOTE_START, /* a transaction may run, and is begun */
    OCPP16_REMOTE_STOP,
    OCPP16_UNLOCK,
    OCPP16_RESET,
    OCPP16_LIMIT,
    OCPP16_AVAILABILITY,
    OCPP16_CONFIGURATION,
    OCPP16_DATA, /* DataTransfer, both ways */
    OCPP16_ITEMS
};

/* A measured value of a charger, and the unit of it that the driver works in. */
struct ocpp16_measurand {
    const char *name, *unit;
    bool is_sum; /* of its phases, where the charger tells only those */
};
extern const struct ocpp16_measurand ocpp16_measurands[];
/* Each 0 is "", none; NULL-terminated. "Lx" of a point takes a sample of "Lx-N", too. */
extern const char *const ocpp16_phases[], *const ocpp16_locations[];
/* -1: there is no such. */
int ocpp16_measurand(const char *name);
int ocpp16_name(const char *const *names, const char *name);

#define OCPP16_ENERGY 3 /* Energy.Active.Import.Register */

#endif
