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

const struct point *plan_point(const struct plan *plan, const struct plan_block *block, size_t i)
{
    return &plan->points[plan->order[block->first + i]];
}

static unsigned end_of(const struct point *point)
{
    return point->at.modbus.address + (unsigned)point->at.modbus.count;
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int by_address(const void *a, const void *b, void *points)
{
    const struct point *p = (const struct point *)points + *(const uint16_t *)a;
    const struct point *q = (const struct point *)points + *(const uint16_t *)b;
    int order = COMPARE(p->at.modbus.address, q->at.modbus.address);
    return order ? order : COMPARE(p->index, q->index);
}

static int by_block(const void *a, const void *b, void *points)
{
    const struct point *p = (const struct point *)points + *(const uint16_t *)a;
    const struct point *q = (const struct point *)points + *(const uint16_t *)b;
    int order = COMPARE(p->at.modbus.unit_offset, q->at.modbus.unit_offset);
    order = order ? order : COMPARE(point_read_function(p), point_read_function(q));
    order = order ? order : COMPARE(p->every_ms, q->every_ms);
    return order ? order : by_address(a, b, points);
}

int plan_init(struct plan *plan, const struct point *points, size_t count,
              const struct modbus_options *options)
{
    *plan = (struct plan){ .points = points };
    plan->max_words = (uint16_t)(options->max_words >= 1 && options->max_words <= MODBUS_MAX_READ_WORDS
                                     ? options->max_words
                                     : MODBUS_MAX_READ_WORDS);
    plan->max_gap = (uint16_t)(options->max_gap > 0 ? options->max_gap : 0);
    for (size_t i = 0; i < count; i++)
        plan->order_count += is_polled(&points[i]);
    if (plan->order_count == 0)
        return 0;

    plan->order = calloc(plan->order_count, sizeof(*plan->order));
    plan->block_of = calloc(plan->order_count, sizeof(*plan->block_of));
    plan->blocks =
        calloc(plan->order_count, sizeof(*plan->blocks)); /* as many as there can be after all splits */
    if (!plan->order || !plan->block_of || !plan->blocks) {
        plan_done(plan);
        return -ENOMEM;
    }

    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_polled(&points[i]))
            plan->order[n++] = (uint16_t)i;
    }
    plan_build(plan);
    return 0;
}

void plan_done(struct plan *plan)
{
    free(plan->order);
    free(plan->block_of);
    free(plan->blocks);
    *plan = (struct plan){ 0 };
}

/* ---- building ---- */

static bool is_of_kind(const struct plan_block *block, const struct point *point)
{
    return block->unit_offset == point->at.modbus.unit_offset &&
           block->function == point_read_function(point);
}

/* Points come in order of address, so only the block's end may have to move. */
static bool may_extend(const struct plan *plan, const struct plan_block *block, const struct point *point)
{
    unsigned unit = reads_bits(block->function) ? 16 : 1; /* a word's worth of bits */
    unsigned max = plan->max_words * unit;
    if (max > max_count(block->function))
        max = max_count(block->function);
    return is_of_kind(block, point) && block->every_ms == point->every_ms &&
           point->at.modbus.address <= (unsigned)block->address + block->count + plan->max_gap * unit &&
           end_of(point) - block->address <= max;
}

static bool lies_inside(const struct plan_block *block, const struct point *point)
{
    return is_of_kind(block, point) && point->at.modbus.address >= block->address &&
           end_of(point) <= (unsigned)block->address + block->count;
}

static uint16_t choose_block(struct plan *plan, const struct point *point)
{
    for (size_t i = 0; i < plan->block_count; i++) {
        if (lies_inside(&plan->blocks[i], point))
            return (uint16_t)i;
    }
    if (plan->block_count > 0) {
        struct plan_block *last = &plan->blocks[plan->block_count - 1];
        if (may_extend(plan, last, point)) {
            if (end_of(point) > (unsigned)last->address + last->count)
                last->count = (uint16_t)(end_of(point) - last->address);
            return (uint16_t)(plan->block_count - 1);
        }
    }
    plan->blocks[plan->block_count] = (struct plan_block){
        .unit_offset = point->at.modbus.unit_offset,
        .function = point_read_function(point),
        .address = point->at.modbus.address,
        .count = point->at.modbus.count,
        .every_ms = point->every_ms,
    };
    return (uint16_t)plan->block_count++;
}

/* The blocks of one interval take equal parts of it. */
static void spread(struct plan *plan)
{
    for (size_t i = 0; i < plan->block_count; i++) {
        struct plan_block *block = &plan->blocks[i];
        size_t before = 0, alike = 0;
        for (size_t j = 0; j < plan->block_count; j++) {
            bool same = plan->blocks[j].every_ms == block->every_ms;
            alike += same;
            before += same && j < i;
        }
        assert(alike > 0);
        block->phase_ms = block->every_ms * (int64_t)before / (int64_t)alike;
    }
}

static void swap(uint16_t *a, uint16_t *b)
{
    uint16_t kept = *a;
    *a = *b;
    *b = kept;
}

/* Brings the points of each block together, by address. */
static void gather(struct plan *plan)
{
    uint16_t at = 0;
    for (size_t b = 0; b < plan->block_count; b++) {
        struct plan_block *block = &plan->blocks[b];
        block->first = at;
        for (size_t i = at; i < plan->order_count; i++) {
            if (plan->block_of[i] != b)
                continue;
            swap(&plan->order[i], &plan->order[at]);
            swap(&plan->block_of[i], &plan->block_of[at]);
            at++;
        }
        block->point_count = (uint16_t)(at - block->first);
        qsort_r(plan->order + block->first, block->point_count, sizeof(*plan->order), by_address,
                (void *)plan->points);
    }
}

void plan_build(struct plan *plan)
{
    plan->block_count = 0;
    plan->changed = false;
    if (plan->order_count == 0)
        return;
    /* Faster points come first, so that slower ones find the blocks they can ride along with. */
    qsort_r(plan->order, plan->order_count, sizeof(*plan->order), by_block, (void *)plan->points);
    for (size_t i = 0; i < plan->order_count; i++)
        plan->block_of[i] = choose_block(plan, &plan->points[plan->order[i]]);
    gather(plan);
    spread(plan);
}

/* ---- time ---- */

void plan_forget_silence(struct plan *plan)
{
    for (size_t i = 0; i < plan->block_count; i++)
        plan->blocks[i].silence_ms = 0;
}

void plan_start(struct plan *plan, int64_t now_ms, int64_t offset_ms)
{
    plan->base_ms = now_ms - offset_ms;
    for (size_t i = 0; i < plan->block_count; i++)
        plan->blocks[i].due_ms = now_ms;
    plan_forget_silence(plan);
}

struct plan_block *plan_next(struct plan *plan)
{
    struct plan_block *first = NULL;
    for (size_t i = 0; i < plan->block_count; i++) {
        if (!first || plan->blocks[i].due_ms < first->due_ms)
            first = &plan->blocks[i];
    }
    return first;
}

void plan_postpone(struct plan *plan, struct plan_block *block, int64_t now_ms)
{
    int64_t since_ms = now_ms - plan->base_ms - block->phase_ms;
    int64_t into_ms = ((since_ms % block->every_ms) + block->every_ms) % block->every_ms;
    block->due_ms = now_ms - into_ms + block->every_ms;
    if (block->refused && block->due_ms < now_ms + PLAN_RETRY_MS)
        block->due_ms = now_ms + PLAN_RETRY_MS;
}

static void set_silence(struct plan *plan, uint8_t unit_offset, int64_t silence_ms, int64_t due_ms)
{
    for (size_t i = 0; i < plan->block_count; i++) {
        if (plan->blocks[i].unit_offset != unit_offset)
            continue;
        plan->blocks[i].silence_ms = silence_ms;
        plan->blocks[i].due_ms = due_ms;
    }
}

bool plan_unit_silent(struct plan *plan, const struct plan_block *block, int64_t now_ms)
{
    bool others = false;
    for (size_t i = 0; i < plan->block_count; i++)
        others =
            others || (plan->blocks[i].unit_offset != block->unit_offset && plan->blocks[i].silence_ms == 0);
    if (!others)
        return false;
    int64_t silence_ms = block->silence_ms ? 2 * block->silence_ms : PLAN_SILENCE_MS;
    if (silence_ms > PLAN_SILENCE_MAX_MS)
        silence_ms = PLAN_SILENCE_MAX_MS;
    set_silence(plan, block->unit_offset, silence_ms, now_ms + silence_ms);
    return true;
}

bool plan_unit_answers(struct plan *plan, const struct plan_block *block, int64_t now_ms)
{
    if (block->silence_ms == 0)
        return false;
    set_silence(plan, block->unit_offset, 0, now_ms);
    return true;
}

void plan_answered(struct plan *plan, struct plan_block *block, int64_t now_ms)
{
    block->refused = false;
    plan_postpone(plan, block, now_ms);
}

/* ---- refusals ---- */

static void measure(const struct plan *plan, struct plan_block *block)
{
    unsigned end = 0;
    block->address = plan_point(plan, block, 0)->at.modbus.address;
    block->every_ms = INT64_MAX;
    for (size_t i = 0; i < block->point_count; i++) {
        const struct point *point = plan_point(plan, block, i);
        if (end_of(point) > end)
            end = end_of(point);
        if (point->every_ms < block->every_ms)
            block->every_ms = point->every_ms;
    }
    block->count = (uint16_t)(end - block->address);
}

/* Where to cut: at the widest gap, for it is the most likely cause; else in the middle. */
static uint16_t cut_of(const struct plan *plan, const struct plan_block *block)
{
    unsigned widest = 0, end = 0;
    uint16_t cut = block->point_count / 2;
    for (uint16_t i = 0; i < block->point_count; i++) {
        const struct point *point = plan_point(plan, block, i);
        if (i > 0 && point->at.modbus.address > end && point->at.modbus.address - end > widest) {
            widest = point->at.modbus.address - end;
            cut = i;
        }
        if (end_of(point) > end)
            end = end_of(point);
    }
    return cut;
}

static void split(struct plan *plan, struct plan_block *block, int64_t now_ms)
{
    uint16_t cut = cut_of(plan, block);
    struct plan_block *rest = &plan->blocks[plan->block_count++];
    *rest = *block;
    rest->first = (uint16_t)(block->first + cut);
    rest->point_count = (uint16_t)(block->point_count - cut);
    block->point_count = cut;
    measure(plan, block);
    measure(plan, rest);
    block->due_ms = rest->due_ms = now_ms;
    spread(plan);
}

enum plan_verdict plan_refused(struct plan *plan, struct plan_block *block, uint8_t exception, int64_t now_ms)
{
    bool is_place = exception == MODBUS_ILLEGAL_ADDRESS || exception == MODBUS_ILLEGAL_VALUE;
    if (exception == MODBUS_BUSY || exception == MODBUS_ACKNOWLEDGE) {
        plan_postpone(plan, block, now_ms);
        return PLAN_KEEP;
    }
    if (is_place && block->point_count > 1) {
        plan->changed = true;
        split(plan, block, now_ms);
        return PLAN_SPLIT;
    }
    /* A device failure (4) may pass; an address or function it does not have will hardly appear. */
    if (is_place || exception == MODBUS_ILLEGAL_FUNCTION)
        plan->changed = block->refused = true;
    plan_postpone(plan, block, now_ms);
    return PLAN_NO_VALUE;
}
