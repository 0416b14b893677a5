"""A charge point that speaks OCPP 1.6J (python3-websockets), as a charger does: it queues what belongs to transactions while it is
offline, and checks every frame, both ways, against the official schemas of 1.6."""
import asyncio
import base64
import json
import os
import pathlib
import threading
import time
import uuid

import jsonschema
import websockets

from harness import ROOT, WAIT, until

SCHEMAS = pathlib.Path(os.environ.get("SHARED", ROOT.parent / "shared")) / "spec/ocpp-1.6/schemas/json"
ERRORS = {"NotImplemented", "NotSupported", "InternalError", "ProtocolError", "SecurityError", "FormationViolation",
          "PropertyConstraintViolation", "OccurenceConstraintViolation", "TypeConstraintViolation", "GenericError"}
QUEUED = {"StartTransaction", "StopTransaction"}


def check(name, payload):
    jsonschema.Draft4Validator(json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8-sig"))).validate(payload)


class Connector:
    def __init__(self, number):
        self.number, self.plugged, self.status, self.error = number, False, "Available", "NoError"
        self.transaction = self.tag = None      # transaction: the id, or "asked"
        self.authorized = None                  # a tag that may start when the vehicle is there
        self.register, self.power, self.limits = 1000.0 * number, 0.0, {}


class ChargePoint:
    def __init__(self, url, identity="CP1", password=None, tls=None, connectors=1, unit="Wh"):
        self.url, self.identity, self.password, self.tls, self.unit = url, identity, password, tls, unit
        self.connectors = {n: Connector(n) for n in range(1, connectors + 1)}
        self.configuration = {"MeterValueSampleInterval": "60", "MeterValuesSampledData": "Energy.Active.Import.Register",
                              "AuthorizeRemoteTxRequests": "true", "LocalAuthorizeOffline": "true", "StopTransactionOnInvalidId": "true"}
        self.read_only = {"WebSocketPingInterval"}
        self.refused = set()           # actions that are answered NotSupported
        self.reboots = True            # a Reset is followed by a boot
        self.calls, self.answers = [], []      # of the gateway: (action, payload); ours: (action, payload, answer)
        self.problems, self.queue = [], []
        self.socket, self.waiting, self.listener = None, {}, None
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.lock = asyncio.run_coroutine_threadsafe(self.make_lock(), self.loop).result(WAIT)
        self.metering = asyncio.run_coroutine_threadsafe(self.make_meter(), self.loop).result(WAIT)

    async def make_lock(self):
        return asyncio.Lock()

    async def make_meter(self):
        return asyncio.ensure_future(self.meter())

    def run(self, coroutine, seconds=WAIT + 30):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(seconds)

    # ---- the link ----

    async def open(self):
        headers = {}
        if self.password is not None:
            token = base64.b64encode(f"{self.identity}:{self.password}".encode()).decode()
            headers["Authorization"] = f"Basic {token}"
        self.socket = await websockets.connect(f"{self.url}/{self.identity}", subprotocols=["ocpp1.6"], extra_headers=headers,
                                               ssl=self.tls, ping_interval=None)
        assert self.socket.subprotocol == "ocpp1.6"
        self.listener = asyncio.ensure_future(self.listen(self.socket))

    def connect(self, boot=True):
        def try_it():
            try:
                self.run(self.open())
                return True
            except OSError:        # the gateway is not there yet
                return False
        until(try_it, "the gateway listens")
        if boot:
            self.boot()
        self.run(self.flush())

    def boot(self):
        answer = self.call("BootNotification", {"chargePointVendor": "Test", "chargePointModel": "Python 1.6", "firmwareVersion": "1.2"})
        assert answer["status"] == "Accepted" and answer["interval"] > 0
        for connector in self.connectors.values():
            self.notify(connector)

    def disconnect(self):
        async def close():
            if self.socket:
                socket_, self.socket = self.socket, None
                await socket_.close()
        self.run(close())

    def stop(self):
        self.disconnect()
        async def end():
            self.metering.cancel()
            await asyncio.gather(self.metering, return_exceptions=True)
        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(WAIT)
        assert not self.problems, self.problems

    async def listen(self, socket_):
        try:
            async for text in socket_:
                await self.receive(socket_, text)
        except websockets.ConnectionClosed:
            pass
        finally:
            for future in self.waiting.values():
                if not future[0].done():
                    future[0].set_exception(ConnectionError("link is down"))
            self.waiting.clear()
            if self.socket is socket_:
                self.socket = None

    async def receive(self, socket_, text):
        try:
            frame = json.loads(text)
            if frame[0] == 2:
                assert len(frame) == 4 and len(frame[1]) <= 36
                check(frame[2], frame[3])
                self.calls.append((frame[2], frame[3]))
                answer, then = self.answer(frame[2], frame[3])
                if isinstance(answer, str):
                    await socket_.send(json.dumps([4, frame[1], answer, "", {}]))
                elif answer is not None:
                    check(frame[2] + "Response", answer)
                    await socket_.send(json.dumps([3, frame[1], answer]))
                if then:
                    asyncio.ensure_future(self.guarded(then()))
            elif frame[1] in self.waiting:
                future, action = self.waiting.pop(frame[1])
                if frame[0] == 3:
                    check(action + "Response", frame[2])
                else:
                    assert frame[2] in ERRORS, frame
                if not future.done():
                    future.set_result(frame)
        except websockets.ConnectionClosed:
            pass  # it went away while it was being answered
        except Exception as problem:  # told to the test at its end
            self.problems.append(f"{problem!r} in {text[:1000]}")

    async def guarded(self, coroutine):
        try:
            await coroutine
        except (ConnectionError, websockets.ConnectionClosed):
            pass
        except Exception as problem:
            self.problems.append(repr(problem))

    # ---- our CALLs: one at a time ----

    async def send_call(self, action, payload, checked=True):
        if checked:
            check(action, payload)
        async with self.lock:
            if not self.socket:
                raise ConnectionError("link is down")
            message_id, future = str(uuid.uuid4()), self.loop.create_future()
            self.waiting[message_id] = (future, action)
            await self.socket.send(json.dumps([2, message_id, action, payload]))
            frame = await asyncio.wait_for(future, WAIT + 25)
        answer = frame[2] if frame[0] == 3 else ("error", frame[2])
        self.answers.append((action, payload, answer))
        return answer

    def call(self, action, payload, checked=True):
        return self.run(self.send_call(action, payload, checked))

    async def flush(self):
        """What belongs to transactions, in order."""
        while self.queue and self.socket:
            action, payload, connector = self.queue[0]
            if action == "StopTransaction" and payload["transactionId"] == -1:
                payload["transactionId"] = connector.last
            answer = await self.send_call(action, payload)
            self.queue.pop(0)
            if action == "StartTransaction":
                connector.last = answer["transactionId"]
                if connector.transaction == -1:
                    connector.transaction = connector.last

    # ---- CALLs of the gateway ----

    def answer(self, action, payload):
        if action in self.refused:
            return "NotSupported", None
        handler = getattr(self, "on_" + action, None)
        return handler(payload) if handler else ("NotImplemented", None)

    def on_GetConfiguration(self, payload):
        known = [k for k in payload["key"] if k in self.configuration]
        answer = {"configurationKey": [{"key": k, "readonly": False, "value": self.configuration[k]} for k in known]}
        unknown = [k for k in payload["key"] if k not in self.configuration]
        return {**answer, **({"unknownKey": unknown} if unknown else {})}, None

    def on_ChangeConfiguration(self, payload):
        if payload["key"] in self.read_only:
            return {"status": "Rejected"}, None
        if payload["key"] not in self.configuration:
            return {"status": "NotSupported"}, None
        self.configuration[payload["key"]] = payload["value"]
        return {"status": "Accepted"}, None

    def on_TriggerMessage(self, payload):
        connector = self.connectors.get(payload.get("connectorId", 1))
        if payload["requestedMessage"] == "StatusNotification":
            return {"status": "Accepted"}, lambda: self.send_status(connector)
        if payload["requestedMessage"] == "MeterValues":
            return {"status": "Accepted"}, lambda: self.send_values(connector)
        if payload["requestedMessage"] == "BootNotification":
            return {"status": "Accepted"}, lambda: self.send_call("BootNotification", {"chargePointVendor": "T", "chargePointModel": "P"})
        return {"status": "NotImplemented"}, None

    def on_RemoteStartTransaction(self, payload):
        connector = self.connectors[payload["connectorId"]]
        if connector.transaction is not None or not connector.plugged:
            return {"status": "Rejected"}, None
        async def start():
            if self.configuration["AuthorizeRemoteTxRequests"] == "true":
                answer = await self.send_call("Authorize", {"idTag": payload["idTag"]})
                if answer["idTagInfo"]["status"] != "Accepted":
                    return
            await self.start_transaction(connector, payload["idTag"])
        return {"status": "Accepted"}, start

    def on_RemoteStopTransaction(self, payload):
        for connector in self.connectors.values():
            if connector.transaction == payload["transactionId"]:
                return {"status": "Accepted"}, lambda: self.stop_transaction(connector, "Remote")
        return {"status": "Rejected"}, None

    def on_SetChargingProfile(self, payload):
        profile = payload["csChargingProfiles"]
        if profile["chargingProfilePurpose"] == "TxProfile":
            assert profile["transactionId"] == self.connectors[payload["connectorId"]].transaction
        self.connectors[payload["connectorId"]].limits[profile["chargingProfilePurpose"]] = (
            profile["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"])
        return {"status": "Accepted"}, None

    def on_UnlockConnector(self, payload):
        return {"status": "Unlocked" if payload["connectorId"] in self.connectors else "NotSupported"}, None

    def on_Reset(self, payload):
        async def restart():
            for connector in self.connectors.values():
                if connector.transaction is not None:
                    await self.stop_transaction(connector, payload["type"] + "Reset")
            socket_, self.socket = self.socket, None
            await socket_.close()
            await asyncio.sleep(0.5)
            await self.open()
            await self.send_call("BootNotification", {"chargePointVendor": "Test", "chargePointModel": "Python 1.6"})
            for connector in self.connectors.values():
                connector.status = "Preparing" if connector.plugged else "Available"
                await self.send_status(connector)
        return {"status": "Accepted"}, restart if self.reboots else None

    def on_ChangeAvailability(self, payload):
        return {"status": "Accepted"}, None

    # ---- what a charger does ----

    @staticmethod
    def now(ago=0.0):
        t = time.time() - ago
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(t)) + f".{int(t * 1000) % 1000:03d}Z"

    async def send_status(self, connector):
        await self.send_call("StatusNotification", {"connectorId": connector.number, "errorCode": connector.error,
                                                    "status": connector.status, "timestamp": self.now()})

    def notify(self, connector, status=None, error="NoError"):
        connector.status, connector.error = status or connector.status, error
        self.run(self.send_status(connector))

    async def set_status(self, connector, status):
        connector.status = status
        if self.socket:
            await self.send_status(connector)

    def sample(self, connector):
        energy = connector.register / (1000 if self.unit == "kWh" else 1)
        values = [{"value": f"{energy:.3f}", "measurand": "Energy.Active.Import.Register", "unit": self.unit, "context": "Sample.Periodic"}]
        values += [{"value": f"{connector.power / 3000:.4f}", "measurand": "Power.Active.Import", "unit": "kW", "phase": p}
                   for p in ("L1", "L2", "L3")]
        values += [{"value": "230.1", "measurand": "Voltage", "unit": "V", "phase": "L1-N"},
                   {"value": "11", "measurand": "Power.Active.Import", "location": "Inlet", "unit": "kW"}]
        return {"timestamp": self.now(), "sampledValue": values}

    async def send_values(self, connector):
        payload = {"connectorId": connector.number, "meterValue": [self.sample(connector)]}
        if isinstance(connector.transaction, int) and connector.transaction > 0:
            payload["transactionId"] = connector.transaction
        await self.send_call("MeterValues", payload)

    async def meter(self):
        while True:
            await asyncio.sleep(0.25)
            for connector in self.connectors.values():
                connector.register += connector.power * 0.25 / 3600 * 40   # a fast clock
                if connector.power and self.socket and connector.transaction not in (None, "asked", -1):
                    await self.guarded(self.send_values(connector))

    async def send_or_queue(self, action, payload, connector):
        if not self.socket or self.queue:
            self.queue.append((action, payload, connector))
            return None
        return await self.send_call(action, payload)

    async def start_transaction(self, connector, tag, ago=0.0):
        connector.transaction, connector.tag = "asked", tag
        answer = await self.send_or_queue("StartTransaction", {"connectorId": connector.number, "idTag": tag,
                                                               "meterStart": round(connector.register), "timestamp": self.now(ago)}, connector)
        connector.transaction = answer["transactionId"] if answer else -1
        if answer and answer["idTagInfo"]["status"] != "Accepted":
            if self.configuration["StopTransactionOnInvalidId"] == "true":
                await self.stop_transaction(connector, "DeAuthorized")
            return answer
        connector.power = 7360.0
        await self.set_status(connector, "Charging")
        return answer

    async def stop_transaction(self, connector, reason, tag=None, ago=0.0):
        transaction, connector.transaction, connector.power = connector.transaction, None, 0.0
        if transaction is None:     # it was stopped from the other side a moment ago
            return await self.set_status(connector, "Finishing" if connector.plugged else "Available")
        payload = {"transactionId": transaction, "meterStop": round(connector.register), "timestamp": self.now(ago), "reason": reason}
        if tag:
            payload["idTag"] = tag
        await self.send_or_queue("StopTransaction", payload, connector)
        await self.set_status(connector, "Finishing" if connector.plugged else "Available")

    def plug(self, number=1):
        connector = self.connectors[number]
        connector.plugged = True
        if connector.authorized:
            tag, connector.authorized = connector.authorized, None
            return self.run(self.start_transaction(connector, tag))
        return self.run(self.set_status(connector, "Preparing"))

    def unplug(self, number=1):
        connector = self.connectors[number]
        connector.plugged = False
        if connector.transaction is not None:
            self.run(self.stop_transaction(connector, "EVDisconnected"))
        else:
            self.run(self.set_status(connector, "Available"))

    def tap(self, tag, number=1):
        """A card at the reader: the status of Authorize."""
        connector = self.connectors[number]
        if connector.transaction is not None and connector.tag == tag:
            self.run(self.stop_transaction(connector, "Local", tag))
            return "stopped"
        status = self.call("Authorize", {"idTag": tag})["idTagInfo"]["status"]
        if status == "Accepted" and connector.transaction is None:
            if connector.plugged:
                self.run(self.start_transaction(connector, tag))
            else:
                connector.authorized = tag
                self.run(self.set_status(connector, "Preparing"))
        return status

    # ---- for tests ----

    def heard(self, action, **members):
        return [p for a, p in self.calls if a == action and all(p.get(k) == v for k, v in members.items())]

    def expect(self, action, count=1, **members):
        until(lambda: len(self.heard(action, **members)) >= count, f"{action} {members} x {count}: {self.calls[-8:]}")
        return self.heard(action, **members)[count - 1]

    def until_charging(self, number=1):
        until(lambda: self.connectors[number].status == "Charging", f"it charges: {self.calls[-5:]} {self.answers[-5:]}")
