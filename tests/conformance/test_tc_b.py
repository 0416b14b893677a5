"""Provisioning."""
import time

from rig import ABSENT, ANY, until, validate
from states import (Booted, EnergyTransferStarted, EVConnectedPostSession, EVDisconnected, ParkingBayUnoccupied, StopAuthorized,
                    Unavailable)

OFFLINE_THRESHOLD = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}}
LOCAL_AUTHORIZE_OFFLINE = {"component": {"name": "AuthCtrlr"}, "variable": {"name": "LocalAuthorizeOffline"}}


def no_error(info):
    return info is None or info["reasonCode"] == "NoError"


def nothing_more(cs):
    """Every connector told its state once, none twice."""
    assert not cs.csms.untaken("StatusNotification")


def rebooted(cs, status="Available", **wanted):
    """BootNotification, whatever was said before it, and the status of every connector behind it."""
    index, boot = until(lambda: cs.csms.find("BootNotification", None), "no BootNotification", 40)
    cs.csms.taken.update(range(index + 1))
    validate("BootNotification", boot, wanted)
    for evse in cs.tracks:
        cs.status(status[evse] if isinstance(status, dict) else status, evse)


def test_TC_B_01_CS(station):
    cs = station(evses=2)
    Booted(cs)
    assert not cs.csms.untaken("StatusNotification")


def boot_with(cs, status, interval):
    """The station is restarted and its first BootNotification answered so."""
    cs.csms.take_all()
    cs.answer("BootNotification", lambda p: {**cs.csms.usual(cs.id, p, "BootNotification"), "status": status, "interval": interval},
              times=1)
    cs.power_cut()
    cs.power_up()
    cs.next("BootNotification")


def test_TC_B_02_CS(station):
    cs = station()
    boot_with(cs, "Pending", 60)
    cs.set_variable("OCPPCommCtrlr.OfflineThreshold", 300)
    cs.call("GetVariables", {"getVariableData": [OFFLINE_THRESHOLD]}, getVariableResult__0__attributeStatus="Accepted")
    assert cs.base_report("FullInventory", request_id=5)
    cs.call("RequestStartTransaction", {"evseId": 1, "remoteStartId": 1, "idToken": {"idToken": "operator", "type": "Central"}},
            status="Rejected")
    assert not cs.csms.untaken()       # B02.FR.02: nothing but what was asked for
    cs.call("TriggerMessage", {"requestedMessage": "BootNotification"}, status="Accepted")
    cs.booted(reason="Triggered")
    nothing_more(cs)


def test_TC_B_03_CS(station):
    cs = station(evses=2)
    boot_with(cs, "Rejected", 2)
    rejected = len(cs.csms.frames)
    cs.booted()
    first, second = [t for t, who, text in cs.csms.frames if who == "CS" and '"BootNotification"' in text][-2:]
    assert second - first >= 2
    between = [text for t, who, text in cs.csms.frames[rejected:] if who == "CS" and t < second]
    assert not between                 # B03.FR.02: not a word in the meantime


def test_TC_B_30_CS(station):
    cs = station()
    boot_with(cs, "Rejected", 60)
    assert cs.call("GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"}) == ("error", "SecurityError")


# ---- offline ----

def test_TC_B_51_CS(station):
    cs = station(evses=2, OCPPCommCtrlr__OfflineThreshold=1, OCPPCommCtrlr__RetryBackOffWaitMinimum=3)
    cs.offline()
    cs.plug(1)
    cs.online()
    cs.status("Occupied", 1)
    cs.status("Available", 2)


def test_TC_B_52_CS(station):
    cs = station(evses=2, OCPPCommCtrlr__OfflineThreshold=60)
    cs.offline()
    cs.plug(1)
    until(lambda: cs.show(1)["plugged"], "the car is there")
    cs.online()
    cs.status("Occupied", 1)
    cs.call("GetTransactionStatus", messagesInQueue=ANY)
    assert not cs.csms.untaken("StatusNotification", lambda p: p["evseId"] == 2)


def test_TC_B_57_CS(station):
    """Waits of 1 s, twice that, twice that, and no longer ones, without a random part; each time it is connected it starts over."""
    cs = station(OCPPCommCtrlr__NetworkProfileConnectionAttempts=3, OCPPCommCtrlr__RetryBackOffRepeatTimes=2,
                 OCPPCommCtrlr__RetryBackOffRandomRange=0, OCPPCommCtrlr__RetryBackOffWaitMinimum=1)
    for _ in range(2):
        cs.csms.refuses, before = 503, cs.csms.refused
        began = time.monotonic()
        cs.csms.drop(cs.id)
        times = []
        for attempt in range(3):
            until(lambda: cs.csms.refused > before + attempt, f"attempt {attempt + 1}")
            times.append(time.monotonic() - began)
        waits = [times[0], times[1] - times[0], times[2] - times[1]]
        for wait, wanted in zip(waits, (1, 2, 4)):
            assert wanted - 0.5 < wait < wanted + 1.5, waits
        cs.csms.refuses, connected = None, cs.csms.connected
        until(lambda: cs.csms.connected > connected, "the station is back", 10)
        cs.quiet()


# ---- variables ----

def test_TC_B_06_CS(station):
    cs = station(OCPPCommCtrlr__OfflineThreshold=300)
    cs.call("GetVariables", {"getVariableData": [{**OFFLINE_THRESHOLD, "attributeType": "Actual"}]},
            getVariableResult__0={"attributeStatus": "Accepted", "attributeType": "Actual", "attributeValue": "300",
                                  "component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"},
                                  "attributeStatusInfo": lambda info: info is None or info["reasonCode"] == "NoError"},
            getVariableResult__1=ABSENT)


def test_TC_B_07_CS(station):
    cs = station(OCPPCommCtrlr__OfflineThreshold=300, AuthCtrlr__LocalAuthorizeOffline="true")
    results = cs.call("GetVariables", {"getVariableData": [{**OFFLINE_THRESHOLD, "attributeType": "Actual"},
                                                           {**LOCAL_AUTHORIZE_OFFLINE, "attributeType": "Actual"}]})["getVariableResult"]
    for wanted, value in ((OFFLINE_THRESHOLD, "300"), (LOCAL_AUTHORIZE_OFFLINE, "true")):
        result = next(r for r in results if r["variable"] == wanted["variable"])
        validate("GetVariablesResponse", result, {**wanted, "attributeStatus": "Accepted", "attributeType": "Actual",
                                                  "attributeValue": value, "attributeStatusInfo": no_error})
    assert len(results) == 2


def variable(component, name, **more):
    return {"component": {"name": component}, "variable": {"name": name}, **more}


def get_fails(cs, status, data):
    cs.call("GetVariables", {"getVariableData": [data]},
            getVariableResult__0={**data, "attributeStatus": status, "attributeValue": ABSENT}, getVariableResult__1=ABSENT)


def set_fails(cs, status, data, **more):
    wanted = {k: v for k, v in data.items() if k != "attributeValue"}
    cs.call("SetVariables", {"setVariableData": [data]}, setVariableResult__0={**wanted, "attributeStatus": status, **more},
            setVariableResult__1=ABSENT)


def test_TC_B_32_CS(station):
    get_fails(station(), "UnknownComponent", variable("UnknownComponent", "OfflineThreshold"))


def test_TC_B_33_CS(station):
    get_fails(station(), "UnknownVariable", variable("OCPPCommCtrlr", "UnknownVariable"))


def test_TC_B_34_CS(station):
    get_fails(station(), "NotSupportedAttributeType", variable("OCPPCommCtrlr", "OfflineThreshold", attributeType="Target"))


def test_TC_B_09_CS(station):
    cs = station()
    cs.call("SetVariables", {"setVariableData": [{**OFFLINE_THRESHOLD, "attributeValue": "300", "attributeType": "Actual"}]},
            setVariableResult__0={**OFFLINE_THRESHOLD, "attributeStatus": "Accepted", "attributeType": "Actual",
                                  "attributeStatusInfo": no_error}, setVariableResult__1=ABSENT)
    assert cs.get_variable("OCPPCommCtrlr.OfflineThreshold") == "300"


def test_TC_B_10_CS(station):
    cs = station()
    results = cs.call("SetVariables", {"setVariableData": [
        {**OFFLINE_THRESHOLD, "attributeValue": "300", "attributeType": "Actual"},
        {**LOCAL_AUTHORIZE_OFFLINE, "attributeValue": "false", "attributeType": "Actual"}]})["setVariableResult"]
    for wanted in (OFFLINE_THRESHOLD, LOCAL_AUTHORIZE_OFFLINE):
        result = next(r for r in results if r["variable"] == wanted["variable"])
        validate("SetVariablesResponse", result, {**wanted, "attributeStatus": "Accepted", "attributeType": "Actual",
                                                  "attributeStatusInfo": no_error})
    assert len(results) == 2
    assert cs.get_variable("OCPPCommCtrlr.OfflineThreshold") == "300"
    assert cs.get_variable("AuthCtrlr.LocalAuthorizeOffline") == "false"


def test_TC_B_35_CS(station):
    set_fails(station(), "UnknownComponent", variable("UnknownComponent", "OfflineThreshold", attributeValue="300"))


def test_TC_B_36_CS(station):
    set_fails(station(), "UnknownVariable", variable("OCPPCommCtrlr", "UnknownVariable", attributeValue="300"))


def test_TC_B_37_CS(station):
    set_fails(station(), "NotSupportedAttributeType",
              variable("OCPPCommCtrlr", "OfflineThreshold", attributeValue="300", attributeType="Target"))


def test_TC_B_11_CS(station):
    cs = station()
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    accepted = {("OCPPCommCtrlr", "OfflineThreshold"): {"60"},
                ("SmartChargingCtrlr", "LimitChangeSignificance"): {"60", "60.1"},
                ("AuthCtrlr", "AuthorizeRemoteStart"): {"true"},
                ("ClockCtrlr", "NextTimeOffsetTransitionDateTime"): {now}}
    for value in ("60", "60.1", "true", now, "abc"):
        for (component, name), right in accepted.items():
            wanted = variable(component, name)
            result = cs.call("SetVariables", {"setVariableData": [{**wanted, "attributeValue": value}]})["setVariableResult"][0]
            validate("SetVariablesResponse", result, {
                **wanted, "attributeType": "Actual", "attributeStatus": "Accepted" if value in right else "Rejected",
                "attributeStatusInfo": lambda info: info is None or info["reasonCode"] == "InvalidValue"})


def test_TC_B_39_CS(station):
    data = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "MessageTimeout", "instance": "Default"}}
    set_fails(station(), "Rejected", {**data, "attributeValue": "20"})


# ---- reports ----

def report(cs, request_id, **request):
    """GetReport is Accepted; the entries."""
    cs.call("GetReport", {"requestId": request_id, **request}, status="Accepted", statusInfo=no_error)
    return cs.report_parts(request_id)


def check_parts(cs, request_id):
    """Numbers from 0, tbc on all but the last, a time in each."""
    parts = [p for p in cs.csms.heard(cs.id, "NotifyReport") if p["requestId"] == request_id]
    assert [p["seqNo"] for p in parts] == list(range(len(parts)))
    assert [p.get("tbc", False) for p in parts] == [True] * (len(parts) - 1) + [False]
    assert all(p["generatedAt"] and p["reportData"] for p in parts)


def place(entry):
    evse = entry["component"].get("evse", {})
    return entry["component"]["name"], entry["variable"]["name"], entry["variable"].get("instance"), \
        evse.get("id"), evse.get("connectorId")


def actual(entry):
    return next(a for a in entry["variableAttribute"] if a.get("type", "Actual") == "Actual")


def test_TC_B_12_CS(station):
    cs = station()
    entries = cs.base_report("ConfigurationInventory", request_id=12, status="Accepted", statusInfo=no_error)
    check_parts(cs, 12)
    assert all(e["variableCharacteristics"] for e in entries)
    assert not [place(e) for e in entries if actual(e)["mutability"] == "ReadOnly"]
    settable = {place(e) for e in cs.base_report("FullInventory", request_id=13) if actual(e)["mutability"] != "ReadOnly"}
    assert {place(e) for e in entries} == settable


# Part 2, chapter 2: what has to be there of what a station offers. Component, variable, instance; then type, mutability, unit.
REQUIRED = """
OCPPCommCtrlr FileTransferProtocols - MemberList ReadOnly
OCPPCommCtrlr MessageTimeout Default integer ReadOnly s
OCPPCommCtrlr MessageAttempts TransactionEvent integer ReadWrite
OCPPCommCtrlr MessageAttemptInterval TransactionEvent integer ReadWrite s
OCPPCommCtrlr NetworkConfigurationPriority - SequenceList ReadWrite
OCPPCommCtrlr NetworkProfileConnectionAttempts - integer ReadWrite
OCPPCommCtrlr OfflineThreshold - integer ReadWrite s
OCPPCommCtrlr UnlockOnEVSideDisconnect - boolean ReadWrite,ReadOnly
OCPPCommCtrlr ResetRetries - integer ReadWrite
OCPPCommCtrlr RetryBackOffRepeatTimes - integer ReadWrite
OCPPCommCtrlr RetryBackOffRandomRange - integer ReadWrite s
OCPPCommCtrlr RetryBackOffWaitMinimum - integer ReadWrite s
OCPPCommCtrlr WebSocketPingInterval - integer ReadWrite s
DeviceDataCtrlr ItemsPerMessage GetReport integer ReadOnly
DeviceDataCtrlr ItemsPerMessage GetVariables integer ReadOnly
DeviceDataCtrlr ItemsPerMessage SetVariables integer ReadOnly
DeviceDataCtrlr BytesPerMessage GetReport integer ReadOnly
DeviceDataCtrlr BytesPerMessage GetVariables integer ReadOnly
DeviceDataCtrlr BytesPerMessage SetVariables integer ReadOnly
ClockCtrlr DateTime - dateTime ReadOnly
ClockCtrlr TimeSource - SequenceList ReadWrite
SecurityCtrlr OrganizationName - string ReadWrite
SecurityCtrlr CertificateEntries - integer ReadOnly
SecurityCtrlr SecurityProfile - integer ReadOnly
AuthCtrlr AuthorizeRemoteStart - boolean ReadOnly,ReadWrite
AuthCtrlr LocalAuthorizeOffline - boolean ReadWrite
AuthCtrlr LocalPreAuthorize - boolean ReadWrite
TxCtrlr EVConnectionTimeOut - integer ReadWrite s
TxCtrlr StopTxOnEVSideDisconnect - boolean ReadWrite,ReadOnly
TxCtrlr StopTxOnInvalidId - boolean ReadWrite
TxCtrlr TxStartPoint - MemberList ReadWrite,ReadOnly
TxCtrlr TxStopPoint - MemberList ReadWrite,ReadOnly
SampledDataCtrlr TxEndedMeasurands - MemberList ReadWrite
SampledDataCtrlr TxEndedInterval - integer ReadWrite s
SampledDataCtrlr TxStartedMeasurands - MemberList ReadWrite
SampledDataCtrlr TxUpdatedMeasurands - MemberList ReadWrite
SampledDataCtrlr TxUpdatedInterval - integer ReadWrite s
AlignedDataCtrlr Measurands - MemberList ReadWrite
AlignedDataCtrlr Interval - integer ReadWrite s
AlignedDataCtrlr TxEndedMeasurands - MemberList ReadWrite
AlignedDataCtrlr TxEndedInterval - integer ReadWrite s
SmartChargingCtrlr ProfileStackLevel - integer ReadOnly
SmartChargingCtrlr RateUnit - MemberList ReadOnly
SmartChargingCtrlr PeriodsPerSchedule - integer ReadOnly
SmartChargingCtrlr Entries ChargingProfiles integer ReadOnly
SmartChargingCtrlr LimitChangeSignificance - decimal ReadWrite
"""
OF_HARDWARE = {"ChargingStation": ["Available", "AvailabilityState", "SupplyPhases"],
               "EVSE": ["Available", "AvailabilityState", "SupplyPhases", "Power"],
               "Connector": ["Available", "AvailabilityState", "ConnectorType", "SupplyPhases"]}


def check_required(entries, evses):
    found = {place(e): e for e in entries}
    for line in REQUIRED.split("\n"):
        if not line:
            continue
        component, name, instance, kind, mutability, *unit = line.split()
        entry = found[component, name, None if instance == "-" else instance, None, None]
        assert entry["variableCharacteristics"]["dataType"] == kind, line
        assert actual(entry)["mutability"] in mutability.split(","), line
        assert not unit or entry["variableCharacteristics"]["unit"] == unit[0], line
    for component, names in OF_HARDWARE.items():
        places = [(None, None)] if component == "ChargingStation" else \
            [(evse, 1 if component == "Connector" else None) for evse in range(1, evses + 1)]
        for where in places:
            for name in names:
                entry = found[(component, name, None, *where)]
                assert actual(entry)["mutability"] == "ReadOnly"
    for evse in range(1, evses + 1):
        power = found["EVSE", "Power", None, evse, None]["variableCharacteristics"]
        assert power["maxLimit"] > 0 and power["unit"] == "W"


def check_entries(entries):
    for entry in entries:
        of = entry["variableCharacteristics"]
        values = of.get("valuesList", "").split(",")
        for attribute in entry["variableAttribute"]:
            if attribute.get("mutability") == "WriteOnly":
                assert "value" not in attribute, entry
                continue
            assert "value" in attribute or place(entry)[:2] == ("EVSE", "Power"), entry
            if of["dataType"] in ("OptionList", "SequenceList", "MemberList"):
                assert of["valuesList"], entry
                assert all(member in values for member in attribute["value"].split(",") if member), entry
                assert of["dataType"] != "OptionList" or attribute["value"] in values, entry
    keys = [place(e) for e in entries]
    assert len(keys) == len(set(keys))


def test_TC_B_13_CS(station):
    cs = station(evses=2)
    entries = cs.base_report("FullInventory", request_id=77, status="Accepted", statusInfo=no_error)
    check_parts(cs, 77)
    assert all(e["variableCharacteristics"] for e in entries)
    check_required(entries, 2)


def test_TC_B_14_CS(station):
    cs = station(evses=2)
    entries = cs.base_report("SummaryInventory", request_id=14, status="Accepted", statusInfo=no_error)
    check_parts(cs, 14)
    found = {place(e) for e in entries}
    assert ("ChargingStation", "AvailabilityState", None, None, None) in found
    for evse in (1, 2):
        assert ("EVSE", "AvailabilityState", None, evse, None) in found
        assert ("Connector", "AvailabilityState", None, evse, 1) in found
    assert not [p for p in found if p[1] == "Problem"]
    cs.fault(evse=2)
    cs.status("Faulted", 2)
    entries = cs.base_report("SummaryInventory", request_id=15)
    assert ("EVSE", "Problem", None, 2, None) in {place(e) for e in entries}


def test_TC_B_53_CS(station):
    cs = station(evses=2, security_profile=1)
    entries = cs.base_report("FullInventory", request_id=53)
    check_required(entries, 2)
    check_entries(entries)


# ---- reset ----

def test_TC_B_20_CS(station):
    cs = station(evses=2)
    cs.call("Reset", {"type": "OnIdle"}, status="Accepted")
    cs.booted(reason="RemoteReset")
    nothing_more(cs)


def restart_on_idle(cs, status):
    """B_21 and B_41 from where energy flows at every EVSE."""
    cs.csms.take_all()
    cs.call("Reset", {"type": "OnIdle"}, status="Scheduled")
    for evse in cs.tracks:
        StopAuthorized(cs, evse)
        EVConnectedPostSession(cs, evse)
        if status != "Occupied" or evse < len(cs.tracks):
            EVDisconnected(cs, evse)
            ParkingBayUnoccupied(cs, evse)
    rebooted(cs, {evse: status if evse == len(cs.tracks) else "Available" for evse in cs.tracks}, reason="ScheduledReset")
    cs.next("SecurityEventNotification", type={"StartupOfTheDevice", "ResetOrReboot"})


def test_TC_B_21_CS(station):
    for stop, status in (("EVConnected", "Available"), ("Authorized", "Occupied")):
        cs = station(TxCtrlr__TxStopPoint=stop)
        EnergyTransferStarted(cs)
        restart_on_idle(cs, status)


def test_TC_B_41_CS(station):
    cs = station(evses=2)
    EnergyTransferStarted(cs, 1)
    EnergyTransferStarted(cs, 2)
    restart_on_idle(cs, "Available")


def test_TC_B_22_CS(station):
    cs = station(evses=2)
    EnergyTransferStarted(cs)
    cs.csms.take_all()
    cs.call("Reset", {"type": "Immediate"}, status="Accepted")
    cs.event(1, eventType="Ended", triggerReason="ResetCommand", chargingState="EVConnected", stoppedReason="ImmediateReset",
             idToken=ABSENT)
    rebooted(cs, {1: "Occupied", 2: "Available"}, reason="RemoteReset")


def test_TC_B_23_CS(station):
    cs = station(evses=2)
    Unavailable(cs, 1, 1)
    cs.csms.take_all()
    cs.call("Reset", {"type": "OnIdle"}, status="Accepted")
    rebooted(cs, {1: "Unavailable", 2: "Available"}, reason="RemoteReset")


def until_evse_restarted(cs, evse):
    until(lambda: cs.site.ask(f"writes {cs.charger(evse)}").find("reset") >= 0, "the device is restarted")
    cs.status("Unavailable", evse)
    cs.status("Available" if not cs.tracks[evse].connected else "Occupied", evse)


def test_TC_B_25_CS(station):
    cs = station(evses=2)
    assert cs.get_variable("EVSE.AllowReset", {"id": 2}) == "true"
    cs.call("Reset", {"type": "OnIdle", "evseId": 2}, status="Accepted")
    until_evse_restarted(cs, 2)
    assert not cs.csms.untaken("BootNotification")


def test_TC_B_26_CS(station):
    cs = station(evses=2)
    EnergyTransferStarted(cs, 2)
    cs.csms.take_all()
    cs.call("Reset", {"type": "OnIdle", "evseId": 2}, status="Scheduled")
    StopAuthorized(cs, 2)
    EVConnectedPostSession(cs, 2)
    EVDisconnected(cs, 2)
    ParkingBayUnoccupied(cs, 2)
    until_evse_restarted(cs, 2)
    assert not cs.csms.untaken("BootNotification")


def test_TC_B_27_CS(station):
    cs = station(evses=2)
    EnergyTransferStarted(cs, 1)
    EnergyTransferStarted(cs, 2)
    cs.csms.take_all()
    cs.call("Reset", {"type": "Immediate", "evseId": 2}, status="Accepted")
    cs.event(2, eventType="Ended", triggerReason="ResetCommand", chargingState="EVConnected", stoppedReason="ImmediateReset")
    until_evse_restarted(cs, 2)
    assert cs.show(1)["power"] > 0
    assert not cs.csms.untaken("BootNotification")


def without_device_reset(station):
    """The same charger, but its profile knows no way to restart it."""
    cs = station.prepared()
    profile = cs.site.directory / "case-ac22.yaml"
    profile.write_text("".join(line for line in profile.read_text().splitlines(True) if "reset: {" not in line))
    cs.start()
    assert cs.get_variable("EVSE.AllowReset", {"id": 1}) == "false"
    return cs


def test_TC_B_28_CS(station):
    without_device_reset(station).call("Reset", {"type": "OnIdle", "evseId": 1}, status="Rejected")


def test_TC_B_29_CS(station):
    cs = without_device_reset(station)
    EnergyTransferStarted(cs)
    cs.call("Reset", {"type": "OnIdle", "evseId": 1}, status="Rejected")
