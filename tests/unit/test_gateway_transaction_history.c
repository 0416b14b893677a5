/* What the history is told of a station's records, and that a power cut takes nothing from it for long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/str.h"
#include "gateway/transaction_history.h"
#include "support/scratch.h"

#define STARTED                                                                                              \
    "{\"eventType\":\"Started\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"triggerReason\":\"Authorized\","    \
    "\"seqNo\":0,\"transactionInfo\":{\"transactionId\":\"t1\",\"chargingState\":\"EVConnected\"},"          \
    "\"evse\":{\"id\":2},\"idToken\":{\"idToken\":\"04A1B2C3D4E5F6\",\"type\":\"ISO14443\"},"                \
    "\"meterValue\":[{\"timestamp\":\"2026-01-01T00:00:00Z\",\"sampledValue\":[{\"value\":1000}]}]}"
#define UPDATED                                                                                              \
    "{\"eventType\":\"Updated\",\"timestamp\":\"2026-01-01T00:01:00Z\",\"triggerReason\":"                   \
    "\"MeterValuePeriodic\",\"seqNo\":1,\"transactionInfo\":{\"transactionId\":\"t1\",\"chargingState\":"    \
    "\"Charging\"},\"meterValue\":[{\"timestamp\":\"2026-01-01T00:01:00Z\",\"sampledValue\":[{\"value\":"    \
    "1200}]}]}"
#define ENDED                                                                                                \
    "{\"eventType\":\"Ended\",\"timestamp\":\"2026-01-01T00:02:00Z\",\"triggerReason\":\"StopAuthorized\","  \
    "\"seqNo\":2,\"transactionInfo\":{\"transactionId\":\"t1\",\"chargingState\":\"Idle\","                  \
    "\"stoppedReason\":\"MasterPass\"},\"idToken\":{\"idToken\":\"MASTER\",\"type\":\"Central\"},"           \
    "\"meterValue\":[{\"timestamp\":\"2026-01-01T00:02:00Z\",\"sampledValue\":[{\"value\":1500.5}]}]}"
#define RECORD                                                                                               \
    "{\"evse\":2,\"seqNo\":2,\"state\":\"Charging\",\"points\":3,\"started\":1767225600000,\"seen\":"        \
    "1767225690000,\"idToken\":{\"idToken\":\"04A1B2C3D4E5F6\",\"type\":\"ISO14443\"},\"register\":1300,"    \
    "\"start\":1000}"

/* ---- reading ---- */

static void an_event_tells_what_stands_in_it(void **state)
{
    struct history_transaction told = { .energy_first_Wh = NAN, .energy_last_Wh = NAN };
    AUTO(json_t) *event = transaction_history_read_event("", ENDED, &told);
    (void)state;
    assert_non_null(event);
    assert_string_equal(told.id, "t1");
    assert_int_equal(told.sequence, 2);
    assert_int_equal(told.evse, 0);
    assert_int_equal(told.started_ms, 0);
    assert_int_equal(told.ended_ms, 1767225720000);
    assert_int_equal(told.updated_ms, 1767225720000);
    assert_string_equal(told.stopped_reason, "MasterPass");
    assert_string_equal(told.charging_state, "Idle");
    assert_string_equal(told.id_token, ""); /* the one who stops it is another */
    assert_true(told.energy_last_Wh == 1500.5);
}

static void a_record_tells_the_whole_transaction(void **state)
{
    struct history_transaction told = { .energy_first_Wh = NAN, .energy_last_Wh = NAN };
    AUTO(json_t) *record = transaction_history_read_record("t1", RECORD, &told);
    (void)state;
    assert_non_null(record);
    assert_string_equal(told.id, "t1");
    assert_int_equal(told.sequence, 1);
    assert_int_equal(told.evse, 2);
    assert_int_equal(told.started_ms, 1767225600000);
    assert_int_equal(told.ended_ms, 0);
    assert_int_equal(told.updated_ms, 1767225690000);
    assert_string_equal(told.id_token, "..E5F6");
    assert_string_equal(told.id_token_type, "ISO14443");
    assert_true(told.energy_first_Wh == 1000 && told.energy_last_Wh == 1300);
}

static void texts_that_tell_nothing_are_none(void **state)
{
    struct history_transaction told = { .energy_first_Wh = NAN };
    (void)state;
    assert_null(transaction_history_read_event("", "{", &told));
    assert_null(transaction_history_read_record("t1", "{", &told));
    assert_null(transaction_history_read_record("t1", "{\"evse\":1,\"seqNo\":0}", &told));
}

static void tokens_are_shown_as_the_log_shows_them(void **state)
{
    static const struct {
        const char *value, *type, *shown;
    } rows[] = {
        { "04A1B2C3D4E5F6", "ISO14443", "..E5F6" },
        { "12345", "eMAID", "..2345" },
        { "12", "Central", "..12" },
        { "1234", "KeyCode", "hidden" },
        { "", "NoAuthorization", "" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[256];
        struct history_transaction told = { .energy_first_Wh = NAN };
        (void)snprintf(text, sizeof(text),
                       "{\"eventType\":\"Started\",\"idToken\":{\"idToken\":\"%s\",\"type\":\"%s\"}}",
                       rows[i].value, rows[i].type);
        AUTO(json_t) *event = transaction_history_read_event("", text, &told);
        assert_non_null(event);
        assert_string_equal(told.id_token, rows[i].shown);
        assert_string_equal(told.id_token_type, rows[i].type);
    }
}

static void energy_is_the_register_of_the_outlet_in_Wh(void **state)
{
    static const struct {
        const char *samples;
        double first, last;
    } rows[] = {
        { "{\"value\":10}, {\"value\":30}, {\"value\":20}", 10, 30 },
        { "{\"value\":10,\"measurand\":\"Energy.Active.Import.Register\",\"unitOfMeasure\":{\"unit\":\"kWh\"}"
          "}",
          10000, 10000 },
        { "{\"value\":10,\"unitOfMeasure\":{\"multiplier\":2}}", 1000, 1000 },
        { "{\"value\":15,\"unitOfMeasure\":{\"unit\":\"kWh\",\"multiplier\":-1}}", 1500, 1500 },
        { "{\"value\":0}", 0, 0 },
        { "{\"value\":10,\"measurand\":\"Energy.Active.Export.Register\"}", NAN, NAN },
        { "{\"value\":10,\"measurand\":\"Power.Active.Import\"}, {\"value\":7}", 7, 7 },
        { "{\"value\":10,\"phase\":\"L1\"}, {\"value\":10,\"location\":\"Inlet\"}", NAN, NAN },
        { "{\"value\":10,\"location\":\"Outlet\"}", 10, 10 },
        { "{\"value\":\"10\"}", NAN, NAN },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char text[512];
        struct history_transaction told = { .energy_first_Wh = NAN, .energy_last_Wh = NAN };
        (void)snprintf(text, sizeof(text), "{\"meterValue\":[{\"sampledValue\":[%s]}]}", rows[i].samples);
        AUTO(json_t) *event = transaction_history_read_event("", text, &told);
        assert_non_null(event);
        if (isnan(rows[i].first))
            assert_true(isnan(told.energy_first_Wh) && isnan(told.energy_last_Wh));
        else
            assert_true(told.energy_first_Wh == rows[i].first && told.energy_last_Wh == rows[i].last);
    }
}

/* ---- with a store and a history ---- */

struct bench {
    char directory[64], path[96], history_path[96];
    struct loop loop;
    struct store *store;
    struct history *history;
    struct transaction_history told;
    int err; /* what the store is to have answered */
    int answers, wanted, records;
    json_t *page;
};

static void open_all(struct bench *b)
{
    char text[256];
    assert_int_equal(store_open(&b->loop, b->path, text, sizeof(text), &b->store), 0);
    assert_int_equal(history_open(&b->loop, b->history_path, &b->history), 0);
    transaction_history_init(&b->told, b->history, b->store, "CS1");
}

static void close_all(struct bench *b)
{
    transaction_history_done(&b->told);
    store_forget(b->store, b);
    history_close(b->history);
    store_close(b->store);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    (void)snprintf(b->directory, sizeof(b->directory), "/tmp/test_tx_history.XXXXXX");
    assert_non_null(mkdtemp(b->directory));
    (void)snprintf(b->path, sizeof(b->path), "%s/gateway.db", b->directory);
    (void)snprintf(b->history_path, sizeof(b->history_path), "%s/history.db", b->directory);
    assert_int_equal(loop_init(&b->loop), 0);
    open_all(b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    close_all(b);
    loop_done(&b->loop);
    scratch_remove(b->directory);
    json_decref(b->page);
    free(b);
    return 0;
}

static void on_written(void *ctx, int err)
{
    struct bench *b = ctx;
    assert_int_equal(err, 0);
    transaction_history_on_written(&b->told, b->err);
    b->answers++;
    if (b->answers == b->wanted)
        loop_stop(&b->loop);
}

static void write_batch(struct bench *b, const char *place, const char *event, const char *record)
{
    const struct record records[] = { { RECORD_EVENT, place, event }, { RECORD_TRANSACTION, "t1", record } };
    assert_int_equal(transaction_history_write(&b->told, records, 2, on_written, b), 0);
}

static void wait_for_store(struct bench *b)
{
    b->wanted = b->answers + 1;
    loop_run(&b->loop);
}

static void on_found(void *ctx, int err, json_t *page)
{
    struct bench *b = ctx;
    assert_int_equal(err, 0);
    json_decref(b->page);
    b->page = page;
    loop_stop(&b->loop);
}

/* The one transaction; NULL: there is none. */
static const json_t *find(struct bench *b)
{
    struct history_filter filter = { .limit = 10 };
    assert_int_equal(history_find_transactions(b->history, &filter, on_found, b), 0);
    loop_run(&b->loop);
    assert_true(json_get_int(b->page, "total", -1) <= 1);
    return json_array_get(json_object_get(b->page, "items"), 0);
}

static void count_record(void *ctx, enum record_kind kind, const char *key, const char *value)
{
    struct bench *b = ctx;
    if (kind == RECORD_HISTORY) {
        if (str_equal(key, "event/3"))
            assert_string_equal(value, ENDED);
        else
            assert_true(str_equal(key, "record/t1") && str_equal(value, RECORD));
        b->records++;
    }
}

static int count_ends(struct bench *b)
{
    b->records = 0;
    assert_int_equal(store_read(b->store, "CS1", count_record, b), 0);
    return b->records;
}

static void on_restored(void *ctx, enum record_kind kind, const char *key, const char *value)
{
    struct bench *b = ctx;
    transaction_history_restore(&b->told, kind, key, value);
}

static void restart(struct bench *b)
{
    close_all(b);
    open_all(b);
    assert_int_equal(store_read(b->store, "CS1", on_restored, b), 0);
}

static void lose_history(struct bench *b)
{
    close_all(b);
    assert_int_equal(unlink(b->history_path), 0);
    open_all(b);
    assert_int_equal(store_read(b->store, "CS1", on_restored, b), 0);
}

static void check_ended(const json_t *item)
{
    assert_non_null(item);
    assert_string_equal(json_get_string(item, "state", ""), "ended");
    assert_string_equal(json_get_string(item, "endedAt", ""), "2026-01-01T00:02:00.000Z");
    assert_string_equal(json_get_string(item, "stoppedReason", ""), "MasterPass");
    assert_true(json_get_number(item, "energyEndWh", 0) == 1500.5);
}

static void a_session_goes_from_the_records_to_the_history(void **state)
{
    struct bench *b = *state;
    write_batch(b, "1", STARTED, RECORD);
    write_batch(b, "2", UPDATED, RECORD);
    b->wanted = 2;
    loop_run(&b->loop);
    const json_t *item = find(b);
    assert_string_equal(json_get_string(item, "state", ""), "running");
    assert_string_equal(json_get_string(item, "idToken", ""), "..E5F6");
    assert_int_equal(json_get_int(item, "evse", 0), 2);
    assert_true(json_get_number(item, "energyWh", 0) == 200);
    const struct record between = { RECORD_TRANSACTION, "t1", RECORD };
    assert_int_equal(transaction_history_write(&b->told, &between, 1, on_written, b), 0);
    wait_for_store(b);
    assert_true(json_get_number(find(b), "energyWh", 0) == 300);
    write_batch(b, "3", ENDED, NULL);
    wait_for_store(b);
    item = find(b);
    check_ended(item);
    assert_string_equal(json_get_string(item, "idToken", ""), "..E5F6");
    assert_string_equal(json_get_string(item, "startedAt", ""), "2026-01-01T00:00:00.000Z");
    assert_true(json_get_number(item, "energyWh", 0) == 500.5);
    while (count_ends(b) > 0) /* the answer of the history comes by the loop */
        uv_run(&b->loop.uv, UV_RUN_ONCE);
}

static void what_the_store_did_not_take_is_not_told(void **state)
{
    struct bench *b = *state;
    b->err = -ENOSPC;
    write_batch(b, "1", STARTED, RECORD);
    wait_for_store(b);
    assert_null(find(b));
    b->err = 0;
    write_batch(b, "1", STARTED, RECORD);
    wait_for_store(b);
    assert_non_null(find(b));
}

/* The CSMS had acknowledged the last event, so the store has nothing else of the transaction. */
static void the_end_is_told_after_a_power_cut_though_its_event_is_gone(void **state)
{
    struct bench *b = *state;
    write_batch(b, "3", ENDED, NULL);
    const struct record acknowledged = { RECORD_EVENT, "3", NULL };
    assert_int_equal(store_write(b->store, "CS1", &acknowledged, 1, NULL, NULL), 0);
    assert_int_equal(count_ends(b), 1); /* committed; the history was told nothing yet */
    restart(b);
    check_ended(find(b));
    while (count_ends(b) > 0)
        uv_run(&b->loop.uv, UV_RUN_ONCE);
    restart(b);
    check_ended(find(b));
}

/* All of it happened after the last group that the history wrote. */
static void a_short_transaction_is_told_as_a_whole_after_a_power_cut(void **state)
{
    struct bench *b = *state;
    const struct record acknowledged[] = { { RECORD_EVENT, "1", NULL }, { RECORD_EVENT, "3", NULL } };
    write_batch(b, "1", STARTED, RECORD);
    wait_for_store(b);
    write_batch(b, "3", ENDED, NULL);
    wait_for_store(b);
    assert_int_equal(store_write(b->store, "CS1", acknowledged, 2, NULL, NULL), 0);
    assert_int_equal(count_ends(b), 2);
    for (int cut = 0; cut < 3; cut++) { /* the store is as it was, however often the power fails */
        lose_history(b);
        assert_int_equal(count_ends(b), 2);
    }
    const json_t *item = find(b);
    check_ended(item);
    assert_int_equal(json_get_int(item, "evse", 0), 2);
    assert_string_equal(json_get_string(item, "idToken", ""), "..E5F6");
    assert_string_equal(json_get_string(item, "startedAt", ""), "2026-01-01T00:00:00.000Z");
    assert_true(json_get_number(item, "energyWh", 0) == 500.5);
    while (count_ends(b) > 0)
        uv_run(&b->loop.uv, UV_RUN_ONCE);
}

static void a_lost_history_has_the_running_transaction_after_a_restart(void **state)
{
    struct bench *b = *state;
    write_batch(b, "1", STARTED, RECORD);
    wait_for_store(b);
    const struct record acknowledged = { RECORD_EVENT, "1", NULL };
    assert_int_equal(store_write(b->store, "CS1", &acknowledged, 1, NULL, NULL), 0);
    lose_history(b);
    const json_t *item = find(b);
    assert_string_equal(json_get_string(item, "startedAt", ""), "2026-01-01T00:00:00.000Z");
    assert_string_equal(json_get_string(item, "idToken", ""), "..E5F6");
    assert_true(json_get_number(item, "energyWh", 0) == 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_tells_what_stands_in_it),
        cmocka_unit_test(a_record_tells_the_whole_transaction),
        cmocka_unit_test(texts_that_tell_nothing_are_none),
        cmocka_unit_test(tokens_are_shown_as_the_log_shows_them),
        cmocka_unit_test(energy_is_the_register_of_the_outlet_in_Wh),
        cmocka_unit_test_setup_teardown(a_session_goes_from_the_records_to_the_history, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_store_did_not_take_is_not_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_is_told_after_a_power_cut_though_its_event_is_gone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_short_transaction_is_told_as_a_whole_after_a_power_cut, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_lost_history_has_the_running_transaction_after_a_restart, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
