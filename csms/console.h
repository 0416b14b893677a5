/* The CSMS's two mouths: a prompt on the terminal and a Unix socket. On the socket each line in is a command and each line out its
 * answer as JSON; on the terminal answers are shown for people, between the dialogue's lines. */
#ifndef CSMS_CONSOLE_H
#define CSMS_CONSOLE_H

#include <jansson.h>

#include "csms.h"

struct console;

/* socket_path may be NULL; `interactive`: read commands from stdin. 0 or -errno. */
int console_new(struct csms *csms, const char *socket_path, bool interactive, struct console **ret);
void console_free(struct console *console);
/* Answers who asked, once for each command (gone by now: nothing happens). Takes the reference. */
void console_answer(struct console *console, csms_origin origin, json_t *answer);
/* A line for the terminal. */
void console_print(struct console *console, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
