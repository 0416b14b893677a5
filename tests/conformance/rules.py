"""What holds in every case, looked for in all that went over the wire (Part 6, 2.1, and what no message may break)."""
import datetime
import json

REGISTER = "Energy.Active.Import.Register"
DEVIATION_S = 4                # what certification labs allow
BEFORE_ACCEPTED = {"BootNotification"}


def at(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def transactions_of(csms):
    """transaction -> its events by number; one that was sent again is the same one."""
    found = {}
    for _, action, payload in csms.calls:
        if action == "TransactionEvent":
            events = found.setdefault(payload["transactionInfo"]["transactionId"], {})
            numbered = events.setdefault(payload["seqNo"], payload)
            assert {**numbered, "offline": None} == {**payload, "offline": None}, f"one seqNo, two events: {numbered} {payload}"
    return found


def check_transaction(transaction, events):
    numbers = sorted(events)
    assert numbers == list(range(len(numbers))), f"{transaction}: seqNo {numbers}"
    events = [events[n] for n in numbers]
    kinds = [e["eventType"] for e in events]
    assert kinds[0] == "Started" and "Started" not in kinds[1:] and "Ended" not in kinds[:-1], f"{transaction}: {kinds}"
    times = [at(e["timestamp"]) for e in events]
    assert times == sorted(times), f"{transaction}: {[e['timestamp'] for e in events]}"
    for event in events:
        info = event["transactionInfo"]
        assert (event["eventType"] == "Ended") or "stoppedReason" not in info, event
        assert "idToken" in event or event["triggerReason"] not in ("Authorized", "RemoteStart"), event
        assert "remoteStartId" in info or event["triggerReason"] != "RemoteStart", event
    remote = [e for e in events if "remoteStartId" in e["transactionInfo"]]
    assert not remote or remote[0]["triggerReason"] == "RemoteStart", f"{transaction}: {remote[0]}"
    check_register(transaction, events)
    check_place(transaction, events)


def check_register(transaction, events):
    """The register never runs backwards. What Ended carries was read before."""
    last = 0
    for event in events:
        values = [s["value"] for m in event.get("meterValue", []) for s in m["sampledValue"]
                  if s.get("measurand", REGISTER) == REGISTER and "phase" not in s]
        assert values == sorted(values), f"{transaction}: {values}"
        if event["eventType"] != "Ended" and values:
            assert values[0] >= last, f"{transaction}: {last} then {values}"
        last = max([last, *values])


def check_place(transaction, events):
    """The first event that knows of a plugged in vehicle names EVSE and connector (E01.FR.16), if none did before."""
    for event in events:
        if "connectorId" in event.get("evse", {}):
            return
        assert event["transactionInfo"].get("chargingState", "Idle") == "Idle", f"{transaction}: no evse yet in {event}"


def asked_by(action, payload):
    """The message this CALL of the CSMS asks for, which may then be sent while Pending (B02.FR.02)."""
    if action in ("GetBaseReport", "GetReport"):
        return "NotifyReport"
    message = payload.get("requestedMessage") if action == "TriggerMessage" else None
    return "SignCertificate" if message == "SignChargingStationCertificate" else message


def check_frames(csms):
    """CALLs: ids of their own, one at a time on a link, none but BootNotification before it is accepted, and what was asked for
    while Pending."""
    ids, open_call, accepted, pending, asked_for = set(), None, False, False, set()
    boots = {}
    for when, who, text in csms.frames:
        if who == "----":
            open_call = None
            continue
        try:
            frame = json.loads(text)
        except ValueError:
            continue                           # a case sent it on purpose
        if who == "CS" and frame[0] == 2:
            assert frame[1] not in ids, f"an id used twice: {text}"
            ids.add(frame[1])
            # a message without an answer is given up after MessageTimeout, so only what comes at once is wrong
            assert not open_call or when - open_call[0] > 0.9, f"a CALL while another was open: {open_call[1]} {text}"
            open_call = (when, text, frame[1])
            if frame[2] == "BootNotification":
                boots[frame[1]] = accepted = pending = False
            assert accepted or frame[2] in BEFORE_ACCEPTED or (pending and frame[2] in asked_for), f"before it was accepted: {text}"
        elif who == "CSMS" and frame[0] == 2:
            asked_for.add(asked_by(frame[2], frame[3]))
        elif who == "CSMS" and frame[0] in (3, 4) and len(frame) > 2:
            if open_call and open_call[2] == frame[1]:
                open_call = None
            if frame[1] in boots and frame[0] == 3:
                accepted = frame[2].get("status") == "Accepted"
                pending = frame[2].get("status") == "Pending"
        check_time(csms, when, who, frame)


def check_time(csms, when, who, frame):
    """What is told at once carries the time of now."""
    if who != "CS" or frame[0] != 2 or csms.clock_differs:
        return
    payload = frame[3]
    if frame[2] == "Heartbeat" or payload.get("offline"):
        return
    stamp = payload.get("timestamp") if frame[2] == "StatusNotification" else payload.get("generatedAt")
    if stamp:
        assert abs(at(stamp) - when) < DEVIATION_S + 2, f"told at {when}: {stamp}"


def check_payloads(csms):
    def look(value):
        if isinstance(value, dict):
            return all(look(v) for v in value.values())
        if isinstance(value, list):
            return bool(value) and all(look(v) for v in value)
        return value is not None
    for _, action, payload in csms.calls:
        assert look(payload), f"{action}: a null or an empty array in {json.dumps(payload)}"


def check_locations(csms):
    """Only the state of charge is measured in the vehicle (errata 6.2.58)."""
    for _, action, payload in csms.calls:
        for value in payload.get("meterValue", []) if action in ("MeterValues", "TransactionEvent") else ():
            for sample in value["sampledValue"]:
                assert sample.get("location") != "EV" or sample.get("measurand") == "SoC", f"{action}: {sample}"


def check(csms):
    assert not csms.problems, csms.problems
    check_payloads(csms)
    check_frames(csms)
    check_locations(csms)
    for transaction, events in transactions_of(csms).items():
        check_transaction(transaction, events)
