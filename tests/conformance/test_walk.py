"""A long day at one station, as a laboratory has it: sessions of every kind, refusals, restarts and lost links in an order drawn by chance,
between them other points where transactions begin and end. Whatever was before, each step goes as its states say."""
import random

import pytest

from rig import OTHER, until
from states import (Authorized, Booted, Deauthorized, EnergyTransferStarted, EnergyTransferSuspended, EVConnectedPreSession, EVDisconnected,
                    ParkingBayUnoccupied, StartOfflineTransaction, Unavailable, offline_stop)
from test_states import STARTS, STOPS

STEPS = 20


def ended(cs):
    """The last transaction is over, and the CSMS knows."""
    until(lambda: cs.csms.heard(cs.id, "TransactionEvent")[-1]["eventType"] == "Ended", "the transaction goes on")
    cs.quiet()


def leave(cs, evse):
    """The driver goes, whatever there was."""
    if cs.tracks[evse].connected:
        cs.unplug(evse)
        cs.next("StatusNotification", lambda p: (p["evseId"], p["connectorStatus"]) == (evse, "Available"))
    if cs.parking_bay:
        cs.drive_out(evse)
    if cs.evse_of:
        ended(cs)
    cs.tracks[evse].clear()


def session(cs, chance, evse):
    if chance.random() < 0.5:
        EVConnectedPreSession(cs, evse)
    Authorized(cs, evse, remote=chance.random() < 0.5)
    EnergyTransferStarted(cs, evse)
    track = cs.tracks[evse]
    if chance.random() < 0.3:
        EnergyTransferSuspended(cs, evse)
        if track.started:
            cs.ev_resumes(evse)
            cs.event(evse, skip={"SuspendedEVSE", "EVConnected"}, chargingState="Charging")
            track.charging = True
    if track.started and chance.random() < 0.7:
        EVDisconnected(cs, evse, remote=chance.random() < 0.5)
        ParkingBayUnoccupied(cs, evse)
    leave(cs, evse)


def refused(cs, _chance, evse):
    cs.answer("Authorize", {"idTokenInfo": {"status": "Blocked"}}, times=1)
    cs.present(OTHER, evse)
    cs.next("Authorize", idToken=OTHER)
    cs.until_device(evse, tag="")


def refused_afterwards(cs, chance, evse):
    Deauthorized(cs, evse, token={"idToken": f"04{chance.getrandbits(48):012X}", "type": "ISO14443"})
    cs.until_device(evse, power=0)
    cs.csms.answer_as_usual()
    if cs.tracks[evse].connected or cs.parking_bay:
        leave(cs, evse)
    else:
        timed_out(cs, evse)


def timed_out(cs, evse):
    """Nobody plugs in."""
    cs.set_variable("TxCtrlr.EVConnectionTimeOut", 1)
    until(lambda: not cs.seen(evse)["transaction"], "the transaction goes on", 30)
    leave(cs, evse)


def nobody_plugs_in(cs, chance, evse):
    cs.set_variable("TxCtrlr.EVConnectionTimeOut", 1)
    Authorized(cs, evse, remote=chance.random() < 0.5)
    if cs.tracks[evse].started:
        cs.event(evse, triggerReason="EVConnectTimeout")
    else:
        cs.never("TransactionEvent", 1.3)
    leave(cs, evse)


def boot(cs, chance, _evse):
    Booted(cs, power_cycle=chance.random() < 0.5)


def without_link(cs, _chance, evse):
    StartOfflineTransaction(cs, evse)
    cs.event(evse, eventType="Started", offline=True)
    cs.quiet()
    offline_stop(cs, evse)
    cs.status("Available", evse)
    leave(cs, evse)


def out_of_service(cs, _chance, evse):
    Unavailable(cs, evse)
    cs.call("ChangeAvailability", {"operationalStatus": "Operative", "evse": {"id": evse}}, status="Accepted")
    cs.status("Available", evse)


@pytest.mark.parametrize("seed", range(6))
def test_a_long_day(station, seed):
    chance = random.Random(seed)
    cs = station(evses=2, parking_bay=seed % 2 == 1, AuthCtrlr__OfflineTxForUnknownIdEnabled="true")
    for _ in range(STEPS):
        start, stop = (chance.choice([p for p in points if cs.parking_bay or "Bay" not in p]) for points in (STARTS, STOPS))
        cs.set_variable("TxCtrlr.TxStartPoint", start)
        cs.set_variable("TxCtrlr.TxStopPoint", stop)
        cs.set_variable("TxCtrlr.EVConnectionTimeOut", 20)
        step = chance.choice([session] * 3 + [refused, refused_afterwards, nobody_plugs_in, boot, without_link, out_of_service])
        evse = chance.choice([1, 2])
        print(step.__name__, evse, start, stop)
        step(cs, chance, evse)
        cs.quiet()
        assert cs.show(1)["power"] == cs.show(2)["power"] == 0
