/* Block N: the log file that the CSMS asked for (GetLog, N01). What is in it and how it travels is the gateway's (struct station_ops). */
#ifndef STATION_DIAGNOSTICS_H
#define STATION_DIAGNOSTICS_H

#include <stdbool.h>

struct station;
struct log_upload; /* diagnostics.c; on the heap only while a log is under way */

struct diagnostics {
    struct log_upload *upload; /* or NULL */
};

/* Whether files can be sent to or fetched from the URL: its scheme is one of FileTransferProtocols. */
bool file_url_is_supported(const struct station *s, const char *url);

void diagnostics_done(struct station *s);
/* TriggerMessage: how the upload stands; Idle without requestId if there is none (F06.FR.14, .15). */
void trigger_log_status_notification(struct station *s);

#endif
