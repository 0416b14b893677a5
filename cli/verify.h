/* `ocpp-cli verify STATION`: a guided acceptance test. It asks for a vehicle to be plugged in, starts, limits to 10 A, stops and lets it be unplugged,
 * and compares what the device really does with what its profile says. */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include "base/evse.h"
#include "command.h"
#include "connection.h"

int run_verify(const struct cli *cli, int argc, char **argv);
extern const struct cli_option verify_options[];

enum verdict { VERDICT_PASSED, VERDICT_FAILED, VERDICT_UNCLEAR, VERDICTS };
extern const char *const verdict_names[VERDICTS];

#define MAX_CHECKS  40
#define MAX_SAMPLES 4000

struct check {
    char name[80], wanted[120], seen[200];
    enum verdict verdict;
    double seconds; /* how long it took; < 0: does not matter */
};

struct sample {
    double seconds;                     /* since the beginning */
    double power_W, current_A, limit_A; /* NAN: not known, none */
};

/* One acceptance test while it runs. */
struct verification {
    const struct cli *cli;
    const char *station;
    int evse;
    int64_t hold_ms; /* how long a state is watched */
    struct event_stream watch;
    int interrupt_fd;
    json_t *offers;          /* what the profile says of the EVSE; NULL until it came */
    json_t *points, *writes; /* the last event of each, by name; all, in order */
    char profile[64], model[80], state[24];
    bool online, has_measured;
    double value[MEASURES];     /* NAN: none */
    double limit_A;             /* asked for; NAN: none */
    int64_t begun_ms, ended_ms; /* wall clock */
    int64_t origin_ms;          /* monotonic */
    struct check checks[MAX_CHECKS];
    size_t check_count;
    double took; /* how long what the next check is about took; < 0: does not matter */
    struct sample samples[MAX_SAMPLES];
    size_t sample_count;
    bool stopped; /* by the user, or the gateway went away */
};

/* ---- verify_watch.c ---- */

/* Begins to listen and takes the first picture. 0, or -errno (said why). */
int verify_listen(struct verification *v);
/* Listens until `is` holds (NULL: never), at most `ms`. Whether it does. */
bool verify_wait(struct verification *v, int64_t ms, bool (*is)(const struct verification *v));
int64_t verify_now_ms(void);
/* The highest current of a phase: measured, else from the power; NAN: not known. */
double verify_current_A(const struct verification *v);
/* Whether energy flows, by what is measured; by the state where nothing is. */
bool verify_flows(const struct verification *v);

/* ---- verify_report.c ---- */

enum verdict verify_result(const struct verification *v);
/* NAME.json and NAME.html. 0, or -errno (said why). */
int verify_report(const struct verification *v, const char *name);

#endif
