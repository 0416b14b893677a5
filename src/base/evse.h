/* What an EVSE tells and what can be asked of it: the canonical signals and commands that the charger layer
 * makes out of a device and the station layer lives on. */
#ifndef BASE_EVSE_H
#define BASE_EVSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum evse_state {
    EVSE_UNKNOWN,        /* nothing read yet, or the device is silent */
    EVSE_AVAILABLE,      /* no vehicle */
    EVSE_CONNECTED,      /* vehicle plugged in, no energy requested or offered */
    EVSE_CHARGING,       /* energy flows */
    EVSE_SUSPENDED_EV,   /* offered, the vehicle does not take it */
    EVSE_SUSPENDED_EVSE, /* the vehicle would, the device does not offer */
    EVSE_FAULTED,
    EVSE_UNAVAILABLE, /* the device itself says it is out of service */
    EVSE_STATES
};
extern const char *const evse_state_names[EVSE_STATES]; /* "unknown", "available", ... as in profiles */

/* Measured values. Energy in Wh, power in W (var for reactive), current in A, voltage in V, Hz, Celsius, %. */
enum evse_measure {
    MEASURE_ENERGY_IMPORT, /* lifetime register; may be reset by the device: the station keeps it monotonic */
    MEASURE_ENERGY_EXPORT,
    MEASURE_POWER_IMPORT,
    MEASURE_POWER_IMPORT_L1,
    MEASURE_POWER_IMPORT_L2,
    MEASURE_POWER_IMPORT_L3,
    MEASURE_POWER_EXPORT,
    MEASURE_POWER_OFFERED,
    MEASURE_POWER_FACTOR,
    MEASURE_CURRENT_IMPORT,
    MEASURE_CURRENT_IMPORT_L1,
    MEASURE_CURRENT_IMPORT_L2,
    MEASURE_CURRENT_IMPORT_L3,
    MEASURE_CURRENT_OFFERED,
    MEASURE_VOLTAGE,
    MEASURE_VOLTAGE_L1,
    MEASURE_VOLTAGE_L2,
    MEASURE_VOLTAGE_L3,
    MEASURE_FREQUENCY,
    MEASURE_TEMPERATURE,
    MEASURE_SOC,
    MEASURE_CABLE_MAX_CURRENT, /* what the plugged cable bears */
    MEASURES
};
extern const char
    *const evse_measure_names[MEASURES]; /* "energy_import", "power_import_l1", ... as in profiles */

#define ID_TOKEN_SIZE 37 /* OCPP identifierString[36] */

struct id_token {
    char value[ID_TOKEN_SIZE];
    char type[21]; /* IdTokenEnumType: "ISO14443", "Central", ... */
};

/* The parking bay before an EVSE, where something looks at it. */
enum evse_bay { BAY_UNKNOWN, BAY_FREE, BAY_OCCUPIED };

/* The signals of one EVSE at one moment. */
struct evse_signals {
    enum evse_state state;
    bool online;       /* the device answers */
    bool locked;       /* cable lock, where the profile says so (lock_state) */
    bool lock_failed;  /* the lock does not hold the plug, where the profile says so (lock_failure) */
    enum evse_bay bay; /* where the profile says so (parking_bay) */
    uint32_t measures; /* bit per enum evse_measure that has a good value now */
    double value[MEASURES];
    char fault[51]; /* short code of the fault for StatusNotification's errorCode/techCode, or "" */
};

static inline bool evse_has(const struct evse_signals *s, enum evse_measure m)
{
    return s->measures >> m & 1;
}

/* ---- a device's own points in the device model ---- */

enum device_variable_type {
    DEVICE_DECIMAL,
    DEVICE_INTEGER,
    DEVICE_BOOLEAN,
    DEVICE_STRING,
    DEVICE_VARIABLE_TYPES
};
extern const char *const device_variable_type_names[DEVICE_VARIABLE_TYPES + 1]; /* NULL-terminated */

/* MonitorEnumType */
enum device_monitor_type {
    MONITOR_UPPER_THRESHOLD,
    MONITOR_LOWER_THRESHOLD,
    MONITOR_DELTA,
    MONITOR_PERIODIC,
    MONITOR_PERIODIC_CLOCK_ALIGNED,
    DEVICE_MONITOR_TYPES
};
extern const char *const device_monitor_type_names[DEVICE_MONITOR_TYPES + 1]; /* NULL-terminated */

/* A monitor that a variable has from the start (MonitoringBase FactoryDefault). */
struct device_monitor {
    enum device_monitor_type type;
    double value;       /* the threshold, the difference, or seconds */
    int severity;       /* 0 (danger) .. 9 (debug) */
    bool is_hard_wired; /* the CSMS can neither change nor clear it */
};

#define DEVICE_MONITORS_MAX 4 /* of a variable */
#define DEVICE_NAME_SIZE    51

/* A component's variable that a profile declares, read-only. Instances and unit may be "". */
struct device_variable {
    char component[DEVICE_NAME_SIZE], component_instance[DEVICE_NAME_SIZE];
    char variable[DEVICE_NAME_SIZE], instance[DEVICE_NAME_SIZE], unit[17];
    enum device_variable_type type;
    double min, max; /* both 0: none; of a string: max is its length */
    struct device_monitor monitors[DEVICE_MONITORS_MAX];
    size_t monitor_count;
};

/* Its value now. */
struct device_value {
    double number;    /* boolean: 0 or 1 */
    const char *text; /* of DEVICE_STRING */
};

/* How it goes with the device behind an EVSE and the way to it, since the gateway started. */
struct device_health {
    bool online;
    uint64_t requests, answers, timeouts, exceptions, bad_frames;
    uint64_t losses;        /* how often it fell silent */
    int64_t last_answer_ms; /* monotonic; 0: it never answered */
};

/* What the profile offers for one EVSE: from it follow device model and answers of the station. */
struct evse_abilities {
    uint32_t measures; /* bit per measure that the profile names */
    bool reads_id_token, start_stop, limit, unlock, lock_state, lock_failure, reset, parking_bay;
    int phases;                          /* 1 or 3 (of the connector) */
    bool switches_phases;                /* of three it uses one if it is told so with the limit */
    double min_current_A, max_current_A; /* bounds of `limit` and of the connector */
    double voltage_V;                    /* nominal, phase to neutral */
    bool supports_pause;                 /* a limit below the minimum pauses */
    int connectors;                      /* 1.. */
    char id_token_type[21];              /* IdTokenEnumType of what the reader gives */
    char connector_type[21]; /* "sType2", "cType2", "cCCS2", "cG105" ... (ConnectorEnumStringType) */
    bool can_fault;          /* the profile tells when the device is faulted */
    bool display;            /* it has a display, or at least a lamp, for messages */
    int display_length;      /* what its text holds at a time; 0: it shows no text */
    bool display_in_bytes;   /* ... in bytes of UTF-8; else in characters, of the Basic Multilingual Plane */
    bool display_utf8;       /* ... and not only ASCII */
    const struct device_variable *variables; /* the profile's, which outlives the station */
    size_t variable_count;
};

/* MessagePriorityEnumType, in rising order; below it, nothing is shown. */
enum display_priority {
    DISPLAY_NOTHING,
    DISPLAY_NORMAL_CYCLE,
    DISPLAY_IN_FRONT,
    DISPLAY_ALWAYS_FRONT,
    DISPLAY_PRIORITIES
};

/* What stands on the display of an EVSE from now on. */
struct evse_display {
    const char *text; /* fits; "": nothing of ours */
    enum display_priority priority;
};

enum evse_command_kind {
    EVSE_START,  /* allow energy; also resumes */
    EVSE_STOP,   /* no energy */
    EVSE_LIMIT,  /* at most limit_A per phase */
    EVSE_UNLOCK, /* release the cable */
    EVSE_RESET,  /* restart the device */
    EVSE_COMMANDS
};
extern const char *const evse_command_names[EVSE_COMMANDS];

struct evse_command {
    enum evse_command_kind kind;
    double limit_A;  /* EVSE_LIMIT: per phase, >= 0; the charger never sets more */
    int phases;      /* EVSE_LIMIT: to be used, 1 or 3, where the device switches; 0: all it has */
    uint32_t ticket; /* comes back with the result */
};

#endif
