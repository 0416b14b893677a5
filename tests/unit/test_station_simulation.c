/* The station through random days: cars and cards, lost links, a CSMS that is silent or answers errors, devices that fall silent, power
 * cuts between any two commits. What must hold whatever happens is checked at the end of each day, when the faults have stopped:
 *
 *   every Started has exactly one Ended, sequence numbers have no hole, neither energy nor time runs backwards, though the host's clock
 *   may begin in 1970 and the CSMS tells the time late,
 *   what a device gave is billed, all of it and once, and it charges for nobody who is not authorized or whose plug is not locked,
 *   what was acknowledged is not sent again (but after a power cut that undid the record of it),
 *   the queue drains and the last status reported of every connector is true.
 *
 * SIMULATION_SEED=n runs day n alone, with the dialogue if BENCH_VERBOSE is set; SIMULATION_DAYS=n runs more of them. */
#include "tests/support/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "base/timestamp.h"

#define DAYS        100
#define STEPS       120
#define PATIENCE_MS 500000

struct car {
    bool parked, plugged, full; /* full: it takes no energy now */
    bool silent, faulty;        /* of the device */
    bool started;               /* the device was told to */
    bool lock_fails;
    double limit_A, register_Wh;
    int64_t at_ms; /* register_Wh is of this time */
    int64_t silent_ms;
    bool
        was_lost; /* silent, or deaf to a stop, for so long that the station did not wait for its last reading */
};

struct day {
    struct bench *b;
    unsigned long long number;
    uint64_t random;
    struct car cars[BENCH_MAX_EVSES];
    json_t *transactions; /* id -> { seqNo -> event } as acknowledged */
    json_t *statuses;     /* "evse/connector" -> connectorStatus */
    bool
        is_stepped; /* somebody plays with the host's clock: what it says while the CSMS is away is worth nothing */
    bool forgetful; /* a power cut lost commits: acknowledged events may come again */
};

static uint32_t draw(struct day *d, uint32_t bound)
{
    d->random = d->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(d->random >> 33) % bound;
}

static bool chance(struct day *d, uint32_t percent)
{
    return draw(d, 100) < percent;
}

/* ---- the CSMS's book ---- */

static void note_event(struct day *d, const json_t *event)
{
    const char *id = json_get_string(json_object_get(event, "transactionInfo"), "transactionId", "");
    char seq_no[24];
    snprintf(seq_no, sizeof(seq_no), "%d", (int)json_get_int(event, "seqNo", -1));
    json_t *transaction = json_object_get(d->transactions, id);
    if (!transaction) {
        transaction = json_object();
        json_object_set_new(d->transactions, id, transaction);
    }
    const json_t *known = json_object_get(transaction, seq_no);
    if (known && !d->forgetful)
        fail_msg("day %llu: event %s of %s was acknowledged and sent again", d->number, seq_no, id);
    if (known && !str_equal(json_get_string(known, "eventType", ""), json_get_string(event, "eventType", "")))
        fail_msg("day %llu: two events %s of %s", d->number, seq_no, id);
    json_object_set_new(transaction, seq_no, json_deep_copy(event));
}

/* A status that was answered by an error is not sent again: some CSMSs know no other answer. */
static void on_answered(struct bench *b, const char *action, const json_t *payload, bool is_result)
{
    struct day *d = b->user;
    if (str_equal(action, "TransactionEvent") && is_result)
        note_event(d, payload);
    if (str_equal(action, "StatusNotification")) {
        char key[32];
        snprintf(key, sizeof(key), "%d/%d", (int)json_get_int(payload, "evseId", 0),
                 (int)json_get_int(payload, "connectorId", 0));
        json_object_set(d->statuses, key, json_object_get(payload, "connectorStatus"));
    }
}

static double register_of(const json_t *event, double fallback)
{
    const json_t *values = json_object_get(event, "meterValue");
    for (size_t i = 0; i < json_array_size(values); i++) {
        const json_t *samples = json_object_get(json_array_get(values, i), "sampledValue");
        for (size_t j = 0; j < json_array_size(samples); j++) {
            const json_t *sample = json_array_get(samples, j);
            if (str_equal(json_get_string(sample, "measurand", "Energy.Active.Import.Register"),
                          "Energy.Active.Import.Register"))
                fallback = json_get_number(sample, "value", fallback);
        }
    }
    return fallback;
}

/* What the CSMS will bill for it: from the first reading to the last. */
static double billed_Wh(const json_t *transaction, int *ret_evse)
{
    double first_Wh = -1, last_Wh = -1;
    size_t count = json_object_size(transaction);
    for (size_t i = 0; i < count; i++) {
        char seq_no[24];
        snprintf(seq_no, sizeof(seq_no), "%zu", i);
        last_Wh = register_of(json_object_get(transaction, seq_no), last_Wh);
        first_Wh = first_Wh < 0 ? last_Wh : first_Wh;
    }
    *ret_evse = (int)json_get_int(json_object_get(json_object_get(transaction, "0"), "evse"), "id", 0);
    return last_Wh - first_Wh;
}

/* All that the devices gave away was given within a transaction. */
static void check_energy(const struct day *d)
{
    double billed[BENCH_MAX_EVSES + 1] = { 0 };
    const char *id;
    json_t *transaction;
    json_object_foreach(d->transactions, id, transaction)
    {
        int evse;
        double Wh = billed_Wh(transaction, &evse);
        billed[evse] += Wh;
    }
    for (int i = 1; i <= (int)d->b->options.evse_count; i++)
        if (!d->cars[i - 1].was_lost && fabs(billed[i] - d->cars[i - 1].register_Wh) > 1)
            fail_msg("day %llu: EVSE %d gave %.0f Wh, billed are %.0f", d->number, i,
                     d->cars[i - 1].register_Wh, billed[i]);
}

/* Returns its time. */
static int64_t check_time(const struct day *d, const char *id, size_t number, int64_t last_ms,
                          const json_t *event)
{
    int64_t ms = 0;
    (void)timestamp_parse(json_get_string(event, "timestamp", ""), &ms);
    if (d->is_stepped)
        return ms;
    if (ms < last_ms || ms > BENCH_WALL_MS + d->b->now_ms)
        fail_msg("day %llu: time of %s is %lld s at %zu, %lld s before", d->number, id,
                 (long long)(ms - BENCH_WALL_MS) / 1000, number, (long long)(last_ms - BENCH_WALL_MS) / 1000);
    return ms;
}

static void check_transaction(const struct day *d, const char *id, const json_t *transaction)
{
    size_t count = json_object_size(transaction), ended = 0;
    double last_Wh = -1;
    int64_t last_ms = BENCH_WALL_MS - 1000;
    for (size_t i = 0; i < count; i++) {
        char seq_no[24];
        snprintf(seq_no, sizeof(seq_no), "%zu", i);
        const json_t *event = json_object_get(transaction, seq_no);
        if (!event)
            fail_msg("day %llu: event %zu of %zu of %s is missing", d->number, i, count, id);
        const char *type = json_get_string(event, "eventType", "");
        if (str_equal(type, "Started") != (i == 0))
            fail_msg("day %llu: event %zu of %s is %s", d->number, i, id, type);
        last_ms = check_time(d, id, i, last_ms, event);
        ended += str_equal(type, "Ended");
        if (str_equal(type, "Ended") && i != count - 1)
            fail_msg("day %llu: %s goes on after its end", d->number, id);
        double now_Wh = register_of(event, last_Wh);
        if (now_Wh < last_Wh - 0.1)
            fail_msg("day %llu: energy of %s runs backwards at %zu: %g to %g", d->number, id, i, last_Wh,
                     now_Wh);
        last_Wh = now_Wh;
    }
    if (ended != 1)
        fail_msg("day %llu: %s has %zu ends", d->number, id, ended);
}

/* ---- the devices ---- */

static enum evse_state state_of(const struct car *car)
{
    if (car->silent)
        return EVSE_UNKNOWN;
    if (car->faulty)
        return EVSE_FAULTED;
    if (!car->plugged)
        return EVSE_AVAILABLE;
    if (!car->started)
        return EVSE_CONNECTED;
    if (car->limit_A < 6)
        return EVSE_SUSPENDED_EVSE;
    return car->full ? EVSE_SUSPENDED_EV : EVSE_CHARGING;
}

static void tell_signals(struct day *d, int evse)
{
    struct car *car = &d->cars[evse - 1];
    struct evse_signals *signals = &d->b->signals[evse - 1];
    enum evse_state before = signals->state;

    if (before == EVSE_CHARGING)
        car->register_Wh += (double)(d->b->now_ms - car->at_ms) / 3600000 * 230 * 3 * 16;
    car->silent_ms = car->silent ? car->silent_ms + d->b->now_ms - car->at_ms : 0;
    car->was_lost |= car->silent_ms > PATIENCE_MS;
    car->at_ms = d->b->now_ms;
    signals->state = state_of(car);
    signals->online = !car->silent;
    signals->lock_failed = !car->silent && car->plugged && car->lock_fails;
    signals->bay = car->silent ? BAY_UNKNOWN : car->parked || car->plugged ? BAY_OCCUPIED : BAY_FREE;
    signals->measures = car->silent ? 0 : 1u << MEASURE_ENERGY_IMPORT | 1u << MEASURE_POWER_IMPORT;
    signals->value[MEASURE_ENERGY_IMPORT] = car->register_Wh;
    signals->value[MEASURE_POWER_IMPORT] = signals->state == EVSE_CHARGING ? 230 * 3 * 16 : 0;
    bench_signals(d->b, evse);
}

/* Devices obey, and say so, until all is quiet. */
static void run_devices(struct day *d)
{
    for (int round = 0; round < 50; round++) {
        bench_settle(d->b);
        json_array_clear(d->b->calls);
        if (json_array_size(d->b->commands) == 0)
            return;
        json_t *command = json_incref(json_array_get(d->b->commands, 0));
        json_array_remove(d->b->commands, 0);
        int evse = (int)json_integer_value(json_array_get(command, 0));
        struct car *car = &d->cars[evse - 1];
        enum evse_command_kind kind = (enum evse_command_kind)json_integer_value(json_array_get(command, 1));
        if (d->b->command_error) { /* it does not do as it is told */
            car->was_lost |= kind == EVSE_STOP && car->started;
            kind = EVSE_COMMANDS;
        }
        switch (kind) {
        case EVSE_START:
            car->started = true;
            break;
        case EVSE_STOP:
            car->started = false;
            break;
        case EVSE_LIMIT:
            car->limit_A = json_number_value(json_array_get(command, 2));
            break;
        case EVSE_UNLOCK:
        case EVSE_RESET:
        case EVSE_COMMANDS:
            break;
        }
        json_decref(command);
        tell_signals(d, evse);
    }
}

/* ---- what happens in a day ---- */

static void ask(struct day *d, const char *action, const char *payload)
{
    if (d->b->is_up) {
        char frame[600], quoted[500];
        snprintf(quoted, sizeof(quoted), "%s", payload);
        for (char *c = quoted; *c; c++)
            if (*c == '\'')
                *c = '"';
        snprintf(frame, sizeof(frame), "[2,\"q%d\",\"%s\",%s]", d->b->next_call++, action, quoted);
        bench_frame(d->b, frame);
    }
}

static void ask_for_firmware(struct day *d)
{
    char payload[300], when[2][TIMESTAMP_SIZE];
    struct bench *b = d->b;
    for (int step = 0; step < FIRMWARE_RELEASE; step++)
        b->firmware_outcomes[step] = chance(d, 70) ? FIRMWARE_DONE : FIRMWARE_FAILED;
    if (chance(d, 50))
        b->firmware_outcomes[FIRMWARE_INSTALL] = FIRMWARE_NEEDS_RESTART;
    for (int i = 0; i < 2; i++)
        timestamp_format(BENCH_WALL_MS + b->now_ms + (int64_t)draw(d, 1200) * 1000, when[i]);
    snprintf(payload, sizeof(payload),
             "{'requestId': %u, 'firmware': {'location': 'http://f/', 'retrieveDateTime': '%s',"
             " 'installDateTime': '%s'}}",
             draw(d, 1000), when[0], when[1]);
    ask(d, "UpdateFirmware", payload);
}

/* What brings firmware into force by a restart does so. */
static void restart_for_firmware(struct day *d)
{
    size_t count = json_array_size(d->b->firmware_jobs);
    const json_t *last = count ? json_array_get(d->b->firmware_jobs, count - 1) : NULL;
    if (last && json_integer_value(json_array_get(last, 0)) == FIRMWARE_ACTIVATE) {
        d->forgetful |= json_array_size(d->b->commits) > 0 || d->b->hold_commits || d->b->store_refuses;
        bench_stop_and_restart(d->b);
    }
}

/* Elsewhere, or back; there may be nobody. All of them are one CSMS. */
static void lead_elsewhere(struct day *d)
{
    static const char *const orders[] = { "1", "2", "2,1", "1,2", "3,1,2" };
    char payload[300], url[40];
    unsigned slot = 1 + draw(d, 3);
    snprintf(url, sizeof(url), "ws://csms-%u.example/", draw(d, 3));
    snprintf(payload, sizeof(payload),
             "{'configurationSlot': %u, 'connectionData': {'ocppVersion': 'OCPP20', 'ocppTransport': 'JSON',"
             " 'ocppCsmsUrl': '%s', 'messageTimeout': %u, 'securityProfile': 0, 'ocppInterface': 'Wired0'}}",
             slot, url, 10 + draw(d, 50));
    if (chance(d, 60))
        ask(d, "SetNetworkProfile", payload);
    if (chance(d, 40))
        json_object_set_new(d->b->refuses, url, json_true());
    else
        json_object_del(d->b->refuses, url);
    snprintf(payload, sizeof(payload),
             "{'setVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
             " 'NetworkConfigurationPriority'}, 'attributeValue': '%s'}]}",
             orders[draw(d, ARRAY_SIZE(orders))]);
    ask(d, "SetVariables", payload);
}

static void ask_something(struct day *d)
{
    int evse = 1 + (int)draw(d, (uint32_t)d->b->options.evse_count);
    char payload[300] = "{}";
    switch (draw(d, 15)) {
    case 0:
        snprintf(payload, sizeof(payload),
                 "{'remoteStartId': %u, 'evseId': %d, 'idToken': {'idToken': 'R%u',"
                 " 'type': 'Central'}}",
                 draw(d, 1000), evse, draw(d, 3));
        ask(d, "RequestStartTransaction", payload);
        break;
    case 1: {
        json_t *status = station_status(d->b->station);
        json_t *transaction = json_object_get(
            json_array_get(json_object_get(status, "evses"), (size_t)evse - 1), "transaction");
        snprintf(payload, sizeof(payload), "{'transactionId': '%s'}",
                 json_get_string(transaction, "id", "none"));
        json_decref(status);
        ask(d, "RequestStopTransaction", payload);
        break;
    }
    case 2:
        snprintf(payload, sizeof(payload), "{'operationalStatus': '%s', 'evse': {'id': %d}}",
                 chance(d, 30) ? "Inoperative" : "Operative", evse);
        ask(d, "ChangeAvailability", payload);
        break;
    case 3:
        ask(d, "ChangeAvailability",
            chance(d, 20) ? "{'operationalStatus': 'Inoperative'}" : "{'operationalStatus': 'Operative'}");
        break;
    case 4:
        if (chance(d, 30))
            ask(d, "Reset", chance(d, 50) ? "{'type': 'Immediate'}" : "{'type': 'OnIdle'}");
        break;
    case 5:
        ask(d, "GetBaseReport", "{'requestId': 1, 'reportBase': 'FullInventory'}");
        break;
    case 6:
        ask(d, "TriggerMessage",
            chance(d, 50) ? "{'requestedMessage': 'TransactionEvent'}"
                          : "{'requestedMessage': 'MeterValues'}");
        break;
    case 7:
        snprintf(payload, sizeof(payload), "{'evseId': %d, 'connectorId': 1}", evse);
        ask(d, "UnlockConnector", payload);
        break;
    case 8:
        snprintf(payload, sizeof(payload),
                 "{'evseId': %d, 'chargingProfile': {'id': %u, 'stackLevel': 0, 'chargingProfilePurpose':"
                 " 'TxDefaultProfile', 'chargingProfileKind': 'Relative', 'chargingSchedule': [{'id': 1,"
                 " 'chargingRateUnit': 'A', 'chargingSchedulePeriod': [{'startPeriod': 0, 'limit': %u}]}]}}",
                 evse, 1 + draw(d, 3), draw(d, 33));
        ask(d, "SetChargingProfile", payload);
        break;
    case 9:
        ask(d, "ClearCache", "{}");
        break;
    case 10:
        ask(d, "SetVariables",
            chance(d, 30)
                ? "{'setVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
                  " 'MinimumStatusDuration'}, 'attributeValue': '30'}]}"
                : "{'setVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
                  " 'MinimumStatusDuration'}, 'attributeValue': '0'}]}");
        break;
    case 11:
        ask_for_firmware(d);
        break;
    case 12:
        lead_elsewhere(d);
        break;
    case 13:
        ask(d, "TriggerMessage", "{'requestedMessage': 'SignChargingStationCertificate'}");
        break;
    default:
        ask(d, "SetVariables",
            "{'setVariableData': [{'component': {'name': 'OCPPCommCtrlr'}, 'variable': {'name':"
            " 'OfflineThreshold'}, 'attributeValue': '90'}]}");
        break;
    }
}

static void change_csms(struct day *d)
{
    static const char *const opinions[] = {
        "{'idTokenInfo': {'status': 'Invalid'}}",
        "{'idTokenInfo': {'status': 'Accepted', 'cacheExpiryDateTime': '2026-01-31T12:30:00Z'}}",
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'A', 'type': 'Central'}}}",
        "{'idTokenInfo': {'status': 'Accepted', 'groupIdToken': {'idToken': 'M', 'type': 'Central'}}}",
    };
    static const char *const actions[] = { "TransactionEvent", "StatusNotification", "BootNotification",
                                           "Authorize",        "Heartbeat",          "NotifyReport" };
    static const char *const answers[] = { "", "", "", BENCH_SILENCE, BENCH_ERROR("InternalError") };
    if (chance(d, 15))
        bench_answer(d->b, "BootNotification",
                     chance(d, 50) ? "{'status': 'Pending', 'currentTime': 'now', 'interval': 30}"
                                   : "{'status': 'Rejected', 'currentTime': 'now', 'interval': 0}");
    else if (chance(d, 25)) /* what it thinks of the next cards, and of those that charge */
        bench_answer(d->b, chance(d, 50) ? "Authorize" : "TransactionEvent", opinions[draw(d, 4)]);
    else
        bench_answer(d->b, actions[draw(d, 6)], answers[draw(d, 5)]);
}

static void power_cut(struct day *d)
{
    d->forgetful |= json_array_size(d->b->commits) > 0 || d->b->hold_commits || d->b->store_refuses;
    d->b->store_refuses = false;
    if (chance(d, 25))
        bench_stop_and_restart(d->b);
    else
        bench_restart(d->b);
}

/* No energy but for someone who was authorized, within a transaction. */
static void check_authorized(const struct day *d)
{
    json_t *status = station_status(d->b->station);
    for (size_t i = 0; i < d->b->options.evse_count; i++) {
        const json_t *evse = json_array_get(json_object_get(status, "evses"), i);
        bool is_authorized = json_get_bool(json_object_get(evse, "transaction"), "authorized", false);
        bool charges = d->b->signals[i].state == EVSE_CHARGING;
        if (charges && !d->cars[i].was_lost && !d->b->command_error && !is_authorized)
            fail_msg("day %llu: EVSE %zu charges without authorization", d->number, i + 1);
        if (charges && !d->cars[i].was_lost && !d->b->command_error && d->b->signals[i].lock_failed)
            fail_msg("day %llu: EVSE %zu charges without a lock", d->number, i + 1);
    }
    json_decref(status);
}

static void happen(struct day *d)
{
    struct bench *b = d->b;
    int evse = 1 + (int)draw(d, (uint32_t)b->options.evse_count);
    struct car *car = &d->cars[evse - 1];
    char token[20];

    switch (draw(d, 21)) {
    case 0:
    case 1:
    case 2:
        car->plugged = !car->plugged;
        car->full = car->lock_fails = false;
        break;
    case 3:
    case 4:
        snprintf(token, sizeof(token), "04AABB0%u", draw(d, 3));
        bench_token(b, evse, token, "ISO14443");
        break;
    case 5:
        car->full = !car->full;
        break;
    case 6:
        car->silent = chance(d, 40);
        break;
    case 7:
        car->faulty = chance(d, 40);
        break;
    case 8:
        if (b->is_up)
            bench_link_lost(b);
        else
            b->link_available = true;
        break;
    case 9:
        b->link_available = true;
        break;
    case 10:
    case 11:
        ask_something(d);
        break;
    case 12:
        change_csms(d);
        break;
    case 13:
        b->hold_commits = !b->hold_commits && chance(d, 50);
        break;
    case 14:
        if (chance(d, 40))
            power_cut(d);
        break;
    case 15:
        b->command_error = chance(d, 30) ? -110 : 0;
        break;
    case 16:
        b->store_refuses = !b->store_refuses && chance(d, 50);
        d->forgetful |= b->store_refuses;
        break;
    case 17:
        if (d->is_stepped)
            b->wall_offset_ms += (int64_t)draw(d, 7200000) - 3600000;
        else if (chance(d, 30))
            b->wall_offset_ms = 0; /* a clock that was never set is set */
        break;
    case 18:
        car->parked = !car->parked;
        break;
    case 19:
        car->lock_fails = chance(d, 60);
        break;
    default:
        break;
    }
    run_devices(d);
    for (int i = 1; i <= (int)b->options.evse_count; i++)
        tell_signals(d, i);
    run_devices(d);
    bench_advance(b, draw(d, chance(d, 20) ? 900000 : 20000));
    run_devices(d);
    check_authorized(d);
}

/* The faults stop, the cars drive home; all must come right. */
static void come_to_rest(struct day *d)
{
    struct bench *b = d->b;
    b->hold_commits = b->store_refuses = false;
    b->command_error = 0;
    b->link_available = true;
    json_object_clear(b->refuses);
    json_object_clear(b->answers);
    for (int i = 1; i <= (int)b->options.evse_count; i++) {
        struct car *car = &d->cars[i - 1];
        car->parked = car->plugged = car->silent = car->faulty = car->full = false;
        tell_signals(d, i);
    }
    for (int i = 0; i < 200; i++) {
        run_devices(d);
        for (int e = 1; e <= (int)b->options.evse_count; e++)
            tell_signals(d, e);
        bench_advance(b, 60000);
        restart_for_firmware(d);
    }
}

static void check(struct day *d)
{
    struct bench *b = d->b;
    json_t *status = station_status(b->station);
    if (!json_get_bool(status, "online", false))
        fail_msg("day %llu: it does not come back online", d->number);
    if (json_get_int(status, "events_waiting", -1) != 0 || json_get_int(status, "messages_waiting", -1) != 0)
        fail_msg("day %llu: the queue does not drain", d->number);

    const char *phase = json_get_string(json_object_get(status, "firmware"), "phase", "idle");
    if (!str_equal(phase, "idle"))
        fail_msg("day %llu: a firmware update never ends: it %s", d->number, phase);

    const char *id;
    json_t *transaction;
    json_object_foreach(d->transactions, id, transaction) check_transaction(d, id, transaction);
    if (!d->forgetful)
        check_energy(d);
    for (int i = 1; i <= (int)b->options.evse_count; i++) {
        char key[32];
        const json_t *evse = json_array_get(json_object_get(status, "evses"), (size_t)i - 1);
        const char *now = json_string_value(json_array_get(json_object_get(evse, "connectors"), 0));
        snprintf(key, sizeof(key), "%d/1", i);
        const char *told = json_get_string(d->statuses, key, "nothing");
        if (!str_equal(now, told))
            fail_msg("day %llu: connector %s is %s, the CSMS was told %s", d->number, key, now, told);
        if (json_object_get(evse, "transaction") && json_is_object(json_object_get(evse, "transaction")))
            fail_msg("day %llu: a transaction without a car goes on at %s", d->number, key);
        if (d->cars[i - 1].started)
            fail_msg("day %llu: device %d is left started", d->number, i);
    }
    json_decref(status);
}

static void live_through(uint64_t seed)
{
    static const char *const starts[] = {
        "PowerPathClosed",        "EVConnected",        "Authorized", "EnergyTransfer",
        "EVConnected,Authorized", "ParkingBayOccupancy"
    };
    static const char *const stops[] = { "EVConnected,Authorized", "EVConnected",
                                         "PowerPathClosed",        "Authorized",
                                         "EnergyTransfer",         "ParkingBayOccupancy" };
    struct day d = { .number = seed, .random = seed * 0x9E3779B97F4A7C15u + 1 };
    for (int i = 0; i < 4; i++)
        (void)draw(&d, 2);
    struct evse_abilities abilities = bench_abilities();
    abilities.lock_failure = true;
    abilities.parking_bay = chance(&d, 50);
    d.b = bench_new(&(struct bench_options){
        .abilities = abilities,
        .evse_count = 1 + draw(&d, 3),
        .firmware = { .is_possible = true,
                      .takes_unsigned = true,
                      .transactions = (enum firmware_meanwhile)draw(&d, 3) },
        .presets = { { "TxCtrlr", "TxStartPoint", NULL, starts[draw(&d, 6)] },
                     { "TxCtrlr", "TxStopPoint", NULL, stops[draw(&d, 6)] },
                     { "OCPPCommCtrlr", "MessageAttempts", "TransactionEvent", "1000" },
                     { "OCPPCommCtrlr", "QueueAllMessages", NULL, chance(&d, 30) ? "true" : "false" },
                     { "AuthCtrlr", "OfflineTxForUnknownIdEnabled", NULL, chance(&d, 50) ? "true" : "false" },
                     { "AuthCtrlr", "LocalPreAuthorize", NULL, chance(&d, 50) ? "true" : "false" },
                     { "AuthCtrlr", "MasterPassGroupId", NULL, "M" },
                     { "TxCtrlr", "StopTxOnInvalidId", NULL, chance(&d, 50) ? "true" : "false" },
                     { "AuthCacheCtrlr", "LifeTime", NULL, chance(&d, 50) ? "900" : "90000" } },
        .preset_count = 9 });
    d.b->user = &d;
    d.b->on_answered = on_answered;
    d.transactions = json_object();
    d.statuses = json_object();
    for (int i = 0; i < BENCH_MAX_EVSES; i++)
        d.cars[i].limit_A = 32;

    d.is_stepped = chance(&d, 50);
    if (chance(&d, 50)) {
        d.b->wall_offset_ms = -BENCH_WALL_MS;
        d.b->link_available = false;
    }
    bench_start(d.b);
    for (int step = 0; step < STEPS; step++) {
        happen(&d);
        restart_for_firmware(&d);
    }
    come_to_rest(&d);
    check(&d);

    bench_free(d.b);
    json_decref(d.transactions);
    json_decref(d.statuses);
}

static void every_day_ends_well(void **state)
{
    (void)state;
    const char *seed = getenv("SIMULATION_SEED"), *days = getenv("SIMULATION_DAYS");
    if (!getenv("BENCH_VERBOSE")) {
        log_set_level(LOG_STATION, LOG_ERROR);
        log_set_level(LOG_OCPP, LOG_ERROR);
    }
    if (seed) {
        live_through(strtoull(seed, NULL, 10));
        return;
    }
    uint64_t last = days ? strtoull(days, NULL, 10) : DAYS;
    for (uint64_t day = 1; day <= last; day++)
        live_through(day);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_ends_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
