"""What comes to the management port from those who mean harm, or are broken: bodies, paths, heads, slow clients, many clients."""
import contextlib
import json
import pathlib
import re
import resource
import socket
import time

import pytest

from harness import until
from management import API, Client, ManagedSite, read_all, routes

MAX_BODY, MAX_HEAD, MAX_CONNECTIONS = 2 << 20, 16 << 10, 256


@pytest.fixture(scope="module")
def site():
    with ManagedSite() as site:
        site.station("CS1", site.tcp_charger())
        site.start()
        yield site
        assert site.local.get("/overview"), "it still runs"
        assert "Sanitizer" not in site.log("gateway")


@pytest.fixture(scope="module")
def admin(site):
    return site.token("admin")


def answers(data):
    """Statuses of the answers that came one after the other on a connection."""
    statuses = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        statuses.append(int(re.match(rb"HTTP/1\.1 (\d{3}) ", head)[1]))
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        data = data[int(length[1]) if length else 0:]
    return statuses


def tell(site, data):
    """What the gateway says to these bytes until it hangs up."""
    with site.raw(data) as connection:
        return read_all(connection)


# ---- bodies ----

def nested(depth, kind="["):
    return (b'{"a":' * depth + b"1" + b"}" * depth) if kind == "{" else b'{"name":' + b"[" * depth + b"]" * depth + b"}"


BAD_BODIES = {
    "no JSON": b"hello", "half of it": b'{"name": "x"', "two": b'{"name": "x"} {"name": "y"}', "an array": b"[]", "a text": b'"x"', "a number": b"1", "null": b"null",
    "a comment": b'{"name": "x" /* y */}', "a comma too many": b'{"name": "x",}', "single quotes": b"{'name': 'x'}", "the same member twice": b'{"name": "x", "name": "y"}',
    "twice, one of them escaped": b'{"name": "x", "\\u006eame": "y"}', "a 0 byte": b'{"name": "x\0y"}', "an escaped 0 byte": b'{"name": "x\\u0000y"}', "a 0 byte behind it": b'{"name": "x"}\0',
    "no UTF-8": b'{"name": "\xff\xfe"}', "an overlong slash": b'{"name": "\xc0\xaf"}', "half of a surrogate": b'{"name": "\\ud800"}', "a surrogate in UTF-8": b'{"name": "\xed\xa0\x80"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"), "a byte order mark": b'\xef\xbb\xbf{"name": "x"}', "NaN": b'{"name": NaN}', "a number too large": b'{"name": 1e999}', "a hex number": b'{"name": 0x10}',
    "deep arrays": nested(100000), "deep objects": nested(100000, "{"), "only brackets": b"[" * 1000000, "blanks": b" " * 1000, "a form": b"name=x&role=admin",
    "XML": b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><x>&a;</x>",
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_is_no_json_object_is_refused(admin, name):
    for method, path in (("POST", "/users"), ("PUT", "/users/x"), ("POST", "/stations/CS1/requests"), ("POST", "/stations"), ("POST", "/scans")):
        answer = admin.ask(method, path, BAD_BODIES[name])
        assert answer.status == 400 and answer.problem.startswith("the body is no JSON"), answer.text
        assert len(answer.text) < 600


def test_of_nobody_the_body_is_not_even_read(site):
    for name in ("deep arrays", "no JSON"):
        assert Client(site).ask("POST", "/users", BAD_BODIES[name]).status == 401


WRONG_VALUES = [None, True, 0, -1, 1.5, 10 ** 18, "", "x" * 100000, "\u202e\u0007", [], [[]], {}, {"a": {}}, "../../etc/passwd", "'; DROP TABLE session; --", "%s%n%s", "$(id)", "{{7*7}}"]
MEMBERS = {
    "/users": ["name", "role", "password"], "/tokens": ["name", "role", "expires"], "/stations/CS1/requests": ["action", "payload"],
    "/stations/CS1/limits": ["limit", "unit", "evse", "source", "duration", "schedule", "release"], "/stations/CS1/probe": ["point", "kind", "address", "count", "unit", "evse", "words", "value", "write"],
    "/profiles/check": ["name", "text"], "/config/check": ["text"], "/scans": ["protocol", "target", "units", "framing", "baud", "parity"], "/trials": ["profile", "tcp", "bus", "unit", "buses", "echonet"],
    "/stations": ["id", "csms", "password", "chargers", "buses"], "/csms": ["name", "url", "security_profile", "ca_file"], "/session": ["user", "password"],
}
GOOD = {
    "/users": {"name": "new", "role": "viewer"}, "/tokens": {"name": "new", "role": "viewer"}, "/stations/CS1/requests": {"action": "ClearCache", "payload": {"x": 1}},
    "/stations/CS1/limits": {"limit": 16, "unit": "A"}, "/stations/CS1/probe": {"kind": "holding", "address": 4}, "/profiles/check": {"name": "x", "text": "x"}, "/config/check": {"text": ""},
    "/scans": {"protocol": "modbus"}, "/trials": {"profile": "none"}, "/stations": {"id": "x y"}, "/csms": {"name": "x y", "url": "http://x"}, "/session": {"user": "", "password": "x"},
}


@pytest.mark.parametrize("path", MEMBERS)
def test_a_value_of_a_wrong_kind_is_refused_or_does_no_harm(site, path):
    """Over the Unix socket, where nobody has to wait after wrong passwords. Each answer is also held against the description."""
    before = (site.directory / "gateway.yaml").read_text()
    for member in MEMBERS[path]:
        for value in WRONG_VALUES:
            answer = site.local.ask("POST", path, {**GOOD[path], member: value})
            assert answer.status < 500, (member, value, answer.text)
            if answer.status < 300:
                undo(site, path, answer, member)
    assert (site.directory / "gateway.yaml").read_text() == before
    assert site.local.get("/users")["total"] == 0


def undo(site, path, answer, member):
    """What was a good value after all. No name is one that is odd."""
    if path in ("/users", "/tokens"):
        assert answer.json["name"] == "new"
        assert member != "role"
        site.local.delete(f"{path}/new")
    elif path == "/stations/CS1/limits":
        site.local.post(path, {"release": True})
    elif path == "/scans":
        site.local.delete(f"/scans/{answer.json['id']}")
    else:
        assert path.endswith(("/check", "/probe", "/requests")), (path, answer.text)


def test_a_body_that_is_too_large_is_refused_before_it_comes(site, admin):
    head = f"POST {API}/users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin.token}\r\nContent-Type: application/json\r\n".encode()
    for length in (str(MAX_BODY + 1), "4294967296", "9223372036854775807", "9223372036854775808", "1" + "0" * 100):
        data = tell(site, head + f"Content-Length: {length}\r\n\r\n".encode())
        assert answers(data) == [413] and b"application/problem+json" in data
    large = json.dumps({"name": "x", "text": "y" * (MAX_BODY - 100)}).encode()
    assert len(large) <= MAX_BODY and admin.ask("POST", "/profiles/check", large).status == 200


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data", "text/json", "application/xml", "json"])
def test_a_body_of_another_type_is_refused(admin, kind):
    assert admin.ask("POST", "/users", b'{"name": "x"}', headers={"Content-Type": kind}).status == 415


# ---- paths ----

@pytest.mark.parametrize("path", [
    "/../etc/passwd", "/..", "/%2e%2e/etc/passwd", "/%2e%2e%2fetc%2fpasswd", "/..%2f..%2fetc/passwd", "/assets/../../../../etc/passwd", "/assets/..%5c..%5cwindows", "/.", "/./index.html", "/assets/./x",
    "/%00", "/index.html%00.js", "/assets/%00", "/%", "/%4", "/%zz", "/%u0041", "/%c0%ae%c0%ae/etc/passwd", "/%0d%0aSet-Cookie:%20x=y", "/a%0ab", "/\\..\\..\\etc\\passwd", "//etc/passwd", "///", "/etc/passwd",
    "/assets/", "/.git/config", "/gateway.yaml", "/state/store.db", "/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/stations", "/API/V1/stations", "/api/v1/stations/", "/api/v1//stations",
    "/api/v1/stations/..%2f..%2fconfig", "/api/v1/%2e%2e/v1/stations", "/api/v1/stations/CS1%00", "/api/v1/stations/CS1%0a", "/api/v1/profiles/..%2f..%2fgateway", "/api/v1/profiles/%2e%2e",
    "/api/v1/profiles/.hidden", "/api/v1/profiles/..%252f..%252fgateway", "/api/v1/users/..", "/api/v1/scans/0x1", "/api/v1/scans/-1", "/api/v1/scans/99999999999999999999", "/" + "a" * 5000, "/" + "%41" * 5000,
], ids=lambda path: path[:60])
def test_a_path_that_leads_nowhere_leads_nowhere(site, admin, path):
    data = tell(site, f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin.token}\r\nConnection: close\r\n\r\n".encode())
    assert answers(data)[0] in (400, 404, 405, 414, 431), data[:200]
    assert b"root:" not in data and b"a-password-of-16" not in data and b"Set-Cookie" not in data


def test_the_configuration_is_no_profile(site, admin):
    """Its directory is one of the profiles' here, and it has passwords."""
    answer = admin.ask("GET", "/profiles/gateway")
    assert answer.status == 404 and "password" not in answer.text
    assert "gateway" not in [p["name"] for p in admin.get("/profiles?limit=1000")["items"]]
    before = (site.directory / "gateway.yaml").read_text()
    assert admin.ask("PUT", "/profiles/gateway", {"text": "profile: gateway\nextends: demo-modbus-ac22\n"}).status == 422
    assert admin.ask("DELETE", "/profiles/gateway").status == 404
    assert (site.directory / "gateway.yaml").read_text() == before


@pytest.mark.parametrize("name", ["..%2f..%2fevil", "..%2fevil", ".evil", "%2fetc%2fevil", "a%2fb", "evil%00", "evil.yaml%2f..", "e" * 200, "e%20vil", "%ff", "~"], ids=lambda name: name[:20])
def test_a_profile_is_written_nowhere_else(site, admin, name):
    text = admin.get("/profiles/demo-modbus-ac22")["text"]
    before = sorted(p for p in site.directory.rglob("*") if "state" not in str(p))
    assert 400 <= admin.ask("PUT", f"/profiles/{name}", {"text": text}, check=False).status < 500
    assert 400 <= admin.ask("DELETE", f"/profiles/{name}", check=False).status < 500
    assert sorted(p for p in site.directory.rglob("*") if "state" not in str(p)) == before


@pytest.mark.parametrize("route", [r for r in routes() if "{" in r.pattern], ids=str)
@pytest.mark.parametrize("name", ["%00", "a%0d%0aX-Evil:%201", "%2e%2e", "'%22%3Cscript%3E", "x" * 3000, "%F0%9F%94%8C", "%ff%fe", "*", "..;", "%25s%25n"], ids=lambda name: name[:20])
def test_a_name_that_is_none_is_answered_harmlessly(admin, route, name):
    answer = admin.ask(route.method, route.path(name), {} if route.method in ("POST", "PUT") else None, check=False)
    assert answer.status in (400, 404, 422)
    assert "X-Evil" not in answer.headers and len(answer.text) < 4000
    assert answer.headers["Content-Type"] in ("application/problem+json", "text/plain; charset=utf-8")


def test_a_percent_encoded_path_is_the_path(site, admin):
    assert admin.ask("GET", f"{API}/st%61tions/CS%31", check=False).status == 200
    assert Client(site).ask("GET", f"{API}/us%65rs", check=False).status == 401


# ---- pages ----

def test_the_pages_cannot_be_framed_or_filled_by_others(site):
    index = tell(site, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    head = index.split(b"\r\n\r\n")[0].decode()
    assert head.startswith("HTTP/1.1 200 ")
    policy = re.search(r"(?i)content-security-policy: (.*)", head)[1]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert "X-Frame-Options: DENY" in head and "nosniff" in head
    assert "Server:" not in head


# ---- heads ----

@pytest.mark.parametrize("data, status", [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),                         # TLS on a plain port
    (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 400), (b"GET\r\n\r\n", 400), (b"GET / \r\n\r\n", 400), (b"GET / HTTP/1.1\n\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400),
    (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505), (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505), (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400), (b"GET x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: x\r\nA\0B: y\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: x\ry\r\n\r\n", 400),
    (b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400), (b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400), (b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404), (b"BREW / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
    (b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a\r\nCookie: b\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * MAX_HEAD + b"\r\n\r\n", 431), (b"GET /" + b"y" * MAX_HEAD + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431), (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 4000 + b"\r\n", 431),
], ids=lambda value: repr(value)[:60])
def test_a_head_that_is_none_is_refused_and_the_connection_ended(site, data, status):
    assert answers(tell(site, data)) == [status]


GET_USERS = f"GET {API}/users HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize("framing, status", [
    (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", 411), (b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", 411), (b"Transfer-Encoding: chunked\r\n", 411),
    (b"Transfer-Encoding: identity\r\nContent-Length: 4\r\n", 411), (b"Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n", 411), (b"transfer-encoding:\tchunked\r\nContent-Length: 4\r\n", 411),
    (b"Transfer-Encoding : chunked\r\nContent-Length: 4\r\n", 400), (b" Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", 400), (b"Content-Length: 4\r\nContent-Length: 4\r\n", 400),
    (b"Content-Length: 4\r\nContent-Length: 60\r\n", 400), (b"Content-Length: 4, 4\r\n", 400), (b"Content-Length: +4\r\n", 400), (b"Content-Length: -4\r\n", 400), (b"Content-Length: 0x4\r\n", 400),
    (b"Content-Length: 4 4\r\n", 400), (b"Content-Length: \r\n", 400), (b"Content-Length: 4\n\r\n", 400), (b"Content-Length: 4\r\nX: y\nTransfer-Encoding: chunked\r\n", 400), (b"Expect: 200-maybe\r\nContent-Length: 4\r\n", 417),
])
def test_a_request_is_not_smuggled_behind_another(site, framing, status):
    """What could be read in two ways is refused, and what follows on the connection is never looked at."""
    data = b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + framing + b"\r\n" + b"0\r\n\r\n" + GET_USERS
    assert answers(tell(site, data)) == [status]


def test_a_body_of_a_get_is_not_taken_for_a_request(site, admin):
    inner = GET_USERS
    data = f"GET {API}/overview HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin.token}\r\nContent-Length: {len(inner)}\r\n\r\n".encode() + inner + GET_USERS
    assert answers(tell(site, data)) in ([415, 401], [400, 401], [200, 401])


def test_requests_on_one_connection_are_answered_in_order(site, admin):
    def request(path, body=None):
        text = json.dumps(body).encode() if body is not None else b""
        return (f"{'POST' if body is not None else 'GET'} {API}{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin.token}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(text)}\r\n\r\n").encode() + text
    data = tell(site, request("/overview") + request("/nothing") + request("/users", {}) + request("/audit") + request("/profiles/check", {"name": "x", "text": "x"}) + request("/csms") + GET_USERS)
    assert answers(data) == [200, 404, 400, 200, 200, 200, 401]
    assert answers(tell(site, request("/overview") * 500 + GET_USERS)) == [200] * 500 + [401]
    with site.raw() as connection:     # byte by byte
        for byte in request("/profiles/check", {"name": "x", "text": "y"}) + GET_USERS:
            connection.sendall(bytes([byte]))
        assert answers(read_all(connection)) == [200, 401]


def test_who_is_known_is_asked_anew_with_each_request(site, admin):
    data = f"GET {API}/users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {admin.token}\r\n\r\n".encode() + GET_USERS
    assert answers(tell(site, data)) == [200, 401]


# ---- slow clients, many clients ----

def quick(client, seconds=2):
    began = time.monotonic()
    client.get("/overview")
    assert time.monotonic() - began < seconds, "others are served meanwhile"


def until_hung_up(connections, seconds):
    """When each was, in seconds."""
    began, ended = time.monotonic(), {}
    while len(ended) < len(connections) and time.monotonic() - began < seconds:
        for connection in connections:
            if connection in ended:
                continue
            with contextlib.suppress(BlockingIOError, ConnectionError):
                if connection.recv(4096, socket.MSG_DONTWAIT):
                    continue
                ended[connection] = time.monotonic() - began
        yield ended


def test_heads_and_bodies_that_come_drop_by_drop_cost_only_their_connections(site, admin):
    body = f"POST {API}/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n".encode()
    heads = [site.raw(b"GET / HTTP/1.1\r\nHost: x\r\n") for _ in range(50)]
    silent = [site.raw() for _ in range(50)]
    bodies = [site.raw(body) for _ in range(3)]
    stuck = [site.raw(body + b'{"user') for _ in range(3)]        # nothing more comes
    ended = {}
    for ended in until_hung_up(heads + silent + stuck, 30):
        for number, connection in enumerate(heads + bodies):
            with contextlib.suppress(OSError):
                connection.sendall(b"X-%d: y\r\n" % number)
        quick(admin)
        time.sleep(0.5)
    times = {name: [ended.get(c) for c in group] for name, group in (("heads", heads), ("silent", silent), ("stuck", stuck))}
    for name, least, most in (("heads", 8, 14), ("silent", 8, 14), ("stuck", 18, 26)):
        assert all(t and least < t < most for t in times[name]), (name, times[name])
    for connection in heads + silent + bodies + stuck:
        connection.close()
    quick(admin)


def test_who_promises_large_bodies_keeps_nobody_from_sending_one(site, admin):
    head = f"POST {API}/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {MAX_BODY}\r\n\r\n{{".encode()
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(site.raw(head)) for _ in range(12)]
        for _ in range(5):
            assert admin.post("/config/check", {"text": "# " + "x" * 1000000}, 200)
        answer = read_all(held[0])
        assert b" 503 " in answer and b'"detail":"' in answer, "who waited longest has made room"
    quick(admin)


def test_a_body_that_does_not_go_on_is_answered_408(site):
    with site.raw(f"POST {API}/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode(), timeout=40) as connection:
        assert answers(read_all(connection)) == [408]


def test_a_client_that_reads_nothing_of_its_answers_costs_only_its_connection(site, admin):
    request = f"GET {API}/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    lazy = []
    for _ in range(10):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((site.management, site.port))
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(2000):
                connection.send(request)
        lazy.append(connection)
    before = memory(site)
    for _ in range(20):
        quick(admin)
    assert memory(site) - before < 32 << 20, "nothing piles up"
    for connection in lazy:
        connection.close()


def memory(site):
    return int(open(f"/proc/{site.processes['gateway'].pid}/statm").read().split()[1]) * resource.getpagesize()


@pytest.mark.parametrize("sent", [b"", b"GET /hea", b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"],
                         ids=["silent", "half a head", "half a body"])
def test_who_holds_all_connections_keeps_nobody_out(site, admin, sent):
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(admin.stream("?types=station"))
        held = [stack.enter_context(site.raw(sent)) for _ in range(MAX_CONNECTIONS + 50)]
        for _ in range(5):
            assert admin.get("/overview")
        assert read_all(held[0]) == b"", "who waited longest without asking has made room"
        held[-1].setblocking(False)
        with pytest.raises(BlockingIOError):
            held[-1].recv(1)
        assert not stream.ended.is_set(), "who was let in stays"
        assert len(list(open_files(site))) < MAX_CONNECTIONS + 80
        assert site.local.get("/overview"), "the Unix socket has its own"
    until(lambda: reachable(admin), "there is room again")
    assert descriptors(site) < 100


def reachable(client):
    with contextlib.suppress(OSError):
        return client.ask("GET", "/overview").status == 200
    return False


def descriptors(site):
    until(lambda: len(list(open_files(site))) < 100, "the connections are closed")
    return len(list(open_files(site)))


def open_files(site):
    return pathlib.Path(f"/proc/{site.processes['gateway'].pid}/fd").iterdir()


def test_clients_that_hang_up_in_the_middle_of_anything_are_forgotten(site, admin):
    auth = f"Host: x\r\nAuthorization: Bearer {admin.token}\r\nContent-Type: application/json\r\n"
    check = json.dumps({"text": (site.directory / "gateway.yaml").read_text()})
    requests = [f"GET {API}/audit HTTP/1.1\r\n{auth}\r\n", f"GET {API}/transactions.csv HTTP/1.1\r\n{auth}\r\n", f"GET {API}/profiles HTTP/1.1\r\n{auth}\r\n",
                f"POST {API}/config/check HTTP/1.1\r\n{auth}Content-Length: {len(check)}\r\n\r\n{check}", f"GET {API}/stream HTTP/1.1\r\n{auth}\r\n",
                f"POST {API}/stations/CS1/probe HTTP/1.1\r\n{auth}Content-Length: 45\r\n\r\n" + '{"kind": "holding", "address": 4, "count": 1}']
    for request in requests:
        text = request.encode()
        for cut in (1, len(text) // 3, len(text) // 2, len(text) - 1, len(text)):
            for how in (0, 1):
                connection = site.raw(text[:cut])
                if how:   # by a reset
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                connection.close()
    quick(admin)
    assert descriptors(site) < 100
