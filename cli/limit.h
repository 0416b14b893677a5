/* What `ocpp-cli limit` asks the gateway for. */
#ifndef CLI_LIMIT_H
#define CLI_LIMIT_H

#include <jansson.h>

struct limit_choice {
    const char *duration, *source; /* --for, --source; NULL: not given */
};

/* The request for STATION [EVSE] LIMIT (argv ends with NULL). A new reference; NULL (said why). */
json_t *limit_request_read(char **argv, const struct limit_choice *choice);

#endif
