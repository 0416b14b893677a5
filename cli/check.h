/* `ocpp-cli check`: configurations and device profiles, without a daemon. */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "command.h"

int run_check(const struct cli *cli, int argc, char **argv);

#endif
