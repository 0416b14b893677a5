"""What monitors tell: thresholds, differences, periods; offline and after a restart (N07, N08)."""
import time

import rules
from monitors import (EVSE, EVSE_POWER, EVSE_STATE, LOWER, OFFLINE_THRESHOLD, POWER, SEVERITY, STATE, UPPER, event, level, monitor,
                      no_event, report)
from rig import until
from states import Booted, EnergyTransferStarted, EVConnectedPreSession, StopAuthorized

QUEUING = "MonitoringCtrlr.OfflineQueuingSeverity"


def events_of(cs, *ids):
    """All events of these monitors that were heard."""
    return [e for payload in cs.csms.heard(cs.id, "NotifyEvent") for e in payload["eventData"] if e.get("variableMonitoringId") in ids]


def of_power(found, cs):
    """An event on the configured threshold variable, within the transaction."""
    assert found["trigger"] == "Alerting" and found["eventNotificationType"] == "CustomMonitor"
    assert found["component"] == EVSE and found["variable"] == POWER
    assert found["transactionId"] == cs.tracks[1].transaction
    assert abs(rules.at(found["timestamp"]) - time.time()) < rules.DEVIATION_S
    return float(found["actualValue"])


def test_TC_N_20_CS(station):   # N07.FR.02, N07.FR.06, N07.FR.07, N07.FR.16, N07.FR.17
    cs = station()
    cs.call("SetMonitoringBase", {"monitoringBase": "All"}, status="Accepted")
    upper = monitor(cs, EVSE_POWER, "UpperThreshold", UPPER)
    level(cs)
    EnergyTransferStarted(cs)
    found, _ = event(cs, upper)
    assert of_power(found, cs) > UPPER
    lower = monitor(cs, EVSE_POWER, "LowerThreshold", LOWER)
    StopAuthorized(cs)
    over, _ = event(cs, upper, cleared=True)
    assert of_power(over, cs) <= UPPER
    under = until(lambda: events_of(cs, lower), "no event below the threshold")[0]      # perhaps in the same message
    assert of_power(under, cs) <= LOWER and not under.get("cleared", False)
    assert len({e["eventId"] for e in (found, over, under)}) == 3


def test_TC_N_21_CS(station):
    """A cable lock that does not hold, as in G05."""
    cs = station()
    cs.device("lock breaks")
    EVConnectedPreSession(cs)
    cs.next("NotifyEvent", lambda p: any(e["eventNotificationType"] == "HardWiredNotification" for e in p["eventData"]), seqNo=0,
            generatedAt=lambda at: abs(rules.at(at) - time.time()) < rules.DEVIATION_S)


def test_TC_N_45_CS(station):   # N07.FR.06, N07.FR.07, N07.FR.18
    cs = station()
    power = monitor(cs, EVSE_POWER, "Delta", 50.0)
    level(cs)
    EnergyTransferStarted(cs)
    found, _ = event(cs, power)
    assert (found["trigger"], found["component"], found["variable"]) == ("Delta", EVSE, POWER)


def test_TC_N_48_CS(station):   # N07.FR.10
    """The password changes; nobody is told to what."""
    cs = station()
    password = monitor(cs, {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}})
    level(cs)
    cs.set_variable("SecurityCtrlr.BasicAuthPassword", "another-password-0123")
    found, _ = event(cs, password)
    assert found["actualValue"] == "" and found["trigger"] == "Delta"


def test_TC_N_61_CS(station):   # N07.FR.18
    cs = station()
    now = int(cs.get_variable("OCPPCommCtrlr.OfflineThreshold"))
    delta = monitor(cs, OFFLINE_THRESHOLD)
    cs.set_variable("OCPPCommCtrlr.OfflineThreshold", now + 1)
    no_event(cs, delta)
    cs.set_variable("OCPPCommCtrlr.OfflineThreshold", now + 2)
    found, _ = event(cs, delta)
    assert found["actualValue"] == str(now + 2)


def test_TC_N_56_CS(station):   # N07.FR.06, N07.FR.07, N07.FR.19
    cs = station()
    state = monitor(cs, EVSE_STATE)
    level(cs)
    cs.plug()
    found, _ = event(cs, state)
    assert (found["trigger"], found["component"], found["variable"]) == ("Delta", EVSE, STATE)
    assert found["actualValue"] == "Occupied"


def test_TC_N_51_CS(station):   # N07.FR.11
    cs = station()
    cs.call("GetReport", {"requestId": 1, "componentVariable": [EVSE_POWER]}, status="Accepted")
    never = cs.report_parts(1)[0]["variableCharacteristics"]["maxLimit"] - 1
    upper = monitor(cs, EVSE_POWER, "UpperThreshold", never)
    level(cs)
    EnergyTransferStarted(cs)
    no_event(cs, upper, 2)
    assert monitor(cs, EVSE_POWER, "UpperThreshold", UPPER, id=upper) == upper
    found, _ = event(cs, upper)
    assert found["trigger"] == "Alerting" and float(found["actualValue"]) > UPPER


def test_TC_N_52_CS(station):   # N07.FR.12
    cs = station()
    upper = monitor(cs, EVSE_POWER, "UpperThreshold", UPPER)
    level(cs)
    EnergyTransferStarted(cs)
    event(cs, upper)
    cs.call("ClearVariableMonitoring", {"id": [upper]}, clearMonitoringResult__0={"id": upper, "status": "Accepted"})
    report(cs, 1, "EmptyResultSet", ["ThresholdMonitoring"], EVSE_POWER)
    StopAuthorized(cs)
    no_event(cs, upper)


def test_TC_N_53_CS(station):   # N07.FR.13
    cs = station()
    upper = monitor(cs, EVSE_POWER, "UpperThreshold", UPPER)
    Booted(cs)
    assert (upper, "UpperThreshold") in [(one["id"], one["type"]) for _, _, one in report(cs, 1, "Accepted", ["ThresholdMonitoring"])]


def test_TC_N_22_CS(station):   # N07.FR.04
    cs = station()
    cs.set_variable(QUEUING, SEVERITY)
    state = monitor(cs, EVSE_STATE)
    cs.offline()
    cs.plug()
    time.sleep(2)                  # the configured transaction duration
    cs.online()
    found, _ = event(cs, state, seconds=40)
    assert found["trigger"] == "Delta" and found["actualValue"] == "Occupied"
    assert found["component"] == EVSE and found["variable"] == STATE


def test_TC_N_23_CS(station):   # N07.FR.04
    cs = station()
    connector = {"component": {"name": "Connector", "evse": {"id": 1, "connectorId": 1}}, "variable": STATE}
    cs.set_variable(QUEUING, SEVERITY)
    ids = monitor(cs, EVSE_STATE, severity=SEVERITY + 1), monitor(cs, connector, severity=SEVERITY + 1)
    cs.plug()
    cs.event(1, eventType="Started", triggerReason="CablePluggedIn", chargingState="EVConnected")
    told = until(lambda: len(events_of(cs, *ids)) == 2 and events_of(cs, *ids), "both are told")
    assert {(e["trigger"], e["actualValue"], e["variable"]["name"]) for e in told} == {("Delta", "Occupied", "AvailabilityState")}
    assert {e["component"]["name"] for e in told} == {"EVSE", "Connector"}
    cs.csms.take_all()
    cs.offline()
    cs.unplug()
    time.sleep(1.5)
    cs.plug()
    time.sleep(2)                  # the configured transaction duration
    cs.online()
    cs.event(1, triggerReason="EVCommunicationLost")
    cs.event(1, triggerReason="CablePluggedIn", chargingState="EVConnected")
    for monitor_id in ids:
        no_event(cs, monitor_id, 2)


def test_TC_N_24_CS(station):   # N04.FR.01, N04.FR.08, N08.FR.05, N08.FR.06
    cs, interval = station(), 2
    level(cs)
    periodic = monitor(cs, EVSE_STATE, "Periodic", interval)
    times = []
    for _ in range(4):
        found, _ = event(cs, periodic)
        assert (found["trigger"], found["component"], found["variable"]) == ("Periodic", EVSE, STATE)
        times.append(rules.at(found["timestamp"]))
    assert all(abs(b - a - interval) < 1 for a, b in zip(times, times[1:]))
