"""Lists of ocpp-cli: tables for people, the API's JSON for programs, filters, and all pages."""
import csv
import io
import json
import re
import subprocess

from api_stand_in import StandIn, station
from harness import BUILD, Site, until
from test_operations import one_station, start_charging


def api(site, path):
    """What the API itself says, asked by another program."""
    done = subprocess.run(["curl", "-s", "--unix-socket", str(site.directory / "gateway.sock"), f"http://localhost/api/v1{path}"],
                          capture_output=True, text=True, timeout=20)
    return json.loads(done.stdout)


def table(text):
    """Rows of a table as dictionaries; columns begin where their titles do, or end there."""
    head, *rows = text.rstrip("\n").split("\n")
    titles = [(found.group(), found.start()) for found in re.finditer(r"\S+(?: \S+)*", head)]
    return [{title: next((cell.group() for cell in re.finditer(r"\S+(?: \S+)*", row)
                          if cell.start() <= at + len(title) - 1 and cell.end() > at), "") for title, at in titles} for row in rows]


def shown(site, *arguments):
    code, out, err = site.cli(*arguments)
    assert code == 0, (arguments, err)
    return table(out)


def charging_site(site):
    call = one_station(site)
    start_charging(site, call)
    until(lambda: site.show("tcp1")["power"] > 2000, "the device charges")
    until(lambda: api(site, "/stations")["items"][0]["evses"][0].get("powerW", 0) > 2000, "the gateway has read it")


def test_stations_are_listed_filtered_and_shown():
    with Site() as site:
        charging_site(site)
        row = shown(site, "stations")[0]
        assert (row["STATION"], row["CSMS"], row["LINK"], row["EVSES"]) == ("CS1", "test", "up", "charging")
        assert re.fullmatch(r"\d+\.\d kW", row["POWER"])
        for filters, count in ((("--state", "charging"), 1), (("--state", "faulted"), 0), (("--find", "ac22"), 1), (("--find", "zz"), 0),
                               (("--csms", "test"), 1), (("--csms", "other"), 0)):
            assert len(json.loads(site.cli("--json", "stations", *filters)[1])["items"]) == count, filters
        assert site.cli("stations", "--find", "zz") == (0, "no stations\n", "")
        text = site.cli("station", "show", "CS1")[1]
        assert "csms test: link up" in text and "device charging" in text and "AC22" in text
        assert json.loads(site.cli("--json", "station", "show", "CS1")[1])["item"]["id"] == "CS1"
        assert site.cli("station", "show", "CS9") == (1, "", "ocpp-cli: no station of this id; `ocpp-cli status` lists them\n")


def test_programs_get_what_the_api_says():
    with Site() as site:
        charging_site(site)
        for command, path in (("csms", "/csms"), ("profiles", "/profiles"), ("users", "/users"), ("tokens", "/tokens"), ("audit", "/audit"),
                              ("certificates", "/certificates"), ("limits CS1", "/stations/CS1/limits"), ("whoami", "/session")):
            mine, its = json.loads(site.cli("--json", *command.split())[1]), api(site, path)
            for answer in (mine, its):
                answer.pop("limit", None)      # as many as were asked for
            assert mine == its, command
        assert {row["name"] for row in json.loads(site.cli("--json", "buses")[1])["items"]} == {row["name"] for row in api(site, "/buses")["items"]}


def test_every_list_is_searched():
    with Site() as site:
        charging_site(site)
        site.cli("tokens", "add", "machine", "viewer")
        for command, found in (("csms", "test"), ("buses", "1502"), ("tokens", "machine")):
            assert json.loads(site.cli("--json", command, "--find", found)[1])["total"] >= 1, command
        for command in ("csms", "buses", "tokens", "users", "certificates"):
            assert json.loads(site.cli("--json", command, "--find", "nowhere")[1])["total"] == 0, command


def test_the_site_in_one_look():
    with Site() as site:
        charging_site(site)
        text = until(lambda: "kW" in site.cli("overview")[1] and site.cli("overview")[1], "the power of the site", 30)
        assert "stations  1, 1 with a link" in text and "EVSEs     1, 1 charging" in text and "nothing needs attention" in text
        assert re.search(r"power     \d+\.\d kW", text)
        site.ask("power tcp1 off")
        until(lambda: "the charger does not answer" in site.cli("overview")[1], "attention")
        assert "does not answer" in shown(site, "stations")[0]["ATTENTION"]


def test_power_over_time():
    with Site() as site:
        charging_site(site)
        until(lambda: "kW  ####" in site.cli("power", "--for", "1min")[1], "the first value", 30)
        lines = site.cli("power", "CS1", "--for", "2min")[1].splitlines()
        assert lines[0].split() == ["FROM", "POWER"] and len(lines) == 13 and any("kW  ####" in line for line in lines)
        assert json.loads(site.cli("--json", "power", "--for", "1min")[1])["stepSeconds"] == 10
        assert site.cli("power", "--for", "1s")[0] == 2
        assert site.cli("power", "CS9")[::2] == (1, "ocpp-cli: no station of this id\n")


def test_transactions_as_a_table_and_as_csv():
    with Site() as site:
        charging_site(site)
        row = until(lambda: site.cli("transactions")[1].count("\n") == 2 and shown(site, "transactions"), "the transaction")[0]
        assert (row["STATION"], row["EVSE"], row["STATE"], row["TOKEN"]) == ("CS1", "1", "running", "..ator")
        for filters, count in ((("--state", "ended"), 0), (("--state", "running"), 1), (("--station", "CS1"), 1), (("--station", "CS2"), 0),
                               (("--evse", 1), 1), (("--evse", 2), 0), (("--since", "1h"), 1), (("--until", "1h"), 0),
                               (("--since", "2030-01-31"), 0), (("--until", "2030-01-31 12:00"), 1), (("--find", "ator"), 1)):
            assert len(json.loads(site.cli("--json", "transactions", *filters)[1])["items"]) == count, filters
        rows = list(csv.DictReader(io.StringIO(site.cli("transactions", "--csv")[1])))
        assert [(r["station"], r["evse"], r["state"]) for r in rows] == [("CS1", "1", "running")]
        assert list(csv.DictReader(io.StringIO(site.cli("transactions", "--csv", "--station", "CS2")[1]))) == []
        code, out, err = site.cli("transactions", "--state", "sleeping")
        assert (code, out) == (1, "") and "expected running or ended" in err
        code, out, err = site.cli("transactions", "--since", "soon")
        assert (code, out) == (1, "") and "since" in err


def test_events_newest_first():
    with Site() as site:
        charging_site(site)
        rows = shown(site, "events", "--types", "frame", "--find", "BootNotification", "--limit", 1)
        assert len(rows) == 1 and rows[0]["TYPE"] == "frame" and "BootNotification" in rows[0]["WHAT"] and rows[0]["STATION"] == "CS1"
        assert "--limit shows more" in site.cli("events", "-n", 1)[2]
        events = json.loads(site.cli("--json", "events", "--station", "CS1", "--types", "write")[1])["items"]
        assert events and {e["type"] for e in events} == {"write"}
        assert "expected some of" in site.cli("events", "--types", "nonsense")[2]
        assert site.cli("events", "--limit", 0)[0] == 2


def test_limits_tell_which_is_in_force():
    with Site() as site:
        one_station(site)
        assert site.cli("limit", "CS1", "10A", "--source", "SO")[0] == 0
        rows = until(lambda: [r for r in shown(site, "limits", "CS1") if r["SOURCE"] == "SO"], "the limit")
        assert (rows[0]["LIMIT"], rows[0]["IN FORCE"]) == ("10 A", "yes")
        assert site.cli("limits", "CS9")[0] == 1


def test_all_pages_are_fetched_and_a_limit_is_kept():
    with StandIn([station(n) for n in range(2500)]) as server:
        def run(*arguments):
            return subprocess.run([str(BUILD / "ocpp-cli"), "--socket", str(server.path), *arguments], capture_output=True, text=True, timeout=60)
        answer = json.loads(run("--json", "stations").stdout)
        assert [item["id"] for item in answer["items"]] == [f"CS-{n:04}" for n in range(2500)] and answer["total"] == 2500
        assert [q["offset"] for _, q in server.requests] == ["0", "1000", "2000"]
        assert len(run("stations").stdout.splitlines()) == 2501
        done = run("transactions", "--limit", "1500")
        assert len(done.stdout.splitlines()) == 1501 and done.stderr == "ocpp-cli: 1500 of 2500; --limit shows more\n"


def test_what_others_wrote_reaches_no_terminal_as_a_command():
    evil = station(1)
    evil["model"] = "\x1b]0;owned\x07"
    evil["attention"] = [{"severity": "error", "code": "x", "text": "\x1b[2J gone"}]
    with StandIn([evil]) as server:
        for command in ("stations", "top"):
            done = subprocess.run([str(BUILD / "ocpp-cli"), "--socket", str(server.path), command], capture_output=True, text=True, timeout=20)
            assert done.returncode == 0 and "gone" in done.stdout and "\x1b" not in done.stdout, command


def test_no_gateway_is_said():
    for command in (["stations"], ["overview"], ["top"], ["users"], ["config", "show"], ["transactions", "--csv"]):
        done = subprocess.run([str(BUILD / "ocpp-cli"), "--socket", "/nowhere/control.sock", *command], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and done.stdout == "" and "no gateway answers at /nowhere/control.sock" in done.stderr, command
