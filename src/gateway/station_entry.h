/* One station with all it lives on: its chargers and devices, its link, its records. */
#ifndef GATEWAY_STATION_ENTRY_H
#define GATEWAY_STATION_ENTRY_H

#include <jansson.h>

#include "base/cleanup.h"
#include "gateway/gateway.h"
#include "gateway/traffic.h"

struct station_entry;
struct station_charger;

/* Makes the station of configuration `config` (borrowed until station_entry_rebind()) and restores its records. 0 or -errno, logged. */
int station_entry_new(struct gateway *gateway, const struct station_config *config,
                      struct station_entry **ret);
/* Starts it: devices at once, the CSMS after delay_ms. */
void station_entry_start(struct station_entry *entry, int64_t delay_ms);
bool station_entry_is_started(const struct station_entry *entry);
bool station_entry_is_connected(const struct station_entry *entry);
/* Whether firmware is being installed for it. */
bool station_entry_is_installing(const struct station_entry *entry);
/* Writes down what is to be resumed and closes the link in order. */
void station_entry_stop(struct station_entry *entry);
void station_entry_free(struct station_entry *entry);
DEFINE_AUTO(station_entry, station_entry_free)

/* After a reload that left it unchanged: the same content in the new configuration. */
void station_entry_rebind(struct station_entry *entry, const struct station_config *config);
const struct station_config *station_entry_config(const struct station_entry *entry);
/* The charger that the EVSE (1..) is of; NULL: there is no such EVSE. */
struct station_charger *station_entry_charger(const struct station_entry *entry, int evse);
struct station *station_entry_station(const struct station_entry *entry);
/* What is shown of it is not as it was. */
void station_entry_touch(struct station_entry *entry);
/* Whether it was touched since this was asked last. */
bool station_entry_was_touched(struct station_entry *entry);
/* What lists show of it (station_item.c), made anew when it was touched. Borrowed until the loop goes on; NULL without memory. */
const json_t *station_entry_item(struct station_entry *entry);
/* Calls `each` for every charger. */
void station_entry_each_charger(const struct station_entry *entry,
                                void (*each)(void *ctx, const struct station_charger *charger), void *ctx);
/* What went over its link since it was made. */
const struct traffic *station_entry_traffic(const struct station_entry *entry);
/* The last frames of its devices, as text. */
void station_entry_print_frames(const struct station_entry *entry, struct buf *out);
json_t *station_entry_status(const struct station_entry *entry);
/* Every point and every EVSE's signals of its chargers as they are now, an event each as in events.h; `tell` takes the reference. */
void station_entry_tell_points(const struct station_entry *entry, void (*tell)(void *ctx, json_t *event),
                               void *ctx);

/* Keeps a text of a device under its key; NULL: no more. */
void station_entry_keep(struct station_entry *entry, const char *key, const char *value);

#endif
