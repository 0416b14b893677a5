"""Limits that a meter at the grid connection sets to stations (K11, K12): at the CSMS, at the device, in silence, on reload."""
import json

from harness import Site, address, until
from modbus_meter import Meter

FUSE = "25 - max(current_l1, current_l2, current_l3)"


def add_limit(site, meter, limit=FUSE, rest="unit: A, stations: all, on_silence: 7"):
    site.general += f"""meters: {{ grid: {{ profile: demo-modbus-meter, tcp: "{meter.address}:{meter.port}" }} }}
external_limits: [ {{ meter: grid, limit: "{limit}", {rest} }} ]
"""


def limit_at(site, name, value):
    until(lambda: site.show(name)["limit"] == value, f"{name} at {value} A, not {site.show(name)['limit']}")


def status(site):
    return json.loads(site.cli("--json", "status")[1])


def test_a_limit_of_a_meter_holds_at_the_device_and_is_told_to_the_csms():   # K11.FR.01, K11.FR.02
    with Site() as site, Meter(address(), 15502) as meter:
        meter.set(6, 9.2)
        meter.set(8, 4.0)
        site.station("CS1", site.tcp_charger())
        add_limit(site, meter)
        site.start()
        limit_at(site, "tcp1", 15)             # 25 - 9.2, in whole ampere
        told = site.csms.expect("CS1", "NotifyChargingLimit")
        assert told["chargingLimit"]["chargingLimitSource"] == "EMS" and "evseId" not in told
        meter.set(8, 18.5)
        limit_at(site, "tcp1", 6)
        meter.set(8, 0)
        meter.set(6, 0)
        limit_at(site, "tcp1", 25)
        limits = status(site)["external_limits"]
        assert limits == [{"meter": "grid", "limit": 25, "unit": "A", "silent": False}]


def test_a_silent_meter_leaves_what_the_configuration_says():
    with Site() as site, Meter(address(), 15502) as meter:
        site.station("CS1", site.tcp_charger())
        add_limit(site, meter)
        site.start()
        limit_at(site, "tcp1", 25)
        meter.close()
        limit_at(site, "tcp1", 7)
        assert status(site)["external_limits"][0]["silent"]
        meter.open()
        limit_at(site, "tcp1", 25)
        assert "meter tells no limit" in site.log("gateway")


def test_a_limit_in_watts_is_shared_out_to_one_evse():
    with Site() as site, Meter(address(), 15502) as meter:
        meter.set(52, 4000)
        site.station("CS1", site.tcp_charger("tcp1", 15020), site.tcp_charger("tcp2", 15021))
        add_limit(site, meter, "11000 - power", "unit: W, stations: [ CS1 ], evse: 2, source: SO, on_silence: 0")
        site.start()
        limit_at(site, "tcp2", 10.1)           # 7000 W on three phases of 230 V, in steps of 0.1 A, down
        assert site.show("tcp1")["limit"] == 32
        told = site.csms.expect("CS1", "NotifyChargingLimit")
        assert told["chargingLimit"]["chargingLimitSource"] == "SO" and told["evseId"] == 2


def test_a_running_session_follows_the_meter():   # K12.FR.03: the rate changes by more than LimitChangeSignificance
    with Site() as site, Meter(address(), 15502) as meter:
        site.station("CS1", site.tcp_charger())
        add_limit(site, meter)
        site.start()
        limit_at(site, "tcp1", 25)
        site.ask("plug tcp1 soc=20 capacity=60kWh max=32")
        site.csms.status("CS1", 1, "Occupied")
        answer = site.csms.call("CS1", "RequestStartTransaction",
                                {"evseId": 1, "remoteStartId": 7, "idToken": {"idToken": "operator", "type": "Central"}})
        assert answer["status"] == "Accepted"
        until(lambda: site.show("tcp1")["currents"][0] == 25, "25 A flow")
        until(lambda: [e["transactionInfo"].get("chargingState") for e in site.csms.events("CS1")][-1:] == ["Charging"], "charging is told")
        meter.set(10, 12)
        until(lambda: site.show("tcp1")["currents"][0] == 13, "13 A flow")
        site.csms.expect("CS1", "TransactionEvent", triggerReason="ChargingRateChanged")
        meter.set(10, 30)                      # nothing is left
        until(lambda: site.show("tcp1")["currents"][0] == 0, "nothing flows")
        meter.set(10, 5)
        until(lambda: site.show("tcp1")["currents"][0] == 20, "20 A flow")


def test_reload_releases_and_raises_limits():   # K13.FR.01
    with Site() as site, Meter(address(), 15502) as meter:
        site.station("CS1", site.tcp_charger("tcp1", 15020))
        site.station("CS2", site.tcp_charger("tcp2", 15021))
        general = site.general
        add_limit(site, meter)
        site.start()
        limit_at(site, "tcp1", 25)
        limit_at(site, "tcp2", 25)

        def reload(text):
            (site.directory / "gateway.yaml").write_text(text)
            code, output, error = site.cli("reload")
            assert code == 0, output + error
        reload(site.config().replace("stations: all", "stations: [ CS2 ]"))
        limit_at(site, "tcp1", 32)
        site.csms.expect("CS1", "ClearedChargingLimit", chargingLimitSource="EMS")
        assert site.show("tcp2")["limit"] == 25 and not site.csms.heard("CS2", "ClearedChargingLimit")
        # a station made anew has its limit again, though nothing of the meter changed
        site.config = lambda config=site.config: config().replace("id: CS2\n", "id: CS2\n    vendor: Other\n")
        reload(site.config().replace("stations: all", "stations: [ CS2 ]"))
        meter.set(6, 10)
        limit_at(site, "tcp2", 15)
        site.general = general
        reload(site.config())
        limit_at(site, "tcp2", 32)
        site.csms.expect("CS2", "ClearedChargingLimit", chargingLimitSource="EMS")
        assert status(site)["external_limits"] == []


def test_a_limit_of_a_meter_is_not_undone_by_hand():
    with Site() as site, Meter(address(), 15502) as meter:
        meter.set(6, 10)
        site.station("CS1", site.tcp_charger())
        add_limit(site, meter)
        site.start()
        limit_at(site, "tcp1", 15)
        for arguments in (("CS1", "32A"), ("CS1", "release")):
            code, _, error = site.cli("limit", *arguments)
            assert code == 1 and "the meter grid sets the limit of this source" in error
        assert site.cli("limit", "CS1", "8A", "--source", "Other") == (0, "", "")
        limit_at(site, "tcp1", 8)
        assert site.cli("limit", "CS1", "release", "--source", "Other") == (0, "", "")
        limit_at(site, "tcp1", 15)
