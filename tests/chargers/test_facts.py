"""The Modbus profiles of real models, register by register against the collected facts (shared/devices/modbus)."""
import re

import facts as facts_of
import pytest
import yaml
from server import kick_registers

# What our points are called in the facts; a name that is no key is the same. families/NAME.py says more (NAMES):
#   point: "register"              the same datum
#   point: ("register", "why")     a part of it, or computed from it: place and access alone are compared
#   point: (None, "why")           a register that the facts do not have
COMMON = {
    "error": "error_code",
    "serial": "serial_number",
    "energy": "energy_total",
    "max_current": "max_current_setpoint",
    "enable": "charging_enable",
}
WORDS = {"u16": 1, "i16": 1, "u32": 2, "i32": 2, "u64": 4, "i64": 4, "f32": 2, "f64": 4, "bool": 1}
# The same bytes, shown in another way.
ALIKE = [{"u32", "bytes"}, {"bitfield16", "bits"}, {"bitfield16", "u16"}, {"bitfield32", "bits"}, {"bitfield32", "u32"}, {"utf16be", "utf16"},
         {"bytes", "uid"}, {"string", "uid"}, {"bcd32", "bcd"}, {"bool", "bits"}, {"u16", "bits"}, {"u32", "bits"}, {"u32", "uid"}]
UNITS = {"kWh": ("Wh", 1000), "VAh": ("Wh", 1), "VA": ("W", 1), "kW": ("W", 1000), "mA": ("A", 0.001), "degC": ("Celsius", 1), "%": ("", 0.01),
         "ms": ("s", 0.001), "min": ("s", 60), "Ws": ("Wh", 1 / 3600), "unix s": ("s", 1)}
LISTS = ("evses", "connectors")      # of maps that `extends` merges entry by entry


def merged(base, own):
    result = dict(base)
    for key, value in own.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        elif key in LISTS and isinstance(result.get(key), list):
            result[key] = [merged(b, o) for b, o in zip(result[key], value)] + result[key][len(value):] + value[len(result[key]):]
        else:
            result[key] = value
    return result


def profile_of(name):
    """The profile as if it stood in one file."""
    profile = yaml.safe_load((facts_of.ROOT / f"profiles/{name}.yaml").read_text())
    return merged(profile_of(profile["extends"]), profile) if "extends" in profile else profile


class Model:
    def __init__(self, name):
        self.name, self.profile, self.facts = name, profile_of(name), facts_of.load(name)
        self.options, self.evses = self.profile.get("modbus", {}), self.profile.get("evses", [])
        self.behaviours, self.registers = self.facts.behaviours, self.facts.registers
        # Points of EVSEs hide shared ones.
        self.points = list(self.profile.get("points", {}).items()) + [self.first(i, p) for i, e in enumerate(self.evses)
                                                                      for p in e.get("points", {}).items()]

    def first(self, index, item):
        """A point of an outlet that has an entry of its own, as it is at the first outlet."""
        name, point = item
        stride = self.facts.data.get("connectors", {}).get("stride", 0) * index
        kind, address = point["at"].split()
        moved = int(address, 0) - stride
        if stride and any((r.kind, r.address) == (kind, moved) for r in self.registers.values()):
            return name, dict(point, at=f"{kind} {moved}")
        return item

    def entry(self, point):
        names = getattr(self.facts.family, "NAMES", {})
        if point in names:
            return names[point] if isinstance(names[point], tuple) else (names[point], None)
        name = COMMON.get(point) or point
        if point in self.registers:
            name = point
        return ("power_active" + name[5:] if name == "power" or name.startswith("power_l") else name), None

    def pairs(self, exact=False):
        """(name, point, register) of all points that the facts have."""
        for name, point in self.points:
            register, why = self.entry(name)
            if register is None:
                assert why, name
                continue
            assert register in self.registers, f"point {name}: the facts have no register {register}; say in NAMES what it is"
            if not (exact and why):
                yield name, point, self.registers[register]

    def written_by(self, point, register):
        function = point.get("write_function", self.options.get("write_function", "auto"))
        single = function in (5, 6) or (function == "auto" and register.words == 1)
        if function == 22:
            return 22
        return (5 if single else 15) if register.kind == "coil" else 6 if single else 16

    def read_by(self, point, kind):
        function = point.get("read_function", self.options.get("read_function", "auto"))
        return facts_of.READ_FUNCTION[kind] if function == "auto" or kind in ("coil", "discrete") else function

    def timeout_written(self):
        """The watchdog's time in seconds, as setup or keepalive set it; None where neither does."""
        steps = [self.profile.get("setup"), *(e.get("setup") for e in self.evses), *self.keepalives()]
        points = dict(self.points)
        for step in [s for steps_ in steps if steps_ for s in (steps_ if isinstance(steps_, list) else [steps_])]:
            for name, value in (step.get("set") or {}).items():
                if self.entry(name)[0] == "watchdog_timeout" and isinstance(value, (int, float)):
                    return value * UNITS.get(points[name].get("unit", "s"), ("s", 1))[1]
        return None

    def keepalives(self):
        return [k for k in [self.profile.get("keepalive"), *(e.get("keepalive") for e in self.evses)] if k]


@pytest.fixture(params=facts_of.profiles())
def model(request):
    return Model(request.param)


def seconds(text):
    if text == "never":
        return float("inf")
    number, unit = re.fullmatch(r"([\d.]+)(ms|s|min|h)", str(text)).groups()
    return float(number) * {"ms": 0.001, "s": 1, "min": 60, "h": 3600}[unit]


def quantity(scale, unit):
    """(unit, scale) in the unit that signals have."""
    unit, factor = UNITS.get(unit, (unit, 1))
    return unit, pytest.approx(scale * factor)


def place(point):
    kind, address = point["at"].split()
    return kind, int(address, 0)


def length(point, register):
    kind = point.get("type", "bool")
    return point.get("words", point.get("bits", WORDS.get(kind, register.words if kind not in ("bits", "bcd") else 1)))


def test_every_point_is_the_register_of_the_facts(model):
    for name, point, register in model.pairs(exact=True):
        assert place(point) == (register.kind, register.address), name
        kind_of = point.get("type", "bool")
        assert kind_of == register.type or {kind_of, register.type} in ALIKE, name
        assert length(point, register) == register.words, name
        assert quantity(point.get("scale", 1), point.get("unit", "")) == quantity(register.scale, register.unit), name
        assert {i & (1 << 16 * register.words) - 1 for i in point.get("invalid", [])} >= set(register.invalid), name
        if register.words > 1 and not register.is_text:
            assert point.get("word_order", model.options.get("word_order", "big")) == register.word_order, name
        if register.kind in ("holding", "input") and (register.is_text or register.words > 1):
            assert point.get("byte_order", model.options.get("byte_order", "big")) == register.byte_order, name
        assert point.get("since") == register.since, name


def test_every_part_of_a_register_is_in_it(model):
    for name, point, register in model.pairs():
        kind, address = place(point)
        assert kind == register.kind, name
        assert register.address <= address and address + length(point, register) <= register.address + register.words, name
        assert set(point.get("access", "r")) <= set(register.access), name


def test_the_line_and_the_functions_are_those_of_the_facts(model):
    options, defaults, behaviours = model.options, model.facts.defaults, model.behaviours
    if "unit_id" in defaults:
        assert options.get("unit", 1) == defaults["unit_id"]
    assert options.get("port", 502) == defaults.get("tcp_port", 502)
    if "ascii" in model.facts.data["transports"] or "rtu" in model.facts.data["transports"]:
        assert options.get("baud", 9600) == defaults.get("baud", 9600)
        assert {"none": "N", "even": "E", "odd": "O"}[options.get("parity", "none")] == defaults.get("parity", "N")
        assert options.get("stop_bits", 1) == defaults.get("stop_bits", 1)
        assert options.get("data_bits", 8) == defaults.get("data_bits", 8)
    assert options.get("max_words", 60) <= (behaviours.get("max_words_per_read") or 125)
    assert options.get("max_gap", 0) == 0 or behaviours.get("read_gap_allowed") or behaviours.get("single_block_read")
    for name, point, register in model.pairs():
        if "w" in point.get("access", "r"):
            assert model.written_by(point, register) in register.write_functions, name
            if register.address in behaviours.get("persistent_write_registers", []):
                assert point.get("persistent"), name
        if "r" in point.get("access", "r"):
            function = model.read_by(point, register.kind)
            assert function == register.read_function and function in model.facts.read_functions, name


def test_the_pauses_that_the_device_needs_are_kept(model):
    options, behaviours = model.options, model.behaviours
    assert seconds(options.get("pause", "0s")) * 1000 >= behaviours.get("min_request_gap_ms", 0)
    assert seconds(options.get("reconnect_after", "2s")) >= behaviours.get("min_reconnect_s", 0)
    assert seconds(options.get("timeout", "1s")) * 1000 > behaviours.get("typical_response_ms", 0)
    assert seconds(options.get("write_interval", "0s")) >= behaviours.get("min_write_interval_s", 0)
    for name, point, _ in model.pairs():
        if "r" in point.get("access", "r"):
            assert seconds(point.get("every", "5s")) * 1000 >= behaviours.get("min_read_interval_ms", 0), name


def least(model, evse):
    """A that may be asked for: 6, as IEC 61851 has it, and what the least watts come to where it is told watts; of a DC outlet only these."""
    connector, power = evse["connectors"][0], model.registers.get("max_power_setpoint")
    is_dc = connector["type"] in ("cCCS1", "cCCS2", "cG105")
    if power is None or power.min is None:
        return 6
    watts = power.value(power.min) / 230 / connector.get("phases", 3)
    return watts if is_dc else max(6, watts)


def test_limits_are_those_of_the_facts(model):
    behaviours = model.behaviours
    for evse in model.evses:
        limit = evse.get("commands", {}).get("limit")
        if limit is None:
            continue
        assert limit.get("min", 6) == behaviours.get("min_current_a", limit.get("min", 6)) and limit.get("min", 6) >= least(model, evse)
        assert limit.get("step", 1) >= behaviours.get("current_step_a", 0)
        # 0 is a pause only where the facts say so.
        assert limit.get("below_min", "pause") == "pause" or "write 0" in str(behaviours.get("pause", ""))


def test_the_outlets_are_those_of_the_facts(model):
    connectors = model.facts.data.get("connectors", {})
    for evse in model.evses:
        assert evse.get("count", 1) <= connectors.get("max", 64 if connectors else 1)
        if "address_offset" in evse:
            strides = {connectors[k] for k in ("stride", "stride_input", "stride_holding") if k in connectors}
            offset = evse["address_offset"]
            assert set(offset.values() if isinstance(offset, dict) else [offset]) <= strides


def test_signs_of_life_come_in_time(model):
    """A watchdog that only certain writes keep quiet gets them, twice as often as needed: one may get lost."""
    watchdog = model.behaviours.get("watchdog", {})
    kick = str(watchdog.get("kick", ""))
    if not watchdog.get("present") or not kick or kick.startswith("any"):
        return
    wanted = kick_registers(model.facts)
    signs = [k for k in model.keepalives() if not wanted or wanted & {model.entry(name)[0] for name in k.get("set", {})}]
    assert signs, f"a sign of life is: {kick} ({sorted(wanted)}); no keepalive writes that"
    every = min(seconds(k["every"]) for k in signs)
    kept = watchdog.get("keepalive_used_s")
    limit = model.timeout_written() or watchdog.get("timeout_s") or watchdog.get("default_s") or (2.5 * kept if kept else None)
    assert limit is None or 2 * every < limit, f"every {every:g} s of {limit:g} s"
