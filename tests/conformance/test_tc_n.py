"""Diagnostics: logs (N01) and what is known of a customer (N09, N10); and the triggers of a log's status (F06)."""
import threading
import time

import rules
from rig import ABSENT, ANY, OTHER, TOKEN
from states import Authorized, EVConnectedPreSession, IdTokenCached, ParkingBayUnoccupied

STATUS = "LogStatusNotification"


def get_log(cs, url, request_id=1, kind="DiagnosticsLog", status="Accepted", **more):
    return cs.call("GetLog", {"logType": kind, "requestId": request_id, "log": {"remoteLocation": url}, **more},
                   status=status, filename=lambda name: name)["filename"]


def told(cs, *statuses, request_id=1):
    for status in statuses:
        cs.next(STATUS, status=status, requestId=request_id)


def a_log_arrives(cs, files, kind):
    name = get_log(cs, files.url, kind=kind)
    told(cs, "Uploading", "Uploaded")
    assert (files.directory / name).stat().st_size > 0


def test_TC_N_25_CS(station, files):   # N01.FR.02, N01.FR.08, N01.FR.09
    a_log_arrives(station(), files, "DiagnosticsLog")


def test_TC_N_35_CS(station, files):   # N01.FR.03, N01.FR.08, N01.FR.09
    a_log_arrives(station(), files, "SecurityLog")


def test_TC_N_26_CS(station, files):   # N01.FR.10
    """Nowhere to put it, four times."""
    cs, interval, failures = station(), 1, {"UploadFailure", "BadMessage", "PermissionDenied", "NotSupportedOperation"}
    files.faults["/there-is-none/log"] = 404
    get_log(cs, files.url + "there-is-none/log", retries=3, retryInterval=interval)
    cs.next(STATUS, status="Uploading", requestId=1)
    began = time.monotonic()
    last = cs.next(STATUS, lambda p: p["status"] != "Uploading", requestId=1, status=failures)
    statuses = [p["status"] for p in cs.csms.heard(cs.id, STATUS)]
    while statuses.count(last["status"]) not in (1, 4) or len(files.requests) < 4:
        cs.next(STATUS, lambda p: p["status"] != "Uploading", requestId=1, status=failures)
        statuses = [p["status"] for p in cs.csms.heard(cs.id, STATUS)]
    assert abs(time.monotonic() - began - 3 * interval) < 1
    assert statuses.count("Uploading") in (1, 4) and len(statuses) - statuses.count("Uploading") in (1, 4)
    cs.never(STATUS, 3 * interval)
    assert len(files.requests) == 4


def held_upload(station, files, name="first.tar.gz"):
    """A log on its way, as long as files.hold is not set."""
    files.hold = threading.Event()
    cs = station()
    get_log(cs, files.url + name)
    told(cs, "Uploading")
    return cs


def test_TC_N_36_CS(station, files):   # N01.FR.12, N01.FR.20
    cs = held_upload(station, files)
    get_log(cs, files.url + "second.tar.gz", request_id=2, status="AcceptedCanceled")
    told(cs, "AcceptedCanceled", request_id=1)
    told(cs, "Uploading", request_id=2)
    files.hold.set()
    told(cs, "Uploaded", request_id=2)


# ---- what is known of a customer ----

def ask(cs, request_id=1, report=True, clear=False, **of):
    """CustomerInformation is Accepted; the text of all parts."""
    cs.call("CustomerInformation", {"requestId": request_id, "report": report, "clear": clear, **of}, status="Accepted")
    text = ""
    for number in range(1000):
        part = cs.next("NotifyCustomerInformation", requestId=request_id, seqNo=number, generatedAt=ANY)
        assert abs(rules.at(part["generatedAt"]) - time.time()) < rules.DEVIATION_S
        text += part["data"]
        if not part.get("tbc", False):
            return text


def with_a_customer(station):
    cs = station(AuthCtrlr__LocalPreAuthorize="true", AuthCacheCtrlr__Enabled="true")
    IdTokenCached(cs)
    Authorized(cs, cached=True)
    EVConnectedPreSession(cs)
    ParkingBayUnoccupied(cs)
    cs.quiet()
    return cs


def nothing_of(cs, token):
    """What is said of a token that the station never saw."""
    return ask(cs, request_id=99, idToken=token)


def test_TC_N_27_CS(station):   # N09.FR.02, N09.FR.05
    cs = with_a_customer(station)
    text = ask(cs, idToken=TOKEN)
    assert text and text != nothing_of(cs, OTHER)


def test_TC_N_28_CS(station):   # N09.FR.06
    assert ask(station(), idToken=TOKEN)       # it says so


def test_TC_N_30_CS(station):   # N10.FR.01, N10.FR.03
    cs = with_a_customer(station)
    nothing = nothing_of(cs, OTHER)
    assert ask(cs, request_id=1, clear=True, idToken=TOKEN) != nothing
    assert ask(cs, request_id=2, idToken=TOKEN) == nothing
    cs.present(TOKEN)                          # neither is it in the cache any more
    cs.next("Authorize", idToken=TOKEN)


def test_TC_N_31_CS(station):   # N10.FR.01, N10.FR.04
    cs = station()
    assert ask(cs, clear=True, idToken=TOKEN) == nothing_of(cs, OTHER)


def test_TC_N_32_CS(station):   # N10.FR.01, N10.FR.06
    assert ask(station(), report=False, clear=True, idToken=TOKEN)


def test_TC_N_62_CS(station):   # N10.FR.01
    """Nothing is kept by this name, so nothing is found and nothing left."""
    cs = station()
    assert ask(cs, clear=True, customerIdentifier="customer-1")


# ---- F06 ----

def trigger(cs):
    cs.call("TriggerMessage", {"requestedMessage": STATUS}, status="Accepted")


def test_TC_F_15_CS(station):   # F06.FR.15, N01.FR.13
    cs = station()
    trigger(cs)
    cs.next(STATUS, status="Idle", requestId=ABSENT)


def test_TC_F_16_CS(station, files):   # F06.FR.14
    cs = held_upload(station, files)
    trigger(cs)
    told(cs, "Uploading")
    files.hold.set()
    told(cs, "Uploaded")
