/* What happens, for whoever follows (management.c): OCPP frames, writes to devices, points and signals, and that a station is not as it was. */
#ifndef GATEWAY_EVENTS_H
#define GATEWAY_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "charger/point.h"

/* Points and signals are told only of what is followed. */
enum events_kind { EVENTS_POINTS, EVENTS_SIGNALS, EVENTS_KINDS };

/* All NULL: nobody follows. */
struct events {
    void *ctx;
    void (*on_frame)(void *ctx, const char *station, bool outgoing, const char *text,
                     size_t len); /* with its secrets */
    void (*on_write)(void *ctx, const char *station, const json_t *event);
    bool (*follows)(void *ctx, enum events_kind kind, const char *station);
    void (*on_point)(void *ctx, const char *station, enum events_kind kind, const json_t *event);
    uint64_t (*next_id)(void *ctx); /* of the event to come */
};

/* A frame as it may be shown, without its secrets: {event: "frame", station, outgoing, frame}; new reference or NULL. */
json_t *events_frame_json(const char *station, bool outgoing, const char *text, size_t len);
void events_frame(const struct events *events, const char *station, bool outgoing, const char *text,
                  size_t len);
struct device_write {
    int evse;
    const struct point *point;
    double number;
    const char *text; /* NULL: the number counts */
    int err;          /* 0: acknowledged */
};
void events_write(const struct events *events, const char *station, const struct device_write *write);
bool events_are_followed(const struct events *events, enum events_kind kind, const char *station);
uint64_t events_next_id(const struct events *events); /* 0: nobody numbers them */
/* Takes the reference (NULL: nothing). */
void events_point(const struct events *events, const char *station, enum events_kind kind, json_t *event);

#endif
