/* getaddrinfo() in libuv's thread pool. A cancelled request lives on until libuv gives it back. */
#include "net/resolve.h"

#include <netdb.h>

#include "base/cleanup.h"

struct resolve {
    uv_getaddrinfo_t request;
    struct timer timer; /* answers for literals, and when the pool takes no work */
    resolved callback;  /* NULL: cancelled */
    void *ctx;
    int err; /* of a request that never reached the pool */
    struct sockaddr_storage literal;
};

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    AUTO_FREE struct resolve *r = ctx;
    r->callback(r->ctx, r->err, &r->literal, r->err ? 0 : 1);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct resolve *r = request->data;
    struct sockaddr_storage addresses[RESOLVE_MAX] = { 0 };
    size_t count = 0;
    for (const struct addrinfo *a = found; a && count < RESOLVE_MAX; a = a->ai_next)
        if (a->ai_addrlen <= sizeof(addresses[0]))
            memcpy(&addresses[count++], a->ai_addr, a->ai_addrlen);
    uv_freeaddrinfo(found);

    resolved callback = r->callback;
    void *ctx = r->ctx;
    free(r);
    if (callback)
        callback(ctx, count ? 0 : status ? status : UV_EAI_NODATA, addresses, count);
}

static bool is_literal(const char *host, uint16_t port, struct sockaddr_storage *ret)
{
    return uv_ip4_addr(host, port, (struct sockaddr_in *)ret) == 0 ||
           uv_ip6_addr(host, port, (struct sockaddr_in6 *)ret) == 0;
}

struct resolve *resolve_start(struct loop *loop, const char *host, uint16_t port, resolved callback,
                              void *ctx)
{
    struct resolve *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->callback = callback;
    r->ctx = ctx;
    r->request.data = r;
    timer_init(&r->timer, &loop->timers, on_timer, r);

    char service[8];
    snprintf(service, sizeof(service), "%u", port);
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
    bool literal = is_literal(host, port, &r->literal);
    if (!literal)
        r->err = uv_getaddrinfo(&loop->uv, &r->request, on_resolved, host, service, &hints);
    if (literal || r->err)
        env_timer_start(&loop->env, &r->timer, 0);
    return r;
}

void resolve_cancel(struct resolve *r)
{
    if (!r)
        return;
    if (timer_is_active(&r->timer)) {
        timer_stop(&r->timer);
        free(r);
        return;
    }
    r->callback = NULL;
    uv_cancel((uv_req_t *)&r->request);
}
