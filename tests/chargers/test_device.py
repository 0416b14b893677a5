"""The simulated devices themselves: each family's facts give one that shows every state and obeys its own controls, on a wire that is strict."""
import os
import socket
import struct
import termios
import time

import device
import facts as facts_of
import pytest
from server import Box, Wire, ascii_frame, crc16

FAMILIES = sorted(p.stem for p in facts_of.DIRECTORY.glob("*.json"))


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(device, "CONTACTOR_S", 0)


@pytest.fixture
def wire():
    wire = Wire()
    yield wire
    wire.stop()


def every_register(outlet):
    """All that can be read, as its words give it back."""
    shown = {}
    for name, register in outlet.facts.registers.items():
        if "r" in register.access:
            shown[name] = register.decode(register.encode(outlet.read(name)))
    return shown


@pytest.mark.parametrize("family", FAMILIES)
def test_a_device_of_facts_shows_what_happens_to_it(family):
    outlet = Box(family, facts_of.load(family)).outlets[0]
    registers = outlet.facts.registers
    idle = every_register(outlet)
    outlet.plug()
    outlet.wants = False
    plugged = every_register(outlet)
    states = [n for n, r in registers.items() if r.states or n in ("charge_point_state", "cable_state", "vehicle_connected", "charging_active")]
    if not states:
        assert family == "huawei-scharger"      # monitoring only: no state in its public map
        return
    assert any(idle[n] != plugged[n] for n in states), f"no register shows that a car is there: {states}"
    if not release(outlet):
        return      # by other registers than those named alike everywhere: its session shows
    outlet.wants = True
    charging = every_register(outlet)
    assert outlet.status == device.CHARGING and outlet.current_A() > 6
    assert any(charging[n] != plugged[n] for n in states), f"no register shows that it charges: {states}"


def release(outlet):
    """By the controls that have the same name everywhere; False where a family has its own."""
    family, registers = outlet.family, outlet.facts.registers
    if hasattr(family, "STARTED") or hasattr(family, "WRITE") or hasattr(family, "POWER_ON"):
        return False
    if "charging_enable" in registers:
        outlet.write("charging_enable", device.level(registers["charging_enable"], True))
    if "session_control" in registers:
        outlet.write("session_control", registers["session_control"].by_text("^start"))
    if "authorize_id_token" in registers:
        outlet.write("authorize_id_token", "CARD")
    return True


class Client:
    """A Modbus client that sends what it is told."""

    def __init__(self, wire, box, unit=None):
        self.unit = box.facts.defaults.get("unit_id", 1) if unit is None else unit
        if box.facts.transport == "tcp":
            wire.listen(box, "127.0.0.1", 0)
            place = wire.servers[box].sockets[0].getsockname()
            self.socket = socket.create_connection(place, timeout=5)
        else:
            self.socket = None
            self.line = os.open(wire.line(box, box.facts.transport), os.O_RDWR | os.O_NOCTTY)
            attributes = termios.tcgetattr(self.line)
            attributes[3] = 0
            termios.tcsetattr(self.line, termios.TCSANOW, attributes)
            os.set_blocking(self.line, False)

    def ask(self, *pdu, wait=5):
        """The answering PDU; None for silence."""
        pdu = bytes(pdu)
        self.socket.settimeout(wait)
        self.socket.sendall(struct.pack(">HHHB", 1, 0, len(pdu) + 1, self.unit) + pdu)
        try:
            return self.socket.recv(300)[7:]
        except TimeoutError:
            return None

    def exchange(self, frame, length):
        """Bytes on a serial line; what comes within a second, up to a length."""
        os.write(self.line, frame)
        end, got = time.monotonic() + 1, b""
        while time.monotonic() < end and len(got) < length:
            try:
                got += os.read(self.line, 300)
            except BlockingIOError:
                time.sleep(0.01)
        return got

    def close(self):
        self.socket.close() if self.socket else os.close(self.line)


@pytest.mark.parametrize("name, pdu, answer", [
    ("two words", (3, 0x03, 0xE8, 0, 2), "0304"),
    ("more than two words", (3, 0x03, 0xE8, 0, 3), "8303"),
    ("an undefined address", (3, 0x03, 0xEA, 0, 1), "8302"),
    ("over a gap", (3, 0x03, 0xE9, 0, 2), "8302"),
    ("a register that can only be written", (3, 0x13, 0x8C, 0, 1), "8302"),
    ("another read function", (4, 0x03, 0xE8, 0, 2), "8401"),
    ("one word by 6", (6, 0x13, 0x8C, 0x27, 0x10), "06138c2710"),
    ("the same by 16", (16, 0x13, 0x8C, 0, 1, 2, 0x27, 0x10), "9001"),
    ("a register that can only be read", (6, 0x03, 0xE8, 0, 1), "8602"),
    ("a value that its texts do not have", (6, 0x13, 0x96, 0, 9), "8603"),
], ids=lambda v: v.replace(" ", "_") if isinstance(v, str) else "")
def test_the_wire_is_as_strict_as_the_facts_of_a_keba_p30(wire, name, pdu, answer):
    client = Client(wire, Box("keba-p30", facts_of.load("keba-p30")))
    assert client.ask(*pdu).hex().startswith(answer)
    client.close()


def test_another_unit_id_gets_no_answer(wire):
    client = Client(wire, Box("keba-p30", facts_of.load("keba-p30")), unit=1)
    assert client.ask(3, 0x03, 0xE8, 0, 2, wait=0.5) is None
    client.close()


def test_a_second_connection_is_closed_where_one_is_all(wire):
    box = Box("amperfied-connect", facts_of.load("amperfied-connect"))
    client = Client(wire, box)
    assert client.ask(4, 0, 5, 0, 1)[:2] == bytes([4, 2])
    with pytest.raises(OSError) as refused, socket.create_connection(wire.servers[box].sockets[0].getsockname(), timeout=5) as second:
        if second.recv(1) == b"":
            raise ConnectionResetError
    assert isinstance(refused.value, ConnectionResetError)
    client.close()


def test_a_request_too_soon_gets_no_answer(wire):
    box = Box("em2go-pro-power", facts_of.load("em2go-pro-power"))
    client = Client(wire, box)
    assert client.ask(3, 0, 0, 0, 1) is not None
    assert client.ask(3, 0, 0, 0, 1, wait=0.3) is None and box.violations
    client.close()


def test_rtu_frames_are_found_behind_noise(wire):
    client = Client(wire, Box("phoenix-ev-cc-ac1-ser", facts_of.load("phoenix-ev-cc-ac1-ser")))
    request = bytes([1, 4, 0x5D, 0xC0, 0, 1])
    answer = bytes([1, 4, 2, ord("A"), 0])
    assert client.exchange(b"\xFF\x00" + request + crc16(request), 7) == answer + crc16(answer)
    spoiled = client.exchange(request + b"\0\0", 1)
    assert spoiled == b""
    client.close()


def test_ascii_frames(wire):
    box = Box("abl-emh", facts_of.load("abl-emh"))
    client = Client(wire, box)
    client.exchange(ascii_frame(bytes([1, 3, 0, 4, 0, 1])), 1)      # it may have slept
    assert client.exchange(ascii_frame(bytes([1, 3, 0, 4, 0, 1])), 15) == ascii_frame(bytes([1, 3, 2, 1, 161]))
    client.close()


def test_a_watchdog_that_is_not_fed_falls_back(monkeypatch):
    box = Box("keba-p30", facts_of.load("keba-p30"))
    outlet, now = box.outlets[0], [time.monotonic()]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    for address, value in ((5016, 0), (5018, 10), (5014, 1), (5004, 16000)):
        assert box.answer(255, struct.pack(">BHH", 6, address, value)) is not None
    outlet.plug()
    now[0] += 6
    outlet.advance()
    assert box.answer(255, struct.pack(">BHH", 3, 1000, 2)) and outlet.current_A() > 15
    now[0] += 5      # reads are no sign of life to it
    assert box.answer(255, struct.pack(">BHH", 3, 1000, 2)) and outlet.current_A() == 0 and box.trips == 1
    assert box.answer(255, struct.pack(">BHH", 6, 5018, 10)) and box.answer(255, struct.pack(">BHH", 3, 1000, 2))
    assert outlet.current_A() > 15
