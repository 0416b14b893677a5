/* A Unix socket to be spoken to on: for those of this machine who are in the process's group. */
#ifndef NET_LOCAL_H
#define NET_LOCAL_H

#include <uv.h>

/* Binds the initialised pipe to `path` (mode 0660) and listens; its directory is made if only that is missing. A socket no one
 * listens on is replaced; uv_close() removes ours. 0, -EADDRINUSE (someone listens), -EEXIST (it is no socket), -ENAMETOOLONG,
 * -errno. */
int local_listen(uv_pipe_t *pipe, const char *path, uv_connection_cb on_connection);

#endif
