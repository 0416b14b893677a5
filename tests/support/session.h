/* Short ways through a charging session, on top of the bench. */
#ifndef TESTS_SESSION_H
#define TESTS_SESSION_H

#include "tests/support/bench.h"

#define CARD "04A1B2C3"

/* A booted station with the presets given as "Component.Variable=value" texts, NULL at the end. */
struct bench *session_bench(const char *const *presets);
struct bench *session_bench_of(const struct evse_abilities *abilities, const char *const *presets);
/* Not started yet; the presets are added to the options. */
struct bench *session_bench_unbooted(struct bench_options *options, const char *const *presets);
/* TxStartPoint and TxStopPoint, a bay that is seen, nothing sampled on the way, default else. */
struct bench *session_points(const char *start, const char *stop);
/* For cmocka, with bench_teardown: session_points() of Authorized and EVConnected, to start and to stop. */
int session_setup(void **state);
void session_set(struct bench *b, const char *component, const char *variable, const char *value);

void session_tap(struct bench *b);    /* CARD; Authorize is expected and answered */
void session_plug(struct bench *b);   /* StatusNotification is expected */
void session_unplug(struct bench *b); /* the same */
void session_charge(struct bench *b,
                    double Wh); /* state charging, the register shows Wh; nothing is expected */
/* From nothing to charging at EVSE 1 with the register at Wh; forgets what was sent. Returns the transaction's id, to be freed. */
char *session_charging(struct bench *b, double Wh);

/* A step of a session written as a letter: p plug, t tap (the device obeys), c charge, e suspended by the vehicle, u unplug, w wait for the
 * time-out. Fails for another one. */
void session_step(struct bench *b, char letter);

/* The oldest TransactionEvent not yet expected (what is in between is an error). */
const json_t *session_event(struct bench *b, const char *type, const char *trigger, const char *more);
/* Every member of `meterValue`'s samples that fits: value of the measurand with this context, or NAN. */
double session_value(const json_t *event, const char *context, const char *measurand);

#endif
