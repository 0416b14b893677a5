/* One station with all it lives on: its chargers and devices, its link, its records. */
#ifndef GATEWAY_STATION_ENTRY_H
#define GATEWAY_STATION_ENTRY_H

#include <jansson.h>

#include "base/cleanup.h"
#include "gateway/gateway.h"

struct station_entry;

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
struct station *station_entry_station(const struct station_entry *entry);
/* The last frames of its devices, as text. */
void station_entry_print_frames(const struct station_entry *entry, struct buf *out);
json_t *station_entry_status(const struct station_entry *entry);

#endif
