/* Expressions of a profile: small, typed, checked when the profile is loaded, then a row of postfix
 * operations that is evaluated without allocating and without recursion.
 *
 *     cp_state == 9 or flags & 0x40        power in 1..50        min(limit_A, 32) * 10        known(power)
 *
 * Three-valued: a point without a good value has no value, and neither has what is computed of it. Only
 * `and`, `or` and known() can still decide: false and unknown is false, true or unknown is true. */
#ifndef CHARGER_EXPRESSION_H
#define CHARGER_EXPRESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "charger/point.h"

#define EXPRESSION_MAX_TEXT  1000
#define EXPRESSION_MAX_OPS   250
#define EXPRESSION_MAX_STACK 32

struct expression;

enum expression_type {
    EXPRESSION_NUMBER,
    EXPRESSION_FLAG, /* a number that may also stand as a condition: a coil, the result of & */
    EXPRESSION_TRUTH,
    EXPRESSION_TEXT,
};

/* Names that are no points: what a command was asked for, and (ARGUMENT_PRIORITY and EXPRESSION_TEXT_ARGUMENT) what is to be shown. */
enum expression_argument {
    ARGUMENT_LIMIT_A,
    ARGUMENT_LIMIT_W,
    ARGUMENT_PHASES,
    ARGUMENT_PRIORITY,
    ARGUMENTS
};
extern const char *const expression_argument_names[ARGUMENTS + 1]; /* NULL-terminated */
#define EXPRESSION_TEXT_ARGUMENT "text"

struct expression_arguments {
    double number[ARGUMENTS]; /* NAN: has no value */
    const char *text;         /* NULL: has no value */
};

/* Which names an expression may use. A point is looked up as `prefix` + name first, then as name. */
struct expression_scope {
    const struct point *points;
    size_t count;
    const char *prefix; /* "", or "2." for the points of the second EVSE */
    bool arguments;     /* of a command */
    bool display;       /* of the command display */
};

struct expression_error {
    int column; /* 1-based, in the text */
    char text[240];
};

/* 0, -EINVAL (see error), -ENOMEM. On success *ret is the caller's. */
int expression_compile(const char *text, const struct expression_scope *scope, struct expression_error *error,
                       struct expression **ret);
/* One that always gives this text. NULL without memory. */
struct expression *expression_of_text(const char *text);
void expression_free(struct expression *e);
DEFINE_AUTO(expression, expression_free)

enum expression_type expression_type(const struct expression *e);
/* The unit of its value, "" if it has none or it cannot be told (*ret_known false). */
const char *expression_unit(const struct expression *e, bool *ret_known);
/* The point that the expression is nothing but; -1: it is more, or none. */
int expression_plain_point(const struct expression *e);
/* The n-th point it names (each once), -1: no more. */
int expression_point(const struct expression *e, size_t n);
bool expression_uses_argument(const struct expression *e, enum expression_argument argument);
bool expression_uses_text(const struct expression *e); /* EXPRESSION_TEXT_ARGUMENT */
/* Names neither points nor arguments. */
bool expression_is_constant(const struct expression *e);
bool expression_is_same(const struct expression *a, const struct expression *b);

struct expression_value {
    bool known;
    double number;    /* numbers; truths: 0 or 1 */
    uint64_t bits;    /* integral numbers, for masks */
    const char *text; /* texts; borrowed from the values or the expression */
};

/* `values` by point index; `arguments` may be NULL. */
struct expression_value expression_eval(const struct expression *e, const struct point_value *values,
                                        const struct expression_arguments *arguments);

/* The points' index for a name in the scope, or -1. */
int expression_find_point(const struct expression_scope *scope, const char *name);

#endif
