/* `ocpp-cli scan`: what is on a line, behind an address, in a network. As cli_command.run. */
#ifndef CLI_SCAN_H
#define CLI_SCAN_H

#include "command.h"

int run_scan_modbus(const struct cli *cli, int argc, char **argv);
int run_scan_echonet(const struct cli *cli, int argc, char **argv);

int run_trial(const struct cli *cli, int argc, char **argv);

extern const struct cli_option scan_modbus_options[], scan_echonet_options[], trial_options[];

/* `scan ... --gateway`: the gateway looks, over its own connection or node where it has one there. `request` as of the API's POST /scans, taken. `print` shows
 * one that was found. The exit code. */
int scan_by_gateway(const struct cli *cli, json_t *request, void (*print)(const json_t *found));
#define SCAN_GATEWAY_HELP "the gateway looks, also where it has a connection already"

/* ---- how a scan tells what it finds ---- */

#define SCAN_LINES_HELP "what is found, as it is found: one JSON object a line"

/* For people: text, printed by who found it, and what is amiss on stderr. With --json one list at the end. With --lines an object a line, at once:
 * what was found, {"message"}: what is being done or should be known, or {"error"}: why it was not looked to the end. */
struct scan_output {
    bool is_text, is_lines;
    json_t *list; /* of --json */
    size_t found;
};

void scan_output_init(struct scan_output *output, const struct cli *cli, bool is_lines);
/* Takes the reference. */
void scan_tell_found(struct scan_output *output, json_t *found);
/* What is being tried. */
void scan_tell_step(struct scan_output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What should be known. */
void scan_tell(struct scan_output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));
void scan_tell_error(struct scan_output *output, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Prints the list where there is one to print. */
void scan_output_done(struct scan_output *output, bool is_complete);

#endif
