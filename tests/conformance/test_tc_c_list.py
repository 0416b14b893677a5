"""Authorization by the Local Authorization List (C13, C14, C09)."""
import pytest

from rig import OTHER, TOKEN, until
from states import (Authorized, EnergyTransferStarted, EVConnectedPostSession, EVConnectedPreSession, EVDisconnected, IdTokenCached,
                    IdTokenLocalAuthList, ParkingBayUnoccupied, offline_stop, offline_start)

PRE = {"AuthCtrlr__LocalPreAuthorize": "true"}
OFFLINE = {**PRE, "AuthCtrlr__LocalAuthorizeOffline": "true", "AuthCtrlr__OfflineTxForUnknownIdEnabled": "false"}
FAMILY = {"groupIdToken": {"idToken": "family", "type": "Central"}}


def asks_nobody(cs):
    assert not cs.csms.untaken("Authorize")


# ---- offline ----

@pytest.mark.parametrize("parking_bay", [False, True])
def test_TC_C_21_CS(station, parking_bay):
    """A whole session without a link."""
    cs = station(parking_bay=parking_bay, **OFFLINE)
    IdTokenLocalAuthList(cs, TOKEN)
    cs.offline()
    offline_start(cs)
    offline_stop(cs)
    cs.online()
    told = cs.event(eventType="Started", offline=True)
    while told["triggerReason"] != "StopAuthorized":
        told = cs.event(offline=True)
    asks_nobody(cs)


def refused_offline(station, entry, **variables):
    """Nothing is told afterwards but, where it begins by this, of the vehicle in the bay."""
    cs = station(parking_bay=True, **{**OFFLINE, "OCPPCommCtrlr__OfflineThreshold": 61,
                                      "TxCtrlr__TxStartPoint": "ParkingBayOccupancy", **variables})
    IdTokenLocalAuthList(cs, entry)
    cs.offline()
    cs.drive_in()
    token = entry[0]
    cs.present(token)
    until(lambda: cs.show()["tag"] == "", "the card was not read")
    cs.online()
    cs.event(eventType="Started", triggerReason="EVDetected", offline=True)
    cs.never("TransactionEvent")
    assert cs.show()["power"] == 0
    asks_nobody(cs)


def test_TC_C_22_CS(station):
    refused_offline(station, (TOKEN, {"status": "Invalid"}))


def test_TC_C_23_CS(station):
    refused_offline(station, (TOKEN, {"status": "Blocked"}))


def test_TC_C_24_CS(station):
    """Part 6 has no text for the station: as the others; and what was accepted, up to a time that has passed."""
    refused_offline(station, (TOKEN, {"status": "Expired"}))
    refused_offline(station, (TOKEN, {"status": "Accepted", "cacheExpiryDateTime": "2020-01-01T00:00:00Z"}))


def test_TC_C_25_CS(station):
    """The list stands before the cache. Part 6 has no text for the station: by title and C13.FR.01."""
    cs = station(**OFFLINE)
    IdTokenCached(cs, token=OTHER, info={"status": "Invalid"})
    IdTokenCached(cs)
    IdTokenLocalAuthList(cs, OTHER, (TOKEN, {"status": "Invalid"}))
    cs.offline()
    cs.present(TOKEN)
    until(lambda: cs.show()["tag"] == "", "the card was not read")
    offline_start(cs, token=OTHER)
    cs.online()
    told = cs.event(offline=True)
    while "idToken" not in told:
        told = cs.event(offline=True)
    assert told["idToken"] == OTHER
    asks_nobody(cs)


# ---- online ----

def test_TC_C_27_CS(station):
    """Accepted. Part 6 has no text for the station: by title and C14.FR.04."""
    cs = station(**PRE)
    IdTokenLocalAuthList(cs, TOKEN)
    EVConnectedPreSession(cs)
    Authorized(cs, cached=True)
    EnergyTransferStarted(cs)
    asks_nobody(cs)


def refused_again(station, info):
    """The CSMS is asked, and says the same."""
    cs = station(**PRE, LocalAuthListCtrlr__DisablePostAuthorize="false")
    IdTokenLocalAuthList(cs, (OTHER, info))
    EVConnectedPreSession(cs)
    cs.answer("Authorize", {"idTokenInfo": {"status": info["status"]}})
    cs.present(OTHER)
    cs.next("Authorize", idToken=OTHER)
    cs.never("TransactionEvent")
    assert cs.show()["power"] == 0


def test_TC_C_28_CS(station):
    """Invalid, for the CSMS, too."""
    refused_again(station, {"status": "Invalid"})


def test_TC_C_29_CS(station):
    """Part 6 has no text for the station: as TC_C_28."""
    refused_again(station, {"status": "Blocked"})


def test_TC_C_30_CS(station):
    """Part 6 has no text for the station: as TC_C_28."""
    refused_again(station, {"status": "Expired"})


def test_TC_C_31_CS(station):
    """Invalid, but the CSMS accepts it."""
    cs = station(**PRE, LocalAuthListCtrlr__DisablePostAuthorize="false")
    IdTokenLocalAuthList(cs, (TOKEN, {"status": "Invalid"}))
    Authorized(cs)
    EVConnectedPreSession(cs)
    EnergyTransferStarted(cs)
    until(lambda: cs.show()["power"] > 0, "energy is transferred")


def test_TC_C_58_CS(station):
    """Refused without asking."""
    cs = station(**PRE, LocalAuthListCtrlr__DisablePostAuthorize="true")
    IdTokenLocalAuthList(cs, (OTHER, {"status": "Invalid"}))
    EVConnectedPreSession(cs)
    cs.present(OTHER)
    cs.never("Authorize")
    assert not cs.csms.untaken("TransactionEvent")
    assert cs.show()["power"] == 0


# ---- groups ----

def test_TC_C_40_CS(station):
    """Two cards of one group in the list: the one starts, the other stops."""
    cs = station(**PRE)
    IdTokenLocalAuthList(cs, (TOKEN, {"status": "Accepted", **FAMILY}), (OTHER, {"status": "Accepted", **FAMILY}))
    cs.answer("TransactionEvent", {"idTokenInfo": {"status": "Accepted", **FAMILY}}, when=lambda p: "idToken" in p)
    EVConnectedPreSession(cs)
    Authorized(cs, cached=True)
    EnergyTransferStarted(cs)
    cs.present(OTHER)
    cs.event(eventType="Updated", triggerReason="StopAuthorized", idToken=OTHER)
    asks_nobody(cs)
    cs.tracks[1].__dict__.update(authorized=False, charging=False, stopped=True, stopped_remotely=False)
    EVConnectedPostSession(cs)
    EVDisconnected(cs)
    ParkingBayUnoccupied(cs)


def test_TC_C_43_CS(station):
    """A card of the group that the list knows as invalid is asked for. Part 6 has no text for the station: as TC_C_44."""
    cs = station(**PRE, LocalAuthListCtrlr__DisablePostAuthorize="false")
    IdTokenLocalAuthList(cs, (TOKEN, {"status": "Accepted", **FAMILY}), (OTHER, {"status": "Invalid", **FAMILY}))
    cs.answer("TransactionEvent", {"idTokenInfo": {"status": "Accepted", **FAMILY}}, when=lambda p: p.get("idToken") == TOKEN)
    cs.answer("Authorize", {"idTokenInfo": {"status": "Invalid", **FAMILY}}, when=lambda p: p["idToken"] == OTHER)
    EVConnectedPreSession(cs)
    Authorized(cs, cached=True)
    EnergyTransferStarted(cs)
    asks_nobody(cs)
    cs.present(OTHER)
    cs.next("Authorize", idToken=OTHER)
    cs.never("TransactionEvent")
    assert cs.show()["power"] > 0
