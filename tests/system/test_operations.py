"""What a CSMS operator asks of a station, over the real programs: the answer, and the effect at the device."""
import contextlib
import json
import queue
import socket
import ssl
import threading
import time

import pytest

from harness import Csms, Site, address, server_tls, until

CARD = "04A1B2C3D4E5F6"


def one_station(site, **variables):
    site.station("CS1", site.tcp_charger(), **variables)
    site.start()
    return lambda action, payload=None: site.csms.call("CS1", action, payload)


def start_charging(site, call):
    site.ask("plug tcp1 soc=20 capacity=60kWh")
    site.csms.status("CS1", 1, "Occupied")
    answer = call("RequestStartTransaction", {"evseId": 1, "remoteStartId": 1, "idToken": {"idToken": "operator", "type": "Central"}})
    assert answer["status"] == "Accepted"
    until(lambda: site.show("tcp1")["power"] > 2000, "the device charges")
    return site.csms.expect("CS1", "TransactionEvent")["transactionInfo"]["transactionId"]


def last_status(site):
    return site.csms.heard("CS1", "StatusNotification")[-1]["connectorStatus"]


def get(call, component, variable):
    answer = call("GetVariables", {"getVariableData": [{"component": {"name": component}, "variable": {"name": variable}}]})
    return answer["getVariableResult"][0]


def test_unlocking_reaches_the_device():   # F05
    with Site() as site:
        call = one_station(site)
        site.ask("plug tcp1 soc=20 ready=off")
        site.csms.status("CS1", 1, "Occupied")
        assert site.show("tcp1")["locked"]
        assert call("UnlockConnector", {"evseId": 1, "connectorId": 1})["status"] == "Unlocked"
        site.until_device("tcp1", locked=False)
        assert call("UnlockConnector", {"evseId": 1, "connectorId": 2})["status"] == "UnknownConnector"
        assert call("UnlockConnector", {"evseId": 2, "connectorId": 1})["status"] == "UnknownConnector"


def test_an_authorized_transaction_is_not_unlocked():   # F05.FR.02
    with Site() as site:
        call = one_station(site)
        start_charging(site, call)
        assert call("UnlockConnector", {"evseId": 1, "connectorId": 1})["status"] == "OngoingAuthorizedTransaction"
        assert site.show("tcp1")["locked"]


def test_an_inoperative_evse_charges_nobody_until_it_is_operative_again():   # G03
    with Site() as site:
        call = one_station(site)
        assert call("ChangeAvailability", {"operationalStatus": "Inoperative", "evse": {"id": 1}})["status"] == "Accepted"
        site.csms.status("CS1", 1, "Unavailable")
        site.ask("plug tcp1 soc=20")
        site.ask(f"tap tcp1 {CARD}")
        until(lambda: site.show("tcp1")["tag"] == "", "the card is acknowledged")
        assert call("RequestStartTransaction", {"evseId": 1, "remoteStartId": 1,
                                                "idToken": {"idToken": "operator", "type": "Central"}})["status"] == "Rejected"
        assert not site.show("tcp1")["enabled"]
        site.kill("gateway")   # G03.FR.08: it stays so through a power cut
        site.start_gateway()
        site.csms.expect("CS1", "BootNotification", reason="ApplicationReset")   # B01.FR.09: the host ran on
        site.csms.expect("CS1", "StatusNotification", 2, connectorStatus="Unavailable")
        assert call("ChangeAvailability", {"operationalStatus": "Operative", "evse": {"id": 1}})["status"] == "Accepted"
        site.csms.status("CS1", 1, "Occupied")


def test_a_change_of_availability_waits_for_the_transaction():   # G03.FR.05
    with Site() as site:
        call = one_station(site)
        transaction = start_charging(site, call)
        assert call("ChangeAvailability", {"operationalStatus": "Inoperative"})["status"] == "Scheduled"
        assert site.show("tcp1")["power"] > 2000
        assert call("RequestStopTransaction", {"transactionId": transaction})["status"] == "Accepted"
        site.ask("unplug tcp1")
        site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
        site.csms.status("CS1", 1, "Unavailable")
        assert call("ChangeAvailability", {"operationalStatus": "Operative", "evse": {"id": 9}})["status"] == "Rejected"


def test_a_reset_at_once_ends_the_transaction_and_restarts_the_device():   # B12
    with Site() as site:
        call = one_station(site)
        start_charging(site, call)
        assert call("Reset", {"type": "Immediate"})["status"] == "Accepted"
        ended = site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
        assert ended["transactionInfo"]["stoppedReason"] == "ImmediateReset"
        boot = site.csms.expect("CS1", "BootNotification", 2)
        assert boot["reason"] == "RemoteReset"
        assert "reset" in [w["name"] for w in json.loads(site.ask("writes tcp1"))]


def test_a_reset_on_idle_waits():   # B12.FR.01
    with Site() as site:
        call = one_station(site)
        transaction = start_charging(site, call)
        assert call("Reset", {"type": "OnIdle"})["status"] == "Scheduled"
        call("RequestStopTransaction", {"transactionId": transaction})
        site.ask("unplug tcp1")
        site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
        assert site.csms.expect("CS1", "BootNotification", 2)["reason"] == "ScheduledReset"


@pytest.mark.parametrize("base", ["ConfigurationInventory", "FullInventory"])
def test_a_base_report_is_whole(base):   # B07
    with Site() as site:
        call = one_station(site)
        assert call("GetBaseReport", {"requestId": 5, "reportBase": base})["status"] == "Accepted"
        site.csms.expect("CS1", "NotifyReport", tbc=False)
        parts = site.csms.heard("CS1", "NotifyReport", requestId=5)
        assert [p["seqNo"] for p in parts] == list(range(len(parts)))
        assert [p["tbc"] for p in parts] == [True] * (len(parts) - 1) + [False]
        rows = [(d["component"]["name"], d["variable"]["name"]) for p in parts for d in p["reportData"]]
        for row in [("OCPPCommCtrlr", "HeartbeatInterval"), ("TxCtrlr", "TxStartPoint"), ("SecurityCtrlr", "OrganizationName"),
                    ("AuthCtrlr", "Enabled"), ("SampledDataCtrlr", "TxUpdatedMeasurands")]:
            assert row in rows, row
        for name in {r for r in rows}:   # what is reported can be asked for
            assert get(call, *name)["attributeStatus"] in ("Accepted", "Rejected", "UnknownVariable", "NotSupportedAttributeType",
                                                           "UnknownComponent"), name
        assert call("GetBaseReport", {"requestId": 6, "reportBase": "SummaryInventory"})["status"] in ("Accepted", "NotSupported")


def test_what_is_set_survives_a_restart_and_what_is_wrong_is_refused():   # B05
    with Site() as site:
        call = one_station(site)
        def put(component, variable, value):
            answer = call("SetVariables", {"setVariableData": [{"component": {"name": component}, "variable": {"name": variable},
                                                                 "attributeValue": value}]})
            return answer["setVariableResult"][0]["attributeStatus"]
        assert put("SampledDataCtrlr", "TxUpdatedInterval", "123") == "Accepted"
        assert put("OCPPCommCtrlr", "HeartbeatInterval", "soon") == "Rejected"
        assert put("ClockCtrlr", "DateTime", "2026-01-01T00:00:00Z") == "Rejected"
        assert put("OCPPCommCtrlr", "NoSuch", "1") == "UnknownVariable"
        assert put("NoSuch", "NoSuch", "1") == "UnknownComponent"
        site.kill("gateway")
        site.start_gateway()
        site.csms.expect("CS1", "BootNotification", 2)
        site.csms.expect("CS1", "StatusNotification", 2)
        assert get(call, "SampledDataCtrlr", "TxUpdatedInterval")["attributeValue"] == "123"   # though the configuration presets 1


def test_messages_can_be_triggered():   # F06
    with Site() as site:
        call = one_station(site)
        for message, place in [("Heartbeat", {}), ("LogStatusNotification", {}), ("MeterValues", {"evse": {"id": 1}}),
                               ("StatusNotification", {"evse": {"id": 1, "connectorId": 1}})]:
            heard = len(site.csms.heard("CS1", message))
            assert call("TriggerMessage", {"requestedMessage": message, **place})["status"] == "Accepted", message
            site.csms.expect("CS1", message, heard + 1)
        assert call("TriggerMessage", {"requestedMessage": "BootNotification"})["status"] == "Rejected"   # F06.FR.17
        assert call("TriggerMessage", {"requestedMessage": "TransactionEvent", "evse": {"id": 1}})["status"] == "Rejected"
        assert call("TriggerMessage", {"requestedMessage": "SignCombinedCertificate"})["status"] == "NotImplemented"
        start_charging(site, call)
        assert call("TriggerMessage", {"requestedMessage": "TransactionEvent", "evse": {"id": 1}})["status"] == "Accepted"
        site.csms.expect("CS1", "TransactionEvent", triggerReason="Trigger")


def test_data_of_a_vendor_nobody_knows():   # P01.FR.03
    with Site() as site:
        call = one_station(site)
        assert call("DataTransfer", {"vendorId": "com.example", "messageId": "x", "data": {"any": [1]}})["status"] == "UnknownVendorId"


def test_security_events_and_the_status_of_transactions():   # A04, E14
    with Site() as site:
        call = one_station(site)
        site.csms.expect("CS1", "SecurityEventNotification")
        transaction = start_charging(site, call)
        assert call("GetTransactionStatus", {"transactionId": transaction})["ongoingIndicator"] is True
        assert call("GetTransactionStatus", {"transactionId": "unknown"})["ongoingIndicator"] is False
        call("RequestStopTransaction", {"transactionId": transaction})
        site.ask("unplug tcp1")
        site.csms.expect("CS1", "TransactionEvent", eventType="Ended")
        until(lambda: call("GetTransactionStatus", {"transactionId": transaction}) ==
              {"ongoingIndicator": False, "messagesInQueue": False}, "all was told")


def test_messages_are_compressed_where_that_is_configured():   # RFC 7692
    with Site() as site:
        site.csms_options = ", compression: true"
        call = one_station(site)
        assert call("GetTransactionStatus") == {"messagesInQueue": False}
        assert "permessage-deflate" in site.csms.headers[0][1]["Sec-WebSocket-Extensions"]
        assert [e.name for e in site.csms.connections["CS1"].extensions] == ["permessage-deflate"]


def test_a_profile_may_name_functions_22_and_23():
    with Site() as site:
        (site.directory / "parts.yaml").write_text("""
profile: parts
extends: demo-modbus-ac22
setup: [ { set: { seconds: 45 } }, { until: seconds == 45, within: 5s } ]
points:
  seconds: { at: holding 311, type: u16, mask: 0xFF, access: rw, write_function: 22 }
  max_current: { write_function: 23 }
""")
        site.station("CS1", site.tcp_charger().replace("demo-modbus-ac22", "parts"))
        site.start()
        start_charging(site, lambda *arguments: site.csms.call("CS1", *arguments))
        profile = {"id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Absolute",
                   "chargingSchedule": [{"id": 1, "startSchedule": "2026-01-01T00:00:00Z", "chargingRateUnit": "A",
                                         "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 9}]}]}
        site.csms.call("CS1", "SetChargingProfile", {"evseId": 1, "chargingProfile": profile})
        until(lambda: site.show("tcp1")["limit"] == 9, "the limit is in force")
        writes = [(w["name"], w["value"]) for w in json.loads(site.ask("writes tcp1"))]
        assert ("watchdog", "45") in writes, writes
        # the same by hand: the bits beside the point's stay as they are
        assert site.cli("probe", "CS1", "write", "holding", 311, 0x0130, "--yes", "--force")[0] == 0
        code, output, problems = site.cli("probe", "CS1", "write", "seconds", 60, "--yes", "--force")
        assert (code, problems) == (0, "") and "before: 0130" in output and "now: 013C" in output and "value: 60" in output, output
        code, output, _ = site.cli("probe", "CS1", "write", "max_current", 8, "--yes", "--force")
        assert code == 0 and "now: 0050" in output, output


def tls_of_another_authority(directory, where):
    return server_tls(directory, where)[0]


def tls_before_1_2(directory, where):
    context = server_tls(directory, where)[0]
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def tls_with_a_suite_of_old(directory, where):
    context = server_tls(directory, where)[0]
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA")
    return context


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.parametrize("fault, event", [(tls_of_another_authority, "InvalidCsmsCertificate"), (tls_before_1_2, "InvalidTLSVersion"),
                                          (tls_with_a_suite_of_old, "InvalidTLSCipherSuite")])
def test_a_csms_of_poor_security_is_refused_and_told_of_when_it_is_better(tmp_path, fault, event):   # A00.FR.310, .316, .323
    where = address()
    good, root = server_tls(tmp_path, where)
    (tmp_path / "other").mkdir()
    poor = fault(tmp_path / "other", where)
    site = Site(tls=good)
    site.csms.stop()
    site.csms_address, site.ca_file = where, root
    site.csms = Csms(where, tls=good)
    site.csms.close()
    with site:
        with socket.create_server((where, 9000)) as listener:   # asyncio's servers keep their alerts to themselves
            site.station("CS1", site.tcp_charger())
            site.start_sim()
            site.start_gateway()
            while event not in site.log("gateway"):
                listener.settimeout(20)
                with listener.accept()[0] as connection, contextlib.suppress(OSError):
                    poor.wrap_socket(connection, server_side=True).recv(1)
                time.sleep(0.2)
        site.csms.open()
        site.csms.expect("CS1", "SecurityEventNotification", type=event)


def test_the_service_manager_is_kept_informed(tmp_path):
    """READY, WATCHDOG, RELOADING with MONOTONIC_USEC, STOPPING: what Type=notify-reload and WatchdogSec ask for."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, Site() as site:
        manager.bind(str(tmp_path / "notify"))
        site.environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "400000"}

        said = queue.Queue()    # a socket that nobody reads takes a few messages only, and the gateway would wait for it

        def read():
            with contextlib.suppress(OSError):
                while True:
                    said.put(manager.recv(4096).decode())

        def told(word):
            while True:
                message = said.get(timeout=20)
                if word in message:
                    return message

        threading.Thread(target=read, daemon=True).start()
        one_station(site)
        told("READY=1")
        told("WATCHDOG=1")
        told("WATCHDOG=1")
        before = time.monotonic_ns() // 1000
        site.cli("reload")
        reloading = told("RELOADING=1")
        moment = int(reloading.split("MONOTONIC_USEC=")[1].split()[0])
        assert before <= moment <= time.monotonic_ns() // 1000
        told("READY=1")
        site.processes["gateway"].terminate()
        told("STOPPING=1")
