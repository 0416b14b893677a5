"""The management API as a client sees it: a Site whose gateway listens, requests over TCP, TLS or the Unix socket, and event streams."""
import functools
import http.client
import json
import queue
import re
import socket
import ssl
import subprocess
import threading
import time

import jsonschema

from harness import BUILD, ROOT, WAIT, Site, address, until

API = "/api/v1"
ROLES = ["none", "viewer", "operator", "admin"]
PASSWORD = "a sentence of some length"
DESCRIPTION = json.loads((ROOT / "docs/openapi.json").read_text())


# ---- what the gateway says it has ----

class Route:
    def __init__(self, line):
        self.method, self.pattern, self.role, query = line.split(" ")
        self.query = [] if query == "-" else query.split(",")

    def __str__(self):
        return f"{self.method} {self.pattern}"

    def path(self, name="nobody"):
        return re.sub(r"\{[^}]*\}", name, self.pattern)


@functools.cache
def routes():
    done = subprocess.run([BUILD / "ocpp-gateway", "--routes"], capture_output=True, text=True, check=True, timeout=WAIT)
    return [Route(line) for line in done.stdout.splitlines()]


# ---- what the description says of an answer ----

@functools.cache
def operation_of(method, path):
    for pattern, operations in DESCRIPTION["paths"].items():
        if re.fullmatch(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(pattern)), path) and method.lower() in operations \
                and (pattern == path or path not in DESCRIPTION["paths"]):
            return operations[method.lower()]
    return None


def resolve(thing):
    while "$ref" in thing:
        thing = functools.reduce(lambda at, key: at[key], thing["$ref"].removeprefix("#/").split("/"), DESCRIPTION)
    return thing


def validator(schema):
    return jsonschema.Draft202012Validator({**schema, "components": DESCRIPTION["components"]}, format_checker=jsonschema.FormatChecker())


def check_described(method, path, answer):
    """The answer is one that docs/openapi.json knows for the route."""
    operation = operation_of(method, path)
    assert operation, f"{method} {path} is not described"
    described = operation["responses"].get(str(answer.status))
    assert described, f"{method} {path}: {answer.status} is not described: {answer.text}"
    content = resolve(described).get("content", {})
    if not content:
        assert answer.body == b"", f"{method} {path}: {answer.status} has no body, but {answer.text}"
        return
    kind = answer.headers["Content-Type"].split(";")[0]
    assert kind in content, f"{method} {path}: {answer.status} is {kind}, described is {list(content)}"
    if kind.endswith("json"):
        try:
            validator(content[kind]["schema"]).validate(answer.json)
        except jsonschema.ValidationError as problem:
            raise AssertionError(f"{method} {path}: {answer.status}: {problem.json_path}: {problem.message}") from None
    if kind == "application/problem+json":
        assert answer.json["status"] == answer.status


# ---- requests ----

class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body
        self.text = body.decode("utf-8", "replace")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def problem(self):
        """What is wrong, in words."""
        assert self.headers["Content-Type"] == "application/problem+json" and self.json["type"] == "about:blank", self.text
        return self.json["detail"]


def full(path):
    """With the prefix, where it is left out."""
    return path if path.startswith(API) or path.split("?")[0] in ("/metrics", "/healthz", "/readyz") else API + path


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=WAIT)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Client:
    """Who asks: nobody, until it has logged in or has a token. Every answer is held against the description, unless `check` is off."""

    def __init__(self, site, token=None, source=None, unix=False):
        self.site, self.token, self.unix = site, token, unix
        self.source = source           # the address it comes from
        self.cookie = self.csrf = None

    def connect(self):
        if self.unix:
            return UnixConnection(self.site.directory / "gateway.sock")
        where = {"host": self.site.management, "port": self.site.port, "timeout": WAIT,
                 "source_address": (self.source, 0) if self.source else None}
        return http.client.HTTPSConnection(**where, context=self.site.trust) if self.site.trust else http.client.HTTPConnection(**where)

    def headers(self, method):
        headers = {"Connection": "close"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.cookie:
            headers["Cookie"] = self.cookie
        if self.csrf and method != "GET":
            headers["X-CSRF-Token"] = self.csrf
        return headers

    def open(self, method, path, body=None, headers=None):
        """The response, not read yet, and its connection. A header of None is left out."""
        path = full(path)
        sent = self.headers(method)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent["Content-Type"] = "application/json"
        sent.update(headers or {})
        connection = self.connect()
        connection.request(method, path, body, {name: value for name, value in sent.items() if value is not None})
        return connection, connection.getresponse()

    def ask(self, method, path, body=None, headers=None, check=True):
        connection, response = self.open(method, path, body, headers)
        answer = Answer(response, response.read())
        connection.close()
        if check:
            check_described(method, full(path).split("?")[0], answer)
        return answer

    def expect(self, status, method, path, body=None, **more):
        """The answer, which has this status, or with None a good one; its JSON if it has one."""
        answer = self.ask(method, path, body, **more)
        assert answer.status == status if status else answer.status < 300, f"{method} {path}: {answer.status} {answer.text}"
        return answer.json if answer.body and "json" in answer.headers["Content-Type"] else answer

    def get(self, path, status=None, **more):
        return self.expect(status, "GET", path, **more)

    def post(self, path, body=None, status=None, **more):
        return self.expect(status, "POST", path, body, **more)

    def put(self, path, body=None, status=None, **more):
        return self.expect(status, "PUT", path, body, **more)

    def delete(self, path, status=None, **more):
        return self.expect(status, "DELETE", path, **more)

    def items(self, path, **more):
        return self.get(path, **more)["items"]

    def take(self, answer):
        """Becomes who the answer to a login says."""
        assert answer.status == 200, answer.text
        self.cookie, self.csrf = answer.headers["Set-Cookie"].split(";")[0], answer.json["csrf"]
        return answer

    def login(self, user, password=PASSWORD):
        return self.take(self.ask("POST", "/session", {"user": user, "password": password}))

    def stream(self, query="", last=None):
        return Stream(self, query, last)


class Event:
    def __init__(self, lines):
        fields = dict(line.split(": ", 1) for line in lines)
        assert set(fields) == {"id", "event", "data"}, lines
        self.id, self.type, self.data = int(fields["id"]), fields["event"], json.loads(fields["data"])

    def __repr__(self):
        return f"{self.id} {self.type} {self.data}"


class Stream:
    """Server-Sent Events, as they come."""

    def __init__(self, client, query="", last=None):
        self.connection, self.response = client.open("GET", f"/stream{query}", headers={"Last-Event-ID": str(last)} if last is not None else {})
        assert self.response.status == 200, self.response.read()
        assert self.response.headers["Content-Type"] == "text/event-stream"
        self.sock, self.events, self.comments, self.ended = self.connection.sock or self.response.fp.raw._sock, queue.Queue(), 0, threading.Event()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        lines = []
        try:
            for line in iter(self.response.readline, b""):
                line = line.decode().rstrip("\n")
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    lines.append(line)
                elif lines:
                    self.events.put(Event(lines))
                    lines = []
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # closed, by either side
        self.ended.set()

    def next(self, type_=None, seconds=WAIT, **data):
        """The next event of the type with these members; others are left out."""
        end = time.monotonic() + seconds
        while True:
            try:
                event = self.events.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no event {type_} {data} within {seconds} s") from None
            if (not type_ or event.type == type_) and all(event.data.get(k) == v for k, v in data.items()):
                return event

    def nothing(self, seconds=0.5):
        time.sleep(seconds)
        assert self.events.empty(), list(self.events.queue)

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(WAIT)
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.close()
        except OSError:
            pass  # the gateway has ended it




# ---- sites ----

class ManagedSite(Site):
    """A site whose gateway can be managed over a port; `settings` go into `management`."""

    def __init__(self, with_tls=False, settings="", **more):
        super().__init__(**more)
        self.management, self.port, self.with_tls, self.settings = address(), 8443, with_tls, settings
        self.trust = None
        if with_tls:  # its certificate is one it has made itself
            self.trust = ssl.create_default_context()
            self.trust.check_hostname, self.trust.verify_mode = False, ssl.CERT_NONE
        self.local = Client(self, unix=True)

    def config(self):
        return (f"management: {{ listen: \"{self.management}:{self.port}\", tls: {'true' if self.with_tls else 'false'}{self.settings} }}\n"
                + super().config())

    def start_gateway(self):
        super().start_gateway()
        self.until_listening()

    def until_listening(self):
        def answers():
            try:
                return Client(self).ask("GET", "/healthz").status == 200
            except OSError:
                return False
        until(answers, "the management port answers")

    def setup_token(self):
        found = re.findall(r"setup token.*token=(\S+)", self.log("gateway"))
        return found[-1] if found else None

    def token(self, role, name=None):
        """A client with a token of the role."""
        name = name or f"test-{role}"
        self.local.ask("DELETE", f"/tokens/{name}")
        return Client(self, token=self.local.post("/tokens", {"name": name, "role": role}, 201)["token"])

    def user(self, name, role):
        """A user who is logged in."""
        self.local.post("/users", {"name": name, "role": role, "password": PASSWORD}, 201)
        client = Client(self)
        client.login(name)
        return client

    def nobody(self):
        """Somebody from an address where nobody was before."""
        return Client(self, source=address())

    def raw(self, data=b"", source=None, timeout=WAIT):
        """A connection that is not understood by anybody else."""
        connection = socket.create_connection((self.management, self.port), timeout, (source, 0) if source else None)
        if data:
            connection.sendall(data)
        return connection


def read_all(connection, limit=1 << 20):
    """Until the other side ends it; what is cut off by a reset counts as the end."""
    data = b""
    try:
        while len(data) < limit and (part := connection.recv(65536)):
            data += part
    except ConnectionError:
        pass
    return data
