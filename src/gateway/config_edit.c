#include "gateway/config_edit.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/yaml.h"
#include "gateway/yaml_edit.h"
#include "gateway/yaml_text.h"

#define NAME "gateway.yaml" /* in messages */

/* One change of one section of the file. */
struct wish {
    const char *section;
    const char *id;     /* of the entry that is replaced or removed; NULL: a new one */
    const char *key;    /* of a new one in a map */
    const json_t *json; /* NULL: it is removed */
};

/* ---- finding ---- */

static const struct yaml_node *section_of(const struct yaml *y, const struct wish *wish)
{
    return yaml_get(y->root, wish->section);
}

static bool is_of(const struct yaml_node *entry, const char *id)
{
    const struct yaml_node *own = yaml_get(entry, "id");
    return entry->key ? str_equal(entry->key, id) : own && str_equal(own->text, id);
}

static const struct yaml_node *find(const struct yaml_node *section, const char *id)
{
    for (const struct yaml_node *n = section ? section->children : NULL; n; n = n->next)
        if (is_of(n, id))
            return n;
    return NULL;
}

/* ---- is the new text what was meant? ---- */

static bool is_same(const struct yaml_node *a, const struct yaml_node *b)
{
    if (a->kind != b->kind || a->count != b->count || a->quoted != b->quoted || !str_equal(a->key, b->key) ||
        !str_equal(a->text, b->text))
        return false;
    const struct yaml_node *x = a->children, *y = b->children;
    for (; x && y; x = x->next, y = y->next)
        if (!is_same(x, y))
            return false;
    return !x && !y;
}

static bool is_new_entry(const struct yaml_node *node, const struct wish *wish)
{
    return (node->key || !wish->key) && (!wish->key || str_equal(node->key, wish->key)) &&
           yaml_text_matches(node, wish->json);
}

/* `was` NULL: there was no section. */
static bool is_section_as_meant(const struct yaml_node *was, const struct yaml_node *now,
                                const struct wish *wish)
{
    const struct yaml_node *before = was ? was->children : NULL, *after = now->children;
    const struct yaml_node *target = wish->id ? find(was, wish->id) : NULL;
    if (now->kind != (str_equal(wish->section, "stations") ? YAML_LIST : YAML_MAP))
        return false;
    for (; before; before = before->next) {
        if (before == target && !wish->json)
            continue;
        if (!after || (before == target ? !yaml_text_matches(after, wish->json) : !is_same(before, after)))
            return false;
        if (before == target && !str_equal(before->key, after->key))
            return false;
        after = after->next;
    }
    if (target)
        return !after;
    return after && !after->next && is_new_entry(after, wish);
}

static bool is_as_meant(const struct yaml *was, const struct yaml *now, const struct wish *wish)
{
    const struct yaml_node *before = was->root->children;
    const struct yaml_node *old = section_of(was, wish), *new = section_of(now, wish);
    if (was->root->kind != YAML_MAP || now->root->kind != YAML_MAP || !new ||
        !is_section_as_meant(old, new, wish))
        return false;
    for (const struct yaml_node *after = now->root->children; after; after = after->next) {
        if (!old && after == new)
            continue;
        if (!before || (before == old ? after != new : !is_same(before, after)))
            return false;
        before = before->next;
    }
    return !before;
}

static int verify(const struct yaml *was, const char *text, const struct wish *wish)
{
    AUTO(yaml) *now = NULL;
    struct problems problems;
    problems_init(&problems);
    int r = yaml_parse(NAME, text, strlen(text), &problems, &now);
    problems_done(&problems);
    if (r < 0)
        return r;
    return is_as_meant(was, now, wish) ? 0 : -EINVAL;
}

/* ---- making the change ---- */

/* A key without a value, or with an empty list or map. */
static bool is_empty(const struct yaml_node *section)
{
    return section->kind == YAML_SCALAR
               ? !section->quoted &&
                     (!*section->text || str_equal(section->text, "~") || str_equal(section->text, "null"))
               : section->count == 0;
}

static void add_section(struct yaml_edit *e, const struct wish *wish, const struct yaml_node *section)
{
    const struct yaml_node *root = e->yaml->root, *stations = yaml_get(root, "stations");
    AUTO(json_t) *all = wish->key ? json_pack("{s:O}", wish->key, wish->json) : json_pack("[O]", wish->json);
    if (!all)
        e->err = -ENOMEM;
    else if (section)
        yaml_edit_replace(e, section, all);
    else if (wish->key && stations) /* buses stand above those who name them */
        yaml_edit_add_before(e, stations, wish->section, all);
    else
        yaml_edit_add(e, root, wish->section, all, true);
}

static void add_entry(struct yaml_edit *e, const struct wish *wish, const struct yaml_node *section)
{
    const struct yaml_node *last = section->children;
    while (last->next)
        last = last->next;
    bool apart = !wish->key && !section->flow && section->count > 1 && yaml_edit_is_apart(e, last);
    yaml_edit_add(e, section, wish->key, wish->json, apart);
}

static void make(struct yaml_edit *e, const struct wish *wish, bool whole)
{
    const struct yaml_node *section = section_of(e->yaml, wish);
    if (!wish->id && (!section || is_empty(section)))
        add_section(e, wish, section);
    else if (!wish->id && section->kind == (wish->key ? YAML_MAP : YAML_LIST))
        add_entry(e, wish, section);
    else if (!wish->id)
        e->err = -EINVAL;
    else if (!wish->json)
        yaml_edit_remove(e, find(section, wish->id));
    else if (whole)
        yaml_edit_replace(e, find(section, wish->id), wish->json);
    else
        yaml_edit_value(e, find(section, wish->id), wish->json);
}

static int try(struct yaml_edit *e, const struct wish *wish, bool whole, char **ret)
{
    AUTO_FREE char *text = NULL;
    make(e, wish, whole);
    int r = yaml_edit_finish(e, &text);
    if (r == 0)
        r = verify(e->yaml, text, wish);
    if (r == 0)
        *ret = STEAL(text);
    return r;
}

static const char *noun(const char *section)
{
    return str_equal(section, "stations") ? "station"
           : str_equal(section, "buses")  ? "bus"
           : str_equal(section, "csms")   ? "CSMS"
                                          : "setting";
}

static void tell_by_hand(const struct yaml *y, const struct wish *wish, struct problems *problems)
{
    const struct yaml_node *section = section_of(y, wish);
    const char *what = !wish->id ? "add" : wish->json ? "change" : "remove";
    const struct yaml_node *place = section && wish->id ? find(section, wish->id) : section;
    yaml_problem(
        y, place ? place : y->root, problems,
        "the file is written in a way in which this cannot be changed safely; open it in an editor and "
        "%s the %s by hand, as docs/configuration.md shows, with one line for each key",
        what, noun(wish->section));
}

/* Value by value first, which keeps most; then the entry as a whole. */
static int edit(const char *text, const struct wish *wish, struct problems *problems, char **ret)
{
    int r = -EINVAL;
    for (int whole = 0; r == -EINVAL && whole <= 1; whole++) {
        struct yaml_edit e;
        r = yaml_edit_begin(&e, NAME, text, problems);
        if (r < 0) {
            yaml_edit_done(&e);
            return r;
        }
        r = try(&e, wish, whole, ret);
        if (r == -EINVAL && whole)
            tell_by_hand(e.yaml, wish, problems);
        yaml_edit_done(&e);
    }
    return r;
}

/* ---- what is asked for ---- */

static int check_value(const json_t *value, const char *what, struct problems *problems)
{
    const char *why = NULL;
    if (yaml_text_check(value, &why) == 0)
        return 0;
    problems_add(problems, NAME, 0, NULL, "the %s cannot be written to the file: %s", what, why);
    return -EINVAL;
}

static int check_entry(const json_t *entry, const char *what, struct problems *problems)
{
    if (json_is_object(entry) && yaml_text_size(entry) > 0)
        return check_value(entry, what, problems);
    problems_add(problems, NAME, 0, NULL, "the %s is no object with the keys of its entry", what);
    return -EINVAL;
}

static int read_id(const json_t *entry, struct problems *problems, const char **ret)
{
    int r = check_entry(entry, "station", problems);
    if (r < 0)
        return r;
    *ret = json_get_string(entry, "id", "");
    if (**ret)
        return 0;
    problems_add(problems, NAME, 0, NULL, "the station has no id; expected a text of 1 to 48 characters");
    return -EINVAL;
}

/* The station's entry in the file, of which there must be one. */
static int find_station(const struct yaml *y, const char *id, struct problems *problems,
                        const struct yaml_node **ret)
{
    const struct yaml_node *section = yaml_get(y->root, "stations");
    *ret = find(section, id);
    if (!*ret) {
        problems_add(problems, NAME, section ? section->line : 0, "stations", "there is no station \"%s\"",
                     id);
        return -ENOENT;
    }
    for (const struct yaml_node *n = (*ret)->next; n; n = n->next)
        if (is_of(n, id)) {
            yaml_problem(y, n, problems, "another station has the id \"%s\" already", id);
            return -EINVAL;
        }
    return 0;
}

static int parse(const char *text, struct problems *problems, struct yaml **ret)
{
    return yaml_parse(NAME, text, strlen(text), problems, ret);
}

/* That no station has the id but the one that is `self`. */
static int check_free(const struct yaml *y, const char *id, const struct yaml_node *self,
                      struct problems *problems)
{
    const struct yaml_node *other = find(yaml_get(y->root, "stations"), id);
    if (!other || other == self)
        return 0;
    yaml_problem(y, other, problems, "there is a station \"%s\" already", id);
    return -EEXIST;
}

int config_edit_add_station(const char *text, const json_t *entry, struct problems *problems, char **ret)
{
    AUTO(yaml) *y = NULL;
    const char *id = NULL;
    int r = read_id(entry, problems, &id);
    if (r == 0)
        r = parse(text, problems, &y);
    if (r == 0)
        r = check_free(y, id, NULL, problems);
    const struct wish wish = { .section = "stations", .json = entry };
    return r < 0 ? r : edit(text, &wish, problems, ret);
}

/* ---- passwords that were not told ---- */

/* The node of the list that is the device the entry is of: they have the same identity. */
static const struct yaml_node *same_device(const struct yaml_node *list, const json_t *entry)
{
    const char *identity = json_get_string(entry, "ocpp16", NULL);
    for (const struct yaml_node *n = list ? list->children : NULL; identity && n; n = n->next) {
        const struct yaml_node *own = yaml_get(n, "ocpp16");
        if (own && str_equal(own->text, identity))
            return n;
    }
    return NULL;
}

/* Puts the passwords of `was` in the place of what hides them. */
static int restore_passwords(json_t *entry, const struct yaml_node *was, struct problems *problems)
{
    json_t *charger;
    size_t i;
    int r = 0;
    if (str_equal(json_get_string(entry, "password", NULL), YAML_TEXT_HIDDEN)) {
        const struct yaml_node *old = yaml_get(was, "password");
        if (!old || old->kind != YAML_SCALAR) {
            problems_add(problems, NAME, was ? was->line : 0, "password",
                         "\"" YAML_TEXT_HIDDEN
                         "\" stands for the password that was there, and there is none");
            return -EINVAL;
        }
        if (json_object_set_new(entry, "password", json_string(old->text)) < 0)
            return -ENOMEM;
    }
    json_array_foreach(json_object_get(entry, "chargers"), i, charger)
    {
        if (r == 0 && json_is_object(charger))
            r = restore_passwords(charger, same_device(yaml_get(was, "chargers"), charger), problems);
    }
    return r;
}

int config_edit_replace_station(const char *text, const char *id, const json_t *entry,
                                struct problems *problems, char **ret)
{
    AUTO(yaml) *y = NULL;
    const char *new_id = NULL;
    const struct yaml_node *station = NULL;
    int r = read_id(entry, problems, &new_id);
    if (r == 0)
        r = parse(text, problems, &y);
    if (r == 0)
        r = find_station(y, id, problems, &station);
    if (r == 0)
        r = check_free(y, new_id, station, problems);
    if (r < 0)
        return r;
    AUTO(json_t) *whole = json_copy_whole(entry);
    r = whole ? restore_passwords(whole, station, problems) : -ENOMEM;
    const struct wish wish = { .section = "stations", .id = id, .json = whole };
    return r < 0 ? r : edit(text, &wish, problems, ret);
}

int config_edit_remove_station(const char *text, const char *id, struct problems *problems, char **ret)
{
    AUTO(yaml) *y = NULL;
    const struct yaml_node *station = NULL;
    int r = parse(text, problems, &y);
    if (r == 0)
        r = find_station(y, id, problems, &station);
    const struct wish wish = { .section = "stations", .id = id };
    return r < 0 ? r : edit(text, &wish, problems, ret);
}

/* `asked`: the section, the name as its key, and the entry. */
static int edit_named(const char *text, struct wish asked, bool is_new, struct problems *problems, char **ret)
{
    AUTO(yaml) *y = NULL;
    const char *what = noun(asked.section), *name = asked.key;
    int r = !asked.json                  ? 0
            : json_is_string(asked.json) ? check_value(asked.json, what, problems)
                                         : check_entry(asked.json, what, problems);
    if (r == 0 && !*name) {
        problems_add(problems, NAME, 0, NULL, "the %s has no name", what);
        r = -EINVAL;
    }
    if (r == 0)
        r = parse(text, problems, &y);
    if (r < 0)
        return r;
    bool exists = yaml_get(yaml_get(y->root, asked.section), name) != NULL;
    if (!exists && !asked.json) {
        problems_add(problems, NAME, 0, asked.section, "there is no %s \"%s\"", what, name);
        return -ENOENT;
    }
    if (exists && is_new) {
        problems_add(problems, NAME, 0, asked.section, "there is a %s \"%s\" already", what, name);
        return -EEXIST;
    }
    if (exists) {
        asked.id = name;
        asked.key = NULL;
    }
    return edit(text, &asked, problems, ret);
}

int config_edit_named(const char *text, const char *section, const char *name, const json_t *entry,
                      struct problems *problems, char **ret)
{
    const struct wish asked = { .section = section, .key = name, .json = entry };
    return edit_named(text, asked, false, problems, ret);
}

int config_edit_add_named(const char *text, const char *section, const char *name, const json_t *entry,
                          struct problems *problems, char **ret)
{
    const struct wish asked = { .section = section, .key = name, .json = entry };
    return edit_named(text, asked, true, problems, ret);
}

int config_edit_station(const char *text, const char *id, struct problems *problems, json_t **ret)
{
    AUTO(yaml) *y = NULL;
    const struct yaml_node *station = NULL;
    int r = parse(text, problems, &y);
    if (r == 0)
        r = find_station(y, id, problems, &station);
    if (r < 0)
        return r;
    *ret = yaml_text_to_json(station, true);
    return *ret ? 0 : -ENOMEM;
}

/* Of two with one id neither counts. */
static int tell_entry(json_t *entries, const struct yaml_node *station)
{
    const struct yaml_node *id = yaml_get(station, "id");
    if (!id || id->kind != YAML_SCALAR)
        return 0;
    if (json_object_get(entries, id->text))
        return json_object_set_new(entries, id->text, json_null());
    AUTO(json_t) *entry = yaml_text_to_json(station, true);
    AUTO_FREE char *text = entry ? json_to_text(entry) : NULL;
    return text ? json_object_set_new(entries, id->text, json_string(text)) : -1;
}

int config_edit_entries(const char *text, struct problems *problems, json_t **ret)
{
    AUTO(yaml) *y = NULL;
    AUTO(json_t) *entries = json_object();
    int r = parse(text, problems, &y);
    if (r < 0)
        return r;
    const struct yaml_node *section = yaml_get(y->root, "stations");
    for (const struct yaml_node *n = section ? section->children : NULL; n; n = n->next)
        if (tell_entry(entries, n) < 0)
            return -ENOMEM;
    *ret = STEAL(entries);
    return *ret ? 0 : -ENOMEM;
}

int config_edit_entry(const char *text, const char *section, const char *name, struct problems *problems,
                      json_t **ret)
{
    AUTO(yaml) *y = NULL;
    int r = parse(text, problems, &y);
    const struct yaml_node *entry = r == 0 ? yaml_get(yaml_get(y->root, section), name) : NULL;
    if (r < 0 || !entry)
        return r < 0 ? r : -ENOENT;
    *ret = yaml_text_to_json(entry, true);
    return *ret ? 0 : -ENOMEM;
}
