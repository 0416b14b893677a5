"""The reusable states themselves: from every point where a transaction may begin and end, by both ways of authorization."""
import pytest

from states import (Authorized, Booted, Deauthorized, EnergyTransferStarted, EnergyTransferSuspended, EVConnectedPreSession,
                    EVDisconnected, IdTokenCached, ParkingBayUnoccupied, TransactionEventsInQueueEnded, Unavailable)

STARTS = ["EVConnected,Authorized", "EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer", "ParkingBayOccupancy"]
STOPS = ["EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer", "EVConnected,Authorized", "ParkingBayOccupancy"]


def at_points(station, start="EVConnected,Authorized", stop="EVConnected", **options):
    return station(TxCtrlr__TxStartPoint=start, TxCtrlr__TxStopPoint=stop, parking_bay="Bay" in start + stop, **options)


@pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])
@pytest.mark.parametrize("start", STARTS)
def test_a_session_begins(station, start, remote):
    for first, second in ((EVConnectedPreSession, Authorized), (Authorized, EVConnectedPreSession)):
        cs = at_points(station, start)
        for state in (first, second):
            state(cs, **({"remote": remote} if state is Authorized else {}))
        EnergyTransferStarted(cs)


@pytest.mark.parametrize("remote", [False, True], ids=["local", "remote"])
@pytest.mark.parametrize("stop", STOPS)
def test_a_session_ends(station, stop, remote):
    cs = at_points(station, stop=stop)
    EVDisconnected(cs, remote=remote)
    ParkingBayUnoccupied(cs, remote=remote)
    assert cs.evse_of and not any(t.started for t in cs.tracks.values())


@pytest.mark.parametrize("start", STARTS)
def test_the_vehicle_suspends(station, start):
    cs = at_points(station, start)
    EnergyTransferSuspended(cs)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("stop", STOPS)
def test_the_csms_refuses_the_token_afterwards(station, start, stop):
    cs = at_points(station, start, stop)
    Deauthorized(cs)
    cs.until_device(power=0)


@pytest.mark.parametrize("kind, remote", [("demo-modbus-rtu", False), ("demo-modbus-rtu", True), ("echonet-02a1", True)])
def test_other_chargers(station, kind, remote):
    """Those of other protocols; ECHONET Lite knows no card reader."""
    cs = station(kind=kind, speed=20)
    EnergyTransferSuspended(cs, remote=remote)
    cs.ev_resumes()
    cs.event(1, skip={"SuspendedEVSE", "EVConnected"}, chargingState="Charging")
    cs.tracks[1].charging = True
    EVDisconnected(cs, remote=remote)


def test_two_sessions_side_by_side(station):
    cs = station(evses=2)
    for state in (EnergyTransferStarted, EVDisconnected):
        for evse in (1, 2):
            state(cs, evse)


def test_others(station, authority):
    cs = station(security_profile=2, authority=authority, fixed_cable=True, AuthCtrlr__OfflineTxForUnknownIdEnabled="true")
    Booted(cs, power_cycle=True)
    cs.quiet()
    IdTokenCached(cs)
    TransactionEventsInQueueEnded(cs)
    cs.event(eventType="Started", offline=True)
    cs.quiet()
    Unavailable(cs)
    Booted(cs, status="Unavailable")
