/* Commands that change the site: stations, connections, profiles, certificates, gateway.yaml; users and tokens. As cli_command.run. */
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include "command.h"

int run_station_entry(const struct cli *cli, int argc, char **argv);
int run_station_add(const struct cli *cli, int argc, char **argv);
int run_station_replace(const struct cli *cli, int argc, char **argv);
int run_station_remove(const struct cli *cli, int argc, char **argv);
int run_csms_add(const struct cli *cli, int argc, char **argv);
int run_csms_remove(const struct cli *cli, int argc, char **argv);
int run_certificates_set(const struct cli *cli, int argc, char **argv);

int run_profiles_show(const struct cli *cli, int argc, char **argv);
int run_profiles_check(const struct cli *cli, int argc, char **argv);
int run_profiles_put(const struct cli *cli, int argc, char **argv);
int run_profiles_remove(const struct cli *cli, int argc, char **argv);

int run_config_show(const struct cli *cli, int argc, char **argv);
int run_config_check(const struct cli *cli, int argc, char **argv);
int run_config_diff(const struct cli *cli, int argc, char **argv);
int run_config_put(const struct cli *cli, int argc, char **argv);

int run_users_add(const struct cli *cli, int argc, char **argv);
int run_users_role(const struct cli *cli, int argc, char **argv);
int run_users_password(const struct cli *cli, int argc, char **argv);
int run_users_remove(const struct cli *cli, int argc, char **argv);
int run_tokens_add(const struct cli *cli, int argc, char **argv);
int run_tokens_remove(const struct cli *cli, int argc, char **argv);

extern const struct cli_option station_remove_options[], csms_add_options[], config_put_options[],
    profiles_put_options[], tokens_add_options[];

#endif
