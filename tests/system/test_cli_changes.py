"""What ocpp-cli changes: stations, connections, gateway.yaml, profiles, users, tokens, the certificate. Refusals say why; no secret is shown."""
import json
import os
import pty
import re
import select
import subprocess
import termios

from harness import BUILD, PASSWORD, Site, address, server_tls, until
from test_operations import one_station

LONG = "a long sentence is best"
PROFILE = "extends: demo-modbus-ac22\nprofile: {name}\nvendor: Someone\nmodels: [X1]\n"


def cli(site, *arguments, given=None, **environment):
    done = subprocess.run([str(BUILD / "ocpp-cli"), "--socket", str(site.directory / "gateway.sock"), *map(str, arguments)], input=given,
                          stdin=None if given is not None else subprocess.DEVNULL, capture_output=True, text=True, timeout=20,
                          env={**os.environ, **environment})
    return done.returncode, done.stdout, done.stderr


def good(site, *arguments, given=None):
    code, out, err = cli(site, *arguments, given=given)
    assert code == 0, (arguments, err)
    return out


def stations(site):
    return [item["id"] for item in json.loads(good(site, "--json", "stations"))["items"]]


# ---- stations and connections ----

def test_a_station_is_added_replaced_and_removed():
    with Site() as site:
        one_station(site)
        second = site.tcp_charger("tcp2", 15021)     # the simulator does not have it; the gateway only connects
        entry = f"- id: CS2\n  csms: test\n  password: {PASSWORD}\n  chargers:\n    - {{ {second} }}\n"
        assert good(site, "--json", "station", "add", given=entry) and stations(site) == ["CS1", "CS2"]
        site.csms.expect("CS2", "BootNotification")
        shown = good(site, "station", "entry", "CS2")
        assert "***" in shown and PASSWORD not in shown
        good(site, "station", "replace", "CS2", given=shown.replace("CS2", "CS3"))
        until(lambda: stations(site) == ["CS1", "CS3"], "the other name")
        assert (site.directory / "gateway.yaml").read_text().count(PASSWORD) == 2   # *** is the one that it had
        site.csms.expect("CS3", "BootNotification")
        assert good(site, "station", "remove", "CS3") == "" and stations(site) == ["CS1"]
        code, out, err = cli(site, "station", "remove", "CS3")
        assert (code, out) == (1, "") and "no station of this id" in err


def test_a_wrong_entry_is_refused_and_nothing_changes():
    with Site() as site:
        one_station(site)
        before = (site.directory / "gateway.yaml").read_text()
        for entry, text in (("id: CS2\ncsms: nowhere\nchargers: [ { profile: demo-modbus-ac22, tcp: 127.0.0.1 } ]\n", "csms"),
                            ("id: CS1\ncsms: test\nchargers: []\n", "CS1"),
                            ("id: [\n", "-:"),
                            ("just a text\n", "expected the entry of one station"),
                            ("", "expected the entry of one station")):
            code, out, err = cli(site, "station", "add", given=entry)
            assert (code, out) == (1, "") and text in err, (entry, err)
        assert (site.directory / "gateway.yaml").read_text() == before and stations(site) == ["CS1"]
        assert cli(site, "station", "add", "/nowhere")[::2] == (1, "ocpp-cli: /nowhere: No such file or directory\n")


def test_a_station_that_charges_is_removed_by_force_only():
    with Site() as site:
        call = one_station(site)
        site.ask("plug tcp1 soc=20 capacity=60kWh")
        site.csms.status("CS1", 1, "Occupied")
        call("RequestStartTransaction", {"evseId": 1, "remoteStartId": 1, "idToken": {"idToken": "operator", "type": "Central"}})
        site.csms.expect("CS1", "TransactionEvent")
        code, _, err = cli(site, "station", "remove", "CS1")
        assert code == 1 and "a transaction is running" in err


def test_a_connection_is_added_and_removed():
    with Site() as site:
        one_station(site)
        good(site, "csms", "add", "other", "wss://csms.example.com/ocpp")
        rows = {row["name"]: row for row in json.loads(good(site, "--json", "csms"))["items"]}
        assert rows["other"]["securityProfile"] == 2 and rows["test"]["connected"] == 1
        assert "already" in cli(site, "csms", "add", "other", "wss://h/x")[2]
        assert "wss://" in cli(site, "csms", "add", "third", "http://h/x")[2]
        good(site, "csms", "remove", "other")
        assert cli(site, "csms", "remove", "test")[0] == 1 and cli(site, "csms", "remove", "other")[0] == 1


# ---- gateway.yaml ----

def test_a_configuration_is_checked_compared_and_applied():
    with Site() as site:
        one_station(site)
        path, new = site.directory / "gateway.yaml", site.directory / "new.yaml"
        assert good(site, "config", "show") == path.read_text()
        assert json.loads(good(site, "--json", "config", "show"))["etag"]
        new.write_text(path.read_text().replace('Interval: "1"', 'Interval: "2"'))
        assert good(site, "config", "check", new) == "begins anew: CS1\n"
        diff = good(site, "config", "diff", new)
        assert '-      SampledDataCtrlr.TxUpdatedInterval: "1"\n+      SampledDataCtrlr.TxUpdatedInterval: "2"\n' in diff
        assert PASSWORD not in diff
        code, out, err = cli(site, "config", "put", new)            # nobody can be asked
        assert code == 2 and out.startswith(diff) and "--yes" in err and path.read_text() != new.read_text()
        assert good(site, "config", "put", "--yes", new).startswith(diff) and path.read_text() == new.read_text()
        assert cli(site, "config", "put", "--yes", new) == (0, "", "ocpp-cli: nothing changes\n")
        assert good(site, "config", "put", "--yes", "-", given=new.read_text().replace('"2"', '"3"')) and '"3"' in path.read_text()


def test_mistakes_of_a_configuration_are_told_by_line():
    with Site() as site:
        one_station(site)
        before, bad = (site.directory / "gateway.yaml").read_text(), site.directory / "bad.yaml"
        bad.write_text(before.replace("csms: test\n", "csms: toast\n"))
        line = bad.read_text().splitlines().index("    csms: toast") + 1
        for command in (("check",), ("put", "--yes")):
            code, out, err = cli(site, "config", *command, bad)
            assert (code, out) == (1, "") and err.startswith(f"{bad}:{line}: stations[0].csms: "), (command, err)
        assert json.loads(cli(site, "--json", "config", "check", bad)[1])["problems"][0]["line"] == line
        assert (site.directory / "gateway.yaml").read_text() == before


def test_at_a_terminal_it_is_asked_first():
    with Site() as site:
        one_station(site)
        path, new = site.directory / "gateway.yaml", site.directory / "new.yaml"
        new.write_text(path.read_text() + "# a word more\n")
        for answer, code, text in ((b"n\n", 1, False), (b"y\n", 0, True)):
            terminal = Terminal(site, "config", "put", new)
            terminal.until("apply this")
            terminal.type(answer)
            assert terminal.wait() == code and path.read_text().endswith("# a word more\n") == text, terminal.seen


# ---- device profiles ----

def test_a_profile_is_checked_put_shown_and_removed():
    with Site() as site:
        one_station(site)
        path = site.directory / "profiles" / "mine.yaml"
        path.parent.mkdir()
        path.write_text(PROFILE.format(name="mine"))
        assert good(site, "profiles", "check", path) == f"{path}: good\n"
        good(site, "profiles", "put", path)
        assert good(site, "profiles", "show", "mine") == path.read_text()
        assert [p["name"] for p in json.loads(good(site, "--json", "profiles", "--find", "Someone"))["items"]] == ["mine"]
        path.write_text(PROFILE.format(name="mine") + "nonsense: 1\n")
        code, out, err = cli(site, "profiles", "check", path)
        assert (code, out) == (1, "") and err.startswith(f"{path}:5: nonsense: ")
        code, out, err = cli(site, "profiles", "put", path)
        assert (code, out) == (1, "") and err.startswith(f"{path}:5: nonsense: ")
        good(site, "profiles", "put", "-", "--name", "other", given=PROFILE.format(name="other"))
        good(site, "profiles", "remove", "other")
        good(site, "profiles", "remove", "mine")
        assert cli(site, "profiles", "show", "mine") == (1, "", "ocpp-cli: no profile of this name\n")
        code, _, err = cli(site, "profiles", "put", "-", given="x")
        assert code == 2 and "--name" in err


# ---- scans and trials by the gateway ----

def test_the_gateway_looks_where_it_has_a_connection_itself():
    with Site() as site:
        one_station(site)
        code, out, err = cli(site, "scan", "modbus", "--gateway", "--units", "1", f"{site.sim_address}:15020")
        assert code == 0 and out.startswith("unit 1 answers\n") and "demo-modbus-ac22" in out and "over that one" in err
        code, _, err = cli(site, "scan", "modbus", "--gateway", "--units", "x", f"{site.sim_address}:15020")
        assert code == 1 and "units: expected" in err
        assert cli(site, "scan", "modbus", "--gateway", "--lines", "h")[0] == 2


def test_a_charger_is_tried_that_is_in_no_configuration():
    with Site() as site:
        one_station(site)
        where = f"{site.sim_address}:15020"
        out = good(site, "trial", "demo-modbus-ac22", "--tcp", where, "--unit", 1)
        assert re.search(r"^ +1  voltage_l1 +230 V +good +input 113 +08FC$", out, re.M), out
        code, out, err = cli(site, "trial", "no-such-profile", "--tcp", where)
        assert (code, out) == (1, "") and "no-such-profile" in err


# ---- users and tokens ----

class Terminal:
    """ocpp-cli at a terminal."""

    def __init__(self, site, *arguments):
        self.master, self.slave = pty.openpty()
        self.before = termios.tcgetattr(self.slave)
        self.seen = ""
        self.process = subprocess.Popen([str(BUILD / "ocpp-cli"), "--socket", str(site.directory / "gateway.sock"), *map(str, arguments)],
                                        stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True)

    def look(self):
        while select.select([self.master], [], [], 0.05)[0]:
            self.seen += os.read(self.master, 65536).decode()
        return self.seen

    def until(self, text):
        until(lambda: text in self.look(), f"{text}: {self.seen!r}")

    def type(self, keys):
        os.write(self.master, keys)

    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def wait(self):
        code = self.process.wait(20)
        self.look()
        assert termios.tcgetattr(self.slave) == self.before      # whatever happened
        os.close(self.master)
        os.close(self.slave)
        return code


def test_users_are_added_changed_and_removed():
    with Site() as site:
        one_station(site)
        assert good(site, "users", "add", "ann", "admin", given=LONG + "\n") == ""
        good(site, "users", "add", "bob", "viewer", given=LONG)
        good(site, "users", "role", "bob", "operator")
        good(site, "users", "password", "bob", given="another " + LONG + "\n")
        assert {u["name"]: u["role"] for u in json.loads(good(site, "--json", "users"))["items"]} == {"ann": "admin", "bob": "operator"}
        good(site, "users", "remove", "bob")
        for arguments, given, text in ((("add", "ann", "viewer"), LONG, "there is a user or a token of this name"), (("add", "eve", "king"), LONG, "expected viewer, operator or admin"),
                                       (("add", "eve", "viewer"), "short", "10"), (("add", "eve", "viewer"), "", "first line"),
                                       (("remove", "ann"), None, "last admin"), (("role", "nobody", "viewer"), None, "no user of this name"),
                                       (("add", "eve", "viewer"), "\n", "no password was given")):
            code, out, err = cli(site, "users", *arguments, given=given)
            assert (code, out) == (1, "") and text in err, (arguments, err)
        assert cli(site, "users", "add", "eve", "viewer", LONG)[0] == 2       # never as an argument
        log = good(site, "audit") + good(site, "--json", "audit")
        assert "user.create" in log and LONG not in log


def test_the_audit_log_shows_what_became_of_a_request():
    with Site() as site:
        one_station(site)
        good(site, "send", "CS1", "ChangeAvailability", '{"operationalStatus": "Operative"}')
        assert cli(site, "send", "CS1", "Reset", '{"type": "Gently"}')[0] == 1
        good(site, "send", "CS1", "GetLocalListVersion", "{}")
        table, rows = good(site, "audit", "--find", "station.request"), json.loads(good(site, "--json", "audit", "--find", "station.request"))["items"]
        assert [(row["after"].get("status"), row["after"].get("code")) for row in rows] == [(None, "PropertyConstraintViolation"), ("Accepted", None)]
        assert "Accepted" in table and "PropertyConstraintViolation" in table and "GetLocalListVersion" not in table


def test_a_password_is_typed_twice_and_not_shown():
    with Site() as site:
        one_station(site)
        terminal = Terminal(site, "users", "add", "ann", "admin")
        terminal.until("password of ann: ")
        assert not terminal.echoes()
        terminal.type(LONG.encode() + b"\n")
        terminal.until("again: ")
        terminal.type(LONG.encode() + b"\n")
        assert terminal.wait() == 0 and LONG not in terminal.seen
        terminal = Terminal(site, "users", "password", "ann")
        terminal.until("password of ann: ")
        terminal.type(LONG.encode() + b"\n")
        terminal.until("again: ")
        terminal.type(b"something else\n")
        assert terminal.wait() == 1 and "not the same" in terminal.seen


def test_who_ends_it_while_typing_has_his_terminal_back():
    with Site() as site:
        one_station(site)
        terminal = Terminal(site, "users", "add", "ann", "admin")
        terminal.until("password of ann: ")
        terminal.process.terminate()
        assert terminal.wait() == -15


def managed(site, tls=True):
    """A site whose API can be reached by TLS, with a certificate that a root has signed: (URL, file of the root)."""
    host = address()
    _, root = server_tls(site.directory, host)
    files = f", cert: {site.directory}/server.pem, key: {site.directory}/server.key" if tls else ""
    site.general += f'management: {{ listen: "{host}:8443"{files} }}\n'
    return f"https://{host}:8443", root


def test_tokens_reach_the_gateway_from_elsewhere_by_their_role():
    with Site() as site:
        url, root = managed(site)
        one_station(site)
        tokens = {}
        for role in ("viewer", "operator", "admin"):
            tokens[role] = good(site, "tokens", "add", role + "-token", role).strip()
            (site.directory / role).write_text(tokens[role] + "\n")
        assert "operator-token  operator" in good(site, "tokens")

        def remote(role, *arguments, given=None):
            return cli(site, "--server", url, "--ca", root, "--token-file", site.directory / role, *arguments, given=given)
        until(lambda: remote("viewer", "whoami")[0] == 0, "the server listens")
        assert remote("viewer", "whoami") == (0, "viewer-token (viewer), ocpp-gateway 0.1.0\n", "")
        assert remote("viewer", "stations")[0] == 0 and remote("operator", "limit", "CS1", "10A")[0] == 0
        for role, arguments in (("viewer", ("limit", "CS1", "10A")), ("viewer", ("users",)), ("operator", ("config", "show")),
                                ("operator", ("station", "remove", "CS1")), ("viewer", ("scan", "modbus", "--gateway", "10.0.0.1"))):
            code, out, err = remote(role, *arguments)                 # 403
            assert (code, out) == (1, "") and "role" in err, (arguments, err)
            assert not [t for t in tokens.values() if t in err]
        assert "shown to admins only" in remote("viewer", "station", "entry", "CS1")[2]
        assert remote("admin", "station", "entry", "CS1")[0] == 0

        (site.directory / "wrong").write_text("not-a-token\n")
        code, out, err = remote("wrong", "stations")                  # 401
        assert (code, out) == (1, "") and err and "not-a-token" not in err
        assert cli(site, "--server", url, "--ca", root, "stations", OCPP_GATEWAY_TOKEN=tokens["viewer"])[0] == 0
        good(site, "tokens", "remove", "viewer-token")
        assert remote("viewer", "stations")[0] == 1
        assert cli(site, "--server", url, "stations", OCPP_GATEWAY_TOKEN=tokens["admin"])[0] == 1     # its root is not trusted
        assert cli(site, "--server", url, "--token-file", "/nowhere", "stations")[0] == 2
        assert "expires: expected a time" in cli(site, "tokens", "add", "x", "viewer", "--expires", "soon")[2]
        assert cli(site, "tokens", "remove", "viewer-token") == (1, "", "ocpp-cli: no token of this name\n")


def test_the_certificate_of_the_server_is_replaced():
    with Site() as site:
        url, root = managed(site, tls=False)      # TLS nevertheless, by a certificate of its own
        one_station(site)
        token = good(site, "tokens", "add", "t", "viewer").strip()

        def row():
            return next((r for r in json.loads(good(site, "--json", "certificates"))["items"] if r["use"] == "management"), None)
        assert until(row, "the certificate")["selfSigned"]
        assert cli(site, "--server", url, "--ca", root, "whoami", OCPP_GATEWAY_TOKEN=token)[0] == 1
        good(site, "certificates", "set", site.directory / "server.pem", site.directory / "server.key")
        assert not row()["selfSigned"] and "management" in good(site, "certificates")
        until(lambda: cli(site, "--server", url, "--ca", root, "whoami", OCPP_GATEWAY_TOKEN=token)[0] == 0, "it is used")
        code, out, err = cli(site, "certificates", "set", site.directory / "server.pem", site.directory / "root.key")
        assert (code, out) == (1, "") and err and "PRIVATE" not in err


def test_a_family_alone_is_its_list_and_mistakes_are_explained():
    with Site() as site:
        one_station(site)
        assert good(site, "users") == good(site, "users", "list") and good(site, "--json", "tokens") == good(site, "tokens", "--json")
        code, out, err = cli(site, "users", "ad")
        assert (code, out) == (2, "") and "ocpp-cli users add NAME viewer|operator|admin" in err
        assert cli(site, "statoins")[2] == 'ocpp-cli: unknown command "statoins"; did you mean "stations"?\n'
        assert cli(site, "config")[0] == 2 and "config put FILE" in cli(site, "config")[2]
