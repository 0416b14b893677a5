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
import time

from harness import BUILD, Site, until


class Watch:
    """ocpp-cli watch, and what it said."""

    def __init__(self, site, *arguments):
        self.file = open(site.directory / f"watch.{len(arguments)}", "w+")
        self.process = subprocess.Popen([str(BUILD / "ocpp-cli"), "--socket", str(site.directory / "gateway.sock"), *arguments],
                                        stdout=self.file, stderr=subprocess.STDOUT)

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


def test_a_station_that_is_not_there_is_said():
    with Site() as site:
        two_stations(site)
        assert site.cli("watch", "CS9") == (1, "", "ocpp-cli: no station of this id; `ocpp-cli status` lists them\n")
