/* The command `display` of an EVSE: how a text, or at least how urgent it is, gets to the driver.
 *
 *     display: { set: { message: text }, length: 32, formats: [ASCII, UTF8] }
 *     display: { set: { lamp: priority } } */
#include "base/str.h"
#include "charger/profile_internal.h"

#define MIN_LENGTH 4   /* bytes of the longest character */
#define MAX_LENGTH 512 /* characters of a MessageContentType */

/* The point takes text; how much of it? 0 for one that is as long as the text. */
static int capacity(const struct point *point)
{
    return point->type == POINT_UTF16 ? point->raw_size / 2 : point->raw_size;
}

static void check_text(struct reading *r, const struct yaml_node *node, const struct step *step,
                       struct evse_abilities *a, int *ret_room)
{
    const struct point *point = step->point;
    int room = capacity(point);
    if (point->type != POINT_STRING && point->type != POINT_UTF16)
        COMPLAIN(r, node, "%s holds no text that people read; expected type string or utf16", point->name);
    a->display_in_bytes = a->display_in_bytes || point->type == POINT_STRING;
    if (room > 0 && room < *ret_room)
        *ret_room = room;
}

/* What is written again and again, as texts take turns. */
static void check_steps(struct reading *r, const struct yaml_node *node, struct profile_evse *evse,
                        int *ret_room, bool *ret_has_text)
{
    bool any = false;
    for (size_t i = 0; i < evse->display.count; i++) {
        const struct step *step = &evse->display.list[i];
        if (step->kind != STEP_SET)
            continue;
        bool has_text = expression_uses_text(step->value) && expression_type(step->value) == EXPRESSION_TEXT;
        any = any || expression_uses_text(step->value) ||
              expression_uses_argument(step->value, ARGUMENT_PRIORITY);
        if (step->point->persistent)
            COMPLAIN(r, node, "%s is persistent; texts that take turns would wear out its memory",
                     step->point->name);
        if (has_text)
            check_text(r, node, step, &evse->abilities, ret_room);
        *ret_has_text = *ret_has_text || has_text;
    }
    if (!any && evse->display.count)
        COMPLAIN(r, node, "sets nothing to text or priority");
}

/* MessageFormatEnumType, of which a device can show these two. */
static void read_formats(struct reading *r, const struct yaml_node *list, struct evse_abilities *a)
{
    static const char *const names[] = { "ASCII", "UTF8", NULL };
    if (list->kind != YAML_LIST || list->count == 0) {
        COMPLAIN(r, list, "expected a list, such as [ASCII, UTF8]");
        return;
    }
    a->display_utf8 = false;
    for (const struct yaml_node *n = list->children; n; n = n->next) {
        int index = 0;
        if (yaml_to_enum(r->yaml, n, names, r->problems, &index) == 0)
            a->display_utf8 = a->display_utf8 || index == 1;
    }
}

void profile_read_display(struct reading *r, const struct yaml_node *node, const char *prefix,
                          struct profile_evse *evse)
{
    static const char *const keys[] = {
        "set", "wait", "until", "within", "steps", "length", "formats", NULL
    };
    struct expression_scope scope = profile_scope(r, prefix, false);
    struct evse_abilities *a = &evse->abilities;
    const struct yaml_node *steps = yaml_get(node, "steps"), *formats = yaml_get(node, "formats");
    scope.display = true;
    if (node->kind != YAML_MAP) {
        COMPLAIN(r, node,
                 "expected a map, such as { set: { message: text }, length: 32 }; a list of steps "
                 "stands under steps");
        return;
    }
    yaml_check_keys(r->yaml, node, keys, r->problems);
    if (steps && (yaml_get(node, "set") || yaml_get(node, "wait") || yaml_get(node, "until")))
        COMPLAIN(r, steps, "stands beside set, wait or until; write all of it into steps");
    profile_read_steps(r, steps ? steps : node, &scope, &evse->display);

    bool has_text = false;
    int room = MAX_LENGTH;
    check_steps(r, node, evse, &room, &has_text);
    a->display = true;
    if (!has_text) {
        if (formats || yaml_get(node, "length"))
            COMPLAIN(r, formats ? formats : yaml_get(node, "length"), "belongs to a text, and none is set");
        return;
    }
    a->display_utf8 = !a->display_in_bytes; /* whether a string may be UTF-8 nobody knows but the manual */
    if (formats)
        read_formats(r, formats, a);
    if (room < MIN_LENGTH)
        COMPLAIN(r, node, "a text of %d is none; expected room for %d at least", room, MIN_LENGTH);
    else
        a->display_length = (int)read_int(r, node, "length", room, MIN_LENGTH, room);
}
