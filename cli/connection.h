/* The daemon's control socket, seen from ocpp-cli: one JSON object a line, both ways (src/gateway/control.h). */
#ifndef CLI_CONNECTION_H
#define CLI_CONNECTION_H

#include <jansson.h>
#include <stdio.h>

struct connection {
    FILE *stream;
    char *line;
    size_t size;
};

/* 0 or -errno; says what is wrong on stderr. */
int connection_open(struct connection *connection, const char *path);
void connection_close(struct connection *connection);
/* Takes the reference to `request`. 0 or -EIO. */
int connection_send(struct connection *connection, json_t *request);
/* The next answer: new reference, or NULL at the end. */
json_t *connection_receive(struct connection *connection);

#endif
