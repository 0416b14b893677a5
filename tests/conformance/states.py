"""The reusable and memory states of Part 6 (2.18, 2.19, and the errata of it), by their names. Each brings the station there from
wherever it is, executes the states it needs before, and validates its own steps. What a step expects follows from TxStartPoint and
TxStopPoint in force.

`evse` is the EVSE the state is about. Authorized, StopAuthorized and what leads there take `remote=True` for way B (by the CSMS).
"""
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import ocsp

import json

from rig import REMOTE, TOKEN, until, validate

AUTHORIZED = {"idTokenInfo": {"status": "Accepted"}}


# ---- boot ----

def Booting(cs):
    """Reset was accepted; the station is on its way down."""
    cs.call("Reset", {"type": "Immediate"}, status="Accepted")


def Booted(cs, power_cycle=False, status="Available"):
    """By Reset, or by power cycle; returns the BootNotification. `status`: of all connectors, or by EVSE, if not Available."""
    cs.csms.take_all()
    if power_cycle:
        cs.power_cut()
        cs.power_up()
    else:
        cs.call("Reset", {"type": "OnIdle"}, status={"Accepted", "Scheduled"})
    boot = cs.booted(status)
    cs.next("SecurityEventNotification", type={"StartupOfTheDevice", "ResetOrReboot"})
    for track in cs.tracks.values():
        if not track.started:
            track.clear()
    return boot


# ---- availability ----

def Unavailable(cs, evse=None, connector=None):
    """The station, an EVSE or a connector is made inoperative."""
    request = {"operationalStatus": "Inoperative"}
    if evse:
        request["evse"] = {"id": evse, **({"connectorId": connector} if connector else {})}
    cs.call("ChangeAvailability", request, status="Accepted")
    for one in [evse] if evse else cs.tracks:
        cs.status("Unavailable", one)


# ---- towards the transfer of energy ----

def told(cs, evse, point):
    """Whether a step tells of a transaction: it began already, or begins by this."""
    return cs.tracks[evse].started or point in cs.points("Start")


def kind(cs, evse):
    return "Updated" if cs.tracks[evse].started else "Started"


def trigger(cs, evse, *reasons):
    """The first event after RequestStartTransaction has RemoteStart, whatever the step says (2.1)."""
    track = cs.tracks[evse]
    if not track.remote_pending:
        return {"triggerReason": set(reasons)}
    return {"triggerReason": "RemoteStart", "remoteStartId": track.remote}


def ParkingBayOccupied(cs, evse=1):
    """Optional: a station without a sensor (parking_bay=False) passes through."""
    track = cs.tracks[evse]
    track.parked = True
    if not cs.parking_bay:
        return
    cs.drive_in(evse)
    if told(cs, evse, "ParkingBayOccupancy"):
        cs.event(evse, eventType=kind(cs, evse), triggerReason="EVDetected")


def EVConnectedPreSession(cs, evse=1, **car):
    track = cs.tracks[evse]
    if not track.parked:
        ParkingBayOccupied(cs, evse)
    cs.plug(evse, **car)
    cs.status("Occupied", evse)
    by_path = "PowerPathClosed" in cs.points("Start") and track.authorized
    if told(cs, evse, "EVConnected") or by_path:
        states = {"EVConnected", "SuspendedEVSE", "Charging"} if track.authorized else {"EVConnected"}
        return cs.event(evse, eventType=kind(cs, evse), **trigger(cs, evse, "CablePluggedIn", "ChargingStateChanged"),
                        chargingState=states, evse__id=evse, evse__connectorId=1)
    return None


def Authorized(cs, evse=1, remote=False, token=None, cached=False):
    """`cached`: no Authorize is asked for. Returns the TransactionEvent, if there is one."""
    track = cs.tracks[evse]
    if not (track.parked or track.connected):
        ParkingBayOccupied(cs, evse)
    token = token or (REMOTE if remote else TOKEN)
    if remote:
        request_start(cs, evse, token)
    else:
        cs.present(token, evse)
    if not cached and (not remote or cs.get_variable("AuthCtrlr.AuthorizeRemoteStart") == "true"):
        cs.next("Authorize", idToken=token)
    track.authorized, track.token = True, token
    path_closed = "PowerPathClosed" in cs.points("Start") and track.connected
    if not told(cs, evse, "Authorized") and not (remote and path_closed):
        return None
    return cs.event(evse, eventType=kind(cs, evse), **trigger(cs, evse, "Authorized"), idToken=token)


def request_start(cs, evse, token):
    track = cs.tracks[evse]
    cs.remote_start_id += 1
    answer = cs.call("RequestStartTransaction",
                     {"evseId": evse, "remoteStartId": cs.remote_start_id, "idToken": token}, status="Accepted")
    if track.started:
        validate("RequestStartTransactionResponse", answer, {"transactionId": track.transaction})
    track.remote, track.remote_pending = cs.remote_start_id, True


def EnergyTransferStarted(cs, evse=1, remote=False, **car):
    """Returns the TransactionEvent that tells of the transfer, if there is one."""
    track = cs.tracks[evse]
    if not track.authorized:
        Authorized(cs, evse, remote)
    if not track.connected:
        cs.plug(evse, **car)
        cs.status("Occupied", evse)
        if told(cs, evse, "EVConnected"):
            cs.event(evse, eventType=kind(cs, evse), **trigger(cs, evse, "CablePluggedIn"), chargingState="EVConnected",
                     evse__id=evse, evse__connectorId=1)
    if "PowerPathClosed" in cs.points("Start") and not track.started:
        cs.event(evse, eventType="Started", **trigger(cs, evse, "ChargingStateChanged", "Authorized", "CablePluggedIn"),
                 chargingState={"SuspendedEVSE", "EVConnected"}, evse__id=evse, evse__connectorId=1)
    event = None
    if told(cs, evse, "EnergyTransfer"):
        event = cs.event(evse, skip={"SuspendedEVSE", "EVConnected", "SuspendedEV"}, eventType=kind(cs, evse),
                         **trigger(cs, evse, "ChargingStateChanged"), chargingState="Charging")
    until(lambda: cs.show(evse)["power"] > 0, "the device charges")
    track.charging = True
    return event


def EnergyTransferSuspended(cs, evse=1, remote=False):
    """The EV suspends."""
    track = cs.tracks[evse]
    if not track.charging:
        EnergyTransferStarted(cs, evse, remote)
    cs.ev_suspends(evse)
    if not track.started:
        return None
    event = cs.event(evse, eventType={"Updated", "Ended"}, triggerReason="ChargingStateChanged",
                     chargingState={"EVConnected", "SuspendedEV"})
    if event["eventType"] == "Ended":
        validate("TransactionEvent", event, {"stoppedReason": "StoppedByEV"})
    track.charging = False
    return event


# ---- towards its end ----

def StopAuthorized(cs, evse=1, remote=False):
    """By the same card, or by the CSMS. Returns the event; it ended the transaction if TxStopPoint says so."""
    track = cs.tracks[evse]
    if not track.charging:
        EnergyTransferStarted(cs, evse, remote)
    transaction = track.transaction
    if remote:
        cs.call("RequestStopTransaction", {"transactionId": transaction}, status="Accepted")
        event = cs.event(evse, triggerReason="RemoteStop", transactionId=transaction)
    else:
        cs.present(track.token, evse)
        event = cs.event(evse, triggerReason="StopAuthorized", transactionId=transaction,
                         idToken=lambda t: t is None or t == track.token)
    track.authorized, track.charging, track.stopped = False, False, True
    track.stopped_remotely = remote
    if ends_by_deauthorization(cs):
        if event["eventType"] != "Ended":
            event = cs.event(evse, skip={"SuspendedEVSE"}, eventType="Ended", triggerReason="ChargingStateChanged",
                             chargingState="EVConnected")
        check_stopped_reason(cs, evse, event)
    else:
        validate("TransactionEvent", event, {"eventType": "Updated"})
    return event


def ends_by_deauthorization(cs):
    return bool(cs.points("Stop") & {"Authorized", "PowerPathClosed", "EnergyTransfer"})


def check_stopped_reason(cs, evse, event):
    """2.1: Local may be left out."""
    reason = event["transactionInfo"].get("stoppedReason", "Local")
    assert reason == ("Remote" if cs.tracks[evse].stopped_remotely else "Local"), event


def EVConnectedPostSession(cs, evse=1, remote=False):
    """No energy flows any more, the cable is still there."""
    track = cs.tracks[evse]
    if not track.stopped:
        StopAuthorized(cs, evse, remote)
    until(lambda: cs.show(evse)["power"] == 0, "the device stops")
    event = None
    if track.started:
        event = cs.event(evse, skip={"SuspendedEVSE"}, triggerReason="ChargingStateChanged", chargingState="EVConnected")
        if event["eventType"] == "Ended":
            check_stopped_reason(cs, evse, event)
    track.post_session = True
    return event


def EVDisconnected(cs, evse=1, remote=False, status="Available"):
    """Returns the event that tells of the unplugging, if the transaction had not ended before. `status` of the connector then."""
    track = cs.tracks[evse]
    if not track.post_session:
        EVConnectedPostSession(cs, evse, remote)
    cs.unplug(evse)
    cs.status(status, evse)
    event = None
    if track.started:
        event = cs.event(evse, triggerReason="EVCommunicationLost", chargingState="Idle")
        if event["eventType"] == "Ended":
            check_stopped_reason(cs, evse, event)
    if not cs.parking_bay:
        track.clear()
    return event


def ParkingBayUnoccupied(cs, evse=1, remote=False, status="Available"):
    track = cs.tracks[evse]
    if track.connected:
        EVDisconnected(cs, evse, remote, status)
    if not cs.parking_bay:
        track.clear()
        return None
    cs.drive_out(evse)
    event = None
    if track.started:
        event = cs.event(evse, eventType="Ended", triggerReason="EVDeparted")
        check_stopped_reason(cs, evse, event)
    track.clear()
    return event


def Deauthorized(cs, evse=1, remote=False, token=None, status="Invalid", cached=False):
    """The first TransactionEvent with the token is answered so; returns the event of the deauthorization, if StopTxOnInvalidId asks
    for it. What is needed to get to that first event is done before."""
    track = cs.tracks[evse]
    cs.answer("TransactionEvent", {"idTokenInfo": {"status": status}}, times=1, when=lambda p: "idToken" in p)
    event = None if track.authorized else Authorized(cs, evse, remote, token, cached)
    if not event and not track.connected:
        event = EVConnectedPreSession(cs, evse)
    if not event:
        event = cs.event(evse, skip={"SuspendedEVSE", "EVConnected"})
    validate("TransactionEvent", event, {"idToken": track.token})
    track.authorized = track.charging = False
    if cs.get_variable("TxCtrlr.StopTxOnInvalidId") != "true":
        return None
    states = {"EVConnected", "SuspendedEVSE"} if track.connected else {"Idle", "EVConnected", "SuspendedEVSE"}
    event = cs.event(evse, skip={"SuspendedEVSE", "Charging"}, triggerReason="Deauthorized")
    validate("TransactionEvent", event, {"chargingState": lambda state: state is None or state in states})
    if ends_by_deauthorization(cs):
        return validate("TransactionEvent", event, {"eventType": "Ended", "stoppedReason": "DeAuthorized"})
    return validate("TransactionEvent", event, {"eventType": "Updated"})


def StartOfflineTransaction(cs, evse=1, token=TOKEN):
    """The link goes, a session begins, the link comes back. Take the events with cs.event() afterwards."""
    cs.offline()
    offline_start(cs, evse, token)
    cs.online()


def offline_start(cs, evse=1, token=TOKEN, **car):
    """What a driver does at a station without a link, until energy flows."""
    if cs.parking_bay:
        cs.drive_in(evse)
    cs.present(token, evse)
    until(lambda: cs.show(evse)["tag"] == "", "the card was not read")
    cs.plug(evse, **car)
    until(lambda: cs.show(evse)["power"] > 0, "the device charges")


def offline_stop(cs, evse=1, token=TOKEN):
    cs.present(token, evse)
    until(lambda: cs.show(evse)["power"] == 0, "the device stops")
    until(lambda: device_state(cs, evse) != "charging", "the station sees that it stopped")
    cs.unplug(evse)
    if cs.parking_bay:
        cs.drive_out(evse)


def device_state(cs, evse=1):
    """What the station sees, without a word to the CSMS."""
    _, text, _ = cs.site.cli("--json", "status")
    station = next(s for s in json.loads(text)["stations"] if s["id"] == cs.id)
    return station["evses"][evse - 1]["device"]["state"]


# ---- memory states ----

def TransactionEventsInQueueEnded(cs, evse=1, token=TOKEN):
    """A whole session while the link is down; the link comes back and the events are on their way."""
    cs.offline()
    offline_start(cs, evse, token)
    offline_stop(cs, evse, token)
    cs.online()


def IdTokenCached(cs, evse=1, token=TOKEN, info=None):
    """The token gets into the authorization cache by a use of it; `info`: what the CSMS says of it, Accepted if None. A station that
    holds it Accepted goes through a whole session."""
    if info and info["status"] != "Accepted":
        cs.answer("Authorize", {"idTokenInfo": info}, when=lambda p: p["idToken"] == token)
        cs.present(token, evse)
        cs.next("Authorize", idToken=token)
    else:
        if info:
            cs.answer("Authorize", {"idTokenInfo": info}, when=lambda p: p["idToken"] == token)
            cs.answer("TransactionEvent", {"idTokenInfo": info}, when=lambda p: p.get("idToken") == token)
        Authorized(cs, evse, token=token)
        if not cs.tracks[evse].connected:
            EVConnectedPreSession(cs, evse)
        ParkingBayUnoccupied(cs, evse)
    cs.csms.answer_as_usual()
    cs.quiet()


def IdTokenLocalAuthList(cs, *entries, version=1):
    """The list has these tokens: each one, or (token, idTokenInfo)."""
    data = [{"idToken": token, "idTokenInfo": info} for token, info in
            (e if isinstance(e, tuple) else (e, {"status": "Accepted"}) for e in entries)]
    cs.call("SendLocalList", {"versionNumber": version, "updateType": "Full", "localAuthorizationList": data}, status="Accepted")


def SetChargingProfile(cs, profile, evse=1):
    cs.call("SetChargingProfile", {"evseId": evse, "chargingProfile": profile}, status="Accepted")


def RebootBeforeFirmwareActivation(cs):
    """After the reboot notice, if there is one; the gateway was started again by then."""
    cs.next("BootNotification", reason="FirmwareUpdate")
    for evse in cs.tracks:
        cs.status("Available", evse)


# ---- memory states: certificates ----

def hash_data(certificate, issuer):
    """CertificateHashDataType of a certificate (objects of python3-cryptography)."""
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA256()).build()
    return {"hashAlgorithm": "SHA256", "issuerNameHash": request.issuer_name_hash.hex(), "issuerKeyHash": request.issuer_key_hash.hex(),
            "serialNumber": f"{request.serial_number:x}"}


def root_hash(authority):
    return hash_data(authority.certificate, (authority.parent or authority).certificate)


def CertificateInstalled(cs, kind, authority):
    cs.call("InstallCertificate", {"certificateType": kind, "certificate": authority.pem}, status="Accepted")


def installed(cs, *kinds):
    """[(type, hash data)] that are installed; None if the answer is NotFound."""
    answer = cs.call("GetInstalledCertificateIds", {"certificateType": list(kinds)} if kinds else {})
    if answer["status"] == "NotFound":
        assert "certificateHashDataChain" not in answer
        return None
    validate("GetInstalledCertificateIds", answer, {"status": "Accepted"})
    return [(e["certificateType"], {k: v.lower() if k != "hashAlgorithm" else v for k, v in e["certificateHashData"].items()})
            for e in answer["certificateHashDataChain"]]


def GetInstalledCertificates(cs, kind, authority=None):
    found = installed(cs, kind)
    assert found and {k for k, _ in found} == {kind}
    if authority:
        assert (kind, root_hash(authority)) in found
    return found


def certificate_request(cs):
    """Steps 1 to 4 of RenewChargingStationCertificate; returns the CSR."""
    cs.answer("SignCertificate", {"status": "Accepted"})
    cs.call("TriggerMessage", {"requestedMessage": "SignChargingStationCertificate"}, status="Accepted")
    return next_request(cs)


def next_request(cs, seconds=20):
    request = cs.next("SignCertificate", seconds=seconds, certificateType={"ChargingStationCertificate", None})
    csr = x509.load_pem_x509_csr(request["csr"].encode())
    assert csr.is_signature_valid
    key = csr.public_key()
    assert key.key_size >= (2048 if isinstance(key, rsa.RSAPublicKey) else 224)
    return request["csr"]


def certificate_signed(cs, chain):
    return cs.call("CertificateSigned", {"certificateChain": chain, "certificateType": "ChargingStationCertificate"})["status"]


def RenewChargingStationCertificate(cs, authority):
    """Returns the new certificate, with which the station is connected if its security profile is 3."""
    before = cs.csms.connected
    chain = authority.sign_request(certificate_request(cs))
    assert certificate_signed(cs, chain) == "Accepted"
    certificate = x509.load_pem_x509_certificate(chain.encode())
    if cs.site.security_profile == 3:
        until(lambda: cs.csms.connected > before and cs.id in cs.csms.connections, "the station does not come back")
        assert shown(cs) == certificate.public_bytes(serialization.Encoding.DER)
        cs.quiet()
    return certificate


def shown(cs):
    """The certificate the station has identified itself by, DER."""
    return cs.csms.connections[cs.id].transport.get_extra_info("ssl_object").getpeercert(binary_form=True)


# ---- network profiles ----

def profile_data(csms, security_profile, slot=2):
    return {"configurationSlot": slot,
            "connectionData": {"messageTimeout": 30, "ocppCsmsUrl": csms.url, "ocppInterface": "Wired0", "ocppVersion": "OCPP20",
                               "ocppTransport": "JSON", "securityProfile": security_profile}}


def migrate(cs, csms, security_profile):
    """SetNetworkProfile for the slot not in use, that slot before the other, Reset."""
    active = cs.get_variable("OCPPCommCtrlr.ActiveNetworkProfile")
    slot = 2 if active == "1" else 1
    cs.call("SetNetworkProfile", profile_data(csms, security_profile, slot), status="Accepted")
    cs.set_variable("OCPPCommCtrlr.NetworkConfigurationPriority", f"{slot},{active}",
                    attributeStatus={"Accepted", "RebootRequired"})
    cs.csms.take_all()
    cs.call("Reset", {"type": "OnIdle"}, status="Accepted")
    return slot
