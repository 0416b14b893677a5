/* Commands that show the site. As cli_command.run. */
#ifndef CLI_SITE_H
#define CLI_SITE_H

#include "command.h"

int run_overview(const struct cli *cli, int argc, char **argv);
int run_power(const struct cli *cli, int argc, char **argv);
int run_station_show(const struct cli *cli, int argc, char **argv);
int run_frames(const struct cli *cli, int argc, char **argv);
int run_whoami(const struct cli *cli, int argc, char **argv);

extern const struct cli_option power_options[];

#endif
