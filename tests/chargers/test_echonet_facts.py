"""The ECHONET Lite profiles, property by property, against the collected facts of their classes."""
import copy
import re

import pytest
import yaml

from echonet_facts import ROOT, Class

TYPES = {"enum1": "u8", "enum2": "u16", "s16": "i16", "s32": "i32", "u8": "u8", "u16": "u16", "u32": "u32", "raw": "bytes"}
SIZES = {"u8": 1, "u16": 2, "u32": 4, "i16": 2, "i32": 4}
UNITS = {"kWh": ("Wh", 1000)}


def merged(below, above):
    result = copy.deepcopy(below)
    for key, value in above.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        elif key in ("evses", "connectors") and isinstance(result.get(key), list):
            result[key] = [merged(b, a) for b, a in zip(result[key], value)]
        else:
            result[key] = value
    return result


def load(name):
    profile = yaml.safe_load((ROOT / f"profiles/{name}.yaml").read_text())
    return merged(load(profile["extends"]), profile) if "extends" in profile else profile


PROFILES = sorted(p.stem for p in (ROOT / "profiles").glob("echonet-*.yaml"))


@pytest.fixture(params=PROFILES)
def model(request):
    profile = load(request.param)
    return profile, Class(f"{profile['echonet']['class']:04X}")


def fact_of(point, facts):
    """The property, or the field of it, that a point lies in."""
    found = re.fullmatch(r"epc (0x[0-9A-F]{2})(?: offset (\d+))?", point["at"])
    whole = facts.properties[int(found[1], 16)]
    return whole, dict(whole.fields())[int(found[2] or 0)] if whole.type == "struct" else whole


def test_there_are_profiles_of_both_classes():
    assert {"echonet-02a1", "echonet-027e"} <= set(PROFILES)


def test_every_point_is_the_property_of_the_facts(model):
    profile, facts = model
    for name, point in profile["points"].items():
        whole, fact = fact_of(point, facts)
        assert point["type"] == TYPES[fact.type], name
        assert SIZES.get(point["type"]) == fact.size, name
        unit, factor = UNITS.get(fact.unit, (fact.unit, 1))
        assert point.get("unit", "") == unit, name
        assert point.get("scale", 1) == pytest.approx(fact.multiplier * factor), name
        assert set(point.get("invalid", [])) == set(fact.special), name
        assert "r" not in point.get("access", "r") or whole.access["get"] != "-", name
        assert "w" not in point.get("access", "r") or whole.access["set"] != "-", name
        assert point.get("since", whole.data["since"]) == whole.data["since"], name


def texts(node):
    if isinstance(node, dict):
        return [t for k, v in node.items() for t in (texts(v) if not isinstance(v, int) else [f"{k} == {v}"])]
    return [t for v in node for t in texts(v)] if isinstance(node, list) else [node] if isinstance(node, str) else []


def test_every_code_is_one_of_the_facts(model):
    profile, facts = model
    seen = set()
    evse = profile["evses"][0]
    for text in texts([profile["setup"], evse["signals"], evse["commands"]]):
        for name, code in re.findall(r"\b(\w+) [!=]= (0x[0-9A-F]+|\d+)\b", text):
            if name in profile["points"]:
                _, fact = fact_of(profile["points"][name], facts)
                assert any(int(code, 0) in codes for codes in fact.codes()), text
                seen.add((fact.id, int(code, 0)))
    assert {("operation_mode", 0x42), ("operation_mode", 0x47), ("vehicle_charge_status", 0x30), ("vehicle_charge_status", 0xFF),
            ("fault_status", 0x41), ("operation_status", 0x31)} <= seen


def test_what_wears_a_relay_out_is_written_seldom_and_nothing_is_ever_discharged(model):
    profile, facts = model
    relay = facts.by_id["confirm_vehicle_connection"]
    rests = {n: p.get("rest") for n, p in profile["points"].items() if fact_of(p, facts)[0] is relay}
    assert list(rests.values()) == ["4min"]
    writable = {fact_of(p, facts)[0].id for p in profile["points"].values() if "w" in p.get("access", "r")}
    assert writable <= {"operation_mode", "charge_current_setpoint", "charge_power_setpoint", "charging_method", relay.id}
    assert "0x43" not in str(profile["evses"]) and 0x43 not in [s["set"].get("mode") for s in profile["evses"][0]["commands"]["start"] if "set" in s]


def test_the_charging_method_follows_the_setpoint(model):
    profile, facts = model
    if "charging_method" not in facts.by_id:
        return
    written = [s["set"]["method"] for s in profile["setup"] if "method" in s.get("set", {})]
    asked, told = profile["evses"][0]["commands"]["limit"]["steps"]
    setpoint = fact_of(profile["points"][next(iter(told["set"]))], facts)[0].id
    names = {"charge_current_setpoint": "designated_current", "charge_power_setpoint": "designated_power"}
    code = facts.by_id["charging_method"].code(names[setpoint])
    assert written == [code] and profile["keepalive"]["set"]["method"] == code
    assert asked["until"] == f"not known(method) or method == {code}"
