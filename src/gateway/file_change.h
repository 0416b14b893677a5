/* One file of the site (the configuration, a profile) is replaced or removed, and the running gateway follows; or all stays as it was.
 *
 *     pool: is it still what the caller saw? -> FILE.bak -> new text in its place, on the disk -> config_load
 *     loop: gateway_put_into_force; refused: pool: the old text back
 *
 * One at a time, since a reload reads all files. */
#ifndef GATEWAY_FILE_CHANGE_H
#define GATEWAY_FILE_CHANGE_H

#include <stdbool.h>

#include "base/problems.h"

#define FILE_ETAG_SIZE 65
#define FILE_STALE                                                                                           \
    "was changed meanwhile by someone else; read it again, and make the change anew" /* -ESTALE */

struct gateway;

/* The hash of a text by which a caller says which one it knows; "" without memory. */
void file_etag(const char *text, char ret[FILE_ETAG_SIZE]);

struct file_change_request {
    const char *path;
    const char *text; /* NULL: the file is removed */
    const char *etag; /* of what has to be there; "": nothing may be there; NULL: anything, or nothing */
    unsigned mode;    /* of a new file; one that is there keeps its own */
    bool keep_old;    /* as FILE.bak */
    bool reload;
};
/* 0; -ESTALE: the file is not what `etag` says; -EINVAL: refused by the reload, see problems; or why the file cannot be written, with a
 * problem as well. Problems are borrowed. */
typedef void (*file_changed)(void *ctx, int err, const struct problems *problems);

/* Copies the request. 0: the callback will come, never from inside; -EBUSY: another change is under way; -ENOMEM, or -errno of the pool. */
int file_change_start(struct gateway *gateway, const struct file_change_request *request,
                      file_changed callback, void *ctx);
/* No callback comes any more; a change under way is taken back. */
void file_change_forget(struct gateway *gateway);

#endif
