"""Devices that send whatever they like, as fast as they can, in every protocol at once. A session beside them notices nothing, nothing grows
without bound, and the log is not filled."""
import asyncio
import json
import os
import pty
import random
import socket
import threading
import time
import tty

import websockets

from harness import Site, address, until
from test_hostile import resident_kib
from test_session import check_transaction

SECONDS = 8
RANDOM = random.Random(16).randbytes(65536)
EXCEPTIONS = b"\0\1\0\0\0\3\1\x83\2" * 4000
FLOODS = {                       # framing, what comes over TCP as soon as there is a connection; None: what was asked, over and over
    "noise": ("tcp", RANDOM),
    "answers": ("tcp", EXCEPTIONS),
    "headers": ("tcp", b"\0\0\0\0\0\xfe\1" * 4000),
    "zeros": ("rtu", bytes(65536)),
    "rubbish": ("rtu", RANDOM),
    "frames": ("rtu", bytes.fromhex("010302000AB843") * 4000),
    "colons": ("ascii", b":" * 65536),
    "digits": ("ascii", b":" + b"0123456789ABCDEF" * 4096),
    "echo": ("rtu", None),
}


class Flood:
    """Serves whoever connects; all of them until close()."""

    def __init__(self, host, port, bytes_):
        self.bytes, self.sent, self.connections, self.closed = bytes_, 0, 0, False
        self.server = socket.create_server((host, port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while not self.closed:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.talk, args=[connection], daemon=True).start()

    def talk(self, connection):
        connection.settimeout(1)
        text = self.bytes
        with connection:
            while not self.closed:
                try:
                    text = text or connection.recv(300) * 100
                    self.sent += connection.send(text)
                    time.sleep(0.001)    # for others on this machine
                except TimeoutError:
                    pass
                except OSError:
                    return

    def close(self):
        self.closed = True
        self.server.close()


def serial_flood(stop):
    """The path of a line on which somebody talks all the time."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)

    def talk():
        while not stop.is_set():
            try:
                os.write(master, RANDOM[:1000])
                os.read(master, 1000)
            except OSError:
                pass
            time.sleep(0.01)
    threading.Thread(target=talk, daemon=True).start()
    return os.ttyname(slave)


def datagram_flood(stop, node, gateway):
    """A node of ECHONET Lite: noise, frames that are none, announcements, answers that nobody asked for."""
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.bind((node, 3610))
    frames = [bytes.fromhex(f) for f in ("108100010EF00105FF017301D50401" "02A101", "1081000102A10105FF0173" "01C70141", "1081000102A10105FF017203DA014288014180" "0130",
                                         "1081FFFF02A10105FF0172FFDA", "10810001", "108100010EF00105FF0162019D00")]

    def talk():
        chance = random.Random(1)
        while not stop.is_set():
            for _ in range(50):
                try:
                    out.sendto(chance.choice(frames) if chance.random() < 0.7 else chance.randbytes(chance.randrange(1400)), (gateway, 3610))
                except OSError:
                    pass
            time.sleep(0.005)
        out.close()
    threading.Thread(target=talk, daemon=True).start()


def websocket_flood(stop, url):
    """Chargers of OCPP 1.6 that say rubbish, or the same in endless repetition, and come again when they are thrown out."""
    texts = ["[", "x" * 5000, '[2,"a","Heartbeat",{}]', '[3,"b",{}]', json.dumps([2, "c", "StatusNotification", {
        "connectorId": 1, "errorCode": "NoError", "status": "Charging"}]), "[" * 20000]

    async def talk():
        while not stop.is_set():
            try:
                async with websockets.connect(url, subprotocols=["ocpp1.6"], ping_interval=None, compression=None) as link:
                    reader = asyncio.ensure_future(drain(link))
                    while not stop.is_set() and not reader.done():
                        for text in texts:
                            await link.send(text)
                        await asyncio.sleep(0.001)
                    reader.cancel()
            except (OSError, websockets.WebSocketException):
                await asyncio.sleep(0.1)

    async def drain(link):
        try:
            async for _ in link:
                pass
        except websockets.ConnectionClosed:
            pass
    threading.Thread(target=lambda: asyncio.run(talk()), daemon=True).start()


def busy_s(site):
    fields = open(f"/proc/{site.processes['gateway'].pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_no_device_stalls_or_fills_the_gateway():
    stop, servers = threading.Event(), []
    with Site() as site:
        site.environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
        site.station("CS1", site.tcp_charger())
        site.start_sim()
        host, node, sixteen = address(), address(), address()
        buses = ""
        for i, (name, (framing, bytes_)) in enumerate(FLOODS.items()):
            servers.append(Flood(host, 1502 + i, bytes_))
            buses += f"  {name}: {{ tcp: \"{host}:{1502 + i}\", framing: {framing} }}\n"
            site.station(name, f"profile: demo-modbus-ac22, bus: {name}, unit: 1")
        buses += f"  line: {{ serial: {serial_flood(stop)}, line: {{ baud: 9600, parity: none }} }}\n"
        site.station("serial", "profile: demo-modbus-rtu, bus: line, unit: 7")
        site.general = f"buses:\n{buses}echonet: {{ bind: {site.echonet_address}, multicast_interface: {site.echonet_address} }}\n"
        site.general += f"ocpp16: {{ listen: \"{sixteen}:8887\" }}\n"
        site.station("node", f"profile: echonet-02a1, echonet: {node}")
        site.station("sixteen", "profile: ocpp16, ocpp16: CP1")
        site.start_gateway()
        site.csms.status("CS1", 1, "Available")
        site.ask("plug tcp1 soc=20")
        site.csms.call("CS1", "RequestStartTransaction", {
            "evseId": 1, "remoteStartId": 1, "idToken": {"idToken": "operator", "type": "Central"}})
        site.csms.expect("CS1", "TransactionEvent", eventType="Updated")
        datagram_flood(stop, node, site.echonet_address)
        websocket_flood(stop, f"ws://{sixteen}:8887/CP1")

        time.sleep(2)                                   # what each of them needs once
        memory, lines, told = resident_kib(site), site.log("gateway").count("\n"), len(site.csms.events("CS1"))
        busy, start, slowest = busy_s(site), time.monotonic(), 0
        while time.monotonic() - start < SECONDS:
            asked = time.monotonic()
            assert "messagesInQueue" in site.csms.call("CS1", "GetTransactionStatus", {})
            slowest = max(slowest, time.monotonic() - asked)
            time.sleep(0.1)
        took = time.monotonic() - start
        figures = (f"slowest answer {slowest:.2f} s, {resident_kib(site) - memory} KiB and {site.log('gateway').count(chr(10)) - lines} lines more, "
                   f"busy {100 * (busy_s(site) - busy) / took:.0f} %, {[(s.sent >> 20, s.connections) for s in servers]} MiB and connections")
        print(figures)
        assert slowest < 2, figures
        assert resident_kib(site) - memory < 8192, figures
        assert site.log("gateway").count("\n") - lines < 5 * SECONDS, figures
        assert len(site.csms.events("CS1")) - told > SECONDS / 2, figures
        assert all(server.connections < 10 + 2 * SECONDS for server in servers), figures
        stop.set()
        for server in servers:
            server.close()
        site.ask("unplug tcp1")
        site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
        check_transaction(site.csms.events("CS1"))
        assert len(site.csms.heard("CS1", "BootNotification")) == 1
        assert not [s for s in site.csms.heard("CS1", "StatusNotification") if s["connectorStatus"] in ("Faulted", "Unavailable")]
