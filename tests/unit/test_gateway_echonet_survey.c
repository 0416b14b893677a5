/* A survey in virtual time: who is told, when, and what is said of those there was no place or no time for. The node's functions are the
 * engine's, without its sockets. */
#include "tests/support/echonet_bench.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "gateway/echonet_survey.h"

#define WAIT_MS 5000
#define CHARGER "02A101"

struct world {
    struct ebench *bench;
    struct echonet_survey *survey;
    json_t *nodes, *messages;
    int64_t done_ms; /* -1: not yet */
    bool frees;      /* itself, when it is done */
};

/* The linker puts these in place of the node's. NOLINTBEGIN(bugprone-reserved-identifier) */
void __wrap_echonet_discover(struct echonet_node *node, echonet_on_found on_found, void *ctx);
void __wrap_echonet_discover(struct echonet_node *node, echonet_on_found on_found, void *ctx)
{
    engine_discover((struct engine *)node, on_found, ctx);
}

struct device *__wrap_echonet_device_new(struct echonet_node *node, const struct echonet_target *target,
                                         const struct profile *profile, const struct echonet_options *options,
                                         const struct device_events *events, void *ctx);
struct device *__wrap_echonet_device_new(struct echonet_node *node, const struct echonet_target *target,
                                         const struct profile *profile, const struct echonet_options *options,
                                         const struct device_events *events, void *ctx)
{
    return engine_device_new((struct engine *)node, target, profile, options, events, ctx);
}
/* NOLINTEND(bugprone-reserved-identifier) */

static void on_node(void *ctx, json_t *node)
{
    assert_int_equal(json_array_append_new(((struct world *)ctx)->nodes, node), 0);
}

static void on_message(void *ctx, const char *text)
{
    assert_int_equal(json_array_append_new(((struct world *)ctx)->messages, json_string(text)), 0);
}

static void on_done(void *ctx)
{
    struct world *w = ctx;
    assert_int_equal(w->done_ms, -1);
    w->done_ms = w->bench->now_ms;
    if (w->frees)
        echonet_survey_free(STEAL(w->survey));
}

static int setup(void **state)
{
    static const struct echonet_survey_events events = { on_node, on_message, on_done };
    struct world *w = calloc(1, sizeof(*w));
    void *bench = NULL;
    assert_non_null(w);
    assert_int_equal(ebench_setup(&bench), 0);
    w->bench = bench;
    w->bench->nodes[0].present = false; /* each test has its own */
    w->nodes = json_array();
    w->messages = json_array();
    w->done_ms = -1;
    w->survey =
        echonet_survey_new(&w->bench->env, (struct echonet_node *)&w->bench->engine, WAIT_MS, &events, w);
    assert_non_null(w->survey);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    void *bench = w->bench;
    echonet_survey_free(w->survey);
    json_decref(w->nodes);
    json_decref(w->messages);
    free(w);
    return ebench_teardown(&bench);
}

/* A node that tells its objects, and answers nothing that they are asked. */
static void announce(struct world *w, uint32_t number, const char *class_and_first, int objects)
{
    char hex[1000];
    int n = snprintf(hex, sizeof(hex),
                     "10810001"
                     "0EF001"
                     "05FF01"
                     "7301D5%02X%02X",
                     1 + 3 * objects, objects);
    for (int i = 1; i <= objects; i++)
        n += snprintf(hex + n, sizeof(hex) - (size_t)n, "%.4s%02X", class_and_first, i);
    ebench_receive(w->bench, EBENCH_FIRST + number, hex);
}

static void run_to_end(struct world *w)
{
    int64_t end_ms = w->bench->now_ms + WAIT_MS + 60000;
    while (w->done_ms < 0 && w->bench->now_ms < end_ms)
        ebench_run(w->bench, 10);
    assert_true(w->done_ms >= 0);
}

static json_t *node_at(const struct world *w, const char *host)
{
    size_t i;
    json_t *node;
    json_array_foreach(w->nodes, i, node)
    {
        if (str_equal(json_get_string(node, "host", ""), host))
            return node;
    }
    return NULL;
}

static json_t *object_of(const struct world *w, const char *host, size_t index)
{
    json_t *object = json_array_get(json_object_get(node_at(w, host), "objects"), index);
    assert_non_null(object);
    return object;
}

static void expect_said(const struct world *w, const char *expected)
{
    if (!*expected)
        assert_int_equal(json_array_size(w->messages), 0);
    else
        assert_string_equal(json_string_value(json_array_get(w->messages, 0)), expected);
}

static size_t complete_count(const struct world *w)
{
    size_t i, k, count = 0;
    json_t *node, *object;
    json_array_foreach(w->nodes, i, node)
    {
        json_array_foreach(json_object_get(node, "objects"), k, object)
        {
            assert_true(json_is_boolean(json_object_get(object, "complete")));
            count += json_get_bool(object, "complete", false);
        }
    }
    return count;
}

/* ---- what comes out ---- */

static void a_charger_tells_its_maker_and_maps(void **state)
{
    struct world *w = *state;
    ebench_add_node(w->bench, 0, EBENCH_FIRST);
    ebench_set(&w->bench->nodes[0].properties[0x8A], "000077");
    ebench_set(&w->bench->nodes[0].properties[0x9D], "0180"); /* INF: 0x80 */
    ebench_set(&w->bench->nodes[0].properties[0x9E], "01DA"); /* Set: 0xDA */
    run_to_end(w);
    assert_int_equal(json_array_size(w->nodes), 1);
    assert_int_equal(strlen(json_get_string(node_at(w, "10.0.0.2"), "node_id", "")), 34);
    const json_t *object = object_of(w, "10.0.0.2", 0), *properties = json_object_get(object, "properties");
    assert_int_equal(json_get_int(object, "code", 0), 0x02A1);
    assert_string_equal(json_get_string(object, "profile", ""), "echonet-02a1");
    assert_string_equal(json_get_string(object, "manufacturer", ""), "000077");
    assert_true(json_get_bool(object, "complete", false));
    assert_int_equal(json_array_size(properties), 8);
    const json_t *first = json_array_get(properties, 0);
    assert_int_equal(json_get_int(first, "epc", 0), 0x80);
    assert_true(json_get_bool(first, "get", false) && json_get_bool(first, "inf", false));
    assert_false(json_get_bool(first, "set", true));
    expect_said(w, "");
}

static void what_is_no_charger_is_told_without_being_asked(void **state)
{
    struct world *w = *state;
    announce(w, 0, "0288", 1);
    run_to_end(w);
    const json_t *object = object_of(w, "10.0.0.2", 0);
    assert_null(json_object_get(object, "complete"));
    assert_null(json_object_get(object, "properties"));
    assert_int_equal(ebench_times(w->bench->asked, "Get"), 0);
    expect_said(w, "");
}

static void where_nobody_is_it_ends_after_the_wait(void **state)
{
    struct world *w = *state;
    int64_t begin_ms = w->bench->now_ms;
    w->frees = true;
    run_to_end(w);
    assert_in_range(w->done_ms - begin_ms, WAIT_MS, WAIT_MS + 20);
    assert_int_equal(json_array_size(w->nodes), 0);
}

/* ---- who holds up whom ---- */

static void sixteen_that_do_not_answer_take_no_longer_than_one(void **state)
{
    struct world *w = *state;
    int64_t begin_ms = w->bench->now_ms;
    for (uint32_t i = 0; i < 16; i++)
        announce(w, i, CHARGER, 1);
    run_to_end(w);
    assert_int_equal(json_array_size(w->nodes), 16);
    assert_int_equal(complete_count(w), 16); /* all was asked */
    assert_in_range(w->done_ms - begin_ms, WAIT_MS, WAIT_MS + 16000);
    assert_int_equal(json_array_size(json_object_get(object_of(w, "10.0.0.17", 0), "properties")), 0);
    expect_said(w, "");
}

static void one_that_answers_is_told_before_those_that_do_not(void **state)
{
    struct world *w = *state;
    ebench_add_node(w->bench, 0, EBENCH_FIRST);
    for (uint32_t i = 1; i < 10; i++)
        announce(w, i, CHARGER, 1);
    ebench_run(w->bench, WAIT_MS + 3000);
    assert_int_equal(json_array_size(w->nodes), 1);
    assert_int_equal(json_array_size(json_object_get(object_of(w, "10.0.0.2", 0), "properties")), 8);
    assert_int_equal(w->done_ms, -1);
    run_to_end(w);
    assert_int_equal(json_array_size(w->nodes), 10);
}

static void all_together_have_so_much_time_and_no_more(void **state)
{
    struct world *w = *state;
    int64_t begin_ms = w->bench->now_ms;
    for (uint32_t i = 0; i < 8; i++)
        announce(w, i, CHARGER, 32); /* of a node, one after the other */
    run_to_end(w);
    assert_in_range(w->done_ms - begin_ms, WAIT_MS + 45000, WAIT_MS + 45020);
    assert_int_equal(json_array_size(w->nodes), 8);
    size_t complete = complete_count(w);
    char expected[200];
    assert_in_range(complete, 0, 100);
    (void)snprintf(
        expected, sizeof(expected),
        "%zu of 256 chargers were not asked for all: there are 15 s for each, and 45 s for all of them",
        256 - complete);
    expect_said(w, expected);
    assert_string_equal(json_get_string(object_of(w, "10.0.0.9", 31), "profile", ""), "echonet-02a1");
}

/* ---- what there is no place for ---- */

static void of_the_objects_beyond_so_many_it_is_said(void **state)
{
    struct world *w = *state;
    announce(w, 0, "0288", 40);
    run_to_end(w);
    assert_int_equal(json_array_size(json_object_get(node_at(w, "10.0.0.2"), "objects")), 32);
    expect_said(w, "10.0.0.2 has more than 32 objects; the other 8 are left out");
}

static void of_the_nodes_beyond_so_many_it_is_said(void **state)
{
    struct world *w = *state;
    for (uint32_t i = 0; i < 65; i++)
        announce(w, i, "0288", 1);
    announce(w, 3, "0288", 1); /* has its place */
    run_to_end(w);
    assert_int_equal(json_array_size(w->nodes), 64);
    expect_said(w, "more than 64 nodes answer; the others are left out, such as 10.0.0.66");
}

static void it_may_be_given_up_while_it_asks(void **state)
{
    struct world *w = *state;
    for (uint32_t i = 0; i < 20; i++)
        announce(w, i, CHARGER, 2);
    ebench_run(w->bench, WAIT_MS + 3000);
    echonet_survey_free(STEAL(w->survey));
    ebench_run(w->bench, 60000);
    assert_int_equal(w->done_ms, -1);
    assert_true(list_is_empty(&w->bench->engine.devices));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_charger_tells_its_maker_and_maps),
        TEST(what_is_no_charger_is_told_without_being_asked),
        TEST(where_nobody_is_it_ends_after_the_wait),
        TEST(sixteen_that_do_not_answer_take_no_longer_than_one),
        TEST(one_that_answers_is_told_before_those_that_do_not),
        TEST(all_together_have_so_much_time_and_no_more),
        TEST(of_the_objects_beyond_so_many_it_is_said),
        TEST(of_the_nodes_beyond_so_many_it_is_said),
        TEST(it_may_be_given_up_while_it_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
