"""An ECHONET Lite node with charger objects, made of the collected facts, never of a profile: UDP on an address of its own.

A charger is a contactor, a car and a meter; its properties are views on it by their semantic name. What it offers beyond the mandatory
properties, and its habits, are given when it is made. The energy meter runs SPEED times faster than time.
"""
import selectors
import socket
import struct
import threading
import time

from echonet_facts import Class

GROUP, GROUP6, PORT = "224.0.23.0", "ff02::1", 3610
SETI, SETC, GET, INF_REQ, INF, INFC = 0x60, 0x61, 0x62, 0x63, 0x73, 0x74
SET_RES, GET_RES, INFC_RES, SETI_SNA, SETC_SNA, GET_SNA = 0x71, 0x72, 0x7A, 0x50, 0x51, 0x52
NODE_PROFILE = bytes.fromhex("0ef001")
SPEED = 60
VOLTS, CAR_A, CONTACTOR_S = 200, 30, 0.4
OPTIONAL = {"fault_description", "charge_power", "power", "current", "voltage", "charge_energy_total", "discharge_energy_total",
            "battery_soc", "min_max_charge_current", "charge_current_setpoint", "charge_power_setpoint", "charging_method",
            "actual_operation_mode", "confirm_vehicle_connection"}
WRITABLE = {"operation_mode", "installation_location", "charge_current_setpoint", "charge_power_setpoint", "charging_method",
            "confirm_vehicle_connection"}


def property_map(epcs):
    if len(epcs) < 16:
        return bytes([len(epcs), *sorted(epcs)])
    bits = bytearray(16)
    for epc in epcs:
        bits[epc & 15] |= 1 << (epc >> 4) - 8
    return bytes([len(epcs)]) + bytes(bits)


class Charger:
    """One object. What a test sets: plugged, wants, fault, allowed, silent ..."""

    def __init__(self, code, instance=1, without=(), habits=()):
        """`without`: optional properties (by id) that it does not have. habits: "blind" (C7 is FF until 0xCD is set), "late" (a mode
        takes a second), "unlisted" (maps name nothing but themselves), "own method" (its charging method is not to be set)."""
        self.facts, self.instance, self.habits = Class(code), instance, set(habits)
        self.eoj = bytes([self.facts.group, self.facts.code, instance])
        self.lock = threading.RLock()
        mandatory = {p.id for p in self.facts.properties.values() if p.access["get"] == "M" or p.access["set"] == "M"}
        self.ids = {i for i in mandatory | (OPTIONAL & set(self.facts.by_id)) - set(without) if i in READERS or i in WRITABLE}
        self.readable = {self.facts.by_id[i].epc for i in self.ids if self.facts.by_id[i].access["get"] != "-"}
        self.readable |= {0x9D, 0x9E, 0x9F}
        self.writable = {self.facts.by_id[i].epc for i in self.ids & WRITABLE if i != "charging_method" or "own method" not in habits}
        self.announced = {self.facts.by_id[i].epc for i in self.ids if self.facts.by_id[i].access["inf"] == "M"}
        self.energy_Wh, self.unasked_s, self.relay = 123456.0, 0.0, 0
        self.plugged = self.wants = self.fault = self.allowed = self.seen = False
        self.asked, self.refused = [], []          # EPCs that were asked for, and writes that were refused
        self.at = time.monotonic()
        self.power_on()

    def power_on(self):
        self.mode, self.pending = self.facts.by_id["operation_mode"].code("standby"), None
        self.method, self.location, self.released_at = 1, b"\x00", None
        self.setpoint_A = self.setpoint_W = None

    # ---- what a test does ----

    def plug(self):
        with self.lock:
            self.advance()
            self.plugged = self.wants = True
            self.seen = False

    def unplug(self):
        with self.lock:
            self.advance()
            self.plugged = self.wants = self.seen = False
            self.mode = self.facts.by_id["operation_mode"].code("standby")

    def break_down(self, fault=True):
        with self.lock:
            self.advance()
            self.fault = fault
            if fault:
                self.mode = self.facts.by_id["operation_mode"].code("idle")

    # ---- physics ----

    @property
    def limit_A(self):
        limits = [32.0]
        follows = "charging_method" not in self.ids
        if self.setpoint_A is not None and (follows or self.method == 4):
            limits.append(self.setpoint_A)
        if self.setpoint_W is not None and (follows or self.method == 3):
            limits.append(self.setpoint_W / VOLTS)
        return min(limits)

    @property
    def current_A(self):
        flows = self.released_at is not None and time.monotonic() - self.released_at >= CONTACTOR_S
        return min(CAR_A, self.limit_A) if flows else 0.0

    def advance(self):
        now = time.monotonic()
        if self.current_A > 0:
            self.energy_Wh += self.current_A * VOLTS * (now - self.at) * SPEED / 3600
            if not self.allowed:
                self.unasked_s += now - self.at
        self.at = now
        if self.pending and now >= self.pending[0]:
            self.mode, self.pending = self.pending[1], None
        ready = self.plugged and self.wants and not self.fault and self.mode == self.facts.by_id["operation_mode"].code("charge")
        self.released_at = (self.released_at or now) if ready else None

    # ---- properties ----

    def get(self, epc):
        """EDT, or None: no such property, or not now (SNA)."""
        with self.lock:
            self.advance()
            if epc in (0x9D, 0x9E, 0x9F):
                epcs = {0x9D: self.announced, 0x9E: self.writable, 0x9F: self.readable}[epc]
                return property_map({0x80, 0x9D, 0x9E, 0x9F} if "unlisted" in self.habits and epc == 0x9F else epcs)
            if epc not in self.readable:
                return None
            fact = self.facts.properties[epc]
            value = READERS[fact.id](self)
            return value if value is None or isinstance(value, bytes) else fact.encode(value)

    def set(self, epc, edt):
        with self.lock:
            self.advance()
            fact = self.facts.properties.get(epc)
            accepted = epc in self.writable and len(edt) == (fact.size or 1) and WRITERS[fact.id](self, fact.decode(edt), edt)
            if not accepted:
                self.refused.append((epc, edt.hex()))
            self.advance()
            return accepted


def set_mode(c, raw, _):
    names = {c.facts.by_id["operation_mode"].code(n): n for n in ("charge", "standby", "idle")}
    if raw not in names or (names[raw] == "charge" and (not c.plugged or c.fault)):
        return False
    c.pending = (time.monotonic() + (1 if "late" in c.habits else 0), raw)
    return True


def connection(c):
    if "blind" in c.habits and not c.seen:
        return "undefined"
    both = "connected_both" if c.facts.code == 0x7E else "connected_chargeable"
    return both if c.plugged else "not_connected"


def look(c, raw, _):
    c.relay, c.seen = c.relay + 1, True
    return raw == 0x10


def put(name, low, high):
    def write(c, value, _):
        if not low <= value <= high:
            return False
        setattr(c, name, value)
        return True
    return write


READERS = {
    "operation_status": lambda c: "on",
    "installation_location": lambda c: c.location,
    "standard_version": lambda c: b"\0\0R\0",
    "fault_status": lambda c: "fault" if c.fault else "no_fault",
    "fault_description": lambda c: 0x003C if c.fault else 0,
    "manufacturer_code": lambda c: b"\0\0\x77",
    "product_code": lambda c: b"of-facts".ljust(12, b"\0"),
    "rated_charge_power": lambda c: 32 * VOLTS,
    "rated_discharge_power": lambda c: 32 * VOLTS,
    "vehicle_charge_status": connection,
    "min_max_charge_power": lambda c: (6 * VOLTS, 32 * VOLTS),
    "min_max_discharge_power": lambda c: (6 * VOLTS, 32 * VOLTS),
    "min_max_charge_current": lambda c: (6, 32),
    "min_max_discharge_current": lambda c: (6, 32),
    "charger_type": lambda c: "dc_aa_charge" if "blind" in c.habits else "ac_cplt",
    "equipment_type": lambda c: "dc_aa_charge_discharge",
    "charge_power": lambda c: c.current_A * VOLTS,
    "power": lambda c: c.current_A * VOLTS,
    "current": lambda c: c.current_A,
    "voltage": lambda c: VOLTS,
    "charge_energy_total": lambda c: int(c.energy_Wh) / 1000,
    "discharge_energy_total": lambda c: 0,
    "operation_mode": lambda c: c.mode,
    "actual_operation_mode": lambda c: "charge" if c.current_A > 0 else "standby",
    "charging_method": lambda c: c.method,
    "discharging_method": lambda c: 1,
    "battery_soc": lambda c: 40 if c.current_A > 0 else None,      # SNA while the car tells nothing
    "vehicle_id": lambda c: b"\0",
    "charge_current_setpoint": lambda c: c.setpoint_A or 0,
    "charge_power_setpoint": lambda c: c.setpoint_W or 0,
}
WRITERS = {
    "operation_mode": set_mode,
    "confirm_vehicle_connection": look,
    "installation_location": lambda c, raw, edt: setattr(c, "location", edt) is None,
    "charging_method": put("method", 0, 6),
    "charge_current_setpoint": put("setpoint_A", 6, 32),
    "charge_power_setpoint": put("setpoint_W", 6 * VOLTS, 32 * VOLTS),
}


class Node:
    """A node with its sockets, in a thread of its own. `scope`: the interface, for IPv6."""

    def __init__(self, address, chargers, node_id, port=PORT, scope=None):
        self.chargers, self.node_id, self.port, self.scope = chargers, bytes([0xFE, 0, 0, 0x77]) + node_id.encode().ljust(13, b"\0"), port, scope
        self.told, self.tid, self.open = {}, 0, []
        self.silent, self.overlaps, self.last_answer = False, 0, 0.0
        self.stopping = False
        self.move(address)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def move(self, address):
        """Another address, as DHCP gives it; the old one is silent from now on."""
        family = socket.AF_INET6 if self.scope else socket.AF_INET
        own, group = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        for s in (own, group):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.scope:
            index = socket.if_nametoindex(self.scope)
            own.bind((address, self.port, 0, index))
            group.bind((GROUP6, self.port, 0, index))
            group.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(family, GROUP6) + struct.pack("I", index))
            own.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
            everybody = (GROUP6, self.port, 0, index)
        else:
            own.bind((address, self.port))
            group.bind((GROUP, self.port))
            group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + socket.inet_aton(address))
            own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
            everybody = (GROUP, self.port)
        old, self.open = self.open, [own, group]
        self.address, self.everybody = address, everybody
        self.begin()
        for s in old:
            s.close()

    def begin(self):
        """As after power on: it names its objects; what changes from now on is announced."""
        for c in self.chargers:
            self.told[c] = {epc: c.get(epc) for epc in c.announced}
        self.send(self.everybody, NODE_PROFILE, NODE_PROFILE, INF, [(0xD5, self.instances())])

    def power_cycle(self):
        for c in self.chargers:
            with c.lock:
                c.advance()
                c.power_on()
        self.begin()

    def stop(self):
        self.stopping = True
        self.thread.join(10)
        for s in self.open:
            s.close()

    def instances(self):
        return bytes([len(self.chargers)]) + b"".join(c.eoj for c in self.chargers)

    def send(self, to, seoj, deoj, esv, entries, tid=None):
        self.tid += 1
        tid = struct.pack(">H", self.tid & 0xFFFF) if tid is None else tid
        body = b"".join(bytes([epc, len(edt)]) + edt for epc, edt in entries)
        try:
            if not self.silent:
                self.open[0].sendto(b"\x10\x81" + tid + seoj + deoj + bytes([esv, len(entries)]) + body, to)
        except OSError:
            pass                   # its interface is gone: a datagram lost

    def run(self):
        while not self.stopping:
            with selectors.DefaultSelector() as selector:
                sockets = list(self.open)
                try:
                    for s in sockets:
                        selector.register(s, selectors.EVENT_READ)
                    ready = selector.select(0.05)
                    for key, _ in ready:
                        data, sender = key.fileobj.recvfrom(2000)
                        self.receive(data, sender)
                except (OSError, ValueError):
                    continue       # it has just moved
            self.tell_changes()

    def tell_changes(self):
        for c in self.chargers:
            for epc, before in self.told[c].items():
                now = c.get(epc)
                if now != before:
                    self.told[c][epc] = now
                    self.send(self.everybody, c.eoj, NODE_PROFILE, INF, [(epc, now)])

    def receive(self, data, sender):
        if self.silent or len(data) < 12 or data[:2] != b"\x10\x81":
            return
        tid, seoj, deoj, esv, count = data[2:4], data[4:7], data[7:10], data[10], data[11]
        entries, at = [], 12
        for _ in range(count):
            entries.append((data[at], data[at + 2:at + 2 + data[at + 1]]))
            at += 2 + data[at + 1]
        to = (sender[0], self.port, *sender[2:])
        if deoj == NODE_PROFILE:
            self.answer_profile(to, tid, seoj, esv, entries)
        for c in self.chargers:
            if c.eoj == deoj:
                self.answer(c, to, tid, seoj, esv, entries)

    def answer_profile(self, to, tid, seoj, esv, entries):
        values = {0x80: b"\x30", 0x82: b"\x01\x0e\x01\x00", 0x83: self.node_id, 0x8A: self.node_id[1:4], 0xD6: self.instances()}
        if esv == GET:
            found = [(epc, values.get(epc, b"")) for epc, _ in entries]
            self.send(to, NODE_PROFILE, seoj, GET_RES if all(e for _, e in found) else GET_SNA, found, tid)
        elif esv == INF_REQ and entries and entries[0][0] == 0xD5:
            self.send(self.everybody, NODE_PROFILE, seoj, INF, [(0xD5, self.instances())], tid)

    def answer(self, c, to, tid, seoj, esv, entries):
        if esv == GET:
            c.asked += [epc for epc, _ in entries]
            found = [(epc, c.get(epc)) for epc, _ in entries]
            self.send(to, c.eoj, seoj, GET_SNA if any(e is None for _, e in found) else GET_RES, [(epc, e or b"") for epc, e in found], tid)
        elif esv in (SETC, SETI):
            done = [(epc, edt, c.set(epc, edt)) for epc, edt in entries]
            self.tell_changes()        # the INF comes before the Set_Res, as seen in the field
            good = all(ok for *_, ok in done)
            if esv == SETC or not good:
                self.send(to, c.eoj, seoj, SET_RES if good else SETC_SNA if esv == SETC else SETI_SNA,
                          [(epc, b"" if ok else edt) for epc, edt, ok in done], tid)
