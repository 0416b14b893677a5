/* Files over http, https, ftp, ftps and sftp: firmware comes, logs go. Each runs by libcurl in a thread of its own, since libcurl waits
 * for name servers and for the goodbyes of ftp and sftp servers even in its multi interface; nothing here blocks the loop. At most
 * TRANSFERS_AT_ONCE run, others wait for their turn.
 *
 * Redirects are followed a few times, to http and https only, never from https to http. No proxy and no .netrc of the environment
 * counts. An sftp server's key is logged and taken, or must stand in the known_hosts file if one is set. */
#ifndef NET_TRANSFER_H
#define NET_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "net/loop.h"

struct transfers; /* one a process */
struct transfer;

#define TRANSFERS_AT_ONCE 4
#define TRANSFER_URL_MAX  512

/* 0 or -ENOMEM. */
int transfers_new(struct loop *loop, struct transfers **ret);
/* Every transfer must have been freed. Waits for the threads of those that were broken off. NULL is fine. */
void transfers_free(struct transfers *transfers);
DEFINE_AUTO(transfers, transfers_free)
/* From now on an sftp server's key must stand in this file (OpenSSH's format); NULL: every key is taken, and logged. 0 or -ENOMEM. */
int transfers_set_known_hosts(struct transfers *transfers, const char *path);

#define TRANSFER_PROTOCOLS "FTP,FTPS,HTTP,HTTPS,SFTP" /* FileTransferProtocols */

/* Whether the URL is one that can be tried: a known scheme, a host, no control characters, at most 512 bytes. */
bool transfer_url_is_valid(const char *url);

struct transfer_settings {
    const char *url;  /* user and password may be in it; never logged */
    const char *path; /* the file to write (made 0600, replaced; on disk when the end is told) or to read */
    bool
        is_upload; /* a URL that ends in '/' gets `name` appended; http(s): PUT, or where the server does not know
                                   that (405, 501) POST of a form to the URL as it is */
    const char *name;        /* of the file at the server, for uploads */
    const char *ca_pem;      /* trusted roots for https/ftps besides the system's; NULL: the system's only */
    int64_t max_bytes;       /* a longer download is broken off */
    int64_t idle_timeout_ms; /* without a byte for so long: broken off */
};

struct transfer_end {
    int err; /* 0, -ECONNREFUSED, -EACCES (login), -ENOENT, -ETIMEDOUT, -EFBIG, -ENOSPC, -EKEYREJECTED (certificate or host
                         key), -ECONNRESET (cut off), -EHOSTUNREACH (name), -EIO ...;
                         -EOPNOTSUPP (405, 501) and -EBADMSG (400): what the server says of our request */
    const char *text; /* for logs: no secrets; borrowed for the callback */
    int64_t bytes;
};
/* Once, never from inside transfer_start(). The transfer is then the owner's to free. */
typedef void (*transfer_ended)(void *ctx, const struct transfer_end *end);

/* Settings are copied. 0, -EINVAL (URL), -errno of the file, -ENOMEM. */
int transfer_start(struct transfers *transfers, const struct transfer_settings *settings,
                   transfer_ended ended, void *ctx, struct transfer **ret);
/* Breaks it off if it runs; no callback after. NULL is fine. A download that did not end well is removed. */
void transfer_free(struct transfer *transfer);
DEFINE_AUTO(transfer, transfer_free)

#endif
