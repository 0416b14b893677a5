/* The ring of events: numbers, filters, what is lost, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "base/str.h"
#include "manage/feed.h"
#include "support/short_memory.h"

#define WALL_MS 1767225600000 /* 2026-01-01T00:00:00Z */
#define FIRST   (WALL_MS * 1000ull)
#define BYTES   65536u
#define ALL     ((1u << FEED_TYPES) - 1)

struct bench {
    struct env env;
    struct feed *feed;
    struct buf out;
    int64_t wall_ms;
    int told;
};

static int64_t wall_of(void *ctx)
{
    return ((struct bench *)ctx)->wall_ms;
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    b->wall_ms = WALL_MS;
    b->env = (struct env){ b, wall_of, wall_of, NULL, NULL };
    b->feed = feed_new(&b->env, BYTES);
    assert_non_null(b->feed);
    buf_init(&b->out, 8u << 20);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    memory.counting = false;
    feed_free(b->feed);
    buf_done(&b->out);
    free(b);
    return 0;
}

static void add(struct bench *b, enum feed_type type, const char *station, const char *text)
{
    feed_add_text(b->feed, type, station, text, strlen(text));
}

/* What is printed from number `from` on. */
static const char *printed(struct bench *b, const struct feed_filter *filter, uint64_t from,
                           uint64_t *ret_next)
{
    b->out.len = 0;
    *ret_next = feed_print_sse(b->feed, filter, from, 1u << 20, &b->out);
    return buf_string(&b->out);
}

/* The numbers listed, the first of the feed being 0: "2 1 0". */
static void assert_listed(struct bench *b, const struct feed_filter *filter, uint64_t before, size_t limit,
                          const char *expected, uint64_t expected_before)
{
    char text[256] = "";
    AUTO(json_t) *list = feed_list(b->feed, filter, &before, limit);
    const json_t *item;
    size_t index;
    json_array_foreach(list, index, item)
    {
        size_t len = strlen(text);
        (void)snprintf(text + len, sizeof(text) - len, "%s%lld", index ? " " : "",
                       (long long)(json_get_int(item, "id", 0) - (int64_t)FIRST));
    }
    assert_string_equal(text, expected);
    assert_int_equal(before, expected_before);
}

static void numbers_begin_where_no_earlier_run_came_to(void **state)
{
    struct bench *b = *state;
    assert_int_equal(feed_next_id(b->feed), FIRST);
    assert_int_equal(feed_first_id(b->feed), FIRST);
    for (int i = 0; i < 3; i++)
        add(b, FEED_LOG, "", "{}");
    assert_int_equal(feed_first_id(b->feed), FIRST);
    assert_int_equal(feed_next_id(b->feed), FIRST + 3);
}

static void events_are_told_in_order_with_number_type_and_data(void **state)
{
    struct bench *b = *state;
    const struct feed_filter all = { .types = ALL };
    uint64_t next;
    AUTO(json_t) *event = json_pack("{s:i}", "a", 1);
    feed_add(b->feed, FEED_SCAN, "", event);
    feed_add(b->feed, FEED_SCAN, "", NULL); /* which was not made, for want of memory */
    add(b, FEED_POWER, "", "{\"b\":2}");
    assert_string_equal(printed(b, &all, FIRST, &next),
                        "id: 1767225600000000\nevent: scan\ndata: {\"a\":1}\n\n"
                        "id: 1767225600000001\nevent: power\ndata: {\"b\":2}\n\n");
    assert_int_equal(next, FIRST + 2);
    assert_string_equal(printed(b, &all, next, &next), "");
    assert_int_equal(next, FIRST + 2);
}

static void moments_have_their_time_in_the_stream(void **state)
{
    struct bench *b = *state;
    static const enum feed_type types[] = { FEED_FRAME, FEED_WRITE, FEED_LOG, FEED_STATION };
    const struct feed_filter all = { .types = ALL };
    uint64_t next = FIRST;
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        add(b, types[i], "", "{\"a\":1}");
        assert_non_null(strstr(printed(b, &all, next, &next),
                               "data: {\"time\":\"2026-01-01T00:00:00.000Z\",\"a\":1}\n\n"));
    }
    add(b, FEED_LOG, "", "{}");
    assert_non_null(strstr(printed(b, &all, next, &next), "data: {}\n\n"));
}

static void types_are_read_from_names(void **state)
{
    (void)state;
    static const struct {
        const char *names;
        int result;
        unsigned types;
    } rows[] = {
        { "", 0, ALL & ~(1u << FEED_POINT) },
        { "frame", 0, 1u << FEED_FRAME },
        { "frame,log", 0, 1u << FEED_FRAME | 1u << FEED_LOG },
        { "station,signals,point,frame,write,log,power,scan", 0, ALL },
        { "log,log", 0, 1u << FEED_LOG },
        { "fram", -EINVAL, 0 },
        { "frames", -EINVAL, 0 },
        { "frame,,log", -EINVAL, 0 },
        { ",", -EINVAL, 0 },
        { "frame, log", -EINVAL, 0 },
        { "FRAME", -EINVAL, 0 },
        { "lost", -EINVAL, 0 },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct feed_filter filter = { 0 };
        assert_int_equal(feed_filter_types(&filter, rows[i].names), rows[i].result);
        assert_int_equal(filter.types, rows[i].types);
    }
}

static void filters_leave_out_other_types_stations_and_texts(void **state)
{
    struct bench *b = *state;
    add(b, FEED_LOG, "", "{\"t\":\"Alpha\"}");
    add(b, FEED_FRAME, "CS1", "{\"t\":\"beta\"}");
    add(b, FEED_FRAME, "CS2", "{\"t\":\"ALPHA\"}");
    add(b, FEED_WRITE, "CS1", "{\"t\":\"gamma\"}");
    static const struct {
        struct feed_filter filter;
        const char *listed;
    } rows[] = {
        { { .types = ALL }, "3 2 1 0" },
        { { .types = 1u << FEED_FRAME }, "2 1" },
        { { .types = ALL, .station = "CS1" }, "3 1" },
        { { .types = ALL, .station = "CS" }, "" },
        { { .types = ALL, .text = "alpha" }, "2 0" },
        { { .types = 1u << FEED_FRAME, .station = "CS2", .text = "alpha" }, "2" },
        { { .types = ALL, .text = "CS1" }, "" },
        { { .types = 0 }, "" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t next;
        size_t count = 0;
        assert_listed(b, &rows[i].filter, 0, 10, rows[i].listed, 0);
        for (const char *at = printed(b, &rows[i].filter, FIRST, &next); (at = strstr(at, "event: ")); at++)
            count++;
        assert_int_equal(count, (strlen(rows[i].listed) + 1) / 2);
        assert_int_equal(next, FIRST + 4);
    }
}

/* What is hidden is not found; what has no text is left out. */
static char *present(const char *station, const char *text)
{
    char *shown = NULL;
    return *text == '!' || asprintf(&shown, "{\"of\":\"%s\"}", station) < 0 ? NULL : shown;
}

static void what_is_presented_is_what_is_searched(void **state)
{
    struct bench *b = *state;
    const struct feed_filter all = { .types = ALL }, secret = { .types = ALL, .text = "secret" };
    uint64_t next;
    feed_set_presenter(b->feed, FEED_SIGNALS, present);
    add(b, FEED_SIGNALS, "CS1", "secret");
    add(b, FEED_SIGNALS, "CS2", "!");
    assert_string_equal(printed(b, &all, FIRST, &next),
                        "id: 1767225600000000\nevent: signals\ndata: {\"of\":\"CS1\"}\n\n");
    assert_listed(b, &all, 0, 10, "0", 0);
    assert_listed(b, &secret, 0, 10, "", 0);
}

static void pages_go_back_from_where_the_last_ended(void **state)
{
    struct bench *b = *state;
    const struct feed_filter all = { .types = ALL };
    for (int i = 0; i < 5; i++)
        add(b, FEED_LOG, "", "{}");
    assert_listed(b, &all, 0, 2, "4 3", FIRST + 3);
    assert_listed(b, &all, FIRST + 3, 2, "2 1", FIRST + 1);
    assert_listed(b, &all, FIRST + 1, 2, "0", 0);
    assert_listed(b, &all, FIRST, 2, "", 0);
    assert_listed(b, &all, FIRST + 99, 1, "4", FIRST + 4);
    assert_listed(b, &all, 1, 1, "", 0);
}

static void a_search_looks_at_some_at_a_time(void **state)
{
    struct bench *b = *state;
    const struct feed_filter filter = { .types = 1u << FEED_LOG, .text = "wanted" };
    uint64_t next;
    add(b, FEED_LOG, "", "{\"wanted\":1}");
    for (int i = 0; i < FEED_LOOKS; i++)
        add(b, FEED_LOG, "", "{}");
    for (int i = 0; i < 3 * FEED_LOOKS; i++) /* costs nothing */
        add(b, FEED_POWER, "", "{}");
    assert_listed(b, &filter, 0, 10, "", FIRST + 1);
    assert_listed(b, &filter, FIRST + 1, 10, "0", 0);
    add(b, FEED_LOG, "", "{\"wanted\":2}");
    assert_string_equal(printed(b, &filter, FIRST + 1, &next), "");
    assert_int_equal(next, FIRST + 1 + FEED_LOOKS);
    assert_non_null(strstr(printed(b, &filter, next, &next), "\"wanted\":2}"));
    assert_int_equal(next, feed_next_id(b->feed));
}

static void the_stream_stops_when_there_is_enough(void **state)
{
    struct bench *b = *state;
    const struct feed_filter all = { .types = ALL };
    for (int i = 0; i < 3; i++)
        add(b, FEED_LOG, "", "{}");
    assert_int_equal(feed_print_sse(b->feed, &all, FIRST, 1, &b->out), FIRST + 1);
    assert_int_equal(feed_print_sse(b->feed, &all, FIRST + 1, b->out.len, &b->out), FIRST + 1);
    assert_int_equal(feed_print_sse(b->feed, &all, FIRST + 1, 4096, &b->out), FIRST + 3);
}

static void the_oldest_make_room_and_are_told_to_be_lost(void **state)
{
    struct bench *b = *state;
    const struct feed_filter none = { .types = 1u << FEED_SCAN };
    static char text[10000];
    char expected[128];
    uint64_t next;
    memset(text, 'x', sizeof(text) - 1);
    for (int i = 0; i < 10; i++) { /* six fit */
        add(b, FEED_LOG, "CS1", text);
        assert_int_equal(feed_next_id(b->feed), FIRST + 1 + (uint64_t)i);
    }
    assert_int_equal(feed_first_id(b->feed), FIRST + 4);
    (void)snprintf(expected, sizeof(expected), "id: %llu\nevent: lost\ndata: {\"from\":%llu,\"to\":%llu}\n\n",
                   FIRST + 3, FIRST + 1, FIRST + 3);
    assert_string_equal(printed(b, &none, FIRST + 1, &next), expected);
    assert_int_equal(next, FIRST + 10);
    assert_string_equal(printed(b, &none, FIRST + 4, &next), ""); /* all that it has not seen is there */
}

static void states_of_before_a_gap_are_left_out(void **state)
{
    struct bench *b = *state;
    const struct feed_filter filter = { .types = ALL, .states_from = FIRST + FEED_TYPES };
    uint64_t next;
    for (int again = 0; again < 2; again++)
        for (unsigned type = 0; type < FEED_TYPES; type++)
            add(b, type, "CS1", "{}");
    const char *text = printed(b, &filter, FIRST, &next);
    for (unsigned type = 0; type < FEED_TYPES; type++) {
        char event[32];
        bool is_state = type == FEED_SIGNALS || type == FEED_POINT || type == FEED_POWER;
        (void)snprintf(event, sizeof(event), "event: %s\n", feed_type_names[type]);
        const char *first = strstr(text, event);
        assert_non_null(first);
        assert_true((strstr(first + 1, event) == NULL) == is_state);
    }
    assert_null(strstr(text, "lost"));
}

static void there_are_never_more_than_fit(void **state)
{
    struct bench *b = *state;
    const struct feed_filter all = { .types = ALL };
    struct feed *feed = feed_new(&b->env, 64u << 20);
    for (int i = 0; i < 2 * FEED_MAX_EVENTS; i++)
        feed_add_text(feed, FEED_LOG, "", "{}", 2);
    assert_int_equal(feed_next_id(feed) - feed_first_id(feed), FEED_MAX_EVENTS);
    assert_int_equal(feed_print_sse(feed, &all, feed_first_id(feed), 1, &b->out), feed_first_id(feed) + 1);
    feed_free(feed);
}

static void one_event_does_not_push_out_all_others(void **state)
{
    struct bench *b = *state;
    static char text[BYTES / 4];
    memset(text, 'x', sizeof(text));
    add(b, FEED_LOG, "", "{}");
    feed_add_text(b->feed, FEED_LOG, "", text, sizeof(text) - 1); /* with two 0 bytes a byte too much */
    assert_int_equal(feed_next_id(b->feed), FIRST + 1);
    feed_add_text(b->feed, FEED_LOG, "", text, sizeof(text) - 2);
    assert_int_equal(feed_next_id(b->feed), FIRST + 2);
    assert_int_equal(feed_first_id(b->feed), FIRST);
}

static void count_told(void *ctx)
{
    ((struct bench *)ctx)->told++;
}

static void who_follows_is_told_of_each(void **state)
{
    struct bench *b = *state;
    feed_set_follower(b->feed, count_told, b);
    add(b, FEED_LOG, "", "{}");
    add(b, FEED_POINT, "CS1", "{}");
    assert_int_equal(b->told, 2);
    feed_set_follower(b->feed, NULL, NULL);
    add(b, FEED_LOG, "", "{}");
    assert_int_equal(b->told, 2);
}

static void without_memory_an_event_is_lost_and_nothing_else(void **state)
{
    struct bench *b = *state;
    feed_set_follower(b->feed, count_told, b);
    add(b, FEED_LOG, "", "{}");
    count_from_now(1);
    add(b, FEED_LOG, "", "{}");
    assert_null((count_from_now(1), feed_new(&b->env, BYTES)));
    memory.counting = false;
    assert_int_equal(b->told, 1);
    assert_int_equal(feed_next_id(b->feed), FIRST + 1);
    add(b, FEED_LOG, "", "{}");
    assert_int_equal(feed_next_id(b->feed), FIRST + 2);
}

static void *json_alloc(size_t size)
{
    return malloc(size);
}

static void json_release(void *block)
{
    free(block);
}

static void a_list_without_memory_is_none_or_whole(void **state)
{
    struct bench *b = *state;
    const struct feed_filter all = { .types = ALL };
    int failures = 0;
    for (int i = 0; i < 3; i++)
        add(b, FEED_LOG, "CS1", "{\"a\":[1,2,{\"b\":\"c\"}]}");
    json_set_alloc_funcs(json_alloc, json_release);
    for (long fail_at = 1;; fail_at++) {
        uint64_t before = 0;
        count_from_now(fail_at);
        json_t *list = feed_list(b->feed, &all, &before, 10);
        memory.counting = false;
        bool was_short = memory.count >= fail_at;
        if (list)
            assert_int_equal(json_array_size(list), 3);
        failures += list == NULL;
        json_decref(list);
        if (!was_short)
            break;
    }
    assert_true(failures > 10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(numbers_begin_where_no_earlier_run_came_to),
        TEST(events_are_told_in_order_with_number_type_and_data),
        TEST(moments_have_their_time_in_the_stream),
        TEST(types_are_read_from_names),
        TEST(filters_leave_out_other_types_stations_and_texts),
        TEST(what_is_presented_is_what_is_searched),
        TEST(pages_go_back_from_where_the_last_ended),
        TEST(a_search_looks_at_some_at_a_time),
        TEST(the_stream_stops_when_there_is_enough),
        TEST(the_oldest_make_room_and_are_told_to_be_lost),
        TEST(states_of_before_a_gap_are_left_out),
        TEST(there_are_never_more_than_fit),
        TEST(one_event_does_not_push_out_all_others),
        TEST(who_follows_is_told_of_each),
        TEST(without_memory_an_event_is_lost_and_nothing_else),
        TEST(a_list_without_memory_is_none_or_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
