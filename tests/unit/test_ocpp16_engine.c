/* Chargers that speak OCPP 1.6J, in virtual time: who may charge, what the register is, what comes of bad messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "support/ocpp16_bench.h"

#define NOW "2026-09-21T14:13:30Z"
#define OLD "2026-09-21T10:00:00Z"

static const char profile_text[] =
    "profile: ocpp16\nvendor: x\nmodels: [x]\nprotocol: ocpp16\n"
    "points:\n"
    "  model: { at: model }\n"
    "  interval: { at: configuration MeterValueSampleInterval }\n"
    "  sign: { at: data acme.com show }\n"
    "  restart: { at: reset Hard }\n"
    "  all: { at: limit connector 0 }\n"
    "evses:\n"
    "  - connectors: [ { type: sType2, phases: 3, max_current: 32 } ]\n"
    "    count: 2\n"
    "    points:\n"
    "      status: { at: status }\n"
    "      error: { at: error_code }\n"
    "      tag: { at: id_tag }\n"
    "      transaction: { at: transaction }\n"
    "      plugged: { at: plugged }\n"
    "      free: { at: unauthorized_energy }\n"
    "      energy: { at: measurand Energy.Active.Import.Register, unit: kWh }\n"
    "      power: { at: measurand Power.Active.Import }\n"
    "      power_l2: { at: measurand Power.Active.Import phase L2 }\n"
    "      voltage: { at: measurand Voltage phase L1 }\n"
    "      warmth: { at: measurand Temperature location Body }\n"
    "      authorize: { at: authorize }\n"
    "      start: { at: remote_start }\n"
    "      stop: { at: remote_stop }\n"
    "      unlock: { at: unlock }\n"
    "      operative: { at: availability }\n"
    "      limit: { at: limit }\n"
    "      limit_w: { at: limit, unit: W }\n"
    "    signals:\n"
    "      state: [ { available: plugged == 0 }, { charging: status == \"Charging\" }, { connected: "
    "otherwise } ]\n";

static int prepare(void **state)
{
    *state = ocpp16_bench_new(profile_text);
    return 0;
}

static int clean_up(void **state)
{
    ocpp16_bench_free(*state);
    return 0;
}

/* Connected, booted, Preparing on connector 1, and all questions answered. */
static struct ocpp16_bench *ready(void **state)
{
    struct ocpp16_bench *b = *state;
    peer_open(b);
    peer_call(b, "BootNotification", "{'chargePointVendor':'v','chargePointModel':'m1'}");
    peer_call(b, "StatusNotification", "{'connectorId':1,'errorCode':'NoError','status':'Preparing'}");
    peer_call(b, "StatusNotification", "{'connectorId':2,'errorCode':'NoError','status':'Available'}");
    for (peer_pass(b, 3000); peer_has_sent(b, "TriggerMessage");)
        peer_answer(b, "{'status':'Rejected'}");
    peer_forget(b);
    return b;
}

static void start_with(struct ocpp16_bench *b, const char *tag, const char *when, int meter)
{
    char text[200];
    (void)snprintf(text, sizeof(text), "{'connectorId':1,'idTag':'%s','meterStart':%d,'timestamp':'%s'}", tag,
                   meter, when);
    peer_call(b, "StartTransaction", text);
}

/* The id that the answer gave. */
static int transaction_id(const struct ocpp16_bench *b)
{
    for (size_t i = 0; i < b->sent_count; i++) {
        const char *at = strstr(b->sent[i], "\"transactionId\":");
        if (at)
            return (int)strtol(at + 16, NULL, 10);
    }
    fail_msg("no transactionId");
    return 0;
}

static void stop_with(struct ocpp16_bench *b, int id, int meter, const char *rest)
{
    char text[300];
    (void)snprintf(text, sizeof(text), "{'transactionId':%d,'meterStop':%d,'timestamp':'" NOW "'%s}", id,
                   meter, rest);
    peer_call(b, "StopTransaction", text);
}

/* A session that the station asked for. */
static int running(struct ocpp16_bench *b)
{
    peer_write(b, "1.start", 1);
    peer_answer(b, "{'status':'Accepted'}");
    start_with(b, "any", NOW, 1000);
    assert_true(peer_has_sent(b, "'status':'Accepted'"));
    int id = transaction_id(b);
    peer_call(b, "StatusNotification", "{'connectorId':1,'errorCode':'NoError','status':'Charging'}");
    return id;
}

/* ---- coming and going ---- */

static void a_charger_that_boots_is_online(void **state)
{
    struct ocpp16_bench *b = *state;
    peer_pass(b, 1000);
    assert_int_equal(b->online, -1);
    peer_open(b);
    assert_int_equal(b->online, -1);
    peer_call(b, "BootNotification", "{'chargePointVendor':'v','chargePointModel':'m1'}");
    assert_true(
        peer_has_sent(b, "'status':'Accepted','currentTime':'2026-09-21T14:13:21.000Z','interval':60"));
    assert_int_equal(b->online, 1);
    assert_string_equal(peer_value(b, "model"), "'m1'");
    assert_string_equal(peer_value(b, "1.status"), "");
    peer_pass(b, 3000);
    assert_true(peer_has_sent(b, "'requestedMessage':'StatusNotification','connectorId':1"));
    peer_close(b);
    assert_int_equal(b->online, 0);
}

static void one_that_comes_back_without_booting_is_asked(void **state)
{
    struct ocpp16_bench *b = *state;
    peer_open(b);
    peer_pass(b, 9000);
    assert_int_equal(b->sent_count, 0);
    peer_pass(b, 2000);
    assert_true(peer_has_sent(b, "'requestedMessage':'BootNotification'"));
    peer_call(b, "Heartbeat", "{}");
    assert_int_equal(b->online, 1);
}

static void who_a_charger_is_is_asked_where_it_is_not_known(void **state)
{
    struct ocpp16_bench *b = *state;
    peer_open(b);
    peer_call(b, "Heartbeat", "{}"); /* as after a restart of the gateway */
    assert_true(peer_has_sent(b, "'requestedMessage':'BootNotification'"));
    peer_answer(b, "{'status':'Accepted'}");
    peer_call(b, "BootNotification", "{'chargePointVendor':'v','chargePointModel':'m1'}");
    assert_string_equal(peer_value(b, "model"), "'m1'");
    assert_int_equal(b->onlines, 1); /* it has not restarted */
    peer_read(b, "model");
    assert_int_equal(b->done_err, 0);
}

static void a_second_boot_is_a_restart(void **state)
{
    struct ocpp16_bench *b = ready(state);
    assert_int_equal(b->onlines, 1);
    peer_call(b, "BootNotification", "{'chargePointVendor':'v','chargePointModel':'m1'}");
    assert_int_equal(b->onlines, 2);
}

static void a_reset_ends_with_the_boot(void **state)
{
    struct ocpp16_bench *b = ready(state);
    peer_write(b, "restart", 1);
    assert_true(peer_has_sent(b, "'Reset',{'type':'Hard'}"));
    peer_answer(b, "{'status':'Accepted'}");
    assert_int_equal(b->done_err, 0);
    assert_int_equal(b->online, 0);
    peer_call(b, "Heartbeat", "{}"); /* not gone yet */
    assert_int_equal(b->online, 0);
    peer_call(b, "BootNotification", "{'chargePointVendor':'v','chargePointModel':'m1'}");
    assert_int_equal(b->online, 1);
}

static void a_deaf_charger_is_let_go(void **state)
{
    struct ocpp16_bench *b = ready(state);
    peer_write(b, "1.unlock", 1);
    peer_pass(b, 30000);
    assert_int_equal(b->done_err, -ERR_NO_ANSWER);
    assert_int_equal(b->closed, 0);
    peer_write(b, "1.unlock", 1);
    peer_pass(b, 30000);
    assert_int_equal(b->closed, 1013);
    assert_int_equal(b->online, 0);
}

/* ---- tokens ---- */

static void a_token_waits_for_the_station(void **state)
{
    struct ocpp16_bench *b = ready(state);
    peer_call(b, "Authorize", "{'idTag':'CARD'}");
    assert_int_equal(b->sent_count, 0);
    assert_string_equal(peer_value(b, "1.tag"), "'CARD'");
    peer_write(b, "1.authorize", 1);
    assert_true(peer_has_sent(b, "[3,'c3',{'idTagInfo':{'status':'Accepted'}}]"));
    peer_pass(b, 1000);
    assert_string_equal(peer_value(b, "1.tag"), "''");
    peer_call(b, "Authorize", "{'idTag':'CARD'}");
    peer_write(b, "1.authorize", 0);
    assert_true(peer_has_sent(b, "'Invalid'"));
    peer_call(b, "Authorize", "{'idTag':'CARD'}");
    peer_pass(b, 24000);
    assert_int_equal(b->sent_count, 0);
    peer_pass(b, 1000);
    assert_true(peer_has_sent(b, "'Invalid'")); /* nobody answered */
}

/* As after a connection: what is asked of the charger then has nothing to do with the driver who comes just now. */
static void a_stop_refuses_no_token_that_waits(void **state)
{
    struct ocpp16_bench *b = ready(state);
    peer_call(b, "Authorize", "{'idTag':'CARD'}");
    peer_write(b, "1.stop", 1);
    assert_int_equal(b->done_err, 0);
    assert_int_equal(b->sent_count, 0);
    peer_write(b, "1.authorize", 1);
    assert_true(peer_has_sent(b, "[3,'c3',{'idTagInfo':{'status':'Accepted'}}]"));
}

static void a_start_accepts_the_token_that_waits(void **state)
{
    struct ocpp16_bench *b = ready(state);
    peer_call(b, "Authorize", "{'idTag':'CARD'}");
    peer_write(b, "1.start", 1);
    assert_true(peer_has_sent(b, "'Accepted'"));
    assert_false(peer_has_sent(b, "RemoteStartTransaction"));
    assert_int_equal(b->done_err, 0);
    start_with(b, "CARD", NOW, 1000);
    assert_true(peer_has_sent(b, "'Accepted'"));
    assert_string_equal(peer_value(b, "1.transaction"), "1");
    assert_string_equal(peer_value(b, "1.energy"), "1");
}

static void an_accepted_token_that_starts_nothing_is_helped(void **state)
{
    struct ocpp16_bench *b = ready(state);
    peer_call(b, "Authorize", "{'idTag':'CARD'}");
    peer_write(b, "1.start", 1);
    peer_forget(b);
    peer_pass(b, 15000);
    assert_true(peer_has_sent(b, "'RemoteStartTransaction',{'connectorId':1,'idTag':'CARD'}"));
}

static void a_card_before_the_vehicle_plugs_nothing_in(void **state)
{
    struct ocpp16_bench *b = ready(state);
    peer_call(b, "StatusNotification", "{'connectorId':1,'errorCode':'NoError','status':'Available'}");
    peer_call(b, "Authorize", "{'idTag':'CARD'}");
    peer_write(b, "1.authorize", 1);
    peer_call(b, "StatusNotification", "{'connectorId':1,'errorCode':'NoError','status':'Preparing'}");
    assert_string_equal(peer_value(b, "1.plugged"), "0");
    peer_pass(b, 5000);
    start_with(b, "CARD", NOW, 1000);
    assert_int_equal(b->sent_count, 0); /* waits for START */
    assert_string_equal(peer_value(b, "1.plugged"), "1");
    assert_string_equal(peer_value(b, "1.tag"), "''"); /* not shown again: it would end the session */
    peer_write(b, "1.start", 1);
    assert_true(peer_has_sent(b, "'idTagInfo':{'status':'Accepted'}"));
}

static void a_remote_start_has_a_tag_of_its_own(void **state)
{
    struct ocpp16_bench *b = ready(state);
    peer_write(b, "1.start", 1);
    assert_true(peer_has_sent(b, "'RemoteStartTransaction',{'connectorId':1,'idTag':'GW"));
    char tag[30], text[60];
    (void)snprintf(tag, sizeof(tag), "%.10s", strstr(b->sent[0], "\"idTag\":\"") + strlen("\"idTag\":\""));
    peer_answer(b, "{'status':'Accepted'}");
    assert_int_equal(b->done_err, 0);
    (void)snprintf(text, sizeof(text), "{'idTag':'%s'}", tag);
    peer_call(b, "Authorize", text);
    assert_true(peer_has_sent(b, "'Accepted'"));
    assert_string_equal(peer_value(b, "1.tag"), "''");
    start_with(b, tag, NOW, 1000);
    assert_true(peer_has_sent(b, "'Accepted'"));
    peer_write(b, "1.stop", 1);
    assert_true(peer_has_sent(b, "RemoteStopTransaction"));
    peer_answer(b, "{'status':'Rejected'}");
    assert_int_equal(b->done_err, -ERR_DEVICE_EXCEPTION);
}

/* ---- transactions ---- */

static void nothing_runs_that_nobody_asked_for(void **state)
{
    struct ocpp16_bench *b = ready(state);
    start_with(b, "FREE", NOW, 1000);
    assert_int_equal(b->sent_count, 0);
    assert_string_equal(peer_value(b, "1.tag"), "'FREE'");
    peer_pass(b, 25000);
    assert_true(peer_has_sent(b, "'idTagInfo':{'status':'Invalid'}"));
    assert_true(peer_has_sent(b, "'RemoteStopTransaction'"));
    int id = transaction_id(b);
    stop_with(b, id, 1500, "");
    assert_true(peer_has_sent(b, "{}"));
    assert_string_equal(peer_value(b, "1.free"), "500");
    assert_string_equal(peer_value(b, "1.transaction"), "0");
}

static void an_answer_that_was_lost_is_given_again(void **state)
{
    struct ocpp16_bench *b = ready(state);
    peer_write(b, "1.start", 1);
    start_with(b, "any", NOW, 1000);
    int id = transaction_id(b);
    start_with(b, "any", NOW, 1000);
    assert_int_equal(transaction_id(b), id);
    stop_with(b, id, 1200, "");
    stop_with(b, id, 1200, "");
    assert_true(peer_has_sent(b, "{}"));
    assert_string_equal(peer_value(b, "1.energy"), "1.2");
}

static void an_offline_session_is_answered_after_the_one_before_it(void **state)
{
    struct ocpp16_bench *b = ready(state);
    start_with(b, "FREE", OLD, 7000);
    assert_int_equal(b->sent_count, 0);
    assert_string_equal(peer_value(b, "1.status"), "'Available'"); /* so the session before it is over ... */
    assert_string_equal(peer_value(b, "1.energy"), "");            /* ... with its own reading */
    peer_pass(b, 3000);
    assert_true(peer_has_sent(b, "'Invalid'"));
    assert_string_equal(peer_value(b, "1.energy"), "7");
    stop_with(b, transaction_id(b), 9500, "");
    assert_string_equal(peer_value(b, "1.free"), "2500");
    assert_string_equal(peer_value(b, "1.energy"), "9.5");
}

static void the_end_is_told_with_its_reading(void **state)
{
    struct ocpp16_bench *b = ready(state);
    int id = running(b);
    assert_string_equal(peer_value(b, "1.status"), "'Charging'");
    peer_call(b, "StatusNotification", "{'connectorId':1,'errorCode':'NoError','status':'Finishing'}");
    assert_string_equal(peer_value(b, "1.status"), "'Charging'");
    stop_with(b, id, 4321, "");
    assert_string_equal(peer_value(b, "1.status"), "'Finishing'");
    assert_string_equal(peer_value(b, "1.energy"), "4.321");
}

static void an_end_without_a_word_is_seen_in_the_end(void **state)
{
    struct ocpp16_bench *b = ready(state);
    running(b);
    peer_call(b, "StatusNotification", "{'connectorId':1,'errorCode':'NoError','status':'Available'}");
    peer_pass(b, 20000);
    assert_string_equal(peer_value(b, "1.status"), "'Available'");
    assert_string_equal(peer_value(b, "1.transaction"), "0");
}

static void a_driver_who_stops_at_the_charger_shows_his_token(void **state)
{
    static const struct {
        const char *rest, *tag;
    } rows[] = {
        { ",'reason':'Local','idTag':'any'", "'any'" },
        { "", "'any'" },
        { ",'reason':'Remote'", "''" },
        { ",'reason':'EVDisconnected','idTag':'any'", "''" },
        { ",'reason':'EmergencyStop'", "''" },
    };
    struct ocpp16_bench *b = ready(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        int id = running(b);
        stop_with(b, id, 2000, rows[i].rest);
        assert_string_equal(peer_value(b, "1.tag"), rows[i].tag);
        peer_pass(b, 1000);
        assert_string_equal(peer_value(b, "1.tag"), "''");
    }
}

static void a_session_survives_a_restart_of_the_gateway(void **state)
{
    struct ocpp16_bench *b = ready(state);
    int id = running(b);
    peer_close(b);
    peer_restart(b);
    peer_open(b);
    peer_call(b, "Heartbeat", "{}");
    assert_string_equal(peer_value(b, "1.transaction"), "1");
    peer_write(b, "1.start", 1);
    assert_int_equal(b->done_err, 0);
    assert_false(peer_has_sent(b, "RemoteStart"));
    stop_with(b, id, 2500, "");
    assert_string_equal(peer_value(b, "1.energy"), "2.5");
    assert_string_equal(peer_value(b, "1.transaction"), "0");
    start_with(b, "later", NOW, 2500);
    peer_pass(b, 25000);
    assert_true(transaction_id(b) > id);
}

static void an_unknown_session_is_learnt_from_its_readings(void **state)
{
    struct ocpp16_bench *b = ready(state);
    peer_call(b, "StatusNotification", "{'connectorId':1,'errorCode':'NoError','status':'Charging'}");
    peer_write(b, "1.stop", 1);
    assert_int_equal(b->done_err, -ERR_NO_ANSWER);
    assert_true(peer_has_sent(b, "'requestedMessage':'MeterValues','connectorId':1"));
    peer_answer(b, "{'status':'Accepted'}");
    peer_call(b, "MeterValues",
              "{'connectorId':1,'transactionId':77,'meterValue':[{'timestamp':'" NOW
              "','sampledValue':[{'value':'5'}]}]}");
    peer_write(b, "1.stop", 1);
    assert_true(peer_has_sent(b, "'RemoteStopTransaction',{'transactionId':77}"));
}

static void the_whole_charger_has_no_session(void **state)
{
    struct ocpp16_bench *b = ready(state);
    peer_call(b, "StatusNotification", "{'connectorId':0,'errorCode':'NoError','status':'Charging'}");
    peer_call(b, "MeterValues",
              "{'connectorId':0,'transactionId':77,'meterValue':[{'timestamp':'" NOW
              "','sampledValue':[{'value':'5'}]}]}");
    assert_true(peer_has_sent(b, "[3,"));
    assert_int_equal(b->kept_count, 0);
}

static void too_many_transactions_are_put_off(void **state)
{
    struct ocpp16_bench *b = ready(state);
    char tag[20];
    bool refused = false;
    for (int i = 0; i < 200; i++) {
        (void)snprintf(tag, sizeof(tag), "T%d", i);
        start_with(b, tag, NOW, i);
        refused = refused || peer_has_sent(b, "'InternalError'");
    }
    assert_true(refused);
}

/* ---- readings ---- */

#define SAMPLE(rest) "{'connectorId':1,'meterValue':[{'timestamp':'" NOW "','sampledValue':[" rest "]}]}"

static void samples_become_values(void **state)
{
    static const struct {
        const char *payload, *point, *value;
    } rows[] = {
        { SAMPLE("{'value':'1500'}"), "1.energy", "1.5" },
        { SAMPLE("{'value':'1.75','unit':'kWh'}"), "1.energy", "1.75" },
        { SAMPLE("{'value':'1.74','unit':'kWh'}"), "1.energy", "1.75" }, /* a rounding */
        { SAMPLE("{'value':'0.5','unit':'kWh'}"), "1.energy", "0.5" },   /* set back */
        { SAMPLE("{'value':'x'}"), "1.energy", "0.5" },
        { SAMPLE("{'value':'nan'}"), "1.energy", "0.5" },
        { SAMPLE("{'value':'9','format':'SignedData'}"), "1.energy", "0.5" },
        { SAMPLE("{'value':'9','measurand':'Energy.Active.Import.Interval'}"), "1.energy", "0.5" },
        { SAMPLE("{'value':'9000','location':'Inlet'}"), "1.energy", "0.5" },
        { SAMPLE("{'value':'3.5','measurand':'Power.Active.Import','unit':'kW'}"), "1.power", "3500" },
        { SAMPLE("{'value':'1','measurand':'Power.Active.Import','phase':'L1'},"
                 "{'value':'2','measurand':'Power.Active.Import','phase':'L2-N'},"
                 "{'value':'4','measurand':'Power.Active.Import','phase':'L3'}"),
          "1.power", "7" },
        { SAMPLE("{'value':'2.5','measurand':'Power.Active.Import','phase':'L2'}"), "1.power_l2", "2.5" },
        { SAMPLE("{'value':'229.5','measurand':'Voltage','phase':'L1-N','unit':'V'}"), "1.voltage", "229.5" },
        { SAMPLE("{'value':'400','measurand':'Voltage','phase':'L1-L2','unit':'V'}"), "1.voltage", "229.5" },
        { SAMPLE("{'value':'50','measurand':'Temperature','unit':'Celcius'}"), "1.warmth", "" },
        { SAMPLE("{'value':'50','measurand':'Temperature','unit':'Fahrenheit','location':'Body'}"),
          "1.warmth", "10" },
        { SAMPLE("{'value':'283.15','measurand':'Temperature','unit':'K','location':'Body'}"), "1.warmth",
          "10" },
        { "{'connectorId':1,'meterValue':[{'timestamp':'" OLD
          "','sampledValue':[{'value':'99','measurand':'Voltage','phase':'L1'}]}]}",
          "1.voltage", "229.5" }, /* from the queue */
        { "{'connectorId':9,'meterValue':[]}", "1.energy", "0.5" },
    };
    struct ocpp16_bench *b = ready(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        peer_call(b, "MeterValues", rows[i].payload);
        assert_true(peer_has_sent(b, "[3,"));
        if (strcmp(peer_value(b, rows[i].point), rows[i].value) != 0)
            fail_msg("row %zu: %s is %s, expected %s", i, rows[i].point, peer_value(b, rows[i].point),
                     rows[i].value);
    }
}

static void a_reading_is_asked_for_once(void **state)
{
    struct ocpp16_bench *b = ready(state);
    peer_read(b, "1.energy");
    peer_read(b, "1.power");
    assert_int_equal(b->sent_count, 1);
    assert_true(peer_has_sent(b, "'requestedMessage':'MeterValues','connectorId':1"));
    peer_answer(b, "{'status':'Accepted'}");
    assert_int_equal(b->dones, 0);
    peer_call(b, "MeterValues", SAMPLE("{'value':'1500'}"));
    assert_int_equal(b->dones, 2);
    peer_pass(b, 2000);
    peer_read(b, "1.energy");
    peer_pass(b, 5000);
    assert_int_equal(b->dones, 3);
    assert_int_equal(b->done_err, -ERR_NO_ANSWER);
}

static void what_flowed_flows_no_more_after_the_end(void **state)
{
    struct ocpp16_bench *b = ready(state);
    int id = running(b);
    peer_call(b, "MeterValues", SAMPLE("{'value':'3.5','measurand':'Power.Active.Import','unit':'kW'}"));
    assert_string_equal(peer_value(b, "1.power"), "3500");
    stop_with(b, id, 1500, "");
    assert_string_equal(peer_value(b, "1.power"), "");
    assert_string_equal(peer_value(b, "1.energy"), "1.5");
}

static void other_energy_is_not_taken_for_that_of_a_session_before_the_loss(void **state)
{
    struct ocpp16_bench *b = ready(state);
    int id = running(b);
    peer_close(b);
    peer_open(b);
    peer_call(b, "MeterValues", SAMPLE("{'value':'9000'}"));
    assert_string_equal(peer_value(b, "1.energy"), "1");
    stop_with(b, id, 3000, "");
    assert_string_equal(peer_value(b, "1.energy"), "3");
}

/* ---- commands ---- */

static void limits_are_charging_profiles(void **state)
{
    struct ocpp16_bench *b = ready(state);
    peer_write(b, "1.limit", 10.57);
    assert_true(peer_has_sent(b, "'connectorId':1"));
    assert_true(peer_has_sent(b, "'chargingProfilePurpose':'TxDefaultProfile'"));
    assert_true(
        peer_has_sent(b, "'chargingRateUnit':'A','chargingSchedulePeriod':[{'startPeriod':0,'limit':10.5}]"));
    peer_answer(b, "{'status':'Accepted'}");
    assert_int_equal(b->done_err, 0);
    assert_int_equal(b->sent_count, 0);
    running(b);
    peer_write(b, "1.limit_w", 4140);
    assert_true(
        peer_has_sent(b, "'chargingRateUnit':'W','chargingSchedulePeriod':[{'startPeriod':0,'limit':4140}]"));
    int dones = b->dones;
    peer_answer(b, "{'status':'Accepted'}");
    assert_int_equal(b->dones, dones);
    assert_true(peer_has_sent(b, "'TxProfile'"));
    assert_true(peer_has_sent(b, "'transactionId':"));
    peer_answer(b, "{'status':'Rejected'}");
    assert_int_equal(b->done_err, -ERR_DEVICE_EXCEPTION);
    peer_write(b, "all", 20);
    assert_true(peer_has_sent(b, "{'connectorId':0,'csChargingProfiles'"));
    assert_true(peer_has_sent(b, "'ChargePointMaxProfile'"));
}

static void commands_become_calls(void **state)
{
    static const struct {
        const char *point;
        double number;
        const char *sent, *answer;
        int err;
    } rows[] = {
        { "2.unlock", 1, "'UnlockConnector',{'connectorId':2}", "{'status':'Unlocked'}", 0 },
        { "2.unlock", 1, "'UnlockConnector'", "{'status':'UnlockFailed'}", -ERR_DEVICE_EXCEPTION },
        { "1.operative", 0, "{'connectorId':1,'type':'Inoperative'}", "{'status':'Scheduled'}", 0 },
        { "1.operative", 1, "'Operative'", "{'status':'Accepted'}", 0 },
        { "1.operative", 1, "'Operative'", "{'status':'Nonsense'}", -ERR_DEVICE_EXCEPTION },
    };
    struct ocpp16_bench *b = ready(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        peer_write(b, rows[i].point, rows[i].number);
        assert_true(peer_has_sent(b, rows[i].sent));
        peer_answer(b, rows[i].answer);
        assert_int_equal(b->done_err, rows[i].err);
    }
    peer_read(b, "interval");
    assert_true(peer_has_sent(b, "'GetConfiguration',{'key':['MeterValueSampleInterval']}"));
    peer_answer(b, "{'configurationKey':[{'key':'MeterValueSampleInterval','readonly':false,'value':'60'}]}");
    assert_string_equal(peer_value(b, "interval"), "'60'");
    peer_write_text(b, "interval", "10");
    assert_true(peer_has_sent(b, "'ChangeConfiguration',{'key':'MeterValueSampleInterval','value':'10'}"));
    peer_answer(b, "{'status':'RebootRequired'}");
    assert_int_equal(b->done_err, 0);
    peer_write_text(b, "sign", "hello");
    assert_true(peer_has_sent(b, "'vendorId':'acme.com'"));
    assert_true(peer_has_sent(b, "'messageId':'show'"));
    peer_answer(b, "{'status':'Accepted'}");
    peer_call(b, "DataTransfer", "{'vendorId':'acme.com','messageId':'show','data':'there'}");
    assert_true(peer_has_sent(b, "'Accepted'"));
    assert_string_equal(peer_value(b, "sign"), "'there'");
    peer_call(b, "DataTransfer", "{'vendorId':'acme.com','messageId':'other'}");
    assert_true(peer_has_sent(b, "'UnknownMessageId'"));
    peer_call(b, "DataTransfer", "{'vendorId':'acme'}");
    assert_true(peer_has_sent(b, "'UnknownVendorId'"));
}

static void one_call_at_a_time_and_commands_first(void **state)
{
    struct ocpp16_bench *b = ready(state);
    peer_write(b, "1.unlock", 1);
    peer_read(b, "1.energy");
    peer_write(b, "2.unlock", 1);
    assert_int_equal(b->sent_count, 1);
    peer_answer(b, "{'status':'Unlocked'}");
    assert_true(peer_has_sent(b, "{'connectorId':2}"));
    peer_close(b);
    assert_int_equal(b->dones, 3);
    assert_int_equal(b->done_err, -ERR_LINK_DOWN);
    peer_write(b, "1.unlock", 1);
    assert_int_equal(b->dones, 4);
    assert_int_equal(b->done_err, -ERR_LINK_DOWN);
}

/* ---- what is wrong ---- */

static void bad_messages_are_answered_or_passed_over(void **state)
{
    static const struct {
        const char *frame, *answer; /* NULL: none */
    } rows[] = {
        { "", NULL },
        { "[2]", NULL },
        { "{}", NULL },
        { "[7,'x',{}]", NULL },
        { "[3,'nobody',{}]", NULL },
        { "[4,'nobody','E','',{}]", NULL },
        { "[2,'x','Authorize',{}]", "OccurenceConstraintViolation" },
        { "[2,'x','Authorize',{'idTag':''}]", "Invalid" },
        { "[2,'x','Authorize',{'idTag':'ääääääääääääääääääää'}]", "Invalid" }, /* 20 characters, 40 bytes */
        { "[2,'x','Reset',{'type':'Hard'}]", "NotSupported" },
        { "[2,'x','StopTransaction',{'transactionId':0,'meterStop':0,'timestamp':'" NOW "'}]", "{}" },
        { "[2,'x','StopTransaction',{'transactionId':-1,'meterStop':-5,'timestamp':'" NOW "'}]", "{}" },
        { "[2,'x','StartTransaction',{'connectorId':99,'idTag':'x','meterStart':1,'timestamp':'" NOW "'}]",
          "Invalid" },
        { "[2,'x','StartTransaction',{'connectorId':-1,'idTag':'x','meterStart':1,'timestamp':'" NOW "'}]",
          "Invalid" },
        { "[2,'x','StatusNotification',{'connectorId':-7,'errorCode':'NoError','status':'Faulted'}]", "{}" },
        { "[2,'x','MeterValues',{'connectorId':1,'meterValue':[]}]", "{}" },
    };
    struct ocpp16_bench *b = ready(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        peer_forget(b);
        peer_receive(b, rows[i].frame);
        if (rows[i].answer ? !peer_has_sent(b, rows[i].answer) : b->sent_count > 0)
            fail_msg("row %zu: %s", i, b->sent_count ? b->sent[0] : "no answer");
    }
    assert_int_equal(b->online, 1);
}

static void a_lenient_profile_takes_what_can_be_understood(void **state)
{
    static const struct {
        const char *frame, *strict, *lenient;
    } rows[] = {
        { "[2,'x','Heartbeat',{'more':1}]", "FormationViolation", "currentTime" },
        { "[2,'x','StatusNotification',{'connectorId':1,'errorCode':'Odd','status':'Charging','info':"
          "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'}]",
          "PropertyConstraintViolation", "[3,'x',{}]" },
        { "[2,'x','MeterValues',{'connectorId':1,'meterValue':[{'timestamp':'21.9.2026','sampledValue':[{'"
          "value':'1500'}]}]}]",
          "PropertyConstraintViolation", "[3,'x',{}]" },
        { "[2,'x','Heartbeat',[]]", "FormationViolation", "FormationViolation" },
        { "[2,'x','Authorize',{}]", "OccurenceConstraintViolation", "OccurenceConstraintViolation" },
        { "[2,'x','Authorize',{'idTag':1}]", "TypeConstraintViolation", "TypeConstraintViolation" },
    };
    struct ocpp16_bench *b = ready(state);
    for (int lenient = 0; lenient < 2; lenient++) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
            peer_forget(b);
            peer_receive(b, rows[i].frame);
            if (!peer_has_sent(b, lenient ? rows[i].lenient : rows[i].strict))
                fail_msg("row %zu: %s", i, b->sent_count ? b->sent[0] : "no answer");
        }
        assert_string_equal(peer_value(b, "1.status"), lenient ? "'Charging'" : "'Preparing'");
        assert_string_equal(peer_value(b, "1.energy"), lenient ? "1.5" : "");
        peer_close(b);
        b->profile->ocpp16.is_lenient = true;
        peer_restart(b);
        peer_open(b);
    }
}

static void a_flood_ends_the_connection(void **state)
{
    struct ocpp16_bench *b = ready(state);
    for (int i = 0; i < 3000; i++)
        peer_receive(b, "[2,'x','Heartbeat',{}]");
    assert_int_equal(b->closed, 1008);
}

static void frames_are_kept_for_diagnostics(void **state)
{
    struct ocpp16_bench *b = ready(state);
    struct buf out;
    buf_init(&out, 100000);
    ocpp16_print_frames(b->device, &out);
    assert_non_null(strstr(buf_string(&out), "received [2,\"c0\",\"BootNotification\""));
    assert_non_null(strstr(buf_string(&out), "sent     [3,\"c0\","));
    buf_done(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, prepare, clean_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_charger_that_boots_is_online),
        TEST(one_that_comes_back_without_booting_is_asked),
        TEST(who_a_charger_is_is_asked_where_it_is_not_known),
        TEST(a_second_boot_is_a_restart),
        TEST(a_reset_ends_with_the_boot),
        TEST(a_deaf_charger_is_let_go),
        TEST(a_token_waits_for_the_station),
        TEST(a_stop_refuses_no_token_that_waits),
        TEST(a_start_accepts_the_token_that_waits),
        TEST(an_accepted_token_that_starts_nothing_is_helped),
        TEST(a_card_before_the_vehicle_plugs_nothing_in),
        TEST(a_remote_start_has_a_tag_of_its_own),
        TEST(nothing_runs_that_nobody_asked_for),
        TEST(an_answer_that_was_lost_is_given_again),
        TEST(an_offline_session_is_answered_after_the_one_before_it),
        TEST(the_end_is_told_with_its_reading),
        TEST(an_end_without_a_word_is_seen_in_the_end),
        TEST(a_driver_who_stops_at_the_charger_shows_his_token),
        TEST(a_session_survives_a_restart_of_the_gateway),
        TEST(an_unknown_session_is_learnt_from_its_readings),
        TEST(the_whole_charger_has_no_session),
        TEST(too_many_transactions_are_put_off),
        TEST(samples_become_values),
        TEST(a_reading_is_asked_for_once),
        TEST(what_flowed_flows_no_more_after_the_end),
        TEST(other_energy_is_not_taken_for_that_of_a_session_before_the_loss),
        TEST(limits_are_charging_profiles),
        TEST(commands_become_calls),
        TEST(one_call_at_a_time_and_commands_first),
        TEST(bad_messages_are_answered_or_passed_over),
        TEST(a_lenient_profile_takes_what_can_be_understood),
        TEST(a_flood_ends_the_connection),
        TEST(frames_are_kept_for_diagnostics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
