/* The simulator: its loop, its chargers and the lines they share. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "base/problems.h"
#include "sim/charger.h"
#include "sim/port.h"

struct shared_line { /* a pty or serial port, by path */
    struct list link;
    char path[256];
    struct rtu_line *line;
};

struct sim {
    struct loop loop;
    struct list chargers, lines;
    double speed;
    bool quiet; /* writes and changes are not printed */
    int exit_code;
};

struct charger *sim_find(const struct sim *sim, const char *name);

/* Adds a charger told as "name=tcp1,map=ac22,listen=127.0.0.1:15021", with its line. What is wrong is appended to
 * `problems`. 0 or -EINVAL. */
int sim_add_charger(struct sim *sim, const char *text, struct problems *problems);
/* Adds many: "ac22,127.1.0.1:5020,1000" listens on 127.1.0.1, 127.1.0.2 and so on. */
int sim_add_fleet(struct sim *sim, const char *text, struct problems *problems);
void sim_free_chargers(struct sim *sim);

#endif
