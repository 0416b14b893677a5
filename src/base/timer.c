/* A pairing heap of timers. Merging makes the later root the first child of the earlier; removing the root merges its children in
 * pairs. Links: child (first), next (sibling), prev (previous sibling, or the parent of a first child). */
#include "base/timer.h"

static bool is_before(const struct timer *a, const struct timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->sequence < b->sequence;
}

static struct timer *merge(struct timer *a, struct timer *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (is_before(b, a)) {
        struct timer *swap = a;
        a = b;
        b = swap;
    }
    b->prev = a;
    b->next = a->child;
    if (a->child)
        a->child->prev = b;
    a->child = b;
    return a;
}

/* Two passes: pairs from left to right onto a stack, then the stack into one. */
static struct timer *merge_siblings(struct timer *first)
{
    struct timer *stack = NULL, *root = NULL;
    while (first) {
        struct timer *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = merge(a, b);
        a->next = stack;
        stack = a;
    }
    while (stack) {
        struct timer *rest = stack->next;
        stack->next = NULL;
        root = merge(root, stack);
        stack = rest;
    }
    return root;
}

static void insert(struct timers *timers, struct timer *timer)
{
    timer->child = timer->next = timer->prev = NULL;
    timer->active = true;
    timers->root = merge(timers->root, timer);
}

static void unlink_timer(struct timers *timers, struct timer *timer)
{
    struct timer *children = merge_siblings(timer->child);
    if (timer == timers->root) {
        timers->root = children;
    } else {
        if (timer->prev->child == timer)
            timer->prev->child = timer->next;
        else
            timer->prev->next = timer->next;
        if (timer->next)
            timer->next->prev = timer->prev;
        timers->root = merge(timers->root, children);
    }
    timer->child = timer->next = timer->prev = NULL;
    timer->active = false;
}

static void changed(struct timers *timers, const struct timer *root)
{
    if (timers->on_change && timers->root != root)
        timers->on_change(timers->ctx);
}

void timers_init(struct timers *timers)
{
    *timers = (struct timers){ 0 };
}

void timer_init(struct timer *timer, struct timers *timers, timer_callback callback, void *ctx)
{
    *timer = (struct timer){ .timers = timers, .callback = callback, .ctx = ctx };
}

void timer_start_at(struct timer *timer, int64_t due_ms)
{
    struct timers *timers = timer->timers;
    const struct timer *root = timers->root;
    if (timer->active)
        unlink_timer(timers, timer);
    timer->due_ms = due_ms;
    timer->sequence = timers->next_sequence++;
    insert(timers, timer);
    changed(timers, root == timer ? NULL : root); /* the root itself may have moved in time */
}

void timer_stop(struct timer *timer)
{
    if (!timer->active)
        return;
    const struct timer *root = timer->timers->root;
    unlink_timer(timer->timers, timer);
    changed(timer->timers, root);
}

bool timer_is_active(const struct timer *timer)
{
    return timer->active;
}

int64_t timers_next_ms(const struct timers *timers)
{
    return timers->root ? timers->root->due_ms : -1;
}

void timers_run(struct timers *timers, int64_t now_ms)
{
    uint64_t end = timers->next_sequence; /* what is started from here on waits for the next run */
    const struct timer *root = timers->root;
    timers->now_ms = now_ms;
    while (timers->root && timers->root->due_ms <= now_ms && timers->root->sequence < end) {
        struct timer *timer = timers->root;
        unlink_timer(timers, timer);
        timer->callback(timer, timer->ctx);
    }
    changed(timers, root);
}
