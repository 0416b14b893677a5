/* Listening on a Unix socket, without taking the place of another's socket or file. */
#include "net/local.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

#define BACKLOG 8

/* True if a process answers, or would had it the time (EAGAIN: its backlog is full). */
static bool is_answered(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    int r = connect(fd, (const struct sockaddr *)address, sizeof(*address));
    bool answered = r == 0 || errno == EAGAIN || errno == EINPROGRESS;
    (void)close(fd);
    return answered;
}

/* 0 if the path is free now, or -errno. */
static int clear_path(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct stat status;
    if (str_copy(address.sun_path, sizeof(address.sun_path), path) < 0)
        return -ENAMETOOLONG; /* libuv would cut it off */
    if (lstat(path, &status) < 0)
        return 0; /* free, or binding says why not */
    if (!S_ISSOCK(status.st_mode))
        return -EEXIST;
    if (is_answered(&address))
        return -EADDRINUSE;
    return unlink(path) < 0 ? -errno : 0;
}

static void make_directory(const char *path)
{
    AUTO_FREE char *directory = strdup(path);
    char *slash = directory ? strrchr(directory, '/') : NULL;
    if (!slash || slash == directory)
        return;
    *slash = '\0';
    (void)mkdir(directory, 0755); /* if it cannot be, binding says so */
}

int local_listen(uv_pipe_t *pipe, const char *path, uv_connection_cb on_connection)
{
    int r = clear_path(path);
    if (r < 0)
        return r;
    make_directory(path);
    mode_t old = umask(0117);
    r = uv_pipe_bind(pipe, path);
    (void)umask(old);
    return r < 0 ? r : uv_listen((uv_stream_t *)pipe, BACKLOG, on_connection);
}
