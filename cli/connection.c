/* A blocking client of the control socket. */
#include "connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"

int connection_open(struct connection *connection, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    *connection = (struct connection){ 0 };
    if (str_copy(address.sun_path, sizeof(address.sun_path), path) < 0) {
        (void)fprintf(stderr, "ocpp-cli: the path of the socket is too long: %s\n", path);
        return -ENAMETOOLONG;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        int err = -errno;
        (void)fprintf(stderr, "ocpp-cli: no gateway answers at %s: %s%s\n", path, strerror(-err),
                      err == -EACCES ? " (are you in the gateway's group?)" : "");
        if (fd >= 0)
            (void)close(fd);
        return err;
    }
    connection->stream = fdopen(fd, "r+");
    if (connection->stream)
        return 0;
    (void)close(fd);
    return -ENOMEM;
}

void connection_close(struct connection *connection)
{
    if (connection->stream)
        (void)fclose(connection->stream);
    free(connection->line);
    *connection = (struct connection){ 0 };
}

int connection_send(struct connection *connection, json_t *request)
{
    AUTO_FREE char *text = request ? json_to_text(request) : NULL;
    json_decref(request);
    if (!text || fprintf(connection->stream, "%s\n", text) < 0 || fflush(connection->stream) != 0)
        return -EIO;
    return 0;
}

json_t *connection_receive(struct connection *connection)
{
    ssize_t len = getline(&connection->line, &connection->size, connection->stream);
    return len > 0 ? json_from_text(connection->line, (size_t)len) : NULL;
}
