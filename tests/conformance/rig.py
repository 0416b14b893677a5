"""The system under test, what stands on both sides of it, and the words a case is written in (README.md lists them).

The device side is ocpp-sim: a car is plugged in, a card presented. The other side is a CSMS that keeps all it hears and hands it
out in order: `next` gives the next message of a kind that no one has taken yet and validates it.
"""
import asyncio
import http
import json
import re
import time

import rules
from harness import PASSWORD, ROOT, WAIT, Csms as PlainCsms, Site, until
from servers import key_pem, server_context

TOKEN = {"idToken": "04A1B2C3D4E5F6", "type": "ISO14443"}     # the one that is valid
OTHER = {"idToken": "0499887766AABB", "type": "ISO14443"}
REMOTE = {"idToken": "04A1B2C3D4E5F6", "type": "ISO14443"}
SILENCE = None
ANY = ...          # there, with whatever value
ABSENT = object()
SAMPLES = ("MeterValuePeriodic", "MeterValueClock")
IN_TRANSACTION_INFO = {"chargingState", "stoppedReason", "remoteStartId", "transactionId", "timeSpentCharging"}


def error(code="InternalError"):
    return ("error", code)


def late(seconds, answer):
    return ("late", seconds, answer)


def matches(value, wanted):
    """A set holds alternatives, a dict the members that count, a function decides, ANY and ABSENT say whether it is there."""
    if wanted is ABSENT:
        return value is None
    if wanted is ANY:
        return value is not None
    if isinstance(wanted, (set, frozenset)):
        return any(matches(value, one) for one in wanted)
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(matches(value.get(k), w) for k, w in wanted.items())
    if callable(wanted):
        return bool(wanted(value))
    return value == wanted


def member(payload, name):
    """`evse__id` goes down; a number is an index: `setVariableResult__0__attributeStatus`."""
    if "transactionInfo" in payload and name in IN_TRANSACTION_INFO:
        return payload["transactionInfo"].get(name)
    for part in name.split("__"):
        if isinstance(payload, list):
            payload = payload[int(part)] if int(part) < len(payload) else None
        elif isinstance(payload, dict):
            payload = payload.get(part)
        if payload is None:
            return None
    return payload


def validate(what, payload, wanted):
    for name, expected in wanted.items():
        value = member(payload, name)
        assert matches(value, expected), f"{what}: {name} is {value!r}, not {expected!r}, in {json.dumps(payload)}"
    return payload


class Rule:
    def __init__(self, answer, times, when):
        self.answer, self.times, self.when = answer, times, when


class Csms(PlainCsms):
    def __init__(self, *arguments, **options):
        self.frames, self.rules, self.taken = [], {}, set()
        self.refuses = None            # an HTTP status: no station gets in
        self.refused = 0
        self.connected = 0             # how often a station came in
        self.clock_differs = False     # the case plays with its clock
        super().__init__(*arguments, **options)

    async def handshake(self, path, headers):
        await super().handshake(path, headers)
        if self.refuses:
            self.refused += 1
            return (http.HTTPStatus(self.refuses), [], b"")
        return None

    async def serve(self, socket_, path):
        send = socket_.send

        async def recorded(text):
            self.frames.append((time.time(), "CSMS", text))
            await send(text)
        socket_.send = recorded
        self.connected += 1
        self.frames.append((time.time(), "----", f"connected: {path}"))
        await super().serve(socket_, path)
        self.frames.append((time.time(), "----", f"gone: {path} {socket_.close_code}"))

    async def receive(self, station, socket_, text):
        self.frames.append((time.time(), "CS", text))
        await super().receive(station, socket_, text)

    def answer_to(self, station, action, payload):
        for rule in self.rules.get(action, []):
            if rule.times != 0 and (not rule.when or rule.when(payload)):
                rule.times -= rule.times is not None and rule.times > 0
                return rule.answer(payload) if callable(rule.answer) else rule.answer
        return super().answer_to(station, action, payload)

    async def reply(self, socket_, message_id, action, answer):
        if isinstance(answer, tuple) and answer[0] == "late":
            if answer[2] is not None:
                self.schemas.check(action + "Response", answer[2])

            async def later():
                await asyncio.sleep(answer[1])
                await super(Csms, self).reply(socket_, message_id, action, answer[2])
            asyncio.create_task(later())
            return
        await super().reply(socket_, message_id, action, answer)

    @staticmethod
    def usual(station, payload, action):
        answer = PlainCsms.usual(station, payload, action)
        if "currentTime" in answer:
            now = time.time()
            answer["currentTime"] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z"
        return answer

    # ---- for cases ----

    def answer(self, action, answer, times=None, when=None):
        """From now on: a payload, SILENCE, error(code), late(seconds, answer), or a function of the request that gives one of them.
        `times` limits it, `when` is asked with the request; the newest that fits is used."""
        self.rules.setdefault(action, []).insert(0, Rule(answer, -1 if times is None else times, when))

    def answer_as_usual(self, action=None):
        self.rules.pop(action, None) if action else self.rules.clear()

    def find(self, action, where):
        with self.lock:
            for index, (_, heard, payload) in enumerate(self.calls):
                if index not in self.taken and heard == action and (not where or where(payload)):
                    return index, payload
        return None

    def next(self, action, where=None, seconds=WAIT, **wanted):
        """The next such message nobody took yet; waits for it. It must be as wanted."""
        index, payload = until(lambda: self.find(action, where), f"no {action} {wanted or ''}", seconds)
        self.taken.add(index)
        return validate(action, payload, wanted)

    def take_all(self):
        """What was heard so far is of no interest any more."""
        with self.lock:
            self.taken.update(range(len(self.calls)))

    def untaken(self, action=None, where=None):
        with self.lock:
            return [p for i, (_, a, p) in enumerate(self.calls)
                    if i not in self.taken and (not action or a == action) and (not where or where(p))]

    def never(self, action, seconds=1.0, where=None):
        """No such message comes in this time. Only where its absence is what the case is about."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            heard = self.untaken(action, where)
            assert not heard, f"{action} came: {json.dumps(heard[0])}"
            time.sleep(0.05)

    def transcript(self):
        return "\n".join(f"{time.strftime('%H:%M:%S', time.gmtime(t))}.{int(t * 1000) % 1000:03} {who:4} {text[:1500]}"
                         for t, who, text in self.frames)


class Track:
    """How far the session at one EVSE is, as Part 6's reusable states ask."""

    def __init__(self):
        self.clear()

    def clear(self):
        self.parked = self.connected = self.authorized = self.charging = self.stopped = self.post_session = False
        self.token = self.remote = None
        self.remote_pending = False    # RequestStartTransaction was accepted, no event told of it yet
        self.start_told = self.ended = False
        self.transaction = None

    @property
    def started(self):
        return self.transaction is not None and not self.ended


class Rig:
    """`evses`, `fixed_cable`, `parking_bay`, `security_profile` (with `authority` for 2 and 3), `speed` of charging, `kind` (the profile of
    another simulated charger: demo-modbus-rtu, echonet-02a1, echonet-027e; one EVSE then), `general` and `csms_options` (lines for the
    configuration); everything else presets a variable: TxCtrlr__TxStartPoint="Authorized"."""

    DEFAULTS = {"AlignedDataCtrlr.Interval": 0, "SampledDataCtrlr.TxUpdatedInterval": 0, "SampledDataCtrlr.TxEndedInterval": 0,
                "AlignedDataCtrlr.TxEndedInterval": 0, "OCPPCommCtrlr.RetryBackOffWaitMinimum": 1,
                "OCPPCommCtrlr.RetryBackOffRandomRange": 0, "OCPPCommCtrlr.RetryBackOffRepeatTimes": 0,
                "TxCtrlr.TxStartPoint": "EVConnected,Authorized", "TxCtrlr.TxStopPoint": "EVConnected"}

    def __init__(self, evses=1, fixed_cable=False, parking_bay=False, security_profile=1, authority=None, speed=1, identity="CS1",
                 general="", csms_options="", kind="demo-modbus-ac22", **variables):
        self.id, self.evses, self.speed, self.parking_bay = identity, evses, speed, parking_bay
        self.authority = authority
        tls = None
        if security_profile >= 2:
            def tls(host):
                certificate, key = authority.server(host)
                return server_context(authority.chain(certificate), key, authority.pem if security_profile == 3 else None)
        self.site = Site(tls=tls, csms_class=Csms)
        self.csms, self.others = self.site.csms, []
        self.site.security_profile = security_profile
        self.site.general, self.site.csms_options = general, csms_options
        if authority:
            self.site.ca_file = self.site.directory / "root.pem"
            self.site.ca_file.write_text(authority.pem)
        if security_profile == 3:
            self.make_own()
        self.write_profile(kind, fixed_cable)
        self.variables = {**self.DEFAULTS, **{k.replace("__", "."): v for k, v in variables.items()}}
        self.site.station(identity, *(self.connect(kind, n) for n in range(1, evses + 1)), **self.variables)
        self.tracks = {n: Track() for n in range(1, evses + 1)}
        self.evse_of = {}              # transaction -> EVSE
        self.remote_start_id = 0

    def make_own(self):
        """The station's own certificate, as the installer would leave it."""
        certificate, key = self.authority.client(self.id)
        files = self.site.directory / "own.pem", self.site.directory / "own.key"
        files[0].write_text(self.authority.chain(certificate))
        files[1].write_text(key_pem(key))
        files[1].chmod(0o600)
        self.site.own[self.id] = files
        self.own = certificate

    def connect(self, kind, evse):
        """A simulated charger of this kind; its entry in the configuration, with the case's profile."""
        if kind == "demo-modbus-ac22":
            entry = self.site.tcp_charger(self.charger(evse), 15020 + evse)
        elif kind == "demo-modbus-rtu":
            entry = self.site.rtu_charger(self.charger(evse))
        else:
            entry = self.site.echonet_charger(self.charger(evse), kind.removeprefix("echonet-"))
        return entry.replace(f"profile: {kind}", "profile: case-ac22")

    def write_profile(self, kind, fixed_cable):
        """The charger's of profiles/, asked more often so that cases are quick."""
        text = (ROOT / f"profiles/{kind}.yaml").read_text().replace(f"profile: {kind}", "profile: case-ac22")
        for often, seldom in (("100ms", "500ms"), ("200ms", "(?:2|5|10)s")):
            text = re.sub(f"every: {seldom}\\b", f"every: {often}", text)
        if not self.parking_bay:
            text = re.sub(r"\n +occupied: [^\n]*", "", text)
        if fixed_cable:
            text = text.replace("sType2", "cType2")
            text = re.sub(r"\n +(unlock|locked): [^\n]*", "", text)
        (self.site.directory / "case-ac22.yaml").write_text(text)

    @staticmethod
    def charger(evse):
        return f"tcp{evse}"

    # ---- the whole ----

    def start(self):
        self.site.start_sim("--speed", str(self.speed))
        self.site.start_gateway()
        self.booted()
        self.quiet()

    def booted(self, status="Available", **wanted):
        """A boot as it goes: BootNotification, the status of every connector, then security events."""
        boot = self.next("BootNotification", **wanted)
        for evse in self.tracks:
            self.status(status[evse] if isinstance(status, dict) else status, evse)
        return boot

    def quiet(self):
        """Waits until the station has said what it had to say (it answers, and its queue is empty), and takes it all."""
        until(lambda: not self.call("GetTransactionStatus")["messagesInQueue"], "the queue does not empty")
        self.csms.take_all()

    def finish(self, passed):
        everyone, right = {self.site.csms, *self.others}, False
        try:
            self.site.__exit__(None if passed else AssertionError)
            for csms in everyone if passed else ():
                rules.check(csms)
            right = passed
        finally:
            for csms in everyone:
                if not right:
                    print(csms.transcript())
                if csms is not self.site.csms:
                    csms.stop()

    def another_csms(self, authority=None, clients=None):
        """A second CSMS, at an address of its own; `rig.csms = other` once the station should talk to it. `clients`: the authority whose
        certificates it demands of stations."""
        from harness import address
        host, tls = address(), None
        if authority:
            certificate, key = authority.server(host)
            tls = server_context(authority.chain(certificate), key, clients.pem if clients else None)
        other = Csms(host, tls=tls)
        other.url = f"{'wss' if tls else 'ws'}://{host}:{other.port}/ocpp"
        self.others.append(other)
        return other

    # ---- the CSMS's side ----

    def call(self, action, payload=None, **wanted):
        """A request to the station; its answer must be as wanted. A CALLERROR comes as ("error", code)."""
        answer = self.csms.call(self.id, action, payload)
        if wanted:
            assert isinstance(answer, dict), f"{action}: {answer}"
            validate(action + "Response", answer, wanted)
        return answer

    def next(self, action, where=None, seconds=WAIT, **wanted):
        return self.csms.next(action, where, seconds, **wanted)

    def never(self, action, seconds=1.0, where=None):
        self.csms.never(action, seconds, where)

    def answer(self, action, answer, times=None, when=None):
        self.csms.answer(action, answer, times, when)

    def status(self, value, evse=1, connector=1, seconds=WAIT):
        """The next report of this connector's state, by StatusNotification or NotifyEvent, is this one."""
        def by_event(payload):
            data = payload["eventData"][0]
            return data["variable"]["name"] == "AvailabilityState" and data["component"]["name"] == "Connector" and \
                data["component"].get("evse", {}) == {"id": evse, "connectorId": connector}

        def found():
            return self.csms.find("StatusNotification", lambda p: (p["evseId"], p["connectorId"]) == (evse, connector)) or \
                self.csms.find("NotifyEvent", by_event)
        index, payload = until(found, f"no status {value} of {evse}.{connector}", seconds)
        self.csms.taken.add(index)
        if "eventData" in payload:
            return validate("NotifyEvent", payload["eventData"][0], {"trigger": "Delta", "actualValue": value})
        return validate("StatusNotification", payload, {"connectorStatus": value})

    def event(self, evse=None, skip=None, seconds=WAIT, **wanted):
        """The next TransactionEvent that is no mere sample. `skip`: charging states that may be passed through before."""
        def ours(payload):
            if payload["triggerReason"] in SAMPLES and wanted.get("triggerReason") not in SAMPLES:
                return False
            if evse is None or self.evses == 1:
                return True
            told = payload.get("evse", {}).get("id") or self.evse_of.get(payload["transactionInfo"]["transactionId"])
            return told in (None, evse)
        while True:
            event = self.next("TransactionEvent", ours, seconds)
            self.keep(event, evse)
            if skip and event["triggerReason"] == "ChargingStateChanged" and member(event, "chargingState") in skip and \
                    not matches(member(event, "chargingState"), wanted.get("chargingState")):
                continue
            return validate("TransactionEvent", event, wanted)

    def keep(self, event, evse):
        transaction = event["transactionInfo"]["transactionId"]
        told = event.get("evse", {}).get("id") or self.evse_of.get(transaction) or evse or 1
        self.evse_of[transaction] = told
        track = self.tracks.get(told)
        if not track:
            return
        if track.transaction != transaction:
            track.transaction, track.ended = transaction, False
        track.ended |= event["eventType"] == "Ended"
        if event["triggerReason"] == "RemoteStart" or event["transactionInfo"].get("remoteStartId") is not None:
            track.remote_pending = False

    def set_variable(self, name, value, component_evse=None, **wanted):
        """SetVariables for `Component.Variable` or `Component.Variable.Instance`, Accepted unless another status is wanted."""
        component, variable, *instance = name.replace("__", ".").split(".")
        data = {"component": {"name": component}, "variable": {"name": variable}, "attributeValue": str(value)}
        if instance:
            data["variable"]["instance"] = instance[0]
        if component_evse:
            data["component"]["evse"] = component_evse
        result = self.call("SetVariables", {"setVariableData": [data]})["setVariableResult"][0]
        validate("SetVariables", result, wanted or {"attributeStatus": "Accepted"})
        self.variables[".".join([component, variable, *instance])] = str(value)
        return result

    def get_variable(self, name, component_evse=None):
        """The value, or the status if there is none."""
        component, variable, *instance = name.replace("__", ".").split(".")
        data = {"component": {"name": component}, "variable": {"name": variable}}
        if instance:
            data["variable"]["instance"] = instance[0]
        if component_evse:
            data["component"]["evse"] = component_evse
        result = self.call("GetVariables", {"getVariableData": [data]})["getVariableResult"][0]
        return result.get("attributeValue", result["attributeStatus"])

    def points(self, which):
        """The TxStartPoint or TxStopPoint in force."""
        return set(str(self.variables[f"TxCtrlr.Tx{which}Point"]).split(","))

    def base_report(self, base="FullInventory", request_id=1, **wanted):
        """All entries of a GetBaseReport."""
        self.call("GetBaseReport", {"requestId": request_id, "reportBase": base}, **(wanted or {"status": "Accepted"}))
        return self.report_parts(request_id)

    def report_parts(self, request_id):
        entries = []
        for number in range(10000):
            part = self.next("NotifyReport", lambda p: p["requestId"] == request_id, seqNo=number)
            entries += part.get("reportData", [])
            if not part.get("tbc", False):
                return entries

    def offline(self):
        """The link goes and no other comes up, until online()."""
        self.csms.close()

    def online(self):
        before = self.csms.connected
        self.csms.open()
        until(lambda: self.csms.connected > before, "the station does not come back", 40)

    # ---- the devices' side ----

    def device(self, line, evse=1):
        command, *rest = line.split()
        return self.site.ask(" ".join([command, self.charger(evse), *rest]))

    def show(self, evse=1):
        return self.site.show(self.charger(evse))

    def until_device(self, evse=1, **members):
        self.site.until_device(self.charger(evse), **members)

    def plug(self, evse=1, **car):
        """The cable is connected: soc=20 capacity=60kWh max=16 phases=3 ready=on."""
        car = {"soc": 20, "capacity": "60kWh", **car}
        self.device("plug " + " ".join(f"{k}={v}" for k, v in car.items()), evse)
        self.tracks[evse].connected = True

    def unplug(self, evse=1):
        self.device("unplug", evse)
        self.tracks[evse].connected = False

    def unplug_at_car(self, evse=1):
        """The car's end of the cable is drawn; the other stays in the socket, locked as it was. unplug() draws that, too."""
        self.device("unplug car", evse)
        self.tracks[evse].connected = False

    def drive_in(self, evse=1):
        """Into the parking bay; nothing is plugged in yet. Done when the gateway has seen it: a driver takes longer to the card."""
        self.device("park on", evse)
        until(lambda: self.seen(evse)["device"]["occupied"], "the gateway does not see the car in the bay")

    def drive_out(self, evse=1):
        self.device("park off", evse)
        until(lambda: not self.seen(evse)["device"]["occupied"], "the gateway still sees the car in the bay")

    def known(self):
        """What the gateway knows of the station (`ocpp-cli status`)."""
        _, text, _ = self.site.cli("--json", "status")
        return next(s for s in json.loads(text)["stations"] if s["id"] == self.id)

    def seen(self, evse=1):
        return self.known()["evses"][evse - 1]

    def until_queued(self, count):
        """So many events wait for the CSMS."""
        until(lambda: self.known()["events_waiting"] >= count, f"no {count} events wait")

    def present(self, token=TOKEN, evse=1):
        """A card is held to the reader; the one before was read."""
        until(lambda: self.show(evse)["tag"] == "", "the card before was not read")
        self.device(f"tap {token['idToken']}", evse)

    def ev_suspends(self, evse=1):
        self.device("ready off", evse)

    def ev_resumes(self, evse=1):
        self.device("ready on", evse)

    def fault(self, code=1, evse=1):
        self.device(f"fault {code}", evse)

    def clear_fault(self, evse=1):
        self.device("fault clear", evse)

    def power_cut(self):
        """Of the gateway: nothing is said, nothing is written any more. power_up() brings it back."""
        self.site.kill("gateway")

    def power_up(self):
        self.site.start_gateway()


__all__ = ["ABSENT", "ANY", "Csms", "OTHER", "PASSWORD", "REMOTE", "Rig", "SILENCE", "TOKEN", "Track", "error", "late", "matches",
           "member", "until", "validate"]
