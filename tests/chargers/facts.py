"""The collected facts of a charger family (shared/devices/modbus/NAME.json): its registers, how values stand in them, what it accepts.

A family's own file (families/NAME.py) adds what the JSON cannot say; see README.md. No device profile is read here.
"""
import copy
import functools
import importlib.machinery
import json
import os
import pathlib
import re
import struct
import types

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DIRECTORY = pathlib.Path(os.environ.get("SHARED", ROOT.parent / "shared")) / "devices/modbus"

READ_FUNCTION = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
INTEGERS = {"u16": (1, False), "i16": (1, True), "u32": (2, False), "i32": (2, True), "u64": (4, False), "i64": (4, True),
            "bitfield16": (1, False), "bitfield32": (2, False), "bool": (1, False)}
FLOATS = {"f32": ">f", "f64": ">d"}
# What one of the unit is in the unit the device model speaks: W, Wh, A, V, s, degC, %.
UNITS = {"kW": 1000, "kWh": 1000, "VAh": 1, "ms": 0.001, "min": 60, "Ws": 1 / 3600}


class Register:
    """One register (of one to many words): its place, and its values: raw (as the wire has it) and in the model's units."""

    def __init__(self, data, facts):
        self.name, self.kind, self.address, self.words = data["name"], data["kind"], data["address"], data["words"]
        self.type, self.scale, self.unit = data["type"], data.get("scale", 1), data.get("unit", "")
        self.access, self.notes, self.since = data["access"], data.get("notes", ""), data.get("since")
        self.enum = {_key(k): v for k, v in data.get("enum", {}).items()}
        self.bits = data.get("bits", {})
        self.states = {_key(k): v for k, v in data.get("state_map", {}).items()}
        self.min, self.max = data.get("min"), data.get("max")
        invalid = data.get("invalid", [])
        self.invalid = [_key(str(i)) for i in (invalid if isinstance(invalid, list) else [invalid])]
        self.word_order = data.get("word_order", facts["word_order"])
        self.byte_order = data.get("byte_order", facts["byte_order"])
        reads = facts["function_codes"]["read"]
        usual = READ_FUNCTION[self.kind]
        self.read_function = data.get("read_fc", usual if usual in reads or not reads else reads[0])
        functions = facts["function_codes"]["write"]
        self.write_functions = data.get("write_fc", [f for f in functions if (f in (5, 15)) == (self.kind == "coil")])

    @property
    def is_text(self):
        return self.type in ("string", "utf16be", "bytes")

    @property
    def resolution(self):
        """The least step of a value, in the model's units (0: a float's)."""
        return 0 if self.type in FLOATS else abs(self.scale * UNITS.get(self.unit, 1))

    def raw(self, value):
        """Of a value in the model's units; what does not fit becomes the nearest that does."""
        raw = value / (self.scale * UNITS.get(self.unit, 1))
        if self.type in FLOATS:
            return raw
        words, signed = INTEGERS.get(self.type, (self.words, False))
        low, high = (-(1 << 16 * words - 1), (1 << 16 * words - 1) - 1) if signed else (0, (1 << 16 * words) - 1)
        return max(low, min(high, int(raw + 1e-6) if raw >= 0 else -int(-raw + 1e-6)))

    def value(self, raw):
        return raw * self.scale * UNITS.get(self.unit, 1)

    def encode(self, raw):
        """The words (or bits) of a raw value: a number, or a text."""
        if self.kind in ("coil", "discrete"):
            return [int(raw) >> i & 1 for i in range(self.words)]
        data = self._bytes(raw)
        words = [data[i:i + 2] for i in range(0, 2 * self.words, 2)]
        if self.byte_order == "little":
            words = [w[::-1] for w in words]
        if self.word_order == "little" and not self.is_text:
            words.reverse()
        return [int.from_bytes(w, "big") for w in words]

    def _bytes(self, raw):
        size = 2 * self.words
        if self.type in FLOATS:
            return struct.pack(FLOATS[self.type], raw)
        if self.type == "utf16be":
            return str(raw or "").encode("utf-16-be")[:size].ljust(size, b"\0")
        if self.type == "bytes" and isinstance(raw, str):
            return bytes.fromhex(raw)[:size].ljust(size, b"\0")
        if isinstance(raw, str):
            return raw.encode()[:size].ljust(size, b"\0")
        if self.is_text and not raw:
            return bytes(size)
        if self.type == "bcd32":
            return bytes.fromhex(f"{int(raw):0{2 * size}d}"[-2 * size:])
        return (int(raw) & (1 << 8 * size) - 1).to_bytes(size, "big")

    def decode(self, words):
        """The raw value of words: a number, or a text without its padding (of `bytes` hex digits)."""
        if self.kind in ("coil", "discrete"):
            return sum(bit << i for i, bit in enumerate(words))
        words = [w.to_bytes(2, self.byte_order) for w in words]
        if self.word_order == "little" and not self.is_text:
            words.reverse()
        data = b"".join(words)
        if self.type in FLOATS:
            return struct.unpack(FLOATS[self.type], data)[0]
        if self.type == "utf16be":
            return data.decode("utf-16-be", "replace").strip("\0 ")
        if self.type == "bytes":
            return data.hex().upper()
        if self.type == "string":
            return data.decode("latin-1").strip("\0 ")
        return int.from_bytes(data, "big", signed=INTEGERS.get(self.type, (0, False))[1])

    def by_text(self, pattern, but=None):
        """The first raw value whose enum text matches; None if none does."""
        return next((raw for raw, text in self.enum.items()
                     if re.search(pattern, text, re.I) and not (but and re.search(but, text, re.I))), None)


class Facts:
    def __init__(self, data, family):
        self.data, self.family = data, family
        self.registers = {r["name"]: Register(r, data) for r in data["registers"]}
        self.behaviours, self.defaults = data["behaviours"], data["defaults"]
        self.read_functions = set(data["function_codes"]["read"])
        self.write_functions = set(data["function_codes"]["write"])
        for register in self.registers.values():
            self.write_functions |= set(register.write_functions) if "w" in register.access else set()

    def has(self, *names):
        return any(name in self.registers for name in names)

    @property
    def transport(self):
        transports = self.data["transports"]
        return "tcp" if "tcp" in transports and ("tcp_port" in self.defaults or transports == ["tcp"]) else transports[0]


def _key(text):
    """Of an enum or state_map: a number where it is one (decimal or 0x...), or the text itself."""
    try:
        return int(text, 0)
    except ValueError:
        return text


@functools.cache
def family_module(name):
    """families/NAME.py, or an empty module where a family has nothing special."""
    path = HERE / f"families/{name}.py"
    if not path.exists():
        return types.ModuleType(name)
    loader = importlib.machinery.SourceFileLoader(f"family_{name.replace('-', '_')}", str(path))
    module = types.ModuleType(loader.name)
    loader.exec_module(module)
    return module


def load(profile):
    """The facts behind a profile's name: of the same name, or those its family file names (FACTS, with PATCH(data) for a variant)."""
    family = family_module(profile)
    data = json.loads((DIRECTORY / f"{getattr(family, 'FACTS', profile)}.json").read_text())
    if hasattr(family, "PATCH"):
        data = copy.deepcopy(data)
        family.PATCH(data)
    return Facts(data, family)


def profiles():
    """Names of all profiles that have facts."""
    names = sorted(p.stem for p in (ROOT / "profiles").glob("*.yaml"))
    return [n for n in names if (DIRECTORY / f"{getattr(family_module(n), 'FACTS', n)}.json").exists()]


def is_meter(profile):
    """A profile that only reads: the family's map has neither state nor control."""
    return bool(re.search(r"^kind: *meter", (ROOT / f"profiles/{profile}.yaml").read_text(), re.M))


def without_profile():
    """Names of all fact files that no profile of the same name covers."""
    return sorted(p.stem for p in DIRECTORY.glob("*.json") if not (ROOT / f"profiles/{p.stem}.yaml").exists())
