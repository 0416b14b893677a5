"""`ocpp-cli top`: all chargers live, on a terminal that is as before afterwards; and without one."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from api_stand_in import StandIn, station
from harness import BUILD, Site, until
from test_operations import one_station, start_charging

HOME = "\x1b[H"      # each picture begins with it


class Top:
    """ocpp-cli top on a terminal of its own."""

    def __init__(self, socket, *arguments, rows=24, columns=120, **environment):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.seen = ""
        self.process = subprocess.Popen([str(BUILD / "ocpp-cli"), "--socket", str(socket), "top", *arguments], stdin=self.slave,
                                        stdout=self.slave, stderr=self.slave, env={**os.environ, "TERM": "xterm", **environment})

    def resize(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def look(self):
        while select.select([self.master], [], [], 0.02)[0]:
            self.seen += os.read(self.master, 65536).decode(errors="replace")
        return self.seen

    def picture(self):
        """The last whole one, as lines without styles; rows of chargers are from the fifth line on."""
        pictures = [part for part in self.look().split(HOME) if part.rstrip().endswith("\x1b[J")]
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", pictures[-1]).replace("\r", "").split("\n") if pictures else []

    def rows(self):
        return [line for line in self.picture()[4:-1] if line]

    def press(self, keys):
        os.write(self.master, keys)

    def until(self, condition, what):
        until(condition, f"{what}: {self.picture()}")

    def end(self, keys=b"q"):
        self.press(keys)
        return self.finish()

    def finish(self):
        code = self.process.wait(20)
        self.look()
        assert self.seen.endswith("\x1b[?7h\x1b[?25h\x1b[?1049l"), self.seen[-80:]     # cursor and screen are back
        assert termios.tcgetattr(self.slave) == self.before
        os.close(self.master)
        os.close(self.slave)
        return code


def test_a_charger_is_seen_as_it_charges():
    with Site() as site:
        call = one_station(site)
        top = Top(site.directory / "gateway.sock")
        top.until(lambda: top.rows() and "available" in top.rows()[0], "the first picture")
        start_charging(site, call)
        top.until(lambda: re.match(r"CS1 +1  charging +\d+\.\d kW +\d+ Wh .*/ 32 +0:00:0\d  up", top.rows()[0]), "charging")
        assert "1 charging" in top.picture()[1]
        site.ask("power tcp1 off")
        top.until(lambda: re.match(r"CS1 +1  offline .*the charger does not answer", top.rows()[0]), "what needs attention")
        assert top.end() == 0


def test_it_goes_on_when_the_gateway_was_away():
    with Site() as site:
        one_station(site)
        top = Top(site.directory / "gateway.sock")
        top.until(lambda: top.rows(), "the first picture")
        site.end("gateway")
        top.until(lambda: "NO CONNECTION" in top.picture()[0], "the loss is told")
        site.ask("plug tcp1")
        site.start_gateway()
        top.until(lambda: "NO CONNECTION" not in top.picture()[0] and "connected" in top.rows()[0], "what happened meanwhile")
        assert top.end() == 0 and "ocpp-cli:" not in top.seen


def fleet(count):
    return [station(n, power=n * 10.0, state="charging" if n % 2 else "available") for n in range(count)]


def test_thousands_are_scrolled_sorted_and_searched():
    with StandIn(fleet(1500), lambda: forever()) as server:
        top = Top(server.path, rows=25)
        top.until(lambda: len(top.rows()) == 20 and top.rows()[0].startswith("CS-0000"), "20 rows")
        assert "1-20 of 1500" in top.picture()[2] and "1500 stations, 1500 with a link" in top.picture()[1]
        for keys, first in ((b"\x1b[6~", "CS-0020"), (b"j", "CS-0021"), (b"\x1b[A", "CS-0020"), (b"G", "CS-1480"), (b"\x1b[5~", "CS-1460"),
                            (b"\x1b[1~", "CS-0000"), (b"p", "CS-1499"), (b"r", "CS-0000"), (b"s", "CS-1499"), (b"r", "CS-0000"), (b"n", "CS-0000")):
            top.press(keys)
            top.until(lambda: top.rows()[0].startswith(first), f"{keys} leads to {first}")
        top.press(b"/0077\x7f")
        top.until(lambda: [r[:7] for r in top.rows()] == ["CS-0007", *(f"CS-007{n}" for n in range(10)), "CS-1007"], "the filter")
        top.press(b"7\n")
        top.until(lambda: [r[:7] for r in top.rows()] == ["CS-0077"], "one is found")
        assert "find: 0077" in top.picture()[2]
        top.press(b"\x1b")
        top.until(lambda: len(top.rows()) == 20, "all again")
        top.resize(15, 60)
        top.process.send_signal(signal.SIGWINCH)
        top.until(lambda: len(top.rows()) == 10 and max(map(len, top.picture())) <= 60, "a smaller window")
        assert top.end() == 0


def forever():
    while True:
        time.sleep(0.5)
        yield station(0)


def test_however_much_happens_it_draws_a_few_times_a_second():
    def storm():
        end, number = time.monotonic() + 6, 0
        while time.monotonic() < end:
            for _ in range(20):
                number += 1
                yield station(number % 1200, power=float(number))
            time.sleep(0.01)
        yield from forever()
    with StandIn(fleet(1200), storm) as server:
        top = Top(server.path)
        top.until(lambda: top.rows(), "the first picture")
        before, began = top.look().count(HOME), time.monotonic()
        before_s = os.times().children_user
        time.sleep(4)
        pictures, passed = top.look().count(HOME) - before, time.monotonic() - began
        assert 1 <= pictures / passed <= 5, pictures / passed
        assert top.end() == 0
        assert os.times().children_user - before_s < passed / 2    # it does not spin


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(number):
    with StandIn(fleet(3), lambda: forever()) as server:
        top = Top(server.path)
        top.until(lambda: top.rows(), "the first picture")
        top.process.send_signal(number)
        assert top.finish() == 0


def test_suspended_it_gives_the_terminal_back_until_it_goes_on():
    with StandIn(fleet(3), lambda: forever()) as server:
        top = Top(server.path)
        top.until(lambda: top.rows(), "the first picture")
        top.process.send_signal(signal.SIGTSTP)
        top.until(lambda: top.look().endswith("\x1b[?1049l"), "the screen is given back")
        until(lambda: open(f"/proc/{top.process.pid}/stat").read().rpartition(")")[2].split()[0] == "T", "it has stopped")
        assert termios.tcgetattr(top.slave) == top.before
        top.process.send_signal(signal.SIGCONT)
        top.until(lambda: top.look().rfind("\x1b[?1049h") > top.seen.rfind("\x1b[?1049l") and top.rows(), "it draws again")
        assert top.end() == 0


def test_colours_only_where_they_are_wanted():
    with StandIn(fleet(3), lambda: forever()) as server:
        for environment, coloured in (({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)):
            top = Top(server.path, **environment)
            top.until(lambda: top.rows(), "the first picture")
            assert ("\x1b[32m" in top.seen) == coloured
            assert top.end() == 0


def test_without_a_terminal_it_prints_one_table():
    with StandIn(fleet(3)) as server:
        def run(*arguments):
            done = subprocess.run([str(BUILD / "ocpp-cli"), "--socket", str(server.path), "top", *arguments], stdin=subprocess.DEVNULL,
                                  capture_output=True, text=True, timeout=20)
            return done.returncode, done.stdout.splitlines(), done.stderr
        code, lines, _ = run("--sort", "power")
        assert code == 0 and lines[0].split()[:4] == ["STATION", "EVSE", "STATE", "POWER"]
        assert [line.split()[0] for line in lines[1:]] == ["CS-0002", "CS-0001", "CS-0000"]
        assert [line.split()[0] for line in run("--find", "0001")[1][1:]] == ["CS-0001"]
        assert run("--sort", "colour")[0] == 2
        assert "\x1b" not in "".join(lines)
