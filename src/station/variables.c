/* The values of the device model. The rows are in variable_table.c, what the CSMS asks of them in variable_requests.c.
 *
 * Kept per station are only the rows that have another value than the table's, in an array in no order: there are few. */
#include "station/variables.h"

#include <math.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "base/yaml.h" /* nearest_name() */
#include "station/internal.h"
#include "station/variable_table.h"

struct variable_value {
    uint16_t row;
    uint16_t evse;      /* of a row of TIER_EVSE; else 0 */
    char *preset, *set; /* by the configuration; by the CSMS, or NULL */
};

struct variable_values {
    size_t count;
    struct variable_value *items;
};

/* ---- values ---- */

static struct variable_value *find_value(const struct station *s, const struct variable_row *row, int evse)
{
    const struct variable_values *values = s->variables;
    uint16_t index = (uint16_t)(row - variable_table);
    for (size_t i = 0; values && i < values->count; i++)
        if (values->items[i].row == index && values->items[i].evse == evse)
            return &values->items[i];
    return NULL;
}

/* The value's place, made if it is not there; NULL without memory. */
static struct variable_value *make_value(struct station *s, const struct variable_row *row, int evse)
{
    struct variable_value *value = find_value(s, row, evse);
    if (value)
        return value;
    if (!s->variables)
        s->variables = calloc(1, sizeof(*s->variables));
    if (!s->variables)
        return NULL;
    struct variable_value *items =
        realloc(s->variables->items, (s->variables->count + 1) * sizeof(*s->variables->items));
    if (!items)
        return NULL;
    s->variables->items = items;
    value = &items[s->variables->count++];
    *value = (struct variable_value){ .row = (uint16_t)(row - variable_table), .evse = (uint16_t)evse };
    return value;
}

const char *variable_stored_text(const struct station *s, const struct variable_row *row, int evse)
{
    const struct variable_value *value = find_value(s, row, evse);
    if (value && value->set)
        return value->set;
    if (value && value->preset)
        return value->preset;
    return row->fallback ? row->fallback : "";
}

int variable_set(struct station *s, const struct variable_row *row, int evse, const char *text)
{
    char *copy = strdup(text);
    struct variable_value *value = copy ? make_value(s, row, evse) : NULL;
    if (!value) {
        free(copy);
        return -ENOMEM;
    }
    free(value->set);
    value->set = copy;
    return 0;
}

int variable_place_evse(const struct variable_place *place)
{
    return place->evse && place->connector == 0 ? place->evse->id : 0;
}

void variable_get(const struct variable_row *row, const struct variable_place *place,
                  char ret[static VARIABLE_VALUE_SIZE])
{
    *ret = '\0';
    if (row->mutability == WRITE_ONLY)
        return;
    struct variable_place at = *place;
    at.row = row;
    if (row->get)
        row->get(&at, ret, VARIABLE_VALUE_SIZE);
    else
        (void)str_copy(ret, VARIABLE_VALUE_SIZE,
                       variable_stored_text(place->station, row, variable_place_evse(place)));
}

const char *variable_text(const struct station *s, enum variable_id id)
{
    return variable_stored_text(s, &variable_table[id], 0);
}

int64_t variable_int(const struct station *s, enum variable_id id)
{
    const struct variable_row *row = &variable_table[id];
    const struct variable_place place = { .station = s };
    char text[VARIABLE_VALUE_SIZE];
    int64_t value = 0;
    variable_get(row, &place, text);
    (void)str_to_int64(text, &value);
    return value;
}

bool variable_bool(const struct station *s, enum variable_id id)
{
    return str_equal_ci(variable_text(s, id), "true");
}

bool variable_evse_bool(const struct evse *e, enum variable_id id)
{
    return str_equal_ci(variable_stored_text(e->station, &variable_table[id], e->id), "true");
}

/* The next member of a comma-separated list, blanks round it left out; false at the end. */
static bool next_member(const char **at, const char **ret, size_t *ret_len)
{
    if (!*at || !**at)
        return false;
    size_t len = strcspn(*at, ",");
    const char *member = *at;
    *at += len;
    if (**at == ',')
        (*at)++;
    while (len > 0 && *member == ' ')
        member++, len--;
    while (len > 0 && member[len - 1] == ' ')
        len--;
    *ret = member;
    *ret_len = len;
    return true;
}

static bool list_has(const char *list, const char *name, size_t name_len)
{
    const char *member;
    size_t len;
    while (next_member(&list, &member, &len))
        if (len == name_len && strncasecmp(member, name, len) == 0)
            return true;
    return false;
}

bool variable_has_member(const struct station *s, enum variable_id id, const char *member)
{
    return list_has(variable_text(s, id), member, strlen(member));
}

/* ---- what a row may have ---- */

void variable_limits(const struct variable_row *row, const struct variable_place *place, double *ret_min,
                     double *ret_max)
{
    bool is_number = row->type == TYPE_INTEGER || row->type == TYPE_DECIMAL;
    bool is_bounded = is_number && (row->min != 0 || row->max != 0);
    double max = row->get_max ? row->get_max(place) : row->max;
    *ret_min = is_bounded ? row->min : (double)NAN;
    *ret_max = max > 0 || is_bounded ? max : (double)NAN;
}

void variable_values_list(const struct variable_row *row, const struct station *s,
                          char ret[static VARIABLE_VALUE_SIZE])
{
    if (row->supported && s)
        row->supported(s, ret, VARIABLE_VALUE_SIZE);
    else
        (void)str_copy(ret, VARIABLE_VALUE_SIZE, row->values_list ? row->values_list : "");
}

static const char *check_number(const struct variable_row *row, const char *text)
{
    double number;
    int64_t integer;
    if (row->type == TYPE_INTEGER) {
        if (str_to_int64(text, &integer) < 0)
            return "InvalidValue";
        number = (double)integer;
    } else if (str_to_double(text, &number) < 0) {
        return "InvalidValue";
    }
    if ((row->min != 0 || row->max != 0) && (number < row->min || number > row->max))
        return "ValueOutOfRange"; /* B05.FR.08 */
    return NULL;
}

static const char *check_list(const struct variable_row *row, const struct station *s, const char *text)
{
    char allowed[VARIABLE_VALUE_SIZE];
    const char *member, *rest = text;
    size_t len;

    variable_values_list(row, s, allowed);
    while (next_member(&rest, &member, &len)) {
        if (!list_has(allowed, member, len))
            return "InvalidValue";
        if (list_has(rest, member, len)) /* twice */
            return "InvalidValue";
        if (row->type == TYPE_OPTION_LIST && *rest)
            return "InvalidValue";
    }
    return NULL;
}

const char *variable_check(const struct variable_row *row, const struct station *s, const char *text)
{
    size_t len = strlen(text);
    if (len >= VARIABLE_VALUE_SIZE)
        return "TooLargeElement";

    switch (row->type) {
    case TYPE_BOOLEAN:
        return str_equal_ci(text, "true") || str_equal_ci(text, "false") ? NULL : "InvalidValue";
    case TYPE_INTEGER:
    case TYPE_DECIMAL:
        return check_number(row, text);
    case TYPE_DATE_TIME: {
        int64_t ms;
        return timestamp_parse(text, &ms) < 0 ? "InvalidValue" : NULL;
    }
    case TYPE_STRING:
    case TYPE_OPTION_LIST:
    case TYPE_SEQUENCE_LIST:
    case TYPE_MEMBER_LIST:
    case VARIABLE_TYPES:
        break;
    }
    if (row->max > 0 && ((double)len > row->max || (double)len < row->min))
        return "ValueOutOfRange";
    if (row->is_valid && !row->is_valid(text))
        return "InvalidValue";
    return row->values_list ? check_list(row, s, text) : NULL;
}

/* ---- presets and what is stored ---- */

void variable_key(const struct variable_row *row, int evse, char ret[static VARIABLE_KEY_SIZE])
{
    char at[12] = "";
    if (evse > 0)
        snprintf(at, sizeof(at), "@%d", evse);
    snprintf(ret, VARIABLE_KEY_SIZE, "%s%s/%s%s%s", row->component, at, row->variable,
             row->instance ? "/" : "", row->instance ? row->instance : "");
}

static const struct variable_row *find_row(const char *component, const char *variable, const char *instance)
{
    for (size_t i = 0; i < variable_table_size; i++) {
        const struct variable_row *row = &variable_table[i];
        if (str_equal_ci(row->component, component) && str_equal_ci(row->variable, variable) &&
            str_equal_ci(row->instance ? row->instance : "", instance ? instance : ""))
            return row;
    }
    return NULL;
}

/* What no device of this station has is left out of a list; where nothing would be left that must not be empty, it is the default. */
static char *supported_part(const struct station *s, const struct variable_row *row, const char *list)
{
    char allowed[VARIABLE_VALUE_SIZE];
    struct buf kept;
    const char *member;
    size_t len;

    row->supported(s, allowed, sizeof(allowed));
    buf_init(&kept, VARIABLE_VALUE_SIZE);
    while (next_member(&list, &member, &len))
        if (list_has(allowed, member, len))
            (void)buf_printf(&kept, "%s%.*s", kept.len ? "," : "", (int)len, member);
    bool is_missing = !kept.err && kept.len == 0 && row->min > 0;
    char *text = kept.err ? NULL : strdup(is_missing ? row->fallback : buf_string(&kept));
    buf_done(&kept);
    return text;
}

static int set_preset(struct station *s, const struct variable_row *row, const char *text)
{
    char *copy = row->supported ? supported_part(s, row, text) : strdup(text);
    if (!copy)
        return -ENOMEM;
    if (str_equal(copy, row->fallback)) { /* nothing differs */
        free(copy);
        return 0;
    }
    struct variable_value *value = make_value(s, row, 0);
    if (!value) {
        free(copy);
        return -ENOMEM;
    }
    free(value->preset);
    value->preset = copy;
    return 0;
}

int variables_init(struct station *s, const struct variable_preset *presets, size_t count)
{
    for (size_t i = 0; i < variable_table_size; i++)
        if (variable_table[i].supported && set_preset(s, &variable_table[i], variable_table[i].fallback) < 0)
            return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct variable_preset *p = &presets[i];
        const struct variable_row *row = find_row(p->component, p->variable, p->instance);
        if (row && row->fallback && set_preset(s, row, p->value) < 0)
            return -ENOMEM;
    }
    return 0;
}

void variables_free(struct station *s)
{
    struct variable_values *values = s->variables;
    if (!values)
        return;
    for (size_t i = 0; i < values->count; i++) {
        free(values->items[i].preset);
        free(values->items[i].set);
    }
    free(values->items);
    free(values);
    s->variables = NULL;
}

/* Whether a stored value is this row's there; then it is set. */
static bool restore_at(struct station *s, const struct variable_row *row, int evse,
                       const struct record *stored)
{
    char name[VARIABLE_KEY_SIZE];
    variable_key(row, evse, name);
    if (!str_equal(name, stored->key))
        return false;
    const char *wrong = variable_check(row, s, stored->value);
    if (wrong)
        log_warn(LOG_STATION, "stored variable does not fit any more: station=%s key=%s why=%s", s->id, name,
                 wrong);
    else
        (void)variable_set(s, row, evse, stored->value);
    return true;
}

void variables_restore(struct station *s, const char *key, const char *value)
{
    const struct record stored = { RECORD_VARIABLE, key, value };
    for (size_t i = 0; i < variable_table_size; i++) {
        const struct variable_row *row = &variable_table[i];
        int first = row->tier == TIER_EVSE, last = first ? (int)s->evse_count : 0;
        for (int evse = first; evse <= last; evse++)
            if (restore_at(s, row, evse, &stored))
                return;
    }
    log_warn(LOG_STATION, "stored variable is not known: station=%s key=%s", s->id, key);
}

void variables_set_int(struct station *s, enum variable_id id, int64_t value)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    variables_set_text(s, id, text);
}

void variables_set_text(struct station *s, enum variable_id id, const char *text)
{
    const struct variable_row *row = &variable_table[id];
    char key[VARIABLE_KEY_SIZE];

    if (str_equal(variable_stored_text(s, row, 0), text))
        return;
    if (variable_check(row, s, text)) {
        log_warn(LOG_STATION, "value out of range: station=%s variable=%s value=%s", s->id, row->variable,
                 text);
        return;
    }
    if (variable_set(s, row, 0, text) < 0)
        return;
    variable_key(row, 0, key);
    station_persist(s, &(struct record){ RECORD_VARIABLE, key, text }, 1, NULL, NULL);
}

void variables_forget(struct station *s, enum variable_id id)
{
    const struct variable_row *row = &variable_table[id];
    struct variable_value *value = find_value(s, row, 0);
    char key[VARIABLE_KEY_SIZE];
    if (!value || !value->set)
        return;
    free(STEAL(value->set));
    variable_key(row, 0, key);
    station_persist(s, &(struct record){ RECORD_VARIABLE, key, NULL }, 1, NULL, NULL);
}

static void suggest(char *ret, size_t size, const char *what, const char *word, const char *const *names)
{
    const char *near = nearest_name(word, names);
    snprintf(ret, size, "unknown %s \"%s\"%s%s%s", what, word, near ? "; did you mean \"" : "",
             near ? near : "", near ? "\"?" : "");
}

int station_check_preset(const struct variable_preset *preset, char *ret, size_t size)
{
    const struct variable_row *row = find_row(preset->component, preset->variable, preset->instance);
    if (row && row->fallback && row->mutability != WRITE_ONLY) {
        const char *wrong = variable_check(row, NULL, preset->value);
        if (!wrong)
            return 0;
        if (row->values_list)
            snprintf(ret, size, "\"%s\" is not possible: %s of %s", preset->value,
                     row->type == TYPE_OPTION_LIST ? "one" : "a list", row->values_list);
        else if (row->min != 0 || row->max != 0)
            snprintf(ret, size, "\"%s\" is not possible: %s%s %g to %g", preset->value,
                     variable_type_names[row->type], row->type == TYPE_STRING ? " of length" : "", row->min,
                     row->max);
        else
            snprintf(ret, size, "\"%s\" is not possible: %s", preset->value, variable_type_names[row->type]);
        return -EINVAL;
    }
    if (row) {
        snprintf(ret, size, "%s of %s cannot be set here", row->variable, row->component);
        return -EINVAL;
    }

    const char **names = calloc(variable_table_size + 1, sizeof(*names));
    if (!names)
        return -ENOMEM;
    size_t count = 0;
    for (size_t i = 0; i < variable_table_size; i++)
        if (str_equal_ci(variable_table[i].component, preset->component))
            names[count++] = variable_table[i].variable;
    bool is_component = count > 0;
    for (size_t i = 0; !is_component && i < variable_table_size; i++)
        names[count++] = variable_table[i].component;
    suggest(ret, size, is_component ? "variable" : "component",
            is_component ? preset->variable : preset->component, names);
    free(names);
    return -EINVAL;
}
