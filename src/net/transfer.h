/* Files over http, https, ftp, ftps and sftp, by libcurl's multi interface on the loop: firmware comes, logs go. One object a
 * transfer; none blocks the loop. */
#ifndef NET_TRANSFER_H
#define NET_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "net/loop.h"

struct transfers; /* one a process: the curl multi handle */
struct transfer;

/* 0 or -ENOMEM. */
int transfers_new(struct loop *loop, struct transfers **ret);
/* Every transfer must have been freed. NULL is fine. */
void transfers_free(struct transfers *transfers);

#define TRANSFER_PROTOCOLS "FTP,FTPS,HTTP,HTTPS,SFTP" /* FileTransferProtocols */

/* Whether the URL is one that can be tried: a known scheme, a host, no control characters, at most 512 bytes. */
bool transfer_url_is_valid(const char *url);

struct transfer_settings {
    const char *url;         /* user and password may be in it; never logged */
    const char *path;        /* the file to write (made 0600, replaced) or to read */
    bool is_upload;          /* http(s): PUT; a URL that ends in '/' gets `name` appended */
    const char *name;        /* of the file at the server, for uploads */
    const char *ca_pem;      /* trusted roots for https/ftps besides the system's; NULL: the system's only */
    int64_t max_bytes;       /* a longer download is broken off */
    int64_t idle_timeout_ms; /* without a byte for so long: broken off */
};

struct transfer_end {
    int err;          /* 0, -ECONNREFUSED, -EACCES (login), -ENOENT, -ETIMEDOUT, -EFBIG, -EIO ... */
    const char *text; /* for logs: no secrets; borrowed for the callback */
    int64_t bytes;
};
/* Once, never from inside transfer_start(). The transfer is then the owner's to free. */
typedef void (*transfer_ended)(void *ctx, const struct transfer_end *end);

/* Settings are copied. 0, -EINVAL (URL), -errno of the file, -ENOMEM. */
int transfer_start(struct transfers *transfers, const struct transfer_settings *settings,
                   transfer_ended ended, void *ctx, struct transfer **ret);
/* Breaks it off if it runs; no callback after. NULL is fine. A half-written download is removed. */
void transfer_free(struct transfer *transfer);

#endif
