/* external_limits of gateway.yaml: limits that a meter's points set to stations. */
#include <math.h>
#include <string.h>

#include "base/str.h"
#include "charger/expression.h"
#include "gateway/config_internal.h"
#include "gateway/config_profiles.h"
#include "gateway/config_tables.h"

#define USUAL_HYSTERESIS_A 1
#define USUAL_HYSTERESIS_W 250

static int find_meter(struct parse *p, const struct yaml_node *node, const char *name)
{
    for (size_t i = 0; i < p->config->meter_count; i++)
        if (str_equal(p->config->meters[i].name, name))
            return (int)i;
    yaml_problem(p->y, yaml_get(node, "meter"), p->problems,
                 "no meter of the name \"%s\" under meters:", name);
    return -EINVAL;
}

/* ---- the value ---- */

static void check_value(struct parse *p, const struct yaml_node *node, const struct limit_config *limit,
                        const struct profile *profile)
{
    static const char *const units[] = { "A", "W" };
    bool is_known = false;
    const char *unit = expression_unit(limit->value, &is_known);
    int index = 0;
    if (expression_type(limit->value) != EXPRESSION_NUMBER)
        yaml_problem(p->y, node, p->problems, "this is no quantity; expected a number in %s",
                     units[limit->unit]);
    else if (is_known && *unit && !str_equal(unit, units[limit->unit]))
        yaml_problem(p->y, node, p->problems, "is in %s, but unit says %s", unit, units[limit->unit]);
    for (size_t n = 0; (index = expression_point(limit->value, n)) >= 0; n++)
        if (profile->points[index].every_ms == 0)
            yaml_problem(p->y, node, p->problems, "%s is never read, says profile %s",
                         profile->points[index].name, profile->name);
}

static int read_value(struct parse *p, const struct yaml_node *node, struct limit_config *limit)
{
    const struct profile *profile = p->config->meters[limit->meter].device.profile;
    if (!profile) /* that was told */
        return -EINVAL;
    const struct expression_scope scope = { .points = profile->points,
                                            .count = profile->point_count,
                                            .prefix = "" };
    struct expression_error error;
    int r = expression_compile(limit->text, &scope, &error, &limit->value);
    if (r == -EINVAL)
        yaml_problem(p->y, node, p->problems, "column %d: %s", error.column, error.text);
    if (r == 0)
        check_value(p, node, limit, profile);
    return r;
}

/* ---- the stations ---- */

static bool has_same_place(const struct limit_config *a, const struct limit_config *b)
{
    if (a->evse != b->evse || a->source != b->source)
        return false;
    for (size_t i = 0; i < a->station_count; i++)
        for (size_t k = 0; k < b->station_count; k++)
            if (a->stations[i] == b->stations[k])
                return true;
    return false;
}

/* Some device of the station, or that of the EVSE (0: any), takes a limit. */
static bool can_be_limited(const struct station_config *station, int evse)
{
    int id = 0;
    for (size_t i = 0; i < station->charger_count; i++) {
        const struct profile *profile = station->chargers[i].profile;
        for (size_t n = 0; profile && n < profile->evse_count; n++) {
            id++;
            if (profile->evses[n].abilities.limit && (id == evse || evse == 0))
                return true;
        }
    }
    return false;
}

static void add_station(struct parse *p, const struct yaml_node *node, struct limit_config *limit,
                        size_t index)
{
    const struct station_config *station = &p->config->stations[index];
    for (size_t i = 0; i < limit->station_count; i++)
        if (limit->stations[i] == index) {
            yaml_problem(p->y, node, p->problems, "names %s twice", station->id);
            return;
        }
    if ((size_t)limit->evse > station->evse_count)
        yaml_problem(p->y, node, p->problems, "%s has %zu EVSEs, but evse is %d", station->id,
                     station->evse_count, limit->evse);
    else if (!can_be_limited(station, limit->evse))
        yaml_problem(p->y, node, p->problems, "%s cannot be limited, say the profiles of its chargers",
                     station->id);
    limit->stations[limit->station_count++] = index;
}

static void read_station_name(struct parse *p, const struct yaml_node *node, struct limit_config *limit)
{
    for (size_t i = 0; i < p->config->station_count; i++)
        if (node->kind == YAML_SCALAR && str_equal(p->config->stations[i].id, node->text)) {
            add_station(p, node, limit, i);
            return;
        }
    yaml_problem(p->y, node, p->problems, "no station has this id");
}

static int read_stations(struct parse *p, const struct yaml_node *node, struct limit_config *limit)
{
    const struct config *c = p->config;
    bool is_all = node && node->kind == YAML_SCALAR && str_equal(node->text, "all");
    if (!node) /* that was told */
        return -EINVAL;
    limit->stations = calloc(c->station_count + 1, sizeof(*limit->stations));
    if (!limit->stations)
        return -ENOMEM;
    if (!is_all && (node->kind != YAML_LIST || node->count == 0 || node->count > c->station_count))
        yaml_problem(p->y, node, p->problems, "expected all, or a list of stations' ids, each once");
    else if (is_all)
        for (size_t i = 0; i < c->station_count; i++)
            add_station(p, node, limit, i);
    else
        for (const struct yaml_node *n = node->children; n; n = n->next)
            read_station_name(p, n, limit);
    for (const struct limit_config *other = c->limits; other < limit; other++)
        if (has_same_place(other, limit)) {
            yaml_problem(p->y, node, p->problems,
                         "another entry sets a limit of the same source to the same station or EVSE");
            break;
        }
    return 0;
}

/* ---- the entry ---- */

int config_read_limit(struct parse *p, const struct yaml_node *node, struct limit_config *limit)
{
    size_t total = p->problems->total;
    limit->hysteresis = NAN;
    int r = settings_read(p->y, node, limit_settings, limit, p->problems);
    if (r == -ENOMEM || node->kind != YAML_MAP)
        return r;
    if (isnan(limit->hysteresis))
        limit->hysteresis = limit->unit == 0 ? USUAL_HYSTERESIS_A : USUAL_HYSTERESIS_W;
    limit->meter = limit->meter_name ? find_meter(p, node, limit->meter_name) : -EINVAL;
    if (p->problems->total == total && read_value(p, yaml_get(node, "limit"), limit) == -ENOMEM)
        return -ENOMEM;
    return read_stations(p, yaml_get(node, "stations"), limit);
}

int config_limits_fingerprint(struct parse *p)
{
    struct config *c = p->config;
    struct buf out;
    buf_init(&out, 4 * CONFIG_MAX_BYTES);
    config_dump(yaml_get(p->y->root, "meters"), &out);
    config_dump(yaml_get(p->y->root, "external_limits"), &out);
    for (size_t i = 0; i < c->meter_count; i++) {
        const struct charger_config *device = &c->meters[i].device;
        config_dump_medium(c, device, &out);
        buf_text(&out, config_profile_text(c, device->profile));
    }
    c->limits_fingerprint = buf_steal(&out);
    buf_done(&out);
    return c->limits_fingerprint ? 0 : -ENOMEM;
}

void config_free_limits(struct config *c)
{
    for (size_t i = 0; i < c->meter_count; i++)
        config_free_charger(&c->meters[i].device);
    for (size_t i = 0; i < c->limit_count; i++) {
        free(c->limits[i].meter_name);
        free(c->limits[i].text);
        expression_free(c->limits[i].value);
        free(c->limits[i].stations);
    }
    free(c->meters);
    free(c->limits);
    free(c->limits_fingerprint);
}
