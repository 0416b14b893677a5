"""Pages and filters of every list, and transactions as CSV."""
import contextlib
import csv
import datetime
import io
import sqlite3
import time
import urllib.parse

import pytest

from harness import until
from management import API, ManagedSite, routes

LISTS = [r.pattern.removeprefix(API).replace("{id}", "CS1") for r in routes() if {"offset", "limit"} <= set(r.query)]
DAY_MS = 86400000


def utc(ms):
    return datetime.datetime.fromtimestamp(ms / 1000, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def a_session(site):
    """One that really was."""
    site.ask("plug tcp1 soc=20 capacity=60kWh")
    site.ask("tap tcp1 04A1B2C3D4E5F6")
    until(lambda: site.show("tcp1")["power"] > 2000, "the device charges")
    time.sleep(0.5)
    site.ask("tap tcp1 04A1B2C3D4E5F6")
    site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
    site.ask("unplug tcp1")
    until(lambda: site.local.items("/transactions?state=ended"), "the transaction is in the history")


def add_sessions(site, count):
    """As if the site had been there for long: one a day and station, the last of them still running."""
    with contextlib.closing(sqlite3.connect(site.directory / "state" / "history.db")) as database, database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(session)") if row[1] != "n"]
        for i in range(count):
            began = (20000 + i // 2) * DAY_MS + i % 2
            row = {"station": f"CS{1 + i % 2}", "id": f"tx-{i:05}", "evse": 1 + i % 2, "id_token": f"..{i:04}", "id_token_type": "ISO14443", "began": began, "started": began,
                   "ended": None if i == count - 1 else began + 3600000, "updated": began + 3600000, "first_Wh": 100.0, "last_Wh": 100.5 + i,
                   "stopped_reason": ["Local", "Remote", "=cmd|'/C calc'!A0", 'a "quoted", one'][i % 4], "charging_state": "Charging", "sequence": 3}
            database.execute(f"INSERT INTO session ({','.join(columns)}) VALUES ({','.join('?' * len(columns))})", [row.get(c) for c in columns])


SESSIONS = 2500


@pytest.fixture(scope="module")
def site():
    with ManagedSite() as site:
        site.station("CS1", site.tcp_charger())
        site.station("CS2", site.echonet_charger())
        site.station("CS3", site.tcp_charger("tcp3", 15023))
        site.general += "buses: { empty: { serial: /dev/ttyS9 } }\n"
        site.start("--speed", "20")
        a_session(site)
        site.end("gateway")
        add_sessions(site, SESSIONS)
        site.start_gateway()
        for number in range(5):
            site.local.post("/tokens", {"name": f"token-{number}", "role": "viewer"})
        for name in ("ann", "bob"):
            site.local.post("/users", {"name": name, "role": "viewer", "password": "a sentence of some length"})
        for station in ("CS1", "CS2", "CS3"):
            until(lambda: site.local.get(f"/stations/{station}")["link"] == "up", "the station is connected")
        yield site


# ---- pages ----

@pytest.mark.parametrize("path", LISTS)
def test_pages_follow_each_other_without_a_gap(site, path):
    whole = site.local.get(f"{path}?limit=1000")
    assert (whole["offset"], whole["limit"]) == (0, 1000) and whole["total"] >= (path != "/certificates")
    total = min(whole["total"], 9)
    pages = [item for offset in range(0, total, 2) for item in site.local.items(f"{path}?offset={offset}&limit=2")]
    def keys(items):
        return [item.get("id", item.get("name", item.get("point"))) or item.get("use") for item in items]
    assert keys(pages)[:total] == keys(whole["items"])[:total]
    beyond = site.local.get(f"{path}?offset={whole['total']}")
    assert beyond["items"] == [] and beyond["total"] == whole["total"] and beyond["offset"] == whole["total"]
    assert site.local.get(f"{path}?offset=2147483647&limit=1000")["items"] == []


@pytest.mark.parametrize("text", ["0", "-1", "1001", "x", "", "1.0", "1e2", "+5", "%205", "5%20", "99999999999999999999", "%D9%A5"])
@pytest.mark.parametrize("path", [*LISTS, "/events"])
def test_a_limit_that_is_none_is_refused_with_what_would_be_one(site, path, text):
    answer = site.local.ask("GET", f"{path}?limit={text}")
    assert answer.status == 400 and answer.problem == "limit: expected a number from 1 to 1000"


@pytest.mark.parametrize("text", ["-1", "x", "", "1.5", "2147483648", "18446744073709551616"])
@pytest.mark.parametrize("path", LISTS)
def test_an_offset_that_is_none_is_refused_with_what_would_be_one(site, path, text):
    answer = site.local.ask("GET", f"{path}?offset={text}")
    assert answer.status == 400 and answer.problem == "offset: expected a number from 0 to 2147483647"


@pytest.mark.parametrize("query", ["q=%", "q=%4", "q=%zz", "q=%00", "q=a%00b", "q=" + "x" * 600, "%71=x", "q", "=", "&&", "?q=x", "q=x&nonsense", "[]=1"])
def test_a_query_that_cannot_be_read_is_refused_or_means_one_thing(site, query):
    answer = site.local.ask("GET", f"/stations?{query}")
    assert answer.status == (200 if query == "q" else 400), answer.text
    assert answer.status == 200 or len(answer.problem) < 200


def test_of_a_parameter_that_comes_twice_the_first_counts(site):
    assert site.local.get("/stations?limit=1&limit=2")["limit"] == 1


def test_a_query_is_decoded_once(site):
    assert site.local.get("/stations?q=C%531")["total"] == 1
    assert site.local.get("/stations?q=C%25531")["total"] == 0
    assert site.local.get("/transactions?q=" + urllib.parse.quote("cmd|"))["total"] == SESSIONS // 4
    assert site.local.get("/transactions?q=a+%22quoted%22")["total"] == SESSIONS // 4


# ---- filters ----

def ids(site, path):
    return [item["id"] for item in site.local.items(path)]


def test_stations_are_filtered(site):
    assert ids(site, "/stations") == ["CS1", "CS2", "CS3"]
    assert ids(site, "/stations?q=cs2") == ["CS2"]
    assert ids(site, "/stations?q=echonet") == ["CS2"] and ids(site, "/stations?q=nothing") == []
    assert ids(site, "/stations?csms=test&q=cs") == ["CS1", "CS2", "CS3"] and ids(site, "/stations?csms=other") == []
    site.ask("plug tcp3 soc=20 capacity=60kWh")
    until(lambda: ids(site, "/stations?state=connected") == ["CS3"], "the state is filtered by")
    assert "CS3" not in ids(site, "/stations?state=available")
    site.ask("unplug tcp3")
    page = site.local.get("/stations?q=cs&offset=1&limit=1")
    assert page["total"] == 3 and [i["id"] for i in page["items"]] == ["CS2"]


def test_profiles_are_filtered(site):
    everything = site.local.get("/profiles?limit=1000")
    assert everything["total"] == len(everything["items"]) > 10
    for protocol in ("modbus", "echonet"):
        assert {i["protocol"] for i in site.local.items(f"/profiles?protocol={protocol}&limit=1000")} == {protocol}
    assert [i["name"] for i in site.local.items("/profiles?q=DEMO-modbus-ac22")] == ["demo-modbus-ac22"]
    used = site.local.items("/profiles?q=CS1")
    assert [i["name"] for i in used] == ["demo-modbus-ac22"] and used[0]["usedBy"] == ["CS1", "CS3"]
    assert site.local.get("/profiles?protocol=none")["total"] == 0


def test_every_list_is_filtered_by_a_text(site):
    assert all("q" in route.query for route in routes() if "offset" in route.query), "each has it"
    assert [i["name"] for i in site.local.items("/users?q=ANN")] == ["ann"]
    assert [i["name"] for i in site.local.items("/tokens?q=token-3")] == ["token-3"] and site.local.get("/tokens?q=viewer&limit=2")["total"] == 5
    assert [i["name"] for i in site.local.items("/csms?q=WS://")] == ["test"] and site.local.get("/csms?q=nothing")["total"] == 0
    assert [i["name"] for i in site.local.items("/buses?q=15023")] == [i["name"] for i in site.local.items("/buses") if "15023" in i["name"]] != []
    assert site.local.get("/certificates?q=nothing")["total"] == 0
    assert site.local.get("/users?q=name")["total"] == 0, "names of members are not looked through"


def test_buses_tell_their_settings_also_those_that_no_charger_is_on(site):
    def buses():
        return {bus["name"]: bus for bus in site.local.items("/buses")}
    name = f"{site.sim_address}:15023"
    until(lambda: buses()[name]["requests"] > 0, "its charger is asked")
    own = buses()[name]
    assert own["settings"] == {"host": site.sim_address, "port": 15023, "framing": "tcp"}
    assert buses()["empty"]["requests"] == 0
    assert buses()["empty"]["settings"] == {"serial": "/dev/ttyS9", "baud": 9600, "parity": "E", "stop_bits": 1, "data_bits": 8, "framing": "rtu"}


def test_the_audit_log_is_filtered(site):
    rows = site.local.items("/audit?q=token.create")
    assert [row["target"] for row in rows] == [f"token-{n}" for n in reversed(range(5))]
    middle = rows[2]["time"]
    since = site.local.items(f"/audit?q=token.create&since={middle}")
    until_ = site.local.items(f"/audit?q=token.create&until={middle}")
    assert len(since) + len(until_) == 5 and rows[2] in since and rows[2] not in until_
    assert site.local.get("/audit?q=100%25")["total"] == 0, "it is no pattern"
    assert site.local.ask("GET", "/audit?q=" + "x" * 200).status == 400


def test_transactions_are_filtered(site):
    assert site.local.get("/transactions")["total"] == SESSIONS + 1
    newest = site.local.items("/transactions?limit=3")
    assert newest == sorted(newest, key=lambda t: t["startedAt"], reverse=True)
    both = [site.local.get(f"/transactions?station={s}")["total"] for s in ("CS1", "CS2")]
    assert sum(both) == SESSIONS + 1 and both[1] == SESSIONS // 2
    assert site.local.get("/transactions?station=CS")["total"] == 0
    assert site.local.get("/transactions?evse=2")["total"] == SESSIONS // 2
    assert ids(site, "/transactions?state=running") == [f"tx-{SESSIONS - 1:05}"]
    assert site.local.get("/transactions?state=ended")["total"] == SESSIONS
    assert ids(site, "/transactions?q=TX-00042") == ["tx-00042"]
    started = ids(site, "/transactions?q=..E5F6")
    assert len(started) == 1 and ids(site, "/transactions?q=04a1b2c3d4e5f6") == started, "by the token as it stands on the card"
    assert ids(site, "/transactions?q=04A1B2C3D4E5F7") == []
    day = site.local.get(f"/transactions?since={utc(20100 * DAY_MS)}&until={utc(20110 * DAY_MS)}&station=CS2")
    assert [t["id"] for t in day["items"]] == [f"tx-{i:05}" for i in range(219, 200, -2)]
    assert day["items"][0]["energyWh"] == 219.5 and day["items"][0]["durationSeconds"] == 3600


@pytest.mark.parametrize("query, says", [("evse=x", "evse: expected a number from 1 to"), ("evse=99999", "evse: expected a number"), ("evse=-1", "evse: expected"), ("state=maybe", "state: expected running or ended"),
                                         ("since=yesterday", "since: expected a time such as"), ("until=2026-13-01T00:00:00Z", "until: expected a time"), ("since=2026-01-31", "since: expected"),
                                         ("station=" + "x" * 300, "too long"), ("offset=1&limit=0", "limit: expected"), ("nonsense=1", "nonsense: no such parameter; expected station,evse,state")])
@pytest.mark.parametrize("path", ["/transactions", "/transactions.csv"])
def test_a_filter_that_is_none_is_refused_with_what_would_be_one(site, path, query, says):
    answer = site.local.ask("GET", f"{path}?{query}")
    assert answer.status == 400
    assert says in answer.problem or path.endswith(".csv") and "no such parameter" in answer.problem


@pytest.mark.parametrize("query, status", [("seconds=59", 400), ("seconds=86401", 400), ("seconds=x", 400), ("station=nobody", 404), ("seconds=60", 200), ("seconds=86400&station=CS1", 200)])
def test_power_over_time_has_bounds(site, query, status):
    assert site.local.ask("GET", f"/power?{query}").status == status


# ---- CSV ----

def table(answer):
    assert answer.status == 200 and answer.headers["Content-Type"] == "text/csv; charset=utf-8; header=present"
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_all_transactions_come_as_csv_whatever_pages_they_fill(site):
    rows = table(site.local.ask("GET", "/transactions.csv"))
    assert len(rows) == SESSIONS + 1 and len({row["id"] for row in rows}) == SESSIONS + 1
    listed = [t for offset in (0, 1000, 2000) for t in site.local.items(f"/transactions?offset={offset}&limit=1000")]
    assert [row["id"] for row in rows] == [t["id"] for t in listed]
    row = next(row for row in rows if row["id"] == "tx-00201")
    assert (row["station"], row["evse"], row["energyWh"], row["durationSeconds"], row["state"]) == ("CS2", "2", "201.5", "3600", "ended")
    assert row["startedAt"].startswith("2025-01-12T00:00:00")
    assert [r["endedAt"] for r in rows if r["state"] == "running"] == [""]


def test_a_table_that_would_be_cut_off_is_refused():
    with ManagedSite() as site:
        site.station("CS1", site.tcp_charger())
        site.start("--speed", "20")
        a_session(site)
        site.end("gateway")
        add_sessions(site, 100001)
        site.start_gateway()
        whole = site.local.ask("GET", "/transactions.csv")
        assert whole.status == 413 and whole.problem == "these are more than 100000, or 15 MiB; narrow it down by since and until"
        assert len(table(site.local.ask("GET", f"/transactions.csv?since={utc(20001 * DAY_MS)}"))) == 100000


def test_csv_has_the_filters_of_the_list(site):
    query = f"since={utc(20100 * DAY_MS)}&until={utc(20110 * DAY_MS)}&station=CS2"
    assert [r["id"] for r in table(site.local.ask("GET", f"/transactions.csv?{query}"))] == ids(site, f"/transactions?{query}")
    assert [r["idToken"] for r in table(site.local.ask("GET", "/transactions.csv?q=04A1B2C3D4E5F6"))] == ["..E5F6"]
    assert table(site.local.ask("GET", "/transactions.csv?q=nothing")) == []
    assert site.local.ask("GET", "/transactions.csv?limit=5").status == 400


def test_a_spreadsheet_takes_nothing_in_csv_for_a_formula(site):
    rows = table(site.local.ask("GET", "/transactions.csv"))
    reasons = {row["stoppedReason"] for row in rows}
    assert "'=cmd|'/C calc'!A0" in reasons and 'a "quoted", one' in reasons
    assert not any(value[:1] in "=+-@\t\r" for row in rows for value in row.values() if value and not value.replace(".", "").isdigit())
