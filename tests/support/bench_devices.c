/* The charger of the bench: it obeys commands, and tells signals and cards. */
#include "tests/support/bench_internal.h"

#include <stdlib.h>

#include "base/str.h"

/* ---- commands ---- */

void bench_on_command(void *ctx, int evse, const struct evse_command *command)
{
    struct bench *b = ctx;
    json_array_append_new(b->commands,
                          json_pack("[i, i, f, i]", evse, command->kind, command->limit_A, command->phases));
    json_array_append_new(b->open_commands, json_pack("[i, i, f, I]", evse, command->kind, command->limit_A,
                                                      (json_int_t)command->ticket));
}

void bench_on_show(void *ctx, int evse, const struct evse_display *display)
{
    struct bench *b = ctx;
    assert_int_equal(str_copy(b->shown[evse - 1], BENCH_SHOWN_SIZE, display->text), 0);
    b->shown_priority[evse - 1] = display->priority;
    b->shows++;
}

void bench_expect_shown(struct bench *b, int evse, const char *text)
{
    assert_string_equal(b->shown[evse - 1], text);
}

void bench_command_done(struct bench *b, int err)
{
    assert_int_not_equal(json_array_size(b->open_commands), 0);
    json_t *open = json_incref(json_array_get(b->open_commands, 0));
    json_array_remove(b->open_commands, 0);
    struct evse_command command = { .kind =
                                        (enum evse_command_kind)json_integer_value(json_array_get(open, 1)),
                                    .limit_A = json_number_value(json_array_get(open, 2)),
                                    .ticket = (uint32_t)json_integer_value(json_array_get(open, 3)) };
    int evse = (int)json_integer_value(json_array_get(open, 0));
    json_decref(open);
    station_on_command_done(b->station, evse, &command, err);
    if (b->hold_commands)
        bench_settle(b);
}

bool bench_do_command(struct bench *b)
{
    if (b->hold_commands || json_array_size(b->open_commands) == 0)
        return false;
    bench_command_done(b, b->command_error);
    return true;
}

static json_t *next_command(struct bench *b)
{
    bench_settle(b);
    if (json_array_size(b->commands) == 0)
        fail_msg("no command was given");
    json_t *command = json_incref(json_array_get(b->commands, 0));
    json_array_remove(b->commands, 0);
    json_object_set_new(b->responses, "command", command);
    return command;
}

void bench_expect_command(struct bench *b, int evse, enum evse_command_kind kind)
{
    const json_t *command = next_command(b);
    int64_t given = json_integer_value(json_array_get(command, 1));
    if (given != kind)
        fail_msg("command %s was given, expected %s", evse_command_names[given], evse_command_names[kind]);
    assert_int_equal(json_integer_value(json_array_get(command, 0)), evse);
}

void bench_expect_limit(struct bench *b, int evse, double limit_A)
{
    const json_t *command = next_command(b);
    assert_int_equal(json_integer_value(json_array_get(command, 0)), evse);
    assert_int_equal(json_integer_value(json_array_get(command, 1)), EVSE_LIMIT);
    double given_A = json_number_value(json_array_get(command, 2));
    if (given_A < limit_A - 0.001 || given_A > limit_A + 0.001)
        fail_msg("limit %g A was set, expected %g A", given_A, limit_A);
}

void bench_expect_no_command(struct bench *b)
{
    bench_settle(b);
    if (json_array_size(b->commands) > 0) {
        char *text = json_dumps(b->commands, 0);
        fail_msg("commands [evse, kind, limit] given, expected none: %s", text);
    }
}

/* ---- signals ---- */

void bench_signals(struct bench *b, int evse)
{
    station_on_signals(b->station, evse, &b->signals[evse - 1]);
    bench_settle(b);
}

void bench_state(struct bench *b, int evse, enum evse_state state)
{
    b->signals[evse - 1].state = state;
    b->signals[evse - 1].online = state != EVSE_UNKNOWN;
    bench_signals(b, evse);
}

void bench_measure(struct bench *b, int evse, enum evse_measure measure, double value)
{
    b->signals[evse - 1].measures |= 1u << measure;
    b->signals[evse - 1].value[measure] = value;
    bench_signals(b, evse);
}

void bench_silent(struct bench *b, int evse)
{
    b->signals[evse - 1].measures = 0;
    bench_state(b, evse, EVSE_UNKNOWN);
}

void bench_on_device_health(void *ctx, int evse, struct device_health *ret)
{
    struct bench *b = ctx;
    *ret = b->health[evse - 1];
    ret->online = b->signals[evse - 1].online;
}

void bench_device_number(struct bench *b, int evse, size_t index, double number)
{
    station_on_device_variable(b->station, evse, index, &(struct device_value){ .number = number });
    bench_settle(b);
}

void bench_device_text(struct bench *b, int evse, size_t index, const char *text)
{
    station_on_device_variable(b->station, evse, index, &(struct device_value){ .text = text });
    bench_settle(b);
}

void bench_device_no_value(struct bench *b, int evse, size_t index)
{
    station_on_device_variable(b->station, evse, index, NULL);
    bench_settle(b);
}

void bench_token(struct bench *b, int evse, const char *value, const char *type)
{
    struct id_token token;
    (void)str_copy(token.value, sizeof(token.value), value);
    (void)str_copy(token.type, sizeof(token.type), type);
    station_on_id_token(b->station, evse, &token);
    bench_settle(b);
}
