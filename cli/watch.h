/* `ocpp-cli watch STATION`: the points and signals of a station's chargers, live. */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "command.h"

/* On a terminal a table that is drawn anew, with what changed highlighted for a while; else a line for each change. The exit code. */
int watch_station(const struct cli *cli, const char *station);

#endif
