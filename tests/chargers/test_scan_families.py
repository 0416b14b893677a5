"""`ocpp-cli scan modbus` finds what a device is: each family made of facts, idle, as an installer meets it."""
import json
import subprocess

import facts as facts_of
import pytest
import yaml
from harness import BUILD, ROOT, address
from server import Box, Wire

PROFILES = [p for p in facts_of.profiles() if not facts_of.is_meter(p)]

# Families that registers cannot tell apart: another of them may be first, with the same score. Who installs it knows which one is right.
ALIKE = {
    "one map for all KEBAs; whether the contactor for the phases is there is not in it": {"keba-p30", "keba-p30-phases", "keba-p40", "keba-p40-phases"},
    **{f"the same map, whether its {n} can switch phases or not": {n, f"{n}-phases"}
       for n in ("alfen-eve-ng9xx", "cfos-power-brain", "kse-wbx16", "pulsares-simplebox", "vestel-evc04", "victron-evcs", "weidmueller-ac-smart")},
    "the same map for one and three phases": {"goodwe-hca-g2", "goodwe-hca-g2-1p"},
    "the same map for AC and DC, one and three phases": {"delta-ac-max", "delta-ac-max-1p", "delta-dc"},
    "the Pro Power has all registers of the Home, at the same places": {"em2go-home", "em2go-pro-power"},
    "a controller by Bender, with some of its registers more": {"mennekes-amtron-4you-4business", "bender-cc612-cc613"},
    "Wallbe builds with this controller": {"phoenix-ev-cc-ac1-eth", "wallbe-eco"},
}


@pytest.fixture
def wire():
    wire = Wire()
    yield wire
    wire.stop()


def counts(profile):
    """How many EVSEs each entry of `evses` stands for."""
    data = yaml.safe_load((ROOT / f"profiles/{profile}.yaml").read_text())
    base = counts(data["extends"]) if "extends" in data else []
    own = data.get("evses") or []
    return [own[i].get("count", 1) if i < len(own) else base[i] for i in range(max(len(own), len(base)))]


def scan(wire, profile):
    """The profiles that the device is like, best first. It has as many outlets as the profile names, and is quick: that is not the matter here."""
    facts = facts_of.load(profile)
    facts.family.OUTLETS = sum(counts(profile))
    box, host = Box(profile, facts), address()
    box.facts.behaviours.update(min_request_gap_ms=0, typical_response_ms=0)
    unit = next(u for u, _ in box.readable)
    wire.listen(box, host, 1502)
    done = subprocess.run([BUILD / "ocpp-cli", "--json", "scan", "modbus", "--profiles", ROOT / "profiles", "--units", str(1 if unit is None else unit),
                           "--pause", "1ms", f"{host}:1502"], capture_output=True, text=True, timeout=120)
    found = json.loads(done.stdout)
    assert len(found) == 1, done.stderr
    return found[0]["profiles"]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_right_profile_is_first(wire, profile):
    ranked = scan(wire, profile)
    scores = {p["profile"]: p["score"] for p in ranked}
    text = "\n".join(f"{p['score']:3} {p['profile']}: {p['reason']}" for p in ranked)
    alike = next((names for names in ALIKE.values() if profile in names), {profile})
    assert ranked[0]["profile"] in alike, text
    assert scores.get(profile) == ranked[0]["score"], text
    assert ranked[0]["score"] >= 50, text       # so it is proposed


def test_all_that_is_called_alike_is_there():
    assert set().union(*ALIKE.values()) <= set(PROFILES)
