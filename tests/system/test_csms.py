"""ocpp-csms, with python3-websockets as the station."""
import asyncio
import json
import pathlib
import socket
import ssl
import subprocess
import sys
import uuid

import pytest
import websockets

from harness import BUILD, Line, Schemas, address


class Station:
    """A station that answers every CALL Accepted and checks every frame against the schemas."""

    def __init__(self, url, headers=None, compression="deflate"):
        self.url, self.headers, self.compression = url, headers or {}, compression
        self.schemas, self.heard, self.waiting = Schemas(), [], {}

    async def __aenter__(self):
        self.link = await websockets.connect(self.url, subprotocols=["ocpp2.0.1"], extra_headers=self.headers,
                                             compression=self.compression)
        self.reader = asyncio.ensure_future(self.read())
        return self

    async def __aexit__(self, *_):
        self.reader.cancel()
        await self.link.close()

    async def read(self):
        async for text in self.link:
            frame = json.loads(text)
            if frame[0] == 2:
                self.schemas.check(frame[2] + "Request", frame[3])
                self.heard.append((frame[2], frame[3]))
                await self.link.send(json.dumps([3, frame[1], {"status": "Accepted"}]))
            else:
                self.waiting.pop(frame[1]).set_result(frame)

    async def call(self, action, payload):
        identity = str(uuid.uuid4())
        self.schemas.check(action + "Request", payload)
        self.waiting[identity] = asyncio.get_running_loop().create_future()
        future = self.waiting[identity]
        await self.link.send(json.dumps([2, identity, action, payload]))
        frame = await asyncio.wait_for(future, 10)
        if frame[0] == 3:
            self.schemas.check(action + "Response", frame[2])
            return frame[2]
        return frame[2]


class Csms:
    def __init__(self, directory, *options):
        self.address, self.directory = address(), directory
        tokens = directory / "tokens.yaml"
        tokens.write_text("tokens:\n  - { id: 04AABBCC, type: ISO14443, group: fleet }\n  - { id: LOST, status: Blocked }\n"
                          "passwords: { SECRET: sixteen-characters }\n")
        self.process = subprocess.Popen([str(BUILD / "ocpp-csms"), "--listen", f"{self.address}:9000", "--tokens", str(tokens),
                                         "--database", str(directory / "csms.db"), "--socket", str(directory / "csms.sock"),
                                         *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.line = Line(directory / "csms.sock")

    def url(self, station):
        return f"ws://{self.address}:9000/ocpp/{station}"

    async def ask(self, text):
        answer = await asyncio.get_running_loop().run_in_executor(None, self.line.ask, text)
        return json.loads(answer)

    def end(self):
        self.line.close()
        self.process.terminate()
        output = self.process.communicate(timeout=20)[0]
        assert self.process.returncode == 0
        return output


@pytest.fixture
def csms(tmp_path):
    csms = Csms(tmp_path)
    yield csms
    csms.end()


BOOT = {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V"}}


def event(kind, seq, Wh, transaction="tx1", **members):
    return {"eventType": kind, "timestamp": f"2026-01-31T12:00:{seq:02}.000Z", "triggerReason": "Authorized", "seqNo": seq,
            "transactionInfo": {"transactionId": transaction, **members.pop("info", {})},
            "meterValue": [{"timestamp": "2026-01-31T12:00:00Z", "sampledValue": [{"value": Wh}]}], **members}


def run(coroutine):
    asyncio.run(asyncio.wait_for(coroutine, 30))


def test_a_station_boots_and_is_known(csms):
    async def scenario():
        async with Station(csms.url("CS1")) as station:
            answer = await station.call("BootNotification", BOOT)
            assert answer["status"] == "Accepted" and answer["interval"] == 60
            await station.call("StatusNotification", {"timestamp": "2026-01-31T12:00:00Z", "connectorStatus": "Occupied",
                                                      "evseId": 1, "connectorId": 1})
            known = (await csms.ask("stations"))["stations"][0]
            assert known["connected"] and known["connectors"] == {"1.1": "Occupied"}
            assert known["boot"]["chargingStation"]["model"] == "M"
    run(scenario())


def test_tokens_come_from_the_file(csms):
    async def scenario():
        async with Station(csms.url("CS1")) as station:
            async def ask(token, kind="ISO14443"):
                answer = await station.call("Authorize", {"idToken": {"idToken": token, "type": kind}})
                return answer["idTokenInfo"]
            assert await ask("04aabbcc") == {"status": "Accepted", "groupIdToken": {"idToken": "fleet", "type": "Central"}}
            assert await ask("04AABBCC", "Central") == {"status": "Unknown"}
            assert await ask("LOST") == {"status": "Blocked"}
    run(scenario())


def test_transactions_are_accounted_once_and_complete_only_without_gaps(csms):
    async def scenario():
        async with Station(csms.url("CS1")) as station:
            token = {"idToken": {"idToken": "04AABBCC", "type": "ISO14443"}, "evse": {"id": 1}}
            answer = await station.call("TransactionEvent", event("Started", 0, 1000, **token))
            assert answer["idTokenInfo"]["status"] == "Accepted"
            for _ in range(2):  # resent: counts once
                assert await station.call("TransactionEvent", event("Updated", 1, 1400)) == {}
            await station.call("TransactionEvent", event("Ended", 2, 2500, info={"stoppedReason": "Remote"}))
            await station.call("TransactionEvent", event("Started", 0, 5, "tx2"))
            await station.call("TransactionEvent", event("Ended", 2, 6, "tx2"))
            first, second = (await csms.ask("transactions"))["transactions"]
            assert first == {"id": "tx1", "station": "CS1", "evse": 1, "token": "04AABBCC", "energyWh": 1500.0,
                             "durationSeconds": 2, "stoppedReason": "Remote", "events": 3, "complete": True}
            assert second["complete"] is False and second["stoppedReason"] == "Local"
    run(scenario())


@pytest.mark.parametrize("command, action", [
    ("start CS1 1 someone", "RequestStartTransaction"), ("limit CS1 1 10", "SetChargingProfile"), ("unlimit CS1", "ClearChargingProfile"),
    ("get CS1 TxCtrlr TxStartPoint", "GetVariables"), ("set CS1 OCPPCommCtrlr HeartbeatInterval 60", "SetVariables"),
    ("report CS1", "GetBaseReport"), ("trigger CS1 StatusNotification 1", "TriggerMessage"), ("trigger CS1 Heartbeat", "TriggerMessage"),
    ("reset CS1 OnIdle", "Reset"), ("unlock CS1 1 1", "UnlockConnector"), ("availability CS1 Inoperative 1", "ChangeAvailability"),
    ("availability CS1 Operative", "ChangeAvailability"), ("stop CS1 tx1", "RequestStopTransaction"),
    ('send CS1 ClearCache {}', "ClearCache"),
])
def test_commands_are_valid_requests(csms, command, action):
    async def scenario():
        async with Station(csms.url("CS1")) as station:
            await station.call("Heartbeat", {})
            answer = await csms.ask(command)
            assert [a for a, _ in station.heard] == [action]  # its schema was checked on the way
            assert answer.get("ok") is True or answer.get("code") == "", answer
    run(scenario())


def test_the_running_transaction_need_not_be_named(csms):
    async def scenario():
        async with Station(csms.url("CS1")) as station:
            assert (await csms.ask("stop CS1"))["error"].startswith("no transaction is running")
            await station.call("TransactionEvent", event("Started", 0, 1, "running-one"))
            assert (await csms.ask("stop CS1"))["ok"]
            assert station.heard[-1] == ("RequestStopTransaction", {"transactionId": "running-one"})
    run(scenario())


@pytest.mark.parametrize("command, words", [
    ("strat CS1 1 x", "did you mean start"), ("start CS1", "usage: start"), ("start CS9 1 x", "no such station"),
    ("start CS1 one x", "usage: start"), ('send CS1 Reset {"type":"Never"}', "does not conform"), ("send CS1 Reset nonsense", "usage: send"),
])
def test_wrong_commands_are_told_what_would_be_right(csms, command, words):
    async def scenario():
        async with Station(csms.url("CS1")) as station:
            await station.call("Heartbeat", {})
            assert words in (await csms.ask(command))["error"]
            assert not station.heard
    run(scenario())


def test_a_listed_password_is_needed(csms):
    async def scenario():
        with pytest.raises(websockets.InvalidStatusCode) as refused:
            async with Station(csms.url("SECRET")):
                pass
        assert refused.value.status_code == 401
        import base64
        good = "Basic " + base64.b64encode(b"SECRET:sixteen-characters").decode()
        async with Station(csms.url("SECRET"), {"Authorization": good}) as station:
            await station.call("Heartbeat", {})
    run(scenario())


def test_compression_is_taken_where_configured(tmp_path):
    csms = Csms(tmp_path, "--compression")

    async def scenario():
        async with Station(csms.url("CS1")) as station:
            assert [e.name for e in station.link.extensions] == ["permessage-deflate"]
            assert (await station.call("BootNotification", BOOT))["status"] == "Accepted"
    run(scenario())
    csms.end()


def test_the_dialogue_is_shown(tmp_path):
    csms = Csms(tmp_path)

    async def scenario():
        async with Station(csms.url("CS1")) as station:
            await station.call("TransactionEvent", event("Started", 0, 1234))
    run(scenario())
    shown = csms.end()
    assert "CS1" in shown and "> TransactionEvent Started" in shown and "1234Wh" in shown and "< result" in shown


def test_a_newer_connection_takes_the_place_of_the_older(csms):
    async def scenario():
        async with Station(csms.url("CS1")) as old, Station(csms.url("CS1")) as new:
            await new.call("Heartbeat", {})
            await asyncio.wait_for(old.link.wait_closed(), 10)
            assert (await csms.ask("reset CS1 OnIdle"))["station"] == "CS1"
            assert new.heard
    run(scenario())


def test_a_peer_that_says_no_more_still_gets_its_answers(csms):
    """As `echo start CS1 1 X | socat - csms.sock` does."""
    async def scenario():
        async with Station(csms.url("CS1")) as station:
            await station.call("BootNotification", BOOT)
            link = socket.socket(socket.AF_UNIX)
            link.settimeout(10)
            link.connect(str(csms.directory / "csms.sock"))
            link.sendall(b"start CS1 1 X ISO14443\n\nstations\n")
            link.shutdown(socket.SHUT_WR)

            def read():
                with link.makefile() as lines:
                    return [json.loads(line) for line in lines]
            answers = await asyncio.get_running_loop().run_in_executor(None, read)
            link.close()
            assert len(answers) == 2 and answers[0]["stations"]
            assert answers[1]["result"] == {"status": "Accepted"}
            assert station.heard[-1][1]["idToken"] == {"idToken": "X", "type": "ISO14443"}
    run(scenario())


def test_the_dialogue_hides_passwords_and_control_characters(tmp_path):
    csms = Csms(tmp_path, "--frames")

    async def scenario():
        async with Station(csms.url("CS1")) as station:
            boot = {"reason": "PowerUp", "chargingStation": {"model": "M\u009bH", "vendorName": "V"}}
            await station.call("BootNotification", boot)
            await csms.ask("set CS1 SecurityCtrlr BasicAuthPassword a-very-secret-password")
            await csms.ask("set CS1 OCPPCommCtrlr HeartbeatInterval 77")
    try:
        run(scenario())
    finally:
        output = csms.end()
    assert "a-very-secret-password" not in output and "BasicAuthPassword" in output
    assert '"attributeValue":"77"' in output and "\x9b" not in output


def test_the_socket_of_another_and_a_file_are_left_alone(csms, tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("text")
    for path, words in [(csms.directory / "csms.sock", "in use"), (precious, "exists")]:
        done = subprocess.run([str(BUILD / "ocpp-csms"), "--listen", f"{csms.address}:9001", "--socket", str(path)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and words in done.stderr, done.stderr
    assert precious.read_text() == "text"

    async def scenario():
        assert (await csms.ask("stations"))["ok"]
    run(scenario())


def test_security_profile_3(tmp_path):   # A00.FR.403, A00.FR.405
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))
    from servers import Authority, key_pem
    authority, stranger = Authority("root"), Authority("stranger")

    def write(name, issuer, issued):
        path = tmp_path / name
        path.write_text(issuer.chain(issued[0]) + key_pem(issued[1]))
        return path
    where = address()
    own = write("server.pem", authority, authority.server(where))
    (tmp_path / "root.pem").write_text(authority.pem)
    process = subprocess.Popen([str(BUILD / "ocpp-csms"), "--listen", f"{where}:9000", "--cert", str(own), "--key", str(own),
                                "--client-ca", str(tmp_path / "root.pem")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    async def connects(certificate, identity):
        context = ssl.create_default_context(cadata=authority.pem)
        if certificate:
            context.load_cert_chain(certificate)
        try:
            async with websockets.connect(f"wss://{where}:9000/{identity}", subprotocols=["ocpp2.0.1"], ssl=context) as link:
                await link.ping()
                return True
        except websockets.InvalidStatusCode as refused:
            return refused.status_code
        except (ssl.SSLError, OSError, websockets.InvalidMessage):
            return "no TLS"
    try:
        assert "listening" in process.stdout.readline()
        good = write("good.pem", authority, authority.client("CP"))
        assert asyncio.run(connects(good, "CP")) is True
        assert asyncio.run(connects(good, "CP2")) == 401
        assert asyncio.run(connects(write("bad.pem", stranger, stranger.client("CP")), "CP")) == "no TLS"
        assert asyncio.run(connects(None, "CP")) == "no TLS"
    finally:
        process.terminate()
        process.communicate(timeout=20)
