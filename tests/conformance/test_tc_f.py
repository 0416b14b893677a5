"""Remote control (without LogStatusNotification and FirmwareStatusNotification: F_15 to F_19 stand with their blocks)."""
from rig import REMOTE
from states import Authorized, EnergyTransferStarted, EVConnectedPreSession, StopAuthorized


def test_TC_F_01_CS(station):
    """Cable first."""
    cs = station()
    EVConnectedPreSession(cs)
    Authorized(cs, remote=True)
    EnergyTransferStarted(cs)


def remote_start_first(station, authorize):
    for points in ("EVConnected,Authorized", "EVConnected", "PowerPathClosed", "EnergyTransfer"):
        cs = station(AuthCtrlr__AuthorizeRemoteStart=authorize, TxCtrlr__TxStartPoint=points)
        Authorized(cs, remote=True)
        EnergyTransferStarted(cs)
        assert bool(cs.csms.heard(cs.id, "Authorize")) == (authorize == "true")
        remote = [e for e in cs.csms.heard(cs.id, "TransactionEvent") if e["triggerReason"] == "RemoteStart"]
        assert len(remote) == 1 and remote[0]["eventType"] == "Started"        # F02.FR.01, F02.FR.21
        assert remote[0]["idToken"] == REMOTE


def test_TC_F_02_CS(station):
    remote_start_first(station, "true")


def test_TC_F_03_CS(station):
    remote_start_first(station, "false")


def test_TC_F_04_CS(station):
    cs = station(TxCtrlr__TxStartPoint="Authorized", TxCtrlr__EVConnectionTimeOut=2)
    Authorized(cs, remote=True)
    cs.event(eventType="Ended", triggerReason="EVConnectTimeout", stoppedReason="Timeout")
    cs.tracks[1].clear()
    Authorized(cs, remote=True)
    cs.event(eventType="Ended", triggerReason="EVConnectTimeout", stoppedReason="Timeout")


def test_TC_F_08_CS(station):
    for stop in ("EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer"):
        cs = station(TxCtrlr__TxStopPoint=stop)
        EnergyTransferStarted(cs)
        StopAuthorized(cs, remote=True)
        cs.until_device(enabled=False)


def test_TC_F_09_CS(station):
    cs = station()
    event = EnergyTransferStarted(cs)
    cs.call("RequestStopTransaction", {"transactionId": "no-such-transaction"}, status="Rejected")
    cs.never("TransactionEvent")
    assert cs.show()["power"] > 0
    cs.call("GetTransactionStatus", {"transactionId": event["transactionInfo"]["transactionId"]}, ongoingIndicator=True)


# ---- UnlockConnector ----

def test_TC_F_05_CS(station):
    cs = station()
    EnergyTransferStarted(cs)
    cs.call("UnlockConnector", {"evseId": 1, "connectorId": 1}, status="OngoingAuthorizedTransaction")
    assert cs.show()["power"] > 0 and cs.show()["locked"]


def test_TC_F_06_CS(station):
    cs = station()
    cs.plug()
    cs.until_device(locked=True)
    cs.call("UnlockConnector", {"evseId": 1, "connectorId": 1}, status="Unlocked")
    cs.until_device(locked=False)


def test_TC_F_07_CS(station):
    cs = station()
    cs.call("UnlockConnector", {"evseId": 1, "connectorId": 1}, status="Unlocked")


def test_TC_F_10_CS(station):
    cs = station()
    cs.call("UnlockConnector", {"evseId": 1, "connectorId": 999}, status="UnknownConnector")


# ---- TriggerMessage ----

def trigger(cs, message, status="Accepted", evse=None, connector=None):
    """The answer comes before the message it promises (F06.FR.04)."""
    request = {"requestedMessage": message}
    if evse:
        request["evse"] = {"id": evse, **({"connectorId": connector} if connector else {})}
    before = len(cs.csms.frames)
    cs.call("TriggerMessage", request, status=status)
    return before


def answered_first(cs, before, message):
    """F06.FR.04"""
    said = [text for _, who, text in cs.csms.frames[before:] if who == "CS"]
    assert said[0].startswith("[3,"), said
    assert any(f'"{message}"' in text for text in said[1:]), said




def of_trigger(values):
    samples = [s for v in values for s in v["sampledValue"]]
    measurands = {s.get("measurand", "Energy.Active.Import.Register") for s in samples}
    return samples and all(s["context"] == "Trigger" for s in samples) and measurands


def test_TC_F_11_CS(station):
    """F06.FR.04, F06.FR.06"""
    cs = station(evses=2, AlignedDataCtrlr__Measurands="Energy.Active.Import.Register,Power.Active.Import")
    before = trigger(cs, "MeterValues", evse=2)
    cs.next("MeterValues", evseId=2, meterValue=lambda v: of_trigger(v) == {"Energy.Active.Import.Register", "Power.Active.Import"})
    answered_first(cs, before, "MeterValues")
    assert not cs.csms.untaken("MeterValues")


def test_TC_F_12_CS(station):
    """F06.FR.11"""
    cs = station(evses=2)
    before = trigger(cs, "MeterValues")
    for evse in (1, 2):
        cs.next("MeterValues", lambda p, evse=evse: p["evseId"] == evse, meterValue=of_trigger)
    answered_first(cs, before, "MeterValues")


def test_TC_F_13_CS(station):
    """F06.FR.07"""
    wanted = {"Energy.Active.Import.Register", "Power.Active.Import"}
    cs = station(evses=2, SampledDataCtrlr__TxUpdatedMeasurands=",".join(wanted))
    EnergyTransferStarted(cs, 2)
    before = trigger(cs, "TransactionEvent", evse=2)
    cs.event(2, eventType="Updated", triggerReason="Trigger", evse__id=2, chargingState="Charging",
             meterValue=lambda v: of_trigger(v) == wanted)
    answered_first(cs, before, "TransactionEvent")


def test_TC_F_14_CS(station):
    """F06.FR.11"""
    cs = station(evses=2)
    EnergyTransferStarted(cs, 1)
    EnergyTransferStarted(cs, 2)
    before = trigger(cs, "TransactionEvent")
    for evse in (1, 2):
        cs.event(evse, triggerReason="Trigger", evse__id=evse, chargingState="Charging", meterValue=of_trigger)
    answered_first(cs, before, "TransactionEvent")


def test_TC_F_20_CS(station):
    """F06.FR.04"""
    cs = station()
    before = trigger(cs, "Heartbeat")
    cs.next("Heartbeat")
    answered_first(cs, before, "Heartbeat")


def test_TC_F_23_CS(station):
    cs = station(evses=2)
    before = trigger(cs, "StatusNotification", evse=2, connector=1)
    cs.status("Available", 2)
    answered_first(cs, before, "StatusNotification")
    assert not cs.csms.untaken("StatusNotification")


def test_TC_F_24_CS(station):
    cs = station(evses=2)
    EVConnectedPreSession(cs, 2)
    before = trigger(cs, "StatusNotification", evse=2, connector=1)
    cs.status("Occupied", 2)
    answered_first(cs, before, "StatusNotification")
    assert not cs.csms.untaken("StatusNotification")


def test_TC_F_26_CS(station):
    cs = station()
    trigger(cs, "BootNotification", status="Rejected")
    cs.never("BootNotification")


def test_TC_F_27_CS(station):
    cs = station()
    trigger(cs, "SignCombinedCertificate", status="NotImplemented")
    cs.never("SignCertificate", 0.5)
