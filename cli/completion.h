/* `ocpp-cli completion`: scripts for shells, and the words that those ask for. As cli_command.run. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include "command.h"

/* completion bash|zsh|fish; completion words -- WORD ...: what the last of these words may become, one a line, a tab and its meaning behind it. */
int run_completion(const struct cli *cli, int argc, char **argv);
/* man: the manual page ocpp-cli(1), from the table of commands. */
int run_man(const struct cli *cli, int argc, char **argv);

#endif
