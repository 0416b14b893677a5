"""ocpp-sim's ECHONET Lite nodes, by plain sockets, against the property facts of the appendix (shared/devices/echonet)."""
import json
import os
import pathlib
import socket
import struct

import pytest

from test_sim import ROOT, WAIT, Sim, address, until

FACTS = pathlib.Path(os.environ.get("SHARED", ROOT.parent / "shared")) / "devices/echonet"
GROUP, PORT = "224.0.23.0", 3610
NODE, CONTROLLER = "0ef001", "05ff01"
SETI, SETC, GET, INF_REQ, SETGET, INF, INFC = 0x60, 0x61, 0x62, 0x63, 0x6E, 0x73, 0x74


class Peer:
    """A controller: two sockets, as the specification wants it."""

    def __init__(self, port=PORT):
        self.address, self.port, self.tid, self.heard = address(), port, 0, []
        self.own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.own.bind((self.address, port))
        self.group = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.group.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.group.bind((GROUP, port))
        self.group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                              socket.inet_aton(GROUP) + socket.inet_aton(self.address))
        self.own.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(self.address))

    def close(self):
        self.own.close()
        self.group.close()

    def send(self, to, deoj, esv, tail):
        self.tid += 1
        self.own.sendto(bytes.fromhex(f"1081{self.tid:04x}{CONTROLLER}{deoj}{esv:02x}") + tail, (to, self.port))

    def receive(self, seconds=WAIT):
        self.own.settimeout(seconds)
        frame, (_, port) = self.own.recvfrom(2000)
        assert port == self.port and frame[:2] == b"\x10\x81"
        return frame

    def ask(self, to, deoj, esv, *entries):
        """Entries are (epc, data); the answer as (esv, {epc: data})."""
        tail = bytes([len(entries)]) + b"".join(bytes([epc, len(data)]) + data for epc, data in entries)
        self.send(to, deoj, esv, tail)
        frame = self.receive()
        assert struct.unpack(">H", frame[2:4])[0] == self.tid and frame[7:10].hex() == CONTROLLER
        found, rest = take(frame[11:])
        assert rest == b""
        return frame[10], found

    def get(self, to, deoj, *epcs):
        return self.ask(to, deoj, GET, *((epc, b"") for epc in epcs))

    def news(self, sender):
        """Notifications heard from this node: (seoj, {epc: data}), in order."""
        self.group.settimeout(0.05)
        try:
            while True:
                self.heard.append(self.group.recvfrom(2000))
        except socket.timeout:
            pass
        return [(frame[4:7].hex(), take(frame[11:])[0]) for frame, (who, _) in self.heard
                if who == sender and frame[10] == INF]


def take(data):
    found, at = {}, 1
    for _ in range(data[0]):
        found[data[at]] = data[at + 2:at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found, data[at:]


def property_map(edt):
    if edt[0] < 16:
        assert len(edt) == 1 + edt[0]
        return set(edt[1:])
    assert len(edt) == 17
    found = {0x80 + 16 * bit + low for low in range(16) for bit in range(8) if edt[1 + low] >> bit & 1}
    assert len(found) == edt[0]
    return found


@pytest.fixture(params=["02a1", "027e"])
def device(request):
    where, peer = address(), Peer()
    with Sim(f"name=el1,map=echonet-{request.param},address={where}", options=["--speed", "100"]) as sim:
        yield sim, peer, where, request.param + "01"
    peer.close()


def facts(name):
    listed = json.loads((FACTS / "superclass.json").read_text())["properties"]
    listed += json.loads((FACTS / f"{name.upper()}.json").read_text())["properties"]
    return {int(p["epc"], 16): p for p in listed}


def test_properties_are_as_the_appendix_has_them(device):
    sim, peer, where, eoj = device
    sim.do("plug el1 soc=50 id=CAR-1")
    _, maps = peer.get(where, eoj, 0x9D, 0x9E, 0x9F)
    inf, settable, gettable = (property_map(maps[epc]) for epc in (0x9D, 0x9E, 0x9F))
    known = facts(eoj[:4])
    for epc, fact in known.items():
        assert fact["inf"] != "M" or fact["get"] != "M" or epc in inf, fact
        assert fact["get"] != "M" or epc in gettable, fact
        assert fact["set"] != "M" or epc in settable, fact
        assert fact["set"] != "-" or epc not in settable, fact
    for epc in sorted(gettable):
        esv, answer = peer.get(where, eoj, epc)
        fact, data = known[epc], answer[epc]
        assert esv == 0x72 and data, fact
        assert len(data) == fact.get("size", len(data)), fact
        assert fact.get("min_size", 0) <= len(data) <= fact.get("max_size", 255), fact
        if fact.get("type") == "enum1":
            assert f"0x{data[0]:02X}" in [v["code"] for v in fact["values"]], (fact["id"], data)


def test_a_session_from_plug_to_unplug(device):
    sim, peer, where, eoj = device
    assert peer.get(where, eoj, 0xC7, 0xDA) == (0x72, {0xC7: b"\x30", 0xDA: b"\x47"})
    assert peer.ask(where, eoj, SETC, (0xDA, b"\x42")) == (0x51, {0xDA: b"\x42"}), "no vehicle, no charging"
    sim.do("plug el1 soc=50 max=16")
    chargeable = b"\x41" if eoj.startswith("02a1") else b"\x43"
    until(lambda: (eoj, {0xC7: chargeable}) in peer.news(where), "INF of C7")
    assert peer.ask(where, eoj, SETC, (0xDA, b"\x42")) == (0x71, {0xDA: b""})
    until(lambda: (eoj, {0xDA: b"\x42"}) in peer.news(where), "INF of DA")
    sim.do("wait el1 state=charging 5s")
    _, answer = peer.get(where, eoj, 0xD3)
    assert struct.unpack(">I", answer[0xD3])[0] == 3174
    sim.do("wait el1 energy>50 10s")
    assert peer.ask(where, eoj, SETC, (0xDA, b"\x44"))[0] == 0x71
    _, answer = peer.get(where, eoj, 0xD3, 0xD8, 0xDA)
    assert answer[0xD3] == bytes(4) and answer[0xDA] == b"\x44"
    assert struct.unpack(">I", answer[0xD8])[0] == int(sim.show("el1")["energy"] + 1e-6) >= 50
    sim.do("unplug el1")
    until(lambda: (eoj, {0xDA: b"\x47"}) in peer.news(where), "INF of DA")


def test_setpoints_limit_the_current(device):
    sim, peer, where, eoj = device
    v2h = eoj.startswith("027e")
    assert peer.ask(where, eoj, SETC, (0xED, struct.pack(">H", 80)))[0] == 0x71
    assert sim.show("el1")["limit"] == (32 if v2h else 8), "027E: only by method 04"
    if v2h:
        assert peer.ask(where, eoj, SETC, (0xDC, b"\x04"))[0] == 0x71
        assert sim.show("el1")["limit"] == 8
        assert peer.ask(where, eoj, SETC, (0xDC, b"\x03"))[0] == 0x71
    assert peer.ask(where, eoj, SETC, (0xEB, struct.pack(">I", 2000)))[0] == 0x71
    assert sim.show("el1")["limit"] == 10
    for epc, data in [(0xED, struct.pack(">H", 59)), (0xED, struct.pack(">H", 321)), (0xED, b"\x50"), (0xEB, bytes(4)),
                      (0xDA, b"\x43"), (0xDA, b""), (0xC7, b"\x30"), (0x99, b"\0\0")]:
        assert peer.ask(where, eoj, SETC, (epc, data)) == (0x51, {epc: data}), hex(epc)
    assert sim.show("el1")["limit"] == 10


def test_what_the_car_does_not_tell_is_not_available(device):
    sim, peer, where, eoj = device
    esv, answer = peer.get(where, eoj, 0xE4, 0x80, 0xE2, 0xE6)
    assert (esv, answer) == (0x52, {0xE4: b"", 0x80: b"\x30", 0xE2: b"", 0xE6: b"\0"})
    sim.do("plug el1 soc=50 capacity=60kWh id=CAR-1")
    esv, answer = peer.get(where, eoj, 0xE4, 0xE2, 0xE6)
    assert (esv, answer) == (0x72, {0xE4: b"\x32", 0xE2: struct.pack(">I", 30000), 0xE6: b"\x05CAR-1"})


def test_faults_are_told(device):
    sim, peer, where, eoj = device
    assert peer.get(where, eoj, 0x88, 0x89)[1] == {0x88: b"\x42", 0x89: b"\0\0"}
    sim.do("fault el1 20")
    until(lambda: (eoj, {0x88: b"\x41"}) in peer.news(where), "INF of 88")
    assert peer.get(where, eoj, 0x89, 0x86)[1] == {0x89: b"\0\x14", 0x86: bytes.fromhex("02fffff00014")}
    sim.do("fault el1 clear")
    until(lambda: peer.news(where)[-1] == (eoj, {0x88: b"\x42"}), "INF of 88")


def test_the_node_profile_lists_its_object_and_announces_it():
    where, peer = address(), Peer()
    with Sim(f"name=el1,map=echonet-02a1,address={where}") as sim:
        until(lambda: peer.news(where)[:1] == [(NODE, {0xD5: bytes.fromhex("0102a101")})], "the start")
        esv, answer = peer.get(where, NODE, 0x80, 0x82, 0x8A, 0xD3, 0xD4, 0xD6, 0xD7, 0x9D, 0x9E)
        assert (esv, answer) == (0x72, {
            0x80: b"\x30", 0x82: bytes.fromhex("010e0100"), 0x8A: bytes.fromhex("fffff0"), 0xD3: b"\0\0\1", 0xD4: b"\0\2",
            0xD6: bytes.fromhex("0102a101"), 0xD7: bytes.fromhex("0102a1"), 0x9D: b"\x02\x80\xd5", 0x9E: b"\0"})
        _, answer = peer.get(where, NODE, 0x83)
        assert answer[0x83] == bytes.fromhex("fefffff0") + b"el1".ljust(13, b"\0")
        assert peer.get(where, NODE, 0xD5) == (0x52, {0xD5: b""}), "only announced"
        count = len(peer.news(where))
        sim.do("power el1 off")
        peer.send(where, NODE, GET, bytes.fromhex("01d600"))
        with pytest.raises(socket.timeout):
            peer.receive(0.3)
        sim.do("power el1 on")
        until(lambda: peer.news(where)[count:] == [(NODE, {0xD5: bytes.fromhex("0102a101")})], "the restart")
    peer.close()


def test_every_service_is_answered_as_it_should(device):
    _, peer, where, eoj = device
    assert peer.ask(where, NODE, INFC, (0xD5, b"\0")) == (0x7A, {0xD5: b""})
    assert peer.ask(where, eoj, INF_REQ, (0xE4, b"")) == (0x53, {0xE4: b""})
    peer.news(where)
    before = len(peer.heard)
    peer.send(where, eoj, INF_REQ, bytes.fromhex("018000"))
    until(lambda: (eoj, {0x80: b"\x30"}) in peer.news(where)[-1:] and len(peer.heard) > before, "INF to everybody")
    peer.send(where, eoj, SETI, bytes.fromhex("01810108"))  # accepted: silence
    assert peer.get(where, eoj, 0x81)[1] == {0x81: b"\x08"}
    assert peer.ask(where, eoj, SETI, (0x80, b"\x30")) == (0x50, {0x80: b"\x30"})

    def setget(tail):
        peer.send(where, eoj, SETGET, bytes.fromhex(tail))
        frame = peer.receive()
        first, rest = take(frame[11:])
        second, rest = take(rest)
        assert rest == b""
        return frame[10], first, second
    assert setget("01810110" "018100") == (0x7E, {0x81: b""}, {0x81: b"\x10"})
    assert setget("01800131" "01e400") == (0x5E, {0x80: b"\x31"}, {0xE4: b""})


def test_silence_for_what_is_not_meant_or_broken(device):
    _, peer, where, eoj = device
    for frame in ["", "1081", "1081000105ff01", f"1082000105ff01{eoj}6201da00", f"1081000105ff01{eoj}6202da00",
                  f"1081000105ff01{eoj[:4]}026201da00", "1081000105ff010288016201e700", f"1081000105ff01{eoj}6501da00",
                  f"1081000105ff01{eoj}7201da00"]:
        peer.own.sendto(bytes.fromhex(frame), (where, PORT))
    with pytest.raises(socket.timeout):
        peer.receive(0.3)
    peer.send(where, eoj[:4] + "00", GET, bytes.fromhex("01da00"))
    assert peer.receive()[4:7].hex() == eoj, "instance 0: each instance answers as itself"


def test_multicast_discovery_is_answered_by_every_node():
    first, second, peer = address(), address(), Peer()
    with Sim(f"name=a,map=echonet-02a1,address={first}", f"name=b,map=echonet-027e,address={second}"):
        peer.own.sendto(bytes.fromhex("10810001" + CONTROLLER + NODE + "6201d600"), (GROUP, PORT))
        heard = {}
        while not {first, second} <= set(heard):
            peer.own.settimeout(WAIT)
            frame, (who, _) = peer.own.recvfrom(2000)
            heard[who] = frame[-4:].hex()
        assert heard[first] == "0102a101" and heard[second] == "01027e01"
    peer.close()


def test_a_port_of_its_own_keeps_a_node_apart():
    where, peer = address(), Peer(port=13610)
    with Sim(f"name=a,map=echonet-02a1,address={where},port=13610") as sim:
        assert peer.get(where, "02a101", 0xDA)[1] == {0xDA: b"\x47"}
        sim.do("corrupt a 1")
        peer.send(where, "02a101", GET, bytes.fromhex("01da00"))
        peer.own.settimeout(WAIT)
        assert peer.own.recv(100)[0] == 0xEF
        assert "no card reader" in sim.ask("tap a 04A1B2C3")
    peer.close()


def test_a_taken_address_is_refused():
    peer = Peer()
    with pytest.raises(AssertionError, match="the socket on .* failed"):
        with Sim(f"name=a,map=echonet-02a1,address={peer.address}"):
            pass
    peer.close()
