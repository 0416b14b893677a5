"""The Modbus profiles of real models, register by register against the collected facts (shared/devices/modbus)."""

import json
import os
import pathlib

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FACTS = pathlib.Path(os.environ.get("SHARED", ROOT.parent / "shared")) / "devices/modbus"

PROFILES = ["keba-p30", "mennekes-amtron-compact-2s", "phoenix-ev-cc-ac1-ser"]
# What our points are called there; a name that is no key is the same.
NAMES = {
    "keba-p30": {
        "state": "charge_point_state",
        "cable": "cable_state",
        "rfid": "rfid_tag",
        "unlock": "unlock_plug",
    },
    "mennekes-amtron-compact-2s": {
        "cp_state": "charge_point_state",
        "iec_state": "iec61851_state",
        "firmware": "firmware_version",
        "offered": "current_offered",
    },
    "phoenix-ev-cc-ac1-ser": {"iec_state": "iec61851_state"},
}
COMMON = {
    "error": "error_code",
    "serial": "serial_number",
    "energy": "energy_total",
    "max_current": "max_current_setpoint",
    "enable": "charging_enable",
}
WORDS = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "f32": 2, "f64": 4, "bool": 1}
ALIKE = [{"u32", "bytes"}]  # the same bytes, shown in another way
UNITS = {"kWh": ("Wh", 1000), "kW": ("W", 1000), "mA": ("A", 0.001), "degC": ("Celsius", 1), "%": ("", 0.01)}


def fact_name(profile, point):
    name = NAMES[profile].get(point) or COMMON.get(point) or point
    return "power_active" + name[5:] if name == "power" or name.startswith("power_l") else name


def quantity(entry):
    """(unit, scale) in the unit that signals have."""
    unit, factor = UNITS.get(entry.get("unit", ""), (entry.get("unit", ""), 1))
    return unit, pytest.approx(entry.get("scale", 1) * factor)


@pytest.fixture(params=PROFILES)
def model(request):
    profile = yaml.safe_load((ROOT / f"profiles/{request.param}.yaml").read_text())
    facts = json.loads((FACTS / f"{request.param}.json").read_text())
    return profile, facts, {register["name"]: register for register in facts["registers"]}


def test_every_point_is_the_register_of_the_facts(model):
    profile, _, registers = model
    for name, point in profile["points"].items():
        register = registers[fact_name(profile["profile"], name)]
        kind, address = point["at"].split()
        assert (kind, int(address, 0)) == (register["kind"], register["address"]), name
        kind_of = point.get("type", "bool")
        assert kind_of == register["type"] or {kind_of, register["type"]} in ALIKE, name
        assert point.get("words", WORDS.get(kind_of)) == register["words"], name
        assert set(point.get("access", "r")) <= set(register["access"]), name
        assert quantity(point) == quantity(register), name
        assert point.get("since") == register.get("since"), name


def test_the_line_and_the_functions_are_those_of_the_facts(model):
    profile, facts, registers = model
    options, defaults, behaviours = profile["modbus"], facts["defaults"], facts["behaviours"]
    assert options["unit"] == defaults["unit_id"]
    assert options.get("port", 502) == defaults.get("tcp_port", 502)
    assert options.get("baud", 9600) == defaults.get("baud", 9600)
    assert {"none": "N", "even": "E", "odd": "O"}[options.get("parity", "none")] == defaults.get("parity", "N")
    assert options.get("stop_bits", 1) == defaults.get("stop_bits", 1)
    assert options.get("word_order", "big") == facts["word_order"]
    assert options.get("max_words", 60) <= behaviours.get("max_words_per_read", 125)
    assert options.get("max_gap", 0) == 0 or behaviours.get("read_gap_allowed")
    for name, point in profile["points"].items():
        register = registers[fact_name(profile["profile"], name)]
        is_coil, words = register["kind"] == "coil", register["words"]
        if "w" in point.get("access", "r"):
            single = options.get("write_function") == 6 or (options.get("write_function") is None and words == 1)
            function = (5 if is_coil else 6) if single else (15 if is_coil else 16)
            assert function in register.get("write_fc", facts["function_codes"]["write"]), name
        if "r" in point.get("access", "r"):
            rule = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}[register["kind"]]
            function = rule if is_coil else options.get("read_function", rule)
            assert function in facts["function_codes"]["read"], name


def test_limits_and_signs_of_life_are_those_of_the_facts(model):
    profile, facts, _ = model
    behaviours = facts["behaviours"]
    for evse in profile["evses"]:
        limit = evse["commands"]["limit"]
        assert limit["min"] == behaviours["min_current_a"]
        assert limit["step"] >= behaviours.get("current_step_a", 0)
        assert limit["below_min"] == "pause"  # 0 is no pause on any of them
    watchdog = behaviours.get("watchdog", {})
    if not watchdog.get("present"):
        return
    every_s = float(profile["keepalive"]["every"].removesuffix("s"))
    set_s = profile["keepalive"]["set"].get("watchdog_timeout")
    assert 2 * every_s < watchdog.get("timeout_s", set_s)  # one may get lost
