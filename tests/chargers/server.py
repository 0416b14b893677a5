"""The wire: a box with one or several outlets on Modbus TCP, RTU or ASCII (a pty), as strict as its facts say.

Functions other than the family's answer exception 1; undefined addresses, and reads over gaps, exception 2 (unless
read_gap_allowed or single_block_read); values outside min..max exception 3; other unit ids, and requests sooner than
min_request_gap_ms, nothing. What a client must not do but the wire cannot refuse is kept in `violations`.

    TCP    | transaction 2 | protocol 2 = 0 | length 2 | unit 1 | PDU |
    RTU    | unit 1 | PDU | CRC 2, low byte first |
    ASCII  : | hex of unit 1, PDU, LRC 1 | CR LF
"""
import asyncio
import collections
import os
import pty
import re
import struct
import sys
import threading
import time
import tty

from device import FactError, Outlet

SHOW_FRAMES = bool(os.environ.get("CHARGER_FRAMES"))
GRACE_S = 0.02                 # of times that a client must keep
READS, SINGLE, MULTIPLE = {1: "bits", 2: "bits", 3: "words", 4: "words"}, {5: "coil", 6: "holding"}, {15: "coil", 16: "holding"}
# Registers of the box as a whole, where several outlets follow each other by address.
SHARED = {"watchdog_timeout", "watchdog_enable", "failsafe_current", "failsafe_power", "connector_count", "station_state", "station_id",
          "station_time", "station_power", "station_name", "load_management_active", "charge_mode", "serial_number", "model",
          "firmware_version", "hardware_version", "vendor_name", "modbus_map_version", "meter_type", "max_current_total", "heartbeat",
          "clock_setpoint", "reset", "rfid_card_count", "hw_max_current"}


class Refused(Exception):
    """An exception response, by its code."""


def kick_registers(facts):
    """Registers whose write is a sign of life, as the facts' text names them, by name or address; none: any write will do."""
    text = str(facts.behaviours.get("watchdog", {}).get("kick", ""))
    if hasattr(facts.family, "KICK"):
        return facts.family.KICK
    if "the timeout itself" in text and "renew setpoint" not in text:
        return {"watchdog_timeout"}
    numbers = {int(n, 0) for n in re.findall(r"\b0x[0-9A-Fa-f]+|\b\d+", text)}
    return {r.name for r in facts.registers.values()
            if "w" in r.access and (r.address in numbers or re.search(rf"\b{r.name}\b", text))}


class Box:
    """One physical device: its outlets behind one set of addresses."""

    def __init__(self, name, facts):
        self.name, self.facts, self.family = name, facts, facts.family
        self.lock = threading.RLock()
        connectors = facts.data.get("connectors", {})
        self.addressing = connectors.get("addressing")
        count = min(connectors.get("max", 2), getattr(self.family, "OUTLETS", 10)) if connectors else 1
        self.outlets = [Outlet(facts, self, i) for i in range(count)]
        self.readable, self.writable = collections.defaultdict(dict), collections.defaultdict(dict)
        for outlet in self.outlets:
            for register in facts.registers.values():
                self.place(register, outlet, connectors)
        self.violations, self.frames = [], collections.deque(maxlen=60)
        self.last_answer = self.last_kick = time.monotonic() - 3600
        self.wrote_at, self.settling, self.trips, self.requests = {}, {}, 0, 0
        self.silent, self.on_since = False, time.monotonic()
        self.last_request = time.monotonic()

    def place(self, register, outlet, connectors):
        units, address = self.units(register, outlet), register.address
        shared = self.is_shared(register, connectors)
        if outlet.index and (shared or self.addressing == "tcp port"):
            return
        if self.addressing == "address offset" and not shared:
            stride = connectors.get("stride") or connectors[f"stride_{register.kind}"]
            address += outlet.index * stride
        for unit in units:
            for i in range(register.words):
                cell = (register, outlet, i)
                if "r" in register.access:
                    self.readable[unit, register.read_function].setdefault(address + i, cell)
                if "w" in register.access:
                    self.writable[unit, register.kind].setdefault(address + i, cell)

    def units(self, register, outlet):
        """The unit ids that answer for it; None is any."""
        if self.addressing == "unit id":
            ids = self.facts.data["connectors"]["unit_ids"]
            return [ids["station"]] if "unit id" in register.notes else [ids[f"socket {outlet.index + 1}"]]
        if "any unit id" in self.facts.defaults.get("notes", ""):
            return [None]
        return [self.facts.defaults.get("unit_id")]

    def is_shared(self, register, connectors):
        own = getattr(self.family, "SHARED", None)
        if own is not None:
            return register.name in own
        return register.name in SHARED or register.address < connectors.get("base", 0)

    # ---- a request ----

    def answer(self, unit, pdu):
        """The answering PDU; None for silence."""
        now = time.monotonic()
        known = {u for u, _ in [*self.readable, *self.writable]}
        unit = None if None in known else unit
        gap = self.facts.behaviours.get("min_request_gap_ms", 0) / 1000
        sleeps = getattr(self.family, "SLEEPS_AFTER_S", None)
        was_asleep, self.last_request = sleeps and now - self.last_request > sleeps, now
        if self.silent or unit not in known or was_asleep or (hasattr(self.family, "ASLEEP") and self.family.ASLEEP(self)):
            return None
        if now - self.last_answer < gap - GRACE_S:
            self.violations.append(f"a request {1000 * (now - self.last_answer):.0f} ms after an answer, at least {1000 * gap:.0f} asked for")
            return None
        with self.lock:
            self.requests += 1
            self.watch(now)
            if self.kick_text.startswith("any"):
                self.last_kick = now
            try:
                answer = self.execute(unit, pdu)
            except Refused as refused:
                answer = bytes([pdu[0] | 0x80, refused.args[0]])
            except FactError as error:
                self.violations.append(str(error))
                answer = bytes([pdu[0] | 0x80, 4])
        return answer

    def execute(self, unit, pdu):
        function = pdu[0]
        if len(pdu) < 5 or function not in self.facts.read_functions | self.facts.write_functions:
            raise Refused(1)
        address, count = struct.unpack(">HH", pdu[1:5])
        if function in READS:
            return self.read(unit, function, address, count)
        if function in SINGLE:
            self.write(unit, function, SINGLE[function], address, [int(count == 0xFF00)] if function == 5 else [count])
            return pdu
        if function in MULTIPLE and len(pdu) == 6 + pdu[5]:
            if function == 15:
                words = [pdu[6 + i // 8] >> i % 8 & 1 for i in range(count)]
            else:
                words = list(struct.unpack(f">{count}H", pdu[6:]))
            self.write(unit, function, MULTIPLE[function], address, words)
            return pdu[:5]
        raise Refused(1 if function not in MULTIPLE else 3)

    def read(self, unit, function, address, count):
        cells = self.readable[unit, function]
        if not cells:
            raise Refused(1 if function not in self.facts.data["function_codes"]["read"] else 2)
        limit = 2000 if READS[function] == "bits" else self.facts.behaviours.get("max_words_per_read") or 125
        if not 1 <= count <= limit:
            raise Refused(3)
        values, cache = [], {}
        for at in range(address, address + count):
            if at not in cells:
                if not self.may_read_over(address, count):
                    raise Refused(2)
                values.append(0)
                continue
            register, outlet, i = cells[at]
            if getattr(self.family, "WHOLE_REGISTERS", False) and (at - i < address or at - i + register.words > address + count):
                raise Refused(2)
            key = (register.name, outlet.index)
            if key not in cache:
                cache[key] = register.encode(self.shown(register, outlet))
            values.append(cache[key][i])
        if READS[function] == "words":
            return struct.pack(f">BB{count}H", function, 2 * count, *values)
        packed = sum(bit << i for i, bit in enumerate(values)).to_bytes((count + 7) // 8, "little")
        return bytes([function, len(packed)]) + packed

    def may_read_over(self, address, count):
        block = self.facts.behaviours.get("single_block_read")
        if isinstance(block, dict):
            return block["start"] <= address and address + count <= block["start"] + block["words"]
        return bool(block or self.facts.behaviours.get("read_gap_allowed"))

    def shown(self, register, outlet):
        """What a read gives: for some seconds after a write still the old value, where settle_after_write says so."""
        old, until = self.settling.get((register.name, outlet.index), (None, 0))
        return old if time.monotonic() < until else outlet.read(register.name)

    def write(self, unit, function, kind, address, words):
        cells = self.writable[unit, kind]
        at = address
        writes = []
        while at < address + len(words):
            if at not in cells:
                raise Refused(2)
            register, outlet, i = cells[at]
            if function not in register.write_functions:
                raise Refused(1)
            if i or at + register.words > address + len(words):   # a value is written whole, or not at all
                raise Refused(3)
            raw = register.decode(words[at - address:at - address + register.words])
            self.check(register, raw)
            writes.append((register, outlet, raw))
            at += register.words
        for register, outlet, raw in writes:
            self.note_write(register, outlet, raw)
            outlet.write(register.name, raw)
            if register.name in self.shared_effects():
                for other in self.outlets:
                    if other is not outlet:
                        other.write(register.name, raw)

    def shared_effects(self):
        return {n for n in self.facts.registers if len(self.outlets) > 1 and
                self.is_shared(self.facts.registers[n], self.facts.data.get("connectors", {}))}

    @staticmethod
    def check(register, raw):
        if isinstance(raw, str):
            return
        low = register.min is not None and raw < register.min
        if low or (register.max is not None and raw > register.max):
            raise Refused(3)
        if len(register.enum) > 1 and not register.unit and register.scale == 1 and raw not in register.enum and 0 < raw:
            raise Refused(3)

    def note_write(self, register, outlet, raw):
        now, key = time.monotonic(), (register.name, outlet.index)
        settle = self.facts.behaviours.get("settle_after_write_s", self.facts.behaviours.get("settle_after_write_ms", 0) / 1000)
        if settle and "r" in register.access:
            self.settling[key] = (self.shown(register, outlet), now + settle)
        pause = self.facts.behaviours.get("min_write_interval_s", 0)
        if key in self.wrote_at and now - self.wrote_at[key] < pause - 0.1:
            self.violations.append(f"{register.name} written again after {now - self.wrote_at[key]:.1f} s, at least {pause} asked for")
        self.wrote_at[key] = now
        if register.address in self.facts.behaviours.get("persistent_write_registers", []) and outlet.memory.get(register.name) == raw:
            self.violations.append(f"{register.name} is in flash and was written with the value it has")
        if self.kicks(register):
            self.last_kick = now

    # ---- the watchdog ----

    @property
    def kick_text(self):
        return str(self.facts.behaviours.get("watchdog", {}).get("kick", ""))

    def kicks(self, register):
        named = kick_registers(self.facts)
        return self.kick_text.startswith("write") and (not named or register.name in named)

    def timeout_s(self):
        watchdog, register = self.facts.behaviours.get("watchdog", {}), self.facts.registers.get("watchdog_timeout")
        if not watchdog.get("present"):
            return 0
        if hasattr(self.family, "TIMEOUT_S"):
            return self.family.TIMEOUT_S(self)
        memory = self.outlets[0].memory
        if register and "watchdog_timeout" in memory:
            return register.value(memory["watchdog_timeout"]) if memory.get("watchdog_enable", 1) else 0
        kept = watchdog.get("keepalive_used_s")
        return watchdog.get("default_s") or watchdog.get("timeout_s") or (2 * kept if kept else 0)

    def watch(self, now):
        """Falls back when nobody gave a sign of life in time. Counted only where the box was talked to and charged meanwhile."""
        timeout = self.timeout_s()
        late = bool(timeout) and now - self.last_kick > timeout
        for outlet in self.outlets:
            with outlet.lock:
                if late and not outlet.failsafe and outlet.session and outlet.released:
                    self.trips += 1
                outlet.advance()
                outlet.failsafe = late
                outlet.advance()


# ---- framing ----

def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc.to_bytes(2, "little")


def rtu_request(buffer):
    """(bytes taken, ADU or None) of what stands at the start of the buffer; (0, None): more is to come."""
    if len(buffer) < 8:
        return 0, None
    length = 9 + buffer[6] if buffer[1] in MULTIPLE else 10 if buffer[1] == 22 else 8
    if len(buffer) < length:
        return 0, None
    adu = bytes(buffer[:length])
    return (length, adu[:-2]) if crc16(adu[:-2]) == adu[-2:] else (1, None)


def ascii_request(buffer):
    start, end = buffer.find(b":"), buffer.find(b"\r\n")
    if end < 0:
        return 0, None
    try:
        adu = bytes.fromhex(bytes(buffer[start + 1:end]).decode())
    except ValueError:
        return end + 2, None
    return end + 2, adu[:-1] if len(adu) > 2 and sum(adu) & 0xFF == 0 else None


def ascii_frame(adu):
    return b":" + (adu + bytes([-sum(adu) & 0xFF])).hex().upper().encode() + b"\r\n"


class Wire:
    """Serves boxes in a thread of its own."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.servers, self.clients, self.lines, self.places = {}, {}, [], {}

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def stop(self):
        for box in list(self.servers):
            self.run(self._close(box))
        for box in list(self.clients):
            for writer in list(self.clients[box]):
                self.loop.call_soon_threadsafe(writer.close)
        for master, slave in self.lines:
            self.loop.call_soon_threadsafe(self.loop.remove_reader, master)
            for descriptor in (master, slave):
                self.loop.call_soon_threadsafe(os.close, descriptor)
        self.run(self._cancel())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(20)
        self.loop.close()

    async def _cancel(self):
        """Ends what still talks."""
        others = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def note(self, box, direction, adu):
        box.frames.append(f"{time.strftime('%H:%M:%S')} {direction} {adu.hex(' ')}")
        if SHOW_FRAMES:
            print(box.name, box.frames[-1], file=sys.stderr, flush=True)

    async def respond(self, box, unit, pdu):
        self.note(box, "->", bytes([unit]) + pdu)
        delay = box.facts.behaviours.get("typical_response_ms", 0) / 1000
        if delay:
            await asyncio.sleep(delay)
        answer = box.answer(unit, pdu)
        if answer is not None:
            self.note(box, "<-", bytes([unit]) + answer)
        return answer

    # ---- TCP ----

    def listen(self, box, host, port):
        self.places[box] = (host, port)
        self.run(self._open(box))

    async def _open(self, box):
        self.clients.setdefault(box, set())
        self.servers[box] = await asyncio.start_server(lambda r, w: self.serve(box, r, w), *self.places[box])

    async def _close(self, box):
        server = self.servers.pop(box)
        server.close()
        for writer in list(self.clients[box]):
            writer.transport.abort()
        await server.wait_closed()

    async def serve(self, box, reader, writer):
        behaviours, clients = box.facts.behaviours, self.clients[box]
        if len(clients) >= behaviours.get("max_tcp_connections", 8):
            writer.transport.abort()
            return
        last, pause = getattr(box, "connected_at", -1e9), behaviours.get("min_reconnect_s", 0)
        box.connected_at = time.monotonic()
        if box.connected_at - last < pause - GRACE_S:
            box.violations.append(f"a new connection {box.connected_at - last:.1f} s after another, at least {pause} asked for")
        clients.add(writer)
        lifetime = behaviours.get("tcp_max_connection_time_s")
        try:
            await asyncio.wait_for(self.talk(box, reader, writer), lifetime)
        except (asyncio.IncompleteReadError, asyncio.TimeoutError, ConnectionError):
            pass
        finally:
            clients.discard(writer)
            writer.close()

    async def talk(self, box, reader, writer):
        while True:
            head = await reader.readexactly(7)
            transaction, protocol, length, unit = struct.unpack(">HHHB", head)
            if protocol != 0 or not 2 <= length <= 254:
                return
            pdu = await reader.readexactly(length - 1)
            if getattr(box.family, "CLOSES_ON", None) and box.family.CLOSES_ON(pdu):
                return
            answer = await self.respond(box, unit, pdu)
            if answer is not None:
                box.last_answer = time.monotonic()      # before it can be heard: this thread may lose its turn while it writes
                writer.write(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)

    # ---- a serial line ----

    def line(self, box, framing):
        """A pty with the box on it; the path for the client."""
        master, slave = pty.openpty()
        tty.setraw(master)
        tty.setraw(slave)
        os.set_blocking(master, False)
        self.lines.append((master, slave))
        buffer = bytearray()
        self.loop.call_soon_threadsafe(self.loop.add_reader, master, self._heard, box, framing, master, buffer)
        return os.ttyname(slave)

    def _heard(self, box, framing, master, buffer):
        try:
            buffer += os.read(master, 4096)
        except BlockingIOError:
            return
        take = rtu_request if framing == "rtu" else ascii_request
        while True:
            taken, adu = take(buffer)
            del buffer[:taken]
            if adu:
                self.loop.create_task(self._reply(box, framing, master, adu))
            elif not taken:
                break

    async def _reply(self, box, framing, master, adu):
        answer = await self.respond(box, adu[0], adu[1:])
        if answer is not None:
            answer = adu[:1] + answer
            box.last_answer = time.monotonic()
            os.write(master, answer + crc16(answer) if framing == "rtu" else ascii_frame(answer))

    # ---- away and back ----

    def leave(self, box):
        """A serial line is silent; of TCP one half of all devices, by their names, refuses connections, the other says nothing more."""
        box.silent = True
        if box in self.servers and sum(box.name.encode()) % 2:
            self.run(self._close(box))

    def come_back(self, box):
        """After a loss of power: what is not stored is forgotten."""
        with box.lock:
            for outlet in box.outlets:
                outlet.advance()
                outlet.power_on()
            box.last_kick = time.monotonic()
            box.on_since = time.monotonic()
            box.wrote_at.clear()
            box.silent = False
        if box in self.places and box in self.servers:
            self.run(self._close(box))
        if box in self.places:
            self.run(self._open(box))
