/* Commands that put one question to the daemon, or follow what it tells. As cli_command.run. */
#ifndef CLI_DAEMON_H
#define CLI_DAEMON_H

#include "command.h"

int run_status(const struct cli *cli, int argc, char **argv);
int run_watch(const struct cli *cli, int argc, char **argv);
int run_log(const struct cli *cli, int argc, char **argv);
int run_send(const struct cli *cli, int argc, char **argv);
int run_limit(const struct cli *cli, int argc, char **argv);
int run_reload(const struct cli *cli, int argc, char **argv);

extern const struct cli_option limit_options[];

#endif
