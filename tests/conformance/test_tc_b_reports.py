"""Custom reports (B08)."""
import time

import rules
from rig import ANY

EVSE_STATE = {"component": {"name": "EVSE", "evse": {"id": 1}}, "variable": {"name": "AvailabilityState"}}


def custom(cs, request_id, status="Accepted", **criteria):
    """GetReport and all its parts, each checked."""
    cs.call("GetReport", {"requestId": request_id, **criteria}, status=status,
            statusInfo=lambda i: i is None or i["reasonCode"] == ("NoError" if status == "Accepted" else "NotFound"))
    if status != "Accepted":
        return []
    entries = []
    for number in range(1000):
        part = cs.next("NotifyReport", requestId=request_id, seqNo=number, generatedAt=ANY)
        assert abs(rules.at(part["generatedAt"]) - time.time()) < rules.DEVIATION_S
        entries += part["reportData"]
        if not part.get("tbc", False):
            break
    assert all("variableCharacteristics" in entry for entry in entries)
    return entries


def name(entry):
    component = entry["component"]
    evse = component.get("evse", {})
    return (component["name"], component.get("instance"), evse.get("id"), evse.get("connectorId"), entry["variable"]["name"],
            entry["variable"].get("instance"))


def enabled(entries):
    return [entry for entry in entries if entry["variable"]["name"] == "Enabled"]


def value(entry):
    return entry["variableAttribute"][0].get("value")


def test_TC_B_16_CS(station):   # B08.FR.01, B08.FR.03, B08.FR.04, B08.FR.09, B08.FR.12, B08.FR.14
    """Components that are enabled or, as B08.FR.09 has it, cannot be; no other component, and of none Enabled is false."""
    cs = station(AuthCacheCtrlr__Enabled="false")
    full = cs.base_report("FullInventory", 1)
    entries = custom(cs, 2, componentCriteria=["Enabled"])
    assert enabled(entries) and all(value(entry) == "true" for entry in enabled(entries))
    assert {name(e) for e in enabled(full) if value(e) == "true"} == {name(e) for e in enabled(entries)}
    assert not [entry for entry in entries if entry["component"]["name"] == "AuthCacheCtrlr"]
    for begin in range(0, len(entries), 50):
        asked = entries[begin:begin + 50]
        results = cs.call("GetVariables", {"getVariableData": [{k: e[k] for k in ("component", "variable")} for e in asked]})
        for entry, result in zip(asked, results["getVariableResult"]):
            if entry["variableAttribute"][0].get("mutability") == "WriteOnly":
                assert result["attributeStatus"] == "Rejected" and "attributeValue" not in result
            else:
                assert result["attributeStatus"] == "Accepted"
                assert entry["variable"]["name"] != "Enabled" or result["attributeValue"] == "true"


def test_TC_B_17_CS(station):   # B08.FR.01, B08.FR.03, B08.FR.04, B08.FR.05, B08.FR.11, B08.FR.12, B08.FR.14
    """A variable of a component, and that only."""
    cs = station(evses=2)
    entries = custom(cs, 1, componentVariable=[EVSE_STATE])
    assert [name(entry) for entry in entries] == [("EVSE", None, 1, None, "AvailabilityState", None)]
    assert value(entries[0]) == "Available"


def test_TC_B_18_CS(station):   # B08.FR.01, B08.FR.03, B08.FR.04, B08.FR.05, B08.FR.12, B08.FR.14, B08.FR.15
    cs = station()
    entries = custom(cs, 1, componentCriteria=["Available"], componentVariable=[EVSE_STATE])
    assert [name(entry) for entry in entries] == [("EVSE", None, 1, None, "AvailabilityState", None)]
    characteristics, attributes = entries[0]["variableCharacteristics"], entries[0]["variableAttribute"]
    assert characteristics["dataType"] == "OptionList"
    assert set(characteristics["valuesList"].split(",")) == {"Available", "Occupied", "Reserved", "Unavailable", "Faulted"}
    assert [(a.get("type", "Actual"), a.get("mutability")) for a in attributes] == [("Actual", "ReadOnly")]
    custom(cs, 2, "EmptyResultSet", componentCriteria=["Problem"], componentVariable=[EVSE_STATE])


def items_per_message(**more):
    return [{"component": {"name": "DeviceDataCtrlr"}, "variable": {"name": "ItemsPerMessage", **more}}]


def test_TC_B_54_CS(station):   # B08.FR.01, B08.FR.03, B08.FR.04, B08.FR.11, B08.FR.12, B08.FR.14, B08.FR.21
    entries = custom(station(), 1, componentVariable=items_per_message())
    assert all(name(entry)[0] == "DeviceDataCtrlr" and name(entry)[4] == "ItemsPerMessage" for entry in entries)
    assert {"GetReport", "GetVariables"} <= {name(entry)[5] for entry in entries}
    assert all([a.get("type", "Actual") for a in entry["variableAttribute"]] == ["Actual"] for entry in entries)


def test_TC_B_55_CS(station):   # B08.FR.01, B08.FR.03, B08.FR.04, B08.FR.11, B08.FR.12, B08.FR.14
    entries = custom(station(), 1, componentVariable=items_per_message(instance="GetReport"))
    assert [name(entry)[4:] for entry in entries] == [("ItemsPerMessage", "GetReport")]


def test_TC_B_56_CS(station):   # B08.FR.01, B08.FR.03, B08.FR.04, B08.FR.11, B08.FR.12, B08.FR.14, B08.FR.23
    """Without evse: that of every EVSE."""
    cs = station(evses=2)
    entries = custom(cs, 1, componentVariable=[{"component": {"name": "EVSE"}, "variable": {"name": "AvailabilityState"}}])
    assert sorted(name(entry)[2] for entry in entries) == [1, 2]
    assert all(name(entry)[0] == "EVSE" and name(entry)[4] == "AvailabilityState" for entry in entries)
