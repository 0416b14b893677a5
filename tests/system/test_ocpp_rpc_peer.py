"""A whole session with npm's ocpp-rpc in strict mode (tests/peers/ocpp-rpc): a CSMS nobody here wrote, that takes nothing but what
its own schemas allow."""
import json
import queue
import shutil
import subprocess
import threading

import pytest

from file_servers import HttpFiles
from harness import ROOT, WAIT, Site, address, until

PEER = ROOT / "tests/peers/ocpp-rpc"
pytestmark = pytest.mark.skipif(not shutil.which("node") or not (PEER / "node_modules").exists(),
                                reason="tests/peers/install.sh was not run")


class Peer:
    def __init__(self, host, port):
        self.process = subprocess.Popen(["node", PEER / "csms.js", host, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.said, self.answers, self.next_id = [], queue.Queue(), 0
        threading.Thread(target=self.listen, daemon=True).start()
        until(lambda: {"listening": True} in self.said, "ocpp-rpc")

    def listen(self):
        for line in self.process.stdout:
            message = json.loads(line)
            (self.answers.put if "id" in message else self.said.append)(message)

    def call(self, action, payload=None):
        self.next_id += 1
        self.process.stdin.write(json.dumps({"id": self.next_id, "action": action, "payload": payload or {}}) + "\n")
        self.process.stdin.flush()
        answer = self.answers.get(timeout=WAIT)
        assert answer["id"] == self.next_id and "result" in answer, answer
        return answer["result"]

    def heard(self, action, **members):
        return [m["payload"] for m in self.said if m.get("call") == action and all(m["payload"].get(k) == v for k, v in members.items())]

    def expect(self, action, count=1, **members):
        until(lambda: len(self.heard(action, **members)) >= count, f"{action} {members} x {count}: {self.said[-5:]}")
        return self.heard(action, **members)[count - 1]

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def site():
    with Site() as site:
        host = address()
        site.peer = Peer(host, 9000)
        site.csms_address = host        # ... instead of the harness's own, which nobody calls
        site.station("CS1", site.tcp_charger())
        site.start_sim()
        site.start_gateway()
        yield site
        site.end("gateway")
        site.peer.stop()
        violations = [m for m in site.peer.said if "violation" in m]
        assert not violations, violations


def report(peer, request_id):
    peer.call("GetBaseReport", {"requestId": request_id, "reportBase": "FullInventory"})
    until(lambda: any(not p.get("tbc") for p in peer.heard("NotifyReport", requestId=request_id)), "the report's end")
    parts = peer.heard("NotifyReport", requestId=request_id)
    assert [p["seqNo"] for p in parts] == list(range(len(parts)))
    return [item for p in parts for item in p["reportData"]]


def test_a_whole_session_without_a_violation(site, tmp_path):
    peer = site.peer
    peer.expect("StatusNotification", connectorStatus="Available")
    assert peer.heard("BootNotification")[0]["chargingStation"]["vendorName"]
    assert {"connected": "CS1", "protocol": "ocpp2.0.1"} in peer.said
    inventory = report(peer, 0)
    assert any(i["component"]["name"] == "Connector" and i["variable"]["name"] == "AvailabilityState" for i in inventory)
    heartbeat = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
    assert peer.call("GetVariables", {"getVariableData": [heartbeat]})["getVariableResult"][0]["attributeValue"] == "60"
    peer.call("SetVariables", {"setVariableData": [{**heartbeat, "attributeValue": "30"}]})
    for message in ("Heartbeat", "MeterValues", "StatusNotification", "LogStatusNotification", "FirmwareStatusNotification"):
        peer.call("TriggerMessage", {"requestedMessage": message, "evse": {"id": 1, "connectorId": 1}})

    site.ask("plug tcp1 soc=20 capacity=60kWh")
    peer.expect("StatusNotification", connectorStatus="Occupied")
    started = peer.call("RequestStartTransaction", {"evseId": 1, "remoteStartId": 7, "idToken": {"idToken": "operator", "type": "Central"}})
    assert started["status"] == "Accepted"
    until(lambda: site.show("tcp1")["power"] > 2000, "it charges")
    peer.call("SetChargingProfile", {"evseId": 1, "chargingProfile": {
        "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Absolute", "chargingSchedule": [
            {"id": 1, "chargingRateUnit": "A", "startSchedule": "2026-01-01T00:00:00Z", "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 10.0}]}]}})
    until(lambda: site.show("tcp1")["power"] < 8000, "the limit holds")
    peer.call("GetTransactionStatus", {"transactionId": peer.heard("TransactionEvent")[0]["transactionInfo"]["transactionId"]})
    peer.expect("TransactionEvent", triggerReason="MeterValuePeriodic")
    peer.call("UnlockConnector", {"evseId": 1, "connectorId": 1})
    transaction = peer.heard("TransactionEvent")[0]["transactionInfo"]["transactionId"]
    assert peer.call("RequestStopTransaction", {"transactionId": transaction})["status"] == "Accepted"
    site.ask("unplug tcp1")
    peer.expect("TransactionEvent", eventType="Ended")
    numbers = [e["seqNo"] for e in peer.heard("TransactionEvent") if e["transactionInfo"]["transactionId"] == transaction]
    assert numbers == list(range(len(numbers)))
    peer.call("CustomerInformation", {"requestId": 3, "report": True, "clear": True, "idToken": {"idToken": "operator", "type": "Central"}})
    peer.expect("NotifyCustomerInformation", requestId=3)

    files = HttpFiles(tmp_path)
    try:
        for number, kind in enumerate(("DiagnosticsLog", "SecurityLog")):
            name = peer.call("GetLog", {"logType": kind, "requestId": number, "log": {"remoteLocation": files.url}})["filename"]
            peer.expect("LogStatusNotification", status="Uploaded", requestId=number)
            assert (tmp_path / name).exists()
    finally:
        files.stop()
    peer.call("ChangeAvailability", {"operationalStatus": "Inoperative"})
    peer.expect("StatusNotification", connectorStatus="Unavailable")
    peer.call("ChangeAvailability", {"operationalStatus": "Operative"})
    peer.call("ClearCache")
    peer.call("GetInstalledCertificateIds")
    peer.call("ClearChargingProfile", {"chargingProfileId": 1})
    peer.call("DataTransfer", {"vendorId": "org.example.none"})
    assert peer.call("Reset", {"type": "Immediate"})["status"] == "Accepted"
    peer.expect("BootNotification", reason="RemoteReset")
    peer.expect("SecurityEventNotification", type="ResetOrReboot")
