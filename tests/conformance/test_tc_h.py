"""Reservations (H01-H04)."""
import datetime

import pytest

from rig import OTHER, TOKEN, until
from states import Authorized, EnergyTransferStarted, EVConnectedPreSession, Unavailable

GROUP = {"idToken": "family", "type": "Central"}
RESERVATION = 71        # "generated reservationId"


def in_seconds(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def reserve(cs, token=TOKEN, evse=None, connector_type=None, group=None, id_=RESERVATION, seconds=600, status="Accepted"):
    request = {"id": id_, "expiryDateTime": in_seconds(seconds), "idToken": token}
    if evse:
        request["evseId"] = evse
    if connector_type:
        request["connectorType"] = connector_type
    if group:
        request["groupIdToken"] = group
    cs.call("ReserveNow", request, status=status)


def Reserved(cs, evse=1, token=TOKEN, **more):
    """Reusable state: the EVSE is reserved for the token."""
    reserve(cs, token, evse, **more)
    cs.status("Reserved", evse)


def comes_and_charges(cs, evse=1, token=TOKEN, reservation=RESERVATION, held=True):
    """Who is expected is authorized: the connector is free for him, and the transaction names the reservation."""
    cs.present(token, evse)
    cs.next("Authorize", idToken=token)
    if held:
        cs.status("Available", evse)
    track = cs.tracks[evse]
    track.parked = track.authorized = True
    track.token = token
    wanted = {"reservationId": reservation} if reservation else {}
    cs.event(evse, eventType="Started", triggerReason="Authorized", idToken=token, **wanted)
    EnergyTransferStarted(cs, evse)


def refused(cs, token, evse=1):
    cs.present(token, evse)
    cs.next("Authorize", idToken=token)
    cs.never("TransactionEvent", where=lambda p: "idToken" in p or p["transactionInfo"].get("chargingState") == "Charging")
    assert cs.show(evse)["power"] == 0


# ---- an EVSE ----

def test_TC_H_01_CS(station):
    cs = station()
    Reserved(cs)
    comes_and_charges(cs)


def test_TC_H_02_CS(station):
    """Another card, and a start by the CSMS for another."""
    cs = station()
    Reserved(cs)
    cs.plug()
    cs.event(eventType="Started", triggerReason="CablePluggedIn", chargingState="EVConnected")
    cs.never("StatusNotification", 0.5)         # G03.FR.09: it stays Reserved
    refused(cs, OTHER)
    cs.call("RequestStartTransaction", {"evseId": 1, "remoteStartId": 1, "idToken": OTHER}, status="Rejected")
    cs.call("RequestStartTransaction", {"evseId": 1, "remoteStartId": 1, "idToken": OTHER, "groupIdToken": GROUP}, status="Rejected")


def test_TC_H_03_CS(station):
    """It is reserved already. Part 6 has no text for the station: by title and H01.FR.11."""
    cs = station()
    Reserved(cs)
    reserve(cs, OTHER, 1, id_=72, status="Occupied")


def test_TC_H_04_CS(station):
    """A transaction runs."""
    cs = station()
    EnergyTransferStarted(cs)
    reserve(cs, OTHER, 1, status="Occupied")


def test_TC_H_06_CS(station):
    """Unavailable. Part 6 has no text for the station: by title and H01.FR.14."""
    cs = station()
    Unavailable(cs, 1)
    reserve(cs, TOKEN, 1, status="Unavailable")


def test_TC_H_07_CS(station):
    """It expires, and is free for others."""
    cs = station()
    Reserved(cs, seconds=3)
    cs.status("Available")
    cs.next("ReservationStatusUpdate", reservationId=RESERVATION, reservationUpdateStatus="Expired")
    comes_and_charges(cs, token=OTHER, reservation=None, held=False)


def test_TC_H_22_CS(station):
    """Switched off. Part 6 has no text for the station: by title and H01.FR.01."""
    cs = station(ReservationCtrlr__Enabled="false")
    reserve(cs, TOKEN, 1, status="Rejected")


def test_TC_H_23_CS(station):
    """Replaced by one for another card: this one is let in."""
    cs = station()
    Reserved(cs)
    reserve(cs, OTHER, 1)
    assert cs.get_variable("Connector.AvailabilityState", {"id": 1, "connectorId": 1}) == "Reserved"
    comes_and_charges(cs, token=OTHER)


def test_TC_H_19_CS(station):
    """A card of the group."""
    cs = station()
    Reserved(cs, group=GROUP)
    cs.answer("Authorize", {"idTokenInfo": {"status": "Accepted", "groupIdToken": GROUP}})
    comes_and_charges(cs, token=OTHER)


# ---- any EVSE ----

@pytest.mark.parametrize("evses", [1, 2])
def test_TC_H_08_CS(station, evses):
    cs = station(evses=evses)
    reserve(cs)
    if evses == 1:
        cs.status("Reserved")
    comes_and_charges(cs, held=evses == 1)


def test_TC_H_09_CS(station):
    """All are reserved."""
    cs = station(evses=2)
    Reserved(cs, 1)
    Reserved(cs, 2, id_=72)
    reserve(cs, OTHER, id_=73, status="Occupied")


def test_TC_H_10_CS(station):
    """All are in use."""
    cs = station(evses=2)
    for evse in (1, 2):
        EnergyTransferStarted(cs, evse)
    reserve(cs, OTHER, status="Occupied")


def test_TC_H_12_CS(station):
    """All are Unavailable. Part 6 has no text for the station: by title and H01.FR.14."""
    cs = station(evses=2)
    Unavailable(cs)
    reserve(cs, status="Unavailable")


def test_TC_H_13_CS(station):
    """A station that has none for an unspecified EVSE. Part 6 has no text for the station: by title and H01.FR.19."""
    cs = station(ReservationCtrlr__NonEvseSpecific="false")
    reserve(cs, status="Rejected")


def test_TC_H_14_CS(station):
    """As many as there are EVSEs."""
    cs = station(evses=2)
    reserve(cs)
    reserve(cs, OTHER, id_=72)
    for evse in (1, 2):
        cs.status("Reserved", evse)


def test_TC_H_24_CS(station):
    """A card of the group."""
    cs = station()
    reserve(cs, group=GROUP)
    cs.status("Reserved")
    cs.answer("Authorize", {"idTokenInfo": {"status": "Accepted", "groupIdToken": GROUP}})
    comes_and_charges(cs, token=OTHER)


# ---- a type of connector ----

def test_TC_H_15_CS(station):
    cs = station()
    reserve(cs, connector_type="sType2")
    cs.status("Reserved")
    comes_and_charges(cs)


def test_TC_H_16_CS(station):
    """As many as there are connectors of the type. Part 6 has no text for the station: by title and H01.FR.24."""
    cs = station(evses=2)
    reserve(cs, connector_type="sType2")
    reserve(cs, OTHER, connector_type="sType2", id_=72)
    for evse in (1, 2):
        cs.status("Reserved", evse)
    reserve(cs, connector_type="sType2", id_=73, status="Occupied")


# ---- the end ----

def test_TC_H_17_CS(station):
    cs = station()
    Reserved(cs)
    cs.call("CancelReservation", {"reservationId": RESERVATION}, status="Accepted")
    cs.status("Available")


def test_TC_H_18_CS(station):
    """There is no such one."""
    cs = station()
    cs.call("CancelReservation", {"reservationId": 1}, status="Rejected")


def test_TC_H_21_CS(station):
    """The EVSE is made Unavailable: the reservation is over, also afterwards."""
    cs = station()
    Reserved(cs)
    Unavailable(cs, 1)
    cs.next("ReservationStatusUpdate", reservationId=RESERVATION, reservationUpdateStatus="Removed")
    cs.call("ChangeAvailability", {"operationalStatus": "Operative", "evse": {"id": 1}}, status="Accepted")
    cs.status("Available")
    comes_and_charges(cs, token=OTHER, reservation=None, held=False)


# ---- B: it is there after a reset ----

def test_TC_B_24_CS(station):
    """Part 6 has no text for the station: by title, the errata (type Immediate) and B11.FR.05."""
    cs = station()
    Reserved(cs)
    cs.call("Reset", {"type": "Immediate"}, status="Accepted")
    cs.booted("Reserved")
    assert not cs.csms.untaken("ReservationStatusUpdate")
    refused(cs, OTHER)
    until(lambda: cs.show()["tag"] == "", "the card was read")
    comes_and_charges(cs)
