/* What the control socket's `limit` understands, and how it says what it does not. */
#include "tests/support/bench.h"

#include <stdio.h>

#include "base/json.h"
#include "gateway/limit_request.h"

static const struct {
    const char *request, *problem; /* NULL: it is good */
} rows[] = {
    { "{'limit': 16, 'unit': 'A'}", NULL },
    { "{'limit': 11000, 'unit': 'W', 'evse': 1, 'source': 'SO', 'duration': 7200}", NULL },
    { "{'limit': 0, 'unit': 'A', 'source': 'Other', 'schedule': [{'start': 60, 'limit': 8}, {'start': 61, "
      "'limit': 9.5}]}",
      NULL },
    { "{'limit': 16, 'unit': 'A', 'schedule': []}", NULL },
    { "{'limit': 16}", "expected unit \"A\" (per phase) or \"W\"" },
    { "{'limit': 16, 'unit': 'kW'}", "expected unit \"A\" (per phase) or \"W\"" },
    { "{'unit': 'A'}", "expected a limit of 0 or more" },
    { "{'limit': -1, 'unit': 'A'}", "expected a limit of 0 or more" },
    { "{'limit': '16', 'unit': 'A'}", "expected a limit of 0 or more" },
    { "{'limit': 16, 'unit': 'A', 'evse': 2}", "the station has no such evse" },
    { "{'limit': 16, 'unit': 'A', 'evse': -1}", "the station has no such evse" },
    { "{'limit': 16, 'unit': 'A', 'evse': '1'}", "the station has no such evse" },
    { "{'limit': 16, 'unit': 'A', 'source': 'CSO'}", "unknown source; expected EMS, SO or Other" },
    { "{'limit': 16, 'unit': 'A', 'duration': 0}", "expected a duration in whole seconds, 1 to ten years" },
    { "{'limit': 16, 'unit': 'A', 'duration': 1.5}", "expected a duration in whole seconds, 1 to ten years" },
    { "{'limit': 16, 'unit': 'A', 'duraton': 60}", "unknown member \"duraton\"; did you mean \"duration\"?" },
    { "{'limit': 16, 'unit': 'A', 'schedule': {}}", "schedule: expected a list of at most 1024 periods" },
    { "{'limit': 16, 'unit': 'A', 'schedule': [{'start': 0, 'limit': 8}]}",
      "schedule: expected start in whole seconds from now, each later than the one before" },
    { "{'limit': 16, 'unit': 'A', 'schedule': [{'limit': 8}]}",
      "schedule: expected start in whole seconds from now, each later than the one before" },
    { "{'limit': 16, 'unit': 'A', 'schedule': [{'start': 5, 'limit': 8}, {'start': 5, 'limit': 8}]}",
      "schedule: expected start in whole seconds from now, each later than the one before" },
    { "{'limit': 16, 'unit': 'A', 'schedule': [{'start': 5}]}",
      "schedule: expected a limit of 0 or more in each period" },
    { "{'release': true, 'limit': 16, 'unit': 'A'}", "either a limit or release, not both" },
    { "{'release': true}", "there is no such limit to release" },
};

static int request(struct bench *b, const char *text, char *ret, size_t size)
{
    char copy[400];
    (void)snprintf(copy, sizeof(copy), "%s", text);
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_t *json = json_loads(copy, 0, NULL);
    assert_non_null(json);
    int r = limit_request(b->station, json, ret, size);
    json_decref(json);
    return r;
}

static void each_is_taken_or_said_to_be_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bench *b = NULL;
        char problem[200] = "";
        assert_int_equal(bench_setup((void **)&b), 0);
        int r = request(b, rows[i].request, problem, sizeof(problem));
        if (rows[i].problem)
            assert_string_equal(problem, rows[i].problem);
        if ((r < 0) != (rows[i].problem != NULL))
            fail_msg("%s: %d %s", rows[i].request, r, problem);
        bench_settle(b);
        assert_int_equal(bench_count(b, "NotifyChargingLimit"), rows[i].problem ? 0 : 1);
        assert_int_equal(bench_teardown((void **)&b), 0);
    }
}

static void a_release_ends_that_of_its_source_and_evse(void **state)
{
    struct bench *b = *state;
    char problem[200];
    assert_int_equal(request(b, "{'limit': 10, 'unit': 'A', 'evse': 1, 'source': 'SO'}", problem, 200), 0);
    bench_settle(b);
    assert_true(request(b, "{'release': true}", problem, 200) < 0);
    assert_true(request(b, "{'release': true, 'evse': 1}", problem, 200) < 0);
    assert_int_equal(request(b, "{'release': true, 'evse': 1, 'source': 'SO'}", problem, 200), 0);
    bench_settle(b);
    bench_expect_later(b, "ClearedChargingLimit", "{'evseId': 1, 'chargingLimitSource': 'SO'}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_taken_or_said_to_be_wrong),
        cmocka_unit_test_setup_teardown(a_release_ends_that_of_its_source_and_evse, bench_setup,
                                        bench_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
