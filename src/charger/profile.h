/* A device profile: what a charger model's points mean. Parsed once from YAML text, checked whole, shared
 * by every charger of the model, never changed afterwards. The language is described in docs/profiles.md. */
#ifndef CHARGER_PROFILE_H
#define CHARGER_PROFILE_H

#include "base/cleanup.h"
#include "base/evse.h"
#include "base/problems.h"
#include "charger/point.h"

struct expression;
struct yaml;

struct modbus_options { /* profile's defaults, overridden by the charger's entry in the configuration */
    bool low_word_first, low_byte_first;
    bool over_tcp, over_rtu, over_ascii; /* how the model can be reached */
    int write_function;        /* 0: 5/6 for one, 15/16 for many; 16: always 16 (15); 6: always singles */
    int max_words;             /* per request, 1..125 */
    int max_gap;               /* words read for nothing to merge two points; 0: none */
    int64_t pause_ms;          /* between two requests to the device */
    bool wake;                 /* it sleeps: the first request after a pause is lost, and sent again */
    int64_t write_interval_ms; /* between two writes of one point; 0: none */
    int64_t reconnect_after_ms;
    int64_t timeout_ms;
    int retries;
    int unit, port; /* defaults */
    int baud, data_bits, stop_bits;
    char parity;
};

struct echonet_options {
    uint8_t class_group, class_code; /* 0x02A1 or 0x027E */
    int batch;                       /* properties per Get, 1.. */
    int64_t timeout_ms;
    int64_t pause_ms;
    int retries;
};

struct ocpp16_options {
    int64_t timeout_ms;   /* for the answer to a request of ours */
    int64_t heartbeat_ms; /* what the charger is told */
    bool is_lenient;      /* messages that do not conform in a small way are taken */
    int64_t authorize_ms; /* so long a token waits for its answer, and a transaction for a start */
};

struct identify {              /* what `scan` and the start look for */
    const struct point *point; /* NULL: none */
    bool is_text;
    double number;
    char text[64];
};

enum step_kind { STEP_SET, STEP_WAIT, STEP_UNTIL };
struct step {
    enum step_kind kind;
    const struct point *point; /* STEP_SET */
    struct expression *value;  /* STEP_SET: over points and arguments; STEP_UNTIL: condition */
    int64_t time_ms;           /* STEP_WAIT: how long; STEP_UNTIL: within */
    int evse;                  /* keepalive: whose limit the arguments tell; else 0 */
    int line;
};
struct steps {
    struct step *list;
    size_t count;
};

enum below_min { BELOW_MIN_PAUSE, BELOW_MIN_CLAMP, BELOW_MIN_ZERO };

struct command {
    bool offered;
    struct steps steps;
    /* limit only */
    double min_A, max_A, step_A;
    enum below_min below_min;
    bool starts; /* setting it starts the device: told by `start`, and only while it is to charge */
};

struct state_rule {
    enum evse_state state;
    struct expression *when; /* NULL: otherwise */
    int line;
};

struct profile_evse {
    struct evse_abilities abilities;
    struct state_rule *states;
    size_t state_count;
    struct expression *measures[MEASURES]; /* NULL: not offered */
    struct expression *locked, *lock_failed, *occupied;
    struct expression *fault; /* a text or number */
    struct expression *id_token, *id_token_when;
    struct steps id_token_acknowledge;
    struct steps id_token_answers[2]; /* refused, accepted */
    struct command commands[EVSE_COMMANDS];
    struct steps display; /* abilities.display */
};

/* What a device lets flow if we fall silent. */
enum silence {
    SILENCE_UNKNOWN,
    SILENCE_CURRENT, /* so many A per phase; 0: it stops */
    SILENCE_MAX,     /* as much as it can */
    SILENCE_LAST,    /* what it was limited to last */
};

#define PROFILE_MAX_HOOK 16 /* program and arguments of firmware_hook */

struct profile {
    char *name, *vendor;
    bool is_meter; /* no charger: it has points to be read, and no EVSEs */
    char **models;
    size_t model_count;
    enum point_protocol protocol;
    struct modbus_options modbus;
    struct echonet_options echonet;
    struct ocpp16_options ocpp16;
    struct point *points;
    size_t point_count;
    struct profile_evse *evses;
    size_t evse_count;
    struct device_variable
        *variables; /* the charger's own first, then those of each EVSE (abilities.variables) */
    struct expression **variable_values; /* of the same places */
    size_t variable_count, own_variable_count;
    struct identify identify;
    struct steps setup, keepalive;
    int64_t keepalive_ms;
    char **
        firmware_hook; /* program and arguments that update a device of this kind, ends with NULL; NULL: there is none */
    char *on_silence; /* what the device does if we fall silent; NULL: not said */
    enum silence silence;
    double silence_A; /* SILENCE_CURRENT */
};

/* What the device does without us, if that is a hazard (energy may flow, and nobody limits or counts it): a text for people. Empty: it is none, or
 * the profile does not say. */
void profile_hazard(const struct profile *profile, char *ret, size_t size);

/* Where other profiles are found, for `extends`. */
struct profile_source {
    char *(*find)(void *ctx, const char *name); /* heap text, the caller's, or NULL */
    void *ctx;
    /* Whether a station can have the variable: 0, else what is wrong is in `ret`. NULL: any. */
    int (*check_variable)(const struct device_variable *variable, bool is_of_evse, char *ret, size_t size);
};

/* Reads a profile from YAML text (`name` for messages: the file; if it ends in .yaml, the profile must be
 * called so). `source` may be NULL. Appends every problem to `problems`. On success `*ret` is the caller's
 * to free, else untouched. 0, -EINVAL (see problems), -ENOMEM. */
int profile_parse(const char *name, const char *text, size_t len, const struct profile_source *source,
                  struct problems *problems, struct profile **ret);
void profile_free(struct profile *profile);
DEFINE_AUTO(profile, profile_free)

#define PROFILE_MAX_EXTENDS 8
/* A profile as it is written, with all that it extends merged into trees[0]. */
struct profile_tree {
    struct yaml *trees[PROFILE_MAX_EXTENDS + 1]; /* nodes of trees[0] may be the others' */
};
/* What profile_parse() reads, unread. `ret` is to be given to profile_tree_done(), also on failure. 0, -EINVAL (see problems), -ENOMEM. */
int profile_tree_read(const char *name, const char *text, size_t len, const struct profile_source *source,
                      struct problems *problems, struct profile_tree *ret);
void profile_tree_done(struct profile_tree *tree);

/* Where the point is, as a profile says it: "input 120". Cut off to fit. */
void point_print_at(const struct profile *profile, const struct point *point, char *ret, size_t size);
const struct point *profile_point(const struct profile *profile, const char *name);

#endif
