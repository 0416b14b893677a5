/* Runs the loop until the one answer is there (modbus_line.h). */
#include "modbus_line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"

#define CONNECT_MS 5000
#define TICK_MS    10

/* ---- the target ---- */

static int complain(const char *text, const char *expected)
{
    (void)fprintf(stderr, "ocpp-cli: %s: expected %s\n", text, expected);
    return -EINVAL;
}

static int read_number(const char *text, int64_t min, int64_t max, const char *expected, int *ret)
{
    int64_t number = *ret;
    if (text && str_to_int(text, min, max, &number) < 0)
        return complain(text, expected);
    *ret = (int)number;
    return 0;
}

static int read_time(const char *text, const char *expected, int64_t *ret)
{
    if (text && (str_to_duration_ms(text, ret) < 0 || *ret > 60000))
        return complain(text, expected);
    return 0;
}

static int read_serial(const struct modbus_words *words, const char *path, struct modbus_bus_settings *bus)
{
    static const char *const parities[] = { "none", "even", "odd" };
    bus->serial = true;
    bus->framing = words->framing && str_equal(words->framing, "ascii") ? MODBUS_ASCII : MODBUS_RTU;
    bus->line = (struct serial_settings){ .baud = 9600, .data_bits = 8, .stop_bits = 1, .parity = 'N' };
    if (str_copy(bus->line.path, sizeof(bus->line.path), path) < 0)
        return complain(path, "a shorter path");
    if (words->parity) {
        size_t i = 0;
        while (i < ARRAY_SIZE(parities) && !str_equal(parities[i], words->parity))
            i++;
        if (i == ARRAY_SIZE(parities))
            return complain(words->parity, "--parity none, even or odd");
        bus->line.parity = "NEO"[i];
    }
    int r = read_number(words->baud, 300, 4000000, "--baud such as 9600", &bus->line.baud);
    return r < 0 ? r : read_number(words->stop_bits, 1, 2, "--stop-bits 1 or 2", &bus->line.stop_bits);
}

static int read_tcp(const struct modbus_words *words, const char *text, struct modbus_bus_settings *bus)
{
    const char *colon = strrchr(text, ':');
    bool has_port = colon && (text[0] == '[' ? colon[-1] == ']' : strchr(text, ':') == colon);
    int port = 502;
    size_t len = has_port ? (size_t)(colon - text) : strlen(text);
    if (text[0] == '[' && len > 2 && text[len - 1] == ']') { /* an IPv6 address */
        text++;
        len -= 2;
    }
    if (len == 0 || len >= sizeof(bus->host))
        return complain(text, "HOST, HOST:PORT or the path of a serial line");
    if (has_port && read_number(colon + 1, 1, 65535, "a port from 1 to 65535", &port) < 0)
        return -EINVAL;
    (void)snprintf(bus->host, sizeof(bus->host), "%.*s", (int)len, text);
    bus->port = (uint16_t)port;
    bus->framing = MODBUS_TCP;
    if (words->framing && !str_equal(words->framing, "tcp"))
        bus->framing = str_equal(words->framing, "ascii") ? MODBUS_ASCII : MODBUS_RTU;
    return 0;
}

int modbus_target_read(const char *text, const struct modbus_words *words, struct modbus_target *ret)
{
    *ret = (struct modbus_target){ .timeout_ms = 1000 };
    ret->bus.connect_timeout_ms = CONNECT_MS;
    ret->bus.reconnect_after_ms = 60000;
    (void)str_copy(ret->bus.name, sizeof(ret->bus.name), "ocpp-cli");
    if (words->framing && !str_equal(words->framing, "tcp") && !str_equal(words->framing, "rtu") &&
        !str_equal(words->framing, "ascii"))
        return complain(words->framing, "--framing tcp, rtu or ascii");
    int r = strchr(text, '/') ? read_serial(words, text, &ret->bus) : read_tcp(words, text, &ret->bus);
    if (r == 0)
        r = read_time(words->timeout, "--timeout such as 300ms, at most 60s", &ret->timeout_ms);
    return r < 0 ? r : read_time(words->pause, "--pause such as 100ms, at most 60s", &ret->pause_ms);
}

/* ---- questions ---- */

static void on_tick(struct timer *timer, void *ctx)
{
    (void)timer;
    (void)ctx;
}

static void turn(struct modbus_line *line)
{
    env_timer_start(&line->loop.env, &line->tick, TICK_MS);
    (void)uv_run(&line->loop.uv, UV_RUN_ONCE);
}

int modbus_line_open(struct modbus_line *line, const struct modbus_target *target)
{
    int err = 0;
    *line = (struct modbus_line){ .timeout_ms = target->timeout_ms, .pause_ms = target->pause_ms };
    int r = loop_init(&line->loop);
    if (r < 0)
        return r;
    timer_init(&line->tick, line->loop.env.timers, on_tick, NULL);
    line->bus = modbus_bus_new(&line->loop, &target->bus);
    if (!line->bus)
        return -ENOMEM;
    while (modbus_bus_link(line->bus, &err) == MODBUS_LINK_OPENING)
        turn(line);
    return modbus_bus_link(line->bus, &err) == MODBUS_LINK_OPEN ? 0 : err < 0 ? err : -ERR_LINK_DOWN;
}

void modbus_line_close(struct modbus_line *line)
{
    if (!line->bus)
        return;
    modbus_bus_free(line->bus);
    timer_stop(&line->tick);
    loop_done(&line->loop);
    line->bus = NULL;
}

static void on_answer(void *ctx, int err, const struct modbus_response *response)
{
    struct modbus_line *line = ctx;
    line->waiting = false;
    line->err = err;
    line->exception = 0;
    line->len = 0;
    if (err < 0)
        return;
    line->exception = response->exception;
    if (response->exception) {
        line->err = response->exception == MODBUS_NO_PATH || response->exception == MODBUS_NO_ANSWER
                        ? -ERR_NO_ANSWER
                        : -ERR_DEVICE_EXCEPTION;
        return;
    }
    line->len = response->data_len < sizeof(line->data) ? response->data_len : sizeof(line->data);
    if (response->data)
        memcpy(line->data, response->data, line->len);
}

int modbus_line_ask(struct modbus_line *line, int unit, const struct modbus_request *request)
{
    int err = 0;
    if (modbus_bus_link(line->bus, &err) == MODBUS_LINK_LOST)
        return -ERR_LINK_DOWN;
    if (line->pause_ms > 0)
        (void)usleep((useconds_t)line->pause_ms * 1000);
    line->waiting = true;
    int r = modbus_bus_ask(line->bus, unit, request, line->timeout_ms, on_answer, line);
    if (r < 0)
        return r;
    while (line->waiting)
        turn(line);
    return line->err;
}

/* ---- words ---- */

const char *modbus_exception_name(int exception)
{
    static const struct {
        int code;
        const char *name;
    } names[] = {
        { MODBUS_ILLEGAL_FUNCTION, "illegal function" },
        { MODBUS_ILLEGAL_ADDRESS, "illegal data address" },
        { MODBUS_ILLEGAL_VALUE, "illegal data value" },
        { MODBUS_DEVICE_FAILURE, "device failure" },
        { MODBUS_ACKNOWLEDGE, "acknowledged, takes its time" },
        { MODBUS_BUSY, "busy" },
        { MODBUS_PARITY, "memory parity error" },
        { MODBUS_NO_PATH, "gateway path unavailable" },
        { MODBUS_NO_ANSWER, "gateway target did not answer" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (names[i].code == exception)
            return names[i].name;
    return "an exception of its own";
}

int modbus_address_read(const char *kind, const char *number, enum modbus_kind *ret_kind,
                        uint16_t *ret_address)
{
    static const char *const kinds[] = { "coil", "discrete", "input", "holding" };
    int64_t address = 0;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (str_equal(kinds[i], kind) && str_to_int(number, 0, 65535, &address) == 0) {
            *ret_kind = (enum modbus_kind)i;
            *ret_address = (uint16_t)address;
            return 0;
        }
    return -EINVAL;
}

static void print_pair(const uint8_t *at)
{
    uint32_t big = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    uint32_t little = (uint32_t)at[2] << 24 | (uint32_t)at[3] << 16 | (uint32_t)at[0] << 8 | at[1];
    float floats[2];
    memcpy(&floats[0], &big, 4);
    memcpy(&floats[1], &little, 4);
    (void)printf("      high word first: u32 %u, i32 %d, f32 %g; low word first: u32 %u, i32 %d, f32 %g\n",
                 big, (int32_t)big, (double)floats[0], little, (int32_t)little, (double)floats[1]);
}

void modbus_print_words(const uint8_t *data, size_t words)
{
    char text[2 * 125 + 1];
    for (size_t i = 0; i < words; i++) {
        uint16_t word = (uint16_t)(data[2 * i] << 8 | data[2 * i + 1]);
        (void)printf("  %3zu  %04X  u16 %5u  i16 %6d\n", i, word, word, (int16_t)word);
        if (i % 2 == 1)
            print_pair(data + 2 * (i - 1));
    }
    size_t len = 2 * words < sizeof(text) - 1 ? 2 * words : sizeof(text) - 1;
    for (size_t i = 0; i < len; i++)
        text[i] = data[i] >= 0x20 && data[i] < 0x7F ? (char)data[i] : '.';
    text[len] = '\0';
    (void)printf("  text \"%s\"\n", text);
}
