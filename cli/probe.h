/* `ocpp-cli probe`: reads or writes one register, property or point, by hand. */
#ifndef CLI_PROBE_H
#define CLI_PROBE_H

#include "command.h"

int run_probe(const struct cli *cli, int argc, char **argv);
extern const struct cli_option probe_options[];

#endif
