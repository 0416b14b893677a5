/* NotifyEvent (N07, N08, G05): events that the CSMS is to be told, one message after the other. */
#ifndef STATION_NOTIFY_EVENT_H
#define STATION_NOTIFY_EVENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/list.h"

struct station;

#define EVENTS_MAX 100 /* that wait; beyond them the least severe goes, the oldest first */

struct events {
    struct list waiting; /* struct event */
    size_t count, in_flight;
    int next_id;        /* eventId */
    int seq_no;         /* of the message under way */
    int attempts;       /* of it */
    bool is_continued;  /* the message under way said tbc */
    bool told_overflow; /* in the log */
};

/* An eventId that no event since the start has had. */
int notify_event_id(struct station *s);
/* Queues an EventDataType; takes the reference, also on failure. Severity 0..9, as of the monitor. What is queued stays so until the CSMS
 * has answered, through a lost link, too. 0, -ENOMEM (also if event is NULL), -ENOBUFS (too many that are more severe). */
int notify_event_add(struct station *s, json_t *event, int severity);
/* Sends what waits, if the station is online and nothing is under way. */
void notify_event_flush(struct station *s);

void notify_event_init(struct station *s);
void notify_event_done(struct station *s);

#endif
