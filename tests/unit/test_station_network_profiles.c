/* Network connection profiles: setting them (B09), turning to them (B10), and never to a less secure one (A05). */
#include "tests/support/bench.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/session.h"

#define FACTORY "ws://csms.example/ocpp"
#define OTHER   "ws://other.example:8080/ocpp"
#define THIRD   "ws://third.example/"

static struct bench *bench_of(int security_profile, const char *url)
{
    struct bench *b = bench_new(&(struct bench_options){
        .security_profile = security_profile,
        .url = url,
        .password = security_profile > 0 ? "from-the-file-16" : NULL,
        .presets = { { "OCPPCommCtrlr", "RetryBackOffWaitMinimum", NULL, "10" },
                     { "OCPPCommCtrlr", "RetryBackOffRepeatTimes", NULL, "0" },
                     { "OCPPCommCtrlr", "RetryBackOffRandomRange", NULL, "0" },
                     { "OCPPCommCtrlr", "NetworkProfileConnectionAttempts", NULL, "2" } },
        .preset_count = 4 });
    bench_boot(b);
    return b;
}

static int setup(void **state)
{
    *state = bench_of(1, FACTORY);
    return 0;
}

static const char *profile_text(int slot, const char *url, int security_profile)
{
    static char text[1000];
    (void)snprintf(
        text, sizeof(text),
        "{'configurationSlot': %d, 'connectionData': {'ocppVersion': 'OCPP20', 'ocppTransport': 'JSON',"
        " 'ocppCsmsUrl': '%s', 'messageTimeout': 20, 'securityProfile': %d, 'ocppInterface': 'Wired0'}}",
        slot, url, security_profile);
    return text;
}

static void set_profile(struct bench *b, int slot, const char *url, int security_profile)
{
    bench_call(b, "SetNetworkProfile", profile_text(slot, url, security_profile), "{'status': 'Accepted'}");
}

#define PRIORITY(list)                                                                                       \
    "{'setVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"                     \
    " 'NetworkConfigurationPriority'}, 'attributeValue': '" list "'}]}"

static void expect_variable(struct bench *b, const char *component, const char *variable, const char *value)
{
    char request[300], result[200];
    (void)snprintf(request, sizeof(request),
                   "{'getVariableData': [{'component': {'name': '%s'}, 'variable': {'name': '%s'%s}}]}",
                   component, variable,
                   strcmp(variable, "MessageTimeout") == 0 ? ", 'instance': 'Default'" : "");
    (void)snprintf(result, sizeof(result), "{'getVariableResult': [{'attributeValue': '%s'}]}", value);
    bench_call(b, "GetVariables", request, result);
}

static void reset(struct bench *b)
{
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Accepted'}");
    bench_advance(b, 2000);
}

static void refuse(struct bench *b, const char *url)
{
    json_object_set_new(b->refuses, url, json_true());
}

static int64_t next_attempt_ms(struct bench *b)
{
    int before = b->connects;
    int64_t from_ms = b->now_ms;
    while (b->connects == before)
        bench_advance(b, 1);
    return b->now_ms - from_ms;
}

/* ---- B09 ---- */

static void a_profile_is_set_and_kept(void **state) /* B09.FR.01, B09.FR.06 */
{
    struct bench *b = *state;
    set_profile(b, 2, OTHER, 1);
    set_profile(b, 3, THIRD, 1);
    assert_non_null(bench_record(b, "network", "2"));
    assert_non_null(bench_record(b, "network", "3"));
    assert_int_equal(b->connects, 1); /* nothing else changes */
    bench_restart(b);
    bench_call(b, "SetVariables", PRIORITY("3,2,1"),
               "{'setVariableResult': [{'attributeStatus': 'Accepted'}]}");
    reset(b);
    assert_string_equal(b->url, THIRD);
}

static void the_slots_are_reported(void **state) /* B09.FR.06 */
{
    struct bench *b = *state;
    bench_call(
        b, "GetReport",
        "{'requestId': 1, 'componentVariable': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
        " 'NetworkConfigurationPriority'}}]}",
        "{'status': 'Accepted'}");
    bench_expect(b, "NotifyReport",
                 "{'reportData': [{'variableAttribute': [{'value': '1', 'mutability': 'ReadWrite'}],"
                 " 'variableCharacteristics': {'dataType': 'SequenceList', 'valuesList': '1,2,3'}}]}");
    expect_variable(b, "OCPPCommCtrlr", "ActiveNetworkProfile", "1");
}

static void what_cannot_be_used_is_rejected(void **state) /* B09.FR.02, B09.FR.05 */
{
    struct bench *b = *state;
#define DATA(version, transport, url, timeout, profile, rest)                                                \
    "{'configurationSlot': 2, 'connectionData': {'ocppVersion': '" version "', 'ocppTransport': '" transport \
    "', 'ocppCsmsUrl': '" url "', 'messageTimeout': " timeout ", 'securityProfile': " profile                \
    ", 'ocppInterface': 'Wired0'" rest "}}"
    static const char *const bad[] = {
        DATA("OCPP16", "JSON", OTHER, "30", "1", ""),
        DATA("OCPP20", "SOAP", OTHER, "30", "1", ""),
        DATA("OCPP20", "JSON", OTHER, "0", "1", ""),
        DATA("OCPP20", "JSON", OTHER, "-5", "1", ""),
        DATA("OCPP20", "JSON", OTHER, "100000", "1", ""),
        DATA("OCPP20", "JSON", OTHER, "30", "4", ""),
        DATA("OCPP20", "JSON", OTHER, "30", "-1", ""),
        DATA("OCPP20", "JSON", OTHER, "30", "2", ""), /* TLS needs wss */
        DATA("OCPP20", "JSON", "wss://other.example/", "30", "1", ""),
        DATA("OCPP20", "JSON", "http://other.example/", "30", "1", ""),
        DATA("OCPP20", "JSON", "", "30", "1", ""),
        DATA("OCPP20", "JSON", "ws://", "30", "1", ""),
        DATA("OCPP20", "JSON", "ws:///path", "30", "1", ""),
        DATA("OCPP20", "JSON", "ws://user:secret@host/", "30", "1", ""),
        DATA("OCPP20", "JSON", "ws://host name/", "30", "1", ""),
        DATA("OCPP20", "JSON", "ws://host:0/", "30", "1", ""),
        DATA("OCPP20", "JSON", "ws://host:65536/", "30", "1", ""),
        DATA("OCPP20", "JSON", "ws://host:port/", "30", "1", ""),
        DATA("OCPP20", "JSON", "ws://host:1234567890/", "30", "1", ""),
        DATA("OCPP20", "JSON", "ws://[::1", "30", "1", ""),
        DATA("OCPP20", "JSON", "ws://host/?query", "30", "1", ""),
        DATA("OCPP20", "JSON", OTHER, "30", "1", ", 'apn': {'apn': 'internet', 'apnAuthentication': 'NONE'}"),
        DATA("OCPP20", "JSON", OTHER, "30", "1",
             ", 'vpn': {'server': 's', 'user': 'u', 'password': 'p', 'key': 'k', 'type': 'IPSec'}"),
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        bench_call(b, "SetNetworkProfile", bad[i],
                   "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'InvalidNetworkConf', "
                   "'additionalInfo': '*'}}");
    static const int slots[] = { -1, 0, 4, 999 };
    for (size_t i = 0; i < ARRAY_SIZE(slots); i++)
        bench_call(b, "SetNetworkProfile", profile_text(slots[i], OTHER, 1),
                   "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'InvalidConfSlot'}}");
    assert_null(bench_record(b, "network", "2"));
    bench_call(b, "SetNetworkProfile", DATA("OCPP20", "JSON", "ws://[::1]:8080/x", "30", "1", ""),
               "{'status': 'Accepted'}");
}

static void what_cannot_be_stored_fails(void **state) /* B09.FR.03 */
{
    struct bench *b = *state;
    b->store_refuses = true;
    bench_call(b, "SetNetworkProfile", profile_text(2, OTHER, 1), "{'status': 'Failed'}");
    b->store_refuses = false;
    bench_call(b, "SetVariables", PRIORITY("2,1"),
               "{'setVariableResult': [{'attributeStatus': 'Rejected'}]}");
}

static void a_less_secure_profile_is_rejected(void **state) /* B09.FR.04, A05.FR.10 */
{
    (void)state;
    struct bench *b = bench_of(2, "wss://csms.example/ocpp");
    bench_call(b, "SetNetworkProfile", profile_text(2, OTHER, 1),
               "{'status': 'Rejected', 'statusInfo': {'reasonCode': 'NoSecurityDowngrade'}}");
    set_profile(b, 2, "wss://other.example/", 2);
    bench_free(b);
}

/* ---- B10 ---- */

static void only_slots_that_are_set_can_be_named(void **state) /* B10.FR.01, B10.FR.02 */
{
    struct bench *b = *state;
    bench_call(b, "SetVariables", PRIORITY("2,1"),
               "{'setVariableResult': [{'attributeStatus': 'Rejected', 'attributeStatusInfo': {'reasonCode':"
               " 'InvalidNetworkConf'}}]}");
    bench_call(b, "SetVariables", PRIORITY("4"), "{'setVariableResult': [{'attributeStatus': 'Rejected'}]}");
    bench_call(b, "SetVariables", PRIORITY("1,1"),
               "{'setVariableResult': [{'attributeStatus': 'Rejected'}]}");
    bench_call(b, "SetVariables", PRIORITY(""), "{'setVariableResult': [{'attributeStatus': 'Rejected'}]}");
    set_profile(b, 2, OTHER, 1);
    bench_call(b, "SetVariables", PRIORITY("2,1"),
               "{'setVariableResult': [{'attributeStatus': 'Accepted'}]}");
    expect_variable(b, "OCPPCommCtrlr", "NetworkConfigurationPriority", "2,1");
}

static void a_reboot_turns_to_the_first_entry(void **state) /* B10.FR.04, B10.FR.06, A05.FR.05 */
{
    struct bench *b = *state;
    set_profile(b, 2, OTHER, 1);
    session_set(b, "OCPPCommCtrlr", "NetworkConfigurationPriority", "2,1");
    assert_int_equal(b->connects, 1); /* not before */
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Accepted'}");
    assert_false(b->is_up); /* away from the old one first */
    bench_advance(b, 2000);
    assert_string_equal(b->url, OTHER);
    bench_expect(b, "BootNotification", "{'reason': 'RemoteReset'}");
    expect_variable(b, "OCPPCommCtrlr", "ActiveNetworkProfile", "2");
    expect_variable(b, "OCPPCommCtrlr", "MessageTimeout", "20");
    bench_restart(b);
    assert_string_equal(b->url, OTHER);
}

static void each_entry_gets_its_attempts(void **state) /* B10.FR.03 */
{
    struct bench *b = *state;
    set_profile(b, 2, OTHER, 1);
    session_set(b, "OCPPCommCtrlr", "NetworkConfigurationPriority", "2,1");
    refuse(b, OTHER);
    bench_forget(b);
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Accepted'}");
    next_attempt_ms(b);
    assert_string_equal(b->url, OTHER);
    assert_int_equal(next_attempt_ms(b), 10000);
    assert_string_equal(b->url,
                        FACTORY); /* the second failed at once, and this is the first of the next entry */
    assert_int_equal(b->connects, 4);
    bench_expect(b, "BootNotification", "{}");
    expect_variable(b, "OCPPCommCtrlr", "ActiveNetworkProfile", "1");
    expect_variable(b, "OCPPCommCtrlr", "MessageTimeout", "35");
}

static void when_all_fail_the_last_good_one_is_reconnected(void **state) /* B10.FR.07, B10.FR.09 */
{
    struct bench *b = *state;
    session_set(b, "OCPPCommCtrlr", "NetworkProfileConnectionAttempts", "1");
    set_profile(b, 2, OTHER, 1);
    session_set(b, "OCPPCommCtrlr", "NetworkConfigurationPriority", "2,1");
    refuse(b, OTHER);
    b->link_available = false;
    bench_call(b, "Reset", "{'type': 'OnIdle'}", "{'status': 'Accepted'}");
    next_attempt_ms(b);
    assert_string_equal(b->url, FACTORY); /* once there, once here */
    assert_int_equal(b->connects, 3);
    b->link_available = true;
    assert_int_equal(next_attempt_ms(b), 10000);
    assert_string_equal(b->url, FACTORY);
    assert_true(b->is_up);
}

static void it_goes_on_with_all_of_them(void **state) /* B10.FR.08, B10.FR.09 */
{
    struct bench *b = *state;
    set_profile(b, 2, OTHER, 1);
    session_set(b, "OCPPCommCtrlr", "NetworkConfigurationPriority", "2,1");
    b->link_available = false;
    reset(b);
    int at_other = 0, at_factory = 0;
    for (int i = 0; i < 20; i++) {
        int64_t wait_ms = next_attempt_ms(b);
        if (i > 4)
            assert_int_equal(wait_ms, 10000); /* without haste */
        at_other += strcmp(b->url, OTHER) == 0;
        at_factory += strcmp(b->url, FACTORY) == 0;
    }
    assert_true(at_other >= 4 && at_factory >= 4);
    b->link_available = true;
    bench_advance(b, 20000);
    assert_true(b->is_up);
}

static void a_lost_link_goes_through_the_entries_too(void **state) /* B10.FR.03, B10.FR.10 */
{
    struct bench *b = *state;
    set_profile(b, 2, OTHER, 1);
    session_set(b, "OCPPCommCtrlr", "NetworkConfigurationPriority", "1,2");
    bench_forget(b);
    refuse(b, FACTORY);
    bench_link_lost(b);
    b->link_available = true;
    assert_int_equal(next_attempt_ms(b), 10000);
    next_attempt_ms(b);
    bench_settle(b);
    assert_string_equal(b->url, OTHER);
    bench_expect(b, "BootNotification", "{'reason': 'Unknown'}"); /* that CSMS does not know it */
    bench_expect_later(b, "StatusNotification", "{}");
    bench_link_lost(b);
    bench_link_back(b);
    assert_string_equal(b->url, OTHER);
    assert_int_equal(bench_count(b, "BootNotification"), 0); /* the same again: no new boot */
}

static void a_slot_set_anew_while_in_use_waits_for_the_reboot(void **state) /* B10.FR.04 */
{
    struct bench *b = *state;
    set_profile(b, 1, OTHER, 1);
    bench_link_lost(b);
    bench_link_back(b);
    assert_string_equal(b->url, FACTORY);
    refuse(b, OTHER);
    reset(b);
    assert_string_equal(b->url, OTHER);
    bench_advance(b, 60000);
    assert_string_equal(b->url, FACTORY); /* the last good one, though its slot has another by now */
    assert_true(b->is_up);
}

static void the_last_good_profile_survives_a_power_cut(void **state) /* B10.FR.07 */
{
    struct bench *b = *state;
    set_profile(b, 2, OTHER, 1);
    session_set(b, "OCPPCommCtrlr", "NetworkConfigurationPriority", "2");
    reset(b);
    assert_string_equal(b->url, OTHER);
    set_profile(b, 2, THIRD, 1);
    refuse(b, THIRD);
    bench_restart(b);
    assert_string_equal(b->url, THIRD);
    bench_advance(b, 60000);
    assert_string_equal(b->url, OTHER);
    assert_true(b->is_up);
}

/* There is no record of it: it was the configuration's. */
static void the_configurations_profile_is_gone_back_to_after_a_power_cut(void **state) /* B10.FR.07 */
{
    struct bench *b = *state;
    set_profile(b, 1, OTHER, 1);
    refuse(b, OTHER);
    bench_restart(b);
    assert_string_equal(b->url, OTHER);
    bench_advance(b, 60000);
    assert_string_equal(b->url, FACTORY);
    assert_true(b->is_up);
    bench_restart(b);
    bench_advance(b, 60000);
    assert_string_equal(b->url, FACTORY);
    assert_true(b->is_up);
}

static void a_new_csms_in_the_configuration_takes_the_station_back(void **state)
{
    struct bench *b = *state;
    set_profile(b, 2, OTHER, 1);
    session_set(b, "OCPPCommCtrlr", "NetworkConfigurationPriority", "2");
    reset(b);
    assert_string_equal(b->url, OTHER);
    b->options.url = THIRD;
    bench_restart(b);
    assert_string_equal(b->url, THIRD);
    expect_variable(b, "OCPPCommCtrlr", "NetworkConfigurationPriority", "1");
    bench_restart(b);
    assert_string_equal(b->url, THIRD);
}

static void what_is_stored_and_not_readable_is_left_out(void **state)
{
    struct bench *b = *state;
    static const char *const rows[][2] = {
        { "network/2", "{" },       { "network/3", "{\"ocppCsmsUrl\": 5}" }, { "network/good", "[]" },
        { "network/9", "{}" },      { "network/security_profile", "7" },     { "network/", "" },
        { "network/good", "null" },
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        json_object_set_new(b->records, rows[i][0], json_string(rows[i][1]));
    bench_restart(b);
    assert_string_equal(b->url, FACTORY);
    assert_true(b->is_up);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, bench_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_profile_is_set_and_kept),
        TEST(the_slots_are_reported),
        TEST(what_cannot_be_used_is_rejected),
        TEST(what_cannot_be_stored_fails),
        cmocka_unit_test(a_less_secure_profile_is_rejected),
        TEST(only_slots_that_are_set_can_be_named),
        TEST(a_reboot_turns_to_the_first_entry),
        TEST(each_entry_gets_its_attempts),
        TEST(when_all_fail_the_last_good_one_is_reconnected),
        TEST(it_goes_on_with_all_of_them),
        TEST(a_lost_link_goes_through_the_entries_too),
        TEST(a_slot_set_anew_while_in_use_waits_for_the_reboot),
        TEST(the_last_good_profile_survives_a_power_cut),
        TEST(the_configurations_profile_is_gone_back_to_after_a_power_cut),
        TEST(a_new_csms_in_the_configuration_takes_the_station_back),
        TEST(what_is_stored_and_not_readable_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
