/* The inside of an expression, shared by compiler, evaluator and the check of state rules. */
#ifndef CHARGER_EXPRESSION_OPS_H
#define CHARGER_EXPRESSION_OPS_H

#include "charger/expression.h"

enum op_code {
    OP_NUMBER, /* index: numbers[] */
    OP_TEXT,   /* index: texts[] */
    OP_POINT,  /* index: point, numeric */
    OP_POINT_TEXT,
    OP_ARGUMENT, /* index: argument */
    OP_ARGUMENT_TEXT,
    OP_KNOWN, /* index: point -> truth */
    OP_NEGATE,
    OP_ABS,
    OP_TRUTH, /* number -> truth */
    OP_NOT,
    OP_IN_NUMBERS, /* arg pairs (low, high) from numbers[index] */
    OP_IN_TEXTS,   /* arg texts from texts[index] */
    OP_ADD,        /* from here on two operands */
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_MODULO,
    OP_MASK,
    OP_MIN,
    OP_MAX,
    OP_EQUAL,
    OP_NOT_EQUAL,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_EQUAL_TEXT,
    OP_NOT_EQUAL_TEXT,
    OP_AND,
    OP_OR,
};

struct op {
    uint8_t code; /* enum op_code */
    uint8_t arg;
    uint16_t index;
};

struct expression {
    enum expression_type type;
    bool unit_known;
    char unit[8];
    uint16_t op_count, number_count, text_count;
    struct op *ops;
    double *numbers;
    char **texts;
};

#endif
