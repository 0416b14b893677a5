"""Charging profiles are set and replaced (K01, K05)."""
import pytest

from charging_profiles import (DEVIATION, EVSE, after, composite, device_is_held_to, install, is_schedule, moment, now, profile, reported,
                               same, text)
from rig import REMOTE
from states import Booted, EnergyTransferStarted, EVConnectedPreSession, trigger, validate

UNITS = pytest.mark.parametrize("unit", ["A", "W"])


@UNITS
def test_TC_K_01_CS(station, unit):
    """TxDefaultProfile of one EVSE. Part 6 has no text for the station: by title and K01.FR.07."""
    cs = station(evses=2)
    sent = profile(1, unit=unit, duration=300, validFrom=after(-DEVIATION), validTo=after(300))
    install(cs, sent)
    [(evse, source, found)] = reported(cs, {"chargingProfileId": [1]})
    assert (evse, source) == (EVSE, "CSO")
    same(found, sent)
    EnergyTransferStarted(cs)
    device_is_held_to(cs, 6)
    EnergyTransferStarted(cs, 2)
    device_is_held_to(cs, 16, 2)    # the vehicle's own maximum


@UNITS
def test_TC_K_10_CS(station, unit):
    """TxDefaultProfile of all EVSEs."""
    cs = station(evses=2)
    sent = profile(10, unit=unit, duration=300)
    install(cs, sent, evse=0)
    [(evse, _, found)] = reported(cs, {"chargingProfileId": [10]})
    assert evse == 0
    same(found, sent)
    for each in (1, 2):
        EnergyTransferStarted(cs, each)
        device_is_held_to(cs, 6, each)


@UNITS
def test_TC_K_60_CS(station, unit):
    """TxProfile of the transaction that runs."""
    cs = station()
    EnergyTransferStarted(cs)
    sent = profile(60, "TxProfile", "Relative", unit=unit, transactionId=cs.tracks[EVSE].transaction)
    install(cs, sent)
    [(_, _, found)] = reported(cs, {"chargingProfileId": [60]})
    same(found, sent)
    device_is_held_to(cs, 6)


def test_TC_K_02_CS(station):
    """TxProfile where no transaction runs. Part 6 has no text for the station: by title and K01.FR.09."""
    cs = station()
    install(cs, profile(2, "TxProfile", "Relative", transactionId="none-runs"), status="Rejected")
    reported(cs, {"chargingProfileId": [2]}, status="NoProfiles")


def test_TC_K_11_CS(station):
    """TxProfile of all EVSEs at once."""
    cs = station()
    EnergyTransferStarted(cs)
    install(cs, profile(11, "TxProfile", "Relative", transactionId=cs.tracks[EVSE].transaction), evse=0, status="Rejected")


@UNITS
def test_TC_K_03_CS(station, unit):
    """ChargingStationMaxProfile."""
    cs = station()
    sent = profile(3, "ChargingStationMaxProfile", unit=unit, duration=300)
    install(cs, sent, evse=0)
    [(evse, _, found)] = reported(cs, {"chargingProfileId": [3]})
    assert evse == 0
    same(found, sent)
    EnergyTransferStarted(cs)
    device_is_held_to(cs, 6)


@pytest.mark.parametrize("recurrency, days", [("Daily", 1), ("Weekly", 7)])
def test_TC_K_19_CS(station, recurrency, days):
    """A Recurring profile. Part 6 has no text for the station: by title and K01.FR.07: it comes again, though it began long ago."""
    cs = station()
    sent = profile(19, kind="Recurring", periods=((0, 6), (3600, 10)), start=after(-days * 86400), recurrencyKind=recurrency)
    install(cs, sent)
    [(_, _, found)] = reported(cs, {"chargingProfileId": [19]})
    same(found, sent)
    start, periods = composite(cs, EVSE, 7200)
    again = moment(sent["chargingSchedule"][0]["startSchedule"])
    passed = int((start - again).total_seconds()) - days * 86400
    is_schedule(periods, [(0, 6), (3600 - passed, 10)])


@pytest.mark.parametrize("offered, other", [("A", "W"), ("W", "A")])
def test_TC_K_12_CS(station, offered, other):
    """A unit that the station does not offer. Part 6 has no text for the station: by title and K01.FR.26."""
    cs = station(SmartChargingCtrlr__RateUnit=offered)
    install(cs, profile(12, unit=other), status="Rejected")
    reported(cs, {"chargingProfileId": [12]}, status="NoProfiles")
    install(cs, profile(12, unit=offered))


@UNITS
def test_TC_K_13_CS(station, unit):
    """A profile is there after a restart."""
    cs = station()
    sent = profile(13, unit=unit, duration=3600)
    install(cs, sent)
    Booted(cs)
    [(evse, _, found)] = reported(cs, {"chargingProfileId": [13]})
    assert evse == EVSE
    same(found, sent)
    EnergyTransferStarted(cs)
    device_is_held_to(cs, 6)


def test_TC_K_14_CS(station):
    """An EVSE that is not there."""
    cs = station(evses=2)
    install(cs, profile(14), evse=3, status="Rejected")


def test_TC_K_15_CS(station):
    """A charger that cannot be limited."""
    cs = station.prepared()
    charger = cs.site.directory / "case-ac22.yaml"
    charger.write_text("".join(line for line in charger.read_text().splitlines(True) if "limit: {" not in line))
    cs.start()
    assert cs.call("SetChargingProfile", {"evseId": EVSE, "chargingProfile": profile(15)}) == ("error", "NotSupported")


def test_TC_K_16_CS(station):
    """A transaction that is not there. Part 6 has no text for the station: by title and K01.FR.09, K01.FR.33."""
    cs = station()
    EnergyTransferStarted(cs)
    install(cs, profile(16, "TxProfile", "Relative", transactionId="another"), status="Rejected")
    reported(cs, {"chargingProfileId": [16]}, status="NoProfiles")


@UNITS
def test_TC_K_21_CS(station, unit):
    """Not before validFrom. Part 6 has no text for the station: as ValidTo (TC_K_22) and StartSchedule (TC_K_23); K01.FR.36."""
    cs = station()
    begins = now()
    sent = profile(21, unit=unit, start=text(begins), validFrom=after(60, begins))
    install(cs, sent)
    start, periods = composite(cs, EVSE, 300, unit)
    is_schedule(periods, [(0, None), (60 - int((start - begins).total_seconds()), 6)])
    assert periods[0][1] != 6


@UNITS
def test_TC_K_22_CS(station, unit):
    """Not after validTo; of every EVSE and of the station as a whole."""
    cs = station(evses=2)
    begins = now()
    install(cs, profile(22, unit=unit, start=text(begins), validFrom=after(-DEVIATION, begins), validTo=after(300, begins)), evse=0)
    for evse in (0, 1, 2):
        start, periods = composite(cs, evse, 400, unit)
        is_schedule(periods, [(0, 6 * (2 if evse == 0 else 1)), (300 - int((start - begins).total_seconds()), None)])


@UNITS
def test_TC_K_23_CS(station, unit):
    """Not before startSchedule."""
    cs = station()
    begins = now()
    install(cs, profile(23, unit=unit, start=after(60, begins), validFrom=after(50, begins), validTo=after(400, begins)))
    start, periods = composite(cs, EVSE, 300, unit)
    is_schedule(periods, [(0, None), (60 - int((start - begins).total_seconds()), 6)])
    assert periods[0][1] != 6


@UNITS
def test_TC_K_28_CS(station, unit):
    """TxDefaultProfile while a transaction runs: of this one, too."""
    cs = station(SmartChargingCtrlr__LimitChangeSignificance="1.0")
    EnergyTransferStarted(cs)
    install(cs, profile(28, unit=unit, duration=400 + DEVIATION, start=after(-DEVIATION), validFrom=after(-DEVIATION),
                        validTo=after(DEVIATION + 401)))
    _, periods = composite(cs, EVSE, 300, unit)
    is_schedule(periods, [(0, 6)])
    device_is_held_to(cs, 6)


@UNITS
def test_TC_K_04_CS(station, unit):
    """Replaced by one of the same id. Part 6 has no text for the station: by title and K01.FR.05."""
    cs = station()
    EnergyTransferStarted(cs)
    install(cs, profile(4, unit=unit, periods=((0, 8),)))
    device_is_held_to(cs, 8)
    sent = profile(4, unit=unit, periods=((0, 6),))
    install(cs, sent)
    [(_, _, found)] = reported(cs, {"chargingProfileId": [4]})
    same(found, sent)
    device_is_held_to(cs, 6)


@UNITS
def test_TC_K_37_CS(station, unit):
    """A TxProfile that comes with RequestStartTransaction."""
    cs = station(AuthCtrlr__AuthorizeRemoteStart="true")
    EVConnectedPreSession(cs)
    track = cs.tracks[EVSE]
    sent = profile(37, "TxProfile", "Relative", unit=unit)
    answer = cs.call("RequestStartTransaction", {"evseId": EVSE, "remoteStartId": 37, "idToken": REMOTE, "chargingProfile": sent},
                     status="Accepted")
    validate("RequestStartTransactionResponse", answer, {"transactionId": track.transaction})
    track.remote, track.remote_pending, track.authorized, track.token = 37, True, True, REMOTE
    cs.next("Authorize", idToken=REMOTE)
    cs.event(eventType="Updated", **trigger(cs, EVSE), idToken=REMOTE)
    track.remote_pending = False
    EnergyTransferStarted(cs)
    [(evse, _, found)] = reported(cs, {"chargingProfileId": [37]})
    assert evse == EVSE
    same({k: v for k, v in found.items() if k != "transactionId"}, sent)
    device_is_held_to(cs, 6)


def test_TC_K_38_CS(station):
    """A charger that cannot be limited: the profile that comes with the start is ignored."""
    cs = station.prepared(AuthCtrlr__AuthorizeRemoteStart="true")
    charger = cs.site.directory / "case-ac22.yaml"
    charger.write_text("".join(line for line in charger.read_text().splitlines(True) if "limit: {" not in line))
    cs.start()
    assert cs.get_variable("SmartChargingCtrlr.Enabled") in ("UnknownComponent", "false")
    EVConnectedPreSession(cs)
    track = cs.tracks[1]
    answer = cs.call("RequestStartTransaction", {"evseId": 1, "remoteStartId": 38, "idToken": REMOTE,
                                                 "chargingProfile": profile(1, "TxProfile", "Relative")}, status="Accepted")
    validate("RequestStartTransactionResponse", answer, {"transactionId": track.transaction})
    track.remote, track.remote_pending, track.authorized, track.token = 38, True, True, REMOTE
    cs.next("Authorize", idToken=REMOTE)
    cs.event(eventType="Updated", **trigger(cs, 1), idToken=REMOTE)
    EnergyTransferStarted(cs)
    assert cs.show()["currents"][0] > 10       # not held to 6 A
