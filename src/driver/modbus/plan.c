#include "driver/modbus/plan.h"

#include <assert.h>
#include <stdlib.h>

uint8_t point_read_function(const struct point *point)
{
    static const uint8_t functions[] = {
        [MODBUS_COIL] = MODBUS_READ_COILS,
        [MODBUS_DISCRETE] = MODBUS_READ_DISCRETE,
        [MODBUS_INPUT] = MODBUS_READ_INPUT,
        [MODBUS_HOLDING] = MODBUS_READ_HOLDING,
    };
    uint8_t wished = point->at.modbus.read_function;
    return wished >= MODBUS_READ_COILS && wished <= MODBUS_READ_INPUT ? wished
                                                                      : functions[point->at.modbus.kind];
}

static bool reads_bits(uint8_t function)
{
    return function <= MODBUS_READ_DISCRETE;
}

static unsigned max_count(uint8_t function)
{
    return reads_bits(function) ? MODBUS_MAX_READ_BITS : MODBUS_MAX_READ_WORDS;
}

bool point_is_readable(const struct point *point)
{
    unsigned count = point->at.modbus.count;
    return point->access & ACCESS_R && count >= 1 && count <= max_count(point_read_function(point)) &&
           point->at.modbus.address + count <= 0x10000;
}

static bool is_polled(const struct point *point)
{
    return point->every_ms > 0 && point_is_readable(point);
}

const struct point *plan_point(const struct plan *plan, size_t slot)
{
    return &plan->points[plan->slots[slot].point];
}

static unsigned start_of(const struct plan *plan, size_t slot)
{
    return plan_point(plan, slot)->at.modbus.address;
}

static unsigned end_of(const struct plan *plan, size_t slot)
{
    const struct point *point = plan_point(plan, slot);
    return point->at.modbus.address + (unsigned)point->at.modbus.count;
}

bool plan_covers(const struct plan *plan, size_t slot)
{
    const struct plan_request *r = &plan->request;
    return start_of(plan, slot) >= r->address && end_of(plan, slot) <= (unsigned)r->address + r->count;
}

/* ---- building ---- */

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int by_address(const void *a, const void *b, void *points)
{
    const struct point *p = (const struct point *)points + ((const struct plan_slot *)a)->point;
    const struct point *q = (const struct point *)points + ((const struct plan_slot *)b)->point;
    int order = COMPARE(p->at.modbus.unit_offset, q->at.modbus.unit_offset);
    order = order ? order : COMPARE(point_read_function(p), point_read_function(q));
    order = order ? order : COMPARE(p->at.modbus.address, q->at.modbus.address);
    return order ? order : COMPARE(p->index, q->index);
}

/* One of each unit that the slots, which are in order, belong to. */
static void list_units(struct plan *plan)
{
    for (size_t i = 0; i < plan->slot_count; i++) {
        uint8_t offset = plan_point(plan, i)->at.modbus.unit_offset;
        if (plan->unit_count == 0 || plan->units[plan->unit_count - 1].offset != offset)
            plan->units[plan->unit_count++] = (struct plan_unit){ .offset = offset };
    }
}

int plan_init(struct plan *plan, const struct point *points, size_t count,
              const struct modbus_options *options, uint16_t request_cost)
{
    *plan = (struct plan){ .points = points, .due_ms = -1, .request_cost = request_cost };
    plan->max_words = (uint16_t)(options->max_words >= 1 && options->max_words <= MODBUS_MAX_READ_WORDS
                                     ? options->max_words
                                     : MODBUS_MAX_READ_WORDS);
    plan->max_gap = (uint16_t)(options->max_gap > 0 ? options->max_gap : 0);
    size_t polled = 0;
    for (size_t i = 0; i < count; i++)
        polled += is_polled(&points[i]);
    if (polled == 0)
        return 0;

    plan->slots = calloc(polled, sizeof(*plan->slots));
    plan->units = calloc(polled, sizeof(*plan->units));
    plan->least = calloc(polled + 1, sizeof(*plan->least));
    plan->last = calloc(polled + 1, sizeof(*plan->last));
    if (!plan->slots || !plan->units || !plan->least || !plan->last) {
        plan_done(plan);
        return -ENOMEM;
    }

    for (size_t i = 0; i < count; i++) {
        if (is_polled(&points[i]))
            plan->slots[plan->slot_count++].point = (uint16_t)i;
    }
    qsort_r(plan->slots, plan->slot_count, sizeof(*plan->slots), by_address, (void *)points);
    list_units(plan);
    plan_build(plan);
    return 0;
}

void plan_done(struct plan *plan)
{
    free(plan->slots);
    free(plan->units);
    free(plan->least);
    free(plan->last);
    *plan = (struct plan){ .due_ms = -1 };
}

static bool is_of_kind(const struct plan *plan, size_t a, size_t b)
{
    const struct point *p = plan_point(plan, a), *q = plan_point(plan, b);
    return p->at.modbus.unit_offset == q->at.modbus.unit_offset &&
           point_read_function(p) == point_read_function(q);
}

/* Registers a word, or bits a word. */
static unsigned per_word(const struct plan *plan, size_t slot)
{
    return reads_bits(point_read_function(plan_point(plan, slot))) ? 16 : 1;
}

static unsigned longest(const struct plan *plan, size_t slot)
{
    unsigned max = plan->max_words * per_word(plan, slot);
    unsigned most = max_count(point_read_function(plan_point(plan, slot)));
    return max < most ? max : most;
}

/* How many registers or bits may be read for nothing rather than in a request of their own. */
static unsigned worth(const struct plan *plan, size_t slot)
{
    return plan->request_cost * per_word(plan, slot) / 2;
}

/* Whether a request may reach from one slot over the border to the next: nothing speaks against it but what it would cost. */
static bool may_cross(const struct plan *plan, size_t next, unsigned reach)
{
    const struct plan_slot *slot = &plan->slots[next];
    return is_of_kind(plan, next - 1, next) && !slot->cut && !slot->refused && !slot[-1].refused &&
           start_of(plan, next) <= reach + plan->max_gap * per_word(plan, next);
}

/* Where those that a request can reach from the first one on, if need be by way of others, end. */
static size_t chain_end(const struct plan *plan, size_t first)
{
    size_t i = first + 1;
    unsigned reach = end_of(plan, first);
    for (; i < plan->slot_count; i++) {
        if (!may_cross(plan, i, reach) || start_of(plan, i) > reach + worth(plan, i))
            break;
        reach = end_of(plan, i) > reach ? end_of(plan, i) : reach;
    }
    return i;
}

/* The chain's place among those of its shortest interval; each chain is known by its first slot. */
static int64_t phase_of(const struct plan *plan, size_t chain)
{
    int64_t fast_ms = plan->slots[chain].fast_ms;
    size_t before = 0, alike = 0;
    for (size_t i = 0; i < plan->slot_count; i = chain_end(plan, i)) {
        alike += plan->slots[i].fast_ms == fast_ms;
        before += plan->slots[i].fast_ms == fast_ms && i < chain;
    }
    assert(alike > 0);
    return fast_ms * (int64_t)before / (int64_t)alike;
}

static void settle_chains(struct plan *plan)
{
    plan->fastest_ms = INT64_MAX;
    for (size_t first = 0, end = 0; first < plan->slot_count; first = end) {
        int64_t fast_ms = INT64_MAX;
        end = chain_end(plan, first);
        for (size_t i = first; i < end; i++)
            fast_ms = plan_point(plan, i)->every_ms < fast_ms ? plan_point(plan, i)->every_ms : fast_ms;
        for (size_t i = first; i < end; i++) {
            plan->slots[i].fast_ms = fast_ms;
            plan->slots[i].chain = (uint16_t)first;
        }
        plan->fastest_ms = fast_ms < plan->fastest_ms ? fast_ms : plan->fastest_ms;
    }
    for (size_t first = 0, end = 0; first < plan->slot_count; first = end) {
        int64_t phase_ms = phase_of(plan, first);
        end = chain_end(plan, first);
        for (size_t i = first; i < end; i++)
            plan->slots[i].phase_ms = phase_ms;
    }
}

void plan_build(struct plan *plan)
{
    plan->changed = false;
    for (size_t i = 0; i < plan->slot_count; i++)
        plan->slots[i].cut = plan->slots[i].refused = false;
    settle_chains(plan);
}

/* ---- time ---- */

static void find_due(struct plan *plan)
{
    plan->due_ms = -1;
    for (size_t i = 0; i < plan->slot_count; i++)
        if (plan->due_ms < 0 || plan->slots[i].due_ms < plan->due_ms)
            plan->due_ms = plan->slots[i].due_ms;
}

int64_t plan_due_ms(const struct plan *plan)
{
    return plan->due_ms;
}

void plan_forget_silence(struct plan *plan)
{
    for (size_t i = 0; i < plan->unit_count; i++)
        plan->units[i].silence_ms = 0;
}

void plan_start(struct plan *plan, int64_t now_ms, int64_t offset_ms)
{
    plan->base_ms = now_ms - offset_ms;
    for (size_t i = 0; i < plan->slot_count; i++)
        plan->slots[i].due_ms = now_ms;
    plan_forget_silence(plan);
    find_due(plan);
}

/* The next place on its grid. What was read along with others, before it was due, keeps its place; but where that is just about to come, its
 * value will be new enough. */
static void put_off(struct plan *plan, size_t i, int64_t now_ms, bool is_new)
{
    struct plan_slot *slot = &plan->slots[i];
    int64_t every_ms = plan_point(plan, i)->every_ms;
    int64_t since_ms = now_ms - plan->base_ms - slot->phase_ms;
    int64_t into_ms = ((since_ms % every_ms) + every_ms) % every_ms;
    if (is_new && slot->due_ms > now_ms)
        slot->due_ms += slot->due_ms <= now_ms + slot->fast_ms / 2 ? every_ms : 0;
    else
        slot->due_ms = now_ms - into_ms + every_ms;
    if (slot->refused && slot->due_ms < now_ms + PLAN_RETRY_MS)
        slot->due_ms = now_ms + PLAN_RETRY_MS;
}

static void put_off_all(struct plan *plan, int64_t now_ms, bool is_new)
{
    const struct plan_request *r = &plan->request;
    bool healed = false;
    for (size_t i = r->first; i < (size_t)r->first + r->slot_count; i++) {
        if (!plan_covers(plan, i))
            continue;
        healed = healed || (plan->slots[i].refused && is_new);
        plan->slots[i].refused = plan->slots[i].refused && !is_new;
        put_off(plan, i, now_ms, is_new);
    }
    if (healed)
        settle_chains(plan);
    find_due(plan);
}

void plan_answered(struct plan *plan, int64_t now_ms)
{
    put_off_all(plan, now_ms, true);
}

void plan_postpone(struct plan *plan, int64_t now_ms)
{
    put_off_all(plan, now_ms, false);
}

/* ---- the next request ---- */

static bool is_due(const struct plan *plan, size_t slot, int64_t now_ms)
{
    return plan->slots[slot].due_ms <= now_ms + plan->slots[slot].fast_ms / 2;
}

static size_t first_due(const struct plan *plan)
{
    size_t i = 0;
    while (plan->slots[i].due_ms != plan->due_ms)
        i++;
    return i;
}

/* How many of the registers (or bits) from slot `a` to the end of `b`. */
static unsigned span_of(const struct plan *plan, size_t a, unsigned end)
{
    return end - start_of(plan, a);
}

/* What all that is due from slot `first` on costs at least, and where the first request ends: plan->least and plan->last by slot. Neighbours
 * among those that are due are all that can be in one request: what lies between them is read anyway. */
static void weigh(struct plan *plan, size_t first, size_t end, int64_t now_ms)
{
    unsigned max = longest(plan, first), bits = per_word(plan, first);
    plan->least[end] = 0;
    for (size_t i = end; i-- > first;) {
        plan->least[i] = is_due(plan, i, now_ms) ? UINT32_MAX : plan->least[i + 1];
        unsigned reach = end_of(plan, i);
        for (size_t k = i; k < end && is_due(plan, i, now_ms); k++) {
            if (!is_due(plan, k, now_ms))
                continue;
            reach = end_of(plan, k) > reach ? end_of(plan, k) : reach;
            if (k > i && span_of(plan, i, reach) > max)
                break;
            uint32_t cost = plan->request_cost + 2 * span_of(plan, i, reach) / bits + plan->least[k + 1];
            if (cost <= plan->least[i]) {
                plan->least[i] = cost;
                plan->last[i] = (uint16_t)k;
            }
        }
    }
}

/* All that is due from one slot to another, and what else lies between. */
static void ask_for(struct plan *plan, size_t first, size_t last, size_t limit, int64_t now_ms)
{
    struct plan_request *r = &plan->request;
    unsigned end = 0;
    for (size_t i = first; i <= last; i++)
        if (is_due(plan, i, now_ms) && end_of(plan, i) > end)
            end = end_of(plan, i);
    while (last + 1 < limit && start_of(plan, last + 1) < end)
        last++;
    r->address = (uint16_t)start_of(plan, first);
    r->count = (uint16_t)span_of(plan, first, end);
    r->first = (uint16_t)first;
    r->slot_count = (uint16_t)(last - first + 1);
}

const struct plan_request *plan_take(struct plan *plan, int64_t now_ms)
{
    size_t from = first_due(plan), first = plan->slots[from].chain, end = first;
    const struct point *point = plan_point(plan, from);
    now_ms = now_ms > plan->due_ms ? now_ms : plan->due_ms;
    while (end < plan->slot_count && plan->slots[end].chain == first)
        end++;
    weigh(plan, first, end, now_ms);
    size_t i = first;
    while (!is_due(plan, i, now_ms) || plan->last[i] < from)
        i = is_due(plan, i, now_ms) ? plan->last[i] + 1u : i + 1;
    plan->request = (struct plan_request){ .unit_offset = point->at.modbus.unit_offset,
                                           .function = point_read_function(point) };
    ask_for(plan, i, plan->last[i], end, now_ms);
    return &plan->request;
}

/* ---- units that do not answer ---- */

static struct plan_unit *unit_asked(const struct plan *plan)
{
    size_t i = 0;
    while (plan->units[i].offset != plan->request.unit_offset)
        i++;
    return &plan->units[i];
}

static void set_silence(struct plan *plan, struct plan_unit *unit, int64_t silence_ms, int64_t due_ms)
{
    unit->silence_ms = silence_ms;
    for (size_t i = 0; i < plan->slot_count; i++)
        if (plan_point(plan, i)->at.modbus.unit_offset == unit->offset)
            plan->slots[i].due_ms = due_ms;
    find_due(plan);
}

bool plan_unit_silent(struct plan *plan, int64_t now_ms)
{
    struct plan_unit *unit = unit_asked(plan);
    bool others = false;
    for (size_t i = 0; i < plan->unit_count; i++)
        others = others || (&plan->units[i] != unit && plan->units[i].silence_ms == 0);
    if (!others)
        return false;
    int64_t silence_ms = unit->silence_ms ? 2 * unit->silence_ms : PLAN_SILENCE_MS;
    if (silence_ms > PLAN_SILENCE_MAX_MS)
        silence_ms = PLAN_SILENCE_MAX_MS;
    set_silence(plan, unit, silence_ms, now_ms + silence_ms);
    return true;
}

bool plan_unit_answers(struct plan *plan, int64_t now_ms)
{
    struct plan_unit *unit = unit_asked(plan);
    if (unit->silence_ms == 0)
        return false;
    set_silence(plan, unit, 0, now_ms);
    return true;
}

bool plan_unit_was_silent(const struct plan *plan)
{
    return unit_asked(plan)->silence_ms > 0;
}

/* ---- refusals ---- */

/* Where to cut: at the widest gap, for it is the most likely cause; else in the middle. 0: there is but one. */
static size_t cut_of(const struct plan *plan)
{
    const struct plan_request *r = &plan->request;
    unsigned widest = 0, reach = end_of(plan, r->first);
    size_t cut = 0, last = (size_t)r->first + r->slot_count;
    for (size_t i = r->first + 1u; i < last; i++) {
        if (start_of(plan, i) > reach && start_of(plan, i) - reach > widest) {
            widest = start_of(plan, i) - reach;
            cut = i;
        }
        reach = end_of(plan, i) > reach ? end_of(plan, i) : reach;
    }
    return cut ? cut : r->slot_count > 1 ? r->first + r->slot_count / 2u : 0;
}

enum plan_verdict plan_refused(struct plan *plan, uint8_t exception, int64_t now_ms)
{
    const struct plan_request *r = &plan->request;
    bool is_place = exception == MODBUS_ILLEGAL_ADDRESS || exception == MODBUS_ILLEGAL_VALUE;
    size_t cut = is_place ? cut_of(plan) : 0;
    if (exception == MODBUS_BUSY || exception == MODBUS_ACKNOWLEDGE) {
        plan_postpone(plan, now_ms);
        return PLAN_KEEP;
    }
    if (cut) {
        plan->changed = plan->slots[cut].cut = true;
        for (size_t i = r->first; i < (size_t)r->first + r->slot_count; i++)
            plan->slots[i].due_ms = now_ms;
        settle_chains(plan);
        find_due(plan);
        return PLAN_SPLIT;
    }
    /* A device failure (4) may pass; an address or function it does not have will hardly appear. */
    if (is_place || exception == MODBUS_ILLEGAL_FUNCTION) {
        plan->changed = true;
        for (size_t i = r->first; i < (size_t)r->first + r->slot_count; i++)
            plan->slots[i].refused = plan_covers(plan, i);
        settle_chains(plan);
    }
    plan_postpone(plan, now_ms);
    return PLAN_NO_VALUE;
}
