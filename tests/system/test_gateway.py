"""The daemon as its operator meets it: configuration, reload, ocpp-cli, broken frames, end."""
import json
import os
import re
import select
import signal
import socket
import subprocess

import pytest

from harness import BUILD, ROOT, Site, until
from test_session import check_transaction, once


def check(path):
    return subprocess.run([str(BUILD / "ocpp-cli"), "check", str(path)], capture_output=True, text=True, timeout=20)


def test_every_mistake_of_a_configuration_is_told_with_its_line(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("""gateway: { profiles: %s, state: /tmp/x, stat: 1 }
csms:
  a: { url: "http://nowhere", security_profile: 7 }
  b: { url: "ws://csms/ocpp", security_profile: 1 }
stations:
  - id: "CS 1"
    csms: b
    password: short
    chargers: [{ profile: no-such-profile, tcp: h }]
  - id: CS2
    csms: c
    variables: { HeartbeatInterval: 5, OCPPCommCtrlr.HeartbeatIntervall: 5, OCPPCommCtrlr.HeartbeatInterval: x }
    chargers: [{ profile: demo-modbus-ac22, tcp: "h:99999" }, { profile: demo-modbus-ac22 }, { profile: echonet-02a1, tcp: h }]
""" % (ROOT / "profiles"))
    done = check(path)
    assert done.returncode == 1
    for line, words in [(1, "stat: unknown key; did you mean"), (3, "url"), (3, "security_profile"), (6, "letters, digits"),
                        (7, "16 to 40"), (9, "no file no-such-profile.yaml"), (11, "no CSMS of the name"),
                        (12, "Component.Variable"), (12, "HeartbeatIntervall"), (13, "host or host:port"),
                        (13, "either tcp: host or bus"), (13, "ECHONET Lite")]:
        if words == "16 to 40":
            line = 6
        assert re.search(rf"gateway\.yaml:{line}: .*{re.escape(words)}", done.stderr), f"{line}: {words}\n{done.stderr}"


def test_a_wrong_configuration_starts_nothing(tmp_path):   # A00.FR.004: no station without its CSMS and security profile
    path = tmp_path / "gateway.yaml"
    path.write_text("csms: {}\nstations: [{}]\n")
    done = subprocess.run([str(BUILD / "ocpp-gateway"), "--config", str(path)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert "id is missing" in done.stderr and "csms is missing" in done.stderr


def test_the_shipped_profiles_are_good():
    profiles = sorted((ROOT / "profiles").glob("*.yaml"))
    assert len(profiles) >= 4
    for profile in profiles:
        done = check(profile)
        assert done.returncode == 0, done.stderr


HAZARD = "hazard: %swithout the gateway up to 6 A flow: the device falls to 6 A after 60 s and keeps charging\n"


def test_what_flows_without_the_gateway_is_named(tmp_path):
    profile = ROOT / "profiles/demo-modbus-ac22.yaml"
    assert check(profile).stdout.endswith(f"EVSEs\n{profile}: " + HAZARD % "")
    assert "hazard" not in check(ROOT / "profiles/keba-p30.yaml").stdout   # it stops
    path = tmp_path / "gateway.yaml"
    path.write_text("gateway: { profiles: %s }\ncsms: { a: { url: \"ws://csms/ocpp\", security_profile: 0 } }\nstations:\n"
                    "  - { id: CS1, csms: a, chargers: [{ profile: demo-modbus-ac22, tcp: h }] }\n"
                    "  - { id: CS2, csms: a, chargers: [{ profile: keba-p30, tcp: i }, { profile: demo-modbus-ac22, tcp: j }] }\n"
                    % (ROOT / "profiles"))
    done = check(path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"profiles\n{path}: " + HAZARD % "CS1: " + f"{path}: " + HAZARD % "CS2: ")


def test_the_reference_of_settings_is_that_of_the_program():
    reference = subprocess.run([str(BUILD / "ocpp-gateway"), "--settings"], capture_output=True, text=True, timeout=20).stdout
    assert reference in (ROOT / "docs/configuration.md").read_text()


def test_reload_restarts_only_what_changed():
    with Site() as site:
        site.station("CS1", site.tcp_charger("tcp1", 15020))
        site.station("CS2", site.tcp_charger("tcp2", 15021))
        site.start()
        site.ask("plug tcp1 soc=20")
        site.csms.status("CS1", 1, "Occupied")
        site.csms.call("CS1", "RequestStartTransaction",
                       {"evseId": 1, "remoteStartId": 1, "idToken": {"idToken": "operator", "type": "Central"}})
        site.csms.expect("CS1", "TransactionEvent", eventType="Started")
        name, chargers, variables = site.stations[1]
        site.stations[1] = (name, chargers, {**variables, "OCPPCommCtrlr.HeartbeatInterval": 77})
        (site.directory / "gateway.yaml").write_text(site.config())
        code, output, problems = site.cli("reload")
        assert code == 0, problems
        site.csms.expect("CS2", "BootNotification", 2)
        assert len(site.csms.heard("CS1", "BootNotification")) == 1
        told = len(site.csms.events("CS1"))
        until(lambda: len(site.csms.events("CS1")) > told, "CS1's transaction goes on")
        assert not site.csms.heard("CS1", "TransactionEvent", eventType="Ended")


def test_a_wrong_reload_is_refused_and_the_running_configuration_stays():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        good = site.config()
        (site.directory / "gateway.yaml").write_text(good.replace("security_profile: 1", "security_profile: 9"))
        code, output, problems = site.cli("reload")
        assert code == 1 and "security_profile" in problems
        os.kill(site.processes["gateway"].pid, signal.SIGHUP)
        until(lambda: site.log("gateway").count("is refused") == 2, "SIGHUP is refused, too")
        assert len(site.csms.heard("CS1", "BootNotification")) == 1
        assert site.csms.call("CS1", "GetTransactionStatus", {}) == {"messagesInQueue": False}


def test_a_station_that_is_configured_no_more_goes_away():
    with Site() as site:
        site.station("CS1", site.tcp_charger("tcp1", 15020))
        site.station("CS2", site.tcp_charger("tcp2", 15021))
        site.start()
        del site.stations[1]
        (site.directory / "gateway.yaml").write_text(site.config())
        assert site.cli("reload")[0] == 0
        until(lambda: "CS2" not in site.csms.connections, "CS2 is disconnected")
        assert "CS1" in site.csms.connections


def test_the_command_line():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        code, output, _ = site.cli("status")
        assert code == 0 and "CS1" in output and "Available" in output
        assert "    " + HAZARD % "" in output
        assert "warn  gateway: " + HAZARD.strip() % "" + ": profile=demo-modbus-ac22" in site.log("gateway")
        status = json.loads(site.cli("--json", "status")[1])
        assert status["stations"][0]["chargers"][0]["hazard"] in HAZARD
        assert status["stations"][0]["registration"] == "Accepted"
        assert status["buses"][0]["answers"] > 0
        request = {"getVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}]}
        code, output, _ = site.cli("send", "CS1", "GetVariables", json.dumps(request))
        assert code == 0 and json.loads(output)["getVariableResult"][0]["attributeValue"] == "300"
        request = {"id": 7, "evseId": 1, "expiryDateTime": "2099-01-01T00:00:00Z", "idToken": {"idToken": "04AA", "type": "ISO14443"}}
        assert json.loads(site.cli("send", "CS1", "ReserveNow", json.dumps(request))[1]) == {"status": "Accepted"}
        output = site.cli("status")[1]
        assert "Reserved" in output and "reservation 7 of evse 1 until 2099-01-01T00:00:00.000Z" in output
        code, _, problem = site.cli("send", "CS1", "Nonsense", "{}")
        assert code == 1 and "NotImplemented" in problem
        code, _, problem = site.cli("send", "CS1", "GetVariables", "{}")
        assert code == 1 and "OccurrenceConstraintViolation" in problem
        code, _, problem = site.cli("send", "CS9", "GetVariables", "{}")
        assert code == 1 and "no station" in problem
        assert site.cli("statsu")[0] == 2


def test_log_and_watch_follow():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        arguments = [str(BUILD / "ocpp-cli"), "--socket", str(site.directory / "gateway.sock")]
        log = subprocess.Popen([*arguments, "log", "-f"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        watch = subprocess.Popen([*arguments, "watch"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert "OCPP" in watch.stdout.readline()
        site.ask("plug tcp1 soc=20")
        site.csms.status("CS1", 1, "Occupied")
        site.csms.call("CS1", "RequestStartTransaction",
                       {"evseId": 1, "remoteStartId": 1, "idToken": {"idToken": "operator", "type": "Central"}})
        seen = ""
        while "| CS1.1 enable = 1 (ok)" not in seen or "TransactionEvent" not in seen:
            line = watch.stdout.readline()
            assert line
            seen += line
        assert "transaction started" in next(line for line in log.stdout if "transaction started" in line)
        for process in (log, watch):
            process.kill()
            process.wait()
            process.stdout.close()


@pytest.mark.parametrize("frame, code", [
    ("this is no JSON", "RpcFrameworkError"),
    ("{}", "RpcFrameworkError"),
    ("[2]", "RpcFrameworkError"),
    ('[2,"' + "x" * 37 + '","Reset",{}]', "RpcFrameworkError"),
    ('[2,"a","Nonsense",{}]', "NotImplemented"),
    ('[2,"b","PublishFirmware",{}]', "NotSupported"),
    ('[2,"c","Reset",{}]', "OccurrenceConstraintViolation"),
    ('[2,"d","Reset",{"type":5}]', "TypeConstraintViolation"),
    ('[2,"e","Reset",{"type":"Sometimes"}]', "PropertyConstraintViolation"),
    ('[2,"f","Reset",{"type":"OnIdle","colour":"red"}]', "FormatViolation"),
    ('[2,"g","Reset",[]]', "FormatViolation"),
    ('[9,"h","Reset",{}]', "MessageTypeNotSupported"),
    ("[" * 100 + "]" * 100, "RpcFrameworkError"),
])
def test_a_broken_frame_gets_its_error_and_the_station_goes_on(frame, code):
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        answers = []
        original = site.csms.receive

        async def receive(station, socket_, text):
            if text.startswith("[4"):
                answers.append(json.loads(text))
            else:
                await original(station, socket_, text)
        site.csms.receive = receive
        site.csms.send_text("CS1", frame)
        until(lambda: answers, "a CALLERROR")
        assert answers[0][2] == code
        assert site.csms.call("CS1", "GetTransactionStatus", {}) == {"messagesInQueue": False}


def test_an_orderly_end_closes_links_and_leaves_no_socket():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        site.end("gateway")
        until(lambda: not site.csms.connections, "the link is closed")
        assert not (site.directory / "gateway.sock").exists()


def test_two_gateways_do_not_share_a_socket():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        done = subprocess.run([str(BUILD / "ocpp-gateway"), "--config", str(site.directory / "gateway.yaml")],
                              capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and "another gateway" in done.stderr


def start_charging(site, station, device):
    site.ask(f"plug {device} soc=20")
    site.csms.status(station, 1, "Occupied")
    site.csms.call(station, "RequestStartTransaction",
                   {"evseId": 1, "remoteStartId": 1, "idToken": {"idToken": "operator", "type": "Central"}})
    site.csms.expect(station, "TransactionEvent", eventType="Updated")


def test_a_changed_station_goes_on_with_its_transaction_where_it_was():
    """Restarted by reload, again and again, while its last records are still on their way to the disk."""
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        start_charging(site, "CS1", "tcp1")
        name, chargers, variables = site.stations[0]
        for interval in range(61, 66):
            site.stations[0] = (name, chargers, {**variables, "OCPPCommCtrlr.HeartbeatInterval": interval})
            (site.directory / "gateway.yaml").write_text(site.config())
            assert site.cli("reload")[0] == 0
            site.csms.expect("CS1", "BootNotification", interval - 59)
            told = len(site.csms.events("CS1"))
            until(lambda: len(site.csms.events("CS1")) > told + 1, "metering goes on")
        site.ask("unplug tcp1")
        site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
        check_transaction(once(site.csms.events("CS1")))


def test_a_reload_that_cannot_be_put_into_force_leaves_what_was():
    """An address that only the kernel finds wrong."""
    with Site() as site:
        site.station("CS1", site.tcp_charger("tcp1", 15020))
        site.station("CS2", site.tcp_charger("tcp2", 15021))
        site.start()
        start_charging(site, "CS1", "tcp1")
        good = site.config()
        path = site.directory / "gateway.yaml"
        path.write_text(good + "      - { profile: echonet-02a1, echonet: 127.0.0.9 }\n" + "echonet: { bind: 203.0.113.77 }\n")
        code, _, problems = site.cli("reload")
        assert code == 1 and "cannot be put into force" in problems, problems
        site.csms.expect("CS2", "BootNotification", 2)
        assert site.csms.call("CS2", "GetTransactionStatus", {}) == {"messagesInQueue": False}
        assert len(site.csms.heard("CS1", "BootNotification")) == 1
        told = len(site.csms.events("CS1"))
        until(lambda: len(site.csms.events("CS1")) > told, "CS1's transaction never noticed")
        path.write_text(good)
        assert site.cli("reload")[0] == 0


def test_what_cannot_be_opened_stops_the_start(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("text")
    base = ("csms: {{ a: {{ url: \"ws://127.0.0.1:1/\", security_profile: 0 }} }}\n"
            f"gateway: {{{{ state: {tmp_path}/{{state}}, control: {tmp_path}/{{control}}, profiles: {ROOT}/profiles }}}}\n"
            "echonet: {{ bind: {bind} }}\n"
            "stations:\n  - {{ id: CS1, csms: a, chargers: [{{ profile: demo-modbus-ac22, tcp: 127.0.0.1:1 }}] }}\n"
            "  - {{ id: CS2, csms: a, chargers: [{{ profile: echonet-02a1, echonet: 127.0.0.9 }}] }}\n")
    for values, words in [(dict(state="s", control="c", bind="203.0.113.77"), "ECHONET Lite socket cannot be opened"),
                          (dict(state="s", control="precious", bind="127.0.0.8"), "it is no socket"),
                          (dict(state="precious/s", control="c", bind="127.0.0.8"), "state directory cannot be made")]:
        path = tmp_path / "gateway.yaml"
        path.write_text(base.format(**values))
        done = subprocess.run([str(BUILD / "ocpp-gateway"), "--config", str(path)], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and words in done.stderr and "nothing runs" in done.stderr, done.stderr
        assert "Sanitizer" not in done.stderr
        assert not (tmp_path / "c").exists()
    assert precious.read_text() == "text"


def test_two_gateways_do_not_share_a_database():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        path = site.directory / "other.yaml"
        path.write_text(site.config().replace("gateway.sock", "other.sock"))
        done = subprocess.run([str(BUILD / "ocpp-gateway"), "--config", str(path)], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and "another gateway" in done.stderr


def test_no_password_is_shown():
    with Site() as site:
        site.log_level = "debug"
        site.station("CS1", site.tcp_charger())
        site.start()
        watch = subprocess.Popen([str(BUILD / "ocpp-cli"), "--socket", str(site.directory / "gateway.sock"), "--json", "watch"],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        until(lambda: site.csms.call("CS1", "GetTransactionStatus", {}) and select.select([watch.stdout], [], [], 0.05)[0], "it watches")
        secret = "another-password-of-16"
        request = {"setVariableData": [{"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"},
                                        "attributeValue": secret}]}
        site.csms.call("CS1", "SetVariables", request)
        shown = ""
        while "attributeStatus" not in shown:  # the answer
            shown += watch.stdout.readline()
        watch.kill()
        watch.wait()
        watch.stdout.close()
        assert "BasicAuthPassword" in shown and secret not in shown
        log = site.log("gateway")
        assert "BasicAuthPassword" in log and secret not in log and "a-password-of-16-or-more" not in log


def test_signals_while_it_ends_do_no_harm():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        (site.directory / "gateway.yaml").write_text(site.config().replace("TxUpdatedInterval: \"1\"", "TxUpdatedInterval: \"2\""))
        process = site.processes["gateway"]
        process.terminate()
        until(lambda: "stopping" in site.log("gateway"), "it ends")
        process.send_signal(signal.SIGHUP)
        site.end("gateway")
        assert "reloaded" not in site.log("gateway")


def test_the_control_socket_answers_whatever_comes():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start()

        def ask(data):
            """All that comes back until the gateway closes the connection."""
            link = socket.socket(socket.AF_UNIX)
            link.settimeout(20)
            link.connect(str(site.directory / "gateway.sock"))
            answer = b""
            try:
                link.sendall(data)
                while piece := link.recv(65536):
                    answer += piece
            except (BrokenPipeError, ConnectionResetError):
                pass
            finally:
                link.close()
            return answer

        def post(path, body):
            return ask(b"POST /api/v1%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                       % (path, len(body), body)).split(b"\r\n", 1)[0]
        for data in (b"nonsense\r\n\r\n", b"[1]\r\n\r\n", b'{"command": "status"}\n\r\n\r\n'):
            assert ask(data).startswith(b"HTTP/1.1 400 "), data
        assert not ask(b"x" * 300000).startswith(b"HTTP/1.1 2")  # too long: refused or cut off
        for body in (b"nonsense", b"[1]", b"[" * 100000):
            assert post(b"/stations/CS1/requests", body).startswith(b"HTTP/1.1 400 "), body[:20]
        request = {"action": "UnlockConnector", "payload": {"evseId": 1, "connectorId": 1}}
        assert post(b"/stations/CS1/requests", json.dumps(request).encode()) == b"HTTP/1.1 200 OK"
        for payload in (5, None, "x", []):
            assert post(b"/stations/CS1/requests", json.dumps({**request, "payload": payload}).encode()).startswith(b"HTTP/1.1 422 ")
        clients = []
        for _ in range(20):
            link = socket.socket(socket.AF_UNIX)
            link.connect(str(site.directory / "gateway.sock"))
            clients.append(link)
        for link in clients:
            link.close()
        until(lambda: site.cli("status")[0] == 0, "others are served again")
