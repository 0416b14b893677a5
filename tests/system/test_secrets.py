"""Passwords and keys are in no log, no error and no answer, and nobody else can read the files they are in."""
import base64
import gzip
import json
import pathlib
import re
import stat
import subprocess
import sys
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "conformance"))

from file_servers import HttpFiles  # noqa: E402
from harness import BUILD, PASSWORD, Site, server_tls, until  # noqa: E402
from servers import Authority, key_pem, server_context  # noqa: E402

SECRET = "another-password-of-16"


def set_variable(component, name, value):
    return {"setVariableData": [{"component": {"name": component}, "variable": {"name": name}, "attributeValue": value}]}


NETWORK = {"configurationSlot": 2, "connectionData": {
    "ocppVersion": "OCPP20", "ocppTransport": "JSON", "ocppCsmsUrl": "wss://csms.example.com", "messageTimeout": 30, "securityProfile": 2,
    "ocppInterface": "Wired0", "apn": {"apn": "a", "apnPassword": "secret-apn", "apnAuthentication": "AUTO", "simPin": 987654},
    "vpn": {"server": "v", "user": "u", "password": "secret-vpn", "key": "secret-key", "type": "PPTP"}}}
URL = "ftp://someone:secret-url@server.example.com/x"
REQUESTS = [
    ("SetVariables", set_variable("SecurityCtrlr", "BasicAuthPassword", "secret-short")),           # Rejected
    ("SetVariables", set_variable("SecurityCtrlr", "BasicAuthPassword", "secret bad characters!")),   # Rejected
    ("SetVariables", set_variable("SecurityCtrlr", "BasicAuthPassword", {"secret-object": 1})),      # CALLERROR
    ("SetVariables", set_variable("SecurityCtrlr", "BasicAuthPassword", "secret-" * 200)),           # CALLERROR
    ("SetNetworkProfile", NETWORK),
    ("SetNetworkProfile", {**NETWORK, "configurationSlot": "two"}),
    ("GetLog", {"requestId": 1, "logType": "SecurityLog", "log": {"remoteLocation": URL}}),
    ("UpdateFirmware", {"requestId": 2, "firmware": {"location": URL, "retrieveDateTime": "2026-01-01T00:00:00Z"}}),
    ("RequestStartTransaction", {"remoteStartId": 1, "idToken": {"idToken": "secret-code", "type": "KeyCode"}}),
]
BROKEN = [
    '[2,"x","SetVariables",{"setVariableData":[{"attributeValue":"secret-broken"',
    '[2,"x","SetVariables",[{"variable":{"name":"BasicAuthPassword"},"attributeValue":"secret-broken"}]]',
    '[3,"x",{"password":"secret-broken"}]',
    '[2,"x","SetNetworkProfile",{"connectionData":{"vpn":{"password":"secret-broken"}}}]',
]


def ask(site, action, payload):
    """Whatever the station answers, also to what no schema allows."""
    return site.csms.raw_call("CS1", [2, str(uuid.uuid4()), action, payload])


def change_password(site):
    """The station comes back with the new one."""
    before = len(site.csms.headers)
    assert ask(site, "SetVariables", set_variable("SecurityCtrlr", "BasicAuthPassword", SECRET))[0] == 3
    until(lambda: len(site.csms.headers) > before and "CS1" in site.csms.connections, "it comes back")
    user, password = base64.b64decode(site.csms.headers[-1][1]["Authorization"].split()[1]).decode().split(":", 1)
    assert (user, password) == ("CS1", SECRET)


@pytest.fixture
def site(tmp_path):
    with Site(tls=lambda host: server_tls(tmp_path, host)[0]) as site:
        site.ca_file, site.log_level = tmp_path / "root.pem", "debug"
        site.station("CS1", site.tcp_charger())
        site.start()
        yield site


def everything_shown(site):
    """Log and answers of the command line."""
    answers = "".join("".join(map(str, site.cli(*command))) for command in
                      (("status",), ("--json", "status"), ("log",), ("send", "CS1", "GetTransactionStatus", "{}")))
    return site.log("gateway") + answers


def secrets_in(text):
    found = re.findall(r".*(?:secret[- ]|987654|PRIVATE KEY|" + f"{SECRET}|{PASSWORD}" + r").*", text)
    return [line[:400] for line in found]


def test_no_secret_is_in_any_log_or_answer(site):
    for action, payload in REQUESTS:
        answer = ask(site, action, payload)
        assert not secrets_in(json.dumps(answer)), action
        code, out, err = site.cli("send", "CS1", action, json.dumps(payload))
        assert not secrets_in(out + err), action
    for text in BROKEN:
        site.csms.send_text("CS1", text)
    site.csms.call("CS1", "GetTransactionStatus", {})
    change_password(site)
    site.csms.problems.clear()                     # the broken frames were answered as errors
    shown = everything_shown(site)
    assert "BasicAuthPassword" in shown and "SetNetworkProfile" in shown
    assert not secrets_in(shown)


def test_what_the_csms_set_cannot_be_read(site):   # A01.FR.02 (write-only), A02.FR.05
    change_password(site)
    where = {"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}
    answer = site.csms.call("CS1", "GetVariables", {"getVariableData": [where]})
    assert answer["getVariableResult"][0]["attributeStatus"] == "Rejected"
    site.csms.call("CS1", "GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"})
    until(lambda: any(a == "NotifyReport" and not p.get("tbc") for _, a, p in site.csms.calls), "the report")
    assert not secrets_in(json.dumps(site.csms.calls))


def body(pem):
    """The first whole line of base64 that differs from key to key."""
    return pem.splitlines()[2]


@pytest.mark.parametrize("kind", ("DiagnosticsLog", "SecurityLog"))
def test_a_log_that_is_sent_has_no_secret(site, tmp_path, kind):
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    files = HttpFiles(uploads)
    try:
        for action, payload in REQUESTS:
            ask(site, action, payload)
        change_password(site)
        site.csms.call("CS1", "GetTransactionStatus", {})
        where = files.url.replace("://", "://someone:secret-url@")
        ask(site, "GetLog", {"requestId": 7, "logType": kind, "log": {"remoteLocation": where}})
        site.csms.expect("CS1", "LogStatusNotification", status="Uploaded")
        sent = next(uploads.iterdir()).read_bytes()
        if sent[:2] == b"\x1f\x8b":
            sent = gzip.decompress(sent)
        assert b"CS1" in sent or b"StartupOfTheDevice" in sent
        assert not secrets_in(sent.decode(errors="replace"))
        assert not secrets_in(json.dumps(site.csms.calls) + site.log("gateway"))
    finally:
        files.stop()


def test_private_keys_stay_in_the_database(tmp_path):          # A02.FR.05, A03.FR.05
    authority = Authority("root")

    def tls(host):
        certificate, key = authority.server(host)
        return server_context(authority.chain(certificate), key, authority.pem)
    certificate, key = authority.client("CS1")
    (tmp_path / "own.key").write_text(key_pem(key))
    (tmp_path / "own.pem").write_text(authority.chain(certificate))
    (tmp_path / "root.pem").write_text(authority.pem)
    with Site(tls=tls) as site:
        site.ca_file, site.security_profile, site.log_level = tmp_path / "root.pem", 3, "debug"
        site.own["CS1"] = tmp_path / "own.pem", tmp_path / "own.key"
        site.station("CS1", site.tcp_charger())
        site.start()
        site.csms.answers["SignCertificate"] = lambda *_: {"status": "Accepted"}
        site.csms.call("CS1", "TriggerMessage", {"requestedMessage": "SignChargingStationCertificate"})
        chain = authority.sign_request(site.csms.expect("CS1", "SignCertificate")["csr"])
        before = len(site.csms.headers)
        assert site.csms.call("CS1", "CertificateSigned", {"certificateChain": chain})["status"] == "Accepted"
        until(lambda: len(site.csms.headers) > before and "CS1" in site.csms.connections, "it comes back")
        site.csms.call("CS1", "GetBaseReport", {"requestId": 1, "reportBase": "FullInventory"})
        until(lambda: any(a == "NotifyReport" and not p.get("tbc") for _, a, p in site.csms.calls), "the report")
        shown = everything_shown(site) + json.dumps(site.csms.calls)
        state = b"".join(path.read_bytes() for path in (site.directory / "state").iterdir() if path.name.startswith("gateway.db"))
        made = re.findall(rb"-----BEGIN PRIVATE KEY-----\\?n?\n?([A-Za-z0-9+/]{64})", state)
        assert made and not secrets_in(shown)
        assert not [line for line in made if line[8:].decode() in shown] and body(key_pem(key)) not in shown


def test_only_the_gateway_reads_its_files(site):   # A01.FR.10
    state = site.directory / "state"
    site.end("gateway")
    (state / "gateway.db").chmod(0o644)            # put back from a copy, say
    site.start_gateway()
    until(lambda: (state / "gateway.db-wal").exists() and "CS1" in site.csms.connections, "it runs")
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in state.rglob("*") if path.is_file()}
    assert {"gateway.db", "gateway.db-wal", "gateway.db-shm"} <= set(modes)
    assert set(modes.values()) == {"0o600"}, modes


def test_a_mistake_beside_a_password_does_not_show_it(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("csms: { a: { url: \"ws://u:secret-url@csms/ocpp\", security_profile: 1 } }\nstations:\n"
                    "  - { id: CS1, csms: a, password: secret-1, chargers: [] }\n"
                    "  - { id: CS2, csms: a, password: [secret-2], chargers: [] }\n"
                    "  - { id: CS3, csms: a, password: \"secret bad characters !\", chargers: [] }\n")
    done = subprocess.run([str(BUILD / "ocpp-cli"), "check", str(path)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert not secrets_in(done.stdout + done.stderr), done.stderr
