/* A whole station between a CSMS and a device that say what the input says. One step per line:
 *
 *     F<frame>     the CSMS sends the rest of the line       R    the CSMS answers the open CALL with {}
 *     O<payload>   ... or with this payload                  E    ... or with a CALLERROR
 *     U, D<digit>  the link comes up (if asked for), is lost, or could not be made for one of the reasons
 *     S<state>     the device's state, a digit               M<number>  its register
 *     B<bay>       the parking bay: 0 not known, 1 free, 2 occupied
 *     V<number>    the variables of the device, a number and a text, have this value; V alone: none
 *     T<token>     a card                                    C    all open commands succeed, X fail
 *     L, L!        a log is at its place, or could not be sent
 *     K, K!        a key and its request are made, or could not be
 *     W<outcome>   the step of a firmware update ends so, a digit
 *     A<seconds>   time passes
 *
 * Nothing is checked but that it does not crash, leak or call back from inside. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "station/station.h"

#define MAX_STEPS    200
#define MAX_COMMANDS 64
#define MAX_TICKETS  256

struct world {
    struct env env;
    struct timers timers;
    int64_t now_ms;
    uint32_t random;
    struct station *station;
    struct evse_signals signals;
    bool connecting, up, closing, inside;
    char open_id[64]; /* of the station's open CALL */
    struct evse_command commands[MAX_COMMANDS];
    size_t command_count;
    uint32_t tickets[MAX_TICKETS];
    size_t ticket_count;
    bool uploading;
    uint32_t csr_ticket;
    uint32_t firmware_ticket; /* of the step under way; 0: none */
};

static int64_t now_ms(void *ctx)
{
    return ((struct world *)ctx)->now_ms;
}

static int64_t wall_ms(void *ctx)
{
    return 1769860800000 + ((struct world *)ctx)->now_ms;
}

static void fill_random(void *ctx, void *ret, size_t len)
{
    struct world *w = ctx;
    for (uint8_t *at = ret; len > 0; len--)
        *at++ = (uint8_t)((w->random = w->random * 1103515245 + 12345) >> 16);
}

static void on_connect(void *ctx, const struct link_target *target)
{
    (void)target;
    ((struct world *)ctx)->connecting = true;
}

static void on_disconnect(void *ctx)
{
    ((struct world *)ctx)->closing = true;
}

static void on_ping_interval(void *ctx, int64_t interval_ms)
{
    (void)ctx;
    (void)interval_ms;
}

static int on_send(void *ctx, const char *text, size_t len)
{
    struct world *w = ctx;
    AUTO(json_t) *frame = json_from_text(text, len);
    if (!w->up)
        abort();
    if (json_integer_value(json_array_get(frame, 0)) == 2)
        (void)str_copy(w->open_id, sizeof(w->open_id), json_string_value(json_array_get(frame, 1)));
    return 0;
}

static int on_persist(void *ctx, const struct record *records, size_t count, uint32_t ticket)
{
    struct world *w = ctx;
    for (size_t i = 0; i < count; i++)
        if (!records[i].key[0] || strlen(records[i].key) > 255)
            abort();
    if (ticket == 0)
        return 0;
    if (w->ticket_count >= MAX_TICKETS)
        return -1;
    w->tickets[w->ticket_count++] = ticket;
    return 0;
}

static void on_command(void *ctx, int evse, const struct evse_command *command)
{
    struct world *w = ctx;
    if (evse != 1)
        abort();
    if (w->command_count < MAX_COMMANDS)
        w->commands[w->command_count++] = *command;
}

static int on_upload_log(void *ctx, const struct log_request *request)
{
    struct world *w = ctx;
    if (w->uploading || request->file_name[0] == '\0')
        abort();
    w->uploading = true;
    return 0;
}

static void on_cancel_log(void *ctx)
{
    struct world *w = ctx;
    if (!w->uploading)
        abort();
    w->uploading = false;
}

static void end_upload(struct world *w, int err)
{
    if (w->uploading) {
        w->uploading = false;
        station_on_log_uploaded(w->station, err);
    }
}

static int on_firmware(void *ctx, const struct firmware_job *job)
{
    struct world *w = ctx;
    bool is_answered =
        job->step != FIRMWARE_CLAIM && job->step != FIRMWARE_RELEASE && job->step != FIRMWARE_ACTIVATE;
    if (job->step == FIRMWARE_CLAIM && job->location[0] == 'x')
        return -EBUSY;
    w->firmware_ticket = is_answered ? job->ticket : 0;
    return 0;
}

static void end_firmware_step(struct world *w, int digit)
{
    enum firmware_outcome outcome = (enum firmware_outcome)((unsigned)digit % (FIRMWARE_FAILED + 1u));
    uint32_t ticket = w->firmware_ticket;
    if (!ticket)
        return;
    if (outcome != FIRMWARE_STARTED)
        w->firmware_ticket = 0;
    station_on_firmware_done(w->station, ticket, outcome);
}

static void on_make_csr(void *ctx, const struct csr_request *request, uint32_t ticket)
{
    if (!request->common_name[0])
        abort();
    ((struct world *)ctx)->csr_ticket = ticket;
}

static void on_device_health(void *ctx, int evse, struct device_health *ret)
{
    (void)evse;
    *ret = (struct device_health){ .online = ((struct world *)ctx)->signals.online, .requests = 1 };
}

static void end_csr(struct world *w, int err)
{
    uint32_t ticket = w->csr_ticket;
    w->csr_ticket = 0;
    if (ticket)
        station_on_csr(w->station, ticket, err ? NULL : "request", err ? NULL : "key", err);
}

/* What is shown fits, and is whole characters. */
static void on_show(void *ctx, int evse, const struct evse_display *display)
{
    (void)ctx;
    size_t len = strlen(display->text);
    if (evse != 1 || len > 16 || utf8_length(display->text, len) < 0)
        abort();
}

static const struct station_ops ops = { .connect = on_connect,
                                        .disconnect = on_disconnect,
                                        .set_ping_interval = on_ping_interval,
                                        .send = on_send,
                                        .persist = on_persist,
                                        .command = on_command,
                                        .show = on_show,
                                        .make_csr = on_make_csr,
                                        .firmware = on_firmware,
                                        .upload_log = on_upload_log,
                                        .cancel_log = on_cancel_log,
                                        .device_health = on_device_health };

static void drop_link(struct world *w, enum link_failure failure)
{
    w->connecting = w->up = w->closing = false;
    w->open_id[0] = '\0';
    station_on_link_down(w->station, failure, "lost");
}

/* What the station asked for happens. */
static void settle(struct world *w)
{
    for (int i = 0; i < 100; i++) {
        timers_run(&w->timers, w->now_ms);
        if (w->closing)
            drop_link(w, LINK_LOST);
        if (w->ticket_count == 0)
            continue;
        uint32_t ticket = w->tickets[0];
        memmove(w->tickets, w->tickets + 1, --w->ticket_count * sizeof(w->tickets[0]));
        station_on_persisted(w->station, ticket, 0);
    }
}

static void end_commands(struct world *w, int err)
{
    size_t count = w->command_count;
    struct evse_command commands[MAX_COMMANDS];
    memcpy(commands, w->commands, sizeof(commands));
    w->command_count = 0;
    for (size_t i = 0; i < count; i++)
        station_on_command_done(w->station, 1, &commands[i], err);
}

static void pass_time(struct world *w, int64_t seconds)
{
    int64_t end_ms = w->now_ms + seconds * 1000;
    for (int i = 0; i < 1000; i++) {
        int64_t due_ms = timers_next_ms(&w->timers);
        if (due_ms < 0 || due_ms > end_ms)
            break;
        if (due_ms > w->now_ms)
            w->now_ms = due_ms;
        settle(w);
    }
    w->now_ms = end_ms;
    settle(w);
}

static void answer(struct world *w, const char *format, const char *payload)
{
    if (!w->up || !w->open_id[0])
        return;
    size_t size = strlen(payload) + 200;
    AUTO_FREE char *frame = malloc(size);
    int len = frame ? snprintf(frame, size, "[%s,\"%s\",%s]", format, w->open_id, payload) : 0;
    w->open_id[0] = '\0';
    if (len > 0)
        station_on_frame(w->station, frame, (size_t)len);
}

static void step(struct world *w, const char *line, size_t len)
{
    const char *rest = line + 1;
    int64_t number = 0;
    char word[32];
    struct id_token token = { .type = "ISO14443" };

    switch (line[0]) {
    case 'F':
        if (w->up)
            station_on_frame(w->station, rest, len - 1);
        break;
    case 'R':
        answer(w, "3", "{}");
        break;
    case 'O':
        answer(w, "3", rest);
        break;
    case 'E':
        answer(w, "4", "\"InternalError\",\"\",{}");
        break;
    case 'U':
        if (w->connecting && !w->up) {
            w->connecting = false;
            w->up = true;
            station_on_link_up(w->station);
        }
        break;
    case 'D':
        if (w->connecting || w->up)
            drop_link(w, w->up ? LINK_LOST : (enum link_failure)((unsigned char)rest[0] % LINK_FAILURES));
        break;
    case 'S':
        w->signals.state = (enum evse_state)((unsigned)rest[0] % EVSE_STATES);
        w->signals.online = w->signals.state != EVSE_UNKNOWN;
        station_on_signals(w->station, 1, &w->signals);
        break;
    case 'B':
        w->signals.bay = (enum evse_bay)((unsigned char)rest[0] % 3);
        station_on_signals(w->station, 1, &w->signals);
        break;
    case 'M':
        (void)str_to_int64(rest, &number);
        w->signals.measures |= 1u << MEASURE_ENERGY_IMPORT;
        w->signals.value[MEASURE_ENERGY_IMPORT] = (double)number;
        station_on_signals(w->station, 1, &w->signals);
        break;
    case 'V':
        (void)str_to_int64(rest, &number);
        (void)snprintf(word, sizeof(word), "word %lld", (long long)number);
        station_on_device_variable(w->station, 1, 0, len > 1 ? &(struct device_value){ .text = word } : NULL);
        station_on_device_variable(w->station, 0, 0,
                                   len > 1 ? &(struct device_value){ .number = (double)number } : NULL);
        break;
    case 'T':
        (void)str_copy(token.value, sizeof(token.value), rest);
        station_on_id_token(w->station, 1, &token);
        break;
    case 'C':
        end_commands(w, 0);
        break;
    case 'X':
        end_commands(w, -5);
        break;
    case 'K':
        end_csr(w, rest[0] == '!' ? -EIO : 0);
        break;
    case 'L':
        end_upload(w, rest[0] == '!' ? -EIO : 0);
        break;
    case 'W':
        end_firmware_step(w, rest[0]);
        break;
    case 'A':
        (void)str_to_int(rest, 0, 86400, &number);
        pass_time(w, number);
        break;
    default:
        break;
    }
    settle(w);
}

static const struct device_variable state_word = { .component = "Controller",
                                                   .variable = "State",
                                                   .type = DEVICE_STRING,
                                                   .monitors = { { MONITOR_DELTA, 1, 8, false } },
                                                   .monitor_count = 1 };
static const struct device_variable temperature = { .component = "TemperatureSensor",
                                                    .variable = "Temperature",
                                                    .unit = "Celsius",
                                                    .monitors = { { MONITOR_UPPER_THRESHOLD, 90, 4, true } },
                                                    .monitor_count = 1 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int area = 0; area < LOG_AREAS; area++)
        log_set_level((enum log_area)area, LOG_ERROR);
    struct world w = { .random = 1 };
    timers_init(&w.timers);
    w.env = (struct env){
        .ctx = &w, .now_ms = now_ms, .wall_ms = wall_ms, .random = fill_random, .timers = &w.timers
    };
    struct evse_abilities evse = { .measures = 1u << MEASURE_ENERGY_IMPORT,
                                   .reads_id_token = true,
                                   .start_stop = true,
                                   .limit = true,
                                   .unlock = true,
                                   .reset = true,
                                   .parking_bay = true,
                                   .can_fault = true,
                                   .display = true,
                                   .display_length = 16,
                                   .display_in_bytes = true,
                                   .display_utf8 = true,
                                   .phases = 3,
                                   .min_current_A = 6,
                                   .max_current_A = 32,
                                   .voltage_V = 230,
                                   .supports_pause = true,
                                   .connectors = 1,
                                   .variables = &state_word,
                                   .variable_count = 1 };
    struct station_settings settings = { .id = "CS-1",
                                         .vendor = "Example",
                                         .model = "AC22",
                                         .csms_url = "ws://localhost",
                                         .evse_count = 1,
                                         .evses = &evse,
                                         .variables = &temperature,
                                         .variable_count = 1,
                                         .max_message = 16384,
                                         .firmware = { .is_possible = true, .takes_unsigned = true } };
    w.station = station_new(&w.env, &settings, &ops, &w);
    if (!w.station)
        return 0;
    station_start(w.station, 0);
    settle(&w);

    AUTO_FREE char *text = calloc(1, size + 1);
    if (text)
        memcpy(text, data, size);
    char *line = text;
    for (int i = 0; line && i < MAX_STEPS; i++) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        if (*line)
            step(&w, line, strlen(line));
        line = end ? end + 1 : NULL;
    }
    station_free(w.station);
    return 0;
}
