"""Transactions: how they begin, and how they end. test_tc_e_queue.py has what happens without a link."""
from rig import ABSENT, TOKEN
from states import (Authorized, EnergyTransferStarted, EnergyTransferSuspended, EVConnectedPostSession, EVConnectedPreSession, EVDisconnected,
                    ParkingBayOccupied, ParkingBayUnoccupied, StartOfflineTransaction, StopAuthorized)


# ---- E01: start points ----

def test_TC_E_01_CS(station):
    cs = station(TxCtrlr__TxStartPoint="PowerPathClosed")
    Authorized(cs)
    EVConnectedPreSession(cs)
    EnergyTransferStarted(cs)


def test_TC_E_02_CS(station):
    cs = station(TxCtrlr__TxStartPoint="EnergyTransfer")
    Authorized(cs)
    cs.plug()
    cs.status("Occupied")
    cs.event(1, eventType="Started", triggerReason={"ChargingStateChanged", "Authorized"}, idToken=TOKEN, evse__id=1, evse__connectorId=1,
             chargingState="Charging")


def test_TC_E_09_CS(station):
    cs = station(TxCtrlr__TxStartPoint="EVConnected")
    ParkingBayOccupied(cs)
    EVConnectedPreSession(cs)
    Authorized(cs)
    EnergyTransferStarted(cs)


def test_TC_E_10_CS(station):
    cs = station(TxCtrlr__TxStartPoint="Authorized")
    Authorized(cs)
    EVConnectedPreSession(cs)
    EnergyTransferStarted(cs)


def test_TC_E_13_CS(station):
    cs = station(TxCtrlr__TxStartPoint="Authorized")
    Authorized(cs, remote=True)
    EVConnectedPreSession(cs)
    EnergyTransferStarted(cs)


def test_TC_E_12_CS(station):
    cs = station(parking_bay=True, TxCtrlr__TxStartPoint="ParkingBayOccupancy")
    ParkingBayOccupied(cs)
    Authorized(cs)
    EVConnectedPreSession(cs)
    EnergyTransferStarted(cs)


# ---- E02, E03: a session begins ----

def test_TC_E_03_CS(station):
    """The cable first, then the card."""
    cs = station()
    EVConnectedPreSession(cs)
    Authorized(cs)
    EnergyTransferStarted(cs)


def test_TC_E_04_CS(station):
    """The card first, then the cable."""
    cs = station()
    Authorized(cs)
    EVConnectedPreSession(cs)
    EnergyTransferStarted(cs)


def test_TC_E_05_CS(station):
    for start, stop, last in (("Authorized", "EVConnected,Authorized", "Ended"), ("ParkingBayOccupancy", "ParkingBayOccupancy", "Updated")):
        cs = station(parking_bay="Bay" in start, TxCtrlr__TxStartPoint=start, TxCtrlr__TxStopPoint=stop, TxCtrlr__EVConnectionTimeOut=1,
                     AuthCacheCtrlr__Enabled="false")
        Authorized(cs)
        event = cs.event(1, triggerReason="EVConnectTimeout", eventType=last)
        if last == "Ended":
            assert event["transactionInfo"]["stoppedReason"] == "Timeout"
            cs.tracks[1].clear()
        cs.tracks[1].authorized = False
        Authorized(cs)
        EnergyTransferStarted(cs)


def test_TC_E_38_CS(station):
    cs = station()
    Authorized(cs)
    EVConnectedPreSession(cs, ready="off")
    cs.event(1, triggerReason="ChargingStateChanged", chargingState="SuspendedEV")


# ---- E06: stop points ----

def test_TC_E_14_CS(station):
    for remote in (False, True):
        cs = station(TxCtrlr__TxStopPoint="EVConnected")
        EVConnectedPostSession(cs, remote=remote)
        cs.unplug()
        cs.status("Available")
        reasons = {"Remote", "EVDisconnected"} if remote else {"Local", "EVDisconnected", ABSENT}
        cs.event(1, triggerReason="EVCommunicationLost", chargingState="Idle", stoppedReason=reasons, eventType="Ended")


def disconnected_by_the_ev(cs, *reasons):
    EnergyTransferSuspended(cs)
    cs.unplug_at_car()
    cs.event(1, triggerReason="EVCommunicationLost", chargingState="Idle", stoppedReason=set(reasons), eventType="Ended")


def test_TC_E_20_CS(station):
    disconnected_by_the_ev(station(TxCtrlr__TxStopPoint="EVConnected", TxCtrlr__StopTxOnEVSideDisconnect="false"), "EVDisconnected")


def test_TC_E_54_CS(station):
    """A DC charger: high level communication."""
    cs = station.prepared(fixed_cable=True, TxCtrlr__TxStopPoint="EVConnected", TxCtrlr__StopTxOnEVSideDisconnect="false")
    profile = cs.site.directory / "case-ac22.yaml"
    profile.write_text(profile.read_text().replace("cType2", "cCCS2"))
    cs.start()
    disconnected_by_the_ev(cs, "StoppedByEV", "EVDisconnected")


def test_TC_E_15_CS(station):
    cs = station(TxCtrlr__TxStopPoint="Authorized")
    EnergyTransferStarted(cs)
    cs.present(TOKEN)
    cs.event(1, triggerReason="StopAuthorized", stoppedReason="Local", eventType="Ended")


def test_TC_E_21_CS(station):
    cs = station(TxCtrlr__TxStopPoint="Authorized")
    EnergyTransferStarted(cs)
    cs.call("RequestStopTransaction", {"transactionId": cs.tracks[1].transaction}, status="Accepted")
    cs.event(1, triggerReason="RemoteStop", stoppedReason="Remote", eventType="Ended")


def test_TC_E_16_CS(station):
    for stop_point in ("Authorized", "PowerPathClosed"):
        cs = station(TxCtrlr__TxStopPoint=stop_point, AuthCtrlr__OfflineTxForUnknownIdEnabled="true", TxCtrlr__StopTxOnInvalidId="true")
        cs.answer("TransactionEvent", {"idTokenInfo": {"status": "Invalid"}}, when=lambda p: p.get("idToken"))
        StartOfflineTransaction(cs)
        event = cs.event(1, offline=True)
        while event["triggerReason"] != "Deauthorized":
            last, event = event, cs.event(1)
        assert last["offline"]
        assert event["eventType"] == "Ended" and event["transactionInfo"]["stoppedReason"] == "DeAuthorized", event


def test_TC_E_17_CS(station):
    cs = station(TxCtrlr__TxStopPoint="Authorized", TxCtrlr__StopTxOnEVSideDisconnect="true",
                 OCPPCommCtrlr__UnlockOnEVSideDisconnect="false")
    EnergyTransferSuspended(cs)
    cs.unplug_at_car()
    cs.event(1, triggerReason="EVCommunicationLost", chargingState="Idle", stoppedReason="EVDisconnected", eventType="Ended")
    owner_draws_the_cable(cs)


def owner_draws_the_cable(cs):
    """It stayed locked in the socket (E09.FR.03); who began the transaction gets it."""
    assert cs.show()["locked"]
    cs.present(TOKEN)
    cs.until_device(locked=False)
    cs.unplug()
    cs.status("Available")
    assert not cs.csms.untaken("TransactionEvent")


def test_TC_E_39_CS(station):
    cs = station(TxCtrlr__TxStartPoint="Authorized", TxCtrlr__TxStopPoint="Authorized", TxCtrlr__EVConnectionTimeOut=1)
    Authorized(cs)
    cs.event(1, triggerReason="EVConnectTimeout", stoppedReason="Timeout", eventType="Ended")
    cs.plug()
    cs.status("Occupied")
    cs.never("TransactionEvent", where=lambda p: p["triggerReason"] != "CablePluggedIn" or p["transactionInfo"]["chargingState"] == "Charging")
    assert cs.show()["power"] == 0


def test_TC_E_07_CS(station):
    cs = station(TxCtrlr__TxStopPoint="PowerPathClosed")
    EnergyTransferStarted(cs)
    assert StopAuthorized(cs)["eventType"] == "Ended"


def test_TC_E_35_CS(station):
    cs = station(TxCtrlr__TxStopPoint="PowerPathClosed")
    EnergyTransferStarted(cs)
    event = StopAuthorized(cs, remote=True)
    assert event["eventType"] == "Ended" and event["transactionInfo"]["stoppedReason"] == "Remote"


def test_TC_E_37_CS(station):
    cs = station(TxCtrlr__TxStopPoint="PowerPathClosed", TxCtrlr__StopTxOnEVSideDisconnect="true")
    EnergyTransferStarted(cs)
    cs.unplug_at_car()
    cs.event(1, triggerReason="EVCommunicationLost", chargingState="Idle", stoppedReason="EVDisconnected", eventType="Ended")
    cs.status("Available")


def test_TC_E_08_CS(station):
    """The authorization ends, then the energy, and with it the transaction."""
    cs = station(TxCtrlr__TxStopPoint="EnergyTransfer")
    EnergyTransferStarted(cs)
    if StopAuthorized(cs)["eventType"] != "Ended":
        cs.event(1, triggerReason="ChargingStateChanged", chargingState="EVConnected", stoppedReason="Local", eventType="Ended")


def test_TC_E_22_CS(station):
    cs = station(TxCtrlr__TxStopPoint="EnergyTransfer")
    EnergyTransferStarted(cs)
    cs.ev_suspends()
    cs.event(1, triggerReason="ChargingStateChanged", chargingState={"EVConnected", "SuspendedEV"}, stoppedReason="StoppedByEV",
             eventType="Ended")


def test_TC_E_19_CS(station):
    for remote in (False, True):
        cs = station(parking_bay=True, TxCtrlr__TxStopPoint="ParkingBayOccupancy")
        EVDisconnected(cs, remote=remote)
        cs.drive_out()
        cs.event(1, triggerReason="EVDeparted", stoppedReason="Remote" if remote else "Local", eventType="Ended")


# ---- E07 ----

def test_TC_E_06_CS(station):
    cs = station()
    EnergyTransferStarted(cs)
    StopAuthorized(cs)
    EVConnectedPostSession(cs)
    EVDisconnected(cs)
    ParkingBayUnoccupied(cs)


# ---- E09, E10: the cable is pulled out at the vehicle ----

def deauthorized_by_the_ev(station, unlock):
    cs = station(TxCtrlr__StopTxOnEVSideDisconnect="true", OCPPCommCtrlr__UnlockOnEVSideDisconnect=unlock)
    EnergyTransferSuspended(cs)
    cs.unplug_at_car()
    cs.event(1, triggerReason="EVCommunicationLost", chargingState="Idle")
    return cs


def test_TC_E_24_CS(station):
    cs = deauthorized_by_the_ev(station, unlock="true")
    cs.until_device(locked=False)
    cs.unplug()
    cs.status("Available")


def test_TC_E_25_CS(station):
    owner_draws_the_cable(deauthorized_by_the_ev(station, unlock="false"))


def suspended_by_unplugging(station, **options):
    cs = station(TxCtrlr__TxStopPoint="Authorized", TxCtrlr__StopTxOnEVSideDisconnect="false", **options)
    EnergyTransferSuspended(cs)
    locked = cs.show()["locked"]
    cs.unplug_at_car()
    cs.event(1, eventType="Updated", triggerReason="EVCommunicationLost", chargingState="Idle")
    cs.status("Available")
    assert cs.show()["locked"] == locked       # E10.FR.01
    return cs


def test_TC_E_26_CS(station):
    """The vehicle comes back in time: the same transaction goes on, nobody is asked again."""
    cs = suspended_by_unplugging(station, OCPPCommCtrlr__UnlockOnEVSideDisconnect="false", TxCtrlr__EVConnectionTimeOut=30)
    transaction = cs.tracks[1].transaction
    cs.plug()
    cs.status("Occupied")
    cs.event(1, eventType="Updated", triggerReason="CablePluggedIn", chargingState="EVConnected", transactionId=transaction,
             evse__connectorId=1)
    cs.event(1, skip={"EVConnected", "SuspendedEVSE", "SuspendedEV"}, eventType="Updated", triggerReason="ChargingStateChanged",
             chargingState="Charging", transactionId=transaction)
    assert not cs.csms.untaken("Authorize")


def test_TC_E_27_CS(station):
    """It does not come back: the authorization ends, and the transaction with it."""
    cs = suspended_by_unplugging(station, fixed_cable=True, TxCtrlr__EVConnectionTimeOut=1)
    cs.event(1, eventType="Ended", triggerReason="EVConnectTimeout", stoppedReason="Timeout")
    cs.tracks[1].clear()
    EVConnectedPreSession(cs)
    Authorized(cs)
    EnergyTransferStarted(cs)
