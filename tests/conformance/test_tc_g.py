"""Availability."""
from states import (Authorized, Booted, Booting, EnergyTransferStarted, EVConnectedPostSession, EVConnectedPreSession,
                    StopAuthorized, Unavailable)


def change(cs, status, evse=None, connector=None, answer="Accepted"):
    request = {"operationalStatus": status}
    if evse:
        request["evse"] = {"id": evse, **({"connectorId": connector} if connector else {})}
    cs.call("ChangeAvailability", request, status=answer)


def untold(cs, evse):
    """Nothing was said of this EVSE's connectors."""
    assert not cs.csms.untaken("StatusNotification", lambda p: p["evseId"] == evse)


def test_TC_G_01_CS(station):
    EVConnectedPreSession(station())


def test_TC_G_02_CS(station):
    cs = station()
    EVConnectedPreSession(cs)
    cs.unplug()
    cs.status("Available")


def test_a_lock_that_fails_is_told_and_keeps_energy_away(station):
    """TC_G_20, which a CSMS is put to: G05.FR.01, G05.FR.02"""
    cs = station()
    cs.device("lock breaks")
    EVConnectedPreSession(cs)
    cs.next("NotifyEvent")
    Authorized(cs)
    cs.next("NotifyEvent", eventData__0={"trigger": "Delta", "actualValue": "true", "variable": {"name": "Problem"},
                                         "component": {"name": "ConnectorPlugRetentionLock", "evse": {"id": 1, "connectorId": 1}}})
    cs.never("TransactionEvent", 2, lambda p: p["transactionInfo"].get("chargingState") == "Charging")
    assert not cs.show()["enabled"]
    cs.device("lock holds")
    cs.next("NotifyEvent", eventData__0__actualValue="false")
    EnergyTransferStarted(cs)


# ---- an EVSE ----

def test_TC_G_03_CS(station):
    cs = station(evses=2)
    Unavailable(cs, 2)
    cs.quiet()
    untold(cs, 1)


def test_TC_G_09_CS(station):
    cs = station(evses=2)
    change(cs, "Operative", 1)


def test_TC_G_04_CS(station):
    cs = station(evses=2)
    Unavailable(cs, 2)
    change(cs, "Operative", 2)
    cs.status("Available", 2)


def test_TC_G_10_CS(station):
    cs = station(evses=2)
    Unavailable(cs, 2)
    change(cs, "Inoperative", 2)


def unavailable_after_the_transaction(cs, evse=1):
    """Steps 3 to 14 of G_11, G_14 and G_17: once the transaction has ended, the connector is Unavailable."""
    told = False
    for state in (StopAuthorized, EVConnectedPostSession):
        state(cs, evse)
        if cs.tracks[evse].ended and not told:
            cs.status("Unavailable", evse)
            told = True
    cs.unplug(evse)
    if not told:
        cs.status("Unavailable", evse)         # G01.FR.05
        cs.event(evse, eventType="Ended", triggerReason="EVCommunicationLost")
    cs.call("GetTransactionStatus")
    assert not cs.csms.untaken("StatusNotification", lambda p: p["evseId"] == evse and p["connectorStatus"] != "Unavailable")


def with_a_transaction(station, evse, connector, others_go):
    for stop in ("EVConnected", "Authorized"):
        cs = station(evses=2, TxCtrlr__TxStopPoint=stop)
        EnergyTransferStarted(cs, 1)
        cs.csms.take_all()
        change(cs, "Inoperative", evse, connector, "Scheduled")
        if others_go:
            cs.status("Unavailable", 2)
        cs.call("GetTransactionStatus")
        untold(cs, 1)                          # while the transaction goes on
        unavailable_after_the_transaction(cs)
        if not others_go:
            untold(cs, 2)


def test_TC_G_11_CS(station):
    with_a_transaction(station, 1, None, False)


def test_TC_G_18_CS(station):
    for power_cycle in (False, True):
        cs = station(evses=2)
        Unavailable(cs, 1)
        change(cs, "Inoperative", 1)
        cs.status("Unavailable", 1)
        Booted(cs, power_cycle, status={1: "Unavailable", 2: "Available"})


# ---- the whole ----

def test_TC_G_05_CS(station):
    cs = station(evses=2)
    Unavailable(cs)


def test_TC_G_12_CS(station):
    cs = station(evses=2)
    change(cs, "Operative")
    for evse in (1, 2):
        cs.status("Available", evse)


def test_TC_G_06_CS(station):
    cs = station(evses=2)
    Unavailable(cs)
    change(cs, "Operative")
    for evse in (1, 2):
        cs.status("Available", evse)


def test_TC_G_13_CS(station):
    cs = station(evses=2)
    Unavailable(cs)
    change(cs, "Inoperative")
    for evse in (1, 2):
        cs.status("Unavailable", evse)


def test_TC_G_21_CS(station):
    """As G_18, for the whole station."""
    for power_cycle in (False, True):
        cs = station(evses=2)
        Unavailable(cs)
        Booted(cs, power_cycle, status="Unavailable")


def test_TC_G_14_CS(station):
    with_a_transaction(station, None, None, True)


# ---- a connector ----

def test_TC_G_07_CS(station):
    cs = station(evses=2)
    Unavailable(cs, 2, 1)
    cs.quiet()
    untold(cs, 1)


def test_TC_G_15_CS(station):
    cs = station(evses=2)
    change(cs, "Operative", 2, 1)
    cs.status("Available", 2)


def test_TC_G_08_CS(station):
    cs = station(evses=2)
    Unavailable(cs, 2, 1)
    change(cs, "Operative", 2, 1)
    cs.status("Available", 2)


def test_TC_G_16_CS(station):
    cs = station(evses=2)
    Unavailable(cs, 2, 1)
    change(cs, "Inoperative", 2, 1)
    cs.status("Unavailable", 2)


def test_TC_G_17_CS(station):
    with_a_transaction(station, 1, 1, False)


def test_TC_G_19_CS(station):
    cs = station(evses=2)
    Unavailable(cs, 2, 1)
    cs.csms.take_all()
    Booting(cs)
    cs.booted({1: "Available", 2: "Unavailable"})
    cs.next("SecurityEventNotification", type={"StartupOfTheDevice", "ResetOrReboot"})
