/* Chargers from the command line: what they are, and the line each hangs on. */
#include "sim/sim.h"

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "sim/echonet_map.h"
#include "sim/modbus_map.h"

#define FLEET_MAX   5000
#define OPTION_MAX  512
#define MODBUS_PORT 502

/* One --charger, taken apart. */
struct entry {
    char name[CHARGER_NAME_SIZE];
    const struct modbus_map *modbus;
    const struct echonet_map *echonet;
    char address[64];
    int64_t port;
    char path[256];
    bool pty;
    int64_t unit;
    struct model_settings settings;
};

struct charger *sim_find(const struct sim *sim, const char *name)
{
    LIST_FOREACH(link, following, &sim->chargers)
    {
        struct charger *c = LIST_ITEM(link, struct charger, link);
        if (str_equal(c->name, name))
            return c;
    }
    return NULL;
}

/* ---- what is printed while it runs ---- */

static void print_line(const struct sim *sim, const char *name, const char *what, const char *text)
{
    int64_t now_ms = env_wall_ms(&sim->loop.env);
    time_t now_s = (time_t)(now_ms / 1000);
    struct tm t;
    localtime_r(&now_s, &t);
    printf("%02d:%02d:%02d.%03d  %-8s %-6s %s\n", t.tm_hour, t.tm_min, t.tm_sec, (int)(now_ms % 1000), name,
           what, text);
}

static void on_write(void *ctx, const struct charger *c, const char *name, const char *value)
{
    const struct sim *sim = ctx;
    char text[80];
    if (sim->quiet)
        return;
    (void)snprintf(text, sizeof text, "%s = %s", name, value);
    print_line(sim, c->name, "write", text);
}

static void on_change(void *ctx, const struct charger *c)
{
    const struct sim *sim = ctx;
    const struct model *m = &c->model;
    if (sim->quiet)
        return;
    char text[160];
    size_t len = 0;
    const struct {
        bool on;
        const char *word;
    } words[] = {
        { !m->powered, " no_power" },
        { m->parked && !m->plugged, " parked" },
        { m->enabled, " enabled" },
        { m->contactor, " contactor" },
        { m->locked, " locked" },
        { model_lock_failed(m), " lock_failed" },
        { m->watchdog_expired, " watchdog_expired" },
    };
    len += (size_t)snprintf(text, sizeof text, "%s", model_state_names[model_state(m)]);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (words[i].on)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s", words[i].word);
    }
    (void)snprintf(text + len, sizeof text - len, " limit=%gA%s%s", model_effective_limit_A(m),
                   m->tag[0] ? " tag=" : "", m->tag);
    print_line(sim, c->name, "state", text);
}

/* ---- reading an entry ---- */

static int read_address(const char *text, struct entry *e, int64_t default_port)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon ? (size_t)(colon - text) : strlen(text);
    if (len == 0 || len >= sizeof e->address)
        return -EINVAL;
    memcpy(e->address, text, len);
    e->address[len] = '\0';
    e->port = default_port;
    return colon ? str_to_int(colon + 1, 1, 65535, &e->port) : 0;
}

static int read_map(const char *text, struct entry *e)
{
    e->modbus = modbus_map_find(text);
    e->echonet = echonet_map_find(text);
    if (!e->modbus && !e->echonet)
        return -ENOENT;
    if (e->modbus) {
        if (e->unit == 0)
            e->unit = e->modbus->unit;
        e->settings.keeps_limit = e->modbus->keeps_limit;
        e->settings.watchdog_ms = e->modbus->watchdog_ms;
        return 0;
    }
    e->settings.phases = 1;
    e->settings.voltage_V = 200;
    e->settings.stops_at_unplug = true;
    return 0;
}

static int read_number(const char *text, double min, double max, double *ret)
{
    double value;
    int r = str_to_double(text, &value);
    if (r == 0 && (value < min || value > max))
        r = -ERANGE;
    if (r == 0)
        *ret = value;
    return r;
}

static const char *const entry_keys[] = { "name", "map",    "listen",  "pty",     "serial", "address", "port",
                                          "unit", "phases", "voltage", "current", "energy", NULL };

static int read_option(struct entry *e, const char *key, const char *value)
{
    int64_t phases;
    if (str_equal(key, "name"))
        return *value ? str_copy(e->name, sizeof e->name, value) : -EINVAL;
    if (str_equal(key, "map"))
        return read_map(value, e);
    if (str_equal(key, "listen"))
        return read_address(value, e, MODBUS_PORT);
    if (str_equal(key, "address"))
        return str_copy(e->address, sizeof e->address, value);
    if (str_equal(key, "port"))
        return str_to_int(value, 1, 65535, &e->port);
    if (str_equal(key, "pty") || str_equal(key, "serial")) {
        e->pty = str_equal(key, "pty");
        return *value ? str_copy(e->path, sizeof e->path, value) : -EINVAL;
    }
    if (str_equal(key, "unit"))
        return str_to_int(value, 1, 247, &e->unit);
    if (str_equal(key, "phases")) {
        if (str_to_int(value, 1, 3, &phases) < 0 || phases == 2)
            return -EINVAL;
        e->settings.phases = (int)phases;
        return 0;
    }
    if (str_equal(key, "voltage"))
        return read_number(value, 100, 480, &e->settings.voltage_V);
    if (str_equal(key, "current"))
        return read_number(value, MODEL_MIN_CURRENT_A, 80, &e->settings.max_current_A);
    return read_number(value, 0, 1e9, &e->settings.energy_Wh); /* energy, the last key */
}

static bool is_key(const char *key)
{
    for (size_t i = 0; entry_keys[i]; i++) {
        if (str_equal(entry_keys[i], key))
            return true;
    }
    return false;
}

/* The map comes first wherever it stands: it brings defaults that the others change. */
static void read_words(char *text, bool map_only, struct entry *e, struct problems *problems)
{
    for (char *word; (word = strsep(&text, ",")) != NULL;) {
        char *value = strchr(word, '=');
        if (value)
            *value++ = '\0';
        if (map_only != str_equal(word, "map"))
            continue;
        if (!value || !is_key(word))
            problems_add(problems, "--charger", 0, word,
                         "not known; name, map, listen, pty, serial, address, port, unit, phases, voltage, "
                         "current or energy");
        else if (read_option(e, word, value) < 0)
            problems_add(problems, "--charger", 0, word, "\"%s\" is not allowed", value);
    }
}

static int read_entry(const char *text, struct entry *e, struct problems *problems)
{
    char copy[OPTION_MAX];
    if (str_copy(copy, sizeof copy, text) < 0) {
        problems_add(problems, "--charger", 0, NULL, "longer than %d characters", OPTION_MAX - 1);
        return -EINVAL;
    }
    size_t before = problems->total;
    read_words(copy, true, e, problems);
    (void)str_copy(copy, sizeof copy, text);
    read_words(copy, false, e, problems);
    return problems->total > before ? -EINVAL : 0;
}

/* ---- hanging it on its line ---- */

static int share_line(struct sim *sim, const struct entry *e, struct rtu_line **ret)
{
    LIST_FOREACH(link, following, &sim->lines)
    {
        struct shared_line *known = LIST_ITEM(link, struct shared_line, link);
        if (str_equal(known->path, e->path)) {
            *ret = known->line;
            return 0;
        }
    }
    struct shared_line *shared = calloc(1, sizeof(*shared));
    if (!shared)
        return -ENOMEM;
    int r = rtu_line_new(&sim->loop, e->path, e->pty, &shared->line);
    if (r < 0) {
        free(shared);
        return r;
    }
    (void)str_copy(shared->path, sizeof shared->path, e->path);
    list_append(&sim->lines, &shared->link);
    *ret = shared->line;
    return 0;
}

static int attach_rtu(struct sim *sim, struct charger *c, const struct entry *e, struct problems *problems)
{
    struct rtu_line *line;
    int r = share_line(sim, e, &line);
    if (r < 0) {
        problems_add(problems, "--charger", 0, c->name, "cannot open %s: %s", e->path, err_text(r));
        return r;
    }
    r = rtu_line_add(line, c);
    if (r < 0)
        problems_add(problems, "--charger", 0, c->name, "cannot be unit %d on %s: %s", c->unit, e->path,
                     r == -EEXIST ? "another charger is" : err_text(r));
    return r;
}

static int attach(struct sim *sim, struct charger *c, const struct entry *e, struct problems *problems)
{
    if (e->path[0])
        return attach_rtu(sim, c, e, problems);
    const char *failed = "listen";
    int r = e->modbus ? tcp_port_new(&sim->loop, c, e->address, (uint16_t)e->port)
                      : echonet_port_new(&sim->loop, c, e->address, (uint16_t)e->port, &failed);
    if (r < 0)
        problems_add(problems, "--charger", 0, c->name, "%s on %s:%d failed: %s", failed, e->address,
                     (int)e->port, err_text(r));
    return r;
}

static int add(struct sim *sim, const struct entry *e, struct problems *problems)
{
    if (sim_find(sim, e->name)) {
        problems_add(problems, "--charger", 0, e->name, "there are two of this name");
        return -EINVAL;
    }
    struct charger_events events = { on_write, on_change, sim };
    struct charger *c = charger_new(e->name, &sim->loop.env, &e->settings, &events);
    if (!c)
        return -ENOMEM;
    c->modbus = e->modbus;
    c->echonet = e->echonet;
    c->map_name = e->modbus ? e->modbus->name : e->echonet->name;
    c->unit = (int)e->unit;
    int r = attach(sim, c, e, problems);
    if (r < 0) {
        charger_free(c);
        return -EINVAL;
    }
    list_append(&sim->chargers, &c->link);
    return 0;
}

static void check_entry(const struct entry *e, struct problems *problems)
{
    if (!e->name[0])
        problems_add(problems, "--charger", 0, NULL, "has no name=");
    if (!e->modbus && !e->echonet)
        problems_add(problems, "--charger", 0, e->name, "has no map=; see --help for the maps there are");
    if (e->modbus && !e->address[0] == !e->path[0])
        problems_add(problems, "--charger", 0, e->name, "needs one of listen=, pty= or serial=");
    if (e->echonet && (!e->address[0] || e->path[0]))
        problems_add(problems, "--charger", 0, e->name, "needs address=, and no pty= or serial=");
}

static struct entry entry_default(const struct sim *sim)
{
    struct entry e = { .settings = model_default_settings() };
    e.settings.speed = sim->speed;
    return e;
}

int sim_add_charger(struct sim *sim, const char *text, struct problems *problems)
{
    struct entry e = entry_default(sim);
    size_t before = problems->total;
    if (read_entry(text, &e, problems) == 0)
        check_entry(&e, problems);
    if (problems->total > before)
        return -EINVAL;
    if (e.port == 0)
        e.port = ECHONET_PORT;
    return add(sim, &e, problems);
}

int sim_add_fleet(struct sim *sim, const char *text, struct problems *problems)
{
    char map[32], address[96];
    int64_t count = 0;
    struct in_addr first;
    const char *comma = strchr(text, ',');
    const char *last = strrchr(text, ',');
    struct entry e = entry_default(sim);
    bool right = comma && last > comma && comma - text < (ptrdiff_t)sizeof map &&
                 last - comma - 1 < (ptrdiff_t)sizeof address &&
                 str_to_int(last + 1, 1, FLEET_MAX, &count) == 0;
    if (right) {
        (void)snprintf(map, sizeof map, "%.*s", (int)(comma - text), text);
        (void)snprintf(address, sizeof address, "%.*s", (int)(last - comma - 1), comma + 1);
        right = read_map(map, &e) == 0 &&
                read_address(address, &e, e.echonet ? ECHONET_PORT : MODBUS_PORT) == 0 &&
                inet_pton(AF_INET, e.address, &first) == 1;
    }
    if (!right) {
        problems_add(problems, "--fleet", 0, text,
                     "must be map,address:port,count, as ac22,127.1.0.1:5020,100");
        return -EINVAL;
    }
    for (int64_t i = 0; i < count; i++) {
        struct in_addr next = { htonl(ntohl(first.s_addr) + (uint32_t)i) };
        (void)snprintf(e.name, sizeof e.name, "%s-%d", e.modbus ? e.modbus->name : e.echonet->name,
                       (int)i + 1);
        inet_ntop(AF_INET, &next, e.address, sizeof e.address);
        int r = add(sim, &e, problems);
        if (r < 0)
            return r;
    }
    return 0;
}

void sim_free_chargers(struct sim *sim)
{
    LIST_FOREACH(link, following, &sim->chargers)
    {
        charger_free(LIST_ITEM(link, struct charger, link));
    }
    LIST_FOREACH(next, after, &sim->lines)
    {
        struct shared_line *shared = LIST_ITEM(next, struct shared_line, link);
        rtu_line_free(shared->line);
        list_remove(&shared->link);
        free(shared);
    }
}
