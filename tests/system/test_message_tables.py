"""The generated message tables say what the official schemas say.

The tables are made anew and compared, and a corpus of good and spoilt messages, made from the schemas by systematic mutation,
is put to our validation and to python3-jsonschema: the verdicts agree on every message.
"""
import calendar
import json
import os
import pathlib
import re
import subprocess
import sys

import jsonschema
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD", ROOT / "build/asan"))
SPEC = pathlib.Path(os.environ.get("SHARED", ROOT.parent / "shared")) / "spec"
SCHEMAS = {"2.0.1": [SPEC / "ocpp-2.0.1/schemas"], "1.6": [SPEC / "ocpp-1.6/schemas/json", SPEC / "ocpp-1.6/security-schemas"]}
TABLES = {"2.0.1": "message_table.c", "1.6": "message_16_table.c"}
FILES = [(version, path) for version, directories in SCHEMAS.items() for directory in directories
         for path in sorted(directory.glob("*.json"))]

DATE_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d{1,9})?([Zz]|[+-](\d\d):(\d\d))", re.ASCII)
formats = jsonschema.FormatChecker(formats=())


@formats.checks("date-time")
def is_date_time(value):
    if not isinstance(value, str):
        return True
    found = DATE_TIME.fullmatch(value)
    if not found:
        return False
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    offset_hour, offset_minute = int(found[9] or 0), int(found[10] or 0)
    return (1 <= month <= 12 and 1 <= day <= (calendar.monthrange(year, month)[1] if year else 28) and hour < 24 and minute < 60
            and second <= 60 and offset_hour < 24 and offset_minute < 60)


def without_multiples(node):
    """The table does not know multipleOf, and of 0.1 it says nothing of a binary fraction."""
    if isinstance(node, dict):
        return {key: without_multiples(value) for key, value in node.items() if key != "multipleOf"}
    return [without_multiples(value) for value in node] if isinstance(node, list) else node


def load(path):
    return without_multiples(json.loads(path.read_text(encoding="utf-8-sig")))


class Corpus:
    """Messages for one schema: every place in it takes every value that could be wrong there, the rest being minimal."""

    def __init__(self, schema):
        self.schema = schema
        self.messages = {}
        self.visit(schema, lambda value: value)

    def resolve(self, node):
        return self.schema["definitions"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node

    def minimal(self, node, full=False):
        node = self.resolve(node)
        if "enum" in node:
            return node["enum"][0]
        kind = node.get("type")
        if kind == "object":
            wanted = node.get("properties", {}) if full else node.get("required", [])
            return {key: self.minimal(node["properties"][key], full) for key in wanted}
        if kind == "array":
            return [self.minimal(node["items"], full)]
        if kind == "string":
            return "2026-01-31T12:00:00.000Z" if node.get("format") == "date-time" else "x"
        return {"integer": 1, "number": 1.5, "boolean": True}.get(kind, {"any": [1, None]})

    def visit(self, node, wrap):
        """`wrap` puts a value at this place of an otherwise minimal message."""
        node = self.resolve(node)
        values = [None, True, False, 0, -1, 1, 1.0, 1.5, 1e300, 2**53, "", "x", "\u0000", [], {}, [None], {"a": 1}]
        values += [self.minimal(node), self.minimal(node, full=True), [self.minimal(node)]]
        values += getattr(self, "mutate_" + ("enum" if "enum" in node else node.get("type", "any")))(node)
        for value in values:
            message = wrap(value)
            self.messages[json.dumps(message)] = message
        if node.get("type") == "array":
            self.visit(node["items"], lambda value: wrap([value]))
        for key, child in node.get("properties", {}).items():
            self.visit(child, lambda value, key=key: wrap({**self.minimal(node), key: value}))

    def mutate_any(self, node):
        return []

    mutate_boolean = mutate_any

    def mutate_enum(self, node):
        first = node["enum"][0]
        return node["enum"] + [first.lower(), first + " ", first + "\u0000", first[:-1], ", ".join(node["enum"])]

    def mutate_string(self, node):
        if node.get("format") == "date-time":
            return ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123456789+05:30", "2024-02-29t23:59:60z", "2026-02-29T12:00:00Z",
                    "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-01-31T12:00:00+01", "2026-01-31T24:00:00Z",
                    "2026-01-31T12:00:00Z\u0000", "2026-01-31", "0000-00-00T00:00:00Z", "tomorrow"]
        limit = node.get("maxLength")
        if limit is None:
            return ["x" * 20000]
        return [char * length for char in ("x", "\u00e4", "\u20ac", "\U0001f697", "\u0000", '"')
                for length in (limit - 1, limit, limit + 1)] + ["x" * (2 * limit)]

    def mutate_number(self, node):
        return [value + step for value in (node.get("minimum", 0), node.get("maximum", 0)) for step in (-1, -0.001, 0, 0.001, 1)]

    def mutate_integer(self, node):
        return self.mutate_number(node) + [2**31 - 1, 2**31, -2**31, -2**53, 1e18, 0.0]

    def mutate_array(self, node):
        item, limit = self.minimal(node["items"]), node.get("maxItems", 2000)
        return [[item] * count for count in (2, 3, limit - 1, limit, limit + 1)] + [[item, None], [None, item], [item, []]]

    def mutate_object(self, node):
        least, whole = self.minimal(node), self.minimal(node, full=True)
        without = [{key: value for key, value in base.items() if key != gone} for base in (least, whole) for gone in base]
        added = [{**base, key: 1} for base in (least, whole)
                 for key in ("unknown", "", "x" * 300, "\u00e4" * 200, "customdata", "vendorId\n")]
        return without + added + [{**whole, key: None} for key in whole] + [{**whole, "customData": {"vendorId": "x", "more": [{}]}}]


def verdicts(version, name, messages):
    action, part = re.fullmatch(r"(\w+?)(Request|Response)?", name).groups()
    lines = "".join(f"{action} {part or 'Request'} {message}\n" for message in messages)
    done = subprocess.run([str(BUILD / "validate_messages"), version], input=lines, capture_output=True, encoding="utf-8", check=True)
    return done.stdout.splitlines()


@pytest.mark.parametrize("version", SCHEMAS)
def test_the_tables_are_those_the_generator_makes(version):
    made = subprocess.run([sys.executable, str(ROOT / "tools/generate_messages.py"), version, *map(str, SCHEMAS[version])],
                          capture_output=True, check=True)
    assert made.stdout == (ROOT / "src/ocpp" / TABLES[version]).read_bytes()


@pytest.mark.parametrize("version,count", [("2.0.1", 128), ("1.6", 56 + 22)])
def test_all_schemas_are_there(version, count):
    assert sum(of == version for of, _ in FILES) == count


@pytest.mark.parametrize("version,path", FILES, ids=[f"{version}-{path.stem}" for version, path in FILES])
def test_verdicts_agree(version, path):
    schema = load(path)
    validator = jsonschema.Draft6Validator(schema, format_checker=formats)
    messages = Corpus(schema).messages
    theirs = [validator.is_valid(message) for message in messages.values()]
    ours = verdicts(version, path.stem, messages)
    assert len(ours) == len(messages)
    differ = [f"schema: {valid}, we: {verdict}: {text[:300]}"
              for text, valid, verdict in zip(messages, theirs, ours) if valid != (verdict == "ok")]
    assert not differ, "\n".join(differ[:20])
    assert True in theirs and False in theirs
