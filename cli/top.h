/* `ocpp-cli top`: all chargers, live. As cli_command.run. */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include "command.h"

int run_top(const struct cli *cli, int argc, char **argv);

extern const struct cli_option top_options[];

#endif
