"""Chargers that speak OCPP 1.6J behind the gateway, and the CSMS that sees stations of OCPP 2.0.1: every frame of both sides is checked
against the official schemas."""
import contextlib
import json
import ssl
import time

import pytest
import websockets

from charge_point_16 import ChargePoint
from harness import Site, address, server_tls, until
from test_session import check_transaction, once, register

CARD = "04A1B2C3"


@contextlib.contextmanager
def pair(profile="ocpp16", more="", listen="", scheme="ws", tls=None, password=None, boot=True, **options):
    """A site with one charger CP1 behind CS1."""
    connectors = options.pop("connectors", 1)
    unit = options.pop("unit", "Wh")
    with Site() as site:
        host = address()
        site.general += f"ocpp16: {{ listen: \"{host}:8887\"{listen} }}\n"
        site.station("CS1", f"profile: {profile}, ocpp16: CP1{more}", **options)
        site.start_gateway()
        charger = ChargePoint(f"{scheme}://{host}:8887/ocpp", tls=tls, password=password, connectors=connectors, unit=unit)
        site.host = host
        try:
            if boot:
                charger.connect()
                site.csms.status("CS1", 1, "Available")
            yield site, charger
        finally:
            charger.stop()


def remote_start(site, evse=1, number=7):
    return site.csms.call("CS1", "RequestStartTransaction", {"evseId": evse, "remoteStartId": number,
                                                             "idToken": {"idToken": "operator", "type": "Central"}})


def running(site):
    return site.csms.events("CS1")[-1]["transactionInfo"]["transactionId"]


def ended(site, count=1):
    return site.csms.expect("CS1", "TransactionEvent", count, eventType="Ended")


def test_a_charger_is_a_station():
    with pair() as (site, charger):
        until(lambda: charger.configuration["LocalAuthorizeOffline"] == "false", "it was set up")
        charger.expect("ChangeConfiguration", key="WebSocketPingInterval")       # refused, and no matter
        assert charger.configuration["MeterValueSampleInterval"] == "10"
        status = json.loads(site.cli("--json", "status")[1])
        assert status["stations"][0]["chargers"][0]["online"]
        charger.plug()
        site.csms.status("CS1", 1, "Occupied")
        charger.unplug()
        site.csms.status("CS1", 1, "Available", after=2)
        assert charger.call("Heartbeat", {})["currentTime"]
        assert charger.call("DataTransfer", {"vendorId": "other"})["status"] == "UnknownVendorId"
        assert charger.call("FirmwareStatusNotification", {"status": "Idle"}) == {}
        assert charger.call("DiagnosticsStatusNotification", {"status": "Idle"}) == {}


@pytest.mark.parametrize("unit", ["Wh", "kWh"])
def test_a_card_starts_and_stops(unit):
    with pair(unit=unit) as (site, charger):
        connector = charger.connectors[1]
        before = connector.register
        charger.plug()
        site.csms.status("CS1", 1, "Occupied")
        assert charger.tap(CARD) == "Accepted"
        assert site.csms.expect("CS1", "Authorize")["idToken"] == {"idToken": CARD, "type": "ISO14443"}
        charger.until_charging()
        event = site.csms.expect("CS1", "TransactionEvent", 3, triggerReason="MeterValuePeriodic")
        values = {s["measurand"]: s for s in event["meterValue"][0]["sampledValue"] if "phase" not in s}
        assert values["Power.Active.Import"]["value"] == pytest.approx(7360, abs=2)   # the sum of what the phases have, not the inlet's
        assert charger.tap(CARD) == "stopped"
        event = ended(site)
        assert event["transactionInfo"]["stoppedReason"] == "Local"
        charger.unplug()
        energy = check_transaction(site.csms.events("CS1"))
        assert energy == pytest.approx(connector.register - before, abs=1)
        assert energy > 10
        assert not charger.heard("RemoteStopTransaction")
        assert register(event) == pytest.approx(charger.answers[-1][1].get("meterStop", connector.register), abs=1)


def test_a_card_before_the_vehicle():
    with pair() as (site, charger):
        assert charger.tap(CARD) == "Accepted"
        time.sleep(1)
        assert not [p for p in site.csms.heard("CS1", "StatusNotification") if p["connectorStatus"] == "Occupied"]
        charger.plug()
        charger.until_charging()
        assert len(site.csms.heard("CS1", "Authorize")) == 1
        assert not charger.heard("RemoteStartTransaction")
        charger.unplug()
        assert ended(site)["transactionInfo"]["stoppedReason"] == "EVDisconnected"


def test_a_refused_card_starts_nothing():
    with pair() as (site, charger):
        site.csms.answers["Authorize"] = lambda *_: {"idTokenInfo": {"status": "Blocked"}}
        charger.plug()
        assert charger.tap(CARD) == "Invalid"
        assert not site.csms.events("CS1") or not [e for e in site.csms.events("CS1") if e["transactionInfo"].get("chargingState") == "Charging"]
        assert charger.connectors[1].transaction is None


def test_no_answer_of_the_csms_is_a_refusal():
    with pair(more=", ocpp16_options: { authorize: 2s }") as (site, charger):
        site.csms.answers["Authorize"] = lambda *_: None
        charger.plug()
        assert charger.tap(CARD) == "Invalid"


@pytest.mark.parametrize("asks", ["true", "false"])
def test_a_remote_start_and_stop(asks):
    with pair() as (site, charger):
        until(lambda: charger.configuration["AuthorizeRemoteTxRequests"] == "false", "it was set up")
        charger.configuration["AuthorizeRemoteTxRequests"] = asks
        charger.plug()
        site.csms.status("CS1", 1, "Occupied")
        assert remote_start(site)["status"] == "Accepted"
        charger.until_charging()
        site.csms.expect("CS1", "TransactionEvent", 2, triggerReason="MeterValuePeriodic")
        assert site.csms.call("CS1", "RequestStopTransaction", {"transactionId": running(site)})["status"] == "Accepted"
        charger.expect("RemoteStopTransaction")
        until(lambda: charger.connectors[1].power == 0, "it stops")
        charger.unplug()
        assert ended(site)["transactionInfo"]["stoppedReason"] == "Remote"
        check_transaction(site.csms.events("CS1"))
        assert len(charger.heard("RemoteStartTransaction")) == len(charger.heard("RemoteStopTransaction")) == 1


def test_a_transaction_that_nobody_asked_for_is_refused_and_stopped():
    with pair(more=", ocpp16_options: { authorize: 2s }") as (site, charger):
        site.csms.answers["Authorize"] = lambda *_: {"idTokenInfo": {"status": "Unknown"}}
        charger.expect("GetConfiguration", key=["StopTransactionOnEVSideDisconnect"])   # the last one
        charger.configuration["StopTransactionOnInvalidId"] = "false"
        charger.plug()
        answer = charger.run(charger.start_transaction(charger.connectors[1], "FREE"))
        assert answer["idTagInfo"]["status"] == "Invalid"
        charger.expect("RemoteStopTransaction", transactionId=answer["transactionId"])
        assert site.csms.heard("CS1", "Authorize")[0]["idToken"]["idToken"] == "FREE"


def test_a_transaction_that_begins_at_once_is_asked_about():
    """A charger that sends no Authorize: its token counts as presented."""
    with pair() as (site, charger):
        charger.plug()
        site.csms.status("CS1", 1, "Occupied")
        answer = charger.run(charger.start_transaction(charger.connectors[1], CARD))
        assert answer["idTagInfo"]["status"] == "Accepted"
        assert site.csms.expect("CS1", "Authorize")["idToken"]["idToken"] == CARD
        charger.until_charging()
        assert not charger.heard("RemoteStartTransaction")
        charger.unplug()
        ended(site)


def test_a_limit_holds_for_what_begins_and_for_what_runs():
    with pair() as (site, charger):
        profile = {"id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Absolute",
                   "chargingSchedule": [{"id": 1, "chargingRateUnit": "A", "startSchedule": "2026-01-01T00:00:00Z",
                                         "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10}]}]}
        assert site.csms.call("CS1", "SetChargingProfile", {"evseId": 1, "chargingProfile": profile})["status"] == "Accepted"
        charger.plug()
        site.csms.status("CS1", 1, "Occupied")
        remote_start(site)
        charger.until_charging()
        until(lambda: charger.connectors[1].limits.get("TxDefaultProfile") == 10, f"10 A: {charger.connectors[1].limits}")
        profile = {**profile, "chargingSchedule": [{**profile["chargingSchedule"][0], "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 13}]}]}
        site.csms.call("CS1", "SetChargingProfile", {"evseId": 1, "chargingProfile": profile})
        until(lambda: charger.connectors[1].limits == {"TxDefaultProfile": 13, "TxProfile": 13}, f"13 A: {charger.connectors[1].limits}")


def test_a_fault_is_told():
    with pair() as (site, charger):
        charger.notify(charger.connectors[1], "Faulted", "GroundFailure")
        site.csms.status("CS1", 1, "Faulted")
        charger.notify(charger.connectors[1], "Available")
        site.csms.status("CS1", 1, "Available", after=2)


def test_unlock_and_reset():
    with pair() as (site, charger):
        assert site.csms.call("CS1", "UnlockConnector", {"evseId": 1, "connectorId": 1})["status"] == "Unlocked"
        charger.expect("UnlockConnector", connectorId=1)
        assert site.csms.call("CS1", "Reset", {"type": "Immediate", "evseId": 1})["status"] in ("Accepted", "Scheduled")
        charger.expect("Reset")
        until(lambda: len([a for a, *_ in charger.answers if a == "BootNotification"]) == 2, "it has booted again")
        assert site.csms.call("CS1", "UnlockConnector", {"evseId": 1, "connectorId": 1})["status"] == "Unlocked"


def test_a_link_that_is_lost_in_a_session_changes_nothing():
    with pair() as (site, charger):
        charger.plug()
        charger.tap(CARD)
        charger.until_charging()
        site.csms.expect("CS1", "TransactionEvent", 2, triggerReason="MeterValuePeriodic")
        charger.disconnect()
        until(lambda: "charger does not answer" in site.log("gateway"), "the gateway has seen it")
        charger.connect(boot=False)
        charger.call("Heartbeat", {})
        charger.expect("TriggerMessage", requestedMessage="StatusNotification")
        site.csms.expect("CS1", "TransactionEvent", 4, triggerReason="MeterValuePeriodic")
        assert charger.tap(CARD) == "stopped"
        ended(site)
        check_transaction(site.csms.events("CS1"))
        assert len(charger.heard("RemoteStartTransaction")) == 0


def test_a_session_that_ends_while_the_link_is_down():
    with pair() as (site, charger):
        charger.plug()
        charger.tap(CARD)
        charger.until_charging()
        site.csms.expect("CS1", "TransactionEvent", 2, triggerReason="MeterValuePeriodic")
        charger.disconnect()
        time.sleep(1)
        charger.unplug()
        stopped = charger.queue[-1][1]["meterStop"]
        charger.connectors[1].register += 5000      # what another driver takes, whom nobody has let in
        charger.connect()
        assert register(ended(site)) == stopped
        check_transaction(site.csms.events("CS1"))


def test_a_restart_of_the_gateway_in_a_session():
    with pair() as (site, charger):
        charger.plug()
        charger.tap(CARD)
        charger.until_charging()
        transaction = charger.connectors[1].transaction
        site.csms.expect("CS1", "TransactionEvent", 2, triggerReason="MeterValuePeriodic")
        site.kill("gateway")
        site.start_gateway()
        charger.connect(boot=False)
        charger.call("Heartbeat", {})
        count = len(site.csms.heard("CS1", "TransactionEvent", triggerReason="MeterValuePeriodic"))
        site.csms.expect("CS1", "TransactionEvent", count + 2, triggerReason="MeterValuePeriodic")
        assert site.csms.call("CS1", "RequestStopTransaction", {"transactionId": running(site)})["status"] == "Accepted"
        charger.expect("RemoteStopTransaction", transactionId=transaction)
        charger.unplug()
        ended(site)
        check_transaction(once(site.csms.events("CS1")))


def test_an_offline_session_is_answered_and_told():
    with pair() as (site, charger):
        connector = charger.connectors[1]
        charger.disconnect()
        charger.plug()
        charger.run(charger.start_transaction(connector, CARD, ago=3600))
        connector.register, connector.power = 6000, 0
        connector.plugged = False
        charger.run(charger.stop_transaction(connector, "EVDisconnected", ago=1800))
        assert len(charger.queue) == 2
        charger.connect()
        until(lambda: not charger.queue, "it was answered")
        start = [a for a in charger.answers if a[0] == "StartTransaction"][0]
        assert start[2]["idTagInfo"]["status"] == "Invalid"
        until(lambda: "energy without authorization" in site.log("gateway"), "the log tells it")
        assert 'energy="5000 Wh"' in site.log("gateway")
        event = until(lambda: [e for n in site.csms.heard("CS1", "NotifyEvent") for e in n["eventData"]
                               if e["variable"]["name"] == "UnauthorizedEnergy" and e["trigger"] == "Delta"], "the CSMS is told")
        assert float(event[-1]["actualValue"]) == 5000
        assert not [e for e in site.csms.events("CS1")]
        charger.plug()                                   # what follows is billed from there
        charger.tap(CARD)
        charger.until_charging()
        charger.unplug()
        ended(site)
        assert check_transaction(site.csms.events("CS1")) < 1000


def test_an_offline_session_behind_ours_is_not_billed_to_our_driver():
    with pair() as (site, charger):
        connector = charger.connectors[1]
        charger.plug()
        charger.tap(CARD)
        charger.until_charging()
        site.csms.expect("CS1", "TransactionEvent", 2, triggerReason="MeterValuePeriodic")
        charger.disconnect()
        charger.unplug()
        stopped = charger.queue[-1][1]["meterStop"]
        connector.plugged = True
        charger.run(charger.start_transaction(connector, "FREE", ago=60))
        connector.register += 9000
        connector.power = 0
        connector.plugged = False
        charger.run(charger.stop_transaction(connector, "EVDisconnected", ago=30))
        (_, begun, _), (_, over, _) = charger.queue[-2:]    # its meter may have run on a little before it was set
        energy = over["meterStop"] - begun["meterStart"]
        assert energy >= 9000
        charger.connect()
        assert register(ended(site)) == pytest.approx(stopped, abs=1)    # told in whole Wh, less than the last reading perhaps
        until(lambda: f'energy="{energy} Wh"' in site.log("gateway"), "the log tells it")
        check_transaction(site.csms.events("CS1"))


def test_two_connectors_are_two_evses():
    with pair(profile="ocpp16-2", connectors=2) as (site, charger):
        site.csms.status("CS1", 2, "Available")
        charger.plug(2)
        site.csms.status("CS1", 2, "Occupied")
        assert charger.tap(CARD, 2) == "Accepted"
        charger.until_charging(2)
        assert site.csms.expect("CS1", "TransactionEvent").get("evse", {"id": 2})["id"] == 2
        charger.plug(1)
        site.csms.status("CS1", 1, "Occupied")
        assert remote_start(site, 1)["status"] == "Accepted"
        charger.until_charging(1)
        charger.unplug(2)
        ended(site)
        assert charger.connectors[1].power > 0


def test_a_reload_changes_a_password(tmp_path):
    host = address()
    server_tls(tmp_path, host)
    with Site() as site:
        site.general += f"ocpp16: {{ listen: \"{host}:8887\" }}\n"
        site.station("CS1", "profile: ocpp16, ocpp16: CP1, password: secret-of-cp1")
        site.station("CS2", site.tcp_charger())
        site.start_sim()
        site.start_gateway()
        charger = ChargePoint(f"ws://{host}:8887/ocpp", password="secret-of-cp1")
        charger.connect()
        site.csms.status("CS1", 1, "Available")
        site.stations[0] = ("CS1", ("profile: ocpp16, ocpp16: CP1, password: another-secret",), site.stations[0][2])
        (site.directory / "gateway.yaml").write_text(site.config())
        assert site.cli("reload")[0] == 0
        until(lambda: charger.socket is None, "its connection is closed")
        with pytest.raises(websockets.InvalidStatusCode):
            charger.run(charger.open())
        assert "cannot listen" not in site.log("gateway")
        charger.password = "another-secret"
        charger.connect()
        site.general = site.general.replace("8887\"", f"8887\", cert: {tmp_path}/server.pem, key: {tmp_path}/server.key")
        (site.directory / "gateway.yaml").write_text(site.config())
        code, _, told = site.cli("reload")
        assert code and "needs a restart" in told
        charger.plug()
        assert charger.tap(CARD) == "Accepted"
        charger.until_charging()
        charger.stop()


def test_rubbish_gets_the_right_answer_and_harms_nothing():
    with pair() as (site, charger):
        rows = [("BootNotification", {}, "OccurenceConstraintViolation"), ("Heartbeat", {"x": 1}, "FormationViolation"),
                ("Authorize", {"idTag": 5}, "TypeConstraintViolation"), ("Authorize", {"idTag": "x" * 21}, "PropertyConstraintViolation"),
                ("Nonsense", {}, "NotImplemented"), ("GetDiagnostics", {"location": "x"}, "NotSupported")]
        for action, payload, code in rows:
            assert charger.call(action, payload, checked=False) == ("error", code)
        for text in ["", "[", "[2]", "{}", '[3,"x",{}]', '[4,"x","y","z",{}]', "[9,\"a\",{}]", "[" * 5000, "\u0000", '[2,"",\"Heartbeat\",{}]']:
            charger.run(charger.socket.send(text))
        assert charger.call("StopTransaction", {"transactionId": 99, "meterStop": 1, "timestamp": charger.now()}) == {}
        assert charger.call("StatusNotification", {"connectorId": 77, "errorCode": "NoError", "status": "Charging"}) == {}
        assert charger.call("StartTransaction", {"connectorId": 0, "idTag": "x", "meterStart": 1,
                                                 "timestamp": charger.now()})["idTagInfo"]["status"] == "Invalid"
        assert charger.call("Heartbeat", {})["currentTime"]


def test_tls_and_password(tmp_path):
    host = address()
    server_tls(tmp_path, host)
    trust = ssl.create_default_context(cafile=tmp_path / "root.pem")
    with Site() as site:
        site.general += f"ocpp16: {{ listen: \"{host}:8887\", cert: {tmp_path}/server.pem, key: {tmp_path}/server.key }}\n"
        site.station("CS1", "profile: ocpp16, ocpp16: CP1, password: secret-of-cp1")
        site.start_gateway()
        good = ChargePoint(f"wss://{host}:8887/ocpp", tls=trust, password="secret-of-cp1")
        good.connect()
        site.csms.status("CS1", 1, "Available")
        for identity, password, status in [("CP1", "wrong", 401), ("CP1", None, 401), ("CP2", "secret-of-cp1", 404)]:
            other = ChargePoint(f"wss://{host}:8887/ocpp", identity, password, trust)
            with pytest.raises(websockets.InvalidStatusCode) as refused:
                other.run(other.open())
            assert refused.value.status_code == status
            other.stop()
        assert site.log("gateway").count("connection of a charger is refused") == 1
        assert "secret-of-cp1" not in site.log("gateway")
        assert good.call("Heartbeat", {})["currentTime"]
        good.stop()
