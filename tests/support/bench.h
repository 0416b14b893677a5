/* The test bench of the station: virtual time, a seeded random source, a CSMS that answers, devices that obey and a store that keeps
 * its records through a power cut. Nothing in it happens from inside a call of the station; all that is due happens before the bench_...()
 * call that caused it returns.
 *
 *     static void plugging_in_reports_occupied(void **state)
 *     {
 *         struct bench *b = *state;              (set up by bench_setup: one EVSE, booted, Accepted)
 *         bench_state(b, 1, EVSE_CONNECTED);
 *         bench_expect(b, "StatusNotification", "{'connectorStatus': 'Occupied', 'evseId': 1}");
 *         bench_expect_nothing(b);
 *     }
 *
 * JSON is written with single quotes. An expected object need not name all members; '*' fits every value, null means absent. */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <stdbool.h>

#include "base/env.h"
#include "base/timer.h"
#include "station/station.h"

#define BENCH_WALL_MS     1769860800000 /* 2026-01-31T12:00:00Z, the wall clock at monotonic 0 */
#define BENCH_MAX_EVSES   4
#define BENCH_SHOWN_SIZE  128 /* of a display's text */
#define BENCH_MAX_PRESETS 16

struct bench_options {               /* zero: the default */
    size_t evse_count;               /* 1 */
    struct evse_abilities abilities; /* of every EVSE; connectors 0: bench_abilities() */
    int security_profile;
    const char *password;
    const char *url; /* wss://csms.example/ocpp */
    const char *trusted_pem, *certificate_pem, *key;
    size_t max_message;                      /* 65536 */
    const struct device_variable *variables; /* of the station as a whole */
    size_t variable_count;
    bool slow_devices; /* they answer, and have told no state yet */
    struct firmware_settings firmware;
    struct station_limits limits;
    const char *host_boot; /* NULL */
    struct variable_preset presets[BENCH_MAX_PRESETS];
    size_t preset_count;
};

struct bench {
    struct bench_options options;
    struct env env;
    struct timers timers;
    int64_t now_ms;
    int64_t wall_offset_ms; /* the host's clock minus the true time */
    uint64_t random_state;
    struct station *station;
    struct evse_signals signals[BENCH_MAX_EVSES];
    struct device_health health[BENCH_MAX_EVSES]; /* but for `online`, which is the signals' */

    /* the link */
    bool link_available; /* an attempt to connect succeeds */
    enum link_failure failure;
    bool is_up, connect_pending, disconnect_pending;
    int connects;                      /* attempts made */
    int64_t connected_at_ms;           /* time of the last attempt */
    char password[65];                 /* of the last attempt; "" none */
    char url[513];                     /* ... */
    int security_profile;              /* ... */
    char *trusted, *certificate, *key; /* ..., or NULL */
    json_t *refuses;                   /* urls to which an attempt fails by `failure` though link_available */
    int64_t ping_interval_ms;
    bool allows_wildcards; /* of the last target */
    /* Whether an attempt that could succeed does, else how it fails; NULL: it does. */
    bool (*accepts)(struct bench *b, enum link_failure *ret_failure);

    /* keys: requests are made by tests/support/authority.h */
    int requests;        /* made so far */
    uint32_t csr_ticket; /* not yet answered, or 0 */
    char *csr, *csr_key; /* the last ones */
    char csr_common_name[65], csr_organization[65];
    int csr_error; /* of the next ones */

    /* the CSMS */
    int64_t csms_offset_ms; /* its clock minus the true time */
    json_t *answers;        /* action -> answer; see bench_answer() */
    json_t *calls;          /* of the station, not yet expected: [action, payload] */
    json_t *unanswered;     /* [id, action, payload] */
    /* The station's CALL was answered, by a CALLRESULT or not; may be NULL. */
    void (*on_answered)(struct bench *b, const char *action, const json_t *payload, bool is_result);
    void *user;
    json_t *responses; /* to our CALLs: id -> frame */
    int next_call;

    /* the devices */
    json_t *commands;                              /* not yet expected: [evse, kind, limit, phases] */
    json_t *open_commands;                         /* [evse, kind, limit, ticket] */
    char shown[BENCH_MAX_EVSES][BENCH_SHOWN_SIZE]; /* what stands on the displays */
    enum display_priority shown_priority[BENCH_MAX_EVSES];
    int shows;          /* how often one was changed */
    bool hold_commands; /* no results until bench_command_done() */
    int command_error;  /* of the results */

    /* logs: what is being uploaded, or NULL; ended by bench_log_uploaded() */
    json_t *
        log_request; /* {kind, url, fileName, trusted, oldest, latest}: absent where there is no bound, or none */
    int log_uploads, log_cancels;
    int log_refusal;                    /* what upload_log() returns */
    int64_t log_begins_ms, log_ends_ms; /* wall clock: nothing is kept of the time before and after */

    /* the firmware's place */
    int firmware_claim;       /* what a claim is answered */
    json_t *firmware_jobs;    /* not yet expected: [step, location] */
    bool hold_firmware;       /* no outcome until bench_firmware_done() */
    uint32_t firmware_ticket; /* of the step under way; 0: none */
    int firmware_step;
    enum firmware_outcome firmware_outcomes[FIRMWARE_RELEASE]; /* of the steps; default FIRMWARE_DONE */

    /* the store */
    json_t *records;   /* "kind/key" -> value, committed */
    json_t *commits;   /* not yet committed: [ticket, [[name, value or null]...]] */
    bool hold_commits; /* nothing is committed: bench_restart() loses it */
    int hold_after;    /* so after this many groups from now; 0: not */
    bool store_refuses;
};

/* A three-phase 32 A AC point that does everything and measures the usual. */
struct evse_abilities bench_abilities(void);

struct bench *bench_new(const struct bench_options *options); /* made, not started; devices available */
void bench_free(struct bench *b);
/* cmocka fixtures. */
int bench_setup(void **state);     /* bench_new and bench_boot */
int bench_setup_new(void **state); /* bench_new only */
int bench_teardown(void **state);

/* Starts the station, lets it connect and boot, and forgets what it sent. */
void bench_boot(struct bench *b);
void bench_start(struct bench *b);
/* Power cut and start: what was not committed is lost. Forgets what was sent and not expected. */
void bench_restart(struct bench *b);
/* The same after an orderly station_stop(). */
void bench_stop_and_restart(struct bench *b);

/* Lets time pass, doing all that falls due at its time. */
void bench_advance(struct bench *b, int64_t ms);
void bench_settle(struct bench *b);

/* The link is lost and cannot be made again; until bench_link_back(), which waits for the next attempt. */
void bench_link_lost(struct bench *b);
void bench_link_back(struct bench *b);

/* What the CSMS answers to an action from now on: a payload; "" for the usual answer; or one of these. */
#define BENCH_SILENCE     "silence"     /* never */
#define BENCH_ERROR(code) "error:" code /* CALLERROR */
void bench_answer(struct bench *b, const char *action, const char *answer);
/* Answers the oldest CALL that was met with silence; fails if there is none. */
void bench_reply(struct bench *b, const char *payload);

/* A CALL of the CSMS; the answer's payload must contain `expected`. */
void bench_call(struct bench *b, const char *action, const char *payload, const char *expected);
/* ... must be a CALLERROR with this code. */
void bench_call_error(struct bench *b, const char *action, const char *payload, const char *code);
/* ... the answer's payload; borrowed until the next call. Fails on a CALLERROR. */
const json_t *bench_request(struct bench *b, const char *action, const char *payload);
/* Any bytes. */
void bench_frame(struct bench *b, const char *text);

/* The station's oldest CALL not yet expected is this one. Returns its payload, borrowed until the next bench_expect. */
const json_t *bench_expect(struct bench *b, const char *action, const char *payload);
void bench_expect_nothing(struct bench *b);
/* Skips everything before the next CALL of this action. */
const json_t *bench_expect_later(struct bench *b, const char *action, const char *payload);
/* Forgets CALLs (and commands) not yet expected. */
void bench_forget(struct bench *b);
size_t bench_count(struct bench *b, const char *action); /* among those not yet expected */

void bench_state(struct bench *b, int evse, enum evse_state state);
void bench_measure(struct bench *b, int evse, enum evse_measure measure, double value);
void bench_signals(struct bench *b, int evse); /* hands b->signals[evse - 1] over as they are */
void bench_silent(struct bench *b, int evse);  /* the device does not answer any more */
/* A device variable of an EVSE, or (0) of the station, has this value, or none. */
void bench_device_number(struct bench *b, int evse, size_t index, double number);
void bench_device_text(struct bench *b, int evse, size_t index, const char *text);
void bench_device_no_value(struct bench *b, int evse, size_t index);
void bench_token(struct bench *b, int evse, const char *value, const char *type);
/* The oldest command not yet expected. */
void bench_expect_command(struct bench *b, int evse, enum evse_command_kind kind);
void bench_expect_limit(struct bench *b, int evse, double limit_A);
void bench_expect_no_command(struct bench *b);
/* The display of the EVSE has this text. */
void bench_expect_shown(struct bench *b, int evse, const char *text);
/* With hold_commands: the oldest open command ends. */
void bench_command_done(struct bench *b, int err);

/* The upload of the log that runs ends with this error, or 0. */
void bench_log_uploaded(struct bench *b, int err);

/* The oldest step of an update not yet expected. */
void bench_expect_firmware(struct bench *b, enum firmware_step step);
/* With hold_firmware: the step under way ends, or (FIRMWARE_STARTED) begins. */
void bench_firmware_done(struct bench *b, enum firmware_outcome outcome);

/* A committed record's value, or NULL. */
const char *bench_record(struct bench *b, const char *kind, const char *key);

/* True if `json` contains `expected`; both new style JSON values. */
bool bench_contains(const json_t *json, const json_t *expected);

#endif
