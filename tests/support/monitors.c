#include "tests/support/monitors.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "tests/support/bench_internal.h"

int monitor_set(struct bench *b, const char *data)
{
    char payload[1000];
    (void)snprintf(payload, sizeof(payload), "{'setMonitoringData': [{%s}]}", data);
    const json_t *answer = bench_request(b, "SetVariableMonitoring", payload);
    const json_t *result = json_array_get(json_object_get(answer, "setMonitoringResult"), 0);
    assert_string_equal(json_get_string(result, "status", ""), "Accepted");
    assert_true(json_get_int(result, "id", 0) > 0);
    return (int)json_get_int(result, "id", 0);
}

json_t *monitors_reported(struct bench *b, const char *request)
{
    AUTO(json_t) *asked = bench_parse(request);
    json_t *all = json_array();
    bool more = true;
    bench_forget(b);
    bench_call(b, "GetMonitoringReport", request, "{'status': 'Accepted'}"); /* N02.FR.01 */
    for (int seq_no = 0; more; seq_no++) {
        const json_t *part = bench_expect(b, "NotifyMonitoringReport", "{'generatedAt': '*'}");
        assert_int_equal(json_get_int(part, "requestId", -1),
                         json_get_int(asked, "requestId", -2));    /* N02.FR.04 */
        assert_int_equal(json_get_int(part, "seqNo", -1), seq_no); /* N02.FR.09 */
        assert_true(json_array_size(json_object_get(part, "monitor")) > 0);
        json_array_extend(all, json_object_get(part, "monitor"));
        more = json_get_bool(part, "tbc", false);
    }
    bench_expect_nothing(b);
    return all;
}

size_t monitors_count(const json_t *report)
{
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(report); i++)
        count += json_array_size(json_object_get(json_array_get(report, i), "variableMonitoring"));
    return count;
}

bool monitors_has(const json_t *report, int id, const char *expected)
{
    AUTO(json_t) *wanted = bench_parse(expected);
    for (size_t i = 0; i < json_array_size(report); i++) {
        const json_t *list = json_object_get(json_array_get(report, i), "variableMonitoring");
        for (size_t k = 0; k < json_array_size(list); k++)
            if (json_get_int(json_array_get(list, k), "id", 0) == id)
                return bench_contains(json_array_get(list, k), wanted);
    }
    return false;
}

void monitor_variable_is(struct bench *b, const char *variable, const char *value)
{
    char request[200], expected[200];
    (void)snprintf(
        request, sizeof(request),
        "{'getVariableData': [{'component': {'name': 'MonitoringCtrlr'}, 'variable': {'name': '%s'}}]}",
        variable);
    (void)snprintf(expected, sizeof(expected), "{'getVariableResult': [{'attributeValue': '%s'}]}", value);
    bench_call(b, "GetVariables", request, expected);
}
