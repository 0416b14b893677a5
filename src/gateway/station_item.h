/* What lists show of a station, and what of it needs somebody's attention, in plain words. */
#ifndef GATEWAY_STATION_ITEM_H
#define GATEWAY_STATION_ITEM_H

#include <jansson.h>

struct station_entry;

/* station_summary() and {csms, profiles: [name], attention: [{evse?, severity: "error" | "warning" | "info", code, text}]}. New reference, or NULL. */
json_t *station_item(const struct station_entry *entry);

#endif
