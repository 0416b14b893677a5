#!/usr/bin/env python3
"""Makes the tables of messages from the official JSON schemas.

usage: generate_messages.py 2.0.1 SCHEMA_DIRECTORY > src/ocpp/message_table.c
       generate_messages.py 1.6 SCHEMA_DIRECTORY SECURITY_SCHEMA_DIRECTORY > src/ocpp/message_16_table.c

Only facts go into the table: names, types, bounds. A keyword that the table cannot express ends the run, but for multipleOf (0.1, of
limits in OCPP 1.6), which says nothing of a binary fraction, and the format uri.
"""
import json
import pathlib
import sys

ANNOTATIONS = {"description", "javaType", "default", "comment", "$schema", "$id", "id", "title"}
TYPES = {"string": "FIELD_STRING", "integer": "FIELD_INTEGER", "number": "FIELD_NUMBER", "boolean": "FIELD_BOOLEAN"}


def check_keywords(where, schema, known):
    unknown = set(schema) - known - ANNOTATIONS
    if unknown:
        sys.exit(f"{where}: keywords the table cannot express: {sorted(unknown)}")


class Table:
    def __init__(self):
        self.definitions = {}  # type name -> schema
        self.objects = {}      # object name -> (row, fields, is_open)
        self.enums = {}        # enum name -> (row, values)

    def define(self, where, definitions):
        for name, schema in definitions.items():
            plain = json.dumps({k: v for k, v in schema.items() if k not in ANNOTATIONS}, sort_keys=True)
            known = self.definitions.setdefault(name, (schema, plain))
            if strip(json.loads(known[1])) != strip(json.loads(plain)):
                sys.exit(f"{where}: {name} differs from another message's")

    def enum(self, name, schema):
        check_keywords(name, schema, {"type", "enum", "additionalProperties"})
        if "." in name:  # one without a name of its own is shared by its values
            name = next((known for known, (_, values) in self.enums.items() if values == schema["enum"]), name)
        if name not in self.enums:
            self.enums[name] = (len(self.enums), schema["enum"])
        return self.enums[name][0]

    def object(self, name, schema):
        check_keywords(name, schema, {"type", "properties", "required", "additionalProperties", "definitions"})
        if name not in self.objects:
            row = len(self.objects)
            self.objects[name] = (row, None, None)
            required = set(schema.get("required", []))
            fields = [self.field(f"{name}.{key}", key, value, key in required)
                      for key, value in sorted(schema.get("properties", {}).items())]
            is_open = schema.get("additionalProperties", True) is not False
            self.objects[name] = (row, fields, is_open)
        return self.objects[name][0]

    def field(self, where, name, schema, required):
        row = {"name": name, "flags": ["FIELD_REQUIRED"] if required else []}
        if schema.get("type") == "array":
            check_keywords(where, schema, {"type", "items", "additionalItems", "minItems", "maxItems"})
            row["flags"].append("FIELD_ARRAY")
            row["min_items"], row["max_items"] = schema.get("minItems", 0), schema.get("maxItems", 0)
            schema = schema["items"]
        if "$ref" in schema:
            check_keywords(where, schema, {"$ref"})
            target = schema["$ref"].rsplit("/", 1)[1]
            definition = self.definitions[target][0]
            is_enum = "enum" in definition
            row["type"] = "FIELD_ENUM" if is_enum else "FIELD_OBJECT"
            row["ref"] = (self.enum if is_enum else self.object)(target, definition)
            return row
        if "enum" in schema or schema.get("type") == "object":  # OCPP 1.6 has no definitions
            is_enum = "enum" in schema
            row["type"] = "FIELD_ENUM" if is_enum else "FIELD_OBJECT"
            row["ref"] = (self.enum if is_enum else self.object)(where, schema)
            return row
        check_keywords(where, schema, {"type", "maxLength", "minimum", "maximum", "format", "multipleOf"})
        row["type"] = TYPES[schema["type"]] if "type" in schema else "FIELD_ANY"
        if schema.get("format", "uri") != "uri":
            if schema["format"] != "date-time":
                sys.exit(f"{where}: format the table cannot express: {schema['format']}")
            row["type"] = "FIELD_DATE_TIME"
        row["max_length"] = schema.get("maxLength", 0)
        for key, member, flag in (("minimum", "min", "FIELD_HAS_MIN"), ("maximum", "max", "FIELD_HAS_MAX")):
            if key in schema:
                row[member] = int(schema[key])
                row["flags"].append(flag)
        return row


def strip(value):
    """The schema without its prose, at any depth."""
    if isinstance(value, dict):
        return {k: strip(v) for k, v in value.items() if k not in ANNOTATIONS or isinstance(v, dict)}
    return [strip(v) for v in value] if isinstance(value, list) else value


class Names:
    """All names in one text, each once."""

    def __init__(self):
        self.offsets, self.size = {}, 0

    def __getitem__(self, name):
        if name not in self.offsets:
            self.offsets[name] = self.size
            self.size += len(name.encode()) + 1
        return self.offsets[name]


def write_table(declaration, rows):
    print(f"\n{declaration} = {{")
    for row in rows:
        print(f"    {row}")
    print("};")


def field_row(names, row):
    parts = [str(names[row["name"]]), f'.type = {row["type"]}']
    if row["flags"]:
        parts.append(".flags = " + " | ".join(row["flags"]))
    parts += [f".{key} = {row[key]}" for key in ("ref", "max_length", "min_items", "max_items", "min", "max") if row.get(key)]
    return f'{{ {", ".join(parts)} }}, /* {row["name"]} */'


def read_schemas(directories):
    """By name, which ends in Request or Response."""
    schemas = {}
    for directory in directories:
        for path in sorted(pathlib.Path(directory).glob("*.json")):
            name = path.stem if path.stem.endswith(("Request", "Response")) else path.stem + "Request"
            schemas[name] = json.loads(path.read_text(encoding="utf-8-sig"))
    return dict(sorted(schemas.items()))


def main():
    version = sys.argv[1]
    table = Table()
    schemas = read_schemas(sys.argv[2:])
    for name, schema in schemas.items():
        table.define(name, schema.get("definitions", {}))
    actions = sorted({name.removesuffix("Request") for name in schemas if name.endswith("Request")})
    rows = [(a, table.object(a + "Request", schemas[a + "Request"]), table.object(a + "Response", schemas[a + "Response"]))
            for a in actions]

    names = Names()
    fields, objects, values, enums = [], [], [], []
    first = 0
    for name, (_, object_fields, is_open) in sorted(table.objects.items(), key=lambda item: item[1][0]):
        objects.append(f"{{ {names[name]}, {first}, {len(object_fields)}, {int(is_open)} }}, /* {name} */")
        fields.append(f"/* {first}: {name} */")
        fields += [field_row(names, row) for row in object_fields]
        first += len(object_fields)
    first = 0
    for name, (_, enum_values) in sorted(table.enums.items(), key=lambda item: item[1][0]):
        enums.append(f"{{ {names[name]}, {first}, {len(enum_values)} }}, /* {name} */")
        values.append(f"/* {first}: {name} */")
        values += [f"{names[value]}, /* {value} */" for value in enum_values]
        first += len(enum_values)
    messages = [f"{{ {names[action]}, {request}, {response} }}, /* {action} */" for action, request, response in rows]

    if names.size > 65536:
        sys.exit("more names than an offset can reach")
    print(f"/* Generated by tools/generate_messages.py from the JSON schemas of OCPP {version}: do not edit. */")
    print('#include "ocpp/message_table.h"\n\n/* clang-format off */')
    write_table("static const struct message messages[]", messages)
    write_table("static const struct message_object objects[]", objects)
    write_table("static const struct message_field fields[]", fields)
    write_table("static const struct message_enum enums[]", enums)
    write_table("static const uint16_t values[]", values)
    print("\nstatic const char names[] =")
    for name in names.offsets:
        print(f'    "{name}\\0"')
    print("    ;")
    print(f"\nconst struct message_table message_table_{version.replace('.', '')} = {{")
    print(f'    "{version}", messages, sizeof(messages) / sizeof(messages[0]), objects, fields, enums, values, names\n}};')


if __name__ == "__main__":
    main()
