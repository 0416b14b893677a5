"""Short ways with monitors (N02 to N08) for their cases."""
import time

import rules
from rig import ANY

EVSE, STATION = {"name": "EVSE", "evse": {"id": 1}}, {"name": "ChargingStation"}
STATE, POWER = {"name": "AvailabilityState"}, {"name": "Power"}
EVSE_STATE = {"component": EVSE, "variable": STATE}
STATION_STATE = {"component": STATION, "variable": STATE}
EVSE_POWER = {"component": EVSE, "variable": POWER}          # the configured threshold monitor component variable
OFFLINE_THRESHOLD = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}}     # the numeric delta one
UPPER, LOWER = 100.0, 10.0                                   # W: passed while a car charges, and when it ends
SEVERITY = 5


def fine(answer):
    """statusInfo is absent or says NoError."""
    assert answer.get("statusInfo") is None or answer["statusInfo"]["reasonCode"] == "NoError"
    return answer


def data(of, type="Delta", value=1.0, severity=SEVERITY, **more):
    return {**of, "type": type, "value": value, "severity": severity, **more}


def set_monitors(cs, *wanted):
    """Results in the order of the request, each checked against it."""
    results = cs.call("SetVariableMonitoring", {"setMonitoringData": list(wanted)})["setMonitoringResult"]
    assert len(results) == len(wanted)
    for result, one in zip(results, wanted):
        assert {k: result[k] for k in ("type", "severity", "component", "variable")} == \
            {k: one[k] for k in ("type", "severity", "component", "variable")}
    return results


def monitor(cs, of, *arguments, **more):
    """One monitor, Accepted; its id."""
    result = fine(set_monitors(cs, data(of, *arguments, **more))[0])
    assert result["status"] == "Accepted"
    return result["id"]


def report(cs, request_id, status="Accepted", criteria=None, *of):
    """GetMonitoringReport and all its parts: [(component, variable, monitor)]."""
    request = {"requestId": request_id}
    if criteria:
        request["monitoringCriteria"] = criteria
    if of:
        request["componentVariable"] = list(of)
    answer = cs.call("GetMonitoringReport", request, status=status)
    if status != "Accepted":
        return []
    fine(answer)
    entries = []
    for number in range(1000):
        part = cs.next("NotifyMonitoringReport", requestId=request_id, seqNo=number, generatedAt=ANY)
        assert abs(rules.at(part["generatedAt"]) - time.time()) < rules.DEVIATION_S
        entries += [(entry["component"], entry["variable"], one) for entry in part.get("monitor", [])
                    for one in entry["variableMonitoring"]]
        if not part.get("tbc", False):
            return entries


def is_of(monitor_id):
    """For cs.next: a NotifyEvent with an event of this monitor."""
    return lambda p: any(e.get("variableMonitoringId") == monitor_id for e in p["eventData"])


def event(cs, monitor_id, cleared=False, seconds=20):
    """The next event of this monitor that is, or is not, the end of something; its NotifyEvent is checked."""
    def ours(one):
        return one.get("variableMonitoringId") == monitor_id and one.get("cleared", False) == cleared
    payload = cs.next("NotifyEvent", lambda p: any(ours(e) for e in p["eventData"]), seconds, seqNo=0, generatedAt=ANY)
    found = next(e for e in payload["eventData"] if ours(e))
    assert abs(rules.at(payload["generatedAt"]) - time.time()) < rules.DEVIATION_S
    return found, payload


def no_event(cs, monitor_id, seconds=3):
    cs.never("NotifyEvent", seconds, is_of(monitor_id))


def level(cs, severity=8):
    cs.call("SetMonitoringLevel", {"severity": severity}, status="Accepted")

