/* What the simulated Modbus chargers answer: hex of a request PDU, hex of the response PDU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "sim/modbus_map.h"

struct bench {
    int64_t now_ms;
    struct timers timers;
    struct env env;
    struct model model;
    const struct modbus_map *map;
    char written[256]; /* "name=value " per write */
};

static int64_t now(void *ctx)
{
    return ((struct bench *)ctx)->now_ms;
}

static void no_chance(void *ctx, void *ret, size_t len)
{
    (void)ctx;
    uint32_t value = 301; /* the contactor closes after 200 ms */
    assert_int_equal(len, sizeof value);
    memcpy(ret, &value, len);
}

static void on_write(void *ctx, const char *name, const char *value)
{
    struct bench *b = ctx;
    size_t len = strlen(b->written);
    (void)snprintf(b->written + len, sizeof b->written - len, "%s=%s ", name, value);
}

static void bench_start(struct bench *b, const char *map)
{
    *b = (struct bench){ .now_ms = 1000, .map = modbus_map_find(map) };
    assert_non_null(b->map);
    timers_init(&b->timers);
    b->env =
        (struct env){ .ctx = b, .now_ms = now, .wall_ms = now, .random = no_chance, .timers = &b->timers };
    struct model_settings settings = model_default_settings();
    settings.watchdog_ms = b->map->watchdog_ms;
    settings.keeps_limit = b->map->keeps_limit;
    model_init(&b->model, &b->env, &settings, NULL, NULL);
}

static void pass(struct bench *b, int64_t ms)
{
    b->now_ms += ms;
    model_update(&b->model);
}

static void expect(struct bench *b, const char *request, const char *response)
{
    uint8_t pdu[MODBUS_MAX_PDU], answer[MODBUS_MAX_PDU];
    char text[2 * MODBUS_MAX_PDU + 1];
    int len = hex_decode(request, pdu, sizeof pdu);
    assert_true(len > 0);
    b->written[0] = '\0';
    struct modbus_device device = { b->map, &b->model, on_write, b };
    int n = modbus_answer(&device, pdu, (size_t)len, answer);
    assert_true(n > 0);
    hex_encode(answer, (size_t)n, text, sizeof text);
    if (!str_equal(text, response))
        fail_msg("%s: got %s, not %s", request, text, response);
}

/* 20 % of 40 kWh, 16 A; energizes within 200 ms. */
static void start_charging(struct bench *b)
{
    struct vehicle v = vehicle_default();
    model_plug(&b->model, &v);
    model_set_enabled(&b->model, true);
    pass(b, 200);
}

static void ac22_tells_its_state(void **state)
{
    (void)state;
    struct bench b;
    bench_start(&b, "ac22");
    struct vehicle v = vehicle_default();
    expect(&b, "0400640003", "0406000100000000");
    model_plug(&b.model, &v);
    expect(&b, "0400640003", "0406000200030000");
    model_set_enabled(&b.model, true);
    pass(&b, 200);
    expect(&b, "0400640001", "04020007");
    model_set_ready(&b.model, false);
    expect(&b, "0400640001", "04020005");
    model_set_limit(&b.model, 0);
    expect(&b, "0400640001", "04020006");
    model_set_fault(&b.model, 0x1234);
    expect(&b, "0400640003", "0406000900431234");
}

static void ac22_measures(void **state)
{
    (void)state;
    struct bench b;
    bench_start(&b, "ac22");
    start_charging(&b);
    expect(&b, "0601370000", "0601370000"); /* no watchdog, or it would fall to 6 A */
    pass(&b, 3600 * 1000);
    /* 16.00 A, 228.4 229.0 228.0 V; gaps; 10966.4 W; gaps; 10966 Wh */
    expect(&b, "04006E0010",
           "0420064006400640"
           "08EC08F208E8"
           "00000000000000000001AC600000000000002AD6");
    /* 33.0 °C with 16 A; the contactor closed once */
    expect(&b, "0400670003", "0406014A00000001");
    model_set_ambient(&b.model, -30);
    expect(&b, "0400670001", "0402FF24"); /* -22.0 °C */
    model_set_metered(&b.model, false);
    expect(&b, "0400780002", "04047FFFFFFF");
    expect(&b, "0400820008", "0410322E342E310000000000000000000000");
}

static void ac22_obeys(void **state)
{
    (void)state;
    struct bench b;
    bench_start(&b, "ac22");
    expect(&b, "050005FF00", "050005FF00");
    assert_string_equal(b.written, "enable=1 ");
    assert_true(b.model.enabled);
    expect(&b, "0100050001", "010101");
    expect(&b, "06012C00A5", "06012C00A5");
    assert_string_equal(b.written, "max_current=16.5 ");
    assert_true(b.model.limit_A == 16.5);
    expect(&b, "03012C0001", "030200A5");
    expect(&b, "10012C000102003C", "10012C0001");
    assert_true(b.model.limit_A == 6);
    expect(&b, "16012CFF000064", "16012CFF000064");
    expect(&b, "03012C0001", "03020064");
    expect(&b, "17012C0001012C000102005A", "1702005A");
    expect(&b, "0F000500010100", "0F00050001");
    assert_false(b.model.enabled);
    expect(&b, "0601360001", "0601360001");
    assert_string_equal(b.written, "alive=1 ");
    expect(&b, "0601370000", "0601370000");
    assert_int_equal(b.model.watchdog_ms, 0);
    expect(&b, "0300040001", "03020107");
    expect(&b, "0601385A5A", "0601385A5A");
    assert_false(b.model.powered);
    pass(&b, 2000);
    assert_true(b.model.powered);
}

static void ac22_shows_cards(void **state)
{
    (void)state;
    struct bench b;
    bench_start(&b, "ac22");
    model_tap(&b.model, "04A1B2C3");
    expect(&b, "0300C8000A", "03143034413142324333000000000000000000000000");
    expect(&b, "1000C8000A140000000000000000000000000000000000000001", "9003");
    assert_string_equal(b.model.tag, "04A1B2C3");
    expect(&b, "1000C8000A140000000000000000000000000000000000000000", "1000C8000A");
    assert_string_equal(b.model.tag, "");
}

static void ac22_refuses_what_it_has_not(void **state)
{
    (void)state;
    static const struct {
        const char *request, *response;
    } rows[] = {
        { "0400630001", "8402" },       /* before the block */
        { "0400830008", "8402" },       /* runs out of it */
        { "0300050001", "8302" },       /* nothing there */
        { "0301360001", "8302" },       /* write only */
        { "03012C0002", "8302" },       /* one there, one not */
        { "0100060001", "8102" },       /* unlock is write only */
        { "0100050002", "8102" },       /* so the pair is not there */
        { "0200050001", "8202" },       /* no discrete inputs */
        { "0600040001", "8602" },       /* read only */
        { "06012C0141", "8603" },       /* 32.1 A */
        { "0601380001", "8603" },       /* not the word for a reset */
        { "1000C80001020000", "9002" }, /* half a tag */
        { "050005FF01", "8503" },       /* no coil value */
        { "0300C80000", "8303" },       /* none */
        { "0300C8007E", "8303" },       /* 126 */
        { "07", "8701" },               /* not a function of this device */
        { "2B0E0100", "AB01" },
        { "0300", "8303" }, /* too short */
    };
    struct bench b;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bench_start(&b, "ac22");
        expect(&b, rows[i].request, rows[i].response);
        assert_true(b.model.limit_A == 32 && !b.model.enabled && b.model.powered);
    }
    bench_start(&b, "ac22");
    start_charging(&b);
    expect(&b, "050006FF00", "8504"); /* no unlock while current flows */
    assert_string_equal(b.written, "unlock=1 unlock=refused ");
}

static void rtu7_tells_its_state_low_word_first(void **state)
{
    (void)state;
    struct bench b;
    bench_start(&b, "rtu7");
    expect(&b, "0310000003", "0306004100000000");
    struct vehicle v = vehicle_default();
    model_plug(&b.model, &v);
    expect(&b, "0310000003", "0306004200040000");
    model_set_enabled(&b.model, true);
    expect(&b, "0310000003", "0306004300050000");
    pass(&b, 200);
    expect(&b, "0310000002", "030400430007");
    pass(&b, 36000 * 1000 / 10);
    /* 10966 W = 0x2AD6, 1096 * 10 Wh = 0x0448, 160 dA each, 228 229 228 V */
    expect(&b, "031010000A",
           "03142AD6000004480000"
           "00A000A000A0"
           "00E400E500E4");
    model_set_ready(&b.model, false);
    expect(&b, "0310000002", "030400420005");
    model_set_fault(&b.model, 300);
    expect(&b, "0310000003", "030600460005012C");
}

static void rtu7_obeys(void **state)
{
    (void)state;
    struct bench b;
    bench_start(&b, "rtu7");
    expect(&b, "10103000020400010006", "1010300002");
    assert_string_equal(b.written, "control=1 limit=6 ");
    assert_true(b.model.enabled && b.model.limit_A == 6);
    expect(&b, "1010310001020000", "1010310001");
    expect(&b, "0310300002", "030400010000");
    model_tap(&b.model, "04A1B2C3D4E5F6");
    expect(&b, "0310200004", "030804A1B2C3D4E5F600");
    expect(&b, "1010320001020001", "1010320001");
    expect(&b, "0310200004", "03080000000000000000");
    expect(&b, "0310400008", "031052372D30303030343137000000000000");
}

static void rtu7_refuses_what_it_has_not(void **state)
{
    (void)state;
    static const struct {
        const char *request, *response;
    } rows[] = {
        { "0410000001", "8401" }, /* functions 3 and 16 only */
        { "0610300001", "8601" }, /**/
        { "0110000001", "8101" }, /**/
        { "171030000110300001020001", "9701" },
        { "0310000015", "8303" }, /* 21 words */
        { "0310000014", "032800410000000000FA00000000000000000000000000"
                        "00000000000000000000000000000000000000" },
        { "03101A0001", "8302" },       /* behind the block */
        { "0310320001", "8302" },       /* write only */
        { "1010300001020002", "9003" }, /* neither 0 nor 1 */
        { "1010310001020021", "9003" }, /* 33 A */
        { "1010000001020001", "9002" }, /* read only */
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bench b;
        bench_start(&b, "rtu7");
        expect(&b, rows[i].request, rows[i].response);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ac22_tells_its_state),
        cmocka_unit_test(ac22_measures),
        cmocka_unit_test(ac22_obeys),
        cmocka_unit_test(ac22_shows_cards),
        cmocka_unit_test(ac22_refuses_what_it_has_not),
        cmocka_unit_test(rtu7_tells_its_state_low_word_first),
        cmocka_unit_test(rtu7_obeys),
        cmocka_unit_test(rtu7_refuses_what_it_has_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
