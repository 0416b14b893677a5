/* Where command lines come from: the control socket, and the terminal the simulator was started in. */
#ifndef SIM_SESSION_H
#define SIM_SESSION_H

#include "sim/command.h"

struct sessions;

/* Listens on a Unix socket at `path` (an old one nobody answers on is replaced). 0 or -errno. */
int sessions_new(struct sim *sim, const char *path, struct sessions **ret);
/* Reads standard input, with a prompt. 0 or -errno. */
int sessions_add_terminal(struct sessions *sessions);
/* Closes everything; NULL is fine. */
void sessions_free(struct sessions *sessions);

#endif
