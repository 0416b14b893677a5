/* Messages: the table's edges, and what a violation says. That verdicts are right is shown on many thousand
 * messages by tests/system/test_message_tables.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "ocpp/message.h"

static void all_actions_are_found_by_their_exact_name(void **state)
{
    (void)state;
    size_t count = 0;
    for (const struct message *m; (m = message_at(&message_table_201, count)); count++) {
        assert_ptr_equal(message_find(message_name(m)), m);
        assert_true(count == 0 ||
                    strcmp(message_name(message_at(&message_table_201, count - 1)), message_name(m)) < 0);
    }
    assert_int_equal(count, 64);
    static const char *const unknown[] = { "",    "bootNotification", "BootNotificationRequest", "A", "Zzz",
                                           "Boot" };
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
        assert_null(message_find(unknown[i]));
}

static void a_violation_says_where_and_what(void **state)
{
    (void)state;
    static const struct {
        const char *action, *payload;
        enum violation_kind kind;
        const char *path, *text;
    } rows[] = {
        { "Heartbeat", "{}", VIOLATION_NONE, "", "" },
        { "Heartbeat", "{\"customData\": {\"vendorId\": \"v\", \"x\": [1]}}", VIOLATION_NONE, "", "" },
        { "Heartbeat", "[]", VIOLATION_FORMAT, "", "payload is no object" },
        { "Heartbeat", "null", VIOLATION_FORMAT, "", "payload is no object" },
        { "Heartbeat", "{\"x\\ny\": 1}", VIOLATION_FORMAT, "x?y", "is no property of HeartbeatRequest" },
        { "Reset", "{}", VIOLATION_OCCURRENCE, "type", "is missing" },
        { "Reset", "{\"type\": \"Now\"}", VIOLATION_PROPERTY, "type", "is no value of ResetEnumType" },
        { "Reset", "{\"type\": 1}", VIOLATION_TYPE, "type", "is an integer, expected a string" },
        { "Reset", "{\"type\": null}", VIOLATION_TYPE, "type", "is null, expected a string" },
        { "Reset", "{\"type\": \"OnIdle\", \"evseId\": 1.5}", VIOLATION_TYPE, "evseId",
          "is a number, expected an integer" },
        { "Reset", "{\"type\": \"OnIdle\", \"evseId\": 1.0}", VIOLATION_NONE, "", "" },
        { "GetVariables", "{\"getVariableData\": []}", VIOLATION_OCCURRENCE, "getVariableData",
          "has 0 items, at least 1 are expected" },
        { "GetVariables", "{\"getVariableData\": {}}", VIOLATION_TYPE, "getVariableData",
          "is an object, expected an array" },
        { "GetVariables",
          "{\"getVariableData\": [{\"component\": {\"name\": \"c\"}, \"variable\": {\"name\": \"v\"}}, "
          "{\"component\": {\"name\": \"c\", \"evse\": {\"id\": true}}, \"variable\": {\"name\": \"v\"}}]}",
          VIOLATION_TYPE, "getVariableData[1].component.evse.id", "is a boolean, expected an integer" },
        { "GetVariables",
          "{\"getVariableData\": [{\"component\": {\"name\": "
          "\"\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4\xC3\xA4"
          "1234567890123456789012345678901234567890x\"}, \"variable\": {\"name\": \"v\"}}]}",
          VIOLATION_PROPERTY, "getVariableData[0].component.name",
          "has 51 characters, at most 50 are allowed" },
        { "GetLog",
          "{\"log\": {\"remoteLocation\": \"x\", \"oldestTimestamp\": \"yesterday\"}, "
          "\"logType\": \"SecurityLog\", \"requestId\": 1}",
          VIOLATION_PROPERTY, "log.oldestTimestamp", "is no RFC 3339 time such as 2026-01-31T12:00:00.000Z" },
        { "SetVariableMonitoring",
          "{\"setMonitoringData\": [{\"value\": -1, \"type\": \"Delta\", \"severity\": -1, "
          "\"component\": {\"name\": \"c\"}, \"variable\": {\"name\": \"v\"}}]}",
          VIOLATION_NONE, "", "" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        AUTO(json_t) *payload = json_from_text(rows[i].payload, strlen(rows[i].payload));
        struct violation violation;
        assert_non_null(payload);
        bool valid = message_validate(message_find(rows[i].action), MESSAGE_REQUEST, payload, &violation);
        assert_int_equal(valid, rows[i].kind == VIOLATION_NONE);
        assert_int_equal(violation.kind, rows[i].kind);
        assert_string_equal(violation.path, rows[i].path);
        assert_string_equal(violation.text, rows[i].text);
        assert_int_equal(message_validate(message_find(rows[i].action), MESSAGE_REQUEST, payload, NULL),
                         valid);
    }
}

static void an_endless_name_is_cut_off(void **state)
{
    (void)state;
    char name[3001];
    struct violation violation;
    for (size_t i = 0; i + 2 < sizeof(name); i += 2)
        memcpy(name + i, "\xC3\xA4", 2);
    name[sizeof(name) - 1] = '\0';
    AUTO(json_t) *payload = json_pack("{s:i}", name, 1);
    assert_false(message_validate(message_find("Heartbeat"), MESSAGE_REQUEST, payload, &violation));
    assert_int_equal(strlen(violation.path), sizeof(violation.path) - 1);
    assert_string_equal(violation.path + strspn(violation.path, "?"), "");
}

static void request_and_response_are_told_apart(void **state)
{
    (void)state;
    AUTO(json_t) *payload = json_pack("{s:s}", "currentTime", "2026-01-31T12:00:00Z");
    const struct message *heartbeat = message_find("Heartbeat");
    assert_true(message_validate(heartbeat, MESSAGE_RESPONSE, payload, NULL));
    assert_false(message_validate(heartbeat, MESSAGE_REQUEST, payload, NULL));
    assert_false(message_validate(heartbeat, MESSAGE_REQUEST, NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_actions_are_found_by_their_exact_name),
        cmocka_unit_test(a_violation_says_where_and_what),
        cmocka_unit_test(an_endless_name_is_cut_off),
        cmocka_unit_test(request_and_response_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
