/* Block N: the log file that the CSMS asked for (GetLog, N01). What is in it and how it travels is the gateway's (struct station_ops). */
#ifndef STATION_DIAGNOSTICS_H
#define STATION_DIAGNOSTICS_H

#include <stdbool.h>
#include <stdint.h>

struct station;
struct log_upload; /* diagnostics.c; on the heap only while a log is under way */

struct diagnostics {
    struct log_upload *upload; /* or NULL */
    bool is_broken_off;        /* there was one when the program ended: */
    int64_t broken_off;        /* its requestId */
};

/* Whether files can be sent to or fetched from the URL: its scheme is one of FileTransferProtocols. */
bool file_url_is_supported(const struct station *s, const char *url);

void diagnostics_done(struct station *s);
/* RECORD_STATE "log". */
#define DIAGNOSTICS_KEY "log"
void diagnostics_restore(struct station *s, const char *value);
/* All is restored: tells of a log that the end of the program broke off. */
void diagnostics_start(struct station *s);
/* TriggerMessage: how the upload stands; Idle without requestId if there is none (F06.FR.14, .15). */
void trigger_log_status_notification(struct station *s);

#endif
