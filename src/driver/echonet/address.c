#include "driver/echonet/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/str.h"

static const uint8_t v4_prefix[12] = { [10] = 0xFF, [11] = 0xFF };

struct echonet_address echonet_address_v4(uint32_t ip)
{
    struct echonet_address a = {
        .ip = { [12] = (uint8_t)(ip >> 24), (uint8_t)(ip >> 16), (uint8_t)(ip >> 8), (uint8_t)ip }
    };
    memcpy(a.ip, v4_prefix, sizeof(v4_prefix));
    return a;
}

bool echonet_address_is_v4(const struct echonet_address *address)
{
    return memcmp(address->ip, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool echonet_address_is_link_local(const struct echonet_address *address)
{
    return address->ip[0] == 0xFE && (address->ip[1] & 0xC0) == 0x80;
}

int echonet_address_parse(const char *text, struct echonet_address *ret)
{
    char literal[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "%");
    *ret = (struct echonet_address){ 0 };
    if (inet_pton(AF_INET, text, ret->ip + sizeof(v4_prefix)) == 1) {
        memcpy(ret->ip, v4_prefix, sizeof(v4_prefix));
        return 0;
    }
    if (len >= sizeof(literal))
        return -EINVAL;
    memcpy(literal, text, len);
    literal[len] = '\0';
    if (inet_pton(AF_INET6, literal, ret->ip) != 1)
        return -EINVAL;
    if (!text[len])
        return 0;
    int64_t index = 0;
    const char *interface = text + len + 1;
    if (!echonet_address_is_link_local(ret) || !interface[0] || strlen(interface) >= IF_NAMESIZE)
        return -EINVAL;
    if (str_to_int(interface, 1, INT32_MAX, &index) < 0)
        index = if_nametoindex(interface);
    ret->scope = (uint32_t)index;
    return 0;
}

void echonet_address_format(const struct echonet_address *address, char ret[static ECHONET_ADDRESS_TEXT])
{
    if (echonet_address_is_v4(address)) {
        (void)inet_ntop(AF_INET, address->ip + sizeof(v4_prefix), ret, ECHONET_ADDRESS_TEXT);
        return;
    }
    (void)inet_ntop(AF_INET6, address->ip, ret, ECHONET_ADDRESS_TEXT);
    if (!address->scope)
        return;
    size_t len = strlen(ret);
    char name[IF_NAMESIZE];
    if (if_indextoname(address->scope, name))
        (void)snprintf(ret + len, ECHONET_ADDRESS_TEXT - len, "%%%s", name);
    else
        (void)snprintf(ret + len, ECHONET_ADDRESS_TEXT - len, "%%%u", address->scope);
}

void echonet_address_from_socket(const struct sockaddr *from, struct echonet_address *ret)
{
    if (from->sa_family == AF_INET) {
        *ret = echonet_address_v4(ntohl(((const struct sockaddr_in *)from)->sin_addr.s_addr));
        return;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
    *ret = (struct echonet_address){ 0 };
    memcpy(ret->ip, &v6->sin6_addr, sizeof(ret->ip));
    if (echonet_address_is_link_local(ret))
        ret->scope = v6->sin6_scope_id;
}

void echonet_address_to_socket(const struct echonet_address *address, uint16_t port,
                               struct sockaddr_storage *ret)
{
    *ret = (struct sockaddr_storage){ 0 };
    if (echonet_address_is_v4(address)) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        memcpy(&v4->sin_addr, address->ip + sizeof(v4_prefix), 4);
        return;
    }
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    v6->sin6_scope_id = address->scope;
    memcpy(&v6->sin6_addr, address->ip, sizeof(address->ip));
}
