"""Provisioning."""
from rig import ABSENT
from states import Booted

OFFLINE_THRESHOLD = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}}


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


def test_TC_B_03_CS(station):
    cs = station(evses=2)
    boot_with(cs, "Rejected", 2)
    rejected = len(cs.csms.frames)
    cs.booted()
    first, second = [t for t, who, text in cs.csms.frames if who == "CS" and '"BootNotification"' in text][-2:]
    assert second - first >= 2
    between = [text for t, who, text in cs.csms.frames[rejected:] if who == "CS" and t < second]
    assert not between                 # B03.FR.02: not a word in the meantime


def test_TC_B_06_CS(station):
    cs = station(OCPPCommCtrlr__OfflineThreshold=300)
    cs.call("GetVariables", {"getVariableData": [{**OFFLINE_THRESHOLD, "attributeType": "Actual"}]},
            getVariableResult__0={"attributeStatus": "Accepted", "attributeType": "Actual", "attributeValue": "300",
                                  "component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"},
                                  "attributeStatusInfo": lambda info: info is None or info["reasonCode"] == "NoError"},
            getVariableResult__1=ABSENT)


def test_TC_B_20_CS(station):
    cs = station(evses=2)
    cs.call("Reset", {"type": "OnIdle"}, status="Accepted")
    cs.booted(reason="RemoteReset")
