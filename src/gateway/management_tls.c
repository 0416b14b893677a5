/* Where the management server's certificate comes from (management_tls.h). */
#include "gateway/management_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "gateway/file.h"
#include "gateway/gateway.h"
#include "pki/key.h"
#include "pki/self_signed.h"

#define MAX_NAMES 16
#define NAME_SIZE 64

struct names {
    char texts[MAX_NAMES][NAME_SIZE];
    const char *list[MAX_NAMES];
    size_t count;
};

static void add_name(struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (str_equal(names->list[i], name))
            return;
    if (names->count == MAX_NAMES || !*name || str_copy(names->texts[names->count], NAME_SIZE, name) < 0)
        return;
    names->list[names->count] = names->texts[names->count];
    names->count++;
}

/* By all names and addresses that this host has now, people may come. */
static void collect_names(struct names *names)
{
    char host[NAME_SIZE] = "", text[INET6_ADDRSTRLEN];
    struct ifaddrs *list = NULL;
    (void)gethostname(host, sizeof(host) - 1);
    add_name(names, host);
    add_name(names, "localhost");
    (void)getifaddrs(&list);
    for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
        if (!at->ifa_addr)
            continue;
        const void *address = at->ifa_addr->sa_family == AF_INET
                                  ? &((struct sockaddr_in *)(void *)at->ifa_addr)->sin_addr
                              : at->ifa_addr->sa_family == AF_INET6
                                  ? (const void *)&((struct sockaddr_in6 *)(void *)at->ifa_addr)->sin6_addr
                                  : NULL;
        if (address && inet_ntop(at->ifa_addr->sa_family, address, text, sizeof(text)))
            add_name(names, text);
    }
    freeifaddrs(list);
}

static int path_of(const struct gateway *gateway, const char *name, char *ret, size_t size)
{
    int len = snprintf(ret, size, "%s/%s", gateway->config->general.state_directory, name);
    return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

static int keep(const struct management_tls *tls, const struct gateway *gateway)
{
    char cert[512], key[512];
    int r = path_of(gateway, "management.pem", cert, sizeof(cert));
    if (r == 0)
        r = path_of(gateway, "management.key", key, sizeof(key));
    if (r == 0)
        r = file_write(key, tls->key, NULL, 0600);
    return r < 0 ? r : file_write(cert, tls->cert, NULL, 0600);
}

static int make(struct management_tls *tls, const struct gateway *gateway)
{
    struct names names = { 0 };
    collect_names(&names);
    int r = self_signed_new(names.list, names.count, env_wall_ms(&gateway->loop.env), &tls->cert, &tls->key);
    if (r == 0)
        r = keep(tls, gateway);
    if (r == 0)
        log_info(LOG_GATEWAY, "a certificate was made for the management server: name=%s", names.list[0]);
    else
        log_error(LOG_GATEWAY, "no certificate could be made for the management server: error=\"%s\"",
                  err_text(r));
    return r;
}

/* What is kept from before; a certificate whose key is another's (a power cut between the two) is made anew. */
static int load_kept(struct management_tls *tls, const struct gateway *gateway)
{
    char cert[512], key[512];
    size_t len;
    if (path_of(gateway, "management.pem", cert, sizeof(cert)) < 0 ||
        path_of(gateway, "management.key", key, sizeof(key)) < 0)
        return -ENAMETOOLONG;
    int r = file_read(cert, CONFIG_MAX_BYTES, &tls->cert, &len);
    if (r == 0)
        r = file_read(key, CONFIG_MAX_BYTES, &tls->key, &len);
    if (r == 0)
        r = key_is_of(tls->key, tls->cert);
    return r;
}

int management_tls_load(struct management_tls *tls, const struct gateway *gateway)
{
    const struct management_config *config = &gateway->config->management;
    management_tls_done(tls);
    if (config->cert_pem) {
        tls->cert = strdup(config->cert_pem);
        tls->key = strdup(config->key_pem);
        return tls->cert && tls->key ? 0 : -ENOMEM;
    }
    if (load_kept(tls, gateway) == 0)
        return 0;
    management_tls_done(tls);
    return make(tls, gateway);
}

int management_tls_replace(struct management_tls *tls, const struct gateway *gateway, const char *cert,
                           const char *key)
{
    struct management_tls new = { strdup(cert), strdup(key) };
    int r = !new.cert || !new.key ? -ENOMEM : key_is_of(key, cert) < 0 ? -EINVAL : keep(&new, gateway);
    if (r < 0) {
        management_tls_done(&new);
        return r;
    }
    management_tls_done(tls);
    *tls = new;
    return 0;
}

void management_tls_done(struct management_tls *tls)
{
    free(tls->cert);
    key_text_free(tls->key);
    *tls = (struct management_tls){ 0 };
}
