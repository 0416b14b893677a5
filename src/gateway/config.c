/* Reads gateway.yaml: tables first (config_tables.c), then what one table cannot say: names that refer to other places, profiles,
 * and rules between keys. */
#include "gateway/config.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/yaml.h"
#include "gateway/config_profiles.h"
#include "gateway/config_tables.h"
#include "gateway/file.h"

struct parse {
    const struct yaml *y;
    struct problems *problems;
    struct config *config;
};

/* The subtree as text: what a fingerprint is made of. */
static void dump(const struct yaml_node *node, struct buf *out)
{
    if (!node)
        return;
    buf_printf(out, "%s:%s{", node->key ? node->key : "", node->text ? node->text : "");
    for (const struct yaml_node *child = node->children; child; child = child->next)
        dump(child, out);
    buf_text(out, "}");
}

static char *fingerprint(const struct yaml_node *a, const struct yaml_node *b)
{
    struct buf out;
    buf_init(&out, CONFIG_MAX_BYTES);
    dump(a, &out);
    dump(b, &out);
    buf_text(&out, "");
    char *text = buf_steal(&out);
    buf_done(&out);
    return text;
}

/* host[:port] into its parts; an IPv6 literal stands in brackets. 0 or -EINVAL. */
static int split_host(const char *text, uint16_t default_port, char *ret_host, size_t size,
                      uint16_t *ret_port)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
    const char *host = end ? text + 1 : text;
    const char *colon = strchr(end ? end : text, ':');
    size_t len = end ? (size_t)(end - host) : colon ? (size_t)(colon - host) : strlen(host);
    int64_t port = default_port;
    if (len == 0 || len >= size || (colon && str_to_int(colon + 1, 1, 65535, &port) < 0))
        return -EINVAL;
    memcpy(ret_host, host, len);
    ret_host[len] = '\0';
    *ret_port = (uint16_t)port;
    return 0;
}

static int read_log(struct parse *p, const struct yaml_node *node)
{
    static const char *const formats[] = { "text", "json", NULL };
    static const char *const keys[] = { "format", "level", "areas", NULL };
    const char *levels[LOG_LEVELS + 1] = { NULL }, *areas[LOG_AREAS + 1] = { NULL };
    for (int i = 0; i < LOG_LEVELS; i++)
        levels[i] = log_level_names[i];
    for (int i = 0; i < LOG_AREAS; i++)
        areas[i] = log_area_names[i];

    int format = 0, level = LOG_INFO;
    yaml_check_keys(p->y, node, keys, p->problems);
    if (yaml_get(node, "format"))
        (void)yaml_to_enum(p->y, yaml_get(node, "format"), formats, p->problems, &format);
    if (yaml_get(node, "level"))
        (void)yaml_to_enum(p->y, yaml_get(node, "level"), levels, p->problems, &level);
    p->config->log_json = format == 1;
    const struct yaml_node *list = yaml_get(node, "areas");
    yaml_check_keys(p->y, list, areas, p->problems);
    for (int i = 0; i < LOG_AREAS; i++) {
        int own = level;
        if (yaml_get(list, areas[i]))
            (void)yaml_to_enum(p->y, yaml_get(list, areas[i]), levels, p->problems, &own);
        p->config->log_levels[i] = (enum log_level)own;
    }
    return 0;
}

static int read_csms(struct parse *p, const struct yaml_node *node, struct csms_config *csms)
{
    if (str_copy(csms->name, sizeof(csms->name), node->key) < 0)
        yaml_problem(p->y, node, p->problems, "name is longer than %d characters", CONFIG_NAME_SIZE - 1);
    int r = settings_read(p->y, node, csms_settings, csms, p->problems);
    if (r == -ENOMEM || !csms->url)
        return r;
    bool tls = str_starts(csms->url, "wss://");
    if (!tls && !str_starts(csms->url, "ws://"))
        yaml_problem(p->y, yaml_get(node, "url"), p->problems, "expected ws://... or wss://...");
    else if (csms->security_profile == 2 && !tls)
        yaml_problem(p->y, node, p->problems, "security_profile 2 needs a wss:// url");
    else if (csms->security_profile == 1 && tls)
        yaml_problem(p->y, node, p->problems, "a wss:// url with a password is security_profile 2, not 1");
    return 0;
}

static int read_line(struct parse *p, const struct yaml_node *node, struct serial_settings *line)
{
    static const char *const parities[] = { "none", "even", "odd", NULL };
    int parity = 1;
    if (yaml_get(node, "parity"))
        (void)yaml_to_enum(p->y, yaml_get(node, "parity"), parities, p->problems, &parity);
    line->parity = "NEO"[parity];
    return settings_read(p->y, node, line_settings, line, p->problems);
}

static int read_bus(struct parse *p, const struct yaml_node *node, struct bus_config *bus)
{
    struct modbus_bus_settings *settings = &bus->settings;
    settings->framing = (enum modbus_framing) - 1;
    if (str_copy(bus->name, sizeof(bus->name), node->key) < 0)
        yaml_problem(p->y, node, p->problems, "name is longer than %d characters", CONFIG_NAME_SIZE - 1);
    int r = settings_read(p->y, node, bus_settings, bus, p->problems);
    if (r < 0)
        return r;
    (void)str_copy(settings->name, sizeof(settings->name), bus->name);
    settings->serial = settings->line.path[0] != '\0';
    if (settings->serial == (bus->tcp != NULL)) {
        yaml_problem(p->y, node, p->problems, "expected either tcp: host:port or serial: /dev/...");
        return -EINVAL;
    }
    if ((int)settings->framing < 0)
        settings->framing = settings->serial ? MODBUS_RTU : MODBUS_TCP;
    if (settings->serial && settings->framing == MODBUS_TCP)
        yaml_problem(p->y, node, p->problems, "framing tcp is not for a serial port; expected rtu or ascii");
    if (bus->tcp && split_host(bus->tcp, 502, settings->host, sizeof(settings->host), &settings->port) < 0)
        yaml_problem(p->y, yaml_get(node, "tcp"), p->problems, "expected host or host:port");
    bus->fingerprint = fingerprint(node, NULL);
    return bus->fingerprint ? read_line(p, yaml_get(node, "line"), &settings->line) : -ENOMEM;
}

static int read_echonet(struct parse *p, const struct yaml_node *node)
{
    struct echonet_settings *settings = &p->config->echonet;
    int64_t port = 3610;
    const struct yaml_node *node_id = yaml_get(node, "node_id");
    if (yaml_get(node, "port"))
        (void)yaml_to_int(p->y, yaml_get(node, "port"), 1, 65535, p->problems, &port);
    settings->port = (uint16_t)port;
    if (node_id &&
        (node_id->kind != YAML_SCALAR || hex_decode(node_id->text, settings->node_id,
                                                    sizeof(settings->node_id)) != sizeof(settings->node_id)))
        yaml_problem(p->y, node_id, p->problems, "expected 34 hex digits");
    p->config->echonet_fingerprint = fingerprint(node, NULL);
    if (!p->config->echonet_fingerprint)
        return -ENOMEM;
    return settings_read(p->y, node, echonet_settings_rows, settings, p->problems);
}

/* The bus of a charger with a `tcp` of its own: one per host and port, shared by all that name it. */
static int own_bus(struct parse *p, const struct yaml_node *node, const char *tcp, int default_port)
{
    struct config *c = p->config;
    struct modbus_bus_settings settings = { .framing = MODBUS_TCP,
                                            .connect_timeout_ms = 5000,
                                            .reconnect_after_ms = 1000 };
    if (split_host(tcp, (uint16_t)default_port, settings.host, sizeof(settings.host), &settings.port) < 0) {
        yaml_problem(p->y, yaml_get(node, "tcp"), p->problems, "expected host or host:port");
        return -EINVAL;
    }
    for (size_t i = 0; i < c->bus_count; i++)
        if (c->buses[i].settings.framing == MODBUS_TCP && c->buses[i].settings.port == settings.port &&
            str_equal(c->buses[i].settings.host, settings.host))
            return (int)i;
    struct bus_config *grown = reallocarray(c->buses, c->bus_count + 1, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    c->buses = grown;
    struct bus_config *bus = &grown[c->bus_count];
    *bus = (struct bus_config){ .settings = settings, .fingerprint = strdup(tcp) };
    c->bus_count++;
    if (!bus->fingerprint)
        return -ENOMEM;
    (void)str_copy(bus->name, sizeof(bus->name), tcp);
    (void)str_copy(bus->settings.name, sizeof(bus->settings.name), tcp);
    return (int)c->bus_count - 1;
}

static int find_bus(struct parse *p, const struct yaml_node *node, const char *name)
{
    struct config *c = p->config;
    for (size_t i = 0; i < c->bus_count; i++)
        if (str_equal(c->buses[i].name, name))
            return (int)i;
    yaml_problem(p->y, yaml_get(node, "bus"), p->problems, "no bus of the name \"%s\" under buses:", name);
    return -EINVAL;
}

static int read_modbus_charger(struct parse *p, const struct yaml_node *node, struct charger_config *charger)
{
    charger->modbus = charger->profile->modbus;
    int r = settings_read(p->y, yaml_get(node, "modbus"), modbus_override_settings, &charger->modbus,
                          p->problems);
    if (r == -ENOMEM)
        return r;
    if (charger->host || charger->node_id || !charger->tcp == !charger->bus_name) {
        yaml_problem(p->y, node, p->problems, "profile %s is Modbus: expected either tcp: host or bus: name",
                     charger->profile_name);
        return -EINVAL;
    }
    if (charger->unit < 0)
        charger->unit = charger->modbus.unit;
    charger->bus = charger->tcp
                       ? own_bus(p, node, charger->tcp, charger->modbus.port ? charger->modbus.port : 502)
                       : find_bus(p, node, charger->bus_name);
    return charger->bus < 0 ? charger->bus : 0;
}

static int read_echonet_charger(struct parse *p, const struct yaml_node *node, struct charger_config *charger)
{
    charger->echonet = charger->profile->echonet;
    charger->bus = -1;
    charger->target.instance = (uint8_t)charger->instance;
    p->config->uses_echonet = true;
    int r = settings_read(p->y, yaml_get(node, "echonet_options"), echonet_override_settings,
                          &charger->echonet, p->problems);
    if (r == -ENOMEM)
        return r;
    if (charger->tcp || charger->bus_name || (!charger->host && !charger->node_id)) {
        yaml_problem(p->y, node, p->problems,
                     "profile %s is ECHONET Lite: expected echonet: address or node_id: hex digits",
                     charger->profile_name);
        return -EINVAL;
    }
    struct in_addr address;
    if (charger->host && (str_copy(charger->target.host, sizeof(charger->target.host), charger->host) < 0 ||
                          uv_inet_pton(AF_INET, charger->host, &address) != 0))
        yaml_problem(p->y, yaml_get(node, "echonet"), p->problems, "expected an IPv4 address");
    if (charger->node_id && hex_decode(charger->node_id, charger->target.node_id,
                                       sizeof(charger->target.node_id)) != sizeof(charger->target.node_id))
        yaml_problem(p->y, yaml_get(node, "node_id"), p->problems, "expected 34 hex digits");
    return 0;
}

static int read_charger(struct parse *p, const struct yaml_node *node, struct charger_config *charger)
{
    charger->unit = -1;
    charger->max_current_A = NAN;
    int r = settings_read(p->y, node, charger_settings, charger, p->problems);
    if (r == -ENOMEM || !charger->profile_name)
        return r;
    r = config_find_profile(p->config, p->y, yaml_get(node, "profile"), p->problems, &charger->profile);
    if (r < 0)
        return r;
    return charger->profile->protocol == PROTOCOL_MODBUS ? read_modbus_charger(p, node, charger)
                                                         : read_echonet_charger(p, node, charger);
}

/* "Component.Variable" or "Component.Variable.Instance". */
static int read_preset(struct parse *p, const struct yaml_node *node, struct preset_config *preset)
{
    if (node->kind != YAML_SCALAR) {
        yaml_problem(p->y, node, p->problems, "expected a single value");
        return -EINVAL;
    }
    const char *dot = strchr(node->key, '.');
    const char *second = dot ? strchr(dot + 1, '.') : NULL;
    if (!dot) {
        yaml_problem(p->y, node, p->problems, "expected Component.Variable or Component.Variable.Instance");
        return -EINVAL;
    }
    preset->component = strndup(node->key, (size_t)(dot - node->key));
    preset->variable = second ? strndup(dot + 1, (size_t)(second - dot - 1)) : strdup(dot + 1);
    preset->instance = second ? strdup(second + 1) : NULL;
    preset->value = strdup(node->text);
    if (!preset->component || !preset->variable || !preset->value || (second && !preset->instance))
        return -ENOMEM;
    struct variable_preset check = { preset->component, preset->variable, preset->instance, preset->value };
    char text[200];
    if (station_check_preset(&check, text, sizeof(text)) < 0) {
        yaml_problem(p->y, node, p->problems, "%s", text);
        return -EINVAL;
    }
    return 0;
}

static bool is_identity(const char *id)
{
    return id[0] &&
           id[strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] == '\0';
}

static int read_password(struct parse *p, const struct yaml_node *node, struct station_config *station)
{
    const struct csms_config *csms = &p->config->csms[station->csms];
    if (station->password && station->password_file)
        yaml_problem(p->y, node, p->problems, "expected either password or password_file");
    if (station->password_file && !station->password) {
        size_t len = 0;
        int r = file_read(station->password_file, 4096, &station->password, &len);
        if (r < 0) {
            yaml_problem(p->y, yaml_get(node, "password_file"), p->problems, "cannot be read: %s",
                         err_text(r));
            return r;
        }
        station->password[strcspn(station->password, "\r\n")] = '\0';
    }
    size_t len = station->password ? strlen(station->password) : 0;
    if (csms->security_profile == 0 && station->password)
        yaml_problem(p->y, node, p->problems, "CSMS %s has security_profile 0: a password is not used",
                     csms->name);
    else if (csms->security_profile > 0 && (len < 16 || len > 40)) /* A00.FR.205 and BasicAuthPassword */
        yaml_problem(p->y, node, p->problems,
                     "CSMS %s has security_profile %d: expected a password of 16 to 40 characters",
                     csms->name, csms->security_profile);
    return 0;
}

static int read_chargers(struct parse *p, const struct yaml_node *list, struct station_config *station)
{
    if (!list || list->kind != YAML_LIST || list->count == 0) {
        if (list)
            yaml_problem(p->y, list, p->problems, "expected a list of at least one charger");
        return -EINVAL;
    }
    station->chargers = calloc(list->count, sizeof(*station->chargers));
    if (!station->chargers)
        return -ENOMEM;
    for (const struct yaml_node *n = list->children; n; n = n->next) {
        struct charger_config *charger = &station->chargers[station->charger_count++];
        int r = read_charger(p, n, charger);
        if (r == -ENOMEM)
            return r;
        station->evse_count += charger->profile ? charger->profile->evse_count : 0;
    }
    if (station->evse_count > STATION_MAX_EVSES)
        yaml_problem(p->y, list, p->problems,
                     "the chargers have %zu EVSEs together; at most %d fit a station", station->evse_count,
                     STATION_MAX_EVSES);
    return 0;
}

static int read_presets(struct parse *p, const struct yaml_node *map, struct station_config *station)
{
    if (!map)
        return 0;
    if (map->kind != YAML_MAP || map->count > CONFIG_MAX_PRESETS) {
        yaml_problem(p->y, map, p->problems, "expected a map of at most %d variables", CONFIG_MAX_PRESETS);
        return -EINVAL;
    }
    station->presets = calloc(map->count + 1, sizeof(*station->presets));
    if (!station->presets)
        return -ENOMEM;
    for (const struct yaml_node *n = map->children; n; n = n->next)
        if (read_preset(p, n, &station->presets[station->preset_count++]) == -ENOMEM)
            return -ENOMEM;
    return 0;
}

/* Everything the station is made from, so that a reload sees at once whether it changed. */
static int station_fingerprint(struct parse *p, const struct yaml_node *node, struct station_config *station)
{
    const struct config *c = p->config;
    struct buf out;
    buf_init(&out, 4 * CONFIG_MAX_BYTES);
    dump(node, &out);
    dump(yaml_get(yaml_get(p->y->root, "csms"), station->csms_name), &out);
    buf_printf(&out, "password:%s", station->password ? station->password : "");
    for (size_t i = 0; i < station->charger_count; i++) {
        const struct charger_config *charger = &station->chargers[i];
        buf_text(&out, charger->bus >= 0 ? c->buses[charger->bus].fingerprint : c->echonet_fingerprint);
        buf_text(&out, config_profile_text(c, charger->profile));
    }
    station->fingerprint = buf_steal(&out);
    buf_done(&out);
    return station->fingerprint ? 0 : -ENOMEM;
}

static int read_station(struct parse *p, const struct yaml_node *node, struct station_config *station)
{
    struct config *c = p->config;
    size_t total = p->problems->total;
    int r = settings_read(p->y, node, station_settings_rows, station, p->problems);
    if (r == -ENOMEM || node->kind != YAML_MAP)
        return r;
    if (station->id[0] && !is_identity(station->id))
        yaml_problem(p->y, yaml_get(node, "id"), p->problems, "expected letters, digits, - _ . only");
    for (struct station_config *other = c->stations; other < station; other++)
        if (str_equal(other->id, station->id))
            yaml_problem(p->y, yaml_get(node, "id"), p->problems, "another station has the id \"%s\" already",
                         other->id);
    station->csms = -1;
    for (size_t i = 0; station->csms_name && i < c->csms_count; i++)
        if (str_equal(c->csms[i].name, station->csms_name))
            station->csms = (int)i;
    if (station->csms_name && station->csms < 0)
        yaml_problem(p->y, yaml_get(node, "csms"), p->problems,
                     "no CSMS of the name \"%s\" under csms:", station->csms_name);
    if (station->csms >= 0)
        (void)read_password(p, node, station);
    if (read_chargers(p, yaml_get(node, "chargers"), station) == -ENOMEM ||
        read_presets(p, yaml_get(node, "variables"), station) == -ENOMEM)
        return -ENOMEM;
    return p->problems->total > total ? -EINVAL : station_fingerprint(p, node, station);
}

/* Calls `read` for each child with the next object of an array made for them all. */
static int read_named(struct parse *p, const char *section, size_t size, void **ret_array, size_t *ret_count,
                      int (*read)(struct parse *p, const struct yaml_node *node, void *object))
{
    const struct yaml_node *map = yaml_get(p->y->root, section);
    if (!map)
        return 0;
    bool list = str_equal(section, "stations");
    if (map->kind != (list ? YAML_LIST : YAML_MAP) || map->count > CONFIG_MAX_STATIONS) {
        yaml_problem(p->y, map, p->problems, "expected a %s of at most %d entries",
                     list ? "list" : "map of names", CONFIG_MAX_STATIONS);
        return -EINVAL;
    }
    *ret_array = calloc(map->count + 1, size);
    if (!*ret_array)
        return -ENOMEM;
    for (const struct yaml_node *n = map->children; n; n = n->next)
        if (read(p, n, (char *)*ret_array + size * (*ret_count)++) == -ENOMEM)
            return -ENOMEM;
    return 0;
}

static int read_one_csms(struct parse *p, const struct yaml_node *node, void *object)
{
    return read_csms(p, node, object);
}

static int read_one_bus(struct parse *p, const struct yaml_node *node, void *object)
{
    return read_bus(p, node, object);
}

static int read_one_station(struct parse *p, const struct yaml_node *node, void *object)
{
    return read_station(p, node, object);
}

static int read_file(struct parse *p)
{
    struct config *c = p->config;
    const struct yaml_node *root = p->y->root;
    if (settings_read(p->y, root, file_settings, c, p->problems) == -ENOMEM ||
        settings_read(p->y, yaml_get(root, "gateway"), general_settings, &c->general, p->problems) == -ENOMEM)
        return -ENOMEM;
    if (read_log(p, yaml_get(root, "log")) < 0 || read_echonet(p, yaml_get(root, "echonet")) == -ENOMEM)
        return -ENOMEM;
    if (read_named(p, "csms", sizeof(*c->csms), (void **)&c->csms, &c->csms_count, read_one_csms) ==
            -ENOMEM ||
        read_named(p, "buses", sizeof(*c->buses), (void **)&c->buses, &c->bus_count, read_one_bus) == -ENOMEM)
        return -ENOMEM;
    return read_named(p, "stations", sizeof(*c->stations), (void **)&c->stations, &c->station_count,
                      read_one_station);
}

int config_parse(const char *name, const char *text, size_t len, struct problems *problems,
                 struct config **ret)
{
    AUTO(yaml) *y = NULL;
    int r = yaml_parse(name, text, len, problems, &y);
    if (r < 0)
        return r;
    AUTO(config) *config = calloc(1, sizeof(*config));
    if (!config || !(config->name = strdup(name)))
        return -ENOMEM;
    struct parse p = { y, problems, config };
    size_t total = problems->total;
    r = read_file(&p);
    if (r == -ENOMEM)
        return r;
    if (problems->total > total)
        return -EINVAL;
    *ret = STEAL(config);
    return 0;
}

int config_load(const char *path, struct problems *problems, struct config **ret)
{
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    int r = file_read(path, CONFIG_MAX_BYTES, &text, &len);
    if (r < 0) {
        problems_add(problems, path, 0, NULL, "cannot be read: %s", err_text(r));
        return -EINVAL;
    }
    return config_parse(path, text, len, problems, ret);
}

static void charger_done(struct charger_config *charger)
{
    free(charger->profile_name);
    free(charger->tcp);
    free(charger->bus_name);
    free(charger->host);
    free(charger->node_id);
}

static void station_done(struct station_config *station)
{
    for (size_t i = 0; i < station->charger_count; i++)
        charger_done(&station->chargers[i]);
    for (size_t i = 0; i < station->preset_count; i++) {
        free(station->presets[i].component);
        free(station->presets[i].variable);
        free(station->presets[i].instance);
        free(station->presets[i].value);
    }
    if (station->password)
        explicit_bzero(station->password, strlen(station->password));
    free(station->csms_name);
    free(station->vendor);
    free(station->model);
    free(station->serial_number);
    free(station->password);
    free(station->password_file);
    free(station->presets);
    free(station->chargers);
    free(station->fingerprint);
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->station_count; i++)
        station_done(&c->stations[i]);
    for (size_t i = 0; i < c->csms_count; i++) {
        free(c->csms[i].url);
        free(c->csms[i].ca_file);
    }
    for (size_t i = 0; i < c->bus_count; i++) {
        free(c->buses[i].tcp);
        free(c->buses[i].fingerprint);
    }
    config_free_profiles(c);
    free(c->general.state_directory);
    free(c->general.control_socket);
    free(c->general.profiles);
    free(c->echonet_fingerprint);
    free(c->csms);
    free(c->buses);
    free(c->stations);
    free(c->name);
    free(c);
}
