/* The limit at the device, whatever comes between: random limits, starts and stops, at random moments, of a device that takes its time,
 * refuses, does not answer (and has done it, or not), is lost and comes back as it was or as it was delivered. What must hold:
 *
 *   what is written is in the device's steps and never above the limit asked for last,
 *   the device is switched on only when it holds to that limit, or a pause was asked for no more,
 *   when the faults stop, it holds to the last limit: it has the highest setpoint within it, or is off where there is none,
 *   a device that any limit above 0 switches on (starts: true) is told one only while it is to charge.
 *
 * LIMIT_SEED=n runs the n-th life alone. */
#include "support/charger_bench.h"

#include <stdlib.h>

#define LIVES 400
#define STEPS 150

static const char profile[] =
    "profile: p\nvendor: V\nmodels: [M]\nprotocol: modbus\nmodbus: { unit: 1, port: 502 }\npoints:\n"
    "  enable: { at: coil 1, access: rw, every: 1s }\n"
    "  limit:  { at: holding 3, type: u16, scale: 0.1, unit: A, access: rw, every: 2s }\n"
    "evses:\n"
    "  - connectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"
    "    signals: { state: [ { connected: enable == 0 }, { charging: otherwise } ] }\n"
    "    commands:\n"
    "      start: { set: { enable: 1 } }\n"
    "      stop: { set: { enable: 0 } }\n"
    "      limit: { set: { limit: limit_A }, min: 6, step: 0.5 }\n";

/* It has nothing but its limit. */
static const char by_limit[] =
    "profile: p\nvendor: V\nmodels: [M]\nprotocol: modbus\nmodbus: { unit: 1, port: 502 }\npoints:\n"
    "  limit:  { at: holding 3, type: u16, scale: 0.1, unit: A, access: rw, every: 2s }\n"
    "keepalive: { set: { limit: limit_A }, every: 7s }\n"
    "evses:\n"
    "  - connectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"
    "    signals: { state: [ { connected: limit == 0 }, { charging: otherwise } ] }\n"
    "    commands:\n"
    "      start: { set: { limit: limit_A } }\n"
    "      stop: { set: { limit: 0 } }\n"
    "      limit: { set: { limit: limit_A }, min: 6, step: 0.5, starts: true }\n";

/* ... in flash: written on change only, and read back. */
static const char by_flash[] =
    "profile: p\nvendor: V\nmodels: [M]\nprotocol: modbus\nmodbus: { unit: 1, port: 502 }\npoints:\n"
    "  limit:  { at: holding 3, type: u16, scale: 0.1, unit: A, access: rw, every: 2s, persistent: true, "
    "verify: 3s }\n"
    "evses:\n"
    "  - connectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"
    "    signals: { state: [ { connected: limit == 0 }, { charging: otherwise } ] }\n"
    "    commands:\n"
    "      start: { set: { limit: limit_A } }\n"
    "      stop: { set: { limit: 0 } }\n"
    "      limit: { set: { limit: limit_A }, min: 6, step: 0.5, starts: true }\n";

struct life {
    struct bench *b;
    bool starts; /* by_limit, by_flash */
    unsigned long number;
    uint64_t random;
    bool online, wants;
    uint32_t ticket, start;      /* the last ones given, of a start that did not fail at once */
    double asked_A;              /* NAN: nothing */
    double limit_A;              /* as the device has it */
    bool enabled;                /* ... */
    double writes[MAX_REQUESTS]; /* values of the writes that are with it, oldest first */
    size_t write_count;
};

static uint32_t draw(struct life *l, uint32_t bound)
{
    l->random = l->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(l->random >> 33) % bound;
}

/* The highest setpoint within the limit; 0: it has to pause. */
static double setpoint(double asked_A)
{
    double A = floor(fmin(asked_A, 32) * 2 + 1e-9) / 2;
    return A >= 6 ? A : 0;
}

/* A start that failed is not made up for: from then on nobody wants it to charge. What had no effect yet may still have one. */
static void forget_failed_start(struct life *l, const char *line)
{
    static const int goes_on[] = { 0, -ERR_SUPERSEDED, -ERR_NO_EFFECT };
    char start[40];
    (void)snprintf(start, sizeof(start), "1 start %u: ", l->start);
    bool failed = str_starts(line, start);
    for (size_t i = 0; i < ARRAY_SIZE(goes_on) && failed; i++)
        failed = !str_equal(line + strlen(start), goes_on[i] ? err_text(goes_on[i]) : "done");
    if (failed)
        l->wants = false;
}

/* What it was sent since the last look. */
static void look(struct life *l)
{
    char *text = NULL, *said = strdup(buf_string(&l->b->said));
    assert_non_null(said);
    forget(l->b);
    for (char *line = strtok_r(said, "\n", &text); line; line = strtok_r(NULL, "\n", &text)) {
        bool is_limit = str_starts(line, "write limit ");
        forget_failed_start(l, line);
        if (!is_limit && !str_starts(line, "write enable "))
            continue;
        unsigned long raw = strtoul(strrchr(line, ' ') + 1, NULL, 16);
        assert_true(l->write_count < MAX_REQUESTS);
        l->writes[l->write_count++] = (double)raw;
        if (l->starts && raw && !l->wants)
            fail_msg("life %lu: %lu tenths of an ampere are written, and nobody wants it to charge",
                     l->number, raw);
        if (is_limit && ((double)raw > fmin(l->asked_A, 32) * 10 + 1e-6 || raw % 5 != 0))
            fail_msg("life %lu: %lu tenths of an ampere are written, asked for were %g A", l->number, raw,
                     l->asked_A);
        if (!is_limit && raw && !isnan(l->asked_A) &&
            (l->limit_A > l->asked_A + 1e-6 || setpoint(l->asked_A) <= 0))
            fail_msg("life %lu: it is switched on with %g A, asked for were %g A", l->number, l->limit_A,
                     l->asked_A);
    }
    free(said);
}

/* The device deals with the oldest request: does it or not, and answers. */
static void answer(struct life *l, bool does, int err)
{
    look(l);
    struct request r = l->b->requests[0];
    bool is_limit = strcmp(r.point->name, "limit") == 0;
    if (r.is_write) {
        double value = l->writes[0];
        memmove(l->writes, l->writes + 1, --l->write_count * sizeof(l->writes[0]));
        if (does && is_limit)
            l->limit_A = value / 10;
        else if (does)
            l->enabled = value != 0;
    } else if (err == 0) {
        set(l->b, r.point->name, is_limit ? l->limit_A : l->enabled);
    }
    answer_one(l->b, err);
}

static void poll(struct life *l)
{
    if (!l->starts)
        set(l->b, "enable", l->enabled);
    set(l->b, "limit", l->limit_A);
    batch_without_meter(l->b);
}

static void go_online(struct life *l)
{
    l->online = true;
    if (draw(l, 2)) { /* as it was delivered */
        l->limit_A = l->starts ? 0 : 32;
        l->enabled = false;
    }
    online(l->b, true);
    poll(l);
}

static void go_offline(struct life *l)
{
    while (l->b->request_count) {
        answer(l, draw(l, 2), -ERR_LINK_DOWN);
        look(l);
    }
    l->online = false;
    online(l->b, false);
}

static void ask(struct life *l, enum evse_command_kind kind)
{
    if (kind == EVSE_LIMIT)
        l->asked_A = draw(l, 400) / 10.0;
    else if (kind == EVSE_STOP || l->online) /* a start that fails at once changes nothing */
        l->wants = kind == EVSE_START;
    l->ticket++;
    if (kind == EVSE_START && l->online)
        l->start = l->ticket;
    command(l->b, kind, l->asked_A, l->ticket);
    look(l);
}

static void step(struct life *l)
{
    static const int errors[] = { -ERR_DEVICE_EXCEPTION, -ERR_NO_ANSWER };
    uint32_t what = draw(l, 100);
    if (what < 25) {
        ask(l, EVSE_LIMIT);
    } else if (what < 35) {
        ask(l, draw(l, 3) ? EVSE_START : EVSE_STOP);
    } else if (what < 70 && l->b->request_count) {
        int err = draw(l, 4) ? 0 : errors[draw(l, 2)];
        answer(l, err == 0 || (err == -ERR_NO_ANSWER && draw(l, 2)), err);
    } else if (what < 90) {
        pass(l->b, draw(l, 4000));
        if (l->online && draw(l, 2))
            poll(l);
    } else if (what < 94) {
        if (l->online)
            go_offline(l);
        else
            go_online(l);
    }
    look(l);
}

static void settle(struct life *l)
{
    for (int second = 0; second < 400; second++) {
        while (l->b->request_count) {
            answer(l, true, 0);
            look(l);
        }
        poll(l);
        pass(l->b, 1000);
        look(l);
    }
}

static void live(unsigned long number, const char *text)
{
    struct bench *b = NULL;
    bool starts = text != profile;
    assert_int_equal(set_up((void **)&b), 0);
    struct life l = { .b = b,
                      .number = number,
                      .random = number * 77 + 1,
                      .asked_A = NAN,
                      .limit_A = starts ? 0 : 32,
                      .starts = starts };
    use(b, text);
    go_online(&l);
    look(&l);
    for (int i = 0; i < STEPS; i++)
        step(&l);
    if (!l.online)
        go_online(&l);
    settle(&l);
    ask(&l, EVSE_LIMIT); /* as the station does with what was not taken */
    ask(&l, draw(&l, 4) ? EVSE_START : EVSE_STOP);
    settle(&l);
    bool on = l.wants && setpoint(l.asked_A) > 0;
    if (starts)
        l.enabled = l.limit_A > 0;
    if (l.enabled != on)
        fail_msg("life %lu: it is %s at last, asked for were %g A", number, l.enabled ? "on" : "off",
                 l.asked_A);
    if (on && fabs(l.limit_A - setpoint(l.asked_A)) > 1e-6)
        fail_msg("life %lu: it holds %g A at last, asked for were %g A", number, l.limit_A, l.asked_A);
    assert_int_equal(clean_up((void **)&b), 0);
}

static void no_limit_is_exceeded_whatever_comes_between(void **state) /* SC.01 */
{
    (void)state;
    const char *only = getenv("LIMIT_SEED");
    if (only) {
        live(strtoul(only, NULL, 10), profile);
        live(strtoul(only, NULL, 10), by_limit);
        live(strtoul(only, NULL, 10), by_flash);
        return;
    }
    for (unsigned long n = 1; n <= LIVES; n++) {
        live(n, profile);
        live(n, by_limit);
        live(n, by_flash);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(no_limit_is_exceeded_whatever_comes_between) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
