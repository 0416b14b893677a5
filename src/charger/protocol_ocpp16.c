/* How an OCPP 1.6J charger stands in a profile: its options, and what a point is.
 *
 *     ITEM [argument] [phase L1] [location Body] [connector N]
 *
 *     status    measurand Power.Active.Import phase L1    configuration MeterValueSampleInterval    reset Soft */
#include "charger/ocpp16_point.h"

#include <string.h>

#include "base/str.h"
#include "charger/profile_internal.h"
#include "charger/value.h"

const struct ocpp16_measurand ocpp16_measurands[] = {
    { "Current.Export", "A", false },
    { "Current.Import", "A", false },
    { "Current.Offered", "A", false },
    [OCPP16_ENERGY] = { "Energy.Active.Import.Register", "Wh", true },
    { "Energy.Active.Export.Register", "Wh", true },
    { "Energy.Reactive.Export.Register", "var", true }, /* varh */
    { "Energy.Reactive.Import.Register", "var", true },
    { "Energy.Active.Export.Interval", "Wh", true },
    { "Energy.Active.Import.Interval", "Wh", true },
    { "Energy.Reactive.Export.Interval", "var", true },
    { "Energy.Reactive.Import.Interval", "var", true },
    { "Frequency", "Hz", false },
    { "Power.Active.Export", "W", true },
    { "Power.Active.Import", "W", true },
    { "Power.Factor", "", false },
    { "Power.Offered", "W", true },
    { "Power.Reactive.Export", "var", true },
    { "Power.Reactive.Import", "var", true },
    { "RPM", "", false },
    { "SoC", "%", false },
    { "Temperature", "Celsius", false },
    { "Voltage", "V", false },
    { NULL, NULL, false },
};

const char *const ocpp16_phases[] = { "",     "L1",   "L2",    "L3",    "N",     "L1-N",
                                      "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1", NULL };
const char *const ocpp16_locations[] = { "", "Outlet", "Inlet", "Cable", "Body", "EV", NULL };

int ocpp16_measurand(const char *name)
{
    for (int i = 0; ocpp16_measurands[i].name; i++)
        if (str_equal(ocpp16_measurands[i].name, name))
            return i;
    return -1;
}

int ocpp16_name(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++)
        if (str_equal(names[i], name))
            return i;
    return -1;
}

static const struct {
    const char *name, *unit;
    uint8_t access;
    bool is_text, is_whole; /* whole: of the charge point, not of a connector */
    int names;              /* words behind it, at most */
} items[OCPP16_ITEMS] = {
    [OCPP16_STATUS] = { "status", "", ACCESS_R, true, false, 0 },
    [OCPP16_ERROR_CODE] = { "error_code", "", ACCESS_R, true, false, 0 },
    [OCPP16_VENDOR_ERROR_CODE] = { "vendor_error_code", "", ACCESS_R, true, false, 0 },
    [OCPP16_INFO] = { "info", "", ACCESS_R, true, false, 0 },
    [OCPP16_ID_TAG] = { "id_tag", "", ACCESS_R, true, false, 0 },
    [OCPP16_TRANSACTION] = { "transaction", "", ACCESS_R, false, false, 0 },
    [OCPP16_PLUGGED] = { "plugged", "", ACCESS_R, false, false, 0 },
    [OCPP16_UNAUTHORIZED] = { "unauthorized_energy", "Wh", ACCESS_R, false, false, 0 },
    [OCPP16_MEASURAND] = { "measurand", "", ACCESS_R, false, false, 1 },
    [OCPP16_VENDOR] = { "vendor", "", ACCESS_R, true, true, 0 },
    [OCPP16_MODEL] = { "model", "", ACCESS_R, true, true, 0 },
    [OCPP16_SERIAL_NUMBER] = { "serial_number", "", ACCESS_R, true, true, 0 },
    [OCPP16_FIRMWARE] = { "firmware", "", ACCESS_R, true, true, 0 },
    [OCPP16_AUTHORIZE] = { "authorize", "", ACCESS_W, false, false, 0 },
    [OCPP16_REMOTE_START] = { "remote_start", "", ACCESS_W, false, false, 0 },
    [OCPP16_REMOTE_STOP] = { "remote_stop", "", ACCESS_W, false, false, 0 },
    [OCPP16_UNLOCK] = { "unlock", "", ACCESS_W, false, false, 0 },
    [OCPP16_RESET] = { "reset", "", ACCESS_W, false, true, 1 },
    [OCPP16_LIMIT] = { "limit", "A", ACCESS_W, false, false, 0 },
    [OCPP16_AVAILABILITY] = { "availability", "", ACCESS_W, false, false, 0 },
    [OCPP16_CONFIGURATION] = { "configuration", "", ACCESS_RW, true, true, 1 },
    [OCPP16_DATA] = { "data", "", ACCESS_RW, true, true, 2 },
};

static void read_ocpp16(struct reading *r, const struct yaml_node *map)
{
    static const char *const keys[] = { "timeout", "heartbeat", "authorize", "lenient", NULL };
    struct ocpp16_options *o = &r->profile->ocpp16;
    yaml_check_keys(r->yaml, map, keys, r->problems);
    o->timeout_ms = read_ms(r, map, "timeout", 30000, 1000, 120000);
    o->heartbeat_ms = read_ms(r, map, "heartbeat", 60000, 10000, 3600000);
    o->authorize_ms = read_ms(r, map, "authorize", 25000, 1000, 120000);
    if (yaml_get(map, "lenient"))
        (void)yaml_to_bool(r->yaml, yaml_get(map, "lenient"), r->problems, &o->is_lenient);
}

static int find_item(const char *word)
{
    for (int i = 0; i < OCPP16_ITEMS; i++)
        if (str_equal(items[i].name, word))
            return i;
    return -1;
}

static void complain_of_item(struct reading *r, const struct yaml_node *node, const char *word)
{
    const char *names[OCPP16_ITEMS + 1] = { NULL };
    for (int i = 0; i < OCPP16_ITEMS; i++)
        names[i] = items[i].name;
    const char *near = word ? nearest_name(word, names) : NULL;
    COMPLAIN(r, node, "expected such as status, measurand Voltage phase L1, remote_start%s%s%s",
             near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static char *next_word(char **rest)
{
    char *word = NULL;
    while ((word = strsep(rest, " \t")) && !*word)
        continue;
    return word;
}

/* The words that an item has behind it: a measurand, a key, a vendor and message. */
static void read_names(struct reading *r, const struct yaml_node *node, char **rest, struct point *p)
{
    char text[sizeof(p->at.ocpp16.name)] = "";
    size_t len = 0;
    for (int i = 0; i < items[p->at.ocpp16.item].names && *rest; i++) {
        const char *word = next_word(rest);
        int n = word ? snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "", word) : 0;
        len += (size_t)n;
        if (len >= sizeof(text)) {
            COMPLAIN(r, node, "is longer than %zu characters", sizeof(text) - 1);
            return;
        }
    }
    if (items[p->at.ocpp16.item].names && !len)
        COMPLAIN(r, node, "%s needs a name behind it", items[p->at.ocpp16.item].name);
    (void)str_copy(p->at.ocpp16.name, sizeof(p->at.ocpp16.name), text);
}

static void check_names(struct reading *r, const struct yaml_node *node, struct point *p)
{
    const char *name = p->at.ocpp16.name;
    if (p->at.ocpp16.item == OCPP16_RESET && *name && !str_equal(name, "Soft") && !str_equal(name, "Hard"))
        COMPLAIN(r, node, "expected reset Soft or reset Hard");
    if (p->at.ocpp16.item != OCPP16_MEASURAND || !*name)
        return;
    int measurand = ocpp16_measurand(name);
    if (measurand < 0) {
        COMPLAIN(r, node, "\"%s\" is no measurand of OCPP 1.6; expected such as Power.Active.Import", name);
        return;
    }
    p->at.ocpp16.measurand = (uint8_t)measurand;
    (void)str_copy(p->unit, sizeof(p->unit), ocpp16_measurands[measurand].unit);
}

/* phase, location, connector, in any order; false: the rest is none of them. */
static bool read_details(char *rest, struct point *p)
{
    bool is_measurand = p->at.ocpp16.item == OCPP16_MEASURAND, is_whole = items[p->at.ocpp16.item].is_whole;
    const char *word = NULL;
    while ((word = next_word(&rest))) {
        const char *value = next_word(&rest);
        int64_t number = 0;
        int phase = value ? ocpp16_name(ocpp16_phases, value) : -1;
        int location = value ? ocpp16_name(ocpp16_locations, value) : -1;
        if (str_equal(word, "phase") && is_measurand && phase > 0)
            p->at.ocpp16.phase = (uint8_t)phase;
        else if (str_equal(word, "location") && is_measurand && location > 0)
            p->at.ocpp16.location = (uint8_t)location;
        else if (str_equal(word, "connector") && !is_whole && value &&
                 str_to_int(value, 0, OCPP16_MAX_CONNECTOR, &number) == 0)
            p->at.ocpp16.connector = (uint8_t)number;
        else
            return false;
    }
    return true;
}

static void complain_of_details(struct reading *r, const struct yaml_node *node, const struct point *p)
{
    const char *item = items[p->at.ocpp16.item].name, *name = p->at.ocpp16.name;
    if (items[p->at.ocpp16.item].is_whole)
        COMPLAIN(r, node, "expected nothing behind %s%s%s, which is of the charger as a whole", item,
                 *name ? " " : "", name);
    else if (p->at.ocpp16.item == OCPP16_MEASURAND)
        COMPLAIN(r, node,
                 "expected phase (L1, N, L1-N, L1-L2 ...), location (Outlet, Inlet, Cable, Body, EV) and "
                 "connector (0 to %d) at most behind %s %s, such as phase L1 connector 2",
                 OCPP16_MAX_CONNECTOR, item, name);
    else
        COMPLAIN(r, node, "expected a connector (0 to %d) at most behind %s, such as %s connector 2",
                 OCPP16_MAX_CONNECTOR, item, item);
}

/* The connector of an EVSE is that of its number, if the address does not say another; of repeated ones the first says it. */
static void read_at(struct reading *r, const struct yaml_node *node, char *text, struct point *p,
                    const struct repetition *at)
{
    char *rest = text;
    const char *word = next_word(&rest);
    int item = word ? find_item(word) : -1;
    p->type = POINT_F64;
    p->access = ACCESS_R;
    if (item < 0) {
        complain_of_item(r, node, word);
        return;
    }
    p->at.ocpp16.item = (uint8_t)item;
    p->type = items[item].is_text ? POINT_STRING : POINT_F64;
    p->access = (enum point_access)items[item].access;
    (void)str_copy(p->unit, sizeof(p->unit), items[item].unit);
    int first = at ? at->evse - at->index : 1;
    p->at.ocpp16.connector = (uint8_t)(items[item].is_whole ? 0 : first);
    read_names(r, node, &rest, p);
    check_names(r, node, p);
    if (!read_details(rest, p))
        complain_of_details(r, node, p);
    if (at && p->at.ocpp16.connector)
        p->at.ocpp16.connector = (uint8_t)(p->at.ocpp16.connector + at->index);
    if (p->at.ocpp16.connector > OCPP16_MAX_CONNECTOR)
        COMPLAIN(r, node, "the last connector would be beyond %d", OCPP16_MAX_CONNECTOR);
}

static void read_size(struct reading *r, const struct yaml_node *map, struct point *p)
{
    static const char *const others[] = { "words", "bits", "size", "unit_offset" };
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        profile_unwanted(r, map, others[i], "has no meaning for OCPP");
    p->raw_size = (uint16_t)point_type_size(p->type); /* 0 of a text: any */
    const struct yaml_node *unit = yaml_get(map, "unit");
    const struct unit *ours = unit_find(p->unit);
    const struct unit *theirs = unit && unit->kind == YAML_SCALAR ? unit_find(unit->text) : NULL;
    bool is_limit = p->at.ocpp16.item == OCPP16_LIMIT && theirs && str_equal(theirs->name, "W");
    if (theirs && !is_limit && (!ours || !str_equal(ours->base, theirs->base)))
        COMPLAIN(r, unit, "%s is in %s", map->key, *p->unit ? p->unit : "no unit");
}

static void print_at(const struct point *p, char *ret, size_t size)
{
    const char *name = p->at.ocpp16.name, *phase = ocpp16_phases[p->at.ocpp16.phase],
               *location = ocpp16_locations[p->at.ocpp16.location];
    int n = snprintf(ret, size, "%s%s%s%s%s%s%s", items[p->at.ocpp16.item].name, *name ? " " : "", name,
                     *phase ? " phase " : "", phase, *location ? " location " : "", location);
    if (n > 0 && (size_t)n < size && !items[p->at.ocpp16.item].is_whole)
        (void)snprintf(ret + n, size - (size_t)n, " connector %d", p->at.ocpp16.connector);
}

const struct protocol protocol_ocpp16 = {
    .name = "ocpp16",
    .title = "OCPP 1.6",
    .example_at = "status",
    .counts_itself = true,
    .tells_itself = true,
    .read_options = read_ocpp16,
    .read_at = read_at,
    .read_size = read_size,
    .print_at = print_at,
};
