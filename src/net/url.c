#include "net/url.h"

#include <ctype.h>

#include "base/err.h"
#include "base/str.h"

static const char *after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncasecmp(text, prefix, len) == 0 ? text + len : NULL;
}

/* Copies `len` bytes as a string. */
static int copy(char *ret, size_t size, const char *from, size_t len)
{
    if (len >= size)
        return -EINVAL;
    memcpy(ret, from, len);
    ret[len] = '\0';
    return 0;
}

static int parse_host(const char **at, struct url *ret, const char **ret_problem)
{
    bool brackets = **at == '[';
    const char *start = *at + brackets;
    size_t len = strcspn(start, brackets ? "]" : ":/");
    *ret_problem = "the host is missing or too long";
    if (len == 0 || copy(ret->host, sizeof(ret->host), start, len) < 0)
        return -EINVAL;
    *at = start + len;
    *ret_problem = "an IPv6 address stands in brackets: wss://[2001:db8::1]/path";
    if (brackets && *(*at)++ != ']')
        return -EINVAL;
    return 0;
}

static int parse_port(const char **at, struct url *ret, const char **ret_problem)
{
    if (**at != ':')
        return 0;
    size_t len = strcspn(++*at, "/");
    char digits[6];
    int64_t port;
    *ret_problem = "the port must be 1 to 65535";
    if (copy(digits, sizeof(digits), *at, len) < 0 || !isdigit((unsigned char)digits[0]) ||
        str_to_int(digits, 1, 65535, &port) < 0)
        return -EINVAL;
    ret->port = (uint16_t)port;
    *at += len;
    return 0;
}

int url_parse(const char *text, struct url *ret, const char **ret_problem)
{
    struct url url = { 0 };
    const char *plain = after(text, "ws://");
    const char *at = plain ? plain : after(text, "wss://");
    *ret_problem = "it must begin with ws:// or wss://";
    if (!at)
        return -EINVAL;
    url.tls = !plain;
    url.port = url.tls ? 443 : 80;

    *ret_problem = "user, query, fragment, blanks and control characters have no place in it";
    for (const char *c = at; *c; c++)
        if (strchr("@?#\"<>\\^`{|}", *c) || *c <= ' ' || *c >= 0x7f)
            return -EINVAL;
    if (parse_host(&at, &url, ret_problem) < 0 || parse_port(&at, &url, ret_problem) < 0)
        return -EINVAL;

    size_t len = strlen(at);
    while (len && at[len - 1] == '/')
        len--;
    *ret_problem = "the path is too long";
    if (len >= sizeof(url.path))
        return -EINVAL;
    *ret_problem = "after the host comes :port or /path";
    if (len && *at != '/')
        return -EINVAL;
    (void)copy(url.path, sizeof(url.path), at, len);
    *ret = url;
    return 0;
}

void url_host_header(const struct url *url, struct buf *ret)
{
    bool v6 = strchr(url->host, ':') != NULL;
    buf_printf(ret, v6 ? "[%s]" : "%s", url->host);
    if (url->port != (url->tls ? 443 : 80))
        buf_printf(ret, ":%u", url->port);
}

void url_append_segment(struct buf *ret, const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c < 0x80 && (isalnum(*c) || strchr("-._~", *c)))
            buf_u8(ret, *c);
        else
            buf_printf(ret, "%%%02X", *c);
    }
}
