"""Events as they happen: types, filters, going on after a break, readers that are slow or gone."""
import re
import socket
import time

import pytest

from harness import until
from management import API, Client, Event, ManagedSite

CARD = "04A1B2C3D4E5F6"
LARGE = 30000


@pytest.fixture
def site():
    with ManagedSite() as site:
        site.station("CS1", site.tcp_charger())
        site.station("CS2", site.tcp_charger("tcp2", 15021))
        site.start("--speed", "20")
        for station in ("CS1", "CS2"):
            site.csms.expect(station, "SecurityEventNotification")    # the last that is said at a start
            site.csms.call(station, "GetLocalListVersion")            # what came before is answered
        yield site


@pytest.fixture
def viewer(site):
    return site.token("viewer")


def ring(client, query="types=frame"):
    """All that is left of them, the oldest first: {number: event}."""
    page = client.get(f"/events?limit=1000&{query}")
    assert not page["more"]
    return {event["id"]: event for event in reversed(page["items"])}


def fill(site, count, size=LARGE, station="CS1"):
    """So many requests of the CSMS, each large; the event of each has two frames, the request and its answer."""
    for number in range(count):
        site.csms.call(station, "DataTransfer", {"vendorId": "nobody", "messageId": f"m{number}", "data": "x" * size})


def numbers(events):
    """Those of fill() whose request is among the events."""
    return [int(m[1]) for m in (re.search(r"'messageId': 'm(\d+)'", str(e.data if isinstance(e, Event) else e["data"])) for e in events) if m]


# ---- types and filters ----

def test_each_type_is_told_of_what_happens(site, viewer):
    with viewer.stream("?types=station,signals,frame,write,log,power") as stream, viewer.stream("?types=point&station=CS1") as points:
        site.ask("plug tcp1 soc=20 capacity=60kWh")
        signals = stream.next("signals", state="connected")
        assert signals.data["station"] == "CS1" and signals.data["event"] == "signals"
        item = stream.next("station", id="CS1")
        assert set(item.data) >= {"link", "evses", "attention"} and re.fullmatch(r"20\d\d-.*Z", item.data["time"])
        point = points.next("point", point="cp_state")
        assert point.data["station"] == "CS1" and point.data["quality"] == "good"
        site.ask(f"tap tcp1 {CARD}")
        write = stream.next("write", station="CS1", point="enable")
        assert write.data["result"] == "ok" and re.fullmatch(r"20\d\d-.*Z", write.data["time"])
        frame = stream.next("frame", station="CS1", outgoing=True)
        assert frame.data["frame"][0] in (2, 3)
        power = stream.next("power")
        assert power.data["stations"]["total"] == 2 and "attention" not in power.data
        site.token("viewer", "said")
        site.local.post("/reload")
        assert {"level", "area", "text", "line", "time"} == set(stream.next("log").data)


def test_a_scan_is_told_of(site):
    operator = site.token("operator")
    with operator.stream("?types=scan") as stream:
        scan = operator.post("/scans", {"protocol": "modbus", "target": f"{site.sim_address}:15021", "units": "1"})["id"]
        assert stream.next("scan", id=scan, state="done").data["found"] == 1


def test_only_what_was_asked_for_is_told(site, viewer):
    with viewer.stream("?types=frame&station=CS2") as mine, viewer.stream("?types=frame&q=NEEDLE") as found, viewer.stream("?types=frame") as everything:
        for station in ("CS1", "CS2"):
            site.csms.call(station, "GetLocalListVersion")
            site.csms.call(station, "DataTransfer", {"vendorId": f"needle-{station}"})
        told = [mine.next("frame")]
        while "UnknownVendorId" not in str(told[-1].data):      # what the station still had to say at the beginning may come before
            told.append(mine.next("frame"))
        assert {e.data["station"] for e in told} == {"CS2"}
        assert [found.next("frame").data["frame"][3]["vendorId"] for _ in range(2)] == ["needle-CS1", "needle-CS2"]
        found.nothing()
        assert mine.events.empty()
        got = [everything.next("frame") for _ in range(8)]
        assert [e.id for e in got] == sorted({e.id for e in got})


@pytest.mark.parametrize("query, says", [("types=smoke", "types: expected some of station"), ("types=frame,,log", "types: expected"), ("types=Frame", "types: expected"), ("types=point", "points are told of one station only"),
                                         ("station=" + "x" * 64, "at most 63"), ("q=" + "x" * 64, "at most 63")])
@pytest.mark.parametrize("path", ["/stream", "/events"])
def test_a_filter_that_is_none_is_refused(site, viewer, path, query, says):
    answer = viewer.ask("GET", f"{path}?{query}")
    assert answer.status == 400 and says in answer.problem


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "99999999999999999999", "1 2", "9223372036854775807"])
def test_a_place_that_is_none_is_refused(viewer, last):
    assert viewer.ask("GET", "/stream", headers={"Last-Event-ID": last}).status == 400
    assert viewer.ask("GET", f"/stream?lastEventId={last.replace(' ', '%20')}").status == 400


def test_secrets_are_not_told(site, viewer):
    admin = site.token("admin")
    with viewer.stream() as stream:
        site.csms.call("CS1", "SetVariables", {"setVariableData": [{"attributeValue": "a-new-password-of-the-station", "component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}]})
        stream.next("frame", outgoing=False)
        stream.next("frame", outgoing=True)
        admin.ask("POST", "/session", {"user": "eve", "password": "a-guess-that-is-wrong"})
        time.sleep(0.5)
        told = str(list(stream.events.queue)) + viewer.ask("GET", "/events?limit=1000").text
    assert "a-new-password-of-the-station" not in told and "a-guess-that-is-wrong" not in told and "a-password-of-16" not in told
    assert admin.token not in told and viewer.token not in told
    assert viewer.get("/events?q=a-new-password")["items"] == [], "nor found by looking for it"


# ---- what was ----

def test_the_last_events_are_paged_backwards(site, viewer):
    fill(site, 5, 10)
    newest = viewer.get("/events?types=frame&station=CS1&limit=4")
    older = viewer.get(f"/events?types=frame&station=CS1&limit=1000&before={newest['items'][-1]['id']}")
    assert newest["more"] and not older["more"]
    together = [e["id"] for e in newest["items"] + older["items"]]
    assert together == sorted(together, reverse=True) and together == list(reversed(ring(viewer, "types=frame&station=CS1")))
    assert numbers(newest["items"]) == [4, 3]
    assert viewer.get("/events?types=frame&before=1")["items"] == []
    for wrong in ("x", "-1", "1.5", ""):
        assert viewer.ask("GET", f"/events?before={wrong}").status == 400


# ---- going on ----

def test_a_reader_goes_on_where_it_was(site, viewer):
    with viewer.stream("?types=frame") as stream:
        fill(site, 3, 10)
        first = [stream.next("frame") for _ in range(3)]
    fill(site, 3, 10)
    for stream in (viewer.stream("?types=frame", last=first[-1].id), viewer.stream(f"?types=frame&lastEventId={first[-1].id}")):
        with stream:
            expected = [i for i in ring(viewer) if i > first[-1].id]
            assert [stream.next().id for _ in expected] == expected
            stream.nothing()


def test_the_header_counts_more_than_the_address(site, viewer):
    """A browser that comes back by itself asks for the address it was given first, and tells in the header where it is."""
    with viewer.stream("?types=frame") as stream:
        fill(site, 2, 10)
        ids = [stream.next("frame").id for _ in range(4)]
    with viewer.stream(f"?types=frame&lastEventId={ids[0]}", last=ids[2]) as stream:
        assert stream.next().id == ids[3]


def test_of_a_place_yet_to_come_all_is_lost(site, viewer):
    """It is of an earlier run, when the clock was ahead: whatever the client knows is of that run."""
    last = max(ring(viewer, "types=frame,log,write"))
    with viewer.stream("?types=frame", last=last + 10 ** 6) as stream:
        lost = stream.next()
        assert lost.type == "lost" and lost.data == {"from": 0, "to": lost.id} and lost.id >= last
        site.csms.call("CS1", "GetLocalListVersion")
        assert stream.next("frame").data["frame"][2] == "GetLocalListVersion"
    with viewer.stream("?types=frame", last=lost.id) as stream:
        assert stream.next().type == "frame"


def state_of(client, station):
    return client.get(f"/stations/{station}")["evses"][0]["device"]["state"]


def plug_or_unplug(site, client, station="CS1", charger="tcp1"):
    before = state_of(client, station)
    site.ask(f"unplug {charger}" if before == "connected" else f"plug {charger}")
    until(lambda: state_of(client, station) not in (before, "unknown"), f"another state than {before}")


def change_unseen(site, client, query):
    """Until a change is told no more: when the gateway takes notice that a reader has left is not known."""
    def is_unseen():
        before = ring(client, query)
        plug_or_unplug(site, client)
        return ring(client, query) == before
    until(is_unseen, "a change that nobody follows")


@pytest.mark.parametrize("query", ["types=signals&station=CS1", "types=frame,signals", "types=point&station=CS1"])
def test_what_changed_while_nobody_followed_is_lost(site, viewer, query):
    kind = "point" if "point" in query else "signals"
    until(lambda: state_of(viewer, "CS1") == "available", "the charger's state")
    with viewer.stream(f"?types={kind}&station=CS2"):
        with viewer.stream(f"?{query}") as stream:
            plug_or_unplug(site, viewer)
            last = stream.next(kind, station="CS1").id
        change_unseen(site, viewer, f"types={kind}&station=CS1")
        with viewer.stream(f"?{query}", last=last) as stream:
            lost = stream.next()
            assert lost.type == "lost" and lost.id == last and lost.data["from"] == last + 1 <= lost.data["to"]
            plug_or_unplug(site, viewer)
            assert stream.next(kind, station="CS1").id >= lost.data["to"]      # no state of before comes after the new one was read
        with viewer.stream(f"?types={kind}&station=CS2", last=last) as mine:   # which was followed all the time
            plug_or_unplug(site, viewer, "CS2", "tcp2")
            assert mine.next().type == kind


def test_what_changed_while_another_followed_follows(site, viewer):
    query = "types=signals&station=CS1"
    until(lambda: state_of(viewer, "CS1") == "available", "the charger's state")
    with viewer.stream("?types=signals") as other:
        with viewer.stream(f"?{query}") as stream:
            plug_or_unplug(site, viewer)
            last = stream.next("signals", state="connected").id
        plug_or_unplug(site, viewer)
        other.next("signals", station="CS1", state="available")
        with viewer.stream(f"?{query}", last=last) as stream:
            expected = [i for i in ring(viewer, query) if i > last]
            assert [stream.next().id for _ in expected] == expected


def test_power_that_nobody_followed_is_lost(site, viewer):
    with viewer.stream("?types=power") as stream:
        last = stream.next("power").id

    def is_lost():
        with viewer.stream("?types=power", last=last) as stream:
            return stream.next().type == "lost"
    until(is_lost, "a moment that was not told")


def test_a_station_made_anew_is_another_than_the_one_followed(site, viewer):
    query = "?types=signals&station=CS1"
    until(lambda: state_of(viewer, "CS1") == "available", "the charger's state")
    with viewer.stream(query) as stream:
        plug_or_unplug(site, viewer)
        last = stream.next("signals").id
        path = site.directory / "gateway.yaml"
        path.write_text(path.read_text().replace('SampledDataCtrlr.TxUpdatedInterval: "1"', 'SampledDataCtrlr.TxUpdatedInterval: "2"'))
        site.local.post("/reload")
        stream.next("signals", state="connected")   # the new one's
    with viewer.stream(query, last=last) as stream:
        assert stream.next().type == "lost"


def test_of_a_station_that_is_not_there_nothing_is_told(site, viewer):
    with viewer.stream("?types=frame") as stream:
        fill(site, 1, 10)
        last = stream.next("frame").id
    with viewer.stream("?types=signals&station=CS9", last=last) as stream:
        assert stream.next().type == "lost"


def test_what_is_lost_is_told(site, viewer):
    with viewer.stream("?types=frame") as stream:
        fill(site, 1, 10)
        last = stream.next("frame").id
    fill(site, 220)     # more than the ring holds
    left = ring(viewer)
    with viewer.stream("?types=frame", last=last) as stream:
        lost = stream.next()
        assert lost.type == "lost" and lost.data["from"] == last + 1 and last + 1 <= lost.data["to"] == lost.id < min(left)
        assert [stream.next("frame").id for _ in left] == list(left)
    with viewer.stream("?types=frame", last=lost.id) as stream:   # a break just after that
        assert stream.next().type == "frame"


def test_after_a_restart_the_numbers_go_on_and_the_gap_is_told(site, viewer):
    with viewer.stream("?types=frame") as stream:
        fill(site, 1, 10)
        last = stream.next("frame").id
    site.end("gateway")
    site.start_gateway()
    with viewer.stream("?types=frame", last=last) as stream:
        lost = stream.next()
        assert lost.type == "lost" and lost.data["from"] == last + 1
        assert stream.next("frame").id > lost.id > last


# ---- readers ----

def lazy_reader(site, client, query, last=None):
    """Takes the head of the answer, and then nothing more."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(60)
    connection.connect((site.management, site.port))
    more = f"Last-Event-ID: {last}\r\n" if last else ""
    connection.sendall(f"GET {API}/stream?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n{more}\r\n".encode())
    assert connection.recv(12) == b"HTTP/1.1 200"
    return connection


def test_a_slow_reader_is_dropped_and_goes_on_with_nothing_lost(site, viewer):
    lazy = lazy_reader(site, viewer, "types=frame")
    with viewer.stream("?types=frame") as quick:
        fill(site, 60)     # 1.8 MB: more than the way to the reader holds, less than the ring
        began, slowest = time.monotonic(), 0.0
        while time.monotonic() - began < 24:     # API_STALLED_MS and some time
            asked = time.monotonic()
            viewer.get("/stations")
            slowest = max(slowest, time.monotonic() - asked)
            time.sleep(0.2)
        assert slowest < 2, "others are served all the while"
        got = [quick.next("frame") for _ in range(120)]
    data = b""
    with lazy:
        while part := receive(lazy):
            data += part
    text = re.sub(rb"\r\n[0-9a-f]+\r\n", b"", data.split(b"\r\n\r\n", 1)[1].split(b"\r\n", 1)[1]).decode(errors="replace")
    whole = re.findall(r"^id: (\d+)\nevent: frame\ndata: .*\n\n", text, re.M)
    assert len(whole) < 120, "it was cut off"
    last = int(whole[-1]) if whole else got[0].id - 1
    with viewer.stream("?types=frame", last=last) as again:
        assert [again.next("frame").id for e in got if e.id > last] == [e.id for e in got if e.id > last]
    assert numbers(got) == list(range(60))


def receive(connection):
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""


def test_readers_that_are_gone_are_forgotten(site, viewer):
    for _ in range(3):
        streams = [viewer.stream("?types=power") for _ in range(60)]
        for stream in streams:
            stream.close()
    with viewer.stream("?types=frame") as stream:    # 180 were there, and 100 may be
        site.csms.call("CS1", "GetLocalListVersion")
        assert stream.next("frame")


def test_there_are_only_so_many_streams(site, viewer):
    streams = []
    try:
        streams = [viewer.stream("?types=power") for _ in range(100)]
        answer = viewer.ask("GET", "/stream?types=power")
        assert answer.status == 503 and int(answer.headers["Retry-After"]) > 0 and "100 streams" in answer.problem
        assert viewer.get("/overview"), "others are served"
    finally:
        for stream in streams:
            stream.close()
    until(lambda: can_follow(viewer), "there is room again")


def can_follow(client):
    connection, response = client.open("GET", "/stream?types=power")
    with response:
        connection.sock and connection.sock.close()
        return response.status == 200


def test_a_stream_tells_that_it_lives(site, viewer):
    with viewer.stream("?types=scan") as stream:
        until(lambda: stream.comments >= 2, "a comment in silence", 20)   # at once, and after API_KEEPALIVE_MS
        assert stream.events.empty()


def test_a_stream_ends_with_the_gateway(site, viewer):
    with viewer.stream("?types=frame") as stream:
        site.end("gateway")
        assert stream.ended.wait(5)


def test_head_of_a_stream_ends(site, viewer):
    answer = Client(site, token=viewer.token).ask("HEAD", f"{API}/stream", check=False)
    assert answer.status == 200 and answer.body == b""
