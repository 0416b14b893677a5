"""Transactions: events that are not accepted, that wait for the link, and what is told of them."""
import uuid

from rig import ABSENT, OTHER, SILENCE, TOKEN, error, late, until
from states import (Authorized, EnergyTransferStarted, EVConnectedPreSession, IdTokenCached, TransactionEventsInQueueEnded,
                    offline_stop)

SAMPLED = {"SampledDataCtrlr__TxUpdatedMeasurands": "Energy.Active.Import.Register", "SampledDataCtrlr__TxUpdatedInterval": 1}


# ---- E13: attempts ----

INTERVAL, TIMEOUT = 1, 1


def not_accepted(station, answer, attempts=3):
    """A session up to the vehicle; what comes next is answered so. Returns the station and where its frames begin to count."""
    cs = station(OCPPCommCtrlr__MessageAttempts__TransactionEvent=attempts,
                 OCPPCommCtrlr__MessageAttemptInterval__TransactionEvent=INTERVAL, OCPPCommCtrlr__MessageTimeout__Default=TIMEOUT)
    Authorized(cs)
    EVConnectedPreSession(cs, ready="off")
    cs.event(1, chargingState="SuspendedEV")
    cs.csms.answer("TransactionEvent", answer)
    cs.ev_resumes()
    return cs


def transmissions(cs, seq_no):
    return [t for t, who, text in cs.csms.frames
            if who == "CS" and '"TransactionEvent"' in text and f'"seqNo":{seq_no},' in text.replace(" ", "")]


def check_transmissions(cs, count, wait):
    """The event is sent so often, with growing intervals, and none more: for as long as the next would take."""
    first = cs.next("TransactionEvent")
    for _ in range(count - 1):
        again = cs.next("TransactionEvent", seqNo=first["seqNo"])
        assert again == first
    cs.never("TransactionEvent", INTERVAL * count + wait + 0.5, where=lambda p: p["seqNo"] == first["seqNo"])
    times = transmissions(cs, first["seqNo"])
    assert len(times) == count
    for preceding, (before, after) in enumerate(zip(times, times[1:]), 1):
        assert abs(after - before - (INTERVAL * preceding + wait)) < 0.5, times


def test_TC_E_41_CS(station):
    check_transmissions(not_accepted(station, SILENCE), 3, TIMEOUT)


def test_TC_E_50_CS(station):
    check_transmissions(not_accepted(station, error("InternalError")), 3, 0)


def second_only(refused):
    """Refused but for the second request."""
    seen = []

    def answer(payload):
        seen.append(payload)
        return {} if len(seen) == 2 else refused
    return answer


def test_TC_E_42_CS(station):
    check_transmissions(not_accepted(station, second_only(SILENCE)), 2, TIMEOUT)


def test_TC_E_51_CS(station):
    check_transmissions(not_accepted(station, second_only(error("InternalError"))), 2, 0)


# ---- E04, E08, E11, E12: without a link ----

def events_after(cs, until_type):
    """What the queue gives: all that come up to one of this kind."""
    events = []
    while not events or events[-1]["eventType"] != until_type:
        events.append(cs.next("TransactionEvent"))
    return events


def test_TC_E_40_CS(station):
    """The link is lost and comes back; the transaction goes on, and what happened meanwhile is told."""
    cs = station(**SAMPLED)
    EnergyTransferStarted(cs)
    transaction = cs.tracks[1].transaction
    cs.offline()
    cs.until_queued(2)
    cs.online()
    offline = [cs.next("TransactionEvent", offline=True, triggerReason="MeterValuePeriodic", transactionId=transaction,
                       meterValue__0__sampledValue__0__context="Sample.Periodic") for _ in range(2)]
    assert offline[0]["seqNo"] + 1 == offline[1]["seqNo"]
    cs.next("TransactionEvent", offline=ABSENT, where=lambda p: not p.get("offline"), transactionId=transaction)
    assert not [p for _, a, p in cs.csms.calls if a == "BootNotification"][1:]


def check_offline(events, *types):
    assert all(e["offline"] is True for e in events), events
    for kind in types:
        assert kind in {e["eventType"] for e in events}, events


def test_TC_E_43_CS(station):
    cs = station(AuthCtrlr__OfflineTxForUnknownIdEnabled="true", TxCtrlr__TxStopPoint="EVConnected,Authorized")
    TransactionEventsInQueueEnded(cs)
    check_offline(events_after(cs, "Ended"), "Started", "Ended")


def test_TC_E_44_CS(station):
    cs = station()
    EnergyTransferStarted(cs)
    cs.offline()
    offline_stop(cs)
    cs.online()
    check_offline(events_after(cs, "Ended"), "Ended")


def test_TC_E_45_CS(station):
    """Another token of the same group stops it."""
    group = {"status": "Accepted", "groupIdToken": {"idToken": "fleet", "type": "Central"}}
    for stop_point in ("EVConnected", "EVConnected,Authorized"):
        cs = station(AuthCacheCtrlr__Enabled="true", TxCtrlr__TxStopPoint=stop_point)
        IdTokenCached(cs, token=OTHER, info=group)
        cs.answer("Authorize", {"idTokenInfo": group})
        cs.answer("TransactionEvent", {"idTokenInfo": group}, when=lambda p: p.get("idToken"))
        EnergyTransferStarted(cs)
        cs.quiet()
        cs.offline()
        offline_stop(cs, token=OTHER)
        cs.online()
        events = events_after(cs, "Ended")
        check_offline(events, "Ended")
        assert [e for e in events if e["triggerReason"] == "StopAuthorized" and e["idToken"] == OTHER]


# ---- E14: GetTransactionStatus ----

def ask(cs, transaction=None, ongoing=ABSENT, waiting=False):
    cs.call("GetTransactionStatus", {"transactionId": transaction} if transaction else {}, ongoingIndicator=ongoing, messagesInQueue=waiting)


def test_TC_E_28_CS(station):
    ask(station(), str(uuid.uuid4()), False, False)


def with_something_in_the_queue(station, ended):
    """The link comes back, and the first of what waits is not answered before the case has asked."""
    cs = station(**SAMPLED)
    EnergyTransferStarted(cs)
    cs.offline()
    if ended:
        offline_stop(cs)
    else:
        cs.until_queued(1)
    cs.answer("TransactionEvent", late(1, {}), times=1)
    cs.online()
    return cs, cs.tracks[1].transaction


def check_emptied(cs, transaction):
    """Then all comes, without a hole."""
    until(lambda: not cs.call("GetTransactionStatus")["messagesInQueue"], "the queue is empty")
    offline = [p for _, a, p in cs.csms.calls if a == "TransactionEvent" and p.get("offline")]
    assert offline and all(p["transactionInfo"]["transactionId"] == transaction for p in offline)
    return offline


def test_TC_E_29_CS(station):
    cs, transaction = with_something_in_the_queue(station, ended=False)
    ask(cs, transaction, True, True)
    assert {p["triggerReason"] for p in check_emptied(cs, transaction)} == {"MeterValuePeriodic"}


def test_TC_E_30_CS(station):
    cs = station()
    EnergyTransferStarted(cs)
    ask(cs, cs.tracks[1].transaction, True, False)


def test_TC_E_31_CS(station):
    cs, transaction = with_something_in_the_queue(station, ended=True)
    ask(cs, transaction, False, True)
    events = events_after(cs, "Ended")
    check_offline(events)
    told = [(e["triggerReason"], e["transactionInfo"]["chargingState"]) for e in events if e["triggerReason"] != "MeterValuePeriodic"]
    stopped, suspended, ended = told[0], told[1:-1], told[-1]
    assert stopped[0] == "StopAuthorized" and ended == ("EVCommunicationLost", "Idle"), told
    assert ("ChargingStateChanged", "EVConnected") in suspended, told
    assert events[-1]["transactionInfo"]["stoppedReason"] == "Local"


def test_TC_E_32_CS(station):
    cs = station(TxCtrlr__TxStopPoint="EVConnected,Authorized")
    EnergyTransferStarted(cs)
    transaction = cs.tracks[1].transaction
    cs.present(TOKEN)
    cs.event(1, eventType="Ended")
    ask(cs, transaction, False, False)


def test_TC_E_33_CS(station):
    cs, transaction = with_something_in_the_queue(station, ended=False)
    ask(cs, None, ABSENT, True)
    check_emptied(cs, transaction)


def test_TC_E_34_CS(station):
    cs = station()
    ask(cs, None, ABSENT, False)
