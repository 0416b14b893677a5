"""A site for tests: ocpp-sim, ocpp-gateway and an independent CSMS (python3-websockets), all on loopback addresses of their own.

The CSMS checks every frame, both ways, against the official schemas; what does not conform fails the test that is running.
"""
import asyncio
import itertools
import json
import os
import pathlib
import queue
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import uuid
import zlib

import jsonschema
import websockets

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build/asan"))
SCHEMAS = pathlib.Path(os.environ.get("SHARED", ROOT.parent / "shared")) / "spec/ocpp-2.0.1/schemas"
PASSWORD = "a-password-of-16-or-more"
ERRORS = {"FormatViolation", "GenericError", "InternalError", "MessageTypeNotSupported", "NotImplemented", "NotSupported",
          "OccurrenceConstraintViolation", "PropertyConstraintViolation", "ProtocolError", "RpcFrameworkError", "SecurityError",
          "TypeConstraintViolation"}   # of a CALLERROR: Part 4, 4.3
FRAMES = {2: 4, 3: 3, 4: 5}      # CALL, CALLRESULT, CALLERROR and how many elements they have
WAIT = 20  # seconds: far beyond what anything takes; a test that waits so long has failed

# Workers of one run have their own addresses; runs beside each other on one machine most likely, too.
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
_run = zlib.crc32(os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid())).encode())
_addresses = itertools.count(1)


def address():
    """A loopback address that no other test uses."""
    number = next(_addresses) + _run // 256 % 60000
    return f"127.{10 + (_run + _worker) % 240}.{number // 250}.{number % 250 + 1}"


def until(condition, what, seconds=WAIT):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s")


class Schemas:
    def __init__(self):
        self.validators = {}

    def check(self, name, payload):
        if name not in self.validators:
            schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8-sig"))
            self.validators[name] = jsonschema.Draft6Validator(schema)
        self.validators[name].validate(payload)


class Csms:
    """Answers what it must, keeps all that it hears, and sends what a test asks for."""

    def __init__(self, listen, port=9000, tls=None, subprotocols=("ocpp2.0.1",)):
        self.listen, self.port, self.tls, self.subprotocols = listen, port, tls, list(subprotocols) or None
        self.schemas, self.lock = Schemas(), threading.Lock()
        self.calls = []            # (station, action, payload), in the order they came
        self.problems = []
        self.answers = {}          # action -> function(station, payload) -> payload, None (silence), or ("error", code)
        self.connections, self.waiting, self.seen = {}, {}, queue.Queue()
        self.headers = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.server = None
        self.open()

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(WAIT)

    def open(self):
        async def serve():
            return await websockets.serve(self.serve, self.listen, self.port, ssl=self.tls, subprotocols=self.subprotocols,
                                          ping_interval=None, process_request=self.handshake)
        self.server = self.run(serve())

    def close(self):
        """Goes away, with every link."""
        async def shut():
            self.server.close()
            await self.server.wait_closed()
        if self.server:
            self.run(shut())
            self.server = None

    def stop(self):
        self.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT)

    async def handshake(self, path, headers):
        self.headers.append((path, headers))
        return None

    async def serve(self, socket_, path):
        station = path.rsplit("/", 1)[1]
        self.connections[station] = socket_
        try:
            async for text in socket_:
                await self.receive(station, socket_, text)
        except websockets.ConnectionClosed:
            pass
        finally:
            if self.connections.get(station) is socket_:
                del self.connections[station]

    async def receive(self, station, socket_, text):
        try:
            frame = json.loads(text)
            assert isinstance(text, str) and frame[0] in FRAMES and len(frame) == FRAMES[frame[0]]
            if frame[0] == 2:
                await self.on_call(station, socket_, frame)
            else:
                future, action = self.waiting.pop(frame[1])
                if frame[0] == 3:
                    self.schemas.check(action + "Response", frame[2])
                else:
                    assert frame[2] in ERRORS and len(frame[3]) <= 255 and isinstance(frame[4], dict)
                future.set_result(frame)
        except websockets.ConnectionClosed:
            pass  # the gateway was ended while it was being answered
        except Exception as problem:  # told to the test at its end
            self.problems.append(f"{station}: {problem!r} in {text[:2000]}")

    async def on_call(self, station, socket_, frame):
        _, message_id, action, payload = frame
        assert len(message_id) <= 36
        self.schemas.check(action + "Request", payload)
        with self.lock:
            self.calls.append((station, action, payload))
        await self.reply(socket_, message_id, action, self.answer_to(station, action, payload))

    def answer_to(self, station, action, payload):
        if action in self.answers:
            return self.answers[action](station, payload)
        return self.usual(station, payload, action)

    async def reply(self, socket_, message_id, action, answer):
        if answer is None:
            return
        if isinstance(answer, tuple):
            await socket_.send(json.dumps([4, message_id, answer[1], "", {}]))
            return
        self.schemas.check(action + "Response", answer)
        await socket_.send(json.dumps([3, message_id, answer]))

    @staticmethod
    def usual(_station, payload, action):
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if action == "BootNotification":
            return {"currentTime": now, "interval": 300, "status": "Accepted"}
        if action == "Heartbeat":
            return {"currentTime": now}
        if action == "Authorize":
            return {"idTokenInfo": {"status": "Accepted"}}
        if action == "TransactionEvent" and "idToken" in payload:
            return {"idTokenInfo": {"status": "Accepted"}}
        if action == "DataTransfer":
            return {"status": "UnknownVendorId"}
        return {}

    # ---- for tests ----

    def call(self, station, action, payload=None):
        """Sends a CALL; the CALLRESULT's payload, or ("error", code)."""
        self.schemas.check(action + "Request", payload or {})
        frame = self.raw_call(station, [2, str(uuid.uuid4()), action, payload or {}])
        return frame[2] if frame[0] == 3 else ("error", frame[2])

    def raw_call(self, station, frame):
        async def send():
            future = self.loop.create_future()
            self.waiting[frame[1]] = (future, frame[2])
            await self.connections[station].send(json.dumps(frame))
            return await asyncio.wait_for(future, WAIT)
        return self.run(send())

    def send_text(self, station, text):
        async def send():
            await self.connections[station].send(text)
        self.run(send())

    def drop(self, station):
        async def drop():
            await self.connections[station].close(1001)
        self.run(drop())

    def heard(self, station=None, action=None, **members):
        """Payloads heard so far: of a station, of an action, with these members."""
        with self.lock:
            return [p for s, a, p in self.calls
                    if (not station or s == station) and (not action or a == action)
                    and all(p.get(k) == v for k, v in members.items())]

    def expect(self, station, action, count=1, **members):
        """Waits for the count-th such CALL and returns it."""
        until(lambda: len(self.heard(station, action, **members)) >= count, f"{station} {action} {members} x {count}")
        return self.heard(station, action, **members)[count - 1]

    def status(self, station, evse, value, after=0):
        until(lambda: [p for p in self.heard(station, "StatusNotification")[after:]
                       if p["evseId"] == evse and p["connectorStatus"] == value], f"{station} evse {evse} {value}")

    def events(self, station):
        return self.heard(station, "TransactionEvent")


class Line:
    """A Unix socket: a line in, a line out."""

    def __init__(self, path):
        self.connection = socket.socket(socket.AF_UNIX)
        until(lambda: self.try_connect(str(path)), f"socket {path}")
        self.connection.settimeout(WAIT + 15)
        self.file = self.connection.makefile("rw")

    def try_connect(self, path):
        try:
            self.connection.connect(path)
            return True
        except OSError:
            return False

    def ask(self, text):
        self.file.write(text + "\n")
        self.file.flush()
        return self.file.readline().strip()

    def close(self):
        self.file.close()
        self.connection.close()


class Site:
    """Everything a test needs; `with Site() as site`."""

    def __init__(self, tls=None, csms_class=Csms, **csms):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="site."))
        self.chargers, self.stations, self.processes = [], [], {}
        self.csms_address, self.sim_address = address(), address()
        self.echonet_address = address()
        if tls and not isinstance(tls, ssl.SSLContext):
            tls = tls(self.csms_address)   # its certificate names the address
        self.csms = csms_class(self.csms_address, tls=tls, **csms)
        self.scheme = "wss" if tls else "ws"
        self.security_profile, self.ca_file = (2, None) if tls else (1, None)
        self.general, self.sim_options, self.sim = "", [], None
        self.own = {}                                  # station -> (certificate file, key file), of security profile 3
        self.gateway_options = ""      # more of the gateway's own settings: ", name: value"
        self.prefix = []               # of every command: unshare and the like
        self.csms_options, self.environment = "", {}   # more of the CSMS's entry; of the gateway's environment
        self.log_level = "info"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for name in list(self.processes):
            self.end(name)
        if self.sim:
            self.sim.close()
        self.csms.stop()
        if kind:
            print(self.log("gateway")[-6000:], self.log("sim")[-2000:])
        assert kind or not self.csms.problems, self.csms.problems

    # ---- what stands on the site ----

    def tcp_charger(self, name="tcp1", port=15020):
        self.sim_options += ["--charger", f"name={name},map=ac22,listen={self.sim_address}:{port}"]
        return f"profile: demo-modbus-ac22, tcp: \"{self.sim_address}:{port}\""

    def rtu_charger(self, name="rtu1"):
        self.sim_options += ["--charger", f"name={name},map=rtu7,pty={self.directory}/line"]
        self.general += f"buses: {{ line: {{ serial: {self.directory}/line, line: {{ baud: 9600, parity: even }} }} }}\n"
        return "profile: demo-modbus-rtu, bus: line, unit: 7"

    def echonet_charger(self, name="echo1", kind="02a1"):
        where = address()
        self.sim_options += ["--charger", f"name={name},map=echonet-{kind},address={where}"]
        self.general += f"echonet: {{ bind: {self.echonet_address}, multicast_interface: {self.echonet_address} }}\n"
        return f"profile: echonet-{kind}, echonet: {where}"

    def station(self, name, *chargers, **variables):
        self.stations.append((name, chargers, {"SampledDataCtrlr.TxUpdatedInterval": 1,
                                               "OCPPCommCtrlr.RetryBackOffWaitMinimum": 1,
                                               "OCPPCommCtrlr.RetryBackOffRandomRange": 0, **variables}))

    def config(self):
        text = f"""gateway: {{ state: {self.directory}/state, control: {self.directory}/gateway.sock, profiles: "{self.directory}:{ROOT}/profiles"{self.gateway_options} }}
log: {{ level: {self.log_level} }}
csms:
  test: {{ url: "{self.scheme}://{self.csms_address}:{self.csms.port}/ocpp", security_profile: {self.security_profile}{
          f', ca_file: {self.ca_file}' if self.ca_file else ''}{self.csms_options} }}
{self.general}stations:
"""
        for name, chargers, variables in self.stations:
            text += f"  - id: {name}\n    csms: test\n"
            text += f"    password: {PASSWORD}\n" if self.security_profile in (1, 2) else ""
            text += "    certificate_file: {}\n    key: {}\n".format(*self.own[name]) if name in self.own else ""
            text += "    variables:\n"
            text += "".join(f"      {key.replace('__', '.')}: \"{value}\"\n" for key, value in variables.items())
            text += "    chargers:\n" + "".join(f"      - {{ {charger} }}\n" for charger in chargers)
        return text

    # ---- processes ----

    def launch(self, name, *command):
        output = open(self.directory / f"{name}.log", "a")
        self.processes[name] = subprocess.Popen([str(c) for c in [*self.prefix, *command]], stdin=subprocess.DEVNULL, stdout=output,
                                                stderr=output, env={**os.environ, **self.environment})
        output.close()

    def end(self, name, check=True):
        process = self.processes.pop(name)
        if process.poll() is None:
            process.terminate()
        code = process.wait(WAIT)
        assert not check or code == 0, f"{name} ended with {code}: {self.log(name)[-4000:]}"

    def kill(self, name):
        """As a power cut would: nothing is said, nothing is written any more."""
        process = self.processes.pop(name)
        process.kill()
        process.wait(WAIT)

    def log(self, name):
        path = self.directory / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start_sim(self, *options):
        control = self.directory / "sim.sock"
        self.launch("sim", BUILD / "ocpp-sim", *self.sim_options, "--control", control, "--quiet", *options)
        until(control.exists, "ocpp-sim")
        self.sim = Line(control)

    def start_gateway(self):
        (self.directory / "gateway.yaml").write_text(self.config())
        self.launch("gateway", BUILD / "ocpp-gateway", "--config", self.directory / "gateway.yaml")

    def start(self, *sim_options):
        self.start_sim(*sim_options)
        self.start_gateway()
        for name, *_ in self.stations:
            self.csms.status(name, 1, "Available")

    def cli(self, *arguments):
        done = subprocess.run([str(BUILD / "ocpp-cli"), "--socket", str(self.directory / "gateway.sock"), *map(str, arguments)],
                              capture_output=True, text=True, timeout=WAIT)
        return done.returncode, done.stdout, done.stderr

    # ---- the devices ----

    def ask(self, line):
        answer = self.sim.ask(line)
        assert not answer.startswith("error"), f"{line}: {answer}"
        return answer

    def show(self, name):
        return json.loads(self.ask(f"show {name}"))

    def until_device(self, name, **members):
        until(lambda: all(self.show(name)[k] == v for k, v in members.items()), f"{name} {members}: {self.show(name)}")


def server_tls(directory, host):
    """A certificate for the address, signed by a root of its own: (context, root file)."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "root.key", "-out",
            "root.pem", "-days", "2", "-subj", "/CN=test root")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key", "-out",
            "server.csr", "-subj", f"/CN={host}")
    (pathlib.Path(directory) / "names").write_text(f"subjectAltName=IP:{host}\n")
    openssl("x509", "-req", "-in", "server.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-out",
            "server.pem", "-days", "1", "-extfile", "names")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pathlib.Path(directory) / "server.pem", pathlib.Path(directory) / "server.key")
    return context, pathlib.Path(directory) / "root.pem"
