"""Authorization: by cards, the authorization cache, groups and master passes, offline."""
import json

import pytest

from rig import ABSENT, OTHER, TOKEN, until
from states import (Authorized, Booted, Deauthorized, EnergyTransferStarted, EVConnectedPostSession, EVConnectedPreSession, EVDisconnected,
                    IdTokenCached, ParkingBayOccupied, ParkingBayUnoccupied, StartOfflineTransaction, StopAuthorized)

PRE = {"AuthCtrlr__LocalPreAuthorize": "true"}
ENDS_UNAUTHORIZED = {"TxCtrlr__TxStopPoint": "EVConnected,Authorized"}
MASTER = {"idToken": "04DEADBEEF0001", "type": "ISO14443"}


def info(status="Accepted", group=None):
    return {"status": status, **({"groupIdToken": {"idToken": group, "type": "Central"}} if group else {})}


def csms_says(cs, token, **of_it):
    """What AuthorizeResponse and TransactionEventResponse have of the token from now on."""
    for action in ("Authorize", "TransactionEvent"):
        cs.answer(action, {"idTokenInfo": info(**of_it)}, when=lambda p: p.get("idToken") == token)


def asks_nobody(cs):
    assert not cs.csms.untaken("Authorize")


def refused(cs, token, status):
    """Presented and asked for; nothing comes of it."""
    csms_says(cs, token, status=status)
    cs.present(token)
    cs.next("Authorize", idToken=token)
    cs.never("TransactionEvent")
    assert cs.show()["power"] == 0


# ---- refused cards ----

def test_TC_C_02_CS(station):
    cs = station()
    EVConnectedPreSession(cs)
    refused(cs, OTHER, "Invalid")


def test_TC_C_06_CS(station):
    cs = station()
    EVConnectedPreSession(cs)
    refused(cs, OTHER, "Blocked")


def test_TC_C_07_CS(station):
    cs = station()
    EVConnectedPreSession(cs)
    refused(cs, OTHER, "Expired")


def test_TC_C_56_CS(station):
    cs = station()
    EVConnectedPreSession(cs)
    refused(cs, OTHER, "Unknown")


def test_TC_C_05_CS(station):
    """Nothing is plugged in before."""
    cs = station(TxCtrlr__TxStartPoint="Authorized")
    refused(cs, OTHER, "Invalid")


def test_TC_C_04_CS(station):
    """Another card does not stop it."""
    cs = station(**ENDS_UNAUTHORIZED)
    EnergyTransferStarted(cs)
    cs.present(OTHER)
    cs.next("Authorize", idToken=OTHER)
    cs.never("TransactionEvent", where=lambda p: "idToken" in p or p["eventType"] == "Ended")
    assert cs.show()["power"] > 0


# ---- groups ----

def stops(cs, token, reason="Local"):
    """The card ends the authorization; the transaction ends with it."""
    cs.present(token)
    track = cs.tracks[1]
    return lambda: (cs.event(1, skip={"SuspendedEVSE"}, eventType="Ended", triggerReason="StopAuthorized", idToken=token,
                             stoppedReason={reason, None} if reason == "Local" else reason, transactionId=track.transaction),
                    track.__dict__.update(authorized=False, charging=False, stopped=True))[0]


def goes_away(cs, evse=1):
    EVConnectedPostSession(cs, evse)
    EVDisconnected(cs, evse)
    ParkingBayUnoccupied(cs, evse)


def test_TC_C_39_CS(station):
    cs = station(**ENDS_UNAUTHORIZED)
    EVConnectedPreSession(cs)
    for token in (TOKEN, OTHER):
        csms_says(cs, token, group="family")
    Authorized(cs)
    EnergyTransferStarted(cs)
    ended = stops(cs, OTHER)
    cs.next("Authorize", idToken=OTHER)
    ended()
    goes_away(cs)


def test_TC_C_42_CS(station):
    """A card of another group, or of none."""
    cs = station(**ENDS_UNAUTHORIZED)
    EVConnectedPreSession(cs)
    csms_says(cs, TOKEN, group="family")
    Authorized(cs)
    EnergyTransferStarted(cs)
    for group in ("neighbours", None):
        csms_says(cs, OTHER, group=group)
        cs.present(OTHER)
        cs.next("Authorize", idToken=OTHER)
        cs.never("TransactionEvent")
    assert cs.show()["power"] > 0


def test_TC_C_41_CS(station):
    """Both cards are in the cache."""
    cs = station(**PRE, **ENDS_UNAUTHORIZED)
    for token in (TOKEN, OTHER):
        IdTokenCached(cs, token=token, info=info(group="family"))
        csms_says(cs, token, group="family")
    EVConnectedPreSession(cs)
    for token in (TOKEN, OTHER):
        csms_says(cs, token, group="family")
    Authorized(cs, cached=True)
    EnergyTransferStarted(cs)
    stops(cs, OTHER)()
    asks_nobody(cs)
    goes_away(cs)


def test_TC_C_44_CS(station):
    """A card of the group that the cache knows as invalid."""
    cs = station(**PRE, **ENDS_UNAUTHORIZED, AuthCacheCtrlr__DisablePostAuthorize="false")
    IdTokenCached(cs, token=TOKEN, info=info(group="family"))
    IdTokenCached(cs, token=OTHER, info=info("Invalid", "family"))
    csms_says(cs, TOKEN, group="family")
    csms_says(cs, OTHER, status="Invalid", group="family")
    EVConnectedPreSession(cs)
    Authorized(cs, cached=True)
    EnergyTransferStarted(cs)
    asks_nobody(cs)
    cs.present(OTHER)
    cs.next("Authorize", idToken=OTHER)
    cs.never("TransactionEvent")
    assert cs.show()["power"] > 0


# ---- master pass ----

def test_TC_C_45_CS(station):
    """It starts nothing."""
    cs = station(TxCtrlr__TxStartPoint="Authorized", AuthCtrlr__MasterPassGroupId="police")
    csms_says(cs, MASTER, group="police")
    cs.present(MASTER)
    cs.next("Authorize", idToken=MASTER)
    cs.never("TransactionEvent", 0.5)
    EVConnectedPreSession(cs)
    cs.never("TransactionEvent")
    assert cs.show()["power"] == 0


@pytest.mark.parametrize("stop_point", ["EVConnected,Authorized", "EVConnected"])
def test_TC_C_49_CS(station, stop_point):
    """It stops all there are."""
    cs = station(evses=2, AuthCtrlr__MasterPassGroupId="police", TxCtrlr__TxStopPoint=stop_point)
    EnergyTransferStarted(cs, 1)
    Authorized(cs, 2, token=OTHER)
    EnergyTransferStarted(cs, 2)
    csms_says(cs, MASTER, group="police")
    cs.present(MASTER)
    cs.next("Authorize", idToken=MASTER)
    for evse in (1, 2):
        event = cs.event(evse, skip={"SuspendedEVSE"}, triggerReason="StopAuthorized", idToken=lambda t: t in (None, MASTER))
        until(lambda e=evse: cs.show(e)["power"] == 0, "the device stops")
        if stop_point == "EVConnected":
            cs.event(evse, skip={"SuspendedEVSE"}, eventType="Updated", triggerReason="ChargingStateChanged", chargingState="EVConnected")
        cs.unplug(evse)
        cs.status("Available", evse)
        if event["eventType"] != "Ended":
            event = cs.event(evse, eventType="Ended", triggerReason="EVCommunicationLost")
        assert event["transactionInfo"]["stoppedReason"] == "MasterPass"


# ---- the authorization cache ----

def test_TC_C_08_CS(station):
    cs = station(**PRE)
    IdTokenCached(cs)
    EVConnectedPreSession(cs)
    Authorized(cs, cached=True)
    EnergyTransferStarted(cs)
    asks_nobody(cs)


def known_and_refused_again(station, status):
    cs = station(**PRE, AuthCacheCtrlr__DisablePostAuthorize="false")
    IdTokenCached(cs, token=OTHER, info=info(status))
    EVConnectedPreSession(cs)
    refused(cs, OTHER, status)


def test_TC_C_09_CS(station):
    known_and_refused_again(station, "Invalid")


def test_TC_C_10_CS(station):
    known_and_refused_again(station, "Blocked")


def test_TC_C_11_CS(station):
    known_and_refused_again(station, "Expired")


def test_TC_C_12_CS(station):
    """Invalid in the cache, but the CSMS accepts it now."""
    cs = station(**PRE, AuthCacheCtrlr__DisablePostAuthorize="false")
    IdTokenCached(cs, token=OTHER, info=info("Invalid"))
    EVConnectedPreSession(cs)
    Authorized(cs, token=OTHER)
    EnergyTransferStarted(cs)


def test_TC_C_13_CS(station):
    """The cable comes after the card."""
    cs = station(**PRE)
    IdTokenCached(cs)
    event = Authorized(cs, cached=True)
    assert event["eventType"] == "Started"
    assert cs.show()["power"] == 0
    EVConnectedPreSession(cs)
    EnergyTransferStarted(cs)
    asks_nobody(cs)


def test_TC_C_32_CS(station):
    """It is still known after a restart, here a power cut."""
    cs = station(**PRE)
    IdTokenCached(cs)
    Booted(cs, power_cycle=True)
    cs.quiet()
    Authorized(cs, cached=True)
    EVConnectedPreSession(cs)
    EnergyTransferStarted(cs)
    asks_nobody(cs)


def test_TC_C_33_CS(station):
    """AuthorizeResponse gets into it."""
    cs = station(**PRE)
    EVConnectedPreSession(cs)
    Authorized(cs)
    ParkingBayUnoccupied(cs)
    EVConnectedPreSession(cs)
    Authorized(cs, cached=True)
    asks_nobody(cs)


@pytest.mark.parametrize("plugged_first", [True, False])
def test_TC_C_34_CS(station, plugged_first):
    """TransactionEventResponse gets into it."""
    cs = station(**PRE, **ENDS_UNAUTHORIZED, TxCtrlr__StopTxOnInvalidId="true", TxCtrlr__MaxEnergyOnInvalidId=0)
    IdTokenCached(cs)
    if plugged_first:
        EVConnectedPreSession(cs)
    Deauthorized(cs, cached=True)
    asks_nobody(cs)
    if plugged_first:
        cs.unplug()
        cs.status("Available")
    cs.tracks[1].clear()
    ParkingBayOccupied(cs)
    refused(cs, TOKEN, "Invalid")


def test_TC_C_36_CS(station):
    """Without LocalPreAuthorize it does not count."""
    cs = station(AuthCacheCtrlr__Enabled="true", AuthCtrlr__LocalPreAuthorize="false")
    IdTokenCached(cs)
    refused(cs, TOKEN, "Invalid")


def test_TC_C_37_CS(station):
    cs = station(**PRE)
    IdTokenCached(cs)
    cs.call("ClearCache", status="Accepted")
    ParkingBayOccupied(cs)
    EVConnectedPreSession(cs)
    Authorized(cs)
    EnergyTransferStarted(cs)


def test_TC_C_38_CS(station):
    cs = station(**PRE)
    IdTokenCached(cs)
    cs.set_variable("AuthCacheCtrlr.Enabled", "false")
    cs.call("ClearCache", status="Rejected")


def test_TC_C_46_CS(station):
    """It is forgotten in time."""
    cs = station(**PRE, AuthCacheCtrlr__LifeTime=2)
    IdTokenCached(cs)
    EVConnectedPreSession(cs)
    cs.never("Authorize", 2.2)
    Authorized(cs)


def test_TC_C_57_CS(station):
    """Refused without asking."""
    cs = station(**PRE, AuthCacheCtrlr__DisablePostAuthorize="true")
    IdTokenCached(cs, token=OTHER, info=info("Invalid"))
    EVConnectedPreSession(cs)
    cs.present(OTHER)
    cs.never("Authorize")
    assert not cs.csms.untaken("TransactionEvent")
    assert cs.show()["power"] == 0


# ---- authorized by the cache while there was no link; the CSMS thinks otherwise ----

def seen_by_station(cs):
    return json.loads(cs.site.cli("--json", "status")[1])["stations"][0]["evses"][0]["transaction"]["chargingState"]


def charges_offline(station, **variables):
    """Events of the time without a link, up to the first one that the refusal is the answer to: all are offline."""
    cs = station(**PRE, AuthCtrlr__LocalAuthorizeOffline="true", AuthCtrlr__OfflineTxForUnknownIdEnabled="true", **variables)
    IdTokenCached(cs)
    EVConnectedPreSession(cs, max=32)
    cs.offline()
    cs.present(TOKEN)
    until(lambda: cs.show()["power"] > 0, "the device charges")
    until(lambda: seen_by_station(cs) == "Charging", "the station sees it charge")
    cs.answer("TransactionEvent", {"idTokenInfo": info("Invalid")}, when=lambda p: p.get("idToken") == TOKEN)
    cs.online()
    cs.event(triggerReason="Authorized", idToken=TOKEN, offline=True)
    cs.event(triggerReason="ChargingStateChanged", chargingState="Charging", offline=True)
    return cs


def test_TC_C_15_CS(station):
    """Some energy is given all the same."""
    cs = charges_offline(station, TxCtrlr__StopTxOnInvalidId="false", TxCtrlr__MaxEnergyOnInvalidId=10000, speed=600)
    started = cs.show()["energy"]
    until(lambda: cs.show()["energy"] > started + 1000, "it goes on")
    assert not cs.csms.untaken("TransactionEvent")
    until(lambda: cs.show()["power"] == 0, "no more than that")
    cs.event(eventType="Updated", triggerReason="ChargingStateChanged", chargingState="SuspendedEVSE", offline={None, False})
    assert cs.show()["energy"] - started <= 14000


@pytest.mark.parametrize("stop_point", ["EVConnected,Authorized", "EVConnected"])
def test_TC_C_16_CS(station, stop_point):
    cs = charges_offline(station, TxCtrlr__StopTxOnInvalidId="true", TxCtrlr__MaxEnergyOnInvalidId=0, TxCtrlr__TxStopPoint=stop_point)
    deauthorized(cs)


def deauthorized(cs):
    event = cs.event(skip={"SuspendedEVSE"}, triggerReason="Deauthorized", chargingState={"EVConnected", "SuspendedEVSE"},
                     offline={None, False})
    if "Authorized" in cs.points("Stop"):
        assert (event["eventType"], event["transactionInfo"]["stoppedReason"]) == ("Ended", "DeAuthorized")
    until(lambda: cs.show()["power"] == 0, "the device stops")


def test_TC_C_17_CS(station):
    """The energy stops, the transaction goes on."""
    cs = charges_offline(station, TxCtrlr__StopTxOnInvalidId="false", TxCtrlr__MaxEnergyOnInvalidId=0)
    cs.event(eventType="Updated", triggerReason="ChargingStateChanged", chargingState="SuspendedEVSE", offline={None, False})
    until(lambda: cs.show()["power"] == 0, "the device stops")
    cs.never("TransactionEvent", where=lambda p: p["triggerReason"] == "Deauthorized")


def test_TC_C_18_CS(station):
    """What could be given is not, where the transaction is to stop."""
    cs = charges_offline(station, TxCtrlr__StopTxOnInvalidId="true", TxCtrlr__MaxEnergyOnInvalidId=500)
    deauthorized(cs)


def test_TC_C_26_CS(station):
    """Let in as unknown, refused afterwards."""
    cs = station(**PRE, AuthCtrlr__OfflineTxForUnknownIdEnabled="true", AuthCtrlr__LocalAuthorizeOffline="true",
                 TxCtrlr__MaxEnergyOnInvalidId=0, TxCtrlr__StopTxOnInvalidId="false")
    cs.answer("TransactionEvent", {"idTokenInfo": info("Invalid")}, when=lambda p: "idToken" in p)
    StartOfflineTransaction(cs)
    cs.status("Occupied")
    track = cs.tracks[1]
    track.parked, track.token = True, TOKEN
    told = cs.event(eventType="Started", offline=True)
    while told["transactionInfo"].get("chargingState") != "Charging":
        told = cs.event(offline=True)
    cs.event(triggerReason="ChargingStateChanged", chargingState="SuspendedEVSE")
    track.authorized = track.charging = True       # the driver is still the one who may end it
    StopAuthorized(cs)
    track.post_session = True                      # no energy flowed any more: no change to tell of
    EVDisconnected(cs)


# ---- nobody may be asked ----

def test_TC_E_52_CS(station):
    cs = station(AuthCtrlr__DisableRemoteAuthorization="true")
    ParkingBayOccupied(cs)
    cs.present(TOKEN)
    cs.never("Authorize")
    assert not cs.csms.untaken("TransactionEvent")
    cs.plug()
    cs.status("Occupied")
    cs.event(eventType="Started", triggerReason="CablePluggedIn", idToken=ABSENT)
    assert cs.show()["power"] == 0
