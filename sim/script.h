/* Scenarios: a file of command lines with times between them.
 *
 *   # a short night
 *   at 2s plug tcp1 soc=20        waits until 2 s after the script's start, then does it
 *   wait tcp1 state=charging 10s  ends the script with an error if that does not come
 *   sleep 3s
 *   print the car is full
 */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include "base/problems.h"
#include "sim/command.h"

struct script;

/* Takes the file's text apart (`name` for messages); every line is looked at before anything runs. 0, -EINVAL (see
 * problems), -ENOMEM. */
int script_new(struct sim *sim, const char *name, const char *text, struct problems *problems,
               struct script **ret);
void script_free(struct script *script);
/* Tells the end: 0, or -EINVAL after a command failed (which was printed). Never from inside script_start(). */
void script_start(struct script *script, void (*done)(void *ctx, int err), void *ctx);

#endif
