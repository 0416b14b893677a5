"""A charging session end to end: a simulated charger of each protocol, the gateway, and a CSMS that checks every frame."""
import json

import pytest

from harness import PASSWORD, Site, server_tls, until

CARD = "04A1B2C3D4E5F6"
KINDS = {"tcp": ("tcp1", 1.5), "rtu": ("rtu1", 15), "echonet": ("echo1", 1.5), "echonet-027e": ("echo1", 1.5)}


def add_charger(site, kind):
    if kind == "tcp":
        return site.tcp_charger()
    if kind == "rtu":
        return site.rtu_charger()
    return site.echonet_charger(kind=kind.removeprefix("echonet-") if "-" in kind else "02a1")


def register(event):
    """The last energy register of an event, or None."""
    values = [s["value"] for m in event.get("meterValue", []) for s in m["sampledValue"]
              if s.get("measurand", "Energy.Active.Import.Register") == "Energy.Active.Import.Register"]
    return values[-1] if values else None


def once(events):
    """In the order of seqNo. What was on its way when the station ended may be told twice, never differently."""
    told = {}
    for event in events:
        saying = {key: value for key, value in event.items() if key != "offline"}
        assert told.setdefault(event["seqNo"], (saying, event))[0] == saying
    return [told[number][1] for number in sorted(told)]


def check_transaction(events):
    """One Started, one Ended, seqNo without gap; returns the energy in Wh."""
    assert [e["seqNo"] for e in events] == list(range(len(events)))
    assert len({e["transactionInfo"]["transactionId"] for e in events}) == 1
    assert events[0]["eventType"] == "Started" and events[-1]["eventType"] == "Ended"
    assert all(e["eventType"] == "Updated" for e in events[1:-1])
    registers = [register(e) for e in events if register(e) is not None]
    assert registers == sorted(registers)
    return registers[-1] - registers[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_remote_start_charges_meters_and_stops(kind):
    name, tolerance = KINDS[kind]
    with Site() as site:
        site.station("CS1", add_charger(site, kind))
        site.start("--speed", "20")
        before = site.show(name)["energy"]
        site.ask(f"plug {name} soc=20 capacity=60kWh")
        site.csms.status("CS1", 1, "Occupied")
        answer = site.csms.call("CS1", "RequestStartTransaction",
                                {"evseId": 1, "remoteStartId": 7, "idToken": {"idToken": "operator", "type": "Central"}})
        assert answer["status"] == "Accepted"
        until(lambda: site.show(name)["power"] > 2000, "the device charges")
        site.csms.expect("CS1", "TransactionEvent", 2, triggerReason="MeterValuePeriodic")
        events = site.csms.events("CS1")
        assert any(e["transactionInfo"].get("remoteStartId") == 7 for e in events)
        transaction = events[0]["transactionInfo"]["transactionId"]
        assert site.csms.call("CS1", "RequestStopTransaction", {"transactionId": transaction})["status"] == "Accepted"
        until(lambda: site.show(name)["power"] == 0, "the device stops")
        site.ask(f"unplug {name}")
        ended = site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
        assert ended["transactionInfo"]["stoppedReason"] == "Remote"
        energy = check_transaction(site.csms.events("CS1"))
        assert energy == pytest.approx(site.show(name)["energy"] - before, abs=tolerance)
        assert energy > 5
        site.csms.status("CS1", 1, "Available", after=2)


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
def test_a_card_at_the_device_starts_and_stops(kind):
    name, tolerance = KINDS[kind]
    with Site() as site:
        site.station("CS1", add_charger(site, kind))
        site.start("--speed", "20")
        before = site.show(name)["energy"]
        site.ask(f"plug {name} soc=20 capacity=60kWh")
        site.csms.status("CS1", 1, "Occupied")
        site.ask(f"tap {name} {CARD}")
        assert site.csms.expect("CS1", "Authorize")["idToken"] == {"idToken": CARD, "type": "ISO14443"}
        until(lambda: site.show(name)["power"] > 2000, "the device charges")
        until(lambda: site.show(name)["tag"] == "", "the card is acknowledged at the device")
        site.ask(f"tap {name} {CARD}")
        ended = site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
        assert ended["triggerReason"] == "StopAuthorized"
        assert ended["transactionInfo"].get("stoppedReason", "Local") == "Local"
        energy = check_transaction(site.csms.events("CS1"))
        assert energy == pytest.approx(site.show(name)["energy"] - before, abs=tolerance)


def test_a_refused_card_never_gets_energy():
    with Site() as site:
        site.csms.answers["Authorize"] = lambda *_: {"idTokenInfo": {"status": "Blocked"}}
        site.station("CS1", site.tcp_charger())
        site.start()
        site.ask("plug tcp1 soc=20")
        site.csms.status("CS1", 1, "Occupied")
        site.ask(f"tap tcp1 {CARD}")
        site.csms.expect("CS1", "Authorize")
        until(lambda: site.show("tcp1")["tag"] == "", "the card is acknowledged")
        assert not site.show("tcp1")["contactor"] and not site.show("tcp1")["enabled"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_takes_effect_at_the_device(kind):
    name, _ = KINDS[kind]
    with Site() as site:
        site.station("CS1", add_charger(site, kind))
        site.start()
        site.ask(f"plug {name} soc=20 capacity=60kWh max=16")
        site.csms.status("CS1", 1, "Occupied")
        site.csms.call("CS1", "RequestStartTransaction",
                       {"evseId": 1, "remoteStartId": 1, "idToken": {"idToken": "operator", "type": "Central"}})
        until(lambda: max(site.show(name)["currents"]) > 12, "the device charges with more than 12 A")
        profile = {"id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Absolute",
                   "chargingSchedule": [{"id": 1, "startSchedule": "2026-01-01T00:00:00Z", "chargingRateUnit": "A",
                                         "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 8}]}]}
        assert site.csms.call("CS1", "SetChargingProfile", {"evseId": 1, "chargingProfile": profile})["status"] == "Accepted"
        until(lambda: 4 < max(site.show(name)["currents"]) <= 8.05, "the device holds 8 A")
        profile["chargingSchedule"][0]["chargingSchedulePeriod"][0]["limit"] = 0
        assert site.csms.call("CS1", "SetChargingProfile", {"evseId": 1, "chargingProfile": profile})["status"] == "Accepted"
        until(lambda: site.show(name)["power"] == 0, "the device pauses at 0 A")
        until(lambda: any(e["transactionInfo"].get("chargingState") == "SuspendedEVSE" for e in site.csms.events("CS1")),
              "the CSMS learns of the pause")
        assert site.csms.call("CS1", "ClearChargingProfile", {"chargingProfileId": 1})["status"] == "Accepted"
        until(lambda: max(site.show(name)["currents"]) > 12, "the device charges again")


def test_kill_9_in_mid_charge_goes_on_and_ends_once_with_the_right_energy():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start("--speed", "20")
        before = site.show("tcp1")["energy"]
        site.ask("plug tcp1 soc=20 capacity=60kWh")
        site.csms.status("CS1", 1, "Occupied")
        site.csms.call("CS1", "RequestStartTransaction",
                       {"evseId": 1, "remoteStartId": 1, "idToken": {"idToken": "operator", "type": "Central"}})
        site.csms.expect("CS1", "TransactionEvent", 2, triggerReason="MeterValuePeriodic")
        site.kill("gateway")
        boots = len(site.csms.heard("CS1", "BootNotification"))
        site.start_gateway()
        site.csms.expect("CS1", "BootNotification", boots + 1)
        told = len(site.csms.heard("CS1", "TransactionEvent", triggerReason="MeterValuePeriodic"))
        site.csms.expect("CS1", "TransactionEvent", told + 2, triggerReason="MeterValuePeriodic")
        assert site.show("tcp1")["power"] > 2000, "the car was not interrupted"
        transaction = site.csms.events("CS1")[0]["transactionInfo"]["transactionId"]
        assert site.csms.call("CS1", "RequestStopTransaction", {"transactionId": transaction})["status"] == "Accepted"
        site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
        energy = check_transaction(once(site.csms.events("CS1")))
        assert energy == pytest.approx(site.show("tcp1")["energy"] - before, abs=1.5)
        assert len(site.csms.heard("CS1", "TransactionEvent", eventType="Ended")) == 1


def test_what_happened_while_the_csms_was_away_is_replayed_in_order():
    with Site() as site:
        site.station("CS1", site.tcp_charger(), **{"AuthCtrlr.OfflineTxForUnknownIdEnabled": "true"})
        site.start("--speed", "20")
        before = site.show("tcp1")["energy"]
        site.csms.close()
        site.ask("plug tcp1 soc=20 capacity=60kWh")
        until(lambda: site.show("tcp1")["plugged"], "plugged")
        until(lambda: '"connected"' in site.cli("--json", "status")[1], "the gateway sees the car")
        site.ask(f"tap tcp1 {CARD}")
        until(lambda: site.show("tcp1")["power"] > 2000, "the device charges offline")
        until(lambda: json.loads(site.cli("--json", "status")[1])["stations"][0]["events_waiting"] >= 4, "events wait")
        site.ask(f"tap tcp1 {CARD}")
        until(lambda: site.show("tcp1")["power"] == 0, "the device stops")
        until(lambda: json.loads(site.cli("--json", "status")[1])["stations"][0]["evses"][0]["transaction"] is None, "the transaction has ended")
        site.csms.open()
        site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
        events = site.csms.events("CS1")
        energy = check_transaction(events)
        assert energy == pytest.approx(site.show("tcp1")["energy"] - before, abs=1.5)
        assert all(e.get("offline") for e in events)
        assert [e["timestamp"] for e in events] == sorted(e["timestamp"] for e in events)


def test_a_silent_charger_becomes_unavailable_and_comes_back():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        site.ask("mute tcp1 on")
        until(lambda: site.csms.heard("CS1", "StatusNotification")[-1]["connectorStatus"] in ("Unavailable", "Faulted"),
              "the CSMS learns that the charger is silent")
        site.ask("mute tcp1 off")
        until(lambda: site.csms.heard("CS1", "StatusNotification")[-1]["connectorStatus"] == "Available",
              "the CSMS learns that it is back")


def test_one_broken_charger_does_not_stall_its_neighbour():
    with Site() as site:
        site.station("CS1", site.tcp_charger("tcp1", 15020))
        site.station("CS2", site.tcp_charger("tcp2", 15021))
        site.start()
        site.ask("corrupt tcp1 1000")
        site.ask("plug tcp2 soc=20")
        site.csms.status("CS2", 1, "Occupied")
        site.ask("corrupt tcp1 0")
        site.ask("plug tcp1 soc=20")
        site.csms.status("CS1", 1, "Occupied")


def test_our_own_echonet_node_says_who_it_is():
    import socket
    with Site() as site:
        site.station("CS1", site.echonet_charger())
        site.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            from harness import address
            peer.bind((address(), 3610))
            peer.settimeout(10)
            peer.sendto(bytes.fromhex("1081 0001 05FF01 0EF001 62 01 83 00"), (site.echonet_address, 3610))
            answer = peer.recv(1500)
        assert answer[:14].hex().upper() == "108100010EF00105FF0172018311"
        assert answer[14] == 0xFE and any(answer[18:])


def test_tls_profile_2_with_password(tmp_path):
    from harness import address
    where = address()
    context, root = server_tls(tmp_path, where)
    site = Site(tls=context)
    site.csms.stop()
    from harness import Csms
    site.csms_address, site.ca_file = where, root
    site.csms = Csms(where, tls=context)
    with site:
        site.station("CS1", site.tcp_charger())
        site.start()
        _, headers = site.csms.headers[0]
        import base64
        assert headers["Authorization"] == "Basic " + base64.b64encode(f"CS1:{PASSWORD}".encode()).decode()
        assert PASSWORD not in site.log("gateway")


def test_a_certificate_of_another_root_is_refused(tmp_path):
    from harness import Csms, address
    where = address()
    context, _ = server_tls(tmp_path, where)
    other = tmp_path / "other"
    other.mkdir()
    _, wrong_root = server_tls(other, where)
    site = Site(tls=context)
    site.csms.stop()
    site.csms_address, site.ca_file = where, wrong_root
    site.csms = Csms(where, tls=context)
    with site:
        site.station("CS1", site.tcp_charger())
        site.start_sim()
        site.start_gateway()
        until(lambda: "certificate" in site.log("gateway").lower(), "the log says why")
        assert not site.csms.heard()
