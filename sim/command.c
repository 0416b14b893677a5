/* Commands: one row each, and what they say in return. */
#include "sim/command.h"

#include <errno.h>

#include "base/json.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "sim/field.h"

#define WORDS_MAX       12
#define WAIT_EVERY_MS   20
#define WAIT_DEFAULT_MS 30000
#define MUTED           INT64_MAX
#define SLOW_MAX_MS     60000

struct call {
    struct sim *sim;
    struct charger *charger; /* NULL: the command was given without one */
    char *const *words;      /* what follows the name */
    size_t count;
    struct wait *wait;
    struct buf *answer;
};

struct command {
    const char *name;
    bool takes_charger, may_lack_charger;
    size_t min_words, max_words; /* behind the name */
    int (*run)(const struct call *call);
    const char *usage, *help;
};

static int fail(const struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(const struct call *call, const char *format, ...)
{
    buf_text(call->answer, "error: ");
    va_list args;
    va_start(args, format);
    buf_vprintf(call->answer, format, args);
    va_end(args);
    return -EINVAL;
}

static int ok(const struct call *call)
{
    buf_text(call->answer, "ok");
    return 0;
}

/* ---- the car ---- */

static bool read_kWh(const char *text, double *ret_Wh)
{
    char copy[32];
    double kWh;
    if (str_copy(copy, sizeof copy, text) < 0)
        return false;
    char *unit = strstr(copy, "kWh");
    if (unit && !unit[3])
        *unit = '\0';
    if (str_to_double(copy, &kWh) < 0 || kWh < 0.001 || kWh > 2000)
        return false;
    *ret_Wh = kWh * 1000;
    return true;
}

/* soc is kept in percent until the capacity is known. */
static bool read_car_option(const char *key, const char *value, struct vehicle *v, double *ret_soc)
{
    int64_t phases;
    if (str_equal(key, "soc"))
        return str_to_double(value, ret_soc) == 0 && *ret_soc >= 0 && *ret_soc <= 100;
    if (str_equal(key, "capacity"))
        return read_kWh(value, &v->capacity_Wh);
    if (str_equal(key, "max"))
        return str_to_double(value, &v->max_current_A) == 0 && v->max_current_A > 0 && v->max_current_A <= 80;
    if (str_equal(key, "phases")) {
        bool right = str_to_int(value, 1, MODEL_PHASES, &phases) == 0;
        v->phases = right ? (int)phases : v->phases;
        return right;
    }
    if (str_equal(key, "ready")) {
        v->ready = str_equal(value, "on");
        return v->ready || str_equal(value, "off");
    }
    return str_equal(key, "id") && str_copy(v->id, sizeof v->id, value) == 0;
}

static int run_plug(const struct call *call)
{
    struct vehicle v = vehicle_default();
    double soc = 100 * v.charged_Wh / v.capacity_Wh;
    for (size_t i = 0; i < call->count; i++) {
        char *key = call->words[i], *value = strchr(key, '=');
        if (value)
            *value++ = '\0';
        if (!value || !read_car_option(key, value, &v, &soc))
            return fail(call, "%s is not allowed; soc=20 capacity=40kWh max=16 phases=3 ready=on id=TEXT",
                        key);
    }
    v.charged_Wh = v.capacity_Wh * soc / 100;
    if (model_plug(&call->charger->model, &v) < 0)
        return fail(call, "a car is plugged in already");
    return ok(call);
}

static int run_unplug(const struct call *call)
{
    if (call->count == 1 && !str_equal(call->words[0], "car"))
        return fail(call, "nothing, or car: at its end of the cable");
    int r = model_unplug(&call->charger->model, call->count == 1);
    if (r == -EBUSY)
        return fail(call, "the cable is locked");
    return r < 0 ? fail(call, "no car is plugged in") : ok(call);
}

/* on, off: 1, 0; else -EINVAL. */
static int on_off(const char *word)
{
    return str_equal(word, "on") ? 1 : str_equal(word, "off") ? 0 : -EINVAL;
}

static int run_park(const struct call *call)
{
    int on = on_off(call->words[0]);
    if (on < 0)
        return fail(call, "on or off");
    model_park(&call->charger->model, on);
    return ok(call);
}

static int run_ready(const struct call *call)
{
    int on = on_off(call->words[0]);
    if (on < 0)
        return fail(call, "on or off");
    if (model_set_ready(&call->charger->model, on) < 0)
        return fail(call, "no car is plugged in");
    return ok(call);
}

/* ---- the charger ---- */

static int run_tap(const struct call *call)
{
    if (!call->charger->modbus)
        return fail(call, "this charger has no card reader; plug NAME id=TEXT tells the car's own id");
    int r = model_tap(&call->charger->model, call->words[0]);
    if (r == -EINVAL)
        return fail(call, "a UID is 8, 14 or 20 hex digits");
    return r < 0 ? fail(call, "the charger has no power") : ok(call);
}

static int run_fault(const struct call *call)
{
    int64_t code = 0;
    if (!str_equal(call->words[0], "clear") && str_to_int(call->words[0], 1, 65535, &code) < 0)
        return fail(call, "a code of 1..65535, or clear");
    model_set_fault(&call->charger->model, (uint16_t)code);
    return ok(call);
}

static int run_lock(const struct call *call)
{
    bool breaks = str_equal(call->words[0], "breaks");
    if (!breaks && !str_equal(call->words[0], "holds"))
        return fail(call, "breaks or holds");
    model_set_lock_breaks(&call->charger->model, breaks);
    return ok(call);
}

static int run_ambient(const struct call *call)
{
    double ambient_C;
    if (str_to_double(call->words[0], &ambient_C) < 0 ||
        model_set_ambient(&call->charger->model, ambient_C) < 0)
        return fail(call, "degrees Celsius, -40 to 125");
    return ok(call);
}

static int run_power(const struct call *call)
{
    int on = on_off(call->words[0]);
    if (on < 0)
        return fail(call, "on or off");
    model_power(&call->charger->model, on);
    return ok(call);
}

static int run_meter(const struct call *call)
{
    double energy_Wh;
    if (str_equal(call->words[0], "absent") || str_equal(call->words[0], "present")) {
        model_set_metered(&call->charger->model, str_equal(call->words[0], "present"));
        return ok(call);
    }
    if (str_to_double(call->words[0], &energy_Wh) < 0 || energy_Wh < 0)
        return fail(call, "the register in Wh, or absent, or present");
    model_set_meter(&call->charger->model, energy_Wh);
    return ok(call);
}

/* ---- the line ---- */

static int run_mute(const struct call *call)
{
    double seconds;
    int on = on_off(call->words[0]);
    if (on >= 0)
        call->charger->muted_until_ms = on ? MUTED : 0;
    else if (str_to_double(call->words[0], &seconds) == 0 && seconds >= 0 && seconds <= 1e6)
        call->charger->muted_until_ms = env_now_ms(call->charger->env) + (int64_t)(seconds * 1000);
    else
        return fail(call, "seconds, on or off");
    return ok(call);
}

static int run_slow(const struct call *call)
{
    if (str_to_int(call->words[0], 0, SLOW_MAX_MS, &call->charger->slow_ms) < 0)
        return fail(call, "0..%d ms", SLOW_MAX_MS);
    return ok(call);
}

static int run_corrupt(const struct call *call)
{
    int64_t count;
    if (str_to_int(call->words[0], 0, 1000000, &count) < 0)
        return fail(call, "how many answers to spoil");
    call->charger->corrupt = (int)count;
    return ok(call);
}

/* ---- looking ---- */

static json_t *show(struct charger *c)
{
    struct model *m = &c->model;
    model_update(m);
    json_t *currents = json_array(), *voltages = json_array();
    for (int phase = 0; phase < m->settings.phases; phase++) {
        json_array_append_new(currents, json_real(model_current_A(m, phase)));
        json_array_append_new(voltages, json_real(model_voltage_V(m, phase)));
    }
    json_t *shown =
        json_pack("{ss ss ss sb sb sb sb sb sb sb sb sb sf sf sf so so sf sf sf ss si sb si si sI}", //
                  "name", c->name,                                                                   //
                  "map", c->map_name,                                                                //
                  "state", model_state_names[model_state(m)],                                        //
                  "powered", m->powered,                                                             //
                  "occupied", model_bay_is_occupied(m),                                              //
                  "plugged", m->plugged,                                                             //
                  "ready", m->plugged && m->vehicle.ready,                                           //
                  "enabled", m->enabled,                                                             //
                  "contactor", m->contactor,                                                         //
                  "locked", m->locked,                                                               //
                  "lock_failed", model_lock_failed(m),                                               //
                  "watchdog_expired", m->watchdog_expired,                                           //
                  "limit", m->limit_A,                                                               //
                  "effective_limit", model_effective_limit_A(m),                                     //
                  "power", model_power_W(m),                                                         //
                  "currents", currents,                                                              //
                  "voltages", voltages,                                                              //
                  "energy", m->energy_Wh,                                                            //
                  "temperature", model_temperature_C(m),                                             //
                  "soc", model_soc_percent(m),                                                       //
                  "tag", m->tag,                                                                     //
                  "fault", (int)m->fault,                                                            //
                  "reachable", charger_is_reachable(c),                                              //
                  "slow", (int)c->slow_ms,                                                           //
                  "corrupt", c->corrupt,                                                             //
                  "writes", (json_int_t)c->write_count);
    json_set_optional(shown, "display", json_string(m->display));
    json_set_optional(shown, "lamp", json_integer(m->lamp));
    return shown;
}

static int answer_json(const struct call *call, json_t *json)
{
    AUTO_FREE char *text = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    json_decref(json);
    if (!text || buf_text(call->answer, text) < 0)
        return fail(call, "no memory");
    return 0;
}

static int run_show(const struct call *call)
{
    if (call->charger)
        return answer_json(call, show(call->charger));
    json_t *all = json_array();
    LIST_FOREACH(link, following, &call->sim->chargers)
    {
        json_array_append_new(all, show(LIST_ITEM(link, struct charger, link)));
    }
    return answer_json(call, all);
}

static int run_writes(const struct call *call)
{
    const struct charger *c = call->charger;
    size_t first = c->write_count > CHARGER_WRITES ? c->write_count - CHARGER_WRITES : 0;
    json_t *list = json_array();
    for (size_t i = first; i < c->write_count; i++) {
        const struct charger_write *w = &c->writes[i % CHARGER_WRITES];
        char time[TIMESTAMP_SIZE];
        timestamp_format(w->wall_ms, time);
        json_array_append_new(list,
                              json_pack("{ss ss ss}", "time", time, "name", w->name, "value", w->value));
    }
    return answer_json(call, list);
}

/* ---- waiting ---- */

/* Where the operator stands in "state=charging" and how long it is; NULL: there is none. */
static const char *find_operator(const char *condition, size_t *ret_len)
{
    const char *at = strpbrk(condition, "=!<>");
    if (!at || at == condition)
        return NULL;
    *ret_len = at[0] != '=' && at[1] == '=' ? 2 : 1;
    return at[0] == '!' && *ret_len == 1 ? NULL : at;
}

static bool compare(double a, const char *operator, size_t len, double b)
{
    switch (operator[0]) {
    case '=':
        return a == b;
    case '!':
        return a != b;
    case '<':
        return len == 2 ? a <= b : a < b;
    default:
        return len == 2 ? a >= b : a > b;
    }
}

static bool is_true(const json_t *value, const char *operator, size_t len, const char *wanted)
{
    double number;
    if (json_is_number(value))
        return str_to_double(wanted, &number) == 0 &&
               compare(json_number_value(value), operator, len, number);
    const char *text =
        json_is_boolean(value) ? (json_is_true(value) ? "true" : "false") : json_string_value(value);
    return text && str_equal(text, wanted) == (operator[0] == '=');
}

/* 1: true, 0: not yet, -EINVAL: no such key or operator. */
static int check(struct charger *c, const char *condition)
{
    size_t len, key_len;
    const char *operator= find_operator(condition, &len);
    char key[32];
    if (!operator||(key_len = (size_t)(operator- condition)) >= sizeof key)
        return -EINVAL;
    memcpy(key, condition, key_len);
    key[key_len] = '\0';
    AUTO(json_t) *all = show(c);
    const json_t *value = json_object_get(all, key);
    if (!value || json_is_array(value))
        return -EINVAL;
    return is_true(value, operator, len, operator+ len);
}

static void on_timer(struct timer *timer, void *ctx)
{
    (void)timer;
    struct wait *w = ctx;
    struct charger *c = sim_find(w->sim, w->name);
    bool held = c && check(c, w->condition) == 1;
    if (held || env_now_ms(&w->sim->loop.env) >= w->until_ms)
        w->done(w->ctx, held ? 0 : -ETIMEDOUT);
    else
        env_timer_start(&w->sim->loop.env, &w->timer, WAIT_EVERY_MS);
}

void wait_init(struct wait *w, struct sim *sim, void (*done)(void *ctx, int err), void *ctx)
{
    *w = (struct wait){ .sim = sim, .done = done, .ctx = ctx };
    timer_init(&w->timer, &sim->loop.timers, on_timer, w);
}

void wait_stop(struct wait *w)
{
    timer_stop(&w->timer);
}

static int run_wait(const struct call *call)
{
    struct wait *w = call->wait;
    int64_t time_ms = WAIT_DEFAULT_MS;
    if (call->count > 1 && str_to_duration_ms(call->words[1], &time_ms) < 0)
        return fail(call, "%s is no time; 500ms, 10s, 2min", call->words[1]);
    if (check(call->charger, call->words[0]) < 0)
        return fail(call,
                    "%s is no condition; key=value with a key of show, also != < > <= >=", call->words[0]);
    (void)str_copy(w->name, sizeof w->name, call->charger->name);
    (void)str_copy(w->condition, sizeof w->condition, call->words[0]);
    w->until_ms = env_now_ms(&call->sim->loop.env) + time_ms;
    env_timer_start(&call->sim->loop.env, &w->timer, 0);
    return 1;
}

/* ---- the table ---- */

static int run_help(const struct call *call);

static int run_quit(const struct call *call)
{
    loop_stop(&call->sim->loop);
    return ok(call);
}

/* clang-format off */
static const struct command commands[] = {
    { "plug",    true,  false, 0, 6, run_plug,    "plug NAME [soc=20 capacity=40kWh max=16 phases=3 ready=on id=TEXT]", "a car comes" },
    { "unplug",  true,  false, 0, 1, run_unplug,  "unplug NAME [car]", "the car goes; `car`: the other end of the cable stays in the socket" },
    { "park",    true,  false, 1, 1, run_park,    "park NAME on|off", "a car stands in the bay, plugged in or not" },
    { "ready",   true,  false, 1, 1, run_ready,   "ready NAME on|off", "the car wants energy, or does not" },
    { "tap",     true,  false, 1, 1, run_tap,     "tap NAME UID", "a card is shown, for 10 s or until acknowledged" },
    { "fault",   true,  false, 1, 1, run_fault,   "fault NAME CODE|clear", "the device finds a fault" },
    { "ambient", true,  false, 1, 1, run_ambient, "ambient NAME CELSIUS", "so warm it is around it" },
    { "lock",    true,  false, 1, 1, run_lock,    "lock NAME breaks|holds", "it does not hold the plug, or does again" },
    { "power",   true,  false, 1, 1, run_power,   "power NAME on|off", "its supply" },
    { "meter",   true,  false, 1, 1, run_meter,   "meter NAME WH|absent|present", "sets the register, or takes the meter away" },
    { "mute",    true,  false, 1, 1, run_mute,    "mute NAME SECONDS|on|off", "its line is cut: it neither hears nor speaks" },
    { "slow",    true,  false, 1, 1, run_slow,    "slow NAME MS", "every answer comes so late" },
    { "corrupt", true,  false, 1, 1, run_corrupt, "corrupt NAME N", "the next N answers are spoilt (after the request was obeyed)" },
    { "show",    true,  true,  0, 0, run_show,    "show [NAME]", "all there is to know, as JSON" },
    { "writes",  true,  false, 0, 0, run_writes,  "writes NAME", "what was last written to it, as JSON" },
    { "wait",    true,  false, 1, 2, run_wait,    "wait NAME KEY=VALUE [30s]", "until show says so; also != < > <= >=" },
    { "help",    false, false, 0, 0, run_help,    "help", "this" },
    { "quit",    false, false, 0, 0, run_quit,    "quit", "ends the simulator" },
};
/* clang-format on */

void command_help(const char *between, struct buf *answer)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
        buf_printf(answer, "%s%s: %s", i ? between : "", commands[i].usage, commands[i].help);
}

static int run_help(const struct call *call)
{
    command_help("; ", call->answer);
    return 0;
}

static size_t split(char *line, char *ret[static WORDS_MAX])
{
    size_t count = 0;
    for (char *word; (word = strsep(&line, " \t\r\n")) != NULL;) {
        if (*word && count < WORDS_MAX)
            ret[count++] = word;
    }
    return count;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (str_equal(commands[i].name, name))
            return &commands[i];
    }
    return NULL;
}

/* The command of the line, and what it is given; NULL: `call->answer` says what is wrong. */
static const struct command *parse(char *line, char *words[static WORDS_MAX], struct call *call)
{
    size_t count = split(line, words);
    const struct command *command = find_command(words[0]);
    if (!command) {
        fail(call, "no command \"%s\"; try help", words[0]);
        return NULL;
    }
    call->words = words + 1;
    call->count = count - 1;
    if (command->takes_charger && call->count > 0) {
        call->charger = sim_find(call->sim, words[1]);
        if (!call->charger) {
            fail(call, "no charger \"%s\"", words[1]);
            return NULL;
        }
        call->words++;
        call->count--;
    }
    if ((command->takes_charger && !command->may_lack_charger && !call->charger) ||
        call->count < command->min_words || call->count > command->max_words) {
        fail(call, "usage: %s", command->usage);
        return NULL;
    }
    return command;
}

int command_check(struct sim *sim, char *line, struct buf *answer)
{
    char *words[WORDS_MAX] = { "" };
    struct call call = { .sim = sim, .answer = answer };
    return parse(line, words, &call) ? 0 : -EINVAL;
}

int command_run(struct sim *sim, char *line, struct wait *wait, struct buf *answer)
{
    char *words[WORDS_MAX] = { "" };
    struct call call = { .sim = sim, .wait = wait, .answer = answer };
    const struct command *command = parse(line, words, &call);
    return command ? command->run(&call) : -EINVAL;
}
