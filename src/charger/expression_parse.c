/* Compiles the text of an expression to postfix operations: a recursive descent of bounded depth, with
 * types and units checked on the way, so that evaluation needs no check at all.
 *
 *     or          = and { "or" and }
 *     and         = not { "and" not }
 *     not         = "not" not | comparison
 *     comparison  = mask [ ("==" | "!=" | "<" | "<=" | ">" | ">=") mask | ["not"] "in" set ]
 *     set         = range | "[" range { "," range } "]"            range = constant [ ".." constant ]
 *     mask        = sum { "&" sum }
 *     sum         = product { ("+" | "-") product }
 *     product     = sign { ("*" | "/" | "%") sign }
 *     sign        = "-" sign | primary
 *     primary     = number | text | "true" | "false" | name | "(" or ")" | function
 *     function    = ("min" | "max") "(" or "," or { "," or } ")" | "abs" "(" or ")" | "known" "(" name ")" */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/str.h"
#include "base/yaml.h"
#include "charger/expression_ops.h"

#define MAX_NESTING 24
#define MAX_TOKEN   128

enum token_kind { TOKEN_END, TOKEN_NUMBER, TOKEN_TEXT, TOKEN_NAME, TOKEN_SIGN };

struct token {
    enum token_kind kind;
    int column;
    double number;
    char text[MAX_TOKEN]; /* text without quotes, name, or sign */
};

/* What is known of a part that was compiled: its value will be on the stack. */
struct part {
    enum expression_type type;
    bool unit_known;
    char unit[8];
    bool is_scaled; /* not the device's own bits: no masks */
    int column;
};

struct parser {
    const char *start, *at;
    struct token token;
    const struct expression_scope *scope;
    struct expression_error *error;
    struct expression *e;
    int nesting;
    size_t stack;
    int err; /* the first error sticks; all goes on without effect */
};

static void fail(struct parser *p, int column, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void fail(struct parser *p, int column, const char *format, ...)
{
    va_list args;
    if (p->err)
        return;
    p->err = -EINVAL;
    p->error->column = column;
    va_start(args, format);
    (void)vsnprintf(p->error->text, sizeof(p->error->text), format, args);
    va_end(args);
}

/* ---- tokens ---- */

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_"
#define DIGITS  "0123456789"

static void take_number(struct parser *p)
{
    size_t len = 0;
    if (p->at[0] == '0' && (p->at[1] == 'x' || p->at[1] == 'X')) {
        len = 2 + strspn(p->at + 2, DIGITS "abcdefABCDEF");
    } else {
        len = strspn(p->at, DIGITS);
        if (p->at[len] == '.' && p->at[len + 1] != '.') /* 1..2 is a range */
            len += 1 + strspn(p->at + len + 1, DIGITS);
    }
    int64_t whole = 0;
    p->token.kind = TOKEN_NUMBER;
    if (len < MAX_TOKEN) {
        memcpy(p->token.text, p->at, len);
        p->token.text[len] = '\0';
        if (str_to_int(p->token.text, 0, INT64_C(1) << 53, &whole) == 0)
            p->token.number = (double)whole;
        else if (str_to_double(p->token.text, &p->token.number) < 0)
            len = MAX_TOKEN;
    }
    if (len >= MAX_TOKEN || strchr(LETTERS DIGITS, p->at[len] ? p->at[len] : ' '))
        fail(p, p->token.column, "this is no number; expected such as 12, 0.5 or 0x40");
    else
        p->at += len;
}

static void take_text(struct parser *p)
{
    const char quote[2] = { *p->at, '\0' };
    size_t len = strcspn(p->at + 1, quote);
    p->token.kind = TOKEN_TEXT;
    if (p->at[1 + len] == '\0')
        fail(p, p->token.column, "the text is not closed; expected another %s", quote);
    else if (len >= MAX_TOKEN)
        fail(p, p->token.column, "the text is too long");
    if (p->err)
        return;
    memcpy(p->token.text, p->at + 1, len);
    p->token.text[len] = '\0';
    p->at += len + 2;
}

static void take_name(struct parser *p)
{
    size_t len = strspn(p->at, LETTERS DIGITS);
    p->token.kind = TOKEN_NAME;
    if (len >= MAX_TOKEN) {
        fail(p, p->token.column, "the name is too long");
        return;
    }
    memcpy(p->token.text, p->at, len);
    p->token.text[len] = '\0';
    p->at += len;
}

/* Bytes of the UTF-8 character at `at`, which the YAML parser has checked. */
static int character_length(const char *at)
{
    int len = 1;
    while (len < 4 && ((unsigned char)at[len] & 0xC0) == 0x80)
        len++;
    return len;
}

static void take_sign(struct parser *p)
{
    static const char *const signs[] = { "==", "!=", "<=", ">=", "..", "<", ">", "&", "+",
                                         "-",  "*",  "/",  "%",  "(",  ")", "[", "]", "," };
    p->token.kind = TOKEN_SIGN;
    for (size_t i = 0; i < ARRAY_SIZE(signs) && !str_starts(p->at, "&&"); i++)
        if (str_starts(p->at, signs[i])) {
            (void)str_copy(p->token.text, sizeof(p->token.text), signs[i]);
            p->at += strlen(signs[i]);
            return;
        }
    if (*p->at == '=')
        fail(p, p->token.column, "\"=\" compares nothing; expected ==");
    else if (str_starts(p->at, "||") || str_starts(p->at, "|"))
        fail(p, p->token.column, "\"|\" is unknown; expected the word or");
    else if (str_starts(p->at, "&&"))
        fail(p, p->token.column, "\"&&\" is unknown; expected the word and");
    else if (*p->at == '!')
        fail(p, p->token.column, "\"!\" is unknown; expected the word not");
    else
        fail(p, p->token.column, "the character \"%.*s\" has no meaning here", character_length(p->at),
             p->at);
}

static void advance(struct parser *p)
{
    p->at += strspn(p->at, " \t\r\n");
    p->token = (struct token){ .kind = TOKEN_END, .column = (int)(p->at - p->start) + 1 };
    if (p->err || !*p->at)
        return;
    if (strchr(DIGITS, *p->at))
        take_number(p);
    else if (*p->at == '"' || *p->at == '\'')
        take_text(p);
    else if (strchr(LETTERS, *p->at))
        take_name(p);
    else
        take_sign(p);
    if (p->err)
        p->token.kind = TOKEN_END;
}

static bool is_at(const struct parser *p, const char *word)
{
    return !p->err && (p->token.kind == TOKEN_SIGN || p->token.kind == TOKEN_NAME) &&
           strcmp(p->token.text, word) == 0;
}

static bool accept(struct parser *p, const char *word)
{
    if (!is_at(p, word))
        return false;
    advance(p);
    return true;
}

static void expect(struct parser *p, const char *word)
{
    if (!accept(p, word))
        fail(p, p->token.column, "expected %s%s%s", word, p->token.kind == TOKEN_END ? "" : " instead of ",
             p->token.text);
}

/* ---- emitting ---- */

static void emit(struct parser *p, enum op_code code, size_t arg, size_t index)
{
    if (p->err)
        return;
    if (code <= OP_KNOWN)
        p->stack++;
    else if (code >= OP_ADD)
        p->stack--;
    if (p->e->op_count == EXPRESSION_MAX_OPS || p->stack > EXPRESSION_MAX_STACK) {
        fail(p, p->token.column, "the expression is too long; split the rule, or use a list");
        return;
    }
    struct op *ops = reallocarray(p->e->ops, p->e->op_count + 1, sizeof(*ops));
    if (!ops) {
        p->err = -ENOMEM;
        return;
    }
    p->e->ops = ops;
    ops[p->e->op_count++] =
        (struct op){ .code = (uint8_t)code, .arg = (uint8_t)arg, .index = (uint16_t)index };
}

static size_t add_number(struct parser *p, double number)
{
    double *numbers = reallocarray(p->e->numbers, p->e->number_count + 1, sizeof(*numbers));
    if (!numbers) {
        p->err = p->err ? p->err : -ENOMEM;
        return 0;
    }
    p->e->numbers = numbers;
    numbers[p->e->number_count] = number;
    return p->e->number_count++;
}

static size_t add_text(struct parser *p, const char *text)
{
    char **texts = reallocarray(p->e->texts, p->e->text_count + 1, sizeof(*texts));
    if (texts)
        p->e->texts = texts;
    if (!texts || !(texts[p->e->text_count] = strdup(text))) {
        p->err = p->err ? p->err : -ENOMEM;
        return 0;
    }
    return p->e->text_count++;
}

/* ---- types and units ---- */

static const char *type_name(enum expression_type type)
{
    static const char *const names[] = { "a number", "a number", "a condition", "a text" };
    return names[type];
}

static bool is_number(const struct part *part)
{
    return part->type == EXPRESSION_NUMBER || part->type == EXPRESSION_FLAG;
}

static void need_number(struct parser *p, const struct part *part, const char *why)
{
    if (!is_number(part))
        fail(p, part->column, "this is %s, but %s needs a number", type_name(part->type), why);
}

/* Makes a truth of what may stand as a condition. */
static void need_truth(struct parser *p, struct part *part, const char *why)
{
    if (part->type == EXPRESSION_FLAG) {
        emit(p, OP_TRUTH, 0, 0);
        part->type = EXPRESSION_TRUTH;
    } else if (part->type != EXPRESSION_TRUTH) {
        fail(p, part->column, "this is %s, but %s needs a condition; compare it, such as ... == 1",
             type_name(part->type), why);
    }
    part->unit_known = false;
}

static void need_same_unit(struct parser *p, const struct part *a, const struct part *b, int column)
{
    if (a->unit_known && b->unit_known && a->unit[0] && b->unit[0] && strcmp(a->unit, b->unit) != 0)
        fail(p, column, "%s and %s do not go together; bring both to one unit by their points' scale",
             a->unit, b->unit);
}

static struct part number_part(int column)
{
    return (struct part){ .type = EXPRESSION_NUMBER, .column = column };
}

static struct part truth_part(int column)
{
    return (struct part){ .type = EXPRESSION_TRUTH, .column = column };
}

/* ---- grammar ---- */

static struct part parse_or(struct parser *p);

static void fail_unknown_name(struct parser *p, const char *name, int column)
{
    const char *names[PROFILE_MAX_POINTS + ARGUMENTS + 2];
    size_t count = 0, skip = strlen(p->scope->prefix);
    for (size_t i = 0; i < p->scope->count && count < PROFILE_MAX_POINTS; i++) {
        bool own = skip && str_starts(p->scope->points[i].name, p->scope->prefix);
        names[count++] = p->scope->points[i].name + (own ? skip : 0);
    }
    for (int i = 0; i < ARGUMENTS; i++)
        if (i == ARGUMENT_PRIORITY ? p->scope->display : p->scope->arguments)
            names[count++] = expression_argument_names[i];
    if (p->scope->display)
        names[count++] = EXPRESSION_TEXT_ARGUMENT;
    names[count] = NULL;
    static const char *const truths[] = { "yes", "no", "on", "off", NULL };
    const char *near = nearest_name(name, names),
               *kind = p->scope->arguments || p->scope->display ? " and no argument" : "";
    for (size_t i = 0; truths[i]; i++)
        if (strcasecmp(name, truths[i]) == 0)
            fail(p, column, "\"%s\" is no value; expected true or false, or a number such as 1", name);
    if (is_at(p, "("))
        fail(p, column, "there is no function %s(); expected min(), max(), abs() or known()", name);
    else if (near)
        fail(p, column, "\"%s\" is no point%s; did you mean %s?", name, kind, near);
    else
        fail(p, column, "\"%s\" is no point%s of this profile; a text would stand in quotes", name, kind);
}

/* What stands behind an expression that is whole. */
static void fail_behind(struct parser *p)
{
    static const struct {
        const char *word, *remedy;
    } rows[] = {
        { "AND", "the word is and" },
        { "OR", "the word is or" },
        { "is", "expected ==" },
        { ",", "a list stands in brackets, such as in [1, 3]" },
        { "-", "a range is written 1..3" },
        { "<", "compare once, then: and" },
        { "<=", "compare once, then: and" },
        { "==", "compare once, then: and" },
    };
    const char *remedy = "the expression could end before it";
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strcasecmp(p->token.text, rows[i].word) == 0)
            remedy = rows[i].remedy;
    fail(p, p->token.column, "\"%s\" does not belong here; %s", p->token.text, remedy);
}

static struct part point_part(struct parser *p, int index, int column)
{
    const struct point *point = &p->scope->points[index];
    struct part part = number_part(column);
    bool is_text = point->type == POINT_STRING || point->type == POINT_UTF16 || point->type == POINT_BYTES ||
                   point->type == POINT_UID;
    if (is_text)
        part.type = EXPRESSION_TEXT;
    else if (point->type == POINT_BOOL)
        part.type = EXPRESSION_FLAG;
    part.unit_known = true;
    memcpy(part.unit, point->unit, sizeof(part.unit));
    part.is_scaled = point->scale != 1 || point->offset != 0 || point->scale_point >= 0 ||
                     point->type == POINT_F32 || point->type == POINT_F64;
    emit(p, is_text ? OP_POINT_TEXT : OP_POINT, 0, (size_t)index);
    return part;
}

static struct part parse_name(struct parser *p)
{
    struct token name = p->token;
    advance(p);
    if (strcmp(name.text, "true") == 0 || strcmp(name.text, "false") == 0) {
        emit(p, OP_NUMBER, 0, add_number(p, name.text[0] == 't'));
        return truth_part(name.column);
    }
    if (p->scope->display && strcmp(name.text, EXPRESSION_TEXT_ARGUMENT) == 0) {
        struct part part = number_part(name.column);
        part.type = EXPRESSION_TEXT;
        emit(p, OP_ARGUMENT_TEXT, 0, 0);
        return part;
    }
    for (size_t i = 0; i < ARGUMENTS; i++)
        if (strcmp(name.text, expression_argument_names[i]) == 0) {
            if (i == ARGUMENT_PRIORITY && !p->scope->display)
                continue; /* a name like any other */
            if (i != ARGUMENT_PRIORITY && !p->scope->arguments)
                fail(p, name.column, "%s has a value in commands only", name.text);
            struct part part = number_part(name.column);
            part.unit_known = i != ARGUMENT_PHASES && i != ARGUMENT_PRIORITY;
            (void)str_copy(part.unit, sizeof(part.unit),
                           i == ARGUMENT_LIMIT_A   ? "A"
                           : i == ARGUMENT_LIMIT_W ? "W"
                                                   : "");
            emit(p, OP_ARGUMENT, 0, i);
            return part;
        }
    int index = expression_find_point(p->scope, name.text);
    if (index >= 0)
        return point_part(p, index, name.column);
    fail_unknown_name(p, name.text, name.column);
    return number_part(name.column);
}

static struct part parse_min_max(struct parser *p, enum op_code code)
{
    int column = p->token.column;
    const char *name = code == OP_MIN ? "min()" : "max()";
    advance(p);
    expect(p, "(");
    struct part all = parse_or(p);
    need_number(p, &all, name);
    do {
        expect(p, ",");
        struct part next = parse_or(p);
        need_number(p, &next, name);
        need_same_unit(p, &all, &next, next.column);
        all.unit_known = all.unit_known && next.unit_known;
        all.is_scaled = all.is_scaled || next.is_scaled;
        emit(p, code, 0, 0);
    } while (is_at(p, ","));
    expect(p, ")");
    all.type = EXPRESSION_NUMBER;
    all.column = column;
    return all;
}

static struct part parse_abs(struct parser *p)
{
    advance(p);
    expect(p, "(");
    struct part part = parse_or(p);
    need_number(p, &part, "abs()");
    emit(p, OP_ABS, 0, 0);
    expect(p, ")");
    part.type = EXPRESSION_NUMBER;
    return part;
}

static struct part parse_known(struct parser *p)
{
    struct part part = truth_part(p->token.column);
    advance(p);
    expect(p, "(");
    struct token name = p->token;
    if (name.kind != TOKEN_NAME)
        fail(p, name.column, "known() needs the name of a point");
    advance(p);
    int index = expression_find_point(p->scope, name.text);
    if (index < 0)
        fail_unknown_name(p, name.text, name.column);
    else
        emit(p, OP_KNOWN, 0, (size_t)index);
    expect(p, ")");
    return part;
}

static struct part parse_primary(struct parser *p)
{
    struct part part = number_part(p->token.column);
    if (p->token.kind == TOKEN_NUMBER) {
        emit(p, OP_NUMBER, 0, add_number(p, p->token.number));
        advance(p);
    } else if (p->token.kind == TOKEN_TEXT) {
        emit(p, OP_TEXT, 0, add_text(p, p->token.text));
        part.type = EXPRESSION_TEXT;
        advance(p);
    } else if (accept(p, "(")) {
        part = parse_or(p);
        expect(p, ")");
    } else if (is_at(p, "min") || is_at(p, "max")) {
        part = parse_min_max(p, is_at(p, "min") ? OP_MIN : OP_MAX);
    } else if (is_at(p, "abs")) {
        part = parse_abs(p);
    } else if (is_at(p, "known")) {
        part = parse_known(p);
    } else if (p->token.kind == TOKEN_NAME) {
        part = parse_name(p);
    } else {
        fail(p, p->token.column,
             p->token.kind == TOKEN_END ? "the expression ends too early"
                                        : "expected a value: a number, a text in quotes or a point");
    }
    return part;
}

/* The one place where nesting happens, so the one that counts it. */
static struct part parse_sign(struct parser *p)
{
    struct part part = number_part(p->token.column);
    if (++p->nesting > MAX_NESTING) {
        fail(p, p->token.column, "nested too deeply");
    } else if (accept(p, "-")) {
        part = parse_sign(p);
        need_number(p, &part, "-");
        emit(p, OP_NEGATE, 0, 0);
        part.type = EXPRESSION_NUMBER;
    } else {
        part = parse_primary(p);
    }
    p->nesting--;
    return part;
}

static struct part parse_product(struct parser *p)
{
    struct part left = parse_sign(p);
    while (is_at(p, "*") || is_at(p, "/") || is_at(p, "%")) {
        char sign[2] = { p->token.text[0], '\0' };
        advance(p);
        need_number(p, &left, sign);
        struct part right = parse_sign(p);
        need_number(p, &right, sign);
        emit(p, *sign == '*' ? OP_MULTIPLY : *sign == '/' ? OP_DIVIDE : OP_MODULO, 0, 0);
        left = number_part(left.column); /* of what unit, nobody says */
    }
    return left;
}

static struct part parse_sum(struct parser *p)
{
    struct part left = parse_product(p);
    while (is_at(p, "+") || is_at(p, "-")) {
        char sign[2] = { p->token.text[0], '\0' };
        int column = p->token.column;
        advance(p);
        need_number(p, &left, sign);
        struct part right = parse_product(p);
        need_number(p, &right, sign);
        need_same_unit(p, &left, &right, column);
        emit(p, *sign == '+' ? OP_ADD : OP_SUBTRACT, 0, 0);
        left.type = EXPRESSION_NUMBER;
        left.unit_known = left.unit_known && right.unit_known;
    }
    return left;
}

static struct part parse_mask(struct parser *p)
{
    struct part left = parse_sum(p);
    while (accept(p, "&")) {
        struct part right = parse_sum(p);
        need_number(p, &left, "&");
        need_number(p, &right, "&");
        if (left.is_scaled || right.is_scaled)
            fail(p, left.is_scaled ? left.column : right.column,
                 "a mask needs the device's own bits, and this point is scaled");
        emit(p, OP_MASK, 0, 0);
        left = (struct part){ .type = EXPRESSION_FLAG, .column = left.column };
    }
    return left;
}

static double parse_constant_number(struct parser *p)
{
    bool negative = accept(p, "-");
    double number = p->token.number;
    if (p->token.kind != TOKEN_NUMBER)
        fail(p, p->token.column, "expected a constant number, such as in 1..3 or in [1, 3, 5..7]");
    advance(p);
    return negative ? -number : number;
}

static void parse_number_range(struct parser *p)
{
    int column = p->token.column;
    double low = parse_constant_number(p), high = low;
    if (accept(p, ".."))
        high = parse_constant_number(p);
    if (low > high)
        fail(p, column, "the range is empty: its start is above its end");
    add_number(p, low);
    add_number(p, high);
}

static void parse_text_item(struct parser *p)
{
    if (p->token.kind != TOKEN_TEXT)
        fail(p, p->token.column, "expected a text, such as in [\"A\", \"B\"]");
    add_text(p, p->token.text);
    advance(p);
}

static struct part parse_in(struct parser *p, const struct part *left, bool negated)
{
    bool texts = left->type == EXPRESSION_TEXT;
    size_t first = texts ? p->e->text_count : p->e->number_count, count = 0;
    if (!texts)
        need_number(p, left, "in");
    bool list = accept(p, "[");
    do {
        if (texts)
            parse_text_item(p);
        else
            parse_number_range(p);
        if (++count > UINT8_MAX)
            fail(p, p->token.column, "the list is too long");
    } while (list && accept(p, ","));
    if (list)
        expect(p, "]");
    emit(p, texts ? OP_IN_TEXTS : OP_IN_NUMBERS, count, first);
    if (negated)
        emit(p, OP_NOT, 0, 0);
    return truth_part(left->column);
}

static void check_comparison(struct parser *p, struct part *left, const struct part *right, const char *sign)
{
    bool order = sign[0] == '<' || sign[0] == '>';
    if (left->type == EXPRESSION_TRUTH && right->type == EXPRESSION_FLAG)
        emit(p, OP_TRUTH, 0, 0);
    else if (is_number(left) && is_number(right))
        need_same_unit(p, left, right, right->column);
    else if (left->type != right->type)
        fail(p, right->column, "this is %s, but what stands before %s is %s", type_name(right->type), sign,
             type_name(left->type));
    else if (order)
        fail(p, left->column, "%s has no order; only numbers can be compared by %s", type_name(left->type),
             sign);
}

static struct part parse_compare_with(struct parser *p, struct part *left, size_t which)
{
    static const struct {
        const char *sign;
        enum op_code code, text_code;
    } rows[] = { { "==", OP_EQUAL, OP_EQUAL_TEXT },
                 { "!=", OP_NOT_EQUAL, OP_NOT_EQUAL_TEXT },
                 { "<=", OP_LESS_EQUAL, OP_LESS_EQUAL },
                 { ">=", OP_GREATER_EQUAL, OP_GREATER_EQUAL },
                 { "<", OP_LESS, OP_LESS },
                 { ">", OP_GREATER, OP_GREATER } };
    advance(p);
    struct part right = number_part(p->token.column);
    bool flag_to_truth = left->type == EXPRESSION_FLAG && (is_at(p, "true") || is_at(p, "false"));
    if (flag_to_truth)
        need_truth(p, left, "==");
    right = parse_mask(p);
    check_comparison(p, left, &right, rows[which].sign);
    emit(p, left->type == EXPRESSION_TEXT ? rows[which].text_code : rows[which].code, 0, 0);
    return truth_part(left->column);
}

static struct part parse_comparison(struct parser *p)
{
    static const char *const signs[] = { "==", "!=", "<=", ">=", "<", ">" };
    struct part left = parse_mask(p);
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
        if (is_at(p, signs[i]))
            return parse_compare_with(p, &left, i);
    if (accept(p, "in"))
        return parse_in(p, &left, false);
    if (accept(p, "not")) {
        expect(p, "in");
        return parse_in(p, &left, true);
    }
    return left;
}

static struct part parse_not(struct parser *p)
{
    int column = p->token.column, count = 0;
    while (accept(p, "not"))
        count++;
    struct part part = parse_comparison(p);
    if (count == 0)
        return part;
    need_truth(p, &part, "not");
    if (count % 2)
        emit(p, OP_NOT, 0, 0);
    part.column = column;
    return part;
}

static struct part parse_and(struct parser *p)
{
    struct part left = parse_not(p);
    while (is_at(p, "and")) {
        need_truth(p, &left, "and");
        advance(p);
        struct part right = parse_not(p);
        need_truth(p, &right, "and");
        emit(p, OP_AND, 0, 0);
    }
    return left;
}

static struct part parse_or(struct parser *p)
{
    struct part left = parse_and(p);
    while (is_at(p, "or")) {
        need_truth(p, &left, "or");
        advance(p);
        struct part right = parse_and(p);
        need_truth(p, &right, "or");
        emit(p, OP_OR, 0, 0);
    }
    return left;
}

int expression_compile(const char *text, const struct expression_scope *scope, struct expression_error *error,
                       struct expression **ret)
{
    AUTO(expression) *e = calloc(1, sizeof(*e));
    if (!e)
        return -ENOMEM;
    struct parser p = { .start = text, .at = text, .scope = scope, .error = error, .e = e };
    if (strlen(text) > EXPRESSION_MAX_TEXT)
        fail(&p, 1, "the expression is too long");
    advance(&p);
    struct part whole = parse_or(&p);
    if (p.token.kind != TOKEN_END)
        fail_behind(&p);
    if (p.err)
        return p.err;
    e->type = whole.type;
    e->unit_known = whole.unit_known && is_number(&whole);
    memcpy(e->unit, whole.unit, sizeof(e->unit));
    *ret = STEAL(e);
    return 0;
}
