/* Block A: security events. Critical ones are stored until the CSMS has answered them (A04.FR.02). */
#ifndef STATION_SECURITY_H
#define STATION_SECURITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct station;

#define SECURITY_EVENTS_MAX 100 /* not yet answered; beyond it new ones are only logged */
#define SECURITY_LOG_MAX    1000

struct security {
    struct list events; /* of struct security_event (security.c) */
    int count;
    int64_t next_number;
    bool storage_is_full;
    struct list unsure_lines; /* of the log, written before the clock was set */
    int64_t log_next;         /* number of the next entry in the security log; 0: there is none yet */
};

void security_init(struct station *s);
void security_done(struct station *s);
/* RECORD_STATE "security_event/<number>". */
void security_restore(struct station *s, const char *key, const char *value);
/* All is restored: queues what was not answered, and the event of this start. */
void security_start(struct station *s);
/* The time is known for the first time since the start; what this start saw happened so much later than was thought. */
void security_on_clock_set(struct station *s, int64_t step_ms);
/* The CSMS has answered a heartbeat, or accepted us: what it did not answer is sent once more. */
void security_on_heartbeat(struct station *s);

/* The security log, security_log.c: RECORD_SECURITY_LOG, key a number, value a line of text. */
void security_log_add(struct station *s, const char *type, const char *tech_info, bool is_critical);
/* As security_on_clock_set(), and the end: step_ms 0 only forgets what waited for it. */
void security_log_on_clock_set(struct station *s, int64_t step_ms);
bool security_log_is_empty(const struct station *s);
void security_log_restore(struct station *s, const char *key);

#endif
