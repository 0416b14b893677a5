"""Composite schedules and the report of charging profiles (K08, K09)."""
import pytest

from charging_profiles import DEVIATION, EVSE, after, composite, device_is_held_to, install, is_schedule, now, profile, reported, same, text
from states import EnergyTransferStarted

UNITS = pytest.mark.parametrize("unit", ["A", "W"])


def two_profiles(cs, level=0, level_of_default=0):
    """The memory state of most cases of K09."""
    station_max = profile(1, "ChargingStationMaxProfile", periods=((0, 20),), level=level)
    default = profile(2, "TxDefaultProfile", periods=((0, 10),), level=level_of_default)
    install(cs, station_max, evse=0)
    install(cs, default)
    return station_max, default


def is_the_only_one(found, sent, evse):
    [(at, source, charging_profile)] = found
    assert (at, source) == (evse, "CSO")
    same(charging_profile, sent)


# ---- K08 ----

@UNITS
def test_TC_K_39_CS(station, unit):
    """No profile is installed: what the station can do."""
    cs = station()
    _, periods = composite(cs, 0, 300, unit)
    assert len(periods) == 1


@UNITS
def test_TC_K_40_CS(station, unit):
    """The higher stackLevel leads while it has a period."""
    cs = station()
    begins = now()
    start = after(-DEVIATION, begins)
    valid = {"validFrom": after(-DEVIATION, begins), "validTo": after(DEVIATION + 401, begins), "unit": unit, "start": start}
    install(cs, profile(1, periods=((0, 6), (100, 8), (200, 10)), duration=400 + DEVIATION, **valid))
    install(cs, profile(2, periods=((0, 7), (100, 9)), level=1, duration=150 + DEVIATION, **valid))
    asked, periods = composite(cs, EVSE, 350, unit)
    x = int((asked - begins).total_seconds()) + DEVIATION
    is_schedule(periods, [(0, 7), (100 - x, 9), (150 + DEVIATION - x, 8), (200 - x, 10)])


@UNITS
def test_TC_K_41_CS(station, unit):
    """The lowest of the purposes; a TxProfile stands before a TxDefaultProfile while it has a period."""
    cs = station()
    EnergyTransferStarted(cs)
    begins = now()
    start = after(-DEVIATION, begins)
    valid = {"validFrom": after(-DEVIATION, begins), "validTo": after(DEVIATION + 401, begins), "unit": unit, "start": start}
    install(cs, profile(1, "ChargingStationMaxProfile", periods=((0, 10),), unit=unit, start=start, duration=86400), evse=0)
    install(cs, profile(2, periods=((0, 6), (60, 10), (120, 8), (180, 15), (260, 8)), duration=300, **valid))
    install(cs, profile(3, "TxProfile", periods=((0, 8), (50, 11), (140, 16), (200, 6), (240, 12)), duration=260,
                        transactionId=cs.tracks[EVSE].transaction, **valid))
    asked, periods = composite(cs, EVSE, 400, unit)
    x = int((asked - begins).total_seconds()) + DEVIATION
    is_schedule(periods, [(0, 8), (50 - x, 10), (200 - x, 6), (240 - x, 10), (260 - x, 8), (300 - x, 10)])
    device_is_held_to(cs, 8)


@pytest.mark.parametrize("offered, other", [("A", "W"), ("W", "A")])
def test_TC_K_42_CS(station, offered, other):
    """A unit that the station does not offer."""
    cs = station(SmartChargingCtrlr__RateUnit=offered)
    answer = cs.call("GetCompositeSchedule", {"evseId": EVSE, "duration": 300, "chargingRateUnit": other}, status="Rejected")
    assert "schedule" not in answer
    composite(cs, EVSE, 300, offered)


def test_TC_K_47_CS(station):
    """An EVSE that is not there. Part 6 has no text for the station: by title and K08.FR.05."""
    cs = station()
    answer = cs.call("GetCompositeSchedule", {"evseId": 2, "duration": 300, "chargingRateUnit": "A"}, status="Rejected")
    assert "schedule" not in answer


# ---- K09 ----

def test_TC_K_29_CS(station):
    """Those of the station as a whole."""
    cs = station()
    station_max, _ = two_profiles(cs)
    is_the_only_one(reported(cs, evseId=0), station_max, 0)


def test_TC_K_30_CS(station):
    """Those of one EVSE."""
    cs = station()
    _, default = two_profiles(cs)
    is_the_only_one(reported(cs, evseId=EVSE), default, EVSE)


def test_TC_K_31_CS(station):
    """All of them. Part 6 has no text for the station: by title and K09.FR.03."""
    cs = station(evses=2)
    station_max, default = two_profiles(cs)
    other = profile(3, periods=((0, 12),))
    install(cs, other, evse=2)
    found = {p["id"]: (evse, p) for evse, _, p in reported(cs)}
    assert {id_: evse for id_, (evse, _) in found.items()} == {1: 0, 2: 1, 3: 2}
    for sent in (station_max, default, other):
        same(found[sent["id"]][1], sent)


def test_TC_K_32_CS(station):
    """The one of an id."""
    cs = station()
    station_max, _ = two_profiles(cs)
    is_the_only_one(reported(cs, {"chargingProfileId": [1]}), station_max, 0)


def test_TC_K_33_CS(station):
    """Those of an EVSE and a stackLevel."""
    cs = station()
    _, default = two_profiles(cs, level=0, level_of_default=1)
    is_the_only_one(reported(cs, {"stackLevel": 1}, evseId=EVSE), default, EVSE)
    reported(cs, {"stackLevel": 0}, evseId=EVSE, status="NoProfiles")


def test_TC_K_34_CS(station):
    """Those of an EVSE and a source."""
    cs = station()
    sent = profile(1, level=1)
    install(cs, sent)
    is_the_only_one(reported(cs, {"chargingLimitSource": ["CSO"]}, evseId=EVSE), sent, EVSE)
    reported(cs, {"chargingLimitSource": ["EMS"]}, evseId=EVSE, status="NoProfiles")


def test_TC_K_35_CS(station):
    """Those of an EVSE and a purpose."""
    cs = station()
    EnergyTransferStarted(cs)
    _, default = two_profiles(cs)
    is_the_only_one(reported(cs, {"chargingProfilePurpose": "TxDefaultProfile"}, evseId=EVSE), default, EVSE)
    reported(cs, {"chargingProfilePurpose": "TxProfile"}, evseId=EVSE, status="NoProfiles")


def test_TC_K_36_CS(station):
    """Those of an EVSE, a purpose and a stackLevel."""
    cs = station()
    _, default = two_profiles(cs)
    is_the_only_one(reported(cs, {"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0}, evseId=EVSE), default, EVSE)
    reported(cs, {"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 1}, evseId=EVSE, status="NoProfiles")


def test_TC_K_52_CS(station):
    """A limit from outside of OCPP is reported, with its source."""
    cs = station()
    code, output, errors = cs.site.cli("limit", "CS1", "16A", "--source", "EMS")
    assert code == 0, output + errors
    found = reported(cs, {"chargingProfilePurpose": "ChargingStationExternalConstraints"})
    assert [(evse, source, p["chargingProfilePurpose"]) for evse, source, p in found] == \
        [(0, "EMS", "ChargingStationExternalConstraints")]
