"""What the web UI and those who scrape cost the gateway (bench/bench.py): browsers that follow the stream, and each long request."""
import http.client
import json
import pathlib
import re
import socket
import ssl
import statistics
import threading
import time

PASSWORD = "a long sentence for the bench"
STALL_S = 26          # a stream whose reader takes nothing is closed after 20 s
SHORT_BUFFER = 16384
OPEN_S = 0.25         # one browser after the other: who opens a page does that for itself, and the cores are not taken by all at once
POLL_S = 20           # each browser reads the overview and all stations so often
IDS = re.compile(rb"^id: (\d+)\nevent: (\w+)\ndata: (.*)$", re.M)
REPEAT = 10

# Each takes long where there are 1,000 stations, or much history.
REQUESTS = [
    ("GET", "/api/v1/overview"),
    ("GET", "/api/v1/stations?limit=1000"),
    ("GET", "/api/v1/stations?q=B19"),
    ("GET", "/api/v1/stations/B100"),
    ("GET", "/api/v1/status"),
    ("GET", "/api/v1/power?seconds=86400"),
    ("GET", "/api/v1/csms"),
    ("GET", "/api/v1/buses?limit=1000"),
    ("GET", "/api/v1/certificates"),
    ("GET", "/api/v1/profiles?limit=1000"),
    ("GET", "/api/v1/transactions?limit=1000"),
    ("GET", "/api/v1/transactions.csv"),
    ("GET", "/api/v1/events?limit=1000"),
    ("GET", "/api/v1/events?types=frame&q=is+nowhere"),
    ("GET", "/api/v1/stream?types=frame&q=is+nowhere&lastEventId=1"),
    ("GET", "/api/v1/config"),
    ("POST", "/api/v1/config/check"),
    ("PUT", "/api/v1/config"),
    ("POST", "/api/v1/session"),
    ("POST", "/api/v1/reload"),
    ("GET", "/metrics"),
]


# ---- connections ----

class LocalConnection(http.client.HTTPConnection):
    """By the Unix socket, as who is admin."""

    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def ask(self, method, path, body=None):
        self.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json"} if body is not None else {})
        answer = self.getresponse()
        return answer.status, answer.read()


def unchecked_tls():
    """The certificate is the gateway's own; who it is does not matter here."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Stream:
    """One reader of /api/v1/stream, by a socket of its own."""

    def __init__(self, port, cookie, last_id=None, buffer=None):
        plain = socket.socket()
        if buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        plain.settimeout(60)
        plain.connect(("127.0.0.1", port))
        self.socket = unchecked_tls().wrap_socket(plain)
        last = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        self.socket.sendall(f"GET /api/v1/stream?types=station,power HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n{last}\r\n".encode())
        self.file = self.socket.makefile("rb", buffering=65536)
        status = self.file.readline()
        if b" 200 " not in status:
            raise OSError(f"stream: {status!r}")
        while self.file.readline() not in (b"\r\n", b""):
            pass

    def read(self):
        """What is next: whole events; b"" at the end."""
        size = int(self.file.readline() or b"0", 16)
        data = self.file.read(size + 2)
        return data[:size] if len(data) == size + 2 else b""

    def close(self):
        self.socket.close()


class Browser(threading.Thread):
    """Follows the stream, and reads the overview and the stations now and then."""

    def __init__(self, number, port, cookie, until_s, keeps_ids=False):
        super().__init__(daemon=True)
        self.number, self.port, self.cookie, self.until_s = number, port, cookie, until_s
        self.keeps_ids = keeps_ids
        self.events = self.bytes = self.pages = 0
        self.ids = set()
        self.problem = None
        self.start()

    def run(self):
        time.sleep(OPEN_S * self.number)
        try:
            self.follow(Stream(self.port, self.cookie))
        except (OSError, ValueError, http.client.HTTPException) as problem:
            self.problem = problem

    def follow(self, stream):
        pages = http.client.HTTPSConnection("127.0.0.1", self.port, context=unchecked_tls(), timeout=60)
        due_s = time.monotonic() + POLL_S * self.number / 20
        while time.monotonic() < self.until_s:
            data = stream.read()
            if not data:
                raise OSError("the stream ended")
            self.events += data.count(b"\nevent: ")
            self.bytes += len(data)
            if self.keeps_ids:
                self.ids.update(int(found[1]) for found in IDS.finditer(data))
            if time.monotonic() >= due_s:
                due_s += POLL_S
                for path in ("/api/v1/overview", "/api/v1/stations?limit=1000"):
                    pages.request("GET", path, headers={"Cookie": self.cookie})
                    pages.getresponse().read()
                    self.pages += 1
        stream.close()
        pages.close()


class SlowReader(threading.Thread):
    """Takes nothing until it is dropped, then goes on where it was."""

    def __init__(self, port, cookie, until_s):
        super().__init__(daemon=True)
        self.port, self.cookie, self.until_s = port, cookie, until_s
        self.ids, self.lost, self.had = set(), [], 0
        self.problem = None
        self.start()

    def take(self, data):
        for found in IDS.finditer(data):
            if found[2] == b"lost":
                lost = json.loads(found[3])
                self.lost.append((lost["from"], lost["to"]))
            else:
                self.ids.add(int(found[1]))

    def run(self):
        try:
            self.stall()
            stream = Stream(self.port, self.cookie, last_id=max(self.ids))
            while time.monotonic() < self.until_s:
                self.take(stream.read())
            stream.close()
        except (OSError, ValueError) as problem:
            self.problem = problem

    def stall(self):
        stream = Stream(self.port, self.cookie, buffer=SHORT_BUFFER)
        self.take(stream.read())
        time.sleep(STALL_S)
        try:
            while True:     # what was on its way when it was dropped
                data = stream.read()
                if not data:
                    break
                self.take(data)
                if time.monotonic() > self.until_s:
                    raise ValueError("it was not dropped")
        except (ConnectionError, ssl.SSLError):
            pass
        stream.close()
        self.had = len(self.ids)

    def missing(self, all_ids):
        """What another got, this one did not, and was not told of as lost."""
        mine = [i for i in all_ids if min(self.ids) <= i <= max(self.ids)]
        return [i for i in mine if i not in self.ids and not any(a <= i <= b for a, b in self.lost)]


# ---- figures of the gateway ----

def lag_counts(text):
    """Cumulative counts of the loop's lag by upper bound in seconds."""
    return {float(bound): int(count) for bound, count in re.findall(r'^ocpp_gateway_loop_lag_seconds_bucket\{le="([^"]+)"\} (\d+)', text, re.M)}


def metrics_of(site):
    return LocalConnection(site.control).ask("GET", "/metrics")[1].decode()


def bound_of(before, after, share):
    """The bucket's upper bound, in ms, under which this share of what came between lies."""
    counts = {bound: after[bound] - before[bound] for bound in after}
    total = counts[float("inf")]
    return next(1000 * bound for bound, count in sorted(counts.items()) if count >= share * total)


def thread_times_s(pid):
    """How long the loop's thread ran, and how long it could have run but others had the cores."""
    ran_ns, waited_ns, _ = pathlib.Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()
    return int(ran_ns) / 1e9, int(waited_ns) / 1e9


def log_in(site):
    """A user as the UI has one: the cookie."""
    local = LocalConnection(site.control)
    status, answer = local.ask("POST", "/api/v1/users", {"name": "bench", "role": "admin", "password": PASSWORD})
    if status >= 300:
        raise OSError(f"user: {status} {answer[:300]}")
    remote = http.client.HTTPSConnection("127.0.0.1", site.web_port, context=unchecked_tls(), timeout=60)
    remote.request("POST", "/api/v1/session", json.dumps({"user": "bench", "password": PASSWORD}), {"Content-Type": "application/json"})
    answer = remote.getresponse()
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    if answer.status != 200:
        raise OSError(f"login: {answer.status}")
    return cookie


# ---- rows ----

def streaming(table, site, seconds, cpu_seconds, rss_of):
    """Browsers and a slow one among them, while all chargers tell new values."""
    cookie = log_in(site)
    rss_before = rss_of(site.gateway.pid)
    before = lag_counts(metrics_of(site))
    cpu, before_s = cpu_seconds(site.gateway.pid), thread_times_s(site.gateway.pid)
    begun_s = time.monotonic()
    until_s = begun_s + seconds
    slow = SlowReader(site.web_port, cookie, until_s)
    browsers = [Browser(i, site.web_port, cookie, until_s + (2 if i == 0 else 0), i == 0) for i in range(20)]
    slow.join(seconds + 60)
    rss = rss_of(site.gateway.pid)
    for browser in browsers:
        browser.join(60)
    taken_s = time.monotonic() - begun_s
    cpu = (cpu_seconds(site.gateway.pid) - cpu) / taken_s
    ran_s, waited_s = (b - a for a, b in zip(before_s, thread_times_s(site.gateway.pid)))
    after = lag_counts(metrics_of(site))
    problems = [str(b.problem) for b in (*browsers, slow) if b.problem]
    if problems:
        raise OSError("; ".join(problems))
    table.row(f"{site.stations} stations told live, 20 browsers streaming by TLS: lag of the loop (p50, p99, longest)",
              "<= {:g}, <= {:g}, <= {:g} ms".format(*(bound_of(before, after, share) for share in (0.5, 0.99, 1))), "20 ms")
    table.row("  the loop's thread ran / wanted to run while others had the cores, which is lag, too",
              f"{100 * ran_s / taken_s:.1f} / {100 * waited_s / taken_s:.1f} % of the time")
    table.row("  events sent per second, to all", f"{sum(b.events for b in browsers) / taken_s:,.0f}")
    table.row("  lists of all stations and overviews read meanwhile", f"{sum(b.pages for b in browsers)}")
    table.row("  CPU of the gateway / memory, and what the browsers added",
              f"{100 * cpu:.0f} % / {rss / 1024:.1f}, {(rss - rss_before) / 1024:.1f} MiB")
    table.row("  a reader that takes nothing: events until it is dropped, and since it came again",
              f"{slow.had:,} and {len(slow.ids) - slow.had:,}")
    table.row("    missed, though others got them and none told it that they are lost / told to be lost",
              f"{len(slow.missing(browsers[0].ids))} / {sum(b - a + 1 for a, b in slow.lost):,}", "0 / -")


class Waiting(threading.Thread):
    """Asks the gateway for the least there is, all the time: what others wait meanwhile."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.connection, self.longest_s, self.ended = LocalConnection(path), 0, False
        self.start()

    def run(self):
        while not self.ended:
            begun_s = time.monotonic()
            self.connection.ask("GET", "/healthz")
            self.longest_s = max(self.longest_s, time.monotonic() - begun_s)
            time.sleep(0.0005)


def edited(text):
    """As somebody may who types in it: no station changes, but many a line, from the first to the last."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    every = len(lines) // 20
    return "\n".join(f"{line}\n# {time.time()}" if i % every == every - 1 else line for i, line in enumerate(lines)) + "\n"


def body_of(site, local, method, path):
    if path.endswith("/check"):
        return {"text": edited(site.path.read_text())}
    if (method, path) == ("PUT", "/api/v1/config"):
        return {"text": edited(site.path.read_text()), "etag": json.loads(local.ask("GET", path)[1])["etag"]}
    if path.endswith("/session"):
        return {"user": "bench", "password": PASSWORD}
    return {} if path.endswith("/reload") else None


def ask_once(site, method, path):
    """CPU of the loop's thread in ms, bytes, and how long another request waited at most, in ms."""
    local = LocalConnection(site.control)
    body = body_of(site, local, method, path)
    waiting = Waiting(site.control)
    time.sleep(0.05)
    waiting.longest_s, before_s = 0, thread_times_s(site.gateway.pid)[0]
    if "/stream" in path:
        local.request(method, path)
        size, status = len(local.getresponse().fp.readline()), 200
    else:
        status, data = local.ask(method, path, body)
        size = len(data)
    used_s = thread_times_s(site.gateway.pid)[0] - before_s
    waiting.ended = True
    waiting.join()
    local.close()
    if status >= 300:
        raise OSError(f"{method} {path}: {status}")
    return 1000 * used_s, size, 1000 * waiting.longest_s


def long_requests(table, site):
    log_in(site)
    for method, path in REQUESTS:
        found = [ask_once(site, method, path) for _ in range(REPEAT)]
        used_ms, size, others_ms = (column for column in zip(*found))
        table.row(f"{method} {path}: {size[0] / 1024:,.0f} KiB; on the loop in all / what another request waits (median, longest)",
                  f"{statistics.median(used_ms):.1f} / {statistics.median(others_ms):.1f}, {max(others_ms):.1f} ms", "- / -, 20 ms")
