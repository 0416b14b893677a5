/* Evaluates compiled expressions, and tells what they are made of. */
#include "charger/expression.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "charger/expression_ops.h"

const char *const expression_argument_names[ARGUMENTS + 1] = {
    [ARGUMENT_LIMIT_A] = "limit_A",
    [ARGUMENT_LIMIT_W] = "limit_W",
    [ARGUMENT_PHASES] = "phases",
    [ARGUMENT_PRIORITY] = "priority",
};

void expression_free(struct expression *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->text_count; i++)
        free(e->texts[i]);
    free(e->texts);
    free(e->numbers);
    free(e->ops);
    free(e);
}

struct expression *expression_of_text(const char *text)
{
    AUTO(expression) *e = calloc(1, sizeof(*e));
    if (!e || !(e->ops = calloc(1, sizeof(*e->ops))) || !(e->texts = calloc(1, sizeof(*e->texts))))
        return NULL;
    e->type = EXPRESSION_TEXT;
    e->ops[0].code = OP_TEXT;
    e->op_count = 1;
    e->text_count = 1;
    e->texts[0] = strdup(text);
    return e->texts[0] ? STEAL(e) : NULL;
}

/* ---- what it is made of ---- */

enum expression_type expression_type(const struct expression *e)
{
    return e->type;
}

const char *expression_unit(const struct expression *e, bool *ret_known)
{
    *ret_known = e->unit_known;
    return e->unit;
}

static bool names_point(const struct op *op)
{
    return op->code == OP_POINT || op->code == OP_POINT_TEXT || op->code == OP_KNOWN;
}

int expression_plain_point(const struct expression *e)
{
    bool plain = e->op_count == 1 && (e->ops[0].code == OP_POINT || e->ops[0].code == OP_POINT_TEXT);
    return plain ? e->ops[0].index : -1;
}

static bool is_first_use(const struct expression *e, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (names_point(&e->ops[i]) && e->ops[i].index == e->ops[at].index)
            return false;
    return true;
}

int expression_point(const struct expression *e, size_t n)
{
    for (size_t i = 0; i < e->op_count; i++)
        if (names_point(&e->ops[i]) && is_first_use(e, i) && n-- == 0)
            return e->ops[i].index;
    return -1;
}

bool expression_uses_argument(const struct expression *e, enum expression_argument argument)
{
    for (size_t i = 0; i < e->op_count; i++)
        if (e->ops[i].code == OP_ARGUMENT && e->ops[i].index == argument)
            return true;
    return false;
}

bool expression_uses_text(const struct expression *e)
{
    for (size_t i = 0; i < e->op_count; i++)
        if (e->ops[i].code == OP_ARGUMENT_TEXT)
            return true;
    return false;
}

bool expression_is_constant(const struct expression *e)
{
    for (size_t i = 0; i < e->op_count; i++)
        if (names_point(&e->ops[i]) || e->ops[i].code == OP_ARGUMENT || e->ops[i].code == OP_ARGUMENT_TEXT)
            return false;
    return true;
}

bool expression_is_same(const struct expression *a, const struct expression *b)
{
    if (a->op_count != b->op_count || a->number_count != b->number_count || a->text_count != b->text_count ||
        memcmp(a->ops, b->ops, a->op_count * sizeof(*a->ops)) != 0)
        return false;
    for (size_t i = 0; i < a->number_count; i++)
        if (a->numbers[i] != b->numbers[i])
            return false;
    for (size_t i = 0; i < a->text_count; i++)
        if (strcmp(a->texts[i], b->texts[i]) != 0)
            return false;
    return true;
}

int expression_find_point(const struct expression_scope *scope, const char *name)
{
    char prefixed[2 * POINT_NAME_SIZE];
    (void)snprintf(prefixed, sizeof(prefixed), "%s%s", scope->prefix, name);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < scope->count; i++)
            if (strcmp(scope->points[i].name, pass == 0 ? prefixed : name) == 0)
                return (int)i;
    return -1;
}

/* ---- evaluation ---- */

static const struct expression_value no_value;

static struct expression_value number_value(double number)
{
    struct expression_value v = { .known = isfinite(number), .number = number };
    if (v.known && number >= -9007199254740992.0 && number <= 9007199254740992.0)
        v.bits = (uint64_t)(int64_t)number;
    return v;
}

static struct expression_value bits_value(uint64_t bits)
{
    return (struct expression_value){ .known = true, .number = (double)bits, .bits = bits };
}

static struct expression_value truth_value(bool truth)
{
    return (struct expression_value){ .known = true, .number = truth, .bits = truth };
}

static struct expression_value text_value(const char *text)
{
    return (struct expression_value){ .known = text != NULL, .text = text };
}

static struct expression_value point_number(const struct point_value *p)
{
    if (p->quality != QUALITY_GOOD)
        return no_value;
    return (struct expression_value){ .known = isfinite(p->number), .number = p->number, .bits = p->raw };
}

static struct expression_value load(const struct expression *e, const struct op *op,
                                    const struct point_value *values,
                                    const struct expression_arguments *arguments)
{
    switch (op->code) {
    case OP_NUMBER:
        return number_value(e->numbers[op->index]);
    case OP_TEXT:
        return text_value(e->texts[op->index]);
    case OP_POINT:
        return point_number(&values[op->index]);
    case OP_POINT_TEXT:
        return values[op->index].quality == QUALITY_GOOD ? text_value(values[op->index].text) : no_value;
    case OP_KNOWN:
        return truth_value(values[op->index].quality == QUALITY_GOOD);
    case OP_ARGUMENT_TEXT:
        return arguments ? text_value(arguments->text) : no_value;
    default: /* OP_ARGUMENT */
        return arguments ? number_value(arguments->number[op->index]) : no_value;
    }
}

static bool is_in_numbers(const struct expression *e, const struct op *op, double number)
{
    for (size_t i = 0; i < op->arg; i++) {
        const double *pair = &e->numbers[op->index + 2 * i];
        if (number >= pair[0] && number <= pair[1])
            return true;
    }
    return false;
}

static bool is_in_texts(const struct expression *e, const struct op *op, const char *text)
{
    for (size_t i = 0; i < op->arg; i++)
        if (str_equal(e->texts[op->index + i], text))
            return true;
    return false;
}

static struct expression_value apply_one(const struct expression *e, const struct op *op,
                                         struct expression_value a)
{
    if (!a.known)
        return a;
    switch (op->code) {
    case OP_NEGATE:
        return number_value(-a.number);
    case OP_ABS:
        return number_value(fabs(a.number));
    case OP_TRUTH:
        return truth_value(a.bits != 0);
    case OP_NOT:
        return truth_value(a.bits == 0);
    case OP_IN_NUMBERS:
        return truth_value(is_in_numbers(e, op, a.number));
    default: /* OP_IN_TEXTS */
        return truth_value(is_in_texts(e, op, a.text));
    }
}

/* The decided operand decides, whatever the other would have been. */
static struct expression_value decide(struct expression_value a, struct expression_value b, bool deciding)
{
    if ((a.known && (a.bits != 0) == deciding) || (b.known && (b.bits != 0) == deciding))
        return truth_value(deciding);
    return a.known && b.known ? truth_value(!deciding) : no_value;
}

static struct expression_value apply_two(uint8_t code, struct expression_value a, struct expression_value b)
{
    if (code == OP_AND || code == OP_OR)
        return decide(a, b, code == OP_OR);
    if (!a.known || !b.known)
        return no_value;
    switch (code) {
    case OP_ADD:
        return number_value(a.number + b.number);
    case OP_SUBTRACT:
        return number_value(a.number - b.number);
    case OP_MULTIPLY:
        return number_value(a.number * b.number);
    case OP_DIVIDE:
        return b.number != 0 ? number_value(a.number / b.number) : no_value;
    case OP_MODULO:
        return b.number != 0 ? number_value(fmod(a.number, b.number)) : no_value;
    case OP_MASK:
        return bits_value(a.bits & b.bits);
    case OP_MIN:
        return a.number <= b.number ? a : b;
    case OP_MAX:
        return a.number >= b.number ? a : b;
    case OP_EQUAL:
        return truth_value(a.number == b.number);
    case OP_NOT_EQUAL:
        return truth_value(a.number != b.number);
    case OP_LESS:
        return truth_value(a.number < b.number);
    case OP_LESS_EQUAL:
        return truth_value(a.number <= b.number);
    case OP_GREATER:
        return truth_value(a.number > b.number);
    case OP_GREATER_EQUAL:
        return truth_value(a.number >= b.number);
    case OP_EQUAL_TEXT:
        return truth_value(str_equal(a.text, b.text));
    default: /* OP_NOT_EQUAL_TEXT */
        return truth_value(!str_equal(a.text, b.text));
    }
}

struct expression_value expression_eval(const struct expression *e, const struct point_value *values,
                                        const struct expression_arguments *arguments)
{
    struct expression_value stack[EXPRESSION_MAX_STACK]; /* the compiler saw to it that this suffices */
    size_t top = 0;
    for (size_t i = 0; i < e->op_count; i++) {
        const struct op *op = &e->ops[i];
        if (op->code <= OP_KNOWN) {
            stack[top++] = load(e, op, values, arguments);
        } else if (op->code < OP_ADD) {
            stack[top - 1] = apply_one(e, op, stack[top - 1]);
        } else {
            top--;
            stack[top - 1] = apply_two(op->code, stack[top - 1], stack[top]);
        }
    }
    return stack[0];
}
