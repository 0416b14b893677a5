"""Wrong and hostile input from the CSMS's side, over the real programs. Whatever comes, the station ends on a link that works, nothing
grows without bound, and its neighbour notices nothing."""
import asyncio
import json
import os
import socket
import threading
import time

import pytest
import websockets

from harness import WAIT, Site, until


def one_station(site):
    site.station("CS1", site.tcp_charger())
    site.start()


def measured(site):
    """Freed memory is given back at once, also where a sanitizer would keep it."""
    site.environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0"


def resident_kib(site):
    text = open(f"/proc/{site.processes['gateway'].pid}/status").read()
    return int(text.split("VmRSS:")[1].split()[0])


def works(site, station="CS1"):
    """A link is up, and a request is answered on it."""
    until(lambda: station in site.csms.connections, "a link")
    answer = site.csms.call(station, "GetVariables", {"getVariableData": [
        {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}]})
    assert answer["getVariableResult"][0]["attributeStatus"] == "Accepted"


def close_code(site, send):
    """Sends something on the link; how the station closed it. It is back afterwards."""
    async def run():
        link = site.csms.connections["CS1"]
        await send(link)
        await asyncio.wait_for(link.wait_closed(), WAIT)
        return link.close_code
    count = len(site.csms.headers)
    code = site.csms.run(run())
    until(lambda: len(site.csms.headers) > count, "it comes again")
    works(site)
    assert len(site.csms.heard("CS1", "BootNotification")) == 1     # the link was lost, not the station
    return code


def test_what_is_no_text_or_too_much_of_it_ends_the_link_and_a_new_one_is_made():
    with Site() as site:
        measured(site)
        one_station(site)
        assert close_code(site, lambda link: link.send(b'[2,"a","Reset",{}]')) == 1003
        assert close_code(site, lambda link: link.send("x" * (12 << 20))) == 1009

        async def spoilt(link):
            await link.write_frame(True, 1, b'[2,"a","Reset",{"type":"\xff\xfe"}]')
        assert close_code(site, spoilt) == 1007

        async def endless(link):       # one message in fragments without end
            await link.write_frame(False, 1, b"x" * 65536)
            for _ in range(400):
                try:
                    await link.write_frame(False, 0, b"x" * 65536)
                except (websockets.InvalidState, websockets.ConnectionClosed):
                    break
        before = resident_kib(site)
        assert close_code(site, endless) in (1009, 1006)
        assert resident_kib(site) - before < 30000


def test_a_flood_of_requests_is_answered_one_by_one():
    with Site() as site:
        measured(site)
        one_station(site)
        count, got = 3000, []

        async def flood():
            link = site.csms.connections["CS1"]
            receive = site.csms.receive

            async def listen(station, socket_, text):
                frame = json.loads(text)
                if frame[0] == 3 and frame[1].startswith("flood"):
                    got.append(frame[1])
                else:
                    await receive(station, socket_, text)
            site.csms.receive = listen
            payload = {"getVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}]}
            for number in range(count):
                await link.send(json.dumps([2, f"flood{number}", "GetVariables", payload]))
        before = resident_kib(site)
        site.csms.run(flood())
        until(lambda: len(got) == count, "every answer", 60)
        assert got == [f"flood{n}" for n in range(count)]
        assert resident_kib(site) - before < 60000
        works(site)


def test_a_flood_of_rubbish_is_soon_not_answered_any_more():
    with Site() as site:
        one_station(site)
        errors = []
        receive = site.csms.receive

        async def listen(station, socket_, text):
            frame = json.loads(text)
            if frame[0] == 4 and frame[1] == "-1":
                errors.append(frame[2])
            else:
                await receive(station, socket_, text)
        site.csms.receive = listen

        async def flood():
            for number in range(2000):
                await site.csms.connections["CS1"].send("rubbish %d" % number if number % 2 else '[2,5,{}]')
        site.csms.run(flood())
        works(site)
        assert 1 <= len(errors) <= 20 and set(errors) == {"RpcFrameworkError"}
        assert site.log("gateway").count("frame cannot be read") <= 20


def test_requests_with_an_id_used_before_are_not_done_twice():
    with Site() as site:
        one_station(site)
        frame = [2, "same", "ChangeAvailability", {"operationalStatus": "Inoperative"}]
        assert site.csms.raw_call("CS1", frame)[0] == 3
        answer = site.csms.raw_call("CS1", frame)
        assert answer[0] == 4 and answer[2] == "RpcFrameworkError"
        works(site)


def test_a_csms_that_does_not_read_costs_only_its_own_link():
    """It asks and asks, and takes no answer: the kernel's buffers fill up, then ours, which has its bound."""
    with Site() as site:
        measured(site)
        site.csms.close()
        site.station("CS1", site.tcp_charger())
        site.station("CS2", site.tcp_charger("tcp2", 15021))

        async def serve():
            return await websockets.serve(site.csms.serve, site.csms.listen, site.csms.port, subprotocols=["ocpp2.0.1"],
                                          ping_interval=None, max_queue=1)
        site.csms.server = site.csms.run(serve())
        site.start()

        async def stuff():
            link = site.csms.connections["CS1"]
            link.transport.pause_reading()
            text = json.dumps([2, "0", "GetBaseReport", {"requestId": 1, "reportBase": "Nonsense"}])
            end = time.monotonic() + 15
            number = 0
            while time.monotonic() < end and not link.transport.is_closing():
                number += 1
                link.transport.write(b"")      # notices a reset
                try:
                    await asyncio.wait_for(link.send(text.replace('"0"', f'"{number}{"x" * 20}"')), 1)
                except Exception:              # noqa: BLE001  (whatever way the link ends)
                    break
            link.transport.abort()
            return number
        before = resident_kib(site)
        sent = site.csms.run(stuff())
        assert sent > 1000
        assert resident_kib(site) - before < 60000
        until(lambda: "takes nothing any more" in site.log("gateway"), "it gives the link up")
        works(site, "CS2")
        works(site)


@pytest.mark.parametrize("answer", [b"rubbish\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"\x00" * 4096,
                                    b"HTTP/1.1 101 Switching\r\n" + b"X: " + b"y" * 20000 + b"\r\n\r\n", b""])
def test_a_server_that_is_none_is_tried_again_with_patience(answer):
    """Each attempt is answered by something that is no handshake, or by nothing but a closed connection."""
    attempts = []
    with Site() as site:
        site.csms.close()
        listener = socket.create_server((site.csms.listen, site.csms.port))

        def serve():
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                attempts.append(time.monotonic())
                with peer:
                    peer.recv(4096)
                    try:
                        peer.sendall(answer)
                    except OSError:
                        pass
        threading.Thread(target=serve, daemon=True).start()
        site.station("CS1", site.tcp_charger())
        site.start_sim()
        site.start_gateway()
        until(lambda: len(attempts) >= 3, "three attempts")
        gaps = [b - a for a, b in zip(attempts, attempts[1:])]
        assert gaps[0] > 0.9 and gaps[1] > 1.8              # waits, and longer each time
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        site.csms.open()
        site.csms.status("CS1", 1, "Available")


def test_a_csms_that_hangs_up_at_once_is_no_reason_for_a_storm():
    with Site() as site:
        greeted = []
        serve = site.csms.serve

        async def hang_up(socket_, path):
            greeted.append(time.monotonic())
            if len(greeted) < 5:
                await socket_.close(1011)
            else:
                await serve(socket_, path)
        site.csms.serve = hang_up
        site.csms.close()
        site.csms.open()
        one_station(site)
        assert greeted[4] - greeted[0] > 3.5                # four waits of a second at the least


def test_nothing_but_the_boot_is_done_before_it_is_accepted():
    with Site() as site:
        site.csms.answers["BootNotification"] = lambda station, payload: {
            "status": "Rejected", "interval": 300, "currentTime": "2026-01-31T12:00:00Z"}
        site.station("CS1", site.tcp_charger())
        site.start_sim()
        site.start_gateway()
        site.csms.expect("CS1", "BootNotification")
        until(lambda: "CS1" in site.csms.connections, "the link")
        for action, payload in (("Reset", {"type": "Immediate"}), ("ChangeAvailability", {"operationalStatus": "Inoperative"}),
                                ("GetLog", {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": "http://x/"}}),
                                ("CustomerInformation", {"requestId": 1, "report": True, "clear": True, "customerIdentifier": "x"}),
                                ("GetVariables", {"getVariableData": [{"component": {"name": "a"}, "variable": {"name": "b"}}]})):
            assert site.csms.call("CS1", action, payload) == ("error", "SecurityError")
        assert {a for _, a, _ in site.csms.calls} == {"BootNotification"}
