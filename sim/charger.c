/* The charger between its model and its line. */
#include "sim/charger.h"

#include "base/cleanup.h"
#include "base/str.h"

static void on_model_change(void *ctx)
{
    struct charger *c = ctx;
    if (c->events.on_change)
        c->events.on_change(c->events.ctx, c);
    if (c->port_ops && c->port_ops->on_change)
        c->port_ops->on_change(c);
}

struct charger *charger_new(const char *name, const struct env *env, const struct model_settings *settings,
                            const struct charger_events *events)
{
    struct charger *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    list_init(&c->link);
    (void)str_copy(c->name, sizeof c->name, name);
    c->env = env;
    c->events = *events;
    model_init(&c->model, env, settings, on_model_change, c);
    return c;
}

void charger_free(struct charger *c)
{
    if (!c)
        return;
    if (c->port_ops)
        c->port_ops->free(c);
    model_done(&c->model);
    list_remove(&c->link);
    free(c);
}

bool charger_is_reachable(const struct charger *c)
{
    return c->model.powered && env_now_ms(c->env) >= c->muted_until_ms;
}

void charger_wrote(void *ctx, const char *name, const char *value)
{
    struct charger *c = ctx;
    struct charger_write *w = &c->writes[c->write_count++ % CHARGER_WRITES];
    w->wall_ms = env_wall_ms(c->env);
    (void)str_copy(w->name, sizeof w->name, name);
    (void)str_copy(w->value, sizeof w->value, value);
    if (c->events.on_write)
        c->events.on_write(c->events.ctx, c, name, value);
}

/* ---- answers ---- */

struct answer {
    struct list link;
    struct timer timer;
    struct answers *answers;
    struct charger *charger;
    struct sockaddr_in to;
    size_t len;
    uint8_t bytes[];
};

static void answer_free(struct answer *a)
{
    timer_stop(&a->timer);
    list_remove(&a->link);
    a->answers->count--;
    free(a);
}

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct answer *a = ctx;
    if (charger_is_reachable(a->charger))
        a->answers->send(a->answers->ctx, &a->to, a->bytes, a->len);
    answer_free(a);
}

void answers_init(struct answers *answers, const struct env *env,
                  void (*send)(void *ctx, const struct sockaddr_in *to, const uint8_t *bytes, size_t len),
                  void *ctx)
{
    *answers = (struct answers){ .env = env, .send = send, .ctx = ctx };
    list_init(&answers->waiting);
}

void answers_done(struct answers *answers)
{
    LIST_FOREACH(link, following, &answers->waiting)
    {
        answer_free(LIST_ITEM(link, struct answer, link));
    }
}

void answers_send(struct answers *answers, struct charger *c, const struct sockaddr_in *to, uint8_t *bytes,
                  size_t len, size_t spoil)
{
    if (c->corrupt > 0) {
        c->corrupt--;
        bytes[spoil] ^= 0xFF;
    }
    if (c->slow_ms == 0 && list_is_empty(&answers->waiting)) {
        answers->send(answers->ctx, to, bytes, len);
        return;
    }
    struct answer *a = answers->count < ANSWERS_MAX ? calloc(1, sizeof(*a) + len) : NULL;
    if (!a)
        return;
    a->answers = answers;
    a->charger = c;
    if (to)
        a->to = *to;
    a->len = len;
    memcpy(a->bytes, bytes, len);
    list_append(&answers->waiting, &a->link);
    answers->count++;
    timer_init(&a->timer, answers->env->timers, on_timer, a);
    env_timer_start(answers->env, &a->timer, c->slow_ms);
}
