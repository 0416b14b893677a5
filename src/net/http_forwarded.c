/* X-Forwarded-For: client, proxy, proxy ... Each proxy appends who it was asked by, so the end is the trustworthy side and is read first. */
#include "net/http_forwarded.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"

bool http_read_address(const char *text, char ret[static HTTP_PEER_SIZE])
{
    struct in6_addr v6;
    struct in_addr v4;
    if (inet_pton(AF_INET, text, &v4) == 1)
        return inet_ntop(AF_INET, &v4, ret, HTTP_PEER_SIZE) != NULL;
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return false;
    if (IN6_IS_ADDR_V4MAPPED(&v6))
        return inet_ntop(AF_INET, &v6.s6_addr[12], ret, HTTP_PEER_SIZE) != NULL;
    return inet_ntop(AF_INET6, &v6, ret, HTTP_PEER_SIZE) != NULL;
}

int http_proxies_add(struct http_proxies *proxies, const char *address)
{
    if (proxies->count == HTTP_MAX_PROXIES)
        return -E2BIG;
    if (!http_read_address(address, proxies->at[proxies->count]))
        return -EINVAL;
    proxies->count++;
    return 0;
}

static bool is_trusted(const struct http_proxies *proxies, const char *address)
{
    for (size_t i = 0; i < proxies->count; i++)
        if (str_equal(proxies->at[i], address))
            return true;
    return false;
}

static bool is_port(const char *text)
{
    int64_t port;
    return str_to_int(text, 0, UINT16_MAX, &port) == 0;
}

/* 192.0.2.1, 192.0.2.1:443, 2001:db8::1, [2001:db8::1], [2001:db8::1]:443 */
static bool read_entry(const char *entry, size_t len, char ret[static HTTP_PEER_SIZE])
{
    char text[HTTP_PEER_SIZE], *address = text;
    while (len > 0 && strchr(" \t", entry[len - 1]))
        len--;
    for (; len > 0 && strchr(" \t", *entry); len--)
        entry++;
    if (len >= sizeof(text))
        return false;
    memcpy(text, entry, len);
    text[len] = '\0';
    char *bracket = strchr(text, ']'), *colon = strchr(text, ':');
    bool has_one_colon = colon && !strchr(colon + 1, ':');
    if (*text == '[') {
        if (!bracket || (bracket[1] && (bracket[1] != ':' || !is_port(bracket + 2))))
            return false;
        *bracket = '\0';
        address++;
        return strchr(address, ':') && http_read_address(address, ret);
    }
    if (has_one_colon) {
        if (!is_port(colon + 1))
            return false;
        *colon = '\0';
    }
    return http_read_address(address, ret);
}

void http_client_address(const struct http_proxies *proxies, const char *peer, const char *forwarded,
                         char ret[static HTTP_PEER_SIZE])
{
    char address[HTTP_PEER_SIZE];
    (void)str_copy(ret, HTTP_PEER_SIZE, peer);
    if (!forwarded || !is_trusted(proxies, peer))
        return;
    for (size_t end = strlen(forwarded);;) {
        const char *comma = memrchr(forwarded, ',', end);
        size_t begin = comma ? (size_t)(comma - forwarded) + 1 : 0;
        if (!read_entry(forwarded + begin, end - begin, address))
            return;
        if (!is_trusted(proxies, address)) {
            (void)str_copy(ret, HTTP_PEER_SIZE, address);
            return;
        }
        if (begin == 0)
            return;
        end = begin - 1;
    }
}
