"""Charging profiles are cleared (K10)."""
import pytest

from charging_profiles import DEVIATION, EVSE, after, composite, device_is_held_to, install, is_schedule, profile, reported
from states import EnergyTransferStarted


def clear(cs, status="Accepted", id_=None, **criteria):
    request = {"chargingProfileId": id_} if id_ else {}
    if criteria:
        request["chargingProfileCriteria"] = criteria
    cs.call("ClearChargingProfile", request, status=status)


def test_TC_K_05_CS(station):
    """By id. Part 6 has no text for the station: by title and K10.FR.03: only this one goes."""
    cs = station()
    install(cs, profile(1, level=0))
    install(cs, profile(2, level=1))
    clear(cs, id_=1)
    assert [p["id"] for _, _, p in reported(cs)] == [2]


def test_TC_K_06_CS(station):
    """By stackLevel, purpose and EVSE, which fit one. Part 6 has no text for the station: by title and K10.FR.04."""
    cs = station(evses=2)
    install(cs, profile(1, level=1))
    install(cs, profile(2, level=0))
    install(cs, profile(3, level=1), evse=2)
    clear(cs, chargingProfilePurpose="TxDefaultProfile", stackLevel=1, evseId=EVSE)
    assert {p["id"] for _, _, p in reported(cs)} == {2, 3}


def test_TC_K_07_CS(station):
    """By a combination that none has."""
    cs = station()
    install(cs, profile(1, level=1))
    clear(cs, chargingProfilePurpose="ChargingStationMaxProfile", stackLevel=0, status="Unknown")
    assert len(reported(cs)) == 1


def test_TC_K_08_CS(station):
    """There is none."""
    cs = station()
    clear(cs, id_=8, status="Unknown")


@pytest.mark.parametrize("unit", ["A", "W"])
def test_TC_K_09_CS(station, unit):
    """A TxDefaultProfile while a transaction runs: it does not count any more."""
    cs = station(SmartChargingCtrlr__LimitChangeSignificance="1.0")
    install(cs, profile(9, unit=unit, duration=400 + DEVIATION, start=after(-DEVIATION), validFrom=after(-DEVIATION),
                        validTo=after(DEVIATION + 401)))
    EnergyTransferStarted(cs)
    _, periods = composite(cs, EVSE, 300, unit)
    is_schedule(periods, [(0, 6)])
    device_is_held_to(cs, 6)
    clear(cs, chargingProfilePurpose="TxDefaultProfile")
    _, periods = composite(cs, EVSE, 300, unit)
    assert periods[0][1] != 6
    device_is_held_to(cs, 16)       # the vehicle's own maximum


def test_TC_K_24_CS(station):
    """By purpose and stackLevel, which fit one of each EVSE."""
    cs = station(evses=2)
    install(cs, profile(1))
    install(cs, profile(2), evse=2)
    clear(cs, chargingProfilePurpose="TxDefaultProfile", stackLevel=0)
    reported(cs, {"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 0}, status="NoProfiles")
