"""Habits of CSMSs in the field, over the real programs: what they refuse, forget, and are particular about."""
import asyncio
import json
import re
import time

import pytest
import websockets

from harness import Csms, Site, until
from test_operations import one_station, start_charging

NAME = re.compile(r"^[a-zA-Z0-9*\-_=:+|@.]+$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
PARTICULAR = {"component", "variable"}


def walk(value, path=""):
    yield path, value
    if isinstance(value, dict):
        for key, one in value.items():
            yield from walk(one, f"{path}.{key}")
    elif isinstance(value, list):
        for one in value:
            yield from walk(one, path + "[]")


class Particular(Csms):
    """Keeps every frame as text."""

    def __init__(self, *arguments, **options):
        self.texts = []
        super().__init__(*arguments, **options)

    async def receive(self, station, socket_, text):
        self.texts.append(text)
        await super().receive(station, socket_, text)


def check_particulars(texts):
    ids = set()
    for text in texts:
        frame = json.loads(text)
        if frame[0] == 2:
            assert UUID.match(frame[1]) and frame[1] not in ids, frame
            ids.add(frame[1])
        for path, value in walk(frame[-1]):
            assert value is not None and value != [], f"{path} in {text}"
            last = path.rsplit(".", 1)[-1]
            if last == "timestamp" or last == "generatedAt":
                assert TIME.match(value), f"{path}: {value}"
            if isinstance(value, dict) and "name" in value and last in PARTICULAR:
                assert NAME.match(value["name"]) and NAME.match(value.get("instance", "x")), f"{path}: {value}"
            if last in ("transactionId", "serialNumber", "iccid"):
                assert NAME.match(value), f"{path}: {value}"
            if last == "idToken" and isinstance(value, dict) and value["type"] == "ISO14443":
                assert re.match(r"^([0-9A-F]{8}|[0-9A-F]{14})$", value["idToken"]), value


def test_nothing_that_a_particular_csms_would_refuse():
    """No null, no empty list, only names and times that all of them take, and a new UUID for each CALL."""
    with Site() as site:
        site.csms.close()
        site.csms.stop()
        site.csms = Particular(site.csms_address)
        call = one_station(site)
        for base in ("FullInventory", "ConfigurationInventory", "SummaryInventory"):
            call("GetBaseReport", {"requestId": 0, "reportBase": base})
            until(lambda: site.csms.heard("CS1", "NotifyReport") and not site.csms.heard("CS1", "NotifyReport")[-1].get("tbc"), "the report")
        call("GetReport", {"requestId": 0, "componentVariable": [{"component": {"name": "EVSE"}}]})
        start_charging(site, call)
        site.ask("tap tcp1 04a1b2c3d4e5f6")
        until(lambda: "stops nothing" in site.log("gateway"), "the other card was asked about while the first one's transaction runs")
        for message in ("MeterValues", "StatusNotification", "Heartbeat", "TransactionEvent", "LogStatusNotification"):
            call("TriggerMessage", {"requestedMessage": message, "evse": {"id": 1, "connectorId": 1}})
        call("CustomerInformation", {"requestId": 0, "report": True, "clear": False, "idToken": {"idToken": "operator", "type": "Central"}})
        call("UnlockConnector", {"evseId": 1, "connectorId": 1})
        site.csms.expect("CS1", "NotifyCustomerInformation")
        transaction = site.csms.events("CS1")[0]["transactionInfo"]["transactionId"]
        call("RequestStopTransaction", {"transactionId": transaction})
        site.ask("unplug tcp1")
        site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
        events = [e for e in site.csms.events("CS1") if e["triggerReason"] != "Trigger"]
        assert "evse" in events[0] and not any("evse" in e for e in events[1:])     # E01.FR.16
        assert site.csms.events("CS1")[0]["evse"]["connectorId"] == 1
        check_particulars(site.csms.texts)


@pytest.mark.parametrize("status", [401, 403, 404, 409, 500, 503])
def test_a_connection_refused_is_tried_until_it_is_taken(status):
    """A duplicate that the CSMS does not let in before it has given the old one up, or one that it does not know yet."""
    with Site() as site:
        refusals = []

        async def handshake(path, headers):
            if len(refusals) < 2:
                refusals.append(path)
                return (status, [], b"go away")
            return None
        site.csms.handshake = handshake
        site.csms.close()
        site.csms.open()
        one_station(site)
        assert len(refusals) == 2


def test_a_csms_that_names_no_subprotocol_is_left_and_tried_again():   # Part 4, 4.1.2
    with Site() as site:
        site.csms.close()
        site.csms.subprotocols = None
        site.csms.open()
        site.station("CS1", site.tcp_charger())
        site.start_sim()
        site.start_gateway()
        until(lambda: len(site.csms.headers) >= 2, "it comes again")
        assert not site.csms.calls                        # and says nothing before
        until(lambda: "subprotocol" in site.log("gateway"), "it is told why")
        site.csms.close()
        site.csms.subprotocols = ["ocpp2.0.1"]
        site.csms.open()
        site.csms.status("CS1", 1, "Available")


def test_an_old_connection_is_closed_before_a_new_one_is_made():
    """Whoever gets the answers of two connections on one loses them. This CSMS takes its time to let go of the old one."""
    with Site() as site:
        came, let_go = [], []
        serve = site.csms.serve

        async def slow(socket_, path):
            came.append(time.monotonic())
            write_close_frame = socket_.write_close_frame

            async def later(*arguments):
                await asyncio.sleep(1)
                await write_close_frame(*arguments)
                let_go.append(time.monotonic())
            socket_.write_close_frame = later
            await serve(socket_, path)
        site.csms.serve = slow
        site.csms.close()
        site.csms.open()
        call = one_station(site)
        call("SetVariables", {"setVariableData": [{"component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"},
                                                   "attributeValue": "another-password-of-16"}]})
        until(lambda: len(came) == 2, "it comes anew")
        assert let_go and let_go[0] <= came[1]


def test_pings_of_the_csms_are_answered_while_the_station_is_busy():
    with Site() as site:
        site.csms.close()

        async def serve():
            return await websockets.serve(site.csms.serve, site.csms.listen, site.csms.port, subprotocols=["ocpp2.0.1"],
                                          ping_interval=0.2, ping_timeout=2)
        site.csms.server = site.csms.run(serve())
        call = one_station(site)
        end = time.monotonic() + 4
        number = 0
        while time.monotonic() < end:
            number += 1
            assert call("GetBaseReport", {"requestId": number, "reportBase": "FullInventory"})["status"] in ("Accepted", "Rejected")
        assert len(site.csms.heard("CS1", "BootNotification")) == 1 and "CS1" in site.csms.connections


def test_a_csms_that_asks_in_the_middle_of_our_call_is_answered_at_once():
    """CALLs cross; whoever waits for the other stands still for ever."""
    with Site() as site:
        call = one_station(site)
        site.csms.answers["TransactionEvent"] = lambda station, payload: None
        site.ask("plug tcp1")
        site.ask("tap tcp1 04a1b2c3d4e5f6")
        site.csms.expect("CS1", "TransactionEvent")
        began = time.monotonic()
        for _ in range(20):
            call("GetVariables", {"getVariableData": [{"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}]})
        assert time.monotonic() - began < 10
        del site.csms.answers["TransactionEvent"]
