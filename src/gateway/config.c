/* Reads gateway.yaml: tables first (config_tables.c), then what one table cannot say: names that refer to other places, profiles,
 * and rules between keys. */
#include "gateway/config.h"

#include <string.h>
#include <sys/un.h>

#include "base/err.h"
#include "base/str.h"
#include "base/yaml.h"
#include "gateway/config_internal.h"
#include "gateway/config_profiles.h"
#include "gateway/config_tables.h"
#include "gateway/file.h"
#include "gateway/hash.h"
#include "net/url.h"
#include "pki/key.h"
#include "pki/pki.h"

void config_dump(const struct yaml_node *node, struct buf *out)
{
    if (!node)
        return;
    buf_printf(out, "%s:%s{", node->key ? node->key : "", node->text ? node->text : "");
    for (const struct yaml_node *child = node->children; child; child = child->next)
        config_dump(child, out);
    buf_text(out, "}");
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

int config_resolve_path(const struct parse *p, char **path)
{
    const char *slash = strrchr(p->config->name, '/');
    char *whole = NULL;
    if ((*path)[0] == '/' || !slash)
        return 0;
    if (asprintf(&whole, "%.*s/%s", (int)(slash - p->config->name), p->config->name, *path) < 0)
        return -ENOMEM;
    free(*path);
    *path = whole;
    return 0;
}

/* What the file at `*path` holds; a mistake is found now rather than when a station wants to connect. */
static int read_secret(struct parse *p, const struct yaml_node *node, char **path, char **ret)
{
    size_t len = 0;
    if (config_resolve_path(p, path) < 0)
        return -ENOMEM;
    int r = file_read(*path, CONFIG_MAX_BYTES, ret, &len);
    if (r < 0 && r != -ENOMEM)
        yaml_problem(p->y, node, p->problems, "cannot be read: %s", err_text(r));
    return r;
}

static int check_roots(struct parse *p, const struct yaml_node *node, struct csms_config *csms)
{
    int r = read_secret(p, node, &csms->ca_file, &csms->ca_pem);
    if (r == 0 && !pki_count(csms->ca_pem))
        yaml_problem(p->y, node, p->problems, "holds no PEM certificate that can be read");
    return r;
}

static int read_csms(struct parse *p, const struct yaml_node *node, struct csms_config *csms)
{
    if (str_copy(csms->name, sizeof(csms->name), node->key) < 0)
        yaml_problem(p->y, node, p->problems, "name is longer than %d characters", CONFIG_NAME_SIZE - 1);
    int r = settings_read(p->y, node, csms_settings, csms, p->problems);
    if (r == -ENOMEM || !csms->url)
        return r;
    struct url url;
    const char *why = NULL;
    if (url_parse(csms->url, &url, &why) < 0)
        yaml_problem(p->y, yaml_get(node, "url"), p->problems,
                     "%s; expected ws://host[:port][/path] or wss://...", why);
    else if (csms->security_profile >= 2 && !url.tls)
        yaml_problem(p->y, node, p->problems, "security_profile %d needs a wss:// url",
                     csms->security_profile);
    else if (csms->security_profile == 1 && url.tls)
        yaml_problem(p->y, node, p->problems, "a wss:// url with a password is security_profile 2, not 1");
    return csms->ca_file ? check_roots(p, yaml_get(node, "ca_file"), csms) : 0;
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

int config_read_password_file(struct parse *p, const struct yaml_node *node, char **path, char **ret)
{
    size_t len = 0;
    int r = config_resolve_path(p, path);
    if (r == 0)
        r = file_read(*path, 4096, ret, &len);
    if (r < 0 && r != -ENOMEM)
        yaml_problem(p->y, node, p->problems, "cannot be read: %s", err_text(r));
    if (r == 0)
        (*ret)[strcspn(*ret, "\r\n")] = '\0';
    return r;
}

static int read_password(struct parse *p, const struct yaml_node *node, struct station_config *station)
{
    const struct csms_config *csms = &p->config->csms[station->csms];
    if (station->password && station->password_file)
        yaml_problem(p->y, node, p->problems, "expected either password or password_file");
    if (station->password_file && !station->password) {
        int r = config_read_password_file(p, yaml_get(node, "password_file"), &station->password_file,
                                          &station->password);
        if (r < 0)
            return r;
    }
    size_t len = station->password ? strlen(station->password) : 0;
    bool needs_password = csms->security_profile == 1 || csms->security_profile == 2;
    if (!needs_password && station->password)
        yaml_problem(p->y, node, p->problems, "CSMS %s has security_profile %d: a password is not used",
                     csms->name, csms->security_profile);
    else if (needs_password && (len < 16 || len > 40)) /* A00.FR.205 and BasicAuthPassword */
        yaml_problem(p->y, node, p->problems,
                     "CSMS %s has security_profile %d: expected a password of 16 to 40 characters",
                     csms->name, csms->security_profile);
    return 0;
}

static int read_certificate(struct parse *p, const struct yaml_node *node, struct station_config *station)
{
    struct pki_info info;
    int r = read_secret(p, node, &station->certificate_file, &station->certificate_pem);
    if (r < 0)
        return r;
    enum pki_verdict verdict = pki_read(station->certificate_pem, &info);
    if (verdict == PKI_NO_MEMORY)
        return -ENOMEM;
    if (verdict != PKI_OK)
        yaml_problem(p->y, node, p->problems, "holds no certificate that can be used: %s",
                     pki_verdict_texts[verdict]);
    return 0;
}

static int read_key(struct parse *p, const struct yaml_node *node, struct station_config *station)
{
    if (key_is_uri(station->key)) {
        station->key_text = strdup(station->key);
        return station->key_text ? 0 : -ENOMEM;
    }
    int r = read_secret(p, node, &station->key, &station->key_text);
    if (r == 0 && !strstr(station->key_text, "PRIVATE KEY-----"))
        yaml_problem(p->y, node, p->problems, "holds no PEM private key");
    return r;
}

static int read_pin(struct parse *p, const struct yaml_node *node, struct station_config *station)
{
    int r = read_secret(p, node, &station->key_pin_file, &station->pin);
    if (r == 0)
        station->pin[strcspn(station->pin, "\r\n")] = '\0';
    return r;
}

/* Each by itself looks good so far. */
static int check_pair(struct parse *p, const struct yaml_node *node, const struct station_config *station)
{
    int r = key_is_of(station->key_text, station->certificate_pem);
    if (r == -EKEYREJECTED)
        yaml_problem(p->y, yaml_get(node, "key"), p->problems,
                     "is not the key of the certificate in certificate_file");
    else if (r == -EINVAL)
        yaml_problem(p->y, yaml_get(node, "key"), p->problems,
                     "holds no private key that can be used: expected one without a passphrase");
    return r;
}

/* The station's own certificate and key. */
static int read_own(struct parse *p, const struct yaml_node *node, struct station_config *station)
{
    const struct csms_config *csms = &p->config->csms[station->csms];
    bool is_token = station->key && key_is_uri(station->key);
    if (csms->security_profile == 3 && (!station->certificate_file || !station->key))
        yaml_problem(p->y, node, p->problems,
                     "CSMS %s has security_profile 3: expected certificate_file and key", csms->name);
    else if (!station->certificate_file != !station->key && !is_token)
        yaml_problem(p->y, node, p->problems, "expected both certificate_file and key");
    if (station->key_pin_file && !is_token)
        yaml_problem(p->y, yaml_get(node, "key_pin_file"), p->problems, "only a key in a token has a PIN");
    if ((station->certificate_file &&
         read_certificate(p, yaml_get(node, "certificate_file"), station) == -ENOMEM) ||
        (station->key && read_key(p, yaml_get(node, "key"), station) == -ENOMEM) ||
        (station->key_pin_file && read_pin(p, yaml_get(node, "key_pin_file"), station) == -ENOMEM))
        return -ENOMEM;
    bool has_both = !is_token && station->key_text && station->certificate_pem;
    if (has_both && strstr(station->key_text, "PRIVATE KEY-----") &&
        strstr(station->certificate_pem, "BEGIN CERTIFICATE-----"))
        return check_pair(p, node, station) == -ENOMEM ? -ENOMEM : 0;
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
        int r = config_read_charger(p, n, charger);
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
    config_dump(node, &out);
    config_dump(yaml_get(yaml_get(p->y->root, "csms"), station->csms_name), &out);
    const char *ca_pem = c->csms[station->csms].ca_pem;
    const char *const texts[] = { station->password, station->certificate_pem, station->key_text,
                                  station->pin, ca_pem };
    hash_texts(&out, texts, ARRAY_SIZE(texts)); /* a bundle of roots is long, and there are many stations */
    for (size_t i = 0; i < station->charger_count; i++) {
        const struct charger_config *charger = &station->chargers[i];
        config_dump_medium(c, charger, &out);
        buf_text(&out, config_profile_text(c, charger->profile));
    }
    station->fingerprint = buf_steal(&out);
    buf_done(&out);
    return station->fingerprint ? 0 : -ENOMEM;
}

static int read_station(struct parse *p, const struct yaml_node *node, struct station_config *station)
{
    struct config *c = p->config;
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
    if ((station->csms >= 0 && read_password(p, node, station) == -ENOMEM) ||
        (station->csms >= 0 && read_own(p, node, station) == -ENOMEM) ||
        read_chargers(p, yaml_get(node, "chargers"), station) == -ENOMEM ||
        read_presets(p, yaml_get(node, "variables"), station) == -ENOMEM)
        return -ENOMEM;
    return 0;
}

/* Calls `read` for each child with the next object of an array made for them all. */
/* Names stand in logs, in tables of a terminal and in messages. */
static void check_name(struct parse *p, const struct yaml_node *node)
{
    for (const char *at = node->key ? node->key : ""; *at; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7F) {
            yaml_problem(p->y, node, p->problems, "control characters have no place in a name");
            return;
        }
}

static int read_named(struct parse *p, const char *section, size_t size, void **ret_array, size_t *ret_count,
                      int (*read)(struct parse *p, const struct yaml_node *node, void *object))
{
    const struct yaml_node *map = yaml_get(p->y->root, section);
    if (!map)
        return 0;
    bool list = str_equal(section, "stations") || str_equal(section, "external_limits");
    if (map->kind != (list ? YAML_LIST : YAML_MAP) || map->count > CONFIG_MAX_STATIONS) {
        yaml_problem(p->y, map, p->problems, "expected a %s of at most %d entries",
                     list ? "list" : "map of names", CONFIG_MAX_STATIONS);
        return -EINVAL;
    }
    *ret_array = calloc(map->count + 1, size);
    if (!*ret_array)
        return -ENOMEM;
    for (const struct yaml_node *n = map->children; n; n = n->next) {
        check_name(p, n);
        if (read(p, n, (char *)*ret_array + size * (*ret_count)++) == -ENOMEM)
            return -ENOMEM;
    }
    return 0;
}

static int read_one_csms(struct parse *p, const struct yaml_node *node, void *object)
{
    return read_csms(p, node, object);
}

static int read_one_bus(struct parse *p, const struct yaml_node *node, void *object)
{
    return config_read_bus(p, node, object);
}

static int read_one_station(struct parse *p, const struct yaml_node *node, void *object)
{
    return read_station(p, node, object);
}

static int read_one_meter(struct parse *p, const struct yaml_node *node, void *object)
{
    return config_read_meter(p, node, object);
}

static int read_one_limit(struct parse *p, const struct yaml_node *node, void *object)
{
    return config_read_limit(p, node, object);
}

/* Last, since after a mistake parts may be missing and no one needs them, and since a line takes settings from the profiles of all its chargers. */
static int read_fingerprints(struct parse *p)
{
    struct station_config *station = p->config->stations;
    const struct yaml_node *list = yaml_get(p->y->root, "stations");
    for (const struct yaml_node *n = list ? list->children : NULL; n; n = n->next)
        if (station_fingerprint(p, n, station++) < 0)
            return -ENOMEM;
    return config_limits_fingerprint(p);
}

/* A gateway may start empty where people can add to it by the web UI; else what is missing was forgotten. */
static void check_there_is_work(struct parse *p)
{
    static const char *const sections[] = { "csms", "stations" };
    for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
        for (const struct setting *row = file_settings; row->name; row++)
            if (str_equal(row->name, sections[i]) && !yaml_get(p->y->root, row->name))
                yaml_problem(p->y, p->y->root, p->problems, "%s is missing: %s", row->name, row->help);
}

static int read_file(struct parse *p)
{
    struct config *c = p->config;
    const struct yaml_node *root = p->y->root;
    if (settings_read(p->y, root, file_settings, c, p->problems) == -ENOMEM ||
        settings_read(p->y, yaml_get(root, "gateway"), general_settings, &c->general, p->problems) ==
            -ENOMEM ||
        config_read_firmware(p, yaml_get(yaml_get(root, "gateway"), "firmware")) == -ENOMEM)
        return -ENOMEM;
    const char *socket = c->general.control_socket;
    if (socket && strlen(socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        yaml_problem(p->y, yaml_get(yaml_get(root, "gateway"), "control"), p->problems,
                     "is longer than %zu characters", sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
    if (read_log(p, yaml_get(root, "log")) < 0 ||
        config_read_echonet(p, yaml_get(root, "echonet")) == -ENOMEM ||
        config_read_ocpp16(p, yaml_get(root, "ocpp16")) == -ENOMEM ||
        config_read_management(p, yaml_get(root, "management")) == -ENOMEM)
        return -ENOMEM;
    if (!c->management.listen)
        check_there_is_work(p);
    if (read_named(p, "csms", sizeof(*c->csms), (void **)&c->csms, &c->csms_count, read_one_csms) ==
            -ENOMEM ||
        read_named(p, "buses", sizeof(*c->buses), (void **)&c->buses, &c->bus_count, read_one_bus) == -ENOMEM)
        return -ENOMEM;
    if (read_named(p, "stations", sizeof(*c->stations), (void **)&c->stations, &c->station_count,
                   read_one_station) == -ENOMEM ||
        read_named(p, "meters", sizeof(*c->meters), (void **)&c->meters, &c->meter_count, read_one_meter) ==
            -ENOMEM ||
        read_named(p, "external_limits", sizeof(*c->limits), (void **)&c->limits, &c->limit_count,
                   read_one_limit) == -ENOMEM)
        return -ENOMEM;
    if (config_finish_buses(p) == -ENOMEM || config_find_twins(p) == -ENOMEM)
        return -ENOMEM;
    return p->problems->total > p->problems_before ? -EINVAL : read_fingerprints(p);
}

int config_parse(const char *name, const char *text, size_t len, struct problems *problems,
                 struct config **ret)
{
    AUTO(yaml) *y = NULL;
    int r = yaml_parse(name, text, len, problems, &y);
    if (r < 0) {
        problems_sort(problems, name);
        return r;
    }
    AUTO(config) *config = calloc(1, sizeof(*config));
    if (!config || !(config->name = strdup(name)))
        return -ENOMEM;
    struct parse p = { y, problems, config, problems->total };
    r = read_file(&p);
    problems_sort(problems, name);
    if (r == -ENOMEM)
        return r;
    if (problems->total > p.problems_before)
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

static void station_done(struct station_config *station)
{
    for (size_t i = 0; i < station->charger_count; i++)
        config_free_charger(&station->chargers[i]);
    for (size_t i = 0; i < station->preset_count; i++) {
        free(station->presets[i].component);
        free(station->presets[i].variable);
        free(station->presets[i].instance);
        free(station->presets[i].value);
    }
    if (station->password)
        explicit_bzero(station->password, strlen(station->password));
    key_text_free(station->key_text);
    key_text_free(station->pin);
    free(station->certificate_file);
    free(station->certificate_pem);
    free(station->key);
    free(station->key_pin_file);
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
        free(c->csms[i].ca_pem);
    }
    for (size_t i = 0; i < c->bus_count; i++) {
        free(c->buses[i].tcp);
        free(c->buses[i].fingerprint);
    }
    config_free_limits(c);
    config_free_profiles(c);
    free(c->general.state_directory);
    free(c->general.control_socket);
    free(c->general.profiles);
    free(c->general.known_hosts);
    config_free_firmware(&c->firmware);
    free(c->echonet_fingerprint);
    config_free_ocpp16(&c->ocpp16);
    config_free_management(&c->management);
    free(c->csms);
    free(c->buses);
    free(c->stations);
    free(c->name);
    free(c);
}
