/* Reports of the device model (B07, B08): one at a time, made and sent part by part. */
#ifndef STATION_REPORT_H
#define STATION_REPORT_H

struct station;

/* Ends the report being sent, if there is one. */
void report_abort(struct station *s);

#endif
