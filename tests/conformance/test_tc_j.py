"""Meter values."""
from datetime import datetime

from rig import ABSENT
from states import (Authorized, EnergyTransferStarted, EVConnectedPreSession, EVDisconnected, ParkingBayUnoccupied, StopAuthorized)

ENERGY = "Energy.Active.Import.Register"
LIST = f"Current.Import,{ENERGY},Power.Active.Import,Voltage"
INTERVAL = 2


def at(meter_value):
    return datetime.fromisoformat(meter_value["timestamp"].replace("Z", "+00:00")).timestamp()


def check_values(values, context, measurands=LIST):
    """Every configured measurand, and no other, each for this reason."""
    for value in values:
        samples = value["sampledValue"]
        assert {s.get("context", "Sample.Periodic") for s in samples} == {context}, value
        assert {s.get("measurand", ENERGY) for s in samples} == set(measurands.split(",")), value


def check_interval(values, interval=INTERVAL, tolerance=0.25):
    times = [at(v) for v in values]
    assert len(times) > 1
    assert all(abs(b - a - interval) < tolerance for a, b in zip(times, times[1:])), times


def meter_values(cs, count, evse=1):
    return [cs.next("MeterValues", lambda p: p["evseId"] == evse)["meterValue"][0] for _ in range(count)]


def samples(cs, reason, count):
    events = [cs.event(1, eventType="Updated", triggerReason=reason) for _ in range(count)]
    assert all(len(e["meterValue"]) == 1 for e in events)
    return [e["meterValue"][0] for e in events]


# ---- J01: clock-aligned ----

ALIGNED = {"AlignedDataCtrlr__Interval": INTERVAL, "AlignedDataCtrlr__Measurands": LIST, "AlignedDataCtrlr__SendDuringIdle": "false"}


def check_aligned(values):
    check_values(values, "Sample.Clock")
    check_interval(values)
    assert all(min(at(v) % INTERVAL, INTERVAL - at(v) % INTERVAL) < 0.25 for v in values), values


def test_TC_J_01_CS(station):
    cs = station(evses=2, **ALIGNED)
    for evse in (1, 2):
        check_aligned(meter_values(cs, 3, evse))


def test_TC_J_02_CS(station):
    """The EVSE with the transaction tells by events, the other one goes on."""
    cs = station(evses=2, **ALIGNED)
    EnergyTransferStarted(cs)
    cs.csms.take_all()
    during = samples(cs, "MeterValueClock", 3)
    check_aligned(during)
    for measurand, phases in (("Current.Import", {"L1", "L2", "L3"}), ("Voltage", {"L1-N", "L2-N", "L3-N"})):
        assert {s.get("phase") for v in during for s in v["sampledValue"] if s["measurand"] == measurand} == phases
    check_aligned(meter_values(cs, 3, 2))
    assert not cs.csms.untaken("MeterValues", lambda p: p["evseId"] == 1)


def test_TC_J_03_CS(station):
    cs = station(AlignedDataCtrlr__TxEndedInterval=1, AlignedDataCtrlr__TxEndedMeasurands=LIST, SampledDataCtrlr__TxEndedMeasurands="")
    EnergyTransferStarted(cs)
    assert cs.csms.taken
    cs.never("MeterValues", 3.5)          # it collects
    StopAuthorized(cs)
    ended = EVDisconnected(cs)
    values = ended["meterValue"]
    assert ended["eventType"] == "Ended" and len(values) >= 3
    check_values(values, "Sample.Clock")
    check_interval(values, 1)


def test_TC_J_06_CS(station):
    """What is sampled by other reasons is off: only the clock speaks."""
    cs = station(evses=2, **{**ALIGNED, "AlignedDataCtrlr__SendDuringIdle": "true"}, SampledDataCtrlr__TxStartedMeasurands="",
                 SampledDataCtrlr__TxEndedMeasurands="")
    before = meter_values(cs, 2)
    check_aligned(before)
    EnergyTransferStarted(cs)
    cs.csms.take_all()
    cs.never("MeterValues", 2 * INTERVAL + 0.5)
    assert not [p for _, a, p in cs.csms.calls if a == "TransactionEvent" and p.get("meterValue")]
    ParkingBayUnoccupied(cs)
    check_aligned(meter_values(cs, 2))


# ---- J02: sampled ----

def started_values(station, **options):
    return station(SampledDataCtrlr__TxStartedMeasurands=LIST, **options)


def test_TC_J_07_CS(station):
    for start_point in ("EVConnected", "PowerPathClosed", "EnergyTransfer"):
        cs = started_values(station, TxCtrlr__TxStartPoint=start_point)
        if start_point == "PowerPathClosed":
            Authorized(cs)
        EVConnectedPreSession(cs)
        EnergyTransferStarted(cs)
        started = [p for _, a, p in cs.csms.calls if a == "TransactionEvent" and p["eventType"] == "Started"]
        assert len(started) == 1
        check_values(started[0]["meterValue"], "Transaction.Begin")


def test_TC_J_08_CS(station):
    for start_point in ("Authorized", "ParkingBayOccupancy"):
        cs = started_values(station, parking_bay="Bay" in start_point, TxCtrlr__TxStartPoint=start_point)
        Authorized(cs)
        first = EVConnectedPreSession(cs)
        assert first["evse"] == {"id": 1, "connectorId": 1}
        check_values(first["meterValue"], "Transaction.Begin")
        EnergyTransferStarted(cs)


def test_TC_J_09_CS(station):
    cs = station(SampledDataCtrlr__TxUpdatedMeasurands=LIST, SampledDataCtrlr__TxUpdatedInterval=1)
    EnergyTransferStarted(cs)
    values = samples(cs, "MeterValuePeriodic", 4)
    check_values(values, "Sample.Periodic")
    check_interval(values, 1)


def test_TC_J_10_CS(station):
    cs = station(SampledDataCtrlr__TxEndedMeasurands=LIST, SampledDataCtrlr__TxEndedInterval=1, AlignedDataCtrlr__TxEndedMeasurands="",
                 AlignedDataCtrlr__TxEndedInterval=1, speed=100)
    EnergyTransferStarted(cs)
    cs.never("MeterValues", 3.5)
    ended = EVDisconnected(cs)
    values = ended["meterValue"]
    assert ended["eventType"] == "Ended"
    check_values(values[:1], "Transaction.Begin")
    check_values(values[1:-1], "Sample.Periodic")
    check_values(values[-1:], "Transaction.End")
    check_interval(values[:-1], 1)
    energy = [s["value"] for v in values for s in v["sampledValue"] if s["measurand"] == ENERGY]
    assert energy == sorted(energy) and energy[-1] > energy[0]      # J02.FR.16
    assert ended["transactionInfo"]["stoppedReason"] is not ABSENT
