/* The command line of the simulator, the same in a terminal, over the control socket and in a script.
 * One line in, one line of answer out: "ok", "error: what is wrong", or JSON. */
#ifndef SIM_COMMAND_H
#define SIM_COMMAND_H

#include "base/buf.h"
#include "sim/sim.h"

#define COMMAND_MAX_LINE 512
#define ANSWER_MAX       ((size_t)4 * 1024 * 1024)

/* A command that takes its time: `wait`. */
struct wait {
    struct sim *sim;
    struct timer timer;
    char name[CHARGER_NAME_SIZE];
    char condition[COMMAND_MAX_LINE]; /* key=value; also != >= <= > < */
    int64_t until_ms;
    void (*done)(void *ctx, int err); /* 0 or -ETIMEDOUT; never from inside wait_start() */
    void *ctx;
};

void wait_init(struct wait *wait, struct sim *sim, void (*done)(void *ctx, int err), void *ctx);
void wait_stop(struct wait *wait);

/* Carries out one line (changed while it is read) and appends the answer, without its newline. 0: done; -EINVAL: so the
 * answer says why; 1: `wait` runs and will tell. */
int command_run(struct sim *sim, char *line, struct wait *wait, struct buf *answer);
/* Looks whether command, charger and number of words are right. 0, or -EINVAL with the answer. */
int command_check(struct sim *sim, char *line, struct buf *answer);
/* All commands, with `between` two of them. */
void command_help(const char *between, struct buf *answer);

#endif
