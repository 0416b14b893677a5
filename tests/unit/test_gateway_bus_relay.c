/* The door to a bus of the gateway: what goes through it, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "gateway/bus_relay.h"
#include "tests/support/modbus_server.h"

#define PATIENCE_MS 10000

struct world {
    struct loop loop;
    struct resources resources;
    struct bus_config config;
    struct mserver server;
    struct bus_relay *relay;
    struct stream *stream;
    char heard[200]; /* hex, without the MBAP header of which only the unit is shown */
    bool is_closed;
};

static void on_open(void *ctx)
{
    (void)ctx;
}

static void on_data(void *ctx, const uint8_t *bytes, size_t len)
{
    struct world *w = ctx;
    assert_true(len > 6);
    hex_encode(bytes + 6, len - 6, w->heard, sizeof(w->heard));
}

static void on_close(void *ctx, int err)
{
    (void)err;
    ((struct world *)ctx)->is_closed = true;
}

static const struct stream_events events = { on_open, on_data, on_close };

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct resource *bus = NULL;
    assert_non_null(w);
    assert_int_equal(loop_init(&w->loop), 0);
    resources_init(&w->resources, &w->loop, NULL);
    mserver_start(&w->server, &w->loop);
    mserver_play_ac22(&w->server);
    static char fingerprint[] = "bus";
    w->config = (struct bus_config){ .name = "bus", .fingerprint = fingerprint };
    w->config.settings = (struct modbus_bus_settings){ .name = "bus",
                                                       .host = "127.0.0.1",
                                                       .port = mserver_port(&w->server),
                                                       .connect_timeout_ms = 5000,
                                                       .reconnect_after_ms = 1000 };
    assert_int_equal(resource_bus(&w->resources, &w->config, &bus), 0);
    assert_int_equal(bus_relay_new(&w->loop, bus, &w->relay), 0);
    w->stream = stream_new_tcp(&w->loop, "127.0.0.1", bus_relay_port(w->relay), 5000, &events, w);
    assert_non_null(w->stream);
    stream_open(w->stream);
    while (!stream_is_open(w->stream))
        (void)uv_run(&w->loop.uv, UV_RUN_ONCE);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    stream_free(w->stream);
    bus_relay_free(w->relay);
    assert_true(list_is_empty(&w->resources.list));
    mserver_stop(&w->server);
    loop_done(&w->loop);
    free(w);
    return 0;
}

/* What the relay says to unit and PDU, in hex; "": it hung up. */
static const char *ask(struct world *w, const char *unit_and_pdu)
{
    uint8_t bytes[300] = { 0x12, 0x34, 0, 0, 0, 0 };
    int64_t end_ms = env_now_ms(&w->loop.env) + PATIENCE_MS;
    int len = hex_decode(unit_and_pdu, bytes + 6, sizeof(bytes) - 6);
    assert_true(len > 0);
    bytes[5] = (uint8_t)len;
    w->heard[0] = '\0';
    assert_int_equal(stream_write(w->stream, bytes, 6 + (size_t)len), 0);
    while (!w->heard[0] && !w->is_closed) {
        assert_true(env_now_ms(&w->loop.env) < end_ms);
        (void)uv_run(&w->loop.uv, UV_RUN_ONCE);
    }
    return w->heard;
}

static void reading_goes_through_and_nothing_else(void **state)
{
    static const struct {
        const char *request, *response;
    } rows[] = {
        { "010400710002", "01040408FC08FC" },       /* two voltages */
        { "010300040001", "0103020107" },           /**/
        { "010100050001", "01010100" },             /* a coil */
        { "010300010001", "018302" },               /* the device's own exception */
        { "020300040001", "02830B" },               /* nobody there: a gateway's target does not answer */
        { "010300040000", "018303" },               /* none */
        { "01060137003C", "018601" },               /* to write is no function of it */
        { "01050005FF00", "018501" },               /**/
        { "011001370001020001", "019001" },         /**/
        { "01160137FFFF0000", "019601" },           /**/
        { "0117000400010137000102003C", "019701" }, /* reads, and writes */
        { "012B0E0100", "01AB01" },                 /**/
    };
    struct world *w = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (!str_equal(ask(w, rows[i].request), rows[i].response))
            fail_msg("%s: got %s, not %s", rows[i].request, w->heard, rows[i].response);
    assert_int_equal(w->server.writes, 0);
    assert_int_equal(w->server.connections, 1);
    assert_int_equal(bus_relay_err(w->relay), 0);
}

static void one_is_served_and_no_other(void **state)
{
    struct world *w = *state;
    struct world other;
    memset(&other, 0, sizeof(other));
    other.stream = stream_new_tcp(&w->loop, "127.0.0.1", bus_relay_port(w->relay), 5000, &events, &other);
    stream_open(other.stream);
    while (!other.is_closed)
        (void)uv_run(&w->loop.uv, UV_RUN_ONCE);
    stream_free(other.stream);
    assert_string_equal(ask(w, "010300040001"), "0103020107");
}

static void who_does_not_wait_for_the_answer_is_hung_up_on(void **state)
{
    static const uint8_t two[] = { 0, 1, 0, 0, 0, 6, 1, 3, 0, 4, 0, 1, 0, 2, 0, 0, 0, 6, 1, 3, 0, 4, 0, 1 };
    struct world *w = *state;
    assert_int_equal(stream_write(w->stream, two, sizeof(two)), 0);
    while (!w->is_closed)
        (void)uv_run(&w->loop.uv, UV_RUN_ONCE);
    assert_string_equal(w->heard, "");
}

static void it_goes_while_something_is_asked(void **state)
{
    struct world *w = *state;
    static const uint8_t one[] = { 0, 1, 0, 0, 0, 6, 2, 3, 0, 4, 0, 1 };
    assert_int_equal(stream_write(w->stream, one, sizeof(one)), 0);
    for (int i = 0; i < 20; i++)
        (void)uv_run(&w->loop.uv, UV_RUN_NOWAIT);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(reading_goes_through_and_nothing_else),
        TEST(one_is_served_and_no_other),
        TEST(who_does_not_wait_for_the_answer_is_hung_up_on),
        TEST(it_goes_while_something_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
