/* What a diagnostics log is made of, as texts: the log's last lines, the station's state, its part of the configuration, its device
 * model, the last frames of its devices. Nothing of other stations, no passwords, no keys. */
#ifndef GATEWAY_DIAGNOSTICS_H
#define GATEWAY_DIAGNOSTICS_H

#include "base/buf.h"
#include "gateway/station_entry.h"

#define DIAGNOSTICS_LOG_BYTES (256u << 10) /* of the log's last lines, kept in memory */
#define DIAGNOSTICS_TEXT_MAX  (1u << 20)   /* of each text */

/* Keeps the lines of the program's log from now on. */
void diagnostics_keep_log(struct gateway *gateway);
void diagnostics_keep_no_log(struct gateway *gateway);

/* Whether a kept line of that time speaks of the station. */
bool diagnostics_has_line(const struct gateway *gateway, struct station_entry *entry,
                          const struct log_request *request);

/* One text of the diagnostics log. */
struct diagnostics_text {
    const char *name; /* of the file in the archive */
    void (*print)(const struct gateway *gateway, struct station_entry *entry,
                  const struct log_request *request, struct buf *out);
};
#define DIAGNOSTICS_TEXTS 5
extern const struct diagnostics_text diagnostics_texts[DIAGNOSTICS_TEXTS];

#endif
