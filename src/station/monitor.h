/* One monitor of a variable (N04): what it watches, and when it has something to tell (N07, N08). */
#ifndef STATION_MONITOR_H
#define STATION_MONITOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/evse.h"
#include "station/variable_table.h"

#define SEVERITY_MAX 9 /* 0 danger .. 9 debug */

/* EventNotificationEnumType */
enum monitor_kind { MONITOR_HARD_WIRED, MONITOR_PRECONFIGURED, MONITOR_CUSTOM, MONITOR_KINDS };
extern const char *const monitor_kind_names[MONITOR_KINDS];

struct monitor {
    struct variable_place place;         /* of the variable, with its row */
    const struct device_monitor *preset; /* what it is from the beginning; NULL: the CSMS made it */
    double value;                        /* the threshold, the difference, or seconds */
    int id;
    int severity;
    enum device_monitor_type type;
    enum monitor_kind kind;
    bool transaction; /* it watches while there is one */
    bool is_cleared;  /* a preset that the CSMS does not want */

    bool is_exceeded;   /* a threshold: told, and not yet told to be over */
    bool has_reference; /* Delta: what the value is compared with */
    double reference;
    uint64_t reference_hash; /* ..., where it is no number */
    int64_t due_ms;          /* Periodic: monotonic; PeriodicClockAligned: wall clock; 0: not begun */
};

/* The value of a variable as monitors see it. */
struct monitor_reading {
    bool is_known; /* false: there is none now */
    double number; /* of decimal, integer, dateTime (in seconds) */
    uint64_t hash; /* of all others */
};

enum monitor_outcome { MONITOR_QUIET, MONITOR_TRIGGERED, MONITOR_IS_OVER };

/* Reads a SetMonitoringDataType; `ret` becomes a custom monitor of its id (0: a new one) that has seen nothing yet. NULL, or the
 * SetMonitoringStatus why it cannot be; then *ret_reason is a reason code or NULL. */
const char *monitor_read(const struct station *s, const json_t *data, struct monitor *ret,
                         const char **ret_reason);
/* Whether both watch the same variable in the same place. */
bool monitor_is_on(const struct monitor *m, const struct variable_place *place);
/* VariableMonitoringType; new reference, or NULL. */
json_t *monitor_json(const struct monitor *m);

/* Back to what it was from the beginning. */
void monitor_reset(struct monitor *m);
/* It forgets what it has seen. */
void monitor_forget(struct monitor *m);

/* The value as it is now, and as text; of what is WriteOnly the text is "" and the reading that of what is hidden. */
struct monitor_reading monitor_reading(const struct monitor *m, char ret_text[static VARIABLE_VALUE_SIZE]);
/* Whether there is something to tell of this value; then it is taken as told. */
enum monitor_outcome monitor_evaluate(struct monitor *m, const struct monitor_reading *now, int64_t now_ms,
                                      int64_t wall_ms);

#endif
