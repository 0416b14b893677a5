"""Profiles of devices that are only read: what the gateway reads of them is what the simulated device has."""
import json
import subprocess

import facts as facts_of
import pytest
from device import STATE_REGISTERS
from harness import BUILD, Site, until
from server import Box, Wire
from test_facts import UNITS, Model

METERS = [name for name in facts_of.profiles() if facts_of.is_meter(name)]


@pytest.fixture
def wire():
    wire = Wire()
    yield wire
    wire.stop()


@pytest.mark.parametrize("profile", METERS)
def test_only_what_cannot_be_more_is_a_meter(profile):
    facts = facts_of.load(profile)
    assert not facts.has(*STATE_REGISTERS) and not [r for r in facts.registers.values() if "w" in r.access]


@pytest.mark.parametrize("profile", METERS)
def test_values(profile, wire):
    """A limit for each number of the profile; `status` shows what it is."""
    model, box = Model(profile), Box(profile, facts_of.load(profile))
    numbers = [(name, point, register) for name, point, register in model.pairs(exact=True) if not register.is_text]
    assert numbers
    with Site() as site:
        for i, _ in enumerate(numbers):      # a station takes one limit of a source
            site.station(f"CS{i}", site.tcp_charger(f"tcp{i}", 15020 + i))
        wire.listen(box, site.sim_address, 16000)
        limits = ", ".join(f'{{ meter: it, limit: "{name} * 1", unit: W, stations: [ CS{i} ], on_silence: 7, hysteresis: 0 }}'
                           for i, (name, *_) in enumerate(numbers))
        site.general += f'meters: {{ it: {{ profile: {profile}, tcp: "{site.sim_address}:16000" }} }}\nexternal_limits: [ {limits} ]\n'
        site.start()

        def told():
            shown = subprocess.run([BUILD / "ocpp-cli", "--json", "--socket", site.directory / "gateway.sock", "status"],
                                   capture_output=True, text=True, timeout=20)
            return [entry["limit"] for entry in json.loads(shown.stdout)["external_limits"] if not entry["silent"]]
        until(lambda: len(told()) == len(numbers), f"all of {[n for n, *_ in numbers]} are read: {told()}")
        for (name, point, register), value in zip(numbers, told()):
            wanted = register.value(register.decode(register.encode(box.outlets[0].read(register.name))))
            factor = UNITS.get(point.get("unit", ""), ("", 1))[1]
            assert value * factor == pytest.approx(wanted, abs=register.resolution), f"{name} is {value}, the device has {wanted}"
        assert not box.violations
