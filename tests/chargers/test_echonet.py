"""The ECHONET Lite profiles against nodes made of the collected facts: a whole session each, as the CSMS hears it, and what nodes do in
the field: optional properties missing, several chargers in one node, another address, IPv6."""
import itertools
import pathlib
import subprocess
import sys
import time

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / "system"), str(pathlib.Path(__file__).resolve().parent)]

from echonet_device import Charger, Node  # noqa: E402
from harness import Site, address, until  # noqa: E402

PATIENCE = 30
ENERGY, POWER = "Energy.Active.Import.Register", "Power.Active.Import"
numbers = itertools.count(1)


class Yard:
    """A site with nodes instead of ocpp-sim."""

    def __init__(self):
        self.site, self.nodes = Site(), []
        own = self.site.echonet_address
        self.site.general = f"echonet: {{ bind: {own}, multicast_interface: {own} }}\n"

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        for node in self.nodes:
            node.stop()
        self.site.__exit__(kind, *_)

    def node(self, *chargers):
        self.nodes.append(Node(address(), chargers, f"node-{next(numbers)}"))
        return self.nodes[-1]

    def start(self):
        self.site.start_gateway()
        return [Session(self.site, name) for name, *_ in self.site.stations]


class Session:
    """What the CSMS hears and says of one station."""

    def __init__(self, site, station):
        self.site, self.csms, self.station = site, site.csms, station

    def statuses(self):
        return [p["connectorStatus"] for p in self.csms.heard(self.station, "StatusNotification")]

    def until_status(self, wanted):
        until(lambda: self.statuses() and self.statuses()[-1] == wanted, f"{self.station} {wanted}", PATIENCE)

    def events(self):
        return self.csms.events(self.station)

    def charging_state(self):
        states = [e["transactionInfo"]["chargingState"] for e in self.events() if "chargingState" in e["transactionInfo"]]
        return states[-1] if states else None

    def until_charging_state(self, wanted):
        until(lambda: self.charging_state() == wanted, f"{self.station} {wanted}", PATIENCE)

    def call(self, action, payload):
        answer = self.csms.call(self.station, action, payload)
        assert answer["status"] == "Accepted", (action, answer)

    def begin(self):
        self.call("RequestStartTransaction", {"evseId": 1, "remoteStartId": 1, "idToken": {"idToken": "operator", "type": "Central"}})

    def transaction(self):
        return self.events()[-1]["transactionInfo"]["transactionId"]

    def end(self):
        self.call("RequestStopTransaction", {"transactionId": self.transaction()})

    def limit(self, A):
        period = {"startPeriod": 0, "limit": A}
        self.call("SetChargingProfile", {"evseId": 1, "chargingProfile": {
            "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Absolute", "transactionId": self.transaction(),
            "chargingSchedule": [{"id": 1, "startSchedule": "2026-01-01T00:00:00Z", "chargingRateUnit": "A", "chargingSchedulePeriod": [period]}]}})

    def last(self, measurand):
        samples = [s for event in self.events() for meter in event.get("meterValue", []) for s in meter["sampledValue"]
                   if s.get("measurand", ENERGY) == measurand]
        unit = samples[-1].get("unitOfMeasure", {}) if samples else {}
        kilo = 1000 if unit.get("unit", "").startswith("k") else 1
        return samples[-1]["value"] * 10 ** unit.get("multiplier", 0) * kilo if samples else None


def quiet(charger, what, seconds=1.5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with charger.lock:
            charger.advance()
            assert charger.current_A == 0, f"{what}, but {charger.current_A} A flow"
        time.sleep(0.05)


def until_flow(charger, low, high, what):
    def flows():
        with charger.lock:
            charger.advance()
            return low <= charger.current_A <= high
    until(flows, f"{what}: {low} to {high} A", PATIENCE)


def plug_and_begin(session, charger):
    session.until_status("Available")
    charger.plug()
    session.until_status("Occupied")
    quiet(charger, "nobody is authorised")
    charger.allowed = True
    session.begin()
    until_flow(charger, 6, 32, "to charge")


def unplug(session, charger):
    charger.unplug()
    session.until_status("Available")
    told = session.statuses()
    assert all(a != b for a, b in zip(told, told[1:])), f"told twice: {told}"      # announced and polled
    assert [e["seqNo"] for e in session.events()] == list(range(len(session.events())))
    assert charger.unasked_s == 0


@pytest.mark.parametrize("profile", ["echonet-02a1", "echonet-02a1-power", "echonet-027e", "echonet-027e-power"])
def test_session(profile):
    without = {"charge_current_setpoint"} if profile.endswith("power") else {"charge_power_setpoint"}
    charger = Charger(profile.split("-")[1].upper(), without=without, habits={"late"})
    with Yard() as yard:
        node = yard.node(charger)
        yard.site.station("CS", f"profile: {profile}, echonet: {node.address}")
        session = yard.start()[0]
        plug_and_begin(session, charger)
        session.until_charging_state("Charging")
        until(lambda: session.last(POWER) == pytest.approx(charger.current_A * 200), "the power", PATIENCE)

        session.limit(10)
        until_flow(charger, 9.9, 10.001, "10 A")
        until(lambda: session.last(POWER) == pytest.approx(2000), "2000 W", PATIENCE)
        session.limit(0)
        until_flow(charger, 0, 0, "a pause")
        session.until_charging_state("SuspendedEVSE")
        quiet(charger, "0 A are allowed")
        session.call("ClearChargingProfile", {"chargingProfileId": 1})
        until_flow(charger, 11, 32, "the pause to end")

        charger.wants = False                       # the car is full
        session.until_charging_state("SuspendedEV")
        charger.wants = True
        session.until_charging_state("Charging")
        session.end()
        until_flow(charger, 0, 0, "the end")
        charger.allowed = False
        until(lambda: session.events()[-1]["eventType"] == "Ended", "Ended", PATIENCE)
        assert session.last(ENERGY) == pytest.approx(int(charger.energy_Wh), abs=1)

        charger.break_down()
        session.until_status("Faulted")
        charger.break_down(False)
        session.until_status("Occupied")
        node.silent = True
        session.until_status("Unavailable")
        node.silent = False
        session.until_status("Occupied")
        quiet(charger, "nobody is authorised after the loss")
        unplug(session, charger)
        assert not charger.refused and charger.relay == 0


@pytest.mark.parametrize("profile", ["echonet-027e", "echonet-027e-power"])
def test_a_limit_that_the_method_keeps_from_acting_is_told_as_failed(profile):
    """PROTOCOL.md 7: 0xED and 0xEB act only while 0xDC says so, which need not be settable and is missing before release N."""
    without = {"charge_current_setpoint"} if profile.endswith("power") else {"charge_power_setpoint"}
    own, old = Charger("027E", without=without, habits={"own method"}), Charger("027E", without=without | {"charging_method"})
    with Yard() as yard:
        for name, charger in (("OWN", own), ("OLD", old)):
            yard.site.station(name, f"profile: {profile}, echonet: {yard.node(charger).address}")
        failing, held = yard.start()
        plug_and_begin(held, old)
        held.limit(10)
        until_flow(old, 9.9, 10.001, "10 A")
        plug_and_begin(failing, own)
        failing.limit(10)
        until(lambda: "device does not take a limit, keeps trying: station=OWN" in yard.site.log("gateway"), "the failure", PATIENCE)
        assert own.setpoint_A is None and own.setpoint_W is None
        own.allowed = old.allowed = False


def test_a_charger_with_nothing_but_what_is_mandatory():
    """No power, no energy, no limit: it starts and stops, and is known by its mode. Its maps name little, and not even that."""
    optional = {"charge_power", "charge_energy_total", "battery_soc", "min_max_charge_current", "charge_current_setpoint",
                "charge_power_setpoint", "fault_description", "confirm_vehicle_connection"}
    plain, unlisted = Charger("02A1", without=optional), Charger("02A1", without=optional, habits={"unlisted"})
    with Yard() as yard:
        for name, charger in (("PLAIN", plain), ("UNLISTED", unlisted)):
            yard.site.station(name, f"profile: echonet-02a1, echonet: {yard.node(charger).address}")
        sessions = yard.start()
        for session, charger in zip(sessions, (plain, unlisted)):
            plug_and_begin(session, charger)
            session.until_charging_state("Charging")
            session.end()
            until_flow(charger, 0, 0, "the end")
            charger.allowed = False
            unplug(session, charger)
            assert not charger.refused                              # nothing was written that the Set map does not name
            assert all(charger.asked.count(epc) <= 1 for epc in (0xD3, 0xD8, 0xE4, 0xED)), charger.asked


def test_a_relay_is_switched_only_while_the_plug_is_not_known():
    charger = Charger("02A1", habits={"blind"})
    with Yard() as yard:
        node = yard.node(charger)
        yard.site.station("CS", f"profile: echonet-02a1, echonet: {node.address}")
        session = yard.start()[0]
        session.until_status("Available")
        assert charger.relay == 1
        charger.plug()                      # it cannot see that by itself
        for _ in range(2):                  # the network is lost and comes back, again and again
            node.silent = True
            session.until_status("Unavailable")
            node.silent = False
            node.begin()
            time.sleep(3)
        assert charger.relay == 1


def test_chargers_of_one_node_are_stations_of_their_own():
    first, second = Charger("02A1", 1), Charger("02A1", 2)
    with Yard() as yard:
        node = yard.node(first, second)
        for instance in (1, 2):
            yard.site.station(f"CS{instance}", f"profile: echonet-02a1, echonet: {node.address}, instance: {instance}")
        one, two = yard.start()
        one.until_status("Available")
        plug_and_begin(two, second)
        two.until_charging_state("Charging")
        assert one.statuses()[-1] == "Available" and not one.events()
        quiet(first, "nobody is there")
        plug_and_begin(one, first)
        two.end()
        until_flow(second, 0, 0, "the end")
        second.allowed = False
        until_flow(first, 6, 32, "the other one goes on")
        unplug(two, second)
        first.allowed = False
        assert not first.refused and not second.refused


def test_a_charger_at_another_address_is_found_again():
    """With its transaction, and although another charger has got its old address."""
    charger, stranger = Charger("02A1"), Charger("02A1")
    with Yard() as yard:
        node = yard.node(charger)
        before = node.address
        yard.site.station("CS", f"profile: echonet-02a1, echonet: {before}, node_id: {node.node_id.hex()}")
        session = yard.start()[0]
        plug_and_begin(session, charger)
        session.until_charging_state("Charging")
        node.move(address())
        yard.nodes.append(Node(before, [stranger], "a stranger"))
        stranger.plug()
        charger.asked.clear()
        until(lambda: charger.asked.count(0xDA) > 1, "it to be asked at its new address", PATIENCE)
        session.end()
        until_flow(charger, 0, 0, "the end")
        charger.allowed = False
        until(lambda: session.events()[-1]["eventType"] == "Ended", "Ended", PATIENCE)
        assert len({e["transactionInfo"]["transactionId"] for e in session.events()}) == 1
        quiet(stranger, "it is nobody's")
        assert stranger.mode == stranger.facts.by_id["operation_mode"].code("standby") and stranger.setpoint_A is None


def link():
    """Two ends of a cable, e0 for the gateway and e1 for the nodes."""
    subprocess.run("""set -e
        ip link del e0 2>/dev/null || true
        ip link set lo up
        ip link add e0 type veth peer name e1
        ip link set e0 up
        ip link set e1 up
        ip -6 addr add fe80::1/64 dev e0 nodad
        for node in 2 3; do ip -6 addr add fe80::$node/64 dev e1 nodad; done""", shell=True, check=True)


def in_a_network_of_its_own():
    link()
    known, sought, old = Charger("02A1"), Charger("02A1"), Charger("02A1")
    with Yard() as yard:
        yard.site.general = f"echonet: {{ bind: {yard.site.echonet_address}, ipv6: 'fe80::1%e0', multicast_interface: e0 }}\n"
        nodes = [Node("fe80::2", [known], "known", scope="e1"), Node("fe80::3", [sought], "sought", scope="e1")]
        yard.nodes += nodes
        yard.site.station("KNOWN", "profile: echonet-02a1, echonet: 'fe80::2'")
        yard.site.station("SOUGHT", f"profile: echonet-02a1, node_id: {nodes[1].node_id.hex()}")
        yard.site.station("IPV4", f"profile: echonet-02a1, echonet: {yard.node(old).address}")
        sessions = yard.start()
        for session, charger in zip(sessions, (known, sought, old)):
            plug_and_begin(session, charger)
            session.until_charging_state("Charging")
        for charger in (known, sought):         # what is announced to all by IPv6 is not asked for before its time
            charger.asked.clear()
        heard_by_announcement(known, sessions[0])

        link()                                  # the adapter was pulled and put back: other interfaces, same names
        for node in nodes:
            node.move(node.address)
        for session, charger in zip(sessions[:2], (known, sought)):
            charger.asked.clear()
            until(lambda c=charger: c.asked.count(0xDA) > 1, "it to be asked again", 60)
        time.sleep(11)                          # the gateway looks at its interfaces every 10 s
        heard_by_announcement(known, sessions[0])
        for session, charger in zip(sessions, (known, sought, old)):
            session.end()
            until_flow(charger, 0, 0, "the end")
            charger.allowed = False


def heard_by_announcement(charger, session):
    """The car stops to take energy: the mode goes with it, announced at once and asked for only after that."""
    polls = []
    for _ in range(3):
        before = charger.asked.count(0x88)
        charger.fault = True
        until(lambda: session.statuses()[-1] == "Faulted", "Faulted", PATIENCE)
        polls.append(charger.asked.count(0x88) - before)
        charger.fault = False
        session.until_status("Occupied")
    assert 0 in polls, f"what was announced was always asked for first: {polls}"


def test_ipv6():
    """By unicast and by ff02::1, beside IPv4, also when the interface is made anew."""
    script = "import test_echonet; test_echonet.in_a_network_of_its_own()"
    done = subprocess.run(["unshare", "-rn", sys.executable, "-c", script], cwd=pathlib.Path(__file__).parent, capture_output=True, text=True,
                          timeout=400)
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-4000:]
