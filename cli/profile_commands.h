/* `ocpp-cli profile ...`: what the engineer who adds a charger model works with; all without a daemon. As cli_command.run. */
#ifndef CLI_PROFILE_COMMANDS_H
#define CLI_PROFILE_COMMANDS_H

#include "base/problems.h"
#include "command.h"

int run_profile_new(const struct cli *cli, int argc, char **argv);
int run_profile_check(const struct cli *cli, int argc, char **argv);
int run_profile_test(const struct cli *cli, int argc, char **argv);
int run_profile_diff(const struct cli *cli, int argc, char **argv);
int run_profile_list(const struct cli *cli, int argc, char **argv);

extern const struct cli_option profile_new_options[], profile_options[];

/* The directories to look in: --profiles, which is the first of profile_options, or the usual ones. */
const char *profile_directories(const struct cli *cli);
/* Prints them on stderr, a line each. */
void print_problems(const struct problems *problems);

#endif
