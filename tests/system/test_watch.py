"""`ocpp-cli watch STATION`: points and signals of one station, live, raw words beside what they mean."""
import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import termios
import threading
import time

import pytest

from api_stand_in import StandIn
from harness import BUILD, Site, until


class Watch:
    """ocpp-cli watch, and what it said."""

    def __init__(self, site, *arguments):
        self.start(site.directory / "gateway.sock", *arguments)

    def start(self, socket, *arguments):
        self.file = open(socket.parent / f"watch.{len(arguments)}", "w+")
        self.process = subprocess.Popen([str(BUILD / "ocpp-cli"), "--socket", str(socket), *arguments], stdout=self.file, stderr=subprocess.STDOUT)
        return self

    def text(self):
        self.file.seek(0)
        return self.file.read()

    def events(self):
        return [json.loads(line) for line in self.text().splitlines() if line.startswith("{") and line.endswith("}")]

    def end(self):
        self.process.terminate()
        self.process.wait(10)


def two_stations(site):
    site.station("CS1", site.tcp_charger())
    site.station("CS2", site.tcp_charger("tcp2", 15021))
    site.start()


def test_points_and_signals_are_shown_as_they_change():
    with Site() as site:
        two_stations(site)
        watch = Watch(site, "watch", "CS1")
        until(lambda: "cp_state" in watch.text() and "available" in watch.text(), "the first picture")
        site.ask("plug tcp1")
        site.ask("plug tcp2")
        until(lambda: "was available" in watch.text(), "the change")
        lines = {line.split()[3]: line for line in watch.text().splitlines() if " was " in line}
        assert lines["cp_state"].split()[4:] == ["2", "was", "1", "input", "100", "0002"]
        assert "connected" in lines["state"]
        watch.end()


def test_on_a_terminal_what_changed_is_highlighted():
    with Site() as site:
        two_stations(site)
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 120, 0, 0))
        process = subprocess.Popen([str(BUILD / "ocpp-cli"), "--socket", str(site.directory / "gateway.sock"), "watch", "CS1"],
                                   stdin=slave, stdout=slave, stderr=slave)
        seen = ""

        def shown(pattern):
            nonlocal seen
            while select.select([master], [], [], 0.05)[0]:
                seen += os.read(master, 65536).decode()
            return re.search(pattern, seen)
        try:
            until(lambda: shown(r"cp_state"), "the first picture")
            time.sleep(5)                              # what is new is no longer
            shown("")
            seen = ""
            site.ask("plug tcp1")
            until(lambda: shown(r"\033\[7m *\S* *cp_state +2 .*input 100 +0002"), f"the change in reverse: {seen[-3000:]!r}")
            assert not re.search(r"\033\[7m[^\033]*voltage_l2", seen)
        finally:
            process.terminate()
            assert process.wait(10) is not None
            os.close(master)
            os.close(slave)


def test_programs_get_events_with_raw_words_and_only_of_that_station():
    with Site() as site:
        two_stations(site)
        watch = Watch(site, "--json", "watch", "CS1")
        until(lambda: [e for e in watch.events() if e.get("point") == "voltage_l1" and e["raw"] == "08FC"], "raw words")
        point = [e for e in watch.events() if e.get("point") == "voltage_l1"][-1]
        assert (point["value"], point["unit"], point["quality"], point["at"], point["evse"]) == (230, "V", "good", "input 113", 1)
        site.ask("plug tcp2")
        site.ask("plug tcp1")
        until(lambda: [e for e in watch.events() if e["event"] == "signals" and e["state"] == "connected"], "signals")
        assert {e["station"] for e in watch.events()} == {"CS1"}
        site.ask("power tcp1 off")
        until(lambda: [e for e in watch.events() if e.get("point") == "cp_state" and e["quality"] == "stale"], "a silent device")
        until(lambda: not [e for e in watch.events() if e["event"] == "signals"][-1]["online"], "the charger is offline")
        watch.end()


def test_it_goes_on_when_a_reload_makes_the_station_anew():
    with Site() as site:
        two_stations(site)
        watch = Watch(site, "--json", "watch", "CS1")
        until(lambda: [e for e in watch.events() if e["event"] == "signals"], "the first picture")
        path = site.directory / "gateway.yaml"
        path.write_text(path.read_text().replace('SampledDataCtrlr.TxUpdatedInterval: "1"', 'SampledDataCtrlr.TxUpdatedInterval: "2"'))
        assert site.cli("reload")[0] == 0
        seen = len(watch.events())
        site.ask("plug tcp1")
        until(lambda: [e for e in watch.events()[seen:] if e["event"] == "signals" and e["state"] == "connected"], "the new one's signals")
        watch.end()


def signals(state):
    return {"event": "signals", "station": "CS1", "evse": 1, "online": True, "state": state, "measured": {}}


# How the first stream ends and what the second begins with: the gateway can say that something is missing only to who tells where it was.
@pytest.mark.parametrize("first, second", [([], []), ([signals("connected")], [{"from": 2, "to": 7}])])
@pytest.mark.parametrize("arguments", [["watch", "CS1"], ["--json", "watch", "CS1"]])
def test_after_a_break_all_is_read_anew_where_something_may_be_missing(arguments, first, second):
    streams, is_seen = [first, second], threading.Event()

    def events():
        mine = streams.pop(0) if streams else []
        yield from mine
        if len(streams) == 1:
            is_seen.wait(20)                                # until the first picture is there
            stand_in.items = [signals("faulted")]           # while nobody follows
        else:
            threading.Event().wait(60)

    with StandIn([signals("connected")], events) as stand_in:
        watch = object.__new__(Watch).start(stand_in.path, *arguments)
        until(lambda: "connected" in watch.text(), "the first picture")
        is_seen.set()
        until(lambda: "faulted" in watch.text(), "what changed meanwhile")
        watch.end()


def test_a_log_tells_that_lines_are_missing():
    def events():
        yield from ({"from": 2, "to": 7}, {"line": "the next line"})
        threading.Event().wait(60)

    with StandIn([], events) as stand_in:
        watch = object.__new__(Watch).start(stand_in.path, "log", "-f")
        until(lambda: "the next line" in watch.text(), "the log")
        assert watch.text().splitlines()[:2] == ["ocpp-cli: some of what happened meanwhile is lost", "the next line"]
        watch.end()


def test_a_station_that_is_not_there_is_said():
    with Site() as site:
        two_stations(site)
        assert site.cli("watch", "CS9") == (1, "", "ocpp-cli: no station of this id; `ocpp-cli status` lists them\n")
