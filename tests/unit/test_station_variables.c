/* GetVariables, SetVariables, presets (B05, B06, A01). */
#include "tests/support/bench.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"

struct row {
    const char *component, *variable, *value; /* component and variable: members of a JSON object */
    const char *result;
};

static void get(struct bench *b, const char *component, const char *variable, const char *result)
{
    char request[400], expected[400];
    snprintf(request, sizeof(request), "{'getVariableData': [{'component': {%s}, 'variable': {%s}}]}",
             component, variable);
    snprintf(expected, sizeof(expected), "{'getVariableResult': [{'component': {%s}, 'variable': {%s}, %s}]}",
             component, variable, result);
    bench_call(b, "GetVariables", request, expected);
}

static void set(struct bench *b, const char *component, const char *variable, const char *value,
                const char *result)
{
    char request[400], expected[400];
    snprintf(request, sizeof(request),
             "{'setVariableData': [{'component': {%s}, 'variable': {%s}, 'attributeValue': '%s'}]}",
             component, variable, value);
    snprintf(expected, sizeof(expected), "{'setVariableResult': [{'component': {%s}, 'variable': {%s}, %s}]}",
             component, variable, result);
    bench_call(b, "SetVariables", request, expected);
}

static void every_kind_of_question_gets_its_answer(void **state) /* B06.FR.02, B06.FR.04, B06.FR.10 */
{
    static const struct row rows[] = {
        { "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", NULL,
          "'attributeStatus': 'Accepted', 'attributeValue': '60', 'attributeType': 'Actual'" }, /* B06.FR.11 */
        { "'name': 'ocppcommctrlr'", "'name': 'OFFLINETHRESHOLD'", NULL, "'attributeStatus': 'Accepted'" },
        { "'name': 'OCPPCommCtrlr'", "'name': 'MessageAttempts', 'instance': 'TransactionEvent'", NULL,
          "'attributeStatus': 'Accepted', 'attributeValue': '5'" }, /* B06.FR.14 */
        { "'name': 'OCPPCommCtrlr'", "'name': 'MessageAttempts'", NULL,
          "'attributeStatus': 'UnknownVariable', 'attributeValue': null" }, /* B06.FR.15 */
        { "'name': 'OCPPCommCtrlr'", "'name': 'MessageAttempts', 'instance': ''", NULL,
          "'attributeStatus': 'UnknownVariable'" },
        { "'name': 'OCPPCommCtrlr'", "'name': 'MessageAttempts', 'instance': 'Other'", NULL,
          "'attributeStatus': 'UnknownVariable'" },
        { "'name': 'OCPPCommCtrlr', 'instance': 'x'", "'name': 'OfflineThreshold'", NULL,
          "'attributeStatus': 'UnknownComponent'" },
        { "'name': 'NoSuchCtrlr'", "'name': 'OfflineThreshold'", NULL,
          "'attributeStatus': 'UnknownComponent', 'attributeValue': null" }, /* B06.FR.06 */
        { "'name': 'OCPPCommCtrlr'", "'name': 'NoSuchVariable'", NULL,
          "'attributeStatus': 'UnknownVariable', 'attributeValue': null" }, /* B06.FR.07 */
        { "'name': 'AuthCtrlr'", "'name': 'MasterPassGroupId'", NULL,
          "'attributeStatus': 'Accepted', 'attributeValue': ''" }, /* B06.FR.13 */
        { "'name': 'EVSE', 'evse': {'id': 1}", "'name': 'AvailabilityState'", NULL,
          "'attributeValue': 'Available'" },
        { "'name': 'EVSE', 'evse': {'id': 1}", "'name': 'SupplyPhases'", NULL, "'attributeValue': '3'" },
        { "'name': 'EVSE', 'evse': {'id': 2}", "'name': 'SupplyPhases'", NULL,
          "'attributeStatus': 'UnknownComponent'" },
        { "'name': 'EVSE'", "'name': 'SupplyPhases'", NULL, "'attributeStatus': 'UnknownComponent'" },
        { "'name': 'EVSE', 'evse': {'id': 1, 'connectorId': 1}", "'name': 'SupplyPhases'", NULL,
          "'attributeStatus': 'UnknownComponent'" },
        { "'name': 'Connector', 'evse': {'id': 1, 'connectorId': 1}", "'name': 'ConnectorType'", NULL,
          "'attributeValue': 'sType2'" },
        { "'name': 'Connector', 'evse': {'id': 1, 'connectorId': 2}", "'name': 'ConnectorType'", NULL,
          "'attributeStatus': 'UnknownComponent'" },
        { "'name': 'ChargingStation'", "'name': 'Model'", NULL, "'attributeValue': 'AC22'" },
        { "'name': 'ChargingStation', 'evse': {'id': 1}", "'name': 'Model'", NULL,
          "'attributeStatus': 'UnknownComponent'" },
        { "'name': 'ClockCtrlr'", "'name': 'DateTime'", NULL,
          "'attributeValue': '2026-01-31T12:00:00.000Z'" },
        { "'name': 'SecurityCtrlr'", "'name': 'Identity'", NULL, "'attributeValue': 'CS-1'" },
        { "'name': 'SecurityCtrlr'", "'name': 'BasicAuthPassword'", NULL, /* security profile 0 */
          "'attributeStatus': 'UnknownVariable'" },
        { "'name': 'DeviceDataCtrlr'", "'name': 'BytesPerMessage', 'instance': 'GetReport'", NULL,
          "'attributeValue': '32768'" },
        { "'name': 'AlignedDataCtrlr'", "'name': 'Measurands'",
          NULL, /* what the devices do not have is left out */
          "'attributeValue': 'Current.Import,Energy.Active.Import.Register,Power.Active.Import,Voltage'" },
    };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        get(b, rows[i].component, rows[i].variable, rows[i].result);
}

/* Part 2, 2.1.27-29: what a display of the station shows. */
static void the_local_time_follows_its_offset_and_the_next_one(void **state)
{
    static const struct {
        const char *variable, *value, *status;
    } rows[] = {
        { "'name': 'TimeOffset'", "1:00", "'attributeStatus': 'Rejected'" },
        { "'name': 'TimeOffset'", "+01.00", "'attributeStatus': 'Rejected'" },
        { "'name': 'TimeOffset'", "+01:60", "'attributeStatus': 'Rejected'" },
        { "'name': 'TimeOffset'", "+14:01", "'attributeStatus': 'Rejected'" },
        { "'name': 'TimeOffset'", "-03:30", "'attributeStatus': 'Accepted'" },
        { "'name': 'TimeOffset', 'instance': 'NextTransition'", "summer", "'attributeStatus': 'Rejected'" },
        { "'name': 'TimeOffset', 'instance': 'NextTransition'", "+02:00", "'attributeStatus': 'Accepted'" },
        { "'name': 'NextTimeOffsetTransitionDateTime'", "2026-02-30T01:00:00Z",
          "'attributeStatus': 'Rejected'" },
        { "'name': 'NextTimeOffsetTransitionDateTime'", "2026-01-31T12:00:10Z",
          "'attributeStatus': 'Accepted'" },
    };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        set(b, "'name': 'ClockCtrlr'", rows[i].variable, rows[i].value, rows[i].status);
    AUTO(json_t) *before = station_status(b->station);
    assert_string_equal(json_get_string(before, "local_time", ""), "2026-01-31T08:30:00.000-03:30");
    bench_restart(b);
    bench_advance(b, 10000);
    get(b, "'name': 'ClockCtrlr'", "'name': 'TimeOffset'", "'attributeValue': '+02:00'");
    AUTO(json_t) *after = station_status(b->station);
    assert_non_null(strstr(json_get_string(after, "local_time", ""), "T14:00:"));
    set(b, "'name': 'ClockCtrlr'", "'name': 'TimeOffset'", "+01:00", "'attributeStatus': 'Accepted'");
    get(b, "'name': 'ClockCtrlr'", "'name': 'TimeOffset'", "'attributeValue': '+01:00'");
}

static void other_attributes_are_not_supported(void **state) /* B05.FR.03, .06; B06.FR.03, .08 */
{
    struct bench *b = *state;
    bench_call(
        b, "GetVariables",
        "{'getVariableData': [{'attributeType': 'Target', 'component': {'name': 'OCPPCommCtrlr'},"
        " 'variable': {'name': 'OfflineThreshold'}}]}",
        "{'getVariableResult': [{'attributeStatus': 'NotSupportedAttributeType', 'attributeType': 'Target',"
        " 'attributeValue': null}]}");
    bench_call(b, "SetVariables",
               "{'setVariableData': [{'attributeType': 'MaxSet', 'attributeValue': '1', 'component': {'name':"
               " 'OCPPCommCtrlr'}, 'variable': {'name': 'OfflineThreshold'}}]}",
               "{'setVariableResult': [{'attributeStatus': 'NotSupportedAttributeType', 'attributeType':"
               " 'MaxSet'}]}");
}

static void every_kind_of_value_is_checked(void **state) /* B05.FR.02, B05.FR.07, B05.FR.08 */
{
#define ACCEPTED    "'attributeStatus': 'Accepted', 'attributeType': 'Actual', 'attributeStatusInfo': null"
#define REJECTED(r) "'attributeStatus': 'Rejected', 'attributeStatusInfo': {'reasonCode': '" r "'}"
    static const struct row rows[] = {
        { "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "90",
          ACCEPTED }, /* B05.FR.10, B05.FR.12 */
        { "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "0", ACCEPTED },
        { "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "-1",
          REJECTED("ValueOutOfRange") }, /* B05.FR.08 */
        { "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "99999999", REJECTED("ValueOutOfRange") },
        { "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "1.5",
          REJECTED("InvalidValue") }, /* B05.FR.07 */
        { "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "soon", REJECTED("InvalidValue") },
        { "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "", REJECTED("InvalidValue") },
        { "'name': 'OCPPCommCtrlr'", "'name': 'HeartbeatInterval'", "0", REJECTED("ValueOutOfRange") },
        { "'name': 'AuthCtrlr'", "'name': 'Enabled'", "true", ACCEPTED },
        { "'name': 'AuthCtrlr'", "'name': 'Enabled'", "1", REJECTED("InvalidValue") },
        { "'name': 'TxCtrlr'", "'name': 'TxStartPoint'", "EVConnected,Authorized", ACCEPTED },
        { "'name': 'TxCtrlr'", "'name': 'TxStartPoint'", "Authorized, EVConnected", ACCEPTED },
        { "'name': 'TxCtrlr'", "'name': 'TxStartPoint'", "Authorized,Authorized", REJECTED("InvalidValue") },
        { "'name': 'TxCtrlr'", "'name': 'TxStartPoint'", "DataSigned", REJECTED("InvalidValue") },
        { "'name': 'TxCtrlr'", "'name': 'TxStartPoint'", "ParkingBayOccupancy",
          REJECTED("InvalidValue") }, /* none is seen */
        { "'name': 'TxCtrlr'", "'name': 'TxStartPoint'", "", REJECTED("ValueOutOfRange") },
        { "'name': 'AlignedDataCtrlr'", "'name': 'Measurands'", "", ACCEPTED }, /* none */
        { "'name': 'AlignedDataCtrlr'", "'name': 'Measurands'", "Voltage,Current.Import", ACCEPTED },
        { "'name': 'AlignedDataCtrlr'", "'name': 'Measurands'", "SoC", REJECTED("InvalidValue") },
        { "'name': 'SmartChargingCtrlr'", "'name': 'LimitChangeSignificance'", "2.5", ACCEPTED },
        { "'name': 'SmartChargingCtrlr'", "'name': 'LimitChangeSignificance'", "1e9",
          REJECTED("ValueOutOfRange") },
        { "'name': 'SmartChargingCtrlr'", "'name': 'LimitChangeSignificance'", "nan",
          REJECTED("InvalidValue") },
        { "'name': 'SmartChargingCtrlr'", "'name': 'LimitChangeSignificance'", "0x10",
          REJECTED("InvalidValue") },
        { "'name': 'SmartChargingCtrlr'", "'name': 'LimitChangeSignificance'", "true",
          REJECTED("InvalidValue") },
        { "'name': 'SmartChargingCtrlr'", "'name': 'LimitChangeSignificance'", "2026-01-31T12:00:00Z",
          REJECTED("InvalidValue") },
        { "'name': 'AuthCtrlr'", "'name': 'MasterPassGroupId'", "0123456789012345678901234567890123456",
          REJECTED("ValueOutOfRange") },
        { "'name': 'OCPPCommCtrlr'", "'name': 'MessageTimeout', 'instance': 'Default'", "10",
          REJECTED("ReadOnly") }, /* B05.FR.09 */
        { "'name': 'EVSE', 'evse': {'id': 1}", "'name': 'AvailabilityState'", "Available",
          REJECTED("ReadOnly") },
        { "'name': 'NoSuchCtrlr'", "'name': 'Enabled'", "true",
          "'attributeStatus': 'UnknownComponent'" }, /* B05.FR.04 */
        { "'name': 'AuthCtrlr'", "'name': 'NoSuchVariable'", "true",
          "'attributeStatus': 'UnknownVariable'" }, /* B05.FR.05 */
    };
    struct bench *b = *state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        set(b, rows[i].component, rows[i].variable, rows[i].value, rows[i].result);
}

static void each_item_gets_its_own_result_in_order(void **state) /* B05.FR.01, B06.FR.01 */
{
    struct bench *b = *state;
    bench_call(
        b, "SetVariables",
        "{'setVariableData': ["
        "{'component': {'name': 'NoSuchCtrlr'}, 'variable': {'name': 'x'}, 'attributeValue': '1'},"
        "{'component': {'name': 'AuthCtrlr'}, 'variable': {'name': 'LocalPreAuthorize'}, 'attributeValue':"
        " 'true'},"
        "{'component': {'name': 'AuthCtrlr'}, 'variable': {'name': 'Enabled'}, 'attributeValue': 'maybe'}]}",
        "{'setVariableResult': [{'attributeStatus': 'UnknownComponent'}, {'attributeStatus': 'Accepted'},"
        " {'attributeStatus': 'Rejected'}]}");
    bench_call(b, "GetVariables",
               "{'getVariableData': ["
               "{'component': {'name': 'AuthCtrlr'}, 'variable': {'name': 'LocalPreAuthorize'}},"
               "{'component': {'name': 'NoSuchCtrlr'}, 'variable': {'name': 'x'}},"
               "{'component': {'name': 'AuthCtrlr'}, 'variable': {'name': 'Enabled'}}]}",
               "{'getVariableResult': [{'attributeValue': 'true'}, {'attributeStatus': 'UnknownComponent'},"
               " {'attributeValue': 'true'}]}");
}

static void what_was_set_survives_a_power_cut(void **state)
{
    struct bench *b = *state;
    set(b, "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "90", ACCEPTED);
    bench_restart(b);
    get(b, "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "'attributeValue': '90'");
}

static void nothing_is_accepted_before_it_is_stored(void **state)
{
    struct bench *b = *state;
    b->hold_commits = true;
    bench_frame(b,
                "[2,\"x\",\"SetVariables\",{\"setVariableData\":[{\"component\":{\"name\":\"OCPPCommCtrlr\"},"
                "\"variable\":{\"name\":\"OfflineThreshold\"},\"attributeValue\":\"90\"}]}]");
    assert_null(json_object_get(b->responses, "x"));
    bench_restart(b);
    get(b, "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "'attributeValue': '60'");
}

static void a_store_that_refuses_makes_it_rejected(void **state) /* B05.FR.09 */
{
    struct bench *b = *state;
    b->store_refuses = true;
    set(b, "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "90", REJECTED("InternalError"));
    b->store_refuses = false;
    get(b, "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "'attributeValue': '60'");
}

/* {list: [item, item, ...]} as text, to be freed. */
static char *many(const char *list, size_t count, const char *item)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_printf(&text, "{'%s': [%s", list, item);
    for (size_t i = 1; i < count; i++)
        buf_printf(&text, ", %s", item);
    buf_text(&text, "]}");
    assert_int_equal(text.err, 0);
    char *copy = strdup(buf_string(&text));
    buf_done(&text);
    return copy;
}

#define NAMES "'component': {'name': 'AuthCtrlr'}, 'variable': {'name': 'MasterPassGroupId'}"

static void as_many_items_as_are_reported_are_taken(void **state)
{
    struct bench *b = *state;
    get(b, "'name': 'DeviceDataCtrlr'", "'name': 'ItemsPerMessage', 'instance': 'GetVariables'",
        "'attributeValue': '100'");
    get(b, "'name': 'DeviceDataCtrlr'", "'name': 'ItemsPerMessage', 'instance': 'SetVariables'",
        "'attributeValue': '100'");
    AUTO_FREE char *all = many("getVariableData", 100, "{" NAMES "}");
    const json_t *answer = bench_request(b, "GetVariables", all);
    assert_int_equal(json_array_size(json_object_get(answer, "getVariableResult")), 100);
    AUTO_FREE char *set_all = many("setVariableData", 100, "{" NAMES ", 'attributeValue': 'x'}");
    answer = bench_request(b, "SetVariables", set_all);
    assert_int_equal(json_array_size(json_object_get(answer, "setVariableResult")), 100);
}

static void too_many_items_are_an_occurrence_violation(void **state) /* B06.FR.16 */
{
    struct bench *b = *state;
    AUTO_FREE char *all = many("getVariableData", 101, "{" NAMES "}");
    bench_call_error(b, "GetVariables", all, "OccurrenceConstraintViolation");
    AUTO_FREE char *set_all = many("setVariableData", 101, "{" NAMES ", 'attributeValue': 'x'}");
    bench_call_error(b, "SetVariables", set_all, "OccurrenceConstraintViolation");
}

static void too_many_bytes_are_a_format_violation(void **state) /* B06.FR.17 */
{
    char value[900], item[1100];
    struct bench *b = *state;
    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    snprintf(item, sizeof(item), "{" NAMES ", 'attributeValue': '%s'}", value);
    AUTO_FREE char *set_all = many("setVariableData", 40, item);
    bench_call_error(b, "SetVariables", set_all, "FormatViolation");
    snprintf(item, sizeof(item), "{" NAMES ", 'customData': {'vendorId': 'x', 'text': '%s'}}", value);
    AUTO_FREE char *all = many("getVariableData", 40, item);
    bench_call_error(b, "GetVariables", all, "FormatViolation");
}

static void a_preset_stands_below_what_the_csms_sets(void **state)
{
    (void)state;
    struct bench *b = bench_new(
        &(struct bench_options){ .presets = { { "OCPPCommCtrlr", "OfflineThreshold", NULL, "70" },
                                              { "OCPPCommCtrlr", "MessageTimeout", "Default", "20" } },
                                 .preset_count = 2 });
    bench_boot(b);
    get(b, "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "'attributeValue': '70'");
    get(b, "'name': 'OCPPCommCtrlr'", "'name': 'MessageTimeout', 'instance': 'Default'",
        "'attributeValue': '20'");
    set(b, "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "90", ACCEPTED);
    bench_restart(b);
    get(b, "'name': 'OCPPCommCtrlr'", "'name': 'OfflineThreshold'", "'attributeValue': '90'");
    bench_free(b);
}

static void a_wrong_preset_is_told_what_would_be_right(void **state)
{
    (void)state;
    static const struct {
        struct variable_preset preset;
        const char *said; /* NULL: it is right */
    } rows[] = {
        { { "OCPPCommCtrlr", "OfflineThreshold", NULL, "70" }, NULL },
        { { "AlignedDataCtrlr", "Measurands", NULL, "SoC,Voltage" }, NULL },
        { { "OCPPCommCtrlr", "OfflineTreshold", NULL, "70" }, "OfflineThreshold" },
        { { "OCPPComCtrlr", "OfflineThreshold", NULL, "70" }, "OCPPCommCtrlr" },
        { { "OCPPCommCtrlr", "OfflineThreshold", NULL, "x" }, "integer 0 to" },
        { { "TxCtrlr", "TxStartPoint", NULL, "Never" }, "EVConnected" },
        { { "AuthCtrlr", "Enabled", NULL, "yes" }, "boolean" },
        { { "ChargingStation", "Model", NULL, "x" }, "cannot be set" },
        { { "SecurityCtrlr", "BasicAuthPassword", NULL, "0123456789abcdef" }, "cannot be set" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char said[2000] = "";
        int r = station_check_preset(&rows[i].preset, said, sizeof(said));
        if (!rows[i].said)
            assert_int_equal(r, 0);
        else if (r >= 0 || !strstr(said, rows[i].said))
            fail_msg("%s.%s: \"%s\" says nothing of \"%s\"", rows[i].preset.component,
                     rows[i].preset.variable, said, rows[i].said);
    }
}

static void fixed_cables_are_never_unlocked(void **state) /* Part 2, 2.1.12 */
{
    (void)state;
    struct evse_abilities abilities = bench_abilities();
    abilities.unlock = false;
    struct bench *b = bench_new(&(struct bench_options){ .abilities = abilities });
    bench_boot(b);
    get(b, "'name': 'OCPPCommCtrlr'", "'name': 'UnlockOnEVSideDisconnect'", "'attributeValue': 'false'");
    set(b, "'name': 'OCPPCommCtrlr'", "'name': 'UnlockOnEVSideDisconnect'", "true", REJECTED("ReadOnly"));
    bench_free(b);
}

/* ---- the password (A01) ---- */

static struct bench *with_password(void)
{
    struct bench *b =
        bench_new(&(struct bench_options){ .security_profile = 1, .password = "from-the-file-16" });
    bench_boot(b);
    return b;
}

static void a_new_password_is_stored_and_used_at_once(void **state) /* A01.FR.01, .02 */
{
    (void)state;
    struct bench *b = with_password();
    assert_string_equal(b->password, "from-the-file-16");
    set(b, "'name': 'SecurityCtrlr'", "'name': 'BasicAuthPassword'", "a-new-password-of-the-csms", ACCEPTED);
    assert_int_equal(b->connects, 2);
    assert_string_equal(b->password, "a-new-password-of-the-csms");
    bench_expect_nothing(b); /* no new boot */
    bench_restart(b);
    assert_string_equal(b->password, "a-new-password-of-the-csms");
    bench_free(b);
}

static void a_new_password_is_in_the_security_log(void **state) /* A01.FR.11, A01.FR.12 */
{
    (void)state;
    struct bench *b = with_password();
    set(b, "'name': 'SecurityCtrlr'", "'name': 'BasicAuthPassword'", "a-new-password-of-the-csms", ACCEPTED);
    const char *name;
    json_t *value;
    int lines = 0;
    json_object_foreach(b->records, name, value)
    {
        const char *text = json_string_value(value);
        if (strncmp(name, "security_log/", strlen("security_log/")) != 0)
            continue;
        lines += strstr(text, "ReconfigurationOfSecurityParameters") && strstr(text, "BasicAuthPassword");
        assert_null(strstr(text, "a-new-password"));
    }
    assert_int_equal(lines, 1);
    bench_free(b);
}

static void the_password_cannot_be_read(void **state) /* B06.FR.09, errata to B07.FR.03 */
{
    (void)state;
    struct bench *b = with_password();
    get(b, "'name': 'SecurityCtrlr'", "'name': 'BasicAuthPassword'",
        "'attributeStatus': 'Rejected', 'attributeValue': null, 'attributeStatusInfo': {'reasonCode': "
        "'WriteOnly'}");
    bench_call(
        b, "GetReport",
        "{'requestId': 1, 'componentVariable': [{'component': {'name': 'SecurityCtrlr'}, 'variable': {'name':"
        " 'BasicAuthPassword'}}]}",
        "{'status': 'Accepted'}");
    bench_expect(b, "NotifyReport",
                 "{'reportData': [{'variableAttribute': [{'mutability': 'WriteOnly', 'value': null}]}]}");
    bench_free(b);
}

static void a_weak_password_is_rejected(void **state)
{
    (void)state;
    struct bench *b = with_password();
    set(b, "'name': 'SecurityCtrlr'", "'name': 'BasicAuthPassword'", "too-short",
        REJECTED("ValueOutOfRange"));
    set(b, "'name': 'SecurityCtrlr'", "'name': 'BasicAuthPassword'", "blanks are not allowed",
        REJECTED("InvalidValue"));
    assert_int_equal(b->connects, 1);
    bench_free(b);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_kind_of_question_gets_its_answer),
        TEST(the_local_time_follows_its_offset_and_the_next_one),
        TEST(other_attributes_are_not_supported),
        TEST(every_kind_of_value_is_checked),
        TEST(each_item_gets_its_own_result_in_order),
        TEST(what_was_set_survives_a_power_cut),
        TEST(nothing_is_accepted_before_it_is_stored),
        TEST(a_store_that_refuses_makes_it_rejected),
        TEST(as_many_items_as_are_reported_are_taken),
        TEST(too_many_bytes_are_a_format_violation),
        TEST(too_many_items_are_an_occurrence_violation),
        cmocka_unit_test(a_preset_stands_below_what_the_csms_sets),
        cmocka_unit_test(a_wrong_preset_is_told_what_would_be_right),
        cmocka_unit_test(fixed_cables_are_never_unlocked),
        cmocka_unit_test(a_new_password_is_stored_and_used_at_once),
        cmocka_unit_test(a_new_password_is_in_the_security_log),
        cmocka_unit_test(the_password_cannot_be_read),
        cmocka_unit_test(a_weak_password_is_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
