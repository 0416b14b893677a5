#!/usr/bin/env python3
"""docs/chargers.md from the profiles, as ocpp-cli reads them.

usage: chargers.py write|check [PATH of ocpp-cli]
"""
import json
import pathlib
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/chargers.md"
HEAD = """# Chargers

Every charger model there is a profile for, and what the gateway can do with it. Written by `tools/chargers.py` from `profiles/`.

None of these profiles was tried on the hardware itself unless its notes say so: they rest on register maps that vendors published or that drivers
in wide use prove. A test runs each against a simulated device made from those facts. Before a site is handed over, `ocpp-cli verify` tells what the
device really does.

- **start/stop**: yes, or *by limit* where the device has nothing but its current limit, which is 0 while nobody is authorised.
- **limit**: in A per phase, or in W, from the least that can be set, in which steps.
- **meter**: E energy, P power, I currents, U voltages, T temperature, S state of charge.
- **card**: the device tells the id of a card that is presented.
- **lock**: *told* whether the plug is locked, *unlock* on command.
- **phases**: switched by the gateway between one and three.
- **errors**: the device tells that it is faulted; *code* also why.
- **alone**: what flows when the gateway falls silent. Anything but *stops* is a hazard, which `ocpp-cli check` and `status` name.

"""
METER = [("E", "energy_import"), ("P", "power_import"), ("I", "current_import"), ("U", "voltage"), ("T", "temperature"), ("S", "soc")]


def cell_limit(limit):
    if not limit:
        return "-"
    step = f", {limit['step']:g} A steps" if limit["step"] else ""
    unit = " (as W)" if limit["unit"] == "W" else ""
    return f"{limit['min']:g}..{limit['max']:g} A{step}{unit}"


def cell_alone(profile):
    current = profile.get("silence_current")
    if current is None:
        return "not known"
    if current == 0:
        return "stops"
    return {"max": "full current", "last": "goes on"}.get(current, f"{current} A")


def row(profile, source):
    models = ", ".join(profile["models"])
    if not profile["evses"]:
        return f"| {models} | {source['transport']} | - | - | - | read only | - | - | - | - | - | `{profile['profile']}` |"
    evse = profile["evses"][0]
    measures = evse["measures"]
    meter = "".join(letter for letter, name in METER if any(m.startswith(name) for m in measures))
    start = "-" if not evse["start_stop"] else "by limit" if evse["limit"] and evse["limit"].get("starts") else "yes"
    lock = ", ".join(what for what, has in (("told", evse["lock_state"]), ("unlock", evse["unlock"])) if has)
    errors = ("code" if evse["fault_code"] else "yes") if evse["fault"] else "-"
    outlets = f" ({len(profile['evses'])} EVSEs)" if len(profile["evses"]) > 1 else ""
    cells = [models + outlets, source["transport"], "yes" if [s for s in evse["states"] if s not in ("unknown", "unavailable")] else "-",
             start, cell_limit(evse["limit"]), meter or "-", "yes" if evse["id_token"] else "-", lock or "-",
             "switched" if evse["limit"] and evse["limit"]["switches_phases"] else str(evse["phases"]), errors, cell_alone(profile),
             f"`{profile['profile']}`"]
    return "| " + " | ".join(cells) + " |"


def page(cli):
    text = subprocess.run([cli, "--json", "profile", "list", "profiles"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    lines, notes, vendor = [HEAD], [], None
    for profile in sorted(json.loads(text), key=lambda p: (p["vendor"].lower(), p["profile"])):
        raw = yaml.safe_load((ROOT / profile["file"]).read_text())
        protocols = {"modbus": "Modbus " + "/".join(profile["transports"]).upper(), "echonet": "ECHONET Lite", "ocpp16": "OCPP 1.6J"}
        transport = protocols[profile["protocol"]]
        if profile["vendor"] != vendor:
            vendor = profile["vendor"]
            lines.append(f"\n## {vendor}\n\n"
                         "| models | protocol | status | start/stop | limit | meter | card | lock | phases | errors | alone | profile |\n"
                         "|---|---|---|---|---|---|---|---|---|---|---|---|\n")
        lines.append(row(profile, {"transport": transport}) + "\n")
        if raw.get("notes") or profile.get("on_silence"):
            silence = f" Without the gateway: {profile['on_silence']}." if profile.get("on_silence") else ""
            notes.append(f"- `{profile['profile']}`: {str(raw.get('notes') or '').strip().rstrip('.')}.{silence}".replace(": .", ":") + "\n")
    lines.append("\n## What to set at the device, and what to know\n\n")
    return "".join(lines + notes)


def main():
    cli = sys.argv[2] if len(sys.argv) > 2 else str(ROOT / "build/release/ocpp-cli")
    text = page(cli)
    if sys.argv[1:2] == ["write"]:
        PAGE.write_text(text)
    elif sys.argv[1:2] == ["check"]:
        if not PAGE.exists() or PAGE.read_text() != text:
            sys.exit("docs/chargers.md is not what the profiles say: run tools/chargers.py write")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
