"""Our Modbus driver behind a relay that spoils answers (relay.py), against a server no one here wrote.

The registers of each unit hold other values (256 * unit + address), and each write has its own value, with the unit in its high byte: no
value may ever be a wrong one, no write may be lost, or done on another unit.
"""
import re
import socket
import time

import pytest

from relay import Relay, pack, unpack
from test_modbus_peers import BUILD, Program, site  # noqa: F401: a fixture

UNITS = (1, 2, 3)
LINES = [("tcp", False), ("rtu", False), ("rtu", True), ("ascii", True)]
POINTS = ("state:holding:5:1:60", "pair:holding:30:2:110", "p:holding:20:1:0", "q:holding:21:2:0")


class Rig:
    def __init__(self, site, framing, serial, options="100,3,0,60,0", **relay):  # noqa: F811
        self.framing, self.site = framing, site
        self.server = site.pymodbus(framing, *(f"{u}:{256 * u}" for u in UNITS))
        self.relay = Relay(framing, self.server, path=site.directory / f"line{self.server}" if serial else None, **relay)
        site.add(self.relay).kill = self.relay.close
        link = f"{framing}:{self.relay.path}:19200:N" if serial else f"{framing}:127.0.0.1:{self.relay.port}"
        self.log = open(site.directory / f"log{self.server}", "w+")
        self.probe = site.add(Program(BUILD / "modbus_probe", link, ",".join(map(str, UNITS)), options, *POINTS, stderr=self.log))
        for unit in UNITS:
            self.probe.expect(f"{unit} value state {256 * unit + 5:04X}")
        self.number = 0

    def write(self, unit):
        """A write of a value that was never written; what was."""
        self.number += 1
        value = unit << 8 | self.number % 256
        self.probe.say(f"write {unit} p {value:04X}")
        return value

    def on_the_server(self, unit, address):
        with socket.create_connection(("127.0.0.1", self.server), timeout=5) as client:
            client.sendall(pack(self.framing, b"\0\1", unit, bytes([3, 0, address, 0, 1])))
            _, _, pdu = unpack(self.framing, client.recv(1024))
        assert pdu[:2] == b"\3\2"
        return int.from_bytes(pdu[2:], "big")

    def check_lines(self):
        """All that was heard so far: no value is wrong."""
        while not self.probe.lines.empty():
            self.probe.seen.append(self.probe.lines.get())
        for line in filter(None, self.probe.seen):
            match = re.fullmatch(r"(\d) value (state|pair) (\w+)", line)
            if match:
                unit = int(match[1])
                wanted = {"state": f"{256 * unit + 5:04X}", "pair": f"{256 * unit + 30:04X}{256 * unit + 31:04X}"}
                assert match[3] == wanted[match[2]], line

    def expect_of_all(self, what):
        waiting = {str(u) for u in UNITS}
        while waiting:
            waiting.discard(self.probe.expect(f"([{''.join(waiting)}]) {what}")[1])

    def lost(self):
        return [line for line in self.probe.seen if line and "offline" in line]


TIMEOUT_MS = 400    # of an answer; a busy machine is no fault
FAULTS = [("delay", TIMEOUT_MS * 0.0005), ("drop", None), ("truncate", None), ("split", None), ("duplicate", None), ("garble", None), ("unit", None),
          ("transaction", None), ("late", TIMEOUT_MS * 0.0013), ("close", None), ("close_after", None), ("exception", 6), ("noise_before", None),
          ("noise_after", None), ("longer", None)]


@pytest.mark.parametrize("framing, serial", LINES)
def test_no_fault_gives_a_wrong_value_or_loses_a_write(site, framing, serial):  # noqa: F811
    rig = Rig(site, framing, serial, f"{TIMEOUT_MS},3,0,60,0")
    for i, (fault, argument) in enumerate(FAULTS):
        unit = UNITS[i % 3]
        rig.relay.inject(fault, 2, argument)
        value = rig.write(unit)
        assert rig.probe.expect(f"{unit} done (.*)")[1] == "0", (fault, rig.probe.seen[-20:])
        assert rig.on_the_server(unit, 20) == value, fault
        rig.check_lines()
        assert rig.lost() == [], fault
        del rig.probe.seen[:]
    for unit in UNITS:
        rig.probe.expect(f"{unit} value state .*")
        others = [u for u in UNITS if u != unit]
        assert all(rig.on_the_server(u, 20) >> 8 == u for u in others)
    rig.check_lines()
    assert rig.lost() == []
    assert rig.probe.stop() == 0
    rig.log.seek(0)
    assert len(rig.log.readlines()) < 12


@pytest.mark.parametrize("framing, serial, seed", [("tcp", False, 1), ("rtu", True, 2), ("rtu", False, 3), ("ascii", True, 4)])
def test_faults_by_chance(site, framing, serial, seed):  # noqa: F811
    rig = Rig(site, framing, serial, "100,5,0,60,0", seed=seed, rate=0.0)
    rig.relay.rate = 0.3
    start, ends = time.monotonic(), 0
    while ends < 8 or sum(rig.relay.done[f] for f in rig.relay.by_seed) < 15:
        assert time.monotonic() - start < 15
        unit = rig.relay.random.choice(UNITS)
        value = rig.write(unit)
        match = rig.probe.expect(f"{unit} done (\\d+)")
        ends += 1
        if match[1] == "0":
            assert rig.on_the_server(unit, 20) == value
        rig.check_lines()
    rig.relay.rate = 0
    for unit in UNITS:  # everything is as before
        value = rig.write(unit)
        assert rig.probe.expect(f"{unit} done .*", 5)
        rig.probe.expect(f"{unit} value state .*", 5)
        value = rig.write(unit)
        rig.probe.expect(f"{unit} done 0", 5)
        assert rig.on_the_server(unit, 20) == value
    rig.check_lines()
    assert rig.probe.stop() == 0


@pytest.mark.parametrize("framing, serial", [("rtu", True), ("ascii", True), ("rtu", False)])
def test_a_line_that_lets_us_hear_ourselves(site, framing, serial):  # noqa: F811
    rig = Rig(site, framing, serial, f"{TIMEOUT_MS},3,0,60,0", echo=True)
    for unit in UNITS:
        for name, value in (("p", f"{unit:02X}77"), ("q", f"{unit:02X}88{unit:02X}99")):
            rig.probe.say(f"write {unit} {name} {value}")
            rig.probe.expect(f"{unit} done 0")
        assert rig.on_the_server(unit, 20) == unit << 8 | 0x77
        assert rig.on_the_server(unit, 22) == unit << 8 | 0x99
    rig.check_lines()
    rig.probe.say("counters")
    assert "timeouts=0 exceptions=0 bad_frames=0 late_answers=0" in rig.probe.expect("counters .*").string


def test_a_connection_that_is_refused_for_a_while(site):  # noqa: F811
    rig = Rig(site, "tcp", False, "300,3,0,60,0")
    rig.relay.refuse(0.4)
    time.sleep(0.05)
    value = rig.write(2)  # waits for the link
    rig.probe.expect("2 done 0")
    assert rig.on_the_server(2, 20) == value
    rig.check_lines()
    assert rig.lost() == []
    rig.relay.refuse(1.5)
    rig.expect_of_all("offline 2003")
    rig.expect_of_all("value state .*")
    rig.check_lines()
    assert rig.probe.stop() == 0


def test_a_peer_that_hangs_up_after_each_answer(site):  # noqa: F811
    rig = Rig(site, "tcp", False, "300,3,0,60,0")
    rig.relay.inject("close_after", 1000)
    for unit in UNITS * 2:
        value = rig.write(unit)
        rig.probe.expect(f"{unit} done 0")
        assert rig.on_the_server(unit, 20) == value
    rig.check_lines()
    assert rig.lost() == [] and rig.relay.connections > 3


def test_a_port_that_is_unplugged_and_plugged_in(site):  # noqa: F811
    rig = Rig(site, "rtu", True)
    rig.relay.unplug()
    rig.expect_of_all("offline 2003")
    rig.relay.plug()
    rig.expect_of_all("online")
    value = rig.write(3)
    rig.probe.expect("3 done 0")
    assert rig.on_the_server(3, 20) == value
    rig.check_lines()
    assert rig.probe.stop() == 0


def test_a_dead_line_delays_no_other(site):  # noqa: F811
    """Two ptys in one process: on one nobody answers."""
    rig = Rig(site, "rtu", True)
    dead = Relay("rtu", rig.server, path=site.directory / "dead")
    site.add(dead).kill = dead.close
    dead.inject("drop", 1000)
    rig.probe.say(f"also rtu:{dead.path}:9600:N")
    rig.probe.expect("also")
    alone = sum("value state" in line for line in rig.probe.hear_for(1.3))
    rig.check_lines()
    assert alone > 3 * 1.3 / 0.06 * 0.5
    for unit in UNITS:
        start = time.monotonic()
        rig.write(unit)
        rig.probe.expect(f"{unit} done 0")
        assert time.monotonic() - start < 0.3
    assert len(dead.requests) >= 2
