"""The collected facts of ECHONET Lite classes (shared/devices/echonet): what properties an object has, and how values stand in them."""
import json
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
DIRECTORY = pathlib.Path(os.environ.get("SHARED", ROOT.parent / "shared")) / "devices/echonet"


class Property:
    def __init__(self, data):
        self.epc, self.id, self.data = int(data["epc"], 16), data["id"], data
        self.type, self.size = data["type"], data.get("size")
        self.multiplier, self.unit = data.get("multiplier", 1), data.get("unit", "")
        self.access = {verb: data[verb] for verb in ("get", "set", "inf")}   # M, C, O or -
        special = data.get("special", {})
        self.special = [] if special == "none" else [int(code, 16) for code in special]

    def codes(self):
        """Of an enumeration: the codes, and ranges of codes, that it has."""
        found = []
        for value in self.data.get("values", []):
            first, _, last = value["code"].partition("-")
            found.append(range(int(first, 16), int(last or first, 16) + 1))
        return found

    def code(self, name):
        return next(int(v["code"].split("-")[0], 16) for v in self.data["values"] if v["id"] == name)

    def fields(self):
        """(offset, Property) of each field of a struct."""
        offset = 0
        for field in self.data.get("fields", []):
            yield offset, Property({"epc": self.data["epc"], "get": "M", "set": "-", "inf": "-", **field})
            offset += field.get("size", 0)

    def encode(self, value):
        """In the unit of the facts; of an enumeration its name or code."""
        if self.type.startswith("enum"):
            return (self.code(value) if isinstance(value, str) else value).to_bytes(self.size, "big")
        if self.type == "struct":
            return b"".join(field.encode(v) for (_, field), v in zip(self.fields(), value))
        return round(value / self.multiplier).to_bytes(self.size, "big", signed=self.type[0] == "s")

    def decode(self, data):
        raw = int.from_bytes(data, "big", signed=self.type[0] == "s")
        return raw if self.type.startswith("enum") else raw * self.multiplier


class Class:
    def __init__(self, code):
        """`code` such as 02A1."""
        data = json.loads((DIRECTORY / f"{code}.json").read_text())
        everybody = json.loads((DIRECTORY / "superclass.json").read_text())
        self.group, self.code, self.since = int(code[:2], 16), int(code[2:], 16), data["since"]
        self.properties = {p.epc: p for p in map(Property, everybody["properties"] + data["properties"])}
        self.by_id = {p.id: p for p in self.properties.values()}
