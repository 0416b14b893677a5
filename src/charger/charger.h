/* One charger: the values of its points, the signals that follow from them, and the commands that move it.
 *
 * It keeps what was asked of the device (started or not, at most so many ampere) as a wish, and after
 * every loss of the device brings it back to that: setup, limit, then start or stop. Nothing is started
 * that nobody asked to start. */
#ifndef CHARGER_CHARGER_H
#define CHARGER_CHARGER_H

#include "base/cleanup.h"
#include "base/env.h"
#include "base/evse.h"
#include "charger/expression.h"
#include "charger/point.h"
#include "charger/profile.h"

struct charger;

struct charger_events {
    /* Signals of an EVSE (1..) changed; borrowed for the call. */
    void (*on_signals)(void *ctx, int evse, const struct evse_signals *signals);
    /* A token was presented at the device. */
    void (*on_id_token)(void *ctx, int evse, const struct id_token *token);
    /* A variable of the profile has another value, NULL: none that is good; `evse` 0: of the charger. `index` counts among those of
     * the EVSE, or of the charger. Borrowed for the call. */
    void (*on_variable)(void *ctx, int evse, size_t index, const struct device_value *value);
    /* A command ended: 0 took effect (or was acknowledged, where the profile has no `until`; a RESET: and the
     * device has told its state anew, which may take as long as it takes);
     * -ERR_REFUSED, -ERR_NO_ANSWER, -ERR_NO_EFFECT, -ERR_LINK_DOWN (a STOP or LIMIT is remembered and done
     * when the device is back, a START is not), -ERR_SUPERSEDED, -ERR_UNSUPPORTED; -ENODATA (a value of
     * its steps is not known now), -ERANGE (a point cannot hold it), -EINVAL (no limit), -ENOMEM. */
    void (*on_command_done)(void *ctx, int evse, const struct evse_command *command, int err);
    /* A point changed: for displays and logs; may be NULL. */
    void (*on_point)(void *ctx, const struct point *point, const struct point_value *value);
    /* A point was written to the device, for displays and logs; may be NULL. err as in device_done. */
    void (*on_write)(void *ctx, const struct point *point, double number, const char *text, int err);
};

/* The profile and env are borrowed and outlive it. NULL without memory. */
struct charger *charger_new(const struct env *env, const struct profile *profile,
                            const struct charger_events *events, void *ctx);
/* What the installation bears on an EVSE (1..), in A per phase: what is asked of the device is never more, also
 * before anybody asks for a limit. Without effect where the profile has no limit. Before the device is set. */
void charger_set_max_current(struct charger *charger, int evse, double max_A);
void charger_free(struct charger *charger);
DEFINE_AUTO(charger, charger_free)

/* The device to write to; borrowed, and to be freed before the charger; NULL: none. News from it goes to
 * charger_device_events with the charger as ctx. The answers of a former device are not waited for: it
 * must be freed before. */
void charger_set_device(struct charger *charger, struct device *device, const struct device_ops *ops);
extern const struct device_events charger_device_events;

/* Starts a command on an EVSE (1..); the end comes by on_command_done, never from inside. A newer START,
 * STOP or LIMIT supersedes an older one of the same kind that runs; STOP and START supersede each other. */
void charger_command(struct charger *charger, int evse, const struct evse_command *command);

/* Puts it on the display of an EVSE (1..), now and after each loss of the device, in place of what was there; nobody is told what comes of
 * it. Without effect where the profile has no display. `display` is borrowed. */
void charger_show(struct charger *charger, int evse, const struct evse_display *display);

/* What became of the token that was presented last at an EVSE (1..): the steps `accepted` or `refused` of the profile are done once;
 * nobody is told what comes of them. Without effect where the profile has none, or while the device is silent. */
void charger_answer_token(struct charger *charger, int evse, bool accepted);

const struct evse_signals *charger_signals(const struct charger *charger, int evse);
const struct point_value *charger_value(const struct charger *charger, const struct point *point);
/* What an expression over the profile's points is worth now; not known while the device is silent. */
struct expression_value charger_eval(const struct charger *charger, const struct expression *e);
/* The limit the device really is held to now, in A per phase; NAN if none was asked for. */
double charger_limit_A(const struct charger *charger, int evse);

#endif
