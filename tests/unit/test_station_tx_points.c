/* Every TxStartPoint with every TxStopPoint: the events of one session, in short.
 *
 *     S Started, U Updated, E Ended, then the trigger; a reason where it ended */
#include "tests/support/session.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

static const struct {
    const char *name, *letters;
} triggers[] = {
    { "CablePluggedIn", "plug" },        { "Authorized", "auth" },
    { "ChargingStateChanged", "state" }, { "StopAuthorized", "stop" },
    { "EVCommunicationLost", "unplug" }, { "RemoteStart", "remote" },
    { "RemoteStop", "remotestop" },      { "Deauthorized", "deauth" },
    { "EVConnectTimeout", "timeout" },   { "EVDetected", "bay" },
    { "EVDeparted", "leave" },
};

static const char *short_name(const char *trigger)
{
    for (size_t i = 0; i < ARRAY_SIZE(triggers); i++)
        if (str_equal(triggers[i].name, trigger))
            return triggers[i].letters;
    return trigger;
}

/* Adds the TransactionEvents sent so far to `ret`, and checks what holds for all of them. */
static void take_events(struct bench *b, char *ret, size_t size, int *seq_no)
{
    while (bench_count(b, "TransactionEvent") > 0) {
        const json_t *event = bench_expect_later(b, "TransactionEvent", "{}");
        const json_t *info = json_object_get(event, "transactionInfo");
        const char *type = json_get_string(event, "eventType", "?");
        *seq_no = type[0] == 'S' ? 0 : *seq_no + 1;
        assert_int_equal(json_get_int(event, "seqNo", -1), *seq_no);
        size_t used = strlen(ret);
        (void)snprintf(ret + used, size - used, "%s%c %s", used ? ", " : "", type[0],
                       short_name(json_get_string(event, "triggerReason", "?")));
        if (type[0] != 'E')
            continue;
        used = strlen(ret);
        (void)snprintf(ret + used, size - used, " %s", json_get_string(info, "stoppedReason", "?"));
    }
    bench_forget(b);
}

/* Beside session_step(): b drive into the bay, l leave it, r remote start. */
static void step(struct bench *b, char letter)
{
    switch (letter) {
    case 'b':
    case 'l':
        b->signals[0].bay = letter == 'b' ? BAY_OCCUPIED : BAY_FREE;
        bench_signals(b, 1);
        break;
    case 'r':
        bench_call(b, "RequestStartTransaction",
                   "{'remoteStartId': 7, 'evseId': 1, 'idToken': {'idToken': 'APP', 'type': 'Central'}}",
                   "{'status': 'Accepted'}");
        break;
    default:
        session_step(b, letter);
    }
}

static const struct {
    const char *start, *stop, *steps, *events;
} rows[] = {
    /* clang-format off */
    { "ParkingBayOccupancy", "ParkingBayOccupancy", "bptctul", "S bay, U plug, U auth, U state, U stop, U state, U unplug, E leave Local" },
    { "ParkingBayOccupancy", "EVConnected", "bptctu", "S bay, U plug, U auth, U state, U stop, U state, E unplug Local" },
    { "ParkingBayOccupancy", "Authorized", "bptctu", "S bay, U plug, U auth, U state, E stop Local" },
    { "ParkingBayOccupancy", "PowerPathClosed", "bptctu", "S bay, U plug, U auth, U state, E stop Local" },
    { "ParkingBayOccupancy", "EnergyTransfer", "bptctu", "S bay, U plug, U auth, U state, U stop, E state Local" },
    { "EVConnected", "ParkingBayOccupancy", "bptctul", "S plug, U auth, U state, U stop, U state, U unplug, E leave Local" },
    { "EVConnected", "EVConnected", "ptctu", "S plug, U auth, U state, U stop, U state, E unplug Local" },
    { "EVConnected", "Authorized", "ptctu", "S plug, U auth, U state, E stop Local" },
    { "EVConnected", "PowerPathClosed", "ptctu", "S plug, U auth, U state, E stop Local" },
    { "EVConnected", "EnergyTransfer", "ptctu", "S plug, U auth, U state, U stop, E state Local" },
    { "Authorized", "ParkingBayOccupancy", "bptctul", "S auth, U state, U stop, U state, U unplug, E leave Local" },
    { "Authorized", "EVConnected", "ptctu", "S auth, U state, U stop, U state, E unplug Local" },
    { "Authorized", "Authorized", "ptctu", "S auth, U state, E stop Local" },
    { "Authorized", "PowerPathClosed", "ptctu", "S auth, U state, E stop Local" },
    { "Authorized", "EnergyTransfer", "ptctu", "S auth, U state, U stop, E state Local" },
    { "PowerPathClosed", "ParkingBayOccupancy", "bptctul", "S auth, U state, U stop, U state, U unplug, E leave Local" },
    { "PowerPathClosed", "EVConnected", "ptctu", "S auth, U state, U stop, U state, E unplug Local" },
    { "PowerPathClosed", "Authorized", "ptctu", "S auth, U state, E stop Local" },
    { "PowerPathClosed", "PowerPathClosed", "ptctu", "S auth, U state, E stop Local" },
    { "PowerPathClosed", "EnergyTransfer", "ptctu", "S auth, U state, U stop, E state Local" },
    { "EnergyTransfer", "ParkingBayOccupancy", "bptctul", "S state, U stop, U state, U unplug, E leave Local" },
    { "EnergyTransfer", "EVConnected", "ptctu", "S state, U stop, U state, E unplug Local" },
    { "EnergyTransfer", "Authorized", "ptctu", "S state, E stop Local" },
    { "EnergyTransfer", "PowerPathClosed", "ptctu", "S state, E stop Local" },
    { "EnergyTransfer", "EnergyTransfer", "ptctu", "S state, U stop, E state Local" },
    { "ParkingBayOccupancy", "ParkingBayOccupancy", "btpceul", "S bay, U auth, U plug, U state, U state, U unplug, E leave Local" },
    { "ParkingBayOccupancy", "EVConnected", "btpceu", "S bay, U auth, U plug, U state, U state, E unplug EVDisconnected" },
    { "ParkingBayOccupancy", "Authorized", "btpceu", "S bay, U auth, U plug, U state, U state, E unplug EVDisconnected" },
    { "ParkingBayOccupancy", "PowerPathClosed", "btpceu", "S bay, U auth, U plug, U state, U state, E unplug EVDisconnected" },
    { "ParkingBayOccupancy", "EnergyTransfer", "btpceu", "S bay, U auth, U plug, U state, E state StoppedByEV" },
    { "EVConnected", "ParkingBayOccupancy", "btpceul", "S plug, U state, U state, U unplug, E leave Local" },
    { "EVConnected", "EVConnected", "tpceu", "S plug, U state, U state, E unplug EVDisconnected" },
    { "EVConnected", "Authorized", "tpceu", "S plug, U state, U state, E unplug EVDisconnected" },
    { "EVConnected", "PowerPathClosed", "tpceu", "S plug, U state, U state, E unplug EVDisconnected" },
    { "EVConnected", "EnergyTransfer", "tpceu", "S plug, U state, E state StoppedByEV" },
    { "Authorized", "ParkingBayOccupancy", "btpceul", "S auth, U plug, U state, U state, U unplug, E leave Local" },
    { "Authorized", "EVConnected", "tpceu", "S auth, U plug, U state, U state, E unplug EVDisconnected" },
    { "Authorized", "Authorized", "tpceu", "S auth, U plug, U state, U state, E unplug EVDisconnected" },
    { "Authorized", "PowerPathClosed", "tpceu", "S auth, U plug, U state, U state, E unplug EVDisconnected" },
    { "Authorized", "EnergyTransfer", "tpceu", "S auth, U plug, U state, E state StoppedByEV" },
    { "PowerPathClosed", "ParkingBayOccupancy", "btpceul", "S plug, U state, U state, U unplug, E leave Local" },
    { "PowerPathClosed", "EVConnected", "tpceu", "S plug, U state, U state, E unplug EVDisconnected" },
    { "PowerPathClosed", "Authorized", "tpceu", "S plug, U state, U state, E unplug EVDisconnected" },
    { "PowerPathClosed", "PowerPathClosed", "tpceu", "S plug, U state, U state, E unplug EVDisconnected" },
    { "PowerPathClosed", "EnergyTransfer", "tpceu", "S plug, U state, E state StoppedByEV" },
    { "EnergyTransfer", "ParkingBayOccupancy", "btpceul", "S state, U state, U unplug, E leave Local" },
    { "EnergyTransfer", "EVConnected", "tpceu", "S state, U state, E unplug EVDisconnected" },
    { "EnergyTransfer", "Authorized", "tpceu", "S state, U state, E unplug EVDisconnected" },
    { "EnergyTransfer", "PowerPathClosed", "tpceu", "S state, U state, E unplug EVDisconnected" },
    { "EnergyTransfer", "EnergyTransfer", "tpceu", "S state, E state StoppedByEV" },
    /* the usual pairs */
    { "EVConnected,Authorized", "EVConnected,Authorized", "ptctu", "S plug, U auth, U state, E stop Local" },
    { "EVConnected,Authorized", "EVConnected,Authorized", "tpcu", "S auth, U plug, U state, E unplug EVDisconnected" },
    { "PowerPathClosed", "EVConnected,Authorized", "ptcu", "S auth, U state, E unplug EVDisconnected" },
    /* by the CSMS: remoteStart is the trigger of the first event, whatever else happens (F02.FR.21) */
    { "EVConnected", "EVConnected", "rpcu", "S remote, U state, E unplug EVDisconnected" },
    { "Authorized", "Authorized", "rpcu", "S remote, U plug, U state, E unplug EVDisconnected" },
    { "PowerPathClosed", "PowerPathClosed", "rpcu", "S remote, U state, E unplug EVDisconnected" },
    { "EnergyTransfer", "EnergyTransfer", "rpce", "S remote, E state StoppedByEV" },
    { "EVConnected", "EVConnected", "prcu", "S plug, U remote, U state, E unplug EVDisconnected" },
    /* nobody came (E03.FR.05, C01.FR.26), nobody wanted anything */
    { "Authorized", "EVConnected", "tw", "S auth, E timeout Timeout" },
    { "Authorized", "Authorized", "twp", "S auth, E timeout Timeout" },
    { "PowerPathClosed", "Authorized", "twp", "" },
    /* E03.FR.15: only authorization ends; the transaction goes on until he drives off, and may be authorized again */
    { "ParkingBayOccupancy", "ParkingBayOccupancy", "btwl", "S bay, U auth, U timeout, E leave Timeout" },
    { "ParkingBayOccupancy", "ParkingBayOccupancy", "btwtpcul", "S bay, U auth, U timeout, U auth, U plug, U state, U unplug, E leave Local" },
    { "ParkingBayOccupancy", "ParkingBayOccupancy,Authorized", "btw", "S bay, U auth, E timeout Timeout" },
    { "ParkingBayOccupancy", "EVConnected", "bl", "S bay, E leave Local" },
    { "EVConnected", "Authorized", "pu", "S plug, E unplug EVDisconnected" },
    { "EVConnected", "EnergyTransfer", "pu", "S plug, E unplug EVDisconnected" },
    { "PowerPathClosed", "Authorized", "pu", "" },
    { "Authorized", "Authorized", "tt", "S auth, E stop Local" },
    { "PowerPathClosed", "Authorized", "tt", "" },
    /* the next driver at the same plug gets a transaction of his own */
    { "EVConnected", "Authorized", "ptctt", "S plug, U auth, U state, E stop Local, S auth" },
    { "EVConnected", "EnergyTransfer", "ptcetc", "S plug, U auth, U state, E state StoppedByEV, S auth, U state" },
    /* clang-format on */
};

/* E01.FR.01, .02, .03, .05, .06, .15; E02.FR.15; E03.FR.15; E06.FR.01, .02, .03, .06, .07, .15 */
static void each_start_point_with_each_stop_point(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct bench *b = session_points(rows[i].start, rows[i].stop);
        char events[500] = "";
        int seq_no = -1;
        for (const char *letter = rows[i].steps; *letter; letter++)
            step(b, *letter);
        take_events(b, events, sizeof(events), &seq_no);
        if (!str_equal(events, rows[i].events))
            fail_msg("start %s stop %s steps %s: %s", rows[i].start, rows[i].stop, rows[i].steps, events);
        bench_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_start_point_with_each_stop_point) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
