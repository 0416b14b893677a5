/* What UpdateFirmware of one station is about: its devices, if their profiles have a hook; else the gateway itself, if it has a slot. */
#ifndef GATEWAY_STATION_FIRMWARE_H
#define GATEWAY_STATION_FIRMWARE_H

#include "gateway/firmware_slot.h"
#include "gateway/gateway.h"

struct station_firmware;

/* `*ret` is NULL if there is nothing to update. 0 or -ENOMEM. */
int station_firmware_new(struct gateway *gateway, const struct station_config *config, firmware_done done,
                         void *ctx, struct station_firmware **ret);
void station_firmware_free(struct station_firmware *firmware);
/* For the station; borrowed from the configuration. NULL: nothing to update. */
struct firmware_settings station_firmware_settings(const struct station_firmware *firmware,
                                                   const struct gateway *gateway);
/* Whether something is being installed now. NULL is fine. */
bool station_firmware_has_hook(const struct station_firmware *firmware);
int station_firmware_ask(struct station_firmware *firmware, const struct firmware_job *job);

/* The gateway's own slot, `*ret` NULL if none is configured. 0 or -ENOMEM. */
int gateway_firmware_new(struct gateway *gateway, struct firmware_slot **ret);

#endif
