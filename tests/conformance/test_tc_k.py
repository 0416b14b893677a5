"""Smart charging, as far as a station without it is concerned."""
from rig import REMOTE
from states import EnergyTransferStarted, EVConnectedPreSession, trigger, validate


def test_TC_K_38_CS(station):
    """A charger that cannot be limited: the profile that comes with the start is ignored."""
    cs = station.prepared(AuthCtrlr__AuthorizeRemoteStart="true")
    profile = cs.site.directory / "case-ac22.yaml"
    profile.write_text("".join(line for line in profile.read_text().splitlines(True) if "limit: {" not in line))
    cs.start()
    assert cs.get_variable("SmartChargingCtrlr.Enabled") in ("UnknownComponent", "false")
    EVConnectedPreSession(cs)
    track = cs.tracks[1]
    charging_profile = {"id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
                        "chargingSchedule": [{"id": 1, "chargingRateUnit": "A",
                                              "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6, "numberPhases": 3}]}]}
    answer = cs.call("RequestStartTransaction", {"evseId": 1, "remoteStartId": 38, "idToken": REMOTE,
                                                 "chargingProfile": charging_profile}, status="Accepted")
    validate("RequestStartTransactionResponse", answer, {"transactionId": track.transaction})
    track.remote, track.remote_pending, track.authorized, track.token = 38, True, True, REMOTE
    cs.next("Authorize", idToken=REMOTE)
    cs.event(eventType="Updated", **trigger(cs, 1), idToken=REMOTE)
    EnergyTransferStarted(cs)
    assert cs.show()["currents"][0] > 10       # not held to 6 A
