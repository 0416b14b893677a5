/* Evaluates conditions over sets instead of values. For each condition on one point two sets are kept:
 * `must`, for which it is surely true, and `may`, outside of which it is surely false. Where the truth is
 * too complicated, must shrinks to nothing and may grows to all: the check then says nothing, never
 * something wrong. */
#include "charger/coverage.h"

#include <math.h>
#include <string.h>

#include "charger/expression_ops.h"
#include "charger/value.h"

enum kind { KIND_OTHER, KIND_POINT, KIND_NUMBER, KIND_CONDITION };

struct item {
    enum kind kind;
    int point;     /* POINT, CONDITION; -1: a condition that hangs on no single point */
    double number; /* NUMBER */
    struct span domain;
    struct spans must, may;
};

/* ---- sets ---- */

static struct spans all_of(struct span domain)
{
    return (struct spans){ .count = 1, .list[0] = domain };
}

static struct spans none_of(void)
{
    return (struct spans){ 0 };
}

/* Those of `domain` that are not in `s`. Has room: a set with n spans has at most n + 1 gaps; false if not. */
static bool complement(const struct spans *s, struct span domain, struct spans *ret)
{
    double low = domain.low;
    int count = 0;
    for (int i = 0; i <= s->count; i++) {
        double high = i < s->count ? s->list[i].low - 1 : domain.high;
        if (low <= high) {
            if (count == COVERAGE_MAX_SPANS)
                return false;
            ret->list[count++] = (struct span){ low, high };
        }
        if (i < s->count)
            low = s->list[i].high + 1;
    }
    ret->count = count;
    return true;
}

static bool append(struct spans *s, struct span span)
{
    struct span *last = s->count ? &s->list[s->count - 1] : NULL;
    if (last && span.low <= last->high + 1) {
        last->high = fmax(last->high, span.high);
        return true;
    }
    if (s->count == COVERAGE_MAX_SPANS)
        return false;
    s->list[s->count++] = span;
    return true;
}

static bool unite(const struct spans *a, const struct spans *b, struct spans *ret)
{
    struct spans all = { 0 };
    int i = 0, k = 0;
    while (i < a->count || k < b->count) {
        bool from_a = k == b->count || (i < a->count && a->list[i].low <= b->list[k].low);
        if (!append(&all, from_a ? a->list[i++] : b->list[k++]))
            return false;
    }
    *ret = all;
    return true;
}

static bool intersect(const struct spans *a, const struct spans *b, struct spans *ret)
{
    struct spans common = { 0 };
    for (int i = 0, k = 0; i < a->count && k < b->count;) {
        struct span both = { fmax(a->list[i].low, b->list[k].low), fmin(a->list[i].high, b->list[k].high) };
        if (both.low <= both.high && !append(&common, both))
            return false;
        if (a->list[i].high < b->list[k].high)
            i++;
        else
            k++;
    }
    *ret = common;
    return true;
}

static bool is_within(const struct spans *a, const struct spans *b)
{
    struct spans common;
    if (!intersect(a, b, &common) || common.count != a->count)
        return false;
    return memcmp(common.list, a->list, (size_t)a->count * sizeof(a->list[0])) == 0;
}

/* ---- conditions ---- */

/* False for points of which not every whole number in a range is a value. */
static bool domain_of(const struct point *p, struct span *ret)
{
    if (!point_is_integral(p) || p->scale != 1 || p->offset != 0 || p->scale_point >= 0)
        return false;
    if (p->raw_size > 4)
        return false;
    double max = (double)((UINT64_C(1) << 8 * p->raw_size) - 1);
    bool is_signed = p->type == POINT_I8 || p->type == POINT_I16 || p->type == POINT_I32;
    if (p->mask)
        max = (double)(p->mask >> p->shift);
    else if (p->type == POINT_BOOL)
        max = 1;
    else if (p->shift)
        max = (double)((uint64_t)max >> p->shift);
    *ret = is_signed && !p->mask ? (struct span){ -(max + 1) / 2, (max - 1) / 2 } : (struct span){ 0, max };
    return true;
}

static struct item other(void)
{
    return (struct item){ .kind = KIND_OTHER, .point = -1 };
}

static struct item condition(const struct item *point, struct spans truth)
{
    struct spans domain = all_of(point->domain);
    struct item c = { .kind = KIND_CONDITION, .point = point->point, .domain = point->domain };
    if (!intersect(&truth, &domain, &c.must))
        return other();
    c.may = c.must;
    return c;
}

static struct item compare(uint8_t code, const struct item *point, double n)
{
    struct span d = point->domain;
    struct spans truth = none_of();
    switch (code) {
    case OP_EQUAL:
    case OP_NOT_EQUAL:
        if (floor(n) == n)
            truth = all_of((struct span){ n, n });
        if (code == OP_NOT_EQUAL) {
            struct spans rest;
            struct item equal = condition(point, truth);
            return complement(&equal.must, d, &rest) ? condition(point, rest) : other();
        }
        break;
    case OP_LESS:
        truth = all_of((struct span){ d.low, ceil(n) - 1 });
        break;
    case OP_LESS_EQUAL:
        truth = all_of((struct span){ d.low, floor(n) });
        break;
    case OP_GREATER:
        truth = all_of((struct span){ floor(n) + 1, d.high });
        break;
    default: /* OP_GREATER_EQUAL */
        truth = all_of((struct span){ ceil(n), d.high });
    }
    if (truth.count && truth.list[0].low > truth.list[0].high)
        truth = none_of();
    return condition(point, truth);
}

static struct item compare_items(uint8_t code, const struct item *a, const struct item *b)
{
    static const uint8_t mirrored[] = {
        [OP_EQUAL] = OP_EQUAL,  [OP_NOT_EQUAL] = OP_NOT_EQUAL,
        [OP_LESS] = OP_GREATER, [OP_LESS_EQUAL] = OP_GREATER_EQUAL,
        [OP_GREATER] = OP_LESS, [OP_GREATER_EQUAL] = OP_LESS_EQUAL,
    };
    if (a->kind == KIND_POINT && b->kind == KIND_NUMBER)
        return compare(code, a, b->number);
    if (a->kind == KIND_NUMBER && b->kind == KIND_POINT)
        return compare(mirrored[code], b, a->number);
    return other();
}

static struct item is_in(const struct expression *e, const struct op *op, const struct item *point)
{
    struct spans truth = { 0 };
    if (point->kind != KIND_POINT)
        return other();
    for (size_t i = 0; i < op->arg; i++) {
        const double *pair = &e->numbers[op->index + 2 * i];
        struct span span = { ceil(pair[0]), floor(pair[1]) };
        struct spans one = all_of(span);
        if (span.low <= span.high && !unite(&truth, &one, &truth))
            return other();
    }
    return condition(point, truth);
}

static struct item negate(const struct item *a)
{
    struct item c = *a;
    if (a->kind != KIND_CONDITION || !complement(&a->may, a->domain, &c.must) ||
        !complement(&a->must, a->domain, &c.may))
        return other();
    return c;
}

/* a or b. What is said of one point is surely true whatever the other is; all else is open. */
static struct item either(const struct item *a, const struct item *b)
{
    struct item c = a->kind == KIND_CONDITION ? *a : *b;
    if (c.kind != KIND_CONDITION)
        return other();
    if (a->kind != KIND_CONDITION || b->kind != KIND_CONDITION || a->point != b->point) {
        c.may = all_of(c.domain);
        return c;
    }
    return unite(&a->must, &b->must, &c.must) && unite(&a->may, &b->may, &c.may) ? c : other();
}

/* a and b. What is false for one point is false whatever the other is. */
static struct item both(const struct item *a, const struct item *b)
{
    struct item c = a->kind == KIND_CONDITION ? *a : *b;
    if (c.kind != KIND_CONDITION)
        return other();
    if (a->kind != KIND_CONDITION || b->kind != KIND_CONDITION || a->point != b->point) {
        c.must = none_of();
        return c;
    }
    return intersect(&a->must, &b->must, &c.must) && intersect(&a->may, &b->may, &c.may) ? c : other();
}

static struct item load(const struct coverage *c, const struct expression *e, const struct op *op)
{
    struct item item = other();
    if (op->code == OP_NUMBER) {
        item.kind = KIND_NUMBER;
        item.number = e->numbers[op->index];
    } else if (op->code == OP_POINT && domain_of(&c->points[op->index], &item.domain)) {
        item.kind = KIND_POINT;
        item.point = op->index;
    }
    return item;
}

static struct item apply_one(const struct expression *e, const struct op *op, const struct item *a)
{
    if (op->code == OP_NOT)
        return negate(a);
    if (op->code == OP_IN_NUMBERS)
        return is_in(e, op, a);
    if (op->code == OP_TRUTH && a->kind == KIND_POINT)
        return compare(OP_NOT_EQUAL, a, 0);
    if (op->code == OP_NEGATE && a->kind == KIND_NUMBER)
        return (struct item){ .kind = KIND_NUMBER, .point = -1, .number = -a->number };
    return other();
}

static struct item apply_two(const struct op *op, const struct item *a, const struct item *b)
{
    if (op->code == OP_AND)
        return both(a, b);
    if (op->code == OP_OR)
        return either(a, b);
    if (op->code >= OP_EQUAL && op->code <= OP_GREATER_EQUAL)
        return compare_items(op->code, a, b);
    return other();
}

static struct item judge(const struct coverage *c, const struct expression *e)
{
    struct item stack[EXPRESSION_MAX_STACK] = { 0 };
    size_t top = 0;
    for (size_t i = 0; i < e->op_count; i++) {
        const struct op *op = &e->ops[i];
        if (op->code <= OP_KNOWN) {
            stack[top++] = load(c, e, op);
        } else if (op->code < OP_ADD) {
            stack[top - 1] = apply_one(e, op, &stack[top - 1]);
        } else {
            top--;
            stack[top - 1] = apply_two(op, &stack[top - 1], &stack[top]);
        }
    }
    return stack[0];
}

/* ---- rules ---- */

void coverage_init(struct coverage *c, const struct point *points)
{
    *c = (struct coverage){ .points = points };
}

enum coverage_verdict coverage_add(struct coverage *c, const struct expression *when)
{
    struct item item = judge(c, when);
    int i = 0;
    if (item.kind == KIND_POINT) /* a coil by itself */
        item = compare(OP_NOT_EQUAL, &item, 0);
    if (item.kind == KIND_NUMBER) /* `true` or `false` itself */
        return item.number != 0 ? COVERAGE_OK : COVERAGE_NEVER;
    if (item.kind != KIND_CONDITION)
        return COVERAGE_OK;
    if (item.may.count == 0)
        return COVERAGE_NEVER;
    while (i < c->count && c->list[i].point != item.point)
        i++;
    if (i == c->count && c->count == COVERAGE_MAX_POINTS)
        return COVERAGE_OK;
    if (i == c->count) {
        c->list[i].point = item.point;
        c->list[i].caught = none_of();
        c->count++;
    }
    enum coverage_verdict verdict = is_within(&item.may, &c->list[i].caught) ? COVERAGE_CAUGHT : COVERAGE_OK;
    struct spans caught;
    if (unite(&c->list[i].caught, &item.must, &caught))
        c->list[i].caught = caught;
    return verdict;
}

bool coverage_is_total(const struct coverage *c)
{
    for (int i = 0; i < c->count; i++) {
        struct span domain;
        struct spans all;
        if (!domain_of(&c->points[c->list[i].point], &domain))
            continue;
        all = all_of(domain);
        if (is_within(&all, &c->list[i].caught))
            return true;
    }
    return false;
}
