/* Block O: messages of the CSMS on the displays of the station's devices.
 *
 *   display_messages.c  the messages: set, replaced, cleared, over; kept as RECORD_DISPLAY_MESSAGE
 *   display_report.c    GetDisplayMessages and NotifyDisplayMessages
 *   display.c           which of them, and of the texts of tariff.h, stands on which display now
 *
 * A display belongs to an EVSE. Where no device has one the requests are answered NotSupported and there is no DisplayMessageCtrlr. */
#ifndef STATION_DISPLAY_H
#define STATION_DISPLAY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/evse.h"
#include "base/list.h"
#include "base/timer.h"

struct station;
struct evse;
struct rpc_request;
struct variable_place;

#define DISPLAY_PAGE_MS     5000 /* so long a text, or a page of it, is shown where there are several */
#define DISPLAY_REPORTS_MAX 8    /* GetDisplayMessages whose answers wait */

/* MessageStateEnumType */
enum message_state {
    MESSAGE_CHARGING,
    MESSAGE_FAULTED,
    MESSAGE_IDLE,
    MESSAGE_UNAVAILABLE,
    MESSAGE_STATES,
    MESSAGE_ANY_STATE = MESSAGE_STATES
};

struct display_message {
    struct list link;
    int64_t id; /* >= 0 */
    enum display_priority priority;
    enum message_state state;
    int evse;                                        /* on whose display; 0: on each */
    int64_t start_ms, end_ms;                        /* wall clock; INT64_MIN, INT64_MAX: none */
    const char *transaction_id, *language, *content; /* in info; transaction_id and language may be "" */
    json_t *info;                                    /* MessageInfoType, as it was set */
};

struct display {
    struct list messages;  /* in the order they were set */
    size_t count, pending; /* pending: new ones that the store has not yet taken */
    struct list reports;   /* display_report.c, oldest first; the first one is being sent */
    struct timer timer;    /* something else is to be shown */
};

/* What an EVSE's display shows. */
struct evse_screen {
    bool is_told; /* the device was told since the start: before it may show anything */
    char *text;   /* NULL: nothing */
    enum display_priority priority;
    int64_t key; /* the message's id, or one of enum own_text */
    size_t page;
    int64_t since_ms; /* monotonic */
};

/* Keys of the texts that are no messages of the CSMS. */
enum own_text { OWN_COST = -2, OWN_TARIFF = -1 };

void display_init(struct station *s);
void display_start(struct station *s); /* all is restored: what is over goes, what is left is shown */
void display_done(struct station *s);

/* Some EVSE has a display; some has one for texts. */
bool display_is_available(const struct station *s);
bool display_has_text(const struct station *s);
/* Members of MessageFormatEnumType that the devices can show; for a row of the device model. */
void display_supported_formats(const struct station *s, char *ret, size_t size);
/* False: answered with NotSupported, since there is no display or it is not enabled. */
bool display_is_offered(struct station *s, const struct rpc_request *request);

/* Messages, settings or the clock have changed: looks what is to be shown everywhere. */
void display_changed(struct station *s);
/* State, transaction or tariff of the EVSE changed. */
void display_on_evse_changed(struct evse *e);
/* The text with this key comes next, if it may be shown now. */
void display_attract(struct evse *e, int64_t key);
/* {"text", "priority"} for station_status(); NULL: the EVSE has no display. */
json_t *display_json(const struct evse *e);

/* ---- display_messages.c ---- */

extern const char *const message_state_names[MESSAGE_STATES];
extern const char *const message_priority_names[DISPLAY_PRIORITIES]; /* "" for DISPLAY_NOTHING */

void display_messages_restore(struct station *s, const char *key, const char *value);
/* Forgets the messages that are over (O01.FR.07, O02.FR.02), here and in the store. */
void display_messages_purge(struct station *s);
void display_messages_free(struct station *s);

/* ---- display_report.c ---- */

void display_report_request(struct station *s, const struct rpc_request *request);
void display_reports_done(struct station *s);

#endif
