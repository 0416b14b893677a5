"""A charger that is told how many of its phases to use, end to end."""
from harness import Site, until


def profile(limit, phases):
    return {"id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile", "chargingProfileKind": "Relative",
            "chargingSchedule": [{"id": 1, "chargingRateUnit": "W",
                                  "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit, "numberPhases": phases}]}]}


def test_a_profile_of_one_phase_is_charged_on_one_phase_and_back_on_three():
    with Site() as site:
        site.station("CS1", site.tcp_charger().replace("demo-modbus-ac22", "demo-modbus-phases"))
        site.start_sim()
        site.start_gateway()
        site.csms.expect("CS1", "StatusNotification")
        site.ask("plug tcp1 capacity=60kWh max=32")
        site.csms.call("CS1", "RequestStartTransaction",
                       {"evseId": 1, "remoteStartId": 1, "idToken": {"idToken": "APP", "type": "Central"}})
        until(lambda: min(site.show("tcp1")["currents"]) > 30, "it does not charge on three phases")
        for limit, phases, currents in ((3680, 1, [16, 0, 0]), (11040, 3, [16, 16, 16]), (1840, 1, [8, 0, 0])):
            answer = site.csms.call("CS1", "SetChargingProfile", {"evseId": 1, "chargingProfile": profile(limit, phases)})
            assert answer["status"] == "Accepted"
            until(lambda c=currents: all(abs(a - b) < 0.2 for a, b in zip(site.show("tcp1")["currents"], c)),
                  f"not {currents}")
