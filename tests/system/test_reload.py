"""What a reload may not touch: the transaction of a station that has not changed, while around it profiles and chargers are edited, added and
removed. It has a connection of its own, or shares the line or our ECHONET Lite node with those that change."""
import json

import pytest

from harness import Site, address, until
from test_session import check_transaction, once

BASES = {"tcp": "demo-modbus-ac22", "line": "demo-modbus-rtu", "echonet": "echonet-02a1"}
RUNNING, OTHER, LATER = "CS1", "CS2", "CS3"


class Reloads(Site):
    """CS1 charges at its charger; CS2 and CS3 are what is changed. All chargers are of one kind."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def charger(self, name, number, profile):
        if self.kind == "tcp":
            where, entry = f"map=ac22,listen={self.sim_address}:{15020 + number}", f'tcp: "{self.sim_address}:{15020 + number}"'
        elif self.kind == "line":
            where, entry = f"map=rtu7,pty={self.directory}/line,unit={10 + number}", f"bus: line, unit: {10 + number}"
            self.general = f"buses: {{ line: {{ serial: {self.directory}/line, line: {{ baud: 9600, parity: even }} }} }}\n"
        else:
            place = address()
            where, entry = f"map=echonet-02a1,address={place}", f"echonet: {place}"
            self.general = f"echonet: {{ bind: {self.echonet_address}, multicast_interface: {self.echonet_address} }}\n"
        self.sim_options += ["--charger", f"name={name},{where}"]
        return f"profile: {profile}, {entry}"

    def write_profile(self, name, model, more=""):
        path = self.directory / f"{name}.yaml"
        path.write_text(f"profile: {name}\nextends: {BASES[self.kind]}\nmodels: [{model}]\n{more}")
        return path

    def set_stations(self, **chargers):
        self.stations = []
        for name, entries in chargers.items():
            self.station(name, *entries)

    def reload(self, expected=0):
        (self.directory / "gateway.yaml").write_text(self.config())
        code, output, problems = self.cli("reload")
        assert code == expected, output + problems
        return problems

    def boots(self, station):
        return self.csms.heard(station, "BootNotification")

    def after(self, station, boots, model):
        """It has booted so often, and is that model."""
        boot = self.csms.expect(station, "BootNotification", boots)
        assert boot["chargingStation"]["model"] == model
        assert len(self.boots(station)) == boots

    def wait_for_evses(self, station, count, since):
        until(lambda: {p["evseId"] for p in self.csms.heard(station, "StatusNotification")[since:]
                       if p["connectorStatus"] == "Available"} == set(range(1, count + 1)), f"{count} EVSEs of {station}")

    def check_untouched(self):
        """The transaction of CS1 was told of twice since, its link and its device's are the same, its device was told nothing."""
        told = len(self.csms.events(RUNNING))
        until(lambda: len(self.csms.events(RUNNING)) > told + 1, "the transaction goes on")
        assert len(self.boots(RUNNING)) == 1
        assert self.show("one")["state"] == "charging"
        assert json.loads(self.ask("writes one")) == self.written
        assert self.csms.connections[RUNNING] is self.connection
        events = self.csms.events(RUNNING)
        assert [e["seqNo"] for e in events] == list(range(len(events)))
        assert not [e for e in events if e.get("offline") or e["eventType"] == "Ended"]
        statuses = self.csms.heard(RUNNING, "StatusNotification")
        assert [s["connectorStatus"] for s in statuses] == ["Available", "Occupied"]

    def begin(self):
        self.ask("plug one soc=20")
        self.csms.status(RUNNING, 1, "Occupied")
        assert self.csms.call(RUNNING, "RequestStartTransaction", {
            "evseId": 1, "remoteStartId": 1, "idToken": {"idToken": "operator", "type": "Central"}})["status"] == "Accepted"
        until(lambda: self.csms.heard(RUNNING, "TransactionEvent", triggerReason="ChargingStateChanged")
              and len(self.csms.heard(RUNNING, "TransactionEvent", eventType="Updated")) > 2, "it charges")
        self.written = json.loads(self.ask("writes one"))
        self.connection = self.csms.connections[RUNNING]


@pytest.mark.parametrize("kind", BASES)
def test_profiles_and_chargers_change_beside_a_running_transaction(kind):
    with Reloads(kind) as site:
        base = BASES[kind]
        one, two, three = site.charger("one", 1, base), site.charger("two", 2, "edited"), site.charger("three", 3, "added")
        edited = site.write_profile("edited", "First")
        site.set_stations(CS1=[one], CS2=[two])
        site.start()
        site.after(OTHER, 1, "First")
        site.begin()

        edited = site.write_profile("edited", "Second")                  # a profile is edited
        site.reload()
        site.after(OTHER, 2, "Second")
        site.check_untouched()

        edited.write_text(edited.read_text() + "points: { nothing: ~ }\nevses: [ { signals: { energy_import: no_such } } ]\n")
        problems = site.reload(expected=1)                               # and wrongly
        assert "edited.yaml:" in problems and "no_such" in problems, problems
        site.check_untouched()
        assert len(site.boots(OTHER)) == 2
        site.write_profile("edited", "Second")

        site.write_profile("added", "Third")                             # a profile and a charger are added, then a station
        since = len(site.csms.heard(OTHER, "StatusNotification"))
        site.set_stations(CS1=[one], CS2=[two, three])
        site.reload()
        site.after(OTHER, 3, "Second")
        site.wait_for_evses(OTHER, 2, since)
        site.check_untouched()

        since = len(site.csms.heard(OTHER, "StatusNotification"))
        site.set_stations(CS1=[one], CS2=[two], CS3=[three])             # it moves to a station of its own
        site.reload()
        site.after(LATER, 1, "Third")
        site.after(OTHER, 4, "Second")
        site.wait_for_evses(OTHER, 1, since)
        site.wait_for_evses(LATER, 1, 0)
        site.check_untouched()

        site.set_stations(CS1=[one])                                     # all others are removed, and their profiles
        for path in site.directory.glob("*d.yaml"):
            path.unlink()
        site.reload()
        until(lambda: set(site.csms.connections) == {RUNNING}, "only CS1 is there")
        assert all("CS2" not in s["id"] for s in json.loads(site.cli("--json", "status")[1])["stations"])
        site.check_untouched()

        site.ask("unplug one")
        ended = site.csms.expect(RUNNING, "TransactionEvent", eventType="Ended")
        assert ended["transactionInfo"]["stoppedReason"] == "EVDisconnected"
        assert check_transaction(site.csms.events(RUNNING)) == pytest.approx(site.show("one")["energy"], abs=10)
        assert len(site.boots(RUNNING)) == 1


def test_a_profile_of_a_running_transaction_is_edited():
    """Its own station begins anew, as it must, and goes on with the transaction under the new profile."""
    with Reloads("tcp") as site:
        one = site.charger("one", 1, "edited")
        site.write_profile("edited", "First")
        site.set_stations(CS1=[one])
        site.start()
        site.begin()
        site.write_profile("edited", "Second", "evses: [ { commands: { limit: { min: 8 } } } ]\n")
        site.reload()
        site.after(RUNNING, 2, "Second")
        told = len(site.csms.events(RUNNING))
        until(lambda: len(site.csms.events(RUNNING)) > told + 1, "it goes on")
        assert site.show("one")["state"] == "charging"
        site.csms.call(RUNNING, "RequestStopTransaction", {
            "transactionId": site.csms.events(RUNNING)[0]["transactionInfo"]["transactionId"]})
        site.csms.expect(RUNNING, "TransactionEvent", eventType="Ended")
        assert check_transaction(once(site.csms.events(RUNNING))) == pytest.approx(site.show("one")["energy"], abs=10)
