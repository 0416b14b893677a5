/* The history on a real file: what texts tell laid over each other, searches, what is kept, wrong files, a full disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "store/history.h"
#include "store/history_rows.h"
#include "support/scratch.h"

#define T0 1767225600000 /* 2026-01-01T00:00:00Z */

struct bench {
    char directory[64], path[96];
    struct loop loop;
    struct history *history;
    int written, errors, found, err, wanted;
    char last_written[64];
    json_t *page;
    int log_errors;
    char log[512];
};

static void on_line(void *ctx, const struct log_line *said)
{
    struct bench *b = ctx;
    if (strstr(said->line, "error")) {
        b->log_errors++;
        (void)str_copy(b->log, sizeof(b->log), said->line);
    }
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    (void)snprintf(b->directory, sizeof(b->directory), "/tmp/test_history.XXXXXX");
    assert_non_null(mkdtemp(b->directory));
    (void)snprintf(b->path, sizeof(b->path), "%s/history.db", b->directory);
    assert_int_equal(loop_init(&b->loop), 0);
    assert_int_equal(history_open(&b->loop, b->path, &b->history), 0);
    log_set_follower(on_line, b);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    history_close(b->history);
    loop_done(&b->loop);
    log_set_follower(NULL, NULL);
    scratch_remove(b->directory);
    json_decref(b->page);
    free(b);
    return 0;
}

static void reopen(struct bench *b)
{
    history_close(b->history);
    assert_int_equal(history_open(&b->loop, b->path, &b->history), 0);
}

/* A text of these tests: {"seq": 3, "evse": 1, "start": ms after T0, ...} */
static json_t *read_text(const char *id, const char *text, struct history_transaction *ret)
{
    json_t *told = json_from_text(text, strlen(text));
    if (!json_is_object(told)) {
        json_decref(told);
        return NULL;
    }
    ret->id = id;
    ret->sequence = json_get_int(told, "seq", 0);
    ret->evse = (int)json_get_int(told, "evse", 0);
    (void)str_copy(ret->id_token, sizeof(ret->id_token), json_get_string(told, "token", ""));
    ret->id_token_type = json_get_string(told, "type", NULL);
    ret->started_ms = json_get_int(told, "start", -T0) + T0;
    ret->ended_ms = json_get_int(told, "end", -T0) + T0;
    ret->updated_ms = T0 + json_get_int(told, "at", 0);
    ret->energy_first_Wh = json_get_number(told, "first", NAN);
    ret->energy_last_Wh = json_get_number(told, "last", NAN);
    ret->stopped_reason = json_get_string(told, "reason", NULL);
    ret->charging_state = json_get_string(told, "state", NULL);
    return told;
}

static void on_written(void *ctx, const char *id, int err)
{
    struct bench *b = ctx;
    b->written++;
    b->errors += err < 0;
    (void)str_copy(b->last_written, sizeof(b->last_written), id);
    if (b->written == b->wanted)
        loop_stop(&b->loop);
}

/* Quotes are single ones, to be read more easily. */
static int put_with(struct bench *b, const char *id, const char *text, history_written written)
{
    char quoted[512];
    (void)str_copy(quoted, sizeof(quoted), text);
    for (char *at = quoted; (at = strchr(at, '\''));)
        *at = '"';
    struct history_note *note =
        history_note_new(&(struct history_text){ "CS1", id, quoted, read_text, written, b });
    assert_non_null(note);
    return history_put(b->history, note);
}

static void put(struct bench *b, const char *id, const char *text)
{
    assert_int_equal(put_with(b, id, text, NULL), 0);
}

static void on_found(void *ctx, int err, json_t *page)
{
    struct bench *b = ctx;
    json_decref(b->page);
    b->page = page;
    b->err = err;
    b->found++;
    loop_stop(&b->loop);
}

static struct history_filter all(void)
{
    return (struct history_filter){ .limit = 100 };
}

static json_t *find(struct bench *b, const struct history_filter *filter)
{
    assert_int_equal(history_find_transactions(b->history, filter, on_found, b), 0);
    loop_run(&b->loop);
    assert_int_equal(b->err, 0);
    return json_object_get(b->page, "items");
}

static json_t *only(struct bench *b)
{
    struct history_filter filter = all();
    json_t *items = find(b, &filter);
    assert_int_equal(json_array_size(items), 1);
    return json_array_get(items, 0);
}

static json_t *find_audit(struct bench *b, const struct history_filter *filter)
{
    assert_int_equal(history_find_audit(b->history, filter, on_found, b), 0);
    loop_run(&b->loop);
    assert_int_equal(b->err, 0);
    return json_object_get(b->page, "items");
}

static int total(const struct bench *b)
{
    return (int)json_get_int(b->page, "total", -1);
}

/* ---- transactions ---- */

static void a_whole_transaction_is_there_after_a_restart(void **state)
{
    struct bench *b = *state;
    put(b, "t1",
        "{'seq': 0, 'evse': 2, 'start': 0, 'at': 0, 'token': '..E5F6', 'type': 'ISO14443', 'state': "
        "'EVConnected', 'first': 1000.1, 'last': 1000.1}");
    put(b, "t1", "{'seq': 1, 'at': 60000, 'state': 'Charging', 'first': 1500, 'last': 1500}");
    put(b, "t1", "{'seq': 2, 'at': 90500, 'end': 90500, 'state': 'Idle', 'last': 2000.3, 'reason': 'Local'}");
    reopen(b);
    json_t *item = only(b);
    AUTO(json_t) *expected = json_pack(
        "{s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:i, s:s, s:s, s:s}", "station", "CS1", "id",
        "t1", "evse", 2, "idToken", "..E5F6", "idTokenType", "ISO14443", "startedAt",
        "2026-01-01T00:00:00.000Z", "endedAt", "2026-01-01T00:01:30.500Z", "updatedAt",
        "2026-01-01T00:01:30.500Z", "energyStartWh", 1000.1, "energyEndWh", 2000.3, "energyWh", 1000.2,
        "durationSeconds", 90, "stoppedReason", "Local", "chargingState", "Idle", "state", "ended");
    assert_true(json_equal(item, expected));
}

static void what_is_not_known_is_left_out(void **state)
{
    struct bench *b = *state;
    put(b, "t1", "{'seq': 4, 'at': 1000}");
    json_t *item = only(b);
    AUTO(json_t) *expected = json_pack("{s:s, s:s, s:s, s:s}", "station", "CS1", "id", "t1", "updatedAt",
                                       "2026-01-01T00:00:01.000Z", "state", "running");
    assert_true(json_equal(item, expected));
}

/* After a power cut all that the store still has is told again. */
static void telling_again_changes_nothing_in_any_order(void **state)
{
    static const char *const texts[] = {
        "{'seq': 0, 'at': 0, 'start': 0, 'evse': 1, 'token': '..1111', 'type': 'Central', 'state': "
        "'EVConnected', 'first': 10, 'last': 10}",
        "{'seq': 1, 'at': 1000, 'state': 'Charging', 'first': 20, 'last': 20}",
        "{'seq': 2, 'at': 2000, 'state': 'SuspendedEV', 'first': 30, 'last': 30}",
        "{'seq': 3, 'at': 3000, 'end': 3000, 'state': 'Idle', 'first': 10, 'last': 40, 'reason': "
        "'EVDisconnected'}",
    };
    static const int orders[][8] = { { 0, 1, 2, 3, 0, 1, 2, 3 },
                                     { 3, 2, 1, 0, 3, 2, 1, 0 },
                                     { 0, 1, 2, 3, 2, 1, 2, 0 },
                                     { 2, 0, 3, 1, 1, 1, 3, 3 } };
    struct bench *b = *state;
    for (int i = 0; i < 4; i++)
        put(b, "a", texts[i]);
    AUTO(json_t) *expected = json_deep_copy(only(b));
    assert_string_equal(json_get_string(expected, "state", ""), "ended");
    assert_true(json_get_number(expected, "energyWh", 0) == 30);
    for (size_t k = 0; k < ARRAY_SIZE(orders); k++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "b%zu", k);
        for (int i = 0; i < 8; i++)
            put(b, id, texts[orders[k][i]]);
        struct history_filter filter = all();
        (void)str_copy(filter.text, sizeof(filter.text), id);
        json_t *items = find(b, &filter);
        assert_int_equal(json_array_size(items), 1);
        (void)json_object_set_new(json_array_get(items, 0), "id", json_string("a"));
        assert_true(json_equal(json_array_get(items, 0), expected));
    }
}

static void times_that_a_set_clock_moved_replace_the_wrong_ones(void **state)
{
    struct bench *b = *state;
    put(b, "t1", "{'seq': 0, 'at': 0, 'start': 0}");
    put(b, "t1", "{'seq': 1, 'at': 60000, 'end': 60000}");
    put(b, "t1", "{'seq': 0, 'at': 86400000, 'start': 86400000}");
    put(b, "t1", "{'seq': 1, 'at': 86460000, 'end': 86460000}");
    json_t *item = only(b);
    assert_string_equal(json_get_string(item, "startedAt", ""), "2026-01-02T00:00:00.000Z");
    assert_string_equal(json_get_string(item, "endedAt", ""), "2026-01-02T00:01:00.000Z");
    struct history_filter filter = all();
    filter.since_ms = T0 + 86400000;
    assert_int_equal(json_array_size(find(b, &filter)), 1);
}

static void a_text_that_cannot_be_read_spoils_no_other(void **state)
{
    struct bench *b = *state;
    put(b, "t1", "{'seq': 0, 'at': 0}");
    put(b, "t2", "no json");
    put(b, "", "{'seq': 0, 'at': 0}");
    assert_string_equal(json_get_string(only(b), "id", ""), "t1");
}

static void who_waits_is_told_when_it_is_on_the_disk(void **state)
{
    struct bench *b = *state;
    b->wanted = 2;
    assert_int_equal(put_with(b, "t1", "{'seq': 0}", on_written), 0);
    assert_int_equal(put_with(b, "t2", "{'seq': 0}", on_written), 0);
    assert_int_equal(b->written, 0);
    loop_run(&b->loop);
    assert_int_equal(b->errors, 0);
    assert_string_equal(b->last_written, "t2");
    sqlite3 *db;
    sqlite3_stmt *count;
    assert_int_equal(sqlite3_open_v2(b->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM session", -1, &count, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(count), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(count, 0), 2);
    (void)sqlite3_finalize(count);
    (void)sqlite3_close(db);
}

static void who_is_forgotten_hears_nothing(void **state)
{
    struct bench *b = *state;
    struct history_filter filter = all();
    assert_int_equal(put_with(b, "t1", "{'seq': 0}", on_written), 0);
    assert_int_equal(history_find_transactions(b->history, &filter, on_found, b), 0);
    history_forget(b->history, b);
    history_close(b->history);
    b->history = NULL;
    assert_int_equal(b->written + b->found, 0);
}

/* ---- searches ---- */

static void put_many(struct bench *b, int count)
{
    for (int i = 0; i < count; i++) {
        char id[32], text[256];
        (void)snprintf(id, sizeof(id), "t%04d", i);
        (void)snprintf(text, sizeof(text),
                       "{'seq': 1, 'evse': %d, 'at': %d, 'start': %d, 'token': '..%04d', 'reason': '%s'%s}",
                       i % 3 + 1, i * 1000, i * 1000, i, i % 2 ? "Local" : "Remote",
                       i % 10 ? ", 'end': 9999000" : "");
        put(b, id, text);
    }
}

static void filters_let_through_what_they_say(void **state)
{
    static const struct {
        const char *name;
        struct history_filter filter;
        int total;
        const char *first;
    } rows[] = {
        { "all", { .limit = 3 }, 100, "t0099" },
        { "station", { .station = "CS1", .limit = 3 }, 100, "t0099" },
        { "another station", { .station = "CS2", .limit = 3 }, 0, NULL },
        { "part of a station's name", { .station = "CS", .limit = 3 }, 0, NULL },
        { "evse", { .evse = 1, .limit = 3 }, 34, "t0099" },
        { "running", { .state = "running", .limit = 3 }, 10, "t0090" },
        { "ended", { .state = "ended", .limit = 3 }, 90, "t0099" },
        { "since", { .since_ms = T0 + 90000, .limit = 3 }, 10, "t0099" },
        { "until", { .until_ms = T0 + 90000, .limit = 3 }, 90, "t0089" },
        { "between", { .since_ms = T0 + 20000, .until_ms = T0 + 30000, .limit = 3 }, 10, "t0029" },
        { "offset", { .offset = 99, .limit = 3 }, 100, "t0000" },
        { "offset beyond the end", { .offset = 100, .limit = 3 }, 100, NULL },
        { "text in the id", { .text = "T005", .limit = 3 }, 10, "t0059" },
        { "text in the token", { .text = "..0042", .limit = 3 }, 1, "t0042" },
        { "the whole token, of which the end is kept", { .text = "04A1B2C3D40042", .limit = 3 }, 1, "t0042" },
        { "another token", { .text = "04A1B2C3D49942", .limit = 3 }, 0, NULL },
        { "text in the reason", { .text = "remote", .limit = 3 }, 50, "t0098" },
        { "a sign of LIKE", { .text = "%", .limit = 3 }, 0, NULL },
        { "another", { .text = "t_001", .limit = 3 }, 0, NULL },
        { "the sign that escapes", { .text = "\\", .limit = 3 }, 0, NULL },
        { "a quote", { .text = "' OR 1 --", .limit = 3 }, 0, NULL },
        { "all of them",
          { .station = "CS1",
            .evse = 2,
            .state = "running",
            .text = "remote",
            .since_ms = T0 + 1,
            .until_ms = T0 + 80000,
            .limit = 3 },
          3,
          "t0070" },
    };
    struct bench *b = *state;
    put_many(b, 100);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        json_t *items = find(b, &rows[i].filter);
        const char *first = json_get_string(json_array_get(items, 0), "id", NULL);
        if (total(b) != rows[i].total || !str_equal(first ? first : "", rows[i].first ? rows[i].first : ""))
            fail_msg("%s: total %d, first %s", rows[i].name, total(b), first);
        assert_true(json_array_size(items) <= 3);
    }
}

/* It is found by whatever part of it a person has at hand, in upper or lower case. */
static void a_transaction_is_found_by_the_token_it_was_started_with(void **state)
{
    static const struct {
        const char *token, *text;
        bool is_found;
    } rows[] = {
        { "04A1B2C3D4E5F6", "04A1B2C3D4E5F6", true },
        { "04A1B2C3D4E5F6", "04a1b2c3d4e5f6", true },
        { "04A1B2C3D4E5F6", "E5F6", true },
        { "04A1B2C3D4E5F6", "..E5F6", true },
        { "04A1B2C3D4E5F6", "04A1B2C3D4E5F7", false },
        { "04A1B2C3D4E5F6", "04A1B2C3", false },
        { "E5F6", "E5F6", true },
        { "100%", "full100%", true },
        { "100x", "full100%", false },
    };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char kept[HISTORY_TOKEN_SIZE], text[64], id[8];
        history_shorten_token(rows[i].token, kept);
        (void)snprintf(text, sizeof(text), "{'seq': 0, 'at': 0, 'start': 0, 'token': '%s'}", kept);
        (void)snprintf(id, sizeof(id), "t%zu", i);
        put(b, id, text);
        struct history_filter filter = all();
        (void)str_copy(filter.text, sizeof(filter.text), rows[i].text);
        const json_t *items = find(b, &filter), *item;
        bool is_found = false;
        size_t k;
        json_array_foreach(items, k, item) is_found |= str_equal(json_get_string(item, "id", ""), id);
        if (is_found != rows[i].is_found)
            fail_msg("%s by %s: %s", rows[i].token, rows[i].text, is_found ? "found" : "not found");
    }
}

static void pages_follow_each_other_without_gap(void **state)
{
    struct bench *b = *state;
    put_many(b, 100);
    struct history_filter filter = all();
    filter.limit = 7;
    for (int expected = 99; expected >= 0; filter.offset += 7) {
        json_t *items = find(b, &filter);
        for (size_t i = 0; i < json_array_size(items); i++, expected--) {
            char id[16];
            (void)snprintf(id, sizeof(id), "t%04d", expected);
            assert_string_equal(json_get_string(json_array_get(items, i), "id", ""), id);
        }
    }
    filter.offset = 0;
    filter.limit = SIZE_MAX;
    assert_int_equal(json_array_size(find(b, &filter)), 100);
    filter.limit = 0;
    assert_int_equal(json_array_size(find(b, &filter)), 1);
}

static void an_unknown_state_is_refused(void **state)
{
    struct bench *b = *state;
    struct history_filter filter = { .state = "paused", .limit = 1 };
    assert_int_equal(history_find_transactions(b->history, &filter, on_found, b), -EINVAL);
}

static void too_many_searches_are_refused_and_closing_answers_the_others(void **state)
{
    struct bench *b = *state;
    struct history_filter filter = all();
    put_many(b, 2000); /* they keep the thread busy */
    (void)str_copy(filter.text, sizeof(filter.text), "nowhere");
    int taken = 0;
    while (history_find_transactions(b->history, &filter, on_found, b) == 0)
        taken++;
    assert_true(taken >= HISTORY_MAX_SEARCHES && taken < 100000);
    history_close(b->history);
    b->history = NULL;
    assert_int_equal(b->found, taken);
    assert_int_equal(b->err, -ECANCELED);
}

/* ---- the audit log ---- */

static void the_audit_log_is_found_with_its_json(void **state)
{
    struct bench *b = *state;
    const struct history_audit entries[] = {
        { T0, "alice", "admin", "10.0.0.1", "config.put", "gateway.yaml", "{\"a\": 1}", "{\"a\": 2}" },
        { T0 + 1000, "bob", "operator", "10.0.0.2", "request", "CS1", NULL, "no json" },
        { T0 + 2000, "local", "admin", "", "reload", "", NULL, NULL },
    };
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
        assert_int_equal(history_put_audit(b->history, &entries[i]), 0);
    reopen(b);
    struct history_filter filter = all();
    json_t *items = find_audit(b, &filter);
    AUTO(json_t) *expected = json_pack(
        "[{s:i, s:s, s:s, s:s, s:s, s:s, s:s}, {s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s},"
        " {s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:{s:i}, s:{s:i}}]",
        "id", 3, "time", "2026-01-01T00:00:02.000Z", "user", "local", "role", "admin", "peer", "", "action",
        "reload", "target", "", "id", 2, "time", "2026-01-01T00:00:01.000Z", "user", "bob", "role",
        "operator", "peer", "10.0.0.2", "action", "request", "target", "CS1", "after", "no json", "id", 1,
        "time", "2026-01-01T00:00:00.000Z", "user", "alice", "role", "admin", "peer", "10.0.0.1", "action",
        "config.put", "target", "gateway.yaml", "before", "a", 1, "after", "a", 2);
    assert_true(json_equal(items, expected));
    filter = (struct history_filter){ .text = "gateway", .station = "CS9", .evse = 4, .limit = 10 };
    assert_int_equal(json_array_size(find_audit(b, &filter)), 1); /* what is a transaction's does not count */
    filter = (struct history_filter){ .since_ms = T0 + 1000, .until_ms = T0 + 2000, .limit = 10 };
    assert_int_equal(json_array_size(find_audit(b, &filter)), 1);
    assert_int_equal(total(b), 1);
}

/* ---- what is kept ---- */

static void the_newest_are_kept(void **state)
{
    struct bench *b = *state;
    struct history_rows rows = { 0 };
    char text[256];
    history_close(STEAL(b->history));
    assert_int_equal(history_rows_open(&rows, b->path, text, sizeof(text)), 0);
    rows.kept_transactions = 10;
    rows.kept_audit = 4;
    for (int i = 0; i < 25; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "t%d", i);
        struct history_transaction transaction = {
            .id = id, .updated_ms = T0, .energy_first_Wh = NAN, .energy_last_Wh = NAN
        };
        struct history_audit audit = { T0, "u", "r", "p", id, "t", NULL, NULL };
        assert_int_equal(history_rows_begin(&rows), 0);
        assert_int_equal(history_rows_put(&rows, "CS1", &transaction), 0);
        assert_int_equal(history_rows_put(&rows, "CS1", &transaction), 0);
        assert_int_equal(history_rows_put_audit(&rows, &audit), 0);
        assert_int_equal(history_rows_commit(&rows), 0);
    }
    struct history_filter filter = all();
    assert_int_equal(history_rows_find_transactions(&rows, &filter, &b->page), 0);
    assert_int_equal(total(b), 10);
    json_t *items = json_object_get(b->page, "items");
    assert_string_equal(json_get_string(json_array_get(items, 0), "id", ""), "t24");
    assert_string_equal(json_get_string(json_array_get(items, 9), "id", ""), "t15");
    json_decref(b->page);
    assert_int_equal(history_rows_find_audit(&rows, &filter, &b->page), 0);
    assert_int_equal(total(b), 4);
    history_rows_close(&rows);
}

/* ---- the file ---- */

static void the_file_is_for_its_owner_only(void **state)
{
    struct bench *b = *state;
    struct stat status;
    put(b, "t1", "{'seq': 0}");
    (void)only(b);
    assert_int_equal(stat(b->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void write_garbage(const char *path)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        (void)fputs("this is no database ", file);
    (void)fclose(file);
}

static void a_damaged_file_is_set_aside(void **state)
{
    struct bench *b = *state;
    struct stat status;
    char aside[128];
    history_close(b->history);
    write_garbage(b->path);
    assert_int_equal(history_open(&b->loop, b->path, &b->history), 0);
    put(b, "t1", "{'seq': 0}");
    assert_string_equal(json_get_string(only(b), "id", ""), "t1");
    (void)snprintf(aside, sizeof(aside), "%s.broken", b->path);
    assert_int_equal(stat(aside, &status), 0);
    assert_int_equal(status.st_size, 20000);
    assert_int_equal(b->log_errors, 1);
    assert_non_null(strstr(b->log, "damaged"));
    assert_non_null(strstr(b->log, aside));
}

/* Every page but the first, so that it is only seen once rows are read. */
static void damage_inside_is_found_when_it_is_met(void **state)
{
    struct bench *b = *state;
    struct stat status;
    put_many(b, 500);
    history_close(b->history);
    assert_int_equal(stat(b->path, &status), 0);
    assert_true(status.st_size > 65536);
    FILE *file = fopen(b->path, "r+");
    assert_int_equal(fseek(file, 4096, SEEK_SET), 0);
    for (long i = 4096; i < status.st_size; i++)
        (void)fputc('x', file);
    (void)fclose(file);
    assert_int_equal(history_open(&b->loop, b->path, &b->history), 0);
    struct history_filter filter = all();
    assert_int_equal(json_array_size(find(b, &filter)), 0);
    assert_int_equal(b->log_errors, 1);
    put(b, "t1", "{'seq': 0}");
    assert_string_equal(json_get_string(only(b), "id", ""), "t1");
}

static void a_file_of_a_newer_version_is_left_alone(void **state)
{
    struct bench *b = *state;
    sqlite3 *db;
    b->wanted = 1;
    history_close(b->history);
    assert_int_equal(sqlite3_open(b->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 99", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(history_open(&b->loop, b->path, &b->history), 0);
    assert_int_equal(put_with(b, "t1", "{'seq': 0}", on_written), 0);
    loop_run(&b->loop);
    assert_int_equal(b->errors, 1);
    assert_non_null(strstr(b->log, "newer version"));
    struct history_filter filter = all();
    assert_int_equal(history_find_transactions(b->history, &filter, on_found, b), 0);
    loop_run(&b->loop);
    assert_int_equal(b->err, -EPROTO);
    assert_null(b->page);
}

/* RLIMIT_FSIZE stands for a disk that is full: writes beyond it fail. */
static void a_full_disk_is_told_once_and_written_again_with_room(void **state)
{
    struct bench *b = *state;
    struct rlimit limit;
    put(b, "before", "{'seq': 0}");
    (void)only(b);
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    struct rlimit small = { 100, limit.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 3; i++) {
        b->wanted = b->written + 1;
        assert_int_equal(put_with(b, "lost", "{'seq': 0}", on_written), 0);
        loop_run(&b->loop);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(b->errors, 3);
    assert_int_equal(b->log_errors, 1);
    assert_non_null(strstr(b->log, "cannot be written"));
    b->wanted = b->written + 1;
    assert_int_equal(put_with(b, "after", "{'seq': 0}", on_written), 0);
    loop_run(&b->loop);
    assert_int_equal(b->errors, 3);
    struct history_filter filter = all();
    assert_int_equal(json_array_size(find(b, &filter)), 2);
    assert_int_equal(b->log_errors, 1);
}

static void what_is_too_much_is_refused_and_told_once(void **state)
{
    struct bench *b = *state;
    char *large = malloc(8 << 20);
    int refused = 0;
    memset(large, 'x', (8 << 20) - 1);
    large[(8 << 20) - 1] = '\0';
    for (int i = 0; i < 12; i++) {
        struct history_text text = { "CS1", "t1", large, read_text, NULL, NULL };
        refused += history_put(b->history, history_note_new(&text)) == -ENOBUFS;
    }
    assert_true(refused >= 4); /* they are read within a second, not at once */
    assert_int_equal(b->log_errors, 1);
    free(large);
}

/* The child writes and tells each note that is on the disk by a byte in a pipe, until it is killed. */
static void kill_9_loses_nothing_that_was_told_to_be_written(void **state)
{
    struct bench *b = *state;
    int pipe_ends[2];
    history_close(STEAL(b->history));
    loop_done(&b->loop);
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    if (child == 0) {
        if (loop_init(&b->loop) < 0 || history_open(&b->loop, b->path, &b->history) < 0)
            _exit(1);
        for (int i = 0; i < 100000; i++) {
            char id[16];
            struct history_filter filter = all();
            (void)snprintf(id, sizeof(id), "t%d", i);
            put(b, id, "{'seq': 0}");
            (void)find(b, &filter); /* does not let it wait for others */
            if (write(pipe_ends[1], "x", 1) != 1)
                _exit(1);
        }
        _exit(0);
    }
    char byte;
    (void)close(pipe_ends[1]);
    for (int i = 0; i < 50; i++)
        assert_int_equal(read(pipe_ends[0], &byte, 1), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    int told = 50;
    while (read(pipe_ends[0], &byte, 1) == 1)
        told++;
    (void)close(pipe_ends[0]);
    assert_int_equal(loop_init(&b->loop), 0);
    assert_int_equal(history_open(&b->loop, b->path, &b->history), 0);
    struct history_filter filter = all();
    (void)find(b, &filter);
    assert_true(total(b) >= told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_whole_transaction_is_there_after_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_known_is_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(telling_again_changes_nothing_in_any_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(times_that_a_set_clock_moved_replace_the_wrong_ones, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_text_that_cannot_be_read_spoils_no_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_waits_is_told_when_it_is_on_the_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_is_forgotten_hears_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(filters_let_through_what_they_say, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_transaction_is_found_by_the_token_it_was_started_with, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(pages_follow_each_other_without_gap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_state_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_searches_are_refused_and_closing_answers_the_others, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_audit_log_is_found_with_its_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_newest_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_file_is_for_its_owner_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_set_aside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_inside_is_found_when_it_is_met, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_of_a_newer_version_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_once_and_written_again_with_room, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_too_much_is_refused_and_told_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kill_9_loses_nothing_that_was_told_to_be_written, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
