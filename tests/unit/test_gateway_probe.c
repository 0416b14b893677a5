/* Registers written by hand, in virtual time: what is told of a write, however it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "gateway/probe.h"
#include "gateway/station_charger.h"
#include "gateway/station_entry.h"

#define WHOLE_MS 30000

struct world {
    struct gateway gateway;
    struct config config;
    struct bus_config bus;
    struct profile profile;
    struct charger_config charger_config;
    struct station_charger charger;
    struct probes *probes;
    int64_t now_ms;
    modbus_on_answer asked; /* NULL: nothing is */
    void *asked_ctx;
    uint8_t function;
    int refusal; /* of the next question */
    int answers;
    json_t *answer;
};

static struct world *world;

/* The linker puts these in place of the gateway's. NOLINTBEGIN(bugprone-reserved-identifier) */
struct station_entry *__wrap_gateway_station(const struct gateway *gateway, const char *id);
struct station_entry *__wrap_gateway_station(const struct gateway *gateway, const char *id)
{
    (void)gateway;
    return strcmp(id, "CS1") == 0 ? (struct station_entry *)world : NULL;
}

struct station_charger *__wrap_station_entry_charger(const struct station_entry *entry, int evse);
struct station_charger *__wrap_station_entry_charger(const struct station_entry *entry, int evse)
{
    (void)entry;
    return evse == 1 ? &world->charger : NULL;
}

int __wrap_resource_bus(struct resources *resources, const struct bus_config *config, struct resource **ret);
int __wrap_resource_bus(struct resources *resources, const struct bus_config *config, struct resource **ret)
{
    (void)resources, (void)config;
    *ret = (struct resource *)world;
    return 0;
}

void __wrap_resource_put(struct resource *resource);
void __wrap_resource_put(struct resource *resource)
{
    assert_ptr_equal(resource, world);
}

struct modbus_bus *__wrap_resource_as_bus(const struct resource *resource);
struct modbus_bus *__wrap_resource_as_bus(const struct resource *resource)
{
    (void)resource;
    return NULL;
}

int __wrap_modbus_bus_ask(struct modbus_bus *bus, int unit, const struct modbus_request *request,
                          int64_t timeout_ms, modbus_on_answer callback, void *ctx);
int __wrap_modbus_bus_ask(struct modbus_bus *bus, int unit, const struct modbus_request *request,
                          int64_t timeout_ms, modbus_on_answer callback, void *ctx)
{
    (void)bus, (void)unit, (void)timeout_ms;
    if (world->refusal < 0)
        return world->refusal;
    world->asked = callback;
    world->asked_ctx = ctx;
    world->function = request->function;
    return 0;
}

void __wrap_modbus_bus_forget(struct modbus_bus *bus, void *ctx);
void __wrap_modbus_bus_forget(struct modbus_bus *bus, void *ctx)
{
    (void)bus, (void)ctx;
    world->asked = NULL;
}
/* NOLINTEND(bugprone-reserved-identifier) */

static int64_t now(void *ctx)
{
    return ((const struct world *)ctx)->now_ms;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    world = w;
    timers_init(&w->gateway.loop.timers);
    w->gateway.loop.env = (struct env){ .now_ms = now, .timers = &w->gateway.loop.timers, .ctx = w };
    w->profile.protocol = PROTOCOL_MODBUS;
    w->profile.evse_count = 1;
    w->charger_config.profile = &w->profile;
    w->charger_config.unit = 1;
    w->config.buses = &w->bus;
    w->gateway.config = &w->config;
    w->charger.config = &w->charger_config;
    w->charger.link.device = (struct device *)w;
    w->probes = probes_new(&w->gateway);
    assert_non_null(w->probes);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    probes_free(w->probes);
    assert_int_equal(timers_next_ms(&w->gateway.loop.timers), -1);
    json_decref(w->answer);
    free(w);
    return 0;
}

static void on_done(void *ctx, json_t *answer)
{
    struct world *w = ctx;
    assert_int_equal(w->answers++, 0);
    w->answer = answer;
}

static void write_register(struct world *w)
{
    AUTO(json_t) *request = json_pack("{s:s, s:s, s:i, s:[i], s:b, s:b}", "station", "CS1", "kind", "holding",
                                      "address", 300, "words", 110, "write", 1, "confirmed", 1);
    assert_non_null(request);
    probes_start(w->probes, request, on_done, w);
}

/* The device answers what it was asked; a word where it was asked for one. */
static void answer_word(struct world *w, uint8_t function, uint16_t word)
{
    const uint8_t bytes[] = { (uint8_t)(word >> 8), (uint8_t)word };
    const struct modbus_response response = { .function = function, .data = bytes, .data_len = 2 };
    modbus_on_answer asked = w->asked;
    assert_non_null(asked);
    assert_int_equal(w->function, function);
    w->asked = NULL;
    asked(w->asked_ctx, 0, &response);
}

static void pass(struct world *w, int64_t ms)
{
    w->now_ms += ms;
    timers_run(&w->gateway.loop.timers, w->now_ms);
}

static void expect(const struct world *w, bool ok, bool written, bool tried, const char *before,
                   const char *raw)
{
    assert_int_equal(w->answers, 1);
    assert_int_equal(json_get_bool(w->answer, "ok", false), ok);
    assert_int_equal(json_get_bool(w->answer, "written", false), written);
    assert_int_equal(json_get_bool(w->answer, "tried", false), tried);
    assert_string_equal(json_get_string(w->answer, "before", ""), before);
    assert_string_equal(json_get_string(w->answer, "raw", ""), raw);
}

static void a_write_is_told_with_what_was_before_and_is_after(void **state)
{
    struct world *w = *state;
    write_register(w);
    answer_word(w, MODBUS_READ_HOLDING, 0x0078);
    answer_word(w, MODBUS_WRITE_REGISTER, 110);
    answer_word(w, MODBUS_READ_HOLDING, 110);
    expect(w, true, true, false, "0078", "006E");
}

static void a_write_that_is_not_read_back_in_time_is_told_as_done(void **state)
{
    struct world *w = *state;
    write_register(w);
    answer_word(w, MODBUS_READ_HOLDING, 0x0078);
    answer_word(w, MODBUS_WRITE_REGISTER, 110);
    pass(w, WHOLE_MS - 1);
    assert_int_equal(w->answers, 0);
    pass(w, 1);
    expect(w, true, true, false, "0078", "");
}

static void a_write_that_cannot_be_read_back_is_told_as_done(void **state)
{
    struct world *w = *state;
    write_register(w);
    answer_word(w, MODBUS_READ_HOLDING, 0x0078);
    w->refusal = -ENOBUFS;
    answer_word(w, MODBUS_WRITE_REGISTER, 110);
    expect(w, true, true, false, "0078", "");
}

static void a_write_that_is_not_answered_may_have_been_done(void **state)
{
    struct world *w = *state;
    write_register(w);
    answer_word(w, MODBUS_READ_HOLDING, 0x0078);
    pass(w, WHOLE_MS);
    expect(w, false, false, true, "", "");
}

static void what_was_never_sent_was_not_tried(void **state)
{
    struct world *w = *state;
    write_register(w);
    w->refusal = -ENOBUFS;
    answer_word(w, MODBUS_READ_HOLDING, 0x0078);
    expect(w, false, false, false, "", "");
}

static void who_waits_for_the_first_reading_has_written_nothing(void **state)
{
    struct world *w = *state;
    write_register(w);
    pass(w, WHOLE_MS);
    expect(w, false, false, false, "", "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_write_is_told_with_what_was_before_and_is_after),
        TEST(a_write_that_is_not_read_back_in_time_is_told_as_done),
        TEST(a_write_that_cannot_be_read_back_is_told_as_done),
        TEST(a_write_that_is_not_answered_may_have_been_done),
        TEST(what_was_never_sent_was_not_tried),
        TEST(who_waits_for_the_first_reading_has_written_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
