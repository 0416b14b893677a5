/* JSON is YAML, so the text around the entry is made by jansson (trial_config.h). */
#include "gateway/trial_config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/str.h"

#define FILE_NAME   "charger" /* in messages */
#define OWN_BUS     "trial"
#define AT_CHARGER  "stations[0].chargers[0]"
#define AT_OWN_BUS  "buses." OWN_BUS
#define MAX_ENTRY   65536 /* bytes */
#define ADDRESS_MAX (sizeof(((struct modbus_bus_settings *)0)->host) + 10)

/* ---- the text ---- */

static json_t *line_json(const struct serial_settings *line)
{
    static const char *const parities[] = { ['N'] = "none", ['E'] = "even", ['O'] = "odd" };
    return json_pack("{s:i, s:i, s:s, s:i}", "baud", line->baud, "data_bits", line->data_bits, "parity",
                     parities[(int)line->parity], "stop_bits", line->stop_bits);
}

/* As far as it is checked with a charger; what it is in full is adopted afterwards. */
static json_t *bus_json(const struct bus_config *bus)
{
    static const char *const framings[] = {
        [MODBUS_TCP] = "tcp", [MODBUS_RTU] = "rtu", [MODBUS_ASCII] = "ascii"
    };
    const struct modbus_bus_settings *settings = &bus->settings;
    char address[ADDRESS_MAX];
    bool is_ipv6 = strchr(settings->host, ':') != NULL;
    (void)snprintf(address, sizeof(address), "%s%s%s:%u", is_ipv6 ? "[" : "", settings->host,
                   is_ipv6 ? "]" : "", settings->port);
    if (settings->serial)
        return json_pack("{s:s, s:s, s:o}", "serial", settings->line.path, "framing",
                         framings[settings->framing], "line", line_json(&settings->line));
    return json_pack("{s:s, s:s}", "tcp", address, "framing", framings[settings->framing]);
}

static const struct bus_config *named_bus(const struct config *running, const char *name)
{
    for (size_t i = 0; name && i < running->bus_count; i++) {
        const struct bus_config *bus = &running->buses[i];
        if (str_equal(bus->name, name) && (bus->tcp || bus->settings.serial)) /* else: a charger's own */
            return bus;
    }
    return NULL;
}

static json_t *buses_json(const struct config *running, const json_t *entry)
{
    json_t *bus = json_object_get(entry, "bus");
    const struct bus_config *named = named_bus(running, json_string_value(bus));
    if (json_is_object(bus))
        return json_pack("{s:O}", OWN_BUS, bus);
    return named ? json_pack("{s:o}", named->name, bus_json(named)) : json_object();
}

static json_t *echonet_json(const struct echonet_settings *settings)
{
    json_t *json = json_pack("{s:s, s:i}", "bind", settings->bind_address, "port", (int)settings->port);
    (void)json_set_text(json, "ipv6", settings->ipv6);
    (void)json_set_text(json, "multicast_interface", settings->multicast_interface);
    return json;
}

static char *make_text(const struct config *running, const json_t *entry)
{
    AUTO(json_t) *charger = json_copy_whole(entry);
    if (json_is_object(json_object_get(charger, "bus")))
        (void)json_object_set_new(charger, "bus", json_string(OWN_BUS));
    AUTO(json_t) *file = json_pack("{s:{s:s}, s:{s:{s:s, s:i}}, s:o, s:o, s:[{s:s, s:s, s:[O]}]}", "gateway",
                                   "profiles", running->general.profiles ? running->general.profiles : "",
                                   "csms", "trial", "url", "ws://127.0.0.1/", "security_profile", 0, "buses",
                                   buses_json(running, entry), "echonet", echonet_json(&running->echonet),
                                   "stations", "id", "trial", "csms", "trial", "chargers", charger);
    return file ? json_to_text(file) : NULL;
}

/* Profile directories may be relative to the configuration: so is this one. */
static char *make_name(const struct config *running)
{
    const char *slash = strrchr(running->name, '/');
    char *name = NULL;
    return asprintf(&name, "%.*s%s", slash ? (int)(slash + 1 - running->name) : 0, running->name, FILE_NAME) <
                   0
               ? NULL
               : name;
}

/* ---- what is wrong ---- */

/* Places in our text become places in the entry. */
static void tell(struct problems *to, const char *text)
{
    static const struct {
        const char *ours, *theirs;
    } places[] = {
        { AT_CHARGER ".", "" },
        { AT_CHARGER ": ", "" },
        { AT_OWN_BUS ".", "bus." },
        { AT_OWN_BUS ": ", "bus: " },
    };
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        if (str_starts(text, places[i].ours)) {
            problems_add(to, FILE_NAME, 0, NULL, "%s%s", places[i].theirs, text + strlen(places[i].ours));
            return;
        }
    problems_add(to, FILE_NAME, 0, NULL, "%s", text);
}

static void hand_on(const struct problems *from, const char *name, struct problems *to)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct problem *p = &from->list[i];
        const char *rest = strstr(p->text + p->prefix, ": ");
        char file[300];
        if (!rest)
            continue;
        (void)snprintf(file, sizeof(file), "%.*s", (int)p->prefix, p->text);
        if (str_equal(file, name))
            tell(to, rest + 2);
        else
            problems_add(to, file, p->line, NULL, "%s", rest + 2);
    }
    to->total += from->total - from->count;
}

static int check_members(const json_t *entry, struct problems *problems)
{
    static const char *const others[] = { "ocpp16", "ocpp16_options", "password", "password_file" };
    if (!json_is_object(entry)) {
        problems_add(problems, FILE_NAME, 0, NULL, "expected an object, as under `chargers`");
        return -EINVAL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        if (json_object_get(entry, others[i])) {
            problems_add(
                problems, FILE_NAME, 0, others[i],
                "a charger that speaks OCPP 1.6 cannot be tried: it connects by itself, and only its "
                "station can serve it; add the station and look at it there");
            return -EINVAL;
        }
    if (json_text_size(entry) > MAX_ENTRY) {
        problems_add(problems, FILE_NAME, 0, NULL, "expected at most %d bytes", MAX_ENTRY);
        return -EINVAL;
    }
    return 0;
}

/* ---- what the running configuration has already ---- */

static bool is_same_port(const struct modbus_bus_settings *a, const struct modbus_bus_settings *b)
{
    struct stat x, y;
    if (a->serial != b->serial)
        return false;
    if (!a->serial)
        return a->port == b->port && str_equal_ci(a->host, b->host);
    return str_equal(a->line.path, b->line.path) ||
           (stat(a->line.path, &x) == 0 && stat(b->line.path, &y) == 0 && S_ISCHR(x.st_mode) &&
            S_ISCHR(y.st_mode) && x.st_rdev == y.st_rdev);
}

static int adopt_bus(struct bus_config *bus, const struct bus_config *running)
{
    char *fingerprint = strdup(running->fingerprint);
    if (!fingerprint)
        return -ENOMEM;
    free(bus->fingerprint);
    bus->fingerprint = fingerprint;
    bus->settings = running->settings;
    (void)str_copy(bus->name, sizeof(bus->name), running->name);
    return 0;
}

/* A port can be opened once, and many devices take one connection only. */
static int find_bus(const struct config *running, const json_t *entry, struct bus_config *bus,
                    struct problems *problems)
{
    const struct bus_config *named = named_bus(running, json_string_value(json_object_get(entry, "bus")));
    if (named)
        return adopt_bus(bus, named);
    for (size_t i = 0; i < running->bus_count; i++) {
        const struct bus_config *other = &running->buses[i];
        if (!is_same_port(&bus->settings, &other->settings))
            continue;
        if (!bus->settings.serial && bus->settings.framing == other->settings.framing)
            return adopt_bus(bus, other);
        problems_add(problems, FILE_NAME, 0, json_object_get(entry, "bus") ? "bus" : "tcp",
                     "the configuration has this already as the bus \"%s\"; expected bus: %s", other->name,
                     other->name);
        return -EINVAL;
    }
    return 0;
}

static int adopt(const struct config *running, const json_t *entry, struct config *config,
                 struct problems *problems)
{
    const struct charger_config *charger = &config->stations[0].chargers[0];
    switch (charger->profile->protocol) {
    case PROTOCOL_MODBUS:
        return find_bus(running, entry, &config->buses[charger->bus], problems);
    case PROTOCOL_ECHONET:
        free(config->echonet_fingerprint);
        config->echonet_fingerprint = strdup(running->echonet_fingerprint);
        config->echonet = running->echonet;
        return config->echonet_fingerprint ? 0 : -ENOMEM;
    case PROTOCOL_OCPP16: /* without an identity it is wrong, and with one it was refused */
    case PROTOCOLS:
        break;
    }
    return -EINVAL;
}

int trial_config_read(const struct config *running, const json_t *entry, struct problems *problems,
                      struct config **ret)
{
    if (check_members(entry, problems) < 0)
        return -EINVAL;
    AUTO_FREE char *name = make_name(running);
    AUTO_FREE char *text = make_text(running, entry);
    AUTO(config) *config = NULL;
    struct problems found;
    if (!name || !text)
        return -ENOMEM;
    problems_init(&found);
    int r = config_parse(name, text, strlen(text), &found, &config);
    hand_on(&found, name, problems);
    problems_done(&found);
    if (r == 0)
        r = adopt(running, entry, config, problems);
    if (r == 0)
        *ret = STEAL(config);
    return r;
}
