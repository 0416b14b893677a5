#include "gateway/yaml_text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

/* ---- what can be written ---- */

static bool is_collection(const json_t *json)
{
    return json_is_object(json) || json_is_array(json);
}

size_t yaml_text_size(const json_t *json)
{
    const char *key;
    json_t *value;
    size_t count = 0;
    if (json_is_array(json))
        return json_array_size(json);
    json_object_foreach((json_t *)json, key, value)
    {
        count += !json_is_null(value);
    }
    return count;
}

static int check(const json_t *json, int depth, const char **ret_why)
{
    const char *key;
    json_t *value;
    size_t i;
    if (depth > YAML_TEXT_MAX_DEPTH)
        *ret_why = "it is nested too deeply";
    if (json_is_string(json) && strlen(json_string_value(json)) != json_string_length(json))
        *ret_why = "a text holds a NUL character";
    if (*ret_why)
        return -EINVAL;
    json_array_foreach(json, i, value)
    {
        if (json_is_null(value))
            *ret_why = "a list holds null";
        if (check(value, depth + 1, ret_why) < 0)
            return -EINVAL;
    }
    json_object_foreach((json_t *)json, key, value)
    {
        if (!json_is_null(value) && check(value, depth + 1, ret_why) < 0)
            return -EINVAL;
    }
    return 0;
}

int yaml_text_check(const json_t *json, const char **ret_why)
{
    *ret_why = NULL;
    return check(json, 0, ret_why);
}

/* ---- scalars ---- */

static bool is_word(const char *text)
{
    static const char *const words[] = { "true", "false", "yes", "no", "on", "off", "y", "n", "null" };
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_equal_ci(text, words[i]))
            return true;
    return false;
}

/* To any reader of YAML: digits, hex digits, dates. Two dots make it an address or a version. */
static bool looks_like_number(const char *text)
{
    const char *dot = strchr(text, '.');
    if (!strchr("0123456789+-.", text[0]) || (dot && strchr(dot + 1, '.')))
        return false;
    if (text[0] == '0' && text[1] && strchr("xXoObB", text[1]))
        return true;
    return text[strspn(text, "0123456789_.eE+-")] == '\0';
}

static bool is_plain(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/";
    size_t len = strlen(text);
    if (len == 0 || len > YAML_TEXT_WIDTH || !strchr(letters, text[0]) || text[len - 1] == ' ')
        return false;
    for (const char *at = text; *at; at++)
        if (!strchr(letters, *at) && !strchr(" .-+%@=()", *at))
            return false;
    return !is_word(text) && !looks_like_number(text);
}

/* What libyaml does not read as it is, or a person would not see. */
static bool is_printable(uint32_t c)
{
    return c >= 0x20 && c != 0x7F && !(c >= 0x80 && c < 0xA0) && c != 0xA0 && c != 0xAD &&
           !(c >= 0x200B && c <= 0x200F) && !(c >= 0x2028 && c <= 0x202E) && c != 0xFEFF &&
           (c & 0xFFFE) != 0xFFFE;
}

static uint32_t code_point(const char *text, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)text;
    static const unsigned char first_bits[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    uint32_t c = bytes[0] & first_bits[len];
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (bytes[i] & 0x3F);
    return c;
}

static void write_quoted(struct buf *out, const char *text)
{
    (void)buf_text(out, "\"");
    for (size_t left = strlen(text), step = 0; left > 0; text += step, left -= step) {
        step = utf8_step(text, left);
        if (step == 0) { /* jansson lets none in */
            out->err = -EINVAL;
            return;
        }
        uint32_t c = code_point(text, step);
        if (c == '"' || c == '\\')
            (void)buf_printf(out, "\\%c", (char)c);
        else if (c == '\n')
            (void)buf_text(out, "\\n");
        else if (c == '\t')
            (void)buf_text(out, "\\t");
        else if (is_printable(c))
            (void)buf_append(out, text, step);
        else
            (void)buf_printf(out, c > 0xFFFF ? "\\U%08" PRIX32 : "\\u%04" PRIX32, c);
    }
    (void)buf_text(out, "\"");
}

static void write_text(struct buf *out, const char *text)
{
    if (is_plain(text))
        (void)buf_text(out, text);
    else
        write_quoted(out, text);
}

/* The shortest that reads as the same number. */
static void format_real(double value, char *ret, size_t size)
{
    double back = 0;
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(ret, size, "%.*g", digits, value);
        if (str_to_double(ret, &back) == 0 && back == value)
            return;
    }
}

/* The text of a scalar; numbers are put into `number`. */
static const char *scalar_text(const json_t *json, char number[32])
{
    if (json_is_string(json))
        return json_string_value(json);
    if (json_is_boolean(json))
        return json_is_true(json) ? "true" : "false";
    if (json_is_integer(json))
        (void)snprintf(number, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
    else
        format_real(json_real_value(json), number, 32);
    return number;
}

static void write_scalar(struct buf *out, const json_t *json)
{
    char number[32];
    if (json_is_string(json))
        write_text(out, json_string_value(json));
    else
        (void)buf_text(out, scalar_text(json, number));
}

void yaml_text_key(struct buf *out, const char *key)
{
    write_text(out, key);
}

/* ---- collections ---- */

void yaml_text_flow(struct buf *out, const json_t *json)
{
    const char *key, *comma = "";
    json_t *value;
    size_t i;
    if (!is_collection(json)) {
        write_scalar(out, json);
        return;
    }
    bool list = json_is_array(json);
    if (yaml_text_size(json) == 0) {
        (void)buf_text(out, list ? "[]" : "{}");
        return;
    }
    (void)buf_text(out, list ? "[ " : "{ ");
    json_array_foreach(json, i, value)
    {
        (void)buf_text(out, comma);
        yaml_text_flow(out, value);
        comma = ", ";
    }
    json_object_foreach((json_t *)json, key, value)
    {
        if (json_is_null(value))
            continue;
        (void)buf_text(out, comma);
        yaml_text_key(out, key);
        (void)buf_text(out, ": ");
        yaml_text_flow(out, value);
        comma = ", ";
    }
    (void)buf_text(out, list ? " ]" : " }");
}

/* Appends it in one line if it fits behind the `column` it would begin in. */
static bool write_if_it_fits(struct buf *out, const json_t *json, int column)
{
    struct buf line;
    buf_init(&line, YAML_TEXT_WIDTH);
    yaml_text_flow(&line, json);
    bool fits = !is_collection(json) || yaml_text_size(json) == 0 ||
                (line.err == 0 && (size_t)column + line.len <= YAML_TEXT_WIDTH);
    buf_done(&line);
    if (fits)
        yaml_text_flow(out, json);
    return fits;
}

static void indent(struct buf *out, int column, const struct yaml_style *style)
{
    (void)buf_printf(out, "%s%*s", style->line_end, column, "");
}

void yaml_text_lines(struct buf *out, const json_t *json, int column, const struct yaml_style *style)
{
    int inner = column + (json_is_array(json) ? style->list_step : style->map_step);
    indent(out, inner, style);
    yaml_text_block(out, json, inner, style);
}

void yaml_text_value(struct buf *out, const json_t *json, int column, const struct yaml_style *style)
{
    struct buf line;
    buf_init(&line, YAML_TEXT_WIDTH + 1);
    (void)buf_text(&line, " ");
    int key_width = 12; /* about */
    bool fits = write_if_it_fits(&line, json, column + key_width);
    if (fits && line.err == 0) {
        (void)buf_append(out, line.data, line.len);
    } else if (fits) { /* a long text */
        (void)buf_text(out, " ");
        yaml_text_flow(out, json);
    } else {
        yaml_text_lines(out, json, column, style);
    }
    buf_done(&line);
}

void yaml_text_block(struct buf *out, const json_t *json, int column, const struct yaml_style *style)
{
    const char *key;
    json_t *value;
    size_t i;
    bool first = true;
    json_array_foreach(json, i, value)
    {
        if (!first)
            indent(out, column, style);
        first = false;
        (void)buf_text(out, "- ");
        if (!write_if_it_fits(out, value, column + 2))
            yaml_text_block(out, value, column + 2, style);
    }
    json_object_foreach((json_t *)json, key, value)
    {
        if (json_is_null(value))
            continue;
        if (!first)
            indent(out, column, style);
        first = false;
        yaml_text_key(out, key);
        (void)buf_text(out, ":");
        yaml_text_value(out, value, column, style);
    }
}

/* ---- comparing and reading ---- */

bool yaml_text_matches(const struct yaml_node *node, const json_t *json)
{
    char number[32];
    if (node->kind == YAML_SCALAR)
        return json && !is_collection(json) && !json_is_null(json) &&
               str_equal(node->text, scalar_text(json, number));
    bool list = node->kind == YAML_LIST;
    if (!(list ? json_is_array(json) : json_is_object(json)) || node->count != yaml_text_size(json))
        return false;
    size_t i = 0;
    for (const struct yaml_node *n = node->children; n; n = n->next, i++) {
        const json_t *value = list ? json_array_get(json, i) : json_object_get(json, n->key);
        if (!value || !yaml_text_matches(n, value))
            return false;
    }
    return true;
}

static json_t *scalar_to_json(const struct yaml_node *node)
{
    int64_t integer;
    double real;
    char number[32] = "";
    if (node->quoted)
        return json_string(node->text);
    if (str_equal(node->text, "true") || str_equal(node->text, "false"))
        return json_boolean(node->text[0] == 't');
    if (str_to_int64(node->text, &integer) == 0) {
        (void)snprintf(number, sizeof(number), "%" PRId64, integer);
        if (str_equal(number, node->text)) /* 007 is a text */
            return json_integer(integer);
    }
    if (str_to_double(node->text, &real) == 0 && real != floor(real)) {
        format_real(real, number, sizeof(number));
        if (str_equal(number, node->text))
            return json_real(real);
    }
    return json_string(node->text);
}

json_t *yaml_text_to_json(const struct yaml_node *node, bool hide)
{
    if (node->kind == YAML_SCALAR && hide && node->key && str_equal(node->key, "password"))
        return json_string(YAML_TEXT_HIDDEN);
    if (node->kind == YAML_SCALAR)
        return scalar_to_json(node);
    AUTO(json_t) *all = node->kind == YAML_LIST ? json_array() : json_object();
    for (const struct yaml_node *n = node->children; n; n = n->next) {
        json_t *value = yaml_text_to_json(n, hide);
        int r = node->kind == YAML_LIST ? json_array_append_new(all, value)
                                        : json_object_set_new(all, n->key, value);
        if (r < 0)
            return NULL;
    }
    return STEAL(all);
}
