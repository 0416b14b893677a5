/* A profile as a whole: first the tree with all it extends, then options, all points (their addresses in
 * memory are final only then), and last what refers to points. */
#include "charger/profile.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/str.h"
#include "charger/profile_internal.h"
#include "charger/value.h"

#define MAX_TEXT 400

/* ---- small reads ---- */

char *read_text(struct reading *r, const struct yaml_node *node, size_t max)
{
    if (node->kind != YAML_SCALAR || !*node->text || strlen(node->text) > max) {
        COMPLAIN(r, node, "expected a text of 1 to %zu characters", max);
        return NULL;
    }
    char *text = strdup(node->text);
    r->no_memory = r->no_memory || !text;
    return text;
}

int64_t read_int(struct reading *r, const struct yaml_node *map, const char *key, int64_t fallback,
                 int64_t min, int64_t max)
{
    const struct yaml_node *node = yaml_get(map, key);
    int64_t value = fallback;
    if (node && yaml_to_int(r->yaml, node, min, max, r->problems, &value) < 0)
        return fallback;
    return value;
}

double read_double(struct reading *r, const struct yaml_node *map, const char *key, double fallback,
                   double min, double max)
{
    const struct yaml_node *node = yaml_get(map, key);
    double value = fallback;
    if (node && yaml_to_double(r->yaml, node, min, max, r->problems, &value) < 0)
        return fallback;
    return value;
}

int64_t read_ms(struct reading *r, const struct yaml_node *map, const char *key, int64_t fallback,
                int64_t min, int64_t max)
{
    const struct yaml_node *node = yaml_get(map, key);
    int64_t value = fallback;
    if (node && yaml_to_duration_ms(r->yaml, node, min, max, r->problems, &value) < 0)
        return fallback;
    return value;
}

int read_enum(struct reading *r, const struct yaml_node *map, const char *key, int fallback,
              const char *const *names)
{
    const struct yaml_node *node = yaml_get(map, key);
    int index = fallback;
    if (node && yaml_to_enum(r->yaml, node, names, r->problems, &index) < 0)
        return fallback;
    return index;
}

/* ---- the head ---- */

static bool ends_in_yaml(const char *name, size_t *ret_stem)
{
    const char *dot = strrchr(name, '.');
    *ret_stem = dot ? (size_t)(dot - name) : strlen(name);
    return dot && (str_equal(dot, ".yaml") || str_equal(dot, ".yml"));
}

static void read_name(struct reading *r, const struct yaml_node *root)
{
    const struct yaml_node *node = yaml_get(root, "profile");
    const char *base = strrchr(r->yaml->name, '/');
    base = base ? base + 1 : r->yaml->name;
    size_t stem = 0;
    if (!node) {
        COMPLAIN(r, root, "profile is missing: the name of the profile, which is the file's without .yaml");
        return;
    }
    r->profile->name = read_text(r, node, 60);
    if (!r->profile->name)
        return;
    if (node->text[strspn(node->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")])
        COMPLAIN(r, node, "a name holds a-z A-Z 0-9 - _ . only");
    else if (ends_in_yaml(base, &stem) &&
             (strlen(node->text) != stem || strncmp(node->text, base, stem) != 0))
        COMPLAIN(r, node, "\"%s\" is not the file's name; expected %.*s", node->text, (int)stem, base);
}

static void read_models(struct reading *r, const struct yaml_node *root)
{
    const struct yaml_node *list = yaml_get(root, "models");
    struct profile *p = r->profile;
    if (!list || list->kind != YAML_LIST || list->count < 1 || list->count > MAX_MODELS) {
        COMPLAIN(r, list ? list : root, "%sexpected a list of 1 to %d model names, such as [AC22]",
                 list ? "" : "models is missing; ", MAX_MODELS);
        return;
    }
    p->models = calloc(list->count, sizeof(*p->models));
    if (!p->models) {
        r->no_memory = true;
        return;
    }
    for (const struct yaml_node *n = list->children; n; n = n->next)
        if ((p->models[p->model_count] = read_text(r, n, 50)))
            p->model_count++;
}

static void read_on_silence(struct reading *r, const struct yaml_node *root)
{
    static const char *const keys[] = { "device", "current", NULL };
    const struct yaml_node *node = yaml_get(root, "on_silence"), *current = yaml_get(node, "current");
    struct profile *p = r->profile;
    if (!node)
        return;
    yaml_check_keys(r->yaml, node, keys, r->problems);
    if (node->kind == YAML_MAP && !yaml_get(node, "device"))
        COMPLAIN(r, node,
                 "device is missing: what the device does, such as device: \"falls to 6 A after 60 s\"");
    if (yaml_get(node, "device"))
        p->on_silence = read_text(r, yaml_get(node, "device"), MAX_TEXT);
    if (!current)
        return;
    const char *text = current->kind == YAML_SCALAR ? current->text : "";
    if (str_equal(text, "max"))
        p->silence = SILENCE_MAX;
    else if (str_equal(text, "last"))
        p->silence = SILENCE_LAST;
    else if (str_to_double(text, &p->silence_A) == 0 && p->silence_A >= 0 && p->silence_A <= MAX_CURRENT_A)
        p->silence = SILENCE_CURRENT;
    else
        COMPLAIN(r, current,
                 "expected the A per phase that it lets flow (0: it stops), max (all it can) or last (the "
                 "last limit)");
}

void profile_hazard(const struct profile *profile, char *ret, size_t size)
{
    char what[60] = "it is not known what flows";
    if (profile->silence == SILENCE_CURRENT)
        (void)snprintf(what, sizeof(what), "up to %g A flow", profile->silence_A);
    else if (profile->silence == SILENCE_MAX)
        (void)str_copy(what, sizeof(what), "all that it can give flows");
    else if (profile->silence == SILENCE_LAST)
        (void)str_copy(what, sizeof(what), "up to its last limit flows");
    if (size)
        *ret = '\0';
    if (profile->on_silence && !(profile->silence == SILENCE_CURRENT && profile->silence_A <= 0))
        (void)snprintf(ret, size, "without the gateway %s: the device %s", what, profile->on_silence);
}

/* [program, argument...]; the place of the program is absolute, since nobody knows where the gateway runs. */
static void read_firmware_hook(struct reading *r, const struct yaml_node *root)
{
    const struct yaml_node *list = yaml_get(root, "firmware_hook");
    if (!list)
        return;
    const struct yaml_node *program = list->children;
    if (list->kind != YAML_LIST || !program || list->count > PROFILE_MAX_HOOK) {
        COMPLAIN(r, list, "expected a list of the program and its arguments, at most %d", PROFILE_MAX_HOOK);
        return;
    }
    char **hook = calloc(list->count + 1, sizeof(*hook));
    r->profile->firmware_hook = hook;
    r->no_memory = r->no_memory || !hook;
    for (const struct yaml_node *n = program; hook && n; n = n->next)
        if (!(*hook++ = read_text(r, n, MAX_TEXT)))
            return;
    if (program->text[0] != '/')
        COMPLAIN(r, program, "expected the absolute path of a program");
}

/* A meter is only read. */
static void read_kind(struct reading *r, const struct yaml_node *root)
{
    static const char *const kinds[] = { "charger", "meter", NULL };
    static const char *const of_chargers[] = { "setup",      "evses",         "keepalive", "variables",
                                               "on_silence", "firmware_hook", NULL };
    r->profile->is_meter = read_enum(r, root, "kind", 0, kinds) == 1;
    for (size_t i = 0; r->profile->is_meter && of_chargers[i]; i++)
        if (yaml_get(root, of_chargers[i]))
            COMPLAIN(r, yaml_get(root, of_chargers[i]), "does not belong to kind: meter, which is only read");
}

static void read_protocol(struct reading *r, const struct yaml_node *root)
{
    const struct yaml_node *node = yaml_get(root, "protocol");
    const char *names[PROTOCOLS + 1] = { NULL };
    char known[80] = "";
    for (int i = 0; i < PROTOCOLS; i++) {
        names[i] = protocols[i]->name;
        size_t len = strlen(known);
        (void)snprintf(known + len, sizeof(known) - len, "%s%s",
                       i == 0              ? ""
                       : i + 1 < PROTOCOLS ? ", "
                                           : " or ",
                       names[i]);
    }
    if (!node)
        COMPLAIN(r, root, "protocol is missing; expected %s", known);
    r->profile->protocol = (enum point_protocol)read_enum(r, root, "protocol", PROTOCOL_MODBUS, names);
    r->protocol = protocols[r->profile->protocol];
    for (int i = 0; i < PROTOCOLS; i++)
        if (yaml_get(root, names[i]) && protocols[i] != r->protocol)
            COMPLAIN(r, yaml_get(root, names[i]), "does not belong to protocol: %s", r->protocol->name);
    const struct yaml_node *options = yaml_get(root, r->protocol->name);
    if (options || !r->protocol->example_options)
        r->protocol->read_options(r, options);
    else
        COMPLAIN(r, root, "%s is missing; expected such as %s", r->protocol->name,
                 r->protocol->example_options);
}

static void read_head(struct reading *r, const struct yaml_node *root)
{
    const struct yaml_node *vendor = yaml_get(root, "vendor");
    read_name(r, root);
    if (vendor)
        r->profile->vendor = read_text(r, vendor, 50);
    else
        COMPLAIN(r, root, "vendor is missing");
    read_models(r, root);
    read_protocol(r, root);
    read_kind(r, root);
    read_on_silence(r, root);
    read_firmware_hook(r, root);
}

/* ---- identify ---- */

static void read_identify_point(struct reading *r, const struct yaml_node *node,
                                const struct yaml_node *equals)
{
    static const char *const keys[] = { "read",          "type",   "words", "bits",       "size",
                                        "scale",         "mask",   "shift", "word_order", "byte_order",
                                        "read_function", "equals", NULL };
    const struct yaml_node *read = yaml_get(node, "read");
    yaml_check_keys(r->yaml, node, keys, r->problems);
    if (node->kind != YAML_MAP)
        return;
    if (!read || read->kind != YAML_SCALAR || !equals || equals->kind != YAML_SCALAR) {
        COMPLAIN(r, node,
                 "expected what to read and what it must be, such as { read: holding 4, equals: 0x0107 }");
        return;
    }
    if (profile_point(r->profile, read->text))
        return;
    if (!strchr(read->text, ' ') && !r->protocol->tells_itself) /* a name; but some addresses are words */
        COMPLAIN(r, read, "there is no point \"%.40s\"; expected one, or such as %s", read->text,
                 r->protocol->example_at);
    else
        profile_read_point(r, node, "identify", NULL, true);
}

static void read_identify_value(struct reading *r, const struct yaml_node *node,
                                const struct yaml_node *equals)
{
    struct identify *id = &r->profile->identify;
    const char *read = yaml_get(node, "read") ? yaml_get(node, "read")->text : NULL;
    if (!read || !equals || equals->kind != YAML_SCALAR)
        return;
    const struct point *p = profile_point(r->profile, read);
    p = p ? p : profile_point(r->profile, "identify");
    if (!p)
        return;
    int64_t whole = 0;
    id->point = p;
    id->is_text = point_is_text(p);
    if (!(p->access & ACCESS_R))
        COMPLAIN(r, node, "%s cannot be read", p->name);
    if (id->is_text && (!*equals->text || str_copy(id->text, sizeof(id->text), equals->text) < 0))
        COMPLAIN(r, equals, "expected a text of 1 to %zu characters", sizeof(id->text) - 1);
    else if (!id->is_text && str_to_int(equals->text, INT64_MIN, INT64_MAX, &whole) == 0)
        id->number = (double)whole;
    else if (!id->is_text && yaml_to_double(r->yaml, equals, -1e18, 1e18, r->problems, &id->number) < 0)
        return;
    if (!id->is_text)
        (void)profile_check_constant(r, equals, p, id->number);
}

/* ---- keepalive and setup ---- */

static void read_setup(struct reading *r, const struct yaml_node *map, const char *prefix)
{
    struct expression_scope scope = profile_scope(r, prefix, false);
    const struct yaml_node *setup = yaml_get(map, "setup");
    if (setup)
        profile_read_steps(r, setup, &scope, &r->profile->setup);
}

/* A limit is that of one EVSE. */
static void check_keepalive_limit(struct reading *r, const struct yaml_node *set, const struct step *step)
{
    bool limit = expression_uses_argument(step->value, ARGUMENT_LIMIT_A) ||
                 expression_uses_argument(step->value, ARGUMENT_LIMIT_W);
    if (limit && step->evse == 0 && r->profile->evse_count > 1)
        COMPLAIN(r, set,
                 "of which EVSE is the limit? With several of them, give each entry of evses: its "
                 "own keepalive");
}

/* `evse` 0: the charger's own. */
static void read_keepalive(struct reading *r, const struct yaml_node *map, const char *prefix, int evse)
{
    static const char *const keys[] = { "set", "every", NULL };
    struct expression_scope scope = profile_scope(r, prefix, true);
    const struct yaml_node *node = yaml_get(map, "keepalive"), *set = yaml_get(node, "set");
    if (!node)
        return;
    yaml_check_keys(r->yaml, node, keys, r->problems);
    if (node->kind != YAML_MAP)
        return;
    if (!set || !yaml_get(node, "every")) {
        COMPLAIN(r, node, "expected what to write and how often, such as { set: { alive: 1 }, every: 30s }");
        return;
    }
    size_t first = r->profile->keepalive.count;
    profile_read_sets(r, set, &scope, &r->profile->keepalive);
    int64_t every_ms = read_ms(r, node, "every", 30000, 500, MAX_INTERVAL);
    if (!r->profile->keepalive_ms || every_ms < r->profile->keepalive_ms)
        r->profile->keepalive_ms = every_ms;
    for (size_t i = first; i < r->profile->keepalive.count; i++) {
        struct step *step = &r->profile->keepalive.list[i];
        step->evse = evse;
        check_keepalive_limit(r, set, step);
        if (step->point->persistent)
            COMPLAIN(r, set, "%s is persistent; writing it again and again would wear out its memory",
                     step->point->name);
    }
}

/* ---- EVSEs ---- */

static void read_address_offsets(struct reading *r, const struct yaml_node *evse, int ret[4])
{
    static const char *const kinds[] = { "coil", "discrete", "input", "holding", NULL };
    const struct yaml_node *node = yaml_get(evse, "address_offset");
    if (node && node->kind == YAML_MAP)
        yaml_check_keys(r->yaml, node, kinds, r->problems);
    int all = node && node->kind != YAML_MAP ? (int)read_int(r, evse, "address_offset", 0, 0, 0xFFFF) : 0;
    for (int kind = 0; kind < 4; kind++)
        ret[kind] = all ? all : (int)read_int(r, node, kinds[kind], 0, 0, 0xFFFF);
}

/* How often an entry of evses: is to be repeated. */
static int repetitions(struct reading *r, const struct yaml_node *node)
{
    return (int)read_int(r, node, "count", 1, 1, MAX_EVSES);
}

static void check_repetition(struct reading *r, const struct yaml_node *node, const struct repetition *at,
                             int count)
{
    bool moved = at->unit_offset > 0;
    for (int kind = 0; kind < 4; kind++)
        moved = moved || at->address_offset[kind] > 0;
    bool echonet = r->profile->protocol == PROTOCOL_ECHONET, counts = r->protocol->counts_itself;
    if (count > 1 && !moved && !counts)
        COMPLAIN(r, node, "count needs address_offset or unit_offset, or all of them are the same EVSE");
    if (count > 1 && !yaml_get(node, "points"))
        COMPLAIN(r, node,
                 "count needs points inside this entry: those of the profile are shared and not moved");
    if (count == 1 && moved)
        COMPLAIN(r, node, "address_offset and unit_offset move the second and later of several; give count");
    if (counts && moved)
        COMPLAIN(r, node, "%s; the second has the next one",
                 echonet ? "ECHONET objects are told apart by instance"
                         : "EVSEs of an OCPP charger are told apart by connector");
}

/* Calls for each EVSE; they are numbered through all entries. */
static void for_each_evse(struct reading *r, const struct yaml_node *list,
                          void (*visit)(struct reading *r, const struct repetition *at))
{
    struct repetition at = { .evse = 0 };
    bool several = r->profile->evse_count > 1;
    for (const struct yaml_node *n = list->children; n; n = n->next) {
        if (n->kind != YAML_MAP)
            continue;
        size_t found = r->problems->total;
        struct problems ignored;
        problems_init(&ignored);
        struct reading quiet = *r; /* these few keys were complained of when they were counted */
        quiet.problems = &ignored;
        int count = repetitions(&quiet, n);
        memset(at.address_offset, 0, sizeof(at.address_offset));
        read_address_offsets(&quiet, n, at.address_offset);
        at.unit_offset = (int)read_int(&quiet, n, "unit_offset", 0, 0, 247);
        problems_done(&ignored);
        at.node = n;
        /* What is wrong with the first is wrong with its repetitions too: say it once. */
        for (at.index = 0; at.index < count && r->problems->total == found; at.index++) {
            at.evse++;
            if (several)
                (void)snprintf(at.prefix, sizeof(at.prefix), "%d.", at.evse);
            visit(r, &at);
        }
    }
}

static void visit_points(struct reading *r, const struct repetition *at)
{
    profile_read_points(r, yaml_get(at->node, "points"), at);
}

static void visit_scales(struct reading *r, const struct repetition *at)
{
    profile_read_scales(r, yaml_get(at->node, "points"), at);
}

static void visit_evse(struct reading *r, const struct repetition *at)
{
    profile_read_evse(r, at, &r->profile->evses[at->evse - 1]);
    read_setup(r, at->node, at->prefix);
    read_keepalive(r, at->node, at->prefix, at->evse);
    profile_read_variables(r, yaml_get(at->node, "variables"), at->prefix, at->evse);
}

static bool count_evses(struct reading *r, const struct yaml_node *root, const struct yaml_node *list)
{
    if (!list || list->kind != YAML_LIST || list->count < 1 || list->count > MAX_EVSES) {
        COMPLAIN(r, list ? list : root, "%sexpected a list of 1 to %d EVSEs; each begins with -",
                 list ? "" : "evses is missing; ", MAX_EVSES);
        return false;
    }
    size_t count = 0;
    for (const struct yaml_node *n = list->children; n; n = n->next) {
        yaml_check_keys(r->yaml, n, profile_evse_keys, r->problems);
        size_t found = r->problems->total;
        struct repetition at = { .unit_offset = (int)read_int(r, n, "unit_offset", 0, 0, 247) };
        read_address_offsets(r, n, at.address_offset);
        int times = repetitions(r, n);
        if (r->problems->total == found)
            check_repetition(r, n, &at, times);
        if (times > 1 && at.unit_offset * (times - 1) > 247)
            COMPLAIN(r, n, "the last unit id would be beyond 247");
        count += (size_t)times;
    }
    if (count > MAX_EVSES) {
        COMPLAIN(r, list, "too many EVSEs; at most %d", MAX_EVSES);
        return false;
    }
    assert(count > 0); /* the list is not empty, and an entry counts for one at least */
    r->profile->evses = calloc(count, sizeof(*r->profile->evses));
    r->profile->evse_count = r->profile->evses ? count : 0;
    r->no_memory = r->no_memory || !r->profile->evses;
    return r->profile->evses != NULL;
}

static void read_profile(struct reading *r, const struct yaml_node *root)
{
    static const char *const keys[] = { "profile",       "vendor",    "models",    "protocol",   "extends",
                                        "modbus",        "echonet",   "ocpp16",    "identify",   "setup",
                                        "points",        "evses",     "keepalive", "on_silence", "notes",
                                        "firmware_hook", "variables", "kind",      NULL };
    const struct yaml_node *evses = yaml_get(root, "evses"), *points = yaml_get(root, "points"),
                           *identify = yaml_get(root, "identify"), *equals = yaml_get(identify, "equals");
    yaml_check_keys(r->yaml, root, keys, r->problems);
    if (root->kind != YAML_MAP)
        return;
    read_head(r, root);
    bool has_evses = !r->profile->is_meter && count_evses(r, root, evses);
    profile_read_points(r, points, NULL);
    if (has_evses)
        for_each_evse(r, evses, visit_points);
    size_t found = r->problems->total;
    if (identify)
        read_identify_point(r, identify, equals);
    bool is_identify_sound = r->problems->total == found;
    profile_read_scales(r, points, NULL);
    if (has_evses)
        for_each_evse(r, evses, visit_scales);
    if (points)
        profile_check_overlaps(r, points);
    if (identify && is_identify_sound)
        read_identify_value(r, identify, equals);
    if (r->profile->is_meter)
        return;
    read_setup(r, root, "");
    read_keepalive(r, root, "", 0);
    profile_read_variables(r, yaml_get(root, "variables"), "", 0);
    if (has_evses)
        for_each_evse(r, evses, visit_evse);
    profile_place_variables(r->profile);
}

int profile_parse(const char *name, const char *text, size_t len, const struct profile_source *source,
                  struct problems *problems, struct profile **ret)
{
    struct profile_tree tree;
    AUTO(profile) *profile = calloc(1, sizeof(*profile));
    if (!profile)
        return -ENOMEM;
    size_t total = problems->total;
    struct reading r = { .problems = problems, .profile = profile, .source = source };
    int err = profile_tree_read(name, text, len, source, problems, &tree);
    if (err == 0) {
        r.yaml = tree.trees[0];
        read_profile(&r, r.yaml->root);
    }
    if (err == 0 && r.no_memory)
        err = -ENOMEM;
    else if (err == 0 && problems->total > total)
        err = -EINVAL;
    profile_tree_done(&tree);
    if (err < 0)
        return err;
    *ret = STEAL(profile);
    return 0;
}

void profile_free(struct profile *profile)
{
    if (!profile)
        return;
    for (size_t i = 0; i < profile->point_count; i++)
        free(profile->points[i].invalid);
    for (size_t i = 0; i < profile->evse_count; i++)
        profile_free_evse(&profile->evses[i]);
    for (size_t i = 0; i < profile->model_count; i++)
        free(profile->models[i]);
    profile_free_steps(&profile->setup);
    profile_free_steps(&profile->keepalive);
    for (size_t i = 0; i < profile->variable_count; i++)
        expression_free(profile->variable_values[i]);
    free(profile->variables);
    free(profile->variable_values);
    free(profile->points);
    free(profile->evses);
    free(profile->models);
    free(profile->name);
    free(profile->vendor);
    free(profile->on_silence);
    for (char **arg = profile->firmware_hook; arg && *arg; arg++)
        free(*arg);
    free(profile->firmware_hook);
    free(profile);
}

const struct point *profile_point(const struct profile *profile, const char *name)
{
    for (size_t i = 0; i < profile->point_count; i++)
        if (str_equal(profile->points[i].name, name))
            return &profile->points[i];
    return NULL;
}
