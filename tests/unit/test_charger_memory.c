/* Memory of a charger: how much it takes, that a poll takes none, and what becomes of it when there is none: each allocation of a
 * profile and of a charger's life fails once. */
#include "support/charger_bench.h"

#include "base/log.h"
#include "driver/driver.h"
#include "support/short_memory.h"

/* ---- profiles ---- */

static char *find(void *ctx, const char *name)
{
    bool was_counting = memory.counting;
    (void)ctx;
    memory.counting = false;
    char *text = read_profile(name);
    memory.counting = was_counting;
    return text;
}

static void a_profile_there_is_no_memory_for_is_refused_whole(void **state)
{
    static const char *const names[] = { "demo-modbus-ac22", "echonet-027e", "phoenix-ev-cc-ac1-ser" };
    static const struct profile_source source = { .find = find };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        AUTO_FREE char *text = read_profile(names[i]);
        long fail_at = 1;
        for (bool done = false; !done; fail_at++) {
            struct problems problems;
            struct profile *profile = NULL;
            problems_init(&problems);
            count_from_now(fail_at);
            int r = profile_parse("test", text, strlen(text), &source, &problems, &profile);
            memory.counting = false;
            done = memory.count < fail_at;
            if (r != (done ? 0 : -ENOMEM) || problems.total)
                fail_msg("%s: allocation %ld: %d, %zu problems: %s", names[i], fail_at, r, problems.total,
                         problems.count ? problems.list[0].text : "");
            assert_int_equal(profile != NULL, done);
            profile_free(profile);
            problems_done(&problems);
        }
        assert_true(fail_at > 200);
    }
}

/* ---- a life ---- */

/* The device as the writes left it. */
static double written(struct bench *b, const char *write, double otherwise)
{
    double value = otherwise;
    for (const char *at = buf_string(&b->said); (at = strstr(at, write)); at++)
        value = (double)strtol(at + strlen(write), NULL, 16);
    return value;
}

static void answer_for_a_while(struct bench *b, int64_t ms)
{
    for (int64_t end_ms = b->now_ms + ms; b->now_ms < end_ms;) {
        pass(b, 1000);
        answer_all(b);
        set(b, "cp_state", 1);
        set(b, "flags", 0);
        set(b, "max_current", 32); /* so that limits are written */
        batch(b);
    }
}

/* A session with a limit, a card, a loss; the memory runs out somewhere in it. */
static void live(struct bench *b, long fail_at)
{
    count_from_now(fail_at);
    command(b, EVSE_LIMIT, 16, 1);
    command(b, EVSE_START, 0, 2);
    set(b, "cp_state", 7);
    batch(b);
    answer_all(b);
    pass(b, 0);
    set_text(b, "tag", "04A2B3C4");
    batch(b);
    answer_all(b);
    command(b, EVSE_LIMIT, 8, 3);
    pass(b, 31000);
    answer_all(b);
    memory.counting = false;
    online(b, false);
    while (b->request_count)
        answer_one(b, -ERR_LINK_DOWN);
    memory.counting = true;
    command(b, EVSE_STOP, 0, 4);
    command(b, EVSE_LIMIT, 6, 5);
    memory.counting = false;
    online(b, true);
    memory.counting = true;
    answer_all(b);
    pass(b, 0);
    memory.counting = false;
}

static void a_charger_short_of_memory_still_stops_and_keeps_the_limit(void **state)
{
    long fail_at = 1;
    (void)state;
    for (bool done = false; !done; fail_at++) {
        void *fixture = NULL;
        assert_int_equal(set_up(&fixture), 0);
        struct bench *b = fixture;
        buf_done(&b->said);
        buf_init(&b->said, 1 << 20);
        buf_printf(&b->said, "%*s", 1 << 17, ""); /* the bench's own memory is there already */
        buf_clear(&b->said);
        ac22(b);
        live(b, fail_at);
        done = memory.count < fail_at;
        answer_for_a_while(b, 700000);
        if (written(b, "write enable ", -1) != 0 || written(b, "write max_current ", -1) != 60)
            fail_msg("allocation %ld: %s", fail_at, buf_string(&b->said));
        assert_false(timer_is_active(&b->charger->timer) && b->charger->armed_ms < b->now_ms);
        clean_up(&fixture);
    }
    assert_true(fail_at > 5);
}

static void a_charger_that_does_not_fit_into_memory_is_none(void **state)
{
    struct bench *b = *state;
    AUTO_FREE char *text = read_profile("demo-modbus-ac22");
    use(b, text);
    struct charger *charger = NULL;
    for (long fail_at = 1; !charger; fail_at++) {
        count_from_now(fail_at);
        charger = charger_new(&b->env, b->profile, &events, b);
        memory.counting = false;
        assert_int_equal(charger != NULL, memory.count < fail_at);
    }
    charger_free(charger);
}

/* ---- how much ---- */

static void a_poll_allocates_nothing(void **state)
{
    struct bench *b = *state;
    ac22(b);
    count_from_now(0);
    for (int i = 0; i < 1000; i++) {
        set(b, "cp_state", 1);
        set(b, "power", i);
        set(b, "energy", 1000 + i);
        set_text(b, "tag", "");
        charger_device_events.on_batch(b->charger);
        b->now_ms += 500;
    }
    memory.counting = false;
    assert_int_equal(memory.count, 0);
}

static void a_thousand_chargers_fit_into_a_few_megabytes(void **state)
{
    enum { CHARGERS = 1000 };
    struct bench *b = *state;
    AUTO_FREE char *text = read_profile("demo-modbus-ac22");
    struct charger **chargers = calloc(CHARGERS, sizeof(struct charger *));
    struct device **devices = calloc(CHARGERS, sizeof(struct device *));
    struct loop loop;
    use(b, text);
    assert_int_equal(loop_init(&loop), 0);
    const struct modbus_bus_settings settings = { .name = "bus", .host = "127.0.0.1", .port = 1 };
    struct modbus_bus *bus = modbus_bus_new(&loop, &settings);
    count_from_now(0);
    for (size_t i = 0; i < CHARGERS; i++)
        assert_non_null(chargers[i] = charger_new(&b->env, b->profile, &events, b));
    size_t charger_bytes = memory.bytes / CHARGERS;
    count_from_now(0);
    for (size_t i = 0; i < CHARGERS; i++)
        assert_non_null(devices[i] =
                            modbus_device_new(bus, (int)(i % 247) + 1, b->profile, &b->profile->modbus,
                                              &charger_device_events, chargers[i]));
    size_t device_bytes = memory.bytes / CHARGERS;
    memory.counting = false;
    print_message("a charger takes %zu bytes, its device %zu\n", charger_bytes, device_bytes);
    assert_true(charger_bytes < 3072);
    assert_true(device_bytes < 2560);
    for (size_t i = 0; i < CHARGERS; i++) {
        modbus_device_ops.free(devices[i]);
        charger_free(chargers[i]);
    }
    modbus_bus_free(bus);
    loop_done(&loop);
    free(devices);
    free(chargers);
}

int main(void)
{
    log_set_level(LOG_CHARGER, LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_there_is_no_memory_for_is_refused_whole),
        cmocka_unit_test(a_charger_short_of_memory_still_stops_and_keeps_the_limit),
        TEST(a_charger_that_does_not_fit_into_memory_is_none),
        TEST(a_poll_allocates_nothing),
        TEST(a_thousand_chargers_fit_into_a_few_megabytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
