/* The devices' side of gateway.yaml: buses, the ECHONET Lite node, chargers. */
#include <math.h>
#include <net/if.h>
#include <string.h>

#include "base/str.h"
#include "base/yaml.h"
#include "driver/echonet/address.h"
#include "gateway/config_internal.h"
#include "gateway/config_profiles.h"
#include "gateway/config_tables.h"
#include "gateway/hash.h"
#include "net/serial.h"

static char *fingerprint(const struct yaml_node *node)
{
    struct buf out;
    buf_init(&out, CONFIG_MAX_BYTES);
    config_dump(node, &out);
    char *text = buf_steal(&out);
    buf_done(&out);
    return text;
}

int config_split_host(const char *text, uint16_t default_port, char *ret_host, size_t size,
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

/* What is not said stays 0: the first charger's profile says it, see line_from_profile(). */
static int read_line(struct parse *p, const struct yaml_node *node, struct serial_settings *line)
{
    static const char *const parities[] = { "none", "even", "odd", NULL };
    int parity = 0;
    if (yaml_get(node, "parity") &&
        yaml_to_enum(p->y, yaml_get(node, "parity"), parities, p->problems, &parity) == 0)
        line->parity = "NEO"[parity];
    int r = settings_read(p->y, node, line_settings, line, p->problems);
    if (r == 0 && line->baud && !serial_is_rate(line->baud))
        yaml_problem(p->y, yaml_get(node, "baud"), p->problems,
                     "expected a standard rate, such as 9600 or 19200");
    return r;
}

static void line_from_profile(struct serial_settings *line, const struct modbus_options *profile)
{
    line->baud = line->baud ? line->baud : profile->baud;
    line->data_bits = line->data_bits ? line->data_bits : profile->data_bits;
    line->stop_bits = line->stop_bits ? line->stop_bits : profile->stop_bits;
    line->parity = line->parity ? line->parity : profile->parity;
}

int config_finish_buses(struct parse *p)
{
    static const struct modbus_options usual = {
        .baud = 9600, .data_bits = 8, .stop_bits = 1, .parity = 'E'
    };
    for (size_t i = 0; i < p->config->bus_count; i++) {
        struct bus_config *bus = &p->config->buses[i];
        struct serial_settings *line = &bus->settings.line;
        if (!bus->settings.serial)
            continue;
        bus->is_undecided = !line->baud || !line->parity;
        line_from_profile(line, &usual);
        const struct yaml_node *node = yaml_get(yaml_get(p->y->root, "buses"), bus->name);
        if (bus->settings.framing == MODBUS_RTU && line->data_bits == 7)
            yaml_problem(p->y, node, p->problems, "Modbus RTU needs 8 data bits");
        if (!serial_is_rate(line->baud))
            yaml_problem(p->y, node, p->problems,
                         "%d baud is no standard rate; expected such as line: { baud: 9600 }", line->baud);
        char *whole = NULL; /* the same text may mean another line when a profile changes */
        if (asprintf(&whole, "%s %d%c%d%d", bus->fingerprint, line->baud, line->parity, line->data_bits,
                     line->stop_bits) < 0)
            return -ENOMEM;
        free(bus->fingerprint);
        bus->fingerprint = whole;
    }
    return 0;
}

int config_read_bus(struct parse *p, const struct yaml_node *node, struct bus_config *bus)
{
    struct modbus_bus_settings *settings = &bus->settings;
    settings->framing = (enum modbus_framing) - 1;
    if (str_copy(bus->name, sizeof(bus->name), node->key) < 0)
        yaml_problem(p->y, node, p->problems, "name is longer than %d characters", CONFIG_NAME_SIZE - 1);
    bus->fingerprint = fingerprint(node);
    if (!bus->fingerprint)
        return -ENOMEM;
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
    if (bus->tcp &&
        config_split_host(bus->tcp, 502, settings->host, sizeof(settings->host), &settings->port) < 0)
        yaml_problem(p->y, yaml_get(node, "tcp"), p->problems, "expected host or host:port");
    if (!settings->serial && yaml_get(node, "line"))
        yaml_problem(p->y, yaml_get(node, "line"), p->problems, "is for serial ports; this bus is tcp");
    return read_line(p, yaml_get(node, "line"), &settings->line);
}

static bool is_ipv4(const char *text)
{
    struct in_addr address;
    return uv_inet_pton(AF_INET, text, &address) == 0;
}

static bool is_ipv6(const char *text)
{
    struct echonet_address address;
    return echonet_address_parse(text, &address) == 0 && !echonet_address_is_v4(&address);
}

/* Whether it exists shows when the node starts: it may come later. */
static bool is_interface(const char *text)
{
    return is_ipv4(text) || is_ipv6(text) ||
           (strlen(text) < IF_NAMESIZE && !text[strcspn(text, " /:%")] && text[strspn(text, "0123456789.")]);
}

static int check_ipv6(struct parse *p, const struct yaml_node *node, struct echonet_settings *settings)
{
    bool yes = str_equal(settings->ipv6, "yes") || str_equal(settings->ipv6, "true");
    bool no = str_equal(settings->ipv6, "no") || str_equal(settings->ipv6, "false");
    if (yes || no)
        return str_copy(settings->ipv6, sizeof(settings->ipv6), yes ? "yes" : "no");
    if (!is_ipv6(settings->ipv6))
        yaml_problem(p->y, yaml_get(node, "ipv6"), p->problems,
                     "expected yes, no, or an IPv6 address of this machine");
    return 0;
}

int config_read_echonet(struct parse *p, const struct yaml_node *node)
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
    p->config->echonet_fingerprint = fingerprint(node);
    if (!p->config->echonet_fingerprint)
        return -ENOMEM;
    int r = settings_read(p->y, node, echonet_settings_rows, settings, p->problems);
    if (r == 0 && !is_ipv4(settings->bind_address))
        yaml_problem(p->y, yaml_get(node, "bind"), p->problems, "expected an IPv4 address of this machine");
    if (r == 0 && settings->multicast_interface[0] && !is_interface(settings->multicast_interface))
        yaml_problem(p->y, yaml_get(node, "multicast_interface"), p->problems,
                     "expected the name of an interface, such as eth0, or an address of this machine");
    return r < 0 ? r : check_ipv6(p, node, settings);
}

/* The bus of a charger with a `tcp` of its own: one per host and port, shared by all that name it. */
static int own_bus(struct parse *p, const struct yaml_node *node, const char *tcp, int default_port)
{
    struct config *c = p->config;
    struct modbus_bus_settings settings = { .framing = MODBUS_TCP,
                                            .connect_timeout_ms = 5000,
                                            .reconnect_after_ms = 1000 };
    if (config_split_host(tcp, (uint16_t)default_port, settings.host, sizeof(settings.host), &settings.port) <
        0) {
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
    struct bus_config *bus = &grown[c->bus_count++];
    *bus = (struct bus_config){ .settings = settings };
    /* the same however it is written */
    if (asprintf(&bus->fingerprint, "%s:%u", settings.host, settings.port) < 0) {
        bus->fingerprint = NULL;
        return -ENOMEM;
    }
    (void)str_copy(bus->name, sizeof(bus->name), bus->fingerprint);
    (void)str_copy(bus->settings.name, sizeof(bus->settings.name), bus->fingerprint);
    return (int)c->bus_count - 1;
}

static int find_bus(struct parse *p, const struct yaml_node *node, const char *name)
{
    struct config *c = p->config;
    size_t named = yaml_get(p->y->root, "buses") ? yaml_get(p->y->root, "buses")->count : 0;
    for (size_t i = 0; i < named && i < c->bus_count; i++) /* then come own_bus()es */
        if (str_equal(c->buses[i].name, name))
            return (int)i;
    yaml_problem(p->y, yaml_get(node, "bus"), p->problems, "no bus of the name \"%s\" under buses:", name);
    return -EINVAL;
}

/* The profile's points may be at the units behind the charger's own. */
static void check_units(struct parse *p, const struct yaml_node *node, const struct charger_config *charger)
{
    const struct profile *profile = charger->profile;
    int last = 0;
    for (size_t i = 0; i < profile->point_count; i++)
        if (profile->points[i].at.modbus.unit_offset > last)
            last = profile->points[i].at.modbus.unit_offset;
    if (last && charger->unit + last > 255)
        yaml_problem(
            p->y, node, p->problems,
            "unit is %d, and profile %s has points up to unit %d; expected at most %d, since there is "
            "no unit beyond 255",
            charger->unit, profile->name, charger->unit + last, 255 - last);
}

static int read_modbus_charger(struct parse *p, const struct yaml_node *node, struct charger_config *charger)
{
    charger->modbus = charger->profile->modbus;
    int r = settings_read(p->y, yaml_get(node, "modbus"), modbus_override_settings, &charger->modbus,
                          p->problems);
    if (r == -ENOMEM)
        return r;
    if (charger->host || charger->node_id || charger->identity || yaml_get(node, "echonet_options") ||
        !charger->tcp == !charger->bus_name) {
        yaml_problem(p->y, node, p->problems, "profile %s is Modbus: expected either tcp: host or bus: name",
                     charger->profile_name);
        return -EINVAL;
    }
    if (charger->unit < 0)
        charger->unit = charger->modbus.unit;
    charger->bus = charger->tcp
                       ? own_bus(p, node, charger->tcp, charger->modbus.port ? charger->modbus.port : 502)
                       : find_bus(p, node, charger->bus_name);
    if (charger->bus < 0)
        return charger->bus;
    struct modbus_bus_settings *bus = &p->config->buses[charger->bus].settings;
    if (bus->serial)
        line_from_profile(&bus->line, &charger->profile->modbus);
    bool is_line = bus->framing == MODBUS_RTU || bus->framing == MODBUS_ASCII;
    if (is_line &&
        (charger->unit < 1 || charger->unit > 255)) /* those above 247 are reserved, and yet in use */
        yaml_problem(p->y, node, p->problems, "unit is %d; a serial line has units 1 to 255", charger->unit);
    check_units(p, node, charger);
    return 0;
}

/* `echonet:` at the top of the file is read before the stations. */
static void check_echonet_host(struct parse *p, const struct yaml_node *node, struct charger_config *charger)
{
    const struct yaml_node *host = yaml_get(node, "echonet");
    const struct echonet_settings *settings = &p->config->echonet;
    struct echonet_address address;
    if (str_copy(charger->target.host, sizeof(charger->target.host), charger->host) < 0 ||
        echonet_address_parse(charger->host, &address) < 0)
        yaml_problem(p->y, host, p->problems, "expected an IPv4 or IPv6 address");
    else if (!echonet_address_is_v4(&address) && str_equal(settings->ipv6, "no"))
        yaml_problem(p->y, host, p->problems,
                     "is an IPv6 address; expected ipv6: yes under echonet: at the top of the file");
    else if (echonet_address_is_link_local(&address) && !strchr(charger->host, '%') &&
             !settings->multicast_interface[0])
        yaml_problem(p->y, host, p->problems,
                     "is an address of one link only; expected %s%%interface, or multicast_interface: under "
                     "echonet:",
                     charger->host);
    else if (!strchr(charger->host, '%'))
        echonet_address_format(&address, charger->target.host); /* the same however it is written */
}

static int read_echonet_charger(struct parse *p, const struct yaml_node *node, struct charger_config *charger)
{
    charger->echonet = charger->profile->echonet;
    charger->target.instance = (uint8_t)charger->instance;
    p->config->uses_echonet = true;
    int r = settings_read(p->y, yaml_get(node, "echonet_options"), echonet_override_settings,
                          &charger->echonet, p->problems);
    if (r == -ENOMEM)
        return r;
    if (charger->tcp || charger->bus_name || charger->identity || yaml_get(node, "modbus") ||
        yaml_get(node, "unit") || (!charger->host && !charger->node_id)) {
        yaml_problem(p->y, node, p->problems,
                     "profile %s is ECHONET Lite: expected echonet: address or node_id: hex digits",
                     charger->profile_name);
        return -EINVAL;
    }
    if (charger->host)
        check_echonet_host(p, node, charger);
    if (charger->node_id && hex_decode(charger->node_id, charger->target.node_id,
                                       sizeof(charger->target.node_id)) != sizeof(charger->target.node_id))
        yaml_problem(p->y, yaml_get(node, "node_id"), p->problems, "expected 34 hex digits");
    return 0;
}

/* What the installation bears can only be kept by a charger that takes a limit. */
static void check_max_current(struct parse *p, const struct yaml_node *node,
                              const struct charger_config *charger)
{
    for (size_t i = 0; i < charger->profile->evse_count; i++) {
        const struct evse_abilities *a = &charger->profile->evses[i].abilities;
        if (a->limit || !(charger->max_current_A < a->max_current_A))
            continue;
        yaml_problem(p->y, yaml_get(node, "max_current"), p->problems,
                     "profile %s cannot limit the current; expected at least its %g A", charger->profile_name,
                     a->max_current_A);
        return;
    }
}

/* Two profiles may share a unit, each with EVSEs of its own; one profile twice may not. */
static char *modbus_key(const struct charger_config *charger)
{
    char *key = NULL;
    if (charger->bus < 0 ||
        asprintf(&key, "%d %d %s", charger->bus, charger->unit, charger->profile->name) < 0)
        return NULL;
    return key;
}

static char *echonet_key(const struct charger_config *charger)
{
    char *key = NULL;
    if ((!charger->host && !charger->node_id) ||
        asprintf(&key, "%s %d %s", charger->host ? charger->target.host : charger->node_id, charger->instance,
                 charger->profile->name) < 0)
        return NULL;
    return key;
}

static char *ocpp16_key(const struct charger_config *charger)
{
    char *key = NULL;
    return charger->identity && asprintf(&key, "ocpp16 %s", charger->identity) >= 0 ? key : NULL;
}

/* One row for each protocol: its entry, and what tells two devices apart. */
static const struct {
    int (*read)(struct parse *p, const struct yaml_node *node, struct charger_config *charger);
    /* Equal: the same device. NULL: it was told wrong before, or without memory. */
    char *(*key)(const struct charger_config *charger);
} kinds[PROTOCOLS] = {
    [PROTOCOL_MODBUS] = { read_modbus_charger, modbus_key },
    [PROTOCOL_ECHONET] = { read_echonet_charger, echonet_key },
    [PROTOCOL_OCPP16] = { config_read_ocpp16_charger, ocpp16_key },
};

/* A charger, or a meter. */
static int read_device(struct parse *p, const struct yaml_node *node, const struct setting *rows,
                       bool is_meter, struct charger_config *device)
{
    device->unit = -1;
    device->max_current_A = NAN;
    int r = settings_read(p->y, node, rows, device, p->problems);
    if (r == -ENOMEM || !device->profile_name)
        return r;
    r = config_find_profile(p->config, p->y, yaml_get(node, "profile"), p->problems, &device->profile);
    if (r < 0)
        return r;
    if (device->profile->is_meter != is_meter)
        yaml_problem(p->y, yaml_get(node, "profile"), p->problems,
                     is_meter ? "%s is the profile of a charger; expected one of kind: meter"
                              : "%s is the profile of a meter, which belongs under meters:",
                     device->profile_name);
    device->bus = -1;
    return kinds[device->profile->protocol].read(p, node, device);
}

int config_read_charger(struct parse *p, const struct yaml_node *node, struct charger_config *charger)
{
    int r = read_device(p, node, charger_settings, false, charger);
    if (r == 0 && charger->profile)
        check_max_current(p, node, charger);
    return r;
}

int config_read_meter(struct parse *p, const struct yaml_node *node, struct meter_config *meter)
{
    if (str_copy(meter->name, sizeof(meter->name), node->key) < 0)
        yaml_problem(p->y, node, p->problems, "name is longer than %d characters", CONFIG_NAME_SIZE - 1);
    return read_device(p, node, meter_settings, true, &meter->device);
}

void config_dump_medium(const struct config *config, const struct charger_config *device, struct buf *out)
{
    const char *fingerprint_of = device->bus >= 0   ? config->buses[device->bus].fingerprint
                                 : device->identity ? config->ocpp16.fingerprint
                                                    : config->echonet_fingerprint;
    (void)buf_text(out, fingerprint_of);
    hash_texts(out, (const char *const *)&device->password, 1);
}

void config_free_charger(struct charger_config *charger)
{
    free(charger->profile_name);
    free(charger->tcp);
    free(charger->bus_name);
    free(charger->host);
    free(charger->node_id);
    free(charger->identity);
    if (charger->password)
        explicit_bzero(charger->password, strlen(charger->password));
    free(charger->password);
    free(charger->password_file);
}

/* ---- twins ---- */

struct entry {
    char *key; /* equal: the same thing */
    const struct yaml_node *node;
};

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    return order ? order : x->node->line - y->node->line;
}

/* What a charger is reached by. NULL: it was told wrong before. */
static char *device_key(const struct charger_config *charger)
{
    return charger->profile ? kinds[charger->profile->protocol].key(charger) : NULL;
}

static size_t add_device(struct entry *entries, size_t count, const struct charger_config *device,
                         const struct yaml_node *node)
{
    char *key = device_key(device);
    if (key)
        entries[count++] = (struct entry){ key, node };
    return count;
}

static size_t add_devices(const struct parse *p, struct entry *entries)
{
    const struct config *c = p->config;
    const struct yaml_node *list = yaml_get(p->y->root, "stations");
    const struct yaml_node *node = list ? list->children : NULL;
    size_t count = 0;
    for (size_t i = 0; i < c->station_count && node; i++, node = node->next) {
        const struct yaml_node *chargers = yaml_get(node, "chargers");
        const struct yaml_node *n = chargers ? chargers->children : NULL;
        for (size_t k = 0; k < c->stations[i].charger_count && n; k++, n = n->next)
            count = add_device(entries, count, &c->stations[i].chargers[k], n);
    }
    const struct yaml_node *meters = yaml_get(p->y->root, "meters");
    const struct yaml_node *n = meters ? meters->children : NULL;
    for (size_t i = 0; i < c->meter_count && n; i++, n = n->next)
        count = add_device(entries, count, &c->meters[i].device, n);
    return count;
}

static size_t add_lines(const struct parse *p, struct entry *entries)
{
    const struct config *c = p->config;
    const struct yaml_node *map = yaml_get(p->y->root, "buses");
    const struct yaml_node *n = map ? map->children : NULL;
    size_t count = 0;
    for (size_t i = 0; i < c->bus_count && n; i++, n = n->next) {
        char *key = c->buses[i].settings.serial ? strdup(c->buses[i].settings.line.path) : NULL;
        if (key)
            entries[count++] = (struct entry){ key, n };
    }
    return count;
}

static void tell_twins(struct parse *p, struct entry *entries, size_t count, const char *what)
{
    char path[200];
    if (count)
        qsort(entries, count, sizeof(*entries), compare_entries);
    for (size_t i = 1; i < count; i++)
        if (str_equal(entries[i - 1].key, entries[i].key)) {
            yaml_path(entries[i - 1].node, path, sizeof(path));
            yaml_problem(p->y, entries[i].node, p->problems, "has the same %s as %s", what, path);
        }
    for (size_t i = 0; i < count; i++)
        free(entries[i].key);
}

int config_find_twins(struct parse *p)
{
    const struct config *c = p->config;
    size_t most = c->bus_count + c->meter_count + 1;
    for (size_t i = 0; i < c->station_count; i++)
        most += c->stations[i].charger_count;
    AUTO_FREE struct entry *entries = calloc(most, sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    tell_twins(p, entries, add_lines(p, entries), "serial port");
    tell_twins(p, entries, add_devices(p, entries), "device (address, unit and profile)");
    return 0;
}
