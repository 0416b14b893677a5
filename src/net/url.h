/* URLs of CSMSs: ws[s]://host[:port][/path]. Pure. */
#ifndef NET_URL_H
#define NET_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct url {
    bool tls;
    char host[254]; /* name or literal address, without brackets */
    uint16_t port;
    char path[512]; /* "" or "/..." without a slash at its end */
};

/* 0, or -EINVAL with a reason. User, query and fragment are refused; the path must be percent-encoded already. */
int url_parse(const char *text, struct url *ret, const char **ret_problem);
/* The value of the Host header: brackets round IPv6, port unless it is the scheme's. */
void url_host_header(const struct url *url, struct buf *ret);
/* Appends `text` as one path segment, percent-encoded (RFC 3986, 2.3). */
void url_append_segment(struct buf *ret, const char *text);

#endif
