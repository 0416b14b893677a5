/* The variables of a profile: what its expressions are worth now, told when it changes. */
#include <math.h>
#include <string.h>

#include "charger/charger_internal.h"

/* A value of the variable's type; false: there is none. `*ret` borrows the text. */
static bool evaluate(const struct charger *c, size_t n, struct device_value *ret)
{
    struct expression_value v = { .known = false };
    if (c->online)
        v = expression_eval(c->profile->variable_values[n], c->values, NULL);
    *ret = (struct device_value){ .number = v.number };
    if (!v.known || !isfinite(v.number))
        return false;
    switch (c->profile->variables[n].type) {
    case DEVICE_STRING:
        ret->text = v.text;
        ret->number = 0;
        break;
    case DEVICE_BOOLEAN:
        ret->number = v.bits != 0;
        break;
    case DEVICE_INTEGER:
        ret->number = round(v.number);
        break;
    case DEVICE_DECIMAL:
    case DEVICE_VARIABLE_TYPES:
        break;
    }
    return true;
}

static bool is_news(const struct shown *shown, bool is_known, const struct device_value *value)
{
    if (!is_known || !shown->is_known)
        return is_known != shown->is_known;
    return shown->number != value->number || (value->text && strcmp(shown->text, value->text) != 0);
}

static void tell(struct charger *c, int evse, size_t n, size_t index)
{
    struct shown *shown = &c->shown[n];
    struct device_value value;
    bool is_known = evaluate(c, n, &value);
    if (!is_news(shown, is_known, &value))
        return;
    free(shown->text);
    shown->text = is_known && value.text ? strdup(value.text) : NULL;
    shown->number = value.number;
    shown->is_known = is_known && (shown->text || !value.text); /* without memory: told again next time */
    if (c->events->on_variable)
        c->events->on_variable(c->ctx, evse, index, is_known ? &value : NULL);
}

void variables_evaluate(struct charger *c)
{
    size_t n = 0;
    if (!c->shown)
        return;
    for (size_t i = 0; i < c->profile->own_variable_count; i++)
        tell(c, 0, n++, i);
    for (size_t e = 0; e < c->profile->evse_count; e++)
        for (size_t i = 0; i < c->profile->evses[e].abilities.variable_count; i++)
            tell(c, (int)e + 1, n++, i);
}

void variables_done(struct charger *c)
{
    for (size_t i = 0; c->shown && i < c->profile->variable_count; i++)
        free(c->shown[i].text);
    free(c->shown);
}
