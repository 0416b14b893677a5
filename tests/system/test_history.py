"""What happened, to be looked up later: a session ends up in the history with the energy that the device counted, whatever cut the gateway off."""
import contextlib
import random
import sqlite3
import stat
import time

import pytest

from harness import Site, until

CARD = "04A1B2C3D4E5F6"


def sessions(site):
    """Rows of the history, as someone reads it who knows nothing of the gateway."""
    path = site.directory / "state" / "history.db"
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as database:
        database.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in database.execute("SELECT * FROM session ORDER BY n")]
        except sqlite3.OperationalError:   # its tables are not made yet
            return []


def ended(site, count):
    return until(lambda: [s for s in sessions(site) if s["ended"]][count - 1:], f"{count} sessions have ended in the history")[0]


def charge(site, seconds=1.0):
    site.ask("plug tcp1 soc=20 capacity=60kWh")
    site.ask(f"tap tcp1 {CARD}")
    until(lambda: site.show("tcp1")["power"] > 2000, "the device charges")
    time.sleep(seconds)


def leave(site):
    site.ask(f"tap tcp1 {CARD}")
    until(lambda: site.show("tcp1")["power"] == 0, "the device stops")
    site.ask("unplug tcp1")


def check(site, session, before):
    """Against the device and against what the CSMS was told."""
    events = [e for e in site.csms.events("CS1") if e["transactionInfo"]["transactionId"] == session["id"]]
    first, last = min(events, key=lambda e: e["seqNo"]), max(events, key=lambda e: e["seqNo"])
    assert last["eventType"] == "Ended"
    assert session["station"] == "CS1" and session["evse"] == 1
    assert session["last_Wh"] - session["first_Wh"] == pytest.approx(site.show("tcp1")["energy"] - before, abs=1.5)
    assert session["last_Wh"] - session["first_Wh"] > 5
    assert session["sequence"] == last["seqNo"]
    assert session["stopped_reason"] == last["transactionInfo"].get("stoppedReason")
    assert session["id_token"] == "..E5F6" and session["id_token_type"] == "ISO14443"
    for column, event in (("started", first), ("ended", last)):
        text = event["timestamp"].replace("Z", "+00:00")
        assert session[column] == pytest.approx(__import__("datetime").datetime.fromisoformat(text).timestamp() * 1000, abs=1)


def test_a_session_is_in_the_history_with_its_energy():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start("--speed", "20")
        before = site.show("tcp1")["energy"]
        charge(site)
        running = until(lambda: [s for s in sessions(site) if s["charging_state"] == "Charging"], "it is in the history while it runs")[0]
        assert running["ended"] is None and running["last_Wh"] >= running["first_Wh"]
        leave(site)
        site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
        check(site, ended(site, 1), before)
        assert len(sessions(site)) == 1
        assert CARD.encode() not in b"".join(p.read_bytes() for p in (site.directory / "state").glob("history.db*"))
        assert {stat.S_IMODE(p.stat().st_mode) for p in (site.directory / "state").glob("history.db*")} == {0o600}


def test_power_cuts_at_any_moment_leave_the_history_right():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        site.start("--speed", "20")
        chance = random.Random(5)
        for number in range(1, 7):
            before = site.show("tcp1")["energy"]
            charge(site, chance.random())
            if number % 2:        # in the middle
                site.kill("gateway")
                site.start_gateway()
                until(lambda: site.log("gateway").count("transaction goes on after a restart") == number // 2 + 1, "the station is back")
                time.sleep(chance.random())
            leave(site)
            site.csms.expect("CS1", "TransactionEvent", number, eventType="Ended")
            time.sleep(chance.random() / 10)   # just when its last event is acknowledged, and the history may not have it yet
            site.kill("gateway")
            site.start_gateway()
            check(site, ended(site, number), before)
            assert len(sessions(site)) == number
            site.csms.status("CS1", 1, "Available", after=len([s for s in site.csms.heard("CS1", "StatusNotification")]) - 1)


def test_a_spoilt_history_is_set_aside_and_costs_no_session():
    with Site() as site:
        site.station("CS1", site.tcp_charger())
        (site.directory / "state").mkdir(mode=0o700)
        (site.directory / "state" / "history.db").write_bytes(b"this is no database" * 1000)
        site.start("--speed", "20")
        before = site.show("tcp1")["energy"]
        charge(site)
        leave(site)
        site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
        check(site, ended(site, 1), before)
        assert (site.directory / "state" / "history.db.broken").stat().st_size == 19000
        assert site.log("gateway").count("the history was damaged") == 1
