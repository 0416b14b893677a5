/* Where command lines come from: the control socket, and the terminal the simulator was started in. */
#ifndef SIM_SESSION_H
#define SIM_SESSION_H

#include "sim/command.h"

struct control;

/* Listens on a Unix socket at `path` (an old one nobody answers on is replaced). 0 or -errno. */
int control_new(struct sim *sim, const char *path, struct control **ret);
/* Reads standard input, with a prompt. 0 or -errno. */
int control_add_terminal(struct control *control);
/* Closes everything; NULL is fine. */
void control_free(struct control *control);

#endif
