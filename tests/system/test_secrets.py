"""Passwords and keys are in no log, no error and no answer, and nobody else can read the files they are in."""
import base64
import json
import re
import stat
import subprocess
import uuid

import pytest

from harness import BUILD, PASSWORD, Site, server_tls, until

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
