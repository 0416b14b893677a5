"""Our Modbus driver against servers no one here wrote: pymodbus and libmodbus, over TCP, RTU on a pty and ASCII; and faults put
between driver and server by a meddling relay."""
import os
import pathlib
import queue
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = next((d for d in (pathlib.Path(os.environ.get("BUILD", "/nowhere")), ROOT / "build/asan", ROOT / "build/dev")
              if (d / "modbus_probe").exists()), ROOT / "build/asan")
PATIENCE = 20


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Program:
    """A child process whose lines are read as they come."""

    def __init__(self, *command, **options):
        self.command = command
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        bufsize=1, **options)
        self.lines = queue.Queue()
        self.seen = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def say(self, line):
        self.process.stdin.write(line + "\n")

    def expect(self, pattern, seconds=PATIENCE):
        """The first line from here on that matches, as a match object."""
        end = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                line = None
            assert line is not None, f"{self.command[0]}: no line like {pattern!r} in {self.seen[-40:]}"
            self.seen.append(line)
            match = re.fullmatch(pattern, line)
            if match:
                return match

    def hear_for(self, seconds):
        """All lines of the next seconds."""
        end, heard = time.monotonic() + seconds, []
        while time.monotonic() < end:
            try:
                heard.append(self.lines.get(timeout=max(0.01, end - time.monotonic())))
            except queue.Empty:
                pass
        return heard

    def stop(self):
        """Ends it by the end of its input; 0 means no leak, too."""
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Relay:
    """Carries bytes between the driver and a server and lets `meddle(answer) -> list of bytes, or None` spoil answers."""

    def __init__(self, port):
        self.port, self.meddle, self.requests = port, None, []
        self.gaps, self.answered = [], None  # seconds between an answer and the next request
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listening_port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            for a, b, is_answer in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._carry, args=(a, b, is_answer), daemon=True).start()

    def _carry(self, source, sink, is_answer):
        try:
            while data := source.recv(1024):
                if not is_answer:
                    self.requests.append(data)
                    if self.answered:
                        self.gaps.append(time.monotonic() - self.answered)
                        self.answered = None
                spoiled = self.meddle(data) if is_answer and self.meddle else [data]
                if is_answer:
                    self.answered = time.monotonic()    # before it can be there, so that a gap is never told too short
                for part in spoiled:
                    sink.sendall(part)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listener.close()


class Site:
    """What a test starts, and ends again."""

    def __init__(self, directory):
        self.directory, self.things = directory, []

    def add(self, thing):
        self.things.append(thing)
        return thing

    def pymodbus(self, framing, *units):
        server = self.add(Program(sys.executable, ROOT / "tests/system/pymodbus_server.py", framing, 0, *(units or (1,)),
                                  stderr=subprocess.DEVNULL))
        return int(server.expect(r"ready (\d+)")[1])

    def pty_to(self, *address):
        """A serial line whose other end is the address (of socat)."""
        path = self.directory / f"line{len(self.things)}"
        self.add(Program("socat", f"pty,raw,echo=0,link={path}", *address))
        end = time.monotonic() + PATIENCE
        while not path.exists():
            assert time.monotonic() < end, "socat made no pty"
            time.sleep(0.01)
        return path

    def relay(self, port):
        relay = Relay(port)
        self.add(relay).kill = relay.close
        return relay

    def probe(self, link, *points, units="1", options="300,1,0,60,8"):
        return self.add(Program(BUILD / "modbus_probe", link, units, options, *points))


@pytest.fixture
def site():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="modbus"))
    site = Site(directory)
    yield site
    for thing in reversed(site.things):
        thing.kill()
    shutil.rmtree(directory)


def pymodbus_tcp(site):
    return f"tcp:127.0.0.1:{site.pymodbus('tcp')}"


def pymodbus_rtu_over_tcp(site):
    return f"rtu:127.0.0.1:{site.pymodbus('rtu')}"


def pymodbus_rtu(site):
    return f"rtu:{site.pty_to('tcp:127.0.0.1:%d,nodelay' % site.pymodbus('rtu'))}:19200:E"


def pymodbus_ascii(site):
    return f"ascii:{site.pty_to('tcp:127.0.0.1:%d,nodelay' % site.pymodbus('ascii'))}:9600:E"


def libmodbus_tcp(site):
    port = free_port()
    site.add(Program(BUILD / "modbus_server_libmodbus", "tcp", port)).expect("ready")
    return f"tcp:127.0.0.1:{port}"


def libmodbus_rtu(site):
    far = site.directory / "far"
    near = site.pty_to(f"pty,raw,echo=0,link={far}")
    site.add(Program(BUILD / "modbus_server_libmodbus", "rtu", far, 1)).expect("ready")
    return f"rtu:{near}:19200:N"


PEERS = [pymodbus_tcp, pymodbus_rtu_over_tcp, pymodbus_rtu, pymodbus_ascii, libmodbus_tcp, libmodbus_rtu]


@pytest.mark.parametrize("peer", PEERS)
def test_every_kind_is_polled(site, peer):
    probe = site.probe(peer(site), "coils:coil:1:10:100", "discretes:discrete:0:3:100", "inputs:input:7:2:100",
                       "one:holding:5:1:100", "text:holding:9:4:200")
    probe.expect("1 online")
    waiting = {f"1 value {value}" for value in ("coils 5501", "discretes 02", "inputs 00070008", "one 0005", "text 0009000A000B000C")}
    while waiting:
        waiting.discard(probe.expect("1 value .*").string)
    probe.say("counters")
    counters = probe.expect("counters .*").string
    assert "timeouts=0 exceptions=0 bad_frames=0 late_answers=0" in counters
    assert probe.stop() == 0


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name, point, value", [
    ("write one register", "p:holding:20:1:0", "1234"),
    ("write registers", "p:holding:20:3:0", "123456789ABC"),
    ("write registers one by one", "p:holding:20:2:0:6", "12345678"),
    ("write one register by 16", "p:holding:20:1:0:16", "4321"),
    ("mask write", "p:holding:20:1:0:22", "A5A5"),
    ("read and write", "p:holding:20:2:0:23", "CAFEBABE"),
    ("write a coil", "p:coil:20:1:0", "01"),
    ("write coils", "p:coil:20:11:0", "A505"),
    ("write coils one by one", "p:coil:20:3:0:5", "05"),
], ids=lambda v: v.replace(" ", "_") if " " in str(v) else "")
def test_what_was_written_is_read_back(site, peer, name, point, value):
    probe = site.probe(peer(site), "state:input:1:1:1000", point)
    probe.expect("1 online")
    probe.say(f"write 1 p {value}")
    assert probe.expect("1 (done|refused) .*").string == "1 done 0"
    probe.say("read 1 p")
    probe.expect(f"1 value p {value}")
    probe.expect("1 done 0")


def test_longest_requests(site):
    for peer in (libmodbus_tcp, libmodbus_rtu, pymodbus_ascii):
        value = "".join(f"{i:04X}" for i in range(100, 145))
        probe = site.probe(peer(site), "state:input:1:1:1000", "p:holding:0:45:0", "bits:coil:0:100:0")
        probe.expect("1 online")
        probe.say(f"write 1 p {value}")
        probe.expect("1 done 0")
        probe.say("read 1 p")
        probe.expect(f"1 value p {value}")
        probe.say("read 1 bits")
        probe.expect("1 value bits AAAAAAAAAAAAAAAAAAAAAAAA0A")


@pytest.mark.parametrize("peer", [pymodbus_tcp, pymodbus_rtu])
def test_exception_2_splits_a_block_to_the_point_that_is_missing(site, peer):
    probe = site.probe(peer(site), "a:holding:48:1:100", "b:holding:49:1:100", "hole:holding:50:1:100", "c:holding:51:1:100",
                       "d:holding:55:2:100")
    probe.expect("1 none hole 2001")
    heard = probe.hear_for(1.0)
    for value in ("a 0030", "b 0031", "c 0033", "d 00370038"):
        assert heard.count(f"1 value {value}") >= 4
    assert not [line for line in heard if "hole" in line or "offline" in line]


def test_a_hole_between_points_splits_there(site):
    relay = site.relay(site.pymodbus("tcp"))
    probe = site.probe(f"tcp:127.0.0.1:{relay.listening_port}", "a:holding:48:2:100", "b:holding:51:2:100")
    probe.expect("1 value b 00330034")
    del relay.requests[:], probe.seen[:]
    for _ in range(3):
        probe.expect("1 value a 00300031")
        probe.expect("1 value b 00330034")
    assert not [line for line in probe.seen if "none" in line]
    assert {(r[7], r[8] << 8 | r[9], r[11]) for r in relay.requests} == {(3, 48, 2), (3, 51, 2)}


def test_exceptions_refuse_writes(site):
    probe = site.probe(pymodbus_tcp(site), "state:input:1:1:100", "hole:holding:50:1:0")
    probe.expect("1 online")
    probe.say("write 1 hole 0001")
    probe.expect("1 done 2001")
    assert "1 offline 2002" not in probe.hear_for(0.5)


def spoiled_probe(site, framing, meddle):
    relay = site.relay(site.pymodbus(framing))
    probe = site.probe(f"{framing}:127.0.0.1:{relay.listening_port}", "state:holding:5:1:100", "p:holding:20:1:0")
    probe.expect("1 value state 0005")
    relay.meddle = meddle(relay)
    return probe, relay


def once(relay, spoil):
    """Spoils one answer, then is gone."""
    def meddle(answer):
        relay.meddle = None
        return spoil(answer)
    return meddle


@pytest.mark.parametrize("framing, spoil, counter", [
    ("rtu", lambda a: [a[:-1] + bytes([a[-1] ^ 1])], "bad_frames"),           # wrong CRC
    ("rtu", lambda a: [a[:2] + bytes([a[2] ^ 0x40]) + a[3:]], None),          # a length that is not there: time-out
    ("rtu", lambda a: [b"\x00\xff" + a], "bad_frames"),                       # noise before
    ("ascii", lambda a: [a[:-3] + bytes([a[-3] ^ 1]) + a[-2:]], "bad_frames"),  # wrong LRC
    ("ascii", lambda a: [a[:4], b"\r\n:"], None),                             # cut off
    ("tcp", lambda a: [a[:6] + bytes([a[6] + 1]) + a[7:]], "bad_frames"),     # wrong unit
    ("tcp", lambda a: [bytes([a[0] ^ 1]) + a[1:]], "late_answers"),           # wrong transaction
    ("tcp", lambda a: [a[:3], a[3:8], a[8:]], None),                          # in pieces
    ("tcp", lambda a: [], "timeouts"),                                        # lost
])
def test_a_spoiled_answer_is_asked_for_again(site, framing, spoil, counter):
    probe, _ = spoiled_probe(site, framing, lambda relay: once(relay, spoil))
    probe.say("write 1 p 1234")
    probe.expect("1 done 0")
    probe.say("read 1 p")
    probe.expect("1 value p 1234")
    probe.say("counters")
    counters = probe.expect("counters .*").string
    if counter:
        assert f"{counter}=0" not in counters
    assert not [line for line in probe.seen if "offline" in line]
    assert [line for line in probe.seen if "value state" in line and "0005" not in line] == []


def test_a_wrong_crc_is_logged_once_with_its_bytes(site):
    relay = site.relay(site.pymodbus("rtu"))
    relay.meddle = lambda answer: [answer[:-1] + bytes([answer[-1] ^ 1])]
    with open(site.directory / "log", "w+") as log:
        probe = site.add(Program(BUILD / "modbus_probe", f"rtu:127.0.0.1:{relay.listening_port}", "1", "100,3,0,60,8",
                                 "state:holding:5:1:50", stderr=log))
        probe.expect("1 offline 2002")
        relay.meddle = None
        probe.expect("1 value state 0005")
        assert probe.stop() == 0
        log.seek(0)
        lines = [line for line in log if "broken frame" in line]
    assert len(lines) == 1 and "bytes=0103020005" in lines[0]


def test_a_late_answer_does_not_spoil_the_next(site):
    for framing in ("tcp", "rtu"):
        kept = []

        def meddle(relay):
            def late(answer):
                if not kept:
                    kept.append(answer)
                    return []
                relay.meddle = None
                return [kept[0], answer]  # both at once, the old one first
            return late

        probe, _ = spoiled_probe(site, framing, meddle)
        probe.say("read 1 p")
        heard = probe.hear_for(1.5)
        assert not [line for line in heard if "value state" in line and "0005" not in line]
        assert not [line for line in heard if "value p" in line and "0014" not in line]
        assert not [line for line in heard if "offline" in line]
        probe.say("counters")
        assert "bad_frames=0" in probe.expect("counters .*").string


@pytest.mark.parametrize("framing", ["tcp", "rtu", "ascii"])
def test_a_device_that_falls_silent_comes_back(site, framing):
    probe, relay = spoiled_probe(site, framing, lambda _: lambda answer: [])
    probe.expect("1 offline 2002")
    probe.say("write 1 p 0001")
    probe.expect("1 done 2002")
    relay.meddle = None
    probe.expect("1 online")
    probe.expect("1 value state 0005")
    probe.say("write 1 p 0001")
    probe.expect("1 done 0")


def test_a_server_that_restarts_is_found_again(site):
    port = site.pymodbus("tcp")
    probe = site.probe(f"tcp:127.0.0.1:{port}", "state:holding:5:1:100")
    probe.expect("1 value state 0005")
    site.things[0].kill()
    probe.expect("1 offline 200[23]")
    again = site.add(Program(sys.executable, ROOT / "tests/system/pymodbus_server.py", "tcp", port, 1, stderr=subprocess.DEVNULL))
    again.expect("ready .*")
    probe.expect("1 online")
    probe.expect("1 value state 0005")


def test_a_serial_line_that_vanishes_is_found_again(site):
    port = site.pymodbus("rtu")
    path = site.pty_to(f"tcp:127.0.0.1:{port},nodelay")
    probe = site.probe(f"rtu:{path}:19200:N", "state:holding:5:1:100")
    probe.expect("1 value state 0005")
    socat = site.things[1]
    socat.process.terminate()
    socat.process.wait()
    probe.expect("1 offline 2003")
    site.add(Program("socat", f"pty,raw,echo=0,link={path}", f"tcp:127.0.0.1:{port},nodelay"))
    probe.expect("1 online")
    probe.expect("1 value state 0005")


def test_a_dead_unit_on_a_line_costs_the_live_one_little(site):
    line = site.pty_to("tcp:127.0.0.1:%d,nodelay" % site.pymodbus("rtu", 1))  # unit 2 is not there
    probe = site.probe(f"rtu:{line}:19200:N", "state:holding:5:1:100", units="1,2")
    probe.expect("2 offline 2002")
    heard = probe.hear_for(4)
    # Time-outs of 0.3 s come 1 s and 2 s after each other at most; each costs three polls of the live unit.
    assert heard.count("1 value state 0005") >= 28
    assert "1 offline 2002" not in heard
    # A write to the live one waits for one time-out at most, and one to the dead one fails at once.
    start = time.monotonic()
    probe.say("write 1 state 0006")
    probe.expect("1 done 0")
    assert time.monotonic() - start < 1
    probe.say("write 2 state 0006")
    probe.expect("2 done 2002")


def test_two_units_on_a_line(site):
    line = site.pty_to("tcp:127.0.0.1:%d,nodelay" % site.pymodbus("rtu", 1, 7))
    probe = site.probe(f"rtu:{line}:19200:N", "state:holding:5:1:50", units="1,7")
    probe.expect("7 value state 0005")
    probe.say("write 7 state 0777")
    probe.expect("7 done 0")
    heard = probe.hear_for(1)
    assert "1 value state 0005" in heard and "7 value state 0777" in heard
    assert "1 value state 0777" not in heard


def test_frames_on_a_line_are_set_apart_by_silence_but_not_on_tcp(site):
    relay = site.relay(site.pymodbus("rtu"))
    line = site.pty_to(f"tcp:127.0.0.1:{relay.listening_port},nodelay")
    probe = site.probe(f"rtu:{line}:1200:N", "state:holding:5:1:1")
    probe.expect("1 online")
    probe.hear_for(1.5)
    assert len(relay.gaps) > 5 and min(relay.gaps) > 3.5 * 10 / 1200
    assert min(relay.gaps) < 0.1

    relay = site.relay(site.pymodbus("tcp"))
    probe = site.probe(f"tcp:127.0.0.1:{relay.listening_port}", "state:holding:5:1:1")
    probe.expect("1 online")
    probe.hear_for(0.5)
    assert min(relay.gaps) < 0.005
