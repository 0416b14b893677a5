/* What happens, for those who follow: the last events in a ring of bytes, each with a number that only grows. Who follows has a place in it, not
 * a queue: many slow readers cost no memory, and one that comes again goes on where it was. Pure.
 *
 * An event is a JSON text with a type (FEED_...) and mostly a station; that is what is filtered by. */
#ifndef MANAGE_FEED_H
#define MANAGE_FEED_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/env.h"

enum feed_type {
    FEED_STATION, /* the summary of a station changed: as an item of GET /stations */
    FEED_SIGNALS, /* signals of an EVSE */
    FEED_POINT,   /* a point; only while someone follows its station */
    FEED_FRAME,   /* an OCPP frame, without secrets */
    FEED_WRITE,   /* a write to a device */
    FEED_LOG,     /* a line of the log */
    FEED_POWER,   /* the site's power, and how many EVSEs are in which state */
    FEED_SCAN,    /* a scan went on */
    FEED_TYPES
};
extern const char *const feed_type_names[FEED_TYPES]; /* "station", ... */

#define FEED_MAX_EVENTS 16384
#define FEED_LOOKS      128 /* events that one call makes a text of, or searches: it must not take long */

struct feed;
/* Keeps at most so many bytes, and FEED_MAX_EVENTS. Numbers begin where no earlier run of the program can have come to. NULL without memory. */
struct feed *feed_new(const struct env *env, size_t bytes);
void feed_free(struct feed *feed);

/* Which events. types: bits 1 << FEED_...; station "": all. */
struct feed_filter {
    unsigned types;
    char station[64];
    char text[64];        /* part of the event's JSON, ASCII case ignored; "": all */
    uint64_t states_from; /* signals, points, power of before are left out: what followed was not told */
};
/* Sets types from "frame,log"; "": all but points. 0, or -EINVAL: a name that is none. */
int feed_filter_types(struct feed_filter *filter, const char *names);

/* Adds one; `on_added` follows from inside. The event is lost without memory. */
void feed_add(struct feed *feed, enum feed_type type, const char *station, const json_t *event);
/* The same with a text that is no JSON yet: whoever reads it gets what the presenter of its type makes of it, so that what nobody reads costs little. */
void feed_add_text(struct feed *feed, enum feed_type type, const char *station, const char *text, size_t len);
/* JSON text of such a text, to be freed; NULL: it is left out. To be set before the first is added. */
void feed_set_presenter(struct feed *feed, enum feed_type type,
                        char *(*present)(const char *station, const char *text));
/* Called after each; NULL ends it. */
void feed_set_follower(struct feed *feed, void (*on_added)(void *ctx), void *ctx);

uint64_t feed_next_id(const struct feed *feed);  /* of the event to come */
uint64_t feed_first_id(const struct feed *feed); /* the oldest that is left, or the next */

/* Appends events from number `from` on that fit, as a stream of Server-Sent Events (id, event, data; that of a frame, a write, a line of the log
 * or a station has its time in it), until `max` bytes or FEED_LOOKS. Returns the number to go on from. What is not there any more is told by an event "lost". */
uint64_t feed_print_sse(const struct feed *feed, const struct feed_filter *filter, uint64_t from, size_t max,
                        struct buf *out);
/* Appends an event "lost" with this number: of what happened after event `from` - 1 and before `to` + 1, something is not told. */
void feed_print_lost(struct buf *out, uint64_t id, uint64_t from, uint64_t to);
/* The newest `limit` that fit before number `*before` (0: the end), newest first, as [{id, time, type, station, data}], of the next FEED_LOOKS. `*before`: where
 * to go on for more; 0: there is nothing older. New reference or NULL. */
json_t *feed_list(const struct feed *feed, const struct feed_filter *filter, uint64_t *before, size_t limit);

#endif
