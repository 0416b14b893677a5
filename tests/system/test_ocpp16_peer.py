"""A charger on npm's ocpp-rpc in strict mode (tests/peers/ocpp-rpc), which nobody here wrote: a whole session, and one that has nothing but what
it must have."""
import json
import queue
import shutil
import subprocess
import threading
import time

import pytest

from harness import ROOT, WAIT, Site, address, until

PEER = ROOT / "tests/peers/ocpp-rpc"
pytestmark = pytest.mark.skipif(not shutil.which("node") or not (PEER / "node_modules").exists(),
                                reason="tests/peers/install.sh was not run")


class Peer:
    def __init__(self, url, *arguments):
        self.process = subprocess.Popen(["node", PEER / "charger16.js", url, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.said, self.answers, self.next_id = [], {}, 0
        threading.Thread(target=self.listen, daemon=True).start()
        until(lambda: {"open": True} in self.said, f"it is connected: {self.said}")

    def listen(self):
        for line in self.process.stdout:
            message = json.loads(line)
            if "id" in message:
                self.answers.setdefault(message["id"], queue.Queue()).put(message)
            else:
                self.said.append(message)

    def send(self, action, payload=None):
        self.next_id += 1
        self.answers.setdefault(self.next_id, queue.Queue())
        self.process.stdin.write(json.dumps({"id": self.next_id, "action": action, "payload": payload or {}}) + "\n")
        self.process.stdin.flush()
        return self.next_id

    def answer(self, number):
        answer = self.answers[number].get(timeout=WAIT + 10)
        assert "result" in answer, answer
        return answer["result"]

    def call(self, action, payload=None):
        return self.answer(self.send(action, payload))

    def expect(self, action):
        until(lambda: [m for m in self.said if m.get("call") == action], f"{action}: {self.said[-5:]}")
        return [m["payload"] for m in self.said if m.get("call") == action][-1]

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        assert not [m for m in self.said if "violation" in m], self.said


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


def status(value):
    return {"connectorId": 1, "errorCode": "NoError", "status": value, "timestamp": now()}


def values(energy, transaction):
    return {"connectorId": 1, "transactionId": transaction,
            "meterValue": [{"timestamp": now(), "sampledValue": [{"value": str(energy)}]}]}


def test_a_whole_session_with_a_charger_that_nobody_here_wrote():
    with Site() as site:
        host = address()
        site.general += f"ocpp16: {{ listen: \"{host}:8887\" }}\n"
        site.station("CS1", "profile: ocpp16, ocpp16: CP1, password: secret-of-cp1")
        site.start_gateway()
        until(lambda: "chargers may connect" in site.log("gateway"), "the gateway listens")
        peer = Peer(f"ws://{host}:8887/ocpp", "CP1", "secret-of-cp1")
        assert peer.call("BootNotification", {"chargePointVendor": "ocpp-rpc", "chargePointModel": "strict"})["status"] == "Accepted"
        peer.call("StatusNotification", status("Available"))
        site.csms.status("CS1", 1, "Available")
        peer.call("StatusNotification", status("Preparing"))
        site.csms.status("CS1", 1, "Occupied")
        assert peer.call("Authorize", {"idTag": "04A1B2C3"})["idTagInfo"]["status"] == "Accepted"
        started = peer.call("StartTransaction", {"connectorId": 1, "idTag": "04A1B2C3", "meterStart": 100, "timestamp": now()})
        assert started["idTagInfo"]["status"] == "Accepted"
        peer.call("StatusNotification", status("Charging"))
        peer.call("MeterValues", values(350, started["transactionId"]))
        site.csms.expect("CS1", "TransactionEvent", triggerReason="ChargingStateChanged")
        transaction = site.csms.events("CS1")[-1]["transactionInfo"]["transactionId"]
        assert site.csms.call("CS1", "RequestStopTransaction", {"transactionId": transaction})["status"] == "Accepted"
        assert peer.expect("RemoteStopTransaction") == {"transactionId": started["transactionId"]}
        assert peer.call("StopTransaction", {"transactionId": started["transactionId"], "meterStop": 600, "timestamp": now(),
                                             "reason": "Remote"}) == {}
        peer.call("StatusNotification", status("Available"))
        event = site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
        energy = [s["value"] for m in event["meterValue"] for s in m["sampledValue"]
                  if s["measurand"] == "Energy.Active.Import.Register"]
        assert energy[-1] == 600
        peer.stop()
