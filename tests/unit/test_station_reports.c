/* GetBaseReport, GetReport, NotifyReport (B07, B08). */
#include "tests/support/bench.h"

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

/* All parts of a report, put together; checks the frame of each. New reference. */
static json_t *collect(struct bench *b, int request_id)
{
    json_t *all = json_array();
    bool more = true;
    for (int seq_no = 0; more; seq_no++) {
        const json_t *part = bench_expect(b, "NotifyReport", "{'generatedAt': '*', 'reportData': '*'}");
        assert_int_equal(json_get_int(part, "requestId", -1), request_id); /* B07.FR.04 */
        assert_int_equal(json_get_int(part, "seqNo", -1), seq_no);         /* B07.FR.10 */
        assert_true(json_array_size(json_object_get(part, "reportData")) > 0);
        json_array_extend(all, json_object_get(part, "reportData"));
        more = json_get_bool(part, "tbc", false);
    }
    bench_expect_nothing(b);
    return all;
}

static const json_t *find(const json_t *report, const char *component, const char *variable, int evse,
                          int connector)
{
    for (size_t i = 0; i < json_array_size(report); i++) {
        const json_t *item = json_array_get(report, i);
        const json_t *place = json_object_get(json_object_get(item, "component"), "evse");
        if (str_equal(json_get_string(json_object_get(item, "component"), "name", ""), component) &&
            str_equal(json_get_string(json_object_get(item, "variable"), "name", ""), variable) &&
            json_get_int(place, "id", 0) == evse && json_get_int(place, "connectorId", 0) == connector)
            return item;
    }
    return NULL;
}

static void the_full_inventory_has_the_whole_tree(void **state) /* B07.FR.01, .03, .04, .08, .10, .12 */
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    abilities.connectors = 2;
    struct bench *b = bench_new(&(struct bench_options){ .evse_count = 2, .abilities = abilities });
    bench_boot(b);
    bench_call(b, "GetBaseReport", "{'requestId': 0, 'reportBase': 'FullInventory'}",
               "{'status': 'Accepted'}");
    AUTO(json_t) *report = collect(b, 0);

    for (int evse = 1; evse <= 2; evse++) {
        assert_non_null(find(report, "EVSE", "AvailabilityState", evse, 0));
        assert_non_null(find(report, "EVSE", "Available", evse, 0));
        assert_non_null(find(report, "EVSE", "SupplyPhases", evse, 0));
        assert_non_null(find(report, "TokenReader", "Available", evse, 0));
        for (int connector = 1; connector <= 2; connector++) {
            assert_non_null(find(report, "Connector", "AvailabilityState", evse, connector));
            assert_non_null(find(report, "Connector", "ConnectorType", evse, connector));
        }
        const json_t *power =
            json_object_get(find(report, "EVSE", "Power", evse, 0), "variableCharacteristics");
        assert_int_equal((int)json_get_number(power, "maxLimit", 0), 3 * 230 * 32);
        assert_string_equal(json_get_string(power, "unit", ""), "W");
    }
    assert_non_null(find(report, "ChargingStation", "AvailabilityState", 0, 0));
    bench_free(b);
}

static void the_full_inventory_has_what_the_specification_requires(void **state) /* B07.FR.08 */
{
    static const char *const required[][2] = {
        { "AlignedDataCtrlr", "Interval" },
        { "AlignedDataCtrlr", "Measurands" },
        { "AlignedDataCtrlr", "TxEndedInterval" },
        { "AlignedDataCtrlr", "TxEndedMeasurands" },
        { "AuthCtrlr", "AuthorizeRemoteStart" },
        { "AuthCtrlr", "LocalAuthorizeOffline" },
        { "AuthCtrlr", "LocalPreAuthorize" },
        { "ClockCtrlr", "DateTime" },
        { "ClockCtrlr", "TimeSource" },
        { "DeviceDataCtrlr", "BytesPerMessage" },
        { "DeviceDataCtrlr", "ItemsPerMessage" },
        { "OCPPCommCtrlr", "FileTransferProtocols" },
        { "OCPPCommCtrlr", "MessageTimeout" },
        { "OCPPCommCtrlr", "MessageAttemptInterval" },
        { "OCPPCommCtrlr", "MessageAttempts" },
        { "OCPPCommCtrlr", "NetworkConfigurationPriority" },
        { "OCPPCommCtrlr", "NetworkProfileConnectionAttempts" },
        { "OCPPCommCtrlr", "OfflineThreshold" },
        { "OCPPCommCtrlr", "ResetRetries" },
        { "OCPPCommCtrlr", "RetryBackOffRandomRange" },
        { "OCPPCommCtrlr", "RetryBackOffRepeatTimes" },
        { "OCPPCommCtrlr", "RetryBackOffWaitMinimum" },
        { "OCPPCommCtrlr", "UnlockOnEVSideDisconnect" },
        { "OCPPCommCtrlr", "WebSocketPingInterval" },
        { "SampledDataCtrlr", "TxEndedInterval" },
        { "SampledDataCtrlr", "TxEndedMeasurands" },
        { "SampledDataCtrlr", "TxStartedMeasurands" },
        { "SampledDataCtrlr", "TxUpdatedInterval" },
        { "SampledDataCtrlr", "TxUpdatedMeasurands" },
        { "SecurityCtrlr", "CertificateEntries" },
        { "SecurityCtrlr", "OrganizationName" },
        { "SecurityCtrlr", "SecurityProfile" },
        { "SmartChargingCtrlr", "Entries" },
        { "SmartChargingCtrlr", "LimitChangeSignificance" },
        { "SmartChargingCtrlr", "PeriodsPerSchedule" },
        { "SmartChargingCtrlr", "ProfileStackLevel" },
        { "SmartChargingCtrlr", "RateUnit" },
        { "TxCtrlr", "EVConnectionTimeOut" },
        { "TxCtrlr", "StopTxOnEVSideDisconnect" },
        { "TxCtrlr", "StopTxOnInvalidId" },
        { "TxCtrlr", "TxStartPoint" },
        { "TxCtrlr", "TxStopPoint" },
        { "ChargingStation", "Available" },
        { "ChargingStation", "AvailabilityState" },
        { "ChargingStation", "SupplyPhases" },
    };
    struct bench *b = *state;
    bench_call(b, "GetBaseReport", "{'requestId': 2147483647, 'reportBase': 'FullInventory'}",
               "{'status': 'Accepted'}");
    AUTO(json_t) *report = collect(b, 2147483647);
    for (size_t i = 0; i < ARRAY_SIZE(required); i++)
        if (!find(report, required[i][0], required[i][1], 0, 0))
            fail_msg("%s.%s is missing", required[i][0], required[i][1]);
}

static void an_item_tells_attribute_and_characteristics(void **state) /* B07.FR.08, .11, B08.FR.12 */
{
    struct bench *b = *state;
    bench_call(
        b, "GetReport",
        "{'requestId': 3, 'componentVariable': [{'component': {'name': 'TxCtrlr'}, 'variable': {'name':"
        " 'TxStartPoint'}}, {'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
        " 'HeartbeatInterval'}}, {'component': {'name': 'AuthCtrlr'}, 'variable': {'name':"
        " 'MasterPassGroupId'}}]}",
        "{'status': 'Accepted'}");
    bench_expect(
        b, "NotifyReport",
        "{'reportData': ["
        "{'component': {'name': 'AuthCtrlr', 'evse': null}, 'variable': {'name': 'MasterPassGroupId',"
        " 'instance': null}, 'variableAttribute': [{'type': 'Actual', 'value': '', 'mutability':"
        " 'ReadWrite', 'persistent': true, 'constant': false}], 'variableCharacteristics': {'dataType':"
        " 'string', 'maxLimit': 36, 'supportsMonitoring': true, 'valuesList': null, 'unit': null}},"
        "{'variable': {'name': 'HeartbeatInterval'}, 'variableAttribute': [{'value': '300'}],"
        " 'variableCharacteristics': {'dataType': 'integer', 'minLimit': 1, 'unit': 's'}},"
        "{'variable': {'name': 'TxStartPoint'}, 'variableCharacteristics': {'dataType': 'MemberList',"
        " 'valuesList': 'EVConnected,Authorized,PowerPathClosed,EnergyTransfer'}}]}");
    bench_expect_nothing(b);
}

static void the_configuration_inventory_has_what_can_be_set(void **state) /* B07.FR.07, .12 */
{
    struct bench *b = *state;
    bench_call(b, "GetBaseReport", "{'requestId': 1, 'reportBase': 'ConfigurationInventory'}",
               "{'status': 'Accepted'}");
    AUTO(json_t) *report = collect(b, 1);
    for (size_t i = 0; i < json_array_size(report); i++) {
        const json_t *attributes = json_object_get(json_array_get(report, i), "variableAttribute");
        assert_string_not_equal(json_get_string(json_array_get(attributes, 0), "mutability", ""), "ReadOnly");
    }
    assert_non_null(find(report, "OCPPCommCtrlr", "OfflineThreshold", 0, 0));
    for (size_t i = 0; i < json_array_size(report); i++)
        assert_non_null(json_object_get(json_array_get(report, i), "variableCharacteristics"));
}

/* What TC_B_53 looks at in each item. */
static void every_item_is_whole(void **state) /* B07.FR.08, B07.FR.11, B07.FR.03 */
{
    (void)state;
    struct bench *b =
        bench_new(&(struct bench_options){ .security_profile = 1, .password = "0123456789abcdef" });
    bench_boot(b);
    bench_call(b, "GetBaseReport", "{'requestId': 9, 'reportBase': 'FullInventory'}",
               "{'status': 'Accepted'}");
    AUTO(json_t) *report = collect(b, 9);
    for (size_t i = 0; i < json_array_size(report); i++) {
        const json_t *item = json_array_get(report, i);
        const char *name = json_get_string(json_object_get(item, "variable"), "name", "");
        const json_t *of = json_object_get(item, "variableCharacteristics");
        const json_t *attribute = json_array_get(json_object_get(item, "variableAttribute"), 0);
        bool is_list = strstr(json_get_string(of, "dataType", ""), "List");
        if (is_list && !*json_get_string(of, "valuesList", ""))
            fail_msg("%s is a list of nothing", name);
        bool write_only = str_equal(json_get_string(attribute, "mutability", ""), "WriteOnly");
        if (write_only == (json_object_get(attribute, "value") != NULL))
            fail_msg("%s: a value, or none, against its mutability", name);
    }
    bench_free(b);
}

static void the_summary_tells_states_and_problems(void **state) /* B07.FR.09 */
{
    struct bench *b = *state;
    bench_state(b, 1, EVSE_FAULTED);
    bench_forget(b);
    bench_call(b, "GetBaseReport", "{'requestId': 1, 'reportBase': 'SummaryInventory'}",
               "{'status': 'Accepted'}");
    AUTO(json_t) *report = collect(b, 1);
    assert_int_equal(json_array_size(report), 5); /* three states, Problem of station and EVSE */
    const json_t *attributes =
        json_object_get(find(report, "Connector", "AvailabilityState", 1, 1), "variableAttribute");
    assert_string_equal(json_get_string(json_array_get(attributes, 0), "value", ""), "Faulted");
    assert_non_null(find(report, "EVSE", "Problem", 1, 0));
}

static void parts_stay_within_the_size_of_a_message(void **state)
{
    (void)state;
    struct bench *b = bench_new(&(struct bench_options){ .evse_count = 4, .max_message = 3000 });
    bench_boot(b);
    bench_call(b, "GetBaseReport", "{'requestId': 1, 'reportBase': 'FullInventory'}",
               "{'status': 'Accepted'}");
    size_t parts = bench_count(b, "NotifyReport");
    assert_true(parts > 8);
    for (size_t i = 0; i < parts; i++) {
        const json_t *part = bench_expect(b, "NotifyReport", "{}");
        assert_true(json_dumpb(part, NULL, 0, JSON_COMPACT) < 3000 - 80);
    }
    bench_free(b);
}

static void one_report_is_sent_at_a_time(void **state) /* B07.FR.13, B08.FR.16 */
{
    struct bench *b = *state;
    bench_answer(b, "NotifyReport", BENCH_SILENCE);
    bench_call(b, "GetBaseReport", "{'requestId': 1, 'reportBase': 'SummaryInventory'}",
               "{'status': 'Accepted'}");
    bench_call(b, "GetBaseReport", "{'requestId': 2, 'reportBase': 'FullInventory'}",
               "{'status': 'Rejected'}");
    bench_call(b, "GetReport", "{'requestId': 3, 'componentCriteria': ['Available']}",
               "{'status': 'Rejected'}");
    bench_reply(b, "{}");
    bench_answer(b, "NotifyReport", "");
    bench_forget(b);
    bench_call(b, "GetBaseReport", "{'requestId': 4, 'reportBase': 'SummaryInventory'}",
               "{'status': 'Accepted'}");
    bench_expect(b, "NotifyReport", "{'requestId': 4}");
}

static void a_part_without_answer_is_sent_once_more(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "NotifyReport", BENCH_SILENCE);
    bench_call(b, "GetBaseReport", "{'requestId': 1, 'reportBase': 'FullInventory'}",
               "{'status': 'Accepted'}");
    bench_expect(b, "NotifyReport", "{'seqNo': 0}");
    bench_advance(b, 35000);
    bench_expect(b, "NotifyReport", "{'seqNo': 0, 'tbc': true}");
    bench_advance(b, 35000);
    bench_expect(b, "Heartbeat", "{}"); /* is anyone there? */
    bench_expect_nothing(b);
    bench_answer(b, "NotifyReport", "");
    bench_call(b, "GetBaseReport", "{'requestId': 2, 'reportBase': 'SummaryInventory'}",
               "{'status': 'Accepted'}");
}

static void a_report_ends_with_the_link(void **state)
{
    struct bench *b = *state;
    bench_answer(b, "NotifyReport", BENCH_SILENCE);
    bench_call(b, "GetBaseReport", "{'requestId': 1, 'reportBase': 'FullInventory'}",
               "{'status': 'Accepted'}");
    bench_link_lost(b);
    bench_answer(b, "NotifyReport", "");
    bench_link_back(b);
    bench_forget(b);
    bench_call(b, "GetBaseReport", "{'requestId': 2, 'reportBase': 'SummaryInventory'}",
               "{'status': 'Accepted'}");
    bench_expect(b, "NotifyReport", "{'requestId': 2, 'seqNo': 0}");
}

static void
get_report_follows_component_variables(void **state) /* B08.FR.01, .03, .04, .05, .11, .14, .23 and .25 */
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    abilities.connectors = 2;
    struct bench *b = bench_new(&(struct bench_options){ .evse_count = 2, .abilities = abilities });
    static const struct {
        const char *filter;
        size_t items;
    } rows[] = {
        { "{'component': {'name': 'TokenReader', 'evse': {'id': 1}}}", 2 }, /* B08.FR.20 */
        { "{'component': {'name': 'DeviceDataCtrlr'}, 'variable': {'name': 'ItemsPerMessage'}}",
          3 }, /* B08.FR.21 */
        { "{'component': {'name': 'DeviceDataCtrlr'}, 'variable': {'name': 'ItemsPerMessage', 'instance':"
          " 'GetReport'}}",
          1 },
        { "{'component': {'name': 'Connector'}, 'variable': {'name': 'ConnectorType'}}", 4 }, /* B08.FR.23 */
        { "{'component': {'name': 'Connector', 'evse': {'id': 2}}, 'variable': {'name': 'ConnectorType'}}",
          2 }, /* B08.FR.22 */
        { "{'component': {'name': 'Connector', 'evse': {'id': 2, 'connectorId': 2}}, 'variable': {'name':"
          " 'ConnectorType'}}",
          1 },
    };
    bench_boot(b);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char request[300];
        snprintf(request, sizeof(request), "{'requestId': 5, 'componentVariable': [%s]}", rows[i].filter);
        bench_call(b, "GetReport", request, "{'status': 'Accepted'}");
        AUTO(json_t) *report = collect(b, 5);
        if (json_array_size(report) != rows[i].items)
            fail_msg("%s: %zu items, expected %zu", rows[i].filter, json_array_size(report), rows[i].items);
    }
    bench_free(b);
}

static void get_report_follows_criteria(void **state) /* B08.FR.09, .10 */
{
    struct bench *b = *state;
    bench_call(b, "GetReport", "{'requestId': 1, 'componentCriteria': ['Problem']}",
               "{'status': 'EmptyResultSet'}"); /* B08.FR.15 */
    bench_expect_nothing(b);
    bench_call(b, "SetVariables",
               "{'setVariableData': [{'component': {'name': 'AuthCtrlr'}, 'variable': {'name': 'Enabled'},"
               " 'attributeValue': 'false'}]}",
               "{}");
    bench_call(b, "GetReport", "{'requestId': 2, 'componentCriteria': ['Enabled']}",
               "{'status': 'Accepted'}");
    AUTO(json_t) *enabled = collect(b, 2);
    assert_null(find(enabled, "AuthCtrlr", "LocalPreAuthorize", 0, 0));
    assert_non_null(find(enabled, "TxCtrlr", "TxStartPoint", 0, 0));

    bench_state(b, 1, EVSE_FAULTED);
    bench_forget(b);
    bench_call(b, "GetReport", "{'requestId': 3, 'componentCriteria': ['Problem']}",
               "{'status': 'Accepted'}");
    AUTO(json_t) *problem = collect(b, 3);
    assert_non_null(find(problem, "EVSE", "Power", 1, 0));
    assert_null(find(problem, "TxCtrlr", "TxStartPoint", 0, 0));
}

/* Available: true everywhere here, or not there at all; Active is nowhere. */
static void components_without_the_variable_meet_its_criterion(void **state) /* B08.FR.07, .08, .13 */
{
    static const char *const criteria[] = { "'Available'", "'Active'", "'Problem', 'Active'" };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(criteria); i++) {
        char request[100];
        snprintf(request, sizeof(request), "{'requestId': 4, 'componentCriteria': [%s]}", criteria[i]);
        bench_call(b, "GetReport", request, "{'status': 'Accepted'}");
        AUTO(json_t) *report = collect(b, 4);
        assert_non_null(find(report, "EVSE", "AvailabilityState", 1, 0));
        assert_non_null(find(report, "TxCtrlr", "TxStartPoint", 0, 0));
    }
}

static void criteria_and_component_variables_both_count(void **state) /* B08.FR.05; TC_B_18 */
{
    struct bench *b = *state;
    bench_call(b, "GetReport",
               "{'requestId': 1, 'componentCriteria': ['Available'], 'componentVariable': [{'component':"
               " {'name': 'EVSE', 'evse': {'id': 1}}, 'variable': {'name': 'AvailabilityState'}}]}",
               "{'status': 'Accepted'}");
    bench_expect(b, "NotifyReport",
                 "{'requestId': 1, 'seqNo': 0, 'tbc': false, 'reportData': [{'component': {'name': 'EVSE',"
                 " 'evse': {'id': 1}}, 'variable': {'name': 'AvailabilityState'}, 'variableAttribute':"
                 " [{'value': 'Available', 'mutability': 'ReadOnly'}], 'variableCharacteristics':"
                 " {'dataType': 'OptionList', 'valuesList':"
                 " 'Available,Occupied,Reserved,Unavailable,Faulted'}}]}");
    bench_call(b, "GetReport",
               "{'requestId': 2, 'componentCriteria': ['Problem'], 'componentVariable': [{'component':"
               " {'name': 'EVSE', 'evse': {'id': 1}}, 'variable': {'name': 'AvailabilityState'}}]}",
               "{'status': 'EmptyResultSet'}");
    bench_expect_nothing(b);
}

static void too_large_a_question_is_refused(void **state) /* B08.FR.06, .17, .18 */
{
#define FILTER "{'component': {'name': 'TxCtrlr'}%s}"
    struct bench *b = *state;
    bench_call(b, "GetVariables",
               "{'getVariableData': [{'component': {'name': 'DeviceDataCtrlr'}, 'variable': {'name':"
               " 'ItemsPerMessage', 'instance': 'GetReport'}}]}",
               "{'getVariableResult': [{'attributeValue': '100'}]}");
    char long_item[1200], text[1000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    snprintf(long_item, sizeof(long_item), ", 'customData': {'vendorId': 'x', 'text': '%s'}", text);
    static const struct {
        int count;
        bool is_long;
        const char *code; /* NULL: it is taken */
    } rows[] = {
        { 100, false, NULL },
        { 101, false, "OccurrenceConstraintViolation" },
        { 40, true, "FormatViolation" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf request;
        buf_init(&request, 1 << 20);
        buf_text(&request, "{'requestId': 1, 'componentVariable': [");
        for (int n = 0; n < rows[i].count; n++)
            buf_printf(&request, "%s" FILTER, n ? ", " : "", rows[i].is_long ? long_item : "");
        buf_text(&request, "]}");
        if (rows[i].code)
            bench_call_error(b, "GetReport", buf_string(&request), rows[i].code);
        else
            bench_call(b, "GetReport", buf_string(&request), "{'status': 'Accepted'}");
        buf_done(&request);
        bench_forget(b);
    }
}

static void what_does_not_exist_gives_an_empty_result(void **state) /* B08.FR.15 */
{
    struct bench *b = *state;
    bench_call(b, "GetReport", /* no component here has instances: B08.FR.24 */
               "{'requestId': 1, 'componentVariable': [{'component': {'name': 'TxCtrlr', 'instance': 'x'}}]}",
               "{'status': 'EmptyResultSet'}");
    bench_call(b, "GetReport",
               "{'requestId': 1, 'componentVariable': [{'component': {'name': 'NoSuchCtrlr'}}]}",
               "{'status': 'EmptyResultSet'}");
    bench_expect_nothing(b);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_full_inventory_has_the_whole_tree),
        TEST(the_full_inventory_has_what_the_specification_requires),
        TEST(an_item_tells_attribute_and_characteristics),
        TEST(the_configuration_inventory_has_what_can_be_set),
        cmocka_unit_test(every_item_is_whole),
        TEST(the_summary_tells_states_and_problems),
        cmocka_unit_test(parts_stay_within_the_size_of_a_message),
        TEST(one_report_is_sent_at_a_time),
        TEST(a_part_without_answer_is_sent_once_more),
        TEST(a_report_ends_with_the_link),
        cmocka_unit_test(get_report_follows_component_variables),
        TEST(get_report_follows_criteria),
        TEST(components_without_the_variable_meet_its_criterion),
        TEST(criteria_and_component_variables_both_count),
        TEST(too_large_a_question_is_refused),
        TEST(what_does_not_exist_gives_an_empty_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
