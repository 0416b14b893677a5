"""Monitors: reported, set, cleared, base and level (N02 to N06)."""
from monitors import (EVSE, EVSE_POWER, EVSE_STATE, LOWER, OFFLINE_THRESHOLD, POWER, STATE, STATION, STATION_STATE, UPPER,
                      data, fine, monitor, no_event, report, set_monitors)

THRESHOLDS, PERIODIC = {"UpperThreshold", "LowerThreshold"}, {"Periodic", "PeriodicClockAligned"}


def types(entries):
    return {one["type"] for _, _, one in entries}


def both_states(cs):
    return monitor(cs, STATION_STATE), monitor(cs, EVSE_STATE)


# ---- N02 ----

def test_TC_N_01_CS(station):   # N02.FR.01, N02.FR.03, N02.FR.04, N02.FR.05, N02.FR.06, N02.FR.09, N02.FR.12, N02.FR.13, N02.FR.14
    cs = station()
    for of, type_, value in ((EVSE_POWER, "LowerThreshold", LOWER), (EVSE_POWER, "UpperThreshold", UPPER), (EVSE_POWER, "Periodic", 5),
                             (OFFLINE_THRESHOLD, "Delta", 1), (OFFLINE_THRESHOLD, "PeriodicClockAligned", 5)):
        monitor(cs, of, type_, value)
    assert types(report(cs, 1, "Accepted", ["ThresholdMonitoring"])) == THRESHOLDS
    assert types(report(cs, 2, "Accepted", ["ThresholdMonitoring", "DeltaMonitoring"])) == THRESHOLDS | {"Delta"}
    assert types(report(cs, 3, "Accepted", ["DeltaMonitoring", "PeriodicMonitoring"])) == PERIODIC | {"Delta"}


def test_TC_N_02_CS(station):   # N02.FR.01, N02.FR.03, N02.FR.04, N02.FR.05, N02.FR.08, N02.FR.09, N02.FR.16
    cs = station(evses=2)
    ids = both_states(cs)
    monitor(cs, {"component": {"name": "EVSE", "evse": {"id": 2}}, "variable": STATE})
    entries = report(cs, 1, "Accepted", None, STATION_STATE, {"component": EVSE})
    assert all(component["name"] in ("ChargingStation", "EVSE") for component, _, _ in entries)
    assert all(one["type"] == "Delta" for _, variable, one in entries if variable == STATE)
    assert (STATION, STATE) in [e[:2] for e in entries] and (EVSE, STATE) in [e[:2] for e in entries]
    assert set(ids) <= {one["id"] for _, _, one in entries}
    assert not any(component.get("evse", {}).get("id") == 2 for component, _, _ in entries)


def test_TC_N_03_CS(station):   # N02.FR.05, N02.FR.10
    """Criteria and variables together: what meets both, or nothing."""
    cs = station()
    upper = monitor(cs, EVSE_POWER, "UpperThreshold", UPPER)
    report(cs, 1, "EmptyResultSet", ["DeltaMonitoring"], EVSE_POWER)
    entries = report(cs, 2, "Accepted", ["ThresholdMonitoring"], EVSE_POWER)
    assert [(c, v, one["id"]) for c, v, one in entries] == [(EVSE, POWER, upper)]


def test_TC_N_47_CS(station):   # N02.FR.01, N02.FR.11
    cs = station()
    both_states(cs)
    found = [(component, variable) for component, variable, one in report(cs, 1) if one["type"] == "Delta"]
    assert (STATION, STATE) in found and (EVSE, STATE) in found


# ---- N03 ----

def test_TC_N_05_CS(station):   # N03.FR.01, N03.FR.03, N03.FR.04, N03.FR.05
    cs = station()
    for base in ("All", "FactoryDefault", "HardWiredOnly"):
        fine(cs.call("SetMonitoringBase", {"monitoringBase": base}, status="Accepted"))
        assert cs.get_variable("MonitoringCtrlr.ActiveMonitoringBase") == base


def test_TC_N_06_CS(station):   # N03.FR.01, N03.FR.05
    cs = station()
    monitor(cs, STATION_STATE)
    entries = report(cs, 1, "Accepted", None, STATION_STATE)
    assert [(c, v, one["type"]) for c, v, one in entries] == [(STATION, STATE, "Delta")]
    fine(cs.call("SetMonitoringBase", {"monitoringBase": "HardWiredOnly"}, status="Accepted"))
    report(cs, 2, "EmptyResultSet", None, STATION_STATE)


# ---- N04 ----

def test_TC_N_08_CS(station):   # N04.FR.01, N04.FR.02, N04.FR.08, N04.FR.11
    cs = station()
    monitor(cs, EVSE_STATE, severity=8)
    entries = report(cs, 1, "Accepted", None, EVSE_STATE)
    assert [(c, v, one["type"]) for c, v, one in entries] == [(EVSE, STATE, "Delta")]


def test_TC_N_09_CS(station):   # N04.FR.01, N04.FR.02, N04.FR.08, N04.FR.11
    cs = station()
    results = set_monitors(cs, data(EVSE_STATE, severity=8), data(STATION_STATE, severity=8))
    assert [fine(r)["status"] for r in results] == ["Accepted", "Accepted"]
    assert len({r["id"] for r in results}) == 2
    entries = report(cs, 1, "Accepted", None, EVSE_STATE, STATION_STATE)
    assert {one["id"] for _, _, one in entries} == {r["id"] for r in results}


def test_TC_N_10_CS(station):   # N04.FR.01, N04.FR.02, N04.FR.08, N04.FR.11
    results = set_monitors(station(), data(EVSE_STATE, severity=8), data(EVSE_STATE, severity=7))
    assert [fine(r)["status"] for r in results] == ["Accepted", "Accepted"]
    assert len({r["id"] for r in results}) == 2


def test_TC_N_11_CS(station):   # N04.FR.03
    nowhere, nothing = set_monitors(station(), data({"component": {"name": "EVSE", "evse": {"id": 99}}, "variable": STATE}),
                                    data({"component": {"name": "NonExistent"}, "variable": POWER}, "UpperThreshold", 1234.0))
    assert nowhere["status"] in ("UnknownComponent", "Rejected") and "id" not in nowhere
    assert nothing["status"] == "UnknownComponent" and "id" not in nothing


def refused(cs, one, *reasons):
    result = set_monitors(cs, one)[0]
    assert result["status"] == "Rejected" and "id" not in result
    assert "statusInfo" not in result or result["statusInfo"]["reasonCode"] in reasons


def test_TC_N_12_CS(station):   # N04.FR.14
    refused(station(), data(OFFLINE_THRESHOLD, "Delta", -1), "ValueOutOfRange", "ValuePositiveOnly")


def test_TC_N_13_CS(station):   # N04.FR.06
    cs = station()
    cs.call("GetReport", {"requestId": 1, "componentVariable": [EVSE_POWER]}, status="Accepted")
    limit = cs.report_parts(1)[0]["variableCharacteristics"]["maxLimit"]
    refused(cs, data(EVSE_POWER, "UpperThreshold", limit + 1), "ValueOutOfRange")


def test_TC_N_15_CS(station):   # N04.FR.10
    first, second = set_monitors(station(), data(EVSE_STATE), data(EVSE_STATE))
    assert fine(first)["status"] == "Accepted" and first["id"]
    assert second["status"] == "Duplicate" and "id" not in second
    assert "statusInfo" not in second or second["statusInfo"]["reasonCode"] == "InvalidValue"


def test_TC_N_37_CS(station):   # N04.FR.04
    result = set_monitors(station(), data({"component": EVSE, "variable": {"name": "unknownVariable"}}))[0]
    assert result["status"] == "UnknownVariable" and "id" not in result


def test_TC_N_39_CS(station):   # N04.FR.16
    cs = station()
    first = monitor(cs, EVSE_STATE)
    result = set_monitors(cs, data(OFFLINE_THRESHOLD, id=first))[0]
    assert result["status"] == "Rejected"
    assert any((c, v, one["id"], one["value"], one["type"]) == (EVSE, STATE, first, 1, "Delta") for c, v, one in report(cs, 1))


def test_TC_N_40_CS(station):   # N04.FR.12
    cs = station()
    first = monitor(cs, EVSE_STATE, severity=5)
    assert monitor(cs, EVSE_STATE, severity=4, id=first) == first
    entries = report(cs, 1, "Accepted", ["DeltaMonitoring"], EVSE_STATE)
    assert [(c, v, one["severity"]) for c, v, one in entries] == [(EVSE, STATE, 4)]


def test_TC_N_41_CS(station):   # N03.FR.04, N04.FR.15
    cs = station()
    cs.call("SetMonitoringBase", {"monitoringBase": "FactoryDefault"}, status="Accepted")
    component, variable, preset = next(e for e in report(cs, 1) if e[0] == STATION and e[1]["name"] == "Problem")
    of = {"component": component, "variable": variable}
    severity = preset["severity"] + 1 if preset["severity"] < 9 else 5
    result = set_monitors(cs, data(of, preset["type"], preset["value"], severity, id=preset["id"],
                                   transaction=preset["transaction"]))[0]
    assert result["status"] == "Accepted"
    assert (preset["id"], severity) in [(one["id"], one["severity"]) for _, _, one in report(cs, 2, "Accepted", None, of)]
    cs.call("SetMonitoringBase", {"monitoringBase": "FactoryDefault"}, status="Accepted")
    assert (preset["id"], preset["severity"]) in [(one["id"], one["severity"]) for _, _, one in report(cs, 3, "Accepted", None, of)]


def test_TC_N_43_CS(station):   # N04.FR.06, N04.FR.14
    first, second, third = set_monitors(station(), data(EVSE_POWER, "UpperThreshold", UPPER), data(OFFLINE_THRESHOLD, "Delta", -1.0),
                                        data(EVSE_POWER, "LowerThreshold", LOWER))
    assert fine(first)["status"] == "Accepted" and second["status"] == "Rejected" and fine(third)["status"] == "Accepted"


# ---- N05 ----

def test_TC_N_16_CS(station):   # N05.FR.01, N05.FR.03
    cs = station()
    of_state = monitor(cs, EVSE_STATE, severity=8)
    fine(cs.call("SetMonitoringLevel", {"severity": 7}, status="Accepted"))
    cs.plug()
    cs.status("Occupied")
    no_event(cs, of_state)


def test_TC_N_17_CS(station):   # N05.FR.02
    cs = station()
    for severity, reason in ((10, "ValueTooHigh"), (-1, "ValueTooLow")):
        cs.call("SetMonitoringLevel", {"severity": severity}, status="Rejected",
                statusInfo=lambda i, r=reason: i is None or i["reasonCode"] in ("ValueOutOfRange", r))


# ---- N06 ----

def cleared(cs, *ids):
    results = cs.call("ClearVariableMonitoring", {"id": list(ids)})["clearMonitoringResult"]
    assert [r["id"] for r in results] == list(ids)
    return results


def test_TC_N_18_CS(station):   # N06.FR.01, N06.FR.05
    cs = station()
    assert [fine(r)["status"] for r in cleared(cs, *both_states(cs))] == ["Accepted", "Accepted"]
    report(cs, 1, "EmptyResultSet", None, STATION_STATE, EVSE_STATE)


def test_TC_N_19_CS(station):   # N06.FR.02
    cs = station()
    result = cleared(cs, max(one["id"] for _, _, one in report(cs, 1)) + 1)[0]
    assert result["status"] == "NotFound"
    assert "statusInfo" not in result or result["statusInfo"]["reasonCode"] == "NotFound"


def test_TC_N_44_CS(station):   # N06.FR.03
    cs = station()
    cs.call("SetMonitoringBase", {"monitoringBase": "HardWiredOnly"}, status="Accepted")
    assert cleared(cs, report(cs, 1)[0][2]["id"])[0]["status"] == "Rejected"
