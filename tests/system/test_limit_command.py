"""Limits from outside of OCPP, raised by ocpp-cli: at the device, at the CSMS, and after a restart."""
import json

from harness import Site, until
from test_operations import one_station, start_charging


def status(site):
    return json.loads(site.cli("--json", "status")[1])["stations"][0]


def test_a_limit_by_hand_reaches_the_device_and_the_csms():   # K11, K13
    with Site() as site:
        call = one_station(site)
        start_charging(site, call)
        until(lambda: site.csms.events("CS1")[-1]["transactionInfo"].get("chargingState") == "Charging", "charging is told")
        assert site.cli("limit", "CS1", "10A") == (0, "", "")
        site.until_device("tcp1", effective_limit=10)
        notified = site.csms.expect("CS1", "NotifyChargingLimit")
        assert notified["chargingLimit"]["chargingLimitSource"] == "EMS" and "evseId" not in notified
        until(lambda: [e for e in site.csms.events("CS1") if e["triggerReason"] == "ChargingRateChanged"], "the new rate is told")
        assert status(site)["external_limits"] == [{"evse": 0, "source": "EMS", "unit": "A", "limit": 10.0}]
        assert status(site)["evses"][0]["limit_by"] == "EMS"
        assert "limited to 10 A by EMS" in site.cli("status")[1]
        assert site.cli("limit", "CS1", "release") == (0, "", "")
        site.until_device("tcp1", effective_limit=32)
        assert site.csms.expect("CS1", "ClearedChargingLimit") == {"chargingLimitSource": "EMS"}


def test_a_limit_in_kilowatts_for_a_time_at_one_evse_survives_a_restart():   # K12
    with Site() as site:
        call = one_station(site)
        assert site.cli("limit", "CS1", 1, "4.2kW", "--for", "2h", "--source", "SO") == (0, "", "")
        assert site.csms.expect("CS1", "NotifyChargingLimit")["evseId"] == 1
        site.end("gateway")
        site.start_gateway()
        site.csms.expect("CS1", "NotifyChargingLimit", count=2)
        start_charging(site, call)
        site.until_device("tcp1", effective_limit=6)     # 4200 W / (3 x 230 V), in whole A
        limit = status(site)["external_limits"][0]
        assert (limit["source"], limit["unit"], limit["limit"]) == ("SO", "W", 4200.0) and limit["until"]


def test_what_is_wrong_with_a_limit_is_said():
    with Site() as site:
        one_station(site)
        for arguments, code, text in (
                (("CS1",), 2, "usage: ocpp-cli limit"),
                (("CS1", "16"), 2, "expected a limit such as 16A"),
                (("CS1", "-1A"), 2, ""),
                (("CS1", "two", "16A"), 2, "expected the number of an EVSE"),
                (("CS1", "16A", "--for", "soon"), 2, "expected --for whole seconds"),
                (("CS1", "release", "--for", "2h"), 2, "a release has no end"),
                (("CS1", "16A", "--source", "CSO"), 1, "unknown source; expected EMS, SO or Other"),
                (("CS1", 7, "16A"), 1, "the station has no such evse"),
                (("CS9", "16A"), 1, "no station of this id"),
                (("CS1", "release"), 1, "there is no such limit to release")):
            done = site.cli("limit", *arguments)
            assert done[0] == code and text in done[2], (arguments, done)
        assert not site.csms.heard("CS1", "NotifyChargingLimit")
