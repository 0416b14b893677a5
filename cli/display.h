/* What ocpp-cli shows to a person. */
#ifndef CLI_DISPLAY_H
#define CLI_DISPLAY_H

#include <jansson.h>

/* The result of the `status` command; of one station of it. */
void display_status(const json_t *status);
void display_station(const json_t *station);

/* Two columns: OCPP messages to the left, device writes to the right. */
void display_watch_header(void);
void display_watch(const json_t *event);

#endif
