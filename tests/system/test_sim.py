"""ocpp-sim as its users see it: peers that nobody here wrote (pymodbus, mbpoll), plain sockets, and its control line."""
import importlib.util
import itertools
import json
import os
import pathlib
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import time
import tty
import types

import pytest
for name in ("serial", "serial_asyncio"):  # pymodbus imports them even for TCP; Debian only recommends them
    if not importlib.util.find_spec(name):
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].create_serial_connection = None
from pymodbus.client import ModbusTcpClient  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build/asan"))
WAIT = 20
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_addresses = itertools.count(1)


def address():
    """A loopback address that no other test uses."""
    return f"127.{60 + _worker}.0.{next(_addresses)}"


def until(condition, what):
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {WAIT} s")


class Sim:
    """ocpp-sim with these chargers; `with Sim("name=...", ...) as sim`. DIR stands for a directory of its own."""

    def __init__(self, *chargers, options=()):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sim."))
        self.arguments = [str(BUILD / "ocpp-sim"), "--control", str(self.directory / "control"), *options]
        for charger in chargers:
            self.arguments += ["--charger", charger.replace("DIR", str(self.directory))]

    def __enter__(self):
        self.output = open(self.directory / "output", "w+")
        self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output)
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(WAIT)
        until(self.try_connect, "the control socket")
        self.file = self.connection.makefile("rw")
        return self

    def try_connect(self):
        try:
            self.connection.connect(str(self.directory / "control"))
            return True
        except OSError:
            assert self.process.poll() is None, self.log()
            return False

    def __exit__(self, *_):
        self.file.close()
        self.connection.close()
        self.process.terminate()
        code = self.process.wait(WAIT)
        log = self.log()
        self.output.close()
        shutil.rmtree(self.directory)
        assert code == 0, log

    def log(self):
        return (self.directory / "output").read_text()

    def ask(self, line):
        self.file.write(line + "\n")
        self.file.flush()
        return self.file.readline().rstrip("\n")

    def do(self, line):
        answer = self.ask(line)
        assert answer == "ok", f"{line}: {answer}"

    def show(self, name):
        return json.loads(self.ask(f"show {name}"))


# ---- Modbus TCP ----

@pytest.fixture
def tcp():
    where = address()
    with Sim(f"name=tcp1,map=ac22,listen={where}:5020", options=["--speed", "100"]) as sim:
        client = ModbusTcpClient(where, port=5020, timeout=2)
        yield sim, client, where
        client.close()


def inputs(client, start, count, unit=1):
    return client.read_input_registers(start, count, slave=unit).registers


def test_pymodbus_sees_a_whole_session_on_tcp(tcp):
    sim, client, _ = tcp
    assert client.read_holding_registers(4, 1, slave=1).registers == [0x0107]
    assert inputs(client, 100, 3) == [1, 0, 0]
    sim.do("plug tcp1 soc=50 max=16")
    assert inputs(client, 100, 2) == [2, 3]
    sim.do("tap tcp1 04a1b2c3d4e5f6")
    words = client.read_holding_registers(200, 10, slave=1).registers
    assert struct.pack(">10H", *words).rstrip(b"\0") == b"04A1B2C3D4E5F6"
    assert not client.write_registers(200, [0] * 10, slave=1).isError()
    assert sim.show("tcp1")["tag"] == ""

    assert not client.write_coil(5, True, slave=1).isError()
    assert client.read_coils(5, 1, slave=1).bits[0]
    sim.do("wait tcp1 state=charging 5s")
    assert inputs(client, 100, 1) == [7]
    assert inputs(client, 110, 6) == [1600, 1600, 1600, 2284, 2290, 2280]
    assert inputs(client, 120, 2) == [1, 0xAC60]
    assert not client.write_register(300, 80, slave=1).isError()
    assert inputs(client, 110, 1) == [800]

    client.write_coil(5, False, slave=1)
    shown = sim.show("tcp1")
    high, low = inputs(client, 124, 2)
    assert high << 16 | low == int(shown["energy"] + 1e-6)
    assert shown["power"] == 0 and shown["energy"] > 0
    sim.do("unplug tcp1")
    assert [w["name"] + "=" + w["value"] for w in json.loads(sim.ask("writes tcp1"))] == [
        'tag=""', "enable=1", "max_current=8", "enable=0"]


def test_pymodbus_gets_exceptions_and_reads_what_it_writes(tcp):
    _, client, _ = tcp
    assert client.read_input_registers(99, 1, slave=1).exception_code == 2
    assert client.read_holding_registers(310, 1, slave=1).exception_code == 2
    assert client.write_register(300, 330, slave=1).exception_code == 3
    assert client.write_register(312, 1, slave=1).exception_code == 3
    answer = client.readwrite_registers(read_address=300, read_count=1, write_address=300, write_registers=[120], unit=1)
    assert answer.registers == [120]


def test_mbpoll_reads_and_writes_on_tcp(tcp):
    sim, _, where = tcp

    def mbpoll(*arguments):
        done = subprocess.run(["mbpoll", "-m", "tcp", "-p", "5020", "-a", "1", "-0", "-1", "-q", *arguments],
                              capture_output=True, text=True, timeout=WAIT)
        return done.stdout + done.stderr
    assert "[114]: \t2306" in mbpoll("-t", "3", "-r", "110", "-c", "6", where)
    assert "Written 1" in mbpoll("-t", "0", "-r", "5", where, "1")
    assert sim.show("tcp1")["enabled"]
    assert "Illegal data address" in mbpoll("-t", "4", "-r", "9", where)


def test_another_unit_id_is_not_answered(tcp):
    _, _, where = tcp
    with socket.create_connection((where, 5020), timeout=0.3) as line:
        line.sendall(bytes.fromhex("000100000006020300040001"))
        with pytest.raises(socket.timeout):
            line.recv(100)


def test_mute_slow_and_corrupt_disturb_the_line(tcp):
    sim, _, where = tcp
    with socket.create_connection((where, 5020), timeout=WAIT) as line:
        def ask(seconds):
            line.settimeout(seconds)
            line.sendall(bytes.fromhex("000100000006010300040001"))
            return line.recv(100).hex()
        good = "0001000000050103020107"
        assert ask(WAIT) == good
        sim.do("mute tcp1 on")
        with pytest.raises(socket.timeout):
            ask(0.3)
        sim.do("mute tcp1 off")
        assert ask(WAIT) == good
        sim.do("slow tcp1 300")
        start = time.monotonic()
        assert ask(WAIT) == good
        assert time.monotonic() - start >= 0.29
        sim.do("slow tcp1 0")
        sim.do("corrupt tcp1 1")
        assert ask(WAIT) == "0001ff00" + good[8:]
        assert ask(WAIT) == good


def test_a_power_cut_silences_the_device_and_ends_its_connections(tcp):
    sim, client, where = tcp
    sim.do("plug tcp1")
    client.write_coil(5, True, slave=1)
    sim.do("wait tcp1 energy>10 10s")
    before = sim.show("tcp1")["energy"]
    with socket.create_connection((where, 5020), timeout=WAIT) as line:
        line.sendall(bytes.fromhex("000100000006010300040001"))
        assert line.recv(100)
        sim.do("power tcp1 off")
        line.sendall(bytes.fromhex("000100000006010300040001"))
        line.settimeout(0.3)
        with pytest.raises(socket.timeout):
            line.recv(100)
        sim.do("power tcp1 on")
        line.settimeout(WAIT)
        assert line.recv(100) == b""
    shown = sim.show("tcp1")
    assert not shown["enabled"] and shown["state"] == "connected" and shown["energy"] >= before > 10


def test_the_reset_register_restarts_the_device(tcp):
    sim, client, _ = tcp
    client.write_coil(5, True, slave=1)
    assert not client.write_register(312, 0x5A5A, slave=1).isError()
    assert not sim.show("tcp1")["powered"]
    sim.do("wait tcp1 powered=true 5s")
    assert not sim.show("tcp1")["enabled"]


def test_garbage_closes_the_connection_and_harms_nobody(tcp):
    _, client, where = tcp
    for garbage in [b"GET / HTTP/1.1\r\n\r\n", b"\1" * 300, bytes(range(256)) * 8]:
        with socket.create_connection((where, 5020), timeout=WAIT) as line:
            line.sendall(garbage)
            try:
                assert line.recv(100) == b""
            except ConnectionResetError:
                pass
    assert inputs(client, 100, 1) == [1]


# ---- Modbus RTU ----

def crc(data):
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return struct.pack("<H", value)


class Line:
    """The far end of a pty: PDUs out, PDUs in."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.fd, termios.TCSANOW)

    def close(self):
        os.close(self.fd)

    def ask(self, unit, pdu, seconds=WAIT):
        """The answering PDU in hex; "" if nothing comes, None if its CRC is wrong."""
        frame = bytes([unit]) + bytes.fromhex(pdu)
        os.write(self.fd, frame + crc(frame))
        answer = b""
        while select.select([self.fd], [], [], 0.1 if answer else seconds)[0]:
            answer += os.read(self.fd, 300)
            if len(answer) > 4 and crc(answer[:-2]) == answer[-2:]:
                break
        if not answer:
            return ""
        return answer[1:-2].hex() if answer[0] == unit and crc(answer[:-2]) == answer[-2:] else None

    def read(self, unit, start, count):
        answer = bytes.fromhex(self.ask(unit, f"03{start:04x}{count:04x}"))
        assert answer[:2] == bytes([3, 2 * count])
        return list(struct.unpack(f">{count}H", answer[2:]))

    def write(self, unit, start, *words):
        head = f"10{start:04x}{len(words):04x}"
        assert self.ask(unit, head + f"{2 * len(words):02x}" + "".join(f"{w:04x}" for w in words)) == head


def test_several_units_share_a_pty():
    with Sim("name=rtu1,map=rtu7,pty=DIR/line", "name=rtu2,map=rtu7,pty=DIR/line,unit=8",
             "name=big,map=ac22,pty=DIR/line,unit=9", options=["--speed", "100"]) as sim:
        line = Line(sim.directory / "line")
        assert line.read(7, 0x1000, 3) == [ord("A"), 0, 0]
        sim.do("plug rtu1 max=10 soc=50")
        line.write(7, 0x1030, 1, 16)
        sim.do("wait rtu1 state=charging 5s")
        assert line.read(7, 0x1000, 2) == [ord("C"), 7]
        assert line.read(7, 0x1014, 3) == [100, 100, 100]
        assert line.read(7, 0x1010, 2) == [6872, 0]
        assert line.read(8, 0x1000, 2) == [ord("A"), 0]
        sim.do("wait rtu1 energy>100 10s")
        line.write(7, 0x1030, 0)
        assert line.read(7, 0x1012, 2) == [int(sim.show("rtu1")["energy"] // 10), 0]

        sim.do("tap rtu2 04a1b2c3")
        assert line.read(8, 0x1020, 4) == [0x04A1, 0xB2C3, 0, 0]
        line.write(8, 0x1032, 1)
        assert line.read(8, 0x1020, 4) == [0, 0, 0, 0]

        assert line.ask(7, "0310000015") == "8303"
        assert line.ask(7, "0410000001") == "8401"
        assert line.ask(7, "0610300001") == "8601"
        assert line.ask(9, "0400640001") == "04020001"
        assert line.ask(33, "0310000001", 0.3) == ""

        sim.do("corrupt rtu1 1")
        assert line.ask(7, "0310000001") is None
        assert line.ask(7, "0310000001") == "03020042"
        assert line.ask(0, "10103000020400010010", 0.3) == "", "a broadcast is obeyed and not answered"
        assert sim.show("rtu1")["enabled"] and sim.show("rtu2")["enabled"] and not sim.show("big")["enabled"]
        line.close()


def test_noise_before_a_request_is_passed_over():
    with Sim("name=rtu1,map=rtu7,pty=DIR/line") as sim:
        line = Line(sim.directory / "line")
        os.write(line.fd, b"\x00\xff\x07\x55\x13")
        time.sleep(0.1)
        assert line.ask(7, "0310000001") == "03020041"
        line.close()


def test_a_pty_can_be_opened_again_and_again():
    with Sim("name=rtu1,map=rtu7,pty=DIR/line") as sim:
        for _ in range(3):
            done = subprocess.run(["mbpoll", "-m", "rtu", "-b", "9600", "-P", "even", "-a", "7", "-0", "-1", "-q",
                                   "-t", "4:hex", "-r", str(0x1040), "-c", "5", str(sim.directory / "line")],
                                  capture_output=True, text=True, timeout=WAIT)
            assert "0x5237" in done.stdout, done.stdout + done.stderr


def test_a_serial_port_of_the_machine_serves_as_line(tmp_path):
    ends = [tmp_path / "near", tmp_path / "far"]
    pair = subprocess.Popen(["socat", f"pty,raw,echo=0,link={ends[0]}", f"pty,raw,echo=0,link={ends[1]}"])
    try:
        until(lambda: all(end.exists() for end in ends), "the pty pair")
        with Sim(f"name=rtu1,map=rtu7,serial={ends[0]}") as sim:
            line = Line(ends[1])
            assert line.read(7, 0x1000, 1) == [ord("A")]
            sim.do("slow rtu1 300")
            assert line.ask(7, "0310000001", 0.1) == ""
            assert line.ask(7, "0310000001") == "03020041"
            line.close()
    finally:
        pair.terminate()
        pair.wait(WAIT)


# ---- the control line ----

def test_commands_say_what_is_wrong():
    with Sim(f"name=a,map=ac22,listen={address()}:5020") as sim:
        for line, part in [
            ("fly a", "no command"), ("plug b", "no charger"), ("plug", "usage: plug"), ("plug a soc=200", "soc is not allowed"),
            ("plug a colour=red", "colour is not allowed"), ("unplug a", "no car"), ("ready a on", "no car"),
            ("tap a 12345", "hex digits"), ("fault a 0", "1..65535"), ("mute a maybe", "seconds"), ("slow a -1", "ms"),
            ("power a", "usage"), ("meter a -3", "Wh"), ("wait a state", "no condition"), ("wait a nothing=1", "no condition"),
            ("wait a state=charging soon", "no time"), ("wait a state=charging 50ms", "not in time"), ("show b", "no charger"),
            ("unplug a b c", "usage"), ("unplug a b", "car"),
        ]:
            answer = sim.ask(line)
            assert answer.startswith("error: ") and part in answer, (line, answer)
        sim.do("plug a")
        assert "already" in sim.ask("plug a")
        assert len(json.loads(sim.ask("show"))) == 1
        assert "plug NAME" in sim.ask("help")


def test_the_meter_can_be_set_and_taken_away():
    where = address()
    with Sim(f"name=a,map=ac22,listen={where}:5020,energy=5000") as sim:
        client = ModbusTcpClient(where, port=5020)
        assert inputs(client, 124, 2) == [0, 5000]
        sim.do("meter a 70000")
        assert inputs(client, 124, 2) == [1, 4464]
        sim.do("meter a absent")
        assert inputs(client, 120, 2) == [0x7FFF, 0xFFFF]
        sim.do("meter a present")
        assert inputs(client, 120, 2) == [0, 0]
        client.close()


def test_what_is_written_is_printed():
    where = address()
    with Sim(f"name=a,map=ac22,listen={where}:5020") as sim:
        client = ModbusTcpClient(where, port=5020)
        client.write_register(300, 65, slave=1)
        client.write_register(300, 999, slave=1)
        client.close()
        until(lambda: "max_current = refused" in sim.log(), "the line")
        assert "a        write  max_current = 6.5\n" in sim.log()


def test_two_sessions_may_wait_at_once():
    with Sim(f"name=a,map=ac22,listen={address()}:5020") as sim:
        with socket.socket(socket.AF_UNIX) as other:
            other.settimeout(WAIT)
            other.connect(str(sim.directory / "control"))
            other.sendall(b"wait a plugged=true\nshow a\n")
            sim.do("plug a")
            text = b""
            while text.count(b"\n") < 2:
                text += other.recv(10000)
            assert text.startswith(b"ok\n{")


def test_many_lines_at_once_are_answered_one_by_one():
    with Sim(f"name=a,map=ac22,listen={address()}:5020") as sim:
        with socket.socket(socket.AF_UNIX) as other:
            other.settimeout(WAIT)
            other.connect(str(sim.directory / "control"))
            other.sendall(b"wait a plugged=true\n" + b"slow a 0\n" * 2000)
            other.shutdown(socket.SHUT_WR)
            sim.do("plug a")
            text = b""
            while more := other.recv(65536):
                text += more
            assert text == b"ok\n" * 2001


def test_a_line_without_end_closes_the_session():
    with Sim(f"name=a,map=ac22,listen={address()}:5020") as sim:
        with socket.socket(socket.AF_UNIX) as other:
            other.settimeout(WAIT)
            other.connect(str(sim.directory / "control"))
            other.sendall(b"x" * 600)
            try:
                assert other.recv(100) == b""
            except ConnectionResetError:
                pass
        sim.do("plug a")


# ---- starting and scripts ----

def run(*arguments):
    done = subprocess.run([str(BUILD / "ocpp-sim"), *map(str, arguments)], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("arguments, part", [
    ([], "there is none"),
    (["--charger", "name=a"], "has no map"),
    (["--charger", "map=ac22,listen=127.0.0.1:1"], "has no name"),
    (["--charger", "name=a,map=nix,listen=127.0.0.1:1"], "map: \"nix\" is not allowed"),
    (["--charger", "name=a,map=ac22"], "needs one of listen="),
    (["--charger", "name=a,map=ac22,listen=127.0.0.1:1,pty=/tmp/x"], "needs one of listen="),
    (["--charger", "name=a,map=ac22,colour=red,listen=127.0.0.1:70000"], "colour: not known"),
    (["--charger", "name=a,map=ac22,colour=red,listen=127.0.0.1:70000"], "listen: \"127.0.0.1:70000\""),
    (["--charger", "name=a,map=ac22,listen=192.0.2.1:5020"], "listen on 192.0.2.1:5020 failed"),
    (["--charger", "name=a,map=rtu7,pty=/no/such/place"], "cannot open /no/such/place"),
    (["--charger", "name=a,map=rtu7,serial=/no/such/tty"], "cannot open /no/such/tty"),
    (["--charger", "name=a,map=echonet-02a1"], "needs address="),
    (["--fleet", "ac22,127.0.0.1"], "must be map,address:port,count"),
    (["--speed", "0", "--charger", "x"], "--speed"),
    (["--once", "--charger", "name=a,map=ac22,listen=127.0.0.1:1"], "needs --script"),
    (["--nonsense"], "nonsense"),
])
def test_a_wrong_start_says_why(arguments, part):
    code, _, errors = run(*arguments)
    assert code == 2 and part in errors


def test_a_name_or_unit_twice_is_refused(tmp_path):
    where = address()
    code, _, errors = run("--charger", f"name=a,map=ac22,listen={where}:5020", "--charger", f"name=a,map=ac22,listen={where}:5021")
    assert code == 2 and "two of this name" in errors
    code, _, errors = run("--charger", f"name=a,map=rtu7,pty={tmp_path}/l", "--charger", f"name=b,map=rtu7,pty={tmp_path}/l")
    assert code == 2 and "another charger is" in errors
    assert not (tmp_path / "l").is_symlink()


def test_help_and_version():
    code, out, _ = run("--help")
    assert code == 0 and "--charger" in out and "rtu7" in out
    code, out, _ = run("--version")
    assert code == 0 and out.startswith("ocpp-sim ")


SCRIPT = """# a short session
at 200ms plug a soc=50
wait a plugged=true
wait a state=connected 1s
print the car is there
sleep 100ms
show a
unplug a
"""


def test_a_script_runs_to_its_end(tmp_path):
    path = tmp_path / "night"
    path.write_text(SCRIPT)
    code, out, errors = run("--charger", f"name=a,map=ac22,listen={address()}:5020", "--script", path, "--once")
    assert code == 0, errors
    assert "the car is there\n" in out and '"plugged":true' in out


def test_a_script_that_fails_ends_with_1(tmp_path):
    path = tmp_path / "night"
    path.write_text("plug a\n\nwait a state=charging 100ms\n")
    code, _, errors = run("--charger", f"name=a,map=ac22,listen={address()}:5020", "--script", path, "--once")
    assert code == 1 and f"{path}:3: " in errors


def test_a_wrong_script_does_not_start(tmp_path):
    path = tmp_path / "night"
    path.write_text("plug b\nfly a\nat noon plug a\nsleep a while\n")
    code, _, errors = run("--charger", f"name=a,map=ac22,listen={address()}:5020", "--script", path, "--once")
    assert code == 2
    for part in [":1: error: no charger \"b\"", ":2: error: no command \"fly\"", ":3: \"noon\" is no time", ":4: \"a while\" is no"]:
        assert part in errors, errors


def test_a_fleet_listens_on_successive_addresses():
    with Sim(options=["--fleet", f"ac22,127.{60 + _worker}.1.1:5020,300", "--quiet"]) as sim:
        assert len(json.loads(sim.ask("show"))) == 300
        sim.do("plug ac22-299")
        client = ModbusTcpClient(f"127.{60 + _worker}.2.43", port=5020)
        assert inputs(client, 100, 1) == [2]
        client.close()
