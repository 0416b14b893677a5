/* Block H: reservations of an EVSE, of a type of connector, or of any EVSE.
 *
 * An EVSE is held (its connectors are Reserved) if one is for it, or if, of the EVSEs that are free, as many are reserved as there are:
 * in all, or of its type of connector. Who is not expected is not let in there, and a vehicle that is plugged in unasked changes
 * nothing. A reservation ends used (by a grant for its token or group), cancelled, Expired or Removed; it never energises or interrupts
 * anything. */
#ifndef STATION_RESERVATION_H
#define STATION_RESERVATION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/evse.h"
#include "base/list.h"
#include "base/timer.h"

struct station;
struct evse;

struct reservations {
    struct list list; /* oldest first */
    size_t count;
    struct timer timer; /* the next expiry */
};

/* Whether reservations keep the EVSE for someone. */
bool reservation_holds(const struct evse *e);
/* Whether the token, of this group (may be NULL), may be let in at the EVSE as far as reservations go. */
bool reservation_admits(struct evse *e, const struct id_token *token, const char *group);
/* The EVSE is held, and for this token or group. */
bool reservation_is_for(struct evse *e, const struct id_token *token, const char *group);
/* It was let in: the reservation that was made for it is used up (H03.FR.09). Its id, or -1. */
int64_t reservation_use(struct evse *e, const struct id_token *token, const char *group);

/* Signals, transaction or availability of an EVSE changed: removes what cannot be kept, and reports the status of those EVSEs that are
 * held now, or no longer. */
void reservations_update(struct station *s);
/* The wall clock was set or stepped: what has expired ends. */
void reservations_clock_changed(struct station *s);
/* ReservationCtrlr.Enabled was changed. */
void reservations_enabled_changed(struct station *s);

/* For displays: [{id, evse, connectorType, expires}]. New reference, or NULL. */
json_t *reservations_status(const struct station *s);
/* Each one of the token. */
void reservations_each(const struct station *s, const struct id_token *token,
                       void (*each)(void *ctx, int64_t id, int64_t expiry_ms), void *ctx);

void reservations_init(struct station *s);
void reservations_done(struct station *s);
void reservations_restore(struct station *s, const char *key, const char *value); /* RECORD_RESERVATION */
void reservations_start(struct station *s);

#endif
